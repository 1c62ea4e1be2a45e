//! The end of a sign-in: a grant with its authorization code, a session for our own console, or a refusal; each once, and whole.

mod console;
mod contents;
mod grant;
mod refusal;

pub(super) use console::{HOME, REPAIR, arrive};
pub(super) use grant::{Proven, grant};
pub(super) use refusal::refuse;
