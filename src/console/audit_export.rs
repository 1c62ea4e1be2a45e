//! `/console/audit/export`: the events that somebody has chosen, for other programs: JSON lines, or a table for a spreadsheet. They are read
//! and sent a few hundred at a time, for as long as somebody takes them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use super::audit_filter::Asked;
use super::routes::{Needs, Route};
use super::{Visit, audit};
use crate::audit::export::{CSV_HEAD, csv, json, quoted};
use crate::clock::timestamp;
use crate::directory::proof::{Proof, ViewAudit};
use crate::directory::rights::own;
use crate::directory::{self, log};
use crate::oidc::Provider;
use crate::web::Problem;

pub(super) const EXPORT: &str = "/console/audit/export";

pub(super) const ROUTES: &[Route] =
    &[Route::get(EXPORT, Needs::Right(own::VIEW_AUDIT), |visit| Box::pin(get(visit)))];

/// How many events one export has at most.
pub(super) const MOST: usize = 100_000;

/// How many are read at once.
const BATCH: usize = 500;

/// How many of this process are under way at once, at most.
static PLACES: Semaphore = Semaphore::const_new(2);

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

/// What is under way to somebody.
struct Stream(mpsc::Receiver<Result<Bytes, directory::Error>>);

/// Reads what was asked for, a batch at a time.
struct Reader {
    provider: Arc<Provider>,
    by: Proof<ViewAudit>,
    asked: Asked,
    format: Format,
    _place: SemaphorePermit<'static>,
}

/// `GET /console/audit/export`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ViewAudit>()?;
    let format = if visit.query.field("format") == "jsonl" { Format::JsonLines } else { Format::Csv };
    let asked = Asked::read(&visit, &mut visit.read().await?).await?;
    // Nobody takes all of it for the part that they have asked for: the page says what is wrong.
    if !asked.errors.is_empty() {
        return Ok(visit.to(&audit::address(&visit, audit::HERE, &[])));
    }
    let Ok(place) = PLACES.try_acquire() else {
        return Err(Problem::Unavailable("too many exports of the audit log at once".to_owned()));
    };
    let (to, stream) = mpsc::channel(2);
    let name = format!("audit-{}.{}", today(visit.now()), format.extension());
    let reader = Reader { provider: Arc::clone(&visit.provider), by, asked, format, _place: place };
    tokio::spawn(reader.run(to));
    let mut response = Body::new(Stream(stream)).into_response();
    let mut set = |header: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(header, value);
        }
    };
    set(header::CONTENT_TYPE, format.media_type());
    set(header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
    set(header::CACHE_CONTROL, "no-store");
    Ok(response)
}

/// The day, UTC.
fn today(now: i64) -> String {
    timestamp(now).chars().take(10).collect()
}

impl Format {
    const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/jsonl; charset=utf-8",
        }
    }

    const fn head(self) -> &'static str {
        match self {
            Self::Csv => CSV_HEAD,
            Self::JsonLines => "",
        }
    }

    /// The last line where there would have been more.
    fn cut(self) -> String {
        let said = "there are more events: choose a shorter time";
        match self {
            Self::Csv => format!("\"\",{}\r\n", quoted(said)),
            Self::JsonLines => format!("{{\"cut\":\"{said}\"}}\n"),
        }
    }
}

impl Reader {
    async fn run(self, to: mpsc::Sender<Result<Bytes, directory::Error>>) {
        if to.send(Ok(Bytes::from_static(self.format.head().as_bytes()))).await.is_err() {
            return;
        }
        let (mut after, mut sent) = (String::new(), 0);
        loop {
            let (text, next) = match self.batch(&after).await {
                Ok(read) => read,
                // What breaks off is no whole file.
                Err(error) => {
                    let _ = to.send(Err(error)).await;
                    return;
                }
            };
            if to.send(Ok(Bytes::from(text))).await.is_err() {
                return;
            }
            let Some(next) = next else { return };
            (after, sent) = (next, sent + BATCH);
            if sent >= MOST {
                let _ = to.send(Ok(Bytes::from(self.format.cut()))).await;
                return;
            }
        }
    }

    /// Some events as they are written, and what comes after them.
    async fn batch(&self, after: &str) -> Result<(String, Option<String>), directory::Error> {
        let mut conn = self.provider.signin.db.read().await?;
        let found = log::events(&mut conn, &self.by, self.asked.wanted(), (true, after), BATCH).await?;
        let written = found.events.iter().map(|event| match self.format {
            Format::Csv => csv(event),
            Format::JsonLines => json(event) + "\n",
        });
        Ok((written.collect(), found.next))
    }
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = directory::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|received| received.map(|part| part.map(Frame::data)))
    }
}
