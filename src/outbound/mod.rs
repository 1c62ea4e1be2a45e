//! How are the addresses fetched that clients have registered, without anybody using us to reach what they cannot?

mod address;
mod collector;
mod resolve;
mod turns;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, header, tls};
use tokio::sync::OnceCell;
use url::Url;

use self::address::{BadAddress, Plain};
use self::resolve::{Refused, Resolver};
use self::turns::site;
use crate::clock::Stopwatch;
use crate::config;
use crate::metrics::Metrics;
use crate::trace::{self, Kind, TRACEPARENT};

pub use self::address::is_public;
pub use self::collector::Collector;
pub use self::turns::{For, Shares, Turn, Turns};

/// How long one request may take: waiting for its turn, finding the host, connecting, and reading the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many may be under way at once, those to one site apart.
const SHARES: Shares = Shares { all: 32, strangers: 16, each: 4 };

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(3);

/// The largest answer that is read, in bytes.
const LARGEST: usize = 64 * 1024;

/// Makes requests to clients' addresses; cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    authorities: Arc<[Certificate]>,
    allowed: Arc<[String]>,
    /// Made when it is first needed: reading the system's authorities takes longer than all else at the program's start.
    client: Arc<OnceCell<Client>>,
    turns: Turns,
    party: For,
    metrics: Metrics,
}

/// What is wrong with `[outbound]`, in one line.
#[derive(Debug, thiserror::Error)]
pub enum OutboundSettingsError {
    /// A file of `outbound.extra_ca` cannot be used.
    #[error("outbound.extra_ca: {}: {reason}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The collector of traces cannot be talked to.
    #[error("telemetry.otlp_endpoint: {reason}")]
    Collector {
        /// What is in the way.
        reason: String,
    },
}

/// Why an address could not be fetched, for the client's developer, as the end of a sentence that begins with the address:
/// "… did not answer within 5 seconds". It tells nothing of the network here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// It is no address that is ever fetched.
    #[error("{0}")]
    Address(&'static str),
    /// It leads to an address that is not public.
    #[error(
        "has a host that is not a public address of the internet; the operator can allow it ([outbound] allow_private)"
    )]
    Private,
    /// Its name cannot be resolved.
    #[error("has a host that cannot be found")]
    NotFound,
    /// No connection could be made.
    #[error("cannot be connected to")]
    Unreachable,
    /// Its certificate is not one that we trust for its host.
    #[error("has a TLS certificate that is not trusted here, or is not for its host")]
    Tls,
    /// It took too long.
    #[error("did not answer within 5 seconds")]
    Slow,
    /// Too many requests are under way.
    #[error("could not be asked, as too many requests are under way here: try again")]
    Busy,
    /// Its answer is too large.
    #[error("answered with more than 64 KiB")]
    TooLarge,
    /// Its answer is a redirect.
    #[error("answered {0}, and redirects are not followed")]
    Redirect(u16),
    /// Its answer is not 200.
    #[error("answered {0}, and expected is 200")]
    Status(u16),
    /// Its answer is not UTF-8.
    #[error("answered with something that is no text in UTF-8")]
    NotText,
    /// No request can be made at all; the log says why.
    #[error("could not be asked, as no requests can be made from here")]
    Unavailable,
    /// The connection broke, or what came was no HTTP.
    #[error("broke the connection off")]
    Broken,
}

impl Outbound {
    /// Reads the further authorities.
    ///
    /// # Errors
    /// When a file of `extra_ca` cannot be used; the message names it.
    pub fn new(settings: &config::Outbound) -> Result<Self, OutboundSettingsError> {
        Ok(Self {
            authorities: authorities_of(settings)?.into(),
            allowed: settings.allow_private.iter().map(|host| address::normal(host)).collect(),
            client: Arc::default(),
            turns: Turns::new(SHARES),
            party: For::default(),
            metrics: Metrics::off(),
        })
    }

    /// The same, measured by these instruments.
    #[must_use]
    pub fn measured(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// The same, on behalf of somebody else: strangers have a share of the places, and known apps have the rest.
    #[must_use]
    pub fn on_behalf_of(&self, party: For) -> Self {
        Self { party, ..self.clone() }
    }

    /// Fetches a text. `accept` is the media type that is asked for; what comes is judged by its content.
    ///
    /// # Errors
    /// Why it could not be fetched.
    pub async fn get(&self, uri: &str, accept: &str) -> Result<String, OutboundError> {
        let url = self.judge(uri, Plain::Never)?;
        self.in_turn(&url.clone(), "GET", async |trace: Option<HeaderValue>| {
            let request = self.client().await?.get(url.clone()).header(header::ACCEPT, accept);
            let response = send(request, trace).await?;
            match response.status() {
                StatusCode::OK => text(response).await,
                status if status.is_redirection() => Err(OutboundError::Redirect(status.as_u16())),
                status => Err(OutboundError::Status(status.as_u16())),
            }
        })
        .await
    }

    /// Posts a form, and answers the status. What else comes is not read. It may be http on this very machine, if that is allowed.
    ///
    /// # Errors
    /// Why it could not be posted.
    pub async fn post_form(&self, uri: &str, fields: &[(&str, &str)]) -> Result<u16, OutboundError> {
        let url = self.judge(uri, Plain::ToThisMachine)?;
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let form = "application/x-www-form-urlencoded";
        self.in_turn(&url.clone(), "POST", async |trace: Option<HeaderValue>| {
            let request = self.client().await?.post(url.clone()).header(header::CONTENT_TYPE, form);
            Ok(send(request.body(body.clone()), trace).await?.status().as_u16())
        })
        .await
    }

    fn judge(&self, uri: &str, plain: Plain) -> Result<Url, OutboundError> {
        address::parse(uri, &self.allowed, plain).map_err(|bad| match bad {
            BadAddress::Form(what) => OutboundError::Address(what),
            BadAddress::Private => OutboundError::Private,
        })
    }

    /// The one client that all requests go through.
    async fn client(&self) -> Result<&Client, OutboundError> {
        let make = || async {
            let (authorities, allowed) = (Arc::clone(&self.authorities), Arc::clone(&self.allowed));
            let made = tokio::task::spawn_blocking(move || build(&authorities, allowed)).await;
            made.map_err(|_| OutboundError::Unavailable)?.map_err(|error| {
                tracing::error!(%error, "no client for requests to apps' addresses can be made");
                OutboundError::Unavailable
            })
        };
        self.client.get_or_try_init(make).await
    }

    /// Makes a request in its turn, and tells how it went; the request is told its place in the trace, for whoever answers it.
    async fn in_turn<T>(
        &self,
        url: &Url,
        method: &'static str,
        request: impl AsyncFnOnce(Option<HeaderValue>) -> Result<T, OutboundError>,
    ) -> Result<T, OutboundError> {
        let (watch, span) = (self.metrics.is_on().then(Stopwatch::start), trace::begin(Kind::Client));
        let place = span.as_ref().and_then(|span| HeaderValue::from_str(&span.place().header()).ok());
        let answer = self.wait_for_turn(url, request(place)).await;
        if let Some(watch) = watch {
            self.metrics.outbound(if answer.is_ok() { "answered" } else { "failed" }, watch.elapsed());
        }
        if let Some(span) = span {
            span.with("http.request.method", method).end(method, answer.is_err());
        }
        answer
    }

    async fn wait_for_turn<T>(
        &self,
        url: &Url,
        request: impl Future<Output = Result<T, OutboundError>>,
    ) -> Result<T, OutboundError> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.wait(self.party, &site(url))).await;
        let Ok(Some(_turn)) = turn else { return Err(OutboundError::Busy) };
        tokio::time::timeout(PATIENCE, request).await.unwrap_or(Err(OutboundError::Slow))
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

fn build(authorities: &[Certificate], allowed: Arc<[String]>) -> reqwest::Result<Client> {
    let builder = Client::builder()
        // That an address is https, or http on this machine, has been judged before.
        .use_native_tls()
        .min_tls_version(tls::Version::TLS_1_2)
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .http1_only()
        // A connection that was judged once is not kept: a name may lead elsewhere the next time.
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECTING)
        .timeout(PATIENCE)
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::new(Resolver::new(allowed)));
    authorities.iter().cloned().fold(builder, reqwest::ClientBuilder::add_root_certificate).build()
}

/// The further authorities that the settings name.
fn authorities_of(settings: &config::Outbound) -> Result<Vec<Certificate>, OutboundSettingsError> {
    let mut further = Vec::new();
    for path in &settings.extra_ca {
        further.extend(authorities(path)?);
    }
    Ok(further)
}

/// The certificates in a file.
fn authorities(path: &std::path::Path) -> Result<Vec<Certificate>, OutboundSettingsError> {
    let wrong = |reason: String| OutboundSettingsError::Authority { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
    let certificates =
        openssl::x509::X509::stack_from_pem(&pem).map_err(|_| wrong("is no PEM file".to_owned()))?;
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    let readable = certificates.iter().map(|certificate| {
        let der = certificate.to_der().map_err(|e| wrong(e.to_string()))?;
        Certificate::from_der(&der).map_err(|e| wrong(e.to_string()))
    });
    readable.collect()
}

async fn send(request: RequestBuilder, trace: Option<HeaderValue>) -> Result<Response, OutboundError> {
    let request = trace.into_iter().fold(request, |request, trace| request.header(TRACEPARENT, trace));
    request.send().await.map_err(|e| failure(&e))
}

/// The body, read only as far as it may go.
async fn text(mut response: Response) -> Result<String, OutboundError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| failure(&e))? {
        if body.len() + chunk.len() > LARGEST {
            return Err(OutboundError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| OutboundError::NotText)
}

/// What a failure means, from whatever is at the bottom of it.
fn failure(error: &reqwest::Error) -> OutboundError {
    if error.is_timeout() {
        return OutboundError::Slow;
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = cause {
        match this.downcast_ref::<Refused>() {
            Some(Refused::Private) => return OutboundError::Private,
            Some(Refused::NotFound) => return OutboundError::NotFound,
            None => {}
        }
        if this.is::<openssl::ssl::Error>() || this.is::<openssl::error::ErrorStack>() {
            return OutboundError::Tls;
        }
        cause = this.source();
    }
    if error.is_connect() { OutboundError::Unreachable } else { OutboundError::Broken }
}
