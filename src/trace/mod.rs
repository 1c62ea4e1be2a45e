//! To which request does a piece of work belong, and how long did each part of it take?
//!
//! A request has a name ([`RequestId`]) in any case. Its parts are recorded as spans only where `[telemetry]` says where they go
//! ([`Tracer`]); else nothing of this costs anything. Spans hold no names, addresses or logins of people: a part says what it was by
//! words of ours alone.

mod export;
mod otlp;
mod parent;
mod queue;
mod request_id;
mod span;
mod started;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use self::export::{Collector, export};
pub use self::parent::{HEADER as TRACEPARENT, Parent, Place, parent};
pub use self::queue::Tracer;
pub use self::request_id::{HEADER as REQUEST_ID, RequestId};
pub use self::span::{Kind, Value};
pub use self::started::Started;

tokio::task_local! {
    static CURRENT: Context;
}

/// What belongs together: a request, or a task in the background; cheap to clone.
#[derive(Clone, Debug)]
pub struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    request: Option<RequestId>,
    tracer: Tracer,
    /// The span that parts hang from; none in the background, where each is a trace of its own.
    place: Option<Place>,
}

impl Context {
    /// That of a request, whose parts hang from this span, where it is recorded.
    #[must_use]
    pub fn of_request(id: RequestId, tracer: Tracer, place: Option<Place>) -> Self {
        Self(Arc::new(Inner { request: Some(id), tracer, place }))
    }

    /// That of a task in the background.
    #[must_use]
    pub fn of_background(tracer: Tracer) -> Self {
        Self(Arc::new(Inner { request: None, tracer, place: None }))
    }

    /// Begins a part of it; none where it is not recorded.
    fn begin(&self, kind: Kind) -> Option<Started> {
        let inner = &*self.0;
        let recorded = inner.tracer.is_on() && (inner.request.is_none() || inner.place.is_some());
        recorded.then(|| Started::part(&inner.tracer, inner.place, kind))
    }

    /// Does this work as a part of it.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }
}

/// What the work that asks belongs to.
#[must_use]
pub fn current() -> Option<Context> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Does this work as a part of what whoever asks belongs to, also when another task does it. Boxed: each arm below would else hold the whole
/// work once more, and tokio would make a kind of task of each kind of work.
pub fn carried<T>(work: impl Future<Output = T> + Send + 'static) -> impl Future<Output = T> {
    let work: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(work);
    let context = current();
    async move {
        match context {
            Some(context) => context.run(work).await,
            None => work.await,
        }
    }
}

/// The request that the work belongs to.
#[must_use]
pub fn request_id() -> Option<RequestId> {
    CURRENT.try_with(|context| context.0.request.clone()).ok().flatten()
}

/// Begins a part of the work; none where nothing is recorded.
#[must_use]
pub fn begin(kind: Kind) -> Option<Started> {
    CURRENT.try_with(|context| context.begin(kind)).ok().flatten()
}

/// Tells of a statement of the database that has ended just now, as a part of what it was asked for.
pub fn statement(query: &'static str, took: Duration, failed: bool) {
    if let Some(started) = begin(Kind::Client) {
        started.took(query, took, failed);
    }
}
