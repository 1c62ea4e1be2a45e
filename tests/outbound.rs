//! Do requests to clients' addresses go where they may, and nowhere else? Against https servers on this machine.
#![cfg(test)]

mod support;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::config::{self, SigningAlgorithm};
use countersign::keys::jose::JwsFailure;
use countersign::oidc::clients::keys::{ClientKeyCache, ClientKeyFailure};
use countersign::oidc::clients::{Client, Metadata};
use countersign::outbound::{Outbound, OutboundError};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use josekit::jws::{self, ES256, JwsHeader};
use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use openssl::x509::X509;
use serde_json::json;
use support::ca::Authority;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_openssl::SslStream;

const ALLOWED: [SigningAlgorithm; 1] = [SigningAlgorithm::ES256];

#[tokio::test]
async fn what_an_allowed_host_answers_is_read() {
    let app = App::start("localhost").await;
    app.answers("200 OK", "some text");
    assert_eq!(app.outbound().get(&app.uri(), "text/plain").await, Ok("some text".to_owned()));
    let request = app.last_request();
    assert!(request.starts_with("GET /keys HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("\r\naccept: text/plain\r\n"), "{request}");
}

#[tokio::test]
async fn a_form_is_posted_and_its_status_is_the_answer() {
    let app = App::start("localhost").await;
    for status in ["200 OK", "204 No Content", "400 Bad Request", "302 Found"] {
        app.answers(status, "");
        let fields = [("logout_token", "a.b.c"), ("more", "ä &=")];
        let answer = app.outbound().post_form(&app.uri(), &fields).await;
        assert_eq!(answer.map(|s| s.to_string()), Ok(status[..3].to_owned()));
    }
    let request = app.last_request();
    assert!(request.ends_with("\r\n\r\nlogout_token=a.b.c&more=%C3%A4+%26%3D"), "{request}");
    assert!(
        request.to_lowercase().contains("content-type: application/x-www-form-urlencoded\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (app, target) = (App::start("localhost").await, App::start("localhost").await);
    for status in [301, 302, 303, 307, 308] {
        app.answers(&format!("{status} Moved\r\nLocation: {}", target.uri()), "");
        assert_eq!(app.outbound().get(&app.uri(), "*/*").await, Err(OutboundError::Redirect(status)));
    }
    assert_eq!(target.count(), 0);
}

#[tokio::test]
async fn another_status_than_200_is_told() {
    let app = App::start("localhost").await;
    app.answers("404 Not Found", "secrets of the network here");
    let refused = app.outbound().get(&app.uri(), "*/*").await.unwrap_err();
    assert_eq!(refused.to_string(), "answered 404, and expected is 200");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let app = App::start("localhost").await;
    app.answers("200 OK", &"x".repeat(64 * 1024));
    assert!(app.outbound().get(&app.uri(), "*/*").await.is_ok());
    app.answers("200 OK", &"x".repeat(64 * 1024 + 1));
    assert_eq!(app.outbound().get(&app.uri(), "*/*").await, Err(OutboundError::TooLarge));
    app.answers("200 OK\r\nContent-Encoding: gzip", "\u{1f}");
    assert!(app.outbound().get(&app.uri(), "*/*").await.is_ok(), "nothing is unpacked");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let app = App::start("localhost").await;
    app.answers("", "");
    assert_eq!(app.outbound().get(&app.uri(), "*/*").await, Err(OutboundError::Slow));
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_host_is_refused() {
    let app = App::start("localhost").await;
    let stranger = Outbound::new(&config::Outbound { extra_ca: Vec::new(), ..app.settings() }).unwrap();
    assert_eq!(stranger.get(&app.uri(), "*/*").await, Err(OutboundError::Tls));
    let misnamed = App::start("app.example").await;
    assert_eq!(misnamed.outbound().get(&misnamed.uri(), "*/*").await, Err(OutboundError::Tls));
    assert_eq!((app.count(), misnamed.count()), (0, 0));
}

/// `localhost` is a name: what it leads to is judged.
#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused_unless_it_is_allowed() {
    let app = App::start("localhost").await;
    for allow_private in [Vec::new(), vec!["127.0.0.1".to_owned()], vec!["other.example".to_owned()]] {
        let outbound = Outbound::new(&config::Outbound { allow_private, ..app.settings() }).unwrap();
        assert_eq!(outbound.get(&app.uri(), "*/*").await, Err(OutboundError::Private));
        assert_eq!(outbound.post_form(&app.uri(), &[]).await, Err(OutboundError::Private));
        let dotted = app.uri().replace("localhost", "localhost.");
        let refused = outbound.get(&dotted, "*/*").await.unwrap_err();
        assert!(matches!(refused, OutboundError::Private | OutboundError::NotFound), "{refused:?}");
    }
    assert_eq!(app.connections(), 0, "not even a connection is made");
}

#[tokio::test]
async fn an_address_of_this_machine_is_refused_unless_it_is_allowed() {
    let app = App::start("127.0.0.1").await;
    let uri = app.uri();
    let closed = Outbound::new(&config::Outbound { allow_private: Vec::new(), ..app.settings() }).unwrap();
    assert_eq!(closed.get(&uri, "*/*").await, Err(OutboundError::Private));
    let mapped = uri.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    assert_eq!(app.outbound().get(&mapped, "*/*").await, Err(OutboundError::Private));
    assert_eq!(app.connections(), 0);
    assert!(app.outbound().get(&uri, "*/*").await.is_ok());
}

#[tokio::test]
async fn http_and_names_in_an_address_are_refused() {
    let app = App::start("localhost").await;
    for uri in [app.uri().replace("https:", "http:"), app.uri().replace("https://", "https://ned:secret@")] {
        let refused = app.outbound().get(&uri, "*/*").await;
        assert!(matches!(refused, Err(OutboundError::Address(_))), "{refused:?}");
    }
    assert_eq!(app.connections(), 0);
}

#[tokio::test]
async fn a_host_where_nobody_listens_or_that_is_none_is_told_without_details() {
    let app = App::start("localhost").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    drop(listener);
    assert_eq!(app.outbound().get(&closed, "*/*").await, Err(OutboundError::Unreachable));
    let nowhere = app.outbound().get("https://nowhere.invalid/", "*/*").await.unwrap_err();
    assert_eq!(nowhere.to_string(), "has a host that cannot be found");
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for path in [empty, folder.path().join("missing.pem")] {
        let settings = config::Outbound { extra_ca: vec![path.clone()], ..config::Outbound::default() };
        let refused = Outbound::new(&settings).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("outbound.extra_ca: {}: ", path.display())), "{refused}");
        assert_eq!(refused.lines().count(), 1);
    }
}

#[tokio::test]
async fn a_client_that_changes_its_keys_is_believed_at_once() {
    let app = App::start("localhost").await;
    let (cache, client) = (ClientKeyCache::new(app.outbound()), app.client());
    let (first, second) = (key("first"), key("second"));
    app.publishes(&[&first]);
    let verify = async |key: &Jwk, now| cache.verify(&client, &signed(key), &ALLOWED, now).await;
    assert!(verify(&first, 1000).await.is_ok());
    assert!(verify(&first, 1000 + 3599).await.is_ok());
    assert_eq!(app.count(), 1, "they are kept for an hour");
    app.publishes(&[&first, &second]);
    assert!(verify(&second, 2000).await.is_ok(), "an unknown kid makes them be fetched again");
    assert!(verify(&first, 2000).await.is_ok());
    assert_eq!(app.count(), 2);
    app.publishes(&[&second]);
    assert!(verify(&first, 2000 + 3599).await.is_ok());
    let gone = verify(&first, 2000 + 3600).await.unwrap_err();
    assert!(matches!(gone, ClientKeyFailure::Jws(JwsFailure::UnknownKey { .. })), "{gone}");
    assert_eq!(app.count(), 3, "after an hour they are asked for again");
}

#[tokio::test]
async fn unknown_keys_do_not_make_us_hammer_a_client() {
    let app = App::start("localhost").await;
    let (cache, client) = (ClientKeyCache::new(app.outbound()), app.client());
    let (known, stranger) = (key("known"), key("stranger"));
    app.publishes(&[&known]);
    for now in 1000..1030 {
        assert!(cache.verify(&client, &signed(&stranger), &ALLOWED, now).await.is_err());
    }
    assert_eq!(app.count(), 3, "once in ten seconds");
    // A wrong signature under a known name is no reason to ask.
    assert!(cache.verify(&client, &signed(&key("known")), &ALLOWED, 1100).await.is_err());
    assert_eq!(app.count(), 3);
}

#[tokio::test]
async fn those_who_come_together_ask_once() {
    let app = App::start("localhost").await;
    let (cache, client, known) = (ClientKeyCache::new(app.outbound()), app.client(), key("known"));
    app.publishes(&[&known]);
    let token = signed(&known);
    let one = || cache.verify(&client, &token, &ALLOWED, 1000);
    let (a, b, c) = tokio::join!(one(), one(), one());
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(app.count(), 1);
}

#[tokio::test]
async fn when_fetching_fails_the_old_keys_stay() {
    let app = App::start("localhost").await;
    let (cache, client, known) = (ClientKeyCache::new(app.outbound()), app.client(), key("known"));
    app.publishes(&[&known]);
    assert!(cache.verify(&client, &signed(&known), &ALLOWED, 1000).await.is_ok());
    for (status, body) in
        [("500 Broken", ""), ("200 OK", "no JSON"), ("200 OK", r#"{"keys":[{"kty":"oct","k":"AA"}]}"#)]
    {
        app.answers(status, body);
        assert!(cache.verify(&client, &signed(&known), &ALLOWED, 9000).await.is_ok(), "{status} {body}");
    }
    assert_eq!(app.count(), 2);
}

#[tokio::test]
async fn a_client_whose_keys_never_came_is_told_why_and_asked_again_later() {
    let app = App::start("localhost").await;
    let (cache, client, known) = (ClientKeyCache::new(app.outbound()), app.client(), key("known"));
    for (now, status, body, expected) in [
        (1000, "404 Not Found", "", "answered 404, and expected is 200"),
        (1010, "200 OK", "<html>", "answers is no JWK Set"),
        (
            1020,
            "200 OK",
            r#"{"keys":[{"kty":"oct","k":"AA"}]}"#,
            "answers has as its key 1 one that is symmetric",
        ),
    ] {
        app.answers(status, body);
        for _ in 0..2 {
            let refused =
                cache.verify(&client, &signed(&known), &ALLOWED, now).await.unwrap_err().to_string();
            assert!(refused.contains(expected) && refused.contains(&app.uri()), "{refused}");
        }
    }
    assert_eq!(app.count(), 3);
    app.publishes(&[&known]);
    assert!(cache.verify(&client, &signed(&known), &ALLOWED, 1030).await.is_ok());
}

#[tokio::test]
async fn a_client_that_moves_its_keys_is_asked_at_its_new_address() {
    let (old, new) = (App::start("localhost").await, App::start("localhost").await);
    let settings = config::Outbound {
        extra_ca: [old.settings().extra_ca, new.settings().extra_ca].concat(),
        ..old.settings()
    };
    let cache = ClientKeyCache::new(Outbound::new(&settings).unwrap());
    let (first, second) = (key("same name"), key("same name"));
    old.publishes(&[&first]);
    new.publishes(&[&second]);
    assert!(cache.verify(&old.client(), &signed(&first), &ALLOWED, 1000).await.is_ok());
    assert!(cache.verify(&new.client(), &signed(&second), &ALLOWED, 1001).await.is_ok());
    assert!(cache.verify(&new.client(), &signed(&first), &ALLOWED, 1001).await.is_err());
}

/// The https server of an app, under an authority of its own.
struct App {
    host: String,
    port: u16,
    script: Arc<Script>,
    folder: TempDir,
}

/// What it answers, and what it was asked.
#[derive(Default)]
struct Script {
    answer: Mutex<String>,
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

impl App {
    /// A server on the loopback address, with a certificate for this host.
    async fn start(certified: &str) -> Self {
        let authority = Authority::new();
        let (certificate, key) = authority.issue(certified);
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        acceptor.set_certificate(&X509::from_pem(&certificate).unwrap()).unwrap();
        acceptor.set_private_key(&PKey::private_key_from_pem(&key).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let script = Arc::new(Script::default());
        tokio::spawn(serve(listener, acceptor.build(), Arc::clone(&script)));
        let host = if certified == "127.0.0.1" { certified } else { "localhost" };
        let app = Self { host: host.to_owned(), port, script, folder };
        app.answers("200 OK", "");
        app
    }

    fn uri(&self) -> String {
        format!("https://{}:{}/keys", self.host, self.port)
    }

    fn settings(&self) -> config::Outbound {
        let authority: PathBuf = self.folder.path().join("ca.pem");
        config::Outbound { extra_ca: vec![authority], allow_private: vec![self.host.clone()] }
    }

    fn outbound(&self) -> Outbound {
        Outbound::new(&self.settings()).unwrap()
    }

    fn client(&self) -> Client {
        let mut metadata = Metadata::web_app("App", vec!["https://app.example/cb".to_owned()]);
        metadata.jwks_uri = Some(self.uri());
        Client::unregistered("app", metadata)
    }

    /// Answers so from now on; without a status, never.
    fn answers(&self, status: &str, body: &str) {
        let answer = if status.is_empty() {
            String::new()
        } else {
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        };
        *self.script.answer.lock().unwrap() = answer;
    }

    fn publishes(&self, keys: &[&Jwk]) {
        let public = keys.iter().map(|key| {
            let mut public = key.to_public_key().unwrap();
            public.set_key_id(key.key_id().unwrap());
            public.as_ref().clone()
        });
        self.answers("200 OK", &json!({ "keys": public.collect::<Vec<_>>() }).to_string());
    }

    /// Requests that have come.
    fn count(&self) -> usize {
        self.script.requests.lock().unwrap().len()
    }

    fn connections(&self) -> usize {
        self.script.connections.load(Ordering::SeqCst)
    }

    fn last_request(&self) -> String {
        self.script.requests.lock().unwrap().last().unwrap().clone()
    }
}

async fn serve(listener: TcpListener, acceptor: SslAcceptor, script: Arc<Script>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        script.connections.fetch_add(1, Ordering::SeqCst);
        let (acceptor, script) = (acceptor.clone(), Arc::clone(&script));
        tokio::spawn(async move {
            let mut stream = SslStream::new(Ssl::new(acceptor.context()).unwrap(), stream).unwrap();
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
            script.requests.lock().unwrap().push(String::from_utf8(request).unwrap());
            let answer = script.answer.lock().unwrap().clone();
            if answer.is_empty() {
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        });
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn key(kid: &str) -> Jwk {
    let mut key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    key.set_key_id(kid);
    key
}

fn signed(key: &Jwk) -> String {
    let mut header = JwsHeader::new();
    header.set_key_id(key.key_id().unwrap());
    jws::serialize_compact(br#"{"iss":"app"}"#, &header, &ES256.signer_from_jwk(key).unwrap()).unwrap()
}
