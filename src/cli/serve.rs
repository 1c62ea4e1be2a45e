//! `serve` and `migrate`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Operator;
use super::log::Logging;
use crate::app::{App, Doors, establish, options, raise_descriptors};
use crate::config::{self, Config};
use crate::store::{Db, Error, SchemaState};

/// Runs the provider until SIGTERM or SIGINT, then drains; a second signal ends it at once.
pub(super) async fn run(operator: &Operator, file: Option<&Path>) -> anyhow::Result<()> {
    let log = Arc::new(Logging::start(&operator.config.log)?);
    let config = operator.config.clone();
    let (listen, issuer) = (config.listen.to_string(), config.issuer.clone());
    raise_descriptors();
    // Before anything else that takes its time: a SIGHUP that comes meanwhile waits.
    let hangup = signal(SignalKind::hangup())?;
    let doors = Doors::open(&config.listen).await?;
    let app = App::open(config, operator.clock.clone()).await.map_err(|e| operator.look_elsewhere(e))?;
    reload_on_hangup(&app, hangup, Arc::clone(&log), file.map(Path::to_owned));
    for variable in &app.config.unknown_variables {
        tracing::warn!(variable, "names no setting, and does nothing: is it misspelt?");
    }
    tracing::info!(%listen, issuer, "serving");
    app.serve(doors, until_signal(log)?).await
}

/// Ends at the first SIGTERM or SIGINT; a second one ends the process.
pub(super) fn until_signal(log: Arc<Logging>) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
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
            log.finish();
            std::process::exit(1);
        });
    })
}

/// At every SIGHUP the level of the log is read again, what pages are drawn from, and the certificate; nothing ends. What else the
/// settings say counts from the next start on.
fn reload_on_hangup(app: &App, mut hangup: Signal, log: Arc<Logging>, file: Option<PathBuf>) {
    let app = app.clone();
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match config::load(file.as_deref(), std::env::vars_os()) {
                Ok(settings) => reload(&app, &log, settings).await,
                Err(error) => {
                    let why = super::one_line(&error.into());
                    tracing::error!(
                        why,
                        "SIGHUP: the settings cannot be used, so all stays but the files of [tls]"
                    );
                }
            }
            app.renew.notify_one();
        }
    });
}

/// Takes up what can be, and says what cannot.
async fn reload(app: &App, log: &Logging, settings: Config) {
    match log.set_level(&settings.log) {
        Ok(()) => tracing::info!("SIGHUP: the level of the log and the files of [tls] are read again"),
        Err(error) => {
            let why = super::one_line(&error);
            tracing::error!(why, "SIGHUP: [log] cannot be used, so the level of the log stays");
        }
    }
    let app = app.clone();
    let drawn = tokio::task::spawn_blocking(move || app.reload_pages(&settings)).await;
    match drawn.map_err(anyhow::Error::from).and_then(|drawn| drawn.map_err(anyhow::Error::from)) {
        Ok(()) => tracing::info!("SIGHUP: the templates are read again"),
        Err(error) => {
            let why = super::one_line(&error);
            tracing::error!(why, "SIGHUP: the templates cannot be used, so the old ones stay");
        }
    }
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
        SchemaState::Ahead(version) => {
            println!("The schema is newer (version {version}); this program runs on it.");
        }
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
