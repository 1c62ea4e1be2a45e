//! Which queries find the live sessions of a tree, page by page?

use super::access::{ListedSession, Live};
use super::macros::{all, optional, queries, within};
use super::tree_users::tree;
use super::{Conn, Result};

/// A page of live sessions: `$1` is the tree's root, `$2` now, `$3` since when one that was not used is over, `$4` and `$5` when the one that
/// they come after began, and its id, `$6` how many, `$7` whose alone.
macro_rules! page {
    ($within:expr, $order:literal) => {
        page!("sessions s JOIN users u ON u.id = s.user_id", $within, $order)
    };
    ($from:literal, $within:expr, $order:literal) => {
        concat!(
            "SELECT s.id, s.user_id, u.login, s.password_at, s.code_at, s.created_at, s.seen_at, s.expires_at
             FROM ",
            $from,
            " WHERE s.ended_at IS NULL AND s.expires_at > $2 AND s.seen_at > $3
               AND (CAST($7 AS TEXT) IS NULL OR s.user_id = $7) AND ",
            $within,
            $order
        )
    };
}

/// In the order in which they began: for a tree that holds most of the site, or for all of it.
macro_rules! wide {
    ($order:literal) => {
        page!(within!("u.group_id"), $order)
    };
}

/// By the people of the groups: for a tree of few.
macro_rules! narrow {
    ($order:literal) => {
        page!(concat!("u.group_id IN ", tree!()), $order)
    };
}

/// Of one person.
macro_rules! own {
    ($order:literal) => {
        page!(concat!("s.user_id = $7 AND ", within!("u.group_id")), $order)
    };
}

/// By login, and `$4` is that of the one that they come after: by the people in their order, until there are enough.
macro_rules! by_login {
    ($order:literal) => {
        page!(
            "users u CROSS JOIN sessions s",
            concat!("s.user_id = u.id AND ", within!("u.group_id")),
            $order
        )
    };
}

queries! {
    WIDE_NEWEST = wide!(" AND (s.created_at < $4 OR (s.created_at = $4 AND s.id < $5)) ORDER BY s.created_at DESC, s.id DESC LIMIT $6");
    WIDE_OLDEST = wide!(" AND (s.created_at > $4 OR (s.created_at = $4 AND s.id > $5)) ORDER BY s.created_at, s.id LIMIT $6");
    // The sum keeps the index of the order out of it: there are few.
    NARROW_NEWEST = narrow!(" AND (s.created_at + 0 < $4 OR (s.created_at + 0 = $4 AND s.id < $5))
                             ORDER BY s.created_at + 0 DESC, s.id DESC LIMIT $6");
    NARROW_OLDEST = narrow!(" AND (s.created_at + 0 > $4 OR (s.created_at + 0 = $4 AND s.id > $5))
                             ORDER BY s.created_at + 0, s.id LIMIT $6");
    WIDE_BY_LOGIN = by_login!(" AND u.login_key >= $4 AND (u.login_key > $4 OR s.id > $5) ORDER BY u.login_key, s.id LIMIT $6");
    WIDE_BY_LOGIN_LAST = by_login!(" AND u.login_key <= COALESCE($4, (SELECT MAX(z.login_key) FROM users z))
                                     AND (CAST($4 AS TEXT) IS NULL OR u.login_key < $4 OR s.id < $5)
                                     ORDER BY u.login_key DESC, s.id DESC LIMIT $6");
    // The text that is added keeps the index of the order out of it.
    FEW_BY_LOGIN = wide!(" AND (u.login_key, s.id) > ($4, $5) ORDER BY u.login_key || '', s.id LIMIT $6");
    FEW_BY_LOGIN_LAST = wide!(" AND (CAST($4 AS TEXT) IS NULL OR (u.login_key, s.id) < ($4, $5))
                               ORDER BY u.login_key || '' DESC, s.id DESC LIMIT $6");
    NARROW_BY_LOGIN = narrow!(" AND (u.login_key, s.id) > ($4, $5) ORDER BY u.login_key || '', s.id LIMIT $6");
    NARROW_BY_LOGIN_LAST = narrow!(" AND (CAST($4 AS TEXT) IS NULL OR (u.login_key, s.id) < ($4, $5))
                                    ORDER BY u.login_key || '' DESC, s.id DESC LIMIT $6");
    COUNT = "SELECT COUNT(*) FROM (SELECT 1 AS n FROM sessions LIMIT $1) AS counted";
    OWN_NEWEST = own!(" AND (s.created_at + 0 < $4 OR (s.created_at + 0 = $4 AND s.id < $5))
                       ORDER BY s.created_at + 0 DESC, s.id DESC LIMIT $6");
    OWN_OLDEST = own!(" AND (s.created_at + 0 > $4 OR (s.created_at + 0 = $4 AND s.id > $5))
                       ORDER BY s.created_at + 0, s.id LIMIT $6");
}

/// From where a page of sessions is read.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The group that the tree hangs from; none for the whole site.
    pub root: Option<&'a str>,
    /// Whether the tree holds few people.
    pub few: bool,
    /// Whose alone.
    pub user_id: Option<&'a str>,
    /// What counts as live.
    pub live: Live,
    /// Whether the newest come first, or the last logins.
    pub last_first: bool,
    /// When the one that they come after began, and its id.
    pub after: (i64, &'a str),
    /// How many at most.
    pub limit: i64,
}

/// A page of live sessions, in the order in which they began.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, page: Page<'_>) -> Result<Vec<ListedSession>> {
    let Page { root, few, user_id, live: Live { now, idle_since }, last_first, after: (at, id), limit } =
        page;
    macro_rules! run {
        ($query:ident) => {
            all!(conn, ListedSession, $query, root, now, idle_since, at, id, limit, user_id)
        };
    }
    match (user_id.is_some(), few && root.is_some(), last_first) {
        (true, _, true) => run!(OWN_NEWEST),
        (true, _, false) => run!(OWN_OLDEST),
        (false, true, true) => run!(NARROW_NEWEST),
        (false, true, false) => run!(NARROW_OLDEST),
        (false, false, true) => run!(WIDE_NEWEST),
        (false, false, false) => run!(WIDE_OLDEST),
    }
}

/// How many sessions there are at all, up to `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn count(conn: &mut Conn, limit: i64) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), COUNT, limit)?;
    Ok(row.map_or(0, |(count,)| count))
}

/// A page of live sessions by the logins of their people, `site_has_few` where there are few on the whole site; they come after the one of the folded login and the id
/// `after`, empty for the first page. When they began does not matter.
///
/// # Errors
/// When the database refuses.
pub async fn list_by_login(
    conn: &mut Conn,
    page: Page<'_>,
    site_has_few: bool,
    after: (&str, &str),
) -> Result<Vec<ListedSession>> {
    let Page { root, few, user_id, live: Live { now, idle_since }, last_first, limit, .. } = page;
    let (login, id) = after;
    let login = Some(login).filter(|login| !last_first || !login.is_empty());
    let query = match (few && root.is_some(), site_has_few, last_first) {
        (true, _, false) => NARROW_BY_LOGIN,
        (true, _, true) => NARROW_BY_LOGIN_LAST,
        (false, true, false) => FEW_BY_LOGIN,
        (false, true, true) => FEW_BY_LOGIN_LAST,
        (false, false, false) => WIDE_BY_LOGIN,
        (false, false, true) => WIDE_BY_LOGIN_LAST,
    };
    all!(conn, ListedSession, query, root, now, idle_since, login, id, limit, user_id)
}
