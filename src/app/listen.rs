//! How do requests come in? With a limit on everything that a client could make us wait for.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use super::descriptors;
use super::doors::{Doors, Stream};
use super::ending::{End, Notice};
use super::patience::{self, Patient, Turns};
use super::places::{Admission, Bounds, Owner, Place, Places};
use super::tls::Renewable;
use crate::config::Proxies;
use crate::web::certificate::ClientCertificate;
use crate::web::network::{is_among, of_address};

/// How long those who came last may wait for a place.
const LET_IN: Duration = Duration::from_secs(1);

/// How soon it is looked again for a place when everybody was busy.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Takes connections in.
#[derive(Clone, Debug)]
pub struct Service {
    /// What answers.
    pub router: Router,
    /// What makes the handshakes of `[tls]`; Unix sockets do without.
    pub tls: Option<Arc<Renewable>>,
    /// Proxies, which bring many clients.
    pub trusted_proxies: Vec<Proxies>,
    /// How many connections there may be.
    pub bounds: Bounds,
}

impl Service {
    /// One with as many connections as this process may have.
    #[must_use]
    pub fn new(router: Router, trusted_proxies: Vec<Proxies>, database_connections: u32) -> Self {
        let bounds = Bounds::within(descriptors::limit(), database_connections);
        Self { router, tls: None, trusted_proxies, bounds }
    }

    /// Serves until `shutdown` ends, then at most 20 s longer: for what is under way, and for proxies, which have to notice.
    pub async fn serve(self, doors: impl Into<Doors>, shutdown: impl Future<Output = ()>) {
        let Bounds { all, of_one } = self.bounds;
        tracing::info!(
            connections = all,
            of_one_address = of_one,
            files = descriptors::limit(),
            "taking connections"
        );
        let (mut doors, places, end) = (doors.into(), Places::new(self.bounds), End::new());
        tokio::select! {
            () = shutdown => {}
            () = self.take_in(&mut doors, &places, &end) => {}
        }
        if !self.trusted_proxies.is_empty() {
            tokio::select! {
                biased;
                () = self.take_in(&mut doors, &places, &end) => {}
                () = end.leave() => {}
            }
        }
        let rest = async {
            for (stream, peer) in doors.close() {
                self.let_in(&places, &end, stream, peer).await;
            }
        };
        let _ = tokio::time::timeout(LET_IN, rest).await;
        if !end.close().await {
            tracing::warn!("connections were cut off with work under way");
        }
    }

    async fn take_in(&self, doors: &mut Doors, places: &Arc<Places>, end: &End) {
        loop {
            match doors.accept().await {
                Ok((stream, peer)) => self.let_in(places, end, stream, peer).await,
                Err(error) => {
                    // Out of file descriptors, most likely: others must close first.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Gives a connection its place, and whoever comes by it their answers.
    async fn let_in(&self, places: &Arc<Places>, end: &End, stream: Stream, peer: SocketAddr) {
        let Some(place) = self.place(places, peer).await else {
            tracing::debug!(%peer, "an address has too many connections, and all of them busy");
            return;
        };
        let (service, notice) = (self.clone(), end.notice());
        tokio::spawn(async move {
            let turns = place.turns();
            tokio::select! {
                () = service.connection(stream, peer, turns, notice) => {}
                () = place.needed() => tracing::debug!(%peer, "a connection that waited has made room"),
            }
            drop(place);
        });
    }

    /// A place for a new connection, as soon as there is one; none for an address that has its share.
    async fn place(&self, places: &Arc<Places>, peer: SocketAddr) -> Option<Place> {
        let ip = peer.ip().to_canonical();
        let owner =
            if is_among(&self.trusted_proxies, ip) { Owner::Proxy } else { Owner::Client(of_address(ip)) };
        loop {
            match places.admit(owner) {
                Admission::In(place) => return Some(place),
                Admission::NoShare => return None,
                // Somebody leaves, or has been answered and waits.
                Admission::Full => drop(tokio::time::timeout(LOOK_AGAIN, places.freed()).await),
            }
        }
    }

    async fn connection(self, stream: Stream, peer: SocketAddr, turns: Arc<Turns>, notice: Notice) {
        match (stream, self.tls) {
            (Stream::Unix(stream), _) => answer(stream, peer, turns, None, self.router, notice).await,
            (Stream::Tcp(stream), None) => {
                let _ = stream.set_nodelay(true);
                answer(stream, peer, turns, None, self.router, notice).await;
            }
            (Stream::Tcp(stream), Some(tls)) => {
                let _ = stream.set_nodelay(true);
                secure(stream, peer, turns, &tls, self.router, notice).await;
            }
        }
    }
}

async fn secure(
    stream: TcpStream,
    peer: SocketAddr,
    turns: Arc<Turns>,
    tls: &Renewable,
    router: Router,
    notice: Notice,
) {
    match tokio::time::timeout(patience::HEAD, tls.current().accept(stream)).await {
        Ok(Ok((stream, certificate))) => answer(stream, peer, turns, certificate, router, notice).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    turns: Arc<Turns>,
    certificate: Option<ClientCertificate>,
    router: Router,
    notice: Notice,
) {
    let certificate = certificate.map(Arc::new);
    let stream = Patient::new(stream, Arc::clone(&turns));
    let (whose, mut end) = (Arc::clone(&turns), notice.clone());
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        let turn = turns.ours();
        request.extensions_mut().insert(ConnectInfo(peer));
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(Arc::clone(certificate));
        }
        let (router, notice) = (router.clone(), notice.clone());
        async move {
            let mut answer = if names_its_host(&request) {
                router.oneshot(request).await
            } else {
                Ok((StatusCode::BAD_REQUEST, [(header::CONNECTION, "close")], "one Host header is needed\n")
                    .into_response())
            };
            if let Ok(answer) = &mut answer
                && notice.has_come()
            {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            drop(turn);
            answer
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience::IDLE).max_buf_size(64 * 1024);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        // What has come already is read before it is asked whether nothing has.
        biased;
        ended = connection.as_mut() => ended,
        () = end.is_time(|| whose.have_begun()) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Whether a request says in one voice to which host it goes (RFC 9112 §3.2): a proxy before us may have read it otherwise.
fn names_its_host<B>(request: &hyper::Request<B>) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version() < hyper::Version::HTTP_11)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio::time::{Instant, sleep};

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const UPLOAD: &[u8] = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n";

    /// A connection to a server that answers with what it is sent.
    fn connected() -> DuplexStream {
        let (client, server) = tokio::io::duplex(1024);
        let router = Router::new().fallback(async |body: String| format!("<{body}>"));
        let end = End::new();
        tokio::spawn(async move {
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            answer(server, peer, Arc::default(), None, router, end.notice()).await;
        });
        client
    }

    /// The same, to a server that has very much to say.
    fn connected_to_a_talker() -> DuplexStream {
        let (client, server) = tokio::io::duplex(1024);
        let router = Router::new().fallback(async || "x".repeat(300 * 1024));
        let end = End::new();
        tokio::spawn(async move {
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            answer(server, peer, Arc::default(), None, router, end.notice()).await;
        });
        client
    }

    /// Seconds until the server hangs up on a client that reads so many bytes a second.
    #[expect(clippy::disallowed_methods, reason = "that clock is asked nowhere else")]
    async fn hears_out(mut client: DuplexStream, bytes: usize) -> Option<u64> {
        let (mut buffer, mut heard) = (vec![0; bytes], 0);
        let since = Instant::now();
        loop {
            sleep(Duration::from_secs(1)).await;
            match client.read(&mut buffer).await {
                Ok(read) if read > 0 => heard += read,
                _ => return Some(since.elapsed().as_secs()),
            }
            if heard > 300 * 1024 {
                return None;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_names_its_host_once() {
        for (head, status) in [
            ("GET / HTTP/1.1\r\nHost: one\r\n\r\n", "200"),
            ("GET / HTTP/1.1\r\n\r\n", "400"),
            ("GET / HTTP/1.1\r\nHost: one\r\nHost: one\r\n\r\n", "400"),
            ("GET / HTTP/1.0\r\n\r\n", "200"),
        ] {
            let mut client = connected();
            client.write_all(head.as_bytes()).await.unwrap();
            let mut answer = [0; 12];
            client.read_exact(&mut answer).await.unwrap();
            assert!(String::from_utf8_lossy(&answer).ends_with(status), "{head}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_and_does_not_read_is_left_after_half_a_minute() {
        for requests in [1, 50] {
            let mut client = connected_to_a_talker();
            client.write_all(&REQUEST.repeat(requests)).await.unwrap();
            sleep(Duration::from_secs(29)).await;
            assert!(client.write_all(b"G").await.is_ok(), "not before that");
            sleep(Duration::from_secs(2)).await;
            assert!(client.write_all(b"G").await.is_err(), "{requests}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_slowly_is_heard_out_and_whoever_trickles_is_not() {
        let ask = async |bytes| {
            let mut client = connected_to_a_talker();
            client.write_all(REQUEST).await.unwrap();
            hears_out(client, bytes).await
        };
        assert_eq!(ask(800).await, None);
        let left = ask(20).await.unwrap();
        // What the pipe still held is read after that.
        assert!((30..120).contains(&left), "{left}");
    }

    async fn answered(client: &mut DuplexStream, expected: &str) {
        let mut answer = String::new();
        while !answer.ends_with(expected) {
            let byte = client.read_u8().await.unwrap_or_else(|e| panic!("{e} after {answer}"));
            answer.push(char::from(byte));
        }
    }

    /// Seconds until the server hangs up, by the clock of the test, which stands still while there is something to do.
    #[expect(clippy::disallowed_methods, reason = "that clock is asked nowhere else")]
    async fn hangs_up(client: &mut DuplexStream) -> u64 {
        let since = Instant::now();
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest).await;
        since.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_connects_has_ten_seconds_for_the_first_head() {
        assert_eq!(hangs_up(&mut connected()).await, 10);
        let mut client = connected();
        for byte in &REQUEST[..9] {
            sleep(Duration::from_secs(1)).await;
            client.write_all(&[*byte]).await.unwrap();
        }
        assert_eq!(hangs_up(&mut client).await, 1, "however it dawdles");
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_requests_a_connection_waits_for_longer_than_proxies_do() {
        let mut client = connected();
        for _ in 0..3 {
            client.write_all(REQUEST).await.unwrap();
            answered(&mut client, "<>").await;
            sleep(Duration::from_secs(70)).await;
        }
        assert_eq!(hangs_up(&mut client).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_head_has_ten_seconds_too_from_its_first_byte_on() {
        let mut client = connected();
        client.write_all(REQUEST).await.unwrap();
        answered(&mut client, "<>").await;
        sleep(Duration::from_mins(1)).await;
        client.write_all(&REQUEST[..9]).await.unwrap();
        assert_eq!(hangs_up(&mut client).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_not_taken_for_a_head() {
        let mut client = connected();
        client.write_all(UPLOAD).await.unwrap();
        for byte in *b"body" {
            sleep(Duration::from_secs(20)).await;
            client.write_all(&[byte]).await.unwrap();
        }
        answered(&mut client, "<body>").await;
        sleep(Duration::from_secs(70)).await;
        client.write_all(REQUEST).await.unwrap();
        answered(&mut client, "<>").await;
    }
}
