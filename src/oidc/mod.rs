//! What does OpenID Connect ask of a provider? One file an endpoint; each reads like the section that it serves.
//!
//! From the ground up, each on those before it: `shared` (the words of the protocol, and what all answers and pages have in common),
//! [`clients`] (the relying apps: what is registered about them, their keys, as whom they know people), [`provider`](Provider) (what all
//! endpoints work with), `client_auth` (is this the client that it says it is?), `tokens` (made, bound to keys, shown again),
//! [`authorize`] (the authorization endpoint). On top the other endpoints: `token`, `par`, `revocation`, `introspection`,
//! `userinfo`, `device`, [`registration`], `logout`, `session_management`, `discovery`; and [`tryout`] (what an app would get). `tests/rooms.rs` holds the order.

pub mod authorize;
mod client_auth;
pub mod clients;
mod device;
mod discovery;
mod introspection;
mod logout;
mod par;
mod provider;
pub mod registration;
mod revocation;
mod session_management;
pub mod shared;
mod token;
mod tokens;
pub mod tryout;
mod userinfo;

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Router, middleware};

use self::authorize::{begin, steps, turn};
use self::shared::cors;
use crate::web::gate::{Gate, by_gate};

pub use logout::backchannel;
pub use provider::Provider;
pub use shared::notices::Notices;

/// The protocol's endpoints (DESIGN §5). The pages of a sign-in come by this gate, so that a crowd's do not hold up apps.
pub fn router(provider: Arc<Provider>, gate: Gate) -> Router {
    let documents = Router::new()
        .route("/.well-known/openid-configuration", get(discovery::metadata).options(cors::preflight))
        .route("/.well-known/oauth-authorization-server", get(discovery::metadata).options(cors::preflight))
        .route("/jwks", get(discovery::jwks).options(cors::preflight))
        .with_state(Arc::new(discovery::Documents::of(Arc::clone(&provider))));
    let pages = Router::new()
        .route("/authorize", get(begin::get).post(begin::post))
        .route("/authorize/{signin}", get(turn::get))
        .route("/authorize/{signin}/password", get(steps::back).post(steps::password))
        .route("/authorize/{signin}/code", get(steps::back).post(steps::code))
        .route("/authorize/{signin}/code/resend", get(steps::back).post(steps::resend))
        .route("/authorize/{signin}/code/skip", get(steps::back).post(steps::skip))
        .route("/authorize/{signin}/help", get(steps::back).post(steps::help))
        .route("/authorize/{signin}/new-password", get(steps::back).post(steps::new_password))
        .route("/authorize/{signin}/consent", get(steps::back).post(steps::consent))
        .route("/authorize/{signin}/another", get(steps::back).post(steps::another))
        .route("/authorize/{signin}/cancel", get(steps::back).post(steps::cancel))
        .layer(middleware::from_fn_with_state(gate, by_gate));
    Router::new()
        .route("/par", post(par::post).options(cors::preflight).fallback(par::other_method))
        .route("/token", post(token::post).options(cors::preflight))
        .route("/revoke", post(revocation::post).options(cors::preflight))
        .route("/introspect", post(introspection::post))
        .route("/device_authorization", post(device::authorization::post).options(cors::preflight))
        .route("/device", get(device::page::get).post(device::page::post))
        .route("/userinfo", get(userinfo::get).post(userinfo::post).options(cors::preflight))
        .route("/register", post(registration::post).options(registration::preflight))
        .route(
            "/register/{client_id}",
            get(registration::get)
                .put(registration::put)
                .delete(registration::delete)
                .options(registration::preflight),
        )
        .route("/session/check", get(session_management::check))
        .route("/logout", get(logout::get).post(logout::post))
        .merge(pages)
        .with_state(provider)
        .merge(documents)
}
