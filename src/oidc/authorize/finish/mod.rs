//! The end of a sign-in: a grant with its authorization code, or a refusal; either once, and either whole.

mod contents;
mod grant;
mod refusal;

pub(super) use grant::{Proven, grant};
pub(super) use refusal::refuse;
