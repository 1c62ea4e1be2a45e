//! `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4 and §3.5): has a person decided about this device?

use super::{TokenRequest, ended};
use crate::keys::secret::TokenHash;
use crate::oidc::shared::claims;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::Failure;
use crate::oidc::shared::scopes::Scope;
use crate::oidc::tokens::mint::{Access, IdTokenParts, Issued, Mint};
use crate::oidc::tokens::standing::{Granted, Standing};
use crate::store::{device_codes, is_over};

/// Answers a device that asks whether it may have its tokens.
pub(super) async fn ask(request: &TokenRequest<'_>) -> Result<Issued, Failure> {
    let (client, now) = (request.client, request.now);
    let hash = TokenHash::of(request.required("device_code")?);
    let mut conn = request.provider.signin.db.read().await?;
    let device = device_codes::find(&mut conn, hash.as_str()).await?;
    let device = device.filter(|device| device.client_id == client.id);
    let device =
        device.ok_or_else(|| Failure::grant("the device code is unknown, or was given to another client"))?;
    if device.spent_at.is_some() {
        return Err(used());
    }
    if device.denied_at.is_some() {
        return Err(refuse(Code::AccessDenied, "the person said no"));
    }
    if is_over(device.created_at, device.expires_at, now) {
        drop(conn);
        let mut tx = request.provider.signin.db.write().await?;
        device_codes::expire(&mut tx, hash.as_str()).await?;
        tx.commit().await?;
        return Err(refuse(Code::ExpiredToken, "the device code has expired: ask for a new one"));
    }
    let Some(grant_id) = device.grant_id else {
        drop(conn);
        return Err(wait(request, hash.as_str()).await?);
    };
    let granted = Granted::find(&mut conn, &grant_id).await?;
    let granted = granted.ok_or_else(|| Failure::grant("the grant has ended"))?;
    let Standing { grant, person, scopes, details, .. } = request.standing(&mut conn, granted).await?;
    let (named, with_scopes) = (&details.id_token_claims, client.metadata.id_token_claims);
    let claims = claims::of_id_token(&mut conn, &person, &scopes, named, with_scopes).await?;
    drop(conn);
    let resources = request.narrowed_resources(&details.resources)?;

    let offline = client.metadata.may_refresh() && scopes.has(Scope::OfflineAccess);
    let refresh = offline.then(|| request.provider.grant_token());
    let provider = request.provider;
    let ring = provider.keys.ring(now).await?;
    let subject = provider.subject(client, &person.id)?;
    let mint = Mint { provider, ring: &ring, client, grant: &grant, subject: &subject, now };
    let access = Access {
        scopes: Some(&scopes),
        resources: &resources,
        bound: request.bound.as_ref(),
        ..Access::default()
    };
    let issued = mint.issue(access, IdTokenParts { claims, ..IdTokenParts::default() })?;
    let mut tx = provider.signin.db.write().await?;
    if let Some(refresh) = &refresh {
        request.keep_refresh(&mut tx, &grant, refresh).await?;
    }
    if !device_codes::spend(&mut tx, hash.as_str(), now).await.map_err(ended)? {
        return Err(used());
    }
    tx.commit().await?;
    Ok(issued.with_refresh(refresh))
}

/// Nobody has decided yet: the device asks again, and not more often than it may.
async fn wait(request: &TokenRequest<'_>, code_hash: &str) -> Result<Failure, Failure> {
    let mut tx = request.provider.signin.db.write().await?;
    let in_time = device_codes::poll(&mut tx, code_hash, request.now).await?;
    tx.commit().await?;
    Ok(if in_time {
        refuse(Code::AuthorizationPending, "the person has not decided yet: ask again")
    } else {
        refuse(Code::SlowDown, "the device asks too often: wait 5 seconds longer from now on")
    })
}

/// A device that asks twice at once has done no harm: unlike that of an authorization code, its code never leaves it.
fn used() -> Failure {
    Failure::grant("the device code has been used before")
}

fn refuse(code: Code, description: &str) -> Failure {
    Failure::request(Refusal::new(code, description))
}
