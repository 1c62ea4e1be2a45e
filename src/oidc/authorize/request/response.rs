//! What is the answer to hold, and how is it to travel? `response_type` and `response_mode`.

use serde::{Deserialize, Serialize};

use crate::oidc::clients::{Metadata, ResponseType};
use crate::oidc::shared::error::{Code, Refusal};

/// How the parameters of an answer travel (OAuth Multiple Response Types §2.1, Form Post §2, JARM §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseMode {
    /// In which part of the response.
    pub carrier: Carrier,
    /// Whether they are one signed JWT (JARM §2.1).
    pub jwt: bool,
}

/// Where the parameters of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// In the query of the redirect URI.
    Query,
    /// In its fragment.
    Fragment,
    /// In a form that the browser posts to it.
    FormPost,
}

impl Default for ResponseMode {
    fn default() -> Self {
        Self { carrier: Carrier::Query, jwt: false }
    }
}

impl ResponseMode {
    /// The words on the wire, as they are published.
    pub const NAMES: [&str; 7] =
        ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"];

    /// How errors travel before the response type is known: as for a code, but where `response_mode` says otherwise.
    #[must_use]
    pub fn for_errors(response_type: Option<&str>, mode: Option<&str>) -> Self {
        let response_type = response_type.and_then(ResponseType::parse).unwrap_or(ResponseType::Code);
        Self::parse(mode, response_type).unwrap_or_else(|_| Self::of(response_type))
    }

    /// The default of a response type (OAuth Multiple Response Types §3 and §5).
    fn of(response_type: ResponseType) -> Self {
        let carrier = if response_type == ResponseType::Code { Carrier::Query } else { Carrier::Fragment };
        Self { carrier, jwt: false }
    }

    /// The mode that is asked for.
    ///
    /// # Errors
    /// When it is not known, or would put tokens into a query, where logs and histories keep them.
    pub fn parse(mode: Option<&str>, response_type: ResponseType) -> Result<Self, Refusal> {
        let default = Self::of(response_type);
        let Some(name) = mode else { return Ok(default) };
        let (carrier, jwt) = match name {
            "query" => (Carrier::Query, false),
            "fragment" => (Carrier::Fragment, false),
            "form_post" => (Carrier::FormPost, false),
            "jwt" => (default.carrier, true),
            "query.jwt" => (Carrier::Query, true),
            "fragment.jwt" => (Carrier::Fragment, true),
            "form_post.jwt" => (Carrier::FormPost, true),
            other => {
                let known = Self::NAMES.join(", ");
                let description = format!("response_mode {other} is not supported; it may be {known}");
                return Err(Refusal::new(Code::InvalidRequest, description));
            }
        };
        if carrier == Carrier::Query && response_type != ResponseType::Code {
            let description = format!(
                "response_mode {name} does not go with response_type {} (OAuth Multiple Response Types section 3)",
                response_type.name()
            );
            return Err(Refusal::new(Code::InvalidRequest, description));
        }
        Ok(Self { carrier, jwt })
    }
}

/// The response type that is asked for, if this client may have it.
///
/// # Errors
/// `invalid_request` when there is none, `unsupported_response_type` for one that is not known here, `unauthorized_client` for one
/// that the client is not registered for (RFC 6749 §4.1.2.1).
pub(super) fn response_type(asked: Option<&str>, client: &Metadata) -> Result<ResponseType, Refusal> {
    let Some(text) = asked else {
        let description = "response_type is missing: send response_type=code";
        return Err(Refusal::new(Code::InvalidRequest, description));
    };
    let Some(response_type) = ResponseType::parse(text) else {
        let description = format!("response_type {text} is not supported: send response_type=code");
        return Err(Refusal::new(Code::UnsupportedResponseType, description));
    };
    check(response_type, client).map(|()| response_type)
}

/// Whether this client may have it, as it is registered now. An access token from here would be bound to no key: no client gets one
/// whose tokens must be (RFC 9449 §5.2, RFC 8705 §3.4).
pub(super) fn check(response_type: ResponseType, client: &Metadata) -> Result<(), Refusal> {
    let name = response_type.name();
    let description = if !client.may_ask_for(response_type) {
        format!("this client is not registered for response_type {name}")
    } else if client.would_be_unbound(response_type) {
        format!(
            "response_type {name} gives tokens that are bound to no key, and this client is registered for bound ones"
        )
    } else {
        return Ok(());
    };
    Err(Refusal::new(Code::UnauthorizedClient, description))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_response_type_has_its_default_and_tokens_never_travel_in_a_query() {
        for one in ResponseType::ALL {
            let default = ResponseMode::parse(None, *one).unwrap();
            let code = *one == ResponseType::Code;
            assert_eq!(default.carrier == Carrier::Query, code, "{one:?}");
            assert_eq!(ResponseMode::parse(Some("query"), *one).is_ok(), code, "{one:?}");
            assert_eq!(ResponseMode::parse(Some("query.jwt"), *one).is_ok(), code, "{one:?}");
            let jwt = ResponseMode::parse(Some("jwt"), *one).unwrap();
            assert_eq!(jwt, ResponseMode { jwt: true, ..default });
        }
    }

    #[test]
    fn every_published_mode_is_understood_and_no_other() {
        for name in ResponseMode::NAMES {
            assert!(ResponseMode::parse(Some(name), ResponseType::Code).is_ok(), "{name}");
        }
        for name in ["", "Query", "web_message", "form_post.jwt.jwt"] {
            assert!(ResponseMode::parse(Some(name), ResponseType::Code).is_err(), "{name}");
        }
    }

    #[test]
    fn errors_travel_as_the_answer_would_have() {
        let carrier = |kind, mode| ResponseMode::for_errors(kind, mode).carrier;
        assert_eq!(carrier(Some("code"), None), Carrier::Query);
        assert_eq!(carrier(Some("id_token token"), None), Carrier::Fragment);
        assert_eq!(carrier(Some("id_token token"), Some("query")), Carrier::Fragment);
        assert_eq!(carrier(Some("nonsense"), Some("form_post")), Carrier::FormPost);
        assert_eq!(carrier(None, Some("nonsense")), Carrier::Query);
    }
}
