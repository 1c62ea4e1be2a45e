//! What do people, browsers and proxies write? Names, addresses, headers, certificates: all of it may be anything, and what is
//! taken has the shape that its readers count on.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use countersign::config::{Period, Proxies};
use countersign::directory::{
    Address, ClaimChanges, Known, Login, Password, StandardClaims, login::fold, rights::Rights,
};
use countersign::mail::mask;
use countersign::outbound::is_public;
use countersign::web::Language;
use countersign::web::certificate::{ClientCertificate, RegisteredSubject};
use countersign::web::cookies::Cookies;
use countersign::web::distinguished_name::DistinguishedName;
use countersign::web::network::Network;
use countersign::web::origin;
use openssl::x509::X509;

/// The same bytes for all of them.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    people(&text);
    names(&text, data);
    headers(data);
    if let Ok(period) = text.parse::<Period>() {
        assert_eq!(period.to_string().parse::<Period>(), Ok(period), "{text}");
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        assert!(!(is_public(ip) && ip.to_canonical().is_loopback()), "{ip}");
    }
}

fn people(text: &str) {
    let folded = fold(text);
    assert_eq!(fold(&folded), folded, "{text:?}");
    if let Ok(login) = Login::parse(text) {
        assert_eq!(Login::parse(login.as_str()).as_ref(), Ok(&login));
        assert_eq!(fold(login.as_str()), login.key());
        assert!(!login.as_str().is_empty() && !login.as_str().contains(char::is_control), "{text:?}");
    }
    if let Ok(address) = Address::parse(text) {
        assert!(!address.as_str().contains(|c: char| c.is_whitespace() || c.is_control()), "{text:?}");
        assert!(address.as_str().parse::<lettre::Address>().is_ok(), "no mail can be sent to {text:?}");
        assert!(address.masked().contains('@'));
    }
    let _ = (mask(text), Password::typed(text).check_strength(&Known::default().and(text), 8));
    if let Ok(rights) = Rights::parse(text) {
        assert_eq!(
            Rights::parse(&rights.to_string()).map(|again| again == rights).ok(),
            Some(true),
            "{text:?}"
        );
    }
    if let Ok(changes) = ClaimChanges::parse(text.split('\n')) {
        let claims = StandardClaims::default().after(&changes);
        assert!(claims.to_json().len() <= text.len());
    }
}

fn names(text: &str, data: &[u8]) {
    for name in [DistinguishedName::parse(text), DistinguishedName::from_der(data)].into_iter().flatten() {
        let written = name.to_string();
        // What a certificate says may be longer than what is read, or empty.
        if (1..4000).contains(&written.len()) {
            assert_eq!(DistinguishedName::parse(&written).as_ref(), Some(&name), "{written}");
        }
    }
    for member in RegisteredSubject::MEMBERS {
        let _ = RegisteredSubject::parse(member, text);
    }
    if let Ok(certificate) = X509::from_der(data) {
        let _ = ClientCertificate::of_x509(&certificate, true);
    }
}

fn headers(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let certificate = HeaderName::from_static("client-cert");
    let mut headers = HeaderMap::new();
    for name in [header::COOKIE, header::ORIGIN, header::ACCEPT_LANGUAGE, certificate.clone()] {
        headers.insert(name, value.clone());
    }
    headers.insert("x-forwarded-for", value.clone());
    let cookies = Cookies::for_issuer("https://id.example.org");
    if let Some(cookie) = cookies.read(&headers, "session") {
        assert!(!cookie.contains([';', '\r', '\n']), "{cookie:?}");
    }
    let trusted = [Proxies::from([127, 0, 0, 1])];
    let mut extensions = Extensions::new();
    extensions.insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
    assert!(!Network::of(&extensions, &headers, &trusted).to_string().is_empty());
    let _ = ClientCertificate::of(&extensions, &headers, &trusted, Some(&certificate));
    let own = origin::is_own(&headers, "https://id.example.org/sso");
    assert_eq!(own, data == b"https://id.example.org");
    let text = value.to_str().ok();
    let language = Language::negotiate(text, text);
    assert!(Language::available().any(|tag| tag == language.tag()));
}
