//! What goes on in the background? Mail, logout notices, the rotation of keys, the purge of what has expired, and renewed
//! certificates.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{App, Doors, Renewable};
use crate::audit::chain;
use crate::directory::words;
use crate::keys::publish_for;
use crate::oidc::backchannel;
use crate::outbound::Collector;
use crate::signin::{days, help, last};
use crate::store::purge::{self, Purged};
use crate::store::turns;
use crate::trace::{Context, export};

/// How often expired rows are looked for.
const PURGE_EVERY: Duration = Duration::from_mins(1);

/// How soon that goes on when there were more than one turn takes.
const PURGE_ON: Duration = Duration::from_secs(1);

/// How often events that are not chained yet are looked for, and how long after that failed.
const CHAIN_EVERY: Duration = Duration::from_secs(1);
const CHAIN_AGAIN: Duration = Duration::from_mins(1);

/// How often mistakes of apps are written down.
const SLIPS_EVERY: Duration = Duration::from_secs(10);

/// How often the age of the signing keys is looked at.
const ROTATE_EVERY: Duration = Duration::from_mins(10);

/// How often the files of `[tls]` are looked at.
const RENEW_EVERY: Duration = Duration::from_secs(10);

/// What a task does until it is to stop; boxed, so that there is one kind of task.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The tasks of a provider that serves.
pub(super) struct Background {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    /// Ends the tasks, each after what it is at.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Starts the tasks.
pub(super) fn start(
    app: &App,
    tls: Option<&Arc<Renewable>>,
    collector: Option<Collector>,
    metrics: Option<Doors>,
) -> Background {
    let (stop, stopped) = watch::channel(false);
    let mut work: Vec<Work> = vec![
        Box::pin(mail(app.clone(), stopped.clone())),
        Box::pin(notices(app.clone(), stopped.clone())),
        Box::pin(keys(app.clone(), stopped.clone())),
        Box::pin(chain(app.clone(), stopped.clone())),
        Box::pin(purge(app.clone(), stopped.clone())),
        Box::pin(slips(app.clone(), stopped.clone())),
    ];
    if let Some(to) = collector {
        work.push(Box::pin(traces(app.clone(), to, stopped.clone())));
    }
    if let Some(doors) = metrics {
        work.push(Box::pin(super::watch::serve(app.clone(), doors, stopped.clone())));
    }
    if let Some(tls) = tls {
        work.push(Box::pin(certificate(app.clone(), Arc::clone(tls), stopped)));
    }
    Background { stop, tasks: work.into_iter().map(tokio::spawn).collect() }
}

async fn mail(app: App, mut stopped: watch::Receiver<bool>) {
    let stop = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    Context::of_background(app.tracer().clone()).run(app.provider.signin.mailer.run(stop)).await;
}

async fn traces(app: App, collector: Collector, mut stopped: watch::Receiver<bool>) {
    let stop = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    export(app.tracer(), collector, stop).await;
}

async fn notices(app: App, mut stopped: watch::Receiver<bool>) {
    let stop = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let context = Context::of_background(app.tracer().clone());
    context.run(backchannel::run(app.provider, stop)).await;
}

/// Rotates the signing keys when they are old; the first look makes them if there are none.
async fn keys(app: App, mut stopped: watch::Receiver<bool>) {
    let provider = &app.provider;
    let every = app.config.keys.rotate_every.as_secs();
    loop {
        compare_clocks(&app).await;
        if let Err(error) = publish(&app).await {
            tracing::warn!(%error, "what the settings sign with could not be noted");
        }
        let now = provider.signin.clock.now();
        match provider.keys.rotate_if_due(now, every, provider.longest_token()).await {
            Ok(made) if made.is_empty() => {}
            Ok(made) => tracing::info!(keys = made.len(), "the signing keys were rotated"),
            Err(error) => tracing::error!(%error, "the signing keys could not be rotated"),
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(ROTATE_EVERY) => {}
        }
    }
}

/// What begins at one node and ends at another goes by both of their clocks.
async fn compare_clocks(app: &App) {
    if let Ok(Some(ahead)) = app.db.clocks_apart(app.provider.signin.clock.now()).await {
        tracing::warn!(
            seconds = ahead,
            "this machine's clock is so far ahead of that of the database's server (below 0: behind it): set the one that is wrong, or codes will be refused"
        );
    }
}

/// Keeps what the settings sign with published, also once they say something else.
async fn publish(app: &App) -> crate::store::Result<()> {
    let mut tx = app.db.write().await?;
    publish_for(&mut tx, app.config.keys.algorithm).await?;
    tx.commit().await
}

/// Chains what was written to the audit log since the last look. Any number of processes may: each waits for the one before.
async fn chain(app: App, mut stopped: watch::Receiver<bool>) {
    let vault = app.provider.signin.vault.clone();
    loop {
        let pause = match chain::link(&app.db, &vault).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => CHAIN_EVERY,
            Err(error) => {
                tracing::error!(%error, "the audit log could not be chained");
                CHAIN_AGAIN
            }
        };
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn purge(app: App, mut stopped: watch::Receiver<bool>) {
    let mut pause = PURGE_EVERY;
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(pause) => {}
        }
        pause = PURGE_EVERY;
        match turns::take(&app.db, turns::HOUSEKEEPING, app.provider.signin.clock.now()).await {
            Ok(None) => {}
            Ok(Some(turn)) => {
                let more = keep_house(&app).await;
                if more {
                    pause = PURGE_ON;
                }
                if let Err(error) = turn.give_on(&app.db, more).await {
                    tracing::warn!(%error, "the turn of deleting expired rows could not be given on");
                }
            }
            Err(error) => tracing::warn!(%error, "whose turn it is to delete expired rows could not be seen"),
        }
    }
}

/// What one process at a time does for all of them. Whether rows are left that have expired.
async fn keep_house(app: &App) -> bool {
    let signin = &app.provider.signin;
    let mut more = false;
    match purge::run(&app.db, signin.clock.now()).await {
        Ok(purged) => more |= deleted("expired rows", purged),
        Err(error) => tracing::warn!(%error, "expired rows could not be deleted"),
    }
    match words::catch_up(&app.db).await {
        Ok(0) => {}
        Ok(people) => tracing::debug!(people, "words that find people were written down"),
        Err(error) => tracing::warn!(%error, "words that find people could not be written down"),
    }
    if let Err(error) = days::tally(&app.db, signin.clock.now()).await {
        tracing::warn!(%error, "sign-ins could not be counted");
    }
    if let Err(error) = last::catch_up(&app.db, signin.clock.now()).await {
        tracing::warn!(%error, "who has signed in when could not be noted");
    }
    if let Err(error) = help::close_of_those_who_came_in(&app.db, signin.clock.now_ms()).await {
        tracing::warn!(%error, "requests for help could not be closed");
    }
    match chain::purge(&app.db, &signin.vault, signin.clock.now_ms()).await {
        Ok(purged) => more |= deleted("old events", purged),
        Err(error) => tracing::warn!(%error, "old events could not be deleted"),
    }
    more
}

/// Notes what was deleted, and answers whether there is more.
fn deleted(what: &str, Purged { rows, more }: Purged) -> bool {
    if rows > 0 {
        tracing::debug!(rows, more, "{what} were deleted");
    }
    more
}

/// Writes down what apps have done wrong, also at the end.
async fn slips(app: App, mut stopped: watch::Receiver<bool>) {
    loop {
        let ends = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => true,
            () = tokio::time::sleep(SLIPS_EVERY) => false,
        };
        if let Err(error) = app.provider.slips.save(&app.db).await {
            tracing::warn!(%error, "mistakes of apps could not be written down");
        }
        if ends {
            break;
        }
    }
}

/// Takes a renewed certificate up, within a few seconds or when told to look.
async fn certificate(app: App, tls: Arc<Renewable>, mut stopped: watch::Receiver<bool>) {
    let renew = Arc::clone(&app.renew);
    loop {
        app.provider.certificate_until.store(tls.current().until(), Ordering::Relaxed);
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            () = renew.notified() => tls.renew(),
            () = tokio::time::sleep(RENEW_EVERY) => tls.renew(),
        }
    }
}
