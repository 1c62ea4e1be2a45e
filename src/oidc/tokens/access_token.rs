//! Is this access token good now, and for what? Asked by everyone who is shown one.

use serde_json::{Map, Value};

use super::confirmation::Confirmation;
use super::mint::ACCESS_TOKEN;
use crate::directory::{Person, Status, people};
use crate::keys::Ring;
use crate::oidc::clients::{self, Client};
use crate::oidc::provider::Provider;
use crate::oidc::shared::scopes::Scopes;
use crate::store::tokens::{self, GrantRow};
use crate::store::{self, Conn, seen_ids};

/// What the `jti` of an access token is remembered for that was revoked, and hangs from no grant of its client.
pub(in crate::oidc) const REVOKED: &str = "revoked access token";

/// An access token of ours that holds now. Whether its sender has the key that it is bound to is for the endpoint to find out.
pub(in crate::oidc) struct AccessToken {
    pub(in crate::oidc) claims: Map<String, Value>,
    /// The client that it was issued to.
    pub(in crate::oidc) client: Client,
    pub(in crate::oidc) scopes: Scopes,
    /// For whom it is (RFC 9068 §2.2).
    pub(in crate::oidc) audience: Vec<String>,
    /// The key that it is bound to.
    pub(in crate::oidc) bound: Option<Confirmation>,
    /// When it ends, in seconds since 1970.
    pub(in crate::oidc) expires_at: i64,
    /// The grant that it hangs from; none for one of a client in its own name.
    pub(in crate::oidc) holder: Option<Holder>,
}

/// Whose grant it is.
pub(in crate::oidc) struct Holder {
    pub(in crate::oidc) grant: GrantRow,
    pub(in crate::oidc) person: Person,
}

/// Why an access token is not good.
pub(in crate::oidc) enum Rejected {
    /// It is none of ours.
    NotOurs,
    /// Its time is over.
    Expired,
    /// It was revoked, its grant has ended, or its person or client is gone.
    Ended,
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
            Self::Ended => "the access token was revoked, or its grant has ended",
            Self::Store(_) => "the access token cannot be checked now",
        }
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
    let (claims, typ) = ring.verify(token, now).map_err(|_| Rejected::NotOurs)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let (jti, expires_at) = (text("jti"), claims.get("exp").and_then(Value::as_i64).unwrap_or_default());
    if typ != ACCESS_TOKEN || text("iss") != provider.issuer || jti.is_empty() {
        return Err(Rejected::NotOurs);
    }
    if expires_at <= now {
        return Err(Rejected::Expired);
    }
    let bound = match claims.get("cnf") {
        Some(cnf) => Some(Confirmation::of_claim(cnf).ok_or(Rejected::NotOurs)?),
        None => None,
    };
    let client = clients::find(conn, text("client_id")).await?.ok_or(Rejected::Ended)?;
    let holder = match jti.split_once('.') {
        Some((grant, _)) => Some(holder(conn, grant, now).await?),
        None => None,
    };
    // One that hangs from its client's own grant is revoked with that.
    let hangs = holder.as_ref().is_some_and(|holder| holder.grant.client_id == client.id);
    if !hangs && seen_ids::is_seen(conn, REVOKED, jti, now).await? {
        return Err(Rejected::Ended);
    }
    let (scopes, audience) = (Scopes::parse(text("scope")), audience(claims.get("aud")));
    Ok(AccessToken { claims, client, scopes, audience, bound, expires_at, holder })
}

/// The grant of this id, if it still holds and its person may still sign in.
async fn holder(conn: &mut Conn, grant_id: &str, now: i64) -> Result<Holder, Rejected> {
    let grant = tokens::find_grant(conn, grant_id).await?;
    let grant = grant.filter(|g| g.ended_at.is_none() && g.expires_at > now).ok_or(Rejected::Ended)?;
    let person = people::find(conn, &grant.user_id).await?;
    let person = person.filter(|p| p.status == Status::Active).ok_or(Rejected::Ended)?;
    Ok(Holder { grant, person })
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
