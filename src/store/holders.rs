//! Which queries say who else holds a right, and where nobody would?

use super::macros::{optional, queries};
use super::{Conn, Result};

queries! {
    // A range keeps PostgreSQL from looking for them among everybody of the group.
    OTHER_HOLDER = "SELECT u.id FROM roles r CROSS JOIN users u
                    WHERE u.role_id = r.id AND u.role_id BETWEEN r.id AND r.id AND u.status = 'active' AND COALESCE(u.group_id, '') = $1 AND u.id <> $2
                      AND ' ' || r.rights || ' ' LIKE '% ' || $3 || ' %' ESCAPE '!'
                    LIMIT 1";
    DEPRIVED_GROUP = "SELECT g.id FROM groups g
                      WHERE g.two_factor_setting = 'on'
                        AND EXISTS (SELECT 1 FROM users u
                                    WHERE u.group_id = g.id AND u.status = 'active' AND u.role_id = $1)
                        AND NOT EXISTS (SELECT 1 FROM roles r CROSS JOIN users u
                                        WHERE u.role_id = r.id AND u.group_id = g.id AND u.status = 'active'
                                          AND u.role_id <> $1
                                          AND ' ' || r.rights || ' ' LIKE '% override!_2fa %' ESCAPE '!')
                      LIMIT 1";
    // A role's group is the top of the tree that it serves.
    STRANDED_WITHOUT_USER = "SELECT g.id FROM groups g
                             WHERE g.top_id = $1 AND g.two_factor_setting = 'on'
                               AND NOT EXISTS (SELECT 1 FROM roles r CROSS JOIN users u
                                               WHERE r.group_id = $1 AND u.role_id = r.id AND u.role_id BETWEEN r.id AND r.id
                                                 AND u.status = 'active' AND u.id <> $2
                                                 AND ' ' || r.rights || ' ' LIKE '% override!_2fa %' ESCAPE '!')
                             LIMIT 1";
    STRANDED_WITHOUT_ROLE = "SELECT g.id FROM groups g
                             WHERE g.top_id = $1 AND g.two_factor_setting = 'on'
                               AND EXISTS (SELECT 1 FROM users u WHERE u.role_id = $2 AND u.status = 'active')
                               AND NOT EXISTS (SELECT 1 FROM roles r CROSS JOIN users u
                                               WHERE r.group_id = $1 AND u.role_id = r.id AND u.role_id BETWEEN r.id AND r.id
                                                 AND u.status = 'active' AND u.role_id <> $2
                                                 AND ' ' || r.rights || ' ' LIKE '% override!_2fa %' ESCAPE '!')
                             LIMIT 1";
}

/// Whether an active user of the same group (or, without one, of the site itself) other than this one holds a right.
///
/// # Errors
/// When the database refuses.
pub async fn has_other_holder(
    conn: &mut Conn,
    group_id: Option<&str>,
    id: &str,
    right: &str,
) -> Result<bool> {
    // `_` stands for any letter in LIKE; a right has no other letter that means something there.
    let pattern = right.replace('_', "!_");
    let row: Option<(String,)> =
        optional!(conn, (String,), OTHER_HOLDER, group_id.unwrap_or_default(), id, &pattern)?;
    Ok(row.is_some())
}

/// A group with two-factor on that would have no active holder of `override_2fa` any more without this role: its id, if there is one.
///
/// # Errors
/// When the database refuses.
pub async fn deprived_group(conn: &mut Conn, role_id: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = optional!(conn, (String,), DEPRIVED_GROUP, role_id)?;
    Ok(row.map(|(id,)| id))
}

/// Whether a tree in which some group has two-factor on would have no active holder of `override_2fa` without this user.
///
/// # Errors
/// When the database refuses.
pub async fn is_stranded_without(conn: &mut Conn, top_id: &str, id: &str) -> Result<bool> {
    let row: Option<(String,)> = optional!(conn, (String,), STRANDED_WITHOUT_USER, top_id, id)?;
    Ok(row.is_some())
}

/// Whether it has one who would be none any more if this role let nobody in without a code, and would have no other.
///
/// # Errors
/// When the database refuses.
pub async fn is_stranded_without_role(conn: &mut Conn, top_id: &str, role_id: &str) -> Result<bool> {
    let row: Option<(String,)> = optional!(conn, (String,), STRANDED_WITHOUT_ROLE, top_id, role_id)?;
    Ok(row.is_some())
}
