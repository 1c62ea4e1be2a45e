//! A sign-in ends, and the app gets nothing: once, and whole.

use axum::response::Response;

use super::super::answer;
use super::super::pending::Pending;
use super::super::request::AuthorizationRequest;
use crate::audit::{Actor, Event};
use crate::keys::secret::entropy;
use crate::oidc::clients::NOT_ADMITTED;
use crate::oidc::provider::Provider;
use crate::oidc::shared::error::{Code, Refusal};
use crate::store::{Tx, device_codes, pushed_requests, signins};
use crate::web::Problem;
use crate::web::network::Network;

/// Ends a sign-in with an error to the app. It goes on the audit log as the refusal of whoever has proven something (`user`): what
/// nobody has put a password to, anybody could begin and end as often as they like.
pub(in crate::oidc::authorize) async fn refuse(
    provider: &Provider,
    pending: &Pending,
    user: Option<&str>,
    refusal: &Refusal,
    (network, now_ms): (&Network, i64),
) -> Result<Response, Problem> {
    let mut tx = provider.signin.db.write().await?;
    signins::close(&mut tx, &pending.signin.id, now_ms / 1000).await?;
    // That is an answer too.
    use_up(&mut tx, &pending.request, now_ms / 1000).await?;
    deny_device(&mut tx, &pending.request, now_ms / 1000).await?;
    if let Some(user) = user {
        let event = Event::new("signin.refused", Actor::Anonymous).user(user).network(network.to_string());
        let event = match &pending.signin.client_id {
            Some(client_id) => event.client(client_id),
            None => event,
        };
        let event = event.detail("error", refusal.code.name());
        // The same code for both: whoever registers apps mends one of them, and the other is nothing to mend.
        let why = if refusal.description == NOT_ADMITTED { "group" } else { "declined" };
        let event = if refusal.code == Code::AccessDenied { event.detail("why", why) } else { event };
        event.record(&mut tx, now_ms, &mut entropy()).await?;
    }
    tx.commit().await?;
    answer::refuse(provider, &pending.client, &pending.request.return_to, refusal, now_ms / 1000).await
}

/// Uses up what was pushed for this request; false when another sign-in has done so.
pub(super) async fn use_up(tx: &mut Tx, request: &AuthorizationRequest, now: i64) -> Result<bool, Problem> {
    let Some(hash) = &request.pushed_as else { return Ok(true) };
    Ok(pushed_requests::use_up(tx, hash, now).await?)
}

/// Nothing more will come for a device whose sign-in is refused.
pub(super) async fn deny_device(
    tx: &mut Tx,
    request: &AuthorizationRequest,
    now: i64,
) -> Result<(), Problem> {
    if let Some(waiting) = request.return_to.device() {
        device_codes::deny(tx, &waiting.device_code_hash, now).await?;
    }
    Ok(())
}
