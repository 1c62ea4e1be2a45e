//! `/console/apps/{id}/try`: would somebody get in at this app, and what would it get of them: ID token and `UserInfo`, each claim with
//! its reason?

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::app::find;
use super::explained::{self, Explained};
use super::field::{self, Field, Kind, Linked, Said, Summed, Wrong, errors};
use super::routes::{Needs, Route};
use super::visit::ConsolePage;
use crate::directory::login::Login;
use crate::directory::rights::own;
use crate::directory::{Person, people};
use crate::oidc::clients::Client;
use crate::oidc::tryout::{self, Claim, Tryout, Why};
use crate::signin::decide::{Assurance, Demand};
use crate::store::Conn;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/console/apps/{id}/try", Needs::Right(own::MANAGE_RELYING_APPS), |visit| {
        Box::pin(get(visit))
    })];

/// What most apps ask for.
const USUAL: &str = "openid profile email groups";

/// The longest login, and the longest list of scopes, in characters.
const LONGEST: (usize, usize) = (200, 300);

/// What an app would get.
#[derive(Clone, Debug, Serialize)]
pub struct TryPage {
    /// The app's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether they would get in.
    pub lead: Said,
    /// Why.
    pub because: Vec<Said>,
    /// Who, and for what the app asks.
    pub fields: Vec<Field>,
    /// What is wrong with that.
    pub errors: Vec<Summed>,
    /// What it would get; none where they do not get in.
    pub got: Option<Got>,
    /// Where the app is, to try it in earnest.
    pub front_page: Option<String>,
}

/// What it would get.
#[derive(Clone, Debug, Serialize)]
pub struct Got {
    /// The scopes that it has.
    pub scopes: String,
    /// What it asks for and does not get.
    pub ignored: String,
    /// The claims of the ID token.
    pub id_token: Vec<Line>,
    /// What the ID token is signed with.
    pub signed_with: &'static str,
    /// What `UserInfo` says.
    pub userinfo: Vec<Line>,
    /// What the scopes open, and this person has no value for.
    pub empty: String,
}

/// One claim.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its value; none for one that is another each time.
    pub value: Option<String>,
    /// Why it is there.
    pub why: Said,
}

impl ConsolePage for TryPage {
    const TEMPLATE: &'static str = "console/app_try.html";
}

/// `GET /console/apps/{id}/try`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let client = find(&visit, &mut conn).await?;
    let asked = scopes(&visit, &client);
    let person = person(&visit, &mut conn).await?;
    let wrong = person.as_ref().err().or(asked.as_ref().err()).cloned();
    let scopes = asked.as_deref().unwrap_or_else(|_| visit.query.field("scope"));
    let fields: Vec<Field> = fields(&visit, scopes)
        .into_iter()
        .map(|field| {
            let error = wrong.as_ref().filter(|wrong| wrong.field == field.name);
            Field { error: error.map(|wrong| wrong.said.clone()), ..field }
        })
        .collect();
    let page = TryPage {
        id: client.id.clone(),
        name: client.metadata.client_name.clone(),
        lead: Said::new("try-wrong"),
        because: Vec::new(),
        errors: errors(&fields, None),
        fields,
        got: None,
        front_page: client.metadata.front_page(),
    };
    match (person, asked) {
        (Ok(person), Ok(scopes)) => {
            Ok(visit.page(&tried(&visit, &mut conn, &client, &person, &scopes, page).await?))
        }
        _ => Ok(visit.page(&page)),
    }
}

/// The page with the answer.
async fn tried(
    visit: &Visit,
    conn: &mut Conn,
    client: &Client,
    person: &Person,
    scopes: &str,
    page: TryPage,
) -> Result<TryPage, Problem> {
    let demand = if client.metadata.require_two_factor { Demand::TwoFactors } else { Demand::Whatever };
    let (Explained { said, mut because, .. }, proven) =
        explained::at_app(visit, conn, person, demand).await?;
    because.insert(0, explained::on_another_page(visit, person, said));
    let with = (person, proven.unwrap_or(Assurance::Password));
    let found = tryout::of(visit.provider(), conn, client, with, scopes, visit.now()).await;
    let found = found.map_err(|error| match error {
        tryout::Error::Store(e) => e.into(),
        other => Problem::Internal(other.to_string()),
    })?;
    let who = &person.called();
    let gets_in = proven.is_some() && found.admitted && !found.refused;
    let lead = match proven {
        None => "try-kept-out",
        Some(_) if !found.admitted => "try-not-admitted",
        Some(_) if found.refused => "try-no-scope",
        Some(_) => "try-gets-in",
    };
    let seen = visit.holds(own::VIEW_USERS).then(|| Linked::new(&person.id, who));
    let lead = Said::new(lead).about(who).linked(seen.into_iter().collect(), false);
    if found.asks {
        because.push(Said::new("try-asks"));
    }
    let got = gets_in.then(|| got(found));
    Ok(TryPage { lead, because, got, ..page })
}

fn got(found: Tryout) -> Got {
    let lines = |claims: Vec<Claim>| claims.into_iter().map(line).collect();
    Got {
        scopes: found.scopes.to_string(),
        ignored: found.ignored.join(" "),
        id_token: lines(found.id_token),
        signed_with: found.signed_with,
        userinfo: lines(found.userinfo),
        empty: found.empty.join(", "),
    }
}

fn line(claim: Claim) -> Line {
    Line { name: claim.name, value: claim.value, why: why(claim.why) }
}

/// The sentence for a reason.
pub(super) fn why(why: Why) -> Said {
    match why {
        Why::Always => Said::new("try-why-always"),
        Why::Pairwise => Said::new("try-why-pairwise"),
        Why::SignIn => Said::new("try-why-sign-in"),
        Why::Bound => Said::new("try-why-bound"),
        Why::Logout => Said::new("try-why-logout"),
        Why::Scope(scope) => Said::new("try-why-scope").about(scope.name()),
        Why::Setting(scope) => Said::new("try-why-setting").about(scope.name()),
    }
}

/// Whom it is tried with: whoever reads, or somebody of their tree.
async fn person(visit: &Visit, conn: &mut Conn) -> Result<Result<Person, Wrong>, Problem> {
    let typed = match field::line(&visit.query, "user", LONGEST.0) {
        Ok("") => return Ok(Ok(visit.person.clone())),
        Ok(typed) => typed,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let unknown = || Wrong::new("user", Said::new("try-nobody").about(typed));
    let Ok(login) = Login::parse(typed) else { return Ok(Err(unknown())) };
    let found = people::find_by_login_or_email(conn, &login).await?;
    let found = match found {
        Some(person) if person.id == visit.person.id => Some(person),
        Some(person) if visit.holds(own::VIEW_USERS) => visit.tree.user(conn, &person.id).await?,
        _ => None,
    };
    Ok(found.ok_or_else(unknown))
}

/// For what the app asks: what was typed, or else what it is registered for, or what is usual.
fn scopes(visit: &Visit, client: &Client) -> Result<String, Wrong> {
    let typed = field::line(&visit.query, "scope", LONGEST.1)?;
    let registered = client.metadata.scope.as_deref().unwrap_or(USUAL);
    Ok(if typed.is_empty() { registered } else { typed }.to_owned())
}

/// The form.
fn fields(visit: &Visit, scopes: &str) -> Vec<Field> {
    let user = Field::new("user", "try-user", Kind::Text, visit.query.field("user"))
        .hint("try-user-hint")
        .longest(LONGEST.0);
    let scope =
        Field::new("scope", "try-scope", Kind::Text, scopes).hint("try-scope-hint").longest(LONGEST.1);
    // A look is everybody's who sees the page.
    let shown = [Some(user).filter(|_| visit.holds(own::VIEW_USERS)), Some(scope)];
    shown.into_iter().flatten().map(|field| Field { editable: true, ..field }).collect()
}
