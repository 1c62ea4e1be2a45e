//! The consent page (OIDC Core §3.1.2.4): may the app know who this is?

use super::Provider;
use super::clients::Client;
use super::device;
use super::progress::card;
use super::request::AuthorizationRequest;
use super::scopes::Scope;
use crate::directory::Person;
use crate::signin::pages::path;
use crate::store::signins::SignInRow;
use crate::web::{ConsentPage, Problem};

/// The page for a request.
pub(super) fn page(
    provider: &Provider,
    signin: &SignInRow,
    client: &Client,
    request: &AuthorizationRequest,
    person: &Person,
) -> Result<ConsentPage, Problem> {
    let waiting = request.return_to.device();
    let user_code = waiting.map(|waiting| device::shown_code(provider, waiting)).transpose()?;
    Ok(ConsentPage {
        app: card(client),
        action: path(&signin.id, "consent"),
        login: person.login.clone(),
        user_code,
        scopes: request.scopes.iter().map(Scope::name).collect(),
    })
}
