//! Why is there no backup, or nothing restored from one? Each says what to do.

use std::io;

use crate::keys::{KeyError, VaultError};
use crate::store::{self, Mismatch, Numbers};

/// Why it did not come about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(io::Error),
    /// It is something else.
    #[error("this is no backup of Countersign's: name the file that `countersign backup` has written")]
    Foreign,
    /// It was written in another way.
    #[error(
        "this backup is of format {0}, which this program does not know: restore it with a newer countersign"
    )]
    Format(u8),
    /// What deriving the key would cost cannot be meant.
    #[error(
        "this backup asks for {memory_kib} KiB of memory and {passes} passes to derive its key, more than any that Countersign writes: it was changed; take another copy"
    )]
    Cost {
        /// In KiB.
        memory_kib: u32,
        /// How often over that.
        passes: u32,
    },
    /// The key is another one.
    #[error(
        "the master key here does not open this backup: put the one that it was made with into the keys folder (or the beginning of the file was changed: take another copy)"
    )]
    OtherKey,
    /// The passphrase is another one.
    #[error(
        "this passphrase does not open the backup: try again (or the beginning of the file was changed: take another copy)"
    )]
    OtherPassphrase,
    /// There is less of it than was written.
    #[error("the backup ends in the middle, after {0} bytes: it was cut off on its way; take another copy")]
    CutOff(u64),
    /// A part is not what was written there.
    #[error(
        "the backup was changed: the part from byte {0} on is not what was written there; take another copy"
    )]
    Changed(u64),
    /// There is more of it than was written.
    #[error(
        "something follows after the end of the backup, from byte {0} on: that is not of it; take another copy"
    )]
    Longer(u64),
    /// It holds what no backup holds, although whoever wrote it had the key.
    #[error("line {line} of the backup cannot be used: {what}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// A newer program has made it.
    #[error(
        "the backup has schema version {found}, made by countersign {maker}; this program knows {known}: restore it with that countersign or a newer one"
    )]
    Newer {
        /// The newest version in the backup.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
        /// Which program made it.
        maker: String,
    },
    /// It is of a program that has gone another way.
    #[error(
        "the backup has migrations that this program does not know ({0}): restore it with the countersign that made it ({1})"
    )]
    Stranger(Numbers, String),
    /// A newer program has changed the database that is to be copied.
    #[error(
        "a newer countersign has changed this database (schema version {0}): make the backup with that one, or it would not be whole"
    )]
    Ahead(i64),
    /// There is a provider already where one is to be made.
    #[error("there is a provider in {place} already, and a restore makes a new one: {remedy}")]
    NotEmpty {
        /// Where.
        place: String,
        /// What to do.
        remedy: String,
    },
    /// A row holds what not every database can hold.
    #[error("table {table}, column {column}: {what}: mend that row, and try again")]
    Value {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is wrong with the value.
        what: &'static str,
    },
    /// Rows refer to what is not there.
    #[error(
        "{rows} rows of {table} refer to rows of {parent} that are not there: take another backup (`restore --check` tells of each)"
    )]
    Broken {
        /// How many.
        rows: i64,
        /// In which table.
        table: String,
        /// What they refer to.
        parent: String,
    },
    /// OpenSSL refused.
    #[error("OpenSSL: {0}")]
    Crypto(#[from] openssl::error::ErrorStack),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The master key failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The keys failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The audit log failed.
    #[error(transparent)]
    Audit(#[from] crate::audit::chain::Error),
}

/// What is wrong inside comes out of readers as an error of reading.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(inner) => inner,
            Err(error) => Self::File(error),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::File(error) => error,
            other => Self::other(other),
        }
    }
}

impl Error {
    /// What is wrong with the schema of a backup that this program has made.
    pub(super) fn of_schema(error: store::Error, maker: &str) -> Self {
        let maker = maker.to_owned();
        match error {
            store::Error::Schema(Mismatch::Newer { found, known, .. }) => Self::Newer { found, known, maker },
            store::Error::Schema(Mismatch::Foreign { unknown, .. }) => Self::Stranger(unknown, maker),
            store::Error::Schema(Mismatch::Changed { version, .. } | Mismatch::HalfDone { version, .. }) => {
                Self::Stranger(Numbers(vec![version]), maker)
            }
            other => other.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_or_another_program_has_made_is_said_with_what_to_do() {
        let told = |mismatch: Mismatch| Error::of_schema(mismatch.into(), "9.9").to_string();
        let newer = told(Mismatch::Newer { found: 99, known: 75, maker: String::new() });
        assert!(
            newer.contains("schema version 99, made by countersign 9.9") && newer.contains("knows 75"),
            "{newer}"
        );
        let (unknown, lacking) = (Numbers(vec![3]), Numbers(vec![4]));
        for stranger in [
            Mismatch::Foreign { unknown, lacking },
            Mismatch::Changed { version: 3, description: String::new() },
        ] {
            let told = told(stranger);
            assert!(told.contains("does not know (3)") && told.contains("(9.9)"), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_inside_comes_through_a_reader_as_what_it_is() {
        let through = Error::from(io::Error::from(Error::CutOff(7)));
        assert!(matches!(through, Error::CutOff(7)));
        let plain = Error::from(io::Error::from(io::ErrorKind::StorageFull));
        assert!(matches!(plain, Error::File(e) if e.kind() == io::ErrorKind::StorageFull));
    }
}
