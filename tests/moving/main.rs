//! How does an organisation move in? From a dump of Time Tracker's database, from its XML, from tables and lines of JSON; again, and
//! after a kill; and whatever else stands in such files.
#![cfg(test)]

mod again;
mod dumps;
mod exports;
mod forms;
mod installation;
mod killed;
mod mariadb;
mod mover;
mod mutations;
mod realms;
#[path = "../support/mod.rs"]
mod support;
mod tables;
