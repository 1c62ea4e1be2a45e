//! Can a site administrator who has no shell give the site another mail server, and try it first?
#![cfg(test)]

mod support;

use countersign::config::Encryption;
use countersign::directory::Error;
use countersign::directory::mail_settings::{self, Failed};
use countersign::directory::policy::Refusal;
use countersign::directory::proof::{AdministerSite, Proof};
use countersign::keys::secret::entropy;
use countersign::mail::settings::{MailSettings, Stage};
use countersign::store::facts;
use support::program::Program;
use support::site::Site;
use support::smtp::{self, Mishap, Smtp, Terms};

/// A mail server on this machine.
fn at(port: u16) -> MailSettings {
    MailSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
        encryption: Encryption::None,
        username: None,
        password: None,
        from: "Sign-in <id@example.org>".to_owned(),
    }
}

async fn root(site: &Site) -> Proof<AdministerSite> {
    site.by("root").await.prove().expect("a site administrator")
}

crate::on_both_databases! {
    /// What is saved counts at once, in every process, over what the file says; and once it is forgotten the file counts again.
    async fn saved_settings_count_in_every_process_without_a_restart(database) {
        let mut site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        site.start_another().await;
        let (app, other) = (site.admin.add_app().await, Smtp::start().await);
        site.smtp.close().await;
        let ned = site.after_password(&app.visit(), "ned").await;
        assert!(ned.text().contains("The code could not be sent."), "{}", ned.text());
        let (vault, config, by) = (site.vault(), site.config(), root(&site).await);
        let typed = MailSettings { username: None, password: Some("hunter2".to_owned()), ..at(other.port) };
        let mut tx = site.admin.db.write().await.unwrap();
        mail_settings::save(&mut tx, &vault, config, &typed, &Vec::new(), &by, &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        let ned = site.after_password(&app.visit(), "ned").await;
        assert!(ned.has_field("code"), "{}", ned.text());
        assert_eq!(other.letter(0).await.from, "id@example.org");
        let mut conn = site.admin.db.read().await.unwrap();
        let kept = facts::find(&mut conn, facts::MAIL_SETTINGS).await.unwrap().unwrap();
        assert!(!kept.contains("hunter2") && !kept.contains("127.0.0.1"), "{kept}");
        let (current, saved) = mail_settings::current(&mut conn, &vault, config, &by).await.unwrap();
        assert!(saved && current == typed);
        drop(conn);
        let events = site.admin.events().await;
        let event = events.iter().find(|event| event.event == "mail.settings_saved").unwrap();
        assert!(event.details.contains("before") && !event.details.contains("hunter2"), "{event:?}");
        let mut tx = site.admin.db.write().await.unwrap();
        assert!(mail_settings::reset(&mut tx, None, &by, &mut entropy()).await.unwrap());
        assert!(!mail_settings::reset(&mut tx, None, &by, &mut entropy()).await.unwrap());
        tx.commit().await.unwrap();
        site.advance(120);
        let ned = site.after_password(&app.visit(), "ned").await;
        assert!(ned.text().contains("The code could not be sent."), "{}", ned.text());
    }

    /// A trial says at which stage it fails, in the server's words, and leaves nothing.
    async fn settings_are_tried_before_they_are_saved(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let by = root(&site).await;
        let strict = Smtp::on_terms(Terms { login: Some(("countersign", "right")), tls: None }).await;
        let login = |password: &str| MailSettings {
            username: Some("countersign".to_owned()),
            password: Some(password.to_owned()),
            ..at(strict.port)
        };
        let mut gone = Smtp::start().await;
        gone.close().await;
        let refusing = Smtp::start().await;
        refusing.let_fail(smtp::Stage::Recipient, Mishap::Answer("550 no such mailbox"));
        let tls = MailSettings { encryption: Encryption::Starttls, ..at(site.smtp.port) };
        for (typed, expected) in [
            (at(gone.port), Some((Stage::Connect, "refused"))),
            (tls, Some((Stage::Tls, "STARTTLS"))),
            (login("wrong"), Some((Stage::Login, "535"))),
            (at(refusing.port), Some((Stage::Recipient, "550 no such mailbox"))),
            (MailSettings { from: "nobody".to_owned(), ..at(site.smtp.port) }, Some((Stage::Settings, "mail.from"))),
            (login("right"), None),
            (at(site.smtp.port), None),
        ] {
            let tried = mail_settings::try_out(&site.admin.db, site.config(), &typed, "ada@example.org", &by).await.unwrap();
            match (tried, expected) {
                (Ok(()), None) => {}
                (Err(failed), Some((stage, words))) => {
                    assert!(failed.stage == stage && failed.words.contains(words), "{failed:?}");
                }
                (tried, expected) => panic!("{tried:?}, and not {expected:?}"),
            }
        }
        let mut conn = site.admin.db.read().await.unwrap();
        assert_eq!(facts::find(&mut conn, facts::MAIL_SETTINGS).await.unwrap(), None);
        assert!(site.smtp.letters().is_empty() && strict.letters().is_empty());
        for login in ["max", "ada"] {
            assert!(site.by(login).await.prove::<AdministerSite>().is_err(), "{login}");
        }
    }

    /// The word of the right in a role of a group is no right: it reaches into nobody's network, and says nothing of what was saved.
    async fn the_right_means_nothing_in_a_group(database) {
        let site = Site::on(database).await;
        site.run("UPDATE roles SET rights = rights || ' administer_site' WHERE name = 'Top manager'").await;
        let (vault, config, by) = (site.vault(), site.config(), site.by("ada").await);
        assert!(!by.administers_site());
        let by = by.prove::<AdministerSite>().expect("the word");
        let watched = Smtp::start().await;
        let typed = at(watched.port);
        let refused = |failed: Failed| matches!(failed, Failed::Directory(Error::Refused(Refusal::LacksRight("administer_site"))));
        let tried = mail_settings::try_out(&site.admin.db, config, &typed, "ada@example.org", &by).await;
        assert!(tried.is_err_and(refused) && watched.visits() == 0);
        let mut tx = site.admin.db.write().await.unwrap();
        assert!(mail_settings::current(&mut tx, &vault, config, &by).await.is_err_and(refused));
        assert!(mail_settings::version(&mut tx, &by).await.is_err_and(refused));
        assert!(mail_settings::completed(&mut tx, &vault, config, typed.clone(), &by).await.is_err_and(refused));
        let saved = mail_settings::save(&mut tx, &vault, config, &typed, &Vec::new(), &by, &mut entropy()).await;
        assert!(saved.is_err_and(refused));
        assert!(mail_settings::reset(&mut tx, None, &by, &mut entropy()).await.is_err_and(refused));
        tx.commit().await.unwrap();
        assert_eq!(facts::find(&mut site.admin.db.read().await.unwrap(), facts::MAIL_SETTINGS).await.unwrap(), None);
    }

    /// Settings that make no sense are not saved; the command line shows whose settings count, and forgets what was saved.
    async fn the_command_line_says_which_settings_count(database) {
        let smtp = Smtp::start().await;
        let program = Program::new(database, &smtp);
        program.init();
        assert_eq!(program.must_json(&["mail", "show", "--json"])["saved"], false);
        let vault = countersign::keys::Vault::open(&program.path("keys")).unwrap();
        let mut config = countersign::config::Config::default();
        config.mail.host = "mail.example.org".to_owned();
        let by = countersign::directory::By::operator(0).prove::<AdministerSite>().unwrap();
        let mut tx = program.database.db.write().await.unwrap();
        let bad = MailSettings { from: "nobody".to_owned(), ..at(smtp.port) };
        assert!(mail_settings::save(&mut tx, &vault, &config, &bad, &Vec::new(), &by, &mut entropy()).await.is_err());
        mail_settings::save(&mut tx, &vault, &config, &at(smtp.port), &Vec::new(), &by, &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        let shown = program.must_json(&["mail", "show", "--json"]);
        assert_eq!((&shown["saved"], &shown["from"]), (&true.into(), &"Sign-in <id@example.org>".into()));
        let checked = program.must(&["check"], "");
        assert!(checked.contains("settings saved in the database count"), "{checked}");
        assert!(program.must(&["mail", "reset"], "").contains("What the file says counts again."));
        assert_eq!(program.must_json(&["mail", "show", "--json"])["saved"], false);
    }
}
