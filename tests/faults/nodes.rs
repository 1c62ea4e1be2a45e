//! What becomes of people and apps when nodes die and PostgreSQL fails over, with three nodes behind a balancer that keeps nobody at one?
//!
//! Sign-ins, with codes too, begin on one node and end on another. Whatever was answered stays true, nothing is good twice, and errors come
//! only while something is being broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use tokio::task::JoinSet;
use url::Url;

use super::haproxy::Balancer;
use super::lives::{Book, Weather, live};
use super::load::profile::Profile;
use super::load::provider::Provider as Loaded;
use super::load::sink::Sink;
use super::postgres::Postgres;
use super::provider::{Provider, status};
use super::support::Database;
use super::support::admin::PASSWORD;
use super::support::browser::Browser;
use super::support::program::{Program, Serving, free_port};
use super::support::relying_app::Visit;

/// How many live at once: enough for three nodes, and not too much for two cores.
const WORKERS: usize = 6;

/// How many people of each kind: some more than workers, for those whose letter was lost.
const PEOPLE: usize = 24;

/// Those who sign in slowly.
const SLOW: usize = 4;

/// How long nothing is broken in between.
const QUIET: Duration = Duration::from_secs(4);

/// How long after a node has died its balancer may still send somebody there.
const NOTICED: Duration = Duration::from_secs(2);

/// How long after the standby was promoted nodes may take to find it.
const FOUND: Duration = Duration::from_secs(20);

/// How often all of it is done: once, unless somebody has more time.
fn rounds() -> usize {
    std::env::var("COUNTERSIGN_FAULT_ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number of rounds"))
}

/// Three nodes, and all that they stand on and behind.
struct House {
    provider: Arc<Provider>,
    loaded: Loaded,
    sink: Sink,
    nodes: Vec<Url>,
    serving: Vec<Serving>,
    /// The one that takes writing comes first.
    servers: [Postgres; 2],
    weather: Arc<Weather>,
    _balancer: Balancer,
}

impl House {
    async fn furnish() -> Self {
        let primary = Postgres::start();
        let standby = primary.standby();
        primary.commit_with_standby();
        let hosts = format!("{},{}", standby.host(), primary.host());
        // Only its address: the data is on servers of our own.
        let mut database = Database::sqlite().await;
        database.url = format!("postgres://countersign@{hosts}/postgres?target_session_attrs=read-write");
        let sink = Sink::start(0).await.expect("a mail server");
        let settings = |program: &mut Program| {
            program.set("COUNTERSIGN_MAIL__PORT", sink.port.to_string());
            program.set("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1");
            program.set("COUNTERSIGN_SIGNIN__CODES_PER_HOUR", "1000");
            // Strictly once, so that once can be told from twice.
            program.set("COUNTERSIGN_TOKENS__REFRESH_RETRY", "0s");
        };
        let provider = Arc::new(Provider::on(database, settings).await);
        people(&provider.program);
        let nodes: Vec<Url> = (0..3).map(|_| node()).collect();
        let serving = nodes.iter().map(|node| provider.program.serve_at(node)).collect();
        let balancer = Balancer::before(&nodes, &provider.program.url).await;
        until_ready(&provider.program.url).await;
        let profile = profile(&provider.program, sink.port);
        let loaded = Loaded::find(profile, Some(sink.clone())).await.expect("a provider");
        Self {
            provider,
            loaded,
            sink,
            nodes,
            serving,
            servers: [primary, standby],
            weather: Arc::default(),
            _balancer: balancer,
        }
    }

    /// A node dies in the middle of whatever it does; after a while it is started again.
    async fn kill(&mut self, n: usize) {
        self.weather.turns(true);
        self.serving[n].signal("KILL");
        self.serving[n].ended();
        tokio::time::sleep(NOTICED).await;
        self.weather.turns(false);
        println!("node {n} was killed; two serve");
        tokio::time::sleep(QUIET).await;
        self.start(n).await;
    }

    /// A node is stopped in order, and started again: nobody notices.
    async fn replace(&mut self, n: usize) {
        self.serving[n].signal("TERM");
        let ended = self.serving[n].ends().await;
        assert!(ended.success(), "{ended}");
        println!("node {n} has ended in order");
        self.start(n).await;
    }

    async fn start(&mut self, n: usize) {
        self.serving[n] = self.provider.program.serve_at(&self.nodes[n]);
        until_ready(&self.nodes[n]).await;
        println!("node {n} serves again");
    }

    /// The primary crashes, the standby takes its place, and the crashed one is made anew as its standby.
    async fn fail_over(&mut self) {
        self.weather.turns(true);
        self.servers[0].crash();
        println!("the primary has crashed");
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.servers[1].promote();
        let found = async {
            for node in &self.nodes {
                until_ready(node).await;
            }
        };
        tokio::time::timeout(FOUND, found).await.expect("the nodes find the new primary");
        tokio::time::sleep(NOTICED).await;
        self.weather.turns(false);
        println!("the standby was promoted, and found");
        tokio::time::sleep(QUIET).await;
        self.servers.swap(0, 1);
        self.servers[1].follow(&self.servers[0]);
        self.servers[0].commit_with_standby();
        println!("the new primary has a standby");
    }

    /// Somebody signs in as far as the page that asks for the code.
    async fn begin(&self, n: usize) -> Begun {
        let (visit, login) = (self.provider.app.visit(), format!("slow{n}"));
        let letter = self.sink.expect(&format!("{login}@example.org"));
        let mut browser = Browser::new(&self.provider.program.url);
        browser.open(&visit.url()).await;
        browser.fill("login", &login).fill("password", PASSWORD).submit().await;
        assert!(browser.has_field("code"), "{}", browser.text());
        let code = letter.await.expect("a letter").code().expect("a code");
        Begun { browser, visit, code }
    }

    /// They type it in four tabs, and press all the buttons at the same moment: it is good once.
    async fn finish(&self, begun: Begun) {
        let mut tabs = JoinSet::new();
        for _ in 0..4 {
            let mut tab = begun.browser.new_tab();
            let code = begun.code.clone();
            tabs.spawn(async move {
                tab.fill("code", &code).fill("password", PASSWORD).submit().await;
                tab
            });
        }
        let mut good = 0;
        for tab in tabs.join_all().await.into_iter().filter(Browser::has_left) {
            let answer = self.provider.app.redeem(&begun.visit, &tab.arrived()).await;
            good += usize::from(answer.status == StatusCode::OK);
        }
        assert_eq!(good, 1, "one sign-in comes of a code that is typed four times");
    }
}

/// A sign-in in the middle.
struct Begun {
    browser: Browser,
    visit: Visit,
    code: String,
}

/// The address of a node.
fn node() -> Url {
    Url::parse(&format!("http://127.0.0.1:{}/", free_port())).expect("an address")
}

async fn until_ready(node: &Url) {
    let asking = async {
        while status(node, "readyz").await != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(FOUND, asking).await.expect("it is ready");
}

/// Those who sign in with a password alone, and two kinds of those who are sent codes.
fn people(program: &Program) {
    for group in ["Load", "Coded"] {
        program.must(&["group", "add", group], "");
    }
    let add = |(login, group): (String, &str)| {
        let email = format!("{login}@example.org");
        let person = ["user", "add", &login, "--group", group, "--role", "User", "--email", &email];
        program.must(&[&person[..], &["--password-stdin"]].concat(), &format!("{PASSWORD}\n"));
    };
    let load = (1..=WORKERS).map(|n| (format!("load{n}"), "Load"));
    let coded = (1..=PEOPLE).map(|n| (format!("coded{n}"), "Coded"));
    let slow = (0..SLOW).map(|n| (format!("slow{n}"), "Coded"));
    let all: Vec<_> = load.chain(coded).chain(slow).collect();
    for some in all.chunks(4) {
        std::thread::scope(|scope| {
            for person in some {
                scope.spawn(|| add(person.clone()));
            }
        });
    }
    program.must(&["group", "set", "Coded", "--two-factor", "on", "--yes"], "");
}

/// How the load generator finds its way.
fn profile(program: &Program, mail: u16) -> Profile {
    let redirect = "http://127.0.0.1:9/callback";
    let words = ["client", "add", "Load", "--redirect-uri", redirect, "--json"];
    let grants = ["--grant-type", "authorization_code", "--grant-type", "refresh_token"];
    let client = program.must_json(&[&words[..], &grants].concat());
    let issuer = program.url.origin().ascii_serialization();
    let text = format!(
        r#"
name = "three nodes"
issuer = "{issuer}"
redirect_uri = "{redirect}"
scope = "openid profile email offline_access"
spread = true
mail = "127.0.0.1:{mail}"
app = {{ id = {id}, secret = {secret} }}
people = {{ login = "load{{n}}", password = "{PASSWORD}", count = {WORKERS} }}
coded = {{ login = "coded{{n}}", password = "{PASSWORD}", count = {PEOPLE}, address = "coded{{n}}@example.org" }}
[[step]]
fields = {{ login = "{{login}}", password = "{{password}}" }}
[[step]]
fields = {{ code = "{{code}}", password = "{{password}}" }}
"#,
        id = client["client_id"],
        secret = client["client_secret"],
    );
    Profile::parse(&text).expect("a profile")
}

/// An operator adds groups all the time; the answer is the names of those of which the command said that it was done.
async fn operate(
    provider: Arc<Provider>,
    weather: Arc<Weather>,
    book: Arc<Book>,
    stop: Arc<AtomicBool>,
) -> Vec<String> {
    let mut added = Vec::new();
    for n in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let (name, before, at) = (format!("Group {n}"), weather.now(), Arc::clone(&provider));
        let words = name.clone();
        let run = move || at.program.run(&["group", "add", &words], "");
        let output = tokio::task::spawn_blocking(run).await.expect("a command");
        if output.status.success() {
            added.push(name);
        } else if !weather.was_bad_since(before) {
            book.wrong(format!("group add: {}", String::from_utf8_lossy(&output.stderr)));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    added
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_lose_nothing_and_spend_nothing_twice() {
    let mut house = House::furnish().await;
    let (book, stop) = (Arc::new(Book::default()), Arc::new(AtomicBool::new(false)));
    let mut lives = JoinSet::new();
    for worker in 0..WORKERS {
        let (loaded, weather) = (house.loaded.clone(), Arc::clone(&house.weather));
        let (book, stop) = (Arc::clone(&book), Arc::clone(&stop));
        lives.spawn(async move { live(&loaded, (worker, WORKERS), &weather, &book, &stop).await });
    }
    let operator = tokio::spawn(operate(
        Arc::clone(&house.provider),
        Arc::clone(&house.weather),
        Arc::clone(&book),
        Arc::clone(&stop),
    ));
    tokio::time::sleep(QUIET).await;
    for (n, node) in house.serving.iter().enumerate() {
        for step in [
            "route=\"/authorize/{signin}/password\"",
            "route=\"/authorize/{signin}/code\"",
            "route=\"/token\"",
        ] {
            node.says(step);
        }
        println!("node {n} has had every step of a sign-in");
    }
    for _ in 0..rounds() {
        break_everything(&mut house).await;
    }
    stop.store(true, Ordering::SeqCst);
    lives.join_all().await;
    let added = operator.await.expect("the operator");
    look(&house, &book, &added).await;
}

/// Each node dies once, the database fails over, and a node is replaced.
async fn break_everything(house: &mut House) {
    for n in 0..house.nodes.len() {
        let begun = house.begin(n).await;
        house.kill(n).await;
        house.finish(begun).await;
    }
    let begun = house.begin(3).await;
    house.fail_over().await;
    house.finish(begun).await;
    house.replace(0).await;
    tokio::time::sleep(QUIET).await;
}

/// Is everything true that was said, and was enough said to mean something?
async fn look(house: &House, book: &Book, added: &[String]) {
    let [sessions, fresh, over] = book.is_kept(&house.loaded).await;
    let program = &house.provider.program;
    let listed = program.must_json(&["group", "list", "--limit", "10000", "--json"]);
    let names: Vec<&str> =
        listed.as_array().expect("a list").iter().filter_map(|g| g["name"].as_str()).collect();
    for lost in added.iter().filter(|name| !names.contains(&name.as_str())) {
        book.wrong(format!("the operator was told that {lost} was added"));
    }
    program.must(&["audit", "verify"], "");
    let count = |what: &AtomicUsize| what.load(Ordering::SeqCst);
    let (signed_in, passed) = (count(&book.signed_in), count(&book.passed));
    let (refreshed, twice) = (count(&book.refreshed), count(&book.twice));
    println!(
        "{signed_in} sign-ins, {passed} single sign-ons, {refreshed} refreshes, {twice} times twice at once"
    );
    println!("{} lives cut short while something was broken", count(&book.in_bad_weather));
    println!(
        "in the end: {sessions} sessions, {fresh} tokens still good, {over} still over, {} groups",
        added.len()
    );
    assert!(book.all_wrong().is_empty(), "{:#?}", book.all_wrong());
    for (what, least) in [
        (signed_in, 30),
        (passed, 10),
        (refreshed, 10),
        (twice, 10),
        (sessions, 5),
        (fresh, 5),
        (over, 5),
        (added.len(), 5),
    ] {
        assert!(what >= least, "too little was done for this to mean anything");
    }
}
