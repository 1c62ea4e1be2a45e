//! Which queries keep users?

use super::macros::{all, execute, optional, queries};
use super::moved::Bringing;
use super::row::from_row;
use super::{Conn, Result};

/// What makes a [`UserRow`] of a user `u`, with their role and group.
macro_rules! user_columns {
    () => {
        "u.id, u.login, u.name, u.email, u.email_verified_at, u.claims, u.status, u.password_hash, u.password_short, u.legacy_id,
         u.created_at, u.updated_at,
         u.role_id, r.name AS role_name, r.rank AS role_rank, r.rights AS role_rights,
         u.group_id, g.name AS group_name, g.top_id AS group_top_id, g.language AS group_language,
         g.two_factor_setting AS group_two_factor"
    };
}

/// Where they come from.
macro_rules! user_joins {
    () => {
        "JOIN roles r ON r.id = u.role_id LEFT JOIN groups g ON g.id = u.group_id "
    };
}

pub(super) use {user_columns, user_joins};

/// A query for users with their role and group; the argument says which.
macro_rules! people {
    ($which:literal) => {
        concat!("SELECT ", user_columns!(), " FROM users u ", user_joins!(), $which)
    };
}

queries! {
    FIND = people!("WHERE u.id = $1");
    FIND_BY_LOGIN = people!("WHERE u.login_key = $1");
    // The expression is that of the index.
    FIND_BY_EMAIL = people!("WHERE lower(replace(u.email, 'I', 'i')) = $1 AND u.status = 'active'
                            ORDER BY CASE WHEN u.email_verified_at IS NULL THEN 1 ELSE 0 END, u.id LIMIT $2");
    LIST = people!("WHERE u.login_key > $1 ORDER BY u.login_key LIMIT $2");
    LIST_OF_GROUP = people!("WHERE u.group_id = $1 AND u.login_key > $2 ORDER BY u.login_key LIMIT $3");
    LIST_STOPPED = people!("JOIN code_budgets b ON b.user_id = u.id AND b.stopped_at IS NOT NULL
                            WHERE (CAST($1 AS TEXT) IS NULL OR u.group_id = $1) AND u.login_key > $2
                            ORDER BY u.login_key LIMIT $3");
    LIST_UNDELIVERED = people!("JOIN messages m ON m.state = 'refused'
                                     AND lower(m.address) = lower(COALESCE(NULLIF(TRIM(u.email), ''), u.login))
                                     AND m.id = (SELECT x.id FROM messages x WHERE x.user_id = u.id AND x.done_at IS NOT NULL
                                                 ORDER BY x.created_at_ms DESC, x.id DESC LIMIT 1)
                                WHERE (CAST($1 AS TEXT) IS NULL OR u.group_id = $1) AND u.login_key > $2
                                ORDER BY u.login_key LIMIT $3");
    // In these the roles come first, since few hold the right and anybody may be in the group.
    SENIORS = people!("WHERE u.status = 'active'
                         AND u.role_id IN (SELECT s.id FROM roles s
                                           WHERE (s.group_id IS NULL OR s.group_id = $1)
                                             AND ' ' || s.rights || ' ' LIKE '% override!_2fa %' ESCAPE '!')
                       ORDER BY u.login_key LIMIT $2");
    LIST_OVERRIDERS = people!("WHERE u.status = 'active'
                                 AND u.role_id IN (SELECT s.id FROM roles s
                                                   WHERE ' ' || s.rights || ' ' LIKE '% override!_2fa %' ESCAPE '!')
                                 AND (CAST($1 AS TEXT) IS NULL OR u.group_id = $1) AND u.login_key > $2
                               ORDER BY u.login_key LIMIT $3");
    MANAGERS = people!("WHERE u.status = 'active' AND u.id <> $2
                          AND CASE WHEN u.group_id IS NULL THEN ' ' || r.rights || ' ' LIKE '% administer!_site %' ESCAPE '!'
                              ELSE ' ' || r.rights || ' ' LIKE '% manage!_users %' ESCAPE '!'
                                   AND u.group_id IN (
                                       WITH RECURSIVE lineage (id, parent_id, depth) AS (
                                           SELECT id, parent_id, CAST(0 AS BIGINT) FROM groups WHERE id = $1
                                           UNION ALL
                                           SELECT g.id, g.parent_id, l.depth + 1
                                           FROM groups g JOIN lineage l ON g.id = l.parent_id WHERE l.depth < 50)
                                       SELECT id FROM lineage) END
                        ORDER BY r.rank DESC, u.login_key LIMIT $3");
    COUNT = "SELECT COUNT(*) FROM users WHERE group_id = $1";
    // By the few roles, each counted for itself: joined, PostgreSQL looks for them among everybody.
    COUNT_OVERRIDERS = "SELECT CAST(COALESCE(SUM((SELECT COUNT(*) FROM users u WHERE u.role_id = r.id AND u.status = 'active')), 0) AS BIGINT)
                        FROM roles r WHERE r.group_id = $1 AND ' ' || r.rights || ' ' LIKE '% override!_2fa %' ESCAPE '!'";
    // The same: the range, and an order that no index has, keep PostgreSQL from looking for them among everybody.
    OVERRIDERS = "SELECT u.id, u.login FROM roles r CROSS JOIN users u
                  WHERE r.group_id = $1 AND u.role_id = r.id AND u.role_id BETWEEN r.id AND r.id AND u.status = 'active'
                    AND ' ' || r.rights || ' ' LIKE '% override!_2fa %' ESCAPE '!'
                  ORDER BY u.login_key || '' LIMIT $2";
    ADD = "INSERT INTO users (id, login, login_key, name, email, status, group_id, role_id, password_hash,
                              created_at, updated_at, addressless, legacy_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12)";
    SET = "UPDATE users SET login = $2, login_key = $3, name = $4, email = $5, status = $6, group_id = $7,
                            role_id = $8, updated_at = $9, addressless = $10,
                            email_verified_at = CASE WHEN email = $5 THEN email_verified_at ELSE NULL END
           WHERE id = $1";
    LOCK = "UPDATE users SET created_at = created_at WHERE id = $1";
    LOCK_WITH_PASSWORD = "UPDATE users SET created_at = created_at
                          WHERE id = $1 AND password_hash = $2 AND status = 'active'";
    SET_CLAIMS = "UPDATE users SET claims = $2, preferred_key = $3, updated_at = $4 WHERE id = $1";
    NAMESAKE = "SELECT id FROM users WHERE (login_key = $1 OR preferred_key = $1) AND id <> $2 LIMIT 1";
    PROVE_EMAIL = "UPDATE users SET email_verified_at = $3, updated_at = $3
                   WHERE id = $1 AND email = $2 AND email_verified_at IS NULL";
    VOUCH_FOR_EMAIL = "UPDATE users SET email_verified_at = $2 WHERE id = $1";
    SET_PASSWORD = "UPDATE users SET password_hash = $2, password_short = NULL, status = CASE WHEN status = 'invited' THEN 'active' ELSE status END,
                                     updated_at = $3
                    WHERE id = $1";
    REHASH = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    NOTE_LENGTH = "UPDATE users SET password_short = $3 WHERE id = $1 AND password_hash = $2";
    DELETE = "DELETE FROM users WHERE id = $1";
}

/// One user with their role and group, as the tables hold them.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// The user's id: `sub`.
    pub id: String,
    /// The login as it was written.
    pub login: String,
    /// The full name.
    pub name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// When they showed that they read the mailbox of that address.
    pub email_verified_at: Option<i64>,
    /// The standard claims, as a JSON object.
    pub claims: String,
    /// `active`, `disabled` or `invited`.
    pub status: String,
    /// What the password is checked against, as a PHC string.
    pub password_hash: Option<String>,
    /// Whether it is known to be shorter than what lets one in alone.
    pub password_short: Option<bool>,
    /// What apps knew them by where they come from.
    pub legacy_id: Option<String>,
    /// When the user was added.
    pub created_at: i64,
    /// When the user was last changed.
    pub updated_at: i64,
    /// The role.
    pub role_id: String,
    /// Its name.
    pub role_name: String,
    /// Its rank.
    pub role_rank: i64,
    /// Its rights, separated by spaces.
    pub role_rights: String,
    /// The group; none for a site administrator.
    pub group_id: Option<String>,
    /// Its name.
    pub group_name: Option<String>,
    /// The top-level group of its tree.
    pub group_top_id: Option<String>,
    /// Its language.
    pub group_language: Option<String>,
    /// Its two-factor setting.
    pub group_two_factor: Option<String>,
}

from_row!(UserRow {
    id,
    login,
    name,
    email,
    email_verified_at,
    claims,
    status,
    password_hash,
    password_short,
    legacy_id,
    created_at,
    updated_at,
    role_id,
    role_name,
    role_rank,
    role_rights,
    group_id,
    group_name,
    group_top_id,
    group_language,
    group_two_factor
});

/// What a user is made of, but for the password.
#[derive(Clone, Copy, Debug)]
pub struct UserFields<'a> {
    /// The user's id.
    pub id: &'a str,
    /// The login as it was written.
    pub login: &'a str,
    /// What it is compared by.
    pub login_key: &'a str,
    /// The full name.
    pub name: Option<&'a str>,
    /// The email address.
    pub email: Option<&'a str>,
    /// `active`, `disabled` or `invited`.
    pub status: &'a str,
    /// The group; none for a site administrator.
    pub group_id: Option<&'a str>,
    /// The role.
    pub role_id: &'a str,
    /// Whether neither the email nor the login is an address that mail could reach.
    pub addressless: bool,
}

/// The user of this id.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<UserRow>> {
    optional!(conn, UserRow, FIND, id)
}

/// The user of this folded login.
///
/// # Errors
/// When the database refuses.
pub async fn find_by_login(conn: &mut Conn, login_key: &str) -> Result<Option<UserRow>> {
    optional!(conn, UserRow, FIND_BY_LOGIN, login_key)
}

/// At most `limit` active users of this folded email address, those who have shown that they read its mailbox first.
///
/// # Errors
/// When the database refuses.
pub async fn find_by_email(conn: &mut Conn, email_key: &str, limit: i64) -> Result<Vec<UserRow>> {
    all!(conn, UserRow, FIND_BY_EMAIL, email_key, limit)
}

/// At most `limit` users, of one group or of all, whose folded logins come after `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, group_id: Option<&str>, after: &str, limit: i64) -> Result<Vec<UserRow>> {
    match group_id {
        Some(group_id) => all!(conn, UserRow, LIST_OF_GROUP, group_id, after, limit),
        None => all!(conn, UserRow, LIST, after, limit),
    }
}

/// The same of those whose codes are stopped.
///
/// # Errors
/// When the database refuses.
pub async fn list_stopped(
    conn: &mut Conn,
    group_id: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<UserRow>> {
    all!(conn, UserRow, LIST_STOPPED, group_id, after, limit)
}

/// The same of those who are active and hold `override_2fa`.
///
/// # Errors
/// When the database refuses.
pub async fn list_overriders(
    conn: &mut Conn,
    group_id: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<UserRow>> {
    all!(conn, UserRow, LIST_OVERRIDERS, group_id, after, limit)
}

/// The same of those whose last message did not reach the address that they have.
///
/// # Errors
/// When the database refuses.
pub async fn list_undelivered(
    conn: &mut Conn,
    group_id: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<UserRow>> {
    all!(conn, UserRow, LIST_UNDELIVERED, group_id, after, limit)
}

/// How many active holders of `override_2fa` the tree of a top-level group has, and the ids and logins of the first `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn overriders(conn: &mut Conn, top_id: &str, limit: i64) -> Result<(i64, Vec<(String, String)>)> {
    let count: Option<(i64,)> = optional!(conn, (i64,), COUNT_OVERRIDERS, top_id)?;
    let people = all!(conn, (String, String), OVERRIDERS, top_id, limit)?;
    Ok((count.map_or(0, |(count,)| count), people))
}

/// At most `limit` active holders of `override_2fa` in the tree of a top-level group, and site administrators.
///
/// # Errors
/// When the database refuses.
pub async fn seniors(conn: &mut Conn, top_id: Option<&str>, limit: i64) -> Result<Vec<UserRow>> {
    all!(conn, UserRow, SENIORS, top_id, limit)
}

/// At most `limit` active users other than this one, the highest in rank first, who manage the users of a group or of one
/// that it is part of, or administer the site.
///
/// # Errors
/// When the database refuses.
pub async fn managers(conn: &mut Conn, group_id: Option<&str>, id: &str, limit: i64) -> Result<Vec<UserRow>> {
    all!(conn, UserRow, MANAGERS, group_id, id, limit)
}

/// How many users a group has.
///
/// # Errors
/// When the database refuses.
pub async fn count(conn: &mut Conn, group_id: &str) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), COUNT, group_id)?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Keeps a new user; a duplicate login, or what apps know another by, is [`super::Error::Duplicate`].
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, user: UserFields<'_>, with: Bringing<'_>, now: i64) -> Result<()> {
    execute!(
        conn,
        ADD,
        user.id,
        user.login,
        user.login_key,
        user.name,
        user.email,
        user.status,
        user.group_id,
        user.role_id,
        with.password_hash,
        now,
        user.addressless,
        with.legacy_id
    )
    .map(|_| ())
}

/// Replaces a user's fields, but for the password and the claims; another email is not verified; a duplicate login is [`super::Error::Duplicate`].
///
/// # Errors
/// When the database refuses.
pub async fn set(conn: &mut Conn, user: UserFields<'_>, now: i64) -> Result<bool> {
    let done = execute!(
        conn,
        SET,
        user.id,
        user.login,
        user.login_key,
        user.name,
        user.email,
        user.status,
        user.group_id,
        user.role_id,
        now,
        user.addressless
    )?;
    Ok(done == 1)
}

/// Replaces a user's standard claims, a JSON object; `preferred_key` is what their own `preferred_username` is compared
/// by. A duplicate of that is [`super::Error::Duplicate`].
///
/// # Errors
/// When the database refuses.
pub async fn set_claims(
    conn: &mut Conn,
    id: &str,
    claims: &str,
    preferred_key: Option<&str>,
    now: i64,
) -> Result<bool> {
    Ok(execute!(conn, SET_CLAIMS, id, claims, preferred_key, now)? == 1)
}

/// Whether another user than this one signs in with this folded name, or is known to apps by it.
///
/// # Errors
/// When the database refuses.
pub async fn has_namesake(conn: &mut Conn, key: &str, id: &str) -> Result<bool> {
    let row: Option<(String,)> = optional!(conn, (String,), NAMESAKE, key, id)?;
    Ok(row.is_some())
}

/// Keeps others from changing a user until the transaction ends.
///
/// # Errors
/// When the database refuses.
pub async fn lock(conn: &mut Conn, id: &str) -> Result<()> {
    execute!(conn, LOCK, id).map(|_| ())
}

/// Keeps every other transaction from changing a user until this one ends; false when the user is not active, or has another
/// password by now than the one of this hash.
///
/// # Errors
/// When the database refuses.
pub async fn lock_with_password(conn: &mut Conn, id: &str, password_hash: &str) -> Result<bool> {
    Ok(execute!(conn, LOCK_WITH_PASSWORD, id, password_hash)? == 1)
}

/// Notes that a user reads the mailbox of this address; false if it is not their email (any more), or was noted before.
///
/// # Errors
/// When the database refuses.
pub async fn prove_email(conn: &mut Conn, id: &str, address: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, PROVE_EMAIL, id, address, now)? == 1)
}

/// Notes since when somebody vouches for a user's email, or that nobody does.
///
/// # Errors
/// When the database refuses.
pub async fn vouch_for_email(conn: &mut Conn, id: &str, since: Option<i64>) -> Result<()> {
    execute!(conn, VOUCH_FOR_EMAIL, id, since).map(|_| ())
}

/// Gives a user a new password; an invited one becomes active with it.
///
/// # Errors
/// When the database refuses.
pub async fn set_password(conn: &mut Conn, id: &str, password_hash: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, SET_PASSWORD, id, password_hash, now)? == 1)
}

/// Replaces the hash of an unchanged password by a better one, unless it was changed meanwhile.
///
/// # Errors
/// When the database refuses.
pub async fn rehash(conn: &mut Conn, id: &str, old: &str, new: &str) -> Result<bool> {
    Ok(execute!(conn, REHASH, id, old, new)? == 1)
}

/// Notes whether a user's password is shorter than what lets one in alone, unless it was changed meanwhile.
///
/// # Errors
/// When the database refuses.
pub async fn note_length(conn: &mut Conn, id: &str, password_hash: &str, short: bool) -> Result<bool> {
    Ok(execute!(conn, NOTE_LENGTH, id, password_hash, short)? == 1)
}

/// Deletes a user, and everything that hangs from them.
///
/// # Errors
/// When the database refuses.
pub async fn delete(conn: &mut Conn, id: &str) -> Result<bool> {
    Ok(execute!(conn, DELETE, id)? == 1)
}
