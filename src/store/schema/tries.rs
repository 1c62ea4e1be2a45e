//! How does a migration wait for a table that others use, and who are they?
//!
//! Whoever waits for a table on PostgreSQL has everybody wait who comes after. So it is waited for in short tries, and between two of
//! them whoever has queued behind is let through.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use crate::store::macros::{all, optional};
use crate::store::row::from_row;
use crate::store::{Conn, Db, Error, Result, Tx};

/// What is asked in a transaction that migrates. It may take long; but for a table it waits no longer than one try. That is longer than
/// PostgreSQL's `deadlock_timeout` (1 s), after which it sends an autovacuum away that is in the way.
pub(super) const UNHURRIED: &str =
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
                                    SET LOCAL lock_timeout = 1500";

/// How long others are let through between two tries.
const PAUSE: Duration = Duration::from_millis(1500);

/// How often it is looked who is in the way: several times within a try, since afterwards nobody is.
const LOOK_EVERY: Duration = Duration::from_millis(400);

const SAVEPOINT: &str = "SAVEPOINT untried";
/// Gives back what was locked since, and keeps the turn.
const GIVE_BACK: &str = "ROLLBACK TO SAVEPOINT untried";

const PROCESS: &str = "SELECT CAST(pg_backend_pid() AS BIGINT)";
// What they ask is not told: it may hold what nobody is to read.
const IN_THE_WAY: &str = "SELECT CAST(a.pid AS BIGINT) AS pid, CAST(a.application_name AS TEXT) AS program,
                                 CAST(host(a.client_addr) AS TEXT) AS host, CAST(a.state AS TEXT) AS state,
                                 CAST(EXTRACT(EPOCH FROM clock_timestamp() - a.xact_start) AS BIGINT) AS seconds
                          FROM pg_stat_activity a
                          WHERE a.pid = ANY(pg_blocking_pids(CAST(CAST($1 AS BIGINT) AS INTEGER)))
                          ORDER BY a.xact_start, a.pid LIMIT 3";
const WAITED_FOR: &str = "SELECT CAST(CAST(l.relation AS regclass) AS TEXT) FROM pg_locks l
                          WHERE CAST(l.pid AS BIGINT) = $1 AND NOT l.granted AND l.relation IS NOT NULL LIMIT 1";
const LOCK_HOLDER: &str = "SELECT CAST(a.pid AS BIGINT), CAST(a.application_name AS TEXT), CAST(host(a.client_addr) AS TEXT)
                           FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                           WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
                             AND CAST(l.classid AS BIGINT) = $1 AND CAST(l.objid AS BIGINT) = $2 LIMIT 1";

/// What a try has waited for, and who was in the way.
#[derive(Debug)]
struct Held {
    table: String,
    holders: String,
}

/// Somebody in the way.
#[derive(Debug)]
struct Holder {
    pid: i64,
    program: String,
    host: Option<String>,
    state: Option<String>,
    seconds: Option<i64>,
}

from_row!(Holder { pid, program, host, state, seconds });

impl Default for Held {
    fn default() -> Self {
        Self { table: "a table".to_owned(), holders: UNTOLD.to_owned() }
    }
}

const UNTOLD: &str = "PostgreSQL does not say which";

/// Runs these migrations on PostgreSQL, again and again until they get the tables that they need, for so long after the first try.
///
/// # Errors
/// When they do not get them, and who has them; or when one fails.
pub(super) async fn run_in_tries(db: &Db, tx: &mut Tx, lacking: &[i64], patience: Duration) -> Result<()> {
    let process = optional!(tx, (i64,), PROCESS)?.unwrap_or_default().0;
    tx.script("SAVEPOINT", SAVEPOINT, PAUSE).await?;
    let mut over = None;
    loop {
        let mut held = Held::default();
        let tried = tokio::select! {
            tried = super::run(tx, lacking) => tried,
            never = look_on(db, process, &mut held) => match never {},
        };
        if !matches!(tried, Err(Error::LockTimeout { .. })) {
            return tried;
        }
        tx.give_back(GIVE_BACK).await?;
        let Held { table, holders } = held;
        if over.is_none() {
            tracing::warn!(
                "a migration waits for {table}, which others use: {holders}; they are let through, and it tries again"
            );
        }
        tokio::select! {
            biased;
            () = over.get_or_insert_with(|| Box::pin(sleep(patience))) => {
                return Err(Error::TableInUse { table, seconds: patience.as_secs(), holders });
            }
            () = sleep(PAUSE) => {}
        }
    }
}

/// Notes who is in the way of this process of PostgreSQL, as long as anybody is.
async fn look_on(db: &Db, process: i64, held: &mut Held) -> Infallible {
    loop {
        sleep(LOOK_EVERY).await;
        let found = async { in_the_way(&mut db.read().await?, process).await };
        if let Ok(Some(found)) = found.await {
            *held = found;
        }
    }
}

/// Who is in the way of this process.
async fn in_the_way(conn: &mut Conn, process: i64) -> Result<Option<Held>> {
    let holders: Vec<Holder> = all!(conn, Holder, IN_THE_WAY, process)?;
    if holders.is_empty() {
        return Ok(None);
    }
    let table = optional!(conn, (String,), WAITED_FOR, process)?.map(|(table,)| format!("the table {table}"));
    let holders = holders.iter().map(Holder::told).collect::<Vec<_>>().join("; ");
    Ok(Some(Held { table: table.unwrap_or_else(|| Held::default().table), holders }))
}

impl Holder {
    fn told(&self) -> String {
        // Both are told to those alone who may see what others do.
        let state = self.state.as_deref().unwrap_or("in a state that is not told");
        let since = self.seconds.map(|seconds| format!(", its transaction began {seconds} s ago"));
        let named = named(self.pid, &self.program, self.host.as_deref());
        format!("{named} ({state}{})", since.unwrap_or_default())
    }
}

/// Who holds the lock of migrations, in words.
pub(super) async fn holder(conn: &mut Conn, lock: i64) -> String {
    let (class, object) = (lock >> 32 & 0xffff_ffff, lock & 0xffff_ffff);
    match optional!(conn, (i64, String, Option<String>), LOCK_HOLDER, class, object) {
        Ok(Some((pid, program, host))) => named(pid, &program, host.as_deref()),
        Ok(None) | Err(_) => UNTOLD.to_owned(),
    }
}

fn named(pid: i64, program: &str, host: Option<&str>) -> String {
    let program = if program.is_empty() { "a program without a name" } else { program };
    let host = host.unwrap_or("the database's own machine");
    format!("{program} on {host}, process {pid} of PostgreSQL")
}
