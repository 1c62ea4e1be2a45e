//! Can an operator see who is signed in where and which apps have access, and take either away?
#![cfg(test)]

mod support;

use serde_json::{Value, json};
use support::Database;
use support::admin::{PASSWORD, REDIRECT_URI};
use support::browser::Browser;
use support::program::{Program, Serving};
use support::relying_app::{Answer, Proof, RelyingApp};
use support::smtp::Smtp;

/// A provider that serves, with ned and ada, and an app.
struct House {
    program: Program,
    app: RelyingApp,
    _serving: Serving,
    _smtp: Smtp,
}

impl House {
    async fn on(database: Database) -> Self {
        let smtp = Smtp::start().await;
        let program = Program::new(database, &smtp);
        program.init();
        program.must(&["group", "add", "Acme"], "");
        for login in ["ada", "ned"] {
            let add = ["user", "add", login, "--group", "Acme", "--role", "User", "--password-stdin"];
            program.must(&add, &format!("{PASSWORD}\n"));
        }
        let app = app(&program, "Tracker");
        let serving = program.serve();
        Self { program, app, _serving: serving, _smtp: smtp }
    }

    /// Somebody signs in at an app, for when they are away too.
    async fn sign_in(&self, app: &RelyingApp, login: &str, scope: &str) -> Answer {
        let mut browser = Browser::new(&self.program.url);
        let visit = app.visit().with("scope", scope).with("prompt", "consent");
        browser.open(visit.url().as_str()).await;
        browser.fill("login", login).fill("password", PASSWORD).submit().await;
        if !browser.has_left() {
            browser.submit().await;
        }
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        assert_eq!(tokens.status, 200, "{}", tokens.json);
        tokens
    }

    fn list(&self, arguments: &[&str]) -> Vec<Value> {
        let listed = self.program.must_json(&[arguments, &["--json"]].concat());
        listed.as_array().expect("a list").clone()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.program.run(arguments, "");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

fn app(program: &Program, name: &str) -> RelyingApp {
    let added = program.must_json(&["client", "add", name, "--redirect-uri", REDIRECT_URI, "--json"]);
    RelyingApp {
        issuer: program.url.clone(),
        client_id: added["client_id"].as_str().expect("an id").to_owned(),
        client_secret: added["client_secret"].as_str().map(str::to_owned),
        redirect_uri: REDIRECT_URI.to_owned(),
        proof: Proof::Basic,
    }
}

crate::on_both_databases! {
    async fn sessions_are_listed_page_by_page_and_ended_by_name_or_by_user(database) {
        let house = House::on(database).await;
        house.sign_in(&house.app, "ned", "openid").await;
        house.sign_in(&house.app, "ned", "openid").await;
        house.sign_in(&house.app, "ada", "openid").await;
        let all = house.list(&["session", "list"]);
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|one| one["client_ids"] == json!([house.app.client_id])), "{all:?}");
        let (first, rest) = (house.list(&["session", "list", "--limit", "1"]), all[0]["id"].as_str().unwrap());
        assert_eq!(first, all[..1]);
        assert_eq!(house.list(&["session", "list", "--after", rest]), all[1..]);
        let neds = house.list(&["session", "list", "--user", "NED"]);
        assert_eq!(neds.len(), 2);
        assert!(house.program.must(&["session", "list", "--user", "ned"], "").contains("ned, by password since 20"));

        let one = neds[0]["id"].as_str().unwrap();
        house.program.must(&["session", "end", one], "");
        assert_eq!(house.list(&["session", "list"]).len(), 2);
        assert!(house.refused(&["session", "end", one]).contains("session list"));
        assert!(house.program.must(&["session", "end", "--user", "ned"], "").contains("1 sessions of ned"));
        let left = house.list(&["session", "list"]);
        assert_eq!(left.iter().map(|one| one["login"].as_str().unwrap()).collect::<Vec<_>>(), ["ada"]);
        let log = house.program.must(&["audit"], "");
        assert_eq!(log.matches("session.ended by operator user=ned").count(), 2, "{log}");
        assert_eq!(house.program.run(&["session", "end"], "").status.code(), Some(2));
    }

    /// What was granted for when the person is away outlives the session; the rest does not.
    async fn a_session_takes_its_tokens_along_but_for_those_of_offline_access(database) {
        let house = House::on(database).await;
        let here = house.sign_in(&house.app, "ned", "openid").await.text("access_token");
        let away = house.sign_in(&house.app, "ned", "openid offline_access").await.text("access_token");
        assert_eq!(house.app.userinfo(&here).await.status, 200);
        house.program.must(&["session", "end", "--user", "ned"], "");
        assert_eq!(house.app.userinfo(&here).await.status, 401);
        assert_eq!(house.app.userinfo(&away).await.status, 200);
    }

    async fn grants_are_listed_by_user_and_app_and_revoked(database) {
        let house = House::on(database).await;
        let other = app(&house.program, "Other");
        let mut tokens = Vec::new();
        for (app, login) in [(&house.app, "ned"), (&house.app, "ada"), (&other, "ned"), (&other, "ned")] {
            tokens.push(house.sign_in(app, login, "openid offline_access").await);
        }
        let count = |arguments: &[&str]| house.list(&[&["grant", "list"], arguments].concat()).len();
        assert_eq!((count(&[]), count(&["--user", "ned"]), count(&["--client", &other.client_id])), (4, 3, 2));
        let both = ["--user", "ned", "--client", &house.app.client_id];
        assert_eq!((count(&both), count(&["--limit", "3"])), (1, 3));

        let listed = house.list(&[&["grant", "list"][..], &both].concat());
        assert_eq!((&listed[0]["login"], &listed[0]["scopes"]), (&json!("ned"), &json!("openid offline_access")));
        let id = listed[0]["id"].as_str().unwrap();
        house.program.must(&["grant", "revoke", id], "");
        assert!(house.refused(&["grant", "revoke", id]).contains("grant list"));
        assert_eq!(house.app.refresh(&tokens[0].text("refresh_token")).await.error().as_deref(), Some("invalid_grant"));
        assert_eq!(house.app.refresh(&tokens[1].text("refresh_token")).await.status, 200, "ada's is hers");
        assert_eq!(other.refresh(&tokens[2].text("refresh_token")).await.status, 200, "another app's stays");

        house.program.must(&["grant", "revoke", "--user", "ned", "--client", &other.client_id], "");
        for spent in [&tokens[2], &tokens[3]] {
            assert_eq!(house.app.userinfo(&spent.text("access_token")).await.status, 401);
        }
        assert_eq!(count(&[]), 1);
        let log = house.program.must(&["audit"], "");
        assert!(log.contains(&format!("grant.revoked by operator user=ned client=Other ({})", other.client_id)), "{log}");
        assert!(house.refused(&["grant", "revoke", "--user", "nobody"]).contains("user list"));
        assert_eq!(house.program.run(&["grant", "revoke", "--client", "x"], "").status.code(), Some(2));
    }
}
