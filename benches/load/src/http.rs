//! How is a request sent? Over a connection that is kept, from an address of its own where that is wanted.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, lookup_host};

use super::origin::Origin;

/// Who waits longer has no answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kept connection; made with the first request, and again when the provider has closed it.
#[derive(Debug)]
pub struct Connection {
    origin: Origin,
    from: Option<Ipv4Addr>,
    sender: Option<SendRequest<String>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer that is not the one that was wanted.
#[derive(Debug)]
pub struct Refused {
    /// Its status.
    pub status: u16,
    /// Where.
    pub place: String,
    /// The beginning of what it says.
    pub words: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}: {}", self.status, self.place, self.words)
    }
}

impl std::error::Error for Refused {}

/// A request to be sent.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Path and query.
    pub path: String,
    /// A form, which makes it a POST.
    pub form: Option<String>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Ask {
    /// A GET of this path.
    pub fn get(path: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// A POST of a form to this path.
    pub fn post(path: impl Into<String>, form: String) -> Self {
        Self { path: path.into(), form: Some(form), ..Self::default() }
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn request(&self, authority: &str) -> anyhow::Result<Request<String>> {
        let method = if self.form.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder().method(method).uri(&self.path).header(HOST, authority);
        if self.form.is_some() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
            .body(self.form.clone().unwrap_or_default())
            .with_context(|| format!("a request for {}", self.path))
    }
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The refusal that it is.
    #[must_use]
    pub fn refused(&self, place: &str) -> Refused {
        let place = place.split('?').next().unwrap_or_default().to_owned();
        Refused { status: self.status, place, words: beginning(&self.text()) }
    }

    /// The body of a good answer of this place, as JSON.
    ///
    /// # Errors
    /// When the status is not 200, or the body no JSON.
    pub fn json(&self, place: &str) -> anyhow::Result<serde_json::Value> {
        anyhow::ensure!(self.status == 200, self.refused(place));
        serde_json::from_slice(&self.body).context("the body is no JSON")
    }
}

impl Connection {
    /// A connection that is not made yet.
    #[must_use]
    pub const fn new(origin: Origin, from: Option<Ipv4Addr>) -> Self {
        Self { origin, from, sender: None }
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Errors
    /// When nothing is heard, or not in time.
    pub async fn send(&mut self, ask: &Ask) -> anyhow::Result<Answer> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(ask)).await;
        let answer = answer.map_err(|_| anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs()));
        let answer =
            answer.flatten().with_context(|| ask.path.split('?').next().unwrap_or_default().to_owned());
        if answer.is_err() {
            self.sender = None;
        }
        answer
    }

    async fn exchange(&mut self, ask: &Ask) -> anyhow::Result<Answer> {
        let mut sender = match self.kept().await {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let request = ask.request(&self.origin.authority)?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = whole(body).await?;
        self.sender = Some(sender);
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// The connection of the last request, unless the provider has closed it.
    async fn kept(&mut self) -> Option<SendRequest<String>> {
        let mut kept = self.sender.take()?;
        kept.ready().await.ok().map(|()| kept)
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<String>> {
        let mut found = lookup_host((self.origin.host.as_str(), self.origin.port)).await?;
        let to = found.find(SocketAddr::is_ipv4).context("the provider has no IPv4 address")?;
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
        }
        let stream = socket.connect(to).await.with_context(|| format!("connecting to {to}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn whole(mut body: Incoming) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// As much of what a page says as fits into an error.
#[must_use]
pub fn beginning(page: &str) -> String {
    let from = page.find("<body").unwrap_or_default();
    let pieces = page.get(from..).unwrap_or_default().split('<');
    let words: Vec<&str> = pieces
        .map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text))
        .flat_map(str::split_whitespace)
        .collect();
    words.join(" ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn an_error_tells_what_the_page_says() {
        let page = "<html><head><title>x</title></head><body class=y><p>No <b>such</b>\n person.</p></body>";
        assert_eq!(beginning(page), "No such person.");
        assert_eq!(beginning("{\"error\": \"invalid_grant\"}"), "{\"error\": \"invalid_grant\"}");
        assert_eq!(beginning(&"long ".repeat(100)).chars().count(), 300);
    }
}
