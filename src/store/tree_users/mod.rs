//! Which queries find the users of a tree, page by page?

mod order;

use super::macros::{all, optional, queries, within};
use super::row::{Columns, FromRow};
use super::user_words::{found, without_words};
use super::users::{UserRow, user_columns, user_joins};
use super::{Conn, Query, Result};
use order::{after, columns, key, keys, name_key, order, order_of_keys};

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

/// The lines of a list; the argument says of whom. What is known of each is one look, and no EXISTS: for that PostgreSQL would read all who are
/// known so.
macro_rules! lines {
    ($($which:expr),+) => {
        concat!(
            "SELECT (SELECT 1 FROM code_budgets s WHERE s.user_id = u.id AND s.stopped_at IS NOT NULL) IS NOT NULL AS codes_stopped,
                    (SELECT 1 FROM messages f WHERE f.user_id = u.id AND f.state = 'refused' LIMIT 1) IS NOT NULL AS refused, u.signed_in_at, ",
            user_columns!(),
            " FROM users u ",
            user_joins!(),
            "WHERE ",
            $($which),+
        )
    };
}

/// By an index of the order: for a tree that holds most of the site, or for all of it. `$3` is how many. The users of the page are found
/// first, and then all that is shown of them is read.
macro_rules! wide {
    ($order:ident, $who:literal) => {
        lines!(
            "u.login_key IN (SELECT x.login_key FROM users x WHERE ",
            within!("x.group_id"),
            " AND ",
            after!($order, "x", "$8"),
            " AND ",
            found!("x"),
            " AND ",
            $who,
            order!($order, "x"),
            "LIMIT $3)",
            order!($order, "u")
        )
    };
}

/// The key of the one user of this id, if they are among those whom the list shows; null if not. Asked so, it is one look for each.
macro_rules! key_of {
    ($order:ident, $key:expr, $id:literal, $who:literal) => {
        concat!(
            "(SELECT ",
            $key,
            " FROM users x WHERE x.id = ",
            $id,
            " AND ",
            $who,
            " AND ",
            within!("x.group_id"),
            " AND ",
            after!($order, "x", "$8"),
            " AND ",
            found!("x"),
            ")"
        )
    };
}

/// The same, of everybody whom another table names: the second argument is from there.
macro_rules! keys_of {
    (login, $id:literal, $from:literal, $who:literal) => {
        concat!("SELECT ", key_of!(login, "x.login_key", $id, $who), " AS login_key FROM ", $from)
    };
    (login_last, $id:literal, $from:literal, $who:literal) => {
        concat!("SELECT ", key_of!(login_last, "x.login_key", $id, $who), " AS login_key FROM ", $from)
    };
    ($order:ident, $id:literal, $from:literal, $who:literal) => {
        concat!(
            "SELECT ",
            key_of!($order, "x.login_key", $id, $who),
            " AS login_key, ",
            key_of!($order, key!($order, "x"), $id, $who),
            " AS beside FROM ",
            $from
        )
    };
}

/// By what names the users, who are few: the first so many of those.
macro_rules! named {
    ($order:ident, $($keys:expr),+) => {
        lines!(
            "u.login_key IN (SELECT login_key FROM (",
            $($keys),+,
            ") AS named",
            order_of_keys!($order),
            "LIMIT $3)",
            order!($order, "u")
        )
    };
}

/// Those whose codes are stopped after too many wrong ones.
macro_rules! wide_stopped {
    ($order:ident) => {
        named!(
            $order,
            keys_of!($order, "b.user_id", "code_budgets b WHERE b.stopped_at IS NOT NULL", "x.id <> ''")
        )
    };
}

/// Those whom a code is asked for that may not reach them: everybody whom the decision could find kept out, and others. Of those who have no
/// address, who may be many, the first so many are enough.
macro_rules! wide_kept_out {
    ($order:ident) => {
        wide_kept_out!(
            $order,
            // As a case: so SQLite goes by the order of those without an address, and sorts none of them. PostgreSQL takes a difference for
            // frequent, and does so too.
            "CASE WHEN x.status = 'active' AND x.group_id IN (SELECT y.id FROM groups y WHERE y.two_factor_setting = 'on')
                  THEN 1 ELSE 0 END <> 0"
        )
    };
    ($order:ident, $who:literal) => {
        named!(
            $order,
            "SELECT ",
            columns!($order),
            " FROM (SELECT ",
            keys!($order),
            " FROM users x WHERE x.addressless AND ",
            $who,
            " AND ",
            within!("x.group_id"),
            " AND ",
            after!($order, "x", "$8"),
            " AND ",
            found!("x"),
            order!($order, "x"),
            "LIMIT $3) AS nowhere UNION ",
            keys_of!($order, "b.user_id", "code_budgets b WHERE b.stopped_at IS NOT NULL", $who),
            " UNION ",
            keys_of!($order, "m.user_id", "messages m WHERE m.state = 'refused'", $who)
        )
    };
}

/// Which of a few users a list shows: `$8` is its word.
macro_rules! shown {
    () => {
        "CASE CAST($8 AS TEXT)
             WHEN 'cannot-sign-in' THEN u.status = 'active' AND g.two_factor_setting = 'on'
                  AND (u.addressless
                       OR EXISTS (SELECT 1 FROM code_budgets b WHERE b.user_id = u.id AND b.stopped_at IS NOT NULL)
                       OR EXISTS (SELECT 1 FROM messages m WHERE m.user_id = u.id AND m.state = 'refused'))
             WHEN 'no-email' THEN u.addressless AND u.status <> 'disabled'
             WHEN 'never-signed-in' THEN u.signed_in_at = 0 AND u.status <> 'disabled'
             WHEN 'stopped' THEN EXISTS (SELECT 1 FROM code_budgets b WHERE b.user_id = u.id AND b.stopped_at IS NOT NULL)
             WHEN 'disabled' THEN u.status = 'disabled'
             WHEN 'invited' THEN u.status = 'invited'
             ELSE TRUE END"
    };
}

/// By the words that are searched for: of those that find anybody, the first `$9` in the order of the logins are looked at; several may find
/// the same one. The last argument says more of whom.
macro_rules! worded {
    ($order:ident, $from:literal, $keys:expr, $more:literal) => {
        lines!(
            "u.login_key IN (SELECT login_key FROM (SELECT w.login_key FROM user_words w WHERE w.word >= $4 AND w.word < $5",
            $from,
            " UNION ALL SELECT x.login_key FROM users x WHERE ",
            without_words!("x"),
            $keys,
            "LIMIT $9) AS finds) AND ",
            $more,
            after!($order, "u", "$10"),
            " AND ",
            within!("u.group_id"),
            " AND ",
            found!("u"),
            " AND ",
            shown!(),
            order!($order, "u"),
            "LIMIT $3"
        )
    };
}

// Here, below the macros that they use.
pub mod near;
pub mod parts;

/// By the groups: for a tree of few people.
macro_rules! narrow {
    ($order:ident) => {
        lines!(
            "u.group_id IN ",
            tree!(),
            " AND ",
            after!($order, "u", "$9"),
            " AND ",
            found!("u"),
            " AND ",
            shown!(),
            order!($order, "u"),
            "LIMIT $3"
        )
    };
}

/// The queries for lists of each kind, in each order.
macro_rules! kinds {
    ($($kind:ident = $query:ident!($($who:literal)?);)+) => {
        $(mod $kind {
            use super::*;

            pub(super) const BY_LOGIN: &str = $query!(login $(, $who)?);
            pub(super) const BY_LOGIN_LAST: &str = $query!(login_last $(, $who)?);
            pub(super) const BY_NAME: &str = $query!(name $(, $who)?);
            pub(super) const BY_NAME_LAST: &str = $query!(name_last $(, $who)?);
            pub(super) const BY_SIGN_IN: &str = $query!(sign_in $(, $who)?);
            pub(super) const BY_SIGN_IN_LAST: &str = $query!(sign_in_last $(, $who)?);
        })+

        /// The queries of these kinds, by name.
        pub const KINDS: &[Query] = &[$(
            (concat!(stringify!($kind), "::BY_LOGIN"), $kind::BY_LOGIN),
            (concat!(stringify!($kind), "::BY_LOGIN_LAST"), $kind::BY_LOGIN_LAST),
            (concat!(stringify!($kind), "::BY_NAME"), $kind::BY_NAME),
            (concat!(stringify!($kind), "::BY_NAME_LAST"), $kind::BY_NAME_LAST),
            (concat!(stringify!($kind), "::BY_SIGN_IN"), $kind::BY_SIGN_IN),
            (concat!(stringify!($kind), "::BY_SIGN_IN_LAST"), $kind::BY_SIGN_IN_LAST)
        ),+];
    };
}

kinds! {
    everybody = wide!("x.id <> ''");
    kept_out = wide_kept_out!();
    no_email = wide!("x.addressless AND x.status <> 'disabled'");
    never = wide!("x.signed_in_at = 0 AND x.status <> 'disabled'");
    stopped = wide_stopped!();
    disabled = wide!("x.status = 'disabled'");
    invited = wide!("x.status = 'invited'");
}

queries! {
    NARROW = narrow!(login);
    NARROW_LAST = narrow!(login_last);
    NARROW_BY_NAME = narrow!(name);
    NARROW_BY_NAME_LAST = narrow!(name_last);
    NARROW_BY_SIGN_IN = narrow!(sign_in);
    NARROW_BY_SIGN_IN_LAST = narrow!(sign_in_last);
    WORDED = worded!(login, " AND w.login_key > $2", " AND x.login_key > $2 ORDER BY login_key ", "");
    WORDED_LAST = worded!(login_last,
                          " AND (CAST($2 AS TEXT) IS NULL OR w.login_key < $2)",
                          " AND (CAST($2 AS TEXT) IS NULL OR x.login_key < $2) ORDER BY login_key DESC ", "");
    WORDED_BY_NAME = worded!(name, "", " ", "");
    WORDED_BY_NAME_LAST = worded!(name_last, "", " ", "");
    WORDED_BY_SIGN_IN = worded!(sign_in, "", " ", "");
    WORDED_BY_SIGN_IN_LAST = worded!(sign_in_last, "", " ", "");
    NAME_KEY = concat!("SELECT ", name_key!("u"), " FROM users u WHERE u.id = $1");
    // By the few groups: a range keeps PostgreSQL from looking for their people among everybody.
    COUNT = concat!(
        "SELECT COUNT(*) FROM (
             SELECT 1 AS n FROM ", tree!(), " AS t CROSS JOIN users u WHERE u.group_id >= t.id AND u.group_id <= t.id LIMIT $2) AS counted");
    ARE_STOPPED = "SELECT user_id FROM code_budgets WHERE user_id = $1 AND stopped_at IS NOT NULL";
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

/// By what a list of users is sorted; those who are alike in it by their logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The folded login.
    #[default]
    Login,
    /// The name in small letters.
    Name,
    /// When they have last signed in; whoever never has comes before all others.
    SignIn,
}

/// How the users of a page are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way<'w> {
    /// In the order of the list, until there are enough.
    Wide,
    /// By their groups, since those hold few people; the word of the list that is shown.
    Narrow(&'w str),
    /// By the words that are searched for; the word of the list that is shown, and how many of the first whom they find are looked at (by
    /// name all whom they find must be).
    Worded(&'w str, i64),
}

/// From where a page of users is read.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The group that the tree hangs from; none for the whole site.
    pub root: Option<&'a str>,
    /// By what it is sorted.
    pub sort: Sort,
    /// Whether the last ones come first.
    pub last_first: bool,
    /// The folded login that they come after, and what that one is compared by before it: by name their [`name_key()`], by sign-in when that
    /// was, in digits; none for the first page.
    pub after: Option<(&'a str, &'a str)>,
    /// How a word begins that is searched for, and what comes after all that begin so, in hexadecimal digits.
    pub words: (&'a str, &'a str),
    /// How a text begins, and how a later word of one does, as LIKE takes it with `!` as escape.
    pub texts: (&'a str, &'a str),
    /// How many at most.
    pub limit: i64,
}

impl<'a> Page<'a> {
    /// The login that they come after, and what that one is compared by: the first ones come after the empty text, and the last ones before none.
    fn place(&self) -> (Option<&'a str>, Option<&'a str>) {
        let after = if self.last_first { self.after } else { self.after.or(Some(("", ""))) };
        (after.map(|(login, _)| login), after.map(|(_, beside)| beside))
    }

    /// When the one before has last signed in. Whoever never did comes after the beginning, too.
    fn sign_in(&self) -> Option<i64> {
        self.place().1.map(|at| at.parse::<i64>().unwrap_or(-1))
    }
}

/// A user on a list.
#[derive(Clone, Debug)]
pub struct LineRow {
    /// Whether their codes are stopped.
    pub codes_stopped: bool,
    /// Whether a message to them was refused.
    pub refused: bool,
    /// When they have last signed in, in seconds since 1970; 0 for never.
    pub signed_in_at: i64,
    /// The user.
    pub user: UserRow,
}

impl FromRow for LineRow {
    fn from_row<C: Columns>(columns: &mut C) -> std::result::Result<Self, C::Error> {
        Ok(Self {
            codes_stopped: columns.named("codes_stopped")?,
            refused: columns.named("refused")?,
            signed_in_at: columns.named("signed_in_at")?,
            user: UserRow::from_row(columns)?,
        })
    }
}

/// The query of a kind in an order.
macro_rules! of_kind {
    ($which:expr, $query:ident, $($kind:ident = $module:ident),+) => {
        match $which {
            $(Which::$kind => $module::$query),+
        }
    };
}

/// The same, of all kinds.
macro_rules! of {
    ($which:expr, $query:ident) => {
        of_kind!(
            $which,
            $query,
            All = everybody,
            KeptOut = kept_out,
            NoEmail = no_email,
            Never = never,
            Stopped = stopped,
            Disabled = disabled,
            Invited = invited
        )
    };
}

/// A page of users.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, which: Which, way: Way<'_>, page: Page<'_>) -> Result<Vec<LineRow>> {
    let Page { root, sort, last_first, words: (from, to), texts: (begins, later), limit, .. } = page;
    let (login, beside) = page.place();
    let sign_in = page.sign_in();
    macro_rules! run {
        ($query:expr $(, $more:expr)*) => {{
            let query = $query;
            all!(conn, LineRow, query, root, login, limit, from, to, begins, later $(, $more)*)
        }};
    }
    match (way, sort, last_first) {
        (Way::Wide, Sort::Login, false) => run!(of!(which, BY_LOGIN)),
        (Way::Wide, Sort::Login, true) => run!(of!(which, BY_LOGIN_LAST)),
        (Way::Wide, Sort::Name, false) => run!(of!(which, BY_NAME), beside),
        (Way::Wide, Sort::Name, true) => run!(of!(which, BY_NAME_LAST), beside),
        (Way::Wide, Sort::SignIn, false) => run!(of!(which, BY_SIGN_IN), sign_in),
        (Way::Wide, Sort::SignIn, true) => run!(of!(which, BY_SIGN_IN_LAST), sign_in),
        (Way::Narrow(word), Sort::Login, false) => run!(NARROW, word),
        (Way::Narrow(word), Sort::Login, true) => run!(NARROW_LAST, word),
        (Way::Narrow(word), Sort::Name, false) => run!(NARROW_BY_NAME, word, beside),
        (Way::Narrow(word), Sort::Name, true) => run!(NARROW_BY_NAME_LAST, word, beside),
        (Way::Narrow(word), Sort::SignIn, false) => run!(NARROW_BY_SIGN_IN, word, sign_in),
        (Way::Narrow(word), Sort::SignIn, true) => run!(NARROW_BY_SIGN_IN_LAST, word, sign_in),
        (Way::Worded(word, most), Sort::Login, false) => run!(WORDED, word, most),
        (Way::Worded(word, most), Sort::Login, true) => run!(WORDED_LAST, word, most),
        (Way::Worded(word, most), Sort::Name, false) => run!(WORDED_BY_NAME, word, most, beside),
        (Way::Worded(word, most), Sort::Name, true) => run!(WORDED_BY_NAME_LAST, word, most, beside),
        (Way::Worded(word, most), Sort::SignIn, false) => run!(WORDED_BY_SIGN_IN, word, most, sign_in),
        (Way::Worded(word, most), Sort::SignIn, true) => run!(WORDED_BY_SIGN_IN_LAST, word, most, sign_in),
    }
}

/// What a user is compared by where a list stands by name; none for whoever is gone.
///
/// # Errors
/// When the database refuses.
pub async fn name_key(conn: &mut Conn, id: &str) -> Result<Option<String>> {
    Ok(optional!(conn, (String,), NAME_KEY, id)?.map(|(key,)| key))
}

/// How many users a tree has, but no more than `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn count(conn: &mut Conn, root: &str, limit: i64) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), COUNT, root, limit)?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Whether a user's codes are stopped.
///
/// # Errors
/// When the database refuses.
pub async fn are_codes_stopped(conn: &mut Conn, id: &str) -> Result<bool> {
    Ok(optional!(conn, (String,), ARE_STOPPED, id)?.is_some())
}
