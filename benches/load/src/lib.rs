//! What does a provider of `OpenID` Connect do under load? Any provider: a profile says where it is, who its clients are and how its
//! pages are filled.
//!
//! A crate of its own, so that it builds quickly; `cargo bench` and `tests/load.rs` take the same modules in.
#![expect(clippy::disallowed_methods, reason = "the time that passes is what is measured")]

pub mod arguments;
pub mod browser;
pub mod crowd;
pub mod forms;
pub mod house;
pub mod http;
pub mod jar;
pub mod measure;
pub mod nodes;
pub mod operation;
pub mod origin;
pub mod postgres;
pub mod process;
pub mod profile;
pub mod provider;
pub mod scale;
pub mod sink;
pub mod stats;
pub mod table;
pub mod workload;
