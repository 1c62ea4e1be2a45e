//! How is PostgreSQL reached for the first time, and said why not?

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::timeout;

use super::breaker::Breaker;
use super::server::{IS_READ_ONLY, Server, one_word};
use super::{Postgres, hosts};
use crate::store::cause::Cause;
use crate::store::pool::PATIENCE;
use crate::store::{Error, Options, Result};

/// A setting that means nothing to PostgreSQL. Only a server that is spoken to directly knows it: a pooler takes no settings along.
const MARK: &str = "countersign.direct";

/// What each session asks of the server: to give up what we have given up, and to notice soon when we are gone, so that nobody
/// waits for the locks of the dead. Milliseconds, and seconds.
const SESSION: [(&str, &str); 7] = [
    (MARK, "on"),
    ("statement_timeout", "9500"),
    ("idle_in_transaction_session_timeout", "30000"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
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
        let plain: sqlx::Result<Vec<_>> = addresses.iter().map(|address| settled(address)).collect();
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

/// How a server of this address is connected to.
fn settled(address: &str) -> sqlx::Result<PgConnectOptions> {
    // We read no fractions, and poolers refuse the setting.
    let connect = PgConnectOptions::from_str(address)?.extra_float_digits(None);
    let is_named = connect.get_application_name().is_some();
    Ok(if is_named { connect } else { connect.application_name("countersign") })
}

/// The same without a pooler between.
fn direct(connect: PgConnectOptions) -> PgConnectOptions {
    connect.options(SESSION)
}

/// Whether a pooler stands before the first server that takes writing; if none does, why the first does not.
async fn first_of(hosts: &[PgConnectOptions]) -> std::result::Result<bool, Cause> {
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
    fn of(error: &sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .unwrap_or_default()
            .into_owned();
        let cause = Cause::of_postgres(error);
        // Protocol violation (PgBouncer), feature not supported (RDS Proxy), unknown or wrong setting.
        if ["08P01", "0A000", "42704", "22023"].contains(&code.as_str()) {
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
async fn first(connect: &PgConnectOptions) -> std::result::Result<bool, Trial> {
    let connecting = async {
        let mut conn = connect.connect().await?;
        let marked = one_word(&mut conn, IS_DIRECT).await?;
        let read_only = one_word(&mut conn, IS_READ_ONLY).await?;
        for statement in ["BEGIN", "ROLLBACK"] {
            sqlx::raw_sql(statement).execute(&mut conn).await?;
        }
        conn.close().await?;
        Ok::<_, sqlx::Error>((marked == "on", read_only == "on"))
    };
    match timeout(PATIENCE, connecting).await {
        Ok(Ok((_, true))) => Err(Trial::Failed(Cause::ReadOnlyServer)),
        Ok(Ok((marked, false))) => Ok(marked),
        Ok(Err(error)) => Err(Trial::of(&error)),
        Err(_) => Err(Trial::Failed(Cause::Silent(PATIENCE.as_secs()))),
    }
}
