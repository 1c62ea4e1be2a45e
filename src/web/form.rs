//! What did the client send? Query strings and form bodies, read strictly, with a limit on everything.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;

/// The longest body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest value, in bytes.
const MAX_VALUE: usize = 16 * 1024;

/// The most parameters.
const MAX_PARAMETERS: usize = 100;

/// The parameters of a request. Its `Debug` shows no values: they may be passwords and codes.
#[derive(Clone, Default)]
pub struct Form(Vec<(String, String)>);

/// Why a request's parameters cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadForm {
    /// The body is not a form.
    #[error("send the parameters as application/x-www-form-urlencoded")]
    ContentType,
    /// The body or a value is too long.
    #[error("the request is too long")]
    TooLong,
    /// Something is not UTF-8, or holds a NUL.
    #[error("the parameters are not UTF-8 text")]
    NotText,
    /// A parameter is there more than once.
    #[error("a parameter was sent more than once")]
    Doubled,
    /// The body could not be read to its end.
    #[error("the request ended too soon")]
    CutOff,
}

impl BadForm {
    /// The status that says so.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotText | Self::Doubled | Self::CutOff => StatusCode::BAD_REQUEST,
        }
    }
}

impl Form {
    /// Reads `application/x-www-form-urlencoded` text: a query string or a body.
    ///
    /// # Errors
    /// When it is too long, or no text.
    pub fn parse(text: &str) -> Result<Self, BadForm> {
        Self::parsed(text, MAX_VALUE)
    }

    fn parsed(text: &str, longest: usize) -> Result<Self, BadForm> {
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() >= MAX_PARAMETERS {
                return Err(BadForm::TooLong);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name, longest)?, decode(value, longest)?));
        }
        Ok(Self(pairs))
    }

    /// The same where people type: a NUL, which no database takes, becomes what stands for a character that is none (U+FFFD), so that
    /// the page can say beside the field that it is not one, and keep all the rest.
    ///
    /// # Errors
    /// When it is too long, or no text.
    pub fn typed(text: &str) -> Result<Self, BadForm> {
        Self::typed_of(text, MAX_VALUE)
    }

    fn typed_of(text: &str, longest: usize) -> Result<Self, BadForm> {
        Self::parsed(&text.replace("%00", "%EF%BF%BD").replace('\0', "%EF%BF%BD"), longest)
    }

    /// The form of a request that people have filled, of at most so many bytes, as [`Form::typed`] reads it. A single value may be as
    /// long as all of it: the page says beside the field what is too long there.
    ///
    /// # Errors
    /// When there is none, it is too long or no text, or does not come to its end in time.
    pub async fn typed_in(mut request: Request, longest: usize) -> Result<Self, BadForm> {
        DefaultBodyLimit::max(longest).apply(&mut request);
        let is_form = is_form(request.headers());
        Self::of_body(is_form, &body(request, &()).await?, |text| Self::typed_of(text, longest))
    }

    /// Reads the form of a request, whose head stays for whoever needs it too.
    ///
    /// # Errors
    /// When there is none, it is too long or no text, or does not come to its end in time.
    pub async fn beside(parts: &Parts, content: Body) -> Result<Self, BadForm> {
        let mut request = Request::new(content);
        DefaultBodyLimit::max(MAX_BODY).apply(&mut request);
        Self::of_body(is_form(&parts.headers), &body(request, &()).await?, Self::parse)
    }

    fn of_body(
        is_form: bool,
        body: &[u8],
        read: impl Fn(&str) -> Result<Self, BadForm>,
    ) -> Result<Self, BadForm> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        if !is_form {
            return Err(BadForm::ContentType);
        }
        read(std::str::from_utf8(body).map_err(|_| BadForm::NotText)?)
    }

    /// The value of a parameter. One without a value counts as left out (RFC 6749 §3.1).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    /// Whether a parameter was sent, be it empty: a field that was emptied is not one that the form does not have.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// Every value of a parameter that may come more than once; empty ones count as left out.
    pub fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All parameters, in their order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a field of our own pages; empty when it was left out.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A parameter that is there more than once (RFC 6749 §3.1 forbids it).
    #[must_use]
    pub fn doubled(&self) -> Option<&str> {
        self.doubled_but(&[])
    }

    /// The same, but for parameters that may come more than once.
    #[must_use]
    pub fn doubled_but(&self, may_repeat: &[&str]) -> Option<&str> {
        let names = self.0.iter().map(|(name, _)| name.as_str());
        let mut names: Vec<&str> = names.filter(|name| !may_repeat.contains(name)).collect();
        names.sort_unstable();
        names.windows(2).find_map(|pair| match pair {
            [one, two] if one == two => Some(*one),
            _ => None,
        })
    }

    /// Whether this parameter is there more than once.
    #[must_use]
    pub fn is_doubled(&self, name: &str) -> bool {
        self.0.iter().filter(|(n, _)| n == name).count() > 1
    }
}

impl FromIterator<(String, String)> for Form {
    /// Parameters that came by another way than a query or a form.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

fn decode(text: &str, longest: usize) -> Result<String, BadForm> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| BadForm::NotText)?;
    if decoded.contains('\0') {
        return Err(BadForm::NotText);
    }
    if decoded.len() > longest { Err(BadForm::TooLong) } else { Ok(decoded.into_owned()) }
}

fn is_form(headers: &HeaderMap) -> bool {
    super::headers::media_type(headers) == "application/x-www-form-urlencoded"
}

/// The whole body of a request, whatever is in it.
///
/// # Errors
/// When it is too long, or does not come to its end in time.
pub async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, BadForm> {
    let body = tokio::time::timeout(PATIENCE, Bytes::from_request(request, state));
    body.await.map_err(|_| BadForm::CutOff)?.map_err(|rejection| {
        let long = axum::response::IntoResponse::into_response(rejection).status();
        if long == StatusCode::PAYLOAD_TOO_LARGE { BadForm::TooLong } else { BadForm::CutOff }
    })
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = BadForm;

    async fn from_request(request: Request, state: &S) -> Result<Self, BadForm> {
        let form = is_form(request.headers());
        Self::of_body(form, &body(request, state).await?, Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_decoded() {
        let form = Form::parse("a=1+2&b=%C3%BC&c=&d&e=x%26y&=z").unwrap();
        assert_eq!(form.get("a"), Some("1 2"));
        assert_eq!(form.get("b"), Some("ü"));
        assert_eq!(form.get("c"), None);
        assert_eq!(form.get("d"), None);
        assert_eq!(form.get("e"), Some("x&y"));
        assert_eq!(form.doubled(), None);
    }

    #[test]
    fn a_doubled_parameter_is_named() {
        let form = Form::parse("a=1&state=x&b=2&state=x").unwrap();
        assert_eq!(form.doubled(), Some("state"));
        assert!(form.is_doubled("state"));
        assert!(!form.is_doubled("a"));
    }

    #[test]
    fn what_is_no_text_or_too_long_is_refused() {
        assert_eq!(Form::parse("a=%FF").unwrap_err(), BadForm::NotText);
        assert_eq!(Form::parse("a=%00").unwrap_err(), BadForm::NotText);
        assert_eq!(Form::parse(&format!("a={}", "x".repeat(MAX_VALUE + 1))).unwrap_err(), BadForm::TooLong);
        assert_eq!(Form::parse(&"a=1&".repeat(101)).unwrap_err(), BadForm::TooLong);
    }

    #[test]
    fn what_people_type_keeps_its_place_where_a_nul_was() {
        let form = Form::typed("name=a%00b&email=c%2500&x=\0").unwrap();
        for (name, value) in [("name", "a\u{fffd}b"), ("email", "c%00"), ("x", "\u{fffd}")] {
            assert_eq!(form.get(name), Some(value));
        }
        assert_eq!(Form::typed("a=%FF").unwrap_err(), BadForm::NotText);
    }

    #[test]
    fn debug_shows_no_values() {
        assert_eq!(format!("{:?}", Form::parse("password=secret").unwrap()), "[\"password\"]");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = Form::parse(&text);
        }

        #[test]
        fn what_is_encoded_reads_back(value in "[^\0]{1,50}") {
            let text: String = form_urlencoded::Serializer::new(String::new()).append_pair("v", &value).finish();
            let form = Form::parse(&text).unwrap();
            prop_assert_eq!(form.get("v"), Some(value.as_str()));
        }
    }
}
