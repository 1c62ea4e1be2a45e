//! Which single claims does an app ask for? The `claims` parameter (OIDC Core §5.5).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::oidc::shared::error::{Code, Refusal};
use crate::signin::decide::{ACR_PASSWORD, ACR_TWO_FACTORS};

/// The most claims that one request may name in each of its two halves.
const MAX_CLAIMS: usize = 50;

/// A parsed `claims` parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    /// The claims that `UserInfo` should have, whatever the scopes say.
    pub userinfo: Vec<String>,
    /// The claims that the ID token should have.
    pub id_token: Vec<String>,
    /// The `sub` that must have signed in (OIDC Core §5.5.1).
    pub subject: Option<String>,
    /// Whether an essential `acr` asks for what only two factors give (OIDC Core §5.5.1.1).
    pub two_factors: bool,
}

impl ClaimsRequest {
    /// Parses the parameter.
    ///
    /// # Errors
    /// `invalid_request` for what is not of the form of OIDC Core §5.5; `unmet_authentication_requirements` for an essential
    /// `acr` that cannot be given here.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let invalid = |what: &str| {
            let description = format!("claims {what} (OpenID Connect Core section 5.5)");
            Refusal::new(Code::InvalidRequest, description)
        };
        let Ok(Value::Object(claims)) = serde_json::from_str(text) else {
            return Err(invalid("is not a JSON object"));
        };
        let half = |name: &str| match claims.get(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(half)) if half.len() > MAX_CLAIMS => Err(invalid("names too many claims")),
            Some(Value::Object(half)) => Ok(half.clone()),
            Some(_) => Err(invalid(&format!("has a member {name} that is not an object"))),
        };
        let (userinfo, id_token) = (half("userinfo")?, half("id_token")?);
        if userinfo.values().chain(id_token.values()).any(|asked| !asked.is_null() && !asked.is_object()) {
            return Err(invalid("asks for a claim by something else than null or an object"));
        }
        Ok(Self {
            subject: one_subject([&userinfo, &id_token])?,
            two_factors: two_factors(id_token.get("acr"))?,
            userinfo: userinfo.into_iter().map(|(name, _)| name).collect(),
            id_token: id_token.into_iter().map(|(name, _)| name).collect(),
        })
    }
}

/// The values that a claim is asked for with: `value` and `values` together.
fn values(asked: &Value) -> Vec<&str> {
    let one = asked.get("value").and_then(Value::as_str);
    let several =
        asked.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    one.into_iter().chain(several).collect()
}

fn one_subject(halves: [&Map<String, Value>; 2]) -> Result<Option<String>, Refusal> {
    let mut subject: Option<String> = None;
    for asked in halves.into_iter().filter_map(|half| half.get("sub")) {
        let Some(value) = asked.get("value").and_then(Value::as_str) else { continue };
        // OIDC Core §2: no subject is longer.
        if value.len() > 255 {
            let description = "claims asks for a sub of more than 255 bytes, which is nobody's";
            return Err(Refusal::new(Code::InvalidRequest, description));
        }
        if subject.as_deref().is_some_and(|before| before != value) {
            let description = "claims asks for two different values of sub";
            return Err(Refusal::new(Code::InvalidRequest, description));
        }
        subject = Some(value.to_owned());
    }
    Ok(subject)
}

/// Whether only two factors will do. One that nothing here gives cannot be met at all (OIDC Core §5.5.1.1).
fn two_factors(acr: Option<&Value>) -> Result<bool, Refusal> {
    let essential = |acr: &&Value| acr.get("essential").and_then(Value::as_bool).unwrap_or(false);
    let Some(acr) = acr.filter(essential) else { return Ok(false) };
    let asked = values(acr);
    if asked.is_empty() || asked.contains(&ACR_PASSWORD) {
        Ok(false)
    } else if asked.contains(&ACR_TWO_FACTORS) {
        Ok(true)
    } else {
        let description = format!("no such acr can be given here, only {ACR_PASSWORD} and {ACR_TWO_FACTORS}");
        Err(Refusal::new(Code::UnmetAuthenticationRequirements, description))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> Option<Code> {
        ClaimsRequest::parse(text).err().map(|refusal| refusal.code)
    }

    #[test]
    fn the_two_halves_are_read_apart() {
        let text = r#"{"userinfo":{"name":{"essential":true},"email":null},"id_token":{"auth_time":null}}"#;
        let claims = ClaimsRequest::parse(text).unwrap();
        assert_eq!(claims.userinfo, ["name", "email"]);
        assert_eq!(claims.id_token, ["auth_time"]);
        assert_eq!((claims.subject, claims.two_factors), (None, false));
        assert_eq!(ClaimsRequest::parse("{}"), Ok(ClaimsRequest::default()));
    }

    #[test]
    fn what_is_not_of_that_form_is_refused() {
        for text in ["", "[]", "null", "{", r#"{"userinfo":[]}"#, r#"{"id_token":{"name":true}}"#] {
            assert_eq!(code(text), Some(Code::InvalidRequest), "{text}");
        }
        let many: Vec<String> = (0..=MAX_CLAIMS).map(|n| format!("\"c{n}\":null")).collect();
        assert_eq!(code(&format!("{{\"userinfo\":{{{}}}}}", many.join(","))), Some(Code::InvalidRequest));
    }

    #[test]
    fn an_essential_acr_is_heard() {
        let acr = |asked: &str| ClaimsRequest::parse(&format!(r#"{{"id_token":{{"acr":{asked}}}}}"#));
        let essential = |values: &str| acr(&format!(r#"{{"essential":true,"values":[{values}]}}"#));
        let (pwd, two) = (format!("\"{ACR_PASSWORD}\""), format!("\"{ACR_TWO_FACTORS}\""));
        assert_eq!(essential(&two).map(|c| c.two_factors), Ok(true));
        assert_eq!(essential(&format!("{pwd},{two}")).map(|c| c.two_factors), Ok(false));
        assert_eq!(acr(&format!(r#"{{"values":[{two}]}}"#)).map(|c| c.two_factors), Ok(false));
        assert_eq!(acr("null").map(|c| c.two_factors), Ok(false));
        let unmet = essential("\"urn:mace:incommon:iap:gold\"").unwrap_err();
        assert_eq!(unmet.code, Code::UnmetAuthenticationRequirements);
    }

    #[test]
    fn one_subject_may_be_asked_for() {
        let sub = |u: &str, i: &str| {
            let text = format!(
                r#"{{"userinfo":{{"sub":{{"value":"{u}"}}}},"id_token":{{"sub":{{"value":"{i}"}}}}}}"#
            );
            ClaimsRequest::parse(&text).map(|c| c.subject)
        };
        assert_eq!(sub("a", "a"), Ok(Some("a".to_owned())));
        assert!(sub("a", "b").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = ClaimsRequest::parse(&text);
        }
    }
}
