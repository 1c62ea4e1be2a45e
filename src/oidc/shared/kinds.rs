//! Which kind of JWT is this? Each names itself by its type, or has claims that no other has, and no door takes another kind
//! (RFC 8725 §3.11 and §3.12, RFC 9101 §10.8).

use serde_json::{Map, Value};

use crate::keys::Ring;

type Members = Map<String, Value>;

/// A kind of JWT: what clients sign for us, and what we sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::oidc) enum Kind {
    /// A client proves who it is (RFC 7523 §2.2).
    ClientAssertion,
    /// A client speaks for a person (RFC 7523 §2.1).
    AuthorizationGrant,
    /// A client asks for an authorization (RFC 9101).
    RequestObject,
    /// Somebody proves to hold a key (RFC 9449).
    DpopProof,
    /// RFC 9068.
    AccessToken,
    /// OIDC Core §2.
    IdToken,
    /// A signed `UserInfo` answer (OIDC Core §5.3.2).
    UserInfo,
    /// Back-Channel Logout §2.4.
    LogoutToken,
    /// A signed introspection answer (RFC 9701 §5).
    Introspection,
    /// An authorization response (JARM §2.1).
    AuthorizationResponse,
}

/// What the `jti` of an assertion counts once for, whichever kind it is: one JWT never serves for two purposes.
pub(in crate::oidc) const SIGNED_BY_CLIENT: &str = "assertion of a client";

/// What a JWT is called that says no more than that it is one.
const ANY: &str = "JWT";

impl Kind {
    /// Its `typ` (RFC 7515 §4.1.9). Three of ours are plain JWTs, since relying apps' libraries take no other type there; they
    /// are told apart by their claims: an ID token says when somebody signed in (`auth_time`) and expires, a `UserInfo` answer does
    /// neither, and an authorization response has no `sub`.
    pub(in crate::oidc) const fn typ(self) -> &'static str {
        match self {
            Self::ClientAssertion => "client-authentication+jwt",
            Self::AuthorizationGrant => "authorization-grant+jwt",
            Self::RequestObject => "oauth-authz-req+jwt",
            Self::DpopProof => "dpop+jwt",
            Self::AccessToken => "at+jwt",
            Self::LogoutToken => "logout+jwt",
            Self::Introspection => "token-introspection+jwt",
            Self::IdToken | Self::UserInfo | Self::AuthorizationResponse => ANY,
        }
    }

    /// Whether a JWT with this header may be of this kind. Where the standards came before types, plain and untyped ones are taken
    /// too, and told apart by what they say.
    ///
    /// # Errors
    /// What its type is and must be, as the end of a sentence about it.
    pub(in crate::oidc) fn check(self, header: &Members) -> Result<(), String> {
        let may_be_plain =
            matches!(self, Self::ClientAssertion | Self::AuthorizationGrant | Self::RequestObject);
        let fits = |typ: &str| {
            let name = named(typ);
            name.eq_ignore_ascii_case(self.typ()) || (may_be_plain && name.eq_ignore_ascii_case(ANY))
        };
        match header.get("typ") {
            None if may_be_plain => Ok(()),
            Some(Value::String(typ)) if fits(typ) => Ok(()),
            other => {
                let (own, or) = (self.typ(), if may_be_plain { ", or none" } else { "" });
                let typ = other.map_or_else(|| "none".to_owned(), short);
                Err(format!("must have typ {own} in its header{or} (RFC 8725 section 3.11), and has {typ}"))
            }
        }
    }

    /// Whether its header names this kind and no other.
    pub(in crate::oidc) fn is_named_by(self, header: &Members) -> bool {
        let typ = header.get("typ").and_then(Value::as_str);
        typ.is_some_and(|typ| named(typ).eq_ignore_ascii_case(self.typ()))
    }
}

/// A type without the `application/` that may stand before it (RFC 7515 §4.1.9).
fn named(typ: &str) -> &str {
    match typ.split_once('/') {
        Some((kind, name)) if kind.eq_ignore_ascii_case("application") => name,
        _ => typ,
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

/// The claims of an ID token that this provider has signed, expired or not (OIDC Core §3.1.2.1): whether its time, its app and its
/// person are right is the caller's to judge.
pub(in crate::oidc) fn id_token(ring: &Ring, token: &str, issuer: &str, now: i64) -> Option<Members> {
    let (claims, typ) = ring.verify(token, now).ok()?;
    is_id_token(&claims, &typ, issuer).then_some(claims)
}

fn is_id_token(claims: &Members, typ: &str, issuer: &str) -> bool {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let moment = |name: &str| claims.get(name).is_some_and(Value::is_i64);
    typ == Kind::IdToken.typ()
        && text("iss") == Some(issuer)
        && text("sub").is_some()
        && text("aud").is_some()
        && ["auth_time", "iat", "exp"].into_iter().all(moment)
        && !claims.contains_key("events")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const ALL: [Kind; 10] = [
        Kind::ClientAssertion,
        Kind::AuthorizationGrant,
        Kind::RequestObject,
        Kind::DpopProof,
        Kind::AccessToken,
        Kind::IdToken,
        Kind::UserInfo,
        Kind::LogoutToken,
        Kind::Introspection,
        Kind::AuthorizationResponse,
    ];

    fn header(typ: &Value) -> Members {
        let mut header = Members::from_iter([("alg".to_owned(), Value::from("ES256"))]);
        if !typ.is_null() {
            header.insert("typ".to_owned(), typ.clone());
        }
        header
    }

    #[test]
    fn a_kind_takes_its_own_type_and_that_of_no_other() {
        for kind in ALL {
            for other in ALL {
                let fits = kind.check(&header(&json!(other.typ()))).is_ok();
                let plain = other.typ() == ANY
                    && matches!(
                        kind.typ(),
                        "client-authentication+jwt" | "authorization-grant+jwt" | "oauth-authz-req+jwt"
                    );
                assert_eq!(fits, kind.typ() == other.typ() || plain, "{kind:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_type_may_be_written_in_full_and_is_a_text() {
        let check = |kind: Kind, typ: Value| kind.check(&header(&typ)).is_ok();
        for typ in
            ["oauth-authz-req+jwt", "application/oauth-authz-req+jwt", "OAUTH-AUTHZ-REQ+JWT", "JWT", "jwt"]
        {
            assert!(check(Kind::RequestObject, json!(typ)), "{typ}");
        }
        for typ in [json!(""), json!(1), json!("application/"), json!("at+jwt"), json!(["JWT"])] {
            assert!(!check(Kind::ClientAssertion, typ.clone()), "{typ}");
        }
        assert!(check(Kind::ClientAssertion, Value::Null));
        assert!(!check(Kind::DpopProof, Value::Null));
        let why = Kind::ClientAssertion.check(&header(&json!("at+jwt"))).unwrap_err();
        assert!(why.starts_with("must have typ client-authentication+jwt in its header, or none"), "{why}");
        assert!(why.ends_with("and has \"at+jwt\""), "{why}");
        assert!(Kind::RequestObject.is_named_by(&header(&json!("oauth-authz-req+jwt"))));
        assert!(!Kind::RequestObject.is_named_by(&header(&json!("JWT"))));
        assert!(!Kind::RequestObject.is_named_by(&header(&Value::Null)));
    }

    #[test]
    fn an_id_token_is_known_by_its_claims() {
        const ISSUER: &str = "https://id.example.org";
        let good = json!({"iss": ISSUER, "sub": "u", "aud": "app", "iat": 1, "exp": 2, "auth_time": 1});
        let read = |name: &str, value: Value, typ: &str| {
            let mut claims = good.as_object().unwrap().clone();
            claims.insert(name.to_owned(), value);
            claims.retain(|_, value| !value.is_null());
            is_id_token(&claims, typ, ISSUER)
        };
        assert!(read("sid", json!("s"), "JWT"));
        for typ in ["at+jwt", "logout+jwt", "token-introspection+jwt", "", "jwt"] {
            assert!(!read("sid", json!("s"), typ), "{typ:?}");
        }
        for name in ["iss", "sub", "aud", "iat", "exp", "auth_time"] {
            assert!(!read(name, Value::Null, "JWT"), "{name}");
        }
        for (name, value) in [
            ("iss", json!("https://other.example")),
            ("aud", json!(["app", "other"])),
            ("auth_time", json!("1")),
            ("events", json!({})),
        ] {
            assert!(!read(name, value.clone(), "JWT"), "{name} {value}");
        }
    }

    proptest! {
        #[test]
        fn no_type_panics(typ in ".*") {
            for kind in ALL {
                let _ = kind.check(&header(&json!(typ)));
            }
        }
    }
}
