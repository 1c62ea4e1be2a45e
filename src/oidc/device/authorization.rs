//! The device authorization endpoint (RFC 8628 §3.1 and §3.2): which codes does a device get to show and to ask with?

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::DeviceRequest;
use crate::keys::secret::{Token, entropy};
use crate::oidc::authorize::request::destination::Waiting;
use crate::oidc::client_auth::{Caller, Received};
use crate::oidc::clients::allowed;
use crate::oidc::clients::share::Share;
use crate::oidc::clients::{Client, GrantType};
use crate::oidc::provider::Provider;
use crate::oidc::shared::cors::open_to_all;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::Failure;
use crate::oidc::shared::user_code::UserCode;
use crate::store::device_codes::{self, NewDeviceCode};
use crate::store::room::{self, Room};

/// How many seconds a device waits between two questions.
const PACE: i64 = 5;

/// How often a `user_code` is drawn anew that another device has.
const DRAWS: usize = 4;

/// A device authorization response (RFC 8628 §3.2).
#[derive(Serialize)]
struct Issued {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: i64,
    interval: i64,
}

/// `POST /device_authorization`
pub(in crate::oidc) async fn post(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let answer = match Received::of(request).await {
        Ok(received) => answer(&received.caller(&provider, "/device_authorization")).await,
        Err(failure) => Err(failure),
    };
    let mut response = match answer {
        Ok(issued) => Json(issued).into_response(),
        Err(failure) => failure.into_response(),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    open_to_all(response)
}

async fn answer(caller: &Caller<'_>) -> Result<Issued, Failure> {
    let client = caller.authenticate().await?;
    if !client.metadata.may_use(GrantType::DeviceCode) {
        let description =
            format!("this client is not registered for grant_type {}", GrantType::DeviceCode.name());
        return Err(Failure::request(Refusal::new(Code::UnauthorizedClient, description)));
    }
    let scopes = allowed::allowed_scopes(caller.form, &client).map_err(Failure::request)?;
    let resources = allowed::resources(caller.form, &client).map_err(Failure::request)?;
    begin(caller, &client, &DeviceRequest { scopes, resources }).await
}

async fn begin(caller: &Caller<'_>, client: &Client, asked: &DeviceRequest) -> Result<Issued, Failure> {
    let Caller { provider, now, .. } = *caller;
    let share = Share::of_client(client, &caller.network());
    room::make(&provider.signin.db, Room::Devices, &share.source, share.most).await?;
    let request = serde_json::to_string(asked).map_err(|e| Failure::Internal(e.to_string()))?;
    let device_code = Token::generate(&mut entropy());
    let code_hash = device_code.hash();
    for _ in 0..DRAWS {
        let user_code = UserCode::generate(&mut entropy());
        let mut tx = provider.signin.db.write().await?;
        let new = NewDeviceCode {
            code_hash: code_hash.as_str(),
            user_code_key: &user_code.key(&provider.signin.vault)?,
            client_id: &client.id,
            request: &request,
            created_at: now,
            expires_at: now + Waiting::LIFETIME,
            pace: PACE,
            source: &share.source,
        };
        match device_codes::add(&mut tx, new).await {
            Ok(()) => tx.commit().await?,
            Err(taken) if taken.is_duplicate() => continue,
            Err(e) => return Err(e.into()),
        }
        let verification_uri = format!("{}/device", provider.issuer);
        let shown = user_code.shown();
        return Ok(Issued {
            device_code: device_code.reveal().to_owned(),
            verification_uri_complete: format!("{verification_uri}?user_code={shown}"),
            user_code: shown,
            verification_uri,
            expires_in: Waiting::LIFETIME,
            interval: PACE,
        });
    }
    Err(Failure::Unavailable("no user code is free".to_owned()))
}
