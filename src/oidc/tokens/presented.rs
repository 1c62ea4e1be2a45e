//! Which access token comes with a request, and does its sender hold the key that it is bound to? (RFC 6750 §2.1, RFC 9449 §7,
//! RFC 8705 §3)

use axum::http::header;
use axum::http::request::Parts;

use super::confirmation::Confirmation;
use super::dpop::{self, ALGORITHMS, Expected, Refused};
use crate::oidc::provider::Provider;
use crate::oidc::shared::failure::Failure;
use crate::web::form::Form;

/// How a token is sent in the `Authorization` header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::oidc) enum Scheme {
    /// RFC 6750 §2.1.
    #[default]
    Bearer,
    /// RFC 9449 §7.1.
    Dpop,
}

/// An access token that somebody shows.
pub(in crate::oidc) struct Presented {
    pub(in crate::oidc) scheme: Scheme,
    pub(in crate::oidc) token: String,
}

/// Why a token does not count from whoever has sent it.
pub(in crate::oidc) enum Unheld {
    /// Its key was not proven: `invalid_token`.
    Token(&'static str),
    /// It is bound to a `DPoP` key, and came as if it were not: `invalid_token`, with a challenge for a proof.
    Downgraded,
    /// The proof is not valid: `invalid_dpop_proof`.
    Proof(String),
    /// The proof must hold this nonce: `use_dpop_nonce`.
    Nonce(String),
    /// That cannot be found out.
    Failed(Failure),
}

impl From<Refused> for Unheld {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Proof(description) => Self::Proof(format!("the DPoP proof {description}")),
            Refused::Nonce(nonce) => Self::Nonce(nonce),
            Refused::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl Scheme {
    /// A `WWW-Authenticate` challenge with these parameters after the realm.
    pub(in crate::oidc) fn challenge(self, realm: &str, parameters: &str) -> String {
        match self {
            Self::Bearer => format!("Bearer realm=\"{realm}\"{parameters}"),
            Self::Dpop => {
                let algs = ALGORITHMS.map(crate::config::SigningAlgorithm::name).join(" ");
                format!("DPoP realm=\"{realm}\"{parameters}, algs=\"{algs}\"")
            }
        }
    }
}

impl Presented {
    /// The token of a request's header or form; of no query, which logs and other sites get to see.
    ///
    /// # Errors
    /// When the header is neither `Bearer` nor `DPoP`, or the token comes in more than one way; as a sentence.
    pub(in crate::oidc) fn of(parts: &Parts, form: Option<&Form>) -> Result<Option<Self>, &'static str> {
        let header = match parts.headers.get(header::AUTHORIZATION) {
            None => None,
            Some(value) => Some(
                value
                    .to_str()
                    .ok()
                    .and_then(Self::read)
                    .ok_or("the Authorization header is neither Bearer (RFC 6750) nor DPoP (RFC 9449)")?,
            ),
        };
        let in_form = form.and_then(|form| form.get("access_token"));
        let in_query = Form::parse(parts.uri.query().unwrap_or_default());
        let in_query = in_query.is_ok_and(|query| query.get("access_token").is_some());
        if parts.headers.get_all(header::AUTHORIZATION).iter().count() > 1
            || form.is_some_and(|form| form.is_doubled("access_token"))
        {
            return Err("the access token is there more than once");
        }
        match (header, in_form) {
            (Some(_), Some(_)) => Err("the token is there twice, in header and form"),
            (Some(_), None) | (None, Some(_)) if in_query => {
                Err("there is a token in the query too, where none is taken (RFC 6750 section 2.3)")
            }
            (Some(in_header), None) => Ok(Some(in_header)),
            (None, in_form) => {
                Ok(in_form.map(|token| Self { scheme: Scheme::Bearer, token: token.to_owned() }))
            }
        }
    }

    /// The scheme in whichever case, spaces (RFC 9110 §11.4), the token.
    fn read(header: &str) -> Option<Self> {
        let (scheme, token) = header.split_once(' ')?;
        let scheme = match () {
            () if scheme.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
            () if scheme.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
            () => return None,
        };
        let token = token.trim_start_matches(' ').to_owned();
        (!token.is_empty() && !token.contains(' ')).then_some(Self { scheme, token })
    }

    /// Whether the sender has proven to hold the key that this token is bound to. `path` is that of the endpoint.
    pub(in crate::oidc) async fn check_holder(
        &self,
        provider: &Provider,
        parts: &Parts,
        path: &str,
        bound: Option<&Confirmation>,
        now: i64,
    ) -> Result<(), Unheld> {
        match (bound, self.scheme) {
            (None, Scheme::Bearer) => Ok(()),
            (None | Some(Confirmation::Certificate(_)), Scheme::Dpop) => {
                Err(Unheld::Token("the access token is not bound to a DPoP key: send it as Bearer"))
            }
            (Some(Confirmation::Certificate(thumbprint)), Scheme::Bearer) => {
                let shown = provider.client_certificate(&parts.extensions, &parts.headers);
                match shown {
                    Some(shown) if shown.thumbprint == *thumbprint => Ok(()),
                    Some(_) => Err(Unheld::Token("the access token is bound to another certificate")),
                    None => Err(Unheld::Token(
                        "the access token is bound to a certificate, and none was shown in the TLS handshake",
                    )),
                }
            }
            (Some(Confirmation::Dpop(_)), Scheme::Bearer) => Err(Unheld::Downgraded),
            (Some(Confirmation::Dpop(thumbprint)), Scheme::Dpop) => {
                let url = format!("{}{path}", provider.issuer);
                let expected = Expected {
                    method: parts.method.as_str(),
                    url: &url,
                    access_token: Some(&self.token),
                    algorithms: &ALGORITHMS,
                    now,
                };
                match dpop::prove(provider, &parts.headers, expected).await? {
                    Some(key) if key == *thumbprint => Ok(()),
                    Some(_) => {
                        Err(Unheld::Token("the access token is bound to another key than the proof's"))
                    }
                    None => {
                        Err(Unheld::Proof("the DPoP header is missing (RFC 9449 section 7.1)".to_owned()))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use proptest::prelude::*;

    fn parts(uri: &str, headers: &[&str]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for header in headers {
            request = request.header("authorization", *header);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_token_comes_in_one_way() {
        let form = Form::parse("access_token=f").unwrap();
        let read = |uri: &str, headers: &[&str], form: Option<&Form>| {
            let presented = Presented::of(&parts(uri, headers), form);
            presented.map(|found| found.map(|p| (p.scheme, p.token)))
        };
        let found = |scheme, token: &str| Ok(Some((scheme, token.to_owned())));
        assert_eq!(read("/userinfo", &["Bearer a"], None), found(Scheme::Bearer, "a"));
        assert_eq!(read("/userinfo", &["Bearer  a"], None), found(Scheme::Bearer, "a"));
        assert_eq!(read("/userinfo", &["dpop a"], None), found(Scheme::Dpop, "a"));
        assert_eq!(read("/userinfo", &["DPOP a"], None), found(Scheme::Dpop, "a"));
        assert_eq!(read("/userinfo", &[], Some(&form)), found(Scheme::Bearer, "f"));
        assert_eq!(read("/userinfo?access_token=q", &[], None), Ok(None));
        for (uri, headers, form) in [
            ("/userinfo", &["Basic a"][..], None),
            ("/userinfo", &["Bearer"], None),
            ("/userinfo", &["Bearer "], None),
            ("/userinfo", &["Bearer a b"], None),
            ("/userinfo", &["Bearer\ta"], None),
            ("/userinfo", &["Bearer a", "Bearer a"], None),
            ("/userinfo", &["Bearer a"], Some(&form)),
            ("/userinfo?access_token=q", &["Bearer a"], None),
            ("/userinfo?access_token=q", &[], Some(&form)),
        ] {
            assert!(read(uri, headers, form).is_err(), "{uri} {headers:?}");
        }
        let twice = Form::parse("access_token=f&access_token=g").unwrap();
        assert!(read("/userinfo", &[], Some(&twice)).is_err());
    }

    proptest! {
        #[test]
        fn no_header_panics(text in ".*") {
            let _ = Presented::read(&text);
        }
    }
}
