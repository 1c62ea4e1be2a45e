//! What does a file hold once it is unpacked? Never more at a time than a buffer, and not without end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;

use super::Error;

/// As much may come out of any file, in bytes.
const FREE: u64 = 64 * 1024 * 1024;

/// Beyond that, as many times as much as went in: a dump shrinks to a tenth, and hardly ever to a fiftieth.
const RATIO: u64 = 200;

/// The size of a buffer, in bytes.
const BUFFER: usize = 64 * 1024;

/// How the first part of a workbook is named.
const WORKBOOKS: [&[u8]; 5] = [b"[Content_Types].xml", b"_rels/", b"xl/", b"docProps/", b"mimetype"];

/// How much of a file has been read, for whoever watches; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    read: Arc<AtomicU64>,
    size: Arc<AtomicU64>,
}

impl Progress {
    /// How many bytes have been read, and how many there are.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.size.load(Ordering::Relaxed))
    }
}

/// The contents of a file, unpacked where it is packed.
pub struct Contents(BufReader<Bounded>);

impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contents(…)")
    }
}

impl Contents {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened, or is packed in a way that is not known here.
    pub fn open(path: &Path, progress: &Progress) -> Result<Self, Error> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if about.is_dir() {
            let what =
                "this is a folder, and a file is expected: of MySQL, what mysqldump writes (not MySQL Shell)";
            return Err(Error::Unsuitable(what.to_owned()));
        }
        progress.size.store(about.len(), Ordering::Relaxed);
        Self::of(file, progress)
    }

    /// The same of anything that can be read.
    ///
    /// # Errors
    /// When it cannot be read, or is packed in a way that is not known here.
    pub fn of(raw: impl Read + Send + 'static, progress: &Progress) -> Result<Self, Error> {
        let counted = Counted { raw, read: Arc::clone(&progress.read) };
        let mut packed = BufReader::with_capacity(BUFFER, counted);
        let start = packed.fill_buf()?;
        let plain: Box<dyn Read + Send> = match start {
            [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(packed)),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Box::new(MultiBzDecoder::new(packed)),
            // What Excel and LibreOffice save is packed, and begins with a list of its parts.
            [b'P', b'K', 3, 4, ..]
                if WORKBOOKS
                    .iter()
                    .any(|part| start.get(30..).is_some_and(|name| name.starts_with(part))) =>
            {
                return Err(Error::Workbook);
            }
            [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => return Err(Error::Workbook),
            [b'P', b'K', 3, 4, ..] => return Err(Error::Packed("zip")),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => return Err(Error::Packed("xz")),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => return Err(Error::Packed("zstd")),
            _ => Box::new(packed),
        };
        let bounded = Bounded { plain, out: 0, read: Arc::clone(&progress.read) };
        Ok(Self(BufReader::with_capacity(BUFFER, bounded)))
    }
}

impl Read for Contents {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl BufRead for Contents {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

struct Counted<R> {
    raw: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Ends what would never end.
struct Bounded {
    plain: Box<dyn Read + Send>,
    out: u64,
    read: Arc<AtomicU64>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.plain.read(buffer)?;
        self.out = self.out.saturating_add(read as u64);
        let allowed = FREE.saturating_add(self.read.load(Ordering::Relaxed).saturating_mul(RATIO));
        if self.out > allowed { Err(io::Error::other(Bomb)) } else { Ok(read) }
    }
}

/// A file that unpacks to far more than it is.
#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than {RATIO} times its size: if that is as it should be, unpack it first")]
struct Bomb;
