//! What does each operation ask of the database? Speed that was won is not to be lost unseen.
#![cfg(test)]

mod support;

use countersign::oidc::clients::GrantType;
use countersign::store::Costs;
use support::browser::{Browser, http};
use support::relying_app::{RelyingApp, Visit};
use support::site::Site;

/// How often each operation is looked at: what goes on behind it may be counted with it once.
const LOOKS: usize = 3;

/// At most this is asked: connections, queries, round trips to PostgreSQL, commits. Lower what has become less.
const LIMITS: [(&str, [u64; 4]); 7] = [
    ("discovery", [0, 0, 0, 0]),
    ("jwks", [1, 2, 1, 0]),
    ("userinfo", [1, 1, 1, 0]),
    ("client credentials", [0, 0, 0, 0]),
    ("refresh", [2, 3, 3, 1]),
    ("single sign-on", [5, 9, 5, 2]),
    ("sign-in", [13, 20, 12, 4]),
];

crate::on_both_databases! {
    async fn no_operation_asks_more_of_the_database_than_it_did(database) {
        let on_postgres = database.url.starts_with("postgres");
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let app = site.admin.add_app_with(|m| m.grant_types.push(GrantType::ClientCredentials)).await;
        let mut person = Person::new(&site, &app).await;
        let mut told = Vec::new();
        for (operation, [acquires, statements, round_trips, commits]) in LIMITS {
            let costs = person.cheapest(operation).await;
            println!("{operation}: {costs:?}");
            let round_trips = if on_postgres { round_trips } else { 0 };
            let limits = Costs { acquires, statements, round_trips, commits };
            let above = [
                costs.acquires > acquires,
                costs.statements > statements,
                costs.round_trips > round_trips,
                costs.commits > commits,
            ];
            if above.contains(&true) {
                told.push(format!("{operation}: {costs:?}, and not {limits:?}"));
            }
        }
        assert!(told.is_empty(), "\n{}", told.join("\n"));
    }
}

/// Somebody who has signed in, and does everything once more.
struct Person<'s> {
    site: &'s Site,
    app: &'s RelyingApp,
    browser: Browser,
    access_token: String,
    refresh_token: String,
}

impl<'s> Person<'s> {
    async fn new(site: &'s Site, app: &'s RelyingApp) -> Self {
        let visit = app.visit().with("scope", "openid offline_access").with("prompt", "consent");
        let mut browser = site.after_password(&visit, "ned").await;
        browser.submit().await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let (access_token, refresh_token) = (tokens.text("access_token"), tokens.text("refresh_token"));
        Self { site, app, browser, access_token, refresh_token }
    }

    /// The least that an operation has asked for in some looks.
    async fn cheapest(&mut self, operation: &str) -> Costs {
        let mut least: Option<Costs> = None;
        // The first time statements are prepared, and keys read.
        self.perform(operation).await;
        for _ in 0..LOOKS {
            let before = self.site.costs();
            self.perform(operation).await;
            let costs = self.site.costs().since(before);
            least = Some(least.map_or(costs, |least| Costs {
                acquires: least.acquires.min(costs.acquires),
                statements: least.statements.min(costs.statements),
                round_trips: least.round_trips.min(costs.round_trips),
                commits: least.commits.min(costs.commits),
            }));
        }
        least.unwrap()
    }

    async fn perform(&mut self, operation: &str) {
        let app = self.app;
        match operation {
            "discovery" => self.get(".well-known/openid-configuration").await,
            "jwks" => self.get("jwks").await,
            "userinfo" => assert_eq!(app.userinfo(&self.access_token).await.status, 200),
            "client credentials" => {
                assert_eq!(app.token(&[("grant_type", "client_credentials")]).await.status, 200);
            }
            "refresh" => self.refresh_token = app.refresh(&self.refresh_token).await.text("refresh_token"),
            "single sign-on" => {
                let visit = app.visit();
                self.browser.open(&visit.url()).await;
                arrives(app, &visit, &self.browser).await;
            }
            "sign-in" => {
                let visit = app.visit();
                let browser = self.site.after_password(&visit, "ned").await;
                arrives(app, &visit, &browser).await;
            }
            other => panic!("nobody knows how to {other}"),
        }
    }

    async fn get(&self, path: &str) {
        let answer = http().get(self.site.url.join(path).unwrap()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

async fn arrives(app: &RelyingApp, visit: &Visit, browser: &Browser) {
    assert_eq!(app.redeem(visit, &browser.arrived()).await.status, 200);
}
