//! Does a logout end what it should, tell whom it must, and send nobody where they should not go?
#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::directory::Status;
use countersign::directory::users::Changes;
use countersign::keys::jose::KeyManagement;
use countersign::keys::secret::base64url;
use countersign::oidc::clients::{self, Metadata};
use countersign::store::{self, registrations, session_clients, sessions};
use josekit::jwe::{self, ECDH_ES_A128KW};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use serde_json::{Value, json};
use support::Database;
use support::admin::{PASSWORD, REDIRECT_URI};
use support::app_server::{AppServer, Received};
use support::browser::Browser;
use support::html::frames;
use support::relying_app::RelyingApp;
use support::site::Site;
use tokio::net::TcpListener;
use url::Url;

const BYE: &str = "https://app.example.org/bye";

/// A site with people who need no code, and an app's server that it can reach.
async fn site(database: Database) -> (Site, AppServer) {
    let server = AppServer::start().await;
    let site = Site::with(database, |config| server.let_in(config)).await;
    let plain = site.admin.add_group("Plain", false).await;
    for login in ["pia", "pit"] {
        site.admin.add_user(&plain, login, "User", None).await;
    }
    (site, server)
}

/// An app that is told behind the browser's back.
async fn told_app(site: &Site, server: &AppServer, name: &str) -> RelyingApp {
    let uri = server.uri(&format!("/{name}"));
    site.admin.add_app_with(|m| told(m, name, &uri)).await
}

fn told(metadata: &mut Metadata, name: &str, uri: &str) {
    metadata.client_name = name.to_owned();
    metadata.backchannel_logout_uri = Some(uri.to_owned());
    metadata.post_logout_redirect_uris = vec![BYE.to_owned()];
}

/// An app that knows nothing of logout but where to go after it.
async fn plain_app(site: &Site) -> RelyingApp {
    site.admin.add_app_with(|m| m.post_logout_redirect_uris = vec![BYE.to_owned()]).await
}

/// Somebody's browser with a session, and the app's ID token.
async fn signed_in(site: &Site, app: &RelyingApp, login: &str) -> (Browser, String) {
    let (browser, tokens) = site.signed_in(app, &app.visit(), login).await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    (browser, tokens.text("id_token"))
}

/// The same browser at another app.
async fn at(browser: &mut Browser, app: &RelyingApp) -> String {
    let visit = app.visit();
    browser.open(&visit.url()).await;
    app.redeem(&visit, &browser.arrived()).await.text("id_token")
}

fn logout(site: &Site, parameters: &[(&str, &str)]) -> String {
    let mut url: Url = site.url.join("logout").expect("a path");
    url.query_pairs_mut().extend_pairs(parameters);
    url.into()
}

fn claims(jwt: &str) -> Value {
    part(jwt, 1)
}

fn part(jwt: &str, which: usize) -> Value {
    use base64::Engine as _;
    let text = jwt.split('.').nth(which).expect("a part");
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The one parameter of a notice.
fn token(notice: &Received) -> String {
    let [(name, value)] = notice.form.as_slice() else { panic!("one parameter alone: {notice:?}") };
    assert_eq!(name, "logout_token");
    value.clone()
}

/// The session has ended, for this browser and every app.
async fn assert_signed_out(browser: &Browser, app: &RelyingApp) {
    let (mut tab, visit) = (browser.new_tab(), app.visit().with("prompt", "none"));
    tab.open(&visit.url()).await;
    assert_eq!(visit.error(&tab.arrived()), "login_required");
}

async fn assert_signed_in(browser: &Browser, app: &RelyingApp) {
    let (mut tab, visit) = (browser.new_tab(), app.visit().with("prompt", "none"));
    tab.open(&visit.url()).await;
    visit.code(&tab.arrived());
}

crate::on_both_databases! {
    /// Back-Channel Logout §2.4 and §2.5, to the letter.
    async fn an_app_is_told_with_a_logout_token(database) {
        let (site, server) = site(database).await;
        let app = told_app(&site, &server, "wiki").await;
        let (mut browser, id_token) = signed_in(&site, &app, "pia").await;
        let parameters = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s t")];
        browser.open(&logout(&site, &parameters)).await;
        assert_eq!(browser.arrived().as_str(), format!("{BYE}?state=s+t"));
        let received = server.received();
        assert_eq!(received.len(), 1, "before the browser goes on");
        assert_eq!(received[0].line, "POST /wiki");
        assert!(received[0].headers.contains("content-type: application/x-www-form-urlencoded"));
        let token = token(&received[0]);
        let header = part(&token, 0);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("logout+jwt"), &json!("RS256")));
        let claims = app.verify_signature(&token).await;
        let known = self::claims(&id_token);
        let expected = json!({
            "iss": known["iss"],
            "sub": known["sub"],
            "sid": known["sid"],
            "aud": app.client_id,
            "iat": site.now(),
            "exp": site.now() + 120,
            "jti": claims["jti"],
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        assert_eq!(claims, expected);
        assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 22));
        assert_signed_out(&browser, &app).await;
        site.advance(600);
        browser.open(&logout(&site, &parameters)).await;
        assert_eq!(server.received().len(), 1, "once is enough");
    }

    /// Each app by its own `alg` and with its own `sub`.
    async fn every_app_of_the_session_is_told_and_no_other(database) {
        let (site, server) = site(database).await;
        let wiki = told_app(&site, &server, "wiki").await;
        let album = site.admin.add_app_with(|m| {
            told(m, "album", &server.uri("/album"));
            m.id_token_signed_response_alg = Some(countersign::config::SigningAlgorithm::ES256);
        }).await;
        let never = told_app(&site, &server, "never").await;
        let (mut browser, hint) = signed_in(&site, &wiki, "pia").await;
        at(&mut browser, &album).await;
        at(&mut browser, &wiki).await;
        let (_other, _) = signed_in(&site, &wiki, "pit").await;
        browser.open(&logout(&site, &[("id_token_hint", &hint)])).await;
        let received = server.received();
        let mut lines: Vec<&str> = received.iter().map(|r| r.line.as_str()).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["POST /album", "POST /wiki"]);
        for notice in &received {
            let (header, claims) = (part(&token(notice), 0), claims(&token(notice)));
            let (alg, app) = if notice.line.ends_with("album") { ("ES256", &album) } else { ("RS256", &wiki) };
            assert_eq!((&header["alg"], &claims["aud"]), (&json!(alg), &json!(app.client_id)));
        }
        let text = browser.text();
        assert!(text.contains("album, wiki") || text.contains("wiki, album"), "{text}");
        assert_ne!(never.client_id, wiki.client_id);
    }

    /// Whatever ends a session, the apps hear of it.
    async fn a_notice_goes_out_for_every_way_in_which_a_session_ends(database) {
        let (site, server) = site(database).await;
        let app = told_app(&site, &server, "wiki").await;
        let mut sessions = Vec::new();
        let mut count = 0;
        for way in ["password", "disabled", "another", "deleted"] {
            let plain = site.admin.add_group(way, false).await;
            site.admin.add_user(&plain, way, "User", None).await;
            let (mut browser, id_token) = signed_in(&site, &app, way).await;
            sessions.push(claims(&id_token)["sid"].clone());
            match way {
                "password" => site.admin.change_password(way, "a wholly new passphrase").await,
                "disabled" => {
                    let changes = Changes { status: Some(Status::Disabled), ..Changes::default() };
                    site.admin.change(way, changes).await;
                }
                "another" => {
                    browser.open(&app.visit().with("prompt", "login").url()).await;
                    browser.fill("login", "pit").fill("password", PASSWORD).submit().await;
                    assert!(browser.has_left());
                }
                _ => site.admin.delete_user(way).await,
            }
            site.advance(5);
            count += 1;
            let received = server.wait_for(count).await;
            let claims = claims(&token(&received[count - 1]));
            assert_eq!(claims["sid"], sessions[count - 1], "{way}");
            assert_eq!(claims["sub"], self::claims(&id_token)["sub"], "{way}");
        }
        assert_eq!(server.received().len(), 4);
    }

    /// Its apps have ends of their own; but who signs out of such a session means all of it.
    async fn a_session_that_was_idle_for_too_long_is_no_news_until_somebody_signs_out(database) {
        let (site, server) = site(database).await;
        let app = told_app(&site, &server, "wiki").await;
        let (mut browser, hint) = signed_in(&site, &app, "pia").await;
        site.advance(13 * 3600);
        assert_signed_out(&browser, &app).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(server.received().is_empty());
        browser.open(&logout(&site, &[("id_token_hint", &hint)])).await;
        assert_eq!(server.received().len(), 1);
    }

    /// An app that is down for a while hears of it later; its person does not wait.
    async fn a_notice_that_fails_is_tried_again_with_growing_pauses(database) {
        let (site, server) = site(database).await;
        let app = told_app(&site, &server, "wiki").await;
        let (mut browser, hint) = signed_in(&site, &app, "pia").await;
        server.answers(&[503, 302, 404]);
        browser.open(&logout(&site, &[("id_token_hint", &hint)])).await;
        assert!(browser.text().contains("Being told wiki"), "{}", browser.text());
        for (count, pause) in [(1, 5), (2, 30), (3, 120)] {
            assert_eq!(server.wait_for(count).await.len(), count);
            settle().await;
            site.advance(pause - 1);
            settle().await;
            assert_eq!(server.received().len(), count, "before its time");
            site.advance(1);
        }
        let received = server.wait_for(4).await;
        let tokens: Vec<Value> = received.iter().map(|r| claims(&token(r))).collect();
        assert_eq!(tokens[3]["iat"], site.now(), "a token that holds still");
        assert_ne!(tokens[0]["jti"], tokens[3]["jti"]);
        settle().await;
        site.advance(3600);
        settle().await;
        assert_eq!(server.received().len(), 4);
        assert!(failures(&site).await.is_empty());
    }

    async fn after_five_attempts_it_is_given_up_and_written_down(database) {
        let (site, server) = site(database).await;
        let app = told_app(&site, &server, "wiki").await;
        let (mut browser, hint) = signed_in(&site, &app, "pia").await;
        server.answers(&[500; 9]);
        browser.open(&logout(&site, &[("id_token_hint", &hint)])).await;
        for count in 1..=5 {
            server.wait_for(count).await;
            settle().await;
            site.advance(300);
        }
        settle().await;
        site.advance(3600);
        settle().await;
        assert_eq!(server.received().len(), 5);
        assert_eq!(failures(&site).await, [json!({"reason": "answered 500", "attempts": 5})]);
    }

    /// §2.8: the app has understood, and will not have it.
    async fn a_notice_that_the_app_refuses_is_not_tried_again(database) {
        let (site, server) = site(database).await;
        let app = told_app(&site, &server, "wiki").await;
        let other = plain_app(&site).await;
        let (mut browser, _) = signed_in(&site, &app, "pia").await;
        let hint = at(&mut browser, &other).await;
        server.answers(&[400]);
        browser.open(&logout(&site, &[("id_token_hint", &hint)])).await;
        assert!(browser.text().contains("Not told wiki"), "{}", browser.text());
        assert!(!browser.text().contains("Time Tracker,"), "the app that led here has signed out itself");
        site.advance(3600);
        settle().await;
        assert_eq!(server.received().len(), 1);
        assert_eq!(failures(&site).await, [json!({"reason": "answered 400", "attempts": 1})]);
    }

    async fn several_processes_tell_each_app_once(database) {
        let (mut site, server) = site(database).await;
        site.start_another().await;
        site.start_another().await;
        let apps = [told_app(&site, &server, "a").await, told_app(&site, &server, "b").await];
        let mut expected = BTreeMap::new();
        for _ in 0..6 {
            let (mut browser, first) = signed_in(&site, &apps[0], "pia").await;
            at(&mut browser, &apps[1]).await;
            let sid = claims(&first)["sid"].as_str().unwrap().to_owned();
            expected.insert(("POST /a".to_owned(), sid.clone()), 1);
            expected.insert(("POST /b".to_owned(), sid), 1);
        }
        site.admin.change_password("pia", "a wholly new passphrase").await;
        site.advance(5);
        server.wait_for(12).await;
        settle().await;
        let mut counted = BTreeMap::new();
        for notice in server.received() {
            let sid = claims(&token(&notice))["sid"].as_str().unwrap().to_owned();
            *counted.entry((notice.line.clone(), sid)).or_insert(0) += 1;
        }
        assert_eq!(counted, expected);
    }

    /// A grant that is given in the moment in which its session ends would outlive it.
    async fn a_session_that_has_ended_takes_no_app_in(database) {
        let (site, server) = site(database).await;
        let app = told_app(&site, &server, "wiki").await;
        let (_browser, id_token) = signed_in(&site, &app, "pia").await;
        let sid = claims(&id_token)["sid"].as_str().unwrap().to_owned();
        let other = told_app(&site, &server, "blog").await;
        let mut tx = site.admin.db.write().await.unwrap();
        let seen = sessions::see(&mut tx, &sid, site.now()).unwrap();
        session_clients::add(&mut tx, &sid, &app.client_id).await.unwrap();
        assert!(seen.happened().unwrap());
        assert!(sessions::end(&mut tx, &sid, site.now()).await.unwrap());
        let seen = sessions::see(&mut tx, &sid, site.now()).unwrap();
        session_clients::add(&mut tx, &sid, &other.client_id).await.unwrap();
        assert!(!seen.happened().unwrap());
        let noted = session_clients::of_session(&mut tx, &sid, 9).await.unwrap();
        assert_eq!(noted.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>(), [&app.client_id]);
        assert!(!sessions::end(&mut tx, &sid, site.now()).await.unwrap());
        drop(tx);
    }

    async fn what_was_told_is_forgotten_with_the_session(database) {
        let (site, server) = site(database).await;
        let app = told_app(&site, &server, "wiki").await;
        let (_browser, id_token) = signed_in(&site, &app, "pia").await;
        let sid = claims(&id_token)["sid"].as_str().unwrap().to_owned();
        let db = &site.admin.db;
        let known = async || session_clients::of_session(&mut db.read().await.unwrap(), &sid, 9).await.unwrap();
        assert_eq!(known().await.len(), 1);
        countersign::store::purge::run(db, site.now() + 7 * 86_400).await.unwrap();
        assert_eq!(known().await.len(), 1);
        countersign::store::purge::run(db, site.now() + 8 * 86_400).await.unwrap();
        assert_eq!(known().await.len(), 0);
    }
}

/// Time for the background to come around, and for what is under way to be written down.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1300)).await;
}

/// The notices that were given up, as the audit log has them.
async fn failures(site: &Site) -> Vec<Value> {
    let events = site.admin.events().await;
    let failed = events.iter().filter(|e| e.event == "logout.not_told");
    failed.map(|e| serde_json::from_str(&e.details).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_does_not_answer_holds_nobody_up() {
    let (site, server) = site(Database::sqlite().await).await;
    let app = told_app(&site, &server, "wiki").await;
    let (mut browser, hint) = signed_in(&site, &app, "pia").await;
    server.answers(&[0]);
    let parameters = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE)];
    let url = logout(&site, &parameters);
    let led_back = tokio::time::timeout(Duration::from_secs(4), browser.open(&url)).await;
    assert!(led_back.is_ok(), "the app would have been waited for 5 seconds");
    assert_eq!(browser.arrived().as_str(), BYE);
    assert_signed_out(&browser, &app).await;
}

/// Everything that is no ID token of ours for this app: the person is asked first, and stays here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_that_proves_nothing_moves_nobody() {
    let (site, server) = site(Database::sqlite().await).await;
    let (app, other) = (told_app(&site, &server, "wiki").await, plain_app(&site).await);
    let visit = app.visit();
    let (mut browser, tokens) = site.signed_in(&app, &visit, "pia").await;
    let (hint, access) = (tokens.text("id_token"), tokens.text("access_token"));
    let mut changed = claims(&hint);
    changed["aud"] = json!(other.client_id);
    let encode = |value: &Value| base64url(value.to_string().as_bytes());
    let [header, payload, signature] = [0, 1, 2].map(|n| hint.split('.').nth(n).unwrap().to_owned());
    let none = encode(&json!({"alg": "none", "typ": "JWT"}));
    let same_kid = encode(&json!({"alg": "none", "typ": "JWT", "kid": part(&hint, 0)["kid"]}));
    let not_ours = "not an ID token of ours";
    for (what, hint, client_id, words) in [
        ("unsigned", format!("{none}.{payload}."), &app, not_ours),
        ("unsigned, with a key", format!("{same_kid}.{payload}.{signature}"), &app, not_ours),
        ("changed", format!("{header}.{}.{signature}", encode(&changed)), &other, not_ours),
        ("an access token", access, &app, not_ours),
        ("no token", "hello".to_owned(), &app, not_ours),
        ("another app's", hint, &other, "given to another app"),
    ] {
        let parameters = [
            ("id_token_hint", hint.as_str()),
            ("client_id", &client_id.client_id),
            ("post_logout_redirect_uri", BYE),
        ];
        let mut tab = browser.new_tab();
        tab.open(&logout(&site, &parameters)).await;
        assert!(!tab.has_left() && tab.text().contains("Sign out?"), "{what}: {}", tab.text());
        assert_signed_in(&browser, &app).await;
        tab.submit().await;
        assert!(!tab.has_left() && tab.text().contains(words), "{what}: {}", tab.text());
        assert_signed_out(&browser, &app).await;
        (browser, _) = site.signed_in(&app, &app.visit(), "pia").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_must_be_registered_letter_by_letter() {
    let (site, _server) = site(Database::sqlite().await).await;
    let app = plain_app(&site).await;
    for wrong in [
        "https://evil.example/",
        "https://app.example.org/bye?x=1",
        "https://app.example.org/bye/",
        REDIRECT_URI,
    ] {
        let (mut browser, hint) = signed_in(&site, &app, "pia").await;
        browser.open(&logout(&site, &[("id_token_hint", &hint), ("post_logout_redirect_uri", wrong)])).await;
        assert!(browser.text().contains("not registered"), "{wrong}: {}", browser.text());
        assert_signed_out(&browser, &app).await;
    }
}

/// §2: who says yes to the logout may be led back by `client_id` alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_hint_the_person_is_asked_and_then_led_back() {
    let (site, _server) = site(Database::sqlite().await).await;
    let app = plain_app(&site).await;
    let (mut browser, _) = signed_in(&site, &app, "pia").await;
    let parameters = [
        ("client_id", app.client_id.as_str()),
        ("post_logout_redirect_uri", BYE),
        ("state", "kept"),
        ("logout_hint", "pia"),
        ("ui_locales", "xx en"),
    ];
    browser.open(&logout(&site, &parameters)).await;
    assert!(browser.text().contains("signed in as pia"), "{}", browser.text());
    assert_signed_in(&browser, &app).await;
    browser.submit().await;
    assert_eq!(browser.arrived().as_str(), format!("{BYE}?state=kept"));
    assert_signed_out(&browser, &app).await;
    browser.open(&logout(&site, &parameters)).await;
    assert!(browser.text().contains("did not prove"), "nobody has said yes now: {}", browser.text());
}

/// A stranger's page with a button of its own cannot say yes for anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_fromelsewhere_is_none() {
    let (site, _server) = site(Database::sqlite().await).await;
    let app = plain_app(&site).await;
    let (mut browser, _) = signed_in(&site, &app, "pia").await;
    browser.post_from_elsewhere("/logout", &[("confirmed", "yes")]).await;
    assert!(browser.text().contains("Sign out?"), "{}", browser.text());
    assert_signed_in(&browser, &app).await;
}

/// An app's form brings no cookies along, and works all the same (§2: GET and POST).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_may_ask_by_a_form() {
    let (site, server) = site(Database::sqlite().await).await;
    let app = told_app(&site, &server, "wiki").await;
    let (mut browser, hint) = signed_in(&site, &app, "pia").await;
    site.advance(3600);
    let form = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "x&y")];
    browser.post_from_elsewhere("/logout", &form).await;
    assert_eq!(browser.arrived().as_str(), format!("{BYE}?state=x%26y"));
    assert_signed_out(&browser, &app).await;
    assert_eq!(server.received().len(), 1);
    let twice = [("state", "a"), ("state", "b")];
    assert_eq!(browser.post_from_elsewhere("/logout", &twice).await.status(), 400);
    assert_eq!(browser.post("/logout", &twice).await.status(), 400);
}

crate::on_both_databases! {
    /// Whoever is told of logouts knows sessions by `sid`; all others know them as little as they need to, and lead people out all the same.
    async fn an_app_that_hears_of_no_logout_knows_no_session_and_ends_its_own(database) {
        let (site, server) = site(database).await;
        let (app, told) = (plain_app(&site).await, told_app(&site, &server, "wiki").await);
        let (mut browser, hint) = signed_in(&site, &app, "pia").await;
        let (mut elsewhere, other) = signed_in(&site, &app, "pia").await;
        assert_eq!(claims(&hint).get("sid"), None);
        assert!(claims(&at(&mut browser, &told).await)["sid"].is_string());
        let leave = |hint: &str| logout(&site, &[("id_token_hint", hint), ("post_logout_redirect_uri", BYE)]);
        browser.open(&leave(&other)).await;
        assert!(
            browser.text().contains("Sign out?"),
            "the same person's, in another browser: {}",
            browser.text()
        );
        // Long after everything that was granted has gone.
        site.advance(6 * 3600);
        store::purge::run(&site.admin.db, site.now()).await.unwrap();
        browser.open(&leave(&hint)).await;
        assert_eq!(browser.arrived().as_str(), BYE);
        assert_signed_out(&browser, &app).await;
        elsewhere.open(&leave(&other)).await;
        assert_eq!(elsewhere.arrived().as_str(), BYE);
    }
}

/// The browser may be somebody else's by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_of_another_session_asks_first() {
    let (site, _server) = site(Database::sqlite().await).await;
    let app = plain_app(&site).await;
    let (elsewhere, hint) = signed_in(&site, &app, "pia").await;
    let (mut browser, _) = signed_in(&site, &app, "pit").await;
    browser.open(&logout(&site, &[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE)])).await;
    assert!(browser.text().contains("signed in as pit"), "{}", browser.text());
    assert_signed_in(&browser, &app).await;
    browser.submit().await;
    assert_eq!(browser.arrived().as_str(), BYE);
    assert_signed_in(&elsewhere, &app).await;
}

/// Front-Channel Logout §2 and §3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_apps_pages_are_loaded_in_frames_before_the_browser_goes_on() {
    let (site, _server) = site(Database::sqlite().await).await;
    let framed = |uri: &'static str| {
        move |m: &mut Metadata| {
            m.frontchannel_logout_uri = Some(uri.to_owned());
            m.post_logout_redirect_uris = vec![BYE.to_owned()];
        }
    };
    let app = site.admin.add_app_with(framed("https://app.example.org/out?a=b")).await;
    let second = site
        .admin
        .add_app_with(|m| {
            m.redirect_uris = vec!["https://two.example.org/callback".to_owned()];
            framed("https://two.example.org/out")(m);
        })
        .await;
    let (mut browser, hint) = signed_in(&site, &app, "pia").await;
    at(&mut browser, &second).await;
    let parameters = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
    browser.open(&logout(&site, &parameters)).await;
    assert!(!browser.has_left());
    let claims = claims(&hint);
    let encode = |name: &str| {
        form_urlencoded::byte_serialize(claims[name].as_str().unwrap().as_bytes()).collect::<String>()
    };
    let (iss, sid) = (encode("iss"), encode("sid"));
    let mut loaded = frames(&browser.page().body);
    loaded.sort_unstable();
    let expected = [
        format!("https://app.example.org/out?a=b&iss={iss}&sid={sid}"),
        format!("https://two.example.org/out?iss={iss}&sid={sid}"),
    ];
    assert_eq!(loaded, expected);
    let policy = browser.header("content-security-policy").unwrap();
    assert!(policy.ends_with("; frame-src https://app.example.org https://two.example.org"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("script-src 'self'"), "{policy}");
    assert_eq!(browser.header("x-frame-options").as_deref(), Some("DENY"));
    assert!(browser.links().contains(&format!("{BYE}?state=s")), "{:?}", browser.links());
    assert!(browser.page().body.contains("<noscript><meta http-equiv=\"refresh\" content=\"5; url=https"));
    browser.open(&logout(&site, &parameters)).await;
    assert_eq!(browser.arrived().as_str(), format!("{BYE}?state=s"), "nobody is signed in any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_says_which_apps_know_of_it_and_which_do_not() {
    let (site, server) = site(Database::sqlite().await).await;
    let told = told_app(&site, &server, "Wiki").await;
    let framed = site
        .admin
        .add_app_with(|m| {
            m.client_name = "Album".to_owned();
            m.frontchannel_logout_uri = Some("https://app.example.org/out".to_owned());
        })
        .await;
    let open = site.admin.add_app_with(|m| m.client_name = "Expenses".to_owned()).await;
    let (mut browser, _) = signed_in(&site, &told, "pia").await;
    at(&mut browser, &framed).await;
    let hint = at(&mut browser, &open).await;
    let mut stranger = browser.new_tab();
    stranger.open("/logout").await.submit().await;
    let text = stranger.text();
    for words in ["Apps told Wiki", "Being told Album", "Not told Expenses"] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    // Nobody is signed in now: the page does not pretend to have told anybody.
    browser.open(&logout(&site, &[("id_token_hint", &hint)])).await;
    assert!(!browser.text().contains("Wiki"), "{}", browser.text());
}

/// OIDC Core §4: the app begins another sign-in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_is_over_begins_again_at_the_app_that_can() {
    let (site, _server) = site(Database::sqlite().await).await;
    let app = site
        .admin
        .add_app_with(|m| {
            m.initiate_login_uri = Some("https://app.example.org/login?from=sso".to_owned());
        })
        .await;
    let mut browser = site.browser();
    browser.open(&app.visit().url()).await;
    site.advance(3600);
    browser.reload().await;
    assert_eq!(browser.status(), 410);
    let iss: String =
        form_urlencoded::byte_serialize(site.url.as_str().trim_end_matches('/').as_bytes()).collect();
    let restart = format!("https://app.example.org/login?from=sso&iss={iss}");
    assert_eq!(browser.links(), [restart, "https://app.example.org/".to_owned()]);
    assert!(browser.text().contains("Sign in to Time Tracker again"), "{}", browser.text());
}

/// Notices to an app that does not answer pile up; those to others do not wait behind them.
#[tokio::test]
async fn each_app_is_told_in_its_turn() {
    let site = Site::on(Database::sqlite().await).await;
    let (slow, other) = (site.admin.add_app().await, site.admin.add_app().await);
    let (ada, now) = (site.admin.user("ada").await.id, site.now());
    let proofs = sessions::Proofs { password_at: now, code_at: None, skipped_at: None };
    let mut tx = site.admin.db.write().await.unwrap();
    for n in 0..20 {
        let id = format!("session {n:02}");
        sessions::add(&mut tx, &id, &id, &ada, proofs, now, now + 600).await.unwrap();
        session_clients::add(&mut tx, &id, if n < 18 { &slow } else { &other }.client_id.as_str())
            .await
            .unwrap();
        sessions::end(&mut tx, &id, now + n).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut conn = site.admin.db.read().await.unwrap();
    let due = session_clients::due(&mut conn, false, now + 100, 4).await.unwrap();
    let ids: Vec<&str> = due.iter().map(|notice| notice.session_id.as_str()).collect();
    assert_eq!(ids, ["session 00", "session 18", "session 01", "session 19"]);
}

/// An address where somebody takes connections and says nothing, and how many have come.
async fn slow_address() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (uri, come) =
        (format!("https://{}/out", listener.local_addr().unwrap()), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&come);
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.unwrap());
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (uri, come)
}

crate::on_both_databases! {
    /// One slow app with many notices, and many strangers with one each: whoever answers is told before its person's browser goes on.
    async fn apps_that_do_not_answer_keep_nobody_else_waiting(database) {
        let server = AppServer::start().await;
        let site = Site::with(database, |config| {
            server.let_in(config);
            config.outbound.allow_private.push("127.0.0.1".to_owned());
        })
        .await;
        let plain = site.admin.add_group("Plain", false).await;
        site.admin.add_user(&plain, "pia", "User", None).await;
        let quick = told_app(&site, &server, "wiki").await;
        let (mut browser, _) = signed_in(&site, &quick, "pia").await;
        let (uri, come) = slow_address().await;
        let slow = site.admin.add_app_with(|m| told(m, "slow", &uri)).await;
        let mut owing = vec![slow.client_id.clone(); 40];
        for n in 0..40 {
            let stranger = site.admin.add_app_with(|m| told(m, "stranger", &uri)).await;
            let mut tx = site.admin.db.write().await.unwrap();
            assert!(registrations::mark(&mut tx, &stranger.client_id, &format!("token {n}"), 100).await.unwrap());
            tx.commit().await.unwrap();
            owing.push(stranger.client_id);
        }
        let (ada, now) = (site.admin.user("ada").await.id, site.now());
        let proofs = sessions::Proofs { password_at: now, code_at: None, skipped_at: None };
        let mut tx = site.admin.db.write().await.unwrap();
        for (n, client_id) in owing.iter().enumerate() {
            let id = format!("session {n:02}");
            sessions::add(&mut tx, &id, &id, &ada, proofs, now, now + 600).await.unwrap();
            session_clients::add(&mut tx, &id, client_id).await.unwrap();
            sessions::end(&mut tx, &id, now).await.unwrap();
        }
        tx.commit().await.unwrap();
        site.advance(10);
        // One site of known apps, and one of strangers: each has four connections at once.
        while come.load(Ordering::SeqCst) < 6 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        browser.open("/logout").await.submit().await;
        assert_eq!(server.received().len(), 1, "before the browser goes on");
    }
}

/// Back-Channel Logout §2.4: as the app's ID tokens, and so encrypted where they are.
#[tokio::test]
async fn a_logout_token_is_encrypted_where_id_tokens_are() {
    let (site, server) = site(Database::sqlite().await).await;
    let key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    let app = told_app(&site, &server, "wiki").await;
    let (mut browser, _) = signed_in(&site, &app, "pia").await;
    let mut tx = site.admin.db.write().await.unwrap();
    let mut metadata = clients::find(&mut tx, &app.client_id).await.unwrap().unwrap().metadata;
    metadata.jwks = Some(json!({ "keys": [key.to_public_key().unwrap()] }));
    metadata.id_token_encrypted_response_alg = Some(KeyManagement::EcdhEsA128Kw);
    clients::set(&mut tx, &app.client_id, &metadata, site.now()).await.unwrap();
    tx.commit().await.unwrap();
    browser.open("/logout").await.submit().await;
    let decrypter = ECDH_ES_A128KW.decrypter_from_jwk(&key).unwrap();
    let (payload, header) =
        jwe::deserialize_compact(&token(&server.received()[0]), &decrypter).expect("an encrypted token");
    assert_eq!(header.content_type(), Some("JWT"));
    let claims = app.verify_signature(&String::from_utf8(payload).unwrap()).await;
    assert_eq!(claims["aud"], app.client_id.as_str());
}
