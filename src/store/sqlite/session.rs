//! What may a caller do with a connection of SQLite, and what becomes of it when something goes wrong?

use std::sync::Arc;
use std::time::Duration;

use super::line::{Line, Parameters, TakesRow, aside};
use super::writer::Turn;
use crate::store::later::Later;
use crate::store::pool::Lease;
use crate::store::row::FromRow;
use crate::store::watch::Watch;
use crate::store::{Error, Result};

/// A reader, or the writer's turn.
#[derive(Debug)]
pub(crate) struct Session {
    held: Held,
    /// Whether what is asked may take long: then it does not hold up what else waits for this thread.
    unhurried: bool,
    watch: Arc<Watch>,
}

#[derive(Debug)]
enum Held {
    Reader(Lease<Line>),
    Turn(Turn),
    /// One that is closed at its end, with the snapshot that it looks at.
    Apart(Line),
}

impl Session {
    pub(super) const fn reading(reader: Lease<Line>, watch: Arc<Watch>) -> Self {
        Self { held: Held::Reader(reader), unhurried: false, watch }
    }

    pub(super) const fn writing(turn: Turn, watch: Arc<Watch>) -> Self {
        Self { held: Held::Turn(turn), unhurried: false, watch }
    }

    /// One that reads everything as it is now, whatever is written meanwhile.
    pub(super) fn apart(mut line: Line, watch: Arc<Watch>) -> rusqlite::Result<Self> {
        line.control("BEGIN")?;
        // A transaction begins with its first look.
        line.first("SELECT COUNT(*) FROM sqlite_master", &[], &mut |_| Ok(()))?;
        Ok(Self { held: Held::Apart(line), unhurried: true, watch })
    }

    /// What is asked from now on may take long.
    pub(in crate::store) const fn take_time(&mut self) {
        self.unhurried = true;
    }

    /// Runs a statement; the answer is the number of rows it changed.
    pub(crate) fn execute(
        &mut self,
        query: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
    ) -> Result<u64> {
        self.run(query, |line| line.execute(sql, parameters))
    }

    /// Reads at most one row.
    pub(crate) fn optional<R: FromRow>(
        &mut self,
        query: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
    ) -> Result<Option<R>> {
        let mut found = None;
        self.first(query, sql, parameters, &mut |columns| {
            found = Some(R::from_row(columns)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Reads all rows.
    pub(crate) fn all<R: FromRow>(
        &mut self,
        query: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
    ) -> Result<Vec<R>> {
        let mut found = Vec::new();
        self.each(query, sql, parameters, &mut |columns| {
            found.push(R::from_row(columns)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Runs a statement; nobody waits to hear of it.
    pub(crate) fn later(
        &mut self,
        query: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
    ) -> Result<()> {
        self.execute(query, sql, parameters).map(|_| ())
    }

    /// The same; the number of rows that it has changed is told later.
    pub(crate) fn execute_later(
        &mut self,
        query: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
    ) -> Result<Later<u64>> {
        self.execute(query, sql, parameters).map(Later::here)
    }

    /// The same of a query for at most one row.
    pub(crate) fn optional_later<R: FromRow>(
        &mut self,
        query: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
    ) -> Result<Later<Option<R>>> {
        self.optional(query, sql, parameters).map(Later::here)
    }

    /// The same of a query for some rows.
    pub(crate) fn all_later<R: FromRow>(
        &mut self,
        query: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
    ) -> Result<Later<Vec<R>>> {
        self.all(query, sql, parameters).map(Later::here)
    }

    /// Runs the statements of a text, one after the other.
    pub(in crate::store) fn script(&mut self, query: &'static str, text: &str) -> Result<()> {
        self.run(query, |line| aside(|| line.script(text)))
    }

    /// Understands a query without running it.
    pub(in crate::store) fn prepare(&mut self, sql: &str) -> Result<()> {
        self.run("prepare", |line| line.prepare(sql))
    }

    /// Answers once everything done in this turn is on the disk, or after so long.
    pub(in crate::store) async fn commit(self, patience: Duration) -> Result<()> {
        if let Held::Turn(turn) = self.held {
            turn.commit(patience).await?;
            self.watch.committed();
        }
        Ok(())
    }

    /// Takes back what was done in this turn, and answers once what it has seen of others is on the disk.
    pub(in crate::store) async fn give_up(self) -> Result<()> {
        match self.held {
            Held::Turn(turn) => turn.give_up().await,
            Held::Reader(_) | Held::Apart(_) => Ok(()),
        }
    }

    fn first(
        &mut self,
        query: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
        take: &mut TakesRow<'_>,
    ) -> Result<()> {
        self.run(query, |line| line.first(sql, parameters, take))
    }

    fn each(
        &mut self,
        query: &'static str,
        sql: &str,
        parameters: &Parameters<'_>,
        take: &mut TakesRow<'_>,
    ) -> Result<()> {
        self.run(query, |line| line.each(sql, parameters, take))
    }

    fn run<T>(
        &mut self,
        query: &'static str,
        statement: impl FnOnce(&mut Line) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let began = self.watch.begins();
        let held = &mut self.held;
        let answer =
            if self.unhurried { aside(|| held.run(query, statement)) } else { held.run(query, statement) };
        self.watch.ended(query, began, answer.is_err());
        answer
    }
}

impl Held {
    /// Sorts the answer to a query; a connection that failed is closed.
    fn run<T>(
        &mut self,
        query: &'static str,
        statement: impl FnOnce(&mut Line) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let line = match self {
            Self::Reader(lease) => lease.conn(),
            Self::Turn(turn) => turn.line(),
            Self::Apart(line) => Some(line),
        };
        let Some(line) = line else {
            let reason = "the connection has failed before".to_owned();
            return Err(Error::Unavailable { query, reason });
        };
        let error = match statement(line) {
            Ok(value) => return Ok(value),
            Err(e) => Error::from_sqlite(query, e),
        };
        match self {
            Self::Reader(lease) if error.may_pass() => drop(lease.take()),
            Self::Reader(_) | Self::Apart(_) => {}
            Self::Turn(turn) => turn.has_failed(&error),
        }
        Err(error)
    }
}
