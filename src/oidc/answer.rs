//! How does an answer get back to the relying app? The one door for codes and errors alike.

use axum::response::{IntoResponse, Redirect, Response};
use form_urlencoded::Serializer;
use serde::{Deserialize, Serialize};

use super::error::Refusal;

/// Where an authorization response goes: an address that has been found registered, and what belongs to every answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTo {
    /// The registered `redirect_uri`.
    pub redirect_uri: String,
    /// `state`, handed back letter by letter.
    pub state: Option<String>,
}

impl ReturnTo {
    /// A successful authorization response (RFC 6749 §4.1.2), with `iss` (RFC 9207 §2).
    #[must_use]
    pub fn code(&self, code: &str, issuer: &str) -> Response {
        self.go(&[("code", code)], issuer)
    }

    /// An authorization error response (RFC 6749 §4.1.2.1), with `iss` (RFC 9207 §2).
    #[must_use]
    pub fn refuse(&self, refusal: &Refusal, issuer: &str) -> Response {
        self.go(&[("error", refusal.code.name()), ("error_description", &refusal.description)], issuer)
    }

    /// 303, since a 307 would carry a form with a password along (RFC 9700 §4.12).
    fn go(&self, parameters: &[(&str, &str)], issuer: &str) -> Response {
        Redirect::to(&self.address(parameters, issuer)).into_response()
    }

    fn address(&self, parameters: &[(&str, &str)], issuer: &str) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", issuer);
        let joint = match self.redirect_uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{joint}{}", self.redirect_uri, query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Code;
    use super::*;

    fn location(response: &Response) -> &str {
        response.headers().get("location").and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    #[test]
    fn state_and_iss_come_back_and_the_registered_query_stays() {
        let to = ReturnTo {
            redirect_uri: "https://app.example.org/cb?tenant=a%20b".to_owned(),
            state: Some("x&y=1 ü".to_owned()),
        };
        let response = to.code("c0de", "https://id.example.org");
        assert_eq!(response.status(), 303);
        assert_eq!(
            location(&response),
            "https://app.example.org/cb?tenant=a%20b&code=c0de&state=x%26y%3D1+%C3%BC&iss=https%3A%2F%2Fid.example.org"
        );
    }

    #[test]
    fn an_error_carries_its_code_and_no_state_that_was_not_sent() {
        let to = ReturnTo { redirect_uri: "https://app.example.org/cb".to_owned(), state: None };
        let refusal = Refusal::new(Code::AccessDenied, "no");
        let response = to.refuse(&refusal, "https://id.example.org");
        assert_eq!(
            location(&response),
            "https://app.example.org/cb?error=access_denied&error_description=no&iss=https%3A%2F%2Fid.example.org"
        );
    }
}
