//! What is told of each request, in the log, in metrics and to a collector? What was asked and how it went, and nothing of what was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use crate::clock::Stopwatch;
use crate::config::Proxies;
use crate::keys::secret::chance;
use crate::metrics::Metrics;
use crate::trace::{Context, RequestId, Started, Tracer, parent};
use crate::web::network::{is_from_proxy, unheard_proxy};
use crate::web::{Asking, Refused};

/// Who asks every few seconds whether we are there still.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The status of a request whose client went away before there was an answer: nobody got it. The number is that of nginx.
const CLIENT_GONE: u16 = 499;

/// What is needed to tell it.
#[derive(Clone, Debug)]
pub(super) struct Log {
    trusted: Arc<[Proxies]>,
    metrics: Metrics,
    tracer: Tracer,
    /// Whether a proxy that nobody trusts has been told of; once is enough.
    told: Arc<AtomicBool>,
}

/// A request that is being answered.
struct Under {
    id: RequestId,
    route: Option<MatchedPath>,
    method: Method,
    asking: Asking,
    watch: Option<Stopwatch>,
    span: Option<Started>,
}

/// Tells of a request that is dropped before it has its answer.
struct Unanswered<'a> {
    under: Option<Under>,
    metrics: &'a Metrics,
}

impl Log {
    pub(super) fn new(trusted: &[Proxies], metrics: Metrics, tracer: Tracer) -> Self {
        Self { trusted: trusted.into(), metrics, tracer, told: Arc::default() }
    }

    /// What a proxy says of a request is believed if the proxy is: its name, and the trace that it belongs to.
    fn begin(&self, request: &Request) -> Under {
        let headers = request.headers();
        let believed = is_from_proxy(request.extensions(), &self.trusted);
        let id = believed.then(|| RequestId::given(headers)).flatten();
        let span = Started::request(&self.tracer, believed.then(|| parent(headers)).flatten());
        Under {
            id: id.unwrap_or_else(|| RequestId::made(&mut chance())),
            route: request.extensions().get().cloned(),
            method: request.method().clone(),
            asking: Asking::default(),
            watch: self.metrics.is_on().then(Stopwatch::start),
            span,
        }
    }

    fn warn_of_unheard_proxy(&self, request: &Request) {
        let unheard = unheard_proxy(request.extensions(), request.headers(), &self.trusted);
        if let Some(proxy) = unheard
            && !self.told.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%proxy, "X-Forwarded-For comes from an address that trusted_proxies does not name: if that is your proxy, everybody behind it counts as one");
        }
    }
}

/// One line a request. Never the query or the body: they hold codes and passwords.
pub(super) async fn trace(State(log): State<Log>, mut request: Request, next: Next) -> Response {
    let under = log.begin(&request);
    let place = under.span.as_ref().map(Started::place);
    let context = Context::of_request(under.id.clone(), log.tracer.clone(), place);
    request.extensions_mut().insert(under.asking.clone());
    request.extensions_mut().insert(under.id.clone());
    let answer = async {
        log.warn_of_unheard_proxy(&request);
        let mut unanswered = Unanswered { under: Some(under), metrics: &log.metrics };
        let response = next.run(request).await;
        if let Some(under) = unanswered.under.take() {
            under.tell(&log.metrics, &response);
        }
        response
    };
    context.run(answer).await
}

impl Under {
    fn tell(self, metrics: &Metrics, response: &Response) {
        let status = response.status().as_u16();
        let route = name_of(self.route.as_ref());
        if let Some(refused) = response.extensions().get::<Refused>() {
            tell_of_refusal(refused, &self.asking);
            metrics.app_refused(route, refused.error);
        }
        let method = &self.method;
        if PROBES.contains(&route) {
            tracing::debug!(%method, route, status, "served");
        } else {
            tracing::info!(%method, route, status, "served");
        }
        self.count(metrics, status);
    }

    fn tell_gone(self, metrics: &Metrics) {
        let (method, route) = (&self.method, name_of(self.route.as_ref()));
        tracing::info!(%method, route, "the client went away before its answer");
        self.count(metrics, CLIENT_GONE);
    }

    fn count(self, metrics: &Metrics, status: u16) {
        let (method, route) = (word(&self.method), name_of(self.route.as_ref()));
        if let Some(watch) = self.watch {
            metrics.answered(route, method, status, watch.elapsed());
        }
        if let Some(span) = self.span {
            span.with("http.request.method", method)
                .with("http.route", route.to_owned())
                .with("http.response.status_code", status)
                .with("countersign.request_id", self.id.as_str().to_owned())
                .end(format!("{method} {route}"), status >= 500);
        }
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(under) = self.under.take() {
            under.tell_gone(self.metrics);
        }
    }
}

/// The template of ours that was asked for; strangers can make up any path.
fn name_of(route: Option<&MatchedPath>) -> &str {
    route.map_or("none", MatchedPath::as_str)
}

/// A method that is known here; strangers can make up any.
fn word(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"];
    KNOWN.into_iter().find(|known| method == known).unwrap_or("other")
}

/// One line for a client that did not get what it asked for.
fn tell_of_refusal(refused: &Refused, asking: &Asking) {
    let client = refused.client.as_deref().or(asking.client());
    let Refused { error, description, .. } = refused;
    if refused.is_ordinary() {
        tracing::debug!(client, error, description, "a client was refused");
    } else {
        tracing::info!(client, error, description, "a client was refused");
    }
}
