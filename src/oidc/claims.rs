//! Which claims does a scope open? (OIDC Core §5.4)

use serde_json::{Map, Value};

use super::scopes::{Scope, Scopes};
use crate::directory::{Person, people};
use crate::store::{Conn, Result};

/// The names of all claims that may be returned, for the metadata.
pub(super) const NAMES: [&str; 16] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "sid",
    "name",
    "preferred_username",
    "email",
    "email_verified",
    "groups",
    "role",
];

/// Claims about a person that are asked for one by one; one that is not known here, or has no value, is left out.
pub(super) async fn named(conn: &mut Conn, person: &Person, names: &[String]) -> Result<Map<String, Value>> {
    if names.is_empty() {
        return Ok(Map::new());
    }
    let everything = about(conn, person, &Scopes::all()).await?;
    let asked = |name: &String| name != "sub" && names.contains(name);
    Ok(everything.into_iter().filter(|(name, _)| asked(name)).collect())
}

/// The claims about a person that these scopes open. A claim without a value is left out (OIDC Core §5.3.2).
pub(super) async fn about(conn: &mut Conn, person: &Person, scopes: &Scopes) -> Result<Map<String, Value>> {
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("sub", Value::from(person.id.as_str()));
    if scopes.has(Scope::Profile) {
        set("preferred_username", Value::from(person.login.as_str()));
        if let Some(name) = person.name.as_deref().filter(|name| !name.is_empty()) {
            set("name", Value::from(name));
        }
    }
    if scopes.has(Scope::Email)
        && let Some(email) = person.email.as_deref().filter(|email| !email.is_empty())
    {
        set("email", Value::from(email));
        // Managers write addresses down; nobody has proven that they read the mailbox.
        set("email_verified", Value::from(false));
    }
    if scopes.has(Scope::Groups) {
        set("role", Value::from(person.role.name.as_str()));
        let rights: Vec<&str> =
            person.role.rights.iter().map(crate::directory::rights::Right::as_str).collect();
        set("rights", Value::from(rights));
        set("groups", Value::from(people::group_paths(conn, person).await?));
    }
    Ok(claims)
}
