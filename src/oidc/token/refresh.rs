//! `refresh_token` (RFC 6749 §6), with rotation: one that comes a second time ends its family (RFC 9700 §4.14.2).

use super::super::failure::Failure;
use super::super::scopes::Scopes;
use super::super::tokens::{Access, GrantDetails, IdTokenParts, Issued, Mint};
use super::TokenRequest;
use crate::keys::secret::{Token, TokenHash, entropy};
use crate::store::Conn;
use crate::store::tokens;

/// Gives new tokens for a refresh token, and another refresh token in its place.
pub(super) async fn refresh(request: &TokenRequest<'_>, mut conn: Conn) -> Result<Issued, Failure> {
    let (provider, client, now) = (request.provider, request.client, request.now);
    let hash = TokenHash::of(request.required("refresh_token")?);
    let unknown = "the refresh token is unknown, or was given to another client";
    let row = tokens::find_refresh(&mut conn, hash.as_str()).await?.ok_or_else(|| Failure::grant(unknown))?;
    let grant = tokens::find_grant(&mut conn, &row.grant_id).await?;
    let grant = grant.filter(|g| g.client_id == client.id).ok_or_else(|| Failure::grant(unknown))?;
    request.check_bound(row.bound_to.as_deref())?;
    if row.spent_at.is_some() {
        return Err(request.reused(conn, &grant, "the refresh token has been used before").await?);
    }
    if row.expires_at <= now {
        return Err(Failure::grant("the refresh token has expired"));
    }
    let person = request.holder(&mut conn, &grant).await?;
    drop(conn);
    let scopes = request.narrowed_scopes(Scopes::parse(&grant.scopes))?;
    let resources = request.narrowed_resources(&GrantDetails::of(&grant).resources)?;

    let next = Token::generate(&mut entropy());
    let ring = provider.keys.ring(now).await?;
    let subject = provider.subject(client, &person.id)?;
    let mint = Mint { provider, ring: &ring, client, grant: &grant, subject: &subject, now };
    let access = Access { scopes: Some(&scopes), resources: &resources, bound: request.bound.as_ref() };
    // OIDC Core §12.2: the nonce was for the first ID token.
    let issued = mint.issue(access, IdTokenParts::default())?;
    let mut tx = provider.signin.db.write().await?;
    if !tokens::spend_refresh(&mut tx, hash.as_str(), Some(next.hash().as_str()), now).await? {
        drop(tx);
        let conn = provider.signin.db.read().await?;
        return Err(request.reused(conn, &grant, "the refresh token has been used before").await?);
    }
    request.keep_refresh(&mut tx, &grant, &next).await?;
    tx.commit().await?;
    Ok(issued.with_refresh(Some(next)))
}
