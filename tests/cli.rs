//! What do the commands do that are not about people? Each through the real program, its refusals on one line.
#![cfg(test)]

mod support;

use std::process::Output;

use countersign::store;
use serde_json::{Value, json};
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
async fn the_audit_log_says_of_a_client_what_was_before_and_after() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    let uri = "https://app.example.org/callback";
    let added = program.must_json(&["client", "add", "App", "--redirect-uri", uri, "--json"]);
    let id = added["client_id"].as_str().expect("an id");
    program.must(&["client", "set", id, "--require-two-factor", "--consent"], "");
    program.must(&["client", "delete", id], "");
    let log = program.must(&["audit", "--kind", "client"], "");
    let changed = r#""before":{"require_two_factor":false,"consent":false},"after":{"require_two_factor":true,"consent":true}"#;
    for told in [r#"{"name":"App","redirect_uris""#, uri, changed, r#"{"name":"App"}"#] {
        assert!(log.contains(told), "{told} is not in:\n{log}");
    }
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
    let until = rotated["old_secret_until"].as_i64().expect("a time");
    let shown = program.must_json(&["client", "show", &id, "--json"]);
    assert_eq!(shown["old_secret_until"], until);
    let ended = program.must(&["client", "rotate-secret", &id, "--end-old"], "");
    assert!(ended.contains("no longer works"), "{ended}");
    let ended = program.must(&["client", "rotate-secret", &id, "--end-old"], "");
    assert!(ended.contains("no other secret"), "{ended}");
    let at_once = program.must(&["client", "rotate-secret", &id, "--keep-old", "0s"], "");
    assert!(at_once.contains("No other secret works"), "{at_once}");
    assert!(
        refused(&program.run(&["client", "rotate-secret", &id, "--keep-old", "31d"], "")).contains("30d")
    );
    assert!(program.must(&["audit", "--kind", "client"], "").contains("client.old_secret_ended"));
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
    assert_eq!(before.as_array().map(Vec::len), Some(5));
    program.must(&["key", "rotate"], "");
    assert_eq!(program.must_json(&["key", "list", "--json"]).as_array().map(Vec::len), Some(10));
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

/// As a container has it: a file that others have put there, which cannot be written; or nothing but the environment.
#[tokio::test(flavor = "multi_thread")]
async fn init_goes_by_the_settings_that_are_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let smtp = Smtp::start().await;
    let program = Program::new(Database::sqlite().await, &smtp);
    let file = program.path("countersign.toml");
    let text = "issuer = \"https://login.example.org\"\nlisten = \"127.0.0.1:9999\"\n";
    std::fs::write(&file, text).expect("settings");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).expect("permissions");
    let said =
        refused(&program.run(&["init", "--admin", "root", "--issuer", "https://other.example.org"], ""));
    assert!(said.contains("https://login.example.org") && said.contains("leave --issuer"), "{said}");
    let said = program.must(&["init", "--admin", "root"], "");
    assert!(said.contains("https://login.example.org/reset/"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).expect("settings"), text);
    assert!(program.must(&["user", "list"], "").contains("root: Site administrator"));
    let said = refused(&program.run(&["init", "--admin", "second"], ""));
    assert!(said.contains("is there already") && said.contains("--site-administrator"), "{said}");
    assert!(file.exists(), "it is not ours to take away");

    let mut program = Program::new(Database::sqlite().await, &smtp);
    program.set("COUNTERSIGN_ISSUER", "https://login.example.org");
    program.must(&["init", "--admin", "root"], "");
    assert!(!program.path("countersign.toml").exists());
    assert!(program.must(&["user", "list"], "").contains("root"));

    let program = Program::new(Database::sqlite().await, &smtp);
    program.must(&["init", "--admin", "root", "--issuer", "http://localhost:9123"], "");
    let text = std::fs::read_to_string(program.path("countersign.toml")).expect("settings");
    assert!(text.contains("\nlisten = \"127.0.0.1:9123\"\n"), "{text}");
}

/// An app moves in with the id and the secret that its people have written into its settings.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_bring_its_id_and_its_secret_along() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    let add = [
        "client",
        "add",
        "App",
        "--redirect-uri",
        "https://a.example/",
        "--id",
        "tracker.1",
        "--secret-stdin",
    ];
    let secret = "a-secret-of-before\n";
    let printed = program.run(&[&add[..], &["--json"]].concat(), secret);
    let added: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    assert_eq!(added, json!({"client_id": "tracker.1", "client_secret": "a-secret-of-before"}));
    assert!(refused(&program.run(&add, secret)).contains("client show tracker.1"));
    for (id, secret, expected) in [
        ("two words", secret, "client_id: must have"),
        ("x", "short\n", "16 to 200"),
        ("x", "blanks in between them\n", "without blanks"),
        ("x", "", "no secret on standard input"),
    ] {
        let add =
            ["client", "add", "X", "--redirect-uri", "https://a.example/", "--id", id, "--secret-stdin"];
        let said = refused(&program.run(&add, secret));
        assert!(said.contains(expected), "{said}");
    }
    let public = ["client", "add", "X", "--redirect-uri", "https://a.example/", "--public", "--secret-stdin"];
    assert_eq!(program.run(&public, secret).status.code(), Some(2));
    let by_key = [
        "client",
        "add",
        "X",
        "--grant-type",
        "client_credentials",
        "--auth-method",
        "tls_client_auth",
        "--tls-client-auth-subject-dn",
        "CN=x",
        "--secret-stdin",
    ];
    assert!(refused(&program.run(&by_key, secret)).contains("of no use"));
    let star = ["client", "add", "X", "--redirect-uri", "https://*.a.example/"];
    assert!(refused(&program.run(&star, "")).contains("letter by letter"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_told_how_it_may_prove_itself_and_what_it_needs_comes_first_in_the_help() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    let uri = ["--redirect-uri", "https://a.example/"];
    let either = "client_secret_basic or client_secret_post";
    assert!(program.must(&[&["client", "add", "App"], &uri[..]].concat(), "").contains(either));
    let pinned = [&["client", "add", "App", "--auth-method", "client_secret_post"], &uri[..]].concat();
    let said = program.must(&pinned, "");
    assert!(said.contains("client_secret_post") && !said.contains(either), "{said}");
    let id =
        program.must_json(&[&["client", "add", "App", "--json"], &uri[..]].concat())["client_id"].clone();
    let id = id.as_str().expect("an id");
    assert!(program.must(&["check", "--client", id], "").contains(either));
    program.must(&["client", "set", id, "--auth-method", "client_secret_basic"], "");
    assert!(!program.must(&["check", "--client", id], "").contains(either));
    program.must(&["client", "set", id, "--auth-method", ""], "");
    assert!(program.must(&["check", "--client", id], "").contains(either));

    for app in ["kubernetes", "authjs", "streamlit", "passport", "synapse", "argocd"] {
        let recipe = program.must(&["client", "recipe", id, app], "");
        assert!(recipe.contains(&format!("client set {id} --id-token-claims")), "{app}: {recipe}");
    }
    program.must(&["client", "set", id, "--id-token-claims"], "");
    assert_eq!(program.must_json(&["client", "show", id, "--json"])["id_token_claims"], true);
    assert!(!program.must(&["client", "recipe", id, "argocd"], "").contains("--id-token-claims"));
    let local = ["client", "set", id, "--backchannel-logout-uri", "http://localhost:3000/out"];
    assert!(program.must(&local, "").contains("[outbound] allow_private"));

    let help = program.must(&["client", "add", "--help"], "");
    let at = |word: &str| help.find(word).unwrap_or_else(|| panic!("no {word} in {help}"));
    for flag in [
        "--redirect-uri",
        "--public",
        "--auth-method",
        "--jwks-uri",
        "--id-token-claims",
        "--id <ID>",
        "--secret-stdin",
    ] {
        assert!(at(flag) < at("What people see of it:"), "{flag}");
    }
    for flag in ["--logo-uri", "--scope <", "--dpop", "--id-token-alg", "--backchannel-logout-uri"] {
        assert!(at(flag) > at("What people see of it:"), "{flag}");
    }
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

/// Flags, what they are given, and what the client has registered then.
fn simple_flags() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    vec![
        ("--id-token-alg", "PS384", "id_token_signed_response_alg", json!("PS384")),
        ("--access-token-alg", "RS256", "access_token_signed_response_alg", json!("RS256")),
        ("--userinfo-alg", "ES256", "userinfo_signed_response_alg", json!("ES256")),
        ("--request-object-alg", "EdDSA", "request_object_signing_alg", json!("EdDSA")),
        ("--authorization-alg", "PS256", "authorization_signed_response_alg", json!("PS256")),
        ("--introspection-alg", "RS512", "introspection_signed_response_alg", json!("RS512")),
        ("--subject-type", "pairwise", "subject_type", json!("pairwise")),
        ("--backchannel-logout-session-required", "true", "backchannel_logout_session_required", json!(true)),
        (
            "--frontchannel-logout-session-required",
            "true",
            "frontchannel_logout_session_required",
            json!(true),
        ),
        ("--default-max-age", "3600", "default_max_age", json!(3600)),
        (
            "--default-acr",
            "urn:countersign:acr:2fa",
            "default_acr_values",
            json!(["urn:countersign:acr:2fa"]),
        ),
        ("--scope", "openid email", "scope", json!("openid email")),
        ("--require-pushed-requests", "true", "require_pushed_authorization_requests", json!(true)),
        ("--require-signed-requests", "true", "require_signed_request_object", json!(true)),
        ("--dpop", "true", "dpop_bound_access_tokens", json!(true)),
        ("--dpop", "false", "dpop_bound_access_tokens", json!(false)),
        ("--tls-bound", "true", "tls_client_certificate_bound_access_tokens", json!(true)),
        ("--tls-client-auth-subject-dn", "CN=app", "tls_client_auth_subject_dn", json!("CN=app")),
        // What is bound to a key cannot come from the authorization endpoint.
        ("--tls-bound", "false", "tls_client_certificate_bound_access_tokens", json!(false)),
        ("--response-type", "id_token token", "response_types", json!(["id_token token"])),
        ("--native", "true", "application_type", json!("native")),
        ("--contact", "ops@example.org", "contacts", json!(["ops@example.org"])),
    ]
}

/// The same for addresses; an empty text takes back what was there.
fn address_flags() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    vec![
        (
            "--sector-identifier-uri",
            "https://s.example/u",
            "sector_identifier_uri",
            json!("https://s.example/u"),
        ),
        ("--request-uri", "https://app.example.org/r", "request_uris", json!(["https://app.example.org/r"])),
        ("--initiate-login-uri", "https://a.example/l", "initiate_login_uri", json!("https://a.example/l")),
        (
            "--backchannel-logout-uri",
            "https://a.example/b",
            "backchannel_logout_uri",
            json!("https://a.example/b"),
        ),
        (
            "--frontchannel-logout-uri",
            "https://app.example.org/f",
            "frontchannel_logout_uri",
            json!("https://app.example.org/f"),
        ),
        ("--resource", "https://api.example.org/", "allowed_resources", json!(["https://api.example.org/"])),
        (
            "--served-resource",
            "https://me.example.org/",
            "served_resources",
            json!(["https://me.example.org/"]),
        ),
        ("--jwks-uri", "https://a.example/jwks", "jwks_uri", json!("https://a.example/jwks")),
        ("--id-token-encryption-alg", "ECDH-ES", "id_token_encrypted_response_alg", json!("ECDH-ES")),
        ("--id-token-encryption-enc", "A256GCM", "id_token_encrypted_response_enc", json!("A256GCM")),
        ("--id-token-encryption-enc", "", "id_token_encrypted_response_enc", Value::Null),
        ("--id-token-encryption-alg", "", "id_token_encrypted_response_alg", Value::Null),
        ("--userinfo-encryption-alg", "RSA-OAEP", "userinfo_encrypted_response_alg", json!("RSA-OAEP")),
        ("--userinfo-encryption-enc", "A128GCM", "userinfo_encrypted_response_enc", json!("A128GCM")),
        ("--userinfo-encryption-enc", "", "userinfo_encrypted_response_enc", Value::Null),
        ("--userinfo-encryption-alg", "", "userinfo_encrypted_response_alg", Value::Null),
        ("--logo-uri", "https://a.example/logo.png", "logo_uri", json!("https://a.example/logo.png")),
        ("--userinfo-alg", "", "userinfo_signed_response_alg", Value::Null),
        ("--jwks-uri", "", "jwks_uri", Value::Null),
        ("--default-max-age", "", "default_max_age", Value::Null),
        ("--contact", "", "contacts", Value::Null),
        ("--frontchannel-logout-uri", "", "frontchannel_logout_uri", Value::Null),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_client_has_its_flag() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    let uri = "https://app.example.org/callback";
    let id = program.must_json(&["client", "add", "App", "--redirect-uri", uri, "--json"])["client_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    for (flag, given, member, expected) in simple_flags().into_iter().chain(address_flags()) {
        program.must(&["client", "set", &id, &format!("{flag}={given}")], "");
        let shown = program.must_json(&["client", "show", &id, "--json"]);
        assert_eq!(shown[member], expected, "{flag}");
    }
    let shown = program.must_json(&["client", "show", &id, "--json"]);
    assert!(shown["grant_types"].as_array().expect("grants").contains(&json!("implicit")), "{shown}");
    program.must(&["client", "set", &id, "--response-type", "code"], "");
    let shown = program.must_json(&["client", "show", &id, "--json"]);
    assert!(!shown["grant_types"].as_array().expect("grants").contains(&json!("implicit")), "{shown}");
    for (flag, named) in [
        ("--response-type=token", "id_token token"),
        ("--id-token-alg=none", "RS256"),
        ("--subject-type=x", "pairwise"),
        ("--profile=fapi1", "fapi2"),
        ("--default-max-age=x", "seconds"),
        ("--profile=fapi2", "private_key_jwt"),
        ("--initiate-login-uri=http://a.example/", "https"),
    ] {
        let said = refused(&program.run(&["client", "set", &id, flag], ""));
        assert!(said.contains(named), "{flag}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_needs_another_secret_is_told_to_get_it() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    let uri = "https://app.example.org/callback";
    let add = ["client", "add", "App", "--public", "--redirect-uri", uri, "--json"];
    let id = program.must_json(&add)["client_id"].as_str().expect("an id").to_owned();
    let said = program.must(&["client", "set", &id, "--auth-method", "client_secret_basic"], "");
    assert!(said.contains(&format!("rotate-secret {id}")), "{said}");
    let check = program.run(&["check", "--client", &id], "");
    assert_eq!(check.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&check.stdout).contains(&format!("rotate-secret {id}")));
    program.must(&["client", "rotate-secret", &id], "");
    let said = program.must(&["client", "set", &id, "--auth-method", "client_secret_post"], "");
    assert!(!said.contains("rotate-secret"), "{said}");
    let said = program.must(&["client", "set", &id, "--auth-method", "client_secret_jwt"], "");
    assert!(said.contains("rotate-secret"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_explains_a_client() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    let uri = "https://app.example.org/callback";
    let add = ["client", "add", "App", "--redirect-uri", uri, "--json"];
    let id = program.must_json(&add)["client_id"].as_str().expect("an id").to_owned();
    let said = program.must(&["check", "--client", &id], "");
    for word in
        ["App, registered by the operator", uri, "client_secret_basic", "openid-configuration", "everybody"]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
    let findings = program.must_json(&["check", "--client", &id, "--json"]);
    assert!(findings.as_array().expect("findings").iter().all(|finding| finding["ok"] == true), "{findings}");
    for (flag, word) in [
        ("--scope=openid calendar", "calendar is not known here"),
        ("--backchannel-logout-uri=https://127.0.0.1:1/b", "not a public address"),
        ("--jwks-uri=https://127.0.0.1:1/jwks", "jwks_uri https://127.0.0.1:1/jwks has a host"),
        ("--request-uri=https://127.0.0.1:1/r", "request_uri https://127.0.0.1:1/r"),
        ("--sector-identifier-uri=https://127.0.0.1:1/s", "sector_identifier_uri"),
        ("--tls-bound", "tls.client_certificates"),
    ] {
        program.must(&["client", "set", &id, flag], "");
        let check = program.run(&["check", "--client", &id], "");
        let said = String::from_utf8_lossy(&check.stdout).into_owned();
        assert_eq!(check.status.code(), Some(1), "{said}");
        assert!(said.lines().any(|line| line.starts_with("FAIL") && line.contains(word)), "{word}: {said}");
    }
    let none = program.run(&["check", "--client", "nobody"], "");
    assert!(none.status.code() == Some(1) && String::from_utf8_lossy(&none.stdout).contains("client list"));
}

/// No redirect URI proves to the device flow whose sector an app is of (OIDC Core §8.1): as at a registration.
#[tokio::test(flavor = "multi_thread")]
async fn a_pairwise_app_for_devices_is_refused_and_one_of_before_is_told() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let uri = ["--redirect-uri", "https://tv.example.org/cb"];
    let add = ["client", "add", "Television", "--grant-type", "authorization_code", "--grant-type", device];
    let pairwise = ["--subject-type", "pairwise"];
    let refused = |arguments: &[&str]| {
        let output = program.run(arguments, "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("subject_type: must be public for the device flow"), "{said}");
    };
    refused(&[&add[..], &uri, &pairwise].concat());
    let added = program.must_json(&[&add[..], &uri, &["--json"]].concat());
    let id = added["client_id"].as_str().unwrap().to_owned();
    refused(&["client", "set", &id, "--subject-type", "pairwise"]);
    let mut tx = program.database.db.write().await.unwrap();
    let before = store::clients::find(&mut tx, &id).await.unwrap().unwrap().metadata;
    let mut metadata: serde_json::Value = serde_json::from_str(&before).unwrap();
    metadata["subject_type"] = "pairwise".into();
    assert!(store::clients::set_metadata(&mut tx, &id, &metadata.to_string(), 1).await.unwrap());
    tx.commit().await.unwrap();
    let check = program.run(&["check", "--client", &id], "");
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert_eq!(check.status.code(), Some(1), "{said}");
    assert!(said.lines().any(|line| line.starts_with("FAIL") && line.contains("device flow")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_printed_once() {
    let (program, _smtp) = program(Database::sqlite().await).await;
    let invite = ["client", "invite", "--uses", "3", "--lifetime", "2h", "--note", "for Bo", "--json"];
    let made = program.must_json(&invite);
    assert_eq!(made["uses"], 3);
    assert!(made["initial_access_token"].as_str().is_some_and(|token| token.len() == 43));
    assert!(program.must(&["client", "invite"], "").contains("one registration"));
    assert!(program.must(&["audit", "--json"], "").contains("for Bo"));
    for wrong in [["--uses", "0"], ["--lifetime", "0s"], ["--lifetime", "400d"], ["--lifetime", "x"]] {
        let output = program.run(&["client", "invite", wrong[0], wrong[1]], "");
        assert!(!output.status.success(), "{wrong:?}");
    }
}
