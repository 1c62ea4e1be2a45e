//! `refresh_token` (RFC 6749 §6), with rotation: one that comes a second time ends its family (RFC 9700 §4.14.2), unless its
//! app may have lost the answer.

use super::TokenRequest;
use crate::keys::secret::{Token, TokenHash, entropy};
use crate::oidc::shared::failure::Failure;
use crate::oidc::shared::scopes::Scopes;
use crate::oidc::tokens::details::GrantDetails;
use crate::oidc::tokens::mint::{Access, IdTokenParts, Issued, Mint};
use crate::store::Conn;
use crate::store::tokens::{self, GrantRow, RefreshRow};

/// What is said when one of several requests with the same token comes out ahead.
const OVERTAKEN: &str = "the refresh token is used by another request at this moment";

/// What is said of a token that was used up.
const REUSED: &str = "the refresh token has been used before";

/// What a refresh token that comes is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use<'a> {
    /// It was never used.
    First,
    /// It was used a moment ago, and nothing has used the one that was given for it: that must be lost.
    Retry {
        /// The hash of that one.
        lost: &'a str,
    },
    /// The same, and it has been retried already.
    Overtaken,
    /// It was used up.
    Reused,
}

/// Gives new tokens for a refresh token, and another refresh token in its place; that of a FAPI 2.0 client stays
/// (§5.3.2.1: no rotation, its key or its client's proof protects it).
pub(super) async fn refresh(request: &TokenRequest<'_>, mut conn: Conn) -> Result<Issued, Failure> {
    let (provider, client, now) = (request.provider, request.client, request.now);
    let hash = TokenHash::of(request.required("refresh_token")?);
    let unknown = "the refresh token is unknown, or was given to another client";
    let row = tokens::find_refresh(&mut conn, hash.as_str()).await?.ok_or_else(|| Failure::grant(unknown))?;
    let grant = tokens::find_grant(&mut conn, &row.grant_id).await?;
    let grant = grant.filter(|g| g.client_id == client.id).ok_or_else(|| Failure::grant(unknown))?;
    request.check_bound(row.bound_to.as_deref())?;
    let usage = usage(&row, request.retry_window(), now);
    match usage {
        Use::First | Use::Retry { .. } => {}
        Use::Overtaken => return Err(Failure::grant(OVERTAKEN)),
        Use::Reused => return Err(request.reused(conn, &grant, REUSED).await?),
    }
    if row.expires_at <= now {
        return Err(Failure::grant("the refresh token has expired"));
    }
    let person = request.holder(&mut conn, &grant).await?;
    drop(conn);
    let scopes = request.narrowed_scopes(Scopes::parse(&grant.scopes))?;
    let resources = request.narrowed_resources(&GrantDetails::of(&grant).resources)?;

    let ring = provider.keys.ring(now).await?;
    let subject = provider.subject(client, &person.id)?;
    let mint = Mint { provider, ring: &ring, client, grant: &grant, subject: &subject, now };
    let access = Access {
        scopes: Some(&scopes),
        resources: &resources,
        bound: request.bound.as_ref(),
        ..Access::default()
    };
    // OIDC Core §12.2: the nonce was for the first ID token.
    let issued = mint.issue(access, IdTokenParts::default())?;
    let stays = usage == Use::First && client.metadata.is_fapi2();
    let next = (!stays).then(|| Token::generate(&mut entropy()));
    let using = Using { hash: hash.as_str(), usage, next: next.as_ref() };
    if using.commit(request, &grant).await? {
        return Ok(issued.with_refresh(next));
    }
    if request.retry_window() > 0 {
        return Err(Failure::grant(OVERTAKEN));
    }
    let conn = provider.signin.db.read().await?;
    Err(request.reused(conn, &grant, REUSED).await?)
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
        (Some(lost), None) if soon => Use::Retry { lost },
        (Some(_), Some(_)) if soon => Use::Overtaken,
        _ => Use::Reused,
    }
}

/// A refresh token that is about to be used.
struct Using<'a> {
    hash: &'a str,
    usage: Use<'a>,
    /// What is given for it; none where it stays.
    next: Option<&'a Token>,
}

impl Using<'_> {
    /// Writes it down in one transaction; false, and nothing is written, when another request was faster.
    async fn commit(&self, request: &TokenRequest<'_>, grant: &GrantRow) -> Result<bool, Failure> {
        let now = request.now;
        let mut tx = request.provider.signin.db.write().await?;
        let done = match (self.next, self.usage) {
            (None, _) => {
                let until = request.refresh_until(grant);
                tokens::renew_refresh(&mut tx, self.hash, until, now).await?
            }
            (Some(next), Use::Retry { lost }) => {
                let since = now - request.retry_window();
                tokens::retry_refresh(&mut tx, self.hash, lost, next.hash().as_str(), since, now).await?
            }
            (Some(next), _) => {
                tokens::spend_refresh(&mut tx, self.hash, Some(next.hash().as_str()), now).await?
            }
        };
        if done {
            if let Some(next) = self.next {
                request.keep_refresh(&mut tx, grant, next).await?;
            }
            tx.commit().await?;
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
        let retry = Use::Retry { lost: "next" };
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
