//! Why may a client not be registered so?

use super::subject::SectorError;
use crate::keys::jose::BadKeys;

/// Why a client cannot be registered so; each names the metadata field and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A redirect URI is not one that a browser may safely be sent to.
    #[error("redirect URI {uri}: {reason}")]
    RedirectUri {
        /// The field that it stands in: `redirect_uris` or `post_logout_redirect_uris`.
        field: &'static str,
        /// The URI.
        uri: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no sector to make pairwise subjects for.
    #[error(transparent)]
    Sector(#[from] SectorError),
    /// The public keys cannot be used.
    #[error("jwks: {0}")]
    Keys(BadKeys),
    /// Another field is wrong.
    #[error("{field}: {reason}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// What a check answers.
pub(super) type Checked = Result<(), Invalid>;

/// A field is wrong.
pub(super) fn wrong(field: &'static str, reason: &'static str) -> Checked {
    Err(Invalid::Field { field, reason })
}
