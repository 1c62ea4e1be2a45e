//! How does the sample app send its requests? Over plain HTTP: all of the demo is on one machine, so the app needs neither
//! TLS nor the machine's certificate authorities in its memory. An app of your own rather gives `openidconnect` a `reqwest`
//! client.

use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

/// A client for `http:` addresses. It follows no redirects: the provider's answers are to come from the provider.
#[derive(Debug)]
pub(super) struct Http(legacy::Client<HttpConnector, Body>);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is nobody, or what comes is not HTTP.
    #[error(transparent)]
    Exchange(#[from] legacy::Error),
    /// The answer breaks off, or is longer than [`LONGEST`].
    #[error(transparent)]
    Body(#[from] axum::Error),
    /// It takes too long.
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Slow(#[from] tokio::time::error::Elapsed),
}

const PATIENCE: Duration = Duration::from_secs(10);

/// In bytes.
const LONGEST: usize = 1 << 20;

impl Http {
    pub(super) fn new() -> Self {
        Self(legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http())
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let (head, body) = self.0.request(request.map(Body::from)).await?.into_parts();
        let body = to_bytes(Body::new(body), LONGEST).await?;
        Ok(HttpResponse::from_parts(head, body.into()))
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Failure>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { tokio::time::timeout(PATIENCE, self.send(request)).await? })
    }
}
