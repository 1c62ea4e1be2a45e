//! Which queries tell what has become of mail, to those whose people it went to? `$1` is the group that their tree hangs from, null for the
//! whole site.

use super::macros::{all, optional, queries, within};
use super::row::from_row;
use super::{Conn, Result};

/// What is told of a message `m` and of whom it went to, `u`.
macro_rules! told {
    () => {
        "SELECT m.id, m.purpose, m.user_id, u.login, u.name, m.address, m.reference, m.state, m.attempts, m.answer,
                m.created_at_ms, m.next_at, m.expires_at, m.done_at"
    };
}

/// A query for messages and whom they went to; the arguments say which.
macro_rules! deliveries {
    ($($which:tt)+) => {
        concat!(told!(), " FROM messages m LEFT JOIN users u ON u.id = m.user_id WHERE ", $($which)+)
    };
}

/// That a message has not got through; the index of those says it so. By the states alone one that many messages share would be gone by.
macro_rules! unsent {
    ($message:literal) => {
        concat!("CASE WHEN ", $message, ".state IN ('refused', 'expired', 'deferred') THEN 1 ELSE 0 END = 1")
    };
}

/// A page of them, those that come after the one of the moment `$2` and the id `$3`, `$4` of them, of the tree of `$5`.
macro_rules! page {
    ($than:literal, $direction:literal, $($which:tt)+) => {
        deliveries!(
            $($which)+,
            " AND (m.created_at_ms, m.id) ",
            $than,
            " ($2, $3) AND ",
            within!("u.group_id"),
            " AND (CAST($5 AS TEXT) IS NULL OR m.top_id = $5) ORDER BY m.created_at_ms",
            $direction,
            ", m.id",
            $direction,
            " LIMIT $4"
        )
    };
}

/// The newest first.
macro_rules! newest {
    ($($which:tt)+) => {
        page!("<", " DESC", $($which)+)
    };
}

/// The oldest first.
macro_rules! oldest {
    ($($which:tt)+) => {
        page!(">", "", $($which)+)
    };
}

queries! {
    FIND = deliveries!("m.id = $2 AND ", within!("u.group_id"));
    OF_SITE = newest!("m.id <> ''");
    OF_TREE = newest!("m.top_id = $5");
    FAILED = newest!(unsent!("m"));
    WAITING = newest!("m.state IN ('queued', 'deferred', 'sending')");
    OF_SITE_OLDEST = oldest!("m.id <> ''");
    OF_TREE_OLDEST = oldest!("m.top_id = $5");
    FAILED_OLDEST = oldest!(unsent!("m"));
    WAITING_OLDEST = oldest!("m.state IN ('queued', 'deferred', 'sending')");
    // Of the last that failed, those about which something is left to do: none is where a later message was taken, or the address is another one by
    // now. How a domain was spelled beside its name in the network is not kept. They are gone through in the order that is asked for, to the last that
    // is wanted.
    LEFT_TO_DO = concat!(
        "SELECT m.* FROM (", told!(), ", u.email
                  FROM messages m LEFT JOIN users u ON u.id = m.user_id
                  WHERE ", unsent!("m"), " AND m.created_at_ms > $2 AND ", within!("u.group_id"), "
                    AND (CAST($3 AS TEXT) IS NULL OR m.top_id = $3)
                  ORDER BY m.created_at_ms DESC, m.id DESC LIMIT $4) AS m
         WHERE m.user_id IS NULL
               OR ((lower(m.address) = lower(COALESCE(NULLIF(TRIM(m.email), ''), m.login)) OR m.address LIKE '%xn--%')
                   AND NOT EXISTS (SELECT 1 FROM messages x
                                   WHERE x.user_id = m.user_id AND x.state = 'accepted' AND x.created_at_ms >= m.created_at_ms
                                     AND (x.created_at_ms > m.created_at_ms OR x.id > m.id)))
         ORDER BY m.created_at_ms DESC, m.id DESC LIMIT $5");
    // By age, since most are taken, as PostgreSQL knows; and not by the state.
    LAST_TAKEN = "SELECT address, done_at FROM messages WHERE (state = 'accepted') IS TRUE AND done_at IS NOT NULL
                  ORDER BY created_at_ms DESC, id DESC LIMIT $1";
}

/// What has become of one message.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The message's id.
    pub id: String,
    /// What it is for.
    pub purpose: String,
    /// Whom it concerns.
    pub user_id: Option<String>,
    /// Their login, while they are there.
    pub login: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Where it went.
    pub address: String,
    /// What page and mail both show.
    pub reference: Option<String>,
    /// `queued`, `sending`, `deferred`, `accepted`, `refused` or `expired`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// The mail server's last words.
    pub answer: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// When it is tried next, while it waits.
    pub next_at: i64,
    /// Until when it is worth sending.
    pub expires_at: i64,
    /// When it was settled.
    pub done_at: Option<i64>,
}

from_row!(Delivery {
    id,
    purpose,
    user_id,
    login,
    name,
    address,
    reference,
    state,
    attempts,
    answer,
    created_at_ms,
    next_at,
    expires_at,
    done_at
});

/// Which messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those that were refused, given up, or wait for a server that has not taken them.
    Failed,
    /// Those that are not settled yet.
    Waiting,
}

/// Whose messages, and which of them.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The group that the tree hangs from; none for the whole site.
    pub root: Option<&'a str>,
    /// The top-level group of that tree.
    pub top: Option<&'a str>,
    /// Whether the oldest come first.
    pub oldest_first: bool,
    /// They come after the one that was made at this moment (milliseconds since 1970) and has this id.
    pub after: (i64, &'a str),
    /// At most so many.
    pub limit: i64,
}

/// A page of messages.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, which: Which, page: Page<'_>) -> Result<Vec<Delivery>> {
    let Page { root, top, oldest_first, after: (at, id), limit } = page;
    macro_rules! run {
        ($query:ident) => {
            all!(conn, Delivery, $query, root, at, id, limit, top)
        };
    }
    match (which, top, oldest_first) {
        (Which::All, None, false) => run!(OF_SITE),
        (Which::All, None, true) => run!(OF_SITE_OLDEST),
        (Which::All, Some(_), false) => run!(OF_TREE),
        (Which::All, Some(_), true) => run!(OF_TREE_OLDEST),
        (Which::Failed, _, false) => run!(FAILED),
        (Which::Failed, _, true) => run!(FAILED_OLDEST),
        (Which::Waiting, _, false) => run!(WAITING),
        (Which::Waiting, _, true) => run!(WAITING_OLDEST),
    }
}

/// At most `limit` of the messages since `since_ms` that did not get through and about which something is left to do, among the last
/// `looked_at` of them; newest first. `root` and `top` are those of [`Page`].
///
/// # Errors
/// When the database refuses.
pub async fn left_to_do(
    conn: &mut Conn,
    (root, top): (Option<&str>, Option<&str>),
    since_ms: i64,
    looked_at: i64,
    limit: i64,
) -> Result<Vec<Delivery>> {
    all!(conn, Delivery, LEFT_TO_DO, root, since_ms, top, looked_at, limit)
}

/// The message of this id, if it went to somebody of the tree that hangs from `root`.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, root: Option<&str>, id: &str) -> Result<Option<Delivery>> {
    optional!(conn, Delivery, FIND, root, id)
}

/// To which addresses the last `limit` messages went that a server has taken, and when it did; newest first.
///
/// # Errors
/// When the database refuses.
pub async fn last_taken(conn: &mut Conn, limit: i64) -> Result<Vec<(String, i64)>> {
    all!(conn, (String, i64), LAST_TAKEN, limit)
}
