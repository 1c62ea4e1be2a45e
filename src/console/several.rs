//! `/console/users/several`: who of many gets an address in a domain, or an invitation; what would that do, and for whom not? Chosen on one
//! page, shown on the next, and done for those alone who were shown.

use std::collections::BTreeSet;

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::field::{Field, Kind, Said, Summed, Wrong, errors, line};
use super::groups_to_choose::problem;
use super::listing::Listing;
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::users::{note_sign_ins, part};
use super::visit::ConsolePage;
use super::{trouble, unlock, user_deeds};
use crate::directory::bulk::{self, Deed, LeftOut, Planned, Proposed};
use crate::directory::listing::{self, Which};
use crate::directory::rights::own;
use crate::directory::{Error, Person};
use crate::signin::announce;
use crate::signin::invite::{self, Inviter};
use crate::store::Conn;
use crate::web::Problem;
use crate::web::form::Form;

const HERE: &str = "/console/users/several";

const UNDO: &str = "/console/users/several/domain/undo";

const MANAGE: Needs = Needs::Right(own::MANAGE_USERS);

pub(super) const ROUTES: &[Route] = &[
    Route::get(HERE, MANAGE, |visit| Box::pin(choose(visit))),
    Route::get("/console/users/several/preview", MANAGE, |visit| Box::pin(preview(visit))),
    Route::post("/console/users/several/domain", MANAGE, "user.changed", |visit| Box::pin(domain(visit))),
    Route::post(UNDO, MANAGE, "user.changed", |visit| Box::pin(undo(visit))),
    Route::post("/console/users/several/invite", MANAGE, "user.link_issued", |visit| Box::pin(invite(visit))),
];

/// How many people are chosen from, looked at and changed in one go.
const BATCH: usize = 25;

/// The longest domain, in characters (RFC 1035 §2.3.4).
const LONGEST: usize = 253;

/// What is to be done, and for whom of a list.
#[derive(Clone, Debug, Serialize)]
pub struct SeveralPage {
    /// What the list shows: the group, the filter and the search, as the address has them.
    pub kept: Vec<(&'static str, String)>,
    /// The list that one comes from.
    pub back: String,
    /// The people of it: ids, logins, names and whether they are ticked.
    pub people: Vec<(String, String, String, bool)>,
    /// Whether there are more than these.
    pub more: bool,
    /// Whether all that the list shows are meant.
    pub all: bool,
    /// The domain.
    pub field: Field,
    /// What is wrong with what was chosen.
    pub errors: Vec<Summed>,
}

/// What would be done to whom, or what was not done and why.
#[derive(Clone, Debug, Serialize)]
pub struct PlanPage {
    /// What would be done, as a question.
    pub question: Said,
    /// Where the answer goes.
    pub action: &'static str,
    /// What is sent with it.
    pub fields: Vec<(&'static str, String)>,
    /// For how many it is done.
    pub done: Said,
    /// For how many it is not.
    pub left_out: Option<Said>,
    /// How many of those who were chosen are no longer here.
    pub gone: Option<Said>,
    /// Whether it is done for anybody.
    pub any: bool,
    /// Each of them.
    pub people: Vec<Line>,
    /// Whether more of the list come after these.
    pub more: bool,
    /// Where No leads, and where those lead who come after these when it is done for nobody here.
    pub back: String,
    /// The same for those who come after these, without doing it.
    pub next: Option<String>,
    /// The key of the button that does it.
    pub button: &'static str,
    /// Why it was not done.
    pub errors: Vec<Summed>,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Their id.
    pub id: String,
    /// Their login.
    pub login: String,
    /// What becomes of them.
    pub said: Said,
    /// Whether they are left out.
    pub left_out: bool,
}

impl ConsolePage for SeveralPage {
    const TEMPLATE: &'static str = "console/several.html";
}

impl ConsolePage for PlanPage {
    const TEMPLATE: &'static str = "console/plan.html";
}

/// The list that is chosen from, as the address has it.
fn asked(visit: &Visit) -> Listing {
    let asked = Listing::of(visit, &[]);
    match visit.query.get("group") {
        Some(group) => asked.keeping("group", group),
        None => asked,
    }
}

/// The address of a page about the list.
fn address(path: &str, kept: &[(&'static str, String)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in kept.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What every page about the list keeps of the address.
fn kept(asked: &Listing) -> Vec<(&'static str, String)> {
    let mut kept = asked.hidden();
    if !asked.q.is_empty() {
        kept.push(("q", asked.q.clone()));
    }
    kept
}

/// Where something is done for several of a list.
pub(super) fn of(asked: &Listing) -> String {
    address(HERE, &kept(asked))
}

/// `GET /console/users/several`
async fn choose(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.page(&choice(&visit, &[]).await?))
}

/// The list to choose from; after a mistake with what was chosen.
async fn choice(visit: &Visit, wrong: &[Wrong]) -> Result<SeveralPage, Problem> {
    note_sign_ins(visit).await;
    let mut conn = visit.read().await?;
    let (tree, _) = part(visit, &mut conn).await?;
    let asked = asked(visit);
    let limit = i64::try_from(BATCH + 1).unwrap_or(i64::MAX);
    let which = Which::from_word(&asked.filter);
    let mut found = listing::list(&mut conn, &tree, which, &asked.q, "", limit).await?;
    let more = found.len() > BATCH;
    found.truncate(BATCH);
    let ticked = ticked(visit);
    let people = found.into_iter().map(|listed| {
        let person = listed.person;
        let on = ticked.contains(person.id.as_str());
        (person.id, person.login, person.name.unwrap_or_default(), on)
    });
    let field = Field::new("domain", "several-domain", Kind::Text, visit.query.field("domain"))
        .hint("several-domain-hint")
        .longest(LONGEST);
    let error = wrong.iter().find(|wrong| wrong.field == "domain").map(|wrong| wrong.said.clone());
    let field = Field { editable: true, error, ..field };
    Ok(SeveralPage {
        people: people.collect(),
        more,
        all: visit.query.field("scope") == "all",
        errors: errors([&field], wrong.iter().find(|wrong| wrong.field.is_empty())),
        field,
        back: address("/console/users", &kept(&asked)),
        kept: kept(&asked),
    })
}

/// The ids that are ticked.
fn ticked(visit: &Visit) -> BTreeSet<&str> {
    let names = visit.query.pairs().filter_map(|(name, _)| name.strip_prefix("who-"));
    names.take(BATCH).collect()
}

/// `GET /console/users/several/preview`: what would be done to whom.
async fn preview(visit: Visit) -> Result<Response, Problem> {
    let (deed, typed) = match deed(&visit, &visit.query) {
        Ok(read) => read,
        Err(wrong) => return Ok(visit.again(&choice(&visit, &[wrong]).await?)),
    };
    note_sign_ins(&visit).await;
    let mut conn = visit.read().await?;
    let (found, after) = match chosen(&visit, &mut conn, &deed).await? {
        Ok(chosen) => chosen,
        Err(wrong) => {
            drop(conn);
            return Ok(visit.again(&choice(&visit, &[wrong]).await?));
        }
    };
    let planned = found.planned(&mut conn, &deed, &visit).await?;
    let asked = asked(&visit);
    let next = after.map(|after| {
        let more = [("deed", word(&deed)), ("domain", &typed), ("scope", "all"), ("after", &after)];
        let more = more.into_iter().map(|(name, value)| (name, value.to_owned()));
        address("/console/users/several/preview", &kept(&asked).into_iter().chain(more).collect::<Vec<_>>())
    });
    let back = address(HERE, &kept(&asked));
    Ok(visit.page(&plan(&deed, &typed, &planned, next, back, Vec::new())))
}

/// What is to be done, and the domain as it was typed.
fn deed(visit: &Visit, form: &Form) -> Result<(Deed, String), Wrong> {
    if form.field("deed") == "invite" || visit.route.path.ends_with("/invite") {
        return Ok((Deed::Invite, String::new()));
    }
    let typed = line(form, "domain", LONGEST)?.to_owned();
    if typed.is_empty() {
        return Err(Wrong::new("domain", Said::new("several-no-domain")));
    }
    match Deed::domain(&typed) {
        Ok(deed) => Ok((deed, typed)),
        Err(_) => Err(Wrong::new("domain", Said::new("wrong-domain").about(&typed))),
    }
}

const fn word(deed: &Deed) -> &'static str {
    match deed {
        Deed::Domain(_) => "domain",
        Deed::Invite => "invite",
    }
}

/// Who is chosen: those who are ticked, or the next of all whom the list shows, with what comes after them.
async fn chosen(
    visit: &Visit,
    conn: &mut Conn,
    deed: &Deed,
) -> Result<Result<(Found, Option<String>), Wrong>, Problem> {
    if visit.query.field("scope") != "all" {
        let found = found(visit, conn, ticked(visit)).await?;
        let none = || Wrong::new("", Said::new("several-nobody"));
        return Ok(if found.people.is_empty() { Err(none()) } else { Ok((found, None)) });
    }
    let (tree, _) = part(visit, conn).await?;
    let asked = asked(visit);
    // Of everybody, only those come into question whom it is for.
    let which = match (Which::from_word(&asked.filter), deed) {
        (Which::All, Deed::Domain(_)) => Which::NoEmail,
        (Which::All, Deed::Invite) => Which::Invited,
        (which, _) => which,
    };
    let limit = i64::try_from(BATCH + 1).unwrap_or(i64::MAX);
    let mut found = listing::list(conn, &tree, which, &asked.q, &asked.after, limit).await?;
    let more = found.len() > BATCH;
    found.truncate(BATCH);
    let after = found.last().filter(|_| more).map(|last| last.person.login.clone());
    let people = found.into_iter().map(|listed| listed.person).collect();
    Ok(Ok((Found { people, gone: 0 }, after)))
}

/// Those of some ids who are there.
struct Found {
    people: Vec<Person>,
    /// How many are not: deleted or moved away meanwhile, or never there for this reader.
    gone: usize,
}

/// What would become of those who were found.
struct Plan {
    planned: Vec<Planned>,
    gone: usize,
}

impl Found {
    async fn planned(self, conn: &mut Conn, deed: &Deed, visit: &Visit) -> Result<Plan, Problem> {
        let planned = bulk::plan(conn, self.people, deed, &visit.by).await.map_err(problem)?;
        Ok(Plan { planned, gone: self.gone })
    }
}

/// The people of these ids, once each. Where nobody is left of them there is no such page.
async fn found<'i>(
    visit: &Visit,
    conn: &mut Conn,
    ids: impl IntoIterator<Item = &'i str>,
) -> Result<Found, Problem> {
    let ids: BTreeSet<&str> = ids.into_iter().collect();
    let mut people = Vec::new();
    for id in &ids {
        people.extend(visit.tree.user(conn, id).await?);
    }
    let gone = ids.len() - people.len();
    if people.is_empty() && gone > 0 { Err(Problem::NotFound) } else { Ok(Found { people, gone }) }
}

fn plan(
    deed: &Deed,
    typed: &str,
    Plan { planned, gone }: &Plan,
    next: Option<String>,
    back: String,
    errors: Vec<Summed>,
) -> PlanPage {
    let (question, button, action, done) = match deed {
        Deed::Domain(domain) => (
            Said::new("plan-domain").about(domain),
            "plan-domain-button",
            "/console/users/several/domain",
            "plan-domain-done",
        ),
        Deed::Invite => (
            Said::new("plan-invite"),
            "plan-invite-button",
            "/console/users/several/invite",
            "plan-invite-done",
        ),
    };
    let who: Vec<&str> =
        planned.iter().filter(|one| one.outcome.is_ok()).map(|one| one.person.id.as_str()).collect();
    let left = planned.len() - who.len();
    PlanPage {
        question,
        action,
        button,
        done: Said::new(done).counting(count(who.len())),
        left_out: (left > 0).then(|| Said::new("plan-left-out").counting(count(left))),
        gone: (*gone > 0).then(|| Said::new("plan-gone").counting(count(*gone))),
        any: !who.is_empty(),
        fields: vec![
            ("who", who.join(" ")),
            ("domain", typed.to_owned()),
            ("next", next.clone().unwrap_or_default()),
            ("back", back.clone()),
        ],
        people: planned.iter().map(shown).collect(),
        more: next.is_some(),
        next,
        back,
        errors,
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn shown(planned: &Planned) -> Line {
    let said = match &planned.outcome {
        Ok(address) => Said::new("plan-gets").about(&address.shown()),
        Err(LeftOut::Refused(refusal)) => trouble::refused(refusal),
        Err(LeftOut::Disabled) => Said::new("plan-disabled"),
        Err(LeftOut::HasAddress(address)) => Said::new("plan-has-address").about(&address.shown()),
        Err(LeftOut::NoAddress) => Said::new("plan-no-address"),
        Err(LeftOut::HasPassword) => Said::new("plan-has-password"),
    };
    Line {
        id: planned.person.id.clone(),
        login: planned.person.login.clone(),
        said,
        left_out: planned.outcome.is_err(),
    }
}

/// What was confirmed: the people who were shown, as they are now.
async fn confirmed(visit: &Visit, deed: &Deed) -> Result<Plan, Problem> {
    let mut conn = visit.read().await?;
    let ids = visit.form.field("who").split_whitespace().take(BATCH);
    found(visit, &mut conn, ids).await?.planned(&mut conn, deed, visit).await
}

/// `POST /console/users/several/domain`
async fn domain(visit: Visit) -> Result<Response, Problem> {
    let (deed, typed) = match deed(&visit, &visit.form) {
        Ok(read) => read,
        Err(wrong) => return Ok(visit.again(&choice(&visit, &[wrong]).await?)),
    };
    let plan = confirmed(&visit, &deed).await?;
    let proposed = plan.planned.iter().filter_map(|one| {
        let address = one.outcome.as_ref().ok()?.clone();
        Some(Proposed { person: one.person.clone(), address: Some(address) })
    });
    let db = &visit.provider().signin.db;
    let done = bulk::assign(db, proposed.collect(), &visit.by).await.map_err(problem)?;
    let well: Vec<&str> =
        done.iter().filter(|one| one.outcome.is_ok()).map(|one| one.login.as_str()).collect();
    let given = plan.planned.iter().filter(|one| well.contains(&one.person.login.as_str()));
    let given: Vec<&str> = given.map(|one| one.person.id.as_str()).collect();
    let refused = done.into_iter().find_map(|one| one.outcome.err()).map(trouble::wrong);
    after(&visit, (&deed, &typed), &plan, &given, refused)
}

/// `POST /console/users/several/domain/undo`: takes the addresses back, from whoever has theirs still.
async fn undo(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let mut people = Vec::new();
    for id in visit.form.field("who").split_whitespace().take(BATCH) {
        // Whoever has gone since keeps no other from it.
        people.extend(visit.tree.user(&mut conn, id).await?);
    }
    drop(conn);
    let domain = match Deed::domain(visit.form.field("domain")) {
        Ok(Deed::Domain(domain)) => domain,
        _ => String::new(),
    };
    let db = &visit.provider().signin.db;
    let (taken, refused) = bulk::take_back(db, people, &domain, &visit.by).await.map_err(problem)?;
    if let (0, Some(error)) = (taken, refused) {
        return Ok(visit.again(&choice(&visit, &[trouble::wrong(error)?]).await?));
    }
    let saved = Saved::new("saved-several-undone").counting(i64::try_from(taken).unwrap_or(i64::MAX));
    Ok(visit.saved("/console/users", &saved))
}

/// `POST /console/users/several/invite`
async fn invite(visit: Visit) -> Result<Response, Problem> {
    let plan = confirmed(&visit, &Deed::Invite).await?;
    let state = &visit.provider().signin;
    let inviter = Inviter {
        issuer: visit.provider().issuer.clone(),
        lifetime: state.settings.link_lifetime,
        mail: Some((state.pages.clone(), state.vault.clone())),
    };
    let (mut well, mut refused) = (Vec::new(), None);
    for one in plan.planned.iter().filter(|one| one.outcome.is_ok()) {
        match inviter.invite(&state.db, &one.person, &visit.by).await {
            Ok(_) => well.push(one.person.id.as_str()),
            Err(invite::Error::Directory(Error::Store(e))) => return Err(e.into()),
            other => refused = user_deeds::issued(other).map(Result::err).transpose(),
        }
    }
    announce::deliver_later(state);
    after(&visit, (&Deed::Invite, ""), &plan, &well, refused)
}

/// On to those who come next, or back to the list; if nothing could be done, the plan with why.
fn after(
    visit: &Visit,
    (deed, typed): (&Deed, &str),
    done: &Plan,
    well: &[&str],
    refused: Option<Result<Wrong, Problem>>,
) -> Result<Response, Problem> {
    let page = |name| Some(visit.form.field(name)).filter(|to| unlock::is_ours(to)).map(str::to_owned);
    let back = page("back").unwrap_or_else(|| HERE.to_owned());
    if well.is_empty() {
        let said = refused.transpose()?.map_or_else(|| Said::new("several-nobody"), |wrong| wrong.said);
        let errors = vec![Summed::new("", said)];
        return Ok(visit.again(&plan(deed, typed, done, page("next"), back, errors)));
    }
    let key = match deed {
        Deed::Domain(_) => "saved-several-domain",
        Deed::Invite => "saved-several-invite",
    };
    let saved = Saved::new(key).counting(count(well.len()));
    let left = done.planned.len() - well.len();
    let saved = match (left, done.gone) {
        (0, 0) => saved,
        (0, gone) => saved.but(Said::new("saved-several-gone").counting(count(gone))),
        (left, gone) => saved.but(Said::new("saved-several-left").counting(count(left + gone))),
    };
    let saved = match deed {
        Deed::Domain(domain) => saved.undone_by(UNDO, &[("who", &well.join(" ")), ("domain", domain)]),
        // What has been mailed is gone.
        Deed::Invite => saved,
    };
    let to = page("next").unwrap_or_else(|| back.replacen(HERE, "/console/users", 1));
    Ok(visit.saved(&to, &saved))
}
