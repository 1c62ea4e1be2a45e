//! How is one query text run on either database? These few macros are the whole of it.

/// Declares named queries and the list of them that the prepare-everything test reads.
macro_rules! queries {
    ($($(#[$meta:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$meta])* const $name: &str = $sql;)+

        /// The queries of this file, by name.
        pub const QUERIES: &[$crate::store::Query] = &[$((stringify!($name), $name)),+];
    };
}

/// What a query is called in errors, metrics and traces: the module and the constant, such as `users::FIND`.
macro_rules! name {
    ($sql:expr) => {
        const { $crate::store::macros::short(concat!(module_path!(), "::", stringify!($sql))) }
    };
}

/// The path within the store.
pub(crate) const fn short(path: &'static str) -> &'static str {
    match path.split_at_checked("countersign::store::".len()) {
        Some((_, short)) => short,
        None => path,
    }
}

/// Runs a query by the method of this name, which there is for either database, and gives the query's name along. SQLite answers
/// at once, on this thread; PostgreSQL is waited for.
macro_rules! run {
    ($conn:expr, $method:ident $(::<$row:ty>)?, $sql:expr $(, $bind:expr)*) => {
        match &mut $conn.side {
            $crate::store::conn::Side::Sqlite(session) => {
                session.$method $(::<$row>)? ($crate::store::macros::name!($sql), $sql, &[$(&$bind),*])
            }
            $crate::store::conn::Side::Postgres(session) => {
                session.$method $(::<$row>)? ($crate::store::macros::name!($sql), $sql, &[$(&$bind),*]).await
            }
        }
    };
}

/// Asks without waiting; on SQLite that makes no difference.
macro_rules! ask {
    ($conn:expr, $method:ident $(::<$row:ty>)?, $sql:expr $(, $bind:expr)*) => {
        match &mut $conn.side {
            $crate::store::conn::Side::Sqlite(session) => {
                session.$method $(::<$row>)? ($crate::store::macros::name!($sql), $sql, &[$(&$bind),*])
            }
            $crate::store::conn::Side::Postgres(session) => {
                session.$method $(::<$row>)? ($crate::store::macros::name!($sql), $sql, &[$(&$bind),*])
            }
        }
    };
}

/// Runs a statement; the answer is the number of rows it changed.
macro_rules! execute {
    ($conn:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::run!($conn, execute, $sql $(, $bind)*)
    };
}

/// Reads at most one row as `$row`.
macro_rules! optional {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::run!($conn, optional::<$row>, $sql $(, $bind)*)
    };
}

/// Reads all rows as `$row`; the query itself must bound how many.
macro_rules! all {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::run!($conn, all::<$row>, $sql $(, $bind)*)
    };
}

/// Runs a statement in a transaction, of which nobody waits to hear: it is sent to PostgreSQL with the next one whose answer is waited
/// for, the COMMIT at the latest, and that fails where this one does.
macro_rules! later {
    ($conn:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::run!($conn, later, $sql $(, $bind)*)
    };
}

/// The same; the number of rows that it has changed is told then (`Later`).
macro_rules! execute_later {
    ($conn:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::ask!($conn, execute_later, $sql $(, $bind)*)
    };
}

/// The same of a query for at most one row.
macro_rules! optional_later {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::ask!($conn, optional_later::<$row>, $sql $(, $bind)*)
    };
}

/// The same of a query for some rows.
macro_rules! all_later {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::store::macros::ask!($conn, all_later::<$row>, $sql $(, $bind)*)
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

/// That a user `x` without an address has nothing that could be one; those are alike, whatever else there is about them. The expressions are those
/// of two indexes, and so is the other way to name the group.
macro_rules! nothing {
    () => {
        "TRIM(COALESCE(x.email, '')) = '' AND x.login = replace(x.login, '@', '')"
    };
}

pub(crate) use {
    all, all_later, ask, execute, execute_later, later, name, nothing, optional, optional_later, queries,
    run, within,
};
