//! Who gets in when somebody takes all the places?
#![cfg(test)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use countersign::app::{Bounds, Service};
use countersign::config::Proxies;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A server with so many places.
async fn serve(bounds: Bounds, trusted: Vec<Proxies>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(async || "served");
    let service = Service { bounds, ..Service::new(router, trusted, 8) };
    tokio::spawn(service.serve(listener, std::future::pending()));
    address
}

/// A connection from this machine's address of that number.
async fn connect(from: u8, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, from)), 0)).unwrap();
    socket.connect(to).await.unwrap()
}

async fn is_served(stream: &mut TcpStream) -> bool {
    if stream.write_all(REQUEST).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    let read = async {
        while !answer.ends_with(b"served") {
            if stream.read_buf(&mut answer).await.unwrap_or(0) == 0 {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("an answer, or the end")
}

#[tokio::test]
async fn idle_connections_of_one_address_keep_nobody_out() {
    let site = serve(Bounds { all: 40, of_one: 10 }, Vec::new()).await;
    let mut idle = Vec::new();
    for _ in 0..60 {
        idle.push(connect(2, site).await);
    }
    assert!(is_served(&mut connect(3, site).await).await, "another address");
    assert!(is_served(&mut connect(2, site).await).await, "the same address: its own idlest has gone");
    let mut left = 0;
    for stream in &mut idle {
        left += usize::from(is_served(stream).await);
    }
    assert!(left < 10, "{left} are still there");
}

#[tokio::test]
async fn idle_connections_of_many_addresses_keep_nobody_out() {
    let site = serve(Bounds { all: 20, of_one: 10 }, Vec::new()).await;
    let mut idle = Vec::new();
    for from in 2..12 {
        for _ in 0..5 {
            idle.push(connect(from, site).await);
        }
    }
    let mut late = connect(20, site).await;
    assert!(is_served(&mut late).await);
    assert!(is_served(&mut late).await, "whoever was just answered stays");
}

#[tokio::test]
async fn a_trusted_proxy_brings_as_many_as_it_likes() {
    let site = serve(Bounds { all: 100, of_one: 5 }, vec!["127.0.0.9".parse().unwrap()]).await;
    let mut all = Vec::new();
    for _ in 0..50 {
        all.push(connect(9, site).await);
    }
    for stream in &mut all {
        assert!(is_served(stream).await);
    }
}

/// Thousands of requests in one go, and no answer is read: that ends, and meanwhile others are served.
#[tokio::test]
async fn whoever_asks_without_reading_holds_nobody_up() {
    let site = serve(Bounds { all: 20, of_one: 10 }, Vec::new()).await;
    let mut greedy = connect(2, site).await;
    let flood = tokio::spawn(async move {
        let _ = greedy.write_all(&REQUEST.repeat(200_000)).await;
        greedy
    });
    for _ in 0..20 {
        assert!(is_served(&mut connect(3, site).await).await);
    }
    flood.abort();
}
