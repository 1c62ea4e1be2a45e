//! Which queries find the users of a tree, page by page?

use super::macros::{all, optional, queries, within};
use super::users::{UserRow, people, user_columns, user_joins};
use super::{Conn, Query, Result};

/// The group `$1` and everything below it.
macro_rules! tree {
    () => {
        "(WITH RECURSIVE tree (id) AS (
              SELECT id FROM groups WHERE id = $1
              UNION ALL
              SELECT g.id FROM tree t JOIN groups g ON COALESCE(g.parent_id, '') = t.id)
          SELECT id FROM tree)"
    };
}

pub(super) use tree;

/// A page of users: `$1` is the tree's root, `$2` the folded login that they come after, `$3` how many, `$4` how what is searched for
/// begins a text, `$5` how it begins a later word of one. The arguments say where, and who.
macro_rules! page {
    ($within:expr, $who:expr) => {
        concat!(
            people!("WHERE "),
            $within,
            " AND u.login_key > $2
              AND (u.login_key LIKE $4 ESCAPE '!' OR lower(COALESCE(u.email, '')) LIKE $4 ESCAPE '!'
                   OR lower(COALESCE(u.name, '')) LIKE $4 ESCAPE '!' OR lower(COALESCE(u.name, '')) LIKE $5 ESCAPE '!')
              AND ",
            $who,
            " ORDER BY u.login_key LIMIT $3"
        )
    };
}

/// In the order of the logins: for a tree that holds most of the site, or for all of it.
macro_rules! wide {
    ($who:expr) => {
        page!(within!("u.group_id"), $who)
    };
}

/// By the groups: for a tree of few people.
macro_rules! narrow {
    ($who:expr) => {
        page!(concat!("u.group_id IN ", tree!()), $who)
    };
}

/// Those whom a code is asked for that may not reach them: everybody whom the decision could find kept out, and others.
macro_rules! kept_out {
    () => {
        "u.status = 'active' AND g.two_factor_setting = 'on'
         AND u.id IN (SELECT x.id FROM users x WHERE x.addressless
                      UNION SELECT b.user_id FROM code_budgets b WHERE b.stopped_at IS NOT NULL
                      UNION SELECT m.user_id FROM messages m WHERE m.state = 'refused')"
    };
}

/// Those who have no address, neither as email nor as login.
macro_rules! no_email {
    () => {
        "u.addressless AND u.status <> 'disabled'"
    };
}

/// Those who have not been let in once.
macro_rules! never {
    () => {
        "u.status <> 'disabled'
         AND NOT EXISTS (SELECT 1 FROM audit_events e
                         WHERE e.user_id = u.id AND e.event IN ('signin.completed', 'signin.override'))"
    };
}

/// Those whose codes are stopped after too many wrong ones.
macro_rules! stopped {
    () => {
        "u.id IN (SELECT b.user_id FROM code_budgets b WHERE b.stopped_at IS NOT NULL)"
    };
}

queries! {
    WIDE = wide!("u.id <> ''");
    WIDE_KEPT_OUT = wide!(kept_out!());
    WIDE_NO_EMAIL = wide!(no_email!());
    WIDE_NEVER = wide!(never!());
    WIDE_STOPPED = wide!(stopped!());
    WIDE_DISABLED = wide!("u.status = 'disabled'");
    WIDE_INVITED = wide!("u.status = 'invited'");
    NARROW = narrow!("u.id <> ''");
    NARROW_KEPT_OUT = narrow!(kept_out!());
    NARROW_NO_EMAIL = narrow!(no_email!());
    NARROW_NEVER = narrow!(never!());
    NARROW_STOPPED = narrow!(stopped!());
    NARROW_DISABLED = narrow!("u.status = 'disabled'");
    NARROW_INVITED = narrow!("u.status = 'invited'");
    COUNT = concat!("SELECT COUNT(*) FROM (SELECT u.id FROM users u WHERE u.group_id IN ", tree!(), " LIMIT $2) AS counted");
    STOPPED_BETWEEN = "SELECT u.id FROM code_budgets b JOIN users u ON u.id = b.user_id
                       WHERE b.stopped_at IS NOT NULL AND u.login_key >= $1 AND u.login_key <= $2
                       ORDER BY u.login_key LIMIT $3";
    REFUSED_BETWEEN = "SELECT DISTINCT u.id FROM messages m JOIN users u ON u.id = m.user_id
                       WHERE m.state = 'refused' AND u.login_key >= $1 AND u.login_key <= $2 LIMIT $3";
}

/// A list of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Everybody.
    All,
    /// Active, asked for a code, and one may not reach them: whoever shows them asks the decision.
    KeptOut,
    /// No address, neither as email nor as login; not the disabled.
    NoEmail,
    /// Not let in once; not the disabled.
    Never,
    /// Their codes are stopped.
    Stopped,
    /// Disabled.
    Disabled,
    /// Invited.
    Invited,
}

/// From where a page of users is read.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The group that the tree hangs from; none for the whole site.
    pub root: Option<&'a str>,
    /// Whether the tree holds few people.
    pub few: bool,
    /// The folded login that they come after.
    pub after: &'a str,
    /// What is searched for, folded; empty for everything.
    pub search: &'a str,
    /// How many at most.
    pub limit: i64,
}

const fn text(which: Which, few: bool) -> Query {
    match (which, few) {
        (Which::All, false) => ("WIDE", WIDE),
        (Which::KeptOut, false) => ("WIDE_KEPT_OUT", WIDE_KEPT_OUT),
        (Which::NoEmail, false) => ("WIDE_NO_EMAIL", WIDE_NO_EMAIL),
        (Which::Never, false) => ("WIDE_NEVER", WIDE_NEVER),
        (Which::Stopped, false) => ("WIDE_STOPPED", WIDE_STOPPED),
        (Which::Disabled, false) => ("WIDE_DISABLED", WIDE_DISABLED),
        (Which::Invited, false) => ("WIDE_INVITED", WIDE_INVITED),
        (Which::All, true) => ("NARROW", NARROW),
        (Which::KeptOut, true) => ("NARROW_KEPT_OUT", NARROW_KEPT_OUT),
        (Which::NoEmail, true) => ("NARROW_NO_EMAIL", NARROW_NO_EMAIL),
        (Which::Never, true) => ("NARROW_NEVER", NARROW_NEVER),
        (Which::Stopped, true) => ("NARROW_STOPPED", NARROW_STOPPED),
        (Which::Disabled, true) => ("NARROW_DISABLED", NARROW_DISABLED),
        (Which::Invited, true) => ("NARROW_INVITED", NARROW_INVITED),
    }
}

/// A page of users, by login.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, which: Which, page: Page<'_>) -> Result<Vec<UserRow>> {
    let (_, query) = text(which, page.few && page.root.is_some());
    let sought = like(page.search);
    let (begins, later) = (format!("{sought}%"), format!("% {sought}%"));
    all!(conn, UserRow, query, page.root, page.after, page.limit, begins.as_str(), later.as_str())
}

/// How many users a tree has, but no more than `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn count(conn: &mut Conn, root: &str, limit: i64) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), COUNT, root, limit)?;
    Ok(row.map_or(0, |(count,)| count))
}

/// The ids of those whose codes are stopped, among the users from one folded login to another; at most `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn stopped_between(conn: &mut Conn, from: &str, to: &str, limit: i64) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = all!(conn, (String,), STOPPED_BETWEEN, from, to, limit)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The ids of those to whom a message was refused, among the users from one folded login to another; at most `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn refused_between(conn: &mut Conn, from: &str, to: &str, limit: i64) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = all!(conn, (String,), REFUSED_BETWEEN, from, to, limit)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// A text as LIKE takes it, where `!` escapes.
fn like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '!' | '%' | '_') {
            escaped.push('!');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_is_taken_to_the_letter() {
        assert_eq!(like("50%_a!b"), "50!%!_a!!b");
    }
}
