//! The authorization endpoint (RFC 6749 §3.1, OIDC Core §3): a loop of *load facts, decide, act*.
//!
//! From the ground up: [`request`] (what is asked for, and where its answer may go), `answer` (how that gets there), `pending` (a
//! sign-in that goes on), `consent`, `facts` (who has proven what), `longer` (a longer password), `finish` (a grant, or a refusal),
//! `again` (whoever comes back to a sign-in that has ended). On top what a browser calls: `begin` (`/authorize`), [`console`] (the
//! same for our own console), `turn` (`/authorize/{sign-in}`: what is missing still?) and `steps` (the forms of the pages, each of
//! which comes back to the turn).

mod again;
mod answer;
pub(super) mod begin;
mod consent;
pub mod console;
mod facts;
mod finish;
mod longer;
pub(super) mod pending;
pub mod request;
pub(super) mod steps;
pub(super) mod turn;
