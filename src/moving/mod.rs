//! How does an organisation move in, and out again? What a file says becomes one plain model ([`source`]); [`plan`] decides over it and
//! over what is here ([`here`]), and [`apply`] carries that out.

pub mod apply;
pub mod authelia;
pub mod csv;
mod error;
pub mod export;
pub mod file;
pub mod here;
pub mod jsonl;
pub mod keycloak;
mod names;
pub mod plan;
pub mod source;
pub mod timetracker;

pub use error::{Error, Place};
