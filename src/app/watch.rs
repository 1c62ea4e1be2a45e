//! Where does Prometheus look? At `/metrics`, behind doors of its own, which are open on this machine alone.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::{Mutex, watch};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::{App, Bounds, Doors, Service};
use crate::clock::Stopwatch;
use crate::config::Listen;
use crate::directory::By;
use crate::metrics::{Gauges, MEDIA_TYPE, Metrics, Process};
use crate::signin::preview;
use crate::store::{self, Db, messages};
use crate::trace::{self, Tracer};

/// As many look at once, at most.
const AT_ONCE: usize = 16;

/// How often people who cannot be reached are counted, at most.
const COUNT_EVERY: Duration = Duration::from_mins(1);

/// How much of the time that may take, at most: one part in so many.
const SHARE: u32 = 100;

/// How long one looks into the database, at most. Prometheus gives up after 10 s unless told otherwise, and what there is to read otherwise
/// matters most while the database is silent.
const LOOK_UP: Duration = Duration::from_secs(5);

/// How many top-level groups are told apart, those with the most of such people first.
const MOST_GROUPS: usize = 50;

/// What is kept between two looks.
#[derive(Debug, Default)]
struct Kept {
    unreachable: Vec<(String, i64)>,
    /// How long ago that was counted, and for how long it counts.
    counted: Option<(Stopwatch, Duration)>,
}

#[derive(Clone)]
struct Watch {
    app: App,
    kept: Arc<Mutex<Kept>>,
}

/// Opens the doors of `[metrics]`, where it has any.
///
/// # Errors
/// What is in the way of one.
pub(super) async fn open(listen: Option<&Listen>) -> anyhow::Result<Option<Doors>> {
    let Some(listen) = listen else { return Ok(None) };
    Doors::open_for("metrics.listen", listen).await.map(Some)
}

/// Hears of every statement of the database, where somebody wants to know.
pub(super) fn listen(db: &Db, metrics: &Metrics, tracer: &Tracer) {
    if !metrics.is_on() && !tracer.is_on() {
        return;
    }
    let metrics = metrics.clone();
    db.listen(Box::new(move |query, took, failed| {
        metrics.statement(query, took, failed);
        trace::statement(query, took, failed);
    }));
}

/// Answers until the program ends.
pub(super) async fn serve(app: App, doors: Doors, mut stopped: watch::Receiver<bool>) {
    let bounds = Bounds { all: AT_ONCE, of_one: AT_ONCE };
    let router = Router::new().route("/metrics", get(page)).with_state(Watch { app, kept: Arc::default() });
    let service = Service { router, tls: None, trusted_proxies: Vec::new(), bounds };
    let stop = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    service.serve(doors, stop).await;
}

/// `GET /metrics`
async fn page(State(watch): State<Watch>) -> Response {
    // One look at a time.
    let mut kept = watch.kept.lock().await;
    let gauges = watch.app.gauges(&mut kept).await;
    let page = watch.app.metrics().page(&gauges);
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], page).into_response()
}

impl App {
    async fn gauges(&self, kept: &mut Kept) -> Gauges {
        let (counted, mail_queue) =
            tokio::join!(timeout(LOOK_UP, self.count_unreachable(kept)), timeout(LOOK_UP, self.mail_queue()));
        told(counted, "people who cannot be reached could not be counted");
        let mail_queue = told(mail_queue, "the mail queue could not be counted").unwrap_or_default();
        let tracer = self.tracer();
        Gauges {
            mail_queue,
            unreachable: kept.unreachable.clone(),
            hashes: self.provider.signin.passwords.load(),
            connections: self.db.load(),
            spans: tracer.is_on().then(|| tracer.counts()),
            process: Process::look(),
        }
    }

    async fn mail_queue(&self) -> store::Result<Vec<(String, i64)>> {
        messages::waiting(&mut self.db.read().await?).await
    }

    /// Counts them anew if it is time: the larger the site, the seldomer.
    async fn count_unreachable(&self, kept: &mut Kept) -> store::Result<()> {
        if kept.counted.is_some_and(|(since, fresh)| since.elapsed() < fresh) {
            return Ok(());
        }
        let watch = Stopwatch::start();
        // Also where it fails, or takes too long.
        kept.counted = Some((watch, COUNT_EVERY));
        let site = By::operator(0).tree();
        let counted = preview::without_address(&mut self.db.read().await?, &site, MOST_GROUPS).await;
        kept.counted = Some((watch, COUNT_EVERY.max(watch.elapsed() * SHARE)));
        kept.unreachable = counted?;
        Ok(())
    }
}

/// What was looked up; none, and a line in the log, where there was no answer in time or a bad one.
fn told<T>(found: Result<store::Result<T>, Elapsed>, what: &str) -> Option<T> {
    match found {
        Ok(Ok(found)) => return Some(found),
        Ok(Err(error)) => tracing::warn!(%error, "{what}"),
        Err(_) => tracing::warn!("{what} within {} s", LOOK_UP.as_secs()),
    }
    None
}
