//! Messages to the server and from it, and nothing of what they mean. Whoever stops waiting in the middle finds the rest where it was.

use std::fmt;
use std::io;

use bytes::BytesMut;
use postgres_protocol::message::backend::Message;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::startup::Stream;

/// What the buffers hold at first, in bytes.
const ROOM: usize = 8192;

/// A line that messages go over.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl Wire {
    pub(super) fn over(stream: Box<dyn Stream>) -> Self {
        Self { stream, incoming: BytesMut::with_capacity(ROOM), outgoing: BytesMut::with_capacity(ROOM) }
    }

    /// Where messages are written that are to be sent.
    pub(super) const fn outgoing(&mut self) -> &mut BytesMut {
        &mut self.outgoing
    }

    /// Sends what is written.
    ///
    /// # Errors
    /// When the line is broken.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            if self.stream.write_buf(&mut self.outgoing).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        self.stream.flush().await
    }

    /// The next message that means something to us.
    ///
    /// # Errors
    /// When the line is broken.
    pub(super) async fn receive(&mut self) -> io::Result<Message> {
        loop {
            match Message::parse(&mut self.incoming)? {
                Some(
                    Message::NoticeResponse(_)
                    | Message::ParameterStatus(_)
                    | Message::NotificationResponse(_),
                ) => {}
                Some(message) => return Ok(message),
                None if self.stream.read_buf(&mut self.incoming).await? == 0 => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server has hung up"));
                }
                None => {}
            }
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("outgoing", &self.outgoing.len()).finish_non_exhaustive()
    }
}
