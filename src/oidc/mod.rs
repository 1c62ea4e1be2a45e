//! What does OpenID Connect ask of a provider? One file an endpoint; each reads like the section that it serves.

pub mod answer;
pub mod clients;
pub mod error;
pub mod request;
pub mod scopes;
