//! `/console/audit`: who did what to whom, when, and from where, as far as it happened in the reader's own tree?

use std::collections::BTreeMap;

use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::Visit;
use super::attempts::proofs;
use super::audit_export::EXPORT;
use super::audit_filter::{Asked, FILTERS};
use super::field::{Field, Said, Summed};
use super::guard::may;
use super::listing::{Column, Table};
use super::routes::{self, Needs, Route, Verb};
use super::visit::ConsolePage;
use crate::clock::{self, Moment};
use crate::directory::proof::ViewAudit;
use crate::directory::rights::own;
use crate::directory::{groups, log};
use crate::oidc::clients;
use crate::store::Conn;
use crate::store::audit::EventRow;
use crate::web::Problem;

pub(super) const HERE: &str = "/console/audit";

pub(super) const ROUTES: &[Route] =
    &[Route::get(HERE, Needs::Right(own::VIEW_AUDIT), |visit| Box::pin(get(visit)))
        .in_menu("console-menu-audit", 80)];

/// The word of the log with the oldest events first.
const OLDEST_FIRST: &str = "at";

/// Rows of a page: with their facts they weigh twice what those of other lists do.
const PAGE: usize = 22;

/// The events that have a sentence, and its key, in the order of their names. Others are told by their names.
pub(super) const TOLD: [(&str, &str); 45] = [
    ("backup.begun", "audit-is-backup-begun"),
    ("backup.restored", "audit-is-backup-restored"),
    ("client.added", "audit-is-client-added"),
    ("client.changed", "audit-is-client-changed"),
    ("client.deleted", "audit-is-client-deleted"),
    ("client.invited", "audit-is-client-invited"),
    ("client.old_secret_ended", "audit-is-client-old-secret-ended"),
    ("client.registered", "audit-is-client-registered"),
    ("client.secret_rotated", "audit-is-client-secret-rotated"),
    ("grant.revoked", "audit-is-grant-revoked"),
    ("group.added", "audit-is-group-added"),
    ("group.changed", "audit-is-group-changed"),
    ("group.deleted", "audit-is-group-deleted"),
    ("help.asked", "audit-is-help-asked"),
    ("help.closed", "audit-is-help-closed"),
    ("keys.rotated", "audit-is-keys-rotated"),
    ("logout.not_told", "audit-is-logout-not-told"),
    ("mail.retried", "audit-is-mail-retried"),
    ("mail.settings_reset", "audit-is-mail-settings-reset"),
    ("mail.settings_saved", "audit-is-mail-settings-saved"),
    ("mail.tested", "audit-is-mail-tested"),
    ("role.added", "audit-is-role-added"),
    ("role.changed", "audit-is-role-changed"),
    ("role.deleted", "audit-is-role-deleted"),
    ("session.ended", "audit-is-session-ended"),
    ("signin.code_refused", "audit-is-signin-code-refused"),
    ("signin.code_skipped", "audit-is-signin-code-skipped"),
    ("signin.codes_stopped", "audit-is-signin-codes-stopped"),
    ("signin.completed", "audit-is-signin-completed"),
    ("signin.override", "audit-is-signin-override"),
    ("signin.password_refused", "audit-is-signin-password-refused"),
    ("signin.refused", "audit-is-signin-refused"),
    ("token.asserted", "audit-is-token-asserted"),
    ("token.exchanged", "audit-is-token-exchanged"),
    ("token.reused", "audit-is-token-reused"),
    ("token.revoked", "audit-is-token-revoked"),
    ("user.added", "audit-is-user-added"),
    ("user.changed", "audit-is-user-changed"),
    ("user.code_by_hand", "audit-is-user-code-by-hand"),
    ("user.deleted", "audit-is-user-deleted"),
    ("user.email_verified", "audit-is-user-email-verified"),
    ("user.link_issued", "audit-is-user-link-issued"),
    ("user.password_changed", "audit-is-user-password-changed"),
    ("user.reset_requested", "audit-is-user-reset-requested"),
    ("user.unlocked", "audit-is-user-unlocked"),
];

/// The fact that nothing was proven anew.
const BY_SESSION: &str = "by_session";

/// What keeps somebody out whose password was right, as `why` says it, and in words.
const WHY: [(&str, &str); 4] = [
    ("no_address", "audit-why-no-address"),
    ("mail_failed", "audit-why-mail-failed"),
    ("codes_stopped", "audit-why-codes-stopped"),
    ("too_many_codes", "audit-why-too-many-codes"),
];

/// The longest value of a fact, in characters, and the most facts of one event.
const LONGEST: (usize, usize) = (200, 15);

/// The audit log, newest first unless it is chosen otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct AuditPage {
    /// What is here.
    pub lead: Said,
    /// By what it is filtered.
    pub fields: Vec<Field>,
    /// What is wrong with that.
    pub errors: Vec<Summed>,
    /// Whether anything is left out by it.
    pub filtered: bool,
    /// The table's head.
    pub table: Table,
    /// One line each.
    pub events: Vec<Line>,
    /// Where the same is had as a table for a spreadsheet, and as JSON lines.
    pub export: [String; 2],
}

/// One event.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// When.
    pub at: Moment,
    /// Who did it.
    pub who: Party,
    /// What happened.
    pub what: Said,
    /// To whom or what: a person, a group, an app.
    pub about: Vec<Party>,
    /// From which network address.
    pub network: Option<String>,
    /// The rest: names and values, as they were and as they are.
    pub facts: Vec<(String, String)>,
}

/// Somebody or something in an event.
#[derive(Clone, Debug, Serialize)]
pub struct Party {
    /// A name of ours, such as that of the command line.
    pub said: Option<Said>,
    /// The name, where it is nobody of ours.
    pub name: String,
    /// The page about them.
    pub link: Option<String>,
}

impl ConsolePage for AuditPage {
    const TEMPLATE: &'static str = "console/audit.html";
}

/// `GET /console/audit`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ViewAudit>()?;
    let mut conn = visit.read().await?;
    let asked = Asked::read(&visit, &mut conn).await?;
    let after = visit.query.field("after");
    let oldest_first = visit.query.field("sort") == OLDEST_FIRST;
    let found = log::events(&mut conn, &by, asked.wanted(), (!oldest_first, after), PAGE).await?;
    let mut names = Names { visit: &visit, conn, known: BTreeMap::new() };
    let mut events = Vec::with_capacity(found.events.len());
    for event in &found.events {
        events.push(names.line(event).await?);
    }
    let filtered = asked.is_filtered();
    let lead = Said::new(if visit.tree.is_whole_site() { "audit-lead-site" } else { "audit-lead" })
        .about(if oldest_first { "oldest" } else { "" });
    let table = table(&visit, oldest_first, after, found.next.as_deref());
    let export = ["csv", "jsonl"].map(|format| address(&visit, EXPORT, &[("format", format)]));
    let Asked { fields, errors, .. } = asked;
    Ok(visit.page(&AuditPage { lead, fields, errors, filtered, table, events, export }))
}

fn table(visit: &Visit, oldest_first: bool, after: &str, next: Option<&str>) -> Table {
    let sort = ("sort", if oldest_first { OLDEST_FIRST } else { "" });
    let other = if oldest_first { "-at" } else { OLDEST_FIRST };
    let mut columns = columns();
    if let Some(at) = columns.first_mut() {
        at.link = Some(address(visit, HERE, &[("sort", other)]));
        at.sorted = Some(if oldest_first { "ascending" } else { "descending" });
    }
    Table {
        caption: "audit-title",
        columns,
        first: (!after.is_empty()).then(|| address(visit, HERE, &[sort])),
        next: next.map(|after| address(visit, HERE, &[sort, ("after", after)])),
    }
}

/// An address with the filters that are chosen, and more.
pub(super) fn address(visit: &Visit, path: &str, more: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let filters = FILTERS.map(|name| (name, visit.query.field(name)));
    for (name, value) in filters.iter().chain(more).filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

pub(super) fn columns() -> Vec<Column> {
    let all = ["audit-at", "audit-who", "audit-what", "audit-about", "audit-network"];
    all.map(|label| Column { label, link: None, sorted: None, number: false }).to_vec()
}

/// The sentence for an event.
pub(super) fn told(event: &str) -> Said {
    match TOLD.iter().find(|(known, _)| *known == event) {
        Some((_, sentence)) => Said::new(sentence),
        None => Said::new("audit-is").about(event),
    }
}

/// Finds the names of what events are about, each once.
struct Names<'v> {
    visit: &'v Visit,
    conn: Conn,
    known: BTreeMap<String, Option<String>>,
}

impl Names<'_> {
    async fn line(&mut self, event: &EventRow) -> Result<Line, Problem> {
        let who = match event.actor.as_str() {
            "operator" => ours("audit-by-operator"),
            "system" => ours("audit-by-system"),
            "client" => ours("audit-by-client"),
            "anonymous" => ours("audit-by-anonymous"),
            id => self.person(id, event.actor_login.as_deref()).await?,
        };
        let mut about = Vec::new();
        if let Some(id) = event.user_id.as_deref().filter(|id| *id != event.actor) {
            about.push(self.person(id, event.user_login.as_deref()).await?);
        }
        if let Some(id) = &event.client_id {
            about.push(self.app(id).await?);
        }
        if let Some(id) = event.group_id.as_deref().filter(|_| event.user_id.is_none()) {
            about.push(self.group(id).await?);
        }
        let mut details = serde_json::from_str(&event.details).unwrap_or_default();
        self.name_groups(&mut details).await?;
        Ok(Line {
            at: self.visit.moment(event.at_ms / 1000),
            who,
            what: told(&event.event),
            about,
            network: event.network.clone(),
            facts: self.spoken(&details),
        })
    }

    /// The facts as people read them: what was proven, and whether it was before, stands in the log, and in what is taken along of it, in
    /// the words of RFC 8176.
    fn spoken(&self, details: &Value) -> Vec<(String, String)> {
        let before = details.get(BY_SESSION) == Some(&Value::Bool(true));
        let say = |key: &str| self.visit.provider().signin.pages.sentence(key, self.visit.language);
        let told = facts(details).into_iter().filter(|(name, _)| name != BY_SESSION);
        told.map(|(name, value)| match proofs(&value, before).filter(|_| name == "amr") {
            Some(proven) => (say("audit-proven"), say(&proven.key)),
            None => match WHY.iter().find(|(why, _)| name == "why" && *why == value) {
                Some((_, sentence)) => (say("audit-why"), say(sentence)),
                None => (name.replace('_', " "), self.in_zone(value)),
            },
        })
        .collect()
    }

    /// A time as the reader's clock has it; what is none, as it is.
    fn in_zone(&self, value: String) -> String {
        match clock::from_timestamp(&value) {
            Some(at) => self.visit.moment(at).date,
            None => value,
        }
    }

    /// Puts the paths of groups in place of their ids, as far as the reader sees them.
    async fn name_groups(&mut self, details: &mut Value) -> Result<(), Problem> {
        let mut parts: Vec<&mut Value> = vec![details];
        while let Some(part) = parts.pop() {
            for (name, value) in part.as_object_mut().into_iter().flatten() {
                match value {
                    Value::String(id) if name == "group" => *id = self.group(id).await?.name,
                    Value::Array(ids) if name == "allowed_groups" => {
                        for id in ids {
                            if let Value::String(id) = id {
                                *id = self.group(id).await?.name;
                            }
                        }
                    }
                    Value::Object(_) => parts.push(value),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    async fn person(&mut self, id: &str, login: Option<&str>) -> Result<Party, Problem> {
        if !self.known.contains_key(id) {
            let there = self.visit.tree.user(&mut self.conn, id).await?;
            self.known.insert(id.to_owned(), there.map(|person| person.login));
        }
        let there = self.known.get(id).is_some_and(Option::is_some);
        let link =
            opens(self.visit, "/console/users/{id}").filter(|_| there).map(|page| page.replace("{id}", id));
        Ok(Party { said: None, name: login.unwrap_or(id).to_owned(), link })
    }

    async fn app(&mut self, id: &str) -> Result<Party, Problem> {
        if !self.known.contains_key(id) {
            let name = clients::find(&mut self.conn, id).await?.map(|client| client.metadata.client_name);
            self.known.insert(id.to_owned(), name);
        }
        let name = self.known.get(id).cloned().flatten();
        let link = opens(self.visit, "/console/apps/{id}").filter(|_| name.is_some());
        Ok(Party {
            said: None,
            link: link.map(|page| page.replace("{id}", id)),
            name: name.unwrap_or_else(|| id.to_owned()),
        })
    }

    async fn group(&mut self, id: &str) -> Result<Party, Problem> {
        if !self.known.contains_key(id) {
            let path = match self.visit.tree.group(&mut self.conn, id).await? {
                Some(group) => Some(groups::path(&mut self.conn, &group.id).await?),
                None => None,
            };
            self.known.insert(id.to_owned(), path);
        }
        let path = self.known.get(id).cloned().flatten();
        let link = opens(self.visit, "/console/groups/{id}").filter(|_| path.is_some());
        Ok(Party {
            said: None,
            link: link.map(|page| page.replace("{id}", id)),
            name: path.unwrap_or_else(|| id.to_owned()),
        })
    }
}

fn ours(key: &str) -> Party {
    Party { said: Some(Said::new(key)), name: String::new(), link: None }
}

/// A page, if there is one and it opens for this person.
fn opens(visit: &Visit, path: &'static str) -> Option<&'static str> {
    let mut all = routes::all();
    all.any(|route| route.verb == Verb::Get && route.path == path && may(&visit.by, route.needs))
        .then_some(path)
}

/// The facts of an event, one a line: `email: old → new`.
fn facts(details: &Value) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let changed = |value: &Value| Some((value.get("before")?.clone(), value.get("after")?.clone()));
    let whole = changed(details);
    for (name, value) in details.as_object().into_iter().flatten() {
        if whole.is_some() && ["before", "after", "fields"].contains(&name.as_str()) {
            continue;
        }
        let value = match changed(value) {
            Some((before, after)) => format!("{} → {}", plain(&before), plain(&after)),
            None => plain(value),
        };
        told.push((name.clone(), value));
    }
    if let Some((before, after)) = whole {
        let (before, after) = (before.as_object().cloned(), after.as_object().cloned());
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort();
        names.dedup();
        let value = |of: &serde_json::Map<String, Value>, name: &str| of.get(name).map_or_else(none, plain);
        told.extend(
            names
                .into_iter()
                .map(|name| (name.clone(), format!("{} → {}", value(&before, name), value(&after, name)))),
        );
    }
    told.truncate(LONGEST.1);
    told
}

fn none() -> String {
    "–".to_owned()
}

fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => none(),
        Value::String(text) if text.is_empty() => none(),
        Value::String(text) => text.clone(),
        Value::Array(all) if all.is_empty() => none(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    text.chars().take(LONGEST.0).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_say_what_was_and_what_is() {
        for (details, expected) in [
            (json!({}), vec![]),
            (json!({"error": "access_denied", "n": 3}), vec!["error: access_denied", "n: 3"]),
            (json!({"two_factor": {"before": "off", "after": "on"}}), vec!["two_factor: off → on"]),
            (
                json!({"fields": ["email"], "before": {"email": null}, "after": {"email": "a@b.c", "x": []}}),
                vec!["email: – → a@b.c", "x: – → –"],
            ),
            (json!("none of ours"), vec![]),
        ] {
            let told = facts(&details).into_iter().map(|(name, value)| format!("{name}: {value}"));
            assert_eq!(told.collect::<Vec<_>>(), expected, "{details}");
        }
        assert_eq!(facts(&json!({"x": "y".repeat(1000)}))[0].1.len(), LONGEST.0);
    }

    #[test]
    fn every_event_is_told() {
        assert_eq!(told("user.added").key, "audit-is-user-added");
        let words = include_str!("../../locales/en/console-audit.ftl");
        for (event, sentence) in TOLD.iter().chain(&WHY) {
            assert!(words.contains(&format!("\n{sentence} = ")), "{event}");
        }
        assert_eq!(told("moon.landed"), Said::new("audit-is").about("moon.landed"));
    }
}
