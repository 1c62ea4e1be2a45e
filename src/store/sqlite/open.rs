//! How is a file of SQLite opened, made if that is wanted, and said why not?

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::file::Opened;
use super::{Line, Sqlite, file_of};
use crate::store::cause::Cause;
use crate::store::{Error, Options, Result};

impl Sqlite {
    /// Opens the file; `make` says whether one that is not there is made.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be used: why, and what to do.
    pub(in crate::store) fn open(options: &Options, make: bool) -> Result<Self> {
        let failed = |cause| Error::Open { url: options.url.clone(), cause };
        let path = file_of(&options.url).map_err(|e| failed(Cause::Address(e)))?;
        if make {
            make_private(&path);
        } else if matches!(std::fs::exists(&path), Ok(false)) {
            return Err(Error::NoProvider { place: options.place() });
        }
        // SQLite would open for reading what it may not write, leave journals of the same mode beside it, and say so at the first writing.
        if path.exists()
            && let Some(cause) = Cause::of_file(&path)
        {
            return Err(failed(cause));
        }
        let first = Line::open(&path, make).map_err(|e| failed(Cause::of_sqlite(&e, &path)))?;
        // Later on a file that is gone is an error, and not a new and empty one.
        Opened::at(&path)
            .and_then(|file| Self::new(file, first, options.max_connections))
            .map_err(|e| failed(Cause::Other(e.to_string())))
    }
}

/// SQLite would let everybody on the machine read a new file, and the hashes of passwords are in it. Its journals get the
/// mode of the file. What is there already, and what cannot be made, is SQLite's to judge.
fn make_private(file: &Path) {
    let mut options = OpenOptions::new();
    let _ = options.write(true).create_new(true).mode(0o600).open(file);
}
