//! Two managers at once, each of whom was shown how things were before the other one: does the second decide on what the first has made of
//! them?

use std::time::Duration;

use countersign::config::Encryption;
use countersign::directory::users::Changes;
use countersign::directory::{Address, By, Status, TwoFactor, groups, mail_settings, roles, users};
use countersign::keys::secret::entropy;
use countersign::mail::settings::MailSettings;
use countersign::store::{self, Tx};

use crate::support::Database;
use crate::support::manager::Manager;
use crate::support::site::Site;
use crate::support::smtp::{self, Mishap, Smtp};

/// Sends what is filled in while a change is open, which is committed once the request has got as far as it can beside it.
async fn send_during(manager: &mut Manager<'_>, fields: &[(&str, &str)], change: Tx) {
    let committed = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        change.commit().await.unwrap();
    };
    tokio::join!(manager.send(fields), committed);
}

fn operator(site: &Site) -> By {
    By::operator(site.now() * 1000)
}

/// A change that is not committed yet: of the group's settings.
async fn changing_acme(site: &Site, changes: &groups::Changes) -> Tx {
    let mut tx = site.admin.db.write().await.unwrap();
    groups::set(&mut tx, &site.acme, changes, &operator(site), &mut entropy()).await.unwrap();
    tx
}

async fn switching(site: &Site, to: TwoFactor) -> Tx {
    changing_acme(site, &groups::Changes { two_factor: Some(to), ..groups::Changes::default() }).await
}

/// The same of a person.
async fn changing(site: &Site, login: &str, changes: Changes) -> Tx {
    let person = site.admin.user(login).await;
    let mut tx = site.admin.db.write().await.unwrap();
    users::set(&mut tx, &person, changes, &operator(site), &mut entropy()).await.unwrap();
    tx
}

/// The same of a role.
async fn changing_role(site: &Site, name: &str, change: impl FnOnce(&mut store::roles::RoleRow)) -> Tx {
    let mut tx = site.admin.db.write().await.unwrap();
    let mut role = roles::find_named(&mut tx, Some(&site.acme), name).await.unwrap();
    change(&mut role);
    roles::set(&mut tx, &role, &operator(site), &mut entropy()).await.unwrap();
    tx
}

async fn role(site: &Site, name: &str) -> store::roles::RoleRow {
    roles::find_named(&mut site.admin.db.read().await.unwrap(), Some(&site.acme), name).await.unwrap()
}

async fn acme(site: &Site) -> store::groups::GroupRow {
    groups::find(&mut site.admin.db.read().await.unwrap(), &site.acme.id).await.unwrap().unwrap()
}

/// The page of the group's two-factor setting, with what On would do.
async fn before_switching_on<'s>(site: &'s Site, login: &str) -> Manager<'s> {
    let mut manager = Manager::arrives(site, login).await;
    let page = format!("/console/groups/{}/advanced", site.acme.id);
    manager.open(&page).await.send(&[("two_factor", "on")]).await;
    manager
}

/// A change that takes from a site administrator what makes them one, and is committed once the request has got as far as it can beside it.
async fn as_a_fresh_administrator_who_is_disabled_meanwhile(
    site: &Site,
    login: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> String {
    site.admin.add_site_administrator(login).await;
    let mut manager = Manager::arrives(site, login).await;
    manager.open("/console").await;
    let going = changing(site, login, Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
    let committed = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        going.commit().await.unwrap();
    };
    tokio::join!(manager.browser.post(path, fields), committed);
    manager.browser.text()
}

/// On PostgreSQL these two do not wait for each other: the change is then before the loss. On SQLite the second waits, and is asked again.
#[tokio::test]
async fn who_no_longer_administers_the_site_does_nothing_more_with_it() {
    let site = Site::on(Database::sqlite().await).await;
    site.admin.add_site_administrator("rosa").await;
    let app = site.admin.add_app().await.client_id;
    let app = |deed: &str| format!("/console/apps/{app}{deed}");
    let ned = format!("/console/users/{}/test", site.admin.user("ned").await.id);
    site.smtp.let_fail(smtp::Stage::Recipient, Mishap::Answer("451 4.7.1 Greylisted, come back"));
    let mut rosa = Manager::arrives(&site, "rosa").await;
    rosa.browser.post("/console/mail/test", &[("email", "desk@example.org")]).await;
    let waiting = format!("{}/retry", rosa.browser.page().url.path());
    site.smtp.let_work();
    let mut undue = Vec::new();
    let elsewhere = Smtp::start().await;
    let port = elsewhere.port.to_string();
    let settings = [
        ("host", "127.0.0.1"),
        ("port", port.as_str()),
        ("encryption", "none"),
        ("from", "id@example.org"),
        ("email", "desk@example.org"),
        ("do", "try"),
    ];
    for (n, (path, fields)) in [
        (app(""), &[("name", "Mine")][..]),
        (app("/secret"), &[("confirm", "yes")]),
        (app("/delete"), &[("confirm", "yes")]),
        (ned, &[]),
        ("/console/mail/test".to_owned(), &[("email", "desk@example.org")]),
        (waiting, &[]),
        ("/console/mail/settings".to_owned(), &settings),
        ("/console/mail/settings/reset".to_owned(), &[("confirm", "yes")]),
        ("/console/keys/rotate".to_owned(), &[]),
        ("/console/keys/stolen".to_owned(), &[("confirm", "yes")]),
    ]
    .into_iter()
    .enumerate()
    {
        let (login, before) = (format!("root{n}"), events(&site).await);
        let told = as_a_fresh_administrator_who_is_disabled_meanwhile(&site, &login, &path, fields).await;
        let done = events(&site).await.into_iter().filter(|event| !before.contains(event));
        let done: Vec<String> =
            done.map(|event| event.1).filter(|name| !OF_THE_STORY.contains(&name.as_str())).collect();
        if !done.is_empty() {
            undue.push(format!("{path}: {done:?}: {told}"));
        }
    }
    assert!(undue.is_empty(), "{}", undue.join("\n"));
    assert_eq!(elsewhere.visits(), 0, "no mail server is tried for them");
}

/// What the story itself writes down: somebody comes, and is disabled.
const OF_THE_STORY: [&str; 4] = ["user.added", "user.changed", "signin.completed", "signin.override"];

async fn events(site: &Site) -> Vec<(String, String)> {
    site.admin.events().await.into_iter().map(|event| (event.id, event.event)).collect()
}

crate::on_both_databases! {
    /// Alone each is allowed: to take the last override from a group that asks for no code, and to ask for one where somebody has it.
    async fn two_factor_is_not_switched_on_while_the_last_override_goes(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        let mut max = before_switching_on(&site, "max").await;
        let going = changing_role(&site, "Top manager", |role| role.rights = role.rights.replace("override_2fa", "track_time")).await;
        send_during(&mut max, &[], going).await;
        assert_eq!((max.browser.status(), acme(&site).await.two_factor_setting.as_str()), (422, "off"), "{}", max.browser.text());
    }

    async fn who_no_longer_administers_the_site_insists_on_nothing(database) {
        let mut site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        for login in ["root", "rita"] {
            site.admin.add_site_administrator(login).await;
        }
        site.smtp.close().await;
        let mut root = before_switching_on(&site, "root").await;
        let (group, role) = (acme(&site).await, role(&site, "Top manager").await);
        let demoted = changing(&site, "root", Changes { group: Some(group), role: Some(role), ..Changes::default() }).await;
        send_during(&mut root, &[("confirm", "1"), ("insist", "on")], demoted).await;
        assert_eq!((root.browser.status(), acme(&site).await.two_factor_setting.as_str()), (422, "off"), "{}", root.browser.text());
    }

    async fn nobody_is_locked_out_whom_the_page_has_not_named(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let mut max = before_switching_on(&site, "max").await;
        let losing = changing(&site, "ned", Changes { email: Some(None), ..Changes::default() }).await;
        send_during(&mut max, &[("confirm", "1")], losing).await;
        assert_eq!((max.browser.status(), acme(&site).await.two_factor_setting.as_str()), (422, "off"), "{}", max.browser.text());
        assert!(max.browser.text().contains("ned"), "{}", max.browser.text());
    }

    async fn a_setting_that_somebody_else_is_switching_is_not_switched_over_it(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let mut max = before_switching_on(&site, "max").await;
        let rehearsing = switching(&site, TwoFactor::Rehearse).await;
        send_during(&mut max, &[("confirm", "1")], rehearsing).await;
        assert_eq!((max.browser.status(), acme(&site).await.two_factor_setting.as_str()), (422, "rehearse"), "{}", max.browser.text());
        assert!(max.browser.text().contains("meanwhile"), "{}", max.browser.text());
    }

    /// The override of whoever has no address is taken away while nobody is asked for a code, and somebody switches that on.
    async fn a_role_locks_out_nobody_whom_its_page_has_not_counted(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let chief = site.admin.add_role(&site.acme, "Chief", 400, "override_2fa").await;
        site.admin.add_user(&site.acme, "chloe", "Chief", None).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open(&format!("/console/roles/{}", chief.id)).await.send(&[("override_2fa", "")]).await;
        assert!(ada.browser.text().contains("Change the role Chief?"), "{}", ada.browser.text());
        let on = switching(&site, TwoFactor::On).await;
        send_during(&mut ada, &[], on).await;
        assert!(role(&site, "Chief").await.rights.contains("override_2fa"), "{}", ada.browser.text());
        assert!(ada.browser.has_field("confirm") && ada.browser.text().contains("chloe"), "{}", ada.browser.text());
    }

    async fn a_role_that_somebody_else_is_changing_is_not_written_over(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open(&format!("/console/roles/{}", role(&site, "Client").await.id)).await;
        let words = changing_role(&site, "Client", |role| role.rights.push_str(" track_time")).await;
        send_during(&mut ada, &[("name", "Customer")], words).await;
        assert_eq!(ada.browser.status(), 422, "{}", ada.browser.text());
        let text = ada.browser.text();
        assert!(text.contains("changed this role meanwhile") && text.contains("track_time"), "{text}");
        assert!(role(&site, "Client").await.rights.contains("track_time"));
    }

    async fn a_name_that_somebody_else_is_changing_is_not_written_over(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&format!("/console/groups/{}", site.acme.id)).await;
        let name = changing_acme(&site, &groups::Changes { name: Some("Apex".to_owned()), ..groups::Changes::default() }).await;
        send_during(&mut max, &[("name", "Zenith")], name).await;
        assert_eq!((max.browser.status(), acme(&site).await.name.as_str()), (422, "Apex"), "{}", max.browser.text());
        assert!(max.browser.text().contains("changed this meanwhile to Apex"), "{}", max.browser.text());
    }

    async fn an_address_that_somebody_else_is_setting_is_not_written_over_by_that_of_a_domain(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users/several/preview?deed=domain&domain=example.net&scope=all").await;
        let address = Address::parse("nia@example.com").unwrap();
        let own = changing(&site, "nia", Changes { email: Some(Some(address)), ..Changes::default() }).await;
        send_during(&mut max, &[], own).await;
        assert_eq!(site.admin.user("nia").await.email.as_deref(), Some("nia@example.com"), "{}", max.browser.text());
    }

    /// It copies what its parent is when it is added: nobody goes without a code because two managers were there in one moment.
    async fn a_subgroup_is_asked_for_what_its_parent_is_just_getting(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&format!("/console/groups/{}", site.acme.id)).await;
        max.browser.fill("subgroup", "Design");
        let on = switching(&site, TwoFactor::On).await;
        let committed = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            on.commit().await.unwrap();
        };
        tokio::join!(max.browser.press("add"), committed);
        let mut conn = site.admin.db.read().await.unwrap();
        let design = groups::find_by_path(&mut conn, "Acme/Design").await.unwrap();
        assert_eq!(design.two_factor_setting, "on", "{}", max.browser.text());
    }

    /// What one may do is asked of what one is when it is done, and not when the page was asked for.
    async fn who_is_losing_a_right_does_nothing_more_with_it(database) {
        let site = Site::on(database).await;
        let user = role(&site, "User").await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&format!("/console/groups/{}", site.acme.id)).await;
        let losing = changing(&site, "max", Changes { role: Some(user.clone()), ..Changes::default() }).await;
        send_during(&mut max, &[("name", "Zenith")], losing).await;
        assert_eq!(acme(&site).await.name, "Acme", "{}", max.browser.text());
        let nia = site.admin.user("nia").await.id;
        site.admin.change_role("max", "Manager").await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&format!("/console/users/{nia}")).await;
        let losing = changing(&site, "max", Changes { role: Some(user.clone()), ..Changes::default() }).await;
        send_during(&mut max, &[("name", "Mine")], losing).await;
        assert_eq!(site.admin.user("nia").await.name, None, "{}", max.browser.text());
        site.admin.change_role("max", "Manager").await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&format!("/console/roles/{}", role(&site, "Client").await.id)).await;
        let losing = changing(&site, "max", Changes { role: Some(user), ..Changes::default() }).await;
        send_during(&mut max, &[("name", "Mine")], losing).await;
        assert_eq!(role(&site, "Client").await.name, "Client", "{}", max.browser.text());
    }

    /// A reset forgets what was saved, and nobody has meant to forget what they have not seen.
    async fn settings_of_mail_that_somebody_else_saves_are_not_forgotten_unseen(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let save = async |host: &str| {
            let by = site.by("root").await.prove().unwrap();
            let typed = MailSettings {
                host: host.to_owned(),
                port: Some(site.smtp.port),
                encryption: Encryption::None,
                username: None,
                password: None,
                from: "Sign-in <id@example.org>".to_owned(),
            };
            let mut tx = site.admin.db.write().await.unwrap();
            let seen = Vec::new();
            mail_settings::save(&mut tx, &site.vault(), site.config(), &typed, &seen, &by, &mut entropy()).await.unwrap();
            tx
        };
        let kept = async || {
            let mut conn = site.admin.db.read().await.unwrap();
            let by = site.by("root").await.prove().unwrap();
            mail_settings::current(&mut conn, &site.vault(), site.config(), &by).await.unwrap().0.host
        };
        save("first.example").await.commit().await.unwrap();
        let mut root = Manager::arrives(&site, "root").await;
        root.open("/console/mail/settings").await.browser.press("reset").await;
        assert!(root.browser.text().contains("Forget these settings?"), "{}", root.browser.text());
        let second = save("second.example").await;
        send_during(&mut root, &[], second).await;
        assert_eq!((root.browser.status(), kept().await.as_str()), (422, "second.example"), "{}", root.browser.text());
        assert!(root.browser.text().contains("second.example"), "what is so now: {}", root.browser.text());
        // Saved before the question was answered, and before it was asked.
        root.browser.press("reset").await;
        save("third.example").await.commit().await.unwrap();
        root.browser.submit().await;
        assert_eq!((root.browser.status(), kept().await.as_str()), (422, "third.example"), "{}", root.browser.text());
        root.browser.press("reset").await;
        root.browser.submit().await;
        assert!(root.saved().is_some(), "{}", root.browser.text());
    }
}
