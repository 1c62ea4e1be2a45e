//! The revocation endpoint (RFC 7009): a client says that it no longer needs a token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::audit::{Actor, Event};
use crate::keys::Ring;
use crate::keys::secret::{GrantToken, entropy};
use crate::oidc::client_auth::{Caller, Received};
use crate::oidc::clients::Client;
use crate::oidc::provider::Provider;
use crate::oidc::shared::cors::open_to_all;
use crate::oidc::shared::failure::Failure;
use crate::oidc::tokens::access_token::{REVOKED, Read};
use crate::store::{Conn, seen_ids, tokens};

/// What a token that is still good leads to.
struct Target {
    /// The client that it was issued to.
    client_id: String,
    /// Whose it is; none for a client in its own name.
    user_id: Option<String>,
    what: What,
}

/// What has to end.
enum What {
    /// The grant, with everything that hangs from it (RFC 7009 §2.1).
    Grant(String),
    /// The access token alone: its grant is not this client's, or there is none. Remembered until it would have ended by itself.
    Token { jti: String, expires_at: i64 },
}

/// `POST /revoke`
pub(super) async fn post(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let answer = match Received::of(request).await {
        Ok(received) => revoke(&received.caller(&provider, "/revoke")).await,
        Err(failure) => Err(failure),
    };
    let mut response = match answer {
        Ok(()) => StatusCode::OK.into_response(),
        Err(failure) => failure.into_response(),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    open_to_all(response)
}

/// A token that is unknown or over needs no ending (RFC 7009 §2.2). One of another client is refused, as §2.1 says: the client is
/// told, and nothing ends. `token_type_hint` is not needed: our tokens tell themselves apart.
async fn revoke(caller: &Caller<'_>) -> Result<(), Failure> {
    let client = caller.authenticate().await?;
    let token = caller.form.get("token").ok_or_else(|| Failure::invalid("token is missing"))?;
    let ring = caller.provider.keys.ring_for(token, caller.now).await?;
    let mut conn = caller.provider.signin.db.read().await?;
    let found = match refresh_token(&mut conn, token).await? {
        Some(target) => Some(target),
        None => access_token(caller, &ring, &mut conn, token).await?,
    };
    drop(conn);
    match found {
        Some(target) if target.client_id != client.id => {
            Err(Failure::grant("the token was issued to another client (RFC 7009 section 2.1)"))
        }
        Some(target) => end(caller, &client, &target).await,
        None => Ok(()),
    }
}

async fn refresh_token(conn: &mut Conn, token: &str) -> Result<Option<Target>, Failure> {
    let Some(row) = tokens::find_refresh(conn, GrantToken::hash_of(token).as_str()).await? else {
        return Ok(None);
    };
    let grant = tokens::find_grant(conn, &row.grant_id).await?;
    Ok(grant.map(|grant| Target {
        client_id: grant.client_id,
        user_id: Some(grant.user_id),
        what: What::Grant(grant.id),
    }))
}

async fn access_token(
    caller: &Caller<'_>,
    ring: &Ring,
    conn: &mut Conn,
    token: &str,
) -> Result<Option<Target>, Failure> {
    let Ok(token) = Read::of(caller.provider, ring, token, caller.now) else { return Ok(None) };
    // Whether its grant still holds does not matter: it may hold again, once its person is back in the group.
    let grant = match token.grant_id() {
        Some(id) => tokens::find_grant(conn, id).await?,
        None => None,
    };
    let user_id = grant.as_ref().map(|grant| grant.user_id.clone());
    let what = match grant {
        Some(grant) if grant.client_id == token.client_id() => What::Grant(grant.id),
        _ => What::Token { jti: token.jti().to_owned(), expires_at: token.expires_at },
    };
    Ok(Some(Target { client_id: token.client_id().to_owned(), user_id, what }))
}

async fn end(caller: &Caller<'_>, client: &Client, target: &Target) -> Result<(), Failure> {
    let mut tx = caller.provider.signin.db.write().await?;
    let ended = match &target.what {
        What::Grant(id) => tokens::end_grant(&mut tx, id, caller.now).await?,
        What::Token { jti, expires_at } => {
            seen_ids::remember(&mut tx, REVOKED, jti, *expires_at, caller.now).await?
        }
    };
    if ended {
        let mut event = Event::new("token.revoked", Actor::System).client(&client.id);
        if let Some(user) = &target.user_id {
            event = event.user(user);
        }
        event.record(&mut tx, caller.provider.signin.clock.now_ms(), &mut entropy()).await?;
    }
    Ok(tx.commit().await?)
}
