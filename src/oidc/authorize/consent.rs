//! May the app learn who this is? Whom it asks for, what they have agreed to, and the page that asks them (OIDC Core §3.1.2.4).

use super::request::AuthorizationRequest;
use super::request::destination::Waiting;
use crate::directory::Person;
use crate::oidc::clients::{Client, card};
use crate::oidc::provider::Provider;
use crate::oidc::shared::page::internal;
use crate::oidc::shared::scopes::Scope;
use crate::oidc::shared::user_code;
use crate::oidc::tokens::standing::agreed;
use crate::signin::facts::Standing;
use crate::signin::pages::path;
use crate::store::Conn;
use crate::store::signins::SignInRow;
use crate::web::{ConsentPage, Problem};

/// Whether the app may learn who somebody is without asking them: it need not ask, or has been told before, or just now.
pub(super) async fn has_agreed(
    conn: &mut Conn,
    client: &Client,
    request: &AuthorizationRequest,
    standing: &Standing,
    just_now: bool,
) -> Result<bool, Problem> {
    if just_now {
        return Ok(true);
    }
    if request.prompt.consent {
        return Ok(false);
    }
    let agreed = agreed(conn, client, &standing.person.id).await?;
    Ok(agreed.is_none_or(|agreed| request.needs().within(&agreed)))
}

/// Whether this is who the request asks for, if it does: by the `sub` that this client knows them under.
pub(super) fn is_asked_for(
    provider: &Provider,
    client: &Client,
    request: &AuthorizationRequest,
    person: &Person,
) -> Result<bool, Problem> {
    let Some(asked) = &request.subject_hint else { return Ok(true) };
    let subject = provider.subject(client, &person.id).map_err(|e| Problem::Internal(e.to_string()))?;
    Ok(*asked == subject)
}

/// The page for a request.
pub(super) fn page(
    provider: &Provider,
    signin: &SignInRow,
    client: &Client,
    request: &AuthorizationRequest,
    person: &Person,
) -> Result<ConsentPage, Problem> {
    let waiting = request.return_to.device();
    let user_code = waiting.map(|waiting| shown_code(provider, waiting)).transpose()?;
    Ok(ConsentPage {
        app: card(client),
        action: path(&signin.id, "consent"),
        another: path(&signin.id, "another"),
        login: person.login.clone(),
        user_code,
        scopes: request.needs().iter().map(Scope::name).collect(),
    })
}

/// The code that the device shows, as it shows it.
fn shown_code(provider: &Provider, waiting: &Waiting) -> Result<String, Problem> {
    let opened =
        user_code::unseal(&provider.signin.vault, &waiting.device_code_hash, &waiting.sealed_user_code);
    opened.map_err(internal)
}
