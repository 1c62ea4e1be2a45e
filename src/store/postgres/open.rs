//! How is PostgreSQL reached for the first time, and said why not?

use tokio::time::timeout;

use super::address::Address;
use super::breaker::Breaker;
use super::fault::Fault;
use super::line::Line;
use super::server::{IS_READ_ONLY, Server, one_word};
use super::{Postgres, hosts};
use crate::store::cause::Cause;
use crate::store::pool::PATIENCE;
use crate::store::{Error, Options, Result};

/// A setting that means nothing to PostgreSQL. Only a server that is spoken to directly knows it: a pooler takes no settings along.
const MARK: &str = "countersign.direct";

/// What each session asks of the server: to give up what we have given up, and to notice soon when we are gone, so that nobody
/// waits for the locks of the dead. Milliseconds, and seconds. And not to compile what it estimates to be long: that takes longer than
/// any query here.
const SESSION: [(&str, &str); 8] = [
    (MARK, "on"),
    ("statement_timeout", "9500"),
    ("idle_in_transaction_session_timeout", "30000"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
    ("jit", "off"),
];

const IS_DIRECT: &str = "SELECT coalesce(current_setting('countersign.direct', true), '')";

impl Postgres {
    /// Connects once, to see that all is well.
    ///
    /// # Errors
    /// Why it is not, and what to do.
    pub(in crate::store) async fn open(options: &Options) -> Result<Self> {
        let failed = |cause| Error::Open { url: options.place(), cause };
        let addresses = hosts::each(&options.url).map_err(|e| failed(Cause::Address(e)))?;
        let plain: std::result::Result<Vec<_>, Fault> =
            addresses.iter().map(|address| Address::parse(address)).collect();
        let plain = plain.map_err(|e| failed(Cause::of_postgres(&e)))?;
        let pooler = first_of(&plain).await.map_err(failed)?;
        if pooler {
            tracing::info!("a pooler stands before PostgreSQL: statements are not kept by name");
        }
        let hosts = if pooler { plain } else { plain.into_iter().map(direct).collect() };
        let server = Server::new(hosts, options.max_connections);
        Ok(Self { server, breaker: Breaker::new(), pooler })
    }
}

/// The same without a pooler between.
fn direct(address: Address) -> Address {
    address.with_settings(&SESSION)
}

/// Whether a pooler stands before the first server that takes writing; if none does, why the first does not.
async fn first_of(hosts: &[Address]) -> std::result::Result<bool, Cause> {
    let mut refused = None;
    for plain in hosts {
        let trial = match first(&direct(plain.clone())).await {
            Ok(marked) => return Ok(!marked),
            Err(Trial::Startup(_)) => first(plain).await.map(|_| true),
            Err(trial) => Err(trial),
        };
        match trial {
            Ok(pooler) => return Ok(pooler),
            Err(trial) => refused = refused.or(Some(trial.cause())),
        }
    }
    Err(refused.unwrap_or_else(|| Cause::Address("no server is named".to_owned())))
}

/// Why the first connection did not come about.
enum Trial {
    /// The settings of the session were refused: a pooler does so.
    Startup(Cause),
    /// Anything else.
    Failed(Cause),
}

impl Trial {
    fn of(fault: &Fault) -> Self {
        let cause = Cause::of_postgres(fault);
        // Protocol violation (PgBouncer), feature not supported (RDS Proxy), unknown or wrong setting.
        if ["08P01", "0A000", "42704", "22023"].contains(&fault.code()) {
            Self::Startup(cause)
        } else {
            Self::Failed(cause)
        }
    }

    fn cause(self) -> Cause {
        match self {
            Self::Startup(cause) | Self::Failed(cause) => cause,
        }
    }
}

/// Connects once, for what the pool would not tell; true when the settings of the session have reached the server.
async fn first(address: &Address) -> std::result::Result<bool, Trial> {
    let connecting = async {
        let mut conn = Line::connect(address).await?;
        let marked = one_word(&mut conn, IS_DIRECT).await?;
        let read_only = one_word(&mut conn, IS_READ_ONLY).await?;
        for statement in ["BEGIN", "ROLLBACK"] {
            conn.script(statement).await?;
        }
        conn.close().await;
        Ok::<_, Fault>((marked == "on", read_only == "on"))
    };
    match timeout(PATIENCE, connecting).await {
        Ok(Ok((_, true))) => Err(Trial::Failed(Cause::ReadOnlyServer)),
        Ok(Ok((marked, false))) => Ok(marked),
        Ok(Err(error)) => Err(Trial::of(&error)),
        Err(_) => Err(Trial::Failed(Cause::Silent(PATIENCE.as_secs()))),
    }
}
