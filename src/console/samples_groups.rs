//! What do the pages of groups and roles look like in each of their states?

use super::advanced::{AdvancedPage, Foreseen, setting};
use super::field::{Field, Kind, Said, Summed};
use super::foreseen::{Sees, Stopped, overriders, told};
use super::group::{Below, GroupPage, Rehearsal, Rehearsed};
use super::groups::{self, GroupsPage};
use super::listing::{Column, Table};
use super::role::{RightLine, RolePage};
use super::roles::{self, RolesPage};
use super::samples::console;
use crate::clock::Moment;
use crate::directory::TwoFactor;
use crate::directory::rights::own;
use crate::signin::preview::{Count, MailCheck, Named, Obstacle, Preview};
use crate::web::TemplateError;
use crate::web::samples::{Drawing, LONG, MOMENT};

/// Every page of groups and roles in each of its states.
pub(super) fn draw(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    tree(drawing)?;
    group(drawing)?;
    rehearsed(drawing)?;
    advanced(drawing)?;
    roles(drawing)?;
    role(drawing)
}

fn table(labels: &[(&'static str, bool)], next: Option<&str>) -> Table {
    let column = |&(label, number): &(&'static str, bool)| Column { label, link: None, sorted: None, number };
    Table {
        caption: "groups-caption",
        columns: labels.iter().map(column).collect(),
        first: next.map(|_| "/console/groups".to_owned()),
        next: next.map(str::to_owned),
    }
}

fn input(field: Field) -> Field {
    Field { editable: true, ..field }
}

fn tree(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let columns = [
        ("groups-column-group", false),
        ("groups-column-two-factor", false),
        ("groups-column-people", true),
        ("groups-column-state", false),
    ];
    let line = |above: &str, name: &str, two_factor, people, n, more| groups::Line {
        id: "x".to_owned(),
        above: above.to_owned(),
        name: name.to_owned(),
        two_factor,
        people,
        locked_out: Count { n, more },
    };
    let page = |lead: &str, rows: Vec<groups::Line>, next: Option<&str>, name: Option<Field>| GroupsPage {
        lead: Said::new(lead).counting(2),
        rows,
        table: table(&columns, next),
        name,
        errors: Vec::new(),
    };
    console(drawing, "console-groups-empty", &page("groups-lead-fine", Vec::new(), None, None))?;
    let few = vec![
        line("", "Acme", "on", 30, 3, false),
        line("Acme/", "Design", "rehearse", 12, 1, false),
        line("Acme/Design/", LONG, "off", 0, 0, false),
        line("Acme/", "Sales", "off", 4, 0, false),
    ];
    let name = Field::new("name", "groups-add-name", Kind::Text, "").longest(80).required();
    let add = || Some(input(name.clone()));
    console(drawing, "console-groups", &page("groups-lead-locked-out", few, None, add()))?;
    let many =
        (0..50).map(|n| line("Group/", &format!("Part {n}"), "on", 100_000, 200, n % 3 == 0)).collect();
    console(
        drawing,
        "console-groups-many",
        &page("groups-lead-locked-out", many, Some("/console/groups?after=x"), add()),
    )
}

fn stopped() -> Vec<Stopped> {
    let one = |login: &str, why, answer: Option<&str>| Stopped {
        id: "x".to_owned(),
        login: login.to_owned(),
        why,
        answer: answer.map(str::to_owned),
    };
    vec![
        one("nia", "stopped-no-address", None),
        one(LONG, "stopped-undelivered", Some("550 5.1.1 <ned@example.org>: Recipient address rejected")),
        one("zoe", "stopped-codes", None),
    ]
}

fn basics() -> Vec<Field> {
    vec![
        Field::new("name", "group-name", Kind::Text, "Acme"),
        Field::new("language", "group-language", Kind::Text, "en").hint("group-language-hint"),
    ]
}

/// A group that nobody is in.
/// Whoever sees everybody.
const SEES: Sees = Sees { all: true, users: true };

fn some(names: &[&str], count: i64) -> Named {
    Named::of(names.iter().map(|&name| ("x".to_owned(), name.to_owned())).collect(), count)
}

fn nothing() -> GroupPage {
    GroupPage {
        id: "x".to_owned(),
        title: "Acme".to_owned(),
        above: Vec::new(),
        lead: Said::new("group-lead-off"),
        two_factor: "off",
        advanced: false,
        people: 0,
        listed: None,
        stopped: Vec::new(),
        locked_out: Count::default(),
        overriders: overriders(&Named::default(), SEES),
        fields: basics(),
        errors: Vec::new(),
        seen: ("Acme".to_owned(), "en".to_owned()),
        domains: Vec::new(),
        below: Vec::new(),
        all_below: None,
        subgroup: None,
        deletable: false,
        rehearsal: None,
    }
}

fn group(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    console(drawing, "console-group-empty", &nothing())?;
    let subgroup = Field::new("subgroup", "group-add-name", Kind::Text, "").longest(80).required();
    let below = |name: &str, two_factor| Below { id: "x".to_owned(), name: name.to_owned(), two_factor };
    let full = GroupPage {
        title: LONG.to_owned(),
        above: vec![("Acme".to_owned(), None), ("Design".to_owned(), Some("/console/groups/x".to_owned()))],
        lead: Said::new("group-lead-locked-out").counting(3),
        two_factor: "on",
        advanced: true,
        people: 30,
        listed: Some("/console/users?group=x".to_owned()),
        stopped: stopped(),
        locked_out: Count { n: 200, more: true },
        overriders: overriders(&some(&["ada", "grace"], 2), SEES),
        fields: basics().into_iter().map(input).collect(),
        domains: vec![("example.org".to_owned(), Some("Acme".to_owned())), ("example.net".to_owned(), None)],
        below: vec![below("Web", "on"), below(LONG, "off")],
        all_below: Some("/console/groups?after=Acme".to_owned()),
        subgroup: Some(input(subgroup)),
        deletable: true,
        ..nothing()
    };
    console(drawing, "console-group", &full)
}

fn rehearsed(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let row = |login: &str, outcome, when: Option<i64>| Rehearsed {
        id: "x".to_owned(),
        login: login.to_owned(),
        outcome,
        when: when.map(|at| Moment::new(at, None)),
    };
    let count = |word, people, chosen| (word, people, "/console/groups/x?filter=x".to_owned(), chosen);
    let columns =
        [("group-column-login", false), ("group-column-outcome", false), ("group-column-when", false)];
    let rehearsal = Rehearsal {
        counts: vec![
            count("not_yet", 12, false),
            count("managed", 15, true),
            count("skipped", 2, false),
            count("no_address", 1, false),
            count("mail_refused", 1, false),
        ],
        rows: vec![
            row("ned", "managed", Some(MOMENT)),
            row("nia", "no_address", Some(MOMENT)),
            row(LONG, "not_yet", None),
        ],
        table: table(&columns, Some("/console/groups/x?after=x")),
    };
    let page = GroupPage {
        lead: Said::new("group-lead-rehearse-locked-out").counting(1),
        two_factor: "rehearse",
        people: 30,
        stopped: stopped().into_iter().take(1).collect(),
        locked_out: Count { n: 1, more: false },
        overriders: overriders(&some(&["ada"], 1), Sees { all: false, ..SEES }),
        rehearsal: Some(rehearsal),
        errors: vec![Summed::new("name", Said::new("wrong-name"))],
        ..nothing()
    };
    console(drawing, "console-group-rehearsal", &page)
}

/// What asking the mail server has found.
fn checked(works: bool, said: &str) -> MailCheck {
    let taken_for = works.then(|| "max@example.org".to_owned());
    MailCheck { works, words: said.to_owned(), taken_for, against_own: None }
}

/// What another setting would do to many.
fn foreseen_sample() -> Preview {
    Preview {
        path: "Acme/Design".to_owned(),
        from: TwoFactor::Off,
        to: TwoFactor::On,
        asked: some(&["dan", "ned"], 27),
        no_address: some(&["max", "nia"], 2),
        undelivered: some(&[LONG], 1),
        codes_stopped: some(&["zoe"], 1),
        invited: Named::default(),
        disabled: some(&["old"], 1),
        released: Named::default(),
        overriders: some(&["ada"], 1),
        switchers_without_override: vec!["Manager".to_owned()],
        actor: Some(Obstacle::NoAddress),
        mail: Some(checked(true, "fine")),
        kept_out: ["one"].into_iter().collect(),
        first_locked_out: Vec::new(),
        refused_now: None,
    }
}

fn advanced(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let page = |lead: &str, now: TwoFactor, foreseen: Option<Foreseen>, stopped: Vec<Stopped>| AdvancedPage {
        id: "x".to_owned(),
        path: "Acme/Design".to_owned(),
        lead: Said::new(lead).counting(3),
        setting: input(setting(now)),
        now: now.name(),
        has_groups_below: true,
        errors: Vec::new(),
        stopped,
        more: None,
        foreseen,
    };
    console(drawing, "console-advanced", &page("advanced-lead-off", TwoFactor::Off, None, Vec::new()))?;
    let read = AdvancedPage {
        setting: setting(TwoFactor::On),
        ..page("group-lead-locked-out", TwoFactor::On, None, stopped())
    };
    console(drawing, "console-advanced-read", &read)?;
    let preview = foreseen_sample();
    let confirm =
        Field::new("confirm", "advanced-confirm", Kind::Number, "").hint("advanced-confirm-hint").required();
    let seen = |preview: &Preview, insist: Option<Field>, can_save: bool| Foreseen {
        to: "on",
        told: told(preview, SEES),
        confirm: can_save.then(|| input(confirm.clone())),
        seen: preview.kept_out.mark(),
        insist,
        can_save,
    };
    let locked_out =
        page("foreseen-lead-locked-out", TwoFactor::On, Some(seen(&preview, None, true)), stopped());
    console(drawing, "console-advanced-preview", &locked_out)?;
    let mute = Preview {
        mail: Some(checked(false, "connection refused: 127.0.0.1:25")),
        overriders: Named::default(),
        ..preview
    };
    let refused = AdvancedPage {
        errors: vec![Summed::new("", Said::new("objection-mail-fails"))],
        ..page("foreseen-lead-refused", TwoFactor::On, Some(seen(&mute, None, false)), stopped())
    };
    console(drawing, "console-advanced-refused", &refused)?;
    let insist = Some(input(Field::new("insist", "advanced-insist", Kind::Check, "")));
    let insisting = page("foreseen-lead-refused", TwoFactor::On, Some(seen(&mute, insist, true)), stopped());
    console(drawing, "console-advanced-insist", &insisting)
}

fn roles(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let columns = [
        ("roles-column-role", false),
        ("roles-column-rank", true),
        ("roles-column-holders", true),
        ("roles-column-may", false),
    ];
    let line = |name: &str, top: Option<&str>, rank, holders, rights: &[&str], others| roles::Line {
        id: "x".to_owned(),
        name: name.to_owned(),
        top: top.map(str::to_owned),
        rank,
        holders,
        rights: rights.iter().map(|&word| word.to_owned()).collect(),
        others,
    };
    let list = RolesPage {
        lead: overriders(&Named::default(), SEES),
        top: Some("Acme".to_owned()),
        rows: vec![
            line("User", None, 4, 100_000, &[], 3),
            line(LONG, None, 16, 0, &[], 1),
            line("Manager", None, 324, 2, &own::OF_GROUPS[2..8], 3),
        ],
        table: table(&columns, None),
        add: Some("/console/roles/new".to_owned()),
    };
    console(drawing, "console-roles", &list)?;
    let site = RolesPage {
        lead: Said::new("roles-lead-site"),
        top: None,
        rows: vec![line("User", Some(LONG), 4, 3, &[], 3)],
        table: table(&columns, Some("/console/roles?after=x")),
        add: None,
    };
    console(drawing, "console-roles-of-all", &site)
}

fn role(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let field = |name, label, kind, value: &str| Field::new(name, label, kind, value);
    let page = |editable: bool| RolePage {
        id: Some("x".to_owned()),
        title: "Manager".to_owned(),
        lead: Said::new(if editable { "role-lead" } else { "role-lead-own" }).counting(2),
        top: Some(("Acme".to_owned(), "x".to_owned())),
        holders: 2,
        holding: vec![("x".to_owned(), "max".to_owned()), ("y".to_owned(), LONG.to_owned())],
        fields: vec![
            Field { editable, ..field("name", "role-name", Kind::Text, "Manager") },
            Field { editable, ..field("rank", "role-rank", Kind::Number, "324").hint("role-rank-hint") },
        ],
        rights: own::OF_GROUPS
            .into_iter()
            .map(|word| RightLine {
                word,
                held: word != own::OVERRIDE_2FA,
                editable: editable && word != own::OVERRIDE_2FA,
            })
            .collect(),
        administers: false,
        words: Field {
            editable,
            ..field("rights", "role-words", Kind::Text, "track_time").hint("role-words-hint")
        },
        errors: Vec::new(),
        seen: "324".to_owned(),
        editable,
        deletable: false,
    };
    console(drawing, "console-role", &page(true))?;
    console(drawing, "console-role-read", &page(false))?;
    let new = RolePage {
        id: None,
        title: String::new(),
        lead: Said::new("role-lead-new"),
        holders: 0,
        holding: Vec::new(),
        errors: vec![Summed::new("rank", Said::new("wrong-rank").counting(512))],
        ..page(true)
    };
    console(drawing, "console-role-new", &new)
}
