//! Which queries say who is signed in where, and which apps have access; and take either away?

use super::macros::{all, execute, optional, queries, within};
use super::row::from_row;
use super::{Conn, Result, session_clients};

/// A query for sessions that are live at `$1` and were used after `$2`, with their users.
macro_rules! sessions {
    ($which:literal) => {
        concat!(
            "SELECT s.id, s.user_id, u.login, s.password_at, s.code_at, s.created_at, s.seen_at, s.expires_at
             FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.ended_at IS NULL AND s.expires_at > $1 AND s.seen_at > $2 AND ",
            $which
        )
    };
}

/// A query for grants that hold at `$1`, with their users.
macro_rules! grants {
    ($which:literal) => {
        concat!(
            "SELECT g.id, g.user_id, u.login, g.client_id, g.session_id, g.scopes, g.acr, g.created_at, g.expires_at
             FROM grants g JOIN users u ON u.id = g.user_id
             WHERE g.ended_at IS NULL AND g.expires_at > $1 AND ",
            $which
        )
    };
}

/// A page of the people of a tree with a grant for the client `$2` that holds at `$3`, after the folded login `$4`, `$5` of them: by the grants.
macro_rules! users_of_client {
    ($after:literal, $order:literal) => {
        concat!(
            "SELECT g.user_id, MAX(u.login) AS login, MAX(u.name) AS name, MAX(g.created_at) AS last_at
             FROM grants g JOIN users u ON u.id = g.user_id WHERE g.client_id = $2 AND g.ended_at IS NULL AND g.expires_at > $3 AND ",
            $after,
            " AND ",
            within!("u.group_id"),
            " GROUP BY g.user_id, u.login_key ORDER BY ",
            $order,
            " LIMIT $5"
        )
    };
}

/// The same by the people. An app's grants lie in the order in which they were made: each person's are found by whose they are.
macro_rules! many_users_of_client {
    ($after:literal, $order:literal) => {
        concat!(
            "SELECT u.id AS user_id, u.login, u.name, (SELECT MAX(h.created_at) FROM grants h
                 WHERE h.client_id || '' = $2 AND h.user_id = u.id AND h.ended_at IS NULL AND h.expires_at > $3) AS last_at
             FROM users u WHERE ",
            $after,
            " AND (SELECT g.id FROM grants g
                   WHERE g.client_id || '' = $2 AND g.user_id = u.id AND g.ended_at IS NULL AND g.expires_at > $3 LIMIT 1) IS NOT NULL
               AND ",
            within!("u.group_id"),
            " ORDER BY ",
            $order,
            " LIMIT $5"
        )
    };
}

/// Whether the groups of this parameter, each between spaces, or those above, hold a user's: everybody where it is empty.
macro_rules! admitted {
    ($allowed:literal) => {
        concat!(
            "(CASE WHEN ",
            $allowed,
            " = '' OR u.group_id IN (
                    WITH RECURSIVE allowed (id) AS (
                        SELECT a.id FROM groups a WHERE ",
            $allowed,
            " LIKE '% ' || a.id || ' %'
                        UNION
                        SELECT c.id FROM allowed b JOIN groups c ON COALESCE(c.parent_id, '') = b.id)
                    SELECT id FROM allowed) THEN 1 ELSE 0 END)"
        )
    };
}

queries! {
    SESSION = sessions!("s.id = $3");
    SESSIONS = sessions!("s.id > $3 ORDER BY s.id LIMIT $4");
    SESSIONS_OF_USER = sessions!("s.user_id = $5 AND s.id > $3 ORDER BY s.id LIMIT $4");
    GRANT = grants!("g.id = $2");
    GRANTS = grants!("g.id > $2 ORDER BY g.id LIMIT $3");
    GRANTS_OF_USER = grants!("g.user_id = $4 AND (CAST($5 AS TEXT) IS NULL OR g.client_id = $5) AND g.id > $2
                              ORDER BY g.id LIMIT $3");
    GRANTS_OF_CLIENT = grants!("g.client_id = $4 AND g.id > $2 ORDER BY g.id LIMIT $3");
    // `$5` is the ids of the groups that may use it, each between spaces: they and those below them may; everybody where it is empty.
    PEOPLE_OF_CLIENT = concat!(
        "SELECT COUNT(*) AS counted,
                CAST(COALESCE(SUM(CASE WHEN $5 = '' OR held.group_id IN (
                    WITH RECURSIVE allowed (id) AS (
                        SELECT a.id FROM groups a WHERE $5 LIKE '% ' || a.id || ' %'
                        UNION
                        SELECT c.id FROM allowed b JOIN groups c ON COALESCE(c.parent_id, '') = b.id)
                    SELECT id FROM allowed) THEN 1 ELSE 0 END), 0) AS BIGINT) AS admitted
         FROM (SELECT DISTINCT g.user_id, u.group_id FROM grants g JOIN users u ON u.id = g.user_id
               WHERE g.client_id = $2 AND g.ended_at IS NULL AND g.expires_at > $3 AND ", within!("u.group_id"),
        " LIMIT $4) AS held");
    // Those of them whom `$4` admits and `$5` does not, and how many they are in all, of the first `$6`: groups as `$5` of the query above has them.
    LOSING_CLIENT = concat!(
        "SELECT lost.user_id, lost.login, lost.name, lost.last_at, COUNT(*) OVER () AS counted
         FROM (SELECT g.user_id, MAX(u.login) AS login, MAX(u.name) AS name, MAX(g.created_at) AS last_at
               FROM grants g JOIN users u ON u.id = g.user_id
               WHERE g.client_id = $2 AND g.ended_at IS NULL AND g.expires_at > $3 AND ", within!("u.group_id"),
        "        AND ", admitted!("$4"), " = 1 AND ", admitted!("$5"), " = 0
               GROUP BY g.user_id LIMIT $6) AS lost
         ORDER BY lost.login LIMIT $7");
    // Where few use it, by its grants; where many do, by the people in their order, until there are enough.
    USERS_OF_CLIENT = users_of_client!("u.login_key > $4", "u.login_key || ''");
    USERS_OF_CLIENT_LAST = users_of_client!("($4 = '' OR u.login_key < $4)", "u.login_key || '' DESC");
    MANY_USERS_OF_CLIENT = many_users_of_client!("u.login_key > $4", "u.login_key");
    MANY_USERS_OF_CLIENT_LAST = many_users_of_client!("($4 = '' OR u.login_key < $4)", "u.login_key DESC");
    END_SESSIONS_OF_USER = "UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL";
    END_PASSING_GRANTS_OF_USER = "UPDATE grants SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL
                                    AND ' ' || scopes || ' ' NOT LIKE '% offline_access %'";
    END_GRANTS_OF_USER = "UPDATE grants SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL
                            AND (CAST($3 AS TEXT) IS NULL OR client_id = $3)";
    FORGET_CONSENT = "DELETE FROM consents WHERE user_id = $1 AND (CAST($2 AS TEXT) IS NULL OR client_id = $2)";
}

/// A live session, with whose it is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedSession {
    /// Its public name: `sid` in ID tokens.
    pub id: String,
    /// Who has signed in.
    pub user_id: String,
    /// Their login.
    pub login: String,
    /// When the password was given.
    pub password_at: i64,
    /// When a code was given, if one was.
    pub code_at: Option<i64>,
    /// When it began.
    pub created_at: i64,
    /// When it was last used.
    pub seen_at: i64,
    /// When it is over in any case.
    pub expires_at: i64,
}

from_row!(ListedSession { id, user_id, login, password_at, code_at, created_at, seen_at, expires_at });

/// A grant that holds, with whose it is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ListedGrant {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// Their login.
    pub login: String,
    /// For which relying app.
    pub client_id: String,
    /// The session in which it was given.
    pub session_id: String,
    /// The scopes, separated by spaces.
    pub scopes: String,
    /// How they had signed in.
    pub acr: String,
    /// When it was given.
    pub created_at: i64,
    /// When it is over in any case.
    pub expires_at: i64,
}

from_row!(ListedGrant { id, user_id, login, client_id, session_id, scopes, acr, created_at, expires_at });

/// When a session counts as live.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// Now, in seconds since 1970.
    pub now: i64,
    /// One that was last used then, or earlier, is over.
    pub idle_since: i64,
}

/// The live session of this id.
///
/// # Errors
/// When the database refuses.
pub async fn session(conn: &mut Conn, id: &str, live: Live) -> Result<Option<ListedSession>> {
    optional!(conn, ListedSession, SESSION, live.now, live.idle_since, id)
}

/// At most `limit` live sessions, of one user or of all, whose ids come after `after`.
///
/// # Errors
/// When the database refuses.
pub async fn sessions(
    conn: &mut Conn,
    user_id: Option<&str>,
    live: Live,
    after: &str,
    limit: i64,
) -> Result<Vec<ListedSession>> {
    let Live { now, idle_since } = live;
    match user_id {
        Some(user) => all!(conn, ListedSession, SESSIONS_OF_USER, now, idle_since, after, limit, user),
        None => all!(conn, ListedSession, SESSIONS, now, idle_since, after, limit),
    }
}

/// The grant of this id, if it holds.
///
/// # Errors
/// When the database refuses.
pub async fn grant(conn: &mut Conn, id: &str, now: i64) -> Result<Option<ListedGrant>> {
    optional!(conn, ListedGrant, GRANT, now, id)
}

/// At most `limit` grants that hold, of one user or of all, for one app or for all, whose ids come after `after`.
///
/// # Errors
/// When the database refuses.
pub async fn grants(
    conn: &mut Conn,
    user_id: Option<&str>,
    client_id: Option<&str>,
    now: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<ListedGrant>> {
    match (user_id, client_id) {
        (Some(user), client) => all!(conn, ListedGrant, GRANTS_OF_USER, now, after, limit, user, client),
        (None, Some(client)) => all!(conn, ListedGrant, GRANTS_OF_CLIENT, now, after, limit, client),
        (None, None) => all!(conn, ListedGrant, GRANTS, now, after, limit),
    }
}

/// How many people of a tree (none for the whole site) have let an app in, up to `limit`, and how many of those may use it still: all where
/// it is for everybody, or else those of the groups that are `allowed`, and of those below them.
///
/// # Errors
/// When the database refuses.
pub async fn people_of_client(
    conn: &mut Conn,
    root: Option<&str>,
    (client_id, allowed): (&str, &[String]),
    now: i64,
    limit: i64,
) -> Result<(i64, i64)> {
    let allowed = between_spaces(allowed);
    let counted = optional!(conn, (i64, i64), PEOPLE_OF_CLIENT, root, client_id, now, limit, allowed)?;
    Ok(counted.unwrap_or_default())
}

/// Somebody who uses an app.
#[derive(Clone, Debug)]
pub struct UserOfClient {
    /// Their id.
    pub user_id: String,
    /// Their login.
    pub login: String,
    /// Their full name.
    pub name: Option<String>,
    /// When they have signed in there last, in seconds since 1970.
    pub last_at: i64,
}

from_row!(UserOfClient { user_id, login, name, last_at });

/// The ids of groups as a query takes them; empty for everybody.
fn between_spaces(allowed: &[String]) -> String {
    if allowed.is_empty() { String::new() } else { format!(" {} ", allowed.join(" ")) }
}

/// The first `limit` people of a tree, by login, with a grant for a client that holds, whom the groups `before` admit and those `after` do not (no
/// group stands for everybody); and how many there are, up to `count`.
///
/// # Errors
/// When the database refuses.
pub async fn losing_client(
    conn: &mut Conn,
    root: Option<&str>,
    client_id: &str,
    (before, after): (&[String], &[String]),
    now: i64,
    (limit, count): (i64, i64),
) -> Result<(Vec<UserOfClient>, i64)> {
    let (before, after) = (between_spaces(before), between_spaces(after));
    let found = all!(conn, LosingClient, LOSING_CLIENT, root, client_id, now, before, after, count, limit)?;
    let counted = found.first().map_or(0, |first| first.counted);
    let user =
        |LosingClient { user_id, login, name, last_at, .. }| UserOfClient { user_id, login, name, last_at };
    Ok((found.into_iter().map(user).collect(), counted))
}

/// Somebody who loses an app, and how many do.
#[derive(Debug)]
struct LosingClient {
    user_id: String,
    login: String,
    name: Option<String>,
    last_at: i64,
    counted: i64,
}

from_row!(LosingClient { user_id, login, name, last_at, counted });

/// At most `limit` people of a tree with a grant for a client that holds, by login, who come after the folded login `after` (empty for the first);
/// `many` where many have one.
///
/// # Errors
/// When the database refuses.
pub async fn users_of_client(
    conn: &mut Conn,
    root: Option<&str>,
    (client_id, many): (&str, bool),
    now: i64,
    (last_first, after): (bool, &str),
    limit: i64,
) -> Result<Vec<UserOfClient>> {
    let query = match (many, last_first) {
        (false, false) => USERS_OF_CLIENT,
        (false, true) => USERS_OF_CLIENT_LAST,
        (true, false) => MANY_USERS_OF_CLIENT,
        (true, true) => MANY_USERS_OF_CLIENT_LAST,
    };
    all!(conn, UserOfClient, query, root, client_id, now, after, limit)
}

/// Ends every session of a user, and the grants that do not outlive them; the apps are to be told. Answers how many ended.
///
/// # Errors
/// When the database refuses.
pub async fn end_sessions(conn: &mut Conn, user_id: &str, now: i64) -> Result<u64> {
    let ended = execute!(conn, END_SESSIONS_OF_USER, user_id, now)?;
    session_clients::owe_of_user(conn, user_id, now).await?;
    execute!(conn, END_PASSING_GRANTS_OF_USER, user_id, now)?;
    Ok(ended)
}

/// Ends every grant of a user, for one app or for all. Answers how many ended.
///
/// # Errors
/// When the database refuses.
pub async fn end_grants(conn: &mut Conn, user_id: &str, client_id: Option<&str>, now: i64) -> Result<u64> {
    execute!(conn, END_GRANTS_OF_USER, user_id, now, client_id)
}

/// Forgets what a user has agreed to, for one app or for all: they are asked again.
///
/// # Errors
/// When the database refuses.
pub async fn forget_consent(conn: &mut Conn, user_id: &str, client_id: Option<&str>) -> Result<()> {
    execute!(conn, FORGET_CONSENT, user_id, client_id).map(|_| ())
}
