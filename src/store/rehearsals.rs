//! Which queries keep how each person's last rehearsal of two-factor went?

use super::macros::{all, execute, queries};
use super::row::from_row;
use super::{Conn, Result};

/// How it went; for those of whom nothing is kept and who are asked for no code, that.
macro_rules! outcome {
    () => {
        "COALESCE(r.outcome, CASE WHEN o.id IS NOT NULL THEN 'exempt' END)"
    };
}

/// Where that comes from.
macro_rules! joins {
    () => {
        "LEFT JOIN rehearsals r ON r.user_id = u.id
         LEFT JOIN roles o ON o.id = u.role_id AND ' ' || o.rights || ' ' LIKE '% override!_2fa %' ESCAPE '!' "
    };
}

queries! {
    // A user who has just been deleted has rehearsed nothing.
    RECORD = "INSERT INTO rehearsals (user_id, outcome, at) SELECT u.id, $2, $3 FROM users u WHERE u.id = $1
              ON CONFLICT (user_id) DO UPDATE SET outcome = excluded.outcome, at = excluded.at";
    FORGET_GROUP = "DELETE FROM rehearsals WHERE user_id IN (SELECT u.id FROM users u WHERE u.group_id = $1)";
    COUNT = concat!("SELECT ", outcome!(), " AS outcome, COUNT(*) AS people FROM users u ", joins!(),
             "WHERE u.group_id = $1 AND u.status <> 'disabled' GROUP BY ", outcome!(), " ORDER BY 1");
    LIST = concat!("SELECT u.id, u.login, u.login_key, ", outcome!(), " AS outcome, r.at FROM users u ", joins!(),
            "WHERE u.group_id = $1 AND u.status <> 'disabled' AND u.login_key > $2 ORDER BY u.login_key LIMIT $3");
    LIST_OF = concat!("SELECT u.id, u.login, u.login_key, ", outcome!(), " AS outcome, r.at FROM users u ", joins!(),
               "WHERE u.group_id = $1 AND u.status <> 'disabled' AND u.login_key > $2
                  AND COALESCE(", outcome!(), ", 'not_yet') = $3
                ORDER BY u.login_key LIMIT $4");
}

/// How many people of a group have had one outcome.
#[derive(Clone, Debug)]
pub struct CountRow {
    /// The outcome; none for those who have not rehearsed yet.
    pub outcome: Option<String>,
    /// How many.
    pub people: i64,
}

from_row!(CountRow { outcome, people });

/// How one person's last rehearsal went.
#[derive(Clone, Debug)]
pub struct RehearsalRow {
    /// The user's id.
    pub id: String,
    /// The login as it was written.
    pub login: String,
    /// What it is compared by, which the next page comes after.
    pub login_key: String,
    /// The outcome; none before the first rehearsal.
    pub outcome: Option<String>,
    /// When, in seconds since 1970.
    pub at: Option<i64>,
}

from_row!(RehearsalRow { id, login, login_key, outcome, at });

/// Keeps how a person's rehearsal went, in place of the one before.
///
/// # Errors
/// When the database refuses.
pub async fn record(conn: &mut Conn, user_id: &str, outcome: &str, now: i64) -> Result<()> {
    execute!(conn, RECORD, user_id, outcome, now).map(|_| ())
}

/// Forgets how it went for the people of a group: they begin anew.
///
/// # Errors
/// When the database refuses.
pub async fn forget_group(conn: &mut Conn, group_id: &str) -> Result<()> {
    execute!(conn, FORGET_GROUP, group_id).map(|_| ())
}

/// How many of a group who are not disabled have had each outcome.
///
/// # Errors
/// When the database refuses.
pub async fn count(conn: &mut Conn, group_id: &str) -> Result<Vec<CountRow>> {
    all!(conn, CountRow, COUNT, group_id)
}

/// At most `limit` of a group who are not disabled, by login, that come after the folded login `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, group_id: &str, after: &str, limit: i64) -> Result<Vec<RehearsalRow>> {
    all!(conn, RehearsalRow, LIST, group_id, after, limit)
}

/// The same of those with one outcome; `not_yet` for those who have not rehearsed.
///
/// # Errors
/// When the database refuses.
pub async fn list_of(
    conn: &mut Conn,
    group_id: &str,
    outcome: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<RehearsalRow>> {
    all!(conn, RehearsalRow, LIST_OF, group_id, after, outcome, limit)
}
