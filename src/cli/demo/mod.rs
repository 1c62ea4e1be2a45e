//! What is Countersign like? The whole of it on this machine, with people to sign in as and nothing to set up.

mod html;
mod http;
mod inbox;
mod letter;
mod pages;
mod relying_party;
mod seed;
mod smtp;
pub mod time_tracker;
mod visits;

use std::fs::DirBuilder;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use url::Url;

use super::log::Logging;
use super::serve::until_signal;
use crate::app::{App, establish};
use crate::clock::Clock;
use crate::config::{self, Config, Encryption, Log, TransportKind};
use crate::keys::secret::{entropy, new_id};

use letter::Inbox;

/// Runs the demo on `port` and the three after it until SIGINT or SIGTERM, with its data in `data` or in a temporary folder.
///
/// # Errors
/// When a port is taken, or the data folder cannot be used.
pub async fn run(port: u16, data: Option<PathBuf>) -> anyhow::Result<()> {
    let log = Logging::start(&Log { level: "warn".to_owned(), ..Log::default() })?;
    let stop = until_signal(Arc::new(log))?;
    let doors = Doors::open(port).await?;
    let home = Home::open(data)?;
    let settings = settings(port, home.path())?;
    establish(&settings).await?;
    let app = App::open(settings, Clock::System).await?;

    let (end, ended) = oneshot::channel::<()>();
    let until_ended = async move {
        let _ = ended.await;
    };
    let mut provider = tokio::spawn(app.clone().serve(doors.provider, until_ended));
    let inbox = Inbox::default();
    let mut neighbours = JoinSet::new();
    neighbours.spawn(smtp::serve(doors.smtp, inbox.clone(), Clock::System));
    serve(&mut neighbours, doors.inbox, inbox::router(inbox, &address(port, 2)?)?);

    let settled = async {
        let tracker = Box::pin(settle(&app, port, home.path())).await?;
        serve(&mut neighbours, doors.tracker, tracker);
        println!("{}", welcome(port, &home)?);
        std::future::pending::<anyhow::Result<()>>().await
    };
    let result = tokio::select! {
        failed = settled => failed,
        () = stop => Ok(()),
        gone = &mut provider => return gone?,
    };
    // The provider closes its database before the folder goes.
    let _ = end.send(());
    provider.await??;
    neighbours.shutdown().await;
    result
}

/// Everything that may take its time while the provider already answers; the result is the sample app.
async fn settle(app: &App, port: u16, home: &Path) -> anyhow::Result<Router> {
    let base_url = address(port, 1)?;
    let file = home.join("time-tracker.json");
    // The first signing keys too: whoever signs in first need not wait for them.
    let keys = app.provider.keys.ring(app.provider.signin.clock.now());
    let (people, client, keys) = tokio::join!(seed::people(app), seed::client(app, &base_url, &file), keys);
    people?;
    keys?;
    let seed::Credentials { client_id, client_secret } = client?;
    time_tracker::router(time_tracker::Settings {
        issuer: app.config.issuer.clone(),
        client_id,
        client_secret,
        base_url,
        inbox_url: address(port, 2)?,
    })
}

fn serve(tasks: &mut JoinSet<()>, listener: TcpListener, router: Router) {
    tasks.spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
}

/// The four ports, taken before anything else is done.
#[derive(Debug)]
struct Doors {
    provider: TcpListener,
    tracker: TcpListener,
    inbox: TcpListener,
    smtp: TcpListener,
}

impl Doors {
    async fn open(port: u16) -> anyhow::Result<Self> {
        Ok(Self {
            provider: door(port, 0).await?,
            tracker: door(port, 1).await?,
            inbox: door(port, 2).await?,
            smtp: door(port, 3).await?,
        })
    }
}

async fn door(port: u16, offset: u16) -> anyhow::Result<TcpListener> {
    let (first, last) = (1, u16::MAX - 3);
    anyhow::ensure!(
        (first..=last).contains(&port),
        "--port takes {first} to {last}: the demo needs it and the three after it"
    );
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port + offset));
    TcpListener::bind(at).await.map_err(|error| {
        anyhow::anyhow!(
            "port {} cannot be used ({error}): choose another with --port N; the demo takes N to N+3",
            at.port()
        )
    })
}

/// The address of the neighbour so many ports further.
fn address(port: u16, offset: u16) -> anyhow::Result<Url> {
    Ok(Url::parse(&format!("http://localhost:{}/", port.saturating_add(offset)))?)
}

fn settings(port: u16, home: &Path) -> anyhow::Result<Config> {
    let folder = home.to_str().context("--data: the path of the folder is not text")?;
    Ok(Config {
        issuer: format!("http://localhost:{port}"),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into(),
        data_dir: home.to_owned(),
        database: config::Database {
            url: format!("sqlite:{folder}/countersign.db"),
            // A visitor or two: what more connections would remember is worth more as memory.
            max_connections: 2,
            ..config::Database::default()
        },
        keys: config::Keys { dir: home.join("keys"), ..config::Keys::default() },
        mail: config::Mail {
            transport: TransportKind::Smtp,
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: Some(port.saturating_add(3)),
            encryption: Encryption::None,
            from: "Countersign demo <id@demo.localhost>".to_owned(),
            ..config::Mail::default()
        },
        ..Config::default()
    })
}

/// Where the data is.
#[derive(Debug)]
enum Home {
    /// A folder of somebody's, which stays.
    Kept(PathBuf),
    /// A folder that is removed at the end.
    Temporary(PathBuf),
}

impl Home {
    fn open(data: Option<PathBuf>) -> anyhow::Result<Self> {
        // For nobody else's eyes: keys and the app's secret will be in it.
        let mut folder = DirBuilder::new();
        folder.mode(0o700);
        if let Some(data) = data {
            let path = std::path::absolute(data)?;
            folder.recursive(true).create(&path).with_context(|| format!("--data {}", path.display()))?;
            return Ok(Self::Kept(path));
        }
        let name = format!("countersign-demo-{}-{}", std::process::id(), new_id(&mut entropy()));
        let path = std::env::temp_dir().join(name);
        folder.create(&path).with_context(|| path.display().to_string())?;
        Ok(Self::Temporary(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) | Self::Temporary(path) => path,
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Self::Temporary(path) = self {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn welcome(port: u16, home: &Home) -> anyhow::Result<String> {
    let data = match home {
        Home::Kept(path) => format!("Everything is kept in {}.", path.display()),
        Home::Temporary(_) => "Nothing is kept: the data goes when the demo ends.".to_owned(),
    };
    Ok(format!(
        "
Countersign is running.

  Time Tracker, a sample app   {}   <- start here
  Inbox, all mail of the demo  {}
  The managers' console        {}console
  The provider                 {}

The group Acme asks for two factors. Everybody's password is: {}

  ned  User, with an email address     is emailed a code: look into the inbox
  nia  User, without an email address  cannot be sent a code, and is told so
  ada  Top manager                     gets in without a code; tom, the other Top manager, is told by email
  max  Manager                         is emailed a code too
  ina  User, invited                   has no password yet: her invitation did not arrive
  root Site administrator              of no group; everything is theirs to repair, the mail settings too

Try the console as ada: she comes in without a code, sees that nia cannot, and gives her an address. As max: ina's invitation
did not arrive, and he finds out why. As root: try other mail settings, and save them.

{data} Ctrl-C ends it.
",
        address(port, 1)?,
        address(port, 2)?,
        address(port, 0)?,
        address(port, 0)?,
        seed::PASSWORD,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_with_the_way_out() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = door(port - 2, 2).await.unwrap_err().to_string();
        assert!(error.contains(&format!("port {port} ")) && error.contains("--port"), "{error}");
        for port in [0, u16::MAX - 2] {
            let error = door(port, 0).await.unwrap_err().to_string();
            assert!(error.contains("--port takes 1 to 65532"), "{error}");
        }
    }

    #[test]
    fn a_temporary_home_is_private_and_goes_and_a_kept_one_stays() {
        let home = Home::open(None).unwrap();
        let path = home.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(home);
        assert!(!path.exists());

        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        drop(Home::open(Some(path.clone())).unwrap());
        assert!(path.exists());
    }
}
