//! Why is a file not taken? Each says where, and what to do.

use std::io;

use super::apply::Unapplied;
use crate::{directory, store};

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is packed in a way that is not known here.
    #[error("this is a {0} file: unpack it first (gz and bz2 are read as they are)")]
    Packed(&'static str),
    /// It is what a spreadsheet saves unless told otherwise.
    #[error("this is a workbook: open it, and save it as CSV")]
    Workbook,
    /// What stands there cannot be.
    #[error("line {line}, column {column}: {what}")]
    At {
        /// Counted from 1.
        line: u64,
        /// Counted from 1, in bytes.
        column: u64,
        /// What is wrong.
        what: String,
    },
    /// It is another file than it should be.
    #[error("{0}")]
    Unsuitable(String),
    /// It could not be carried out to its end.
    #[error(transparent)]
    Unapplied(#[from] Unapplied),
    /// A rule or the database says no.
    #[error(transparent)]
    Directory(#[from] directory::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Directory(error.into())
    }
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: u64,
    /// Counted from 1, in bytes.
    pub column: u64,
}

impl Place {
    /// Where every file begins.
    pub const START: Self = Self { line: 1, column: 1 };

    /// What has kept somebody from reading on there.
    #[must_use]
    pub fn unreadable(self, error: &io::Error) -> Error {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return self.wrong("the packed file ends in the middle: copy it anew");
        }
        self.wrong(error.to_string())
    }

    /// What is wrong there.
    #[must_use]
    pub fn wrong(self, what: impl Into<String>) -> Error {
        Error::At { line: self.line, column: self.column, what: what.into() }
    }
}
