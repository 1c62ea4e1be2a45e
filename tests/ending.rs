//! Who notices that a node ends? Nobody who has connected before, and no proxy that may give its next request to another one.
#![cfg(test)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use countersign::app::Service;
use countersign::config::Proxies;
use support::Database;
use support::program::Program;
use support::smtp::Smtp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// What is answered to the next request of a connection, in lower case; nothing when it was closed instead.
async fn answer(stream: &mut TcpStream, path: &str) -> Option<String> {
    let _ = stream.write_all(&request(path)).await;
    heard(stream).await
}

/// One whole answer.
async fn heard(stream: &mut TcpStream) -> Option<String> {
    let mut answer = Vec::new();
    let read = async {
        loop {
            let text = String::from_utf8_lossy(&answer).to_lowercase();
            let length =
                text.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
            if let (Some((_, body)), Some(length)) = (text.split_once("\r\n\r\n"), length)
                && body.len() >= length
            {
                return Some(text);
            }
            if stream.read_buf(&mut answer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("an answer, or the end")
}

fn asks_to_be_left(answer: &str) -> bool {
    answer.contains("\r\nconnection: close\r\n")
}

/// A server that ends when it is told to.
struct Server {
    at: SocketAddr,
    end: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(trusted: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        let service = service(trusted);
        let serving = tokio::spawn(async move { service.serve(listener, async { drop(ended.await) }).await });
        Self { at, end, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }
}

fn service(trusted: &[&str]) -> Service {
    let trusted: Vec<Proxies> = trusted.iter().map(|proxy| proxy.parse().unwrap()).collect();
    Service::new(Router::new().fallback(async || "served"), trusted, 8)
}

#[tokio::test]
async fn whoever_the_machine_has_let_in_is_answered_before_the_end() {
    for trusted in [&[][..], &["127.0.0.1"]] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        for _ in 0..5 {
            let mut stream = TcpStream::connect(at).await.unwrap();
            stream.write_all(&request("/")).await.unwrap();
            waiting.push(stream);
        }
        // It is told to end before it has seen any of them.
        let serving = tokio::spawn(service(trusted).serve(listener, std::future::ready(())));
        for stream in &mut waiting {
            let answer = heard(stream).await.expect("an answer");
            assert!(answer.ends_with("served") && asks_to_be_left(&answer), "{answer}");
        }
        serving.await.unwrap();
        assert!(TcpStream::connect(at).await.is_err(), "nobody is let in any more");
    }
}

/// A request that crosses with the closing of its connection is lost, and no proxy may send it again elsewhere.
#[tokio::test]
async fn a_proxy_is_served_on_until_it_has_had_the_time_to_look_elsewhere() {
    let server = Server::start(&["127.0.0.1"]).await;
    let (mut kept, mut other) = (server.connect().await, server.connect().await);
    for stream in [&mut kept, &mut other] {
        let answer = answer(stream, "/").await.expect("an answer");
        assert!(!asks_to_be_left(&answer), "{answer}");
    }
    server.end.send(()).unwrap();
    // As soon as it knows that it ends, it says so.
    while !asks_to_be_left(&answer(&mut TcpStream::connect(server.at).await.unwrap(), "/").await.unwrap()) {}
    for mut stream in [kept, TcpStream::connect(server.at).await.unwrap()] {
        let last = answer(&mut stream, "/").await.expect("an answer");
        assert!(last.ends_with("served") && asks_to_be_left(&last), "{last}");
        assert_eq!(answer(&mut stream, "/").await, None, "that was the last one");
    }
    drop(other);
    // Nobody is left: it waits for no time to be over.
    server.serving.await.unwrap();
    assert!(TcpStream::connect(server.at).await.is_err());
}

#[tokio::test]
async fn whoever_comes_by_themselves_and_asks_for_nothing_is_not_waited_for() {
    let server = Server::start(&["192.0.2.1"]).await;
    let mut idle = server.connect().await;
    answer(&mut idle, "/").await.expect("an answer");
    server.end.send(()).unwrap();
    assert_eq!(heard(&mut idle).await, None);
    server.serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_ends_is_not_ready_while_it_still_serves() {
    let smtp = Smtp::start().await;
    let mut program = Program::new(Database::sqlite().await, &smtp);
    program.set("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1");
    program.init();
    let mut serving = program.serve();
    let connect = async || TcpStream::connect(("127.0.0.1", program.url.port().unwrap())).await.unwrap();
    let (mut probe, mut browser) = (connect().await, connect().await);
    for stream in [&mut probe, &mut browser] {
        let ready = answer(stream, "/readyz").await.unwrap();
        assert!(ready.starts_with("http/1.1 200"), "{ready}");
    }
    serving.signal("TERM");
    serving.says("draining");
    let probed = answer(&mut probe, "/readyz").await.expect("an answer");
    assert!(probed.starts_with("http/1.1 503") && asks_to_be_left(&probed), "{probed}");
    let served = answer(&mut browser, "/jwks").await.expect("an answer");
    assert!(served.starts_with("http/1.1 200") && asks_to_be_left(&served), "{served}");
    assert!(serving.ends().await.success());
}
