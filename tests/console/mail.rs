//! Does everybody see what became of the mail to their own people, and can a site administrator give the site another mail server without a
//! shell?

use countersign::config::{Encryption, TransportKind};
use countersign::keys::secret::TokenHash;
use countersign::store::facts;

use crate::support::manager::Manager;
use crate::support::site::Site;
use crate::support::smtp::{self, Mishap, Smtp, Terms};

const SETTINGS: &str = "/console/mail/settings";

/// The first line.
fn lead(manager: &Manager<'_>) -> String {
    manager.browser.text_of("lead").unwrap_or_else(|| panic!("no lead on {}", manager.browser.text()))
}

/// The pages of messages that a list leads to.
fn messages(manager: &Manager<'_>) -> Vec<String> {
    let links = manager.browser.links();
    links.into_iter().filter(|link| link.starts_with("/console/mail/") && link != SETTINGS).collect()
}

/// A form of settings for a mail server on this machine.
fn at(port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("host", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("encryption", "none".to_owned()),
        ("username", String::new()),
        ("password", String::new()),
        ("from", "Sign-in <id@example.org>".to_owned()),
        ("email", "ada@example.org".to_owned()),
    ]
}

/// Fills the form of settings and presses a button.
async fn fill(manager: &mut Manager<'_>, form: &[(&'static str, String)], button: &str) {
    for (name, value) in form {
        manager.browser.fill(name, value);
    }
    manager.browser.press(button).await;
}

/// The stages of the last trial that went well, and the one that failed.
fn stages(manager: &Manager<'_>) -> String {
    manager.browser.text_of("trial").unwrap_or_else(|| panic!("no trial on {}", manager.browser.text()))
}

async fn events(site: &Site, name: &str) -> usize {
    site.admin.events().await.iter().filter(|event| event.event == name).count()
}

async fn saved(site: &Site) -> Option<String> {
    let mut conn = site.admin.db.read().await.unwrap();
    facts::find(&mut conn, facts::MAIL_SETTINGS).await.unwrap()
}

async fn root(site: &Site) -> Manager<'_> {
    site.admin.add_site_administrator("root").await;
    Manager::arrives(site, "root").await
}

crate::on_both_databases! {
    async fn deliveries_are_told_in_plain_words_with_the_servers_own_behind(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        site.after_password(&app.visit(), "ned").await;
        site.advance(1);
        site.smtp.let_fail(smtp::Stage::Recipient, Mishap::Answer("552 5.2.2 over quota <b>"));
        site.after_password(&app.visit(), "ned").await;
        site.smtp.let_work();
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/mail").await;
        assert_eq!(lead(&max), "One message of the last day did not get through.");
        let text = max.browser.text();
        assert!(text.contains("Taken by the mail server") && text.contains("The mailbox is full"), "{text}");
        assert_eq!(messages(&max).len(), 3, "ned's two and the code of max: {text}");
        max.open("/console/mail?filter=failed").await;
        let one = messages(&max).remove(0);
        max.open(&one).await;
        assert_eq!(lead(&max), "The message to ned@example.org was refused, and is not tried again.");
        assert!(max.browser.text().contains("552 5.2.2 over quota <b>"), "{}", max.browser.text());
        assert!(!max.browser.has_field("email"), "only site administrators try any address");
        max.open("/console/mail?filter=waiting").await;
        assert!(max.browser.text().contains("No messages here."), "{}", max.browser.text());
    }

    async fn the_mail_of_other_trees_is_not_there_and_site_administrators_see_it_all(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", true).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        site.admin.add_user(&bolt, "bea", "User", Some("bea@example.org")).await;
        site.admin.add_user(&design, "dora", "Manager", Some("dora@example.org")).await;
        let app = site.admin.add_app().await;
        for login in ["bea", "ned"] {
            site.after_password(&app.visit(), login).await;
            site.advance(1);
        }
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/mail").await;
        assert!(!max.browser.text().contains("bea") && max.browser.text().contains("ned"), "{}", max.browser.text());
        let mut dora = Manager::arrives(&site, "dora").await;
        dora.open("/console/mail").await;
        assert_eq!(messages(&dora).len(), 1, "{}", dora.browser.text());
        let mut root = root(&site).await;
        root.open("/console/mail").await;
        assert_eq!(root.browser.text_of("queue").as_deref(), Some("No message waits to be sent."));
        assert_eq!(messages(&root).len(), 4, "{}", root.browser.text());
        for link in messages(&root) {
            max.open(&link).await;
            let own = max.browser.status() == 200;
            root.open(&link).await;
            assert_eq!(own, !root.browser.text().contains("bea"), "{link}");
        }
    }

    async fn pages_go_on_where_the_one_before_ended(database) {
        let site = Site::on(database).await;
        let mut root = root(&site).await;
        for n in 0..30 {
            root.browser.post("/console/mail/test", &[("email", &format!("n{n}@example.org"))]).await;
        }
        root.open("/console/mail").await;
        assert_eq!(messages(&root).len(), 25);
        let next = root.browser.links().into_iter().find(|link| link.contains("after=")).unwrap();
        root.open(&next).await;
        assert_eq!(messages(&root).len(), 5, "{}", root.browser.text());
    }

    async fn a_message_that_waits_is_tried_now(database) {
        let site = Site::on(database).await;
        site.smtp.let_fail(smtp::Stage::Recipient, Mishap::Answer("451 4.7.1 Greylisted, come back"));
        let mut max = Manager::arrives_by_hand(&site, "max").await;
        let ned = site.admin.user("ned").await.id;
        max.browser.post(&format!("/console/users/{ned}/test"), &[]).await;
        assert_eq!(lead(&max), "The message to ned@example.org has not been taken yet, and is tried again.");
        assert!(max.browser.text().contains("asks to come back later"), "{}", max.browser.text());
        site.smtp.let_work();
        max.browser.press("retry").await;
        assert!(lead(&max).starts_with("The mail server has taken the message"), "{}", max.browser.text());
        let here = max.browser.page().url.path().to_owned();
        max.browser.post(&format!("{here}/retry"), &[]).await;
        assert!(max.browser.error().unwrap().contains("does not wait any more"), "{:?}", max.browser.error());
        assert_eq!((events(&site, "mail.tested").await, events(&site, "mail.retried").await), (1, 1));
        // Whoever may not change ned has nothing sent to him either.
        site.admin.add_user(&site.acme, "cora", "Co-manager", Some("cora@example.org")).await;
        let mut cora = Manager::arrives(&site, "cora").await;
        let ada = site.admin.user("ada").await.id;
        cora.browser.post(&format!("/console/users/{ada}/test"), &[]).await;
        assert_eq!(cora.browser.status(), 422);
    }

    async fn any_address_is_tried_by_site_administrators_alone(database) {
        let site = Site::on(database).await;
        let mut root = root(&site).await;
        root.open("/console/mail").await;
        for typed in ["", "nobody", "a b@example.org", "x@example.org\u{200b}"] {
            root.send(&[("email", typed)]).await;
            assert_eq!(root.browser.status(), 422, "{typed:?}");
            assert!(root.browser.text_of("email-error").is_some(), "{typed:?}: {}", root.browser.text());
        }
        root.send(&[("email", "somebody@elsewhere.example")]).await;
        assert!(lead(&root).starts_with("The mail server has taken the message to somebody@elsewhere.example."), "{}", lead(&root));
        assert!(site.inbox("somebody@elsewhere.example").last().text().contains("Mail from this provider arrives"));
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.browser.post("/console/mail/test", &[("email", "somebody@elsewhere.example")]).await;
        assert_eq!(ada.browser.status(), 404);
    }

    /// Typed settings are tried without being saved, and each stage says how it went, in the server's words.
    async fn a_trial_says_at_which_stage_it_fails_and_saves_nothing(database) {
        let site = Site::on(database).await;
        let strict = Smtp::on_terms(Terms { login: Some(("countersign", "right")), tls: None }).await;
        let refusing = Smtp::start().await;
        refusing.let_fail(smtp::Stage::Recipient, Mishap::Answer("550 5.1.1 no such mailbox"));
        let mut gone = Smtp::start().await;
        gone.close().await;
        let login = |password: &str| {
            let mut form = at(strict.port);
            form[3].1 = "countersign".to_owned();
            form[4].1 = password.to_owned();
            form
        };
        let mut tls = at(site.smtp.port);
        tls[2].1 = "starttls".to_owned();
        let mut root = root(&site).await;
        for (form, went) in [
            (at(gone.port), "Connect to the mail server failed"),
            (tls, "Agree on a protected connection failed"),
            (login("wrong"), "Log in there failed"),
            (at(refusing.port), "Would take a message to this address failed"),
            (login("right"), "Log in there works"),
            (at(site.smtp.port), "Would take a message to this address works"),
        ] {
            root.open(SETTINGS).await;
            fill(&mut root, &form, "submit").await;
            let told = stages(&root);
            assert!(told.contains(went), "{form:?}: {told}");
            assert_eq!(told.contains("The trial went well."), went.ends_with("works"), "{told}");
            assert_eq!(root.browser.field("port").as_deref(), Some(form[1].1.as_str()), "nothing that was typed is lost");
            let body = &root.browser.page().body;
            assert!(!body.contains("\"right\"") && !body.contains("\"wrong\""), "a password comes back");
        }
        root.open(SETTINGS).await;
        fill(&mut root, &login("wrong"), "submit").await;
        assert!(stages(&root).contains("535"), "{}", stages(&root));
        assert_eq!((saved(&site).await, events(&site, "mail.settings_saved").await), (None, 0));
        assert!(strict.letters().is_empty() && refusing.letters().is_empty());
    }

    /// Whoever has tried settings with a password saves them without typing it once more; it is on no page, and goes nowhere else.
    async fn a_password_that_was_tried_is_saved_with_the_next_press(database) {
        let site = Site::on(database).await;
        let other = Smtp::on_terms(Terms { login: Some(("countersign", "hunter2")), tls: None }).await;
        let mut root = root(&site).await;
        root.open(SETTINGS).await;
        let mut form = at(other.port);
        form[3].1 = "countersign".to_owned();
        form[4].1 = "hunter2".to_owned();
        fill(&mut root, &form, "submit").await;
        assert!(stages(&root).contains("The trial went well."), "{}", stages(&root));
        assert!(root.browser.text().contains("What you typed is kept for the next press"), "{}", root.browser.text());
        assert!(!root.browser.page().body.contains("hunter2"));
        let carried = root.browser.field("carried").unwrap();
        // For another login, at another server, by somebody else, or late, it is none.
        root.browser.fill("username", "somebody").press("submit").await;
        assert!(root.browser.text_of("password-error").is_some(), "{}", root.browser.text());
        site.admin.add_site_administrator("rita").await;
        let mut rita = Manager::arrives(&site, "rita").await;
        let mut again = form.clone();
        again[4].1 = String::new();
        let mut sent: Vec<(&str, &str)> = again.iter().map(|(name, value)| (*name, value.as_str())).collect();
        sent.extend([("carried", carried.as_str()), ("do", "save")]);
        rita.browser.post(SETTINGS, &sent).await;
        assert_eq!((rita.browser.status(), saved(&site).await), (422, None));
        for one in sent.iter_mut().filter(|(name, _)| *name == "host") {
            one.1 = "localhost";
        }
        root.browser.post(SETTINGS, &sent).await;
        assert_eq!((root.browser.status(), saved(&site).await), (422, None));
        root.open(SETTINGS).await;
        fill(&mut root, &form, "submit").await;
        root.browser.press("submit").await;
        root.browser.press("save").await;
        assert!(root.saved().unwrap().contains("mail leaves by 127.0.0.1 now"), "{}", root.browser.text());
        assert!(saved(&site).await.is_some());
        // Where changes need a fresh proof, the page says whether there is one.
        site.advance(700);
        root.open(SETTINGS).await;
        assert!(root.browser.text().contains("set; it is never shown"), "{}", root.browser.text());
    }

    /// The culprit is the sender, and not whoever it was tried with.
    async fn a_sender_that_is_refused_is_told_beside_its_field(database) {
        let site = Site::on(database).await;
        let mut root = root(&site).await;
        let other = Smtp::start().await;
        for (stage, words) in [
            (smtp::Stage::Sender, "553 5.7.1 sender not allowed"),
            (smtp::Stage::Recipient, "553 5.7.1 <id@example.org>: Sender address rejected: not owned by user"),
        ] {
            other.let_fail(stage, Mishap::Answer(words));
            root.open(SETTINGS).await;
            fill(&mut root, &at(other.port), "submit").await;
            assert!(stages(&root).contains("Takes mail from this sender failed"), "{}", stages(&root));
            assert!(!stages(&root).contains("spam") && stages(&root).contains(words), "{}", stages(&root));
            let error = root.browser.text_of("from-error").unwrap();
            assert!(error.contains("takes no mail from this sender"), "{error}");
        }
        let mut gone = Smtp::start().await;
        gone.close().await;
        fill(&mut root, &at(gone.port), "submit").await;
        let told = stages(&root);
        assert!(told.contains("Word for word") && !told.contains("mail.port"), "{told}");
        site.advance(700);
        root.open(SETTINGS).await;
        assert!(!root.browser.text().contains("set; it is never shown"), "{}", root.browser.text());
    }

    /// The person at 7 am: mail is broken, other settings are tried and saved, codes arrive; and the file's count again.
    async fn settings_that_work_are_saved_and_count_at_once_and_are_forgotten_again(database) {
        let mut site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let other = Smtp::on_terms(Terms { login: Some(("countersign", "hunter2")), tls: None }).await;
        site.smtp.close().await;
        let mut root = root(&site).await;
        let ned = site.after_password(&app.visit(), "ned").await;
        assert!(ned.text().contains("The code could not be sent."), "{}", ned.text());
        root.open("/console/repair").await;
        assert_eq!(lead(&root), "No mail gets through: no code and no link arrives.");
        assert!(root.browser.links().iter().any(|link| link == SETTINGS), "{:?}", root.browser.links());
        root.open(SETTINGS).await;
        let mut form = at(other.port);
        form[3].1 = "countersign".to_owned();
        form[4].1 = "hunter2".to_owned();
        fill(&mut root, &form, "save").await;
        assert!(root.saved().unwrap().contains("mail leaves by 127.0.0.1 now"), "{}", root.browser.text());
        assert!(lead(&root).contains("as was saved here, over what the file of settings says"), "{}", lead(&root));
        assert!(!root.browser.page().body.contains("hunter2"), "the password is shown");
        assert!(root.browser.text().contains("One is kept."), "{}", root.browser.text());
        let ned = site.after_password(&app.visit(), "ned").await;
        assert!(ned.has_field("code"), "{}", ned.text());
        assert_eq!(other.letter(0).await.from, "id@example.org");
        let kept = saved(&site).await.unwrap();
        assert!(!kept.contains("hunter2"));
        let event = site.admin.events().await.into_iter().rfind(|event| event.event == "mail.settings_saved").unwrap();
        assert!(event.actor_login.as_deref() == Some("root") && !event.details.contains("hunter2"), "{event:?}");
        // The password stays with its login at its server, and goes to no other.
        let to = || ("email", "ada@example.org".to_owned());
        fill(&mut root, &[("from", "Other <other@example.org>".to_owned()), to()], "save").await;
        assert!(root.saved().is_some(), "{}", root.browser.text());
        for (field, typed) in [("host", "localhost"), ("username", "somebody"), ("encryption", "starttls")] {
            root.open(SETTINGS).await;
            fill(&mut root, &[(field, typed.to_owned()), to()], "submit").await;
            assert_eq!(root.browser.status(), 422, "{field}");
            assert!(root.browser.text_of("password-error").is_some(), "{field}: {}", root.browser.text());
        }
        root.open(SETTINGS).await;
        root.browser.press("reset").await;
        assert!(root.browser.text().contains("Forget these settings?"), "{}", root.browser.text());
        root.browser.submit().await;
        assert!(root.saved().unwrap().contains("What the file says counts again."), "{}", root.browser.text());
        assert_eq!(saved(&site).await, None);
        assert_eq!(events(&site, "mail.settings_reset").await, 1);
    }

    /// The page on which mail is repaired says in its first line that it does not work.
    async fn the_settings_say_first_that_no_mail_gets_through(database) {
        let mut site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut root = root(&site).await;
        root.open(SETTINGS).await;
        assert!(lead(&root).starts_with("Mail leaves by"), "{}", lead(&root));
        site.smtp.let_fail(smtp::Stage::Greeting, Mishap::Answer("554 no service for you"));
        site.after_password(&app.visit(), "ned").await;
        root.open(SETTINGS).await;
        assert!(lead(&root).starts_with("No mail gets through. It is to leave by"), "{}", lead(&root));
        root.open("/console/repair").await;
        let text = root.browser.text();
        assert!(text.contains("Our mail server sends us away") && !text.contains("Their mail server"), "{text}");
        site.smtp.close().await;
    }

    /// Home, Repair and Mail count to the same end.
    async fn very_many_failed_messages_are_so_many_or_more_on_every_page(database) {
        let site = Site::on(database).await;
        let ned = site.admin.user("ned").await.id;
        let at = site.now() * 1000;
        let statement = format!(
            "INSERT INTO messages (id, purpose, user_id, top_id, address, sealed, state, answer, attempts, created_at_ms, next_at, expires_at, done_at)
             SELECT 'm' || n, 'test', '{ned}', '{acme}', 'ned@example.org', '', 'refused', '550 5.7.1 spam', 1, {at} - n, 0, 0, {done} FROM
             (WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 70) SELECT n FROM counted) AS numbers",
            acme = site.acme.id,
            done = site.now(),
        );
        site.run(statement.leak()).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        for page in ["/console", "/console/mail"] {
            ada.open(page).await;
            assert!(ada.browser.text().contains("50 messages or more of the last day did not get through."), "{page}: {}", ada.browser.text());
        }
    }

    async fn what_does_not_work_is_saved_only_by_whoever_insists(database) {
        let site = Site::on(database).await;
        let mut gone = Smtp::start().await;
        gone.close().await;
        let mut root = root(&site).await;
        root.open(SETTINGS).await;
        fill(&mut root, &at(gone.port), "save").await;
        assert_eq!(root.browser.status(), 422);
        assert!(root.browser.error().unwrap().contains("nothing was saved"), "{:?}", root.browser.error());
        assert_eq!(saved(&site).await, None);
        root.browser.fill("insist", "on").press("save").await;
        assert!(root.saved().unwrap().contains("although the trial failed"), "{}", root.browser.text());
        assert!(saved(&site).await.is_some());
    }

    async fn what_is_wrong_with_settings_is_said_beside_the_field(database) {
        let site = Site::on(database).await;
        let mut root = root(&site).await;
        let (long, longer) = ("x".repeat(254), "x".repeat(600));
        for (field, typed) in [
            ("host", ""),
            ("host", "mail example"),
            ("host", "<b>mail</b>"),
            ("host", long.as_str()),
            ("host", "mail\u{202e}.example"),
            ("port", "0"),
            ("port", "65536"),
            ("port", "twenty-five"),
            ("username", "a\u{1}b"),
            ("username", longer.as_str()),
            ("password", longer.as_str()),
            ("password", "a\u{200b}b"),
            ("from", ""),
            ("from", "nobody"),
            ("from", "Sign-in <id@example.org>\u{202e}"),
            ("email", ""),
            ("email", "nobody"),
        ] {
            root.open(SETTINGS).await;
            let mut form = at(site.smtp.port);
            form.iter_mut().filter(|(name, _)| *name == field).for_each(|(_, value)| typed.clone_into(value));
            fill(&mut root, &form, "save").await;
            assert_eq!(root.browser.status(), 422, "{field} {typed:?}");
            assert!(root.browser.text_of(&format!("{field}-error")).is_some(), "{field} {typed:?}: {}", root.browser.text());
            let expected = if field == "password" { "" } else { typed };
            assert_eq!(root.browser.field(field).as_deref(), Some(expected), "{field} {typed:?}");
        }
        root.open(SETTINGS).await;
        let mut form: Vec<(&str, String)> = at(site.smtp.port);
        form.iter_mut().filter(|(name, _)| *name == "password").for_each(|(_, value)| "of whom?".clone_into(value));
        fill(&mut root, &form, "save").await;
        assert_eq!(root.browser.status(), 422);
        assert!(root.browser.text_of("username-error").is_some(), "{}", root.browser.text());
        let mut form: Vec<(&str, String)> = at(site.smtp.port);
        form.retain(|(name, _)| *name != "encryption");
        form.push(("encryption", "rot13".to_owned()));
        let fields: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        root.browser.post(SETTINGS, &fields).await;
        assert!(root.browser.text_of("encryption-error").is_some(), "{}", root.browser.text());
        assert_eq!(saved(&site).await, None);
    }

    async fn the_second_of_two_administrators_sees_what_the_first_has_saved(database) {
        let site = Site::on(database).await;
        let mut root = root(&site).await;
        site.admin.add_site_administrator("rita").await;
        let mut rita = Manager::arrives(&site, "rita").await;
        let second = Smtp::start().await;
        root.open(SETTINGS).await;
        rita.open(SETTINGS).await;
        let mut first = at(site.smtp.port);
        first[5].1 = "first@example.org".to_owned();
        fill(&mut rita, &first, "save").await;
        assert!(rita.saved().is_some(), "{}", rita.browser.text());
        let mut mine = at(second.port);
        mine[5].1 = "mine@example.org".to_owned();
        fill(&mut root, &mine, "save").await;
        assert_eq!(root.browser.status(), 422, "{}", root.browser.text());
        let error = root.browser.text_of("from-error").unwrap();
        assert!(error.contains("Somebody else has set this to first@example.org meanwhile."), "{error}");
        assert_eq!(root.browser.field("from").as_deref(), Some("mine@example.org"));
        root.browser.press("save").await;
        assert!(root.saved().is_some(), "to save again is to mean it: {}", root.browser.text());
        assert_eq!(events(&site, "mail.settings_saved").await, 2);
    }

    /// The password alone is another one: that is told, and neither which it is nor what could be tried against it.
    async fn the_second_of_two_administrators_sees_that_the_first_has_saved_another_password(database) {
        let site = Site::on(database).await;
        let mut root = root(&site).await;
        site.admin.add_site_administrator("rita").await;
        let mut rita = Manager::arrives(&site, "rita").await;
        let with = |password: &str| {
            let mut form = at(site.smtp.port);
            form[3].1 = "relay".to_owned();
            form[4].1 = password.to_owned();
            form
        };
        // The server of the tests knows no login: that it does not let them in is insisted on.
        let save = async |manager: &mut Manager<'_>, password: &str| {
            fill(manager, &with(password), "save").await;
            if manager.browser.has_field("insist") {
                manager.browser.fill("password", password).fill("insist", "on").press("save").await;
            }
        };
        save(root.open(SETTINGS).await, "the first one").await;
        assert!(root.saved().is_some(), "{}", root.browser.text());
        root.open(SETTINGS).await;
        rita.open(SETTINGS).await;
        save(&mut rita, "that of rita").await;
        assert!(rita.saved().is_some(), "{}", rita.browser.text());
        let before = saved(&site).await;
        save(&mut root, "that of root").await;
        assert_eq!(root.browser.status(), 422, "{}", root.browser.text());
        let error = root.browser.text_of("password-error").unwrap();
        assert!(error.contains("Somebody else has saved another password meanwhile"), "{error}");
        assert_eq!(saved(&site).await, before, "nothing is overwritten");
        let page = root.browser.page().body.clone();
        for password in ["the first one", "that of rita", "that of root"] {
            assert!(!page.contains(password) && !page.contains(TokenHash::of(password).as_str()), "{page}");
        }
        save(&mut root, "that of root").await;
        assert!(root.saved().is_some(), "to type it again is to mean it: {}", root.browser.text());
        // Whoever has seen it keeps the one that is there without typing it.
        rita.open(SETTINGS).await;
        let mut sender = with("");
        sender[5].1 = "rita@example.org".to_owned();
        fill(&mut rita, &sender, "save").await;
        rita.browser.fill("insist", "on").press("save").await;
        assert!(rita.saved().is_some(), "{}", rita.browser.text());
    }

    async fn nobody_but_a_site_administrator_reaches_into_the_network(database) {
        let site = Site::on(database).await;
        let watched = Smtp::start().await;
        for login in ["max", "ada"] {
            let mut manager = Manager::arrives(&site, login).await;
            let form = at(watched.port);
            let fields: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            for path in [SETTINGS, "/console/mail/settings/reset"] {
                manager.browser.post(path, &fields).await;
                assert_eq!(manager.browser.status(), 404, "{login} {path}");
            }
            manager.open(SETTINGS).await;
            assert_eq!(manager.browser.status(), 404);
        }
        assert_eq!(watched.visits(), 0);
    }

    async fn a_site_whose_file_sends_nothing_says_so(database) {
        let site = Site::with(database, |config| {
            config.mail.transport = TransportKind::None;
            config.mail.encryption = Encryption::None;
        })
        .await;
        let mut root = root(&site).await;
        root.open("/console/mail").await;
        assert!(lead(&root).contains("Mail is not set up here"), "{}", lead(&root));
        root.open(SETTINGS).await;
        assert!(lead(&root).starts_with("No mail leaves, as the file of settings says."), "{}", lead(&root));
    }
}
