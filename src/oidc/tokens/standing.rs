//! Does a grant still hold, and for what? Whatever a new authorization would refuse, every later use of the grant refuses too.
//!
//! One decision over plain facts, and one reader of them: codes, refresh tokens, device codes, access tokens wherever they are shown,
//! and whatever is exchanged for them, all ask here.

use super::details::GrantDetails;
use crate::directory::{Person, Status, people};
use crate::oidc::clients::{Client, Metadata, admits, allowed};
use crate::oidc::shared::scopes::Scopes;
use crate::signin::decide::ACR_TWO_FACTORS;
use crate::store::tokens::GrantRow;
use crate::store::{Conn, Result};

/// A grant that holds now.
pub(in crate::oidc) struct Standing {
    pub(in crate::oidc) grant: GrantRow,
    pub(in crate::oidc) person: Person,
    /// The scopes that were granted, and that its client may still have.
    pub(in crate::oidc) scopes: Scopes,
    /// The same of claims and resources.
    pub(in crate::oidc) details: GrantDetails,
    /// Whether its person has proven less than its client insists on by now: a new authorization would ask for the rest, and nothing
    /// new is given before.
    pub(in crate::oidc) too_weak: bool,
}

/// What counts about a grant at the moment of its use.
struct Facts<'a> {
    /// Whether somebody has ended it, or its time is over.
    over: bool,
    /// Whether its person may sign in at all.
    active: bool,
    /// Whether its client is for its person.
    admitted: bool,
    granted: Scopes,
    details: GrantDetails,
    /// What is registered about its client.
    client: &'a Metadata,
}

/// Why a grant no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::oidc) enum Lost {
    /// It was ended, its time is over, or its person is gone or disabled.
    Over,
    /// Its person is of no group that the client is for.
    Group,
    /// The client is no longer registered for the way in which it was given.
    Way,
    /// The client is registered for none of the resources that it was given for.
    Resources,
}

impl Lost {
    /// Why, for the developer.
    pub(in crate::oidc) const fn description(self) -> &'static str {
        match self {
            Self::Over => "the grant has ended",
            Self::Group => "this person's group may no longer use this app",
            Self::Way => "this client is no longer registered for the way in which this was granted",
            Self::Resources => {
                "this client is no longer registered for the resources that this was granted for"
            }
        }
    }
}

/// Decides what is left of a grant.
fn decide(facts: Facts<'_>) -> std::result::Result<(Scopes, GrantDetails), Lost> {
    let Facts { over, active, admitted, granted, mut details, client } = facts;
    if over || !active {
        return Err(Lost::Over);
    }
    if !admitted {
        return Err(Lost::Group);
    }
    if details.way.is_some_and(|way| !way.is_open_to(client)) {
        return Err(Lost::Way);
    }
    let had_resources = !details.resources.is_empty();
    details.resources.retain(|one| allowed::may_call(client, one));
    if had_resources && details.resources.is_empty() {
        return Err(Lost::Resources);
    }
    allowed::limit_claims(client, &mut details.userinfo_claims);
    allowed::limit_claims(client, &mut details.id_token_claims);
    Ok((allowed::registered(client, granted), details))
}

/// What a grant of this client, its own, is good for now.
///
/// # Errors
/// The outer one when the database refuses; the inner one says why it no longer holds.
pub(in crate::oidc) async fn of(
    conn: &mut Conn,
    client: &Client,
    grant: GrantRow,
    now: i64,
) -> Result<std::result::Result<Standing, Lost>> {
    let Some(person) = people::find(conn, &grant.user_id).await? else { return Ok(Err(Lost::Over)) };
    let facts = Facts {
        over: grant.ended_at.is_some() || grant.expires_at <= now,
        active: person.status == Status::Active,
        admitted: admits(conn, client, &person).await?,
        granted: Scopes::parse(&grant.scopes),
        details: GrantDetails::of(&grant),
        client: &client.metadata,
    };
    let too_weak = is_too_weak(&client.metadata, &grant);
    Ok(decide(facts).map(|(scopes, details)| Standing { grant, person, scopes, details, too_weak }))
}

/// Whether a grant was given for less than a client insists on: its own, or one that goes on with its tokens.
pub(in crate::oidc) fn is_too_weak(client: &Metadata, grant: &GrantRow) -> bool {
    client.require_two_factor && grant.acr != ACR_TWO_FACTORS
}

#[cfg(test)]
mod tests {
    use super::super::details::Way;
    use super::*;
    use crate::oidc::clients::{GrantType, ResponseType};

    const API: &str = "https://api.example.org/";

    fn app() -> Metadata {
        let mut app = Metadata::web_app("App", vec!["https://app.example.org/cb".to_owned()]);
        app.allowed_resources = vec![API.to_owned()];
        app
    }

    fn decided(client: &Metadata, change: impl FnOnce(&mut Facts<'_>)) -> std::result::Result<String, Lost> {
        let details = GrantDetails {
            userinfo_claims: vec!["email".to_owned(), "rights".to_owned()],
            id_token_claims: vec!["email".to_owned()],
            resources: vec![API.to_owned()],
            way: Some(Way::Response(ResponseType::Code)),
            sent_to: None,
        };
        let granted = Scopes::parse("openid email offline_access");
        let mut facts = Facts { over: false, active: true, admitted: true, granted, details, client };
        change(&mut facts);
        decide(facts).map(|(scopes, details)| {
            let GrantDetails { userinfo_claims, id_token_claims, resources, .. } = details;
            format!(
                "{scopes} | {} | {} | {}",
                userinfo_claims.join(" "),
                id_token_claims.join(" "),
                resources.join(" ")
            )
        })
    }

    #[test]
    fn whatever_a_new_authorization_would_refuse_is_refused() {
        let app = app();
        let all = format!("openid email offline_access | email rights | email | {API}");
        assert_eq!(decided(&app, |_| ()), Ok(all));
        assert_eq!(decided(&app, |f| f.over = true), Err(Lost::Over));
        assert_eq!(decided(&app, |f| f.active = false), Err(Lost::Over));
        assert_eq!(decided(&app, |f| f.admitted = false), Err(Lost::Group));
        for (way, open) in [
            (None, true),
            (Some(Way::Response(ResponseType::Code)), true),
            (Some(Way::Response(ResponseType::CodeToken)), false),
            (Some(Way::Grant(GrantType::DeviceCode)), false),
            (Some(Way::Grant(GrantType::RefreshToken)), true),
        ] {
            let outcome = decided(&app, |f| f.details.way = way);
            assert_eq!(outcome.err(), (!open).then_some(Lost::Way), "{way:?}");
        }
    }

    #[test]
    fn what_the_client_may_no_longer_have_is_left_out() {
        let narrowed = |scope: &str| Metadata { scope: Some(scope.to_owned()), ..app() };
        let expect = |client: &Metadata, expected: &str| {
            assert_eq!(decided(client, |_| ()), Ok(expected.to_owned()), "{:?}", client.scope);
        };
        expect(&narrowed("openid email"), &format!("openid email | email | email | {API}"));
        expect(&narrowed("openid groups"), &format!("openid | rights |  | {API}"));
        expect(&narrowed(""), &format!(" |  |  | {API}"));
        let unrefreshed = Metadata { grant_types: vec![GrantType::AuthorizationCode], ..app() };
        expect(&unrefreshed, &format!("openid email | email rights | email | {API}"));
        let elsewhere = Metadata { allowed_resources: Vec::new(), ..app() };
        assert_eq!(decided(&elsewhere, |_| ()), Err(Lost::Resources));
        let none = decided(&elsewhere, |f| f.details.resources.clear());
        assert_eq!(none, Ok("openid email offline_access | email rights | email | ".to_owned()));
        let partly = decided(&app(), |f| f.details.resources.push("https://gone.example/".to_owned()));
        assert!(partly.unwrap().ends_with(&format!("| {API}")));
    }
}
