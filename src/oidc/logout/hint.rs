//! What does an `id_token_hint` prove, and may the browser go where the app wants it after the logout? (RP-Initiated Logout §2, §4)

use serde_json::{Map, Value};

use crate::oidc::clients::Metadata;
use crate::web::ErrorText;

/// What came as `id_token_hint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// Nothing.
    Missing,
    /// Something that is no ID token of ours.
    Foreign,
    /// An ID token of ours, for another app than `client_id` says.
    OfAnotherApp,
    /// An ID token of ours.
    Ours {
        /// Whom it was issued to.
        client_id: String,
        /// Its `jti`, which tells in which session it was issued.
        jti: String,
    },
}

impl Hint {
    /// Judges the claims of an ID token of ours; none for anything else. It may have expired.
    pub(super) fn read(id_token: Option<&Map<String, Value>>, client_id: Option<&str>) -> Self {
        let Some(claims) = id_token else { return Self::Foreign };
        let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (Some(audience), Some(jti)) = (text("aud"), text("jti")) else { return Self::Foreign };
        if client_id.is_some_and(|id| id != audience) {
            return Self::OfAnotherApp;
        }
        Self::Ours { client_id: audience.to_owned(), jti: jti.to_owned() }
    }
}

/// Where the browser goes on to: the address that was `asked` for, if it is one of the client's, letter by letter, and it is known
/// that the client asks: by a hint, or else because the person has `confirmed` the logout. Otherwise what the page says about it.
pub(super) fn onward<'a>(
    asked: Option<&'a str>,
    hint: &Hint,
    confirmed: bool,
    client: Option<&Metadata>,
) -> Result<Option<&'a str>, ErrorText> {
    let Some(uri) = asked else { return Ok(None) };
    let known = match hint {
        Hint::Ours { .. } => true,
        Hint::Missing => confirmed && client.is_some(),
        Hint::Foreign => return Err(ErrorText { what: "logout-hint-not-ours", then: None, n: 0 }),
        Hint::OfAnotherApp => return Err(ErrorText { what: "logout-hint-of-another-app", then: None, n: 0 }),
    };
    if !known {
        return Err(ErrorText { what: "logout-unproven", then: None, n: 0 });
    }
    let registered = client.is_some_and(|c| c.post_logout_redirect_uris.iter().any(|r| r == uri));
    let refusal = ErrorText { what: "logout-uri-not-registered", then: None, n: 0 };
    registered.then_some(Some(uri)).ok_or(refusal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ours() -> Hint {
        Hint::Ours { client_id: "app".to_owned(), jti: "t1".to_owned() }
    }

    #[test]
    fn only_an_id_token_of_ours_is_a_hint() {
        let good = json!({"sub": "u", "aud": "app", "jti": "t1", "auth_time": 1, "exp": 2});
        let read = |changes: &[(&str, Value)], client_id| {
            let mut claims = good.as_object().unwrap().clone();
            for (name, value) in changes {
                claims.insert((*name).to_owned(), value.clone());
            }
            claims.retain(|_, value| !value.is_null());
            Hint::read(Some(&claims), client_id)
        };
        assert_eq!(read(&[], None), ours());
        assert_eq!(read(&[], Some("app")), ours());
        assert_eq!(read(&[], Some("other")), Hint::OfAnotherApp);
        for (name, value) in
            [("aud", Value::Null), ("aud", json!(["app", "other"])), ("jti", Value::Null), ("jti", json!(""))]
        {
            assert_eq!(read(&[(name, value.clone())], None), Hint::Foreign, "{name} {value}");
        }
        assert_eq!(Hint::read(None, None), Hint::Foreign);
    }

    #[test]
    fn a_browser_goes_on_only_where_the_app_has_registered_and_is_known_to_ask() {
        let mut client = Metadata::web_app("App", Vec::new());
        client.post_logout_redirect_uris = vec!["https://app.example.org/bye".to_owned()];
        let (good, bad) = ("https://app.example.org/bye", "https://app.example.org/bye?x=1");
        for (asked, hint, confirmed, registered, expected) in [
            (None, Hint::Missing, false, true, Ok(None)),
            (None, Hint::Foreign, false, false, Ok(None)),
            (Some(good), ours(), false, true, Ok(Some(good))),
            (Some(good), ours(), true, true, Ok(Some(good))),
            (Some(good), Hint::Missing, true, true, Ok(Some(good))),
            (Some(good), Hint::Missing, false, true, Err("logout-unproven")),
            (Some(good), Hint::Missing, true, false, Err("logout-unproven")),
            (Some(good), Hint::Foreign, true, true, Err("logout-hint-not-ours")),
            (Some(good), Hint::OfAnotherApp, true, true, Err("logout-hint-of-another-app")),
            (Some(bad), ours(), true, true, Err("logout-uri-not-registered")),
            (Some(good), ours(), true, false, Err("logout-uri-not-registered")),
        ] {
            let answer = onward(asked, &hint, confirmed, registered.then_some(&client));
            assert_eq!(answer.map_err(|e| e.what), expected, "{asked:?} {hint:?} {confirmed} {registered}");
        }
    }
}
