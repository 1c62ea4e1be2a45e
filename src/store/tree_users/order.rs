//! In which order does a list of users stand, and who comes after those of the page before?

/// What users are compared by where a list stands by name. The expression is that of the index.
macro_rules! name_key {
    ($user:literal) => {
        concat!("lower(COALESCE(", $user, ".name, ''))")
    };
}

/// What they are compared by before their logins.
macro_rules! key {
    (name, $user:literal) => {
        $crate::store::tree_users::order::name_key!($user)
    };
    (name_last, $user:literal) => {
        $crate::store::tree_users::order::name_key!($user)
    };
    (sign_in, $user:literal) => {
        concat!($user, ".signed_in_at")
    };
    (sign_in_last, $user:literal) => {
        concat!($user, ".signed_in_at")
    };
}

/// Who comes after those of the page before: `$2` is the folded login of the last of them, and the third argument, where the list does not
/// stand by login, what the same is compared by before it. For the last ones first both are null on the first page.
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
    (name_last, $user:literal, $key:literal) => {
        $crate::store::tree_users::order::after!(@before, name_last, "TEXT", $user, $key)
    };
    (sign_in_last, $user:literal, $key:literal) => {
        $crate::store::tree_users::order::after!(@before, sign_in_last, "BIGINT", $user, $key)
    };
    (@before, $order:ident, $type:literal, $user:literal, $key:literal) => {
        concat!(
            $crate::store::tree_users::order::key!($order, $user),
            " <= COALESCE(",
            $key,
            ", (SELECT ",
            $crate::store::tree_users::order::key!($order, "z"),
            " FROM users z ORDER BY ",
            $crate::store::tree_users::order::key!($order, "z"),
            " DESC, z.login_key DESC LIMIT 1)) AND (CAST(",
            $key,
            " AS ",
            $type,
            ") IS NULL OR ",
            $crate::store::tree_users::order::key!($order, $user),
            " < ",
            $key,
            " OR ",
            $user,
            ".login_key < $2)"
        )
    };
    ($order:ident, $user:literal, $key:literal) => {
        concat!(
            $crate::store::tree_users::order::key!($order, $user),
            " >= ",
            $key,
            " AND (",
            $crate::store::tree_users::order::key!($order, $user),
            " > ",
            $key,
            " OR ",
            $user,
            ".login_key > $2)"
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
    (name_last, $user:literal) => {
        $crate::store::tree_users::order::order!(@last, name_last, $user)
    };
    (sign_in_last, $user:literal) => {
        $crate::store::tree_users::order::order!(@last, sign_in_last, $user)
    };
    (@last, $order:ident, $user:literal) => {
        concat!(
            " ORDER BY ",
            $crate::store::tree_users::order::key!($order, $user),
            " DESC, ",
            $user,
            ".login_key DESC "
        )
    };
    ($order:ident, $user:literal) => {
        concat!(" ORDER BY ", $crate::store::tree_users::order::key!($order, $user), ", ", $user, ".login_key ")
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
        concat!("x.login_key, ", $crate::store::tree_users::order::key!($order, "x"), " AS beside")
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
        "login_key, beside"
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
    (name_last) => {
        " ORDER BY beside DESC NULLS LAST, login_key DESC "
    };
    (sign_in_last) => {
        " ORDER BY beside DESC NULLS LAST, login_key DESC "
    };
    ($order:ident) => {
        " ORDER BY beside NULLS LAST, login_key "
    };
}

pub(super) use {after, columns, key, keys, name_key, order, order_of_keys};
