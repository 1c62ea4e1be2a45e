//! What do the pages about several people at once, and the apps of one, look like in each of their states?

use super::apps_of::{AppOf, AppsOf};
use super::field::{Field, Kind, Said, Summed};
use super::samples::console;
use super::several::{Line, PlanPage, SeveralPage};
use crate::clock::Moment;
use crate::web::TemplateError;
use crate::web::samples::{Drawing, LONG, MOMENT};

/// The pages about several people.
pub(super) fn all(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    console(drawing, "console-several", &several(0, false))?;
    console(drawing, "console-several-some", &several(3, false))?;
    console(drawing, "console-several-wrong", &several(25, true))?;
    console(drawing, "console-plan", &plan(0, false))?;
    console(drawing, "console-plan-some", &plan(3, false))?;
    console(drawing, "console-plan-many", &plan(25, true))
}

fn several(n: usize, wrong: bool) -> SeveralPage {
    let person = |n: usize| {
        let login = if n == 1 { LONG.to_owned() } else { format!("user-{n:05}") };
        let name = if n % 2 == 1 { String::new() } else { "Nia Nnadi".to_owned() };
        (format!("x{n}"), login, name, n % 3 == 1)
    };
    let error = wrong.then(|| Said::new("wrong-domain").about(LONG));
    let field = Field::new("domain", "several-domain", Kind::Text, if wrong { LONG } else { "" });
    SeveralPage {
        kept: vec![("filter", "no-email".to_owned())],
        back: "/console/users?filter=no-email".to_owned(),
        people: (0..n).map(person).collect(),
        more: n > 20,
        all: false,
        errors: error.iter().map(|said| Summed::new("domain", said.clone())).collect(),
        field: Field { editable: true, error, ..field.hint("several-domain-hint") },
    }
}

fn plan(n: usize, more: bool) -> PlanPage {
    let count = |n: usize| i64::try_from(n).unwrap_or(0);
    let line = |n: usize| {
        let (said, left_out) = match n % 4 {
            1 => (Said::new("refused-outranked"), true),
            3 => (Said::new("plan-has-address").about("nia@example.org"), true),
            _ => (Said::new("plan-gets").about("nia@example.net"), false),
        };
        let login = if n == 2 { LONG.to_owned() } else { format!("user-{n:05}") };
        Line { id: format!("x{n}"), login, said, left_out }
    };
    PlanPage {
        question: Said::new("plan-domain").about("example.net"),
        action: "/console/users/several/domain",
        fields: vec![("who", "x1 x2".to_owned()), ("domain", "example.net".to_owned())],
        done: Said::new("plan-domain-done").counting(count(n)),
        left_out: (n > 0).then(|| Said::new("plan-left-out").counting(count(n / 2))),
        gone: more.then(|| Said::new("plan-gone").counting(1)),
        any: n > 0,
        people: (0..n).map(line).collect(),
        more,
        back: "/console/users/several".to_owned(),
        next: more.then(|| "/console/users/several/preview?after=x".to_owned()),
        button: "plan-domain-button",
        errors: if more { vec![Summed::new("", Said::new("several-nobody"))] } else { Vec::new() },
    }
}

/// The apps of a person: none, or one of each kind.
pub(super) fn apps(some: bool) -> AppsOf {
    let app = |name: &str, may, why, but: Option<&str>, used: bool| AppOf {
        name: name.to_owned(),
        link: used.then(|| "/console/apps/x".to_owned()),
        may,
        why: Said::new(why).about("Acme/Design"),
        but: but.map(Said::new),
        since: used.then(|| Moment::new(MOMENT, None)),
    };
    let apps = vec![
        app("Time Tracker", true, "apps-of-everybody", None, true),
        app(LONG, true, "apps-of-group", None, false),
        app("Wiki", false, "apps-of-others", None, true),
        app("Payroll", false, "apps-of-everybody", Some("apps-of-unmet"), false),
    ];
    AppsOf { apps: if some { apps } else { Vec::new() }, more: some, used: some }
}
