//! Can this process serve? It needs signing keys, and a database that takes writing and has a schema on which this program runs: another
//! node may have upgraded it meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::Mutex;

use super::{App, options};
use crate::store::{self, Error, SchemaState};

/// How long whoever asks has to wait.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    /// The last answer, and the second in which it was found: however many ask, the database is tried once a second.
    last: Mutex<Option<(i64, bool)>>,
    /// Whether this process has been told to end: others serve from now on.
    ends: AtomicBool,
}

impl Readiness {
    /// This process ends.
    pub(super) fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

/// `GET /readyz`
pub(super) async fn ready(State(app): State<App>) -> Response {
    let ends = app.readiness.ends.load(Ordering::Relaxed);
    let found = if ends { Ok(false) } else { tokio::time::timeout(PATIENCE, look(&app)).await };
    if found.is_err() {
        tracing::warn!("not ready: the database does not answer");
    }
    if found == Ok(true) {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], "not ready\n").into_response()
}

async fn look(app: &App) -> bool {
    let now = app.provider.signin.clock.now();
    let mut last = app.readiness.last.lock().await;
    if let Some((at, found)) = *last
        && at == now
    {
        return found;
    }
    let found = match (app.provider.keys.ring(now).await, app.db.try_writing(now).await) {
        (Ok(_), Ok(())) => match fits(app).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "not ready: this program cannot run on the schema");
                false
            }
        },
        (Err(error), _) => {
            tracing::warn!(%error, "not ready: no signing keys");
            false
        }
        (Ok(_), Err(error)) => {
            tracing::warn!(%error, "not ready: the database takes no writing");
            false
        }
    };
    *last = Some((now, found));
    found
}

/// Whether the schema is still one on which this program runs.
async fn fits(app: &App) -> store::Result<()> {
    match app.db.schema_state().await? {
        SchemaState::Current | SchemaState::Ahead(_) => Ok(()),
        SchemaState::Behind(missing) => Err(Error::OlderSchema { missing }),
        SchemaState::Empty => Err(Error::NoProvider { place: options(&app.config).place() }),
    }
}
