//! Who is at home at a relying app's address? An https server that keeps what it is sent, and answers as it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::config::{self, Config};
use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use openssl::x509::X509;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_openssl::SslStream;

use super::ca::authority;

/// An app's server at `https://localhost:PORT`, under the authority of the tests.
#[derive(Debug)]
pub struct AppServer {
    port: u16,
    script: Arc<Script>,
    folder: TempDir,
}

#[derive(Debug, Default)]
struct Script {
    statuses: Mutex<VecDeque<u16>>,
    requests: Mutex<Vec<Received>>,
    pages: Mutex<BTreeMap<String, String>>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Received {
    /// Method and target.
    pub line: String,
    /// The headers, in lower case.
    pub headers: String,
    /// The form in the body.
    pub form: Vec<(String, String)>,
}

impl AppServer {
    /// A server that answers 200 to everything.
    pub async fn start() -> Self {
        let (certificate, key) = authority().issue("localhost");
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).expect("an acceptor");
        acceptor.set_certificate(&X509::from_pem(&certificate).expect("PEM")).expect("a certificate");
        acceptor.set_private_key(&PKey::private_key_from_pem(&key).expect("PEM")).expect("a key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("ca.pem"), authority().pem()).expect("a file");
        let script = Arc::new(Script::default());
        tokio::spawn(serve(listener, acceptor.build(), Arc::clone(&script)));
        Self { port, script, folder }
    }

    /// An address of the app.
    pub fn uri(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Lets a site reach it.
    pub fn let_in(&self, config: &mut Config) {
        let extra_ca = vec![self.folder.path().join("ca.pem")];
        config.outbound = config::Outbound { extra_ca, allow_private: vec!["localhost".to_owned()] };
    }

    /// Answers the next requests with these statuses, 0 for not at all, and those after them with 200 again.
    pub fn answers(&self, statuses: &[u16]) {
        *self.script.statuses.lock().expect("the script") = statuses.iter().copied().collect();
    }

    /// Shows this HTML at this path.
    pub fn shows(&self, path: &str, html: &str) {
        self.script.pages.lock().expect("the script").insert(path.to_owned(), html.to_owned());
    }

    /// What has come so far.
    pub fn received(&self) -> Vec<Received> {
        self.script.requests.lock().expect("the script").clone()
    }

    /// Waits until so many requests have come.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        for _ in 0..1500 {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{} of {count} requests have come: {:?}", self.received().len(), self.received());
    }
}

async fn serve(listener: TcpListener, acceptor: SslAcceptor, script: Arc<Script>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (acceptor, script) = (acceptor.clone(), Arc::clone(&script));
        tokio::spawn(async move {
            let ssl = Ssl::new(acceptor.context()).expect("OpenSSL");
            let mut stream = SslStream::new(ssl, stream).expect("OpenSSL");
            if Pin::new(&mut stream).accept().await.is_err() {
                return;
            }
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut part = [0; 4096];
                match stream.read(&mut part).await {
                    Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                    _ => return,
                }
            }
            let status = script.statuses.lock().expect("the script").pop_front().unwrap_or(200);
            let received = Received::read(&request);
            let target = received.line.split([' ', '?']).nth(1).unwrap_or_default();
            let page = script.pages.lock().expect("the script").get(target).cloned().unwrap_or_default();
            script.requests.lock().expect("the script").push(received);
            if status == 0 {
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
            let head = "Content-Type: text/html; charset=utf-8\r\nConnection: close";
            let answer =
                format!("HTTP/1.1 {status} So\r\nContent-Length: {}\r\n{head}\r\n\r\n{page}", page.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        });
    }
}

impl Received {
    fn read(request: &[u8]) -> Self {
        let text = String::from_utf8_lossy(request);
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole request");
        let (line, headers) = head.split_once("\r\n").expect("headers");
        Self {
            line: line.trim_end_matches(" HTTP/1.1").to_owned(),
            headers: headers.to_lowercase(),
            form: form_urlencoded::parse(body.as_bytes()).into_owned().collect(),
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().expect("a number"))
}
