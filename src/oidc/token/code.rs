//! `authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.6): is this the client that the code was given to, and the first time?

use super::{TokenRequest, ended};
use crate::keys::secret::{GrantToken, base64url, same, sha256};
use crate::oidc::shared::claims;
use crate::oidc::shared::failure::Failure;
use crate::oidc::shared::scopes::Scope;
use crate::oidc::shared::slip::Slip;
use crate::oidc::tokens::mint::{Access, IdTokenParts, Issued, Mint};
use crate::oidc::tokens::standing::{Granted, Standing};
use crate::store::standing::Behind;
use crate::store::tokens::{self, GrantRow};
use crate::store::{self, is_over};

/// Redeems a code. Everything about the request is checked before a code that has been used ends its grant: whoever holds no
/// more than a leaked code can do no harm with it.
pub(super) async fn redeem(request: &TokenRequest<'_>) -> Result<Issued, Failure> {
    let (provider, client, now) = (request.provider, request.client, request.now);
    let hash = GrantToken::hash_of(request.required("code")?);
    let mut conn = provider.signin.db.read().await?;
    let unknown = "the code is unknown, or was given to another client";
    let found = store::standing::of_code(&mut conn, hash.as_str()).await?;
    let Behind { token: code, granted } = found.ok_or_else(|| Failure::code(unknown, Slip::Code))?;
    let granted =
        Granted::of(granted)?.of_client(client).ok_or_else(|| Failure::code(unknown, Slip::Code))?;
    let grant = &granted.grant;
    check_redirect_uri(request, &code.redirect_uri)?;
    check_verifier(code.code_challenge.as_deref(), request.form.get("code_verifier"))?;
    request.check_bound(code.bound_to.as_deref())?;
    if code.spent_at.is_some() {
        drop(conn);
        request.reused(grant).await?;
        return Err(used());
    }
    if is_over(grant.created_at, code.expires_at, now) {
        drop(conn);
        let mut tx = provider.signin.db.write().await?;
        tokens::expire_code(&mut tx, hash.as_str()).await?;
        tx.commit().await?;
        return Err(Failure::code("the code has expired", Slip::Code));
    }
    let standing = request.standing(&mut conn, granted).await?;
    let Standing { grant, person, scopes, details, .. } = standing;
    // A code that went where the operator no longer wants answers to go may be in anybody's hands (RFC 9700 §4.1).
    if details.sent_to.as_deref().is_some_and(|uri| !client.metadata.allows_redirect_to(uri)) {
        return Err(Failure::grant("the code was sent to a redirect_uri that is no longer registered"));
    }
    let resources = request.narrowed_resources(&details.resources)?;
    let (named, with_scopes) = (&details.id_token_claims, client.metadata.id_token_claims);
    let claims = claims::of_id_token(&mut conn, &person, &scopes, named, with_scopes).await?;
    drop(conn);

    let offline = client.metadata.may_refresh() && scopes.has(Scope::OfflineAccess);
    let refresh = offline.then(|| provider.grant_token());
    let ring = provider.keys.ring(now).await?;
    let subject = provider.subject(client, &person.id)?;
    let mint = Mint { provider, ring: &ring, client, grant: &grant, subject: &subject, now };
    let access = Access {
        scopes: Some(&scopes),
        resources: &resources,
        bound: request.bound.as_ref(),
        ..Access::default()
    };
    let parts = IdTokenParts { nonce: grant.nonce.as_deref(), claims, ..IdTokenParts::default() };
    let issued = mint.issue(access, parts)?;
    if !spend(request, hash.as_str(), &grant, refresh.as_ref()).await? {
        request.reused(&grant).await?;
        return Err(used());
    }
    Ok(issued.with_refresh(refresh))
}

/// An app that sends a code again is told apart from one that sends something else: either is a mistake of its own.
fn used() -> Failure {
    Failure::code("the code has been used before", Slip::Code)
}

/// Spends the code, and keeps what is given for it; false, and nothing is kept, when another request was faster.
async fn spend(
    request: &TokenRequest<'_>,
    hash: &str,
    grant: &GrantRow,
    refresh: Option<&GrantToken>,
) -> Result<bool, Failure> {
    let mut tx = request.provider.signin.db.write().await?;
    let Some(refresh) = refresh else {
        let spent = tokens::spend_code(&mut tx, hash, request.now)?;
        // Alone, it may be committed whatever it finds.
        tx.commit().await?;
        return Ok(spent.happened()?);
    };
    request.keep_refresh(&mut tx, grant, refresh).await?;
    let spent = tokens::spend_code(&mut tx, hash, request.now)?;
    tx.answers().await.map_err(ended)?;
    if !spent.happened()? {
        return Ok(false);
    }
    tx.commit().await?;
    Ok(true)
}

/// RFC 6749 §4.1.3: the address of the authorization request again, if that had one.
fn check_redirect_uri(request: &TokenRequest<'_>, before: &str) -> Result<(), Failure> {
    let fits = match request.form.get("redirect_uri") {
        None if before.is_empty() => true,
        Some(uri) if before.is_empty() => request.client.metadata.redirect_uris.iter().any(|one| one == uri),
        _ => request.required("redirect_uri")? == before,
    };
    if fits {
        Ok(())
    } else {
        Err(Failure::code("redirect_uri is not that of the authorization request", Slip::CodeRedirectUri))
    }
}

/// PKCE: a verifier where there was a challenge, and none where there was none (RFC 9700 §2.1.1).
fn check_verifier(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), Failure> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => {
            Err(Failure::code("code_verifier is missing (RFC 7636 section 4.5)", Slip::Verifier))
        }
        (None, Some(_)) => Err(Failure::code(
            "there is a code_verifier, and there was no code_challenge (RFC 9700 section 2.1.1)",
            Slip::Verifier,
        )),
        (Some(challenge), Some(verifier)) => {
            let hashed = base64url(&sha256(verifier.as_bytes()));
            let fits = (43..=128).contains(&verifier.len()) && same(hashed.as_bytes(), challenge.as_bytes());
            if fits {
                Ok(())
            } else {
                Err(Failure::code("code_verifier does not fit the code_challenge", Slip::Verifier))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_must_fit_and_must_not_come_uncalled() {
        // RFC 7636 appendix B
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(check_verifier(challenge, Some(verifier)).is_ok());
        assert!(check_verifier(None, None).is_ok());
        assert!(check_verifier(challenge, None).is_err());
        assert!(check_verifier(None, Some(verifier)).is_err());
        assert!(check_verifier(challenge, Some(&verifier.replace('d', "e"))).is_err());
        assert!(check_verifier(challenge, Some("short")).is_err());
    }
}
