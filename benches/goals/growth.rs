//! What does an operation cost more when there is much in the database? Fills one with users, sessions and grants, in batches, past the
//! program: it would take days.

use std::path::Path;

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _};

/// Rows that one transaction adds.
const BATCH: u32 = 50_000;

/// How much there is to be.
#[derive(Clone, Copy, Debug)]
pub struct Crop {
    /// Users: `load1`, `load2` and so on, with the password of the first.
    pub users: u32,
    /// Sessions of theirs, and as many grants.
    pub sessions: u32,
}

/// Every number of a batch; and scattered over the whole range of 32 bits, so that an index grows in random places, as with ids that are
/// drawn.
const NUMBERS: &str = "WITH RECURSIVE numbers (n) AS (
    SELECT CAST({from} AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < {to})";

const USERS: &str = "INSERT INTO users (id, login, login_key, name, status, group_id, role_id, password_hash, created_at, updated_at)
    SELECT 'grown-user-with-a-long-id-' || CAST((n * 2654435761) % 4294967296 AS TEXT), 'load' || CAST(n AS TEXT),
           'load' || CAST(n AS TEXT), 'Load', status, group_id, role_id, password_hash, created_at, updated_at
    FROM numbers CROSS JOIN users WHERE login_key = 'load1'";

/// Of the new users in turn, with nothing that the program would purge: they last for days.
const SESSIONS: &str =
    "INSERT INTO sessions (id, token_hash, user_id, password_at, created_at, seen_at, expires_at)
    SELECT 'grown-session-long-id-' || CAST((n * 2654435761) % 4294967296 AS TEXT),
           'grown-token-hash-as-long-as-sha256-' || CAST((n * 2246822519) % 4294967296 AS TEXT),
           'grown-user-with-a-long-id-' || CAST(((n % {grown} + {first}) * 2654435761) % 4294967296 AS TEXT),
           {now}, {now}, {now}, {now} + 500000
    FROM numbers";

const GRANTS: &str = "INSERT INTO grants (id, user_id, client_id, session_id, scopes, nonce, amr, acr, auth_time, created_at, expires_at)
    SELECT 'grown-grant-with-a-long-id-' || CAST((n * 3266489917) % 4294967296 AS TEXT),
           'grown-user-with-a-long-id-' || CAST(((n % {grown} + {first}) * 2654435761) % 4294967296 AS TEXT), client.id,
           'grown-session-long-id-' || CAST((n * 2654435761) % 4294967296 AS TEXT), 'openid profile email offline_access',
           'nonce', 'pwd', 'urn:countersign:acr:pwd', {now}, {now}, {now} + 500000
    FROM numbers CROSS JOIN (SELECT id FROM clients ORDER BY id LIMIT 1) AS client";

/// A connection to the database that is filled.
enum Line {
    Sqlite(rusqlite::Connection),
    Postgres(sqlx::PgConnection),
}

impl Crop {
    /// Fills the SQLite database of this folder, or the PostgreSQL one of this address. There are so many people already, and it is `now`.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn sow(
        &self,
        folder: &Path,
        postgres: Option<&str>,
        people: u32,
        now: u64,
    ) -> anyhow::Result<()> {
        let mut line = match postgres {
            Some(url) => Line::Postgres(sqlx::PgConnection::connect(url).await?),
            None => Line::Sqlite(rusqlite::Connection::open(folder.join("countersign.db"))?),
        };
        if postgres.is_none() {
            // Nobody minds here if a power cut takes the folder along. Indexes grow in random places: in memory, or it takes hours.
            line.run(
                "PRAGMA synchronous = OFF; PRAGMA cache_size = -4000000; PRAGMA wal_autocheckpoint = 500000",
            )
            .await?;
        }
        let grown = self.users.saturating_sub(people).max(1);
        let tables =
            [(USERS, people + 1, self.users), (SESSIONS, 1, self.sessions), (GRANTS, 1, self.sessions)];
        for (text, first, last) in tables {
            for (from, to) in batches(first, last) {
                let text = filled(
                    text,
                    from,
                    to,
                    &[("grown", grown.into()), ("first", (people + 1).into()), ("now", now)],
                );
                line.run(&text).await.with_context(|| format!("rows {from} to {to}"))?;
            }
        }
        if postgres.is_some() {
            line.run("VACUUM ANALYZE").await?;
            // Else it would run while one measures, and count as what an operation costs.
            line.run("CHECKPOINT").await
        } else {
            line.run("PRAGMA wal_checkpoint(TRUNCATE)").await
        }
    }
}

impl Line {
    async fn run(&mut self, text: &str) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(conn) => conn.execute_batch(text)?,
            // Nothing of it comes from outside: numbers alone are put into the texts above.
            Self::Postgres(conn) => {
                sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(conn).await.map(drop)?;
            }
        }
        Ok(())
    }
}

fn filled(text: &str, from: u32, to: u32, others: &[(&str, u64)]) -> String {
    let bounds = [("from", u64::from(from)), ("to", u64::from(to))];
    let text = format!("{NUMBERS} {text}");
    bounds
        .iter()
        .chain(others)
        .fold(text, |text, (name, value)| text.replace(&format!("{{{name}}}"), &value.to_string()))
}

/// The numbers from first to last in pieces of a batch each.
fn batches(first: u32, last: u32) -> impl Iterator<Item = (u32, u32)> {
    let starts = (first..=last).step_by(BATCH as usize);
    starts.map(move |from| (from, last.min(from.saturating_add(BATCH - 1))))
}

#[cfg(test)]
mod tests {
    use super::{BATCH, batches};

    #[test]
    fn batches_are_whole_and_end_where_they_shall() {
        let cases = [
            (1, 0, vec![]),
            (1, 1, vec![(1, 1)]),
            (17, BATCH + 16, vec![(17, BATCH + 16)]),
            (1, BATCH + 1, vec![(1, BATCH), (BATCH + 1, BATCH + 1)]),
        ];
        for (first, last, expected) in cases {
            assert_eq!(batches(first, last).collect::<Vec<_>>(), expected, "{first} to {last}");
        }
    }
}
