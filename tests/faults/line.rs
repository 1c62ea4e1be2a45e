//! What lies between the program and its database? A line that tests silence, or turn to another server.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// A PostgreSQL server's address.
#[derive(Clone, Debug)]
pub enum Server {
    Tcp(String),
    Unix(PathBuf),
}

/// A port of its own that leads to a server.
#[derive(Debug)]
pub struct Line {
    pub port: u16,
    server: Arc<Mutex<Server>>,
    state: watch::Sender<State>,
}

/// Connections of an earlier age are dead: what was lost on them does not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    age: u32,
    silent: bool,
}

impl Server {
    /// The server of a `postgres://` address, and the address with another host in its place.
    pub fn of(url: &str) -> (Self, impl Fn(u16) -> String + use<>) {
        let (login, rest) =
            url.strip_prefix("postgres://").expect("an address").split_once('@').expect("a user");
        let (host, name) = rest.split_once('/').expect("a database");
        let server = if host.starts_with('%') || host.starts_with('/') {
            let folder =
                percent_encoding::percent_decode_str(host).decode_utf8().expect("a path").into_owned();
            Self::Unix(PathBuf::from(folder).join(".s.PGSQL.5432"))
        } else if host.contains(':') {
            Self::Tcp(host.to_owned())
        } else {
            Self::Tcp(format!("{host}:5432"))
        };
        let (login, name) = (login.to_owned(), name.to_owned());
        (server, move |port| format!("postgres://{login}@127.0.0.1:{port}/{name}"))
    }
}

impl Line {
    pub async fn to(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let server = Arc::new(Mutex::new(server));
        let (state, watched) = watch::channel(State { age: 0, silent: false });
        tokio::spawn(accept(listener, Arc::clone(&server), watched));
        Self { port, server, state }
    }

    /// From now on nothing comes through, and nobody is told.
    pub fn silence(&self) {
        self.state.send_modify(|state| *state = State { age: state.age + 1, silent: true });
    }

    /// New connections come through again.
    pub fn mend(&self) {
        self.state.send_modify(|state| state.silent = false);
    }

    /// New connections lead to another server.
    pub fn turn_to(&self, server: Server) {
        *self.server.lock().expect("the server") = server;
    }
}

async fn accept(listener: TcpListener, server: Arc<Mutex<Server>>, state: watch::Receiver<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, state) = (server.lock().expect("the server").clone(), state.clone());
        tokio::spawn(async move {
            match server {
                Server::Tcp(address) => carry(client, TcpStream::connect(address).await, state).await,
                Server::Unix(path) => carry(client, UnixStream::connect(path).await, state).await,
            }
        });
    }
}

/// Carries what two say to each other, until the line dies.
async fn carry<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: TcpStream,
    server: io::Result<S>,
    mut state: watch::Receiver<State>,
) {
    let Ok(mut server) = server else { return };
    let born = *state.borrow();
    if !born.silent {
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = state.wait_for(|now| now.age != born.age) => {}
        }
    }
    // Dead, and still held by both sides.
    std::future::pending::<()>().await;
}
