//! Where does the program keep what it must remember? SQLite or PostgreSQL, behind one set of queries.
//!
//! Every query is a named `const`, written once with `$1` placeholders in a form that both databases take,
//! and listed in its file's `QUERIES`, so that a test can prepare each of them on both. Functions take
//! `&mut Conn`, which is either a plain connection or a transaction (`Tx` dereferences to it).

mod cause;
pub(crate) mod conn;
mod db;
mod error;
mod expiry;
pub mod last_sign_ins;
mod later;
mod macros;
mod open;
mod pool;
mod postgres;
pub(crate) mod row;
mod schema;
mod sqlite;
mod watch;

pub mod access;
pub mod alike;
pub mod audit;
pub mod audit_chain;
pub mod challenges;
pub mod clients;
pub mod copy;
pub mod deliveries;
pub mod device_codes;
pub mod domains;
pub mod facts;
pub mod failures;
pub mod groups;
pub mod help_requests;
pub mod holders;
pub mod known_browsers;
pub mod links;
pub mod messages;
pub mod moved;
pub mod needs;
pub mod overview;
pub mod purge;
pub mod pushed_requests;
pub mod registrations;
pub mod rehearsals;
pub mod roles;
pub mod room;
pub mod seen_ids;
pub mod session_clients;
pub mod sessions;
pub mod signing_keys;
pub mod signins;
pub mod slips;
pub mod standing;
pub mod tally;
pub mod tokens;
pub mod tree_sessions;
pub mod tree_users;
pub mod turns;
pub mod user_words;
pub mod users;
pub mod versions;

pub use cause::Cause;
pub use conn::{Conn, Tx};
pub use db::{Db, Options};
pub use error::{Error, Result, Said};
pub use expiry::{AHEAD, is_marked, is_over};
pub use later::Later;
pub use postgres::Fault;
pub use schema::{Migrated, Mismatch, Numbers, SchemaState, complete, migrated};
pub use watch::{Costs, Listener};

/// A query's name (for the test's message) and its text.
pub type Query = (&'static str, &'static str);

/// Every query of the program, for the test that prepares them on both databases.
#[must_use]
pub fn queries() -> Vec<Query> {
    [
        access::QUERIES,
        alike::QUERIES,
        audit::QUERIES,
        audit_chain::QUERIES,
        challenges::QUERIES,
        clients::QUERIES,
        copy::QUERIES,
        deliveries::QUERIES,
        device_codes::QUERIES,
        domains::QUERIES,
        facts::QUERIES,
        failures::QUERIES,
        groups::QUERIES,
        help_requests::QUERIES,
        holders::QUERIES,
        known_browsers::QUERIES,
        last_sign_ins::QUERIES,
        links::QUERIES,
        messages::QUERIES,
        moved::QUERIES,
        needs::QUERIES,
        overview::QUERIES,
        purge::QUERIES,
        pushed_requests::QUERIES,
        registrations::QUERIES,
        rehearsals::QUERIES,
        roles::QUERIES,
        room::QUERIES,
        seen_ids::QUERIES,
        session_clients::QUERIES,
        sessions::QUERIES,
        signing_keys::QUERIES,
        signins::QUERIES,
        slips::QUERIES,
        standing::QUERIES,
        tally::QUERIES,
        tokens::QUERIES,
        tree_sessions::QUERIES,
        tree_users::QUERIES,
        tree_users::KINDS,
        tree_users::near::QUERIES,
        tree_users::parts::OF_KINDS,
        tree_users::parts::OF_WAYS,
        tree_users::parts::QUERIES,
        turns::QUERIES,
        user_words::QUERIES,
        users::QUERIES,
        versions::QUERIES,
    ]
    .concat()
}
