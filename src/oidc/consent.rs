//! The consent page (OIDC Core §3.1.2.4): may the app know who this is?

use super::clients::Client;
use super::progress::card;
use super::request::AuthorizationRequest;
use super::scopes::Scope;
use crate::directory::Person;
use crate::signin::pages::path;
use crate::store::signins::SignInRow;
use crate::web::ConsentPage;

/// The page for a request.
pub(super) fn page(
    signin: &SignInRow,
    client: &Client,
    request: &AuthorizationRequest,
    person: &Person,
) -> ConsentPage {
    ConsentPage {
        app: card(client),
        action: path(&signin.id, "consent"),
        login: person.login.clone(),
        scopes: request.scopes.iter().map(Scope::name).collect(),
    }
}
