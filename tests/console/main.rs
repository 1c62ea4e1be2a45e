//! Do the console's pages show everybody what is theirs, and no more? `matrix` goes by the table of routes; beside it a file for each
//! page. A change that needs more than an empty form has it in `forms`.
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod app_secrets;
mod apps;
mod at_once;
mod audit;
mod bad_input;
mod entering;
mod forms;
mod groups;
mod home;
mod kept_out;
mod keys;
mod mail;
mod matrix;
mod names;
mod previews;
mod repair;
mod roles;
mod sessions;
mod several;
mod sorts;
mod tryout;
mod twice;
mod unlocking;
mod users;
mod weights;
mod world;
