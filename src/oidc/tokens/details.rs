//! What was granted beside scopes?

use serde::{Deserialize, Serialize};

use crate::store::tokens::GrantRow;

/// What was granted beside scopes; kept with the grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::oidc) struct GrantDetails {
    /// Claims asked for one by one, for `UserInfo` (OIDC Core §5.5).
    pub(in crate::oidc) userinfo_claims: Vec<String>,
    /// Claims asked for one by one, for the ID token.
    pub(in crate::oidc) id_token_claims: Vec<String>,
    /// For whom access tokens may be (RFC 8707).
    pub(in crate::oidc) resources: Vec<String>,
}

impl GrantDetails {
    /// What is on record with a grant.
    pub(in crate::oidc) fn of(grant: &GrantRow) -> Self {
        serde_json::from_str(&grant.details).unwrap_or_default()
    }

    /// As the database keeps it.
    pub(in crate::oidc) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
