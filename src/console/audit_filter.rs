//! Which events of the audit log does somebody want to see? The filters of its page and of its export, read once for both.

use super::Visit;
use super::field::{self, Choice, Field, Kind, Label, Said, Summed, Wrong, errors};
use crate::clock;
use crate::directory::login::Login;
use crate::directory::{log, people};
use crate::store::Conn;
use crate::store::audit::Wanted;
use crate::web::Problem;

/// What there is to choose from: the beginning of an event's name, or the whole of it.
const KINDS: [&str; 14] = [
    "signin",
    "signin.override",
    "signin.refused",
    "signin.codes_stopped",
    "user",
    "group",
    "role",
    "client",
    "grant",
    "session",
    "token",
    "keys",
    "help",
    "mail",
];

/// The filters.
pub(super) const FILTERS: [&str; 5] = ["user", "actor", "kind", "since", "until"];

/// What somebody wants to see.
pub(super) struct Asked {
    user: Option<String>,
    actor: Option<String>,
    kind: Option<String>,
    since: Option<i64>,
    until: Option<i64>,
    pub(super) fields: Vec<Field>,
    pub(super) errors: Vec<Summed>,
}

impl Asked {
    pub(super) async fn read(visit: &Visit, conn: &mut Conn) -> Result<Self, Problem> {
        let mut wrong = Vec::new();
        let mut text = |name| {
            field::line(&visit.query, name, 100).unwrap_or_else(|error| {
                wrong.push(error);
                ""
            })
        };
        let (user, actor, kind) = (text("user"), text("actor"), text("kind"));
        let (since, until) = (text("since"), text("until"));
        let mut day = |name, typed: &str| {
            let read = clock::day(typed, visit.person.zone());
            if read.is_none() && !typed.is_empty() {
                wrong.push(Wrong::new(name, Said::new("audit-wrong-day")));
            }
            read
        };
        let since = day("since", since).map(|(begins, _)| begins);
        let until = day("until", until).map(|(_, ends)| ends);
        if since.zip(until).is_some_and(|(since, until)| until <= since) {
            wrong.push(Wrong::new("until", Said::new("audit-ends-before")));
        }
        let fields: Vec<Field> = fields(visit.person.zone().is_some())
            .into_iter()
            .map(|field| {
                let own = wrong.iter().find(|wrong| wrong.field == field.name);
                field.typed(&visit.query, own)
            })
            .collect();
        Ok(Self {
            user: id_of(conn, user).await?,
            actor: id_of(conn, actor).await?,
            kind: Some(kind.to_owned()).filter(|kind| !kind.is_empty()),
            since,
            until,
            errors: errors(&fields, None),
            fields,
        })
    }

    /// The same for a query; a day that is named as the last is among them.
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            user_id: self.user.as_deref(),
            actor: self.actor.as_deref(),
            kind: self.kind.as_deref(),
            since_ms: self.since.map(|at| at * 1000),
            until_ms: self.until.map(|at| at * 1000),
            ..Wanted::default()
        }
    }

    pub(super) const fn is_filtered(&self) -> bool {
        self.user.is_some()
            || self.actor.is_some()
            || self.kind.is_some()
            || self.since.is_some()
            || self.until.is_some()
    }
}

/// Whose events are meant: of whoever has this login, else of whoever had it when they were deleted, else of whoever has this id. It is the
/// log that says what of it the reader sees.
async fn id_of(conn: &mut Conn, typed: &str) -> Result<Option<String>, Problem> {
    if typed.is_empty() {
        return Ok(None);
    }
    let Ok(login) = Login::parse(typed) else { return Ok(Some(typed.to_owned())) };
    if let Some(person) = people::find_by_login(conn, &login).await? {
        return Ok(Some(person.id));
    }
    let gone = log::deleted(conn, login.as_str()).await?;
    Ok(Some(gone.unwrap_or_else(|| typed.to_owned())))
}

/// The fields; days are those of the reader's zone where that is known, else of UTC.
fn fields(zoned: bool) -> [Field; 5] {
    let day = if zoned { "audit-day-hint" } else { "audit-day-hint-utc" };
    let kinds =
        [Choice { value: String::new(), label: Label::Key("audit-kind-all"), hint: None }].into_iter();
    let kinds = kinds.chain(KINDS.into_iter().map(|kind| {
        let label = Label::Key(kind_label(kind));
        Choice { value: kind.to_owned(), label, hint: None }
    }));
    let all = [
        Field::new("user", "audit-user", Kind::Text, "").hint("audit-user-hint").longest(100),
        Field::new("actor", "audit-actor", Kind::Text, "").hint("audit-actor-hint").longest(100),
        Field::new("kind", "audit-kind", Kind::Select { choices: kinds.collect() }, ""),
        Field::new("since", "audit-since", Kind::Text, "").hint(day).longest(10),
        Field::new("until", "audit-until", Kind::Text, "").hint(day).longest(10),
    ];
    // A search is everybody's who sees the page.
    all.map(|field| Field { editable: true, ..field })
}

fn kind_label(kind: &str) -> &'static str {
    match kind {
        "signin" => "audit-kind-signin",
        "signin.override" => "audit-kind-override",
        "signin.refused" => "audit-kind-refused",
        "signin.codes_stopped" => "audit-kind-stopped",
        "user" => "audit-kind-user",
        "group" => "audit-kind-group",
        "role" => "audit-kind-role",
        "client" => "audit-kind-client",
        "grant" => "audit-kind-grant",
        "session" => "audit-kind-session",
        "token" => "audit-kind-token",
        "keys" => "audit-kind-keys",
        "mail" => "audit-kind-mail",
        _ => "audit-kind-help",
    }
}
