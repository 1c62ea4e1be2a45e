//! Where do the tests keep their data? In a database of their own, on SQLite or PostgreSQL, gone when they end.

use std::sync::atomic::{AtomicU32, Ordering};

use countersign::store::{Db, Options};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

/// Where `./tests/run` says that its PostgreSQL is: `postgres://USER@HOST:PORT/postgres`.
const SERVER: &str = "COUNTERSIGN_TEST_POSTGRES";

/// A database that nobody else uses; dropping it removes it.
#[derive(Debug)]
pub struct Database {
    /// An open pool.
    pub db: Db,
    /// What `[database] url` would say.
    pub url: String,
    home: Home,
}

#[derive(Debug)]
enum Home {
    Sqlite { _folder: TempDir },
    Postgres { server: String, name: String },
}

impl Database {
    /// A file in a folder of its own, with the schema up to date.
    pub async fn sqlite() -> Self {
        Self::empty_sqlite().await.migrated().await
    }

    /// A database on the server that `./tests/run` has started, with the schema up to date.
    pub async fn postgres() -> Self {
        Self::empty_postgres().await.migrated().await
    }

    /// A file that holds nothing yet.
    pub async fn empty_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("countersign.db").display());
        Self { db: open(&url).await, url, home: Home::Sqlite { _folder: folder } }
    }

    /// A database on that server that holds nothing yet.
    pub async fn empty_postgres() -> Self {
        let server = std::env::var(SERVER).unwrap_or_else(|_| {
            panic!("{SERVER} names no PostgreSQL server: run the tests with ./tests/run")
        });
        let name = fresh_name();
        run_on(&server, format!("CREATE DATABASE {name}")).await;
        let base = server.rsplit_once('/').expect("an address that ends in /postgres").0;
        let url = format!("{base}/{name}");
        Self { db: open(&url).await, url, home: Home::Postgres { server, name } }
    }

    /// Opens the same database once more, as a second process would.
    pub async fn open_again(&self) -> Db {
        open(&self.url).await
    }

    /// Leaves the schema as a program of tomorrow would.
    pub async fn pretend_a_newer_program_migrated(&self) {
        const RECORD: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                              SELECT 9999, 'tomorrow', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
        self.run(RECORD).await;
    }

    /// Leaves the schema as a program of the day after tomorrow would that has left everything as those before it expect it.
    pub async fn pretend_a_newer_program_migrated_gently(&self) {
        const CHANGES: &str = "CREATE TABLE tomorrow (id TEXT NOT NULL PRIMARY KEY);
                               ALTER TABLE users ADD COLUMN tomorrow TEXT;
                               ALTER TABLE sessions ADD COLUMN tomorrow BIGINT NOT NULL DEFAULT 0;
                               CREATE INDEX users_of_tomorrow ON users (tomorrow);
                               INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                               SELECT 9998, 'gentle', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1;
                               INSERT INTO provider_facts (name, value) VALUES ('gentle_migrations', '9997 9998')
                               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.run(CHANGES).await;
    }

    /// Runs statements past the program, as somebody with a tool for databases would.
    pub async fn run(&self, statements: &'static str) {
        match &self.home {
            Home::Sqlite { .. } => self.file().execute_batch(statements).expect("the statements run"),
            Home::Postgres { .. } => run_on(&self.url, statements.to_owned()).await,
        }
    }

    /// Lets nobody write any more: PostgreSQL has no room for it, and SQLite is locked by somebody else while what this answers lives.
    pub async fn refuse_writes(&self) -> Option<rusqlite::Connection> {
        const NO_ROOM: &str = "
            CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$;
            DO $$ DECLARE name TEXT; BEGIN
                FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
                    EXECUTE format('CREATE TRIGGER no_room BEFORE INSERT OR UPDATE OR DELETE ON %I
                                    FOR EACH STATEMENT EXECUTE FUNCTION no_room()', name);
                END LOOP;
            END $$";
        match &self.home {
            Home::Sqlite { .. } => {
                let file = self.file();
                file.execute_batch("BEGIN IMMEDIATE").expect("the turn to write");
                Some(file)
            }
            Home::Postgres { .. } => {
                run_on(&self.url, NO_ROOM.to_owned()).await;
                None
            }
        }
    }

    /// Reads one text of the only row that a query finds by `$1`.
    pub async fn text(&self, query: &'static str, by: &str) -> Option<String> {
        match &self.home {
            Home::Sqlite { .. } => self.file().query_row(query, [by], |row| row.get(0)).expect("a row"),
            Home::Postgres { .. } => {
                let mut conn = PgConnection::connect(&self.url).await.expect("a connection");
                sqlx::query_scalar(query).bind(by).fetch_one(&mut conn).await.expect("a row")
            }
        }
    }

    /// How the database would go about a query, whatever is bound to it. PostgreSQL is told to use an index wherever there is one that
    /// serves: with the few rows of a test it would not care.
    pub async fn plan(&self, query: &str) -> String {
        match &self.home {
            Home::Sqlite { .. } => {
                let file = self.file();
                let mut plan = file.prepare(&format!("EXPLAIN QUERY PLAN {query}")).expect("a plan");
                let mut lines = plan.raw_query();
                let mut told = String::new();
                while let Some(line) = lines.next().expect("a line") {
                    told += &line.get::<_, String>(3).expect("what is done");
                    told.push('\n');
                }
                told
            }
            Home::Postgres { .. } => {
                let mut conn = PgConnection::connect(&self.url).await.expect("a connection");
                let run =
                    "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; PREPARE asked AS ";
                sqlx::raw_sql(AssertSqlSafe(format!("{run}{query}")))
                    .execute(&mut conn)
                    .await
                    .expect("a plan");
                let count = (1..100).take_while(|n| query.contains(&format!("${n}"))).count();
                let nothing = vec!["NULL"; count].join(", ");
                let lines: Vec<String> =
                    sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN EXECUTE asked ({nothing})")))
                        .fetch_all(&mut conn)
                        .await
                        .expect("a plan");
                lines.join("\n")
            }
        }
    }

    fn file(&self) -> rusqlite::Connection {
        let file = self.url.strip_prefix("sqlite:").expect("the address of a file");
        let file = rusqlite::Connection::open(file).expect("the file opens");
        // It asks ten times a second, and the program may write without a pause for a while.
        file.busy_timeout(std::time::Duration::from_mins(1)).expect("it waits");
        file
    }

    async fn migrated(self) -> Self {
        self.db.migrate().await.expect("the schema is made");
        self
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Home::Postgres { server, name } = &self.home else { return };
        let (server, statement) = (server.clone(), format!("DROP DATABASE {name} WITH (FORCE)"));
        // A runtime of its own: this one may be shutting down, and `drop` cannot wait on it.
        let dropping = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(run_on(&server, statement));
        });
        if dropping.join().is_err() {
            eprintln!("a test database stays behind until ./tests/run stops its server");
        }
    }
}

async fn open(url: &str) -> Db {
    Db::open_or_make(&Options { url: url.to_owned(), max_connections: 4 })
        .await
        .expect("the test database opens")
}

/// Test binaries run at the same time on one server, hence the process in the name.
fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst))
}

async fn run_on(server: &str, statement: String) {
    let mut conn = PgConnection::connect(server).await.expect("the PostgreSQL of ./tests/run answers");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await.expect("the statement runs");
}

/// Makes two tests of each story, `name::sqlite` and `name::postgres`:
///
/// ```ignore
/// crate::on_both_databases! {
///     /// What the story shows.
///     async fn a_sentence_as_its_name(database) { … database.db … }
/// }
/// ```
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident) $story:block)+) => {$(
        $(#[$meta])*
        async fn $name($database: $crate::support::Database) $story

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::support::Database::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name($crate::support::Database::postgres().await).await;
            }
        }
    )+};
}
