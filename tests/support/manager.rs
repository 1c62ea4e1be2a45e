//! Who sits before the console? A `Manager` signs in to it, proves afresh who they are, opens pages and fills forms.

use super::admin::PASSWORD;
use super::browser::Browser;
use super::site::Site;

/// Somebody at the console.
#[derive(Debug)]
pub struct Manager<'s> {
    site: &'s Site,
    login: String,
    /// Their browser.
    pub browser: Browser,
}

impl<'s> Manager<'s> {
    /// Signs in to the console with everybody's password, and a code if one is asked for.
    pub async fn arrives(site: &'s Site, login: &str) -> Self {
        let mut manager = Self { site, login: login.to_owned(), browser: site.browser() };
        manager.browser.open("/console").await;
        manager.prove().await;
        manager
    }

    /// The same while no mail comes: with a code given by hand.
    pub async fn arrives_by_hand(site: &'s Site, login: &str) -> Self {
        let mut manager = Self { site, login: login.to_owned(), browser: site.browser() };
        let code = site.give_code(login).await;
        manager.browser.open("/console").await;
        manager.browser.fill("login", login).fill("password", PASSWORD).submit().await;
        manager.browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        manager
    }

    /// Opens a page.
    pub async fn open(&mut self, path: &str) -> &mut Self {
        self.browser.open(path).await;
        self
    }

    /// Proves afresh who they are, and is back at the page that they were on.
    pub async fn unlock(&mut self) -> &mut Self {
        let here = self.browser.page().url[url::Position::BeforePath..].to_owned();
        let query: String = form_urlencoded::byte_serialize(here.as_bytes()).collect();
        self.browser.open(&format!("/console/unlock?to={query}")).await;
        self.prove().await;
        self
    }

    /// Gives what the pages of a sign-in ask for.
    pub async fn prove(&mut self) -> &mut Self {
        if self.browser.has_field("login") && !self.browser.has_field("code") {
            let login = self.login.clone();
            self.browser.fill("login", &login).fill("password", PASSWORD).submit().await;
        }
        if self.browser.has_field("code") {
            let code = self.site.inbox(&format!("{}@example.org", self.login)).code();
            self.browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        }
        self
    }

    /// Fills fields and presses the main button.
    pub async fn send(&mut self, fields: &[(&str, &str)]) -> &mut Self {
        for (name, value) in fields {
            self.browser.fill(name, value);
        }
        self.browser.submit().await;
        self
    }

    /// What the page says has been done.
    pub fn saved(&self) -> Option<String> {
        self.browser.text_of("saved")
    }
}
