//! Where do connections come in? Ports and Unix sockets, opened with words that say what is in the way.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use anyhow::{Context as _, anyhow, bail};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::config::{Door, Listen};

/// Who may use a Unix socket: its owner and its group, which the proxy has to be in.
const SOCKET_MODE: u32 = 0o660;

/// Where whoever comes by a Unix socket comes from.
const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Everything that is listened on.
#[derive(Debug)]
pub struct Doors(Vec<Opened>);

#[derive(Debug)]
enum Opened {
    Tcp(TcpListener),
    Unix { listener: UnixListener, _file: SocketFile },
}

/// A connection that has come in.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Doors {
    /// Opens all that `listen` names.
    ///
    /// # Errors
    /// What is in the way of the first that cannot be opened.
    pub async fn open(listen: &Listen) -> anyhow::Result<Self> {
        Self::open_for("listen", listen).await
    }

    /// Opens all that the setting of this name names.
    ///
    /// # Errors
    /// What is in the way of the first that cannot be opened.
    pub(super) async fn open_for(setting: &str, listen: &Listen) -> anyhow::Result<Self> {
        let mut opened = Vec::new();
        for door in listen.doors() {
            opened.push(open(door).await.map_err(|why| anyhow!("{setting}: {door}: {why:#}"))?);
        }
        Ok(Self(opened))
    }

    /// The next connection, and the address at its other end. Whatever comes by a Unix socket counts as this machine's.
    pub(super) async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    /// Closes them; the answer is who has come to them by then: the machine has let them in, and what they ask is under way.
    pub(super) fn close(self) -> Vec<(Stream, SocketAddr)> {
        self.0.into_iter().flat_map(Opened::close).collect()
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(Stream, SocketAddr)>> {
        for (at, door) in self.0.iter().enumerate() {
            let accepted = match door {
                Opened::Tcp(listener) => {
                    listener.poll_accept(context).map_ok(|(stream, peer)| (Stream::Tcp(stream), peer))
                }
                Opened::Unix { listener, .. } => {
                    listener.poll_accept(context).map_ok(|(stream, _)| (Stream::Unix(stream), HERE))
                }
            };
            if accepted.is_ready() {
                // The others come first the next time.
                self.0.rotate_left(at + 1);
                return accepted;
            }
        }
        Poll::Pending
    }
}

impl Opened {
    /// Asks the machine itself, until nobody is left: the runtime may not have heard of the last ones yet.
    fn close(self) -> Vec<(Stream, SocketAddr)> {
        let next: Box<dyn FnMut() -> io::Result<(Stream, SocketAddr)>> = match self {
            Self::Tcp(listener) => match listener.into_std() {
                Ok(listener) => Box::new(move || {
                    let (stream, peer) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    Ok((Stream::Tcp(TcpStream::from_std(stream)?), peer))
                }),
                Err(_) => return Vec::new(),
            },
            Self::Unix { listener, _file: file } => match listener.into_std() {
                Ok(listener) => Box::new(move || {
                    let _there = &file;
                    let (stream, _) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    Ok((Stream::Unix(UnixStream::from_std(stream)?), HERE))
                }),
                Err(_) => return Vec::new(),
            },
        };
        std::iter::repeat_with(next).map_while(Result::ok).collect()
    }
}

impl From<TcpListener> for Doors {
    fn from(listener: TcpListener) -> Self {
        Self(vec![Opened::Tcp(listener)])
    }
}

async fn open(door: &Door) -> anyhow::Result<Opened> {
    let opened = match door {
        Door::Tcp(address) => TcpListener::bind(address).await.map(Opened::Tcp),
        Door::Unix(path) => {
            clear_stale(path)?;
            SocketFile::bind(path).map(|(listener, file)| Opened::Unix { listener, _file: file })
        }
    };
    opened.map_err(|error| told(door, &error))
}

/// The file of a Unix socket, which goes with it.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and inode: another process may have put its own there meanwhile.
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    fn bind(path: &Path) -> io::Result<(UnixListener, Self)> {
        let listener = UnixListener::bind(path)?;
        let file = Self { path: path.to_owned(), identity: identity(path) };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
        Ok((listener, file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// Removes the socket of a process that has ended without doing so itself; nothing else, and none that somebody listens on.
fn clear_stale(path: &Path) -> anyhow::Result<()> {
    let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        bail!("there is a file of this name that is no socket: choose another path");
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        bail!("another process listens there: end it, or choose another path");
    }
    std::fs::remove_file(path).context("the socket of a process that has ended cannot be removed")
}

fn told(door: &Door, error: &io::Error) -> anyhow::Error {
    let why = match (error.kind(), door) {
        (ErrorKind::AddrInUse, _) => {
            "the address is in use: end the program that listens there, or choose another one"
        }
        (ErrorKind::PermissionDenied, Door::Tcp(address)) if address.port() < 1024 => {
            "permission denied: a port below 1024 needs root or CAP_NET_BIND_SERVICE; choose a higher one, or give the program that"
        }
        (ErrorKind::PermissionDenied, Door::Unix(_)) => {
            "permission denied: the program must be able to write into that folder"
        }
        (ErrorKind::AddrNotAvailable, _) => {
            "this machine has no such address: 0.0.0.0 and [::] stand for all that it has"
        }
        (ErrorKind::NotFound, Door::Unix(_)) => "there is no such folder: make it first",
        _ => return anyhow!("{error}"),
    };
    anyhow!(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(text: &str) -> Listen {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_socket_is_for_owner_and_group_and_goes_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.sock");
        let setting = listen(&format!("unix:{}", path.display()));
        let doors = Doors::open(&setting).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        let said = Doors::open(&setting).await.unwrap_err().to_string();
        assert!(said.contains("another process listens there"), "{said}");
        drop(doors);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_dead_process_has_left_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.sock");
        let setting = listen(&format!("unix:{}", path.display()));
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let doors = Doors::open(&setting).await.unwrap();
        // Somebody else has put theirs there meanwhile.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "mine").unwrap();
        drop(doors);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        let said = Doors::open(&setting).await.unwrap_err().to_string();
        assert!(said.contains("is no socket"), "{said}");
    }

    #[tokio::test]
    async fn whatever_is_in_the_way_is_said_with_the_setting() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        for (setting, words) in [
            (address.to_string(), "the address is in use"),
            (format!("127.0.0.1:0,{address}"), "the address is in use"),
            ("192.0.2.1:8080".to_owned(), "this machine has no such address"),
            ("unix:/nowhere/at/all.sock".to_owned(), "there is no such folder"),
        ] {
            let said = Doors::open(&listen(&setting)).await.unwrap_err().to_string();
            assert!(said.starts_with("listen: ") && said.contains(words), "{said}");
        }
    }

    #[tokio::test]
    async fn all_doors_are_open_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.sock");
        let mut doors = Doors::open(&listen(&format!("127.0.0.1:0,unix:{}", path.display()))).await.unwrap();
        let Opened::Tcp(tcp) = &doors.0[0] else { panic!("{doors:?}") };
        let address = tcp.local_addr().unwrap();
        let _by_socket = UnixStream::connect(&path).await.unwrap();
        let _by_port = TcpStream::connect(address).await.unwrap();
        let seen = [doors.accept().await.unwrap(), doors.accept().await.unwrap()];
        assert_eq!(seen.iter().filter(|(stream, _)| matches!(stream, Stream::Unix(_))).count(), 1);
        assert!(seen.iter().all(|(_, peer)| peer.ip() == Ipv4Addr::LOCALHOST));
    }
}
