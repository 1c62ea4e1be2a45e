//! `/console/apps/{id}`: what is this relying app, who uses it, why were its last sign-ins refused; and how is it changed?

use axum::response::Response;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::app_form::{self, Typed};
use super::app_slips::Mistake;
use super::confirm::Confirm;
use super::field::{Field, Linked, Said, Summed, Wrong, errors};
use super::foreseen::names;
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use super::{Visit, kept};
use super::{app_secrets, app_slips, apps};
use crate::clock::Moment;
use crate::directory::access::{self, COUNTED, PeopleOfApp};
use crate::directory::proof::ManageRelyingApps;
use crate::directory::rights::own;
use crate::keys::secret::entropy;
use crate::oidc::clients::manage::{self, Changed};
use crate::oidc::clients::recipe::{RECIPES, Recipe};
use crate::oidc::clients::{self, Client};
use crate::signin::overview;
use crate::store::Conn;
use crate::store::access::UserOfClient;
use crate::web::Problem;

const NEEDS: Needs = Needs::Right(own::MANAGE_RELYING_APPS);

pub(super) const ROUTES: &[Route] = &[
    Route::get("/console/apps/{id}", NEEDS, |visit| Box::pin(get(visit))),
    Route::post("/console/apps/{id}", NEEDS, "client.changed", |visit| Box::pin(change(visit)))
        .drawn_again(|visit| Box::pin(drawn_again(visit))),
    Route::post("/console/apps/{id}/delete", NEEDS, "client.deleted", |visit| Box::pin(delete(visit))),
];

/// One relying app.
#[derive(Clone, Debug, Serialize)]
pub struct AppPage {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What is wrong, or that nothing is.
    pub lead: Said,
    /// What it is.
    pub kind: Said,
    /// How it proves itself.
    pub method: &'static str,
    /// The scopes that it may ask for; none for all that there are.
    pub scope: Option<String>,
    /// How many people use it.
    pub people: Said,
    /// Whether groups may use it that the reader does not see.
    pub elsewhere: bool,
    /// Since when it is registered.
    pub since: Moment,
    /// The last sign-ins that were refused, newest first.
    pub refused: Vec<Refused>,
    /// What the app has done wrong, the latest first.
    pub mistakes: Vec<Mistake>,
    /// When it has used the secret before its newest last.
    pub old_used: Option<Moment>,
    /// The form's lines.
    pub fields: Vec<Field>,
    /// What the page was drawn from.
    pub version: String,
    /// How long the old secret is kept beside a new one, where it has one to renew.
    pub keep: Option<Field>,
    /// Which secrets it has, in few characters.
    pub secrets: String,
    /// Until when the secret before its newest works.
    pub old_until: Option<Moment>,
    /// The set-ups to copy: word, name, whether it is the one that is shown.
    pub recipes: Vec<(&'static str, &'static str, bool)>,
    /// The set-up that is shown.
    pub setup: Option<String>,
    /// What is wrong with what was typed.
    pub errors: Vec<Summed>,
}

/// A sign-in that was refused.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// When.
    pub at: Moment,
    /// Whose it was.
    pub login: String,
    /// Their page, where this reader may see it.
    pub path: Option<String>,
    /// Why.
    pub why: Said,
}

impl ConsolePage for AppPage {
    const TEMPLATE: &'static str = "console/app.html";
}

pub(super) async fn find(visit: &Visit, conn: &mut Conn) -> Result<Client, Problem> {
    clients::find(conn, visit.part("id")).await?.ok_or(Problem::NotFound)
}

/// What stands for itself in an id that one of ours has, and in no other place of an address.
const NOT_IN_A_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Its page.
pub(super) fn here(client: &Client) -> String {
    format!("/console/apps/{}", utf8_percent_encode(&client.id, NOT_IN_A_SEGMENT))
}

/// `GET /console/apps/{id}`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let client = find(&visit, &mut conn).await?;
    let fields = app_form::fields(&visit, &mut conn, &client).await?;
    Ok(visit.page(&page(&visit, &mut conn, &client, fields, Vec::new()).await?))
}

/// `POST /console/apps/{id}`
async fn change(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageRelyingApps>()?;
    let mut tx = visit.write().await?;
    let client = find(&visit, &mut tx).await?;
    let (_, unseen) = app_form::seen(&visit, &mut tx, &client.metadata).await?;
    let typed = match Typed::read(&visit, &mut tx, (None, &client.metadata.client_name)).await? {
        Ok(typed) => typed,
        Err(wrong) => {
            drop(tx);
            return Ok(visit.again(&again(&visit, &client, &wrong).await?));
        }
    };
    let drawn = visit.form.get("version");
    let mut after = Vec::new();
    let edit = |metadata: &mut clients::Metadata| {
        typed.into(metadata, unseen);
        after.clone_from(&metadata.allowed_groups);
    };
    let changed = manage::change(&mut tx, &client.id, drawn, edit, &by, &mut entropy()).await;
    let wrong = match changed {
        Ok(Changed::Yes) => {
            if !visit.is_confirmed()
                && let Some(question) = question(&visit, &mut tx, &client, &after).await?
            {
                tx.give_up().await?;
                return Ok(visit.confirm(&question));
            }
            tx.commit().await?;
            let name = visit.form.field("name").trim();
            return Ok(visit.saved(&here(&client), &Saved::new("saved-app").about(name)));
        }
        Ok(Changed::Same) => return Ok(visit.saved(&here(&client), &Saved::new("saved-app-same"))),
        Ok(Changed::Meanwhile(now)) => {
            drop(tx);
            return meanwhile(&visit, &now).await;
        }
        Err(error) => app_form::wrong(error)?,
    };
    drop(tx);
    Ok(visit.again(&again(&visit, &client, &wrong).await?))
}

/// What is asked before an app's groups are others, where that takes the app from people who use it now.
async fn question(
    visit: &Visit,
    conn: &mut Conn,
    client: &Client,
    after: &[String],
) -> Result<Option<Confirm>, Problem> {
    let before = client.metadata.allowed_groups.as_slice();
    if after.is_empty() || before == after {
        return Ok(None);
    }
    let (first, count) =
        access::losing_app(conn, &visit.tree, &client.id, (before, after), visit.now()).await?;
    if count == 0 {
        return Ok(None);
    }
    let logins: Vec<String> = first.iter().map(|user| user.login.clone()).collect();
    let more = count > i64::try_from(first.len()).unwrap_or(i64::MAX);
    let key = if count < COUNTED { "apps-groups-lost" } else { "apps-groups-lost-many" };
    let said = Said::new(key).about(&names(&logins, count)).counting(count);
    let linked = |user: &UserOfClient| Linked::new(&user.user_id, &user.login);
    let sees_people = visit.holds(own::VIEW_USERS);
    let said = if sees_people { said.linked(first.iter().map(linked).collect(), more) } else { said };
    let asked = Said::new("apps-groups-question").about(&client.metadata.client_name);
    let asked = Confirm::of(visit, asked, "apps-groups-button", &here(client));
    Ok(Some(asked.consequence(said).consequence(Said::new("apps-groups-then"))))
}

/// The form with what was typed, and what is wrong with it.
async fn again(visit: &Visit, client: &Client, wrong: &Wrong) -> Result<AppPage, Problem> {
    let mut conn = visit.read().await?;
    let fields = app_form::fields(visit, &mut conn, client).await?;
    let fields: Vec<Field> = fields.into_iter().map(|field| field.typed(&visit.form, Some(wrong))).collect();
    let errors = errors(&fields, Some(wrong));
    page(visit, &mut conn, client, fields, errors).await
}

/// The form as it was typed, about the app as it was then.
async fn drawn_again(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let client = find(&visit, &mut conn).await?;
    let mut page = again(&visit, &client, &kept::not_saved()).await?;
    page.version = kept::seen(&visit.form, "version", &page.version);
    Ok(visit.again(&page))
}

/// Somebody else was faster: what was typed stays, and beside each field that differs stands what it is now.
async fn meanwhile(visit: &Visit, client: &Client) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let whole = Wrong::new("", Said::new("apps-meanwhile"));
    let fields = app_form::fields(visit, &mut conn, client).await?.into_iter().map(|field| {
        let now = field.value.clone();
        let typed = field.typed(&visit.form, None);
        let differs = typed.value.replace('\r', "").trim() != now.trim();
        let said = Said::new(if now.is_empty() { "apps-now-empty" } else { "apps-now" }).about(&now);
        Field { error: differs.then_some(said), ..typed }
    });
    let fields: Vec<Field> = fields.collect();
    let errors = errors(&fields, Some(&whole));
    Ok(visit.again(&page(visit, &mut conn, client, fields, errors).await?))
}

/// The page as the app is now, with why something was not done.
pub(super) async fn as_it_is(visit: &Visit, client: &Client, wrong: &Wrong) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let fields = app_form::fields(visit, &mut conn, client).await?;
    let errors = errors(&fields, Some(wrong));
    Ok(visit.again(&page(visit, &mut conn, client, fields, errors).await?))
}

/// `POST /console/apps/{id}/delete`
async fn delete(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageRelyingApps>()?;
    let mut tx = visit.write().await?;
    let client = find(&visit, &mut tx).await?;
    let name = client.metadata.client_name.as_str();
    if !visit.is_confirmed() {
        let people = people_of(&visit, &mut tx, &client).await;
        drop(tx);
        let question = Said::new("apps-delete-question").about(name);
        let question = Confirm::of(&visit, question, "apps-delete-button", &here(&client))
            .consequence(used_by(people?))
            .consequence(Said::new("apps-delete-tokens"))
            .consequence(Said::new("apps-delete-for-good"))
            .grave();
        return Ok(visit.confirm(&question));
    }
    let removed = manage::remove(&mut tx, &client, &by, &mut entropy()).await;
    removed.map_err(|error| app_form::wrong(error).err().unwrap_or(Problem::Gone))?;
    tx.commit().await?;
    Ok(visit.saved("/console/apps", &Saved::new("saved-app-deleted").about(name)))
}

/// How many of the reader's people use an app.
pub(super) async fn people_of(
    visit: &Visit,
    conn: &mut Conn,
    client: &Client,
) -> Result<PeopleOfApp, Problem> {
    let of = (client.id.as_str(), client.metadata.allowed_groups.as_slice());
    Ok(access::people_of_app(conn, &visit.tree, of, visit.now()).await?)
}

pub(super) fn used_by(people: PeopleOfApp) -> Said {
    Said::new(if people.all() < COUNTED { "apps-used-by" } else { "apps-used-by-many" })
        .counting(people.using)
}

async fn page(
    visit: &Visit,
    conn: &mut Conn,
    client: &Client,
    fields: Vec<Field>,
    errors: Vec<Summed>,
) -> Result<AppPage, Problem> {
    let metadata = &client.metadata;
    let people = people_of(visit, conn, client).await?;
    let refused = overview::refused_at(conn, &visit.tree, &client.id, visit.now()).await?;
    let (_, unseen) = app_form::seen(visit, conn, metadata).await?;
    visit.provider().slips.save(&visit.provider().signin.db).await?;
    let (mistakes, old_used) = app_slips::of(visit, conn, client).await?;
    let lead = match (refused.len(), app_slips::lead(&mistakes)) {
        _ if client.lacks_its_secret() => Said::new("apps-lead-lacks-secret"),
        (_, Some(lead)) => lead,
        (0, None) => Said::new("apps-lead-well"),
        (n, None) => Said::new("apps-lead-refused").counting(i64::try_from(n).unwrap_or(i64::MAX)),
    };
    let shown = Recipe::of(visit.query.field("app"));
    let is_shown = |recipe: &Recipe| shown.is_some_and(|shown| shown.name == recipe.name);
    Ok(AppPage {
        id: client.id.clone(),
        name: metadata.client_name.clone(),
        lead,
        kind: apps::kind(client),
        method: metadata.token_endpoint_auth_method.name(),
        scope: metadata.scope.clone(),
        people: used_by(people),
        elsewhere: !unseen.is_empty(),
        since: visit.moment(client.created_at),
        refused: refused
            .into_iter()
            .map(|one| Refused {
                at: visit.moment(one.at),
                login: one.login.unwrap_or_default(),
                path: one
                    .user_id
                    .filter(|_| visit.holds(own::VIEW_USERS))
                    .map(|id| format!("/console/users/{id}")),
                why: why(&one.error, one.why.as_deref()),
            })
            .collect(),
        mistakes,
        old_used,
        fields,
        version: client.version(),
        keep: metadata
            .token_endpoint_auth_method
            .needs_secret()
            .then(|| app_secrets::keep_field(visit.is_unlocked())),
        secrets: client.secrets_version(),
        old_until: client.old_secret_until(visit.now()).map(|until| visit.moment(until)),
        recipes: RECIPES.iter().map(|recipe| (recipe.name, recipe.title, is_shown(recipe))).collect(),
        setup: shown.map(|recipe| recipe.filled(&visit.provider().issuer, client, None)),
        errors,
    })
}

/// What an error that the app was told means for whoever registers apps.
fn why(error: &str, which: Option<&str>) -> Said {
    match error {
        "access_denied" if which == Some("group") => Said::new("apps-refused-group"),
        "access_denied" if which == Some("declined") => Said::new("apps-refused-declined"),
        "access_denied" => Said::new("apps-refused-denied"),
        "unmet_authentication_requirements" => Said::new("apps-refused-two-factor"),
        "login_required" | "consent_required" => Said::new("apps-refused-silent"),
        "invalid_scope" => Said::new("apps-refused-scope"),
        "temporarily_unavailable" => Said::new("apps-refused-unavailable"),
        other => Said::new("apps-refused-other").about(other),
    }
}
