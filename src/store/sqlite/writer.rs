//! How do transactions share one COMMIT? Each has its turn on the one connection that writes, and is answered when it is on the disk.
//!
//! The first turn of a group begins a transaction of SQLite; each that follows is a savepoint in it. Whoever commits gives the turn
//! on and waits. The first to do so sends for the committer, a thread of its own, which queues for the turn like anybody else: all who
//! were waiting before it are in the group by then, and nobody who came later. So a group is as large as the queue was, nobody waits for
//! strangers, and no count or time has to be chosen. The COMMIT waits for the disk on that thread, and no request does that has nothing
//! to write.
//!
//! What a turn that is given up has changed is taken back to its savepoint, and the group goes on. Where the connection itself has
//! failed, or the COMMIT does, nothing of the group has happened, and all of it is told so. Readers see a group after its COMMIT.
//! A turn sees what those before it in the group have done; it is committed with them or not at all.
//!
//! When there is nothing to commit for a while, the committer gives back the memory that the connections do not need meanwhile.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::{sleep, timeout};

use super::Line;
use super::file::Opened;
use crate::store::pool::{PATIENCE, Pool};
use crate::store::{Error, Result};

/// How long a COMMIT may take before whoever waits for it is told that nobody knows.
pub(in crate::store) const COMMIT: Duration = Duration::from_secs(10);

/// How often a writer of another process is asked whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Connections that did nothing for so long keep no pages.
const IDLE: Duration = Duration::from_secs(3);

/// The one connection that writes, and the thread that commits.
#[derive(Debug)]
pub(super) struct Writer {
    desk: Arc<Mutex<Desk>>,
    committer: mpsc::Sender<Order>,
}

/// What the committer is sent for.
#[derive(Debug)]
enum Order {
    Commit,
    /// Commit, close the file for good, and say so.
    Close(oneshot::Sender<()>),
}

/// What a COMMIT has come to; or why it has not.
type Outcome = std::result::Result<(), Arc<str>>;

/// What whoever has the turn works at.
#[derive(Debug)]
struct Desk {
    file: Opened,
    /// None before the first transaction, and after a failure.
    line: Option<Line>,
    is_closed: bool,
    /// Those who have had their turn in the open group. A transaction is open in SQLite as long as there are any, and within a turn.
    group: Vec<oneshot::Sender<Outcome>>,
}

/// The right to write. Dropping it takes back what was done with it.
#[derive(Debug)]
pub(super) struct Turn {
    /// None once the connection has failed under it, and at its end.
    desk: Option<OwnedMutexGuard<Desk>>,
    committer: mpsc::Sender<Order>,
}

impl Writer {
    /// Starts the committer, which also looks after readers that rest.
    pub(super) fn start(file: &Opened, readers: &Arc<Pool<Line>>) -> std::io::Result<Arc<Self>> {
        let desk = Desk { file: file.clone(), line: None, is_closed: false, group: Vec::new() };
        let desk = Arc::new(Mutex::new(desk));
        let (committer, orders) = mpsc::channel();
        let (commits, readers) = (Arc::clone(&desk), Arc::clone(readers));
        let thread = std::thread::Builder::new().name("committer".to_owned());
        thread.spawn(move || commit_on_order(&commits, &orders, &readers))?;
        Ok(Arc::new(Self { desk, committer }))
    }

    /// Waits for the turn, and begins.
    ///
    /// # Errors
    /// When it does not come in time, another process does not stop writing, or the file cannot be written.
    pub(super) async fn turn(&self) -> Result<Turn> {
        let desk = match Arc::clone(&self.desk).try_lock_owned() {
            Ok(desk) => desk,
            Err(_) => timeout(PATIENCE, Arc::clone(&self.desk).lock_owned())
                .await
                .map_err(|_| unavailable("acquire", "the writer did not come free in time"))?,
        };
        let mut turn = Turn { desk: None, committer: self.committer.clone() };
        turn.desk = Some(begun(desk).await?);
        Ok(turn)
    }

    /// Closes the connection after what is under way.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.committer.send(Order::Close(done)).is_ok() {
            let _ = closed.await;
        }
    }
}

/// The desk, with a transaction begun for the next turn.
async fn begun(mut desk: OwnedMutexGuard<Desk>) -> Result<OwnedMutexGuard<Desk>> {
    let mut asked = Duration::ZERO;
    while !desk.try_begin()? {
        if asked >= PATIENCE {
            return Err(unavailable("BEGIN", "another process is writing and does not stop"));
        }
        sleep(LOOK_EVERY).await;
        asked += LOOK_EVERY;
    }
    Ok(desk)
}

impl Desk {
    /// Begins a turn: the group's transaction, unless the file has gone, or a savepoint in it. False while another process writes.
    fn try_begin(&mut self) -> Result<bool> {
        let begun = if self.group.is_empty() {
            self.file.still_there()?;
            self.opened()?.try_begin()
        } else {
            self.opened()?.control("SAVEPOINT turn").map(|()| true)
        };
        begun.map_err(|e| {
            let error = Error::from_sqlite("BEGIN", e);
            self.fail(&error.to_string());
            error
        })
    }

    fn opened(&mut self) -> Result<&mut Line> {
        if self.is_closed {
            return Err(unavailable("BEGIN", "the database is closed"));
        }
        let line = match self.line.take() {
            Some(line) => line,
            None => Line::open(self.file.path(), false)
                .and_then(Line::that_writes)
                .map_err(|e| Error::from_sqlite("connect", e))?,
        };
        Ok(self.line.insert(line))
    }

    /// Ends a turn by taking back what it has done.
    fn take_back(&mut self) {
        let alone = self.group.is_empty();
        let Some(line) = self.line.as_mut() else { return };
        let taken_back = if alone {
            line.control("ROLLBACK")
        } else {
            line.control("ROLLBACK TO turn").and_then(|()| line.control("RELEASE turn"))
        };
        if let Err(e) = taken_back {
            self.fail(&e.to_string());
        }
    }

    /// Ends a turn by leaving what it has done to the group's COMMIT.
    fn join(&mut self) -> std::result::Result<oneshot::Receiver<Outcome>, Arc<str>> {
        let gone = || Arc::from("the connection has failed before");
        let alone = self.group.is_empty();
        let line = self.line.as_mut().ok_or_else(gone)?;
        let released = if alone { Ok(()) } else { line.control("RELEASE turn") };
        released.map_err(|e| self.fail(&e.to_string()))?;
        let (sender, receiver) = oneshot::channel();
        self.group.push(sender);
        Ok(receiver)
    }

    /// Commits the open group, if there is one. Answers whom to tell what.
    fn commit(&mut self) -> (Vec<oneshot::Sender<Outcome>>, Outcome) {
        let (Some(line), false) = (self.line.as_mut(), self.group.is_empty()) else {
            return (Vec::new(), Ok(()));
        };
        let outcome = line.control("COMMIT").map_err(|e| Arc::from(e.to_string()));
        if outcome.is_err() {
            self.line = None;
        }
        (std::mem::take(&mut self.group), outcome)
    }

    /// Closes a connection on which something went wrong, with whatever SQLite has left open on it. Nothing of the group has happened.
    fn fail(&mut self, reason: &str) -> Arc<str> {
        self.line = None;
        let reason: Arc<str> = Arc::from(reason);
        for waiting in self.group.drain(..) {
            let _ = waiting.send(Err(Arc::clone(&reason)));
        }
        reason
    }
}

impl Turn {
    /// The connection, unless it has failed.
    pub(super) fn line(&mut self) -> Option<&mut Line> {
        self.desk.as_mut()?.line.as_mut()
    }

    /// Looks at what a statement has failed of. What is wrong with the statement concerns nobody else; what is wrong with
    /// the connection ends the group, as SQLite itself may have done already.
    pub(super) fn has_failed(&mut self, error: &Error) {
        let given_up = self.line().is_some_and(|line| line.is_plain());
        if !given_up && !error.may_pass() {
            return;
        }
        if let Some(mut desk) = self.desk.take() {
            desk.fail(&error.to_string());
        }
    }

    /// Gives the turn on, and answers once everything done in it is on the disk, or nobody knows after so long.
    pub(super) async fn commit(mut self, patience: Duration) -> Result<()> {
        let failed = |reason: Arc<str>| unavailable("COMMIT", &reason);
        let Some(mut desk) = self.desk.take() else {
            return Err(unavailable("COMMIT", "the connection has failed before"));
        };
        let outcome = desk.join().map_err(failed)?;
        if desk.group.len() == 1 && self.committer.send(Order::Commit).is_err() {
            return Err(failed(desk.fail("the committer has ended")));
        }
        drop(desk);
        told(outcome, patience).await
    }

    /// Gives the turn on with nothing done in it, and answers once what could be seen in it of others is on the disk, where readers
    /// find it too.
    pub(super) async fn give_up(mut self) -> Result<()> {
        let Some(mut desk) = self.desk.take() else { return Ok(()) };
        desk.take_back();
        if desk.group.is_empty() {
            return Ok(());
        }
        let (sender, outcome) = oneshot::channel();
        desk.group.push(sender);
        drop(desk);
        told(outcome, COMMIT).await
    }
}

/// What the COMMIT of a group comes to.
async fn told(outcome: oneshot::Receiver<Outcome>, patience: Duration) -> Result<()> {
    match timeout(patience, outcome).await {
        Ok(Ok(outcome)) => outcome.map_err(|reason| unavailable("COMMIT", &reason)),
        Ok(Err(_)) => Err(unavailable("COMMIT", "the committer has ended")),
        Err(_) => Err(unavailable("COMMIT", &format!("no answer within {} s", patience.as_secs()))),
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(mut desk) = self.desk.take() {
            desk.take_back();
        }
    }
}

/// The committer: commits on order, until nobody is left who could order.
fn commit_on_order(desk: &Mutex<Desk>, orders: &mpsc::Receiver<Order>, readers: &Arc<Pool<Line>>) {
    loop {
        let order = match orders.recv_timeout(IDLE) {
            Ok(order) => order,
            Err(RecvTimeoutError::Timeout) => {
                save_memory(desk, readers, IDLE);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut desk = desk.blocking_lock();
        let (waiting, outcome) = desk.commit();
        if let Order::Close(done) = order {
            desk.line = None;
            desk.is_closed = true;
            let _ = done.send(());
        }
        drop(desk);
        for waiting in waiting {
            let _ = waiting.send(outcome.clone());
        }
    }
}

/// The writer forgets its pages, unless somebody has the turn. Of the readers that have rested for so long one stays, without
/// pages; the others are closed. What fails here will fail whoever uses the connection next, and is told there.
fn save_memory(desk: &Mutex<Desk>, readers: &Pool<Line>, long: Duration) {
    if let Ok(desk) = desk.try_lock()
        && let Some(writer) = &desk.line
    {
        let _ = writer.forget_pages();
    }
    if let Some(last) = readers.rested(long).pop() {
        let _ = last.forget_pages();
        readers.rest(last);
    }
}

fn unavailable(query: &'static str, reason: &str) -> Error {
    Error::Unavailable { query, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_the_readers_that_rest_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.db");
        let readers = Pool::new(4);
        let (mut used, _) = readers.lease().await.unwrap();
        used.put(Line::open(&file, true).unwrap());
        for _ in 0..3 {
            readers.rest(Line::open(&file, false).unwrap());
        }
        let line = Line::open(&file, false).unwrap();
        let file = Opened::at(&file).unwrap();
        let desk = Desk { file, line: Some(line), is_closed: false, group: Vec::new() };
        let desk = Mutex::new(desk);
        save_memory(&desk, &readers, IDLE);
        assert_eq!(readers.load(), (1, 3, 0), "they were in use just now");
        let turn = desk.lock().await;
        save_memory(&desk, &readers, Duration::ZERO);
        assert_eq!(readers.load(), (1, 1, 0), "and nobody waits for whoever writes");
        assert!(turn.line.is_some());
        let found = readers.lease().await.unwrap().0.conn().map(|line| line.script("SELECT 1").is_ok());
        assert_eq!(found, Some(true));
    }
}
