//! What does the database know about the provider itself?

use super::macros::{execute, optional, queries};
use super::{Conn, Result};

/// Which master key the database was sealed by: a keyed hash, which says nothing about the key.
pub const MASTER_KEY: &str = "master_key";

/// The version of the program that changed the schema last.
pub const MIGRATED_BY: &str = "migrated_by";

/// The migrations of that program on which those before it may run, separated by spaces.
pub const GENTLE_MIGRATIONS: &str = "gentle_migrations";

/// The settings of mail that count before those of the file, sealed.
pub const MAIL_SETTINGS: &str = "mail_settings";

/// When the mail server last let us in, in seconds since 1970, as somebody has found who tried.
pub const MAIL_LET_IN_AT: &str = "mail_let_in_at";

/// When the database was last found to take writing, in seconds since 1970.
pub const WRITTEN_AT: &str = "written_at";

queries! {
    FIND = "SELECT value FROM provider_facts WHERE name = $1";
    SETTLE = "INSERT INTO provider_facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    SET = "INSERT INTO provider_facts (name, value) VALUES ($1, $2)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    FORGET = "DELETE FROM provider_facts WHERE name = $1";
}

/// What is known under a name.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, name: &str) -> Result<Option<String>> {
    Ok(optional!(conn, (String,), FIND, name)?.map(|(value,)| value))
}

/// Writes down what is never changed again; false when it is settled already.
///
/// # Errors
/// When the database refuses.
pub async fn settle(conn: &mut Conn, name: &str, value: &str) -> Result<bool> {
    Ok(execute!(conn, SETTLE, name, value)? == 1)
}

/// Writes down what changes.
///
/// # Errors
/// When the database refuses.
pub async fn set(conn: &mut Conn, name: &str, value: &str) -> Result<()> {
    execute!(conn, SET, name, value).map(|_| ())
}

/// Forgets what is known under a name; false when nothing is.
///
/// # Errors
/// When the database refuses.
pub async fn forget(conn: &mut Conn, name: &str) -> Result<bool> {
    Ok(execute!(conn, FORGET, name)? == 1)
}
