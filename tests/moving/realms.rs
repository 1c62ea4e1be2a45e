//! What comes of a realm of Keycloak's, in one file and in a folder, and of Authelia's files?

use std::path::Path;

use countersign::directory::{Brought, Passwords};
use countersign::moving::csv::Defaults;
use countersign::moving::file::Progress;
use countersign::moving::source::{App, Source, Standing};
use countersign::moving::{authelia, keycloak};
use serde_json::{Value, json};

use crate::installation::PASSWORD;
use crate::mover::{moved_in, state};
use crate::support::Database;
use crate::support::program::Program;
use crate::support::smtp::Smtp;

/// Base64 of a salt of sixteen letters.
const SALT: &str = "c2FsdHNhbHRzYWx0c2FsdA==";

fn credential(how: &Value, value: &str, salt: &str) -> Value {
    json!([{
        "type": "password",
        "secretData": json!({"value": value, "salt": salt, "additionalParameters": {}}).to_string(),
        "credentialData": how.to_string(),
    }])
}

fn users() -> Value {
    let pbkdf2 = json!({"hashIterations": 1000, "algorithm": "pbkdf2-sha256", "additionalParameters": {}});
    let argon2 = json!({"hashIterations": 5, "algorithm": "argon2", "additionalParameters":
        {"hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}});
    json!([
        {"id": "u1", "username": "ned", "email": "ned@acme.example", "emailVerified": true, "enabled": true, "firstName": "Ned",
         "lastName": "Nolan", "groups": ["/Sales/North"], "realmRoles": ["default-roles-acme", "accountant"],
         "credentials": credential(&pbkdf2, "Cf9xjlisAEzRbMZsosxST/5+wkpfUV6uoqiZkYtP6iQ=", SALT)},
        {"id": "u2", "username": "zoe", "enabled": true,
         "credentials": credential(&argon2, "alh8Uv2Szrn7P1khp7HzhzcLM+fAAhq4EWW7E4f/cfU=", "NGVZbUEzRzJ3d2tLRFhzMg==")},
        {"id": "u3", "username": "off", "enabled": false, "groups": ["/Sales", "/Sales/North"], "credentials": []},
        {"id": "u4", "username": "service-account-x", "enabled": true, "serviceAccountClientId": "x"}
    ])
}

fn realm(with_users: bool) -> Value {
    let mut realm = json!({
        "realm": "acme", "displayName": "Acme", "defaultLocale": "de",
        "groups": [{"id": "g1", "name": "Sales", "path": "/Sales", "subGroups": [{"id": "g2", "name": "North", "subGroups": []}]}],
        "clients": [
            {"clientId": "account", "enabled": true, "protocol": "openid-connect"},
            {"clientId": "wiki", "name": "Wiki", "enabled": true, "protocol": "openid-connect", "secret": "0123456789abcdef0123456789abcdef",
             "rootUrl": "https://wiki.example", "redirectUris": ["/callback", "https://wiki.example/*"], "publicClient": false},
            {"clientId": "spa", "enabled": true, "redirectUris": ["https://spa.example/back"], "publicClient": true, "consentRequired": true},
            {"clientId": "old", "enabled": true, "protocol": "saml", "redirectUris": ["https://old.example/"]},
            {"clientId": "wild", "enabled": true, "redirectUris": ["https://wild.example/*"], "secret": "**********"}
        ]
    });
    if with_users {
        realm["users"] = users();
    }
    realm
}

fn read(path: &Path) -> Source {
    keycloak::read(path, &Progress::default()).unwrap_or_else(|e| panic!("{e}"))
}

crate::on_both_databases! {
    /// The same realm, whole and in pieces.
    async fn a_realm_comes_as_one_file_or_as_a_folder(database) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.json");
        std::fs::write(&file, realm(true).to_string()).unwrap();
        let pieces = tempfile::tempdir().unwrap();
        std::fs::write(pieces.path().join("acme-realm.json"), realm(false).to_string()).unwrap();
        for (at, user) in users().as_array().unwrap().iter().enumerate() {
            let piece = json!({"realm": "acme", "users": [user]});
            std::fs::write(pieces.path().join(format!("acme-users-{at}.json")), piece.to_string()).unwrap();
        }
        let (whole, split) = (read(&file), read(pieces.path()));
        assert_eq!((&whole.groups, &whole.users, &whole.apps), (&split.groups, &split.users, &split.apps));
        let ids: Vec<&App> = whole.apps.iter().collect();
        assert_eq!(ids.iter().map(|app| (app.id.as_str(), app.public, app.redirect_uris.join(" "))).collect::<Vec<_>>(), [
            ("wiki", false, "https://wiki.example/callback".to_owned()),
            ("spa", true, "https://spa.example/back".to_owned()),
            ("wild", false, String::new()),
        ]);
        let (summary, done) = moved_in(&database.db, whole).await;
        assert!(done.refused.is_empty() && summary.left_out.is_empty(), "{summary:#?} {done:?}");
        let seen: Vec<_> = state(&database.db).await["users"].as_array().unwrap().iter()
            .map(|user| json!([user["login"], user["group"], user["role"], user["status"], user["hash"]])).collect();
        assert_eq!(seen, [
            json!(["ned", "Acme/Sales/North", "User", "active", "{foreign}"]),
            json!(["off", "Acme/Sales", "User", "disabled", null]),
            json!(["zoe", "Acme", "User", "active", "{foreign}"]),
        ]);
        let passwords = Passwords::new(2, 10);
        for person in countersign::directory::people::list(&mut database.db.read().await.unwrap(), None, None, "", 10).await.unwrap() {
            let turn = passwords.enter(countersign::directory::Lane::default()).await.unwrap();
            let typed = countersign::directory::Password::typed(PASSWORD);
            let right = passwords.verify(&turn, person.password_hash.as_deref(), &typed).await.unwrap();
            assert_eq!(right, person.login != "off", "{}", person.login);
        }
        let told: Vec<&str> = summary.notes.iter().map(|note| note.text.as_str()).collect();
        for said in ["1 people are in several groups", "accountant", "old does not come: it speaks SAML", "wild.example/*"] {
            assert!(told.iter().any(|text| text.contains(said)), "{said}: {told:#?}");
        }
    }
}

const USERS: &str = "users:
  ned:
    disabled: false
    displayname: 'Ned Nolan'
    password: '$6$abcdefgh$KPzvtaVCdkta7IevnwwCK0Zj62t07TjhQ.i0Voa.xA7FN084DBKCZKCk9Gl1akvsq9do9TqCIZSrV.riZ3fK.1'
    email: ned@acme.example
    groups:
      - admins
      - dev
  off:
    disabled: true
    displayname: Off
    password: '$argon2id$v=19$m=7168,t=5,p=1$NGVZbUEzRzJ3d2tLRFhzMg$alh8Uv2Szrn7P1khp7HzhzcLM+fAAhq4EWW7E4f/cfU'
    email: ''
";

const CONFIGURATION: &str = "server:
  address: 'tcp://:9091/'
identity_providers:
  oidc:
    clients:
      - client_id: wiki
        client_name: Wiki
        client_secret: '$pbkdf2-sha512$310000$x$y'
        public: false
        consent_mode: explicit
        redirect_uris: ['https://wiki.example/callback']
";

#[test]
fn the_files_of_authelia_name_people_and_apps() {
    let defaults = Defaults { group: Some("Acme".to_owned()), ..Defaults::default() };
    let mut source = authelia::read(USERS.as_bytes(), &defaults).unwrap();
    authelia::apps(CONFIGURATION.as_bytes(), &mut source).unwrap();
    let people: Vec<_> = source.users.iter().map(|user| (user.login.as_str(), user.standing)).collect();
    assert_eq!(people, [("ned", Standing::Active), ("off", Standing::Disabled)]);
    for user in &source.users {
        assert!(Brought::read(&user.password.as_ref().unwrap().0).is_ok(), "{}", user.login);
    }
    assert_eq!((source.apps[0].id.as_str(), source.apps[0].consent), ("wiki", true));
    assert!(source.notes.iter().any(|note| note.text.contains("admins (1), dev (1)")), "{:?}", source.notes);
    let error =
        authelia::read(USERS.replace("disabled: true", "disabled: {").as_bytes(), &defaults).unwrap_err();
    assert!(error.to_string().starts_with("line 1"), "{error}");
}

/// Through the program: its apps are registered with the secrets that they have, and what cannot be is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_apps_of_a_realm_are_registered_with_their_secrets() {
    let smtp = Smtp::start().await;
    let program = Program::new(Database::empty_sqlite().await, &smtp);
    program.init();
    let file = program.path("realm.json");
    std::fs::write(&file, realm(true).to_string()).unwrap();
    let import = ["import", "keycloak", file.to_str().unwrap(), "--json"];
    let done: Value = serde_json::from_str(&program.must(&import, "")).unwrap();
    assert_eq!(
        (&done["apps"]["new"], &done["refused"][0][0]),
        (&json!(3), &json!("the app wild")),
        "{done:#}"
    );
    let wiki = program.must_json(&["client", "show", "wiki", "--json"]);
    assert_eq!(wiki["redirect_uris"], json!(["https://wiki.example/callback"]), "{wiki:#}");
    assert_eq!(program.must_json(&["client", "show", "spa", "--json"])["token_endpoint_auth_method"], "none");
    let again: Value = serde_json::from_str(&program.must(&import, "")).unwrap();
    assert_eq!(
        (&again["apps"]["new"], &again["apps"]["unchanged"], &again["users"]["new"]),
        (&json!(1), &json!(2), &json!(0))
    );
    std::fs::write(&file, realm(false).to_string()).unwrap();
    let silent = program.run(&import, "");
    assert!(String::from_utf8_lossy(&silent.stderr).contains("this realm comes without its users"));
}

/// As Keycloak wrote passwords before its version 8, and what it writes in a way that nobody knows.
#[test]
fn the_passwords_of_an_old_keycloak_come_too() {
    let mut old = realm(true);
    let hash = "Cf9xjlisAEzRbMZsosxST/5+wkpfUV6uoqiZkYtP6iQ=";
    old["users"][0]["credentials"] = json!([{"type": "password", "hashedSaltedValue": hash, "salt": SALT, "hashIterations": 1000,
        "counter": 0, "algorithm": "pbkdf2-sha256", "digits": 0, "period": 0, "config": {}}]);
    old["users"][0]["requiredActions"] = json!(["UPDATE_PASSWORD"]);
    old["users"][1]["credentials"] =
        json!([{"type": "password", "secretData": "{}", "credentialData": "{}"}]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.json");
    std::fs::write(&file, old.to_string()).unwrap();
    let (before, now) = (read(&file), {
        std::fs::write(&file, realm(true).to_string()).unwrap();
        read(&file)
    });
    assert!(before.users[0].password.is_some() && before.users[0].password == now.users[0].password);
    let told: Vec<&str> = before.notes.iter().map(|note| note.text.as_str()).collect();
    for said in [
        "zoe: the password is written in a way that is not known here",
        "1 people had to change their password",
    ] {
        assert!(told.iter().any(|text| text.contains(said)), "{said}: {told:#?}");
    }
}

/// What is missing is said, and nothing comes without it.
#[test]
fn a_realm_in_part_is_refused() {
    let (mut empty, mut services) = (realm(true), realm(true));
    empty["users"] = json!([]);
    services["users"] = json!([users()[3]]);
    let folder = tempfile::tempdir().unwrap();
    let users_alone = tempfile::tempdir().unwrap();
    let piece = json!({"realm": "acme", "users": users()});
    std::fs::write(users_alone.path().join("acme-users-0.json"), piece.to_string()).unwrap();
    let refused = |path: &Path| keycloak::read(path, &Progress::default()).unwrap_err().to_string();
    let file = folder.path().join("realm.json");
    let written = |realm: &Value| {
        std::fs::write(&file, realm.to_string()).unwrap();
        refused(&file)
    };
    for (error, expected) in [
        (written(&empty), "this realm comes without its users"),
        (written(&services), "this realm comes without its users"),
        (written(&json!([realm(true), {"realm": "master"}])), "--realm REALM"),
        (refused(users_alone.path()), "REALM-realm.json"),
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

/// The names that 4.36 had for it, and secrets that are not hashed.
#[test]
fn the_apps_of_an_older_authelia_come_too() {
    let configuration = "identity_providers:
  oidc:
    clients:
      - id: portainer
        description: Portainer
        secret: 'plain-as-it-was'
        redirect_uris: ['https://portainer.example/']
      - client_id: gitea
        client_secret: '$plaintext$marked-as-plain'
        redirect_uris: ['https://gitea.example/back']
      - client_id: hashed
        client_secret: '$pbkdf2-sha512$310000$x$y'
      - description: nobody
";
    let mut source = Source::default();
    authelia::apps(configuration.as_bytes(), &mut source).unwrap();
    let seen: Vec<_> = source
        .apps
        .iter()
        .map(|app| (app.id.as_str(), app.name.as_str(), app.secret.as_ref().map(|secret| secret.0.as_str())))
        .collect();
    assert_eq!(
        seen,
        [
            ("portainer", "Portainer", Some("plain-as-it-was")),
            ("gitea", "gitea", Some("marked-as-plain")),
            ("hashed", "hashed", None)
        ]
    );
    let told: Vec<&str> = source.notes.iter().map(|note| note.text.as_str()).collect();
    assert!(
        told.len() == 2 && told[0].contains("hashed is hashed") && told[1].contains("no client_id"),
        "{told:?}"
    );
    let people = USERS.replace(
        "    groups:\n",
        "    locale: de-DE\n    phone_number: '+49 1'\n    address:\n      locality: Munich\n    groups:\n",
    );
    let defaults = Defaults { group: Some("Acme".to_owned()), ..Defaults::default() };
    let claims = &authelia::read(people.as_bytes(), &defaults).unwrap().users[0].claims;
    let seen: Vec<_> = claims.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(seen, ["locale=de-DE", "phone_number=+49 1", "address.locality=Munich"]);
    let error = authelia::read(USERS.replace("admins", "[x").as_bytes(), &defaults).unwrap_err().to_string();
    assert!(!error.contains("error:"), "{error}");
}
