//! How is one query text run on either database? These few macros are the whole of it.

/// Runs an expression with `$c` bound to the connection of whichever database is in use.
macro_rules! on {
    ($conn:expr, $c:ident => $run:expr) => {
        match $conn.link() {
            $crate::store::db::Link::Sqlite($c) => $run,
            $crate::store::db::Link::Postgres($c) => $run,
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
        $crate::store::macros::on!($conn, c => {
            sqlx::query($sql)$(.bind($bind))*.execute(c).await.map(|done| done.rows_affected())
        }).map_err(|e| $crate::store::Error::from_sqlx(stringify!($sql), e))
    };
}

/// Reads at most one row as `$row`.
macro_rules! optional {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::on!($conn, c => {
            sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(c).await
        }).map_err(|e| $crate::store::Error::from_sqlx(stringify!($sql), e))
    };
}

/// Reads all rows as `$row`; the query itself must bound how many.
macro_rules! all {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::on!($conn, c => {
            sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_all(c).await
        }).map_err(|e| $crate::store::Error::from_sqlx(stringify!($sql), e))
    };
}

pub(crate) use {all, execute, on, optional, queries};
