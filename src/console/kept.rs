//! What becomes of a change that was sent before it could be made? It is kept, sealed, in the sign-in that asks for the proof, and
//! sent again afterwards with everything that was typed: once.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Visit;
use super::field::{Said, Wrong};
use super::guard::may;
use super::routes::{self, Needs, Route, Verb};
use super::visit::ConsolePage;
use crate::keys::secret::entropy;
use crate::oidc::Provider;
use crate::oidc::authorize::console::{self, Ask, Keeping};
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

/// The field that names a secret which was typed and not kept.
const UNKEPT: &str = "unkept";

/// The field that names the sign-in in which a change was kept.
const KEPT_IN: &str = "kept";

/// Fields that pages put into their forms by themselves.
const BROUGHT_ALONG: [&str; 10] =
    ["back", "carried", "confirm", "do", "is", "locked-out", "next", "version", "was", "who"];

/// A change that waits for a proof.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    fields: Vec<(String, String)>,
    /// The row of the table, and what stands in its address in place of `{…}`.
    #[serde(default)]
    route: String,
    #[serde(default)]
    parts: Vec<(String, String)>,
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

/// Says that what was kept has gone on, and does not go on again.
#[derive(Debug, Serialize)]
pub(super) struct SentPage {}

impl ConsolePage for SentPage {
    const TEMPLATE: &'static str = "console/sent.html";
}

/// Whether a change may be made that was perhaps kept.
pub(super) enum Sending {
    /// It is made now: what was typed.
    Now(Form),
    /// It has gone on before: the page that says so.
    Before(String),
}

/// Lets a form go on that was kept in a sign-in, and is not kept there any more; others go on as they are.
pub(super) async fn sending(
    provider: &Provider,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Sending, Problem> {
    let Some(signin) = form.get(KEPT_IN) else { return Ok(Sending::Now(form.clone())) };
    if console::take(provider, signin, headers).await? == Keeping::Gone {
        return Ok(Sending::Before(format!("/console/kept/{signin}")));
    }
    let typed = form.pairs().filter(|(name, _)| *name != KEPT_IN);
    Ok(Sending::Now(typed.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
}

impl Kept {
    /// What was sent to this row and these parts of its address, if it is not too much to be kept.
    pub(super) fn of(
        form: &Form,
        route: &Route,
        parts: &[(String, String)],
        user_id: Option<&str>,
        at: i64,
    ) -> Option<Self> {
        let fields = without_secrets(form);
        let length: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        let (route, parts) = (route.path.to_owned(), parts.to_vec());
        (length <= LONGEST).then(|| Self { fields, route, parts, user_id: user_id.map(str::to_owned), at })
    }

    /// The row that draws the form again, if it has one and this person may use it.
    fn drawn_by(&self, visit: &Visit) -> Option<&'static Route> {
        routes::all()
            .find(|route| route.verb == Verb::Post && route.path == self.route)
            .filter(|route| route.again.is_some() && may(&visit.by, route.needs))
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
    let signin = visit.part("signin");
    let Doorway { console_path, kept } = match console::kept(&visit.provider, signin, &visit.headers).await? {
        Keeping::Waiting(doorway) => doorway,
        Keeping::Gone => return Ok(visit.page(&SentPage {})),
        Keeping::Nothing => return Err(Problem::NotFound),
    };
    let sealed = kept.unwrap_or_default();
    let opened = visit.provider.signin.vault.unseal(PURPOSE, &console_path, &sealed);
    let kept = opened.ok().and_then(|json| serde_json::from_slice::<Kept>(&json).ok());
    let Some(kept) = kept.filter(|kept| visit.now() < kept.at + GOOD_FOR) else { return Err(Problem::Gone) };
    if kept.user_id.as_ref().is_some_and(|user_id| *user_id != visit.person.id) {
        // Somebody else's words are not theirs to see.
        return Ok(visit.to("/console"));
    }
    if !visit.is_unlocked() {
        let way = doorway(&visit.provider, &console_path, Some(&kept))?;
        let on =
            console::begin(&visit.provider, &visit.headers, &visit.network, way, Ask::Everything).await?;
        // It waits there now, and there alone.
        let taken = console::take(&visit.provider, signin, &visit.headers).await?;
        return Ok(if taken == Keeping::Gone { visit.page(&SentPage {}) } else { on });
    }
    let sure = kept.user_id.is_some();
    if let Some(route) = kept.drawn_by(&visit).filter(|_| !sure) {
        return draw_again(visit, route, console_path, kept).await;
    }
    let shown = shown(&kept.fields);
    let mut fields = kept.fields;
    fields.push((KEPT_IN.to_owned(), signin.to_owned()));
    Ok(visit.page(&KeptPage { action: console_path, fields, shown, sure }))
}

/// The page with the form, filled with what was typed.
async fn draw_again(
    visit: Visit,
    route: &'static Route,
    address: String,
    kept: Kept,
) -> Result<Response, Problem> {
    let Some(again) = route.again else { return Err(Problem::NotFound) };
    let Kept { fields, parts, .. } = kept;
    let query = Form::typed(address.split_once('?').map_or("", |(_, query)| query))?;
    let form = Form::from_iter(fields);
    let mut response = again(Visit { form, query, route, address, parts, ..visit }).await?;
    // It is as it should be: nothing that was typed is wrong.
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}

/// What is said above a form that was kept and is not saved yet.
pub(super) fn not_saved() -> Wrong {
    Wrong::new("", Said::new("kept-not-saved"))
}

/// What a form says that its sender saw under a name; what is so now where it says nothing.
pub(super) fn seen(form: &Form, name: &str, now: &str) -> String {
    form.pairs().find(|(sent, _)| *sent == name).map_or(now, |(_, before)| before).to_owned()
}

/// What is said beside a field that held a secret when the form was sent, and is empty now.
pub(super) fn unkept(form: &Form, field: &'static str) -> Option<Wrong> {
    let typed_before = form.pairs().any(|(name, value)| name == UNKEPT && value == field);
    (typed_before && form.field(field).is_empty())
        .then(|| Wrong::new(field, Said::new("wrong-secret-not-kept")))
}

/// What a form holds, with the names of the secrets in it in place of them.
pub(super) fn without_secrets(form: &Form) -> Vec<(String, String)> {
    let kept = |(name, value): (&str, &str)| {
        if is_secret(name) && !value.is_empty() {
            (UNKEPT.to_owned(), name.to_owned())
        } else {
            (name.to_owned(), value.to_owned())
        }
    };
    form.pairs().map(kept).collect()
}

/// What of a form can be read on a page: what was typed, not what the page it was on brought along.
pub(super) fn shown(fields: &[(String, String)]) -> Vec<(String, String)> {
    let typed = |name: &str| !is_secret(name) && name != UNKEPT && !is_brought_along(name);
    let shown = fields.iter().filter(|(name, value)| typed(name) && !value.is_empty());
    shown.map(|(name, value)| (name.replace(['_', '-'], " "), value.chars().take(SHOWN).collect())).collect()
}

/// Whether a field holds what its page has put there: what its sender saw, where they came from, that they have said yes.
fn is_brought_along(name: &str) -> bool {
    name.starts_with("seen") || BROUGHT_ALONG.contains(&name)
}

/// Whether what a field holds is not for the screen.
fn is_secret(name: &str) -> bool {
    name.contains("password") || name.contains("secret")
}
