//! May a request be gone on with, wherever its parameters came from?

use super::AuthorizationRequest;
use super::destination::ReturnTo;
use super::redirect_uri::destination;
use crate::keys::{KeyError, Ring};
use crate::oidc::clients::Client;
use crate::oidc::provider::Provider;
use crate::oidc::shared::error::Refusal;
use crate::oidc::shared::kinds;
use crate::oidc::shared::mistake::Mistake;
use crate::oidc::shared::slip::Slip;
use crate::web::form::Form;

/// Why a request cannot be gone on with.
pub(in crate::oidc) enum Wrong {
    /// It is not known where the answer may go.
    Nowhere(Box<Mistake>),
    /// The answer goes to the app.
    Refused(ReturnTo, Refusal),
}

impl Wrong {
    /// What is wrong, for a client that asks by itself.
    pub(in crate::oidc) fn refusal(self) -> Refusal {
        match self {
            Self::Nowhere(mistake) => mistake.refusal,
            Self::Refused(_, refusal) => refusal,
        }
    }

    /// Notes it as a mistake of the client's, with the address that it has sent where that is what is wrong.
    pub(in crate::oidc) fn note(&self, provider: &Provider, client: &Client, form: &Form, now: i64) {
        let refusal = match self {
            Self::Nowhere(mistake) => &mistake.refusal,
            Self::Refused(_, refusal) => refusal,
        };
        match (refusal.slip, form.get("redirect_uri")) {
            (Some(slip @ (Slip::RedirectUri | Slip::RedirectUriNear)), Some(sent)) => {
                provider.slips.note(&client.id, slip, sent, now);
            }
            _ => provider.slips.refused(&client.id, refusal, now),
        }
    }
}

/// Reads what the parameters of a request ask for, wherever they came from.
///
/// # Errors
/// The outer one when the signing keys cannot be had; the inner one when the request is wrong.
pub(in crate::oidc) async fn read(
    provider: &Provider,
    client: &Client,
    form: &Form,
    now: i64,
) -> Result<Result<AuthorizationRequest, Wrong>, KeyError> {
    let return_to = match destination(form, client) {
        Ok(return_to) => return_to,
        Err(mistake) => return Ok(Err(Wrong::Nowhere(Box::new(mistake)))),
    };
    let ring = provider.keys.ring_for(form.get("id_token_hint").unwrap_or_default(), now).await?;
    let hint = |token: &str| subject_of(&ring, token, &provider.issuer, &client.id, now);
    let parsed = AuthorizationRequest::parse(form, client, return_to.clone(), hint);
    Ok(parsed.map_err(|refusal| Wrong::Refused(return_to, refusal)))
}

/// The subject of an ID token that this provider has issued to this client, expired or not (OIDC Core §3.1.2.1).
fn subject_of(ring: &Ring, token: &str, issuer: &str, client_id: &str, now: i64) -> Option<String> {
    let claims = kinds::id_token(ring, token, issuer, now)?;
    let text = |name: &str| claims.get(name).and_then(|value| value.as_str());
    text("sub").filter(|_| text("aud") == Some(client_id)).map(str::to_owned)
}
