//! What is answered from memory, and does whoever asks have it already? (RFC 9110 §8.8.3, §13.1.2)

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

use crate::keys::secret::{hex, sha256};

/// A JSON document that is the same for everybody for a while; cheap to clone.
#[derive(Clone, Debug)]
pub struct Prepared {
    body: Bytes,
    /// Strong: another text has another one.
    tag: HeaderValue,
    cached: HeaderValue,
}

impl Prepared {
    /// A document that others may keep for so many seconds.
    #[must_use]
    pub fn json(document: &Value, max_age: u32) -> Self {
        let body = document.to_string().into_bytes();
        let digest: String = hex(&sha256(&body)).chars().take(32).collect();
        Self {
            body: body.into(),
            tag: value(&format!("\"{digest}\"")),
            cached: value(&format!("public, max-age={max_age}")),
        }
    }

    /// The document, or that it is still the one which whoever sent these headers has.
    #[must_use]
    pub fn answer(&self, asked: &HeaderMap) -> Response {
        let known = asked.get_all(header::IF_NONE_MATCH).iter();
        let mut response = if known.into_iter().any(|list| names(list.as_bytes(), self.tag.as_bytes())) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            let mut response = Response::new(Body::from(self.body.clone()));
            let kind = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        };
        // On both of them (RFC 9110 §15.4.5).
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(header::CACHE_CONTROL, self.cached.clone());
        response
    }
}

/// Letters and digits of ours, which every header takes.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// Whether a line of `If-None-Match` names this tag, or any that there is. A weak name of it is good enough here (RFC 9110
/// §8.8.3.2); from what is no tag on, the line names nothing.
fn names(line: &[u8], tag: &[u8]) -> bool {
    let mut rest = line.trim_ascii();
    if rest == b"*" {
        return true;
    }
    loop {
        rest = rest.trim_ascii_start();
        while let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
        }
        let named = rest.strip_prefix(b"W/").unwrap_or(rest);
        let Some(inside) = named.strip_prefix(b"\"") else { return false };
        // A tag may have a comma in it, and no quotation mark.
        let Some(length) = inside.iter().position(|byte| *byte == b'"') else { return false };
        if named.get(..length + 2) == Some(tag) {
            return true;
        }
        rest = inside.get(length + 1..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_tag_is_found_in_whichever_way_it_is_named() {
        for (line, named) in [
            (r#""abc""#, true),
            (r#"W/"abc""#, true),
            (r#""x", "abc""#, true),
            (r#"  "x",W/"y" ,, "abc"  "#, true),
            (r#""a,b","abc","c""#, true),
            ("*", true),
            (" * ", true),
            ("", false),
            (r#""abcd""#, false),
            (r#""ab""#, false),
            (r#""abc"#, false),
            ("abc", false),
            (r#"w/"abc""#, false),
            (r#""x" * "#, false),
            (r#"*, "x""#, false),
            (r#"x, "abc""#, false),
            (r#"",abc,""#, false),
        ] {
            assert_eq!(names(line.as_bytes(), b"\"abc\""), named, "{line}");
        }
    }

    #[test]
    fn another_text_has_another_tag_and_the_same_has_the_same() {
        let tag = |document: Value| Prepared::json(&document, 300).tag;
        assert_eq!(tag(json!({"a": 1})), tag(json!({"a": 1})));
        assert_ne!(tag(json!({"a": 1})), tag(json!({"a": 2})));
    }
}
