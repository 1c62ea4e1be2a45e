//! Which queries count what was found wrong, and keep the places of those who were told to wait?

use super::macros::{all_later, execute, optional, queries};
use super::row::from_row;
use super::{Conn, Later, Result};

queries! {
    FIND = "SELECT subject, debt, failed_at FROM failures WHERE subject IN ($1, $2, $3)";
    ADD = "INSERT INTO failures (subject, account, debt, failed_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (subject) DO UPDATE SET
               debt = CASE WHEN failures.failed_at >= $4 AND failures.debt + $3 <= $5 THEN failures.debt + $3
                           WHEN failures.failed_at >= $4 THEN $5
                           WHEN failures.debt <= $4 - failures.failed_at THEN $3
                           WHEN failures.debt - ($4 - failures.failed_at) + $3 <= $5
                               THEN failures.debt - ($4 - failures.failed_at) + $3
                           ELSE $5 END,
               failed_at = $4";
    ADD_WITHIN = "INSERT INTO failures (subject, debt, failed_at) VALUES ($1, $2, $3)
                  ON CONFLICT (subject) DO UPDATE SET
                      debt = CASE WHEN failures.failed_at > $3 + $5 OR failures.debt <= $3 - failures.failed_at THEN $2
                                  WHEN failures.failed_at >= $3 THEN failures.debt + $2
                                  ELSE failures.debt - ($3 - failures.failed_at) + $2 END,
                      failed_at = $3
                  WHERE failures.failed_at > $3 + $5
                     OR CASE WHEN failures.failed_at >= $3 THEN failures.debt
                             ELSE failures.debt - ($3 - failures.failed_at) END + $2 <= $4
                  RETURNING debt";
    CLEAR = "DELETE FROM failures WHERE subject = $1";
    CLEAR_ACCOUNT = "DELETE FROM failures WHERE account = $1";
    PURGE = "DELETE FROM failures WHERE subject IN (
                 SELECT subject FROM failures WHERE failed_at <= $1 ORDER BY failed_at LIMIT $2)";
    FIND_PLACE = "SELECT heard_at FROM places WHERE holder = $1 AND heard_at > $2";
    KEEP_PLACE = "INSERT INTO places (holder, account, network, heard_at)
                  SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT)
                  WHERE (SELECT COUNT(*) FROM places
                         WHERE account = $2 AND network = $3 AND heard_at > $5 AND heard_at <= $6) < $7
                    AND (SELECT COUNT(*) FROM places WHERE account = $2 AND heard_at > $5 AND heard_at <= $6) < $8
                    AND (SELECT COUNT(*) FROM places WHERE network = $3 AND heard_at > $5 AND heard_at <= $6) < $9
                  ON CONFLICT (holder) DO UPDATE SET network = excluded.network, heard_at = excluded.heard_at";
    GIVE_UP_PLACE = "DELETE FROM places WHERE holder = $1";
    CLEAR_PLACES = "DELETE FROM places WHERE account = $1";
    PURGE_PLACES = "DELETE FROM places WHERE holder IN (
                        SELECT holder FROM places WHERE heard_at <= $1 ORDER BY heard_at LIMIT $2)";
}

/// What is counted for one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRow {
    /// The hash of what it is counted for.
    pub subject: String,
    /// How many seconds it takes from `failed_at` until everything is forgotten.
    pub debt: i64,
    /// When the last of them was found, in seconds since 1970.
    pub failed_at: i64,
}

from_row!(FailureRow { subject, debt, failed_at });

/// One more failure of a subject.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// The hash of what it is counted for.
    pub subject: &'a str,
    /// The hash of the login, where there is one.
    pub account: Option<&'a str>,
    /// How many seconds it takes until it is forgotten.
    pub weight: i64,
    /// What is counted at most, in the same seconds.
    pub most: i64,
}

/// Somebody's place in line.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The hash of who it is.
    pub holder: &'a str,
    /// The hash of the login.
    pub account: &'a str,
    /// The hash of the network.
    pub network: &'a str,
    /// When they are heard, in seconds since 1970.
    pub heard_at: i64,
}

/// How long a line may be: for a login from a network, for the login, and for the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// From one network for one login.
    pub pair: i64,
    /// For one login.
    pub account: i64,
    /// From one network.
    pub network: i64,
}

/// What is counted for at most three subjects.
///
/// # Errors
/// When the database refuses.
pub fn find(conn: &mut Conn, subjects: [&str; 3]) -> Result<Later<Vec<FailureRow>>> {
    let [first, second, third] = subjects;
    all_later!(conn, FailureRow, FIND, first, second, third)
}

/// Counts one more failure.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, failure: Failure<'_>, now: i64) -> Result<()> {
    let Failure { subject, account, weight, most } = failure;
    execute!(conn, ADD, subject, account, weight, now, most).map(|_| ())
}

/// Counts one more if that is within `most`; false when it is not. What was counted more than `skew` seconds in the future
/// was counted by a clock that has been set back, and is forgotten.
///
/// # Errors
/// When the database refuses.
pub async fn add_within(
    conn: &mut Conn,
    subject: &str,
    weight: i64,
    most: i64,
    skew: i64,
    now: i64,
) -> Result<bool> {
    let row: Option<(i64,)> = optional!(conn, (i64,), ADD_WITHIN, subject, weight, now, most, skew)?;
    Ok(row.is_some())
}

/// Forgets the failures of a subject.
///
/// # Errors
/// When the database refuses.
pub async fn clear(conn: &mut Conn, subject: &str) -> Result<()> {
    execute!(conn, CLEAR, subject).map(|_| ())
}

/// Forgets the failures of a login, wherever they came from, and who waits.
///
/// # Errors
/// When the database refuses.
pub async fn clear_account(conn: &mut Conn, account: &str) -> Result<()> {
    // Its own row first, which is a subject of the same name: whoever counts a failure of it locks that one first.
    execute!(conn, CLEAR, account)?;
    execute!(conn, CLEAR_ACCOUNT, account)?;
    execute!(conn, CLEAR_PLACES, account).map(|_| ())
}

/// Deletes at most `limit` subjects that have been quiet since `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, before, limit)
}

/// When somebody who was told to wait is heard, unless that was before `after`.
///
/// # Errors
/// When the database refuses.
pub async fn find_place(conn: &mut Conn, holder: &str, after: i64) -> Result<Option<i64>> {
    let row: Option<(i64,)> = optional!(conn, (i64,), FIND_PLACE, holder, after)?;
    Ok(row.map(|(at,)| at))
}

/// Keeps a place in line, if the lines are short enough; false when one is not. A line is of those who are to be heard after
/// `from` and until `to`.
///
/// # Errors
/// When the database refuses.
pub async fn keep_place(conn: &mut Conn, place: Place<'_>, lines: Lines, from: i64, to: i64) -> Result<bool> {
    let Place { holder, account, network, heard_at } = place;
    let Lines { pair, account: of_account, network: of_network } = lines;
    let kept = execute!(
        conn, KEEP_PLACE, holder, account, network, heard_at, from, to, pair, of_account, of_network
    )?;
    Ok(kept == 1)
}

/// Gives a place in line up: its holder was heard.
///
/// # Errors
/// When the database refuses.
pub async fn give_up_place(conn: &mut Conn, holder: &str) -> Result<()> {
    execute!(conn, GIVE_UP_PLACE, holder).map(|_| ())
}

/// Deletes at most `limit` places whose holders were to be heard before `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge_places(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE_PLACES, before, limit)
}
