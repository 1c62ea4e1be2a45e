//! What does a caller hold while it works with the database?

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use super::versions::Changes;
use super::{Result, postgres, sqlite};

/// A connection for as long as its holder needs it: hold one for a request rather than one for each query.
#[derive(Debug)]
pub struct Conn {
    pub(crate) side: Side,
    /// Who is told in the end if something has been changed that is kept in memory, and whether it has.
    changes: Changes,
    changed: bool,
}

/// Which database it is.
#[derive(Debug)]
pub(crate) enum Side {
    /// Answers at once.
    Sqlite(sqlite::Session),
    /// Is waited for.
    Postgres(postgres::Session),
}

/// A transaction: everything done through it happens at `commit`, or not at all.
#[derive(Debug)]
#[must_use = "a transaction that is not committed is rolled back"]
pub struct Tx(Conn);

impl Conn {
    pub(super) const fn new(side: Side, changes: Changes) -> Self {
        Self { side, changes, changed: false }
    }

    /// Something is changed by this that is kept in memory.
    pub(super) const fn changes_what_is_kept(&mut self) {
        self.changed = true;
    }

    /// Says that what is asked from now on may take long, so that on SQLite it does not hold up what else its thread has to do.
    pub const fn take_time(&mut self) {
        if let Side::Sqlite(session) = &mut self.side {
            session.take_time();
        }
    }

    /// Asks the database to understand a query without running it; a query that it refuses is a defect of ours.
    ///
    /// # Errors
    /// When the database does not know the tables, columns or words of the query.
    pub async fn prepare(&mut self, sql: &'static str) -> Result<()> {
        match &mut self.side {
            Side::Sqlite(session) => session.prepare(sql),
            Side::Postgres(session) => session.prepare(sql).await,
        }
    }

    /// Waits for the answers to all that has been asked so far.
    ///
    /// # Errors
    /// When one of them is no answer.
    pub async fn answers(&mut self) -> Result<()> {
        match &mut self.side {
            Side::Sqlite(_) => Ok(()),
            Side::Postgres(session) => session.hear().await,
        }
    }

    /// Whether it is SQLite that answers.
    pub(super) const fn is_sqlite(&self) -> bool {
        matches!(self.side, Side::Sqlite(_))
    }

    /// Runs the statements of a text, one after the other; PostgreSQL has so long for it.
    pub(super) async fn script(
        &mut self,
        query: &'static str,
        text: &'static str,
        limit: Duration,
    ) -> Result<()> {
        match &mut self.side {
            Side::Sqlite(session) => session.script(query, text),
            Side::Postgres(session) => session.script(query, text, limit).await,
        }
    }

    /// Goes back to a savepoint by this statement, after which PostgreSQL hears on where a statement had failed.
    pub(super) async fn give_back(&mut self, statement: &'static str) -> Result<()> {
        match &mut self.side {
            Side::Sqlite(session) => session.script("SAVEPOINT", statement),
            Side::Postgres(session) => session.give_back(statement).await,
        }
    }
}

impl Tx {
    /// What begins with a transaction on this connection.
    pub(super) const fn begun(conn: Conn) -> Self {
        Self(conn)
    }

    /// Takes back everything done through this transaction. Whoever looks again after it finds what it has seen of others, to whom it
    /// may have lost.
    ///
    /// # Errors
    /// When what it has seen has not become true.
    pub async fn give_up(self) -> Result<()> {
        match self.0.side {
            Side::Sqlite(session) => session.give_up().await,
            // There a transaction sees nothing of others that is not true yet.
            Side::Postgres(_) => Ok(()),
        }
    }

    /// Makes everything done through this transaction true at once, and answers when it is safe on the disk.
    ///
    /// # Errors
    /// When the database could not: then nothing of it has happened.
    pub async fn commit(self) -> Result<()> {
        self.commit_within(sqlite::COMMIT).await
    }

    /// The same of a transaction that has written a great deal, for which SQLite's disk may need longer.
    ///
    /// # Errors
    /// As [`Tx::commit`].
    pub(super) async fn commit_within(self, patience: Duration) -> Result<()> {
        let Conn { side, changes, changed } = self.0;
        // However it ends: nobody knows what came of a commit that was cut off.
        let _told = changed.then(|| changes.at_the_end());
        match side {
            Side::Sqlite(session) => session.commit(patience).await,
            Side::Postgres(session) => session.commit().await,
        }
    }
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}
