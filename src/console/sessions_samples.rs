//! What do the pages about sign-ins and sessions look like in each of their states?

use super::attempts::{Attempt, OUTCOMES};
use super::field::{Said, Summed};
use super::listing::{Column, Table};
use super::samples::console;
use super::sessions::{self, SessionsPage};
use super::sign_ins::SignInsPage;
use crate::clock::Moment;
use crate::web::TemplateError;
use crate::web::samples::{Drawing, LONG, MOMENT};

/// The pages about sign-ins and sessions.
pub(super) fn all(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    console(drawing, "console-sign-ins", &sign_ins(Vec::new(), ""))?;
    console(drawing, "console-sign-ins-none-of", &sign_ins(Vec::new(), LONG))?;
    console(drawing, "console-sign-ins-some", &sign_ins(attempts(true), ""))?;
    let many = attempts(true).into_iter().cycle().take(30).collect();
    console(drawing, "console-sign-ins-many", &sign_ins(many, "nia"))?;
    console(drawing, "console-sessions", &of(Vec::new(), ""))?;
    console(drawing, "console-sessions-none-of", &of(Vec::new(), LONG))?;
    let some = vec![line("ada", true, false), line(LONG, false, true), line("max", false, false)];
    let errors = vec![Summed::new("", Said::new("refused-outranked"))];
    console(drawing, "console-sessions-some", &SessionsPage { errors, ..of(some, "") })?;
    let many = (0..25).map(|n| line(&format!("user-{n:05}"), false, n % 9 == 4)).collect();
    console(drawing, "console-sessions-many", &of(many, "user"))
}

/// One attempt of each outcome; with whose it was, or without.
pub(super) fn attempts(named: bool) -> Vec<Attempt> {
    let tell = |(n, (_, key, refused)): (usize, (&str, &str, bool))| Attempt {
        at: Moment::new(MOMENT, None),
        who: named.then(|| match n {
            2 => (LONG.to_owned(), Some("/console/users/x".to_owned())),
            3 => ("gone".to_owned(), None),
            _ => ("nia".to_owned(), Some("/console/users/x".to_owned())),
        }),
        said: Said::new(key).about("access_denied"),
        refused,
        proofs: (!refused).then(|| Said::new(if n == 0 { "proofs-code" } else { "proofs-password-session" })),
        app: match n {
            0 => None,
            1 => Some((LONG.to_owned(), None)),
            _ => Some(("Time Tracker".to_owned(), Some("/console/apps/x".to_owned()))),
        },
        network: if n == 1 { String::new() } else { "2001:db8:1234:5678::/64".to_owned() },
    };
    OUTCOMES.into_iter().enumerate().map(tell).collect()
}

fn table(caption: &'static str, labels: &[&'static str], many: bool) -> Table {
    let column = |label: &&'static str| Column {
        label,
        link: (*label == "sessions-since").then(|| "/console/sessions?sort=since".to_owned()),
        sorted: None,
        number: false,
    };
    Table {
        caption,
        columns: labels.iter().map(column).collect(),
        first: None,
        next: many.then(|| "/console/sessions?after=x".to_owned()),
    }
}

fn sign_ins(attempts: Vec<Attempt>, q: &str) -> SignInsPage {
    let here = || "/console/sign-ins".to_owned();
    let labels =
        ["history-when", "history-who", "history-what", "history-proofs", "history-app", "history-where"];
    SignInsPage {
        lead: Said::new("sign-ins-lead"),
        q: q.to_owned(),
        kept: Vec::new(),
        filters: vec![
            (here(), "sign-ins-filter-all", true),
            (here(), "sign-ins-filter-override", false),
            (here(), "sign-ins-filter-password-refused", false),
        ],
        filtered: !q.is_empty(),
        table: table("sign-ins-title", &labels, attempts.len() > 20),
        told: Said::new("users-told").counting(2),
        attempts,
        sessions: true,
    }
}

fn of(sessions: Vec<sessions::Line>, q: &str) -> SessionsPage {
    let labels = ["sessions-who", "sessions-since", "sessions-seen", "sessions-proofs", "sessions-end"];
    SessionsPage {
        lead: Said::new("sessions-lead"),
        q: q.to_owned(),
        kept: Vec::new(),
        one: (q == "user").then(|| ("x".to_owned(), LONG.to_owned())),
        table: table("sessions-title", &labels, sessions.len() > 20),
        told: Said::new("users-told").counting(2),
        sessions,
        errors: Vec::new(),
        sign_ins: true,
    }
}

fn line(login: &str, own: bool, kept: bool) -> sessions::Line {
    let at = |seconds| Moment::new(MOMENT + seconds, None);
    sessions::Line {
        id: login.chars().take(9).collect(),
        user_id: "x".to_owned(),
        login: login.to_owned(),
        since: at(-9000),
        seen: at(-60),
        proofs: Said::new("proofs-code"),
        until: at(90_000),
        own,
        kept: kept.then(|| Said::new("refused-outranked")),
    }
}
