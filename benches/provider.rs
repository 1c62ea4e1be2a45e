//! What does a request cost? `cargo bench` starts the program, asks it each thing many times over loopback, and prints
//! the processor time that the program itself has spent on one (Linux keeps that count), with how it starts and idles.
//!
//! Figures to compare by eye, on one machine, before and after a change; nothing fails for being slow.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::assigning_clones,
    reason = "a bench is as free as the tests are, whose people it borrows"
)]
#![expect(clippy::disallowed_methods, reason = "the time that passes is what is measured")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs::read_to_string;
use std::time::{Duration, Instant};

use reqwest::{Client, Url};
use support::Database;
use support::admin::PASSWORD;
use support::browser::{Browser, http};
use support::demo::Demo;
use support::program::{Program, Serving};
use support::relying_app::{Proof, RelyingApp, Visit};
use support::smtp::Smtp;

/// The unit of `/proc/PID/stat`, in microseconds: `USER_HZ` is 100 on every Linux.
const TICK: f64 = 10_000.0;

/// Long enough for the program to give back what its last password has used.
const IDLE: Duration = Duration::from_secs(10);

const REDIRECT_URI: &str = "https://app.example.org/callback";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let smtp = Smtp::start().await;
    let program = Program::new(Database::sqlite().await, &smtp);
    program.init();
    let app = furnish(&program);
    let started = Instant::now();
    let serving = program.serve();
    let discovery = program.url.join(".well-known/openid-configuration").expect("an address");
    get(&http(), &discovery).await;
    println!("start to first answer  {:>9.1} ms", started.elapsed().as_secs_f64() * 1000.0);
    tokio::time::sleep(IDLE).await;
    println!("memory, idle           {:>9.1} MB", memory(serving.id()));
    println!("                        processor time each");
    // A connection from before the pause may be closed by now.
    let http = http();

    let mut table = Table { serving: &serving, first: None };
    table.row("discovery", 3000, async || get(&http, &discovery).await).await;
    let form = [("grant_type", "client_credentials")];
    table.row("client_credentials", 1000, async || assert_eq!(app.token(&form).await.status, 200)).await;
    table.row("password page", 500, async || drop(opened(&program.url, &app.visit()).await)).await;
    table.row("sign-in to ID token", 60, async || sign_in(&program.url, &app).await).await;
    tokio::time::sleep(IDLE).await;
    println!("memory, idle again     {:>9.1} MB", memory(serving.id()));
    let demo = Demo::start();
    tokio::time::sleep(IDLE).await;
    println!("memory, demo idle      {:>9.1} MB", memory(demo.id()));
}

/// One person without a second factor, and one app.
fn furnish(program: &Program) -> RelyingApp {
    program.must(&["group", "add", "Acme"], "");
    let person = ["user", "add", "ned", "--group", "Acme", "--role", "User", "--password-stdin"];
    program.must(&person, &format!("{PASSWORD}\n"));
    let client = ["client", "add", "App", "--redirect-uri", REDIRECT_URI, "--json"];
    let grants = ["--grant-type", "authorization_code", "--grant-type", "client_credentials"];
    let client = program.must_json(&[&client[..], &grants[..]].concat());
    let text =
        |name: &str| client[name].as_str().unwrap_or_else(|| panic!("no {name} in {client}")).to_owned();
    RelyingApp {
        issuer: program.url.clone(),
        client_id: text("client_id"),
        client_secret: Some(text("client_secret")),
        redirect_uri: REDIRECT_URI.to_owned(),
        proof: Proof::Basic,
    }
}

async fn get(http: &Client, url: &Url) {
    let answer = http.get(url.clone()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.bytes().await.expect("a body");
}

/// A new browser on the password page.
async fn opened(site: &Url, visit: &Visit) -> Browser {
    let mut browser = Browser::new(site);
    browser.open(&visit.url()).await;
    assert!(browser.has_field("login"), "{}", browser.text());
    browser
}

/// From the app's redirect to the tokens, by password: the hash is nearly all of it.
async fn sign_in(site: &Url, app: &RelyingApp) {
    let visit = app.visit();
    let mut browser = opened(site, &visit).await;
    browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);
}

struct Table<'a> {
    serving: &'a Serving,
    first: Option<f64>,
}

impl Table<'_> {
    /// Does it a few times unmeasured, then `times`, and prints what one has cost, and how often the first row that is.
    async fn row(&mut self, name: &str, times: u32, mut once: impl AsyncFnMut()) {
        for _ in 0..times / 20 {
            once().await;
        }
        let (before, since) = (ticks(self.serving), Instant::now());
        for _ in 0..times {
            once().await;
        }
        let each = (ticks(self.serving) - before) * TICK / f64::from(times);
        let waited = since.elapsed().as_secs_f64() * 1e6 / f64::from(times);
        let first = *self.first.get_or_insert(each);
        println!("{name:<22} {each:>9.0} µs   {:>6.1} x   ({waited:.0} µs waited)", each / first);
    }
}

/// User and system time of the program so far.
fn ticks(serving: &Serving) -> f64 {
    let stat =
        read_to_string(format!("/proc/{}/stat", serving.id())).expect("Linux, and a program that runs");
    // The second field is the name in parentheses, which may hold anything.
    let after_name = stat.rsplit_once(')').expect("a name").1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    fields[11..=12].iter().map(|field| field.parse::<f64>().expect("a number")).sum()
}

/// What of the program is in memory, in MB.
fn memory(process: u32) -> f64 {
    let status = read_to_string(format!("/proc/{process}/status")).expect("Linux, and a program that runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).expect("a number") * 1.024e-3
}
