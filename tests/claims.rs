//! What are apps told about a person: every standard claim of OIDC Core §5.1, by the scopes of §5.4?
#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::directory::users::{self, Changes};
use countersign::directory::{By, ClaimChanges, Error, Person};
use countersign::keys::secret::entropy;
use countersign::store;
use serde_json::{Map, Value, json};
use support::Database;
use support::admin::PASSWORD;
use support::browser::http;
use support::program::Program;
use support::relying_app::{Answer, RelyingApp};
use support::site::Site;
use support::smtp::Smtp;

/// Every claim that somebody writes down, as on the command line.
const EVERY_CLAIM: [&str; 20] = [
    "given_name=Edward",
    "family_name=Ludd",
    "middle_name=of Anstey",
    "nickname=Ned",
    "preferred_username=captain",
    "profile=https://people.example.org/ned",
    "picture=https://people.example.org/ned.png",
    "website=http://luddites.example.org/",
    "gender=male",
    "birthdate=0000-03-11",
    "zoneinfo=Europe/London",
    "locale=en-gb",
    "phone_number=+44 115 496 0123",
    "phone_number_verified=true",
    "address.formatted=1 Frame Road\nNottingham NG1 1AA\nUnited Kingdom",
    "address.street_address=1 Frame Road",
    "address.locality=Nottingham",
    "address.region=Nottinghamshire",
    "address.postal_code=NG1 1AA",
    "address.country=United Kingdom",
];

const EVERY_SCOPE: &str = "openid profile email address phone groups";

/// A change that sets claims.
fn claims(written: &[&str]) -> Changes {
    let claims = ClaimChanges::parse(written.iter().copied()).expect("claims");
    Changes { claims, ..Changes::default() }
}

/// What `/userinfo` says to an app that asks for these scopes when somebody has signed in.
async fn told(site: &Site, app: &RelyingApp, login: &str, scope: &str) -> Map<String, Value> {
    let (_, tokens) = site.signed_in(app, &app.visit().with("scope", scope), login).await;
    assert_eq!(tokens.json["scope"], scope, "{}", tokens.json);
    let me = app.userinfo(&tokens.text("access_token")).await;
    assert_eq!(me.status, 200, "{}", me.json);
    me.json.as_object().expect("an object").clone()
}

/// Whether an app hears that somebody's email is verified, when they sign in without a code.
async fn verified(site: &Site, app: &RelyingApp, login: &str) -> Value {
    let off = site.admin.set_two_factor(&site.acme, false).await;
    let told = told(site, app, login, "openid email").await;
    site.admin.set_two_factor(&off, true).await;
    told["email_verified"].clone()
}

/// The names of the claims.
fn names(claims: &Map<String, Value>) -> BTreeSet<&str> {
    claims.keys().map(String::as_str).collect()
}

fn set_of<'a>(names: &[&'a str]) -> BTreeSet<&'a str> {
    names.iter().copied().collect()
}

crate::on_both_databases! {
    async fn every_claim_of_every_scope_arrives_with_the_type_of_the_standard(database) {
        let site = Site::on(database).await;
        site.admin.change("ned", Changes { name: Some("Ned Ludd".to_owned()), ..claims(&EVERY_CLAIM) }).await;
        let app = site.admin.add_app().await;
        let told = told(&site, &app, "ned", EVERY_SCOPE).await;
        let expected = json!({
            "sub": site.admin.user("ned").await.id,
            "name": "Ned Ludd",
            "given_name": "Edward",
            "family_name": "Ludd",
            "middle_name": "of Anstey",
            "nickname": "Ned",
            "preferred_username": "captain",
            "profile": "https://people.example.org/ned",
            "picture": "https://people.example.org/ned.png",
            "website": "http://luddites.example.org/",
            "gender": "male",
            "birthdate": "0000-03-11",
            "zoneinfo": "Europe/London",
            "locale": "en-GB",
            "updated_at": site.now(),
            "email": "ned@example.org",
            "email_verified": true,
            "phone_number": "+44 115 496 0123",
            "phone_number_verified": true,
            "address": {
                "formatted": "1 Frame Road\nNottingham NG1 1AA\nUnited Kingdom",
                "street_address": "1 Frame Road",
                "locality": "Nottingham",
                "region": "Nottinghamshire",
                "postal_code": "NG1 1AA",
                "country": "United Kingdom",
            },
            "groups": ["Acme"],
            "role": "User",
            "rights": ["manage_own_settings", "track_time", "view_users"],
        });
        assert_eq!(Value::from(told), expected);
    }

    async fn a_scope_opens_its_claims_and_no_others(database) {
        let site = Site::on(database).await;
        site.admin.change("ned", claims(&EVERY_CLAIM)).await;
        let app = site.admin.add_app().await;
        for (scope, expected) in [
            ("openid", &["sub"][..]),
            ("openid email", &["sub", "email", "email_verified"]),
            ("openid phone", &["sub", "phone_number", "phone_number_verified"]),
            ("openid address", &["sub", "address"]),
        ] {
            let told = told(&site, &app, "ned", scope).await;
            assert_eq!(names(&told), set_of(expected), "{scope}");
        }
    }

    async fn claims_without_a_value_are_left_out(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        site.admin.set_two_factor(&site.acme, false).await;
        let about_nia = told(&site, &app, "nia", EVERY_SCOPE).await;
        let expected = ["sub", "name", "preferred_username", "updated_at", "groups", "role", "rights"];
        assert_eq!(names(&about_nia), set_of(&expected));
        assert_eq!(about_nia["preferred_username"], "nia", "the login unless another is set");
        assert_eq!(about_nia["name"], "nia", "the login where no name is known");
        site.admin.change("nia", claims(&["address.country=France", "phone_number=+33 1 00 00 00 00"])).await;
        let about_nia = told(&site, &app, "nia", "openid address phone").await;
        assert_eq!(about_nia["address"], json!({"country": "France"}));
        assert_eq!(about_nia["phone_number_verified"], false, "nobody has vouched for it");
        site.admin.change("nia", claims(&["address.country=", "phone_number="])).await;
        assert_eq!(names(&told(&site, &app, "nia", "openid address phone").await), set_of(&["sub"]));
    }

    /// False while a manager has merely written the address down; true from the code on; false for the next address.
    async fn an_email_is_verified_by_the_code_that_was_sent_there(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        assert_eq!(verified(&site, &app, "ned").await, false);
        site.advance(5);
        let about_ned = told(&site, &app, "ned", "openid profile email").await;
        assert_eq!((&about_ned["email_verified"], &about_ned["updated_at"]), (&json!(true), &json!(site.now())));
        site.admin.change("ned", Changes { name: Some("Ned".to_owned()), ..claims(&["nickname=Neddy"]) }).await;
        site.admin.change_email("ned", Some("ned@example.org")).await;
        assert_eq!(verified(&site, &app, "ned").await, true, "the address is the same");
        site.admin.change_email("ned", Some("ned@elsewhere.example")).await;
        assert_eq!(verified(&site, &app, "ned").await, false, "another address");
        site.admin.change_email("ned", Some("ned@example.org")).await;
        assert_eq!(verified(&site, &app, "ned").await, false, "it may be somebody else's by now");
        let events = site.admin.events().await;
        assert_eq!(events.iter().filter(|event| event.event == "user.email_verified").count(), 1);
    }

    /// A code that was given by hand shows nothing about a mailbox.
    async fn a_code_given_by_hand_verifies_no_email(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit().with("scope", "openid email");
        let mut browser = site.after_password(&visit, "ned").await;
        let code = site.give_code("ned").await;
        browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let me = app.userinfo(&tokens.text("access_token")).await;
        assert_eq!(me.json["email_verified"], false, "{}", me.json);
        let mut browser = site.after_password(&app.visit(), "ned").await;
        browser.fill("code", "000000x").fill("password", PASSWORD).submit().await;
        assert_eq!(verified(&site, &app, "ned").await, false, "nor does a wrong one");
    }

    /// A code goes to a login that is an address where there is no email; no email is verified by that.
    async fn a_login_that_is_an_address_verifies_no_email(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "ivy@example.org", "User", None).await;
        let app = site.admin.add_app().await;
        let visit = app.visit().with("scope", "openid email");
        let mut browser = site.after_password(&visit, "ivy@example.org").await;
        let code = site.inbox("ivy@example.org").code();
        browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let me = app.userinfo(&tokens.text("access_token")).await;
        assert_eq!(names(me.json.as_object().unwrap()), set_of(&["sub"]));
        site.admin.change_email("ivy@example.org", Some("ivy@example.org")).await;
        assert!(site.admin.user("ivy@example.org").await.email_verified_at.is_none());
    }

    /// Both touch the user and their codes; neither may wait for the other for ever.
    async fn a_right_code_waits_for_a_change_of_the_user_that_has_begun(database) {
        let site = Site::with(database, |config| config.signin.ask_password_with_code = false).await;
        let app = site.admin.add_app().await;
        let mut browser = site.after_password(&app.visit(), "ned").await;
        let (ned, code) = (site.admin.user("ned").await, site.inbox("ned@example.org").code());
        let mut change = site.admin.db.write().await.unwrap();
        store::users::lock(&mut change, &ned.id).await.unwrap();
        browser.fill("code", &code);
        let submitted = tokio::spawn(async move {
            browser.submit().await;
            browser
        });
        // Time enough for the code step to get as far as it can.
        tokio::time::sleep(Duration::from_millis(300)).await;
        store::challenges::end_of_user(&mut change, &ned.id, site.now()).await.unwrap();
        change.commit().await.unwrap();
        let browser = submitted.await.unwrap();
        assert!(!browser.has_left() && browser.status() == 200, "{}", browser.text());
        assert!(site.admin.user("ned").await.email_verified_at.is_none(), "the code had ended");
    }

    /// Who somebody is stays the same: a pending code holds, and a session too.
    async fn a_change_of_claims_ends_nothing(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let mut browser = site.after_password(&visit, "ned").await;
        let code = site.inbox("ned@example.org").code();
        site.admin.change("ned", claims(&["nickname=Neddy"])).await;
        browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        visit.code(&browser.arrived());
        site.admin.change("ned", claims(&["nickname="])).await;
        let silent = app.visit().with("prompt", "none");
        browser.open(&silent.url()).await;
        silent.code(&browser.arrived());
    }

    /// Apps may tell people apart by it: nobody is taken for somebody else.
    async fn a_preferred_username_is_nobody_elses(database) {
        let site = Site::on(database).await;
        site.admin.change("max", claims(&["preferred_username=Captain"])).await;
        for taken in ["ADA", "captain", "ｃａｐｔａｉｎ", "\u{430}\u{501}\u{430}"] {
            let refused = set(&site, None, "ned", &[&format!("preferred_username={taken}")]).await.unwrap_err();
            assert!(matches!(refused, Error::UsernameTaken(_)), "{taken}: {refused}");
        }
        set(&site, None, "max", &["preferred_username=CAPTAIN"]).await.expect("his own");
        set(&site, None, "ned", &["preferred_username=ned"]).await.expect("his own login");
        let mut tx = site.admin.db.write().await.unwrap();
        let captain = countersign::directory::Login::parse("captain").unwrap();
        let changes = Changes { login: Some(captain), ..Changes::default() };
        let by = By::operator(site.now() * 1000);
        let ned = site.admin.user("ned").await;
        let refused = users::set(&mut tx, &ned, changes, &by, &mut entropy()).await;
        assert!(matches!(refused, Err(Error::LoginTaken(_))), "{refused:?}");
        drop(tx);
        site.admin.change("max", claims(&["preferred_username="])).await;
        set(&site, None, "ned", &["preferred_username=captain"]).await.expect("free again");
    }

    /// The rules are those of every edit; and nobody vouches for themselves.
    async fn who_may_set_claims(database) {
        let site = Site::on(database).await;
        for (actor, target, claim, expected) in [
            ("ned", "ned", "nickname=Neddy", None),
            ("ned", "ned", "phone_number=+33 1 00 00 00 00", None),
            ("ned", "ned", "phone_number_verified=true", Some("nobody sets their own phone_number_verified")),
            ("ned", "ned", "preferred_username=captain", Some("nobody sets their own preferred_username")),
            ("ned", "nia", "nickname=N", Some("manage_users")),
            ("max", "ned", "phone_number_verified=true", None),
            ("max", "ned", "preferred_username=captain", None),
            ("max", "ada", "nickname=A", Some("higher rank")),
        ] {
            let done = set(&site, Some(actor), target, &[claim]).await;
            match (expected, done) {
                (None, done) => assert!(done.is_ok(), "{actor} sets {claim} of {target}: {done:?}"),
                (Some(expected), done) => {
                    let refused = done.expect_err(claim).to_string();
                    assert!(refused.contains(expected), "{actor} sets {claim} of {target}: {refused}");
                }
            }
        }
        let events = site.admin.events().await;
        let named = |word: &str| events.iter().any(|event| event.details.contains(word));
        assert!(named("preferred_username") && !named("captain"), "the log names the claim and not its value");
    }

    async fn claims_are_set_and_shown_on_the_command_line(database) {
        let smtp = Smtp::start().await;
        let program = Program::new(database, &smtp);
        program.init();
        program.must(&["group", "add", "Acme"], "");
        let mut add = vec!["user", "add", "ned", "--group", "Acme", "--role", "User", "--email", "ned@example.org"];
        add.extend(["--password-stdin", "--json", "--claim", "nickname=Ned", "--claim", "address.locality=Paris"]);
        let added: Value = serde_json::from_str(&program.must(&add, &format!("{PASSWORD}\n"))).unwrap();
        assert_eq!(added["claims"], json!({"nickname": "Ned", "address": {"locality": "Paris"}}));
        assert_eq!((&added["email_verified"], added["updated_at"].is_i64()), (&json!(false), true));
        program.must(&["user", "set", "ned", "--claim", "nickname=", "--claim", "locale=fr_FR"], "");
        let shown = program.must_json(&["user", "show", "ned", "--json"]);
        assert_eq!(shown["claims"], json!({"locale": "fr-FR", "address": {"locality": "Paris"}}));
        let shown = program.must(&["user", "show", "ned"], "");
        assert!(shown.contains("  locale: fr-FR\n") && shown.contains("  address.locality: Paris\n"), "{shown}");
        for (wrong, expected) in [
            ("nickname", "NAME=VALUE"),
            ("nick=Ned", "there is no claim nick; there are: given_name"),
            ("email=x@example.org", "--email"),
            ("website=javascript:alert(1)", "https://"),
            ("birthdate=1970-02-30", "YYYY-MM-DD"),
            ("phone_number=0115 496 0123", "E.164"),
            ("preferred_username=root", "somebody else"),
        ] {
            let refused = program.run(&["user", "set", "ned", "--claim", wrong], "");
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!((refused.status.code(), said.lines().count()), (Some(1), 1), "{wrong}: {said}");
            assert!(said.contains(expected), "{wrong}: {said}");
        }
        assert_eq!(program.must_json(&["user", "show", "ned", "--json"])["claims"]["locale"], "fr-FR");
    }
}

/// A user, or the operator, sets claims of a user.
async fn set(site: &Site, actor: Option<&str>, target: &str, written: &[&str]) -> Result<Person, Error> {
    let now_ms = site.now() * 1000;
    let target = site.admin.user(target).await;
    let mut tx = site.admin.db.write().await?;
    let by = match actor {
        Some(actor) => {
            let actor = site.admin.user(actor).await;
            By::user(&mut tx, &actor, now_ms).await?
        }
        None => By::operator(now_ms),
    };
    let person = users::set(&mut tx, &target, claims(written), &by, &mut entropy()).await?;
    tx.commit().await?;
    Ok(person)
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_names_every_scope_and_every_claim() {
    let site = Site::on(Database::sqlite().await).await;
    let metadata =
        Answer::of(http().get(site.url.join(".well-known/openid-configuration").expect("a path"))).await.json;
    for scope in EVERY_SCOPE.split(' ') {
        assert!(metadata["scopes_supported"].as_array().unwrap().contains(&json!(scope)), "{scope}");
    }
    site.admin.set_two_factor(&site.acme, false).await;
    site.admin.change("ned", Changes { name: Some("Ned".to_owned()), ..claims(&EVERY_CLAIM) }).await;
    let app = site.admin.add_app().await;
    for name in names(&told(&site, &app, "ned", EVERY_SCOPE).await) {
        assert!(metadata["claims_supported"].as_array().unwrap().contains(&json!(name)), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_consents_is_told_what_the_app_learns() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app_with(|metadata| metadata.consent = true).await;
    let visit = app.visit().with("scope", "openid address phone");
    let browser = site.after_password(&visit, "ada").await;
    let page = browser.text();
    assert!(page.contains("your postal address") && page.contains("your phone number"), "{page}");
}
