//! What would an app get of somebody who signs in there? By the same functions that make ID tokens and `UserInfo`, and never signed: nothing
//! comes into being that anybody could use, and nothing is left behind.

use serde_json::{Map, Value};

use super::clients::allowed::{registered, some_of};
use super::clients::subject::SubjectType;
use super::clients::{self, Client};
use super::provider::Provider;
use super::shared::claims;
use super::shared::scopes::{Scope, Scopes};
use super::tokens::mint::{self, IdTokenParts};
use super::tokens::standing::agreed;
use crate::directory::Person;
use crate::keys::{KeyError, VaultError};
use crate::signin::decide::Assurance;
use crate::store::tokens::GrantRow;
use crate::store::{self, Conn};

/// What stands in for ids and tokens that there are none of.
const NONE: &str = "none";

/// The claims that are others each time.
const VARYING: [&str; 6] = ["jti", "sid", "at_hash", "iat", "exp", "nonce"];

/// What an app would get.
#[derive(Clone, Debug)]
pub struct Tryout {
    /// The scopes that were asked for and that the app may have.
    pub scopes: Scopes,
    /// The words that were asked for and are left out.
    pub ignored: Vec<String>,
    /// Whether nothing of what it asks for can be had: then it is told `invalid_scope`.
    pub refused: bool,
    /// Whether the app is for this person.
    pub admitted: bool,
    /// Whether the app asks people, and this person has not agreed to these scopes yet.
    pub asks: bool,
    /// The claims of the ID token; none without scope `openid`.
    pub id_token: Vec<Claim>,
    /// What ID tokens are signed with.
    pub signed_with: &'static str,
    /// What `UserInfo` says; nothing without scope `openid`.
    pub userinfo: Vec<Claim>,
    /// What the scopes open, and this person has no value for.
    pub empty: Vec<&'static str>,
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// Its value as JSON; none for one that is another each time.
    pub value: Option<String>,
    /// Why it is there.
    pub why: Why,
}

/// Why a claim is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// OIDC Core §2 and §5.3.2: it is always there.
    Always,
    /// The same, and each sector knows the person by another (§8).
    Pairwise,
    /// OIDC Core §2: it says how and when they have signed in.
    SignIn,
    /// OIDC Core §3.1.3.6 and §2: it ties the token to what it came with.
    Bound,
    /// Back-Channel Logout §2.1: the app has registered to hear of logouts.
    Logout,
    /// OIDC Core §5.4: this scope opens it.
    Scope(Scope),
    /// The same, and the app's setting has it in the ID token too.
    Setting(Scope),
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The master key could not be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The claims could not be made.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// What this app would get of this person if it asked for these scopes now, and they signed in so.
///
/// # Errors
/// When the database refuses, or the master key cannot be used.
pub async fn of(
    provider: &Provider,
    conn: &mut Conn,
    client: &Client,
    (person, assurance): (&Person, Assurance),
    asked: &str,
    now: i64,
) -> Result<Tryout, Error> {
    let scopes = registered(&client.metadata, Scopes::parse(asked));
    let words = asked.split(' ').filter(|word| !word.is_empty());
    let ignored = words.filter(|word| !scopes.has_named(word)).map(str::to_owned).collect();
    let agreed = agreed(conn, client, &person.id).await?;
    let (mut id_token, mut userinfo) = (Vec::new(), Vec::new());
    let mut empty = Vec::new();
    if scopes.has(Scope::Openid) {
        let subject = provider.subject(client, &person.id)?;
        let with_scopes = client.metadata.id_token_claims;
        let about = claims::of_id_token(conn, person, &scopes, &[], with_scopes).await?;
        let parts = IdTokenParts {
            nonce: Some(NONE),
            access_token: Some(NONE),
            claims: about,
            ..IdTokenParts::default()
        };
        let grant = grant(client, person, &scopes, assurance, now);
        let said = mint::id_token_claims(provider, client, &grant, &subject, parts, now)?;
        id_token = told(client, said, true);
        let about = claims::about(conn, person, &subject, &scopes, &[]).await?;
        empty.extend(claims::of_scopes(&scopes).into_iter().filter(|name| !about.contains_key(*name)));
        userinfo = told(client, mint::userinfo_claims(provider, client, about), false);
    }
    Ok(Tryout {
        refused: some_of(scopes.clone(), Some(asked)).is_err(),
        admitted: clients::admits(conn, client, person).await?,
        asks: agreed.is_some_and(|agreed| !scopes.within(&agreed)),
        scopes,
        ignored,
        id_token,
        signed_with: provider.algorithm_for(client).name(),
        userinfo,
        empty,
    })
}

/// A grant that there is none of.
fn grant(client: &Client, person: &Person, scopes: &Scopes, assurance: Assurance, now: i64) -> GrantRow {
    GrantRow {
        id: NONE.to_owned(),
        user_id: person.id.clone(),
        client_id: client.id.clone(),
        session_id: NONE.to_owned(),
        scopes: scopes.to_string(),
        nonce: None,
        amr: assurance.amr().join(" "),
        acr: assurance.acr().to_owned(),
        auth_time: now,
        created_at: now,
        expires_at: now,
        ended_at: None,
        details: "{}".to_owned(),
    }
}

/// Claims with their reasons: those of the protocol first.
fn told(client: &Client, said: Map<String, Value>, in_id_token: bool) -> Vec<Claim> {
    let claim = |(name, value): (String, Value)| Claim {
        value: (!VARYING.contains(&name.as_str())).then(|| value.to_string()),
        why: why(&name, client.metadata.subject_type(), in_id_token),
        name,
    };
    let mut told: Vec<Claim> = said.into_iter().map(claim).collect();
    told.sort_by_key(|claim| matches!(claim.why, Why::Scope(_) | Why::Setting(_)));
    told
}

fn why(name: &str, subject: SubjectType, in_id_token: bool) -> Why {
    match (name, claims::opened_by(name)) {
        (_, Some(scope)) if in_id_token => Why::Setting(scope),
        (_, Some(scope)) => Why::Scope(scope),
        ("sub", _) if subject == SubjectType::Pairwise => Why::Pairwise,
        ("auth_time" | "acr" | "amr", _) => Why::SignIn,
        ("nonce" | "at_hash", _) => Why::Bound,
        ("sid", _) => Why::Logout,
        _ => Why::Always,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_claim_has_its_reason() {
        for (name, subject, in_id_token, expected) in [
            ("iss", SubjectType::Public, true, Why::Always),
            ("sub", SubjectType::Public, false, Why::Always),
            ("sub", SubjectType::Pairwise, true, Why::Pairwise),
            ("amr", SubjectType::Public, true, Why::SignIn),
            ("at_hash", SubjectType::Public, true, Why::Bound),
            ("sid", SubjectType::Public, true, Why::Logout),
            ("email", SubjectType::Public, true, Why::Setting(Scope::Email)),
            ("groups", SubjectType::Public, false, Why::Scope(Scope::Groups)),
        ] {
            assert_eq!(why(name, subject, in_id_token), expected, "{name}");
        }
    }
}
