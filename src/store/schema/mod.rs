//! Is the schema in the database the one that this program knows, and how does it become that?

use std::time::Duration;

use sqlx::migrate::{Migration, Migrator};

use super::macros::{all, execute, optional};
use super::{Conn, Db, Error, Result, Tx, facts};
use compare::{Applied, Known, Usable, compare};
use tries::{UNHURRIED, holder};

mod compare;
mod tries;

pub use compare::{Mismatch, Numbers, SchemaState};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a process waits while another one changes the schema, and for tables that others use.
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
const DATABASE_NAME: &str = "SELECT CAST(current_database() AS TEXT)";
const TRY_LOCK: &str = "SELECT pg_try_advisory_xact_lock($1)";

/// What this program knows.
fn known() -> Vec<Known<'static>> {
    let known =
        |m: &'static Migration| Known { version: m.version, checksum: &m.checksum, text: m.sql.as_str() };
    MIGRATIONS.iter().map(known).collect()
}

impl Db {
    /// Compares the schema that is there with the one that this program knows, and changes nothing.
    ///
    /// # Errors
    /// When the schema is not one that this program has made, or the database does not answer.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        let mut conn = self.read().await?;
        let applied = applied(&mut conn).await?;
        if applied.is_empty() {
            return Ok(SchemaState::Empty);
        }
        let compared = related(&mut conn, &applied).await?;
        drop(conn);
        match compared {
            Ok(Usable::Lacks(lacking)) if lacking.is_empty() => Ok(SchemaState::Current),
            Ok(Usable::Lacks(lacking)) => Ok(SchemaState::Behind(lacking.len())),
            Ok(Usable::Ahead(found)) => Ok(SchemaState::Ahead(found)),
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
    /// When the schema is not one that this program has made, a migration fails, another process takes too long, or uses a table for
    /// too long that a migration needs.
    pub async fn migrate(&self) -> Result<()> {
        self.migrate_within(TURN).await
    }

    /// The same, waiting at most so long for another process, and as long for the tables that others use.
    ///
    /// # Errors
    /// As [`Db::migrate`].
    pub async fn migrate_within(&self, turn: Duration) -> Result<()> {
        if matches!(self.schema_state().await?, SchemaState::Current | SchemaState::Ahead(_)) {
            return Ok(());
        }
        let mut tx = self.begin_migration(turn).await?;
        let table = if self.is_sqlite() { TABLE_SQLITE } else { TABLE_POSTGRES };
        script(&mut tx, 0, table).await?;
        let there = applied(&mut tx).await?;
        // Whoever was waited for may be a newer program: then there is nothing to do.
        let Usable::Lacks(lacking) = related(&mut tx, &there).await?? else { return Ok(()) };
        if self.is_sqlite() {
            run(&mut tx, &lacking).await?;
        } else {
            tries::run_in_tries(self, &mut tx, &lacking, turn).await?;
        }
        tx.commit().await
    }

    /// Begins a transaction in a database that holds nothing of ours, and makes the schema in it that these migrations make.
    ///
    /// # Errors
    /// When one of them is not of this program, there is something already, or the database refuses.
    pub async fn begin_with_schema(&self, of: &[Migrated]) -> Result<Tx> {
        let wanted: Vec<_> = of.iter().map(Applied::from).collect();
        let Usable::Lacks(lacking) = compare(&known(), &wanted, &[])? else { return Err(Error::Spoilt) };
        let mut tx = self.begin_migration(TURN).await?;
        let table = if self.is_sqlite() { TABLE_SQLITE } else { TABLE_POSTGRES };
        script(&mut tx, 0, table).await?;
        if !applied(&mut tx).await?.is_empty() {
            return Err(Error::NotEmpty);
        }
        for migration in MIGRATIONS.iter().filter(|m| !lacking.contains(&m.version)) {
            apply(&mut tx, migration).await?;
        }
        Ok(tx)
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

/// A migration that has run: its number, and its checksum, which says that it was this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Its number.
    pub version: i64,
    /// SHA-384 of its text.
    pub checksum: Vec<u8>,
}

/// The migrations that have run, in their order.
///
/// # Errors
/// When the database refuses.
pub async fn migrated(conn: &mut Conn) -> Result<Vec<Migrated>> {
    let applied = applied(conn).await?.into_iter();
    Ok(applied.map(|one| Migrated { version: one.version, checksum: one.checksum }).collect())
}

/// Brings the schema up to date within a transaction that has begun with an older one.
///
/// # Errors
/// When a migration fails.
pub async fn complete(tx: &mut Tx) -> Result<()> {
    let there = applied(tx).await?;
    let Usable::Lacks(lacking) = related(tx, &there).await?? else { return Ok(()) };
    run(tx, &lacking).await
}

/// Runs these migrations, and notes who has.
async fn run(tx: &mut Tx, lacking: &[i64]) -> Result<()> {
    for migration in MIGRATIONS.iter().filter(|m| lacking.contains(&m.version)) {
        apply(tx, migration).await?;
    }
    facts::set(tx, facts::MIGRATED_BY, env!("CARGO_PKG_VERSION")).await?;
    let gentle: Vec<_> = known().iter().filter(|m| m.is_gentle()).map(|m| m.version.to_string()).collect();
    facts::set(tx, facts::GENTLE_MIGRATIONS, &gentle.join(" ")).await
}

/// Which migrations have run: none where there is no table of them.
async fn applied(conn: &mut Conn) -> Result<Vec<Applied>> {
    match all!(conn, Applied, APPLIED) {
        Err(e) if e.is_no_table() => Ok(Vec::new()),
        found => found,
    }
}

/// Compares what has run with what this program knows.
async fn related(conn: &mut Conn, applied: &[Applied]) -> Result<std::result::Result<Usable, Mismatch>> {
    let known = known();
    let all_known = applied.iter().all(|a| known.iter().any(|known| known.version == a.version));
    let gentle = if all_known { Vec::new() } else { gentle(conn).await? };
    Ok(compare(&known, applied, &gentle))
}

/// The migrations of which the program that ran them last says that those before it may run on.
async fn gentle(conn: &mut Conn) -> Result<Vec<i64>> {
    let told = match facts::find(conn, facts::GENTLE_MIGRATIONS).await {
        Err(e) if e.is_no_table() => None,
        found => found?,
    };
    Ok(told.unwrap_or_default().split(' ').filter_map(|version| version.parse().ok()).collect())
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
    use super::{crc32, known};

    /// What a program that does not know a migration could stumble over: it writes rows without the new columns, and reads the old ones.
    fn breaks(text: &str) -> Option<&'static str> {
        let words = text.lines().filter(|line| !line.trim_start().starts_with("--"));
        let words = words.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ").to_uppercase();
        let statements = words.split(';').map(str::trim);
        statements.filter(|statement| !statement.is_empty()).find_map(|statement| match statement {
            s if s.starts_with("CREATE TABLE ") || s.starts_with("CREATE INDEX ") => None,
            s if s.starts_with("INSERT INTO ") => None,
            s if s.starts_with("UPDATE ") && fills(s, &words) => None,
            // Whoever reads finds the same without it; one that is unique says what may be written.
            s if s.starts_with("DROP INDEX ") => {
                is_unique(s.trim_start_matches("DROP ")).then_some("what the index forbids is written")
            }
            s if s.starts_with("ALTER TABLE ") && s.contains(" ADD COLUMN ") => {
                let is_filled = !s.contains(" NOT NULL") || s.contains(" DEFAULT ");
                (!is_filled || s.contains(" UNIQUE")).then_some("rows without the new column are refused")
            }
            _ => Some("neither a new table, column or index, nor new rows"),
        })
    }

    /// Whether a statement sets one column, which the migration of these words adds.
    fn fills(update: &str, words: &str) -> bool {
        let Some((table, set)) = update.trim_start_matches("UPDATE ").split_once(" SET ") else {
            return false;
        };
        let mut depth = 0;
        let another = set.split(" WHERE ").next().unwrap_or_default().chars().any(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == ',' && depth == 0
        });
        let column = set.split(' ').next().unwrap_or_default();
        !another && words.contains(&format!("ALTER TABLE {table} ADD COLUMN {column} "))
    }

    /// Whether a migration of ours makes this index (`INDEX name`) a unique one, or none does.
    fn is_unique(index: &str) -> bool {
        let makes = |how: &str| {
            known().iter().any(|one| one.text.to_uppercase().contains(&format!("{how} {index} ON ")))
        };
        makes("CREATE UNIQUE") || !makes("CREATE")
    }

    #[test]
    fn a_gentle_migration_only_adds() {
        for (text, gentle) in [
            ("CREATE TABLE x (id TEXT NOT NULL PRIMARY KEY);\nCREATE INDEX y ON x (id);", true),
            ("ALTER TABLE users ADD COLUMN x TEXT;", true),
            ("ALTER TABLE users ADD COLUMN x BIGINT NOT NULL DEFAULT 0;", true),
            (
                "-- DROP TABLE is no word of this one.\nINSERT INTO versions (name, version) VALUES ('x', 0);",
                true,
            ),
            ("ALTER TABLE users ADD COLUMN x TEXT NOT NULL;", false),
            ("CREATE UNIQUE INDEX y ON users (email);", false),
            ("ALTER TABLE users DROP COLUMN email;", false),
            ("ALTER TABLE users RENAME COLUMN email TO mail;", false),
            ("DROP INDEX grants_of_user;", true),
            ("DROP INDEX users_legacy;", false),
            ("DROP INDEX y;\nCREATE INDEX y ON x (id);", false),
            ("UPDATE users SET status = 'new';", false),
            (
                "ALTER TABLE users ADD COLUMN x TEXT; UPDATE users SET x = (SELECT MAX(id, 'a') FROM y) WHERE id = 'z';",
                true,
            ),
            ("ALTER TABLE users ADD COLUMN x TEXT; UPDATE users SET x = 'a', status = 'new';", false),
            ("ALTER TABLE users ADD COLUMN x TEXT; UPDATE groups SET x = 'a';", false),
        ] {
            assert_eq!(breaks(text).is_none(), gentle, "{text}");
        }
        for migration in known().iter().filter(|migration| migration.is_gentle()) {
            assert_eq!(breaks(migration.text), None, "migration {} is not gentle", migration.version);
        }
    }

    #[test]
    fn the_lock_has_the_number_that_sqlx_gives_it() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
