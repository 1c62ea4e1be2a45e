//! In which order does a list of users stand, and who comes after those of the page before?

/// What users are compared by where a list stands by name. The expression is that of the index.
macro_rules! name_key {
    ($user:literal) => {
        concat!("lower(COALESCE(", $user, ".name, ''))")
    };
}

/// Who comes after those of the page before: `$2` is the folded login of the last of them, and by name the third argument is that of the
/// same. For the last ones first both are null on the first page.
macro_rules! after {
    (login, $user:literal, $name:literal) => {
        concat!($user, ".login_key > $2")
    };
    (login_last, $user:literal, $name:literal) => {
        concat!(
            $user,
            ".login_key <= COALESCE($2, (SELECT MAX(z.login_key) FROM users z)) AND (CAST($2 AS TEXT) IS NULL OR ",
            $user,
            ".login_key <> $2)"
        )
    };
    (name, $user:literal, $name:literal) => {
        concat!(
            $crate::store::tree_users::order::name_key!($user),
            " >= ",
            $name,
            " AND (",
            $crate::store::tree_users::order::name_key!($user),
            " > ",
            $name,
            " OR ",
            $user,
            ".login_key > $2)"
        )
    };
    (name_last, $user:literal, $name:literal) => {
        concat!(
            $crate::store::tree_users::order::name_key!($user),
            " <= COALESCE(",
            $name,
            ", (SELECT ",
            $crate::store::tree_users::order::name_key!("z"),
            " FROM users z ORDER BY ",
            $crate::store::tree_users::order::name_key!("z"),
            " DESC, z.login_key DESC LIMIT 1)) AND (CAST(",
            $name,
            " AS TEXT) IS NULL OR ",
            $crate::store::tree_users::order::name_key!($user),
            " < ",
            $name,
            " OR ",
            $user,
            ".login_key < $2)"
        )
    };
}

/// In which order.
macro_rules! order {
    (login, $user:literal) => {
        concat!(" ORDER BY ", $user, ".login_key ")
    };
    (login_last, $user:literal) => {
        concat!(" ORDER BY ", $user, ".login_key DESC ")
    };
    (name, $user:literal) => {
        concat!(" ORDER BY ", $crate::store::tree_users::order::name_key!($user), ", ", $user, ".login_key ")
    };
    (name_last, $user:literal) => {
        concat!(
            " ORDER BY ",
            $crate::store::tree_users::order::name_key!($user),
            " DESC, ",
            $user,
            ".login_key DESC "
        )
    };
}

/// What such an order needs to know of users whom a query finds in parts.
macro_rules! keys {
    (login) => {
        "x.login_key"
    };
    (login_last) => {
        "x.login_key"
    };
    ($order:ident) => {
        concat!("x.login_key, ", $crate::store::tree_users::order::name_key!("x"), " AS name_key")
    };
}

/// The same, of the query around those.
macro_rules! columns {
    (login) => {
        "login_key"
    };
    (login_last) => {
        "login_key"
    };
    ($order:ident) => {
        "login_key, name_key"
    };
}

/// In which order these stand: whoever is not among those whom the list shows at the end.
macro_rules! order_of_keys {
    (login) => {
        " ORDER BY login_key NULLS LAST "
    };
    (login_last) => {
        " ORDER BY login_key DESC NULLS LAST "
    };
    (name) => {
        " ORDER BY name_key NULLS LAST, login_key "
    };
    (name_last) => {
        " ORDER BY name_key DESC NULLS LAST, login_key DESC "
    };
}

pub(super) use {after, columns, keys, name_key, order, order_of_keys};
