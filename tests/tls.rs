//! Is https served as it has to be? Versions, suites, files that do not fit, and what clients' certificates are believed.
#![cfg(test)]

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderName;
use countersign::app::{Acceptor, Renewable, Service};
use countersign::clock::Clock;
use countersign::config::{Proxies, Tls};
use countersign::web::certificate::ClientCertificate;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::symm::Cipher;
use support::Database;
use support::browser::{client, http};
use support::ca::{Authority, Issued, authority};
use support::relying_app::Answer;
use support::site::Site;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;
use url::Url;

/// What a client of this make agrees on with the site: version and suite.
async fn shake(url: &Url, make: impl FnOnce(&mut openssl::ssl::SslConnectorBuilder)) -> Option<[String; 2]> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_ca_file(written(&TempDir::new().unwrap().keep(), "ca.pem", &authority().pem())).unwrap();
    // Clients that are asked to be weak are let be weak.
    builder.set_security_level(0);
    make(&mut builder);
    let session = builder.build().configure().unwrap().into_ssl("localhost").unwrap();
    let stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).await.unwrap();
    let mut stream = SslStream::new(session, stream).unwrap();
    Pin::new(&mut stream).connect().await.ok()?;
    let ssl = stream.ssl();
    Some([ssl.version_str().to_owned(), ssl.current_cipher().unwrap().name().to_owned()])
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, bytes).unwrap();
    file
}

#[tokio::test]
async fn a_site_is_discovered_over_https() {
    let site = Site::with_tls(Database::sqlite().await, |_| ()).await;
    let answer = http().get(site.url.join(".well-known/openid-configuration").unwrap()).send().await.unwrap();
    assert!(
        !answer.headers().contains_key("strict-transport-security"),
        "localhost is not for https alone: other programs are there too"
    );
    let metadata: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(metadata["issuer"], site.url.as_str().trim_end_matches('/'));
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(
        stranger.get(site.url.clone()).send().await.is_err(),
        "trusted by whoever has the authority alone"
    );
}

/// The whole way of a sign-in, with the cookies of an https site.
#[tokio::test]
async fn somebody_signs_in_over_https() {
    let site = Site::with_tls(Database::sqlite().await, |_| ()).await;
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let (browser, tokens) = site.signed_in(&app, &visit, "ned").await;
    app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    for cookie in browser.cookies() {
        assert!(cookie.name().starts_with("__Host-") && cookie.secure() == Some(true), "{cookie}");
    }
}

/// BCP 195: TLS 1.2 with forward secrecy and authenticated encryption, and TLS 1.3.
#[tokio::test]
async fn old_versions_and_weak_suites_are_refused() {
    let site = Site::with_tls(Database::sqlite().await, |_| ()).await;
    let agreed = shake(&site.url, |_| ()).await.unwrap();
    assert_eq!(agreed[0], "TLSv1.3");
    for old in [SslVersion::TLS1, SslVersion::TLS1_1] {
        let only = shake(&site.url, |client| {
            client.set_min_proto_version(Some(old)).unwrap();
            client.set_max_proto_version(Some(old)).unwrap();
            client.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        });
        assert_eq!(only.await, None, "{old:?}");
    }
    for (suites, good) in [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", true),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", true),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", true),
        ("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA", false),
        ("AES128-GCM-SHA256:AES256-SHA", false),
        ("DHE-RSA-AES128-GCM-SHA256", false),
        ("ECDHE-ECDSA-AES128-CCM", false),
    ] {
        let agreed = shake(&site.url, |client| {
            client.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
            client.set_cipher_list(suites).unwrap();
        });
        let agreed = agreed.await;
        assert_eq!(agreed.is_some(), good, "{suites}: {agreed:?}");
        assert!(agreed.is_none_or(|[version, _]| version == "TLSv1.2"));
    }
}

/// With an RSA certificate an RSA key exchange would be possible.
#[tokio::test]
async fn a_key_exchange_without_forward_secrecy_is_refused() {
    let folder = TempDir::new().unwrap();
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let issued = Issued::self_signed_with("localhost", key);
    let (certificate, key) = (
        written(folder.path(), "rsa.pem", &issued.pem()),
        written(folder.path(), "rsa.key", &issued.key.rsa().unwrap().private_key_to_pem().unwrap()),
    );
    let site = Site::with_tls(Database::sqlite().await, |config| {
        let tls = config.tls.as_mut().unwrap();
        (tls.certificate, tls.key) = (certificate, key);
    })
    .await;
    for (suites, good) in [
        ("ECDHE-RSA-AES128-GCM-SHA256", true),
        ("AES128-GCM-SHA256:AES256-GCM-SHA384", false),
        ("DHE-RSA-AES128-GCM-SHA256", false),
    ] {
        let agreed = shake(&site.url, |client| {
            client.set_verify(openssl::ssl::SslVerifyMode::NONE);
            client.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
            client.set_cipher_list(suites).unwrap();
        });
        assert_eq!(agreed.await.is_some(), good, "{suites}");
    }
}

/// A certificate of this key, and the key.
fn certificate_of(key: &PKey<Private>) -> (Vec<u8>, Vec<u8>) {
    let mut builder = openssl::x509::X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    let digest = if key.id() == Id::ED25519 { MessageDigest::null() } else { MessageDigest::sha256() };
    builder.sign(key, digest).unwrap();
    (builder.build().to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap())
}

/// One line, with the setting and the file.
#[test]
fn files_that_do_not_fit_are_named() {
    let folder = TempDir::new().unwrap();
    let (chain, key) = authority().issue("localhost");
    let locked = PKey::private_key_from_pem(&key).unwrap();
    let locked = locked.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"sesame").unwrap();
    let sec1 = PKey::private_key_from_pem(&key).unwrap().ec_key().unwrap().private_key_to_pem().unwrap();
    let file = |name: &str, bytes: &[u8]| written(folder.path(), name, bytes);
    let (chain, other) = (file("chain.pem", &chain), file("other.key", &authority().issue("localhost").1));
    let (empty, locked) = (file("empty.pem", b"nothing"), file("locked.key", &locked));
    let (good, sec1, none) = (file("good.key", &key), file("sec1.key", &sec1), folder.path().join("none"));
    // A cipher that is not built in.
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: ARIA-256-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let old = file("old.key", old.as_bytes());
    let (weak, weak_key) = certificate_of(&PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap());
    let (weak, weak_key) = (file("weak.pem", &weak), file("weak.key", &weak_key));
    let said = |certificate: &Path, key: &Path, client_ca: Option<&Path>| {
        let settings = Tls {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            client_certificates: true,
            client_ca: client_ca.map(Path::to_owned),
        };
        Acceptor::new(&settings, Clock::System).map_or_else(|e| format!("{e:#}"), |_| "good".to_owned())
    };
    assert_eq!(said(&chain, &good, Some(&chain)), "good");
    assert_eq!(said(&chain, &sec1, None), "good");
    for (said, setting, file, words) in [
        (said(&none, &good, None), "tls.certificate", &none, "No such file"),
        (said(&empty, &good, None), "tls.certificate", &empty, "expected certificates in PEM"),
        (said(&chain, &none, None), "tls.key", &none, "No such file"),
        (
            said(&chain, &empty, None),
            "tls.key",
            &empty,
            "expected a private key in PEM (PKCS#8, PKCS#1 or SEC1)",
        ),
        (said(&chain, &locked, None), "tls.key", &locked, "expected a key without a passphrase"),
        (said(&chain, &old, None), "tls.key", &old, "expected a key without a passphrase"),
        (said(&weak, &weak_key, None), "tls.certificate", &weak, "cannot be served: ee key too small"),
        (said(&chain, &other, None), "tls.key", &other, "is not the key of the first certificate in"),
        (said(&chain, &good, Some(&empty)), "tls.client_ca", &empty, "expected certificates in PEM"),
    ] {
        assert!(said.starts_with(setting) && said.contains(words), "{said}");
        assert!(said.contains(&file.display().to_string()) && !said.contains('\n'), "{said}");
    }
}

/// OpenSSL would take any of them; the handshake would fail at everybody's who has been told nothing.
#[test]
fn a_certificate_that_no_browser_takes_is_not_served() {
    let on = |curve| PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap());
    for (key, refused) in [
        (PKey::from_rsa(Rsa::generate(2048).unwrap()), None),
        (on(Nid::X9_62_PRIME256V1), None),
        (on(Nid::SECP384R1), None),
        (on(Nid::SECP521R1), None),
        (PKey::generate_ed25519(), None),
        (on(Nid::SECP256K1), Some("its key is on the curve secp256k1")),
        (on(Nid::BRAINPOOL_P256R1), Some("its key is on the curve brainpoolP256r1")),
        (on(Nid::SECP224R1), Some("its key is on the curve secp224r1")),
    ] {
        let (folder, (certificate, key)) = (TempDir::new().unwrap(), certificate_of(&key.unwrap()));
        let settings = Tls {
            certificate: written(folder.path(), "chain.pem", &certificate),
            key: written(folder.path(), "key.pem", &key),
            client_certificates: false,
            client_ca: None,
        };
        let said = Acceptor::new(&settings, Clock::System).map_err(|e| format!("{e:#}"));
        match (said, refused) {
            (Ok(_), None) => {}
            (Err(said), Some(why)) => {
                let file = settings.certificate.display();
                let expected = format!("tls.certificate: {file} cannot be served: {why}, ");
                assert!(said.starts_with(&expected) && said.contains("P-256"), "{said}");
                assert!(!said.contains('\n'), "{said}");
            }
            (said, refused) => panic!("{said:?} {refused:?}"),
        }
    }
}

/// A listener that tells which certificate it sees in each request: the site's own handshake, before a router of the test's.
struct Mirror {
    url: Url,
    _folder: TempDir,
}

impl Mirror {
    async fn start(client_certificates: bool, client_ca: Option<&Authority>, trusted: Vec<Proxies>) -> Self {
        let folder = TempDir::new().unwrap();
        let (chain, key) = authority().issue("localhost");
        let settings = Tls {
            certificate: written(folder.path(), "chain.pem", &chain),
            key: written(folder.path(), "key.pem", &key),
            client_certificates,
            client_ca: client_ca.map(|authority| written(folder.path(), "ca.pem", &authority.pem())),
        };
        let tls = Some(Arc::new(Renewable::new(&settings, Clock::System).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let router = axum::Router::new().fallback(move |request: Request| {
            let trusted = trusted.clone();
            async move {
                let header = HeaderName::from_static("client-cert");
                let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().is_some();
                let seen =
                    ClientCertificate::of(request.extensions(), request.headers(), &trusted, Some(&header));
                let seen = seen.map(|seen| {
                    serde_json::json!({
                        "subject": seen.subject.to_string(),
                        "thumbprint": seen.thumbprint,
                        "verified": seen.verified,
                    })
                });
                assert!(peer);
                axum::Json(serde_json::json!(seen))
            }
        });
        let service = Service { tls, ..Service::new(router, Vec::new(), 8) };
        tokio::spawn(service.serve(listener, std::future::pending()));
        Self { url: Url::parse(&url).unwrap(), _folder: folder }
    }

    async fn sees(&self, shown: Option<&Issued>, header: Option<&str>) -> serde_json::Value {
        let client = client();
        let client = match shown {
            Some(shown) => client.identity(shown.identity()),
            None => client,
        };
        let mut request = client.build().unwrap().get(self.url.clone());
        if let Some(value) = header {
            request = request.header("client-cert", value);
        }
        Answer::of(request).await.json
    }
}

#[tokio::test]
async fn a_client_may_show_any_certificate_or_none() {
    let ours = Authority::new();
    let mirror = Mirror::start(true, Some(&ours), Vec::new()).await;
    assert_eq!(mirror.sees(None, None).await, serde_json::Value::Null);
    for (shown, verified) in [
        (ours.issue_client("app.example.org"), true),
        (authority().issue_client("app.example.org"), false),
        (Issued::self_signed("app.example.org"), false),
    ] {
        let seen = mirror.sees(Some(&shown), None).await;
        assert_eq!(seen["subject"], "CN=app.example.org");
        assert_eq!(seen["verified"], verified);
        let digest = openssl::sha::sha256(&shown.der());
        assert_eq!(seen["thumbprint"], countersign::keys::secret::base64url(&digest));
    }
}

/// Without `client_ca` nobody vouches for anybody; without `client_certificates` nobody is asked.
#[tokio::test]
async fn nobody_is_verified_who_has_not_to_be() {
    let shown = authority().issue_client("app.example.org");
    assert_eq!(Mirror::start(true, None, Vec::new()).await.sees(Some(&shown), None).await["verified"], false);
    let unasked = Mirror::start(false, None, Vec::new()).await;
    assert_eq!(unasked.sees(Some(&shown), None).await, serde_json::Value::Null);
}

#[tokio::test]
async fn a_header_is_believed_from_a_trusted_proxy_alone() {
    use base64::Engine as _;
    let shown = Issued::self_signed("app.example.org");
    let structured = format!(":{}:", base64::prelude::BASE64_STANDARD.encode(shown.der()));
    let pem = shown.pem();
    let escaped: String = form_urlencoded::byte_serialize(&pem).collect::<String>().replace('+', "%20");
    let stranger = Mirror::start(false, None, vec![[10, 0, 0, 1].into()]).await;
    let proxied = Mirror::start(false, None, vec![[127, 0, 0, 1].into()]).await;
    for value in [&structured, &escaped] {
        assert_eq!(stranger.sees(None, Some(value)).await, serde_json::Value::Null);
        let seen = proxied.sees(None, Some(value)).await;
        assert_eq!(seen["subject"], "CN=app.example.org");
        assert_eq!(seen["verified"], true);
    }
    assert_eq!(proxied.sees(None, Some("rubbish")).await, serde_json::Value::Null);
}
