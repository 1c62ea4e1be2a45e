//! How long may a client keep a connection waiting? As long as a proxy keeps one open between two requests, but not that long
//! in the middle of a request's head.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a client may take for the head of a request from its first byte on, and for the first one of a connection.
pub(super) const HEAD: Duration = Duration::from_secs(10);

/// How long a connection is kept between two requests: longer than proxies keep theirs (60 s and less), so that none of them
/// sends a request into a connection that is just being closed.
pub(super) const IDLE: Duration = Duration::from_secs(75);

/// A connection that fails to be read once the head of a request takes longer than [`HEAD`].
pub(super) struct Patient<S> {
    stream: S,
    turns: Arc<Turns>,
    /// The turn of the last read.
    turn: usize,
    /// Whether the head that is waited for has begun to come.
    begun: bool,
    end: Pin<Box<Sleep>>,
}

/// Whose turn it is: the client's when it is even, to send a request, and ours when it is odd, to answer.
#[derive(Default)]
pub(super) struct Turns(AtomicUsize);

impl Turns {
    /// It is our turn until what is returned is dropped.
    pub(super) fn ours(self: &Arc<Self>) -> OurTurn {
        self.0.fetch_add(1, Ordering::AcqRel);
        OurTurn(Arc::clone(self))
    }
}

/// A request that is being answered.
pub(super) struct OurTurn(Arc<Turns>);

impl Drop for OurTurn {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
    }
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, turns: Arc<Turns>) -> Self {
        Self { stream, turns, turn: 0, begun: true, end: Box::pin(sleep(HEAD)) }
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
        let turn = this.turns.0.load(Ordering::Acquire);
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
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
