//! Who goes to work on a Monday? A provider, a tracker that trusts it, and people with a browser at each.

use std::time::Duration;

use countersign::config::Outbound;
use serde_json::Value;

use crate::support::Database;
use crate::support::admin::PASSWORD;
use crate::support::browser::Browser;
use crate::support::relying_app::RelyingApp;
use crate::support::site::Site;
use crate::tracker::Tracker;

/// A provider on https, a tracker whose settings are the recipe, and pia, who needs no code.
pub struct World {
    pub site: Site,
    pub tracker: Tracker,
    pub app: RelyingApp,
}

/// One person's browser, at either place.
pub struct Person {
    pub at_tracker: Browser,
    pub at_provider: Browser,
}

impl World {
    pub async fn new(database: Database) -> Self {
        Self::with(database, Tracker::start().await).await
    }

    pub async fn with(database: Database, tracker: Tracker) -> Self {
        let outbound = Outbound {
            allow_private: vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
            extra_ca: vec![tracker.path("ca.pem")],
        };
        let site = Site::with_tls(database, |c| c.outbound = outbound).await;
        let plain = site.admin.add_group("Plain", false).await;
        site.admin.add_user(&plain, "pia", "User", None).await;
        tracker.set_clock(site.now());
        let app = site.admin.add_app_with(|m| *m = tracker.metadata()).await;
        let world = Self { site, tracker, app };
        world.set("").await;
        world
    }

    /// The recipe with these lines more.
    pub async fn set(&self, more: &str) {
        let more = format!("{}\n  {more}", self.tracker.trusting());
        self.tracker.follow_recipe(&self.site.admin.db, &self.app, &more).await;
    }

    pub fn person(&self) -> Person {
        Person { at_tracker: self.tracker.browser(), at_provider: self.site.browser() }
    }

    /// Somebody who has signed in at the tracker.
    pub async fn signed_in(&self, login: &str) -> Person {
        let mut person = self.person();
        self.sign_in(&mut person, login).await;
        assert_eq!(self.seen(&mut person).await["session"]["login"], login);
        person
    }

    pub async fn sign_in(&self, person: &mut Person, login: &str) {
        person.set_out("login.php").await;
        person.at_provider.fill("login", login).fill("password", PASSWORD).submit().await;
        if !person.at_provider.has_left() {
            let code = self.site.inbox(&format!("{login}@example.org")).code();
            person.at_provider.fill("code", &code).fill("password", PASSWORD).submit().await;
        }
        person.come_back().await;
    }

    pub async fn seen(&self, person: &mut Person) -> Value {
        let seen = self.tracker.seen_by(&mut person.at_tracker).await;
        seen.unwrap_or_else(|| panic!("nobody is signed in:\n{}", self.tracker.log()))
    }

    /// Waits for what is told behind the browser's back.
    pub async fn is_out_soon(&self, person: &mut Person) {
        for _ in 0..400 {
            if self.tracker.seen_by(&mut person.at_tracker).await.is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("still signed in:\n{}", self.tracker.log());
    }
}

impl Person {
    /// Goes from a page of the tracker to the provider.
    pub async fn set_out(&mut self, page: &str) {
        let request = self.at_tracker.open(page).await.arrived();
        self.at_provider.open(request.as_str()).await;
    }

    /// Goes back to the tracker.
    pub async fn come_back(&mut self) {
        let answer = self.at_provider.arrived();
        self.at_tracker.open(answer.as_str()).await;
    }

    pub fn told(&self) -> String {
        let page = self.at_tracker.page();
        self.at_tracker
            .text_of("oidc-message")
            .unwrap_or_else(|| panic!("no message at {}: {}", page.url, page.body))
    }

    pub fn session_cookie(&self) -> cookie::Cookie<'static> {
        self.at_tracker.cookies().into_iter().find(|c| c.name() == "tt_PHPSESSID").unwrap()
    }
}
