//! (to be written)

pub mod secret;
