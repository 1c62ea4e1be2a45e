//! How is a stream of any length sealed, so that it can be opened part by part, and nothing be changed, left out, put elsewhere or added?
//!
//! Parts of 64 KiB, each AES-256-GCM under the file's own key, as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the nonce counts
//! the parts, and what is authenticated with each says how long it is and whether it is the last.

use std::io::{self, Read, Write};

use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use super::Error;
use super::header::{Header, Key};

/// How much is sealed at a time, in bytes.
pub(super) const PART: usize = 64 * 1024;

const TAG: usize = 16;
const FRAME: usize = 5;

/// Seals what is written.
pub(super) struct Sealer<W: Write> {
    to: W,
    key: Key,
    part: u64,
    plain: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealer<W> {
    pub(super) fn new(to: W, key: Key) -> Self {
        Self { to, key, part: 0, plain: Zeroizing::new(Vec::with_capacity(PART)) }
    }

    /// Seals the last part.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let frame = frame(last, self.plain.len());
        let (nonce, mut tag) = (nonce(self.part), [0; TAG]);
        let sealed =
            encrypt_aead(Cipher::aes_256_gcm(), &self.key, Some(&nonce), &frame, &self.plain, &mut tag);
        let sealed = sealed.map_err(|e| io::Error::from(Error::from(e)))?;
        for bytes in [&frame[..], &sealed, &tag] {
            self.to.write_all(bytes)?;
        }
        self.part += 1;
        self.plain.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.plain.len() == PART {
            self.seal(false)?;
        }
        let taken = bytes.len().min(PART - self.plain.len());
        self.plain.extend(bytes.iter().take(taken));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        // What is not a whole part yet waits.
        Ok(())
    }
}

/// Opens what is read. Nothing is handed out that was not sealed so, and the end only where it was written.
pub(super) struct Opener<R: Read> {
    from: R,
    key: Key,
    part: u64,
    plain: Zeroizing<Vec<u8>>,
    taken: usize,
    /// Where the next part begins in the file.
    at: u64,
    ended: bool,
}

impl<R: Read> Opener<R> {
    pub(super) fn new(from: R, key: Key) -> Self {
        let plain = Zeroizing::new(Vec::new());
        Self { from, key, part: 0, plain, taken: 0, at: Header::LENGTH, ended: false }
    }

    /// Opens the next part.
    fn open(&mut self) -> Result<(), Error> {
        let mut head = [0; FRAME];
        self.fill(&mut head)?;
        let [last, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let fits = if last == 1 { length <= PART } else { last == 0 && length == PART };
        if !fits {
            return Err(Error::Changed(self.at));
        }
        let (mut sealed, mut tag) = (vec![0; length], [0; TAG]);
        self.fill(&mut sealed)?;
        self.fill(&mut tag)?;
        let nonce = nonce(self.part);
        let plain = decrypt_aead(Cipher::aes_256_gcm(), &self.key, Some(&nonce), &head, &sealed, &tag);
        self.plain = Zeroizing::new(plain.map_err(|_| Error::Changed(self.at))?);
        (self.part, self.taken) = (self.part + 1, 0);
        self.at += (FRAME + length + TAG) as u64;
        if last == 1 {
            self.ended = true;
            if self.from.read(&mut [0])? > 0 {
                return Err(Error::Longer(self.at));
            }
        }
        Ok(())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.from.read(rest) {
                Ok(0) => return Err(Error::CutOff(self.at)),
                Ok(more) => read += more,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.plain.len() {
            if self.ended {
                return Ok(0);
            }
            self.open()?;
        }
        let there = self.plain.get(self.taken..).unwrap_or_default();
        let taken = there.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(there) {
            *to = *from;
        }
        self.taken += taken;
        Ok(taken)
    }
}

/// What stands before a part, and is authenticated with it.
fn frame(last: bool, length: usize) -> [u8; FRAME] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [u8::from(last), a, b, c, d]
}

/// Each part has its own; the key is this file's alone.
fn nonce(part: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().skip(4).zip(part.to_be_bytes()) {
        *to = from;
    }
    nonce
}
