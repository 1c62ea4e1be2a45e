//! How do requests come in? One listener, with a limit on everything that a client could make us wait for.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::patience::{self, Patient, Turns};
use super::tls::Acceptor;
use crate::web::certificate::ClientCertificate;

/// Connections at once; beyond that clients wait to be accepted.
const CONNECTIONS: usize = 8192;

/// How long what is under way may take once we are told to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Serves until `shutdown` ends, then at most 20 s longer, for what is under way.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Acceptor>>,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = Arc::new(GracefulShutdown::new());
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: others must close first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            match tls {
                None => connection(stream, peer, None, router, watcher).await,
                Some(tls) => secure(stream, peer, tls, router, watcher).await,
            }
            drop(place);
        });
    }
    drop(listener);
    let Some(graceful) = Arc::into_inner(graceful) else { return };
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections were cut off after {} s", DRAIN.as_secs());
    }
}

async fn secure(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Arc<Acceptor>,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    match tokio::time::timeout(patience::HEAD, tls.accept(stream)).await {
        Ok(Ok((stream, certificate))) => connection(stream, peer, certificate, router, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    certificate: Option<ClientCertificate>,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let (certificate, turns) = (certificate.map(Arc::new), Arc::new(Turns::default()));
    let stream = Patient::new(stream, Arc::clone(&turns));
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        let turn = turns.ours();
        request.extensions_mut().insert(ConnectInfo(peer));
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(Arc::clone(certificate));
        }
        let answer = router.clone().oneshot(request);
        async move {
            let answer = answer.await;
            drop(turn);
            answer
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience::IDLE).max_buf_size(64 * 1024);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// One line a request: what was asked and how it went. Never the query or the body: they hold codes and passwords.
pub(super) async fn trace(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let route = route.as_deref().unwrap_or("none");
    let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info!(request = id, %method, route, status, "served");
    response
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
        let graceful = GracefulShutdown::new();
        tokio::spawn(async move {
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            connection(server, peer, None, router, graceful.watcher()).await;
        });
        client
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
