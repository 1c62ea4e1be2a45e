//! `/console/groups/{id}/groups` and `…/delete`: how do groups come and go below one's own?

use axum::response::Response;

use super::confirm::Confirm;
use super::field::{self, Said, Wrong};
use super::group::{Form, page};
use super::groups::{LONGEST_NAME, failed};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::{Visit, kept, trouble};
use crate::directory::groups;
use crate::directory::proof::ManageSubgroups;
use crate::directory::rights::own;
use crate::keys::secret::entropy;
use crate::store::groups::GroupRow;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] = &[
    Route::post("/console/groups/{id}/groups", Needs::Right(own::MANAGE_SUBGROUPS), "group.added", |visit| {
        Box::pin(add(visit))
    })
    .drawn_again(|visit| Box::pin(again(visit))),
    Route::post(
        "/console/groups/{id}/delete",
        Needs::Right(own::MANAGE_SUBGROUPS),
        "group.deleted",
        |visit| Box::pin(delete(visit)),
    ),
];

/// `POST /console/groups/{id}/groups`: adds a group below this one.
async fn add(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageSubgroups>()?;
    let parent = visit.group(&mut visit.read().await?).await?;
    let name = match field::name(&visit.form, "subgroup", LONGEST_NAME, "") {
        Ok(name) => name,
        Err(wrong) => return Ok(visit.again(&page(&visit, Form::Subgroup(&wrong)).await?)),
    };
    let mut tx = visit.write().await?;
    match groups::add(&mut tx, name, Some(&parent), None, &by, &mut entropy()).await {
        Ok(group) => {
            tx.commit().await?;
            let here = format!("/console/groups/{}", group.id);
            let undo = format!("{here}/delete");
            let seen = seen(&group);
            let undone = [("confirm", "yes"), ("seen", seen.as_str())];
            let saved = Saved::new("saved-group-added").about(&group.name).undone_by(&undo, &undone);
            Ok(visit.saved(&here, &saved))
        }
        Err(error) => {
            drop(tx);
            // The name is typed into a field of its own here.
            let wrong = trouble::wrong(error)?;
            let field = if wrong.field.is_empty() { "" } else { "subgroup" };
            let wrong = Wrong { field, ..wrong };
            let sent = if field.is_empty() { Form::Whole(&wrong) } else { Form::Subgroup(&wrong) };
            Ok(visit.again(&page(&visit, sent).await?))
        }
    }
}

/// The form for a group below this one, as it was typed.
async fn again(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.again(&page(&visit, Form::Subgroup(&kept::not_saved())).await?))
}

/// What a group was when it was added, to find out whether somebody has changed it since.
pub(super) fn seen(group: &GroupRow) -> String {
    format!("{} {} {}", group.two_factor_setting, group.language, group.name)
}

/// `POST /console/groups/{id}/delete`: deletes a group that nobody and nothing is in.
async fn delete(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageSubgroups>()?;
    let mut conn = visit.read().await?;
    let group = visit.group(&mut conn).await?;
    let back = format!("/console/groups/{}", group.id);
    if !visit.is_confirmed() {
        let could = groups::could_be_deleted(&mut conn, &group, &by).await;
        drop(conn);
        if let Err(error) = could {
            let wrong = Wrong { field: "", ..trouble::wrong(error)? };
            return Ok(visit.again(&page(&visit, Form::Whole(&wrong)).await?));
        }
        let question = Said::new("group-delete-question").about(&group.name);
        let confirm = Confirm::of(&visit, question, "group-delete-button", &back);
        return Ok(visit.confirm(&confirm.consequence(Said::new("group-delete-consequence")).grave()));
    }
    drop(conn);
    let mut tx = visit.write().await?;
    // What somebody else has made of it since is not taken back with it.
    let now = groups::locked(&mut tx, &group).await.map_err(failed)?;
    if visit.form.get("seen").is_some_and(|shown| shown != seen(&now)) {
        drop(tx);
        let wrong = Wrong::new("", Said::new("wrong-changed-since"));
        return Ok(visit.again(&page(&visit, Form::Whole(&wrong)).await?));
    }
    match groups::delete(&mut tx, &group, &by, &mut entropy()).await {
        Ok(()) => {
            tx.commit().await?;
            let above = group.parent_id.as_deref().map(|id| format!("/console/groups/{id}"));
            let to = above.unwrap_or_else(|| "/console/groups".to_owned());
            Ok(visit.saved(&to, &Saved::new("saved-group-deleted").about(&group.name)))
        }
        Err(error) => {
            drop(tx);
            let wrong = Wrong { field: "", ..trouble::wrong(error)? };
            Ok(visit.again(&page(&visit, Form::Whole(&wrong)).await?))
        }
    }
}
