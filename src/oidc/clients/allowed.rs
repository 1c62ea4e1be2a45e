//! Which of the scopes, claims and resources that it asks for, or was given once, may a client have as it is registered now?

use url::Url;

use super::{Client, Metadata};
use crate::oidc::shared::claims;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::scopes::{Scope, Scopes};
use crate::web::form::Form;

/// The scopes that are asked for, less those that the client is not registered for.
///
/// # Errors
/// `invalid_scope` where something is asked for and nothing of it can be had.
pub(in crate::oidc) fn allowed_scopes(form: &Form, client: &Client) -> Result<Scopes, Refusal> {
    let asked = form.get("scope");
    some_of(registered(&client.metadata, Scopes::parse(asked.unwrap_or_default())), asked)
}

/// What is left of the scopes that are asked for. An app that is not told another scope believes that it has what it asked for (RFC 6749 §5.1),
/// and no scope at all cannot be told (§3.3).
///
/// # Errors
/// `invalid_scope` where nothing is left.
pub(in crate::oidc) fn some_of(left: Scopes, asked: Option<&str>) -> Result<Scopes, Refusal> {
    if left.is_empty() && asked.is_some_and(|asked| !asked.trim().is_empty()) {
        let description = "nothing of this scope can be had here by this client (RFC 6749 section 3.3)";
        return Err(Refusal::new(Code::InvalidScope, description));
    }
    Ok(left)
}

/// These scopes less those that the client is not registered for. One that is not registered for refresh tokens cannot have
/// `offline_access` (OIDC Core §11: it is ignored).
pub(in crate::oidc) fn registered(client: &Metadata, scopes: Scopes) -> Scopes {
    let scopes = match &client.scope {
        Some(registered) => scopes.but_only(&Scopes::parse(registered)),
        None => scopes,
    };
    if client.may_refresh() { scopes } else { scopes.without(Scope::OfflineAccess) }
}

/// Leaves of the claims that are asked for one by one (OIDC Core §5.5) those that a scope opens that the client may ask for: nobody
/// gets in this way what they could not have otherwise. Claims that are not known here are ignored, as the section asks.
pub(in crate::oidc) fn limit_claims(client: &Metadata, names: &mut Vec<String>) {
    let scopes = registered(client, Scopes::all());
    names.retain(|name| claims::opened_by(name).is_some_and(|scope| scopes.has(scope)));
}

/// Whether the client may have access tokens for a resource.
pub(in crate::oidc) fn may_call(client: &Metadata, resource: &str) -> bool {
    client.allowed_resources.iter().any(|allowed| allowed == resource)
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
        if !may_call(&client.metadata, resource) {
            return refuse("is not registered for this client");
        }
        if !found.iter().any(|one| one == resource) {
            found.push(resource.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::GrantType;
    use super::*;

    #[test]
    fn claims_are_those_of_the_scopes_that_a_client_may_ask_for() {
        for (scope, expected) in [
            (None, vec!["email", "rights", "birthdate"]),
            (Some("openid email"), vec!["email"]),
            (Some("openid"), vec![]),
            (Some("groups profile"), vec!["rights", "birthdate"]),
        ] {
            let metadata = Metadata { scope: scope.map(str::to_owned), ..Metadata::default() };
            let asked = ["email", "sub", "rights", "unknown", "auth_time", "birthdate"];
            let mut names = asked.map(str::to_owned).to_vec();
            limit_claims(&metadata, &mut names);
            assert_eq!(names, expected, "{scope:?}");
        }
    }

    #[test]
    fn scopes_are_narrowed_to_those_that_are_registered() {
        let all = "openid email offline_access";
        for (scope, refreshes, expected) in [
            (None, true, all),
            (None, false, "openid email"),
            (Some("openid offline_access"), true, "openid offline_access"),
            (Some("openid"), true, "openid"),
            (Some(""), true, ""),
        ] {
            let mut metadata = Metadata { scope: scope.map(str::to_owned), ..Metadata::default() };
            if refreshes {
                metadata.grant_types.push(GrantType::RefreshToken);
            }
            assert_eq!(
                registered(&metadata, Scopes::parse(all)).to_string(),
                expected,
                "{scope:?} {refreshes}"
            );
        }
    }
}
