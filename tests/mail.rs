//! Does every message leave once, whatever the mail server does, and does the record tell what became of it?
#![cfg(test)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use countersign::clock::Clock;
use countersign::config::{Config, Encryption, Period, TransportKind};
use countersign::keys::Vault;
use countersign::keys::secret::entropy;
use countersign::mail::{self, MailError, Mailer, Outcome, Outgoing, Purpose};
use countersign::store::messages::{self, DeliveryRow};
use countersign::store::{Db, purge};
use support::Database;
use support::program::Program;
use support::smtp::{Certificate, Letter, Mishap, STAGES, Smtp, Stage, Terms, Tls};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// When every story begins: 2027-01-15 08:00:00 UTC.
const BEGINNING: i64 = 1_800_000_000;

/// How long a code of these stories lives, in seconds.
const LIFETIME: i64 = 600;

/// Longer than any exchange of these tests that is not meant to hang.
const PATIENCE: Duration = Duration::from_mins(1);

crate::on_both_databases! {
    async fn an_accepted_message_arrives_whole_and_is_wiped(database) {
        let office = Office::at(&database).await;
        let id = office.queue(&code_for("ned@example.org")).await;
        let sealed = sealed(&database, &id).await.expect("the message is kept until it is sent");
        for secret in ["123456", "Your code", "<p>"] {
            assert!(!sealed.contains(secret), "{sealed}");
        }
        assert_eq!(office.send(&id).await, Outcome::Accepted("250 queued as 42".to_owned()));
        let letter = office.smtp.letter(0).await;
        assert_eq!(letter.to, ["ned@example.org"]);
        for (name, value) in [
            ("From", "Countersign <id@example.org>".to_owned()),
            ("To", "ned@example.org".to_owned()),
            ("Subject", "Your code".to_owned()),
            ("Date", "Fri, 15 Jan 2027 08:00:00 +0000".to_owned()),
            ("Message-ID", format!("<{id}@example.org>")),
            ("Auto-Submitted", "auto-generated".to_owned()),
        ] {
            assert_eq!(letter.header(name), Some(value), "{name}");
        }
        assert!(letter.header("Content-Type").unwrap().starts_with("multipart/alternative"));
        assert_eq!((letter.text().trim_end(), letter.html().trim_end()), ("Ihr Code für heute: 123456", "<p>123456</p>"));
        let row = office.record(&id).await;
        assert_eq!((row.state.as_str(), row.attempts, row.answer.as_deref()), ("accepted", 1, Some("250 queued as 42")));
        assert_eq!((row.purpose.as_str(), row.reference.as_deref()), ("sign_in_code", Some("KX7P")));
        assert_eq!((row.created_at_ms, row.done_at), (BEGINNING * 1000, Some(BEGINNING)));
        assert_eq!(self::sealed(&database, &id).await, None);
    }

    /// The challenge and its message are committed together or not at all.
    async fn a_message_of_a_transaction_that_failed_is_never_sent(database) {
        let office = Office::at(&database).await;
        let mut tx = database.db.write().await.unwrap();
        let outgoing = code_for("ned@example.org");
        let queued = mail::queue(&mut tx, &office.vault, &outgoing, BEGINNING * 1000, &mut entropy()).await;
        let id = queued.unwrap();
        drop(tx);
        assert_eq!(office.send(&id).await, Outcome::Underway);
        assert_eq!(office.close().await, []);
    }

    async fn a_message_that_the_server_refuses_is_over(database) {
        let office = Office::at(&database).await;
        for stage in STAGES {
            office.smtp.let_fail(stage, Mishap::Answer("550 no such mailbox"));
            let id = office.queue(&code_for("ned@example.org")).await;
            let Outcome::Refused(words) = office.send(&id).await else { panic!("{stage:?}") };
            assert!(words.contains("no such mailbox"), "{words}");
            let row = office.record(&id).await;
            assert_eq!((row.state.as_str(), row.answer, row.done_at), ("refused", Some(words), Some(BEGINNING)));
            assert_eq!(sealed(&database, &id).await, None);
        }
        office.smtp.let_work();
        office.pass(LIFETIME - 1);
        assert_eq!(office.close().await, []);
    }

    async fn a_message_that_the_server_puts_off_is_sent_later_and_once(database) {
        let office = Office::at(&database).await;
        let mut ids = Vec::new();
        for stage in STAGES {
            office.smtp.let_fail(stage, Mishap::Answer("451 greylisted"));
            let id = office.queue(&code_for(&format!("{stage:?}@example.org"))).await;
            assert_eq!(office.send(&id).await, Outcome::Underway, "{stage:?}");
            let row = office.record(&id).await;
            assert_eq!((row.state.as_str(), row.attempts, row.done_at), ("deferred", 1, None));
            assert!(row.answer.unwrap().contains("greylisted"));
            ids.push(id);
        }
        office.smtp.let_work();
        office.pass(4);
        assert_eq!(office.send(&ids[0]).await, Outcome::Underway, "it is not its time yet");
        assert!(office.smtp.letters().is_empty());
        office.pass(1);
        let letters = office.close().await;
        assert_eq!(letters.len(), ids.len());
        let mut to: Vec<_> = letters.into_iter().flat_map(|letter| letter.to).collect();
        to.sort();
        to.dedup();
        assert_eq!(to.len(), ids.len());
        for row in records(&database.db).await {
            assert_eq!((row.state.as_str(), row.attempts), ("accepted", 2));
        }
    }

    async fn a_server_that_hangs_up_is_tried_again(database) {
        let office = Office::at(&database).await;
        for stage in STAGES {
            office.smtp.let_fail(stage, Mishap::HangUp);
            let id = office.queue(&code_for("ned@example.org")).await;
            assert_eq!(office.send(&id).await, Outcome::Underway, "{stage:?}");
            assert_eq!(office.record(&id).await.state, "deferred", "{stage:?}");
        }
        office.smtp.let_work();
        office.pass(5);
        assert_eq!(office.close().await.len(), STAGES.len());
    }

    /// Somebody waits for a code, so they are told at once; later it is the worker who waits.
    async fn a_server_that_cannot_be_reached_is_a_refusal_only_at_first(database) {
        let office = Office::with(&database, |config| config.mail.port = Some(nobody_listens())).await;
        let id = office.queue(&code_for("ned@example.org")).await;
        assert!(matches!(office.send(&id).await, Outcome::Refused(_)));
        assert_eq!(office.record(&id).await.state, "refused");

        let alert = Outgoing { purpose: Purpose::OverrideAlert, ..code_for("ada@example.org") };
        let alert = office.queue(&alert).await;
        assert_eq!(office.send(&alert).await, Outcome::Underway);
        assert_eq!(office.record(&alert).await.state, "deferred");
    }

    async fn a_retry_that_finds_nobody_goes_on_until_the_message_is_worth_nothing(database) {
        let mut office = Office::at(&database).await;
        office.smtp.let_fail(Stage::Recipient, Mishap::Answer("451 later"));
        let id = office.queue(&code_for("ned@example.org")).await;
        assert_eq!(office.send(&id).await, Outcome::Underway);
        office.smtp.close().await;
        let mut states = Vec::new();
        // 5 s, 15 s, 45 s, then once a minute, while the ten minutes last.
        for _ in 0..20 {
            office.pass(60);
            office.send(&id).await;
            states.push(records(&database.db).await.remove(0).state);
        }
        assert_eq!(states[0], "deferred");
        assert_eq!(states[19], "expired");
        let row = records(&database.db).await.remove(0);
        assert!((9..=11).contains(&row.attempts), "{row:?}");
        assert!(row.done_at.unwrap() < BEGINNING + LIFETIME, "{row:?}");
        assert_eq!(sealed(&database, &id).await, None);
    }

    async fn a_message_that_would_come_too_late_is_not_sent(database) {
        let office = Office::at(&database).await;
        let id = office.queue(&code_for("ned@example.org")).await;
        office.pass(LIFETIME);
        assert!(matches!(office.send(&id).await, Outcome::Refused(_)));
        assert_eq!(office.record(&id).await.state, "expired");
        assert_eq!(sealed(&database, &id).await, None);
        assert_eq!(office.close().await, []);
    }

    async fn two_processes_send_a_message_once(database) {
        let one = Office::at(&database).await;
        let two = Mailer::new(database.open_again().await, one.vault.clone(), &one.config, one.clock()).unwrap();
        let mut ids = Vec::new();
        for n in 0..20 {
            ids.push(one.queue(&code_for(&format!("user{n}@example.org"))).await);
        }
        let sending = ids.iter().flat_map(|id| [&one.mailer, &two].map(|m| (m.clone(), id.clone())));
        let sending: Vec<_> = sending
            .map(|(mailer, id)| tokio::spawn(async move { mailer.deliver_within(&id, PATIENCE).await }))
            .collect();
        let mut accepted = 0;
        for outcome in sending {
            accepted += usize::from(matches!(outcome.await.unwrap(), Outcome::Accepted(_)));
        }
        assert_eq!(accepted, 20);
        one.pass(300);
        two.run(async {}).await;
        assert_eq!(one.close().await.len(), 20);
    }

    /// The process ended after the commit and before the mail went out.
    async fn what_was_left_is_sent_after_a_restart(database) {
        let office = Office::at(&database).await;
        let id = office.queue(&code_for("ned@example.org")).await;
        let office = office.restarted();
        assert_eq!(office.smtp.letters(), []);
        office.pass(5);
        assert_eq!(office.close().await.len(), 1);
        assert_eq!(records(&database.db).await[0].id, id);
        assert_eq!(records(&database.db).await[0].state, "accepted");
    }

    /// The process was killed while it talked to the mail server: nobody knows how far it had come.
    async fn what_was_under_way_is_sent_when_the_claim_has_run_out(database) {
        let office = Office::at(&database).await;
        let id = office.queue(&code_for("ned@example.org")).await;
        let mut tx = database.db.write().await.unwrap();
        assert!(messages::claim(&mut tx, &id, BEGINNING + 30, BEGINNING).await.unwrap().is_some());
        tx.commit().await.unwrap();
        office.pass(29);
        assert_eq!(office.send(&id).await, Outcome::Underway, "somebody may still be at it");
        assert!(office.smtp.letters().is_empty());
        office.pass(1);
        assert_eq!(office.close().await.len(), 1);
    }

    /// It took its time, and meanwhile another process has sent the message.
    async fn who_has_lost_the_claim_changes_nothing(database) {
        let office = Office::at(&database).await;
        let id = office.queue(&code_for("ned@example.org")).await;
        let mut tx = database.db.write().await.unwrap();
        let slow = messages::claim(&mut tx, &id, BEGINNING, BEGINNING).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        assert!(matches!(office.send(&id).await, Outcome::Accepted(_)));
        let mut tx = database.db.write().await.unwrap();
        messages::finish(&mut tx, &slow, "refused", "550 no", BEGINNING).await.unwrap();
        messages::defer(&mut tx, &slow, "451 later", BEGINNING).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(office.record(&id).await.state, "accepted");
        assert_eq!(office.close().await.len(), 1);
    }

    async fn a_long_queue_is_worked_off(database) {
        let office = Office::at(&database).await;
        for n in 0..100 {
            let alert = Outgoing { purpose: Purpose::OverrideAlert, ..code_for(&format!("user{n}@example.org")) };
            office.queue(&alert).await;
        }
        assert_eq!(office.close().await.len(), 100);
    }

    async fn an_operator_sends_a_test_and_reads_the_record(database) {
        let smtp = Smtp::start().await;
        let program = Program::new(database, &smtp);
        program.init();
        let said = program.must(&["mail", "test", "ned@example.org"], "");
        assert!(said.contains("250 queued as 42"), "{said}");
        assert_eq!(smtp.letter(0).await.to, ["ned@example.org"]);
        for (mishap, words) in [("550 no such mailbox", "no such mailbox"), ("451 greylisted", "greylisted")] {
            smtp.let_fail(Stage::Recipient, Mishap::Answer(mishap));
            let refused = program.run(&["mail", "test", "ned@example.org"], "");
            let said = String::from_utf8(refused.stderr).unwrap();
            assert_eq!((refused.status.code(), said.lines().count()), (Some(1), 1), "{said}");
            assert!(said.contains(words), "{said}");
        }
        let log = program.must_json(&["mail", "log", "--json"]);
        let states: Vec<_> = log.as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["deferred", "refused", "accepted"]);
        let log = program.must(&["mail", "log", "--last", "2"], "");
        assert_eq!(log.lines().count(), 2);
        assert!(log.contains("ned@example.org") && log.contains("greylisted") && !log.contains("queued"), "{log}");
    }

    async fn a_domain_in_other_letters_is_taken_wherever_an_address_is(database) {
        let smtp = Smtp::start().await;
        let program = Program::new(database, &smtp);
        program.init();
        program.must(&["group", "add", "Acme"], "");
        let added = ["user", "add", "ned", "--group", "Acme", "--role", "User", "--email", "ned@müller.example"];
        program.must(&added, "");
        assert_eq!(smtp.letter(0).await.to, ["ned@xn--mller-kva.example"]);
        assert_eq!(program.must_json(&["user", "show", "ned", "--json"])["email"], "ned@xn--mller-kva.example");
        assert!(program.must(&["user", "list"], "").contains("ned@müller.example"));
        program.must(&["mail", "test", "max@MÜLLER.example"], "");
        assert_eq!(smtp.letter(1).await.to, ["max@xn--mller-kva.example"]);
        let refused = program.run(&["user", "set", "ned", "--email", "né@example.org"], "");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(1) && said.contains("before the @"), "{said}");
    }

    async fn the_record_shows_the_newest_first_and_forgets_after_a_month(database) {
        let office = Office::at(&database).await;
        let old = office.queue(&code_for("ned@example.org")).await;
        office.pass(60);
        let new = office.queue(&code_for("max@example.org")).await;
        let ids = |rows: Vec<DeliveryRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(ids(records(&database.db).await), [new.clone(), old]);
        let mut conn = database.db.read().await.unwrap();
        assert_eq!(ids(mail::recent(&mut conn, 1).await.unwrap()), std::slice::from_ref(&new));
        drop(conn);
        purge::run(&database.db, BEGINNING + 30 * 86_400).await.unwrap();
        assert_eq!(ids(records(&database.db).await), [new]);
    }
}

/// The limit is on the whole exchange: no stage can hold a message for longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_is_left_at_the_limit_and_holds_nobody_up() {
    let stories = STAGES.map(|stage| {
        tokio::spawn(async move {
            let database = Database::sqlite().await;
            let office = Office::with(&database, |config| config.mail.timeout = Period::seconds(1)).await;
            office.smtp.let_fail(stage, Mishap::Silence);
            let slow = office.queue(&code_for("ned@example.org")).await;
            let (mailer, id) = (office.mailer.clone(), slow.clone());
            let waiting = tokio::spawn(async move { mailer.deliver_within(&id, PATIENCE).await });
            office.smtp.mishaps(1).await;
            office.smtp.let_work();
            let quick = office.queue(&code_for("max@example.org")).await;
            assert!(matches!(office.send(&quick).await, Outcome::Accepted(_)), "{stage:?}");
            assert_eq!(waiting.await.unwrap(), Outcome::Underway, "{stage:?}");
            let row = office.record(&slow).await;
            assert_eq!((row.state.as_str(), row.attempts), ("deferred", 1), "{stage:?}");
            assert_eq!(row.answer.as_deref(), Some("the mail server took more than 1 s"), "{stage:?}");
            office.pass(5);
            assert_eq!(office.close().await.len(), 2, "{stage:?}");
        })
    });
    for story in stories {
        story.await.unwrap();
    }
}

/// On a connection whose exchange was cut off, the next message would read the answers to the last one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_fell_silent_is_not_used_again() {
    let database = Database::sqlite().await;
    let office = Office::with(&database, |config| config.mail.timeout = Period::seconds(1)).await;
    for (mishap, visits) in [(None, 1), (Some((Stage::Message, Mishap::Silence)), 1), (None, 2)] {
        match mishap.clone() {
            Some((stage, mishap)) => office.smtp.let_fail(stage, mishap),
            None => office.smtp.let_work(),
        }
        let id = office.queue(&code_for("ned@example.org")).await;
        let sent = matches!(office.send(&id).await, Outcome::Accepted(_));
        assert_eq!((sent, office.smtp.visits()), (mishap.is_none(), visits));
    }
}

#[tokio::test]
async fn a_connection_is_used_again_for_half_a_minute() {
    let database = Database::sqlite().await;
    let office = Office::at(&database).await;
    for (seconds, visits) in [(0, 1), (29, 1), (30, 2)] {
        office.pass(seconds);
        let id = office.queue(&code_for("ned@example.org")).await;
        assert!(matches!(office.send(&id).await, Outcome::Accepted(_)));
        assert_eq!(office.smtp.visits(), visits);
    }
}

/// The page was closed, or its patience was at an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_on_when_nobody_waits_for_it() {
    let database = Database::sqlite().await;
    let office = Office::at(&database).await;
    let id = office.queue(&code_for("ned@example.org")).await;
    assert_eq!(office.mailer.deliver_within(&id, Duration::ZERO).await, Outcome::Underway);
    assert_eq!(office.smtp.letter(0).await.code().as_deref(), Some("123456"));
    assert_eq!(office.close().await.len(), 1);
    assert_eq!(records(&database.db).await[0].state, "accepted");
}

/// A worker that runs is woken; nobody waits for its next look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_can_be_woken_and_finishes_before_it_stops() {
    let database = Database::sqlite().await;
    let office = Office::at(&database).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let mailer = office.mailer.clone();
    let worker = tokio::spawn(async move {
        mailer.run(async { stopped.await.unwrap_or_default() }).await;
    });
    let alert = Outgoing { purpose: Purpose::OverrideAlert, ..code_for("ada@example.org") };
    office.queue(&alert).await;
    office.mailer.wake();
    office.smtp.letter(0).await;
    stop.send(()).unwrap();
    worker.await.unwrap();
    assert_eq!(records(&database.db).await[0].state, "accepted");
    let late = office.queue(&code_for("ned@example.org")).await;
    assert_eq!(office.send(&late).await, Outcome::Underway, "it is left to the next process");
    assert_eq!(office.smtp.letters().len(), 1);
}

#[tokio::test]
async fn an_address_that_mail_cannot_go_to_is_refused() {
    let database = Database::sqlite().await;
    let office = Office::at(&database).await;
    for to in ["ned", "ned@example.org\r\nBcc: all@example.org", "a@b.example, c@d.example"] {
        let id = office.queue(&code_for(to)).await;
        assert!(matches!(office.send(&id).await, Outcome::Refused(_)), "{to:?}");
    }
    assert_eq!(office.close().await, []);
}

#[tokio::test]
async fn without_a_transport_every_message_is_refused() {
    let database = Database::sqlite().await;
    let office = Office::with(&database, |config| config.mail.transport = TransportKind::None).await;
    let id = office.queue(&code_for("ned@example.org")).await;
    let Outcome::Refused(words) = office.send(&id).await else { panic!("it was sent") };
    assert!(words.contains("mail.transport is none"), "{words}");
    assert!(office.mailer.probe().await.is_err());
}

#[tokio::test]
async fn into_a_folder_goes_one_file_a_message() {
    let database = Database::sqlite().await;
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("out");
    let folder = |config: &mut Config| {
        config.mail.transport = TransportKind::File;
        config.mail.dir.clone_from(&dir);
    };
    let office = Office::with(&database, folder).await;
    let mut expected = Vec::new();
    for to in ["ned@example.org", "max@example.org"] {
        let id = office.queue(&code_for(to)).await;
        assert!(matches!(office.send(&id).await, Outcome::Accepted(_)));
        let path = dir.join(format!("{id}.eml"));
        let raw = std::fs::read_to_string(&path).unwrap();
        assert!(raw.contains(&format!("\r\nTo: {to}\r\n")) && raw.contains("Subject: Your code"), "{raw}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        expected.push(path);
    }
    let mut found: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(office.mailer.probe().await.is_ok());
}

#[tokio::test]
async fn a_login_is_given_where_one_is_set_up() {
    let login = |password: &str| {
        let password = password.to_owned();
        move |config: &mut Config| {
            config.mail.username = Some("postman".to_owned());
            config.mail.password = Some(password);
        }
    };
    let strict = || Smtp::on_terms(Terms { login: Some(("postman", "rings twice")), tls: None });
    let database = Database::sqlite().await;
    let right = Office::at_server(&database, strict().await, login("rings twice"));
    assert_eq!(right.mailer.probe().await, Ok("the mail server lets us in".to_owned()));
    let id = right.queue(&code_for("ned@example.org")).await;
    assert!(matches!(right.send(&id).await, Outcome::Accepted(_)));

    let wrong = Office::at_server(&database, strict().await, login("rings once"));
    let none = Office::at_server(&database, strict().await, |_| ());
    let pointless = Office::at_server(&database, Smtp::start().await, login("rings twice"));
    for (office, words) in
        [(&wrong, "wrong name"), (&none, "who are you"), (&pointless, "authentication mechanism")]
    {
        let id = office.queue(&code_for("ned@example.org")).await;
        let Outcome::Refused(said) = office.send(&id).await else { panic!("{words}") };
        assert!(said.contains(words), "{said}");
        assert!(!said.contains("rings"), "{said}");
    }
    assert!(wrong.mailer.probe().await.unwrap_err().contains("wrong name"));
}

#[tokio::test]
async fn tls_is_agreed_on_with_a_server_that_is_believed_and_with_no_other() {
    let database = Database::sqlite().await;
    let home = tempfile::tempdir().unwrap();
    for (encryption, tls) in [(Encryption::Tls, Tls::AtOnce), (Encryption::Starttls, Tls::Starttls)] {
        for (name, believed, expected) in
            [("localhost", true, true), ("localhost", false, false), ("mail.example.org", true, false)]
        {
            let certificate = Certificate::of(name);
            let path = home.path().join("authority.pem");
            std::fs::write(&path, &certificate.pem).unwrap();
            let server = Smtp::on_terms(Terms { login: None, tls: Some((tls, certificate)) }).await;
            let office = Office::at_server(&database, server, |config| {
                config.mail.host = "localhost".to_owned();
                config.mail.encryption = encryption;
                config.outbound.extra_ca = if believed { vec![path] } else { Vec::new() };
            });
            let id = office.queue(&code_for("ned@example.org")).await;
            let outcome = office.send(&id).await;
            let sent = matches!(outcome, Outcome::Accepted(_));
            assert_eq!(sent, expected, "{encryption:?} {name} {believed}: {outcome:?}");
            assert_eq!(office.smtp.letters().len(), usize::from(expected));
            assert!(sent || matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
            assert_eq!(office.mailer.probe().await.is_ok(), expected);
        }
    }
}

/// What stands behind the server's last words in the clear was never protected, whoever has put it there.
#[tokio::test]
async fn what_stands_behind_the_answer_to_starttls_ends_the_connection() {
    let database = Database::sqlite().await;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("authority.pem");
    let certificate = Certificate::of("localhost");
    std::fs::write(&path, &certificate.pem).unwrap();
    let terms = Terms { login: Some(("postman", "rings twice")), tls: Some((Tls::Starttls, certificate)) };
    let office = Office::at_server(&database, Smtp::on_terms(terms).await, |config| {
        config.mail.host = "localhost".to_owned();
        config.mail.encryption = Encryption::Starttls;
        config.mail.username = Some("postman".to_owned());
        config.mail.password = Some("rings twice".to_owned());
        config.outbound.extra_ca = vec![path];
    });
    for words in ["250-test\r\n250 AUTH LOGIN", "250 ok\r\n250 ok\r\n250 ok", "x"] {
        office.smtp.let_fail(Stage::Starttls, Mishap::Extra(words));
        let id = office.queue(&code_for("ned@example.org")).await;
        let Outcome::Refused(said) = office.send(&id).await else { panic!("{words:?} was believed") };
        assert!(said.contains("before TLS began"), "{said}");
        assert!(office.mailer.probe().await.is_err());
    }
    assert_eq!(office.smtp.letters(), []);
    office.smtp.let_work();
    let id = office.queue(&code_for("ned@example.org")).await;
    assert!(matches!(office.send(&id).await, Outcome::Accepted(_)));
}

/// An answer that comes before the command would be taken for the answer to it.
#[tokio::test]
async fn what_a_server_says_unasked_is_no_answer() {
    let database = Database::sqlite().await;
    for stage in STAGES {
        let office = Office::at(&database).await;
        office.smtp.let_fail(stage, Mishap::Extra("250 ok\r\n354 go on\r\n250 queued as 43"));
        let id = office.queue(&code_for("ned@example.org")).await;
        let outcome = office.send(&id).await;
        if stage == Stage::Message {
            // It has taken the message; nothing more is said on this connection.
            assert_eq!(outcome, Outcome::Accepted("250 queued as 42".to_owned()));
        } else {
            assert!(!matches!(outcome, Outcome::Accepted(_)), "{stage:?}: {outcome:?}");
            assert!(office.record(&id).await.answer.unwrap().contains("more than it was asked"), "{stage:?}");
        }
        office.smtp.let_work();
        let id = office.queue(&code_for("max@example.org")).await;
        assert!(matches!(office.send(&id).await, Outcome::Accepted(_)), "{stage:?}");
        assert_eq!(office.smtp.visits(), 2, "{stage:?}");
    }
}

/// Neither a line nor an answer without an end is waited for, or kept.
#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let database = Database::sqlite().await;
    for (stage, words) in STAGES.into_iter().flat_map(|stage| [(stage, "250"), (stage, "250-on and on\r\n")])
    {
        let office = Office::with(&database, |config| config.mail.timeout = Period::minutes(10)).await;
        office.smtp.let_fail(stage, Mishap::Endless(words));
        let id = office.queue(&code_for("ned@example.org")).await;
        assert!(!matches!(office.send(&id).await, Outcome::Accepted(_)), "{stage:?}");
        let answer = office.record(&id).await.answer.unwrap();
        assert!(answer.contains("the mail server") && answer.len() < 300, "{stage:?}: {answer}");
    }
}

#[tokio::test]
async fn what_the_operator_reads_names_the_setting_that_mends_it() {
    let database = Database::sqlite().await;
    let strict = || Smtp::on_terms(Terms { login: Some(("postman", "rings twice")), tls: None });
    let believed = Terms { login: None, tls: Some((Tls::AtOnce, Certificate::of("localhost"))) };
    let nobody = nobody_listens();
    let offices = [
        (
            Office::with(&database, |config| config.mail.port = Some(nobody)).await,
            "connection refused",
            "mail.port",
        ),
        (
            Office::with(&database, |config| config.mail.host = "nowhere.invalid".to_owned()).await,
            "no address",
            "mail.host",
        ),
        (
            Office::at_server(&database, strict().await, |config| {
                config.mail.username = Some("postman".to_owned());
                config.mail.password = Some("rings once".to_owned());
            }),
            "535 wrong name or password",
            "mail.password",
        ),
        (
            Office::at_server(&database, Smtp::on_terms(believed).await, |config| {
                config.mail.host = "localhost".to_owned();
                config.mail.encryption = Encryption::Tls;
            }),
            "certificate",
            "outbound.extra_ca",
        ),
        (
            Office::with(&database, |config| config.mail.encryption = Encryption::Tls).await,
            "does not speak TLS with us: wrong version number.",
            "mail.encryption",
        ),
    ];
    for (office, cause, setting) in offices {
        let said = office.mailer.probe().await.unwrap_err();
        assert!(said.contains(cause) && said.contains(setting) && !said.contains("rings"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[tokio::test]
async fn we_say_who_we_are() {
    let database = Database::sqlite().await;
    for (issuer, helo, expected) in [
        ("https://login.example.org", None, "login.example.org"),
        ("http://127.0.0.1:8080", None, "[127.0.0.1]"),
        ("https://login.example.org", Some("mx.müller.example"), "mx.xn--mller-kva.example"),
    ] {
        let office = Office::with(&database, |config| {
            config.issuer = issuer.to_owned();
            config.mail.helo = helo.map(str::to_owned);
        })
        .await;
        let id = office.queue(&code_for("ned@example.org")).await;
        assert!(matches!(office.send(&id).await, Outcome::Accepted(_)));
        assert_eq!(office.smtp.letter(0).await.hello, expected);
    }
}

/// Not every mail server takes other letters than those of ASCII (RFC 6531); the domain has a spelling in them.
#[tokio::test]
async fn a_domain_in_other_letters_goes_out_in_ascii() {
    let database = Database::sqlite().await;
    let office =
        Office::with(&database, |config| config.mail.from = "Müller <id@müller.example>".to_owned()).await;
    let to = countersign::directory::Address::parse("ned@müller.example").unwrap();
    let id = office.queue(&code_for(to.as_str())).await;
    assert!(matches!(office.send(&id).await, Outcome::Accepted(_)));
    let letter = office.smtp.letter(0).await;
    assert_eq!(
        (letter.from.as_str(), letter.to),
        ("id@xn--mller-kva.example", vec!["ned@xn--mller-kva.example".to_owned()])
    );
    assert!(letter.raw.is_ascii(), "{}", letter.raw);
}

/// STARTTLS is required, never tried: somebody in between could take the word out of the server's answer.
#[tokio::test]
async fn a_server_without_starttls_gets_no_mail() {
    let database = Database::sqlite().await;
    let office = Office::with(&database, |config| config.mail.encryption = Encryption::Starttls).await;
    let id = office.queue(&code_for("ned@example.org")).await;
    let Outcome::Refused(words) = office.send(&id).await else { panic!("it was sent in the clear") };
    assert!(words.contains("STARTTLS"), "{words}");
    assert_eq!(office.smtp.letters(), []);
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let database = Database::sqlite().await;
    let home = tempfile::tempdir().unwrap();
    let empty = home.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let keys = tempfile::tempdir().unwrap();
    let vault = Vault::open_or_create(keys.path(), &mut entropy()).unwrap();
    let start = |change: &dyn Fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        Mailer::new(database.db.clone(), vault.clone(), &config, Clock::System).map(|_| ())
    };
    assert!(start(&|_| ()).is_ok());
    let refused = start(&|config| config.mail.from = "nobody".to_owned()).unwrap_err();
    assert!(matches!(refused, MailError::From(_)), "{refused}");
    for path in [empty, home.path().join("missing.pem")] {
        let refused = start(&|config| {
            config.mail.encryption = Encryption::Tls;
            config.outbound.extra_ca = vec![path.clone()];
        })
        .unwrap_err();
        assert!(
            refused.to_string().starts_with(&format!("outbound.extra_ca: {}", path.display())),
            "{refused}"
        );
    }
    let file = home.path().join("empty.pem");
    let refused = start(&|config| {
        config.mail.transport = TransportKind::File;
        config.mail.dir = file.join("below");
    })
    .unwrap_err();
    assert!(refused.to_string().starts_with("mail.dir: "), "{refused}");
}

/// A provider's mail room, the server that it sends to, and a clock that the test moves.
struct Office {
    config: Config,
    db: Db,
    vault: Vault,
    mailer: Mailer,
    smtp: Smtp,
    time: Arc<AtomicI64>,
    keys: TempDir,
}

impl Office {
    async fn at(database: &Database) -> Self {
        Self::with(database, |_| ()).await
    }

    async fn with(database: &Database, change: impl FnOnce(&mut Config)) -> Self {
        Self::at_server(database, Smtp::start().await, change)
    }

    fn at_server(database: &Database, smtp: Smtp, change: impl FnOnce(&mut Config)) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.mail.host = "127.0.0.1".to_owned();
        config.mail.port = Some(smtp.port);
        config.mail.from = "Countersign <id@example.org>".to_owned();
        change(&mut config);
        let time = Arc::new(AtomicI64::new(BEGINNING * 1000));
        Self::open(config, database.db.clone(), smtp, time, keys)
    }

    fn open(config: Config, db: Db, smtp: Smtp, time: Arc<AtomicI64>, keys: TempDir) -> Self {
        let vault = Vault::open_or_create(keys.path(), &mut entropy()).unwrap();
        let clock = Clock::Manual(Arc::clone(&time));
        let mailer = Mailer::new(db.clone(), vault.clone(), &config, clock).unwrap();
        Self { config, db, vault, mailer, smtp, time, keys }
    }

    /// The same after the process has ended and another has begun.
    fn restarted(self) -> Self {
        let Self { config, db, smtp, time, keys, .. } = self;
        Self::open(config, db, smtp, time, keys)
    }

    fn clock(&self) -> Clock {
        Clock::Manual(Arc::clone(&self.time))
    }

    fn pass(&self, seconds: i64) {
        self.time.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    async fn queue(&self, outgoing: &Outgoing) -> String {
        let mut tx = self.db.write().await.unwrap();
        let id =
            mail::queue(&mut tx, &self.vault, outgoing, self.clock().now_ms(), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn send(&self, id: &str) -> Outcome {
        self.mailer.deliver_within(id, PATIENCE).await
    }

    async fn record(&self, id: &str) -> DeliveryRow {
        records(&self.db).await.into_iter().find(|row| row.id == id).expect("the record has it")
    }

    /// Sends everything that is due now, stops, and answers what has arrived in all.
    async fn close(&self) -> Vec<Letter> {
        loop {
            let mut conn = self.db.read().await.unwrap();
            let due = messages::due(&mut conn, self.clock().now(), 100).await.unwrap();
            drop(conn);
            if due.is_empty() {
                break;
            }
            for id in due {
                self.send(&id).await;
            }
        }
        self.mailer.run(async {}).await;
        self.smtp.letters()
    }
}

fn code_for(to: &str) -> Outgoing {
    Outgoing {
        purpose: Purpose::SignInCode,
        user_id: None,
        to: to.to_owned(),
        subject: "Your code".to_owned(),
        text: "Ihr Code für heute: 123456".to_owned(),
        html: "<p>123456</p>".to_owned(),
        reference: Some("KX7P".to_owned()),
        expires_at: BEGINNING + LIFETIME,
    }
}

async fn records(db: &Db) -> Vec<DeliveryRow> {
    let mut conn = db.read().await.unwrap();
    mail::recent(&mut conn, 200).await.unwrap()
}

/// What the database holds of the message itself.
async fn sealed(database: &Database, id: &str) -> Option<String> {
    database.text("SELECT sealed FROM messages WHERE id = $1", id).await
}

/// A port that was free a moment ago.
fn nobody_listens() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
