//! Which queries tell who of a group has nothing that could be an address? Those who hold one role are alike in all that decides about them.

use super::macros::{all, nothing, queries};
use super::{Conn, Result};

queries! {
    ALIKE = concat!(
        "SELECT r.rights AS role_rights, c.ids
         FROM (SELECT x.role_id, string_agg(x.id, ' ') AS ids FROM users x
               WHERE x.group_id || '' = $1 AND x.status = 'active' AND x.addressless AND ", nothing!(), " GROUP BY x.role_id) AS c
         JOIN roles r ON r.id = c.role_id ORDER BY r.id LIMIT $2");
    ALIKE_COUNTED = concat!(
        "SELECT r.rights AS role_rights, r.id, c.n, c.changed
         FROM (SELECT x.role_id, COUNT(*) AS n, CAST(SUM(x.updated_at) AS BIGINT) AS changed FROM users x
               WHERE x.group_id || '' = $1 AND x.status = 'active' AND x.addressless AND ", nothing!(), " GROUP BY x.role_id) AS c
         JOIN roles r ON r.id = c.role_id ORDER BY r.id LIMIT $2");
}

/// Those of a group who are active and have nothing that could be an address, by their roles, at most `limit` of those: the rights of each,
/// and the ids of who holds it, separated by spaces.
///
/// # Errors
/// When the database refuses.
pub async fn each(conn: &mut Conn, group_id: &str, limit: i64) -> Result<Vec<(String, String)>> {
    all!(conn, (String, String), ALIKE, group_id, limit)
}

/// The same where they are many and nobody is named: of each role its rights, its id, how many they are, and the sum of the times of their last
/// changes, in seconds since 1970.
///
/// # Errors
/// When the database refuses.
pub async fn counted(conn: &mut Conn, group_id: &str, limit: i64) -> Result<Vec<(String, String, i64, i64)>> {
    all!(conn, (String, String, i64, i64), ALIKE_COUNTED, group_id, limit)
}
