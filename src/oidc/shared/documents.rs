//! Which document says so? What the error page names, so that an app's developer can read on.

/// A section of a standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its name and section, as people write them.
    pub name: &'static str,
    /// Where it is.
    pub url: &'static str,
}

/// Client identifiers.
pub const CLIENT_ID: &Document =
    &Document { name: "RFC 6749 section 2.2", url: "https://www.rfc-editor.org/rfc/rfc6749#section-2.2" };

/// Parameters of an authorization request, each once.
pub const PARAMETERS: &Document =
    &Document { name: "RFC 6749 section 3.1", url: "https://www.rfc-editor.org/rfc/rfc6749#section-3.1" };

/// How redirect URIs are compared.
pub const REDIRECT_URI: &Document =
    &Document { name: "RFC 9700 section 2.1", url: "https://www.rfc-editor.org/rfc/rfc9700#section-2.1" };

/// That there must be one.
pub const REDIRECT_URI_MISSING: &Document = &Document {
    name: "OpenID Connect Core section 3.1.2.1",
    url: "https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest",
};

/// Request objects.
pub const REQUEST_OBJECT: &Document =
    &Document { name: "RFC 9101 section 6", url: "https://www.rfc-editor.org/rfc/rfc9101#section-6" };

/// Where request objects are fetched from.
pub const REQUEST_URI: &Document =
    &Document { name: "RFC 9101 section 5.2", url: "https://www.rfc-editor.org/rfc/rfc9101#section-5.2" };

/// Clients whose requests must be signed.
pub const SIGNED: &Document =
    &Document { name: "RFC 9101 section 10.5", url: "https://www.rfc-editor.org/rfc/rfc9101#section-10.5" };

/// What a pushed request is good for.
pub const PUSHED: &Document =
    &Document { name: "RFC 9126 section 4", url: "https://www.rfc-editor.org/rfc/rfc9126#section-4" };

/// Clients that must push.
pub const MUST_PUSH: &Document =
    &Document { name: "RFC 9126 section 6", url: "https://www.rfc-editor.org/rfc/rfc9126#section-6" };

/// FAPI 2.0 on authorization requests.
pub const FAPI2: &Document = &Document {
    name: "FAPI 2.0 Security Profile section 5.3.2.2",
    url: "https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5.3.2.2",
};
