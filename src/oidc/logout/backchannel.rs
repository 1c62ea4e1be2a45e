//! Who tells the apps that a session has ended, and how often? (OIDC Back-Channel Logout 1.0)
//!
//! Whatever ends a session leaves its notices owed, in the transaction in which it ends. They are sent from here, by whichever process
//! takes them first. A session that nobody ends, but that grows too old, is no reason to sign anybody out of an app.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use crate::audit::{Actor, Event};
use crate::keys::secret::{entropy, new_id};
use crate::oidc::clients::encryption::{Content, Encrypter};
use crate::oidc::clients::{self, Client};
use crate::oidc::provider::Provider;
use crate::oidc::shared::kinds::Kind;
use crate::outbound::{For, Turn};
use crate::store;
use crate::store::session_clients::{self, ClaimedNotice, Signed};
use crate::trace::carried;

/// What a logout token says has happened (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How long a logout token holds, in seconds (§2.4 recommends 2 minutes at most).
const LIFETIME: i64 = 120;

/// Notices looked for at once.
const BATCH: i64 = 32;

/// How often notices are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After how many seconds another process may take a notice for lost: longer than any request to an app.
const LEASE: i64 = 30;

/// What has become of a notice while somebody waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The app has taken it.
    Told,
    /// The app has no address for it.
    Silent,
    /// The app has refused it, or could not be reached for good.
    Failed,
    /// It is on its way, or will be tried again.
    Underway,
}

/// Sends notices until `shutdown` ends, then finishes what is under way.
pub async fn run(provider: Arc<Provider>, shutdown: impl Future<Output = ()>) {
    let work = async {
        loop {
            // Whoever has no place now gets one as soon as one of their own is free.
            if send_due(&provider).await {
                let _ = tokio::time::timeout(LOOK_EVERY, provider.notices.sent.notified()).await;
            } else {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    };
    tokio::select! {
        () = shutdown => {}
        () = work => {}
    }
    provider.notices.places.finish().await;
}

/// Starts sending what is due and has a place; whether there is more that could be sent once another place is free.
async fn send_due(provider: &Arc<Provider>) -> bool {
    let (mut more, now) = (false, provider.signin.clock.now());
    for party in [For::Known, For::Stranger] {
        let due = match provider.signin.db.read().await {
            Ok(mut conn) => session_clients::due(&mut conn, party == For::Stranger, now, BATCH).await,
            Err(e) => Err(e),
        };
        let due = due.unwrap_or_else(|error| {
            tracing::warn!(%error, "the queue of logout notices cannot be read");
            Vec::new()
        });
        more |= !due.is_empty();
        for notice in due {
            let Some(place) = provider.notices.places.take(party, &notice.client_id) else { continue };
            match claim(provider, &notice).await {
                Ok(Some(claimed)) => drop(start(provider, claimed, place)),
                Ok(None) => {}
                Err(error) => {
                    failed(provider, &notice.client_id, &error);
                }
            }
        }
    }
    // What could not be claimed is due again at once: it waits for the next look.
    more && !provider.notices.struck.swap(false, Ordering::Relaxed)
}

/// Sends the notices of a session that has just ended, and waits at most `patience` for their outcomes, one for each of `notices`.
/// The sending goes on in the background, whether or not anybody waits.
pub(super) async fn tell(provider: &Arc<Provider>, notices: &[Signed], patience: Duration) -> Vec<Outcome> {
    let waiting: Vec<_> = notices
        .iter()
        .map(|notice| {
            let (provider, notice) = (Arc::clone(provider), notice.clone());
            let sending = async move { told(&provider, &notice).await };
            tokio::spawn(carried(tokio::time::timeout(patience, sending)))
        })
        .collect();
    let mut outcomes = Vec::new();
    for sent in waiting {
        let outcome = sent.await.ok().and_then(Result::ok);
        outcomes.push(outcome.unwrap_or(Outcome::Underway));
    }
    outcomes
}

/// Waits for a place, sends, and waits for what becomes of it.
async fn told(provider: &Arc<Provider>, notice: &Signed) -> Outcome {
    let sending = async {
        let mut conn = provider.signin.db.read().await?;
        let client = clients::find(&mut conn, &notice.client_id).await?;
        drop(conn);
        let party = client.map_or(For::Stranger, |client| client.party());
        let Some(place) = provider.notices.places.wait(party, &notice.client_id).await else {
            return Ok(Outcome::Underway);
        };
        let Some(claimed) = claim(provider, notice).await? else { return Ok(Outcome::Underway) };
        Ok(start(provider, claimed, place).await.unwrap_or(Outcome::Underway))
    };
    sending.await.unwrap_or_else(|error: store::Error| failed(provider, &notice.client_id, &error))
}

/// Takes a notice; none when somebody else has.
async fn claim(provider: &Provider, notice: &Signed) -> store::Result<Option<ClaimedNotice>> {
    let now = provider.signin.clock.now();
    let mut tx = provider.signin.db.write().await?;
    let claimed = session_clients::claim(&mut tx, notice, now + LEASE, now).await?;
    tx.commit().await?;
    Ok(claimed)
}

/// Sends in a task of its own, which nothing that its caller does cuts short.
fn start(provider: &Arc<Provider>, claimed: ClaimedNotice, place: Turn) -> JoinHandle<Outcome> {
    let provider = Arc::clone(provider);
    tokio::spawn(carried(async move {
        let outcome = send(&provider, &claimed).await;
        let outcome = outcome.unwrap_or_else(|error| failed(&provider, &claimed.client_id, &error));
        drop(place);
        provider.notices.sent.notify_one();
        outcome
    }))
}

fn failed(provider: &Provider, client_id: &str, error: &store::Error) -> Outcome {
    provider.notices.struck.store(true, Ordering::Relaxed);
    tracing::error!(client = client_id, %error, "a logout notice could not be handled");
    Outcome::Underway
}

async fn send(provider: &Provider, claimed: &ClaimedNotice) -> store::Result<Outcome> {
    let (db, now) = (&provider.signin.db, provider.signin.clock.now());
    let mut conn = db.read().await?;
    let client = clients::find(&mut conn, &claimed.client_id).await?;
    drop(conn);
    let Some((client, uri)) = client.and_then(|c| c.metadata.backchannel_logout_uri.clone().map(|u| (c, u)))
    else {
        settle(provider, claimed, None).await?;
        return Ok(Outcome::Silent);
    };
    let answer = match logout_token(provider, &client, claimed, now).await {
        Ok(token) => post(provider, &client, &uri, &token).await,
        Err(reason) => Err(reason),
    };
    let fate = fate(claimed.attempts, answer.as_ref().ok().copied());
    let said = answer.map_or_else(|reason| reason, |status| format!("answered {status}"));
    tracing::info!(client = client.id, attempt = claimed.attempts, ?fate, said, "logout notice");
    match fate {
        Fate::Told => {
            settle(provider, claimed, None).await?;
            Ok(Outcome::Told)
        }
        Fate::GivenUp => {
            settle(provider, claimed, Some(&said)).await?;
            Ok(Outcome::Failed)
        }
        Fate::RetryAfter(pause) => {
            let mut tx = db.write().await?;
            session_clients::defer(&mut tx, claimed, provider.signin.clock.now() + pause).await?;
            tx.commit().await?;
            Ok(Outcome::Underway)
        }
    }
}

/// §2.5: the logout token is the only parameter.
async fn post(provider: &Provider, client: &Client, uri: &str, token: &str) -> Result<u16, String> {
    let sent =
        provider.outbound.on_behalf_of(client.party()).post_form(uri, &[("logout_token", token)]).await;
    sent.map_err(|error| error.to_string())
}

/// Settles a notice, and writes down why the app has not been told, if it has not.
async fn settle(provider: &Provider, claimed: &ClaimedNotice, failed: Option<&str>) -> store::Result<()> {
    let now_ms = provider.signin.clock.now_ms();
    let mut tx = provider.signin.db.write().await?;
    let settled = session_clients::finish(&mut tx, claimed, now_ms / 1000).await?;
    if let (true, Some(reason)) = (settled, failed) {
        Event::new("logout.not_told", Actor::System)
            .user(&claimed.user_id)
            .client(&claimed.client_id)
            .detail("reason", reason)
            .detail("attempts", claimed.attempts)
            .record(&mut tx, now_ms, &mut entropy())
            .await?;
    }
    tx.commit().await
}

/// §2.4, signed as this client's ID tokens are.
async fn logout_token(
    provider: &Provider,
    client: &Client,
    claimed: &ClaimedNotice,
    now: i64,
) -> Result<String, String> {
    let subject = provider.subject(client, &claimed.user_id).map_err(|e| e.to_string())?;
    let session = provider.session_name(client, &claimed.session_id).map_err(|e| e.to_string())?;
    let ring = provider.keys.ring(now).await.map_err(|e| e.to_string())?;
    let claims = Map::from_iter([
        ("iss".to_owned(), Value::from(provider.issuer.as_str())),
        ("sub".to_owned(), Value::from(subject)),
        ("aud".to_owned(), Value::from(client.id.as_str())),
        ("iat".to_owned(), Value::from(now)),
        ("exp".to_owned(), Value::from(now + LIFETIME)),
        ("jti".to_owned(), Value::from(new_id(&mut entropy()))),
        ("events".to_owned(), json!({ EVENT: {} })),
        ("sid".to_owned(), Value::from(session)),
    ]);
    let algorithm = provider.algorithm_for(client);
    let signed = ring.sign(algorithm, Kind::LogoutToken.typ(), &claims, now).map_err(|e| e.to_string())?;
    // As its ID tokens (§2.4).
    let how = client.metadata.id_token_encryption();
    match Encrypter::of(&provider.client_keys, client, how, now).await.map_err(|e| e.to_string())? {
        Some(encrypter) => encrypter.encrypt(&signed, Content::Jwt).map_err(|e| e.to_string()),
        None => Ok(signed),
    }
}

/// What happens to a notice after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The app has taken it.
    Told,
    /// It is tried again after so many seconds.
    RetryAfter(i64),
    /// It is not tried again.
    GivenUp,
}

/// Decides by the status that the app has answered to the `attempt` (from 1), if it has. 200 and 204 are success, and 400 says that
/// the app will not have it (§2.8); anything else may pass.
fn fate(attempt: i64, status: Option<u16>) -> Fate {
    match (status, attempt) {
        (Some(200..=299), _) => Fate::Told,
        (Some(400), _) => Fate::GivenUp,
        (_, ..=1) => Fate::RetryAfter(5),
        (_, 2) => Fate::RetryAfter(30),
        (_, 3) => Fate::RetryAfter(120),
        (_, 4) => Fate::RetryAfter(300),
        _ => Fate::GivenUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fate_of_a_notice() {
        for (attempt, status, expected) in [
            (1, Some(200), Fate::Told),
            (5, Some(204), Fate::Told),
            (1, Some(400), Fate::GivenUp),
            (1, None, Fate::RetryAfter(5)),
            (1, Some(500), Fate::RetryAfter(5)),
            (1, Some(302), Fate::RetryAfter(5)),
            (2, Some(404), Fate::RetryAfter(30)),
            (3, None, Fate::RetryAfter(120)),
            (4, None, Fate::RetryAfter(300)),
            (5, None, Fate::GivenUp),
            (9, Some(503), Fate::GivenUp),
        ] {
            assert_eq!(fate(attempt, status), expected, "{attempt} {status:?}");
        }
    }
}
