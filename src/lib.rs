//! Countersign: a standalone OpenID Connect provider with an emailed second factor.
//!
//! The map, from the ground up. Data flows one way: request → parsed type → decision → effect → page or JSON.
//! `docs/architecture.md` tells the same as prose, and `tests/rooms.rs` holds the walls.
//!
//! Ground floor, which knows no feature: [`clock`] (the time), [`config`] (the settings), [`store`] (SQLite and
//! PostgreSQL), [`keys`] (the master key, secrets, signing keys), [`mail`] (messages, transports, delivery record),
//! [`outbound`] (requests to clients' addresses), [`audit`] (append-only events), [`web`] (what pages share: templates,
//! languages, cookies, headers, errors), [`metrics`] (what is counted), [`trace`] (what belongs to which request).
//!
//! Features: [`directory`] (people, groups, roles, rights), [`signin`] (the steps of a sign-in; start at
//! `signin/decide.rs`), [`oidc`] (the protocol, one file an endpoint), [`account`] (a user's own pages),
//! [`console`] (the managers' house; start at `console/routes.rs`), [`moving`] (organisations that come from elsewhere),
//! [`backup`] (everything in one encrypted file, and out of it again).
//!
//! On top, imported by nothing: [`cli`] (the commands) and [`app`] (the wiring).

pub mod account;
pub mod app;
pub mod audit;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod directory;
pub mod keys;
pub mod mail;
pub mod metrics;
pub mod moving;
pub mod oidc;
pub mod outbound;
pub mod signin;
pub mod store;
pub mod trace;
pub mod web;
