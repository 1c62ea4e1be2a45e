//! How is one query text run on either database? These few macros are the whole of it.

/// Runs an expression with `$c` bound to the connection of whichever database is in use, and `$named` to whether the statement may
/// be kept by name; within the limit on a statement. A connection that fails is closed.
macro_rules! run {
    ($conn:expr, $query:expr, $named:ident, $c:ident => $run:expr) => {
        match &mut *$conn {
            conn => {
                let $named = conn.named();
                let limit = $crate::store::conn::STATEMENT;
                let answer = match conn.link() {
                    Some($crate::store::conn::Link::Sqlite($c)) => {
                        $crate::store::conn::within(limit, async { $run }).await
                    }
                    Some($crate::store::conn::Link::Postgres($c)) => {
                        $crate::store::conn::within(limit, async { $run }).await
                    }
                    None => Err($crate::store::conn::Trouble::Gone),
                };
                conn.learn($query, answer)
            }
        }
    };
}

/// Declares named queries and the list of them that the prepare-everything test reads.
macro_rules! queries {
    ($($(#[$meta:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$meta])* const $name: &str = $sql;)+

        /// The queries of this file, by name.
        pub const QUERIES: &[$crate::store::Query] = &[$((stringify!($name), $name)),+];
    };
}

/// Runs a statement; the answer is the number of rows it changed.
macro_rules! execute {
    ($conn:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::run!($conn, stringify!($sql), named, c => {
            sqlx::query($sql).persistent(named)$(.bind($bind))*.execute(c).await.map(|done| done.rows_affected())
        })
    };
}

/// Reads at most one row as `$row`.
macro_rules! optional {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::run!($conn, stringify!($sql), named, c => {
            sqlx::query_as::<_, $row>($sql).persistent(named)$(.bind($bind))*.fetch_optional(c).await
        })
    };
}

/// Reads all rows as `$row`; the query itself must bound how many.
macro_rules! all {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::run!($conn, stringify!($sql), named, c => {
            sqlx::query_as::<_, $row>($sql).persistent(named)$(.bind($bind))*.fetch_all(c).await
        })
    };
}

/// That a group is in the tree which hangs from the one of `$1`; every group is where that is null.
macro_rules! within {
    ($group:literal) => {
        concat!(
            "(CAST($1 AS TEXT) IS NULL OR ",
            $group,
            " IN (WITH RECURSIVE below (id) AS (
                      SELECT id FROM groups WHERE id = $1
                      UNION ALL
                      SELECT c.id FROM below b JOIN groups c ON COALESCE(c.parent_id, '') = b.id)
                  SELECT id FROM below))"
        )
    };
}

pub(crate) use {all, execute, optional, queries, run, within};
