//! Does the connector make a Time Tracker a relying app that lets in whom the provider names, and nobody else? Against a page of our own
//! with Time Tracker's hooks (`app`), run by Debian's PHP, and once by its PHP-FPM behind Apache. `stories` and `sessions` have a real provider, `forged` one that lies.
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod apache;
mod forged;
mod sessions;
mod stories;
mod syntax;
mod tracker;
mod world;
