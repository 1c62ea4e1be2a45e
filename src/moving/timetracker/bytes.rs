//! Which byte stands next in a file, and where?

use std::io::BufRead;

use super::super::Error;
use super::super::error::Place;

/// Reads a file byte by byte, and knows the place.
#[derive(Debug)]
pub(super) struct Bytes<R> {
    bytes: R,
    place: Place,
}

impl<R: BufRead> Bytes<R> {
    pub(super) const fn new(bytes: R) -> Self {
        Self { bytes, place: Place::START }
    }

    /// Where the next byte stands.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// The next byte, which stays the next one; none at the end of the file.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Error> {
        Ok(self.buffer()?.first().copied())
    }

    /// The next byte; none at the end of the file.
    pub(super) fn take(&mut self) -> Result<Option<u8>, Error> {
        let next = self.peek()?;
        if let Some(byte) = next {
            self.bytes.consume(1);
            if byte == b'\n' {
                self.place = Place { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        Ok(next)
    }

    /// Passes at once over what is in reach, up to a line's end or a byte of this kind; whether that was anything.
    pub(super) fn pass_up_to(&mut self, stop: impl Fn(u8) -> bool) -> Result<bool, Error> {
        let buffer = self.buffer()?;
        let found = buffer.iter().position(|byte| *byte == b'\n' || stop(*byte));
        let passed = found.unwrap_or(buffer.len());
        self.bytes.consume(passed);
        self.place.column += passed as u64;
        Ok(passed > 0)
    }

    fn buffer(&mut self) -> Result<&[u8], Error> {
        let place = self.place;
        self.bytes.fill_buf().map_err(|error| place.unreadable(&error))
    }
}
