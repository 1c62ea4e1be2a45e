//! What when two things happen at once? Each of these was right alone, and wrong beside another one.
#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::config::RegistrationMode;
use countersign::directory::users::{Changes, NewUser};
use countersign::directory::{By, ClaimChanges, Error, Lane, Login, Password, Passwords, roles, users};
use countersign::keys::secret::entropy;
use countersign::oidc::clients;
use countersign::store::Tx;
use reqwest::{Method, StatusCode};
use serde_json::json;
use support::admin::{PASSWORD, REDIRECT_URI};
use support::browser::{Browser, http};
use support::relying_app::{Answer, RelyingApp};
use support::site::Site;
use tokio::task::JoinSet;

/// The hash of [`PASSWORD`] as a program made it that does less work.
const OUTDATED: &str =
    "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$HhdGxmsoo8pSkWu74EOdjWuyMCjKM2aof0XQCAMO4jU";

/// Time enough for a request to get as far as it can.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(700)).await;
}

fn by(site: &Site) -> By {
    By::operator(site.now() * 1000)
}

/// A transaction that has given somebody another password, and is not committed yet.
async fn changing_the_password(site: &Site, login: &str) -> Tx {
    let hash = Passwords::new(1, 1)
        .hash(Lane::default(), &Password::typed("another horse battery"), &mut entropy())
        .await;
    changing_the_hash(site, login, &hash.unwrap()).await
}

async fn changing_the_hash(site: &Site, login: &str, hash: &str) -> Tx {
    let person = site.admin.user(login).await;
    let mut tx = site.admin.db.write().await.unwrap();
    users::set_password(&mut tx, &person, hash, &by(site), &mut entropy()).await.unwrap();
    tx
}

/// Opens an address while a transaction is open, and commits that in the middle.
async fn open_during(mut browser: Browser, address: String, change: Tx) -> Browser {
    let opened = tokio::spawn(async move {
        browser.open(&address).await;
        browser
    });
    a_while().await;
    change.commit().await.unwrap();
    opened.await.unwrap()
}

async fn push(app: &RelyingApp, asked: &BTreeMap<String, String>) -> Answer {
    let fields: Vec<(&str, &str)> = asked.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    app.ask("par", &fields).await
}

crate::on_both_databases! {
    /// The old one is right when it is checked, and no longer when that is written down.
    async fn a_password_that_is_replaced_while_it_is_checked_opens_nothing(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let app = site.admin.add_app().await;
        let mut browser = site.browser();
        browser.open(&app.visit().url()).await;
        let change = changing_the_password(&site, "ned").await;
        browser.fill("login", "ned").fill("password", PASSWORD);
        let submitted = tokio::spawn(async move {
            browser.submit().await;
            browser
        });
        a_while().await;
        change.commit().await.unwrap();
        let browser = submitted.await.unwrap();
        assert!(browser.has_field("login") && !browser.has_left(), "{}", browser.text());
    }

    /// A hash of another program's is replaced at the first sign-in, by whichever of two clicks is faster.
    async fn a_double_click_while_the_hash_is_renewed_is_no_change_of_the_account(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for round in 0..5 {
            changing_the_hash(&site, "ned", OUTDATED).await.commit().await.unwrap();
            let mut browser = site.browser();
            browser.open(&app.visit().url()).await;
            let path = format!("{}/password", browser.page().url.path());
            let mut clicks = JoinSet::new();
            for _ in 0..2 {
                let (mut tab, path) = (browser.new_tab(), path.clone());
                clicks.spawn(async move {
                    tab.post(&path, &[("login", "ned"), ("password", PASSWORD)]).await;
                    (tab.has_field("code"), tab.error(), tab.text())
                });
            }
            for (at_code, error, text) in clicks.join_all().await {
                assert!(at_code && error.is_none(), "round {round}: {text}");
            }
            site.advance(3600);
        }
    }

    /// The proofs are read, and forgotten before the answer is given.
    async fn a_sign_in_whose_proofs_are_forgotten_while_it_ends_goes_on(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let app = site.admin.add_app().await;
        let mut browser = site.browser();
        browser.open(&app.visit().url()).await;
        let path = browser.page().url.path().to_owned();
        let fields = [("login", "ned"), ("password", PASSWORD)].map(|(n, v)| (n.to_owned(), v.to_owned()));
        let form = site.url.join(&format!("{path}/password")).unwrap();
        let recorded = browser.fetch(&Method::POST, &form, &fields, true).await;
        assert_eq!(recorded.status, StatusCode::SEE_OTHER);
        let change = changing_the_password(&site, "ned").await;
        let browser = open_during(browser, path, change).await;
        assert!(!browser.has_left(), "no session begins with a password that was replaced");
        assert!(browser.has_field("login"), "{}", browser.text());
    }

    /// A session's password counts in a sign-in that goes on to the code; not that of a session that is ending.
    async fn a_session_that_ends_meanwhile_lends_its_password_to_no_sign_in(database) {
        let site = Site::with(database, |config| config.signin.ask_password_with_code = false).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let app = site.admin.add_app().await;
        let browser = site.after_password(&app.visit(), "ned").await;
        assert!(browser.has_left());
        site.admin.set_two_factor(&site.acme, true).await;
        let change = changing_the_password(&site, "ned").await;
        let mut browser = open_during(browser, app.visit().url(), change).await;
        if browser.has_field("code") {
            browser.fill("code", &site.inbox("ned@example.org").code()).submit().await;
        }
        assert!(browser.has_field("login") && !browser.has_left(), "{}", browser.text());
    }

    /// Both touch the user, their budget of wrong codes and their challenges; neither may wait for the other for ever.
    async fn wrong_codes_and_a_new_password_do_not_wait_for_each_other(database) {
        let site = Site::with(database, |config| config.signin.ask_password_with_code = false).await;
        let app = site.admin.add_app().await;
        // From here on the code step has no reason of its own to change the user: the address is known to be theirs.
        let mut browser = site.after_password(&app.visit(), "ned").await;
        browser.fill("code", &site.inbox("ned@example.org").code()).submit().await;
        assert!(browser.has_left());
        for round in 0..8 {
            let browser = site.after_password(&app.visit(), "ned").await;
            let path = format!("{}/code", browser.page().url.path());
            let mut guesses = JoinSet::new();
            for _ in 0..4 {
                let (mut tab, path) = (browser.new_tab(), path.clone());
                guesses.spawn(async move { tab.post(&path, &[("code", "000000")]).await.status() });
            }
            site.admin.change_password("ned", PASSWORD).await;
            while let Some(status) = guesses.join_next().await {
                assert!(status.unwrap() < 500, "round {round}");
            }
        }
    }

    /// Each counts the others that are there, and they come at once.
    async fn no_more_apps_register_themselves_at_once_than_may(database) {
        let site = Site::with(database, |config| {
            config.registration.mode = RegistrationMode::Open;
            config.registration.max_clients = 3;
        })
        .await;
        let address = site.url.join("register").unwrap();
        let body = json!({"client_name": "Time Tracker", "redirect_uris": [REDIRECT_URI]});
        let mut running = JoinSet::new();
        for _ in 0..20 {
            let request = http().post(address.clone()).json(&body);
            running.spawn(async move { Answer::of(request).await.status });
        }
        let statuses = running.join_all().await;
        let registered = statuses.iter().filter(|status| **status == StatusCode::CREATED).count();
        assert_eq!(registered, 3, "{statuses:?}");
    }

    /// The login of one and the preferred username of another are in different columns: no unique rule sees both.
    async fn a_new_login_and_the_same_preferred_username_are_not_both_taken(database) {
        let site = Site::on(database).await;
        let mut adding = site.admin.db.write().await.unwrap();
        let role = roles::find_named(&mut adding, Some(&site.acme), "User").await.unwrap();
        let new = NewUser {
            login: &Login::parse("zed").unwrap(),
            name: None,
            email: None,
            group: Some(&site.acme),
            role: &role,
            password_hash: None,
        };
        users::add(&mut adding, new, &by(&site), &mut entropy()).await.unwrap();
        let (db, by, ned) = (site.admin.db.clone(), by(&site), site.admin.user("ned").await);
        let changing = tokio::spawn(async move {
            let claims = ClaimChanges::parse(["preferred_username=Zed"]).unwrap();
            let mut tx = db.write().await.unwrap();
            let changes = Changes { claims, ..Changes::default() };
            let done = users::set(&mut tx, &ned, changes, &by, &mut entropy()).await;
            tx.commit().await.unwrap();
            done
        });
        a_while().await;
        adding.commit().await.unwrap();
        let done = changing.await.unwrap();
        assert!(matches!(done, Err(Error::UsernameTaken(_))), "{done:?}");
    }

    /// What the operator sets is not the app's to replace, not even with what it was a moment ago.
    async fn an_app_that_replaces_its_registration_undoes_no_change_of_the_operators(database) {
        let site = Site::with(database, |config| config.registration.mode = RegistrationMode::Open).await;
        let body = json!({"client_name": "Time Tracker", "redirect_uris": [REDIRECT_URI]});
        let registered = Answer::of(http().post(site.url.join("register").unwrap()).json(&body)).await;
        let id = registered.text("client_id");
        let mut change = site.admin.db.write().await.unwrap();
        let mut metadata = clients::find(&mut change, &id).await.unwrap().unwrap().metadata;
        metadata.require_two_factor = true;
        clients::set(&mut change, &id, &metadata, site.now()).await.unwrap();
        let replacement = json!({"client_id": id, "client_name": "Renamed", "redirect_uris": [REDIRECT_URI]});
        let request = http()
            .put(registered.text("registration_client_uri"))
            .bearer_auth(registered.text("registration_access_token"))
            .json(&replacement);
        let replacing = tokio::spawn(Answer::of(request));
        a_while().await;
        change.commit().await.unwrap();
        assert_eq!(replacing.await.unwrap().status, StatusCode::OK);
        let mut conn = site.admin.db.read().await.unwrap();
        let after = clients::find(&mut conn, &id).await.unwrap().unwrap().metadata;
        assert_eq!((after.client_name.as_str(), after.require_two_factor), ("Renamed", true));
    }

    /// What is kept for an app while it is deleted has nothing to hang from: the app hears so.
    async fn a_request_of_an_app_that_is_deleted_meanwhile_is_told_so(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let asked = app.visit().parameters;
        let mut change = site.admin.db.write().await.unwrap();
        clients::delete(&mut change, &app.client_id).await.unwrap();
        let pushing = {
            let (app, asked) = (app.clone(), asked.clone());
            tokio::spawn(async move { push(&app, &asked).await.status })
        };
        a_while().await;
        change.commit().await.unwrap();
        assert_eq!(pushing.await.unwrap(), StatusCode::UNAUTHORIZED);
        assert_eq!(push(&app, &asked).await.error().as_deref(), Some("invalid_client"));
    }

    /// Sign-ins end, codes are redeemed and tokens refreshed while an app goes, or a person: none of them waits for the deletion while
    /// that waits for them, and nobody is told that it was the database.
    async fn what_is_deleted_in_the_middle_of_everything_is_no_fault_of_ours(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        for round in 0..12 {
            let (app, login) = (site.admin.add_app().await, format!("rosa{round}"));
            site.admin.add_user(&site.acme, &login, "User", None).await;
            let offline = || app.visit().with("scope", "openid offline_access").with("prompt", "consent");
            let mut work = JoinSet::new();
            let mut browser = site.after_password(&app.visit(), &login).await;
            for _ in 0..3 {
                let visit = offline();
                browser.open(&visit.url()).await;
                browser.submit().await;
                let (app, code) = (app.clone(), visit.code(&browser.arrived()));
                let tokens = app.redeem_code(&visit, &code).await.text("refresh_token");
                work.spawn({
                    let app = app.clone();
                    async move { app.refresh(&tokens).await.status.as_u16() }
                });
                let visit = offline();
                browser.open(&visit.url()).await;
                browser.submit().await;
                let code = visit.code(&browser.arrived());
                work.spawn(async move { app.redeem_code(&visit, &code).await.status.as_u16() });
            }
            for _ in 0..4 {
                let mut tab = browser.new_tab();
                tab.open(&offline().url()).await;
                work.spawn(async move {
                    tab.submit().await;
                    if tab.has_left() { 303 } else { tab.status() }
                });
                let (mut tab, url) = (browser.new_tab(), app.visit().url());
                work.spawn(async move {
                    tab.open(&url).await;
                    if tab.has_left() { 303 } else { tab.status() }
                });
            }
            tokio::time::sleep(Duration::from_millis(round * 3)).await;
            if round % 2 == 0 { site.admin.delete_app(&app).await } else { site.admin.delete_user(&login).await }
            for status in work.join_all().await {
                assert!(status < 500, "round {round}: {status}");
            }
        }
    }

    /// Whoever holds the last connection and wants another one waits for itself.
    async fn one_connection_is_enough_for_every_request(database) {
        let site = Site::with(database, |config| config.database.max_connections = 1).await;
        let app = site.admin.add_app().await;
        let (_, tokens) = site.signed_in(&app, &app.visit(), "ned").await;
        let token = tokens.text("access_token");
        // Old enough for the signing keys to be read again, each time.
        site.advance(10);
        assert_eq!(app.userinfo(&token).await.status, 200);
        site.advance(10);
        assert_eq!(app.ask("introspect", &[("token", &token)]).await.status, 200);
        site.advance(10);
        assert_eq!(app.ask("revoke", &[("token", &token)]).await.status, 200);
    }
}
