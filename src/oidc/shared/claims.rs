//! Which claims does a scope open, and what do they say? (OIDC Core §5.4)

use serde_json::{Map, Value};

use super::scopes::{Scope, Scopes};
use crate::directory::rights::Right;
use crate::directory::{Person, people};
use crate::store::{Conn, Result};

/// The claims of ID tokens, which say how somebody signed in.
const OF_THE_SIGN_IN: [&str; 11] =
    ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "jti"];

/// The claims of an answer that is written down as JSON; none for what is no object.
pub(in crate::oidc) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The names of all claims that may be returned, for the metadata.
pub(in crate::oidc) fn names() -> Vec<&'static str> {
    let about_people = Scope::ALL.into_iter().flat_map(|scope| of_scope(scope).iter().copied());
    OF_THE_SIGN_IN.into_iter().chain(about_people).collect()
}

/// The claims that a scope opens.
pub(in crate::oidc) const fn of_scope(scope: Scope) -> &'static [&'static str] {
    match scope {
        Scope::Openid | Scope::OfflineAccess => &[],
        Scope::Profile => &[
            "name",
            "given_name",
            "family_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
        Scope::Email => &["email", "email_verified"],
        Scope::Address => &["address"],
        Scope::Phone => &["phone_number", "phone_number_verified"],
        Scope::Groups => &["groups", "role", "rights", "legacy_id"],
    }
}

/// The claims that these scopes open together.
pub(in crate::oidc) fn of_scopes(scopes: &Scopes) -> Vec<&'static str> {
    scopes.iter().flat_map(|scope| of_scope(scope).iter().copied()).collect()
}

/// The scope that opens a claim; none for one that is of the sign-in itself, or not known here.
pub(in crate::oidc) fn opened_by(claim: &str) -> Option<Scope> {
    Scope::ALL.into_iter().find(|scope| of_scope(*scope).contains(&claim))
}

/// What a person has to agree to before these scopes open, and these claims that are asked for one by one: the scopes, and those that
/// would open the claims (OIDC Core §3.1.2.4).
pub(in crate::oidc) fn needs<'a>(scopes: &Scopes, claims: impl Iterator<Item = &'a String>) -> Scopes {
    claims.filter_map(|name| opened_by(name)).fold(scopes.clone(), Scopes::with)
}

/// Everything that can be said about a person but `sub`, which depends on who asks. A claim without a value is left out
/// (OIDC Core §5.3.2). `groups` are the paths of their groups; `email_verified` says whether somebody vouches for the address.
pub(in crate::oidc) fn all(person: &Person, groups: &[String], email_verified: bool) -> Map<String, Value> {
    let mut claims = person.claims.to_json();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("preferred_username", Value::from(person.preferred_username()));
    set("updated_at", Value::from(person.updated_at));
    // Apps that show or demand a name are many, and people without one not few.
    set("name", Value::from(person.display_name()));
    if let Some(email) = person.email.as_deref().filter(|email| !email.is_empty()) {
        set("email", Value::from(email));
        set("email_verified", Value::from(email_verified));
    }
    set("role", Value::from(person.role.name.as_str()));
    set("rights", Value::from(person.role.rights.iter().map(Right::as_str).collect::<Vec<_>>()));
    set("groups", Value::from(groups));
    if let Some(id) = &person.legacy_id {
        set("legacy_id", Value::from(id.as_str()));
    }
    if claims.contains_key("phone_number") {
        claims.entry("phone_number_verified").or_insert(Value::Bool(false));
    }
    claims
}

/// The claims about a person that these scopes open, and those that are asked for by name (OIDC Core §5.5). `sub` is the
/// name by which whoever asks knows them.
pub(in crate::oidc) async fn about(
    conn: &mut Conn,
    person: &Person,
    sub: &str,
    scopes: &Scopes,
    requested: &[String],
) -> Result<Map<String, Value>> {
    let mut wanted: Vec<&str> = of_scopes(scopes);
    wanted.extend(requested.iter().map(String::as_str));
    let said = chosen(conn, person, &wanted).await?;
    Ok([("sub".to_owned(), Value::from(sub))].into_iter().chain(said).collect())
}

/// What an ID token says about a person: the claims that are asked for by name, and, where `with_scopes`, those that the scopes
/// open. A refreshed one says the same (OIDC Core §12.2).
pub(in crate::oidc) async fn of_id_token(
    conn: &mut Conn,
    person: &Person,
    scopes: &Scopes,
    requested: &[String],
    with_scopes: bool,
) -> Result<Map<String, Value>> {
    let mut wanted: Vec<&str> = requested.iter().map(String::as_str).collect();
    if with_scopes {
        wanted.extend(of_scopes(scopes));
    }
    chosen(conn, person, &wanted).await
}

async fn chosen(conn: &mut Conn, person: &Person, wanted: &[&str]) -> Result<Map<String, Value>> {
    if wanted.is_empty() {
        return Ok(Map::new());
    }
    let groups =
        if wanted.contains(&"groups") { people::group_paths(conn, person).await? } else { Vec::new() };
    let verified = wanted.contains(&"email_verified") && people::is_email_vouched_for(conn, person).await?;
    Ok(all(person, &groups, verified)
        .into_iter()
        .filter(|(name, _)| wanted.contains(&name.as_str()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Claim, ClaimChanges, StandardClaims};
    use std::collections::BTreeSet;

    #[test]
    fn every_claim_is_published_once() {
        let names = names();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for name in ["sub", "updated_at", "address", "phone_number_verified", "rights"] {
            assert!(names.contains(&name), "{name}");
        }
    }

    #[test]
    fn everything_that_can_be_said_is_of_some_scope_and_the_other_way_round() {
        let written = Claim::ALL.map(|claim| match claim {
            Claim::Profile | Claim::Picture | Claim::Website => (claim, "https://example.org/"),
            Claim::Birthdate => (claim, "1970"),
            Claim::Zoneinfo => (claim, "UTC"),
            Claim::Locale => (claim, "en"),
            Claim::PhoneNumber => (claim, "+1 425 555 1212"),
            Claim::PhoneNumberVerified => (claim, "true"),
            _ => (claim, "something"),
        });
        let mut changes = ClaimChanges::default();
        for (claim, value) in written {
            changes.set(claim.name(), value).unwrap();
        }
        let mut person = crate::directory::sample("ned", Some("ned@example.org"));
        person.name = Some("Ned".to_owned());
        person.legacy_id = Some("42".to_owned());
        person.claims = StandardClaims::default().after(&changes);
        let said: BTreeSet<String> = all(&person, &[], true).into_iter().map(|(name, _)| name).collect();
        let opened: BTreeSet<String> =
            Scope::ALL.iter().flat_map(|s| of_scope(*s)).map(|&name| name.to_owned()).collect();
        assert_eq!(said, opened);
    }
}
