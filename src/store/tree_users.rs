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

/// A page of users: `$1` is the tree's root, `$2` the folded login that they come after (for the last ones first also none), `$3` how many, `$4` how what is searched for
/// begins a text, `$5` how it begins a later word of one. The arguments say where, and who.
macro_rules! page {
    ($within:expr, $who:expr, $after:literal, $order:literal) => {
        concat!(
            people!("WHERE "),
            $within,
            $after,
            "
              AND (u.login_key LIKE $4 ESCAPE '!' OR lower(COALESCE(u.email, '')) LIKE $4 ESCAPE '!'
                   OR lower(COALESCE(u.name, '')) LIKE $4 ESCAPE '!' OR lower(COALESCE(u.name, '')) LIKE $5 ESCAPE '!')
              AND ",
            $who,
            $order
        )
    };
}

/// In the order of the logins: for a tree that holds most of the site, or for all of it.
macro_rules! wide {
    ($who:expr) => {
        page!(within!("u.group_id"), $who, " AND u.login_key > $2", " ORDER BY u.login_key LIMIT $3")
    };
}

/// The same, the last ones first.
macro_rules! wide_last {
    ($who:expr) => {
        page!(
            within!("u.group_id"),
            $who,
            " AND (CAST($2 AS TEXT) IS NULL OR u.login_key < $2)",
            " ORDER BY u.login_key DESC LIMIT $3"
        )
    };
}

/// By the groups: for a tree of few people.
macro_rules! narrow {
    ($who:expr) => {
        page!(
            concat!("u.group_id IN ", tree!()),
            $who,
            " AND u.login_key > $2",
            " ORDER BY u.login_key LIMIT $3"
        )
    };
}

/// The same, the last ones first.
macro_rules! narrow_last {
    ($who:expr) => {
        page!(
            concat!("u.group_id IN ", tree!()),
            $who,
            " AND (CAST($2 AS TEXT) IS NULL OR u.login_key < $2)",
            " ORDER BY u.login_key DESC LIMIT $3"
        )
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
    WIDE_LAST = wide_last!("u.id <> ''");
    WIDE_LAST_KEPT_OUT = wide_last!(kept_out!());
    WIDE_LAST_NO_EMAIL = wide_last!(no_email!());
    WIDE_LAST_NEVER = wide_last!(never!());
    WIDE_LAST_STOPPED = wide_last!(stopped!());
    WIDE_LAST_DISABLED = wide_last!("u.status = 'disabled'");
    WIDE_LAST_INVITED = wide_last!("u.status = 'invited'");
    NARROW_LAST = narrow_last!("u.id <> ''");
    NARROW_LAST_KEPT_OUT = narrow_last!(kept_out!());
    NARROW_LAST_NO_EMAIL = narrow_last!(no_email!());
    NARROW_LAST_NEVER = narrow_last!(never!());
    NARROW_LAST_STOPPED = narrow_last!(stopped!());
    NARROW_LAST_DISABLED = narrow_last!("u.status = 'disabled'");
    NARROW_LAST_INVITED = narrow_last!("u.status = 'invited'");
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
    /// The folded login that they come after; none for the first page.
    pub after: Option<&'a str>,
    /// Whether the last ones come first.
    pub last_first: bool,
    /// What is searched for, folded; empty for everything.
    pub search: &'a str,
    /// How many at most.
    pub limit: i64,
}

/// By the order of the logins: the query where a tree holds many people, and where it holds few.
const fn first(which: Which) -> [Query; 2] {
    match which {
        Which::All => [("WIDE", WIDE), ("NARROW", NARROW)],
        Which::KeptOut => [("WIDE_KEPT_OUT", WIDE_KEPT_OUT), ("NARROW_KEPT_OUT", NARROW_KEPT_OUT)],
        Which::NoEmail => [("WIDE_NO_EMAIL", WIDE_NO_EMAIL), ("NARROW_NO_EMAIL", NARROW_NO_EMAIL)],
        Which::Never => [("WIDE_NEVER", WIDE_NEVER), ("NARROW_NEVER", NARROW_NEVER)],
        Which::Stopped => [("WIDE_STOPPED", WIDE_STOPPED), ("NARROW_STOPPED", NARROW_STOPPED)],
        Which::Disabled => [("WIDE_DISABLED", WIDE_DISABLED), ("NARROW_DISABLED", NARROW_DISABLED)],
        Which::Invited => [("WIDE_INVITED", WIDE_INVITED), ("NARROW_INVITED", NARROW_INVITED)],
    }
}

/// The same, the last ones first.
const fn last(which: Which) -> [Query; 2] {
    match which {
        Which::All => [("WIDE_LAST", WIDE_LAST), ("NARROW_LAST", NARROW_LAST)],
        Which::KeptOut => {
            [("WIDE_LAST_KEPT_OUT", WIDE_LAST_KEPT_OUT), ("NARROW_LAST_KEPT_OUT", NARROW_LAST_KEPT_OUT)]
        }
        Which::NoEmail => {
            [("WIDE_LAST_NO_EMAIL", WIDE_LAST_NO_EMAIL), ("NARROW_LAST_NO_EMAIL", NARROW_LAST_NO_EMAIL)]
        }
        Which::Never => [("WIDE_LAST_NEVER", WIDE_LAST_NEVER), ("NARROW_LAST_NEVER", NARROW_LAST_NEVER)],
        Which::Stopped => {
            [("WIDE_LAST_STOPPED", WIDE_LAST_STOPPED), ("NARROW_LAST_STOPPED", NARROW_LAST_STOPPED)]
        }
        Which::Disabled => {
            [("WIDE_LAST_DISABLED", WIDE_LAST_DISABLED), ("NARROW_LAST_DISABLED", NARROW_LAST_DISABLED)]
        }
        Which::Invited => {
            [("WIDE_LAST_INVITED", WIDE_LAST_INVITED), ("NARROW_LAST_INVITED", NARROW_LAST_INVITED)]
        }
    }
}

/// A page of users, by login.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, which: Which, page: Page<'_>) -> Result<Vec<UserRow>> {
    let [(_, wide), (_, narrow)] = if page.last_first { last(which) } else { first(which) };
    let query = if page.few && page.root.is_some() { narrow } else { wide };
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
