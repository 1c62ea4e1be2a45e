//! Can managers do what their pages will offer, and nothing else? The actions below the console, on either database.
#![cfg(test)]

mod support;

use countersign::directory::bulk;
use countersign::directory::help::{self, End, Waiting, Why};
use countersign::directory::policy::Refusal;
use countersign::directory::{Error, TwoFactor};
use countersign::keys::secret::entropy;
use countersign::signin::hand;
use countersign::signin::preview::{self, Consent, Objection, Obstacle, Ruling, Switched};
use support::browser::Browser;
use support::site::Site;
use support::smtp::{Mishap, Stage};

fn typed(number: i64) -> Consent<'static> {
    Consent { confirmed: Some(number), ..Consent::default() }
}

/// What a setting would do, and what is missing; panics where it is in force.
fn not_yet(switched: Switched) -> (Box<preview::Preview>, Ruling) {
    match switched {
        Switched::Not(preview, ruling) => (preview, ruling),
        Switched::Done(group) => panic!("it is in force: {group:?}"),
        Switched::Meanwhile(group) => panic!("somebody else has switched it: {group:?}"),
    }
}

crate::on_both_databases! {
    /// Nia has no address, and neither has Max, who switches: he reads so, and types how many are locked out.
    async fn a_manager_switches_two_factor_on_once_they_have_read_whom_it_locks_out(database) {
        let site = Site::on(database).await;
        let off = site.admin.set_two_factor(&site.acme, false).await;
        site.admin.change_email("max", None).await;
        let (db, mailer, max) = (&site.admin.db, site.mailer(), site.by("max").await);
        let switch = async |consent| preview::switch(db, &mailer, &off, TwoFactor::On, consent, &max).await.unwrap();
        let (seen, ruling) = not_yet(switch(Consent::default()).await);
        assert_eq!(ruling, Ruling::Confirm(2));
        assert_eq!((seen.no_address.names, seen.actor), (vec!["max".to_owned(), "nia".to_owned()], Some(Obstacle::NoAddress)));
        assert_eq!((seen.asked.names, seen.overriders.names), (vec!["ned".to_owned()], vec!["ada".to_owned()]));
        assert!(seen.mail.is_some_and(|mail| mail.works));
        assert_eq!(not_yet(switch(typed(1)).await).1, Ruling::Confirm(2));
        let Switched::Done(on) = switch(typed(2)).await else { panic!("typed as asked") };
        assert_eq!(on.two_factor_setting, "on");
    }

    /// Mail that does not work, or nobody who could repair it: only a site administrator insists.
    async fn what_nobody_could_repair_only_a_site_administrator_insists_on(database) {
        let mut site = Site::on(database).await;
        let off = site.admin.set_two_factor(&site.acme, false).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        site.admin.add_site_administrator("root").await;
        site.smtp.close().await;
        let (db, mailer) = (&site.admin.db, site.mailer());
        let insists = Consent { insists: true, ..Consent::default() };
        let max = site.by("max").await;
        let refused = preview::switch(db, &mailer, &off, TwoFactor::On, insists, &max).await.unwrap();
        let (seen, ruling) = not_yet(refused);
        assert_eq!(ruling, Ruling::Refused(vec![Objection::MailFails]));
        assert!(seen.mail.is_some_and(|mail| mail.words.contains("connection refused")));
        let rehearsed = preview::switch(db, &mailer, &off, TwoFactor::Rehearse, Consent::default(), &max).await;
        let Ok(Switched::Done(rehearsed)) = rehearsed else { panic!("a rehearsal keeps nobody out") };
        let root = site.by("root").await;
        let overtaken = preview::switch(db, &mailer, &off, TwoFactor::On, insists, &root).await.unwrap();
        assert!(matches!(&overtaken, Switched::Meanwhile(now) if now.two_factor_setting == "rehearse"), "{overtaken:?}");
        let insisted = preview::switch(db, &mailer, &rehearsed, TwoFactor::On, insists, &root).await;
        assert!(matches!(insisted, Ok(Switched::Done(_))), "{insisted:?}");
    }

    /// What is read side by side before a change is what is read once more in its transaction, where people are many.
    async fn a_preview_of_many_is_the_same_at_the_second_look(database) {
        let site = Site::on(database).await;
        site.run("INSERT INTO users (id, login, login_key, email, status, group_id, role_id, created_at, updated_at, addressless)
                  WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 2100)
                  SELECT 'id' || CAST(n AS TEXT), 'p' || CAST(n AS TEXT), 'p' || CAST(n AS TEXT), CASE WHEN n % 10 > 0 THEN 'p@example.org' END,
                         CASE WHEN n % 90 = 1 THEN 'disabled' WHEN n % 90 = 2 THEN 'invited' ELSE 'active' END,
                         ned.group_id, ned.role_id, 1, 1, n % 10 = 0
                  FROM numbers CROSS JOIN users ned WHERE ned.login_key = 'ned';
                  INSERT INTO code_budgets (user_id, tried_at, stopped_at) SELECT id, 1, 1 FROM users WHERE id LIKE 'id%5';
                  INSERT INTO messages (id, purpose, user_id, address, state, answer, attempts, created_at_ms, next_at, expires_at, done_at)
                  SELECT n.state || id, 'test', id, email, n.state, '550 5.1.1 no such mailbox', 1,
                         CASE WHEN n.state = 'refused' OR id LIKE '%13' THEN 2 ELSE 1 END, 1, 1, 1
                  FROM users CROSS JOIN (SELECT 'refused' AS state UNION SELECT 'accepted') AS n WHERE id LIKE 'id%3' OR id LIKE 'id%25'").await;
        let (db, mailer, ada, acme) = (&site.admin.db, site.mailer(), site.by("ada").await, &site.acme);
        let told = |preview: &preview::Preview| (serde_json::to_value(preview).unwrap(), preview.kept_out.clone());
        for to in TwoFactor::ALL {
            let look = preview::look(db, &mailer, acme, to, &ada).await.unwrap();
            let mut conn = db.read().await.unwrap();
            let again = preview::changing(&mut conn, acme, to, ada.user_id(), look.mail.clone()).await.unwrap();
            assert_eq!(told(&look), told(&again), "{to}");
            let are_kept_out = again.no_address.count > 0 && again.codes_stopped.count > 0 && again.undelivered.count > 0;
            assert_eq!(are_kept_out, to == TwoFactor::On, "{to}");
        }
        // Nobody of many who are alike is named, and yet whoever is one of them knows it, and others are another answer.
        let mut conn = db.read().await.unwrap();
        for (actor, expected) in [("id10", Some(preview::Obstacle::NoAddress)), ("id11", None), ("id5", Some(preview::Obstacle::CodesStopped))] {
            let told = preview::changing(&mut conn, acme, TwoFactor::On, Some(actor), None).await.unwrap();
            assert_eq!(told.actor, expected, "{actor}");
            assert!(!told.kept_out.ids().contains("id10"));
        }
        let before = preview::changing(&mut conn, acme, TwoFactor::On, None, None).await.unwrap().kept_out;
        site.run("UPDATE users SET email = 'p10@example.org', addressless = FALSE, updated_at = 9 WHERE id = 'id10';
                  UPDATE users SET email = NULL, addressless = TRUE, updated_at = 9 WHERE id = 'id11'").await;
        let after = preview::changing(&mut conn, acme, TwoFactor::On, None, None).await.unwrap().kept_out;
        assert_eq!(before.count(), after.count());
        assert_ne!(before.mark(), after.mark(), "as many, and others");
    }

    /// Who may not change the setting is not told either what it would do.
    async fn a_preview_is_for_those_who_may_switch(database) {
        let site = Site::on(database).await;
        let elsewhere = site.admin.add_group("Bolt", false).await;
        let (db, mailer) = (&site.admin.db, site.mailer());
        for (login, group, expected) in [
            ("ned", &site.acme, Refusal::LacksRight("manage_advanced_settings")),
            ("max", &elsewhere, Refusal::OutsideReach),
        ] {
            let by = site.by(login).await;
            let refused = preview::look(db, &mailer, group, TwoFactor::Off, &by).await;
            assert!(matches!(refused, Err(Error::Refused(refusal)) if refusal == expected), "{login}");
        }
    }

    /// Nia has no address: she is offered help and asks for it; those who can give it are told once an hour, and see it.
    async fn who_is_kept_out_after_a_right_password_asks_for_help(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut nia = site.after_password(&app.visit(), "nia").await;
        for _ in 0..2 {
            nia.press("help").await;
            assert!(nia.text().contains("Help was asked for."), "{}", nia.text());
            nia.fill("login", "nia").fill("password", support::admin::PASSWORD).submit().await;
            assert!(nia.text().contains("No email associated"), "{}", nia.text());
        }
        site.admin.until_no_mail_waits().await;
        for manager in ["ada", "max"] {
            let address = format!("{manager}@example.org");
            let letter = site.inbox(&address).wait_for("nia asks for help with signing in").await;
            assert!(letter.text().contains("There is no email address on file"), "{}", letter.text());
            assert!(letter.text().contains("/console/repair"), "{}", letter.text());
            assert_eq!(site.inbox(&address).letters().len(), 1, "{manager} is told once an hour");
        }
        assert!(site.inbox("ned@example.org").letters().is_empty());
        let waiting = waiting(&site, "max").await;
        assert_eq!(waiting.iter().map(|one| (one.login.as_str(), one.why)).collect::<Vec<_>>(), [("nia", Some(Why::NoAddress))]);
        site.advance(3601);
        site.after_password(&app.visit(), "nia").await.press("help").await;
        site.admin.until_no_mail_waits().await;
        assert_eq!(site.inbox("max@example.org").letters().len(), 2);
        // Mended: the request is closed with it.
        site.admin.change_email("nia", Some("nia@example.org")).await;
        assert!(self::waiting(&site, "max").await.is_empty());
        let events: Vec<String> = site.admin.events().await.into_iter().map(|event| event.event).collect();
        assert!(events.contains(&"help.asked".to_owned()) && events.contains(&"help.closed".to_owned()), "{events:?}");
    }

    /// Where mail fails it fails for everybody: of one person managers hear once an hour, and of twenty people of a tree in that time.
    async fn managers_hear_of_one_person_once_an_hour_and_of_twenty_of_a_tree(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", true).await;
        site.admin.add_user(&bolt, "bob", "Manager", Some("bob@example.org")).await;
        site.admin.add_user(&bolt, "bea", "User", None).await;
        let app = site.admin.add_app().await;
        let asks = async |login: &str| {
            site.after_password(&app.visit(), login).await.press("help").await;
        };
        let heard = async |login: &str| {
            site.admin.until_no_mail_waits().await;
            site.inbox(&format!("{login}@example.org")).letters().len()
        };
        asks("nia").await;
        for (later, letters) in [(0, 1), (3599, 1), (1, 2)] {
            site.advance(later);
            asks("nia").await;
            assert_eq!(heard("max").await, letters, "{later} s later");
        }
        site.advance(3600);
        for n in 0..22 {
            let login = format!("ona{n}");
            site.admin.add_user(&site.acme, &login, "User", None).await;
            asks(&login).await;
        }
        assert_eq!((heard("max").await, waiting(&site, "max").await.len()), (2 + 20, 23), "they are listed all the same");
        asks("bea").await;
        assert_eq!(heard("bob").await, 1, "another tree has its own");
        site.advance(3600);
        asks("nia").await;
        assert_eq!(heard("max").await, 2 + 20 + 1);
    }

    /// What could not be sent can be said too, and a manager dismisses what there is nothing to mend about.
    async fn a_code_that_could_not_be_sent_is_a_reason_to_ask(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 no such mailbox"));
        let mut ned = site.after_password(&app.visit(), "ned").await;
        assert!(ned.text().contains("The code could not be sent."), "{}", ned.text());
        ned.press("help").await;
        assert_eq!(waiting(&site, "ada").await[0].why, Some(Why::MailFailed));
        let ned = site.admin.user("ned").await;
        for (login, closes) in [("nia", false), ("max", true)] {
            let by = site.by(login).await;
            let mut tx = site.admin.db.write().await.unwrap();
            let closed = help::close(&mut tx, &ned, End::Dismissed, &by, &mut entropy()).await;
            tx.commit().await.unwrap();
            assert_eq!(closed.is_ok(), closes, "{login}");
        }
        assert!(waiting(&site, "ada").await.is_empty());
    }

    /// A session from before two-factor was switched on does not stand in the way of asking.
    async fn whoever_is_still_signed_in_elsewhere_asks_for_help_too(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let app = site.admin.add_app().await;
        let (mut nia, _) = site.signed_in(&app, &app.visit(), "nia").await;
        site.admin.set_two_factor(&site.acme, true).await;
        nia.open(&app.visit().url()).await;
        assert!(nia.text().contains("No email associated with this login."), "{}", nia.text());
        nia.press("help").await;
        assert!(nia.text().contains("Help was asked for."), "{}", nia.text());
        assert_eq!(waiting(&site, "max").await.len(), 1);
    }

    /// The form of the button says nothing, and does nothing, for whoever has not given a right password.
    async fn nobody_asks_for_help_without_a_right_password(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut stranger = site.browser();
        stranger.open(&app.visit().url()).await;
        let asks = async |browser: &mut Browser| {
            assert!(!browser.page().body.contains("id=\"help\""), "{}", browser.text());
            let path = format!("{}/help", browser.page().url.path());
            browser.post(&path, &[]).await;
            assert!(!browser.text().contains("Help was asked for."), "{}", browser.text());
        };
        asks(&mut stranger).await;
        for login in ["nia", "nobody"] {
            stranger.fill("login", login).fill("password", "not the password").submit().await;
            asks(&mut stranger).await;
        }
        let mut ned = site.after_password(&app.visit(), "ned").await;
        asks(&mut ned).await;
        let nia = site.after_password(&app.visit(), "nia").await;
        let path = format!("{}/help", nia.page().url.path());
        let mut other = site.browser();
        other.post(&path, &[]).await;
        assert_eq!(other.status(), 410, "another browser's sign-in");
        assert!(waiting(&site, "max").await.is_empty());
        site.admin.until_no_mail_waits().await;
        assert_eq!(site.inbox("max@example.org").letters().len(), 0);
    }

    /// Requests of another tree, or above one's own group, are nobody's business.
    async fn requests_are_seen_by_those_who_reach_their_people(database) {
        let site = Site::on(database).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        let bolt = site.admin.add_group("Bolt", true).await;
        site.admin.add_user(&design, "dan", "User", None).await;
        site.admin.add_user(&design, "dora", "Manager", Some("dora@example.org")).await;
        site.admin.add_user(&bolt, "bob", "Manager", Some("bob@example.org")).await;
        site.admin.add_site_administrator("root").await;
        let app = site.admin.add_app().await;
        for login in ["nia", "dan"] {
            site.after_password(&app.visit(), login).await.press("help").await;
            site.advance(1);
        }
        for (login, expected) in
            [("max", vec!["nia", "dan"]), ("dora", vec!["dan"]), ("bob", vec![]), ("root", vec!["nia", "dan"])]
        {
            let seen = waiting(&site, login).await;
            assert_eq!(seen.iter().map(|one| one.login.as_str()).collect::<Vec<_>>(), expected, "{login}");
        }
    }

    /// An email domain for those who have no address, and for nobody whom one may not edit.
    async fn an_email_domain_is_assigned_to_those_without_an_address(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "meg", "Manager", None).await;
        site.admin.add_user(&site.acme, "two words", "User", None).await;
        let (max, db) = (site.by("max").await, &site.admin.db);
        let propose = async |after: &str, limit| {
            let mut conn = db.read().await.unwrap();
            bulk::propose_domain(&mut conn, &site.acme, "@example.net", &max, after, limit).await.unwrap()
        };
        let (first, next) = propose("", 1).await;
        assert_eq!((first[0].person.login.as_str(), next.as_deref()), ("meg", Some("meg")));
        let (all, end) = propose("", 100).await;
        assert_eq!((all.iter().map(|one| one.person.login.as_str()).collect::<Vec<_>>(), end), (vec!["meg", "nia", "two words"], None));
        let done = bulk::assign(db, all, &max).await.unwrap();
        assert!(matches!(done[0].outcome, Err(Error::Refused(Refusal::Outranked))), "{done:?}");
        assert_eq!(site.admin.user("nia").await.email.as_deref(), Some("nia@example.net"));
        assert!(done[2].outcome.is_err(), "no address has a space in it");
        assert_eq!(propose("nia", 100).await.0.len(), 1);
        let ned = site.by("ned").await;
        let mut conn = db.read().await.unwrap();
        let client = bulk::propose_domain(&mut conn, &site.acme, "no domain", &ned, "", 1).await;
        assert!(matches!(client, Err(Error::Domain(_))));
    }

    /// A code by hand is for whom one may unlock; the person hears of it by mail, from whom it came.
    async fn a_code_by_hand_is_announced_to_its_owner(database) {
        let site = Site::on(database).await;
        let state = site.signin_state().await;
        let (ned, ada) = (site.admin.user("ned").await, site.admin.user("ada").await);
        let max = site.by("max").await;
        let code = hand::give(&state, &ned, "Max", &max).await.unwrap();
        let letter = site.inbox("ned@example.org").wait_for("was given by hand for you").await;
        assert!(letter.text().contains("Max made a one-time code") && !letter.text().contains(&code), "{}", letter.text());
        for (login, person, expected) in
            [("max", &ada, Refusal::Outranked), ("nia", &ned, Refusal::LacksRight("manage_users")), ("ned", &ned, Refusal::OwnLock)]
        {
            let by = site.by(login).await;
            let refused = hand::give(&state, person, "X", &by).await;
            assert!(matches!(&refused, Err(hand::Error::Directory(Error::Refused(refusal))) if *refusal == expected), "{refused:?}");
        }
        let event = site.admin.events().await.into_iter().find(|event| event.event == "user.code_by_hand").unwrap();
        assert_eq!(event.actor_login.as_deref(), Some("max"));
        let app = site.admin.add_app().await;
        let mut browser = site.after_password(&app.visit(), "ned").await;
        browser.fill("code", &code).fill("password", support::admin::PASSWORD).submit().await;
        assert!(browser.has_left(), "{}", browser.text());
    }
}

/// Who waits for help, as this user sees it.
async fn waiting(site: &Site, login: &str) -> Vec<Waiting> {
    let by = site.by(login).await;
    let mut conn = site.admin.db.read().await.expect("a connection");
    help::waiting(&mut conn, &by, (0, ""), 100).await.expect("those who wait")
}
