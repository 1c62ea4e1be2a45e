//! What does a header say? Read as text whatever bytes are in it, so that one odd byte does not make all of it unsaid.

use axum::http::{HeaderMap, HeaderName};

/// The first line of a header, with a mark in place of what is no text; empty when it is absent.
#[must_use]
pub fn text(headers: &HeaderMap, name: impl Into<HeaderName>) -> String {
    headers.get(name.into()).map(|value| lossy(value.as_bytes())).unwrap_or_default()
}

/// All lines of a header that is a list (RFC 9110 §5.3), as one.
#[must_use]
pub fn list(headers: &HeaderMap, name: impl Into<HeaderName>) -> String {
    let lines = headers.get_all(name.into()).iter().map(|value| lossy(value.as_bytes()));
    lines.collect::<Vec<_>>().join(",")
}

/// The media type of a body, in lower case and without parameters; empty when nothing says it.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> String {
    let kind = text(headers, axum::http::header::CONTENT_TYPE);
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
