//! How does a message leave this house, and what became of it?
//!
//! A message is queued in the transaction of whatever it tells about, sealed, and sent after the commit: by the request
//! that made it, or by the worker of whichever process comes to it first.

mod answer;
mod delivery;
mod dialogue;
mod domain;
mod message;
mod retry;
pub mod settings;
mod smtp;
mod transport;
mod working;

pub use answer::{Meaning, Proof, without_settings};
pub use delivery::{Mailer, Outcome, Probed, queue, recent};
pub use domain::to_ascii as domain_to_ascii;
pub use domain::to_unicode as domain_to_unicode;
pub use message::{Outgoing, Purpose, mask};
pub use transport::MailError;
pub use working::{Unsent, Working, note_let_in, unrefuted};
