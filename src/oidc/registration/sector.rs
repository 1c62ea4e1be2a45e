//! Does the file of a sector name every redirect URI of the client? (OIDC Registration §5)

use crate::oidc::clients::Metadata;
use crate::outbound::{For, Outbound, OutboundError};

/// Why a client is not of the sector that it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SectorFailure {
    /// The file cannot be fetched.
    #[error("sector_identifier_uri: {uri} {why}")]
    Fetch {
        /// Its address.
        uri: String,
        /// What went wrong.
        why: OutboundError,
    },
    /// It is something else.
    #[error(
        "sector_identifier_uri: {0} does not answer a JSON array of redirect URIs (OpenID Connect Registration section 5)"
    )]
    Form(String),
    /// A redirect URI is not in it.
    #[error(
        "redirect_uris: {missing} is not in the array that sector_identifier_uri {uri} answers \
         (OpenID Connect Registration section 5)"
    )]
    Missing {
        /// The address of the file.
        uri: String,
        /// The redirect URI.
        missing: String,
    },
}

/// Fetches the file of the client's sector, if it names one, and looks for the client's redirect URIs: a sector is proven by what
/// comes back to its hosts.
///
/// # Errors
/// What is wrong with it.
pub async fn check(outbound: &Outbound, metadata: &Metadata) -> Result<(), SectorFailure> {
    let Some(uri) = &metadata.sector_identifier_uri else { return Ok(()) };
    let text = outbound.on_behalf_of(For::Stranger).get(uri, "application/json").await;
    let text = text.map_err(|why| SectorFailure::Fetch { uri: uri.clone(), why })?;
    compare(uri, &text, &metadata.redirect_uris)
}

fn compare(uri: &str, text: &str, redirect_uris: &[String]) -> Result<(), SectorFailure> {
    let listed: Vec<String> = serde_json::from_str(text).map_err(|_| SectorFailure::Form(uri.to_owned()))?;
    match redirect_uris.iter().find(|one| !listed.contains(one)) {
        Some(missing) => Err(SectorFailure::Missing { uri: uri.to_owned(), missing: missing.clone() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "https://sector.example.org/uris.json";

    #[test]
    fn every_redirect_uri_is_in_the_file() {
        let uris = ["https://a.example/1".to_owned(), "https://b.example/2".to_owned()];
        let listed = r#"["https://b.example/2", "https://a.example/1", "https://c.example/"]"#;
        assert_eq!(compare(FILE, listed, &uris), Ok(()));
        let refused = compare(FILE, r#"["https://a.example/1"]"#, &uris).unwrap_err();
        assert!(refused.to_string().starts_with("redirect_uris: https://b.example/2 is not in"), "{refused}");
        for odd in ["", "{}", "[1]", "\"https://a.example/1\"", "<html>"] {
            assert_eq!(compare(FILE, odd, &uris), Err(SectorFailure::Form(FILE.to_owned())), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(text in ".*") {
            let _ = compare(FILE, &text, &["https://a.example/".to_owned()]);
        }
    }
}
