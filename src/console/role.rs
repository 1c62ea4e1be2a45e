//! `/console/roles/{id}`: what may those who hold this role do, and what would another set of rights do to whom? Shown before it is saved.

use std::slice;

use axum::response::Response;
use serde::Serialize;

use super::confirm::Confirm;
use super::field::{Field, Kind, Said, Summed, Wrong, errors, number};
use super::foreseen;
use super::groups::failed;
use super::role_form::{LONGEST_NAME, LONGEST_WORDS, Typed};
use super::roles::{SEES_ROLES, top};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use super::{Visit, kept, trouble};
use crate::directory::policy::Refusal;
use crate::directory::proof::ManageRoles;
use crate::directory::rights::{Right, Rights, own};
use crate::directory::roles::{self, NewRole};
use crate::directory::{By, Error, groups, may, people};
use crate::keys::secret::entropy;
use crate::signin::preview::{self, Changed, Consent, RolePreview};
use crate::store::Conn;
use crate::store::groups::GroupRow;
use crate::store::roles::RoleRow;
use crate::web::Problem;

/// What a form says of whom its sender has seen to be locked out.
const LOCKED: &str = "locked-out";

/// The most holders who are named.
const NAMED: usize = 20;

const MANAGES: Needs = Needs::Right(own::MANAGE_ROLES);

pub(super) const ROUTES: &[Route] = &[
    Route::get("/console/roles/new", MANAGES, |visit| Box::pin(new(visit))),
    Route::post("/console/roles", MANAGES, "role.added", |visit| Box::pin(add(visit)))
        .drawn_again(|visit| Box::pin(new_again(visit))),
    Route::get("/console/roles/{id}", SEES_ROLES, |visit| Box::pin(get(visit))),
    Route::post("/console/roles/{id}", MANAGES, "role.changed", |visit| Box::pin(set(visit)))
        .drawn_again(|visit| Box::pin(again(visit))),
    Route::post("/console/roles/{id}/delete", MANAGES, "role.deleted", |visit| Box::pin(delete(visit))),
];

/// One role, or a new one.
#[derive(Debug, Serialize)]
pub struct RolePage {
    /// Its id; none for a new one.
    pub id: Option<String>,
    /// Its name as it is.
    pub title: String,
    /// What is to be known first.
    pub lead: Said,
    /// The top-level group that it serves, as a name and an id; none for the site's own.
    pub top: Option<(String, String)>,
    /// How many users hold it.
    pub holders: i64,
    /// The first of them: ids and logins.
    pub holding: Vec<(String, String)>,
    /// Name and rank.
    pub fields: Vec<Field>,
    /// The rights that this house acts on.
    pub rights: Vec<RightLine>,
    /// Whether it may do everything everywhere.
    pub administers: bool,
    /// The apps' own.
    pub words: Field,
    /// What is wrong with what was typed.
    pub errors: Vec<Summed>,
    /// What was shown when the form was drawn.
    pub seen: String,
    /// Whether anything can be changed here now.
    pub editable: bool,
    /// Whether it can be deleted now.
    pub deletable: bool,
}

/// A right that this house acts on.
#[derive(Clone, Debug, Serialize)]
pub struct RightLine {
    /// Its word.
    pub word: &'static str,
    /// Whether the role has it.
    pub held: bool,
    /// Whether this reader may change that now.
    pub editable: bool,
}

impl ConsolePage for RolePage {
    const TEMPLATE: &'static str = "console/role.html";
}

/// `GET /console/roles/{id}`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let role = find(&visit, &mut conn).await?;
    Ok(visit.page(&page(&visit, &mut conn, Some(&role), &[]).await?))
}

/// `GET /console/roles/new`
async fn new(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    if top(&visit, &mut conn).await?.is_none() {
        return Ok(visit.to("/console/roles"));
    }
    Ok(visit.page(&page(&visit, &mut conn, None, &[]).await?))
}

/// `POST /console/roles`
async fn add(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageRoles>()?;
    let mut conn = visit.read().await?;
    let top = top(&visit, &mut conn).await?;
    drop(conn);
    let added = match (&top, Typed::read(&visit, None)) {
        (None, _) => Err(vec![Wrong::new("", Said::new("wrong-role-without-group"))]),
        (_, Err(wrong)) => Err(wrong),
        (Some(top), Ok(typed)) => {
            let new = NewRole { top, name: &typed.name, rank: typed.rank, rights: &typed.rights };
            let mut tx = visit.write().await?;
            match roles::add(&mut tx, new, &by, &mut entropy()).await {
                Ok(role) => {
                    tx.commit().await?;
                    Ok(role)
                }
                Err(error) => Err(vec![wrong(error)?]),
            }
        }
    };
    match added {
        Ok(role) => {
            let here = format!("/console/roles/{}", role.id);
            let saved = Saved::new("saved-role-added").about(&role.name);
            // A role of their own rank is somebody else's to delete.
            let may = may::of_role(&mut visit.read().await?, &role, &by).await.map_err(failed)?;
            let seen = seen(&role);
            let undo = (format!("{here}/delete"), [("confirm", "yes"), ("seen", seen.as_str())]);
            let saved = if may.delete().is_ok() { saved.undone_by(&undo.0, &undo.1) } else { saved };
            Ok(visit.saved(&here, &saved))
        }
        Err(wrong) => {
            let mut conn = visit.read().await?;
            Ok(visit.again(&page(&visit, &mut conn, None, &wrong).await?))
        }
    }
}

/// `POST /console/roles/{id}`: what the change does to whom; with `confirm` it is saved.
async fn set(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageRoles>()?;
    let mut conn = visit.read().await?;
    let before = find(&visit, &mut conn).await?;
    let after = match wanted(&visit, &mut conn, &before, &by).await {
        Ok(after) => after,
        Err(Unfit::Wrong(wrong)) => {
            let wrong = in_their_group(&mut conn, &before, wrong).await?;
            return Ok(visit.again(&page(&visit, &mut conn, Some(&before), &wrong).await?));
        }
        Err(Unfit::Meanwhile) => return meanwhile(&visit, &mut conn, &before).await,
        Err(Unfit::Problem(problem)) => return Err(problem),
    };
    drop(conn);
    let asked = visit.form.pairs().any(|(name, _)| name == "confirm");
    let confirmed = asked.then(|| number(visit.form.field("confirm")).unwrap_or(0));
    let consent = Consent { confirmed, seen: visit.form.get(LOCKED), ..Consent::default() };
    match preview::change_role(&visit.provider().signin.db, &before, &after, consent, &by).await {
        Ok(Changed::Done(after)) => {
            let here = format!("/console/roles/{}", after.id);
            Ok(visit.saved(&here, &Saved::new("saved-role").about(&after.name)))
        }
        Ok(Changed::Not(seen)) => {
            let question = question(&visit, &before, &after, &seen);
            let sent = asked && seen.locked_out.count > 0;
            Ok(if sent { visit.again(&question) } else { visit.confirm(&question) })
        }
        Ok(Changed::Meanwhile(now)) if *now == after => {
            let here = format!("/console/roles/{}", now.id);
            Ok(visit.saved(&here, &Saved::new("saved-role").about(&now.name)))
        }
        Ok(Changed::Meanwhile(now)) => meanwhile(&visit, &mut visit.read().await?, &now).await,
        Err(error) => {
            let wrong = vec![wrong(error)?];
            let mut conn = visit.read().await?;
            let wrong = in_their_group(&mut conn, &before, wrong).await?;
            Ok(visit.again(&page(&visit, &mut conn, Some(&before), &wrong).await?))
        }
    }
}

/// What is wrong, with the name of the group that would have nobody left who signs in without a code.
async fn in_their_group(conn: &mut Conn, role: &RoleRow, wrong: Vec<Wrong>) -> Result<Vec<Wrong>, Problem> {
    if !wrong.iter().any(trouble::is_about_a_group) {
        return Ok(wrong);
    }
    let path = roles::deprived_group(conn, role).await.map_err(failed)?.unwrap_or_default();
    Ok(wrong.into_iter().map(|wrong| trouble::in_group(wrong, &path)).collect())
}

/// Somebody else was faster: what was typed stays, and beside it stands what the role is now.
async fn meanwhile(visit: &Visit, conn: &mut Conn, now: &RoleRow) -> Result<Response, Problem> {
    let wrong = Wrong::new("", Said::new("wrong-role-changed-meanwhile"));
    let page = page(visit, conn, Some(now), slice::from_ref(&wrong)).await?;
    Ok(visit.again(&page.beside_what_is_so(visit, now, &wrong)))
}

/// The form for another role, as it was typed.
async fn new_again(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    Ok(visit.again(&page(&visit, &mut conn, None, &[kept::not_saved()]).await?))
}

/// The form of a role, as it was typed.
async fn again(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let role = find(&visit, &mut conn).await?;
    let mut page = page(&visit, &mut conn, Some(&role), &[kept::not_saved()]).await?;
    page.seen = kept::seen(&visit.form, "seen", &page.seen);
    Ok(visit.again(&page))
}

/// `POST /console/roles/{id}/delete`
async fn delete(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageRoles>()?;
    let mut conn = visit.read().await?;
    let role = find(&visit, &mut conn).await?;
    if let Err(error) = roles::could_be_deleted(&mut conn, &role, &by).await {
        let wrong = Wrong { field: "", ..wrong(error)? };
        return Ok(visit.again(&page(&visit, &mut conn, Some(&role), &[wrong]).await?));
    }
    drop(conn);
    if !visit.is_confirmed() {
        let question = Said::new("role-delete-question").about(&role.name);
        let confirm =
            Confirm::of(&visit, question, "role-delete-button", &format!("/console/roles/{}", role.id));
        return Ok(visit.confirm(&confirm.consequence(Said::new("role-delete-consequence")).grave()));
    }
    let mut tx = visit.write().await?;
    // What somebody else has made of it since is not taken back with it.
    let now = roles::locked(&mut tx, &role).await.map_err(failed)?;
    if visit.form.get("seen").is_some_and(|shown| shown != seen(&now)) {
        drop(tx);
        let wrong = Wrong::new("", Said::new("wrong-changed-since"));
        let mut conn = visit.read().await?;
        return Ok(visit.again(&page(&visit, &mut conn, Some(&now), &[wrong]).await?));
    }
    match roles::delete(&mut tx, &role, &by, &mut entropy()).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(visit.saved("/console/roles", &Saved::new("saved-role-deleted").about(&role.name)))
        }
        Err(error) => {
            drop(tx);
            let wrong = Wrong { field: "", ..wrong(error)? };
            let mut conn = visit.read().await?;
            Ok(visit.again(&page(&visit, &mut conn, Some(&role), &[wrong]).await?))
        }
    }
}

async fn find(visit: &Visit, conn: &mut Conn) -> Result<RoleRow, Problem> {
    visit.tree.role(conn, visit.part("id")).await?.ok_or(Problem::NotFound)
}

/// Why a change is not even previewed.
enum Unfit {
    Wrong(Vec<Wrong>),
    /// Somebody else has changed the role since it was shown.
    Meanwhile,
    Problem(Problem),
}

/// What the role is to be, if the rules allow it and nobody has changed it since it was shown.
async fn wanted(visit: &Visit, conn: &mut Conn, before: &RoleRow, by: &By) -> Result<RoleRow, Unfit> {
    let of = |error| match wrong(error) {
        Ok(wrong) => Unfit::Wrong(vec![wrong]),
        Err(problem) => Unfit::Problem(problem),
    };
    let may = may::of_role(conn, before, by).await.map_err(of)?;
    if visit.form.get("seen").is_some_and(|shown| shown != seen(before)) {
        // What is so already is nobody's conflict: a button that was pressed twice.
        let typed = Typed::read(visit, Some((before, &may))).map_err(|_| Unfit::Meanwhile)?;
        let is_made = typed.name == before.name
            && typed.rank == before.rank
            && Rights::parse(&before.rights).is_ok_and(|rights| rights == typed.rights);
        return if is_made { Ok(before.clone()) } else { Err(Unfit::Meanwhile) };
    }
    let typed = Typed::read(visit, Some((before, &may))).map_err(Unfit::Wrong)?;
    let after =
        RoleRow { name: typed.name, rank: typed.rank, rights: typed.rights.to_string(), ..before.clone() };
    roles::would_be(conn, &after, by).await.map_err(of)
}

/// What is wrong with what was typed, in the field that it is about.
fn wrong(error: Error) -> Result<Wrong, Problem> {
    let field = match &error {
        Error::Refused(Refusal::RankAboveOwn | Refusal::RankOutOfRange) => Some("rank"),
        Error::Refused(Refusal::RightNotHeld(_) | Refusal::SiteRight) => Some("rights"),
        _ => None,
    };
    let wrong = trouble::wrong(error)?;
    Ok(Wrong { field: field.unwrap_or(wrong.field), ..wrong })
}

/// What was shown of a role, to find out whether somebody has changed it since.
fn seen(role: &RoleRow) -> String {
    format!("{} {} {}", role.rank, role.rights, role.name)
}

/// What follows from a change, for whom, before it is made.
fn question(visit: &Visit, before: &RoleRow, after: &RoleRow, seen: &RolePreview) -> Confirm {
    let back = format!("/console/roles/{}", before.id);
    let asked = Said::new("role-question").about(&before.name);
    let mut confirm = Confirm::of(visit, asked, "role-save", &back);
    let seen_users = visit.holds(own::VIEW_USERS);
    for (key, some) in [
        ("role-locks-out", &seen.locked_out),
        ("role-loses-override", &seen.lose_override),
        ("role-gains-override", &seen.gain_override),
        ("role-holders", &seen.holders),
    ] {
        if some.count > 0 {
            confirm = confirm.consequence(foreseen::named(key, some, seen_users));
        }
    }
    if let Some(obstacle) = seen.actor {
        confirm.consequences.insert(0, Said::new(foreseen::yours(obstacle)));
    }
    let (was, will) = (Rights::parse(&before.rights), Rights::parse(&after.rights));
    if let (Ok(was), Ok(will)) = (was, will) {
        for (key, rights) in [("role-gains", will.beyond(&was)), ("role-loses", was.beyond(&will))] {
            let words: Vec<String> = rights.map(|right| spoken(visit, right.as_str())).collect();
            if !words.is_empty() {
                confirm = confirm.consequence(Said::new(key).about(&words.join(", ")));
            }
        }
    }
    if before.rank != after.rank {
        confirm = confirm.consequence(Said::new("role-new-rank").counting(after.rank));
    }
    if seen.locked_out.count > 0 {
        confirm.number = Some(Said::new("role-type-number"));
        let now = seen.kept_out.mark();
        let are_others = visit.form.get(LOCKED).is_some_and(|shown| shown != now);
        confirm.fields.retain(|(name, _)| name != LOCKED);
        confirm.fields.push((LOCKED.to_owned(), now));
        if visit.form.pairs().any(|(name, _)| name == "confirm") {
            let key = if are_others { "wrong-others-locked-out" } else { "wrong-number-locked-out" };
            let said = Said::new(key).counting(seen.locked_out.count);
            confirm.errors = vec![Summed::new("confirm", said)];
        }
    }
    confirm
}

/// A right by the name that people read, or else its word.
pub(super) fn spoken(visit: &Visit, word: &str) -> String {
    let known = own::OF_GROUPS.into_iter().any(|known| known == word);
    let pages = &visit.provider().signin.pages;
    if known { pages.sentence(&format!("right-{word}"), visit.language) } else { word.to_owned() }
}

async fn page(
    visit: &Visit,
    conn: &mut Conn,
    role: Option<&RoleRow>,
    wrong: &[Wrong],
) -> Result<RolePage, Problem> {
    let served = match role {
        Some(role) => match role.group_id.as_deref() {
            Some(id) => groups::find(conn, id).await.map_err(failed)?,
            None => None,
        },
        None => top(visit, conn).await?,
    };
    let may = match (role, &served) {
        (Some(role), _) => Some(may::of_role(conn, role, &visit.by).await.map_err(failed)?),
        (None, Some(top)) => Some(may::of_new_role(conn, top, &visit.by).await.map_err(failed)?),
        (None, None) => None,
    };
    let held = role.map(|role| Rights::parse(&role.rights)).transpose();
    let held = held.map_err(|error| failed(error.into()))?.unwrap_or_default();
    let holders = match role {
        Some(role) => visit.tree.holders(conn, role).await?,
        None => 0,
    };
    let holding = match (role, &served) {
        (Some(role), Some(top)) if visit.tree.has_all_of(&top.id) && visit.holds(own::VIEW_USERS) => {
            let (found, _) = people::needs_of_role(conn, &role.id, "", NAMED).await?;
            found.into_iter().map(|need| (need.id, need.login)).collect()
        }
        _ => Vec::new(),
    };
    let form = Drawn { visit, may: may.as_ref(), wrong };
    let fields = form.fields(role);
    let words = form.words(&held);
    let rights = form.rights(&held);
    let whole = wrong.iter().find(|wrong| wrong.field.is_empty());
    let errors = errors(fields.iter().chain([&words]), whole);
    Ok(RolePage {
        id: role.map(|role| role.id.clone()),
        title: role.map(|role| role.name.clone()).unwrap_or_default(),
        lead: lead(visit, role, may.as_ref(), holders),
        top: served.map(|top: GroupRow| (top.name, top.id)),
        holders,
        holding,
        errors,
        seen: role.map(seen).unwrap_or_default(),
        editable: fields.iter().chain([&words]).any(|field| field.editable)
            || rights.iter().any(|right| right.editable),
        deletable: role.is_some()
            && holders == 0
            && visit.is_unlocked()
            && may.is_some_and(|may| may.delete().is_ok()),
        administers: held.has(own::ADMINISTER_SITE),
        fields,
        rights,
        words,
    })
}

fn lead(visit: &Visit, role: Option<&RoleRow>, may: Option<&may::OfRole>, holders: i64) -> Said {
    let Some(role) = role else { return Said::new("role-lead-new") };
    let key = match may.map(may::OfRole::rank) {
        _ if role.id == visit.person.role.id => "role-lead-own",
        Some(Ok(())) if holders == 0 => "role-lead-nobody",
        Some(Ok(())) => "role-lead",
        Some(Err(Refusal::OutsideReach)) => "role-lead-elsewhere",
        Some(Err(Refusal::Outranked)) => "role-lead-outranked",
        Some(Err(_)) | None => "role-lead-read",
    };
    Said::new(key).counting(holders)
}

/// The form as it is drawn for a reader, with what was typed where something is wrong with it.
struct Drawn<'d> {
    visit: &'d Visit,
    may: Option<&'d may::OfRole>,
    wrong: &'d [Wrong],
}

impl Drawn<'_> {
    fn fields(&self, role: Option<&RoleRow>) -> Vec<Field> {
        let no = || Err(Refusal::OutsideReach);
        let (name, rank) =
            role.map_or(("", String::new()), |role| (role.name.as_str(), role.rank.to_string()));
        let name = Field::new("name", "role-name", Kind::Text, name);
        let name = name.hint("role-name-hint").longest(LONGEST_NAME).required();
        let rank =
            Field::new("rank", "role-rank", Kind::Number, rank).hint("role-rank-hint").longest(4).required();
        let name = name.editable(self.visit, &self.may.map_or_else(no, may::OfRole::name));
        let rank = rank.editable(self.visit, &self.may.map_or_else(no, may::OfRole::rank));
        vec![self.typed(name), self.typed(rank)]
    }

    /// The apps' own words.
    fn words(&self, held: &Rights) -> Field {
        let others: Vec<&str> = held.iter().map(Right::as_str).filter(|word| !is_ours(word)).collect();
        let field = Field::new("rights", "role-words", Kind::Text, others.join(" "));
        let verdict = self.may.map_or(Err(Refusal::OutsideReach), may::OfRole::rank);
        self.typed(field.hint("role-words-hint").longest(LONGEST_WORDS).editable(self.visit, &verdict))
    }

    fn rights(&self, held: &Rights) -> Vec<RightLine> {
        let line = |word: &'static str| {
            let may = |right: &Right| self.may.is_some_and(|may| may.right(right).is_ok());
            let open = Right::parse(word).is_ok_and(|right| may(&right));
            let typed = !self.wrong.is_empty() && open;
            RightLine {
                word,
                held: if typed { self.visit.form.field(word) == "on" } else { held.has(word) },
                editable: open && self.visit.is_unlocked(),
            }
        };
        own::OF_GROUPS.into_iter().map(line).collect()
    }

    fn typed(&self, field: Field) -> Field {
        if self.wrong.is_empty() || !field.editable {
            return field;
        }
        let own = self.wrong.iter().find(|wrong| wrong.field == field.name);
        field.typed(&self.visit.form, own)
    }
}

/// Whether this house acts on a right.
fn is_ours(word: &str) -> bool {
    own::OF_GROUPS.into_iter().any(|own| own == word)
}
