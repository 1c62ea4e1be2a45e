//! `refresh_token` (RFC 6749 §6), with rotation: one that comes a second time ends its family (RFC 9700 §4.14.2), unless its
//! app may have lost the answer, or has two tabs that refreshed at once.

use super::{TokenRequest, ended};
use crate::keys::secret::GrantToken;
use crate::oidc::shared::claims;
use crate::oidc::shared::failure::Failure;
use crate::oidc::shared::scopes::{Scope, Scopes};
use crate::oidc::tokens::mint::{Access, IdTokenParts, Issued, Mint};
use crate::oidc::tokens::standing::{Granted, Standing};
use crate::store::standing::Behind;
use crate::store::tokens::{self, GrantRow, RefreshRow};
use crate::store::{self, Conn};

/// What is said when several requests with the same token come at once, and others were ahead.
const OVERTAKEN: &str = "the refresh token is used by other requests at this moment";

/// What is said of a token that was used up.
const REUSED: &str = "the refresh token has been used before";

/// How often a request looks again that another one was faster than: first use and retry can be taken before it once each.
const LOOKS: usize = 3;

/// What a refresh token that comes is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use<'a> {
    /// It was never used.
    First,
    /// It was used a moment ago, and nothing has used the one that was given for it: the answer was lost, or another tab of the
    /// same app had it. It gets another one; both are good from here on.
    Retry {
        /// The hash of the one that was given before.
        sibling: &'a str,
    },
    /// The same, and it has been retried already.
    Overtaken,
    /// It was used up.
    Reused,
}

/// Gives new tokens for a refresh token, and another refresh token in its place; that of a FAPI 2.0 client stays
/// (§5.3.2.1: no rotation, its key or its client's proof protects it).
pub(super) async fn refresh(request: &TokenRequest<'_>) -> Result<Issued, Failure> {
    let hash = GrantToken::hash_of(request.required("refresh_token")?);
    for look in 0..LOOKS {
        if let Some(issued) = try_once(request, hash.as_str(), look > 0).await? {
            return Ok(issued);
        }
    }
    Err(Failure::grant(OVERTAKEN))
}

/// None when another request was faster. One that looks `again` has lost to one that came at the same time, and ends nothing.
async fn try_once(request: &TokenRequest<'_>, hash: &str, again: bool) -> Result<Option<Issued>, Failure> {
    let (provider, client, now) = (request.provider, request.client, request.now);
    let mut conn = provider.signin.db.read().await?;
    let unknown = "the refresh token is unknown, or was given to another client";
    let found = store::standing::of_refresh(&mut conn, hash).await?;
    let Behind { token: row, granted } = found.ok_or_else(|| Failure::grant(unknown))?;
    let granted = Granted::of(granted)?.of_client(client).ok_or_else(|| Failure::grant(unknown))?;
    request.check_bound(row.bound_to.as_deref())?;
    let usage = usage(&row, request.retry_window(), now);
    match usage {
        Use::First | Use::Retry { .. } => {}
        Use::Overtaken => return Err(Failure::grant(OVERTAKEN)),
        Use::Reused if again => return Err(Failure::grant(OVERTAKEN)),
        Use::Reused => {
            drop(conn);
            request.reused(&granted.grant).await?;
            return Err(Failure::grant(REUSED));
        }
    }
    if row.expires_at <= now {
        drop(conn);
        let mut tx = provider.signin.db.write().await?;
        tokens::expire_refresh(&mut tx, hash, now).await?;
        tx.commit().await?;
        return Err(Failure::grant("the refresh token has expired"));
    }
    let standing = request.standing(&mut conn, granted).await?;
    if !standing.scopes.has(Scope::OfflineAccess) {
        return Err(Failure::grant(
            "this client is no longer registered for refresh tokens (offline_access)",
        ));
    }
    let issued = issue(request, &standing, conn).await?;
    let stays = usage == Use::First && client.metadata.is_fapi2();
    let next = (!stays).then(|| provider.grant_token());
    let grant = &standing.grant;
    if (Using { hash, usage, next: next.as_ref() }).commit(request, grant).await? {
        return Ok(Some(issued.with_refresh(next)));
    }
    if request.retry_window() > 0 {
        return Ok(None);
    }
    request.reused(grant).await?;
    Err(Failure::grant(REUSED))
}

/// The new tokens, but for the refresh token.
async fn issue(request: &TokenRequest<'_>, standing: &Standing, mut conn: Conn) -> Result<Issued, Failure> {
    let (provider, client, now) = (request.provider, request.client, request.now);
    let Standing { grant, person, scopes, details, .. } = standing;
    let scopes = request.narrowed_scopes(&Scopes::parse(&grant.scopes), scopes)?;
    let resources = request.narrowed_resources(&details.resources)?;
    let (named, with_scopes) = (&details.id_token_claims, client.metadata.id_token_claims);
    let claims = claims::of_id_token(&mut conn, person, &scopes, named, with_scopes).await?;
    drop(conn);
    let ring = provider.keys.ring(now).await?;
    let subject = provider.subject(client, &person.id)?;
    let mint = Mint { provider, ring: &ring, client, grant, subject: &subject, now };
    let access = Access {
        scopes: Some(&scopes),
        resources: &resources,
        bound: request.bound.as_ref(),
        ..Access::default()
    };
    // OIDC Core §12.2: the nonce was for the first ID token; what that said of the person, this one says too.
    Ok(mint.issue(access, IdTokenParts { claims, ..IdTokenParts::default() })?)
}

impl TokenRequest<'_> {
    /// How long a token may be retried, in seconds.
    fn retry_window(&self) -> i64 {
        self.provider.tokens.refresh_retry.as_secs()
    }
}

/// Decides that; a token may be retried for `window` seconds.
fn usage(row: &RefreshRow, window: i64, now: i64) -> Use<'_> {
    let Some(spent_at) = row.spent_at else { return Use::First };
    let soon = window > 0 && now - spent_at <= window;
    match (row.waiting_successor.as_deref(), row.retried_at) {
        (Some(sibling), None) if soon => Use::Retry { sibling },
        (Some(_), Some(_)) if soon => Use::Overtaken,
        _ => Use::Reused,
    }
}

/// A refresh token that is about to be used.
struct Using<'a> {
    hash: &'a str,
    usage: Use<'a>,
    /// What is given for it; none where it stays.
    next: Option<&'a GrantToken>,
}

impl Using<'_> {
    /// Writes it down in one transaction; false, and nothing is written, when another request was faster. The new one comes first:
    /// it holds the grant, and whoever deletes that comes before all of this or after it.
    async fn commit(&self, request: &TokenRequest<'_>, grant: &GrantRow) -> Result<bool, Failure> {
        let now = request.now;
        let mut tx = request.provider.signin.db.write().await?;
        if let Some(next) = self.next {
            request.keep_refresh(&mut tx, grant, next).await?;
        }
        let done = match (self.next, self.usage) {
            (None, _) => {
                let until = request.refresh_until(grant);
                tokens::renew_refresh(&mut tx, self.hash, until, now).await?
            }
            (Some(_), Use::Retry { sibling }) => {
                let since = now - request.retry_window();
                tokens::retry_refresh(&mut tx, self.hash, sibling, since, now).await.map_err(ended)?
            }
            (Some(next), _) => {
                let successor = next.hash();
                tokens::spend_refresh(&mut tx, self.hash, Some(successor.as_str()), now)
                    .await
                    .map_err(ended)?
            }
        };
        // Whoever was faster is to be seen by then.
        if done {
            tx.commit().await?;
        } else {
            tx.give_up().await?;
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_token_may_be_retried_once_and_soon_while_its_successor_waits() {
        let row = |spent_at, retried_at, successor: Option<&str>| RefreshRow {
            grant_id: "g".to_owned(),
            expires_at: 10_000,
            spent_at,
            bound_to: None,
            retried_at,
            waiting_successor: successor.map(str::to_owned),
        };
        let next = Some("next");
        let retry = Use::Retry { sibling: "next" };
        for (spent_at, retried_at, successor, window, expected) in [
            (None, None, None, 10, Use::First),
            (None, None, None, 0, Use::First),
            (Some(1000), None, next, 10, retry),
            (Some(990), None, next, 10, retry),
            (Some(989), None, next, 10, Use::Reused),
            (Some(1000), None, None, 10, Use::Reused),
            (Some(1000), None, next, 0, Use::Reused),
            (Some(995), Some(996), next, 10, Use::Overtaken),
            (Some(995), Some(996), None, 10, Use::Reused),
            (Some(989), Some(996), next, 10, Use::Reused),
        ] {
            assert_eq!(usage(&row(spent_at, retried_at, successor), window, 1000), expected, "{spent_at:?}");
        }
    }
}
