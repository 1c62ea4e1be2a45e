//! Which queries keep and read the audit log?

use std::cmp::Ordering;

use super::macros::{all, later, optional, queries};
use super::row::from_row;
use super::{Conn, Result};

/// A query for events, with the names that people have now where those of then were not kept.
macro_rules! events {
    ($($which:tt)+) => {
        concat!(
            "SELECT e.id, e.at_ms, e.event, e.actor, e.user_id, e.group_id, e.client_id, e.network, e.details,
                    COALESCE(e.actor_login, a.login) AS actor_login, COALESCE(e.user_login, u.login) AS user_login, e.top_id
             FROM audit_events e LEFT JOIN users a ON a.id = e.actor LEFT JOIN users u ON u.id = e.user_id ",
            $($which)+
        )
    };
}

/// Events between `$3` and `$4`, of a user, by an actor, of a kind (a word such as `signin` means all that begin with it and a dot), of a
/// tree, and of its groups from `$9` down, where those are given. The first argument is what has an index, the second who comes after the
/// one at `($1, $2)`.
macro_rules! filtered {
    ($base:literal, $after:literal, $order:literal) => {
        events!(
            "WHERE ", $base, $after, " AND e.at_ms >= $3 AND e.at_ms < $4
               AND (CAST($5 AS TEXT) IS NULL OR e.user_id = $5) AND (CAST($6 AS TEXT) IS NULL OR e.actor = $6)
               AND (CAST($7 AS TEXT) IS NULL OR e.event = $7 OR e.event LIKE $7 || '.%')
               AND (CAST($8 AS TEXT) IS NULL OR e.top_id = $8)
               AND (CAST($9 AS TEXT) IS NULL OR COALESCE(e.group_id, u.group_id, a.group_id) IN (
                   WITH RECURSIVE below (id, depth) AS (
                       SELECT b.id, CAST(0 AS BIGINT) FROM groups b WHERE b.id = $9
                       UNION ALL
                       SELECT c.id, b.depth + 1 FROM below b JOIN groups c ON COALESCE(c.parent_id, '') = b.id
                       WHERE b.depth < 50)
                   SELECT id FROM below)) ",
            $order
        )
    };
}

/// The newest first.
macro_rules! newest {
    ($base:literal) => {
        filtered!($base, "(e.at_ms, e.id) < ($1, $2)", "ORDER BY e.at_ms DESC, e.id DESC LIMIT $10")
    };
}

/// The oldest first.
macro_rules! oldest {
    ($base:literal) => {
        filtered!($base, "(e.at_ms, e.id) > ($1, $2)", "ORDER BY e.at_ms, e.id LIMIT $10")
    };
}

/// The kind of all that happens at sign-ins.
const SIGN_INS: &str = "signin";

/// All of it. Each has its place in the index of kinds; among everything that has happened they may be few, as after an import.
pub const SIGN_IN_EVENTS: [&str; 7] = [
    "signin.completed",
    "signin.override",
    "signin.code_skipped",
    "signin.password_refused",
    "signin.code_refused",
    "signin.codes_stopped",
    "signin.refused",
];

queries! {
    // Names as they are now: later they may be somebody else's, or nobody's. So with the tree.
    APPEND = "INSERT INTO audit_events (id, at_ms, event, actor, user_id, group_id, client_id, network, details,
                                        actor_login, user_login, top_id)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
                      (SELECT a.login FROM users a WHERE a.id = $4), (SELECT u.login FROM users u WHERE u.id = $5),
                      COALESCE((SELECT g.top_id FROM groups g WHERE g.id = $6),
                               (SELECT g.top_id FROM users u JOIN groups g ON g.id = u.group_id WHERE u.id = $5),
                               (SELECT g.top_id FROM users a JOIN groups g ON g.id = a.group_id WHERE a.id = $4)))";
    SINCE = events!("WHERE (e.at_ms, e.id) > ($1, $2) ORDER BY e.at_ms, e.id LIMIT $3");
    DELETED = "SELECT user_id FROM audit_events WHERE event = 'user.deleted' AND user_login = $1
               ORDER BY at_ms DESC, id DESC LIMIT 1";
    // The narrowest first: each has its index. Most of what happens are sign-ins: what is none has one of its own.
    NEWEST = newest!("");
    NEWEST_OF_USER = newest!("e.user_id = $5 AND ");
    // What somebody does to others, or to nobody, has an index; what they do to themselves is found by whom it concerns.
    NEWEST_BY_ACTOR = newest!("e.actor = $6 AND e.actor <> COALESCE(e.user_id, '') AND ");
    NEWEST_OF_ONESELF = newest!("e.user_id = $6 AND e.actor = $6 AND ");
    NEWEST_OF_EVENT = newest!("e.event = $7 AND ");
    NEWEST_SIGN_INS_OF_TREE = newest!("e.top_id = $8 AND substr(e.event, 1, 7) = 'signin.' AND ");
    NEWEST_BUT_SIGN_INS = newest!("substr(e.event, 1, 7) <> 'signin.' AND ");
    NEWEST_BUT_SIGN_INS_OF_TREE = newest!("e.top_id = $8 AND substr(e.event, 1, 7) <> 'signin.' AND ");
    OLDEST = oldest!("");
    OLDEST_OF_USER = oldest!("e.user_id = $5 AND ");
    OLDEST_BY_ACTOR = oldest!("e.actor = $6 AND e.actor <> COALESCE(e.user_id, '') AND ");
    OLDEST_OF_ONESELF = oldest!("e.user_id = $6 AND e.actor = $6 AND ");
    OLDEST_OF_EVENT = oldest!("e.event = $7 AND ");
    OLDEST_SIGN_INS_OF_TREE = oldest!("e.top_id = $8 AND substr(e.event, 1, 7) = 'signin.' AND ");
    OLDEST_BUT_SIGN_INS = oldest!("substr(e.event, 1, 7) <> 'signin.' AND ");
    OLDEST_BUT_SIGN_INS_OF_TREE = oldest!("e.top_id = $8 AND substr(e.event, 1, 7) <> 'signin.' AND ");
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
    /// The top-level group of the tree that it belongs to; [`append`] finds it.
    pub top_id: Option<String>,
}

/// Which events are wanted; what is none does not matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Whom they concern.
    pub user_id: Option<&'a str>,
    /// Who did it.
    pub actor: Option<&'a str>,
    /// What happened: a whole name, or what comes before a dot of it.
    pub kind: Option<&'a str>,
    /// Not before this, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Before this.
    pub until_ms: Option<i64>,
    /// The top-level group of a tree.
    pub top_id: Option<&'a str>,
    /// A group of that tree: of it and those below it alone.
    pub from: Option<&'a str>,
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
    user_login,
    top_id
});

/// Appends one event; nobody waits to hear of it.
///
/// # Errors
/// When the database refuses.
pub async fn append(conn: &mut Conn, row: &EventRow) -> Result<()> {
    later!(
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
}

/// At most `limit` events that came after the one at `(at_ms, id)`, oldest first.
///
/// # Errors
/// When the database refuses.
pub async fn since(conn: &mut Conn, at_ms: i64, id: &str, limit: i64) -> Result<Vec<EventRow>> {
    all!(conn, EventRow, SINCE, at_ms, id, limit)
}

/// At most `limit` of the events that are wanted, oldest first, that came after the one at `(at_ms, id)`.
///
/// # Errors
/// When the database refuses.
pub async fn oldest(
    conn: &mut Conn,
    wanted: Wanted<'_>,
    (at_ms, id): (i64, &str),
    limit: i64,
) -> Result<Vec<EventRow>> {
    let Wanted { user_id, actor, kind, top_id, from, .. } = wanted;
    let (since, until) = wanted.between();
    let order = |one: &EventRow, other: &EventRow| place(one).cmp(&place(other));
    macro_rules! run {
        ($query:ident, $kind:expr) => {
            all!(conn, EventRow, $query, at_ms, id, since, until, user_id, actor, $kind, top_id, from, limit)
        };
        ($query:ident) => {
            run!($query, kind)
        };
    }
    match wanted.narrowest() {
        Narrowest::User => run!(OLDEST_OF_USER),
        Narrowest::Actor => {
            let (others, own) = (run!(OLDEST_BY_ACTOR)?, run!(OLDEST_OF_ONESELF)?);
            Ok(first_of([others, own].concat(), limit, order))
        }
        Narrowest::Event => run!(OLDEST_OF_EVENT),
        Narrowest::ButSignInsOfTree => run!(OLDEST_BUT_SIGN_INS_OF_TREE),
        Narrowest::ButSignIns => run!(OLDEST_BUT_SIGN_INS),
        Narrowest::SignInsOfTree => run!(OLDEST_SIGN_INS_OF_TREE),
        Narrowest::SignIns => {
            let mut some = Vec::new();
            for kind in SIGN_IN_EVENTS {
                some.extend(run!(OLDEST_OF_EVENT, kind)?);
            }
            Ok(first_of(some, limit, order))
        }
        Narrowest::Tree => {
            let (others, sign_ins) = (run!(OLDEST_BUT_SIGN_INS_OF_TREE)?, run!(OLDEST_SIGN_INS_OF_TREE)?);
            Ok(first_of([others, sign_ins].concat(), limit, order))
        }
        Narrowest::Nothing => run!(OLDEST),
    }
}

/// At most `limit` of the events that are wanted, newest first, that came before the one at `(at_ms, id)`.
///
/// # Errors
/// When the database refuses.
pub async fn newest(
    conn: &mut Conn,
    wanted: Wanted<'_>,
    (at_ms, id): (i64, &str),
    limit: i64,
) -> Result<Vec<EventRow>> {
    let Wanted { user_id, actor, kind, top_id, from, .. } = wanted;
    let (since, until) = wanted.between();
    let order = |one: &EventRow, other: &EventRow| place(other).cmp(&place(one));
    macro_rules! run {
        ($query:ident, $kind:expr) => {
            all!(conn, EventRow, $query, at_ms, id, since, until, user_id, actor, $kind, top_id, from, limit)
        };
        ($query:ident) => {
            run!($query, kind)
        };
    }
    match wanted.narrowest() {
        Narrowest::User => run!(NEWEST_OF_USER),
        Narrowest::Actor => {
            let (others, own) = (run!(NEWEST_BY_ACTOR)?, run!(NEWEST_OF_ONESELF)?);
            Ok(first_of([others, own].concat(), limit, order))
        }
        Narrowest::Event => run!(NEWEST_OF_EVENT),
        Narrowest::ButSignInsOfTree => run!(NEWEST_BUT_SIGN_INS_OF_TREE),
        Narrowest::ButSignIns => run!(NEWEST_BUT_SIGN_INS),
        Narrowest::SignInsOfTree => run!(NEWEST_SIGN_INS_OF_TREE),
        Narrowest::SignIns => {
            let mut some = Vec::new();
            for kind in SIGN_IN_EVENTS {
                some.extend(run!(NEWEST_OF_EVENT, kind)?);
            }
            Ok(first_of(some, limit, order))
        }
        Narrowest::Tree => {
            let (others, sign_ins) = (run!(NEWEST_BUT_SIGN_INS_OF_TREE)?, run!(NEWEST_SIGN_INS_OF_TREE)?);
            Ok(first_of([others, sign_ins].concat(), limit, order))
        }
        Narrowest::Nothing => run!(NEWEST),
    }
}

/// Where an event is in the order of all.
fn place(event: &EventRow) -> (i64, &str) {
    (event.at_ms, &event.id)
}

/// The first of those that were found apart, in one order.
fn first_of(
    mut some: Vec<EventRow>,
    limit: i64,
    order: impl Fn(&EventRow, &EventRow) -> Ordering,
) -> Vec<EventRow> {
    some.sort_by(order);
    some.truncate(usize::try_from(limit).unwrap_or_default());
    some
}

/// Whose login this was when they were deleted.
///
/// # Errors
/// When the database refuses.
pub async fn deleted(conn: &mut Conn, login: &str) -> Result<Option<String>> {
    let row: Option<(Option<String>,)> = optional!(conn, (Option<String>,), DELETED, login)?;
    Ok(row.and_then(|(id,)| id))
}

/// By what there are the fewest events to go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Narrowest {
    User,
    Actor,
    Event,
    ButSignInsOfTree,
    ButSignIns,
    SignInsOfTree,
    SignIns,
    Tree,
    Nothing,
}

impl Wanted<'_> {
    fn narrowest(&self) -> Narrowest {
        match (self.user_id, self.actor, self.kind, self.top_id) {
            (Some(_), ..) => Narrowest::User,
            (None, Some(_), ..) => Narrowest::Actor,
            (None, None, Some(kind), _) if kind.contains('.') => Narrowest::Event,
            (None, None, Some(SIGN_INS), Some(_)) => Narrowest::SignInsOfTree,
            (None, None, Some(SIGN_INS), None) => Narrowest::SignIns,
            (None, None, Some(_), Some(_)) => Narrowest::ButSignInsOfTree,
            (None, None, Some(_), None) => Narrowest::ButSignIns,
            (None, None, None, Some(_)) => Narrowest::Tree,
            (None, None, None, None) => Narrowest::Nothing,
        }
    }

    fn between(&self) -> (i64, i64) {
        (self.since_ms.unwrap_or(i64::MIN), self.until_ms.unwrap_or(i64::MAX))
    }
}
