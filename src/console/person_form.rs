//! What of a person is changed by a form, and what was so when it was opened?

use super::field::{self, Choice, Field, Kind, Label, Said, Wrong, line};
use super::groups_to_choose::{GroupChoice, named, problem};
use super::trouble::not_an_address;
use super::{Visit, kept, other_role};
use crate::directory::of_user::OfUser;
use crate::directory::rights::Rights;
use crate::directory::seen::Seen;
use crate::directory::users::{self, Changes};
use crate::directory::{Address, Error, Person, Status, groups as directory_groups, roles};
use crate::store::groups::GroupRow;
use crate::store::roles::RoleRow;
use crate::store::{Conn, groups, roles as store_roles};
use crate::web::Problem;

/// The longest email address, in characters (RFC 5321 §4.5.3.1.3), and the longest name and path.
pub(super) const LONGEST: (usize, usize, usize) = (254, 80, 1000);

/// A form as it was sent.
pub(super) struct Typed {
    /// What it changes; none where it changes nothing.
    pub(super) changes: Option<Changes>,
    /// What is wrong with it.
    pub(super) wrong: Vec<Wrong>,
    /// Whether something of it is so already and was not when it was seen: a button that was pressed twice.
    pub(super) is_made: bool,
}

/// What a form holds of one field, if it was sent and is another value than was seen; and whether it is so by now.
fn meant<'v>(visit: &'v Visit, field: &str, now: &str) -> Option<(&'v str, bool)> {
    let (_, typed) = visit.form.pairs().find(|(name, _)| *name == field)?;
    let seen = visit.form.pairs().find(|(name, _)| name.strip_prefix("seen-") == Some(field));
    let before = seen.map_or(now, |(_, value)| value);
    (typed.trim() != before.trim()).then_some((typed, typed.trim() == now.trim()))
}

/// Whether something of a form is so by now that was not when it was seen; `home` is the path of the group that they are in.
fn is_made(visit: &Visit, person: &Person, home: &str) -> bool {
    let name = person.name.as_deref().unwrap_or_default();
    let (email, status, role) = (shown_email(person), person.status.name(), person.role.name.as_str());
    let now = [("name", name), ("email", &email), ("status", status), ("group", home), ("role", role)];
    now.into_iter().any(|(field, now)| meant(visit, field, now).is_some_and(|(_, is_made)| is_made))
}

/// What a form holds of one field, where it is not so yet.
fn altered<'v>(visit: &'v Visit, field: &str, now: &str) -> Option<&'v str> {
    meant(visit, field, now).filter(|(_, is_made)| !is_made).map(|(typed, _)| typed)
}

impl Typed {
    /// Reads the form about a person.
    pub(super) async fn read(visit: &Visit, conn: &mut Conn, person: &Person) -> Result<Self, Problem> {
        let (mut changes, mut wrong) = (Changes { seen: sent(visit), ..Changes::default() }, Vec::new());
        let mut any = false;
        let now = Seen::of(person);
        let known = |value: &Option<String>| value.clone().unwrap_or_default();
        let home = home(conn, person).await?;
        let is_made = is_made(visit, person, &home);
        if altered(visit, "name", &known(&now.name)).is_some() {
            any = true;
            match field::name(&visit.form, "name", LONGEST.1, &known(&now.name)) {
                Ok(name) => changes.name = Some(name.to_owned()),
                Err(what) => wrong.push(what),
            }
        }
        if altered(visit, "email", &shown_email(person)).is_some() {
            any = true;
            match email(visit) {
                Ok(email) => changes.email = Some(email),
                Err(what) => wrong.push(what),
            }
        }
        if let Some(status) = altered(visit, "status", person.status.name()) {
            any = true;
            match Status::from_name(status) {
                Some(Status::Disabled) => changes.status = Some(Status::Disabled),
                Some(_) => changes.status = Some(Status::Active),
                None => wrong.push(Wrong::new("status", Said::new("wrong-status"))),
            }
        }
        if let Some(path) = altered(visit, "group", &home).filter(|path| !path.is_empty()) {
            any = true;
            match named(visit, conn, path).await? {
                Ok(group) => changes.group = Some(group),
                Err(what) => wrong.push(what),
            }
        }
        let elsewhere = changes.group.clone().filter(|group| !is_home(person, group));
        if let (Some(group), None) = (&elsewhere, altered(visit, "role", &person.role.name)) {
            // The role of the same name there, if there is one.
            match roles::find_named(conn, Some(group), &person.role.name).await {
                Ok(role) => changes.role = Some(role),
                Err(Error::Store(error)) => return Err(error.into()),
                Err(_) => {
                    wrong.push(Wrong::new("role", Said::new("wrong-role-elsewhere").about(&group.name)));
                }
            }
        } else if let Some(name) = altered(visit, "role", &person.role.name) {
            any = true;
            let group = match (&changes.group, &person.group) {
                (Some(group), _) => Some(group.clone()),
                (None, Some(home)) => groups::find(conn, &home.id).await?,
                (None, None) => None,
            };
            match roles::find_named(conn, group.as_ref(), name).await {
                Ok(role) => changes.role = Some(role),
                Err(_) => wrong.push(Wrong::new("role", Said::new("wrong-no-role").about(name))),
            }
        }
        Ok(Self { changes: any.then_some(changes), wrong, is_made })
    }
}

/// Whether a group is of the tree that somebody is in.
fn is_home(person: &Person, group: &GroupRow) -> bool {
    person.group.as_ref().is_some_and(|home| home.top_id == group.top_id)
}

/// The group of another tree that the form names, if it does: its roles are to be chosen from.
pub(super) async fn elsewhere(
    visit: &Visit,
    conn: &mut Conn,
    person: &Person,
) -> Result<Option<GroupRow>, Problem> {
    let Some(path) = visit.form.get("group") else { return Ok(None) };
    Ok(named(visit, conn, path).await?.ok().filter(|group| !is_home(person, group)))
}

/// The address that was typed; none inside takes it away.
pub(super) fn email(visit: &Visit) -> Result<Option<Address>, Wrong> {
    let typed = line(&visit.form, "email", LONGEST.0)?;
    if typed.is_empty() {
        return Ok(None);
    }
    Address::parse(typed).map(Some).map_err(not_an_address)
}

/// What the form says that its sender saw.
fn sent(visit: &Visit) -> Seen {
    let field = |name: &str| {
        let found = visit.form.pairs().find(|(sent, _)| sent.strip_prefix("seen-") == Some(name));
        found.map(|(_, value)| value.to_owned())
    };
    let email = field("email").map(|shown| Address::parse(&shown).map_or(shown, |email| email.to_string()));
    Seen {
        name: field("name"),
        email,
        role: field("role"),
        status: field("status"),
        group: field("group-id"),
        at_ms: field("at").and_then(|at_ms| at_ms.parse().ok()),
    }
}

/// What this person sees of that one now, to be sent with the form.
pub(super) fn seen(person: &Person, home: &str) -> Vec<(&'static str, String)> {
    let now = Seen::of(person);
    let text = |value: Option<String>| value.unwrap_or_default();
    vec![
        ("seen-name", text(now.name)),
        ("seen-email", shown_email(person)),
        ("seen-role", text(now.role)),
        ("seen-status", text(now.status)),
        ("seen-group", home.to_owned()),
        ("seen-group-id", text(now.group)),
    ]
}

/// Lets a form that is drawn again say what its sender saw of what they have altered.
pub(super) fn see_as_before(visit: &Visit, seen: &mut [(&'static str, String)]) {
    for (name, now) in seen {
        let field = name.trim_start_matches("seen-").trim_end_matches("-id");
        if altered(visit, field, now).is_some() {
            *now = kept::seen(&visit.form, name, now);
        }
    }
}

/// Their address as people read it.
pub(super) fn shown_email(person: &Person) -> String {
    let email = person.email.as_deref().unwrap_or_default();
    Address::parse(email).map_or_else(|_| email.to_owned(), |email| email.shown())
}

/// The path of their group; empty for a site administrator.
pub(super) async fn home(conn: &mut Conn, person: &Person) -> Result<String, Problem> {
    match &person.group {
        Some(group) => directory_groups::path(conn, &group.id).await.map_err(problem),
        None => Ok(String::new()),
    }
}

/// The fields about a person; where something is wrong, with what was typed.
pub(super) fn fields(
    visit: &Visit,
    person: &Person,
    may: &OfUser,
    (groups, home): (&GroupChoice, &str),
    wrong: &[Wrong],
) -> Vec<Field> {
    let fields = [
        Field::new("name", "user-name", Kind::Text, person.name.clone().unwrap_or_default())
            .longest(LONGEST.1)
            .editable(visit, &may.edit),
        Field::new("email", "user-email", Kind::Email, shown_email(person))
            .longest(LONGEST.0)
            .hint("user-email-hint")
            .editable(visit, &may.edit),
        Field::new("role", "user-role", roles_of(person, may), person.role.name.clone())
            .hint("user-role-hint")
            .editable(visit, &may.role),
        Field::new("status", "user-status", statuses(person), person.status.name())
            .hint("user-status-hint")
            .editable(visit, &may.status),
        Field::new("group", "user-group", groups.kind(), home).longest(LONGEST.2).editable(visit, &may.group),
    ];
    let mut fields = fields.to_vec();
    if person.group.is_none() {
        fields.pop();
    }
    if wrong.is_empty() {
        return fields;
    }
    fields.into_iter().map(|field| again(visit, field, wrong)).collect()
}

/// A field with what was typed, unless it was left as it was seen: then it shows what is so now.
fn again(visit: &Visit, field: Field, wrong: &[Wrong]) -> Field {
    let now = field.value.clone();
    let about = wrong.iter().find(|wrong| wrong.field == field.name);
    if altered(visit, field.name, &now).is_some() {
        return field.typed(&visit.form, about);
    }
    let error = about.map(|wrong| wrong.said.clone());
    Field { error, ..field }
}

fn roles_of(person: &Person, may: &OfUser) -> Kind {
    let given =
        |role: &RoleRow| (role.rank, role.name.clone(), Rights::parse(&role.rights).unwrap_or_default());
    let mut roles: Vec<_> = may.roles.iter().map(given).collect();
    roles.push((person.role.rank, person.role.name.clone(), person.role.rights.clone()));
    roles.sort_by(|(rank, name, _), other| (rank, name).cmp(&(&other.0, &other.1)));
    let choice = |(_, name, rights): (i64, String, Rights)| other_role::choice(name, &rights);
    Kind::Select { choices: roles.into_iter().map(choice).collect() }
}

fn statuses(person: &Person) -> Kind {
    let choice = |value: Status, key, hint| Choice {
        value: value.name().to_owned(),
        label: Label::Key(key),
        hint: Some(hint),
    };
    let on = if person.password_hash.is_some() {
        choice(Status::Active, "user-active", "user-active-hint")
    } else {
        choice(Status::Invited, "user-invited", "user-invited-hint")
    };
    Kind::Radio { choices: vec![on, choice(Status::Disabled, "user-disabled", "user-disabled-hint")] }
}

/// What takes a change back, with what it has made of them, so that nothing is taken back that somebody else has made since; `home` is the
/// path of the group that they were in. Nothing, where nothing has been changed.
pub(super) fn undo(
    visit: &Visit,
    before: &Person,
    home: &str,
    after: &Person,
) -> Vec<(&'static str, String)> {
    let group = |person: &Person| person.group.as_ref().map(|group| group.id.clone());
    let mut fields = Vec::new();
    if before.name != after.name {
        fields.push(("name", before.name.clone().unwrap_or_default()));
    }
    if before.email != after.email {
        fields.push(("email", shown_email(before)));
    }
    let is_moved = group(before) != group(after);
    if is_moved {
        fields.push(("group", home.to_owned()));
    }
    if before.role.id != after.role.id {
        fields.push(("role", before.role.name.clone()));
    }
    if before.status != after.status {
        fields.push(("status", before.status.name().to_owned()));
    }
    if fields.is_empty() {
        return fields;
    }
    // What was asked before is not asked again before it is taken back.
    if is_moved || before.overrides_two_factor() != after.overrides_two_factor() {
        fields.push(("confirm", "yes".to_owned()));
    }
    let altered: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let is_of = |name: &str| {
        let field = name.trim_start_matches("seen-");
        altered.contains(&field) || (field == "group-id" && is_moved)
    };
    let seen: Vec<_> =
        seen(after, "").into_iter().filter(|(name, _)| *name != "seen-group" && is_of(name)).collect();
    fields.extend(seen);
    fields.push(("seen-at", visit.now_ms.to_string()));
    fields
}

/// Who somebody would be after these changes, or why the rules allow them to nobody who asks.
pub(super) async fn would_be(
    visit: &Visit,
    conn: &mut Conn,
    person: &Person,
    changes: &Changes,
) -> Result<Result<Person, Error>, Problem> {
    match users::would_be(conn, person, changes, &visit.by).await {
        Err(Error::Store(error)) => Err(error.into()),
        after => Ok(after),
    }
}

/// Whether whoever has made these changes may take them back, now that somebody is who they are: of what was altered, role, group and status
/// are ruled by rank.
pub(super) async fn may_be_undone(
    visit: &Visit,
    conn: &mut Conn,
    (before, after): (&Person, &Person),
) -> Result<bool, Problem> {
    let mut back = Changes::default();
    if before.role.id != after.role.id {
        back.role = store_roles::find(conn, &before.role.id).await?;
    }
    if let Some(home) = &before.group
        && after.group.as_ref().is_none_or(|group| group.id != home.id)
    {
        back.group = groups::find(conn, &home.id).await?;
    }
    back.status = (before.status != after.status).then_some(before.status);
    if back.role.is_none() && back.group.is_none() && back.status.is_none() {
        return Ok(true);
    }
    Ok(would_be(visit, conn, after, &back).await?.is_ok())
}

/// What is said beside each field that somebody else has changed meanwhile: what it holds now.
pub(super) fn overtaken(person: &Person, home: &str, fields: &[&'static str]) -> Vec<Wrong> {
    let said = |field: &&'static str| {
        let now = match *field {
            "name" => person.name.clone().unwrap_or_default(),
            "email" => shown_email(person),
            "role" => person.role.name.clone(),
            "status" if person.status == Status::Disabled => {
                return Wrong::new(field, Said::new("wrong-overtaken-disabled"));
            }
            "status" => return Wrong::new(field, Said::new("wrong-overtaken-active")),
            _ => home.to_owned(),
        };
        let key = if now.is_empty() { "wrong-overtaken-empty" } else { "wrong-overtaken" };
        Wrong::new(field, Said::new(key).about(&now))
    };
    fields.iter().map(said).collect()
}
