//! Does a grant still hold, and for what? Whatever a new authorization would refuse, every later use of the grant refuses too.
//!
//! One decision over plain facts, and one reader of them: codes, refresh tokens, device codes, access tokens wherever they are shown,
//! and whatever is exchanged for them, all ask here.

use super::details::GrantDetails;
use crate::directory::{Person, Status};
use crate::oidc::clients::{Client, Metadata, admits, allowed};
use crate::oidc::shared::claims;
use crate::oidc::shared::scopes::Scopes;
use crate::signin::decide::ACR_TWO_FACTORS;
use crate::store::standing::GrantedRow;
use crate::store::tokens::{self, GrantRow};
use crate::store::{self, Conn, Result};

/// A grant, whatever has become of it, and whose it is.
pub(in crate::oidc) struct Granted {
    pub(in crate::oidc) grant: GrantRow,
    pub(in crate::oidc) person: Person,
}

impl Granted {
    /// What is granted by these rows.
    ///
    /// # Errors
    /// When something in them is none of ours.
    pub(in crate::oidc) fn of(row: GrantedRow) -> Result<Self> {
        Ok(Self { grant: row.grant, person: Person::from_row(row.user)? })
    }

    /// The grant of this id.
    ///
    /// # Errors
    /// When the database refuses.
    pub(in crate::oidc) async fn find(conn: &mut Conn, grant_id: &str) -> Result<Option<Self>> {
        store::standing::of_grant(conn, grant_id).await?.map(Self::of).transpose()
    }

    /// The same, if it is one of this client's.
    pub(in crate::oidc) fn of_client(self, client: &Client) -> Option<Self> {
        Some(self).filter(|granted| granted.grant.client_id == client.id)
    }
}

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
    /// What its person has agreed to, if its client asks people at all.
    agreed: Option<Scopes>,
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
    /// The client asks people by now, and its person has not agreed.
    Consent,
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
            Self::Consent => NOT_AGREED,
        }
    }
}

/// What is said where a client would have to ask the person first.
pub(in crate::oidc) const NOT_AGREED: &str =
    "this client asks people by now, and this person has not agreed yet: authorize again";

/// Decides what is left of a grant.
fn decide(facts: Facts<'_>) -> std::result::Result<(Scopes, GrantDetails), Lost> {
    let Facts { over, active, admitted, agreed, granted, mut details, client } = facts;
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
    let scopes = allowed::registered(client, granted);
    let needs = claims::needs(&scopes, details.userinfo_claims.iter().chain(&details.id_token_claims));
    if agreed.is_some_and(|agreed| !needs.within(&agreed)) {
        return Err(Lost::Consent);
    }
    Ok((scopes, details))
}

/// What a person has agreed to, if this client asks people at all (OIDC Core §3.1.2.4).
///
/// # Errors
/// When the database refuses.
pub(in crate::oidc) async fn agreed(
    conn: &mut Conn,
    client: &Client,
    user_id: &str,
) -> Result<Option<Scopes>> {
    if !client.metadata.consent {
        return Ok(None);
    }
    let scopes = tokens::consented(conn, user_id, &client.id).await?;
    Ok(Some(Scopes::parse(scopes.as_deref().unwrap_or_default())))
}

/// What a grant of this client, its own, is good for now.
///
/// # Errors
/// The outer one when the database refuses; the inner one says why it no longer holds.
pub(in crate::oidc) async fn of(
    conn: &mut Conn,
    client: &Client,
    granted: Granted,
    now: i64,
) -> Result<std::result::Result<Standing, Lost>> {
    let Granted { grant, person } = granted;
    let facts = Facts {
        over: grant.ended_at.is_some() || grant.expires_at <= now,
        active: person.status == Status::Active,
        admitted: admits(conn, client, &person).await?,
        agreed: agreed(conn, client, &grant.user_id).await?,
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
        let (over, active, admitted, agreed) = (false, true, true, None);
        let mut facts = Facts { over, active, admitted, agreed, granted, details, client };
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

    /// What a claim that was asked for by name needs is asked of people too; what the client may no longer have is not.
    #[test]
    fn what_nobody_has_agreed_to_is_refused_once_the_client_asks() {
        let narrow = Metadata { scope: Some("openid email".to_owned()), ..app() };
        for (client, agreed, holds) in [
            (app(), None, true),
            (app(), Some(""), false),
            (app(), Some("openid email offline_access"), false),
            (app(), Some("openid email groups offline_access"), true),
            (narrow.clone(), Some("openid"), false),
            (narrow, Some("openid email"), true),
        ] {
            let outcome = decided(&client, |f| f.agreed = agreed.map(Scopes::parse));
            assert_eq!(outcome.err(), (!holds).then_some(Lost::Consent), "{:?} {agreed:?}", client.scope);
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
