//! What does whoever watches a provider see of it? Its metrics, by a real Prometheus too, and its traces, by a collector of the test's own.
#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign::config::Config;
use reqwest::Method;
use serde_json::Value;
use support::Database;
use support::admin::PASSWORD;
use support::browser::http;
use support::site::Site;
use support::smtp::{Mishap, Stage};
use url::Url;

/// A site that is watched.
struct Watched {
    site: Site,
    metrics: Url,
}

/// What Prometheus reads.
struct Page(String);

impl Watched {
    async fn on(database: Database) -> Self {
        Self::with(database, |_| ()).await
    }

    async fn with(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let listen = free_address();
        let site = Site::with(database, |config| {
            config.metrics.listen = Some(listen.into());
            change(config);
        })
        .await;
        Self { site, metrics: Url::parse(&format!("http://{listen}/metrics")).unwrap() }
    }

    async fn page(&self) -> Page {
        let answer = http().get(self.metrics.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4");
        Page(answer.text().await.unwrap())
    }
}

impl Page {
    /// The value of the one line with this name and these labels, whatever their order; 0 where there is none.
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fits = |line: &&str| {
            let (found, rest) = line.split_once(['{', ' ']).unwrap_or((line, ""));
            found == name
                && labels.iter().all(|(label, value)| rest.contains(&format!("{label}=\"{value}\"")))
        };
        let lines: Vec<&str> = self.0.lines().filter(fits).collect();
        assert!(lines.len() < 2, "{lines:?}");
        lines.first().map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    /// The lines without their values.
    fn lines(&self) -> BTreeSet<String> {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name.to_owned()).collect()
    }
}

/// An address that nobody listens on just now.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Prometheus sees no increase in a line that begins with what it tells of.
#[tokio::test]
async fn what_somebody_is_called_for_is_there_before_it_happens() {
    let page = Watched::on(Database::sqlite().await).await.page().await;
    let codes = ["accepted", "refused", "deferred", "expired"].map(|state| {
        format!("countersign_mail_messages_total{{purpose=\"sign_in_code\",state=\"{state}\"}}")
    });
    for line in codes.iter().map(String::as_str).chain(["countersign_overrides_total"]) {
        assert!(page.0.contains(&format!("\n{line} 0\n")), "{line}:\n{}", page.0);
    }
}

crate::on_both_databases! {
    /// A wrong password, a wrong code and a right one, an override, a password alone, a session, and somebody without an address.
    async fn sign_ins_are_counted_by_how_they_went(database) {
        let watched = Watched::on(database).await;
        let site = &watched.site;
        let plain = site.admin.add_group("Plain", false).await;
        site.admin.add_user(&plain, "pia", "User", None).await;
        // Who is invited cannot sign in for another reason, and is not counted among those who cannot be reached.
        site.admin.add_invited(&site.acme, "iva", None).await;
        let app = site.admin.add_app().await;
        let (visit, mut browser) = (app.visit(), site.browser());
        browser.open(&visit.url()).await;
        browser.fill("login", "ned").fill("password", "wrong battery horse").submit().await;
        browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
        let code = site.inbox("ned@example.org").code();
        let wrong = if code.starts_with('1') { "200000" } else { "100000" };
        browser.fill("code", wrong).fill("password", PASSWORD).submit().await;
        browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        assert_eq!(app.redeem(&visit, &browser.arrived()).await.status, 200);
        let again = app.visit();
        assert!(browser.open(&again.url()).await.has_left(), "by the session");
        for login in ["ada", "pia"] {
            assert!(site.after_password(&app.visit(), login).await.has_left(), "{login}");
        }
        assert!(!site.after_password(&app.visit(), "nia").await.has_left());

        let page = watched.page().await;
        let client = ("client", app.client_id.as_str());
        for outcome in ["code", "session", "override", "password"] {
            let counted = page.value("countersign_signins_total", &[("outcome", outcome), client]);
            assert!((counted - 1.0).abs() < 0.1, "{outcome} in\n{}", page.0);
        }
        for reason in ["password", "code", "no_address"] {
            let counted = page.value("countersign_signin_refusals_total", &[("reason", reason), client]);
            assert!((counted - 1.0).abs() < 0.1, "{reason} in\n{}", page.0);
        }
        for (name, labels, value) in [
            ("countersign_codes_tried_total", &[("outcome", "right")][..], 1.0),
            ("countersign_overrides_total", &[], 1.0),
            ("countersign_codes_tried_total", &[("outcome", "wrong")], 1.0),
            // Two passwords of ned's on the first page, two on the second; ada's, pia's, nia's.
            ("countersign_throttle_decisions_total", &[("decision", "heard")], 7.0),
            ("countersign_hash_wait_seconds_count", &[], 7.0),
            ("countersign_mail_messages_total", &[("purpose", "sign_in_code"), ("state", "accepted")], 1.0),
            ("countersign_mail_way_seconds_count", &[("purpose", "sign_in_code")], 1.0),
            ("countersign_unreachable_people", &[("group", site.acme.top_id.as_str())], 1.0),
            ("countersign_hash_queue_passwords", &[("state", "waiting")], 0.0),
            (
                "countersign_http_requests_total",
                &[("route", "/authorize/{signin}/password"), ("method", "POST"), ("status", "303")],
                5.0,
            ),
            ("countersign_http_request_duration_seconds_count", &[("route", "/token"), ("method", "POST")], 1.0),
            ("countersign_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
        ] {
            let found = page.value(name, labels);
            assert!((found - value).abs() < 0.1, "{name} {labels:?}: {found}, not {value}, in\n{}", page.0);
        }
        let statements = page.value("countersign_database_statement_duration_seconds_count", &[("query", "signins::RECORD_PASSWORD")]);
        assert!((statements - 4.0).abs() < 0.1, "ned's, ada's, pia's and nia's password: {statements} in\n{}", page.0);
        assert!(page.value("process_resident_memory_bytes", &[]) > 1e6, "{}", page.0);
        assert!(page.value("countersign_database_connections", &[("state", "idle")]) > 0.0, "{}", page.0);
    }
}

/// A mail server that refuses, and an app that is told no.
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_counted_too() {
    let watched = Watched::on(Database::sqlite().await).await;
    let site = &watched.site;
    let app = site.admin.add_app().await;
    site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 no such mailbox"));
    assert!(!site.after_password(&app.visit(), "ned").await.has_left());
    app.redeem_code(&app.visit(), "no-such-code").await;
    let page = watched.page().await;
    for (name, labels) in [
        ("countersign_mail_messages_total", &[("purpose", "sign_in_code"), ("state", "refused")][..]),
        ("countersign_signin_refusals_total", &[("reason", "mail_failed")]),
        ("countersign_app_refusals_total", &[("route", "/token"), ("error", "invalid_grant")]),
    ] {
        assert!((page.value(name, labels) - 1.0).abs() < 0.1, "{name} {labels:?} in\n{}", page.0);
    }
}

/// Whoever does not wait for the answer is told of too: people who give up are the first sign that something takes too long.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_is_counted() {
    let watched = Watched::on(Database::sqlite().await).await;
    let site = &watched.site;
    let address = Url::parse(&site.admin.add_app().await.visit().url()).unwrap();
    let turn_to_write = site.database().refuse_writes().await;
    let (path, query, host) = (address.path(), address.query().unwrap(), address.authority());
    let gone = [("route", "/authorize"), ("method", "GET"), ("status", "499")];
    let counted = async || watched.page().await.value("countersign_http_requests_total", &gone) > 0.0;
    // Whoever is gone before anybody has begun to answer has asked nothing: so another one comes, until one was heard.
    let until_one_is = async {
        while !counted().await {
            let mut line = TcpStream::connect(address.socket_addrs(|| None).unwrap()[0]).unwrap();
            write!(line, "GET {path}?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
            watched.page().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), until_one_is).await.expect("it is counted");
    drop(turn_to_write);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_a_door_of_their_own() {
    let watched = Watched::on(Database::sqlite().await).await;
    let public = http().get(watched.site.url.join("metrics").unwrap()).send().await.unwrap();
    assert_eq!(public.status(), 404);
    for path in ["/", "/jwks", "/authorize", "/healthz"] {
        let inside = http().get(watched.metrics.join(path).unwrap()).send().await.unwrap();
        assert_eq!(inside.status(), 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_serves_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.sock");
    let listen = format!("unix:{}", path.display()).parse().unwrap();
    let _site = Site::with(Database::sqlite().await, |config| config.metrics.listen = Some(listen)).await;
    let mut answer = String::new();
    let read = async {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = loop {
            match tokio::net::UnixStream::connect(&path).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        stream.read_to_string(&mut answer).await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("countersign_build_info"), "{answer}");
}

/// Paths, methods, apps and logins that nobody has heard of make no line that one of each would not make.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_make_no_lines() {
    let watched = Watched::on(Database::sqlite().await).await;
    let site = &watched.site;
    let known = site.admin.add_app().await;
    let trouble = async |n: usize| {
        let get = async |path: String| http().get(site.url.join(&path).unwrap()).send().await.unwrap();
        get(format!("/made-up-{n}/{n}")).await;
        get(format!("/authorize?client_id=made-up-{n}&redirect_uri=https://x{n}.example")).await;
        get(format!("/authorize/made-up-{n}")).await;
        get(format!("/assets/made-up-{n}.css")).await;
        let method = Method::from_bytes(format!("MADEUP{n}").as_bytes()).unwrap();
        http().request(method, site.url.join("/token").unwrap()).send().await.unwrap();
        let stranger = known.clone();
        let stranger = support::relying_app::RelyingApp { client_id: format!("made-up-{n}"), ..stranger };
        stranger.redeem_code(&known.visit(), &format!("code-{n}")).await;
        let mut browser = site.browser();
        browser.open(&known.visit().url()).await;
        browser.fill("login", &format!("made-up-{n}")).fill("password", "no such password").submit().await;
    };
    trouble(0).await;
    watched.page().await;
    let before = watched.page().await.lines();
    for n in 1..20 {
        trouble(n).await;
    }
    let page = watched.page().await;
    let after = page.lines();
    let new: Vec<&String> = after.difference(&before).collect();
    // Where wrong passwords begin to slow the network down, the words of that come once.
    let fits = |line: &&&String| {
        line.contains("\"throttled\"") || line.contains("decision=") || line.contains("query=")
    };
    let new: Vec<&&String> = new.iter().filter(|line| !fits(line)).collect();
    assert!(new.is_empty(), "{new:?}");
    assert!(!page.0.contains("made-up") && !page.0.contains("MADEUP"), "{}", page.0);
    assert!(page.value("countersign_http_requests_total", &[("method", "other")]) > 10.0, "{}", page.0);
}

/// Prometheus itself: the page as its linter wants it, the rules, each alert, and a scrape.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_reads_it_and_takes_the_rules() {
    let watched = Watched::on(Database::sqlite().await).await;
    let site = &watched.site;
    let app = site.admin.add_app().await;
    site.signed_in(&app, &app.visit(), "ned").await;
    let page = watched.page().await;
    promtool(&["check", "metrics"], &page.0);
    promtool(&["check", "rules", "docs/operations/alerts.yml"], "");
    promtool(&["test", "rules", "tests/alerts.yml"], "");
    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::start(folder.path(), watched.metrics.port().unwrap());
    let query = "query?query=countersign_signins_total%7Boutcome%3D%22code%22%7D";
    let found = prometheus.ask(query, |json| json["data"]["result"][0]["value"][1] == "1").await;
    assert_eq!(found["data"]["result"][0]["metric"]["client"], app.client_id.as_str(), "{found}");
    let evaluated = |json: &Value| rules(json).iter().all(|rule| rule["health"] == "ok");
    let rules_of = prometheus.ask("rules", |json| !rules(json).is_empty() && evaluated(json)).await;
    assert!(rules(&rules_of).len() > 8, "{rules_of}");
}

/// Whatever the dashboard, the rules and the manual ask for is there, and whatever is there is in the manual.
#[test]
fn the_dashboard_the_rules_and_the_manual_know_the_metrics() {
    let read = |path: &str| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
            .unwrap_or_else(|e| panic!("{path}: {e}"))
    };
    let instruments = read("src/metrics/instruments.rs");
    let there: BTreeSet<&str> = instruments
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| {
            word.contains('_')
                && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                && !word.starts_with("in_")
        })
        .collect();
    let manual = read("docs/operations/metrics.md");
    for path in ["docs/operations/dashboard.json", "docs/operations/alerts.yml", "docs/operations/metrics.md"]
    {
        for asked in read(path).split("countersign_").skip(1) {
            let end = asked.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(asked.len());
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .fold(&asked[..end], |name, end| name.trim_end_matches(end));
            assert!(there.contains(name), "{path} asks for {name}");
        }
    }
    for name in there {
        assert!(manual.contains(&format!("`countersign_{name}`")), "the manual does not tell of {name}");
    }
    let dashboard: Value = serde_json::from_str(&read("docs/operations/dashboard.json")).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);
    for alert in
        read("docs/operations/alerts.yml").lines().filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        assert!(manual.contains(&format!("`{alert}`")), "the manual does not tell of {alert}");
        assert!(read("tests/alerts.yml").contains(alert), "{alert} is not tried");
    }
}

/// With three nodes the dashboard shows what all of them did, and not three lines or three times as much.
#[test]
fn the_dashboard_shows_all_nodes_together() {
    let dashboard = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations/dashboard.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(dashboard).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let asked = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let asked: Vec<&str> = asked.filter_map(|target| target["expr"].as_str()).collect();
    for expr in asked.iter().filter(|expr| expr.contains("countersign_")) {
        let alike = ["countersign_mail_queue_messages", "countersign_unreachable_people"]
            .iter()
            .any(|gauge| expr.contains(gauge));
        let words: &[&str] = if alike { &["max by (", "max("] } else { &["sum by (", "sum(", "count by ("] };
        assert!(words.iter().any(|word| expr.contains(word)), "{expr}");
    }
    assert!(asked.len() > 25, "{asked:?}");
}

fn rules(json: &Value) -> Vec<&Value> {
    let groups = json["data"]["groups"].as_array().map(Vec::as_slice).unwrap_or_default();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect()
}

fn promtool(arguments: &[&str], stdin: &str) {
    use std::io::Write as _;
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool of Debian's package prometheus");
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{arguments:?}: {}\n{stdin}", String::from_utf8_lossy(&said));
}

/// A Prometheus with the configuration of the manual; it ends with this value.
struct Prometheus {
    child: Child,
    url: Url,
}

impl Prometheus {
    fn start(folder: &Path, port: u16) -> Self {
        let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations");
        let config = std::fs::read_to_string(manual.join("prometheus.yml")).unwrap();
        assert!(config.contains("127.0.0.1:9464") && config.contains("15s"), "{config}");
        let config = config.replace("127.0.0.1:9464", &format!("127.0.0.1:{port}")).replace("15s", "1s");
        std::fs::write(folder.join("prometheus.yml"), config).unwrap();
        std::fs::copy(manual.join("alerts.yml"), folder.join("alerts.yml")).unwrap();
        let listen = free_address();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={listen}"))
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus of Debian's package");
        Self { child, url: Url::parse(&format!("http://{listen}/api/v1/")).unwrap() }
    }

    /// Asks again and again until the answer is as it is to be.
    async fn ask(&self, query: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let url = self.url.join(query).unwrap();
        let mut last = Value::Null;
        for _ in 0..600 {
            if let Ok(answer) = http().get(url.clone()).send().await {
                last = answer.json().await.unwrap_or_default();
                if fits(&last) {
                    return last;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{query}: {last}");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
