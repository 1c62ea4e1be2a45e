//! What do the tests stand on? Databases of either kind, a whole site, and the people and programs who use it.
//!
//! A test file begins with `#![cfg(test)]` (so that clippy lets its helpers unwrap) and `mod support;`.
#![expect(dead_code, reason = "each test file uses its own part of this room")]

pub mod admin;
pub mod app_server;
pub mod browser;
pub mod ca;
pub mod database;
pub mod demo;
pub mod eyes;
pub mod html;
pub mod manager;
pub mod program;
pub mod prover;
pub mod publisher;
pub mod relying_app;
pub mod samples;
pub mod signer;
pub mod site;
pub mod smtp;
pub mod webdriver;

pub use database::Database;
