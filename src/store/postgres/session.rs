//! How long may PostgreSQL take, and what becomes of a connection on which something went wrong?
//!
//! Everything that waits for the server has a limit. A connection that failed, or whose state nobody knows, is closed: what a dead line
//! or a server that has become a standby leaves behind ends with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::fault::Fault;
use super::line::{Answer, Line, Parameters, Row};
use crate::store::later::Later;
use crate::store::pool::Lease;
use crate::store::row::{FromRow, PostgresColumns};
use crate::store::watch::{Began, Watch};
use crate::store::{Error, Result};

/// How long the server may take for what is sent to it at once.
const ANSWERS: Duration = Duration::from_secs(10);

/// How long a connection may take to come to rest, before it is closed instead.
const RETURN: Duration = Duration::from_secs(5);

/// What begins a transaction. Through a pooler the limits of the server come with each.
const BEGIN: &[&str] = &["BEGIN"];
const BEGIN_POOLED: &[&str] = &[
    "BEGIN",
    "SET LOCAL statement_timeout = 9500",
    "SET LOCAL idle_in_transaction_session_timeout = 30000",
    "SET LOCAL jit = off",
];

/// Others had locked what a statement needed: `lock_not_available`, and a deadlock with them.
const LOCKED: [&str; 2] = ["55P03", "40P01"];

const COMMIT: &str = "COMMIT";

/// A connection for as long as its holder needs it.
#[derive(Debug)]
pub(crate) struct Session {
    /// None once it has failed.
    lease: Option<Lease<Line>>,
    state: State,
    /// What has been asked since the last answers.
    asked: Vec<Asked>,
    /// Whether the server may keep statements by name; a pooler hands every transaction to another server.
    named: bool,
    watch: Arc<Watch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Each statement is a transaction of its own.
    Plain,
    /// A transaction begins with the first statement.
    Beginning,
    /// A transaction is open.
    Open,
    /// A transaction is open, and PostgreSQL will hear nothing more in it: a COMMIT would be answered kindly and keep nothing.
    Spoilt,
}

/// Something whose answer is to come.
struct Asked {
    query: &'static str,
    /// When; none for what begins and ends transactions.
    began: Option<Began>,
    /// Who wants to know, if it is not whoever waits.
    hears: Option<Hears>,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.query)
    }
}

/// What takes an answer.
type Hears = Box<dyn FnOnce(&Answer) -> Result<()> + Send + Sync>;

impl Session {
    /// One on which each statement is a transaction of its own; or, where a pooler stands between, all are one: what is asked in two
    /// steps would have two servers.
    pub(super) const fn reading(lease: Lease<Line>, named: bool, watch: Arc<Watch>) -> Self {
        let state = if named { State::Plain } else { State::Beginning };
        Self { lease: Some(lease), state, asked: Vec::new(), named, watch }
    }

    /// One with a transaction.
    pub(super) const fn writing(lease: Lease<Line>, named: bool, watch: Arc<Watch>) -> Self {
        Self { lease: Some(lease), state: State::Beginning, asked: Vec::new(), named, watch }
    }

    /// Runs a statement; the answer is the number of rows it changed.
    pub(crate) async fn execute(
        &mut self,
        query: &'static str,
        sql: &'static str,
        parameters: &Parameters<'_>,
    ) -> Result<u64> {
        self.ask(query, sql, parameters, None)?;
        Ok(self.answer().await?.changed())
    }

    /// Reads at most one row.
    pub(crate) async fn optional<R: FromRow>(
        &mut self,
        query: &'static str,
        sql: &'static str,
        parameters: &Parameters<'_>,
    ) -> Result<Option<R>> {
        self.ask(query, sql, parameters, None)?;
        first(query, &self.answer().await?)
    }

    /// Reads all rows.
    pub(crate) async fn all<R: FromRow>(
        &mut self,
        query: &'static str,
        sql: &'static str,
        parameters: &Parameters<'_>,
    ) -> Result<Vec<R>> {
        self.ask(query, sql, parameters, None)?;
        self.answer().await?.rows().map(|row| of_row(query, row)).collect()
    }

    /// Runs a statement with the next one whose answer is waited for, which fails where this one does.
    pub(crate) async fn later(
        &mut self,
        query: &'static str,
        sql: &'static str,
        parameters: &Parameters<'_>,
    ) -> Result<()> {
        self.ask(query, sql, parameters, None)?;
        // Without a transaction, nobody may ever wait for another.
        if self.state == State::Plain { self.answers().await.map(|_| ()) } else { Ok(()) }
    }

    /// The same; the number of rows that it has changed is told then.
    pub(crate) fn execute_later(
        &mut self,
        query: &'static str,
        sql: &'static str,
        parameters: &Parameters<'_>,
    ) -> Result<Later<u64>> {
        let (give, take) = Later::promised();
        let hears: Hears = Box::new(move |answer| {
            let _ = give.send(answer.changed());
            Ok(())
        });
        self.ask(query, sql, parameters, Some(hears))?;
        Ok(take)
    }

    /// The same of a query for at most one row.
    pub(crate) fn optional_later<R: FromRow + Send + Sync + 'static>(
        &mut self,
        query: &'static str,
        sql: &'static str,
        parameters: &Parameters<'_>,
    ) -> Result<Later<Option<R>>> {
        let (give, take) = Later::promised();
        let hears: Hears = Box::new(move |answer| {
            let _ = give.send(first(query, answer)?);
            Ok(())
        });
        self.ask(query, sql, parameters, Some(hears))?;
        Ok(take)
    }

    /// The same of a query for some rows.
    pub(crate) fn all_later<R: FromRow + Send + Sync + 'static>(
        &mut self,
        query: &'static str,
        sql: &'static str,
        parameters: &Parameters<'_>,
    ) -> Result<Later<Vec<R>>> {
        let (give, take) = Later::promised();
        let hears: Hears = Box::new(move |answer| {
            let rows: Result<Vec<R>> = answer.rows().map(|row| of_row(query, row)).collect();
            let _ = give.send(rows?);
            Ok(())
        });
        self.ask(query, sql, parameters, Some(hears))?;
        Ok(take)
    }

    /// Waits for the answers to all that has been asked so far.
    pub(in crate::store) async fn hear(&mut self) -> Result<()> {
        if self.asked.is_empty() { Ok(()) } else { self.answers().await.map(|_| ()) }
    }

    /// Runs the statements of a text, one after the other, within a limit of their own. One that has waited too long for a lock is
    /// told apart: the connection is kept, since its transaction can go back to a savepoint.
    pub(in crate::store) async fn script(
        &mut self,
        query: &'static str,
        text: &'static str,
        limit: Duration,
    ) -> Result<()> {
        self.begin()?;
        self.hear().await?;
        self.watch.asked_the_server();
        let answer = timeout(limit, self.line(query)?.script(text)).await;
        let answer = answer.unwrap_or_else(|_| Err(late(limit)));
        match answer {
            Err(fault) if LOCKED.contains(&fault.code()) => {
                self.state = State::Spoilt;
                Err(Error::LockTimeout { query })
            }
            answer => answer.map(|_| ()).map_err(|fault| self.fails(query, fault)),
        }
    }

    /// Goes back to a savepoint by this statement.
    pub(in crate::store) async fn give_back(&mut self, statement: &'static str) -> Result<()> {
        self.script("SAVEPOINT", statement, ANSWERS).await?;
        self.state = State::Open;
        Ok(())
    }

    /// Understands a query without running it.
    pub(in crate::store) async fn prepare(&mut self, sql: &'static str) -> Result<()> {
        self.begin()?;
        self.hear().await?;
        self.watch.asked_the_server();
        let answer = timeout(ANSWERS, self.line("prepare")?.understand(sql)).await;
        let answer = answer.unwrap_or_else(|_| Err((0, late(ANSWERS))));
        answer.map_err(|(_, fault)| self.fails("prepare", fault))
    }

    /// Makes everything done in the transaction true.
    pub(in crate::store) async fn commit(mut self) -> Result<()> {
        match self.state {
            State::Spoilt => return Err(Error::Spoilt),
            // Nothing has been asked in it.
            State::Plain | State::Beginning => {}
            State::Open => {
                self.put(COMMIT, COMMIT, &[], None, None)?;
                if self.answer().await?.tag() != COMMIT {
                    return Err(Error::Spoilt);
                }
            }
        }
        self.watch.committed();
        Ok(())
    }

    /// Writes down what is to be asked next.
    fn ask(
        &mut self,
        query: &'static str,
        sql: &'static str,
        parameters: &Parameters<'_>,
        hears: Option<Hears>,
    ) -> Result<()> {
        self.begin()?;
        let began = self.watch.begins();
        self.put(query, sql, parameters, Some(began), hears)
    }

    /// Begins the transaction with what is asked next.
    fn begin(&mut self) -> Result<()> {
        if self.state != State::Beginning {
            return Ok(());
        }
        self.state = State::Open;
        let begin = if self.named { BEGIN } else { BEGIN_POOLED };
        begin.iter().try_for_each(|statement| self.put("BEGIN", statement, &[], None, None))
    }

    fn put(
        &mut self,
        query: &'static str,
        sql: &'static str,
        parameters: &Parameters<'_>,
        began: Option<Began>,
        hears: Option<Hears>,
    ) -> Result<()> {
        let named = self.named;
        self.line(query)?.ask(sql, parameters, named).map_err(|fault| Error::from_postgres(query, fault))?;
        self.asked.push(Asked { query, began, hears });
        Ok(())
    }

    /// The answer to what was asked last.
    async fn answer(&mut self) -> Result<Answer> {
        Ok(self.answers().await?.unwrap_or_default())
    }

    /// Sends what has been asked, and tells the answers to whom they are for; the last one is handed back.
    async fn answers(&mut self) -> Result<Option<Answer>> {
        let asked = std::mem::take(&mut self.asked);
        let last = asked.last().map_or("nothing", |asked| asked.query);
        self.watch.asked_the_server();
        let answers = timeout(ANSWERS, self.line(last)?.answers()).await;
        let answers = answers.unwrap_or_else(|_| Err((asked.len().saturating_sub(1), late(ANSWERS))));
        let failed = answers.as_ref().err().map(|(at, _)| *at);
        for (at, asked) in asked.iter().enumerate() {
            if let Some(began) = asked.began {
                self.watch.ended(asked.query, began, failed == Some(at));
            }
        }
        let mut answers = answers.map_err(|(at, fault)| {
            let query = asked.get(at).map_or(last, |asked| asked.query);
            self.fails(query, fault)
        })?;
        for (asked, answer) in asked.into_iter().zip(&answers) {
            if let Some(hears) = asked.hears {
                hears(answer)?;
            }
        }
        Ok(answers.pop())
    }

    fn line(&mut self, query: &'static str) -> Result<&mut Line> {
        self.lease.as_mut().and_then(Lease::conn).ok_or_else(|| {
            let reason = "the connection has failed before".to_owned();
            Error::Unavailable { query, reason }
        })
    }

    /// Sorts what was said against a query. A connection that failed is closed at once.
    fn fails(&mut self, query: &'static str, fault: Fault) -> Error {
        let error = Error::from_postgres(query, fault);
        if error.may_pass() {
            self.discard();
        } else if self.state == State::Open {
            self.state = State::Spoilt;
        }
        error
    }

    /// Closes the connection without waiting for anybody: the pool may open another.
    fn discard(&mut self) {
        drop(self.lease.take().and_then(|mut lease| lease.take()));
    }
}

/// The first row of an answer.
fn first<R: FromRow>(query: &'static str, answer: &Answer) -> Result<Option<R>> {
    answer.rows().next().map(|row| of_row(query, row)).transpose()
}

fn of_row<R: FromRow>(query: &'static str, row: Row<'_>) -> Result<R> {
    let read = PostgresColumns::of(row).and_then(|mut columns| R::from_row(&mut columns));
    read.map_err(|fault| Error::from_postgres(query, fault))
}

fn late(limit: Duration) -> Fault {
    std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()))
        .into()
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(mut lease) = self.lease.take() else { return };
        let Some(line) = lease.conn() else { return };
        line.forget_unsent();
        if line.is_at_rest() {
            // Dropped, it goes back to the pool as it is.
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(give_back(lease))),
            // Without a runtime nothing can be asked any more.
            Err(_) => drop(lease.take()),
        }
    }
}

/// Returns a connection to its pool once it has come to rest; or closes it, if that takes too long.
async fn give_back(mut lease: Lease<Line>) {
    let Some(line) = lease.conn() else { return };
    if !matches!(timeout(RETURN, line.come_to_rest()).await, Ok(Ok(()))) {
        tracing::debug!("a connection that does not answer is closed");
        drop(lease.take());
    }
}
