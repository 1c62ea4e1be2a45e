//! Does a backup hold everything, is it found out when it was changed, and does a provider go on from it, on either kind of database?
#![cfg(test)]

#[path = "../fuzz/filled.rs"]
mod filled;
mod form;
mod house;
mod killed;
mod moves;
mod refusals;
mod running;
#[path = "../support/mod.rs"]
mod support;
mod tables;
