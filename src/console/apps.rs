//! `/console/apps`: which relying apps are there, and how is another one added?

use axum::response::Response;
use serde::Serialize;

use super::app_form::{self, Typed};
use super::app_secrets::SecretPage;
use super::field::{Field, Said, Summed, Wrong, errors};
use super::groups_to_choose::problem;
use super::listing::{Declared, Listing, PAGE, Table};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use super::{Visit, kept};
use crate::directory::proof::ManageRelyingApps;
use crate::directory::rights::own;
use crate::directory::{Proof, log};
use crate::keys::secret::{Token, entropy};
use crate::oidc::clients::recipe::{RECIPES, Recipe};
use crate::oidc::clients::{self, Client, Metadata, manage};
use crate::oidc::shared::slips;
use crate::signin::overview;
use crate::store::Tx;
use crate::web::Problem;

const NEEDS: Needs = Needs::Right(own::MANAGE_RELYING_APPS);

pub(super) const ROUTES: &[Route] = &[
    Route::get("/console/apps", NEEDS, |visit| Box::pin(get(visit))).in_menu("console-menu-apps", 60),
    Route::post("/console/apps", NEEDS, "client.added", |visit| Box::pin(add(visit)))
        .drawn_again(|visit| Box::pin(async move { Ok(drawn_again(&visit)) })),
    Route::get("/console/apps/new", NEEDS, |visit| Box::pin(async move { Ok(new(&visit)) })),
];

const COLUMNS: [Declared; 4] = [
    Declared { sort: Some("name"), label: "apps-name", number: false },
    Declared { sort: Some("kind"), label: "apps-kind", number: false },
    Declared { sort: Some("groups"), label: "apps-groups", number: false },
    Declared { sort: None, label: "apps-state", number: false },
];

/// How many apps are looked through at most: registered ones are few, and whoever has more of them has programs for that.
const MOST: usize = 2000;

/// The relying apps.
#[derive(Clone, Debug, Serialize)]
pub struct AppsPage {
    /// What is wrong, or that nothing is.
    pub lead: Said,
    /// What is searched for.
    pub q: String,
    /// How many were found.
    pub told: Said,
    /// The table's head.
    pub table: Table,
    /// One line each.
    pub apps: Vec<Line>,
    /// Whether there are more apps than are looked through.
    pub more: bool,
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
    let mut all = clients::list(&mut conn, "", i64::try_from(MOST + 1).unwrap_or(i64::MAX)).await?;
    let more = all.len() > MOST;
    all.truncate(MOST);
    let mut found = sought(all, &asked.q, asked.sort, asked.descending);
    let told = Said::new("apps-told").counting(i64::try_from(found.len()).unwrap_or(i64::MAX));
    let begins = found.iter().position(|client| client.id == asked.after).map_or(0, |last| last + 1);
    found.drain(..begins);
    let cut = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| cut).map(|last| last.id.clone());
    visit.provider().slips.save(&visit.provider().signin.db).await?;
    let mistaken = slips::failing(&mut conn, visit.now()).await?;
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
            state: state(client, failures, mistaken.iter().any(|(id, _)| *id == client.id)),
        });
    }
    let lead = match refused {
        _ if !mistaken.is_empty() => Said::new("apps-mistaken"),
        0 => Said::new("apps-well"),
        n => Said::new("apps-failing").counting(n),
    };
    let table = asked.table("apps-title", &COLUMNS, next.as_deref());
    Ok(visit.page(&AppsPage { lead, q: asked.q, told, table, apps, more }))
}

/// The apps of the name, id or address that is asked for, in the order that is; those who are alike in it by name.
fn sought(mut all: Vec<Client>, q: &str, sort: Option<&str>, descending: bool) -> Vec<Client> {
    let q = q.to_lowercase();
    let is_meant = |client: &Client| {
        let metadata = &client.metadata;
        metadata.client_name.to_lowercase().contains(&q)
            || client.id == q
            || metadata.redirect_uris.iter().any(|uri| uri.to_lowercase().contains(&q))
    };
    all.retain(is_meant);
    all.sort_by_cached_key(|client| {
        let (word, number) = match sort {
            Some("kind") => (kind(client).key, 0),
            // Everybody before some.
            Some("groups") => (String::new(), client.metadata.allowed_groups.len()),
            _ => (String::new(), 0),
        };
        (word, number, client.metadata.client_name.to_lowercase(), client.id.clone())
    });
    if descending {
        all.reverse();
    }
    all
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

fn state(client: &Client, failures: i64, is_mistaken: bool) -> Said {
    match failures {
        _ if client.lacks_its_secret() => Said::new("apps-lacks-secret"),
        _ if is_mistaken => Said::new("apps-state-mistaken"),
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
    let typed = Typed::read(&visit, &mut visit.read().await?, (chosen.recipe, "")).await?;
    let typed = match typed {
        Ok(typed) => typed,
        Err(wrong) => return Ok(again(&visit, chosen, &wrong)),
    };
    let mut metadata = match chosen.recipe {
        Some(recipe) => recipe.metadata("", typed.redirect_uris.clone()),
        None => Metadata { any_secret_method: true, ..Metadata::web_app("", Vec::new()) },
    };
    typed.into(&mut metadata, Vec::new());
    let vault = &visit.provider().signin.vault;
    let mut tx = visit.write().await?;
    if let Some(first) = first_click(&mut tx, &metadata, &by).await? {
        tx.give_up().await?;
        let key = if first.metadata.is_public() { "saved-app-twice-public" } else { "saved-app-twice" };
        let saved = Saved::new(key).about(&first.metadata.client_name);
        return Ok(visit.saved(&format!("/console/apps/{}", first.id), &saved));
    }
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

/// The app that the same person has just added by the same form, if they have: their button was pressed twice.
async fn first_click(
    tx: &mut Tx,
    metadata: &Metadata,
    by: &Proof<ManageRelyingApps>,
) -> Result<Option<Client>, Problem> {
    for event in log::just_added(tx, by, "client.added").await.map_err(problem)? {
        let client = clients::find(tx, event.client_id.as_deref().unwrap_or_default()).await?;
        let is_same = |client: &Client| {
            client.metadata.client_name == metadata.client_name
                && client.metadata.redirect_uris == metadata.redirect_uris
        };
        if let Some(client) = client.filter(is_same) {
            return Ok(Some(client));
        }
    }
    Ok(None)
}

/// The form for another app, as it was typed.
fn drawn_again(visit: &Visit) -> Response {
    let chosen = chosen(visit.form.field("is")).unwrap_or(Chosen { recipe: None });
    again(visit, chosen, &kept::not_saved())
}

fn again(visit: &Visit, chosen: Chosen, wrong: &Wrong) -> Response {
    let fields = app_form::new_fields(visit, chosen.recipe);
    let fields: Vec<Field> = fields.into_iter().map(|field| field.typed(&visit.form, Some(wrong))).collect();
    let errors = errors(&fields, Some(wrong));
    visit.again(&new_page(Some(chosen), fields, errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_are_found_by_name_and_address_and_stand_by_name() {
        let app = |id: &str, name: &str, host: &str| {
            Client::unregistered(id, Metadata::web_app(name, vec![format!("https://{host}.example.org/cb")]))
        };
        let all =
            || vec![app("a", "wiki", "wiki"), app("b", "Grafana", "charts"), app("c", "Álbum", "photos")];
        let sorted = |q, sort, descending| -> Vec<String> {
            sought(all(), q, sort, descending).into_iter().map(|client| client.id).collect()
        };
        let found = |q, descending| sorted(q, None, descending);
        assert_eq!(found("", false), ["b", "a", "c"]);
        assert_eq!(found("", true), ["c", "a", "b"]);
        assert_eq!(found("GRAF", false), ["b"]);
        assert_eq!(found("photos.example", false), ["c"]);
        assert_eq!(found("a", false), ["b", "a", "c"], "each has one in its name or address");
        assert!(found("moon", false).is_empty());
        // Those who are alike in what is asked for stand by name.
        assert_eq!(sorted("", Some("kind"), true), ["c", "a", "b"]);
    }
}
