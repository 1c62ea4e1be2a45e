//! How does a person sign in? Start at [`decide`]; the pages each record one proof and come back to
//! `/authorize/{sign-in}`, where the protocol asks again what is missing.

pub mod announce;
pub mod binding;
pub mod browser;
pub mod challenge;
pub mod code;
pub mod days;
pub mod decide;
mod digits;
pub mod explain;
pub mod facts;
pub mod hand;
pub mod help;
pub mod invite;
pub mod kept_out;
pub mod known;
pub mod last;
pub mod mailing;
pub mod new_password;
pub mod notice;
pub mod overview;
pub mod pages;
pub mod password;
pub mod preview;
pub mod rehearsal;
pub mod session;
pub mod throttle;

use crate::clock::Clock;
use crate::config;
use crate::directory::Passwords;
use crate::keys::Vault;
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::store::Db;
use crate::web::Pages;
use crate::web::cookies::Cookies;

/// What the steps of a sign-in work with.
#[derive(Clone, Debug)]
pub struct SignInState {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// `[signin]`
    pub settings: config::SignIn,
    /// `[session]`
    pub session: config::Session,
    /// What codes are keyed with and messages sealed with.
    pub vault: Vault,
    /// What checks passwords.
    pub passwords: Passwords,
    /// What sends mail.
    pub mailer: Mailer,
    /// What draws pages and mails.
    pub pages: Pages,
    /// How cookies are named and protected here.
    pub cookies: Cookies,
    /// What counts how sign-ins go.
    pub metrics: Metrics,
}
