//! How does a device without a keyboard get its tokens? (RFC 8628) It shows a short code, and a person types that in a browser.

pub(super) mod authorization;
pub(super) mod page;

use serde::{Deserialize, Serialize};

use super::shared::scopes::Scopes;

/// What a device has asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DeviceRequest {
    scopes: Scopes,
    /// For whom the access tokens will be (RFC 8707).
    resources: Vec<String>,
}
