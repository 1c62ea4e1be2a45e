//! How is SQLite used? Readers that answer on the request's own thread, and one writer whose transactions are committed together.
//!
//! ```text
//! read()   a reader of the pool ──────────── statements, at once
//! write()  the writer's turn, in order ───── BEGIN or SAVEPOINT, statements, at once ──┐
//!                                            next in turn …                            │ COMMIT of all, on its own thread
//! commit() RELEASE, and waits ◄────────────────────────────────────────────────────────┘
//! ```

mod address;
mod file;
mod line;
mod open;
mod session;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

use super::pool::Pool;
use super::watch::Watch;
use super::{Error, Result};

pub(super) use address::file_of;
use file::Opened;
pub(crate) use line::Line;
pub(crate) use session::Session;
pub(super) use writer::COMMIT;
use writer::Writer;

/// An open file.
#[derive(Debug)]
pub(super) struct Sqlite {
    /// Connections that only read.
    readers: Arc<Pool<Line>>,
    /// The one connection that writes.
    writer: Arc<Writer>,
    file: Opened,
}

impl Sqlite {
    /// A connection for reading.
    ///
    /// # Errors
    /// When none comes free in time, or the file cannot be opened any more.
    pub(super) async fn read(&self, watch: &Arc<Watch>) -> Result<Session> {
        let (mut lease, _) = self.readers.lease().await?;
        if lease.conn().is_none() {
            let line = Line::open(self.file.path(), false).map_err(|e| Error::from_sqlite("connect", e))?;
            lease.put(line);
        }
        watch.acquired();
        Ok(Session::reading(lease, Arc::clone(watch)))
    }

    /// A connection that reads everything as it is now.
    ///
    /// # Errors
    /// When the file cannot be opened any more.
    pub(super) fn snapshot(&self, watch: &Arc<Watch>) -> Result<Session> {
        self.file.still_there()?;
        let line = Line::open(self.file.path(), false).map_err(|e| Error::from_sqlite("connect", e))?;
        watch.acquired();
        Session::apart(line, Arc::clone(watch)).map_err(|e| Error::from_sqlite("BEGIN", e))
    }

    /// Begins a transaction, when all who came before have had their turn.
    ///
    /// # Errors
    /// When the turn does not come in time, or the file is not there any more.
    pub(super) async fn write(&self, watch: &Arc<Watch>) -> Result<Session> {
        let turn = self.writer.turn().await?;
        watch.acquired();
        Ok(Session::writing(turn, Arc::clone(watch)))
    }

    /// Readers in use, readers that rest, and who waits for one.
    pub(super) fn load(&self) -> (usize, usize, usize) {
        self.readers.load()
    }

    /// Closes it after what is under way has finished; this folds the WAL into the file.
    pub(super) async fn close(&self) {
        drop(self.readers.close().await);
        self.writer.close().await;
    }

    fn new(file: Opened, first: Line, max_connections: u32) -> std::io::Result<Self> {
        let readers = Pool::new(max_connections.max(1));
        readers.rest(first);
        let writer = Writer::start(&file, &readers)?;
        Ok(Self { readers, writer, file })
    }
}
