//! What does an app publish for the provider to fetch? An https server on this machine, by the authority of the tests.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use countersign::config;
use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use openssl::x509::X509;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;

use super::ca::authority;

/// A server that answers what it was told to, by path.
#[derive(Debug)]
pub struct Publisher {
    port: u16,
    pages: Arc<Mutex<HashMap<String, String>>>,
    folder: TempDir,
}

impl Publisher {
    /// One that has nothing yet.
    pub async fn start() -> Self {
        let (certificate, key) = authority().issue("localhost");
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).expect("an acceptor");
        acceptor.set_certificate(&X509::from_pem(&certificate).expect("PEM")).expect("a certificate");
        acceptor.set_private_key(&PKey::private_key_from_pem(&key).expect("PEM")).expect("a key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let pages = Arc::default();
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("ca.pem"), authority().pem()).expect("a file");
        tokio::spawn(serve(listener, acceptor.build(), Arc::clone(&pages)));
        Self { port, pages, folder }
    }

    /// The settings of a provider that may fetch from it.
    pub fn outbound(&self) -> config::Outbound {
        config::Outbound {
            extra_ca: vec![self.folder.path().join("ca.pem")],
            allow_private: vec!["localhost".to_owned()],
        }
    }

    /// The address of a page.
    pub fn uri(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.port)
    }

    /// Answers so from now on.
    pub fn publish(&self, path: &str, body: &str) -> String {
        self.pages.lock().expect("the pages").insert(format!("/{path}"), body.to_owned());
        self.uri(path)
    }
}

async fn serve(listener: TcpListener, acceptor: SslAcceptor, pages: Arc<Mutex<HashMap<String, String>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, acceptor.clone(), Arc::clone(&pages)));
    }
}

async fn answer(stream: TcpStream, acceptor: SslAcceptor, pages: Arc<Mutex<HashMap<String, String>>>) {
    let mut stream = SslStream::new(Ssl::new(acceptor.context()).expect("TLS"), stream).expect("TLS");
    if Pin::new(&mut stream).accept().await.is_err() {
        return;
    }
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
    let request = String::from_utf8(request).expect("a request of text");
    let path = request.split(' ').nth(1).unwrap_or_default();
    let page = pages.lock().expect("the pages").get(path).cloned();
    let (status, body) = page.map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}
