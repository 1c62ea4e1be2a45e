//! Does the page of repairs say what is broken, in words, with the fix beside it; for one's own people, and nobody else's?

use std::collections::BTreeSet;

use countersign::directory::By;
use countersign::directory::unreached::Place;
use countersign::directory::users::Changes;
use countersign::directory::{Status, TwoFactor};
use countersign::signin::decide::{Demand, Next, decide};
use countersign::signin::facts;
use countersign::signin::preview::{count_locked_out_in, locked_out_in};
use countersign::store::{Conn, challenges, help_requests};

use crate::support::manager::Manager;
use crate::support::site::Site;
use crate::support::smtp::{Mishap, Stage};

/// The first line.
fn lead(manager: &Manager<'_>) -> String {
    manager.browser.text_of("lead").unwrap_or_else(|| panic!("no lead on {}", manager.browser.text()))
}

/// What stands about somebody; none where nothing does.
async fn about(manager: &Manager<'_>, site: &Site, login: &str) -> Option<String> {
    let id = site.admin.user(login).await.id;
    manager.browser.text_of(&format!("person-{id}"))
}

/// Presses one of somebody's buttons.
async fn press(manager: &mut Manager<'_>, site: &Site, deed: &str, login: &str) {
    let id = site.admin.user(login).await.id;
    manager.browser.press(&format!("{deed}-{id}")).await;
}

async fn repair<'s>(site: &'s Site, login: &str) -> Manager<'s> {
    let mut manager = Manager::arrives(site, login).await;
    manager.open("/console/repair").await;
    manager
}

/// People of every kind: with and without an address, by email or by a login that is one or looks like one, with and without the override,
/// their codes stopped, disabled, in groups that ask for codes, rehearse and do neither.
async fn everybody(site: &Site) -> Vec<String> {
    let rehearsing = site.admin.add_subgroup(&site.acme, "Rehearsing", false).await;
    let rehearsing = site.admin.set_two_factor_to(&rehearsing, TwoFactor::Rehearse).await;
    let off = site.admin.add_subgroup(&site.acme, "Off", false).await;
    let mut logins: Vec<String> = ["ada", "max", "ned", "nia"].map(str::to_owned).to_vec();
    let names = [
        "plain",
        "ok@x.org",
        "@nowhere",
        "nowhere@",
        "a b@x.org",
        "me@host",
        "é@x.org",
        "x@-y.org",
        "1@1.2.3.4",
    ];
    for (group, names) in [(&site.acme, &names[..]), (&rehearsing, &names[..2]), (&off, &names[..2])] {
        for (n, name) in names.iter().enumerate() {
            for (role, email, lot) in kinds() {
                let login = format!("{}{n}{lot}{}{}{name}", &group.id[..3], &role[..1], email.is_some());
                site.admin.add_user(group, &login, role, email).await;
                match lot {
                    "stopped" => site.admin.stop_codes(&login).await,
                    "disabled" => {
                        let disabled = Changes { status: Some(Status::Disabled), ..Changes::default() };
                        site.admin.change(&login, disabled).await;
                    }
                    _ => {}
                }
                logins.push(login);
            }
        }
    }
    logins
}

/// Role, email, and what has happened to them.
fn kinds() -> impl Iterator<Item = (&'static str, Option<&'static str>, &'static str)> {
    ["User", "Top manager"].into_iter().flat_map(|role| {
        [None, Some("reached@example.org")]
            .into_iter()
            .flat_map(move |email| ["well", "stopped", "disabled"].map(|lot| (role, email, lot)))
    })
}

/// Those of them who could not sign in now, asked one by one.
async fn kept_out_by_the_decision(site: &Site, conn: &mut Conn, logins: &[String]) -> BTreeSet<String> {
    let mut kept_out = BTreeSet::new();
    for login in logins {
        let person = site.admin.user(login).await;
        let codes = challenges::codes_of(conn, &person.id, site.now(), 5).await.unwrap();
        let facts = facts::about(&person, codes, Demand::Whatever, site.now());
        let next = decide(Some(&facts));
        if person.status == Status::Active
            && matches!(next, Next::NoAddress | Next::CodesStopped | Next::Unmet)
        {
            kept_out.insert(login.clone());
        }
    }
    kept_out
}

crate::on_both_databases! {
    /// Whoever comes into the console without a code lands here, and the mail that tells the others of it leads here.
    async fn an_override_lands_on_it_and_the_mail_about_it_links_to_it(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        site.admin.change_email("root", Some("root@example.org")).await;
        let ada = Manager::arrives(&site, "ada").await;
        assert!(ada.browser.page().url.path().ends_with("/console/repair"), "{}", ada.browser.page().url);
        assert_eq!(lead(&ada), "One person cannot sign in.");
        let letter = site.inbox("root@example.org").wait_for("signed in without a code").await;
        assert!(letter.text().contains(site.url.join("/console/repair").unwrap().as_str()), "{}", letter.text());
    }

    async fn an_address_is_set_right_there_and_tried(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        let nia = about(&ada, &site, "nia").await.unwrap();
        assert!(nia.contains("Cannot sign in: a code is asked for, and there is no email address"), "{nia}");
        ada.browser.fill("email", "nia@example.org");
        press(&mut ada, &site, "save", "nia").await;
        assert!(ada.saved().unwrap().contains("The changes to nia are saved."), "{}", ada.browser.text());
        assert_eq!(lead(&ada), "Nothing is broken here: everybody can sign in, and mail gets through.");
        let event = site.admin.events().await.into_iter().rfind(|event| event.event == "user.changed").unwrap();
        assert_eq!(event.actor_login.as_deref(), Some("ada"));
        // What went wrong goes back.
        ada.browser.press("undo").await;
        assert_eq!(site.admin.user("nia").await.email, None);
    }

    async fn a_wrong_address_is_said_beside_the_field_and_nothing_is_saved(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        let long = format!("{}@example.org", "x".repeat(260));
        for typed in ["nia", "<b>@example.org", "nia@example.org\u{200b}", "\u{202e}nia@example.org", "n\u{1}a@example.org", &long] {
            ada.open("/console/repair").await;
            ada.browser.fill("email", typed);
            press(&mut ada, &site, "save", "nia").await;
            assert_eq!(ada.browser.status(), 422, "{typed:?}");
            let id = site.admin.user("nia").await.id;
            let error = ada.browser.text_of(&format!("email-{id}-error")).unwrap_or_default();
            assert!(!error.is_empty() && ada.browser.error().unwrap().contains(&error), "{typed:?}: {}", ada.browser.text());
            assert!(ada.browser.page().body.contains(&format!("href=\"#email-{id}\"")), "{typed:?}");
            assert!(ada.browser.text().contains("One person cannot sign in."), "it is the page of repairs still");
            assert_eq!(ada.browser.field("email").as_deref(), Some(typed));
            let links = ada.browser.links();
            assert!(links.contains(&"/console/repair?filter=invited".to_owned()), "{links:?}");
        }
        assert_eq!(site.admin.user("nia").await.email, None);
    }

    async fn the_second_of_two_managers_sees_what_the_first_has_typed(database) {
        let site = Site::on(database).await;
        let (mut max, mut ada) = (repair(&site, "max").await, Manager::arrives(&site, "ada").await);
        ada.browser.fill("email", "nia@first.example");
        press(&mut ada, &site, "save", "nia").await;
        max.browser.fill("email", "nia@second.example");
        press(&mut max, &site, "save", "nia").await;
        assert_eq!(max.browser.status(), 422);
        let id = site.admin.user("nia").await.id;
        let error = max.browser.text_of(&format!("email-{id}-error")).unwrap();
        assert!(error.contains("Somebody else has set this to nia@first.example meanwhile."), "{error}");
        assert_eq!(site.admin.user("nia").await.email.as_deref(), Some("nia@first.example"));
        press(&mut max, &site, "save", "nia").await;
        assert_eq!(site.admin.user("nia").await.email.as_deref(), Some("nia@second.example"));
    }

    /// The server's words are told in ours, with the line itself behind them; once the mailbox is there, nothing is broken any more.
    async fn a_message_that_was_refused_is_told_and_tried_again(database) {
        let site = Site::on(database).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        let app = site.admin.add_app().await;
        let mut ada = Manager::arrives(&site, "ada").await;
        site.admin.until_no_mail_waits().await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 5.1.1 No such <mailbox> here"));
        site.after_password(&app.visit(), "nia").await;
        ada.open("/console/repair").await;
        assert_eq!(lead(&ada), "One person cannot sign in.");
        let nia = about(&ada, &site, "nia").await.unwrap();
        assert!(nia.contains("the last message to nia@example.org was refused"), "{nia}");
        assert!(nia.contains("There is no mailbox of this address") && nia.contains("550 5.1.1 No such <mailbox> here"), "{nia}");
        site.advance(1);
        press(&mut ada, &site, "test", "nia").await;
        assert_eq!(lead(&ada), "The message to nia@example.org was refused, and is not tried again.");
        assert!(ada.browser.text().contains("550 5.1.1 No such <mailbox> here"), "{}", ada.browser.text());
        site.smtp.let_work();
        site.advance(1);
        ada.open("/console/repair").await;
        press(&mut ada, &site, "test", "nia").await;
        assert!(lead(&ada).starts_with("The mail server has taken the message to nia@example.org."), "{}", lead(&ada));
        assert!(site.inbox("nia@example.org").letters().iter().any(|letter| letter.text().contains("Mail from this provider arrives")));
        ada.open("/console/repair").await;
        assert_eq!(about(&ada, &site, "nia").await, None, "{}", ada.browser.text());
    }

    async fn mail_that_does_not_get_through_at_all_comes_first_with_whom_to_ask(database) {
        let mut site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let app = site.admin.add_app().await;
        site.smtp.close().await;
        let mut ned = site.after_password(&app.visit(), "ned").await;
        assert!(ned.text().contains("The code could not be sent."), "{}", ned.text());
        ned.press("help").await;
        let ada = Manager::arrives(&site, "ada").await;
        assert_eq!(lead(&ada), "No mail gets through: no code and no link arrives.");
        assert!(ada.browser.text_of("ask").unwrap().contains("root"), "{}", ada.browser.text());
        let text = ada.browser.text();
        assert!(text.contains("Our mail server does not answer") && text.contains("connection refused"), "{text}");
        let ned = about(&ada, &site, "ned").await.unwrap();
        assert!(ned.contains("Asks for help: the code could not be sent.") && ned.contains("On the way to Time Tracker"), "{ned}");
        assert!(!ada.browser.links().iter().any(|link| link == "/console/mail/settings"));
    }

    /// What our own server refused says nothing of an address: once it lets us in again, everybody can sign in, before any message to them.
    async fn what_our_own_mail_server_refused_counts_until_it_lets_us_in_again(database) {
        let site = Site::on(database).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        let app = site.admin.add_app().await;
        site.smtp.let_fail(Stage::Hello, Mishap::Answer("554 5.7.8 Authentication required"));
        let ned = site.after_password(&app.visit(), "ned").await;
        assert!(ned.text().contains("The code could not be sent."), "{}", ned.text());
        site.advance(60);
        let mut ada = Manager::arrives(&site, "ada").await;
        assert_eq!(lead(&ada), "No mail gets through: no code and no link arrives.");
        let about_ned = about(&ada, &site, "ned").await.unwrap();
        assert!(about_ned.contains("our mail server took no message to ned@example.org"), "{about_ned}");
        ada.open("/console").await;
        assert!(ada.browser.text().contains("Authentication required"), "{}", ada.browser.text());
        site.smtp.let_work();
        ada.open("/console/repair").await;
        assert_eq!(lead(&ada), "Nothing is broken here: everybody can sign in, and mail gets through.");
        assert_eq!(about(&ada, &site, "ned").await, None);
        ada.open("/console").await;
        assert!(!ada.browser.text().contains("Authentication required"), "{}", ada.browser.text());
        let id = site.admin.user("ned").await.id;
        ada.open(&format!("/console/users/{id}")).await;
        assert!(!ada.browser.text().contains("was refused"), "{}", ada.browser.text());
    }

    /// A server that lets us in need not take what we send: then a message that it takes says so, and one to the same domain where it
    /// does not send on to others.
    async fn a_test_that_was_taken_shows_that_mail_works_again(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        site.admin.change_email("nia", Some("nia@elsewhere.example")).await;
        let app = site.admin.add_app().await;
        let mut root = Manager::arrives(&site, "root").await;
        site.admin.until_no_mail_waits().await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("554 5.7.1 Relay access denied"));
        for login in ["ned", "nia"] {
            site.after_password(&app.visit(), login).await;
        }
        site.smtp.let_work();
        site.advance(60);
        root.open("/console/repair").await;
        assert_eq!(lead(&root), "No mail gets through: no code and no link arrives.");
        for (address, kept_out) in [("somebody@example.org", Some("nia")), ("somebody@elsewhere.example", None)] {
            root.open("/console/mail").await;
            root.browser.fill("email", address).submit().await;
            site.admin.until_no_mail_waits().await;
            root.open("/console/repair").await;
            for login in ["ned", "nia"] {
                assert_eq!(about(&root, &site, login).await.is_some(), kept_out == Some(login), "{address}: {}", root.browser.text());
            }
        }
        assert_eq!(lead(&root), "Nothing is broken here: everybody can sign in, and mail gets through.");
    }

    async fn a_request_for_help_is_closed_by_whoever_may_help_and_by_nobody_else(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "cora", "Co-manager", Some("cora@example.org")).await;
        site.admin.add_user(&site.acme, "nico", "Co-manager", None).await;
        let app = site.admin.add_app().await;
        for login in ["nia", "nico"] {
            site.after_password(&app.visit(), login).await.press("help").await;
            site.advance(1);
        }
        let mut cora = repair(&site, "cora").await;
        let nico = about(&cora, &site, "nico").await.unwrap();
        assert!(nico.contains("Asks for help") && nico.contains("Only somebody of higher rank") && !nico.contains("nothing was wrong"), "{nico}");
        let id = site.admin.user("nico").await.id;
        cora.browser.post(&format!("/console/users/{id}/help"), &[("how", "fixed")]).await;
        assert_eq!(cora.browser.status(), 422);
        cora.open("/console/repair").await;
        press(&mut cora, &site, "dismissed", "nia").await;
        assert!(cora.saved().unwrap().contains("nia’s request for help is closed."), "{:?}", cora.saved());
        let nia = about(&cora, &site, "nia").await.unwrap();
        assert!(!nia.contains("Asks for help"), "{nia}");
        let event = site.admin.events().await.into_iter().rfind(|event| event.event == "help.closed").unwrap();
        assert!(event.details.contains("dismissed"), "{}", event.details);
        // Whether there was one, and somebody else has closed it, or there was none: nothing is open.
        for login in ["nia", "ned"] {
            let id = site.admin.user(login).await.id;
            cora.browser.post(&format!("/console/users/{id}/help"), &[("how", "fixed")]).await;
            let said = cora.saved().unwrap();
            assert!(said.contains(&format!("No request for help from {login} is open")), "{said}");
        }
    }

    async fn codes_are_allowed_again_an_invitation_is_sent_again_and_somebody_is_let_in_again(database) {
        let site = Site::on(database).await;
        site.admin.stop_codes("ned").await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        let mut max = repair(&site, "max").await;
        assert!(about(&max, &site, "ned").await.unwrap().contains("too many wrong codes have stopped theirs"));
        press(&mut max, &site, "unlock", "ned").await;
        assert!(max.saved().unwrap().contains("ned can try again."), "{}", max.browser.text());
        assert_eq!(about(&max, &site, "ned").await, None);
        site.admin.change("ned", Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
        max.open("/console/repair?filter=disabled").await;
        press(&mut max, &site, "enable", "ned").await;
        assert_eq!(site.admin.user("ned").await.status, Status::Active, "{}", max.browser.text());
        max.open("/console/users/new").await;
        max.send(&[("login", "una"), ("email", "una@example.org"), ("group", "Acme"), ("role", "User")]).await;
        max.open("/console/repair?filter=invited").await;
        press(&mut max, &site, "link", "una").await;
        assert!(max.saved().unwrap().contains("on its way to una@example.org"), "{}", max.browser.text());
        site.admin.until_no_mail_waits().await;
        assert_eq!(site.inbox("una@example.org").letters().len(), 2);
    }

    /// Who is of higher rank is named, and nothing about them can be changed; other trees are not there, nor their mail.
    async fn what_is_not_ones_own_to_mend_is_text_or_not_there(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", true).await;
        site.admin.add_user(&bolt, "bea", "User", None).await;
        site.admin.add_user(&bolt, "tom", "Top manager", Some("tom@example.org")).await;
        site.admin.add_user(&site.acme, "mia", "Manager", None).await;
        let app = site.admin.add_app().await;
        site.after_password(&app.visit(), "bea").await.press("help").await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 who?"));
        site.admin.change_email("bea", Some("bea@example.org")).await;
        site.after_password(&app.visit(), "bea").await;
        site.smtp.let_work();
        let max = repair(&site, "max").await;
        let mia = about(&max, &site, "mia").await.unwrap();
        assert!(mia.contains("Only somebody of higher rank") && !mia.contains("Save the address"), "{mia}");
        assert_eq!(about(&max, &site, "bea").await, None);
        assert!(!max.browser.text().contains("who?") && !max.browser.text().contains("bea"), "{}", max.browser.text());
        assert_eq!(lead(&max), "2 people cannot sign in.");
        let tom = repair(&site, "tom").await;
        assert!(tom.browser.text().contains("550 who?"), "{}", tom.browser.text());
    }

    async fn without_a_fresh_proof_it_is_read_and_what_was_typed_goes_on_after_it(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.browser.fill("email", "nia@example.org");
        site.advance(601);
        press(&mut ada, &site, "save", "nia").await;
        ada.prove().await;
        ada.browser.submit().await;
        assert_eq!(site.admin.user("nia").await.email.as_deref(), Some("nia@example.org"), "{}", ada.browser.text());
        site.advance(601);
        site.admin.change_email("nia", None).await;
        ada.open("/console/repair").await;
        assert!(about(&ada, &site, "nia").await.is_some() && !ada.browser.has_field("email"), "{}", ada.browser.text());
    }

    async fn pages_go_on_where_the_one_before_ended_over_all_groups(database) {
        let site = Site::on(database).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        for n in 0..12 {
            let group = if n % 2 == 0 { &site.acme } else { &design };
            site.admin.add_user(group, &format!("user-{n:03}"), "User", None).await;
        }
        let mut max = repair(&site, "max").await;
        assert_eq!(lead(&max), "13 people cannot sign in.");
        let logins: Vec<String> = (0..12).map(|n| format!("user-{n:03}")).chain(["nia".to_owned()]).collect();
        let mut seen = Vec::new();
        loop {
            let before = seen.len();
            for login in &logins {
                if about(&max, &site, login).await.is_some() {
                    seen.push(login.clone());
                }
            }
            assert!(seen.len() - before <= 6, "{}", max.browser.text());
            let Some(next) = max.browser.links().into_iter().find(|link| link.contains("after=")) else { break };
            max.open(&next).await;
        }
        seen.sort();
        let mut all = logins.clone();
        all.sort();
        assert_eq!(seen, all, "everybody once");
    }

    /// However many ask for help: each stands on one page, the counts and sentences are true, and a link leads to somebody.
    async fn many_who_ask_for_help_are_all_there_once(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut logins = vec!["nia".to_owned()];
        for n in 0..9 {
            let login = format!("user-{n:03}");
            site.admin.add_user(&site.acme, &login, "User", None).await;
            logins.push(login);
        }
        for asking in [3, 10] {
            for (n, login) in (0..).zip(logins.iter().take(asking)) {
                let id = site.admin.user(login).await.id;
                let mut tx = site.admin.db.write().await.unwrap();
                help_requests::ask(&mut tx, &id, "no_address", Some(&app.client_id), site.now() - 100 + n).await.unwrap();
                tx.commit().await.unwrap();
            }
            let mut max = Manager::arrives(&site, "max").await;
            let others = asking.saturating_sub(4);
            let text = max.browser.text();
            assert_eq!(text.matches(" asks for help: there is no email address").count(), asking - others, "{text}");
            assert_eq!(text.contains(&format!("{others} more people ask for help.")), others > 0, "{text}");
            let named: Vec<String> = max.browser.links().into_iter().filter(|link| link.contains("#person-")).collect();
            max.open("/console/repair").await;
            for link in named {
                let (_, person) = link.split_once('#').unwrap();
                assert!(max.browser.text_of(person).is_some(), "{link} leads nowhere: {}", max.browser.text());
            }
            assert_eq!(max.browser.text_of("more-asking").is_some(), others > 0);
            if others > 0 {
                assert!(max.browser.text().contains(&format!("{others} more people ask for help")), "{}", max.browser.text());
            }
            let (mut seen, mut requests) = (Vec::new(), 0);
            loop {
                let text = max.browser.text();
                requests += text.matches("Asks for help: there is no email address").count();
                for login in &logins {
                    if about(&max, &site, login).await.is_some() {
                        seen.push(login.clone());
                    }
                }
                let next = max.browser.links().into_iter().find(|link| link.contains("after="));
                assert!(next.is_none() || !text.contains("Nobody"), "nobody, and another page: {text}");
                let Some(next) = next else { break };
                max.open(&next).await;
            }
            seen.sort();
            let mut all = logins.clone();
            all.sort();
            assert_eq!((seen, requests), (all, asking), "everybody once, each with what they have asked for");
            site.advance(60);
        }
    }

    /// Whose codes could go out again and who only wait for an answer are counted as well.
    async fn the_first_line_counts_all_who_ask_for_help(database) {
        let site = Site::on(database).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        for n in 0..7 {
            let login = format!("user-{n:03}");
            let id = site.admin.add_user(&site.acme, &login, "User", Some("somebody@example.org")).await.id;
            let mut tx = site.admin.db.write().await.unwrap();
            help_requests::ask(&mut tx, &id, "mail_failed", None, site.now()).await.unwrap();
            tx.commit().await.unwrap();
        }
        let max = repair(&site, "max").await;
        assert_eq!(lead(&max), "7 people ask for help with signing in.");
        assert!(max.browser.text().contains("3 more people ask for help"), "{}", max.browser.text());
    }

    /// One truth: whoever the decision keeps out is in the list and in the count, whatever their login, address, role, status, group and
    /// codes are; and nobody else is.
    async fn the_list_agrees_with_the_decision_about_every_kind_of_person(database) {
        let site = Site::on(database).await;
        let logins = everybody(&site).await;
        let by = site.by("max").await;
        let mut conn = site.admin.db.read().await.unwrap();
        let expected = kept_out_by_the_decision(&site, &mut conn, &logins).await;
        assert!(expected.len() > 20 && expected.len() < logins.len() / 2, "{}", expected.len());
        // The tree of few people goes by its groups; the whole site, which may have many, by what is known of the few.
        for tree in [by.tree(), By::operator(site.now()).tree()] {
            let (mut found, mut after) = (Vec::new(), Place::default());
            loop {
                let (page, next) = locked_out_in(&mut conn, &tree, &after, 7).await.unwrap();
                found.extend(page.into_iter().map(|affected| affected.login));
                match next {
                    Some(next) => after = Place::from_mark(&next.mark()),
                    None => break,
                }
            }
            let once: BTreeSet<String> = found.iter().cloned().collect();
            assert_eq!((once.len(), &once), (found.len(), &expected));
            let counted = count_locked_out_in(&mut conn, &tree, 1000).await.unwrap();
            assert_eq!((counted.n(), counted.more()), (i64::try_from(expected.len()).unwrap(), false));
            let ended = count_locked_out_in(&mut conn, &tree, 3).await.unwrap();
            assert!(ended.more() && ended.n() >= 3 && ended.n() <= 6, "{ended:?}");
        }
        drop(conn);
        // The page of people says the same of the same.
        let mut max = Manager::arrives(&site, "max").await;
        let (mut listed, mut next) = (0, Some("/console/users?filter=cannot-sign-in".to_owned()));
        while let Some(page) = next {
            max.open(&page).await;
            let links = max.browser.links();
            listed += links.iter().filter(|link| link.contains("/console/users/") && is_somebodys(link)).count();
            next = links.into_iter().find(|link| link.contains("after="));
        }
        assert_eq!(listed, expected.len());
    }

    /// Nor with links, of which each ends the one before it: pressed again and again the last one that was sent stays good.
    async fn nobody_is_flooded_with_links(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let ned = site.admin.user("ned").await;
        let una = site.admin.add_user(&site.acme, "una", "User", Some("una@example.org")).await;
        let links = format!("/console/users/{}/link", ned.id);
        for _ in 0..6 {
            max.browser.post(&links, &[]).await;
            assert!(max.saved().is_some(), "{}", max.browser.text());
        }
        max.browser.post(&links, &[]).await;
        assert_eq!(max.browser.status(), 422);
        assert!(max.browser.error().unwrap().contains("many links within an hour"), "{:?}", max.browser.error());
        let events = site.admin.events().await;
        assert_eq!(events.iter().filter(|event| event.event == "user.link_issued").count(), 6);
        site.admin.until_no_mail_waits().await;
        let letter = site.inbox("ned@example.org").last().text();
        let link = letter.split_whitespace().find(|word| word.contains("/reset/")).unwrap().to_owned();
        let mut his = site.browser();
        his.open(&link).await;
        assert!(his.has_field("password"), "{}", his.text());
        max.browser.post(&format!("/console/users/{}/link", una.id), &[]).await;
        assert!(max.saved().is_some(), "somebody else has had none: {}", max.browser.text());
        site.advance(3601);
        max.open("/console").await.unlock().await;
        max.browser.post(&links, &[]).await;
        assert!(max.saved().is_some(), "{}", max.browser.text());
    }

    /// Nor with the news of codes by hand; whom no mail reaches is given as many as they need.
    async fn nobody_is_flooded_with_news_of_codes_by_hand(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let [ned, nia] = [site.admin.user("ned").await.id, site.admin.user("nia").await.id];
        let codes = |id: &str| format!("/console/users/{id}/code");
        for who in [&ned, &nia] {
            for _ in 0..6 {
                max.browser.post(&codes(who), &[("confirm", "yes")]).await;
                assert_eq!(max.browser.status(), 200, "{}", max.browser.text());
            }
        }
        let last = max.browser.post(&codes(&ned), &[("confirm", "yes")]).await;
        assert_eq!(last.status(), 422);
        assert!(last.error().unwrap().contains("many codes within an hour"), "{:?}", last.error());
        max.browser.post(&codes(&nia), &[("confirm", "yes")]).await;
        assert_eq!(max.browser.status(), 200, "nobody writes to her: {}", max.browser.text());
        let events = site.admin.events().await;
        assert_eq!(events.iter().filter(|event| event.event == "user.code_by_hand").count(), 13);
        site.admin.until_no_mail_waits().await;
        let news = site.inbox("ned@example.org").letters();
        assert_eq!(news.iter().filter(|letter| letter.text().contains("made a one-time code")).count(), 6);
        // Whoever has a shell is bound by nothing.
        site.give_code("ned").await;
        site.advance(3601);
        max.open("/console").await.unlock().await;
        max.browser.post(&codes(&ned), &[("confirm", "yes")]).await;
        assert_eq!(max.browser.status(), 200, "{}", max.browser.text());
    }

    async fn nobody_is_flooded_with_test_messages(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let ned = format!("/console/users/{}/test", site.admin.user("ned").await.id);
        for _ in 0..6 {
            max.browser.post(&ned, &[]).await;
            assert_eq!(max.browser.status(), 200, "{}", max.browser.text());
        }
        max.browser.post(&ned, &[]).await;
        assert!(max.browser.error().unwrap().contains("many test messages"), "{:?}", max.browser.error());
        for (login, said) in [("ada", "Only somebody of higher rank"), ("nia", "There is no email address")] {
            let id = site.admin.user(login).await.id;
            max.browser.post(&format!("/console/users/{id}/test"), &[]).await;
            assert!(max.browser.error().unwrap().contains(said), "{login}: {:?}", max.browser.error());
        }
        site.admin.until_no_mail_waits().await;
        let tests = site.inbox("ned@example.org").letters().iter().filter(|letter| letter.text().contains("Mail from this provider")).count();
        assert_eq!(tests, 6);
    }
}

/// Whether a link leads to a person, and not to a page about several or a new one.
fn is_somebodys(link: &str) -> bool {
    link.rsplit('/').next().is_some_and(|id| id.len() == 26)
}
