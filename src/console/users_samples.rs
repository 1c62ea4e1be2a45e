//! What do the pages about people look like in each of their states?

use super::explained::{self, Explained};
use super::field::{Choice, Field, Kind, Label, Said, Summed};
use super::hand_code::HandCodePage;
use super::listing::{Column, Table};
use super::new_user::NewUserPage;
use super::samples::console;
use super::sessions_samples;
use super::several_samples;
use super::user::UserPage;
use super::user_deeds::Deed;
use super::users::{Line, UsersPage};
use crate::clock::Moment;
use crate::web::TemplateError;
use crate::web::samples::{Drawing, LONG, MOMENT};

/// The pages about people.
pub(super) fn people(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    console(drawing, "console-users", &users(Vec::new(), ""))?;
    console(drawing, "console-users-none-found", &UsersPage { q: LONG.to_owned(), ..users(Vec::new(), "") })?;
    let some = ["well", "no-address", "codes-stopped", "disabled", "invited"];
    let some: Vec<Line> =
        some.into_iter().map(|word| line("nia", word)).chain([line(LONG, "well")]).collect();
    console(drawing, "console-users-some", &users(some, "no-email"))?;
    let many = (0..25).map(|n| line(&format!("user-{n:05}"), if n % 7 == 3 { "no-address" } else { "well" }));
    let next = Some("/console/users?after=user-00024".to_owned());
    let many = users(many.collect(), "");
    console(
        drawing,
        "console-users-many",
        &UsersPage { table: Table { next, ..many.table.clone() }, ..many },
    )?;
    for (name, editable, wrong) in [
        ("console-user", true, false),
        ("console-user-wrong", true, true),
        ("console-user-read", false, false),
    ] {
        console(drawing, name, &user(editable, wrong))?;
    }
    let hand = HandCodePage {
        who: LONG.to_owned(),
        back: "/console/users/x".to_owned(),
        code: "493021".to_owned(),
        minutes: 15,
        announced: Said::new("hand-code-announced").about(LONG),
    };
    console(drawing, "console-hand-code", &hand)?;
    for (name, wrong) in [("console-new-user", false), ("console-new-user-wrong", true)] {
        let fields = vec![
            field("login", "user-login", Kind::Text, "", true, wrong),
            field("email", "user-email", Kind::Email, "", true, false),
            field("role", "user-role", roles(), "User", true, false),
        ];
        console(drawing, name, &NewUserPage { errors: summed(wrong, "login"), fields })?;
    }
    Ok(())
}

fn summed(wrong: bool, field: &'static str) -> Vec<Summed> {
    let one = Summed::new(field, Said::new("wrong-hidden"));
    if wrong { vec![one] } else { Vec::new() }
}

fn state(word: &str) -> Explained {
    let well = word == "well";
    Explained {
        well,
        kept_out: !matches!(word, "well" | "invited" | "disabled"),
        short: Said::new(&format!("explained-short-{word}")),
        said: Said::new(if well { "explained-code" } else { "explained-no-address" }).about("n@example.org"),
        because: explained::sample(),
    }
}

fn line(login: &str, word: &str) -> Line {
    Line {
        id: "x".to_owned(),
        login: login.to_owned(),
        name: if login == LONG { LONG.to_owned() } else { "Nia Nnadi".to_owned() },
        group: (word != "invited").then(|| "Design".to_owned()),
        role: "User".to_owned(),
        state: state(word),
        last: (!matches!(word, "invited" | "no-address")).then(|| Moment::new(MOMENT, None)),
    }
}

fn users(people: Vec<Line>, filter: &'static str) -> UsersPage {
    let labels =
        ["users-login", "users-name", "users-group", "users-role", "users-state", "users-last-sign-in"];
    let column = |label: &'static str| {
        let link = (label != "users-state").then(|| format!("/console/users?group=x&sort=-{label}"));
        let sorted = (label == "users-role").then_some("ascending");
        Column { label, link, sorted, number: false }
    };
    let here = "/console/users".to_owned();
    UsersPage {
        lead: if people.is_empty() {
            Said::new("users-all-well")
        } else {
            Said::new("users-kept-out").counting(3)
        },
        remedy: (!people.is_empty()).then(|| here.clone()),
        group: (filter == "no-email").then(|| (LONG.to_owned(), Some("/console/groups/x".to_owned()))),
        q: String::new(),
        filter,
        several: "/console/users/several".to_owned(),
        kept: vec![("group", "x".to_owned())],
        filters: vec![
            (here.clone(), "users-filter-all", filter.is_empty()),
            (here.clone(), "users-filter-kept-out", false),
            (here, "users-filter-no-email", !filter.is_empty()),
        ],
        table: Table {
            caption: "users-title",
            columns: labels.into_iter().map(column).collect(),
            first: None,
            next: None,
        },
        told: Said::new("users-told").counting(i64::try_from(people.len()).unwrap_or(0)),
        people,
        may_add: true,
    }
}

fn roles() -> Kind {
    let choice =
        |name: &str| Choice { value: name.to_owned(), label: Label::Name(name.to_owned()), hint: None };
    Kind::Select { choices: ["User", "Manager"].into_iter().map(choice).collect() }
}

fn field(
    name: &'static str,
    label: &'static str,
    kind: Kind,
    value: &str,
    editable: bool,
    wrong: bool,
) -> Field {
    let error = wrong.then(|| Said::new("wrong-hidden"));
    Field { editable, error, ..Field::new(name, label, kind, value).hint("user-email-hint") }
}

fn user(editable: bool, wrong: bool) -> UserPage {
    let status = |value: &str, label, hint| Choice {
        value: value.to_owned(),
        label: Label::Key(label),
        hint: Some(hint),
    };
    let statuses = Kind::Radio {
        choices: vec![
            status("active", "user-active", "user-active-hint"),
            status("disabled", "user-disabled", "user-disabled-hint"),
        ],
    };
    let deed =
        |name, label, said, grave| Deed { name, label, said: Said::new(said).about(LONG).counting(2), grave };
    let deeds = vec![
        deed("link", "deed-link", "deed-link-said", false),
        deed("unlock", "deed-unlock", "deed-unlock-stopped", false),
        deed("sessions", "deed-sessions", "deed-sessions-said", false),
        deed("delete", "deed-delete", "deed-delete-said", true),
    ];
    UserPage {
        path: "/console/users/x".to_owned(),
        login: "nia".to_owned(),
        who: if wrong { LONG.to_owned() } else { "Nia Nnadi".to_owned() },
        state: state(if editable { "no-address" } else { "well" }),
        errors: summed(wrong, "email"),
        fields: vec![
            field("name", "user-name", Kind::Text, "Nia Nnadi", editable, false),
            field("email", "user-email", Kind::Email, if wrong { LONG } else { "" }, editable, wrong),
            field("role", "user-role", roles(), "User", editable, false),
            field("status", "user-status", statuses, "active", editable, false),
        ],
        seen: vec![("seen-name", "Nia Nnadi".to_owned())],
        changeable: editable,
        why_not: (!editable).then(|| Said::new("refused-outranked")),
        deeds: if editable { deeds } else { Vec::new() },
        history: (!wrong).then(|| if editable { sessions_samples::attempts(false) } else { Vec::new() }),
        apps: several_samples::apps(editable),
        elsewhere: vec![("user-all-sign-ins", "/console/sign-ins?q=nia".to_owned())],
        added: Moment::new(MOMENT, None),
    }
}
