//! What do the commands do that are not about people? Each through the real program, its refusals on one line.
#![cfg(test)]

mod support;

use std::process::Output;

use support::Database;
use support::admin::PASSWORD;
use support::ca::authority;
use support::program::Program;
use support::smtp::{Mishap, Smtp, Stage};

async fn program(database: Database) -> (Program, Smtp) {
    let smtp = Smtp::start().await;
    let program = Program::new(database, &smtp);
    program.init();
    (program, smtp)
}

/// The one line of a refusal.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.lines().count(), 1, "one line: {said}");
    assert!(said.starts_with("countersign: "), "{said}");
    said
}

fn people(program: &Program) {
    program.must(&["group", "add", "Acme"], "");
    let with_password = format!("{PASSWORD}\n");
    for (login, role, email) in [
        ("ada", "Top manager", Some("ada@example.org")),
        ("ned", "User", Some("ned@example.org")),
        ("nia", "User", None),
    ] {
        let mut arguments = vec!["user", "add", login, "--group", "Acme", "--role", role, "--password-stdin"];
        arguments.extend(email.iter().flat_map(|email| ["--email", email]));
        program.must(&arguments, &with_password);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_explained_and_the_log_tells_what_was_done() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    people(&program);
    program.must(&["group", "set", "Acme", "--two-factor", "on", "--yes"], "");
    for (login, outcome) in [
        ("ned", "password_and_code"),
        ("ada", "password_by_override"),
        ("nia", "no_address"),
        ("root", "password"),
    ] {
        let explained = program.must_json(&["explain", login, "--json"]);
        assert_eq!(explained["outcome"], outcome, "{explained}");
    }
    assert!(program.must(&["explain", "nia"], "").contains("No email associated with this login."));
    let app = [
        "client",
        "add",
        "App",
        "--redirect-uri",
        "https://app.example.org/",
        "--require-two-factor",
        "--json",
    ];
    let id = program.must_json(&app)["client_id"].as_str().expect("an id").to_owned();
    assert_eq!(program.must_json(&["explain", "root", "--client", &id, "--json"])["outcome"], "no_address");
    assert_eq!(
        program.must_json(&["explain", "ada", "--client", &id, "--json"])["outcome"],
        "password_and_code"
    );
    let code = program.must(&["user", "code", "nia"], "");
    assert_eq!(code.trim().len(), 6, "{code}");
    assert_eq!(program.must_json(&["explain", "nia", "--json"])["outcome"], "password_and_code");
    let log = program.must(&["audit", "--json", "--since", "1h"], "");
    let events: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    for event in ["group.added", "user.added", "group.changed", "client.added", "user.code_by_hand"] {
        assert!(events.iter().any(|e| e["event"] == event && e["actor"] == "operator"), "{event}: {log}");
    }
    assert!(!log.contains(code.trim()), "no code on the log");
    assert!(program.must(&["audit", "--since", "2000000000"], "").is_empty());
    assert!(refused(&program.run(&["audit", "--since", "yesterday"], "")).contains("30d"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_registered_shown_changed_and_deleted() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    let uri = "https://app.example.org/callback";
    let added = program.must_json(&["client", "add", "App", "--redirect-uri", uri, "--json"]);
    let id = added["client_id"].as_str().expect("an id").to_owned();
    let secret = added["client_secret"].as_str().expect("a secret").to_owned();
    let shown = program.must(&["client", "show", &id], "");
    assert!(shown.contains(uri) && !shown.contains(&secret), "{shown}");
    assert!(shown.contains("allowed_groups: all") && shown.contains("created_at: 20"), "{shown}");
    let rotated = program.must_json(&["client", "rotate-secret", &id, "--json"]);
    assert_ne!(rotated["client_secret"], secret.as_str());
    program.must(&["client", "set", &id, "--require-two-factor", "--consent"], "");
    let shown = program.must_json(&["client", "show", &id, "--json"]);
    assert_eq!((&shown["require_two_factor"], &shown["consent"]), (&true.into(), &true.into()));
    for app in ["timetracker", "php", "env", "grafana", "gitea", "nextcloud"] {
        let recipe = program.must(&["client", "recipe", &id, app], "");
        assert!(recipe.contains(&id) && recipe.contains("127.0.0.1"), "{app}: {recipe}");
    }
    assert!(refused(&program.run(&["client", "recipe", &id, "fax"], "")).contains("grafana"));
    for (wrong, named) in [
        (vec!["--redirect-uri", "http://app.example.org/"], "https"),
        (vec!["--redirect-uri", "https://app.example.org/#x"], "fragment"),
        (vec![], "redirect_uris"),
        (vec!["--redirect-uri", uri, "--grant-type", "password"], "authorization_code"),
        (vec!["--redirect-uri", uri, "--auth-method", "magic"], "client_secret_basic"),
        (vec!["--redirect-uri", uri, "--allow-group", "Nowhere"], "group list"),
    ] {
        let arguments: Vec<&str> = ["client", "add", "X"].into_iter().chain(wrong).collect();
        let said = refused(&program.run(&arguments, ""));
        assert!(said.contains(named), "{said}");
    }
    let public = program.must_json(&[
        "client",
        "add",
        "Phone",
        "--public",
        "--redirect-uri",
        "org.example.app:/cb",
        "--json",
    ]);
    assert!(public.get("client_secret").is_none());
    program.must(&["client", "delete", &id], "");
    assert!(refused(&program.run(&["client", "show", &id], "")).contains("client list"));
    assert_eq!(program.must_json(&["client", "list", "--json"]).as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_mail_and_check_say_how_things_are() {
    let (program, smtp) = program(Database::sqlite().await).await;
    let before = program.must_json(&["key", "list", "--json"]);
    assert_eq!(before.as_array().map(Vec::len), Some(3));
    program.must(&["key", "rotate"], "");
    assert_eq!(program.must_json(&["key", "list", "--json"]).as_array().map(Vec::len), Some(6));
    assert!(program.must(&["mail", "test", "ned@example.org"], "").contains("Accepted"));
    let found = program.must_json(&["check", "--json"]);
    assert!(found.as_array().expect("findings").iter().all(|f| f["ok"] == true), "{found}");
    smtp.let_fail(Stage::Recipient, Mishap::Answer("550 no such mailbox"));
    let said = refused(&program.run(&["mail", "test", "ned@example.org"], ""));
    assert!(said.contains("no such mailbox"), "{said}");
    let log = program.must_json(&["mail", "log", "--json"]);
    let states: Vec<_> = log.as_array().expect("a log").iter().map(|m| m["state"].as_str()).collect();
    assert_eq!(states, [Some("refused"), Some("accepted")]);
    smtp.let_fail(Stage::Greeting, Mishap::HangUp);
    let output = program.run(&["check"], "");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.lines().any(|line| line.starts_with("FAIL mail")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_looks_at_the_certificate_and_its_key() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    let (chain, key) = authority().issue("login.example.org");
    let settings =
        "issuer = \"https://login.example.org\"\n[tls]\ncertificate = \"site.pem\"\nkey = \"site.key\"\n";
    for (name, text) in [("tls.toml", settings.as_bytes()), ("site.pem", &chain), ("site.key", &key)] {
        std::fs::write(program.path(name), text).expect("a file");
    }
    let told = program.must(&["--config", "tls.toml", "check"], "");
    assert!(told.lines().any(|line| line.starts_with("ok   tls")), "{told}");
    std::fs::write(program.path("site.key"), authority().issue("login.example.org").1).expect("a file");
    let output = program.run(&["--config", "tls.toml", "check"], "");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = told.lines().find(|line| line.starts_with("FAIL tls")).expect("a line about it");
    assert!(line.contains("tls.key: ") && line.contains("is not the key of"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_told_apart_from_a_refusal() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    for wrong in [
        vec!["bogus"],
        vec!["user", "add"],
        vec!["user", "add", "x", "--group", "Acme", "--role", "User", "--password", "secret"],
        vec!["client", "add", "x", "--client-secret", "secret"],
        vec!["group", "set", "Acme", "--two-factor", "perhaps"],
    ] {
        assert_eq!(program.run(&wrong, "").status.code(), Some(2), "{wrong:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(program.must(&["completions", shell], "").contains("countersign"));
    }
    assert!(refused(&program.run(&["init", "--admin", "root"], "")).contains("is there already"));
    let weak =
        program.run(&["user", "add", "x", "--site-administrator", "--password-stdin"], "password1234567\n");
    assert!(refused(&weak).contains("tried first"));
    let none = program.run(&["user", "set", "root", "--password-stdin"], "");
    assert!(refused(&none).contains("no password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_installation_is_one_line() {
    use std::os::unix::fs::PermissionsExt as _;
    let (program, _smtp) = program(Database::sqlite().await).await;
    let settings = program.path("countersign.toml");
    let text = std::fs::read_to_string(&settings).expect("settings");
    std::fs::write(&settings, text.replace("listen =", "lisen =")).expect("settings");
    let said = refused(&program.run(&["serve"], ""));
    assert!(said.contains("lisen") && said.contains("countersign.toml:"), "{said}");
    std::fs::write(&settings, &text).expect("settings");
    let said = refused(&program.run(&["--config", "elsewhere.toml", "group", "list"], ""));
    assert_eq!(said.matches("No such file").count(), 1, "{said}");

    let key = program.path("keys/master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("permissions");
    assert!(refused(&program.run(&["serve"], "")).contains("chmod 600"));
    let check = program.run(&["check", "--json"], "");
    let findings: serde_json::Value = serde_json::from_slice(&check.stdout).expect("JSON");
    let bad: Vec<&serde_json::Value> =
        findings.as_array().into_iter().flatten().filter(|f| f["ok"] == false).collect();
    let what: Vec<&str> = bad.iter().filter_map(|finding| finding["what"].as_str()).collect();
    assert_eq!(what, ["master key", "keys", "mail"], "what was not examined is not passed over: {findings}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("permissions");

    program.database.pretend_a_newer_program_migrated().await;
    let said = refused(&program.run(&["serve"], ""));
    assert!(said.contains("newer countersign"), "{said}");
}
