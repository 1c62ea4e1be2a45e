//! Which queries keep and read the audit log?

use super::macros::{all, execute, queries};
use super::row::from_row;
use super::{Conn, Result};

queries! {
    // Names as they are now: later they may be somebody else's, or nobody's.
    APPEND = "INSERT INTO audit_events (id, at_ms, event, actor, user_id, group_id, client_id, network, details,
                                        actor_login, user_login)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
                      (SELECT a.login FROM users a WHERE a.id = $4), (SELECT u.login FROM users u WHERE u.id = $5))";
    SINCE = "SELECT e.id, e.at_ms, e.event, e.actor, e.user_id, e.group_id, e.client_id, e.network, e.details,
                    COALESCE(e.actor_login, a.login) AS actor_login, COALESCE(e.user_login, u.login) AS user_login
             FROM audit_events e LEFT JOIN users a ON a.id = e.actor LEFT JOIN users u ON u.id = e.user_id
             WHERE e.at_ms > $1 OR (e.at_ms = $1 AND e.id > $2) ORDER BY e.at_ms, e.id LIMIT $3";
}

/// One event as the table holds it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct EventRow {
    /// The event's own id.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What happened, as a dotted word.
    pub event: String,
    /// Who did it: a user's id, `operator` (the command line) or `system`.
    pub actor: String,
    /// Whom it concerns.
    pub user_id: Option<String>,
    /// Which group it concerns.
    pub group_id: Option<String>,
    /// Which relying app it concerns.
    pub client_id: Option<String>,
    /// From which network address it was asked for.
    pub network: Option<String>,
    /// The rest, as a JSON object.
    pub details: String,
    /// The login of whoever did it, as it was then; [`append`] finds it.
    pub actor_login: Option<String>,
    /// The login of whom it concerns, as it was then; [`append`] finds it.
    pub user_login: Option<String>,
}

from_row!(EventRow {
    id,
    at_ms,
    event,
    actor,
    user_id,
    group_id,
    client_id,
    network,
    details,
    actor_login,
    user_login
});

/// Appends one event.
///
/// # Errors
/// When the database refuses.
pub async fn append(conn: &mut Conn, row: &EventRow) -> Result<()> {
    execute!(
        conn,
        APPEND,
        &row.id,
        row.at_ms,
        &row.event,
        &row.actor,
        &row.user_id,
        &row.group_id,
        &row.client_id,
        &row.network,
        &row.details
    )
    .map(|_| ())
}

/// At most `limit` events that came after the one at `(at_ms, id)`, oldest first.
///
/// # Errors
/// When the database refuses.
pub async fn since(conn: &mut Conn, at_ms: i64, id: &str, limit: i64) -> Result<Vec<EventRow>> {
    all!(conn, EventRow, SINCE, at_ms, id, limit)
}
