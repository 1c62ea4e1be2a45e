//! Do the people of the other tests see and do what real ones would? Their own small tests.
#![cfg(test)]

mod support;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use lettre::message::MultiPart;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use support::browser::Browser;
use support::html;
use support::smtp::{Mishap, STAGES, Smtp};
use url::Url;

const PAGE: &str = r#"<!doctype html><html><head><title>Not text</title></head><body>
    <h1>Sign&nbsp;in</h1><div id="error" role=alert><p><b>Oh &amp; no.</b></p><p>Two&#x20;left.</p><br></div><p>after</p>
    <!-- <form action="/commented"> -->
    <form method="post" action="/in?a=1&amp;b=2"><input name="login" value="O&#39;Neil"><input type=hidden name=csrf value=x>
    <input type="checkbox" name="stay" value="yes"><button id="submit" name="go" value="1">Go</button></form>
    <form action='/again'><button id='resend'>Again</button></form><a href="/away">away</a></body></html>"#;

#[test]
fn forms_hold_what_would_be_sent() {
    let forms = html::forms(PAGE);
    assert_eq!(forms.len(), 2);
    assert_eq!((forms[0].action.as_str(), forms[0].method.as_str()), ("/in?a=1&b=2", "post"));
    let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    assert_eq!(forms[0].fields, [pair("login", "O'Neil"), pair("csrf", "x")]);
    assert_eq!(forms[0].buttons, [["submit", "go", "1"].map(str::to_owned)]);
    assert_eq!((forms[1].action.as_str(), forms[1].method.as_str()), ("/again", "get"));
}

#[test]
fn text_is_what_one_reads() {
    assert_eq!(html::text_of(PAGE, "error").as_deref(), Some("Oh & no.Two left."));
    assert_eq!(html::text_of(PAGE, "nothing"), None);
    assert!(html::text(PAGE).starts_with("Sign in Oh & no."), "{}", html::text(PAGE));
    assert!(!html::text(PAGE).contains("Not text"));
    assert_eq!(html::links(PAGE), ["/away"]);
}

#[test]
fn no_page_holds_up_a_reader() {
    for broken in [
        "<",
        "<a",
        "<a href",
        "<a href=\"",
        "<=>",
        "</",
        "<!--",
        "&",
        "&#x;",
        "<form><input name='",
        "<a =b>",
    ] {
        let _ = (html::forms(broken), html::text(broken));
    }
}

#[tokio::test]
async fn a_browser_keeps_cookies_follows_redirects_and_stops_at_the_door() {
    let mut browser = Browser::new(&small_site().await);
    browser.open("/").await;
    browser.fill("login", "ned").submit().await;
    assert!(browser.text().contains("login=ned&csrf=x&go=1 with a=b"), "{}", browser.text());
    browser.back();
    assert_eq!(browser.error().as_deref(), Some("Oh & no.Two left."));
    browser.post_from_elsewhere("/in", &[("login", "max")]).await;
    assert!(browser.text().ends_with("login=max with"), "{}", browser.text());
    browser.open("/away").await;
    assert_eq!(browser.arrived().as_str(), "https://app.example.org/callback?code=1");
    browser.open("/forget").await;
    assert!(browser.cookies().is_empty());
}

/// Every mishap at every stage reaches the sender, but for silence, which only a limit ends.
#[tokio::test]
async fn the_mail_server_fails_where_it_is_told_to() {
    let smtp = Smtp::start().await;
    for stage in STAGES {
        for mishap in [Mishap::Answer("451 later"), Mishap::Answer("550 never"), Mishap::HangUp] {
            smtp.let_fail(stage, mishap.clone());
            assert!(send(&smtp).await.is_err(), "{stage:?} {mishap:?}");
        }
    }
    assert!(smtp.letters().is_empty());
    smtp.let_work();
    send(&smtp).await.unwrap();
    let letter = smtp.letter(0).await;
    assert_eq!(letter.to, ["ned@example.org"]);
    assert_eq!(letter.header("subject").as_deref(), Some("Your code"));
    assert_eq!(letter.text().trim_end(), "Wörds = 2026\r\n.\r\n012345");
    assert!(letter.html().contains("<p>ü</p>"));
    assert_eq!(letter.code().as_deref(), Some("012345"));
}

async fn send(smtp: &Smtp) -> Result<(), lettre::transport::smtp::Error> {
    let parts =
        MultiPart::alternative_plain_html("Wörds = 2026\r\n.\r\n012345".to_owned(), "<p>ü</p>".to_owned());
    let message = Message::builder()
        .from("id@example.org".parse().unwrap())
        .to("ned@example.org".parse().unwrap())
        .subject("Your code")
        .multipart(parts)
        .unwrap();
    let server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(smtp.port).build();
    server.send(message).await.map(|_| ())
}

async fn small_site() -> Url {
    async fn echo(headers: HeaderMap, body: String) -> String {
        format!("{body} with {}", headers.get("cookie").map_or("", |c| c.to_str().unwrap()))
    }
    let site = Router::new()
        .route("/", get(|| async { ([("set-cookie", "a=b; Path=/; HttpOnly")], Redirect::to("/page")) }))
        .route("/page", get(|| async { Html(PAGE) }))
        .route("/in", post(echo))
        .route("/away", get(|| async { Redirect::to("https://app.example.org/callback?code=1") }))
        .route("/forget", get(|| async { ([("set-cookie", "a=; Path=/; Max-Age=0")], "gone") }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, site).await });
    Url::parse(&format!("http://{address}/")).unwrap()
}
