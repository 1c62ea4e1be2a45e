//! Which queries count what apps have done wrong, by app, kind and day?

use super::macros::{all, execute, optional, queries};
use super::row::from_row;
use super::{Conn, Result};

queries! {
    // An app that has just been deleted has done nothing.
    ADD = "INSERT INTO client_slips (client_id, slip, day, n, last_at, said)
           SELECT c.id, CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS TEXT)
           FROM clients c WHERE c.id = $1
           ON CONFLICT (client_id, slip, day) DO UPDATE SET n = client_slips.n + excluded.n, said = excluded.said,
               last_at = CASE WHEN client_slips.last_at > excluded.last_at THEN client_slips.last_at ELSE excluded.last_at END";
    OF_CLIENT = "SELECT slip, day, n, last_at, said FROM client_slips WHERE client_id = $1 AND day >= $2
                 ORDER BY last_at DESC, slip LIMIT 200";
    FAILING = "SELECT client_id, CAST(SUM(n) AS BIGINT) AS n FROM client_slips
               WHERE last_at > $1 AND slip NOT IN ('scope_ignored', 'old_secret')
               GROUP BY client_id ORDER BY SUM(n) DESC, client_id LIMIT $2";
    // By the app's grants, the newest first: a code that was spent was one that the app has come for with its proof.
    LAST_SIGN_IN = "SELECT c.spent_at FROM grants g JOIN authorization_codes c ON c.grant_id = g.id
                    WHERE g.client_id = $1 AND c.spent_at IS NOT NULL ORDER BY g.id DESC LIMIT 1";
    OLD_SECRETS = "SELECT c.id, c.old_secret_until, MAX(s.last_at) AS last_at
                   FROM clients c JOIN client_slips s ON s.client_id = c.id AND s.slip = 'old_secret'
                   WHERE c.old_secret_until > $1 AND s.last_at > $2
                   GROUP BY c.id, c.old_secret_until ORDER BY c.old_secret_until, c.id LIMIT $3";
    FORGET_OLD_SECRET = "DELETE FROM client_slips WHERE client_id = $1 AND slip = 'old_secret'";
    PURGE = "DELETE FROM client_slips WHERE (client_id, slip, day) IN (
                 SELECT client_id, slip, day FROM client_slips WHERE day <= $1 ORDER BY day LIMIT $2)";
}

/// How often an app has made a mistake on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlipRow {
    /// Which, as a word.
    pub slip: String,
    /// The day, since 1970.
    pub day: i64,
    /// How often.
    pub n: i64,
    /// When last, in seconds since 1970.
    pub last_at: i64,
    /// What was said of it last.
    pub said: String,
}

from_row!(SlipRow { slip, day, n, last_at, said });

/// Counts mistakes of an app.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, client_id: &str, row: &SlipRow) -> Result<()> {
    execute!(conn, ADD, client_id, &row.slip, row.day, row.n, row.last_at, &row.said).map(|_| ())
}

/// The mistakes of an app from this day on, the latest first.
///
/// # Errors
/// When the database refuses.
pub async fn of_client(conn: &mut Conn, client_id: &str, from_day: i64) -> Result<Vec<SlipRow>> {
    all!(conn, SlipRow, OF_CLIENT, client_id, from_day)
}

/// When somebody's sign-in at an app was last one that the app has taken, as far as that is known still, in seconds since 1970.
///
/// # Errors
/// When the database refuses.
pub async fn last_sign_in(conn: &mut Conn, client_id: &str) -> Result<Option<i64>> {
    Ok(optional!(conn, (i64,), LAST_SIGN_IN, client_id)?.map(|(at,)| at))
}

/// The apps with most mistakes that keep people out on days whose last was after `since`, by id, and how many.
///
/// # Errors
/// When the database refuses.
pub async fn failing(conn: &mut Conn, since: i64, limit: i64) -> Result<Vec<(String, i64)>> {
    all!(conn, (String, i64), FAILING, since, limit)
}

/// The apps that have used a secret after `since` that ends after `now`, the earliest end first: id, end, and when they used it last.
///
/// # Errors
/// When the database refuses.
pub async fn old_secrets(
    conn: &mut Conn,
    now: i64,
    since: i64,
    limit: i64,
) -> Result<Vec<(String, i64, i64)>> {
    all!(conn, (String, i64, i64), OLD_SECRETS, now, since, limit)
}

/// Forgets that an app has used its old secret: it has another old one now.
///
/// # Errors
/// When the database refuses.
pub(super) async fn forget_old_secret(conn: &mut Conn, client_id: &str) -> Result<()> {
    execute!(conn, FORGET_OLD_SECRET, client_id).map(|_| ())
}

/// Deletes at most `limit` counts of days up to this one.
///
/// # Errors
/// When the database refuses.
pub(super) async fn purge(conn: &mut Conn, day: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, day, limit)
}
