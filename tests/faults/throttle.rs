//! Do people get in while many come at once, and while somebody guesses without end?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::task::JoinSet;

use crate::support::Database;
use crate::support::admin::PASSWORD;
use crate::support::browser::{Browser, client};
use crate::support::program::{Program, Serving};
use crate::support::relying_app::RelyingApp;
use crate::support::smtp::Smtp;

/// A program that serves people without a second factor, behind a proxy on this machine, and one app.
fn office(program: &Program, people: u32) -> (RelyingApp, Serving) {
    program.init();
    let settings = std::fs::read_to_string(program.path("countersign.toml")).unwrap();
    std::fs::write(
        program.path("countersign.toml"),
        format!("trusted_proxies = [\"127.0.0.1\"]\n{settings}"),
    )
    .unwrap();
    program.must(&["group", "add", "Acme"], "");
    for n in 0..people {
        let login = format!("person{n}");
        let person = ["user", "add", &login, "--group", "Acme", "--role", "User", "--password-stdin"];
        program.must(&person, &format!("{PASSWORD}\n"));
    }
    (program.add_app(), program.serve())
}

/// A new browser at this address, at the password page.
async fn at(app: &RelyingApp, address: &str) -> Browser {
    let from = HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), address.parse().unwrap())]);
    let mut browser = Browser::with_client(client().default_headers(from).build().unwrap(), &app.issuer);
    browser.open(&app.visit().url()).await;
    browser
}

async fn give(browser: &mut Browser, login: &str, password: &str) {
    browser.fill("login", login).fill("password", password).submit().await;
}

/// So many people sign in at the same moment, each once more for as long as the site says that many are signing in; the answer is how
/// often it has said so.
async fn all_at_once(app: &RelyingApp, logins: u32, many: u32) -> u32 {
    let mut browsers = Vec::new();
    for n in 0..many {
        browsers.push((at(app, "192.0.2.1").await, format!("person{}", n % logins)));
    }
    let mut submitted = JoinSet::new();
    for (mut browser, login) in browsers {
        submitted.spawn(async move {
            let mut busy = 0;
            loop {
                give(&mut browser, &login, PASSWORD).await;
                assert_ne!(browser.status(), 429, "{login}: {}", browser.text());
                if browser.status() != 503 {
                    assert!(browser.has_left(), "{login}: {}", browser.text());
                    return busy;
                }
                busy += 1;
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        });
    }
    submitted.join_all().await.iter().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_of_forty_signs_in_at_once() {
    let smtp = Smtp::start().await;
    for database in [Database::sqlite().await, Database::postgres().await] {
        let program = Program::new(database, &smtp);
        let (app, _serving) = office(&program, 40);
        let busy = all_at_once(&app, 40, 40).await;
        println!("40 at once: all in, {busy} asked to come again");
        let busy = all_at_once(&app, 40, 300).await;
        println!("300 at once: all in, {busy} asked to come again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attacker_who_never_stops_keeps_nobody_out() {
    let smtp = Smtp::start().await;
    let program = Program::new(Database::sqlite().await, &smtp);
    let (app, _serving) = office(&program, 1);
    let (stop, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let attacker = tokio::spawn({
        let (app, stop, heard) = (app.clone(), Arc::clone(&stop), Arc::clone(&heard));
        async move {
            let mut browser = at(&app, "192.0.2.1").await;
            for n in 1u32.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                if n.is_multiple_of(60) {
                    browser = at(&app, "192.0.2.1").await;
                }
                give(&mut browser, "person0", &format!("guess {n}")).await;
                if browser.status() == 200 {
                    heard.fetch_add(1, Ordering::SeqCst);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    });
    tokio::time::sleep(Duration::from_secs(15)).await;
    let mut elsewhere = at(&app, "198.51.100.7").await;
    give(&mut elsewhere, "person0", PASSWORD).await;
    assert!(elsewhere.has_left(), "from another address: {}", elsewhere.text());
    let mut here = at(&app, "192.0.2.1").await;
    give(&mut here, "person0", PASSWORD).await;
    if !here.has_left() {
        let wait: u64 = here.header("retry-after").expect("a time to wait").parse().unwrap();
        assert!(wait <= 300, "{wait}");
        println!("told to wait {wait} s");
        tokio::time::sleep(Duration::from_secs(wait)).await;
        give(&mut here, "person0", PASSWORD).await;
    }
    assert!(here.has_left(), "from the attacker's address: {}", here.text());
    stop.store(true, Ordering::SeqCst);
    attacker.await.unwrap();
    let heard = heard.load(Ordering::SeqCst);
    println!("{heard} guesses were heard in half a minute of hammering");
    assert!(heard < 40, "{heard} guesses were heard");
}
