//! Which of the scopes and resources that it asks for may a client have?

use url::Url;

use super::{Client, GrantType};
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::scopes::{Scope, Scopes};
use crate::web::form::Form;

/// The scopes that are asked for, less those that the client is not registered for. One that is not registered for refresh
/// tokens cannot have `offline_access` (OIDC Core §11: it is ignored).
pub(in crate::oidc) fn allowed_scopes(form: &Form, client: &Client) -> Scopes {
    let mut scopes = Scopes::parse(form.get("scope").unwrap_or_default());
    if let Some(registered) = &client.metadata.scope {
        scopes = scopes.but_only(&Scopes::parse(registered));
    }
    if client.metadata.may_use(GrantType::RefreshToken) {
        scopes
    } else {
        scopes.without(Scope::OfflineAccess)
    }
}

/// `resource`: what the client may have access tokens for (RFC 8707 §2).
///
/// # Errors
/// `invalid_target` for what is no absolute URI without a fragment, or not registered for the client.
pub(in crate::oidc) fn resources(form: &Form, client: &Client) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    for resource in form.all("resource") {
        let refuse = |what: &str| {
            let description = format!("resource {resource} {what} (RFC 8707 section 2)");
            Err(Refusal::new(Code::InvalidTarget, description))
        };
        if !Url::parse(resource).is_ok_and(|url| url.fragment().is_none()) {
            return refuse("must be an absolute URI without a fragment");
        }
        if !client.metadata.allowed_resources.iter().any(|allowed| allowed == resource) {
            return refuse("is not registered for this client");
        }
        if !found.iter().any(|one| one == resource) {
            found.push(resource.to_owned());
        }
    }
    Ok(found)
}
