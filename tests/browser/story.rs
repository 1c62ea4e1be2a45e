//! Two-factor is switched on, the mail server breaks, and everybody gets in again without anybody's having a shell: as people see it, with
//! JavaScript and without, on a phone and at a desk.

use countersign::audit::chain;

use crate::support::Database;
use crate::support::admin::PASSWORD;
use crate::support::eyes::keep;
use crate::support::relying_app::RelyingApp;
use crate::support::site::Site;
use crate::support::smtp::{Mishap, Smtp, Stage};
use crate::support::webdriver::{Chromium, LOOKS, Look};
use crate::{give_code, give_password, the_apps_door};

/// Phone and desktop.
const PHONE: Look = LOOKS[0];
const DESK: Look = LOOKS[2];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_sign_in_is_repaired_on_a_phone() {
    Story::begin(true, PHONE).await.told().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_sign_in_is_repaired_at_a_desk() {
    Story::begin(true, DESK).await.told().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_sign_in_is_repaired_on_a_phone_without_javascript() {
    Story::begin(false, PHONE).await.told().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_sign_in_is_repaired_at_a_desk_without_javascript() {
    Story::begin(false, DESK).await.told().await;
}

/// Acme without two-factor; in it ada, max, ned, and three who have no address: nia, noel, nora. And root, who administers the site.
struct Story {
    site: Site,
    app: RelyingApp,
    /// The mail server of the end.
    other: Smtp,
    chromium: Chromium,
    name: String,
}

impl Story {
    async fn begin(javascript: bool, look: Look) -> Self {
        let site = Site::on(Database::sqlite().await).await;
        site.admin.set_two_factor(&site.acme, false).await;
        for login in ["noel", "nora"] {
            site.admin.add_user(&site.acme, login, "User", None).await;
        }
        site.admin.add_site_administrator("root").await;
        let door = the_apps_door().await;
        let app = site.admin.add_app_with(|metadata| metadata.redirect_uris = vec![door]).await;
        let chromium = Chromium::start(javascript).await;
        chromium.look(look).await;
        let name = format!("story-{}{}", look.name, if javascript { "" } else { "-plain" });
        Self { site, app, other: Smtp::start().await, chromium, name }
    }

    async fn told(self) {
        self.max_switches_two_factor_on().await;
        self.site.advance(60);
        self.site.smtp.let_fail(Stage::Sender, Mishap::Answer("550 5.7.1 Relaying denied, pay first"));
        self.ned_asks_for_help().await;
        self.ada_sees_what_is_broken().await;
        self.root_tries_another_mail_server().await;
        self.ada_gives_nia_an_address().await;
        self.nia_signs_in().await;
        self.the_audit_log_tells_it().await;
    }

    /// Somebody sits down and signs in to the console, where a page of it is asked for.
    async fn at_the_console(&self, login: &str, path: &str) {
        self.chromium.somebody_else().await;
        self.chromium.open(self.site.url.join(path).unwrap().as_str()).await;
        give_password(&self.chromium, login, PASSWORD).await;
    }

    async fn at_the_app(&self, login: &str) {
        self.chromium.somebody_else().await;
        self.chromium.open(&self.app.visit().url()).await;
        give_password(&self.chromium, login, PASSWORD).await;
    }

    /// All of this can be read on the page; a screenshot of it is kept.
    async fn reads(&self, step: &str, expected: &[&str]) {
        // Nobody does two things in one moment.
        self.site.advance(1);
        let text = self.chromium.text().await;
        for words in expected {
            assert!(text.contains(words), "{}, {step}: no {words:?} in\n{text}", self.name);
        }
        let width = self.chromium.run("return [document.documentElement.scrollWidth, innerWidth]").await;
        assert!(width[0].as_u64() <= width[1].as_u64(), "{}, {step}: {width} pixels across", self.name);
        keep(&self.chromium, &format!("{}-{step}", self.name)).await;
    }

    async fn max_switches_two_factor_on(&self) {
        self.at_the_console("max", "/console").await;
        self.reads("1-home", &["Nothing needs you."]).await;
        let group = format!("/console/groups/{}", self.site.acme.id);
        self.chromium.open(self.site.url.join(&group).unwrap().as_str()).await;
        self.chromium.click(&format!("a[href='{group}/advanced']")).await;
        self.chromium.tick("input[name=two_factor][value=on]").await;
        self.chromium.click("#submit").await;
        let preview = [
            "3 people could no longer sign in. Nothing is saved yet.",
            "for want of an email address: nia, noel, nora",
            "Mail works this minute: the mail server would take a message to max@example.org.",
            "ada signs in without a code, also when mail fails.",
            "2 people would be asked for a code: max, ned",
        ];
        self.reads("2-preview", &preview).await;
        self.chromium.type_into("#confirm", "2").await;
        self.chromium.click("#submit").await;
        self.reads("3-wrong-number", &["3 people would be locked out: type that number"]).await;
        self.chromium.type_into("#confirm", "3").await;
        self.chromium.click("#submit").await;
        // It holds at the next click, for Max too: what was done is said once he has proven his code.
        self.reads("4-max-needs-a-code", &["m•••@example.org"]).await;
        give_code(&self.chromium, &self.site.inbox("max@example.org").code()).await;
        self.reads("5-switched-on", &["Two-factor is on in Acme", "3 people cannot sign in."]).await;
    }

    async fn ned_asks_for_help(&self) {
        self.at_the_app("ned").await;
        self.reads("6-not-sent", &["The code could not be sent."]).await;
        self.chromium.click("#help").await;
        self.reads("7-help-asked", &["Help was asked for."]).await;
    }

    async fn ada_sees_what_is_broken(&self) {
        self.at_the_console("ada", "/console").await;
        assert!(self.chromium.url().await.ends_with("/console/repair"), "{}", self.chromium.url().await);
        let seen = [
            "No mail gets through: no code and no link arrives.",
            "Our mail server sends nothing on for us",
            "Whoever administers this site can give it another mail server: root",
            "Asks for help: the code could not be sent.",
            "our mail server took no message to ned@example.org. The address may be right",
        ];
        self.reads("8-repair", &seen).await;
        self.chromium.tick("details.raw summary").await;
        self.reads("9-the-servers-words", &["550 5.7.1 Relaying denied, pay first"]).await;
    }

    async fn root_tries_another_mail_server(&self) {
        self.at_the_console("root", "/console/mail/settings").await;
        let port = self.other.port.to_string();
        self.chromium.type_into("#email", "ada@example.org").await;
        self.chromium.click("#submit").await;
        self.reads("10-the-broken-one", &["The trial failed. Nothing has been saved.", "failed"]).await;
        self.chromium.type_into("#port", &port).await;
        self.chromium.click("#submit").await;
        self.reads("11-another-one", &["The trial went well. Nothing has been saved yet."]).await;
        self.chromium.click("#save").await;
        self.reads("12-saved", &["Saved: mail leaves by 127.0.0.1 now."]).await;
        self.site.advance(3);
    }

    async fn ada_gives_nia_an_address(&self) {
        self.at_the_console("ada", "/console/repair").await;
        let nia = self.site.admin.user("nia").await.id;
        self.chromium.type_into(&format!("#email-{nia}"), "nia@example.org").await;
        self.chromium.click(&format!("#save-{nia}")).await;
        self.reads("13-address-given", &["The changes to nia are saved."]).await;
        self.chromium.click("#next").await;
        self.reads("14-tried", &["The mail server has taken the message to nia@example.org."]).await;
    }

    async fn nia_signs_in(&self) {
        // What was tried came first.
        self.other.wait_for(|letter| letter.to.iter().any(|to| to == "nia@example.org")).await;
        self.at_the_app("nia").await;
        self.reads("15-code", &["n•••@example.org"]).await;
        let letter =
            self.other.wait_for(|letter| letter.to[0] == "nia@example.org" && letter.code().is_some()).await;
        give_code(&self.chromium, &letter.code().unwrap()).await;
        assert_eq!(self.chromium.text().await, "Back at the app");
    }

    async fn the_audit_log_tells_it(&self) {
        self.at_the_console("ada", "/console").await;
        self.chromium.open(self.site.url.join("/console/audit").unwrap().as_str()).await;
        let told = [
            "Changed a group",
            "Asked for help",
            "Signed in without a code",
            "Sent a test message",
            "Signed in",
        ];
        self.reads("16-audit", &told).await;
        let events: Vec<String> =
            self.site.admin.events().await.into_iter().map(|event| event.event).collect();
        let mut rest = events.iter();
        for event in [
            "group.changed",
            "help.asked",
            "signin.override",
            "mail.settings_saved",
            "user.changed",
            "mail.tested",
            "signin.completed",
        ] {
            assert!(rest.any(|name| name == event), "no {event} in its turn: {events:?}");
        }
        let (db, vault) = (&self.site.admin.db, self.site.vault());
        while chain::link(db, &vault).await.unwrap() {}
        let mut conn = db.read().await.unwrap();
        let report = chain::verify(&mut conn, &vault, None).await.unwrap();
        assert_eq!((report.broken, report.waiting), (None, 0));
    }
}
