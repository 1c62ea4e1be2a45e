//! Does a provider go on elsewhere from a backup that was made while people signed in?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use url::Url;

use crate::support::Database;
use crate::support::admin::PASSWORD;
use crate::support::browser::Browser;
use crate::support::program::Program;
use crate::support::relying_app::RelyingApp;
use crate::support::smtp::Smtp;

/// What somebody has after a sign-in that was answered.
struct SignedIn {
    browser: Browser,
    access: String,
    refresh: String,
}

/// A program that is set up, and an app.
pub async fn set_up(database: Database, smtp: &Smtp) -> (Program, RelyingApp) {
    let program = Program::new(database, smtp);
    program.init();
    let app = program.add_app();
    (program, app)
}

/// An empty place where another program serves in the name of this one; its keys come along unless they are in the backup.
pub fn elsewhere(program: &Program, database: Database, smtp: &Smtp, with_keys: bool) -> Program {
    let mut other = Program::new(database, smtp);
    other.url = program.url.clone();
    let address = crate::support::site::address(&other.url);
    other.set("COUNTERSIGN_ISSUER", other.url.origin().ascii_serialization());
    other.set("COUNTERSIGN_LISTEN", address);
    if with_keys {
        std::fs::create_dir(other.path("keys")).unwrap();
        std::fs::copy(program.path("keys/master.key"), other.path("keys/master.key")).unwrap();
    }
    other
}

async fn sign_in(app: &RelyingApp, site: &Url) -> SignedIn {
    let visit = app.visit().with("scope", "openid offline_access").with("prompt", "consent");
    let mut browser = Browser::new(site);
    browser.open(&visit.url()).await;
    browser.fill("login", "root").fill("password", PASSWORD).submit().await;
    if !browser.has_left() {
        browser.submit().await;
    }
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    SignedIn { browser, access: tokens.text("access_token"), refresh: tokens.text("refresh_token") }
}

/// What an operator does after a disaster.
async fn everything_ends(other: &Program, app: &RelyingApp, last: SignedIn) {
    assert!(other.must(&["session", "end", "--all"], "").contains("Everybody signs in anew"));
    let mut browser = last.browser;
    browser.open(&app.visit().url()).await;
    assert!(browser.has_field("password"), "{}", browser.text());
    assert_eq!(app.refresh(&last.refresh).await.status, 200, "it is for when somebody is away");
    other.must(&["grant", "revoke", "--all"], "");
    assert_eq!(app.userinfo(&last.access).await.status, 401);
    assert_eq!(other.must_json(&["session", "list", "--json"]).as_array().map(Vec::len), Some(0));
    assert_eq!(other.must_json(&["grant", "list", "--json"]).as_array().map(Vec::len), Some(0));
}

/// People sign in without a pause; a backup is made meanwhile; and another program goes on from it on the other kind of database.
async fn moved(from: Database, to: Database) {
    let smtp = Smtp::start().await;
    let (program, app) = set_up(from, &smtp).await;
    let mut serving = program.serve();
    let mut before = Vec::new();
    for _ in 0..3 {
        before.push(sign_in(&app, &program.url).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let crowd = (0..2).map(|_| {
        let (app, site, stop) = (app.clone(), program.url.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut number = 0;
            while !stop.load(Ordering::SeqCst) {
                sign_in(&app, &site).await;
                number += 1;
            }
            number
        })
    });
    let crowd: Vec<_> = crowd.collect();
    let file = program.path("now.backup");
    let told = tokio::task::block_in_place(|| program.must(&["backup", file.to_str().unwrap()], ""));
    assert!(told.contains("keep a copy of that elsewhere"), "{told}");
    stop.store(true, Ordering::SeqCst);
    for signing_in in crowd {
        assert!(signing_in.await.expect("nobody was refused") > 0);
    }
    serving.signal("TERM");
    serving.ended();

    let other = elsewhere(&program, to, &smtp, true);
    let good = other.must(&["restore", "--check", file.to_str().unwrap()], "");
    assert!(good.contains("The backup is good."), "{good}");
    let told = other.must(&["restore", file.to_str().unwrap()], "");
    assert!(told.contains("session end --all") && !told.contains("The settings say"), "{told}");
    let serving = other.serve();
    serving.says("serving");
    for SignedIn { mut browser, access, refresh } in before {
        assert_eq!(app.userinfo(&access).await.status, 200);
        let refreshed = app.refresh(&refresh).await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.json);
        let visit = app.visit();
        browser.open(&visit.url()).await;
        assert!(browser.has_left(), "whoever was signed in is: {}", browser.text());
        assert_eq!(app.redeem(&visit, &browser.arrived()).await.status, 200);
    }
    sign_in(&app, &program.url).await;
    let verified = other.must(&["audit", "verify"], "");
    assert!(verified.contains("events are chained"), "{verified}");
    let log = other.must(&["audit", "--kind", "backup"], "");
    assert!(log.contains("backup.begun by operator") && log.contains("backup.restored by operator"), "{log}");

    let last = sign_in(&app, &program.url).await;
    everything_ends(&other, &app, last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_sqlite_to_postgres_nobody_who_was_answered_is_lost() {
    moved(Database::empty_sqlite().await, Database::empty_postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_postgres_to_sqlite_nobody_who_was_answered_is_lost() {
    moved(Database::empty_postgres().await, Database::empty_sqlite().await).await;
}
