//! What does whoever runs the program see of it? Its log, its signals, its sockets, its certificate.
#![cfg(test)]

mod support;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};
use support::Database;
use support::browser::{Browser, http};
use support::ca::authority;
use support::program::{Program, Serving};
use support::smtp::Smtp;

async fn program() -> (Program, Smtp) {
    let smtp = Smtp::start().await;
    let program = Program::new(Database::sqlite().await, &smtp);
    program.init();
    (program, smtp)
}

async fn get(program: &Program, path: &str) -> reqwest::Response {
    let request = http().get(program.url.join(path).unwrap()).timeout(Duration::from_secs(20));
    request.send().await.unwrap()
}

/// One request that is logged, so that everything before it has been.
async fn mark(program: &Program, serving: &Serving, path: &str) -> String {
    get(program, path).await;
    serving.says("status=404")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_plain_and_silent_about_probes() {
    let (program, _smtp) = program().await;
    let serving = program.serve();
    for _ in 0..3 {
        assert_eq!(get(&program, "/healthz").await.status(), 200);
        assert_eq!(get(&program, "/readyz").await.status(), 200);
    }
    let log = mark(&program, &serving, "/nowhere").await;
    assert!(!log.contains('\u{1b}'), "{log:?}");
    assert!(!log.contains("healthz") && !log.contains("readyz"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_which_client_was_refused_and_why_and_no_secret() {
    let (program, _smtp) = program().await;
    let serving = program.serve();
    let token = program.url.join("/token").unwrap();
    let secret = "s3cret-that-is-wrong";
    let form = [("grant_type", "authorization_code"), ("code", "c0de-that-is-none")];
    http().post(token).basic_auth("an-app\nforged", Some(secret)).form(&form).send().await.unwrap();
    get(&program, "/authorize?client_id=another-app").await;
    let query = format!("/authorize?client_id={}", "x".repeat(5000));
    get(&program, &query).await;
    // Name and secret in each other's place, and a token in a field that is told back.
    let generated = "e-Qfa44pXw0Zt7uPq1sLrN8mKj3hGd2fYbVc6xAoTiE";
    let token = program.url.join("/token").unwrap();
    let form = [("grant_type", generated), ("client_id", generated)];
    http().post(token.clone()).form(&form).send().await.unwrap();
    http().post(token).basic_auth(generated, Some("an-app")).form(&form[..1]).send().await.unwrap();
    for parameter in ["client_id", "prompt", "response_mode", "resource"] {
        get(&program, &format!("/authorize?client_id=x&{parameter}={generated}")).await;
    }
    let log = mark(&program, &serving, "/nowhere").await;
    assert!(log.contains("e-Qf…") && !log.contains(generated), "{log}");
    let line = |client: &str| {
        let found = log.lines().find(|line| line.contains("a client was refused") && line.contains(client));
        found.unwrap_or_else(|| panic!("{client}:\n{log}")).to_owned()
    };
    assert!(line("an-app\\nforged").contains("error=\"invalid_client\""), "{log}");
    assert!(
        line("another-app").contains("error=\"invalid_request\" description=\"there is no client"),
        "{log}"
    );
    assert!(line("xxx").len() < 1000);
    assert!(!log.contains(secret) && !log.contains("c0de"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("forged")), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_stops_nothing() {
    let (program, _smtp) = program().await;
    let mut serving = program.serve_unread();
    // Several times what the pipe holds.
    for _ in 0..2000 {
        assert_eq!(get(&program, "/nowhere").await.status(), 404);
    }
    serving.signal("TERM");
    assert!(serving.ended().success());
}

/// The last requests too, although lines are gathered before they are written.
#[tokio::test(flavor = "multi_thread")]
async fn every_request_up_to_the_end_is_in_the_log() {
    let (program, _smtp) = program().await;
    let mut serving = program.serve();
    for _ in 0..300 {
        assert_eq!(get(&program, "/nowhere").await.status(), 404);
    }
    serving.signal("TERM");
    assert!(serving.ended().success());
    let log = serving.whole_log();
    assert_eq!(log.matches("status=404").count(), 300, "{log}");
    assert!(log.contains("draining"), "{log}");
    let lines = log.lines().filter(|line| !line.starts_with("20"));
    assert_eq!(lines.count(), 0, "each line is whole:\n{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_nobody_trusts_is_told_of_once() {
    let (program, _smtp) = program().await;
    let serving = program.serve();
    for _ in 0..3 {
        let request = http().get(program.url.clone()).header("x-forwarded-for", "198.51.100.1");
        request.send().await.unwrap();
    }
    let log = mark(&program, &serving, "/nowhere").await;
    assert_eq!(log.matches("trusted_proxies does not name").count(), 1, "{log}");
}

/// Whoever closes a database of SQLite last takes its journal away, and with it whatever a program writes there that goes on. That it
/// does is known by its lock alone, which the system takes from a process that closes the file in any other way. Tools before
/// SQLite 3.51 ask nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn tools_can_tell_that_the_database_is_in_use() {
    let (smtp, folder) = (Smtp::start().await, tempfile::tempdir().unwrap());
    let mut database = Database::sqlite().await;
    let file = folder.path().join("served.db");
    database.url = format!("sqlite:{}", file.display());
    let program = Program::new(database, &smtp);
    program.init();
    let serving = program.serve();
    assert!(is_locked(&file), "a tool would take the journal away");
    mark(&program, &serving, "/nowhere").await;
    assert!(is_locked(&file), "a tool would take the journal away by now");
}

/// Whether somebody holds what SQLite calls a shared lock: 510 bytes, two behind the first gigabyte.
fn is_locked(file: &std::path::Path) -> bool {
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let wanted = Flock {
        start: (1 << 30) + 2,
        length: 510,
        pid: None,
        typ: FlockType::WriteLock,
        offset_type: FlockOffsetType::Set,
    };
    fcntl_getlk(file, &wanted).unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_ends_nothing_and_reads_the_level_of_the_log_again() {
    let (program, _smtp) = program().await;
    let mut serving = program.serve();
    let settings = program.path("countersign.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replace("[log]\n", "[log]\nlevel = \"debug\"\n")).unwrap();
    serving.signal("HUP");
    serving.says("SIGHUP: the level of the log");
    get(&program, "/healthz").await;
    serving.says("route=\"/healthz\"");
    std::fs::write(&settings, "nonsense").unwrap();
    serving.signal("HUP");
    serving.says("SIGHUP: the settings cannot be used");
    assert!(serving.runs());
    assert_eq!(get(&program, "/healthz").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_others_stop_nothing_and_a_misspelt_one_is_told() {
    let (mut program, _smtp) = program().await;
    program.set("COUNTERSIGN_DB_PORT", "tcp://10.0.0.1:5432").set("COUNTERSIGN_ISUER", "x");
    let serving = program.serve();
    let log = serving.says("COUNTERSIGN_ISUER");
    assert!(!log.contains("DB_PORT"), "{log}");
    let checked = program.run(&["check"], "");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(said.contains("warn settings   COUNTERSIGN_ISUER names no setting"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_listens_on_several_addresses_and_on_a_socket() {
    let (mut program, _smtp) = program().await;
    let own = support::site::address(&program.url);
    program.set("COUNTERSIGN_LISTEN", format!("{own}, unix:site.sock"));
    let mut serving = program.serve();
    assert_eq!(get(&program, "/healthz").await.status(), 200);
    let mut socket = UnixStream::connect(program.path("site.sock")).unwrap();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"), "{answer}");
    let again = program.run(&["serve"], "");
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.contains(&format!("listen: {own}: the address is in use")), "{said}");
    serving.signal("TERM");
    assert!(serving.ended().success());
    assert!(!program.path("site.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_served_and_a_broken_one_is_not() {
    let (mut program, _smtp) = program().await;
    let put = |name: &str, bytes: &[u8]| std::fs::write(program.path(name), bytes).unwrap();
    let issue = || authority().issue("localhost");
    let (chain, key) = issue();
    put("chain.pem", &chain);
    put("key.pem", &key);
    let port = program.url.port().unwrap();
    program.set("COUNTERSIGN_TLS__CERTIFICATE", "chain.pem").set("COUNTERSIGN_TLS__KEY", "key.pem");
    program.set("COUNTERSIGN_ISSUER", format!("https://localhost:{port}"));
    let put = |name: &str, bytes: &[u8]| std::fs::write(program.path(name), bytes).unwrap();
    let serving = program.serve();
    let first = certificate(port);
    let (chain, key) = issue();
    put("chain.pem", &chain);
    serving.signal("HUP");
    serving.says("cannot be used: the old certificate is served on");
    assert_eq!(certificate(port), first);
    put("key.pem", &key);
    serving.signal("HUP");
    serving.says("new connections get the new certificate");
    assert_ne!(certificate(port), first);
}

/// The certificate that is served there.
fn certificate(port: u16) -> Vec<u8> {
    use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let stream = connector.build().connect("localhost", stream).unwrap();
    stream.ssl().peer_certificate().unwrap().to_der().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_takes_templates_up_that_draw_and_keeps_the_old_ones_of_those_that_do_not() {
    let (mut program, _smtp) = program().await;
    std::fs::create_dir(program.path("own")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(program.path("own").join(name), text).unwrap();
    write("front.html", "<h1>One</h1>");
    program.set("COUNTERSIGN_TEMPLATES__DIR", "own");
    let serving = program.serve();
    let front = async || get(&program, "/").await.text().await.unwrap();
    let write = |name: &str, text: &str| std::fs::write(program.path("own").join(name), text).unwrap();
    assert_eq!(front().await, "<h1>One</h1>");
    for (wrong, why) in [("{% if %}", "syntax error"), ("{{ page.nothing }}", "undefined value")] {
        write("front.html", wrong);
        serving.signal("HUP");
        let log = serving.says(why);
        assert!(log.contains("SIGHUP: the templates cannot be used, so the old ones stay"), "{log}");
        assert_eq!(front().await, "<h1>One</h1>", "{wrong}");
    }
    write("front.html", "{{ stylesheet }}");
    write("style.css", "body{color:rebeccapurple}");
    serving.signal("HUP");
    serving.says("SIGHUP: the templates are read again");
    let css = get(&program, &front().await.replace("&#x2f;", "/")).await;
    assert!(css.text().await.unwrap().contains("rebeccapurple"));
}

/// Kubernetes mounts secrets as 0440 for a group that the process is in.
#[tokio::test(flavor = "multi_thread")]
async fn the_own_group_may_read_the_master_key_and_others_may_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let (program, _smtp) = program().await;
    let mode = |mode| {
        let key = program.path("keys/master.key");
        std::fs::set_permissions(key, std::fs::Permissions::from_mode(mode)).unwrap();
        program.run(&["key", "list"], "")
    };
    assert!(mode(0o440).status.success());
    assert!(!mode(0o444).status.success());
    assert!(mode(0o600).status.success());
}

/// The name that the answer has, on every line that tells of the request, in either format.
#[tokio::test(flavor = "multi_thread")]
async fn every_line_about_a_request_names_it() {
    let (mut program, _smtp) = program().await;
    for format in ["text", "json"] {
        program.set("COUNTERSIGN_LOG__FORMAT", format).set("COUNTERSIGN_LOG__LEVEL", "debug");
        let serving = program.serve();
        let answer = get(&program, "/authorize?client_id=none-of-ours").await;
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let page = answer.text().await.unwrap();
        assert!(page.contains(&format!("If you ask for help, tell them: <code>{id}</code>")), "{page}");
        get(&program, "/nowhere").await;
        let log = serving.says(if format == "json" { "\"status\":404" } else { "status=404" });
        let about: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
        for part in ["a client was refused", "served"] {
            let line =
                about.iter().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}:\n{log}"));
            if format == "json" {
                let json: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(json["request"], id.as_str(), "{line}");
            } else {
                assert!(line.ends_with(&format!(" request={id}")), "{line}");
            }
        }
    }
}

/// What docs/fail2ban/countersign.conf looks for, in either format; what somebody types cannot look like it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sign_in_is_one_line_with_the_address_and_nothing_that_was_typed() {
    const FILTER: &str = include_str!("../docs/fail2ban/countersign.conf");
    let (mut program, _smtp) = program().await;
    let added =
        ["client", "add", "App", "--public", "--redirect-uri", "https://app.example.org/cb", "--json"];
    let client = program.must_json(&added)["client_id"].as_str().unwrap().to_owned();
    program.set("COUNTERSIGN_TRUSTED_PROXIES", "10.0.0.0/8");
    for (format, line, pattern) in [
        (
            "text",
            ": sign-in refused address=127.0.0.1 why=password request=",
            ": sign-in refused address=<HOST> why=\\w+(?: request=\\S+)?\\s*$",
        ),
        (
            "json",
            "\"message\":\"sign-in refused\",\"address\":\"127.0.0.1\",\"why\":\"password\"",
            "\"message\":\"sign-in refused\",\"address\":\"<HOST>\",\"why\":\"\\w+\"",
        ),
    ] {
        assert!(FILTER.contains(pattern), "{pattern}");
        program.set("COUNTERSIGN_LOG__FORMAT", format);
        let serving = program.serve();
        let mut browser = Browser::new(&program.url);
        let query = "response_type=code&scope=openid&code_challenge_method=S256&redirect_uri=https://app.example.org/cb";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let to = format!("/authorize?client_id={client}&{query}&code_challenge={challenge}");
        browser.open(&to).await;
        let typed = "sign-in refused address=192.0.2.9 why=password";
        browser.fill("login", typed).fill("password", "hunter2-hunter2").submit().await;
        let log = serving.says(line);
        assert_eq!(log.matches("sign-in refused").count(), 1, "{log}");
        browser.open("/device").await;
        browser.fill("user_code", "BCDF-GHJK").submit().await;
        let log = serving.says(&line.replace("password", "device_code"));
        assert_eq!(log.matches("sign-in refused").count(), 2, "{log}");
        assert!(!log.contains("BCDF"), "{log}");
        assert!(!log.contains("hunter2") && !log.contains("192.0.2.9"), "{log}");
    }
}
