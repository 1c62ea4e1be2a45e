//! Is this access token good now, and for what? Asked by everyone who is shown one.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::confirmation::Confirmation;
use super::standing::{self, Granted, Lost, Standing};
use crate::keys::Ring;
use crate::oidc::clients::{Client, GrantType, admits, allowed};
use crate::oidc::provider::Provider;
use crate::oidc::shared::kinds::Kind;
use crate::oidc::shared::scopes::Scopes;
use crate::store::{self, Conn, seen_ids};

/// What the `jti` of an access token is remembered for that was revoked, and hangs from no grant of its client.
pub(in crate::oidc) const REVOKED: &str = "revoked access token";

/// An access token of ours that holds now. Whether its sender has the key that it is bound to is for the endpoint to find out.
pub(in crate::oidc) struct AccessToken {
    pub(in crate::oidc) claims: Map<String, Value>,
    /// The client that it was issued to.
    pub(in crate::oidc) client: Arc<Client>,
    /// Its scopes, less those that its client may no longer have.
    pub(in crate::oidc) scopes: Scopes,
    /// For whom it is (RFC 9068 §2.2), less those whom its client may no longer call.
    pub(in crate::oidc) audience: Vec<String>,
    /// The key that it is bound to.
    pub(in crate::oidc) bound: Option<Confirmation>,
    /// When it ends, in seconds since 1970.
    pub(in crate::oidc) expires_at: i64,
    /// The grant that it hangs from, which may be another client's; none for one of a client in its own name.
    pub(in crate::oidc) standing: Option<Standing>,
}

/// Why an access token is not good.
pub(in crate::oidc) enum Rejected {
    /// It is none of ours.
    NotOurs,
    /// Its time is over.
    Expired,
    /// It was revoked, its client is gone, or that may no longer have what it is for.
    Ended,
    /// The grant that it hangs from no longer holds.
    Lost(Lost),
    /// The database does not answer, or worse.
    Store(store::Error),
}

impl From<store::Error> for Rejected {
    fn from(e: store::Error) -> Self {
        Self::Store(e)
    }
}

impl Rejected {
    /// Why, for the developer.
    pub(in crate::oidc) const fn description(&self) -> &'static str {
        match self {
            Self::NotOurs => "this is not an access token of this provider",
            Self::Expired => "the access token has expired",
            Self::Ended | Self::Lost(Lost::Over) => "the access token was revoked, or its grant has ended",
            Self::Lost(lost) => lost.description(),
            Self::Store(_) => "the access token cannot be checked now",
        }
    }
}

/// What an access token of ours says, whose time is not over. What it hangs from may be gone.
pub(in crate::oidc) struct Read {
    claims: Map<String, Value>,
    /// When it ends, in seconds since 1970.
    pub(in crate::oidc) expires_at: i64,
}

impl Read {
    /// Reads an access token: signature, kind and time.
    ///
    /// # Errors
    /// Why it is none.
    pub(in crate::oidc) fn of(
        provider: &Provider,
        ring: &Ring,
        token: &str,
        now: i64,
    ) -> Result<Self, Rejected> {
        let (claims, typ) = ring.verify(token, now).map_err(|_| Rejected::NotOurs)?;
        let expires_at = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
        let read = Self { claims, expires_at };
        if typ != Kind::AccessToken.typ() || read.text("iss") != provider.issuer || read.jti().is_empty() {
            return Err(Rejected::NotOurs);
        }
        if expires_at <= now { Err(Rejected::Expired) } else { Ok(read) }
    }

    fn text(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its name.
    pub(in crate::oidc) fn jti(&self) -> &str {
        self.text("jti")
    }

    /// The client that it was issued to.
    pub(in crate::oidc) fn client_id(&self) -> &str {
        self.text("client_id")
    }

    /// The grant that it hangs from; none for one of a client in its own name.
    pub(in crate::oidc) fn grant_id(&self) -> Option<&str> {
        self.jti().split_once('.').map(|(grant, _)| grant)
    }
}

/// Opens an access token that somebody shows: signature, kind, time, and everything that it hangs from. The ring comes from
/// outside: whoever holds a connection while it waits for the keys, which may need another, can wait for itself.
///
/// # Errors
/// Why it is not good.
pub(in crate::oidc) async fn open(
    provider: &Provider,
    ring: &Ring,
    conn: &mut Conn,
    token: &str,
    now: i64,
) -> Result<AccessToken, Rejected> {
    let read = Read::of(provider, ring, token, now)?;
    let bound = match read.claims.get("cnf") {
        Some(cnf) => Some(Confirmation::of_claim(cnf).ok_or(Rejected::NotOurs)?),
        None => None,
    };
    let client = provider.client(conn, read.client_id()).await?.ok_or(Rejected::Ended)?;
    if bound.is_none() && client.metadata.wants_bound_tokens() {
        return Err(Rejected::Ended);
    }
    let scopes = allowed::registered(&client.metadata, Scopes::parse(read.text("scope")));
    let standing = standing(provider, conn, &client, read.grant_id(), &scopes, now).await?;
    // One that hangs from its client's own grant is revoked with that.
    let hangs = standing.as_ref().is_some_and(|standing| standing.grant.client_id == client.id);
    if !hangs && seen_ids::is_seen(conn, REVOKED, read.jti(), now).await? {
        return Err(Rejected::Ended);
    }
    let scopes = standing.as_ref().map_or(scopes.clone(), |standing| scopes.but_only(&standing.scopes));
    let mut audience = audience(read.claims.get("aud"));
    audience.retain(|one| *one == provider.issuer || allowed::may_call(&client.metadata, one));
    if audience.is_empty() {
        return Err(Rejected::Ended);
    }
    let Read { claims, expires_at } = read;
    Ok(AccessToken { claims, client, scopes, audience, bound, expires_at, standing })
}

/// What an access token of this client and these scopes hangs from, if that still holds: the grant, its client's or that of the client whose token it
/// was exchanged for; or that the client may have tokens in its own name.
async fn standing(
    provider: &Provider,
    conn: &mut Conn,
    client: &Client,
    grant_id: Option<&str>,
    scopes: &Scopes,
    now: i64,
) -> Result<Option<Standing>, Rejected> {
    let ended = |still: bool| if still { Ok(()) } else { Err(Rejected::Ended) };
    let Some(grant_id) = grant_id else {
        ended(client.metadata.may_use(GrantType::ClientCredentials))?;
        return Ok(None);
    };
    let granted = Granted::find(conn, grant_id).await?.ok_or(Rejected::Ended)?;
    if granted.grant.client_id == client.id {
        return Ok(Some(standing::of(conn, client, granted, now).await?.map_err(Rejected::Lost)?));
    }
    let first = provider.client(conn, &granted.grant.client_id).await?.ok_or(Rejected::Ended)?;
    let standing = standing::of(conn, &first, granted, now).await?.map_err(Rejected::Lost)?;
    ended(client.metadata.may_use(GrantType::TokenExchange))?;
    if !admits(conn, client, &standing.person).await? {
        return Err(Rejected::Lost(Lost::Group));
    }
    let agreed = standing::agreed(conn, client, &standing.person.id).await?;
    if agreed.is_some_and(|agreed| !scopes.within(&agreed)) {
        return Err(Rejected::Lost(Lost::Consent));
    }
    Ok(Some(standing))
}

/// `aud`, which may be one or several (RFC 7519 §4.1.3).
fn audience(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

impl AccessToken {
    /// A claim that is a text; empty when it is none.
    pub(in crate::oidc) fn text(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it is for this audience.
    pub(in crate::oidc) fn is_for(&self, audience: &str) -> bool {
        self.audience.iter().any(|one| one == audience)
    }

    /// Whether a client has to do with it: it was issued to it, or is for a resource that the client serves. To have been
    /// allowed tokens *for* that resource is not enough: whoever calls it has no business with what others call it with.
    pub(in crate::oidc) fn concerns(&self, client: &Client) -> bool {
        self.client.id == client.id || client.metadata.served_resources.iter().any(|one| self.is_for(one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_audience_is_one_or_several() {
        assert_eq!(audience(Some(&json!("a"))), ["a"]);
        assert_eq!(audience(Some(&json!(["a", "b", 1]))), ["a", "b"]);
        assert_eq!(audience(Some(&json!({}))), Vec::<String>::new());
        assert_eq!(audience(None), Vec::<String>::new());
    }
}
