//! `POST /console/apps/{id}/secret`: how does an app come to another secret, and until when does the one before work on?

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::app::{self, find, here};
use super::app_form;
use super::confirm::Confirm;
use super::field::{Choice, Field, Kind, Label, Said, Wrong};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use crate::clock::Moment;
use crate::directory::proof::ManageRelyingApps;
use crate::directory::rights::own;
use crate::keys::secret::entropy;
use crate::oidc::clients::manage::{self, EndedOld, Renewed};
use crate::oidc::clients::recipe::Recipe;
use crate::oidc::clients::{Client, OVERLAP};
use crate::web::Problem;

const NEEDS: Needs = Needs::Right(own::MANAGE_RELYING_APPS);

pub(super) const ROUTES: &[Route] = &[
    Route::post("/console/apps/{id}/secret", NEEDS, "client.secret_rotated", |visit| Box::pin(renew(visit))),
    Route::post("/console/apps/{id}/secret/end", NEEDS, "client.old_secret_ended", |visit| {
        Box::pin(end(visit))
    }),
];

/// The field that says which secrets the app had when the page was drawn.
const SEEN: &str = "seen";

/// For how long the old secret may be kept beside a new one: the word that is sent, its label, and the seconds that it stands for.
const KEEP: [(&str, &str, i64); 4] = [
    ("day", "apps-keep-day", OVERLAP),
    ("week", "apps-keep-week", 7 * 86_400),
    ("hour", "apps-keep-hour", 3600),
    ("not", "apps-keep-not", 0),
];

/// An app's new secret, which is shown this once.
#[derive(Clone, Debug, Serialize)]
pub struct SecretPage {
    /// The app's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The issuer, which the app asks for.
    pub issuer: String,
    /// The secret; none for an app that keeps none.
    pub secret: Option<String>,
    /// Until when the one before works as well.
    pub old_until: Option<Moment>,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// The set-up to copy, with the secret in it.
    pub setup: Option<String>,
    /// Whether the app has just been added.
    pub is_new: bool,
}

impl ConsolePage for SecretPage {
    const TEMPLATE: &'static str = "console/app_secret.html";
}

impl SecretPage {
    pub(super) fn new(
        visit: &Visit,
        client: &Client,
        secret: Option<&str>,
        recipe: Option<&Recipe>,
        is_new: bool,
    ) -> Self {
        let issuer = &visit.provider().issuer;
        Self {
            id: client.id.clone(),
            name: client.metadata.client_name.clone(),
            issuer: issuer.clone(),
            secret: secret.map(str::to_owned),
            old_until: None,
            redirect_uris: client.metadata.redirect_uris.clone(),
            setup: recipe.map(|recipe| recipe.filled(issuer, client, secret)),
            is_new,
        }
    }
}

/// The choice of how long the old secret works on.
pub(super) fn keep_field(editable: bool) -> Field {
    let choice = |(word, label, _): (&str, &'static str, i64)| Choice {
        value: word.to_owned(),
        label: Label::Key(label),
        hint: None,
    };
    let kind = Kind::Select { choices: KEEP.map(choice).to_vec() };
    Field { editable, ..Field::new("keep", "apps-keep", kind, "day") }
}

/// What was chosen; the first where that was nothing of these.
fn keep(word: &str) -> i64 {
    KEEP.iter().find(|(known, ..)| *known == word).map_or(OVERLAP, |(.., seconds)| *seconds)
}

/// `POST /console/apps/{id}/secret`
async fn renew(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageRelyingApps>()?;
    let mut tx = visit.write().await?;
    let client = find(&visit, &mut tx).await?;
    if !client.metadata.token_endpoint_auth_method.needs_secret() {
        return Err(Problem::NotFound);
    }
    let keep = keep(visit.form.field("keep"));
    if !visit.is_confirmed() {
        drop(tx);
        return Ok(visit.confirm(&question(&visit, &client, keep)));
    }
    let vault = &visit.provider().signin.vault;
    let wish = (visit.form.get(SEEN), keep);
    let renewed = manage::renew_secret(&mut tx, vault, &client.id, wish, &by, &mut entropy()).await;
    let rotated = match renewed.map_err(|error| app_form::wrong(error).err().unwrap_or(Problem::Gone))? {
        Renewed::Yes(rotated) => rotated,
        Renewed::Meanwhile(now) => {
            drop(tx);
            let mut question = question(&visit, &now, keep);
            question.consequences.insert(0, Said::new("apps-secret-meanwhile"));
            return Ok(visit.again(&question));
        }
    };
    tx.commit().await?;
    let page = SecretPage::new(&visit, &client, Some(rotated.secret.reveal()), None, false);
    Ok(visit.page(&SecretPage { old_until: rotated.old_until.map(|until| visit.moment(until)), ..page }))
}

/// The question that stands before it: what becomes of the secrets that there are.
fn question(visit: &Visit, client: &Client, keep: i64) -> Confirm {
    let asked = Said::new("apps-secret-question").about(&client.metadata.client_name);
    let mut question = Confirm::of(visit, asked, "apps-secret-button", &here(client));
    question.fields.retain(|(name, _)| name != SEEN);
    question.fields.push((SEEN.to_owned(), client.secrets_version()));
    let question = if client.secret_hash.is_none() {
        question
    } else if keep == 0 {
        question.consequence(Said::new("apps-secret-old")).consequence(Said::new("apps-secret-people"))
    } else {
        let until = visit.moment(visit.now() + keep).date;
        question.consequence(Said::new("apps-secret-keeps").about(&until))
    };
    let question = match client.old_secret_until(visit.now()) {
        Some(_) => question.consequence(Said::new("apps-secret-older")),
        None => question,
    };
    question.consequence(Said::new("apps-secret-once"))
}

/// `POST /console/apps/{id}/secret/end`
async fn end(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageRelyingApps>()?;
    let mut tx = visit.write().await?;
    let client = find(&visit, &mut tx).await?;
    let ended = manage::end_old(&mut tx, &client.id, visit.form.get(SEEN), &by, &mut entropy()).await;
    let said = match ended.map_err(|error| app_form::wrong(error).err().unwrap_or(Problem::Gone))? {
        EndedOld::Yes => "saved-old-secret-ended",
        EndedOld::Already => "saved-old-secret-none",
        EndedOld::Meanwhile(now) => {
            drop(tx);
            return app::as_it_is(&visit, &now, &Wrong::new("", Said::new("apps-secret-meanwhile"))).await;
        }
    };
    tx.commit().await?;
    let said = Saved::new(said);
    Ok(visit.saved(&here(&client), &said.about(&client.metadata.client_name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_among_the_choices_is_a_day() {
        for (word, seconds) in [("day", 86_400), ("hour", 3600), ("not", 0), ("", 86_400), ("<b>", 86_400)] {
            assert_eq!(keep(word), seconds, "{word}");
        }
    }
}
