//! `/console/groups/{id}/advanced`: is this group asked for a code, and what would another setting do to whom? Shown before anything is
//! saved.

use axum::response::Response;
use serde::Serialize;

use super::field::{self, Choice, Field, Kind, Label, Said, Summed, Wrong, errors};
use super::foreseen::{self, Sees, Stopped};
use super::group::list_of_people;
use super::groups::failed;
use super::home::{Attention, link};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use super::{Visit, kept, trouble};
use crate::directory::listing::Which;
use crate::directory::policy::may_insist;
use crate::directory::proof::ManageAdvancedSettings;
use crate::directory::rights::own;
use crate::directory::{By, TwoFactor, groups, may};
use crate::signin::preview::{self, Affected, Consent, LISTED_AT_MOST, Preview, Ruling, Switched};
use crate::store::Conn;
use crate::store::groups::GroupRow;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/console/groups/{id}/advanced", Needs::Right(own::MANAGE_ADVANCED_SETTINGS), |visit| {
        Box::pin(get(visit))
    }),
    Route::post(
        "/console/groups/{id}/advanced",
        Needs::Right(own::MANAGE_ADVANCED_SETTINGS),
        "group.changed",
        |visit| Box::pin(set(visit)),
    )
    .drawn_again(|visit| Box::pin(again(visit))),
];

/// The two-factor setting.
#[derive(Debug, Serialize)]
pub struct AdvancedPage {
    /// The group's id.
    pub id: String,
    /// Its path.
    pub path: String,
    /// What is wrong, or what would be.
    pub lead: Said,
    /// The setting.
    pub setting: Field,
    /// What it is now: `off`, `rehearse`, `on`.
    pub now: &'static str,
    /// Whether there are groups below it.
    pub has_groups_below: bool,
    /// What is wrong with what was typed.
    pub errors: Vec<Summed>,
    /// Who cannot sign in, or could no longer: the first of them.
    pub stopped: Vec<Stopped>,
    /// Where the others are listed, if there are more.
    pub more: Option<String>,
    /// What the setting that was chosen would do; none before one is.
    pub foreseen: Option<Foreseen>,
}

/// What a setting would do, and what its saving wants.
#[derive(Debug, Serialize)]
pub struct Foreseen {
    /// The setting: `off`, `rehearse`, `on`.
    pub to: &'static str,
    /// One line each, the worst first.
    pub told: Vec<Attention>,
    /// Where the number of people locked out is typed; none where nobody is, or nothing can be saved.
    pub confirm: Option<Field>,
    /// Who they are, to find out whether it is others by the time it is saved.
    pub seen: String,
    /// Where somebody who may insists; none where nothing speaks against it, or they may not.
    pub insist: Option<Field>,
    /// Whether there is anything to save, and it can be.
    pub can_save: bool,
}

impl ConsolePage for AdvancedPage {
    const TEMPLATE: &'static str = "console/advanced.html";
}

/// `GET /console/groups/{id}/advanced`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let group = visit.group(&mut visit.read().await?).await?;
    Ok(visit.page(&page(&visit, &group, None).await?))
}

/// `POST /console/groups/{id}/advanced`: what the chosen setting would do; with `confirm` it is saved, if what it does may be.
async fn set(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageAdvancedSettings>()?;
    let group = visit.group(&mut visit.read().await?).await?;
    let Some(to) = TwoFactor::from_name(visit.form.field("two_factor")) else {
        let wrong = Wrong::new("two_factor", Said::new("wrong-choose"));
        return Ok(visit.again(&page(&visit, &group, Some(&wrong)).await?));
    };
    let (db, mailer) = (&visit.provider().signin.db, &visit.provider().signin.mailer);
    if !visit.form.pairs().any(|(name, _)| name == "confirm") {
        let preview = match preview::look(db, mailer, &group, to, &by).await {
            Ok(preview) => preview,
            Err(error) => return refused(&visit, &group, error).await,
        };
        return Ok(visit.page(&foreseen(&visit, &group, &preview, false).await?));
    }
    if visit.form.get("was").is_some_and(|was| was != group.two_factor_setting) {
        return meanwhile(&visit, &group, to, &by).await;
    }
    match preview::switch(db, mailer, &group, to, consent(&visit), &by).await {
        Ok(Switched::Done(after)) => {
            let here = format!("/console/groups/{}", after.id);
            let undo = [("two_factor", group.two_factor_setting.as_str())];
            Ok(visit.saved(&here, &saved(&after, to).undone_by(&format!("{here}/advanced"), &undo)))
        }
        Ok(Switched::Meanwhile(now)) => meanwhile(&visit, &now, to, &by).await,
        Ok(Switched::Not(preview, _)) => Ok(visit.again(&foreseen(&visit, &group, &preview, true).await?)),
        Err(error) => refused(&visit, &group, error).await,
    }
}

fn saved(group: &GroupRow, to: TwoFactor) -> Saved {
    Saved::new(&format!("saved-two-factor-{to}")).about(&group.name)
}

async fn has_groups_below(conn: &mut Conn, group: &GroupRow) -> Result<bool, Problem> {
    Ok(!groups::below(conn, group, 1).await.map_err(failed)?.is_empty())
}

/// What whoever saves has said about what they have read.
fn consent(visit: &Visit) -> Consent<'_> {
    Consent {
        confirmed: field::number(visit.form.field("confirm")),
        seen: visit.form.get("seen"),
        insists: visit.form.field("insist") == "on",
    }
}

/// The form with the setting that was chosen; where it was to be saved, with what that would do by now.
async fn again(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageAdvancedSettings>()?;
    let group = visit.group(&mut visit.read().await?).await?;
    let chosen = TwoFactor::from_name(visit.form.field("two_factor"));
    let Some(to) = chosen.filter(|_| visit.form.get("confirm").is_some()) else {
        return Ok(visit.again(&page(&visit, &group, Some(&kept::not_saved())).await?));
    };
    let (db, mailer) = (&visit.provider().signin.db, &visit.provider().signin.mailer);
    let preview = match preview::look(db, mailer, &group, to, &by).await {
        Ok(preview) => preview,
        Err(error) => return refused(&visit, &group, error).await,
    };
    let mut page = foreseen(&visit, &group, &preview, false).await?;
    let typed = |field: Option<Field>| field.map(|field| field.typed(&visit.form, None));
    if let Some(foreseen) = page.foreseen.as_mut() {
        foreseen.confirm = typed(foreseen.confirm.take());
        foreseen.insist = typed(foreseen.insist.take());
    }
    page.errors = errors([], Some(&kept::not_saved()));
    Ok(visit.again(&page))
}

/// Somebody else has switched it since the preview was drawn: what saving would do now is another thing, or nothing, where they have chosen
/// the same or the button was pressed twice.
async fn meanwhile(visit: &Visit, group: &GroupRow, to: TwoFactor, by: &By) -> Result<Response, Problem> {
    if group.two_factor_setting == to.name() {
        let here = format!("/console/groups/{}", group.id);
        return Ok(visit.saved(&here, &saved(group, to)));
    }
    let (db, mailer) = (&visit.provider().signin.db, &visit.provider().signin.mailer);
    match preview::look(db, mailer, group, to, by).await {
        Ok(preview) => {
            let mut page = foreseen(visit, group, &preview, false).await?;
            let said = Said::new("wrong-two-factor-meanwhile").about(&group.two_factor_setting);
            page.errors = errors([], Some(&Wrong::new("", said)));
            Ok(visit.again(&page))
        }
        Err(error) => refused(visit, group, error).await,
    }
}

async fn refused(
    visit: &Visit,
    group: &GroupRow,
    error: crate::directory::Error,
) -> Result<Response, Problem> {
    let wrong = Wrong { field: "two_factor", ..trouble::wrong(error)? };
    Ok(visit.again(&page(visit, group, Some(&wrong)).await?))
}

/// The page as things are.
async fn page(visit: &Visit, group: &GroupRow, wrong: Option<&Wrong>) -> Result<AdvancedPage, Problem> {
    let mut conn = visit.read().await?;
    let now = TwoFactor::of(group)?;
    let may = may::of_group(&mut conn, group, &visit.by).await.map_err(failed)?;
    let setting = setting(now).editable(visit, &may.two_factor);
    let setting = if wrong.is_some() { setting.typed(&visit.form, wrong) } else { setting };
    let (found, count) =
        preview::first_locked_out(&mut conn, group, now, LISTED_AT_MOST).await.map_err(failed)?;
    let stopped: Vec<Stopped> = found.into_iter().filter_map(Stopped::of).collect();
    let key = match now {
        TwoFactor::Off => "advanced-lead-off",
        TwoFactor::Rehearse => "advanced-lead-rehearse",
        TwoFactor::On if count.n == 0 => "advanced-lead-on",
        TwoFactor::On => "group-lead-locked-out",
    };
    Ok(AdvancedPage {
        id: group.id.clone(),
        path: groups::path(&mut conn, &group.id).await.map_err(failed)?,
        lead: Said::new(key).counting(count.n).about(if count.more { "more" } else { "" }),
        errors: errors([&setting], wrong),
        setting,
        now: now.name(),
        has_groups_below: has_groups_below(&mut conn, group).await?,
        more: if count.n > i64::try_from(LISTED_AT_MOST).unwrap_or(i64::MAX) {
            all_of_them(visit, group)
        } else {
            None
        },
        stopped,
        foreseen: None,
    })
}

/// The page with what a setting would do. `sent` where it was to be saved and is not.
async fn foreseen(
    visit: &Visit,
    group: &GroupRow,
    preview: &Preview,
    sent: bool,
) -> Result<AdvancedPage, Problem> {
    let mut conn = visit.read().await?;
    let may = may::of_group(&mut conn, group, &visit.by).await.map_err(failed)?;
    let (found, more) = preview::locked_out(&mut conn, group, preview).await.map_err(failed)?;
    let (ruling, insisting) = rulings(visit, preview);
    let changes = preview.to != TwoFactor::of(group)?;
    let can_save = changes && !matches!(insisting, Ruling::Refused(_));
    let number = preview.locked_out();
    let confirm = (can_save && matches!(insisting, Ruling::Confirm(_))).then(|| {
        let field = Field::new("confirm", "advanced-confirm", Kind::Number, "").longest(10).required();
        let are_others = visit.form.get("seen").is_some_and(|seen| seen != preview.kept_out.mark());
        let key = if are_others { "wrong-others-locked-out" } else { "wrong-number-locked-out" };
        let wrong = Wrong::new("confirm", Said::new(key).counting(number));
        let is_wrong = !consent(visit).covers(&preview.kept_out);
        let field = field.hint("advanced-confirm-hint").editable(visit, &may.two_factor);
        if sent { field.typed(&visit.form, is_wrong.then_some(&wrong)) } else { field }
    });
    let insist = (can_save && matches!(ruling, Ruling::Refused(_))).then(|| {
        let field = Field::new("insist", "advanced-insist", Kind::Check, "").editable(visit, &may.two_factor);
        let wrong = Wrong::new("insist", Said::new("wrong-insist"));
        let insisted = visit.form.field("insist") == "on";
        if sent { field.typed(&visit.form, (!insisted).then_some(&wrong)) } else { field }
    });
    let mut errors = errors(confirm.iter().chain(&insist), None);
    if let (Ruling::Refused(objections), true, false) = (&ruling, sent, can_save) {
        let said = |objection| Summed::new("", Said::new(foreseen::objection(objection)));
        errors.extend(objections.iter().copied().map(said));
    }
    let setting = Field { value: preview.to.name().to_owned(), ..setting(preview.to) };
    Ok(AdvancedPage {
        id: group.id.clone(),
        path: preview.path.clone(),
        lead: lead(preview, changes, &ruling, can_save),
        setting: setting.editable(visit, &may.two_factor),
        now: preview.from.name(),
        has_groups_below: has_groups_below(&mut conn, group).await?,
        errors,
        stopped: found.into_iter().filter_map(|one| stopped(preview, one)).collect(),
        // Those of another setting are on no list.
        more: if more && !changes { all_of_them(visit, group) } else { None },
        foreseen: Some(Foreseen {
            to: preview.to.name(),
            told: told(visit, group, preview),
            confirm,
            seen: preview.kept_out.mark(),
            insist,
            can_save,
        }),
    })
}

/// Somebody whom a setting keeps out.
fn stopped(preview: &Preview, affected: Affected) -> Option<Stopped> {
    let is_new = preview.refused_now.as_ref().is_some_and(|own| own.id == affected.id);
    let stopped = Stopped::of(affected)?;
    Some(if is_new { Stopped { why: "stopped-refused-now", ..stopped } } else { stopped })
}

/// What a preview has found, with the way to where this reader mends it, and what follows from the lengths of passwords.
fn told(visit: &Visit, group: &GroupRow, preview: &Preview) -> Vec<Attention> {
    let mut told = foreseen::told(preview, Sees::of(visit, &group.top_id));
    if let Some(at) = told.iter().position(|line| line.said.key == "foreseen-mail-fails") {
        if let Some(line) = told.get_mut(at) {
            line.remedy = link(visit, "home-repair", "/console/repair");
        }
        if let Some(remedy) = link(visit, "foreseen-mail-settings-link", "/console/mail/settings") {
            let said = Said::new("foreseen-mail-settings");
            told.insert(at + 1, Attention { weight: "bad", said, remedy: Some(remedy) });
        }
    }
    let settings = &visit.provider().signin.settings;
    let (alone, with_code) = (settings.shortest_password(false), settings.shortest_password(true));
    if preview.to == TwoFactor::Off && preview.from != TwoFactor::Off && with_code < alone {
        let said = Said::new("foreseen-longer-password").counting(i64::try_from(alone).unwrap_or(i64::MAX));
        told.push(Attention { weight: "", said, remedy: None });
    }
    told
}

/// Where all of a group are listed who cannot sign in.
fn all_of_them(visit: &Visit, group: &GroupRow) -> Option<String> {
    list_of_people(visit, &format!("group={}&filter={}", group.id, Which::KeptOut.word()))
}

/// What is ruled as it stands, and what would be if whoever may insist did.
fn rulings(visit: &Visit, preview: &Preview) -> (Ruling, Ruling) {
    let (stakes, may) = (preview.stakes(), may_insist(&visit.by.actor));
    let rule = |insists| preview::rule(&stakes, Consent { insists, ..Consent::default() }, may);
    (rule(false), rule(true))
}

/// The field of the setting.
pub(super) fn setting(now: TwoFactor) -> Field {
    let choice = |value: TwoFactor, label, hint| Choice {
        value: value.name().to_owned(),
        label: Label::Key(label),
        hint: Some(hint),
    };
    let choices = vec![
        choice(TwoFactor::Off, "two-factor-off", "two-factor-off-what"),
        choice(TwoFactor::Rehearse, "two-factor-rehearse", "two-factor-rehearse-what"),
        choice(TwoFactor::On, "two-factor-on", "two-factor-on-what"),
    ];
    Field::new("two_factor", "advanced-two-factor", Kind::Radio { choices }, now.name())
}

/// What the page begins with.
fn lead(preview: &Preview, changes: bool, ruling: &Ruling, can_save: bool) -> Said {
    let key = match (changes, ruling, preview.to) {
        (false, ..) => "foreseen-lead-same",
        // Above the button that does it all the same stands that it can be done.
        (true, Ruling::Refused(objections), _) => match (objections.as_slice(), can_save) {
            ([preview::Objection::MailFails], false) => "foreseen-lead-mail-fails",
            ([preview::Objection::MailFails], true) => "foreseen-lead-insist-mail-fails",
            ([preview::Objection::NoOverride], false) => "foreseen-lead-no-override",
            ([preview::Objection::NoOverride], true) => "foreseen-lead-insist-no-override",
            (_, false) => "foreseen-lead-refused",
            (_, true) => "foreseen-lead-insist-refused",
        },
        (true, Ruling::Confirm(_), _) => "foreseen-lead-locked-out",
        (true, Ruling::Save, TwoFactor::Off) => "foreseen-lead-off",
        (true, Ruling::Save, TwoFactor::Rehearse) => "foreseen-lead-rehearse",
        (true, Ruling::Save, TwoFactor::On) => "foreseen-lead-fine",
    };
    Said::new(key).counting(preview.locked_out())
}
