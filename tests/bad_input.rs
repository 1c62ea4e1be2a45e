//! What happens to nonsense? A clear 4xx or a page that says so; never a 5xx, and the site is as well as before.
#![cfg(test)]

mod support;

use countersign::config::Config;
use support::admin::PASSWORD;
use support::site::Site;
use support::{Database, site};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FORM: &str = "application/x-www-form-urlencoded";

/// Every address that takes parameters, and how it takes them.
const ENDPOINTS: [(&str, &str); 16] = [
    ("GET", "/authorize"),
    ("POST", "/authorize"),
    ("GET", "/authorize/abcdefghijklmnopqrstuvwxyz"),
    ("GET", "/authorize/%00"),
    ("POST", "/authorize/abcdefghijklmnopqrstuvwxyz/password"),
    ("POST", "/authorize/abcdefghijklmnopqrstuvwxyz/code"),
    ("POST", "/authorize/%ff%00/code/resend"),
    ("POST", "/authorize/abcdefghijklmnopqrstuvwxyz/consent"),
    ("POST", "/authorize/abcdefghijklmnopqrstuvwxyz/cancel"),
    ("POST", "/token"),
    ("POST", "/par"),
    ("GET", "/userinfo"),
    ("POST", "/userinfo"),
    ("GET", "/logout"),
    ("POST", "/logout"),
    ("GET", "/session/check"),
];

/// The names of parameters that mean something somewhere.
const NAMES: [&str; 19] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "code",
    "grant_type",
    "refresh_token",
    "code_verifier",
    "login",
    "password",
    "access_token",
    "id_token_hint",
    "request",
    "request_uri",
    "resource",
];

/// Values that a careless program stumbles over, as they look on the wire.
fn nonsense() -> Vec<Vec<u8>> {
    let texts = [
        "",
        "%00",
        "a%00b",
        "%ff%fe",
        "%",
        "%zz",
        "%C3%28",
        "%F0%9F%92%A9",
        "+",
        "-1",
        "99999999999999999999",
        "NaN",
        "' OR 1=1 --",
        "%27%3B DROP TABLE users",
        "%3Cscript%3E",
        "..%2f..%2fetc%2fpasswd",
        "{{7*7}}",
        "null",
        "[]",
        "%E2%80%AE",
        "javascript:alert(1)",
        "//evil.example",
        "http://[::1",
    ];
    let mut values: Vec<Vec<u8>> = texts.iter().map(|text| text.replace(' ', "%20").into_bytes()).collect();
    values.push(vec![b'a'; 20_000]);
    values
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_in_every_parameter_on_sqlite() {
    nonsense_everywhere(&Site::on(Database::sqlite().await).await).await;
}

/// PostgreSQL refuses a NUL in a text, where SQLite keeps it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_in_every_parameter_on_postgres() {
    nonsense_everywhere(&Site::on(Database::postgres().await).await).await;
}

async fn nonsense_everywhere(site: &Site) {
    for (method, path) in ENDPOINTS {
        for value in nonsense() {
            // All the names at once, and in front of the same nonsense as a name of its own.
            let mut pairs: Vec<Vec<u8>> =
                NAMES.iter().map(|name| [name.as_bytes(), b"=", &value].concat()).collect();
            pairs.push(value.clone());
            let status = send(site, method, path, FORM, &pairs.join(&b'&')).await;
            assert!((200..500).contains(&status), "{status} for {method} {path} and {}", short(&value));
        }
    }
    still_well(site).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_client_may_not_send_nonsense_either() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    for name in NAMES {
        for value in nonsense().into_iter().filter_map(|v| String::from_utf8(v).ok()) {
            let url = app.visit().without(name).url();
            let query = url.split_once('?').unwrap().1;
            let status =
                send(&site, "GET", "/authorize", FORM, format!("{query}&{name}={value}").as_bytes()).await;
            assert!((200..500).contains(&status), "{status} for {name}={}", short(value.as_bytes()));
        }
    }
    still_well(&site).await;
}

/// The same typed into the forms of a sign-in that is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_in_the_forms_is_a_wrong_password_or_a_wrong_code() {
    let patient = |config: &mut Config| {
        (config.signin.wrong_codes_limit, config.signin.codes_per_hour) = (1000, 1000);
    };
    let site = Site::with(Database::postgres().await, patient).await;
    let app = site.admin.add_app().await;
    for value in nonsense() {
        let value = percent_decoded(&value);
        let mut browser = site.browser();
        browser.open(&app.visit().url()).await;
        browser.fill("login", &value).fill("password", &value).submit().await;
        assert!(
            browser.status() < 500 && !browser.has_left(),
            "{} for {}",
            browser.status(),
            short(value.as_bytes())
        );
        let mut browser = site.after_password(&app.visit(), "ned").await;
        browser.fill("code", &value).fill("password", PASSWORD).submit().await;
        assert!(
            browser.status() < 500 && !browser.has_left(),
            "{} for {}",
            browser.status(),
            short(value.as_bytes())
        );
    }
}

/// RFC 6749 §3.1: unknown parameters are ignored, and one that comes twice is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_parameters_are_ignored_and_doubled_ones_refused() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let mut browser = site.browser();
    browser.open(&app.visit().with("foo", "bar").url()).await;
    assert!(browser.has_field("login"), "{}", browser.text());
    for name in ["scope", "state", "nonce", "response_type", "code_challenge", "client_id", "redirect_uri"] {
        let visit = app.visit();
        let doubled = format!("{}&{name}={}", visit.url(), visit.parameters[name].replace(':', "%3A"));
        browser.open(&doubled).await;
        assert!(!browser.has_field("login"), "{name} twice: {}", browser.text());
        if browser.has_left() {
            let error =
                browser.page().url.query_pairs().find(|(n, _)| n == "error").map(|(_, v)| v.into_owned());
            assert_eq!(error.as_deref(), Some("invalid_request"), "{name} twice");
        } else {
            assert_eq!(browser.status(), 400, "{name} twice: {}", browser.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_content_type_is_refused() {
    let site = Site::on(Database::sqlite().await).await;
    for content_type in ["application/json", "text/plain", "multipart/form-data; boundary=x", "", "é"] {
        let status =
            send(&site, "POST", "/token", content_type, b"grant_type=authorization_code&code=x").await;
        assert!((400..500).contains(&status), "{status} for {content_type:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_body_is_refused() {
    let site = Site::on(Database::sqlite().await).await;
    let body = [b"code=".to_vec(), vec![b'a'; 4_000_000]].concat();
    for path in ["/token", "/authorize", "/authorize/abcdefghijklmnopqrstuvwxyz/password", "/userinfo"] {
        let status = send(&site, "POST", path, FORM, &body).await;
        assert!((400..500).contains(&status), "{status} for {path}");
    }
    still_well(&site).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_and_methods_that_are_not_there_are_told_so() {
    let site = Site::on(Database::sqlite().await).await;
    let cases = [
        ("GET", "/nowhere", 404),
        ("GET", "/authorize/x/y/z", 404),
        ("DELETE", "/authorize", 405),
        ("GET", "/token", 405),
        ("POST", "/jwks", 405),
    ];
    for (method, path, expected) in cases {
        assert_eq!(send(&site, method, path, FORM, b"").await, expected, "{method} {path}");
    }
}

/// What is captured from an address is text, or there is no such page: the one that says so is ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_no_text_leads_to_the_page_of_those_that_are_not_there() {
    let site = Site::on(Database::sqlite().await).await;
    let mut browser = site.browser();
    browser.open(&format!("{}/nowhere", site.url)).await;
    let nowhere = (browser.status(), browser.text());
    for path in ["/authorize/%ff", "/authorize/%ff/code", "/reset/%ff", "/assets/%ff"] {
        browser.open(&format!("{}{path}", site.url)).await;
        assert_eq!((browser.status(), browser.text()), nowhere, "{path}");
    }
}

/// After all of it the next person signs in as if nothing had been.
async fn still_well(site: &Site) {
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let (_, tokens) = site.signed_in(&app, &visit, "ned").await;
    app.verify(&tokens.text("id_token"), &visit, site.now()).await;
}

/// One request with these very bytes as query or body; the answer is its status. A server that hangs up instead of
/// reading all of an oversized body has answered before.
async fn send(site: &Site, method: &str, path: &str, content_type: &str, parameters: &[u8]) -> u16 {
    let stream = TcpStream::connect(site::address(&site.url)).await.unwrap();
    let head = format!("Host: {}\r\nConnection: close\r\n", site::address(&site.url));
    let request = if method == "POST" {
        let length = parameters.len();
        let lines = format!(
            "POST {path} HTTP/1.1\r\n{head}Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        [lines.as_bytes(), parameters].concat()
    } else {
        let start = format!("{method} {path}?");
        [start.as_bytes(), parameters, format!(" HTTP/1.1\r\n{head}\r\n").as_bytes()].concat()
    };
    let (mut from, mut to) = stream.into_split();
    let mut answer = Vec::new();
    let _ = tokio::join!(to.write_all(&request), from.read_to_end(&mut answer));
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no answer to {method} {path} {}", short(parameters)))
}

fn percent_decoded(bytes: &[u8]) -> String {
    let pair = [b"x=", bytes].concat();
    form_urlencoded::parse(&pair).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn short(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned()
}
