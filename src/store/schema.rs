//! Is the schema in the database the one that this program knows, and how does it become that?

use std::time::Duration;

use sqlx::migrate::{Migration, Migrator};

use super::facts;
use super::macros::{all, execute, optional};
use super::row::from_row;
use super::{Conn, Db, Error, Result, Tx};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a process waits while another one changes the schema.
const TURN: Duration = Duration::from_secs(30);

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long one migration may take.
const MIGRATION: Duration = Duration::from_mins(30);

// The table is sqlx's: `sqlx-cli` reads it too.
const APPLIED: &str =
    "SELECT version, description, success, checksum FROM _sqlx_migrations ORDER BY version LIMIT 10000";
const RECORD: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                      VALUES ($1, $2, TRUE, $3, 0)";

// What only one of the two databases has.
const TABLE_SQLITE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";
const TABLE_POSTGRES: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
    success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL)";
/// A migration may take long; but it does not wait for ever for whoever uses a table.
const UNHURRIED: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
                         SET LOCAL lock_timeout = '30s'";
const DATABASE_NAME: &str = "SELECT CAST(current_database() AS TEXT)";
const TRY_LOCK: &str = "SELECT pg_try_advisory_xact_lock($1)";
const LOCK_HOLDER: &str = "SELECT CAST(a.pid AS BIGINT), CAST(a.application_name AS TEXT), CAST(host(a.client_addr) AS TEXT)
                           FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                           WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
                             AND CAST(l.classid AS BIGINT) = $1 AND CAST(l.objid AS BIGINT) = $2 LIMIT 1";

/// How the schema that is in the database relates to the one that this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// There is nothing of ours in the database.
    Empty,
    /// This many migrations are still to run.
    Behind(usize),
    /// The two are the same.
    Current,
}

/// A schema that this program has not made, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// A newer version of the program has already changed the schema.
    #[error(
        "the database has schema version {found}, made by {maker}, this program knows {known}: run the newer countersign, or restore a backup made before the upgrade"
    )]
    Newer {
        /// The newest version that is in the database.
        found: i64,
        /// The newest version that this program can make.
        known: i64,
        /// The program that made it, as far as the database tells.
        maker: String,
    },
    /// A migration is another one than the one of this number here.
    #[error(
        "migration {version} ({description}) of the database is not the one of this program: run the countersign that made the database, or restore a backup"
    )]
    Changed {
        /// Its number.
        version: i64,
        /// Its name in the database.
        description: String,
    },
    /// A migration was begun and not finished.
    #[error(
        "migration {version} ({description}) of the database was begun and not finished: restore the backup made before it"
    )]
    HalfDone {
        /// Its number.
        version: i64,
        /// Its name in the database.
        description: String,
    },
    /// The database has gone another way than this program.
    #[error(
        "the database has migrations that this program does not know ({unknown}) and lacks others ({lacking}): it belongs to another countersign; run that one, or restore a backup"
    )]
    Foreign {
        /// The numbers of those that only the database has.
        unknown: Numbers,
        /// The numbers of those that only the program has.
        lacking: Numbers,
    },
}

/// Numbers of migrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(pub Vec<i64>);

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(if words.is_empty() { "none".to_owned() } else { words.join(", ") }.as_str())
    }
}

/// A migration that has run, as the database remembers it.
#[derive(Clone, Debug)]
struct Applied {
    version: i64,
    description: String,
    success: bool,
    checksum: Vec<u8>,
}

from_row!(Applied { version, description, success, checksum });

/// A migration of this program: its number and the checksum of its text.
type Known<'m> = (i64, &'m [u8]);

/// Which migrations are still to run.
fn compare(known: &[Known<'_>], applied: &[Applied]) -> std::result::Result<Vec<i64>, Mismatch> {
    if let Some(half) = applied.iter().find(|a| !a.success) {
        return Err(Mismatch::HalfDone { version: half.version, description: half.description.clone() });
    }
    let of = |version: i64| known.iter().find(|(number, _)| *number == version);
    let changed = |a: &&Applied| of(a.version).is_some_and(|(_, checksum)| *checksum != a.checksum);
    if let Some(changed) = applied.iter().find(changed) {
        return Err(Mismatch::Changed { version: changed.version, description: changed.description.clone() });
    }
    let unknown: Vec<i64> =
        applied.iter().map(|a| a.version).filter(|version| of(*version).is_none()).collect();
    let lacking: Vec<i64> = known
        .iter()
        .map(|(version, _)| *version)
        .filter(|version| !applied.iter().any(|a| a.version == *version))
        .collect();
    let newest = known.iter().map(|(version, _)| *version).max().unwrap_or_default();
    match unknown.iter().max() {
        None => Ok(lacking),
        Some(found) if lacking.is_empty() && unknown.iter().all(|version| *version > newest) => {
            let maker = "a newer program".to_owned();
            Err(Mismatch::Newer { found: *found, known: newest, maker })
        }
        Some(_) => Err(Mismatch::Foreign { unknown: Numbers(unknown), lacking: Numbers(lacking) }),
    }
}

/// What this program knows.
fn known() -> Vec<Known<'static>> {
    MIGRATIONS.iter().map(|m| (m.version, &*m.checksum)).collect()
}

impl Db {
    /// Compares the schema that is there with the one that this program knows, and changes nothing.
    ///
    /// # Errors
    /// When the schema is not one that this program has made, or the database does not answer.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        let mut conn = self.read().await?;
        let applied = applied(&mut conn).await?;
        drop(conn);
        if applied.is_empty() {
            return Ok(SchemaState::Empty);
        }
        match compare(&known(), &applied) {
            Ok(lacking) if lacking.is_empty() => Ok(SchemaState::Current),
            Ok(lacking) => Ok(SchemaState::Behind(lacking.len())),
            Err(mismatch) => Err(self.named(mismatch).await.into()),
        }
    }

    /// Says which program made a newer schema, if the database tells.
    async fn named(&self, mismatch: Mismatch) -> Mismatch {
        let Mismatch::Newer { found, known, maker } = mismatch else { return mismatch };
        let told = match self.read().await {
            Ok(mut conn) => facts::find(&mut conn, facts::MIGRATED_BY).await.ok().flatten(),
            Err(_) => None,
        };
        let maker = told.map_or(maker, |version| format!("countersign {version}"));
        Mismatch::Newer { found, known, maker }
    }

    /// Brings the schema up to date, all of it or nothing. Two processes may do so at once: one waits for the other.
    ///
    /// # Errors
    /// When the schema is not one that this program has made, a migration fails, or another process takes too long.
    pub async fn migrate(&self) -> Result<()> {
        self.migrate_within(TURN).await
    }

    /// The same, waiting at most so long for another process.
    ///
    /// # Errors
    /// As [`Db::migrate`].
    pub async fn migrate_within(&self, turn: Duration) -> Result<()> {
        if self.schema_state().await? == SchemaState::Current {
            return Ok(());
        }
        let mut tx = self.begin_migration(turn).await?;
        let table = if self.is_sqlite() { TABLE_SQLITE } else { TABLE_POSTGRES };
        script(&mut tx, 0, table).await?;
        let lacking = compare(&known(), &applied(&mut tx).await?)?;
        for migration in MIGRATIONS.iter().filter(|m| lacking.contains(&m.version)) {
            apply(&mut tx, migration).await?;
        }
        facts::set(&mut tx, facts::MIGRATED_BY, env!("CARGO_PKG_VERSION")).await?;
        tx.commit().await
    }

    /// A transaction in which nobody else changes the schema. On SQLite that is any that writes.
    async fn begin_migration(&self, turn: Duration) -> Result<Tx> {
        let locked = |holder: String| Error::MigrationLocked { seconds: turn.as_secs(), holder };
        if self.is_sqlite() {
            let waiting = async {
                loop {
                    match self.write().await {
                        Err(Error::Unavailable { .. }) => tokio::time::sleep(LOOK_EVERY).await,
                        begun => return begun,
                    }
                }
            };
            let begun = tokio::time::timeout(turn, waiting).await;
            return begun.unwrap_or_else(|_| Err(locked("it is writing to the file".to_owned())));
        }
        let mut tx = self.write().await?;
        script(&mut tx, 0, UNHURRIED).await?;
        let lock = lock_of(&mut tx).await?;
        let waiting = async {
            while !try_lock(&mut tx, lock).await? {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(())
        };
        match tokio::time::timeout(turn, waiting).await {
            Ok(taken) => taken.map(|()| tx),
            // Whatever was cut off in the middle: ask on another connection.
            Err(_) => Err(locked(holder(&mut self.read().await?, lock).await)),
        }
    }
}

/// Which migrations have run: none where there is no table of them.
async fn applied(conn: &mut Conn) -> Result<Vec<Applied>> {
    match all!(conn, Applied, APPLIED) {
        Err(e) if e.is_no_table() => Ok(Vec::new()),
        found => found,
    }
}

async fn apply(tx: &mut Tx, migration: &'static Migration) -> Result<()> {
    script(tx, migration.version, migration.sql.as_str()).await?;
    let conn: &mut Conn = tx;
    execute!(conn, RECORD, migration.version, &*migration.description, &*migration.checksum)?;
    Ok(())
}

/// Runs the statements of a text, one after the other.
async fn script(conn: &mut Conn, version: i64, text: &'static str) -> Result<()> {
    conn.script("migration", text, MIGRATION).await.map_err(|e| match e {
        Error::Query { source, .. } => Error::Migrate { version, reason: source.to_string() },
        Error::Unavailable { reason, .. } => Error::Migrate { version, reason },
        other => other,
    })
}

async fn try_lock(conn: &mut Conn, lock: i64) -> Result<bool> {
    Ok(optional!(conn, (bool,), TRY_LOCK, lock)?.is_some_and(|(taken,)| taken))
}

/// The lock that sqlx's own migrator takes for this database, so that it waits too; but for the transaction and not for the
/// connection, which a pooler may share.
async fn lock_of(conn: &mut Conn) -> Result<i64> {
    let name = optional!(conn, (String,), DATABASE_NAME)?.unwrap_or_default().0;
    Ok(0x3d32_ad9e * i64::from(crc32(name.as_bytes())))
}

/// Who holds the lock, in words.
async fn holder(conn: &mut Conn, lock: i64) -> String {
    let (class, object) = (lock >> 32 & 0xffff_ffff, lock & 0xffff_ffff);
    match optional!(conn, (i64, String, Option<String>), LOCK_HOLDER, class, object) {
        Ok(Some((pid, program, host))) => {
            let program = if program.is_empty() { "a program without a name" } else { &program };
            let host = host.as_deref().unwrap_or("the database's own machine");
            format!("{program} on {host}, process {pid} of PostgreSQL")
        }
        Ok(None) | Err(_) => "PostgreSQL does not say which".to_owned(),
    }
}

/// CRC-32 (ISO 3309), as sqlx names its lock.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let reduce = if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            crc = crc >> 1 ^ reduce;
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(migrations: &[(i64, &[u8])]) -> Vec<Applied> {
        let row = |(version, checksum): &(i64, &[u8])| Applied {
            version: *version,
            description: format!("migration {version}"),
            success: true,
            checksum: checksum.to_vec(),
        };
        migrations.iter().map(row).collect()
    }

    #[test]
    fn sets_and_checksums_are_compared_and_not_their_number() {
        let known: [Known<'_>; 3] = [(1, b"one"), (2, b"two"), (4, b"four")];
        let compared = |there: &[(i64, &[u8])]| compare(&known, &applied(there));
        assert_eq!(compared(&[]), Ok(vec![1, 2, 4]));
        assert_eq!(compared(&[(1, b"one"), (2, b"two"), (4, b"four")]), Ok(vec![]));
        assert_eq!(compared(&[(1, b"one")]), Ok(vec![2, 4]));
        assert_eq!(compared(&[(1, b"one"), (4, b"four")]), Ok(vec![2]), "one that was merged later");
        let told = |there: &[(i64, &[u8])]| compared(there).unwrap_err().to_string();
        for (there, expected) in [
            (&[(1, b"one".as_slice()), (2, b"owt"), (4, b"four")][..], "migration 2 (migration 2)"),
            (&[(1, b"one"), (2, b"two"), (4, b"four"), (5, b"five")], "schema version 5"),
            (&[(1, b"one"), (2, b"two"), (3, b"three")], "does not know (3) and lacks others (4)"),
            (&[(1, b"one"), (2, b"two"), (5, b"five")], "does not know (5) and lacks others (4)"),
            (&[(1, b"one"), (2, b"two"), (3, b"x"), (4, b"four")], "(3) and lacks others (none)"),
        ] {
            let told = told(there);
            assert!(told.contains(expected), "{told}");
        }
        let mut half = applied(&known);
        half[1].success = false;
        assert!(matches!(compare(&known, &half), Err(Mismatch::HalfDone { version: 2, .. })));
    }

    #[test]
    fn the_lock_has_the_number_that_sqlx_gives_it() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
