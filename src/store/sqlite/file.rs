//! Is the file of the database still the one that was opened? Whoever has it open goes on writing to it when it is deleted, for nobody.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::store::{Error, Result};

/// A file by its place and by what it is.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    path: PathBuf,
    identity: (u64, u64),
}

impl Opened {
    pub(super) fn at(path: &Path) -> std::io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// # Errors
    /// When there is another file in its place, or none.
    pub(super) fn still_there(&self) -> Result<()> {
        let what = match identity(&self.path) {
            Ok(identity) if identity == self.identity => return Ok(()),
            Ok(_) => "replaced",
            Err(_) => "taken away",
        };
        let file = self.path.display();
        let reason = format!("{file} was {what} under the running program: put it back, or restart");
        Err(Error::Unavailable { query: "BEGIN", reason })
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let found = std::fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}
