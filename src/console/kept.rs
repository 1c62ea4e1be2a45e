//! What becomes of a change that was sent before it could be made? It is kept, sealed, in the sign-in that asks for the proof, and
//! sent again afterwards with everything that was typed.

use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Visit;
use super::routes::{Needs, Route};
use super::visit::ConsolePage;
use crate::keys::secret::entropy;
use crate::oidc::Provider;
use crate::oidc::authorize::console;
use crate::oidc::authorize::request::destination::Doorway;
use crate::web::Problem;
use crate::web::form::Form;

/// What a change is sealed for.
const PURPOSE: &str = "kept change";

/// The longest change that is kept, in bytes of what was typed: more than any page of ours has.
const LONGEST: usize = 24 * 1024;

/// How long it is kept, in seconds: as long as a sign-in may take.
const GOOD_FOR: i64 = 1800;

/// The longest value that the page shows, in characters.
const SHOWN: usize = 200;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/console/kept/{signin}", Needs::AnyRight, |visit| Box::pin(get(visit)))];

/// A change that waits for a proof.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    fields: Vec<(String, String)>,
    /// Whose session sent it; none where nobody was signed in any more.
    user_id: Option<String>,
    at: i64,
}

/// Shows a change that was kept, and sends it again: by itself where it is sure whose it is.
#[derive(Debug, Serialize)]
pub(super) struct KeptPage {
    /// Where it goes.
    pub(super) action: String,
    /// What was typed.
    pub(super) fields: Vec<(String, String)>,
    /// The same as far as it can be read on the page.
    pub(super) shown: Vec<(String, String)>,
    /// Whether the person who sent it is the one who has now proven who they are.
    pub(super) sure: bool,
}

impl ConsolePage for KeptPage {
    const TEMPLATE: &'static str = "console/kept.html";
}

impl Kept {
    /// What was sent, if it is not too much to be kept.
    pub(super) fn of(form: &Form, user_id: Option<&str>, at: i64) -> Option<Self> {
        let fields: Vec<(String, String)> =
            form.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let length: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        (length <= LONGEST).then(|| Self { fields, user_id: user_id.map(str::to_owned), at })
    }
}

/// Where a sign-in leads, and what it keeps until then.
pub(super) fn doorway(provider: &Provider, path: &str, kept: Option<&Kept>) -> Result<Doorway, Problem> {
    let internal = |e: &dyn std::fmt::Display| Problem::Internal(e.to_string());
    let seal = |kept: &Kept| {
        let json = serde_json::to_vec(kept).map_err(|e| internal(&e))?;
        provider.signin.vault.seal(PURPOSE, path, &json, &mut entropy()).map_err(|e| internal(&e))
    };
    Ok(Doorway { console_path: path.to_owned(), kept: kept.map(seal).transpose()? })
}

/// `GET /console/kept/{signin}`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let found = console::kept(&visit.provider, visit.part("signin"), &visit.headers).await?;
    let Some(Doorway { console_path, kept: Some(sealed) }) = found else { return Err(Problem::NotFound) };
    let opened = visit.provider.signin.vault.unseal(PURPOSE, &console_path, &sealed);
    let kept = opened.ok().and_then(|json| serde_json::from_slice::<Kept>(&json).ok());
    let Some(kept) = kept.filter(|kept| visit.now() < kept.at + GOOD_FOR) else { return Err(Problem::Gone) };
    let sure = kept.user_id.as_ref() == Some(&visit.person.id) && visit.is_unlocked();
    if kept.user_id.as_ref().is_some_and(|user_id| *user_id != visit.person.id) {
        // Somebody else's words are not theirs to see.
        return Ok(visit.to("/console"));
    }
    let shown = shown(&kept.fields);
    Ok(visit.page(&KeptPage { action: console_path, fields: kept.fields, shown, sure }))
}

/// What of a form can be read on a page.
pub(super) fn shown(fields: &[(String, String)]) -> Vec<(String, String)> {
    let shown = fields.iter().filter(|(name, value)| !is_secret(name) && !value.is_empty());
    shown.map(|(name, value)| (name.clone(), value.chars().take(SHOWN).collect())).collect()
}

/// Whether what a field holds is not for the screen.
fn is_secret(name: &str) -> bool {
    name.contains("password") || name.contains("secret")
}
