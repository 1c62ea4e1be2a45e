//! Who are the people here, and what may each of them do?

mod address;
mod common;
pub mod login;
mod password;
pub mod people;
mod person;
pub mod rights;

pub use address::{Address, NotAnAddress};
pub use login::{Login, NotALogin};
pub use password::{Busy, Password, Passwords, Weak};
pub use person::{HomeGroup, Person, Role, Status};
