//! What was granted beside scopes, and in which way?

use serde::{Deserialize, Serialize};

use crate::oidc::clients::{GrantType, Metadata, ResponseType};
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
    /// How the client has come by it; none on record for those of an earlier version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::oidc) way: Option<Way>,
    /// Where its authorization code was sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::oidc) sent_to: Option<String>,
}

/// How a client comes by a grant: it must be registered for that, and remain so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::oidc) enum Way {
    /// By an answer of the authorization endpoint.
    Response(ResponseType),
    /// By the token endpoint alone.
    Grant(GrantType),
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

impl Way {
    /// Whether the client is registered for it now.
    pub(in crate::oidc) fn is_open_to(self, client: &Metadata) -> bool {
        match self {
            Self::Response(kind) => client.may_ask_for(kind) && !client.would_be_unbound(kind),
            Self::Grant(kind) => client.may_use(kind),
        }
    }
}
