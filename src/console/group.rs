//! `/console/groups/{id}`: what is one group, who of it cannot sign in, how does its rehearsal go, and what is below it?

use axum::response::Response;
use serde::Serialize;

use super::field::{self, Field, Kind, Said, Summed, Wrong, errors, line};
use super::foreseen::{self, Sees, Stopped};
use super::groups::{LONGEST_NAME, SEES_GROUPS, failed};
use super::home::link;
use super::listing::{Declared, Listing, PAGE, Table};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use super::{Visit, kept, trouble};
use crate::clock::Moment;
use crate::directory::groups::{self, Changes};
use crate::directory::proof::ManageBasicSettings;
use crate::directory::rights::own;
use crate::directory::{TwoFactor, may};
use crate::keys::secret::entropy;
use crate::signin::preview::{self, Count};
use crate::signin::rehearsal::{self, Outcome};
use crate::store::Conn;
use crate::store::groups::GroupRow;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/console/groups/{id}", SEES_GROUPS, |visit| Box::pin(get(visit))),
    Route::post("/console/groups/{id}", Needs::Right(own::MANAGE_BASIC_SETTINGS), "group.changed", |visit| {
        Box::pin(set(visit))
    })
    .drawn_again(|visit| Box::pin(again(visit))),
];

const REHEARSED: [Declared; 3] = [
    Declared { sort: None, label: "group-column-login", number: false },
    Declared { sort: None, label: "group-column-outcome", number: false },
    Declared { sort: None, label: "group-column-when", number: false },
];

/// The most groups below one, and the most people who cannot sign in, that its page names.
const NAMED: usize = 20;

/// One group.
#[derive(Debug, Serialize)]
pub struct GroupPage {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: String,
    /// What it is part of, the top first: names, and addresses where this reader may see them.
    pub above: Vec<(String, Option<String>)>,
    /// What is wrong, or that nothing is.
    pub lead: Said,
    /// Its two-factor setting: `off`, `rehearse`, `on`.
    pub two_factor: &'static str,
    /// Whether this reader may change that.
    pub advanced: bool,
    /// How many people are in it.
    pub people: i64,
    /// Where they are listed.
    pub listed: Option<String>,
    /// The first of those who cannot sign in, or could not if two-factor were on.
    pub stopped: Vec<Stopped>,
    /// How many they are.
    pub locked_out: Count,
    /// Who signs in with a password alone where codes are asked for: names, and how many.
    pub overriders: Said,
    /// The name and the language.
    pub fields: Vec<Field>,
    /// What is wrong with what was typed.
    pub errors: Vec<Summed>,
    /// What was shown when the form was drawn: name and language.
    pub seen: (String, String),
    /// Domains whose addresses count as verified here, each with the group that says so where it is another one.
    pub domains: Vec<(String, Option<String>)>,
    /// The first of the groups below it.
    pub below: Vec<Below>,
    /// Where the others are listed.
    pub all_below: Option<String>,
    /// The name of a new group below it; none for whoever adds none.
    pub subgroup: Option<Field>,
    /// Whether this reader may delete it.
    pub deletable: bool,
    /// How the rehearsal goes; none where there is none.
    pub rehearsal: Option<Rehearsal>,
}

/// A group below another one.
#[derive(Clone, Debug, Serialize)]
pub struct Below {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its two-factor setting.
    pub two_factor: &'static str,
}

/// How a rehearsal goes.
#[derive(Clone, Debug, Serialize)]
pub struct Rehearsal {
    /// How many have had each outcome: its word, how many, where they are listed, whether they are.
    pub counts: Vec<(&'static str, i64, String, bool)>,
    /// People, by login.
    pub rows: Vec<Rehearsed>,
    /// What is around them.
    pub table: Table,
}

/// How one person's last rehearsal went.
#[derive(Clone, Debug, Serialize)]
pub struct Rehearsed {
    /// The user's id.
    pub id: String,
    /// The login.
    pub login: String,
    /// The outcome's word.
    pub outcome: &'static str,
    /// When.
    pub when: Option<Moment>,
}

impl ConsolePage for GroupPage {
    const TEMPLATE: &'static str = "console/group.html";
}

/// `GET /console/groups/{id}`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let page = page(&visit, Form::None).await?;
    Ok(visit.page(&page))
}

/// `POST /console/groups/{id}`: name and language.
async fn set(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageBasicSettings>()?;
    let mut tx = visit.write().await?;
    let found = visit.group(&mut tx).await?;
    // Before what was seen is compared with what is so: nobody changes that any more.
    let before = groups::locked(&mut tx, &found).await.map_err(failed)?;
    let changes = match changes(&visit, &before) {
        Ok(changes) => changes,
        Err(wrong) => {
            drop(tx);
            return Ok(visit.again(&page(&visit, Form::Basics(&wrong)).await?));
        }
    };
    match groups::set(&mut tx, &before, &changes, &by, &mut entropy()).await {
        Ok(after) => {
            tx.commit().await?;
            let here = format!("/console/groups/{}", after.id);
            let back = [
                ("name", before.name.as_str()),
                ("language", before.language.as_str()),
                ("seen_name", after.name.as_str()),
                ("seen_language", after.language.as_str()),
            ];
            Ok(visit.saved(&here, &Saved::new("saved-group").about(&after.name).undone_by(&here, &back)))
        }
        Err(error) => {
            drop(tx);
            let wrong = trouble::wrong(error)?;
            Ok(visit.again(&page(&visit, Form::Basics(&wrong)).await?))
        }
    }
}

/// The form for name and language, as it was typed.
async fn again(visit: Visit) -> Result<Response, Problem> {
    let mut page = page(&visit, Form::Basics(&kept::not_saved())).await?;
    let (name, language) = &page.seen;
    let seen = |field, now: &str| kept::seen(&visit.form, field, now);
    page.seen = (seen("seen_name", name), seen("seen_language", language));
    Ok(visit.again(&page))
}

/// What was typed, if nobody else has changed the same since it was shown. What was left as it was shown stays as it is now.
fn changes(visit: &Visit, now: &GroupRow) -> Result<Changes, Wrong> {
    let name = changed(visit, "name", field::name(&visit.form, "name", LONGEST_NAME, &now.name)?, &now.name)?;
    let language = changed(visit, "language", line(&visit.form, "language", 35)?, &now.language)?;
    Ok(Changes { name, language, ..Changes::default() })
}

fn changed(visit: &Visit, field: &'static str, typed: &str, now: &str) -> Result<Option<String>, Wrong> {
    let seen = visit.form.get(&format!("seen_{field}")).unwrap_or(now);
    if typed == seen || typed == now {
        return Ok(None);
    }
    if seen != now {
        return Err(Wrong::new(field, Said::new("wrong-changed-meanwhile").about(now)));
    }
    Ok(Some(typed.to_owned()))
}

/// Which of the page's forms was sent, and what is wrong with it.
#[derive(Clone, Copy)]
pub(super) enum Form<'w> {
    /// None.
    None,
    /// Name and language.
    Basics(&'w Wrong),
    /// The group below.
    Subgroup(&'w Wrong),
    /// What has no field.
    Whole(&'w Wrong),
}

pub(super) async fn page(visit: &Visit, sent: Form<'_>) -> Result<GroupPage, Problem> {
    let mut conn = visit.read().await?;
    let group = visit.group(&mut conn).await?;
    let may = may::of_group(&mut conn, &group, &visit.by).await.map_err(failed)?;
    let two_factor = TwoFactor::of(&group)?;
    drop(conn);
    // Side by side, where the database can.
    let people = async { groups::people(&mut visit.read().await?, &group).await.map_err(failed) };
    let (people, (stopped, locked_out)) = tokio::try_join!(people, kept_out(visit, &group, two_factor))?;
    let mut conn = visit.read().await?;
    let overriders = preview::overriders(&mut conn, &group).await.map_err(failed)?;
    let (below, all_below) = below(&mut conn, &group).await?;
    let fields = basics(visit, &group, &may, sent);
    let subgroup = Field::new("subgroup", "group-add-name", Kind::Text, "").longest(LONGEST_NAME).required();
    let subgroup = subgroup.editable(visit, &may.subgroups);
    let (subgroup, whole) = match sent {
        Form::Subgroup(wrong) => (subgroup.typed(&visit.form, Some(wrong)), Some(wrong)),
        Form::Whole(wrong) | Form::Basics(wrong) => (subgroup, Some(wrong)),
        Form::None => (subgroup, None),
    };
    let errors = errors(fields.iter().chain([&subgroup]), whole);
    Ok(GroupPage {
        title: group.name.clone(),
        above: above(visit, &mut conn, &group).await?,
        lead: lead(two_factor, &locked_out),
        two_factor: two_factor.name(),
        advanced: may.two_factor.is_ok(),
        people,
        listed: list_of_people(visit, &format!("group={}", group.id)),
        stopped,
        locked_out,
        overriders: foreseen::overriders(&overriders, Sees::of(visit, &group.top_id)),
        fields,
        errors,
        seen: (group.name.clone(), group.language.clone()),
        domains: groups::verified_domains(&mut conn, &group).await.map_err(failed)?,
        below,
        all_below,
        subgroup: may.subgroups.is_ok().then_some(subgroup),
        deletable: may.delete.is_ok() && visit.is_unlocked(),
        rehearsal: rehearsed(visit, &mut conn, &group, two_factor).await?,
        id: group.id,
    })
}

/// The first of those who cannot sign in, or could not if two-factor were on, and how many they are.
async fn kept_out(
    visit: &Visit,
    group: &GroupRow,
    two_factor: TwoFactor,
) -> Result<(Vec<Stopped>, Count), Problem> {
    match two_factor {
        TwoFactor::Off => Ok((Vec::new(), Count::default())),
        TwoFactor::Rehearse | TwoFactor::On => {
            let mut conn = visit.read().await?;
            let (found, count) =
                preview::first_locked_out(&mut conn, group, TwoFactor::On, NAMED).await.map_err(failed)?;
            Ok((found.into_iter().filter_map(Stopped::of).collect(), count))
        }
    }
}

/// Where some people are listed, if that is theirs to see.
pub(super) fn list_of_people(visit: &Visit, which: &str) -> Option<String> {
    link(visit, "", &format!("/console/users?{which}")).map(|(_, path)| path)
}

fn basics(visit: &Visit, group: &GroupRow, may: &may::OfGroup, sent: Form<'_>) -> Vec<Field> {
    let name = Field::new("name", "group-name", Kind::Text, &group.name);
    let name = name.hint("group-name-hint").longest(LONGEST_NAME).required();
    let language = Field::new("language", "group-language", Kind::Text, &group.language)
        .hint("group-language-hint")
        .longest(35)
        .required();
    let fields = [name, language].map(|field| field.editable(visit, &may.basics));
    let typed = |field: Field| match sent {
        Form::Basics(wrong) => field.typed(&visit.form, Some(wrong)),
        _ => field,
    };
    fields.into_iter().map(typed).collect()
}

fn lead(two_factor: TwoFactor, locked_out: &Count) -> Said {
    let key = match (two_factor, locked_out.n) {
        (TwoFactor::Off, _) => "group-lead-off",
        (TwoFactor::Rehearse, 0) => "group-lead-rehearse",
        (TwoFactor::Rehearse, _) => "group-lead-rehearse-locked-out",
        (TwoFactor::On, 0) => "group-lead-on",
        (TwoFactor::On, _) => "group-lead-locked-out",
    };
    Said::new(key).counting(locked_out.n).about(if locked_out.more { "more" } else { "" })
}

/// The groups above, with addresses for those in the reader's tree.
async fn above(
    visit: &Visit,
    conn: &mut Conn,
    group: &GroupRow,
) -> Result<Vec<(String, Option<String>)>, Problem> {
    let mut above = Vec::new();
    for ancestor in groups::above(conn, group).await.map_err(failed)? {
        let seen = visit.tree.group(conn, &ancestor.id).await?.is_some();
        above.push((ancestor.name, seen.then(|| format!("/console/groups/{}", ancestor.id))));
    }
    Ok(above)
}

async fn below(conn: &mut Conn, group: &GroupRow) -> Result<(Vec<Below>, Option<String>), Problem> {
    let limit = i64::try_from(NAMED + 1).unwrap_or(i64::MAX);
    let mut found = groups::below(conn, group, limit).await.map_err(failed)?;
    let more = found.len() > NAMED;
    found.truncate(NAMED);
    let all = if more {
        let path = groups::path(conn, &group.id).await.map_err(failed)?;
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("after", &path).finish();
        Some(format!("/console/groups?{query}"))
    } else {
        None
    };
    let row = |child: GroupRow| -> Result<Below, Problem> {
        Ok(Below { two_factor: TwoFactor::of(&child)?.name(), id: child.id, name: child.name })
    };
    Ok((found.into_iter().map(row).collect::<Result<_, _>>()?, all))
}

/// How the rehearsal goes, if there is one: `?filter=` shows those of one outcome.
async fn rehearsed(
    visit: &Visit,
    conn: &mut Conn,
    group: &GroupRow,
    two_factor: TwoFactor,
) -> Result<Option<Rehearsal>, Problem> {
    if two_factor != TwoFactor::Rehearse || !visit.holds(own::VIEW_USERS) {
        return Ok(None);
    }
    let listing = Listing::of(visit, &REHEARSED);
    let counts = rehearsal::counts(conn, group).await?;
    let counts = counts.into_iter().map(|(outcome, people)| {
        let word = word(outcome);
        let chosen = listing.filter == word;
        (word, people, listing.with_filter(if chosen { "" } else { word }), chosen)
    });
    let counts: Vec<_> = counts.collect();
    let filter = counts.iter().map(|(word, ..)| *word).find(|word| *word == listing.filter);
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut found = rehearsal::list_of(conn, group, filter, &listing.after, limit).await?;
    let next = (found.len() > PAGE).then(|| found.get(PAGE - 1).map(|last| last.login_key.clone())).flatten();
    found.truncate(PAGE);
    let rows = found.into_iter().map(|row| Rehearsed {
        outcome: word(row.outcome.as_deref().and_then(Outcome::from_name)),
        when: row.at.map(|at| visit.moment(at)),
        id: row.id,
        login: row.login,
    });
    Ok(Some(Rehearsal {
        rows: rows.collect(),
        table: listing.table("group-rehearsal-caption", &REHEARSED, next.as_deref()),
        counts,
    }))
}

/// The word of an outcome; of none for those who have not signed in since the rehearsal began.
const fn word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(outcome) => outcome.name(),
        None => rehearsal::NOT_YET,
    }
}
