//! Which queries find whom a code may not reach among the first of a list? Where they are no rarity the page is full there; where it is not,
//! somebody else looks for those whom something names.

use super::order::{after, order};
use super::parts::Part;
use super::{LineRow, Page, Sort};
use crate::store::macros::{all, queries, within};
use crate::store::user_words::found;
use crate::store::users::{user_columns, user_joins};
use crate::store::{Conn, Result};

/// Those among the first `$8` of a list, in its order; the last argument says more of whom.
macro_rules! near {
    ($order:ident) => {
        near!($order, "")
    };
    ($order:ident, $which:literal) => {
        lines!(
            "u.login_key IN (SELECT f.login_key FROM (
                 SELECT x.id, x.login_key, x.email, x.name, x.words_of, x.status, x.group_id, x.addressless, x.signed_in_at FROM users x WHERE ",
            $which,
            after!($order, "x", "$9"),
            order!($order, "x"),
            "LIMIT $8) AS f
             WHERE f.status = 'active' AND f.group_id IN (SELECT y.id FROM groups y WHERE y.two_factor_setting = 'on')
               AND (f.addressless
                    OR EXISTS (SELECT 1 FROM code_budgets b WHERE b.user_id = f.id AND b.stopped_at IS NOT NULL)
                    OR EXISTS (SELECT 1 FROM messages m WHERE m.user_id = f.id AND m.state = 'refused'))
               AND ",
            within!("f.group_id"),
            " AND ",
            found!("f"),
            order!($order, "f"),
            "LIMIT $3)",
            order!($order, "u")
        )
    };
}

queries! {
    NEAR = near!(login);
    NEAR_LAST = near!(login_last);
    NEAR_BY_NAME = near!(name);
    NEAR_BY_NAME_LAST = near!(name_last);
    NEAR_BY_SIGN_IN = near!(sign_in);
    NEAR_BY_SIGN_IN_LAST = near!(sign_in_last);
    NEAR_OF_ROLE = near!(login, "x.role_id = $9 AND ");
    NEAR_OF_ROLE_LAST = near!(login_last, "x.role_id = $9 AND ");
    NEAR_OF_GROUP = near!(login, "x.group_id = $9 AND ");
    NEAR_OF_GROUP_LAST = near!(login_last, "x.group_id = $9 AND ");
}

/// A page of those whom a code is asked for that may not reach them, as far as they are among the first `looked_at` of the site that come after
/// the one before: where the page is full, it is the page.
///
/// # Errors
/// When the database refuses.
pub async fn kept_out(conn: &mut Conn, page: Page<'_>, looked_at: i64) -> Result<Vec<LineRow>> {
    let Page { root, sort, last_first, words: (from, to), texts: (begins, later), limit, .. } = page;
    let (login, beside) = page.place();
    let sign_in = page.sign_in();
    macro_rules! run {
        ($query:expr $(, $more:expr)*) => {
            all!(conn, LineRow, $query, root, login, limit, from, to, begins, later, looked_at $(, $more)*)
        };
    }
    match (sort, last_first) {
        (Sort::Login, false) => run!(NEAR),
        (Sort::Login, true) => run!(NEAR_LAST),
        (Sort::Name, false) => run!(NEAR_BY_NAME, beside),
        (Sort::Name, true) => run!(NEAR_BY_NAME_LAST, beside),
        (Sort::SignIn, false) => run!(NEAR_BY_SIGN_IN, sign_in),
        (Sort::SignIn, true) => run!(NEAR_BY_SIGN_IN_LAST, sign_in),
    }
}

/// The same among the first of one part, by their logins: all of them where it has no more than `looked_at`.
///
/// # Errors
/// When the database refuses.
pub async fn kept_out_of_part(
    conn: &mut Conn,
    part: Part,
    id: &str,
    page: Page<'_>,
    looked_at: i64,
) -> Result<Vec<LineRow>> {
    let Page { root, last_first, words: (from, to), texts: (begins, later), limit, .. } = page;
    let (login, _) = page.place();
    let query = match (part, last_first) {
        (Part::Role, false) => NEAR_OF_ROLE,
        (Part::Role, true) => NEAR_OF_ROLE_LAST,
        (Part::Group, false) => NEAR_OF_GROUP,
        (Part::Group, true) => NEAR_OF_GROUP_LAST,
    };
    all!(conn, LineRow, query, root, login, limit, from, to, begins, later, looked_at, id)
}
