//! `serve` and `migrate`.

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::Operator;
use crate::app::App;
use crate::app::{establish, options};
use crate::config::{Log, LogFormat};
use crate::store::{Db, Error, SchemaState};

/// Runs the provider until SIGTERM or SIGINT, then drains; a second signal ends it at once.
pub(super) async fn run(operator: &Operator) -> anyhow::Result<()> {
    start_log(&operator.config.log)?;
    let config = operator.config.clone();
    let (listen, issuer) = (config.listen, config.issuer.clone());
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen} (the setting `listen`)"))?;
    let app = App::open(config, operator.clock.clone()).await.map_err(|e| operator.look_elsewhere(e))?;
    for key in app.config.without_effect() {
        tracing::warn!(key, "is set, and this version does nothing with it yet");
    }
    tracing::info!(%listen, issuer, "serving");
    app.serve(listener, until_signal()?).await
}

/// Ends at the first SIGTERM or SIGINT; a second one ends the process.
pub(super) fn until_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("draining; another signal ends at once");
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(1);
        });
    })
}

/// Sends the log to standard error.
pub(super) fn start_log(settings: &Log) -> anyhow::Result<()> {
    let filter: Targets = settings.level.parse().with_context(|| {
        format!("log.level {}: expected error, warn, info, debug or trace", settings.level)
    })?;
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = match settings.format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    tracing_subscriber::registry().with(log.with_filter(filter)).init();
    Ok(())
}

/// Brings the schema up to date, whatever `database.migrate` says; makes the database and the master key of a new provider.
pub(super) async fn migrate(operator: &Operator) -> anyhow::Result<()> {
    let config = &operator.config;
    let before = match Db::open(&options(config)).await {
        Ok(db) => {
            let state = db.schema_state().await?;
            db.close().await;
            state
        }
        Err(Error::NoProvider { .. }) => SchemaState::Empty,
        Err(e) => return Err(e.into()),
    };
    let (db, vault) = establish(config).await?;
    match before {
        SchemaState::Current => println!("The schema is up to date."),
        SchemaState::Behind(n) => println!("The schema is up to date now: {n} migrations were run."),
        SchemaState::Empty => println!("Made the database: {}.", options(config).place()),
    }
    if vault.is_none() {
        let dir = config.keys.dir.display();
        println!("Before `serve`: put the master key that this database was sealed by into {dir}.");
    }
    db.close().await;
    Ok(())
}
