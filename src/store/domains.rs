//! Which queries keep the domains whose addresses are vouched for?

use super::macros::{all, execute, optional, queries};
use super::{Conn, Result};

queries! {
    LIST = "SELECT domain FROM vouched_domains WHERE group_id = $1 ORDER BY domain LIMIT $2";
    FORGET = "DELETE FROM vouched_domains WHERE group_id = $1";
    ADD = "INSERT INTO vouched_domains (group_id, domain) VALUES ($1, $2) ON CONFLICT (group_id, domain) DO NOTHING";
    FIND = "WITH RECURSIVE lineage (id, parent_id, depth) AS (
                SELECT id, parent_id, CAST(0 AS BIGINT) FROM groups WHERE id = $1
                UNION ALL
                SELECT g.id, g.parent_id, l.depth + 1 FROM groups g JOIN lineage l ON g.id = l.parent_id WHERE l.depth < 50)
            SELECT v.domain FROM lineage l JOIN vouched_domains v ON v.group_id = l.id WHERE v.domain = $2 LIMIT 1";
}

/// At most `limit` domains that are vouched for in a group.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, group_id: &str, limit: i64) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = all!(conn, (String,), LIST, group_id, limit)?;
    Ok(rows.into_iter().map(|(domain,)| domain).collect())
}

/// Replaces the domains that are vouched for in a group.
///
/// # Errors
/// When the database refuses.
pub async fn set(conn: &mut Conn, group_id: &str, domains: &[String]) -> Result<()> {
    execute!(conn, FORGET, group_id)?;
    for domain in domains {
        execute!(conn, ADD, group_id, domain)?;
    }
    Ok(())
}

/// Whether a domain is vouched for in a group, or in one that it is part of.
///
/// # Errors
/// When the database refuses.
pub async fn is_vouched_for(conn: &mut Conn, group_id: &str, domain: &str) -> Result<bool> {
    let row: Option<(String,)> = optional!(conn, (String,), FIND, group_id, domain)?;
    Ok(row.is_some())
}
