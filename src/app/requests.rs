//! What does the log say of each request? What was asked and how it went, and nothing of what was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::config::Proxies;
use crate::web::network::unheard_proxy;
use crate::web::{Asking, Refused};

/// Who asks every few seconds whether we are there still.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// What the log needs to know.
#[derive(Clone, Debug)]
pub(super) struct Log {
    trusted: Arc<[Proxies]>,
    /// Whether a proxy that nobody trusts has been told of; once is enough.
    told: Arc<AtomicBool>,
}

impl Log {
    pub(super) fn new(trusted: &[Proxies]) -> Self {
        Self { trusted: trusted.into(), told: Arc::default() }
    }
}

/// One line a request. Never the query or the body: they hold codes and passwords.
pub(super) async fn trace(State(log): State<Log>, mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let unheard = unheard_proxy(request.extensions(), request.headers(), &log.trusted);
    if let Some(proxy) = unheard
        && !log.told.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(%proxy, "X-Forwarded-For comes from an address that trusted_proxies does not name: if that is your proxy, everybody behind it counts as one");
    }
    let asking = Asking::default();
    request.extensions_mut().insert(asking.clone());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let route = route.as_deref().unwrap_or("none");
    let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    if let Some(refused) = response.extensions().get::<Refused>() {
        tell(refused, &asking, id);
    }
    if PROBES.contains(&route) {
        tracing::debug!(request = id, %method, route, status, "served");
    } else {
        tracing::info!(request = id, %method, route, status, "served");
    }
    response
}

/// One line for a client that did not get what it asked for.
fn tell(refused: &Refused, asking: &Asking, id: &str) {
    let client = refused.client.as_deref().or(asking.client());
    let Refused { error, description, .. } = refused;
    if refused.is_ordinary() {
        tracing::debug!(request = id, client, error, description, "a client was refused");
    } else {
        tracing::info!(request = id, client, error, description, "a client was refused");
    }
}
