//! What does an operation cost more when there is much in the database? Fills one with users, sessions and grants, in batches, past the
//! program: it would take days.
#![expect(clippy::disallowed_methods, reason = "the time that passes is what is waited for")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::load::measure::spent_beside_hash;
use crate::load::provider::Provider;

/// Rows that one transaction adds.
const BATCH: u32 = 50_000;

/// A server of PostgreSQL that is to carry so much holds what is hot in its memory; the 128 MB that it comes with are for trying it out.
pub const MEMORY: &str = "-c shared_buffers=4GB";

/// What grows, and what it grows without: an index that is made of all rows at once takes a tenth of the time of one that grows in random places,
/// row by row, and every row refers to one that is there.
const GROWN: [&str; 3] = ["users", "sessions", "grants"];
const POSTGRES_BARE: &str = "SET session_replication_role = replica; SET maintenance_work_mem = '1GB';
    UPDATE pg_index SET indisready = FALSE, indisvalid = FALSE
    WHERE indrelid IN ('users'::regclass, 'sessions'::regclass, 'grants'::regclass)";
const SQLITE_BARE: &str = "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000000;
    PRAGMA threads = 2; PRAGMA wal_autocheckpoint = 500000";

/// How it is filled: nobody minds here if a power cut takes the folder along.
pub const FILLING: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("autovacuum", "off"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "1h"),
];

/// How it is measured: as safe as it comes. What it does by itself every few minutes (a checkpoint, a vacuum) would fall into one round or
/// another, of the one or the other.
pub const MEASURING: &[(&str, &str)] = &[("fsync", "on"), ("full_page_writes", "on")];

/// How long one waits for what goes on behind an answer (such as the chaining of events) to be done, and how often one looks.
const CALM: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(250);

/// The share of a core that is still calm.
const IDLE: f64 = 0.03;

/// How much there is to be.
#[derive(Clone, Copy, Debug)]
pub struct Crop {
    /// Users: `load1`, `load2` and so on, with the password of the first.
    pub users: u32,
    /// Sessions of theirs, and as many grants.
    pub sessions: u32,
}

/// Every number of a batch, and the user who is there, looked up once.
const NUMBERS: &str = "WITH RECURSIVE numbers (n) AS (
        SELECT CAST({from} AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < {to}),
    first_user AS MATERIALIZED (SELECT * FROM users WHERE login_key = 'load1')";

const USERS: &str = "INSERT INTO users (id, login, login_key, name, status, group_id, role_id, password_hash, created_at, updated_at)
    SELECT {user n}, 'load' || CAST(n AS TEXT),
           'load' || CAST(n AS TEXT), 'Load', status, group_id, role_id, password_hash, created_at, updated_at
    FROM numbers CROSS JOIN first_user";

/// Of the new users in turn, with nothing that the program would purge: they last for days.
const SESSIONS: &str =
    "INSERT INTO sessions (id, token_hash, user_id, password_at, created_at, seen_at, expires_at)
    SELECT {session}, {hash}, {user}, {now}, {now}, {now}, {now} + 500000
    FROM numbers";

const GRANTS: &str = "INSERT INTO grants (id, user_id, client_id, session_id, scopes, nonce, amr, acr, auth_time, created_at, expires_at)
    SELECT {grant}, {user}, client.id, {session}, 'openid profile email offline_access',
           'nonce', 'pwd', 'urn:countersign:acr:pwd', {now}, {now}, {now} + 500000
    FROM numbers CROSS JOIN (SELECT id FROM clients ORDER BY id LIMIT 1) AS client";

/// The letters of ids and of hashes, as the program makes them (`keys/secret.rs`), and how many letters of an id tell the time.
const BASE32: &str = "234567abcdefghijklmnopqrstuvwxyz";
const OF_TIME: u32 = 9;
const HEX: &str = "0123456789abcdef";

/// A text of SQL that makes of a number what the program would draw: scattered over the whole range that ids have, so that an index grows in
/// random places, and what is added later comes to lie among all that is there, not beside it. Odd factors make different ones of
/// different numbers up to 2^32.
fn drawn(number: &str, factor: u32, letters: &str, length: usize) -> String {
    let of = letters.len() as u64;
    let scattered = (0..32_u32.div_ceil(of.ilog2()))
        .map(|place| {
            let shift = of.pow(place);
            format!("substr('{letters}', 1 + CAST(((({number}) * {factor}) % 4294967296) / {shift} % {of} AS INTEGER), 1)")
        })
        .collect::<Vec<_>>();
    let rest: String = letters.chars().rev().cycle().take(length - scattered.len()).collect();
    format!("{} || '{rest}'", scattered.join(" || "))
}

/// The same for what begins with the time at which it was made: one after the other, every 10 ms, the last a moment ago.
fn timed(number: &str, factor: u32) -> String {
    let time = format!("(({number}) * 10 + CAST({{now}} AS BIGINT) * 1000 - 110000000)");
    let letters = (0..OF_TIME).rev().map(|place| {
        format!("substr('{BASE32}', 1 + CAST({time} / {} % 32 AS INTEGER), 1)", 32_u64.pow(place))
    });
    let rest = drawn(number, factor, BASE32, 26 - OF_TIME as usize);
    format!("{} || {rest}", letters.collect::<Vec<_>>().join(" || "))
}

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
        let indexes = line.bare().await?;
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
        for index in indexes {
            line.run(&index).await.with_context(|| index.clone())?;
        }
        if postgres.is_some() {
            // Whoever reads a new row first would else note in it that it is there for good.
            line.run("VACUUM (FREEZE, ANALYZE)").await
        } else {
            line.run("PRAGMA wal_checkpoint(TRUNCATE)").await
        }
    }
}

impl Line {
    /// Leaves out what makes a row expensive. Returns the statements that make the indexes afterwards.
    async fn bare(&mut self) -> anyhow::Result<Vec<String>> {
        if let Self::Sqlite(conn) = self {
            conn.execute_batch(SQLITE_BARE)?;
            let mut made = Vec::new();
            let mut dropped = String::new();
            let mut query = conn.prepare(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
            )?;
            for table in GROWN {
                let mut rows = query.query([table])?;
                while let Some(row) = rows.next()? {
                    write!(dropped, "DROP INDEX {};", row.get::<_, String>(0)?)?;
                    made.push(row.get(1)?);
                }
            }
            drop(query);
            conn.execute_batch(&dropped)?;
            return Ok(made);
        }
        self.run(POSTGRES_BARE).await?;
        Ok(GROWN.map(|table| format!("REINDEX TABLE {table}")).to_vec())
    }

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

/// Waits until these have nothing more to do.
///
/// # Errors
/// When one of them is gone.
pub async fn calm(providers: &[&Provider]) -> anyhow::Result<()> {
    let spent = || -> anyhow::Result<f64> {
        providers.iter().map(|provider| Ok(spent_beside_hash(provider)?.unwrap_or_default())).sum()
    };
    let until = Instant::now() + CALM;
    while Instant::now() < until {
        let (before, since) = (spent()?, Instant::now());
        tokio::time::sleep(LOOK).await;
        if spent()? - before < since.elapsed().as_secs_f64() * 1000.0 * IDLE {
            return Ok(());
        }
    }
    println!("It did not become calm in {} s.", CALM.as_secs());
    Ok(())
}

fn filled(text: &str, from: u32, to: u32, others: &[(&str, u64)]) -> String {
    let bounds = [("from", u64::from(from)), ("to", u64::from(to))];
    let text = format!("{NUMBERS} {text}");
    let ids = [
        ("user n", drawn("n", 2_654_435_761, BASE32, 26)),
        ("user", drawn("n % {grown} + {first}", 2_654_435_761, BASE32, 26)),
        ("session", timed("n", 2_246_822_519)),
        ("hash", drawn("n", 3_266_489_917, HEX, 64)),
        ("grant", timed("n", 668_265_263)),
    ];
    let text = ids.iter().fold(text, |text, (name, drawn)| text.replace(&format!("{{{name}}}"), drawn));
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
    use std::collections::BTreeSet;

    use super::{BASE32, BATCH, HEX, batches, drawn, timed};

    #[test]
    fn what_is_drawn_looks_like_what_the_program_draws_and_is_never_the_same() {
        let line = rusqlite::Connection::open_in_memory().unwrap();
        for (letters, length) in [(BASE32, 26), (HEX, 64)] {
            let of = |n: u32| -> String {
                let text = drawn(&n.to_string(), 2_654_435_761, letters, length);
                line.query_row(&format!("SELECT {text}"), [], |row| row.get(0)).unwrap()
            };
            let all: BTreeSet<String> = (0..2000).map(of).collect();
            assert_eq!(all.len(), 2000);
            assert!(all.iter().all(|one| one.len() == length && one.chars().all(|c| letters.contains(c))));
            let begin: BTreeSet<char> = all.iter().filter_map(|one| one.chars().next()).collect();
            assert_eq!(begin.len(), letters.len(), "they begin with every letter");
        }
    }

    #[test]
    fn what_begins_with_the_time_comes_in_its_order() {
        let line = rusqlite::Connection::open_in_memory().unwrap();
        let of = |n: u32| -> String {
            let text = timed(&n.to_string(), 668_265_263).replace("{now}", "1795529112");
            line.query_row(&format!("SELECT {text}"), [], |row| row.get(0)).unwrap()
        };
        let all: Vec<String> = (1..2000).map(of).collect();
        assert!(
            all.is_sorted()
                && all.iter().all(|one| one.len() == 26 && one.chars().all(|c| BASE32.contains(c)))
        );
        let beside = countersign::keys::secret::new_id_at(
            1_795_529_112_000,
            &mut countersign::keys::secret::entropy(),
        );
        assert!(all[1998] < beside && all[0][..3] == beside[..3], "{} {beside}", all[0]);
    }

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
