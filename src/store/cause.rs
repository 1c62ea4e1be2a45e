//! Why can the database not be opened, and which setting mends it?

use std::io::ErrorKind;
use std::path::Path;

use rusqlite::ErrorCode;
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::Fault;

/// Why a database cannot be opened; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// Nobody listens there.
    #[error("connection refused: is PostgreSQL running there? Check host and port in [database] url")]
    Refused,
    /// The name of the host leads nowhere.
    #[error("the host is not known: check the host in [database] url")]
    UnknownHost,
    /// Nobody answers.
    #[error(
        "no answer within {0} s: check host and port in [database] url, and whether a firewall stands between"
    )]
    Silent(u64),
    /// The socket is not there, or not for us.
    #[error("{0}: check the path of the socket in [database] url")]
    Socket(String),
    /// The password is wrong, or there is none.
    #[error(
        "password authentication failed: check user and password in [database] url, or the file of url_file"
    )]
    Password,
    /// The server lets nobody of this name in from here.
    #[error("{0}: check the user in [database] url, and pg_hba.conf of the server")]
    Denied(String),
    /// The server has no such database.
    #[error("{0}: make it on the server, or check the name in [database] url")]
    NoDatabase(String),
    /// The server takes no more connections.
    #[error("{0}: lower [database] max_connections, or raise max_connections of the server")]
    Full(String),
    /// The server is not ready yet, or not any more.
    #[error("{0}: try again in a moment")]
    NotReady(String),
    /// The server only answers questions.
    #[error("the server is read-only, a standby perhaps: let [database] url lead to the primary")]
    ReadOnlyServer,
    /// There is no TLS that both sides agree on.
    #[error("{0}: check sslmode and sslrootcert in [database] url")]
    Tls(String),
    /// A pooler stands before the server, and does not take what `[database]` url asks for.
    #[error(
        "{0}: take `options` out of [database] url, or let the pooler ignore it (PgBouncer: ignore_startup_parameters)"
    )]
    Pooler(String),
    /// A pooler gives each statement another server.
    #[error("{0}: let the pooler have pool_mode = transaction (or session)")]
    StatementPooling(String),
    /// The folder of the file is not there.
    #[error("the folder {0} is not there: make it, or check [database] url and data_dir")]
    NoFolder(String),
    /// The file, a journal of it or its folder cannot be written by this user.
    #[error(
        "{0} cannot be written by this user: SQLite needs to write the file, its -wal and -shm where they are there, and the folder; check who owns them and their modes (chmod u+w), or [database] url"
    )]
    Permission(String),
    /// The file is on a file system that takes no writing.
    #[error("{0} is on a read-only file system: mount it for writing, or check [database] url and data_dir")]
    ReadOnlyMount(String),
    /// No room is left.
    #[error("the disk is full: make room on the file system of {0}")]
    DiskFull(String),
    /// Somebody else is writing all the time.
    #[error("another process is writing to it and does not stop: end it, or try again")]
    Locked,
    /// The file is something else.
    #[error("the file is no SQLite database: check [database] url, or restore a backup")]
    NotADatabase,
    /// The address cannot be read.
    #[error("{0}: check [database] url")]
    Address(String),
    /// Anything else.
    #[error("{0}: check [database] url")]
    Other(String),
}

impl Cause {
    /// Why PostgreSQL could not be connected to.
    pub(super) fn of_postgres(fault: &Fault) -> Self {
        match fault {
            Fault::Address(e) => Self::Address(e.to_owned()),
            Fault::Tls(e) => Self::Tls(e.to_owned()),
            Fault::Line(e) => match e.kind() {
                ErrorKind::ConnectionRefused => Self::Refused,
                ErrorKind::TimedOut => Self::Silent(0),
                ErrorKind::NotFound | ErrorKind::PermissionDenied => Self::Socket(e.to_string()),
                // What getaddrinfo says has no kind of its own.
                _ if e.to_string().contains("lookup address") => Self::UnknownHost,
                _ => Self::Other(e.to_string()),
            },
            Fault::Said { code, message } => Self::of_sqlstate(code, message),
            other => Self::Other(other.to_string()),
        }
    }

    fn of_sqlstate(code: &str, message: &str) -> Self {
        let said = message.to_owned();
        match code {
            "28P01" => Self::Password,
            "3D000" => Self::NoDatabase(said),
            "57P01" | "57P02" | "57P03" => Self::NotReady(said),
            "25006" => Self::ReadOnlyServer,
            "08P01" if message.contains("statement pooling") => Self::StatementPooling(said),
            "08P01" if message.contains("startup parameter") => Self::Pooler(said),
            _ if code.starts_with("28") => Self::Denied(said),
            _ if code.starts_with("53") => Self::Full(said),
            _ => Self::Other(said),
        }
    }

    /// Why the file of SQLite could not be opened. SQLite itself says little: the system is asked again.
    pub(super) fn of_sqlite(error: &rusqlite::Error, file: &Path) -> Self {
        let name = file.display().to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::DiskFull(name),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::NotADatabase,
            Some(ErrorCode::ReadOnly | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
                let cause = Self::of_file(file).or_else(|| Self::of_folder(folder_of(file)));
                cause.unwrap_or_else(|| Self::Other(error.to_string()))
            }
            _ => Self::Other(error.to_string()),
        }
    }

    /// What the system has against writing this file and beside it. It is asked, and the file never opened: with the file that we
    /// close the system takes the locks of the whole process from it, those of SQLite among them, and whoever then looks into the
    /// database with another tool takes its journal away as the last to leave (<https://sqlite.org/howtocorrupt.html>, 2.2).
    pub(super) fn of_file(file: &Path) -> Option<Self> {
        let folder = folder_of(file);
        if !folder.is_dir() {
            return Some(Self::NoFolder(folder.display().to_string()));
        }
        if file.is_dir() {
            return Some(Self::Other(format!("{} is a folder", file.display())));
        }
        Self::of_writing(file).or_else(|| JOURNALS.iter().find_map(|journal| Self::of_journal(file, journal)))
    }

    /// A journal that is not there will be made.
    fn of_journal(file: &Path, journal: &str) -> Option<Self> {
        let mut name = file.as_os_str().to_owned();
        name.push(journal);
        let journal = Path::new(&name);
        if journal.exists() { Self::of_writing(journal) } else { None }
    }

    /// Journals are made there.
    fn of_folder(folder: &Path) -> Option<Self> {
        Self::of_access(folder, format!("the folder {}", folder.display()))
    }

    fn of_writing(file: &Path) -> Option<Self> {
        Self::of_access(file, file.display().to_string())
    }

    fn of_access(file: &Path, name: String) -> Option<Self> {
        Some(match access(file, Access::WRITE_OK).err()? {
            Errno::ROFS => Self::ReadOnlyMount(name),
            Errno::ACCESS | Errno::PERM => Self::Permission(name),
            refused => Self::Other(format!("{name}: {refused}")),
        })
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What SQLite keeps beside a file that is in use, by the end of its name. Each gets the mode that the file has at that moment.
const JOURNALS: [&str; 2] = ["-wal", "-shm"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_says_is_told_with_the_setting_that_mends_it() {
        for (code, message, expected, setting) in [
            (
                "28P01",
                "password authentication failed for user \"x\"",
                "password authentication failed",
                "password in [database] url",
            ),
            ("28000", "no pg_hba.conf entry for host", "no pg_hba.conf entry for host", "pg_hba.conf"),
            (
                "3D000",
                "database \"x\" does not exist",
                "database \"x\" does not exist",
                "the name in [database] url",
            ),
            ("53300", "sorry, too many clients already", "too many clients", "max_connections"),
            ("57P03", "the database system is starting up", "is starting up", "try again"),
            ("25006", "cannot execute UPDATE in a read-only transaction", "read-only", "primary"),
            ("08P01", "unsupported startup parameter: options", "options", "ignore_startup_parameters"),
            (
                "08P01",
                "transaction blocks not allowed in statement pooling mode",
                "statement pooling",
                "pool_mode = transaction",
            ),
            ("XX000", "what", "what", "[database] url"),
        ] {
            let told = Cause::of_sqlstate(code, message).to_string();
            assert!(told.contains(expected) && told.contains(setting), "{code}: {told}");
        }
    }

    #[test]
    fn a_line_that_is_not_there_is_told_with_the_setting_that_mends_it() {
        let io =
            |kind, said: &str| Cause::of_postgres(&Fault::Line(std::io::Error::new(kind, said.to_owned())));
        assert_eq!(io(ErrorKind::ConnectionRefused, "x"), Cause::Refused);
        assert_eq!(io(ErrorKind::Other, "failed to lookup address information"), Cause::UnknownHost);
        assert!(matches!(io(ErrorKind::NotFound, "no such file"), Cause::Socket(_)));
        assert!(matches!(io(ErrorKind::BrokenPipe, "broken"), Cause::Other(_)));
    }

    #[test]
    fn what_a_file_lacks_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there.db");
        std::fs::write(&there, "").unwrap();
        assert_eq!(Cause::of_file(&there), None);
        assert!(matches!(Cause::of_file(&folder.path().join("no/x.db")), Some(Cause::NoFolder(_))));
        assert!(matches!(Cause::of_file(folder.path()), Some(Cause::Other(_))));
    }

    #[test]
    fn a_file_that_may_not_be_written_is_named_and_so_is_a_journal_of_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("there.db");
        for name in ["there.db-wal", "there.db-shm", "there.db"] {
            let path = folder.path().join(name);
            std::fs::write(&file, "").unwrap();
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
            if access(&path, Access::WRITE_OK).is_ok() {
                return; // Root may.
            }
            let told = Cause::of_file(&file).unwrap().to_string();
            assert!(told.starts_with(&format!("{} cannot be written", path.display())), "{told}");
            assert!(told.contains("chmod u+w"), "{told}");
            std::fs::remove_file(&path).unwrap();
        }
    }
}
