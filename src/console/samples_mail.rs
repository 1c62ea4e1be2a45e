//! What do the pages of repairs and of mail look like in each of their states?

use super::answered::Answered;
use super::broken::{Asking, Broken};
use super::explained::{self, Explained};
use super::field::{Choice, Field, Kind, Label, Said, Summed, Wrong};
use super::listing::{Column, Table};
use super::mail::{Line, MailPage};
use super::mail_settings::{MailSettingsPage, Trial};
use super::message::MessagePage;
use super::repair::{Failing, RepairPage};
use super::samples::console;
use super::user_deeds::Deed;
use crate::clock::Moment;
use crate::web::TemplateError;
use crate::web::form::Form;
use crate::web::samples::{Drawing, LONG, MOMENT};

const REFUSED: &str =
    "550 5.1.1 <nia@example.org>: Recipient address rejected: User unknown in virtual mailbox table";
const NO_SERVER: &str =
    "connection refused: no mail server listens at mail.example.org, port 587 (mail.host, mail.port)";

/// The pages of repairs and of mail.
pub(super) fn draw(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let nothing = repair(Said::new("repair-nothing"));
    console(drawing, "console-repair", &nothing)?;
    let down = RepairPage {
        unwell: true,
        mail_down: true,
        ask: Some(Said::new("repair-ask").about("Root Rootsen")),
        answers: vec![failing("refused", NO_SERVER, 12), failing("refused", REFUSED, 1)],
        asking: vec![broken("nia", "no-address", true), broken(LONG, "codes-stopped", true)],
        more_asking: Some(Said::new("repair-more-asking").counting(21)),
        people: vec![broken("ned", "undelivered", false), broken("zoe", "no-address", false)],
        table: table("repair-people", &[], Some("/console/repair?after=x".to_owned())),
        ..repair(Said::new("repair-mail-down"))
    };
    console(drawing, "console-repair-down", &down)?;
    let mut locked = broken("nia", "no-address", false);
    (locked.editable, locked.deeds) = (false, Vec::new());
    locked.why_not = Some(Said::new("refused-outranked"));
    let read =
        RepairPage { unwell: true, people: vec![locked], ..repair(Said::new("repair-kept-out").counting(1)) };
    console(drawing, "console-repair-read", &read)?;
    let mut mistyped = broken("nia", "no-address", false);
    let typed = [("email".to_owned(), "nia@example".to_owned())];
    let wrong = Wrong::new("email", Said::new("wrong-email"));
    let errors = mistyped.typed(&Form::from_iter(typed), &[wrong]);
    let lead = Said::new("repair-kept-out").counting(1);
    let mistyped = RepairPage { errors, unwell: true, people: vec![mistyped], ..repair(lead) };
    console(drawing, "console-repair-wrong", &mistyped)?;
    let many = (0..10).map(|n| broken(&format!("user-{n:05}"), "no-address", false)).collect();
    let lead = Said::new("repair-many-kept-out").counting(200);
    let next = Some("/console/repair?after=x.user-00009".to_owned());
    let many =
        RepairPage { unwell: true, people: many, table: table("repair-people", &[], next), ..repair(lead) };
    console(drawing, "console-repair-many", &many)?;
    mail(drawing)?;
    settings(drawing)?;
    for (name, state, answer) in [
        ("console-message", "accepted", Some("250 2.0.0 Ok: queued as 4WkZ")),
        ("console-message-refused", "refused", Some(REFUSED)),
        ("console-message-waiting", "queued", None),
    ] {
        console(drawing, name, &message(state, answer))?;
    }
    Ok(())
}

fn repair(lead: Said) -> RepairPage {
    let here = || "/console/repair".to_owned();
    RepairPage {
        lead,
        errors: Vec::new(),
        unwell: false,
        answers: Vec::new(),
        mail_down: false,
        ask: None,
        links: vec![("repair-see-mail", "/console/mail".to_owned())],
        asking: Vec::new(),
        more_asking: None,
        filters: vec![
            (here(), "users-filter-kept-out", true),
            (here(), "users-filter-invited", false),
            (here(), "users-filter-disabled", false),
        ],
        people: Vec::new(),
        table: table("repair-people", &[], None),
    }
}

fn table(caption: &'static str, labels: &[&'static str], next: Option<String>) -> Table {
    let column = |label: &&'static str| Column { label, link: None, sorted: None, number: false };
    Table { caption, columns: labels.iter().map(column).collect(), first: None, next }
}

fn at() -> Moment {
    Moment::new(MOMENT, Some("Europe/Berlin"))
}

fn failing(state: &str, answer: &str, n: i64) -> Failing {
    Failing {
        answer: Answered::of(state, Some(answer)),
        n,
        at: at(),
        to: "Nia Nash (nia)".to_owned(),
        person: Some("/console/users/x".to_owned()),
        path: "/console/mail/x".to_owned(),
    }
}

fn broken(login: &str, why: &str, asks: bool) -> Broken {
    let deed = |name, label, said: Said| Deed { name, label, said, grave: false };
    let undelivered = why == "undelivered";
    let email = if why == "no-address" { "" } else { "nia@example.org" };
    let mut deeds = Vec::new();
    if undelivered {
        deeds.push(deed("test", "repair-test", Said::new("repair-test-said").about(email)));
    }
    if why == "codes-stopped" {
        deeds.push(deed("unlock", "deed-unlock", Said::new("deed-unlock-stopped")));
    }
    let said = Said::new(&format!("explained-{why}")).about(email);
    Broken {
        id: login.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        who: if login == LONG { LONG.to_owned() } else { "Nia Nash".to_owned() },
        login: login.to_owned(),
        group: Some("Design".to_owned()),
        state: Explained {
            well: false,
            kept_out: true,
            short: Said::new("explained-short-no-address"),
            said,
            because: explained::sample(),
        },
        answer: undelivered.then(|| Answered::of("refused", Some(REFUSED))),
        email: email.to_owned(),
        seen_email: email.to_owned(),
        error: None,
        longest: 254,
        editable: true,
        why_not: None,
        deeds,
        asked: asks.then(|| Asking {
            said: Said::new("repair-asks-no-address"),
            app: Some("Time Tracker".to_owned()),
            at: at(),
            closable: true,
        }),
    }
}

fn mail(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let here = || "/console/mail".to_owned();
    let page = |messages: Vec<Line>| MailPage {
        lead: Said::new("mail-all-well"),
        unwell: false,
        waiting: None,
        settings: None,
        test: None,
        errors: Vec::new(),
        filters: vec![
            (here(), "mail-filter-all", true),
            (here(), "mail-filter-failed", false),
            (here(), "mail-filter-waiting", false),
        ],
        table: table("mail-title", &["mail-when", "mail-what", "mail-to", "mail-outcome"], None),
        messages,
    };
    console(drawing, "console-mail", &page(Vec::new()))?;
    let line = |to: &str, state: &str, answer: Option<&str>| Line {
        path: "/console/mail/x".to_owned(),
        at: at(),
        what: "mail-kind-sign-in-code",
        to: to.to_owned(),
        person: Some("/console/users/x".to_owned()),
        answer: Answered::of(state, answer),
        failed: matches!(state, "refused" | "deferred"),
    };
    let some = vec![
        line("Nia Nash", "refused", Some(REFUSED)),
        line(LONG, "deferred", Some("451 4.7.1 Greylisted, come back in 5 minutes")),
        line("Ned Nedd", "queued", None),
        line("Ada Lovelace", "accepted", Some("250 ok")),
    ];
    let test = Field::new("email", "mail-test-address", Kind::Email, "nia@").longest(254);
    let test = Field { editable: true, error: Some(Said::new("wrong-email")), ..test };
    let site = MailPage {
        lead: Said::new("mail-some-failed").counting(2),
        unwell: true,
        waiting: Some(2),
        settings: Some(("repair-see-settings", "/console/mail/settings".to_owned())),
        test: Some(test),
        errors: vec![Summed::new("email", Said::new("wrong-email"))],
        ..page(some)
    };
    console(drawing, "console-mail-some", &site)?;
    let many = (0..25).map(|n| line(&format!("Person {n}"), "refused", Some(REFUSED))).collect();
    console(drawing, "console-mail-many", &page(many))
}

fn settings_fields() -> Vec<Field> {
    let field = |name, label, kind, value: &str, hint| {
        let field = Field::new(name, label, kind, value).hint(hint).longest(253);
        Field { editable: true, ..field }
    };
    let choice = |value: &str, label, hint| Choice {
        value: value.to_owned(),
        label: Label::Key(label),
        hint: Some(hint),
    };
    let choices = vec![
        choice("tls", "mail-tls", "mail-tls-hint"),
        choice("starttls", "mail-starttls", "mail-starttls-hint"),
        choice("none", "mail-clear", "mail-clear-hint"),
    ];
    let encryption = Field::new("encryption", "mail-encryption", Kind::Radio { choices }, "starttls");
    vec![
        field("host", "mail-host", Kind::Text, "mail.example.org", "mail-host-hint"),
        field("port", "mail-port", Kind::Number, "", "mail-port-hint"),
        Field { editable: true, ..encryption },
        field("username", "mail-username", Kind::Text, LONG, "mail-username-hint"),
        field("password", "mail-password", Kind::Secret, "on", "mail-password-kept"),
        field("from", "mail-from", Kind::Text, "Sign-in <login@example.org>", "mail-from-hint"),
        field("email", "mail-try-to", Kind::Email, "root@example.org", "mail-try-to-hint"),
    ]
}

fn settings(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let fields = settings_fields();
    let saved = MailSettingsPage {
        lead: Said::new("mail-settings-saved").about("mail.example.org"),
        trial: None,
        errors: Vec::new(),
        fields: fields.clone(),
        seen: vec![("seen-host".to_owned(), "mail.example.org".to_owned())],
        version: "5eed".to_owned(),
        insist: false,
        resettable: true,
    };
    console(drawing, "console-mail-settings", &saved)?;
    let stages = vec![
        ("mail-stage-connect", "done"),
        ("mail-stage-tls", "done"),
        ("mail-stage-login", "failed"),
        ("mail-stage-recipient", "not-reached"),
    ];
    let words = "the mail server does not take our login: 535 5.7.8 Authentication failed (mail.username, mail.password)";
    let trial = Trial {
        works: false,
        stages,
        said: Some(super::answered::meaning(words)),
        raw: Some(words.to_owned()),
    };
    let failed = MailSettingsPage {
        lead: Said::new("mail-settings-file").about("localhost"),
        trial: Some(trial),
        errors: vec![Summed::new("", Said::new("wrong-mail-trial"))],
        insist: true,
        resettable: false,
        ..saved.clone()
    };
    console(drawing, "console-mail-settings-failed", &failed)?;
    let trial = Trial {
        works: true,
        stages: vec![("mail-stage-connect", "done"), ("mail-stage-recipient", "done")],
        said: None,
        raw: None,
    };
    console(drawing, "console-mail-settings-works", &MailSettingsPage { trial: Some(trial), ..saved })
}

fn message(state: &str, answer: Option<&str>) -> MessagePage {
    let unwell = state == "refused";
    let key = match state {
        "accepted" => "message-accepted",
        "refused" => "message-refused",
        _ => "message-waiting",
    };
    MessagePage {
        path: "/console/mail/x".to_owned(),
        what: "mail-kind-test",
        lead: Said::new(key).about("nia@example.org"),
        unwell,
        answer: Answered::of(state, answer),
        to: "Nia Nash".to_owned(),
        person: Some("/console/users/x".to_owned()),
        address: "nia@example.org".to_owned(),
        reference: unwell.then(|| "K7Q2".to_owned()),
        at: at(),
        attempts: 1,
        next: (state == "queued").then(at),
        retriable: state == "queued",
        errors: Vec::new(),
    }
}
