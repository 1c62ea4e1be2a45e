//! How long may a client keep a connection waiting? As long as a proxy keeps one open between two requests, but not that long
//! in the middle of a request's head, or of an answer that it does not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::places::Moment;

/// How long a client may take for the head of a request from its first byte on, and for the first one of a connection.
pub(super) const HEAD: Duration = Duration::from_secs(10);

/// How long a connection is kept between two requests: longer than proxies keep theirs (60 s and less), so that none of them
/// sends a request into a connection that is just being closed.
pub(super) const IDLE: Duration = Duration::from_secs(75);

/// How long a client may take to read on: for what we have to say, or for [`LEAST`] bytes of it.
pub(super) const WRITE: Duration = Duration::from_secs(30);

/// What a client that is slow, and no more than that, reads in [`WRITE`].
const LEAST: usize = 16 * 1024;

/// A connection that fails once its client takes too long: to send the head of a request, or to read an answer.
pub(super) struct Patient<S> {
    stream: S,
    turns: Arc<Turns>,
    /// The turn of the last read.
    turn: usize,
    /// Whether the head that is waited for has begun to come.
    begun: bool,
    end: Pin<Box<Sleep>>,
    /// Runs while there is something that the client has to read before we can go on.
    unread: Option<Pin<Box<Sleep>>>,
    /// What it has read since that began to run.
    read: usize,
}

/// Whose turn it is: the client's when it is even, to send a request, and ours when it is odd, to answer.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turn: AtomicUsize,
    /// When the client's turn began.
    since: AtomicU64,
    moment: Arc<Moment>,
}

impl Turns {
    /// The client's turn, from now on.
    pub(super) fn new(moment: Arc<Moment>) -> Self {
        Self { turn: AtomicUsize::new(0), since: AtomicU64::new(moment.next()), moment }
    }

    /// It is our turn until what is returned is dropped.
    pub(super) fn ours(self: &Arc<Self>) -> OurTurn {
        self.turn.fetch_add(1, Ordering::AcqRel);
        OurTurn(Arc::clone(self))
    }

    /// Whether anything has been asked.
    pub(super) fn have_begun(&self) -> bool {
        self.turn.load(Ordering::Acquire) > 0
    }

    /// Since when we wait for the client; none when it waits for us.
    pub(super) fn waits_since(&self) -> Option<u64> {
        let theirs = self.turn.load(Ordering::Acquire).is_multiple_of(2);
        theirs.then(|| self.since.load(Ordering::Relaxed))
    }
}

/// A request that is being answered.
pub(super) struct OurTurn(Arc<Turns>);

impl Drop for OurTurn {
    fn drop(&mut self) {
        self.0.since.store(self.0.moment.next(), Ordering::Relaxed);
        self.0.turn.fetch_add(1, Ordering::AcqRel);
    }
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, turns: Arc<Turns>) -> Self {
        Self { stream, turns, turn: 0, begun: true, end: Box::pin(sleep(HEAD)), unread: None, read: 0 }
    }

    /// Lets a write pass, unless the client has read too little for too long.
    fn paced<T>(&mut self, context: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_pending() && self.unread.is_none() {
            (self.unread, self.read) = (Some(Box::pin(sleep(WRITE))), 0);
        }
        if let Some(end) = &mut self.unread
            && end.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        write
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (this, before) = (&mut *self, buffer.filled().len());
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let turn = this.turns.turn.load(Ordering::Acquire);
        if turn != this.turn {
            (this.turn, this.begun) = (turn, false);
        }
        if turn % 2 == 1 {
            return read;
        }
        if !this.begun && buffer.filled().len() > before {
            this.begun = true;
            this.end.set(sleep(HEAD));
        }
        if this.begun && read.is_pending() {
            ready!(this.end.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(taken)) = &write {
            self.read += taken;
            if self.read >= LEAST {
                self.unread = None;
            }
        }
        self.paced(context, write)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.stream).poll_flush(context);
        if flush.is_ready() {
            // Hyper flushes once all that it has is written.
            self.unread = None;
        }
        self.paced(context, flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shutdown = Pin::new(&mut self.stream).poll_shutdown(context);
        self.paced(context, shutdown)
    }
}
