//! Who are the people here, and what may each of them do?

pub mod access;
mod address;
pub mod bulk;
mod by;
mod claim_value;
pub mod claims;
pub mod deliveries;
mod error;
mod foreign;
pub mod groups;
mod guessable;
mod hashing;
pub mod help;
mod history;
pub mod links;
pub mod listing;
pub mod log;
pub mod login;
pub mod mail_settings;
pub mod may;
pub mod of_user;
mod password;
mod past;
pub mod people;
mod person;
pub mod policy;
pub mod proof;
mod queue;
pub mod rights;
pub mod roles;
pub mod seen;
mod stranded;
mod text;
mod tree;
mod two_factor;
pub mod unreached;
pub mod users;
pub mod words;

pub use address::{Address, NotAnAddress};
pub use by::By;
pub use claim_value::NotAValue;
pub use claims::{Claim, ClaimChanges, NotAClaim, StandardClaims};
pub use error::Error;
pub use foreign::{Bare, Brought, Foreign, NotAHash};
pub use guessable::{Known, Pattern};
pub use login::{Login, NotALogin};
pub use password::{Busy, Password, Passwords, Weak};
pub use person::{HomeGroup, Person, Role, Status, called, deliverable};
pub use proof::Proof;
pub use queue::{Lane, Turn};
pub use text::{misleads, shows_nothing};
pub use tree::Tree;
pub use two_factor::TwoFactor;

#[cfg(test)]
pub(crate) use person::tests::person as sample;
