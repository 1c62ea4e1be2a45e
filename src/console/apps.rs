//! `/console/apps`: which relying apps are there, and how is another one added?

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::app_form::{self, Typed};
use super::app_secrets::SecretPage;
use super::field::{Field, Said, Summed, Wrong, errors};
use super::listing::{Declared, Listing, PAGE, Table};
use super::routes::{Needs, Route};
use super::visit::ConsolePage;
use crate::directory::proof::ManageRelyingApps;
use crate::directory::rights::own;
use crate::keys::secret::{Token, entropy};
use crate::oidc::clients::recipe::{RECIPES, Recipe};
use crate::oidc::clients::{self, Client, Metadata, manage};
use crate::signin::overview;
use crate::web::Problem;

const NEEDS: Needs = Needs::Right(own::MANAGE_RELYING_APPS);

pub(super) const ROUTES: &[Route] = &[
    Route::get("/console/apps", NEEDS, |visit| Box::pin(get(visit))).in_menu("console-menu-apps", 60),
    Route::post("/console/apps", NEEDS, "client.added", |visit| Box::pin(add(visit))),
    Route::get("/console/apps/new", NEEDS, |visit| Box::pin(async move { Ok(new(&visit)) })),
];

const COLUMNS: [Declared; 4] = [
    Declared { sort: None, label: "apps-name", number: false },
    Declared { sort: None, label: "apps-kind", number: false },
    Declared { sort: None, label: "apps-groups", number: false },
    Declared { sort: None, label: "apps-state", number: false },
];

/// The relying apps.
#[derive(Clone, Debug, Serialize)]
pub struct AppsPage {
    /// What is wrong, or that nothing is.
    pub lead: Said,
    /// The table's head.
    pub table: Table,
    /// One line each.
    pub apps: Vec<Line>,
}

/// One app.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Said,
    /// Who may use it.
    pub who: Said,
    /// What is wrong with it, or that nothing is.
    pub state: Said,
}

/// An app that is to be added.
#[derive(Clone, Debug, Serialize)]
pub struct NewAppPage {
    /// What there is to choose from: its word, its name.
    pub kinds: Vec<(&'static str, &'static str)>,
    /// What was chosen: its word, its name.
    pub chosen: Option<(&'static str, &'static str)>,
    /// The form's lines; none before something was chosen.
    pub fields: Vec<Field>,
    /// What is wrong with what was typed.
    pub errors: Vec<Summed>,
}

impl ConsolePage for AppsPage {
    const TEMPLATE: &'static str = "console/apps.html";
}

impl ConsolePage for NewAppPage {
    const TEMPLATE: &'static str = "console/new_app.html";
}

/// What an app is that there is no recipe for.
const OTHER: (&str, &str) = ("other", "");

/// `GET /console/apps`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let asked = Listing::of(&visit, &COLUMNS);
    let mut conn = visit.read().await?;
    let more = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut found = clients::list(&mut conn, &asked.after, more).await?;
    let cut = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| cut).map(|last| last.id.clone());
    let failing = overview::failing_apps(&mut conn, visit.now()).await?;
    let refused: i64 = failing.iter().map(|(_, n)| n).sum();
    let mut apps = Vec::with_capacity(found.len());
    for client in &found {
        let failures = failing.iter().find(|(id, _)| *id == client.id).map_or(0, |(_, n)| *n);
        apps.push(Line {
            id: client.id.clone(),
            name: client.metadata.client_name.clone(),
            kind: kind(client),
            who: who(&client.metadata),
            state: state(client, failures),
        });
    }
    let lead = match refused {
        0 => Said::new("apps-well"),
        n => Said::new("apps-failing").counting(n),
    };
    Ok(visit.page(&AppsPage { lead, table: asked.table("apps-title", &COLUMNS, next.as_deref()), apps }))
}

/// What an app is.
pub(super) fn kind(client: &Client) -> Said {
    Said::new(match (client.registration_token_hash.is_some(), client.metadata.is_public()) {
        (true, _) => "apps-kind-itself",
        (false, true) => "apps-kind-public",
        (false, false) => "apps-kind-secret",
    })
}

/// Who may use an app.
fn who(metadata: &Metadata) -> Said {
    match metadata.allowed_groups.len() {
        0 => Said::new("apps-for-all"),
        n => Said::new("apps-for-groups").counting(i64::try_from(n).unwrap_or(i64::MAX)),
    }
}

fn state(client: &Client, failures: i64) -> Said {
    match failures {
        _ if client.lacks_its_secret() => Said::new("apps-lacks-secret"),
        0 => Said::new("apps-state-well"),
        n => Said::new("apps-state-refused").counting(n),
    }
}

/// `GET /console/apps/new`: first what it is (`?is=`), then the form for it.
fn new(visit: &Visit) -> Response {
    let Some(chosen) = chosen(visit.query.field("is")) else {
        return visit.page(&new_page(None, Vec::new(), Vec::new()));
    };
    let fields = app_form::new_fields(visit, chosen.recipe);
    visit.page(&new_page(Some(chosen), fields, Vec::new()))
}

/// What somebody has chosen.
#[derive(Clone, Copy)]
struct Chosen {
    recipe: Option<&'static Recipe>,
}

fn chosen(word: &str) -> Option<Chosen> {
    if word == OTHER.0 {
        return Some(Chosen { recipe: None });
    }
    Recipe::of(word).map(|recipe| Chosen { recipe: Some(recipe) })
}

fn new_page(chosen: Option<Chosen>, fields: Vec<Field>, errors: Vec<Summed>) -> NewAppPage {
    let told = |recipe: &'static Recipe| (recipe.name, recipe.title);
    NewAppPage {
        kinds: RECIPES.iter().map(told).collect(),
        chosen: chosen.map(|chosen| chosen.recipe.map_or(OTHER, told)),
        fields,
        errors,
    }
}

/// `POST /console/apps`: shows the new app's secret, this once, and the set-up to copy.
async fn add(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ManageRelyingApps>()?;
    let chosen = chosen(visit.form.field("is")).unwrap_or(Chosen { recipe: None });
    let typed = Typed::read(&visit, &mut visit.read().await?, chosen.recipe).await?;
    let typed = match typed {
        Ok(typed) => typed,
        Err(wrong) => return Ok(again(&visit, chosen, &wrong)),
    };
    let mut metadata = match chosen.recipe {
        Some(recipe) => recipe.metadata("", Vec::new()),
        None => Metadata { any_secret_method: true, ..Metadata::web_app("", Vec::new()) },
    };
    typed.into(&mut metadata, Vec::new());
    let vault = &visit.provider().signin.vault;
    let mut tx = visit.write().await?;
    match manage::register(&mut tx, vault, metadata, &by, &mut entropy()).await {
        Ok(registered) => {
            tx.commit().await?;
            let secret = registered.secret.as_ref().map(Token::reveal);
            let page = SecretPage::new(&visit, &registered.client, secret, chosen.recipe, true);
            Ok(visit.page(&page))
        }
        Err(error) => {
            let wrong = app_form::wrong(error)?;
            let by_address =
                wrong.field == "redirect_uris" && chosen.recipe.is_some_and(|r| r.callback.is_some());
            let field = if by_address { "address" } else { wrong.field };
            Ok(again(&visit, chosen, &Wrong { field, ..wrong }))
        }
    }
}

fn again(visit: &Visit, chosen: Chosen, wrong: &Wrong) -> Response {
    let fields = app_form::new_fields(visit, chosen.recipe);
    let fields: Vec<Field> = fields.into_iter().map(|field| field.typed(&visit.form, Some(wrong))).collect();
    let errors = errors(&fields, Some(wrong));
    visit.again(&new_page(Some(chosen), fields, errors))
}
