//! May a request object be believed, and what does it ask for? (RFC 9101 §4 and §6, OIDC Core §6, FAPI 2.0 Message Signing §5.3)

use serde_json::{Map, Value};

use crate::config::SigningAlgorithm;
use crate::oidc::clients::{Client, FAPI2_ALGORITHMS};
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::kinds::Kind;
use crate::oidc::shared::times::AHEAD;
use crate::web::form::Form;

/// How long a request object of FAPI 2.0 may hold, and how old it may be, in seconds (Message Signing §5.3.1).
const LONGEST: i64 = 3600;

/// The most parameters in one.
const MAX_PARAMETERS: usize = 100;

/// Claims about the object itself (RFC 7519 §4.1), which are no parameters of the request.
const ABOUT_ITSELF: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// What a request object must fit.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Whose it is.
    pub client: &'a Client,
    /// For whom it must be.
    pub issuer: &'a str,
    /// Now, in seconds since 1970.
    pub now: i64,
}

type Claims = Map<String, Value>;

/// What a client may sign its request objects with. `none` is never among them.
#[must_use]
pub fn algorithms(client: &Client) -> Vec<SigningAlgorithm> {
    if let Some(registered) = client.metadata.request_object_signing_alg {
        return vec![registered];
    }
    let fits = |one: &SigningAlgorithm| !client.metadata.is_fapi2() || FAPI2_ALGORITHMS.contains(&one.name());
    SigningAlgorithm::ALL.into_iter().filter(fits).collect()
}

/// The parameters in a request object whose signature has been found right.
///
/// # Errors
/// `invalid_request_object`, with what is wrong about it.
pub fn parameters(header: &Claims, claims: &Claims, expected: Expected<'_>) -> Result<Form, Refusal> {
    Kind::RequestObject.check(header).map_err(wrong)?;
    check_subject(header, claims, expected.client)?;
    check_names(claims, expected)?;
    check_audience(claims, expected)?;
    check_times(claims, expected)?;
    form(claims)
}

fn wrong(description: impl AsRef<str>) -> Refusal {
    Refusal::new(Code::InvalidRequestObject, format!("the request object {}", description.as_ref()))
}

/// RFC 9101 §10.8: a JWT that was made for something else is no request object, and the other way round. An assertion of the
/// client's about itself has its `client_id` as `sub`, and one about a person has theirs.
fn check_subject(header: &Claims, claims: &Claims, client: &Client) -> Result<(), Refusal> {
    match claims.get("sub") {
        None => Ok(()),
        Some(sub) if sub.as_str() == Some(&client.id) => Err(wrong(
            "has the client_id as its sub, as client assertions do: leave it out (RFC 9101 section 10.8)",
        )),
        Some(_) if Kind::RequestObject.is_named_by(header) => Ok(()),
        Some(_) => {
            let typ = Kind::RequestObject.typ();
            Err(wrong(format!(
                "has a sub: leave it out, or name its kind by typ {typ} (RFC 9101 section 10.8)"
            )))
        }
    }
}

fn check_names(claims: &Claims, expected: Expected<'_>) -> Result<(), Refusal> {
    for name in ["request", "request_uri"] {
        if claims.contains_key(name) {
            return Err(wrong(format!("holds {name}, which is not allowed (RFC 9101 section 4)")));
        }
    }
    for name in ["client_id", "iss"] {
        let Some(value) = claims.get(name) else { continue };
        if value.as_str() != Some(&expected.client.id) {
            return Err(wrong(format!(
                "has {name} {value}, and client_id of the request is {} (RFC 9101 section 5)",
                expected.client.id
            )));
        }
    }
    Ok(())
}

/// Whether the rules of FAPI 2.0 Message Signing hold for it.
fn is_strict(client: &Client) -> bool {
    client.metadata.is_fapi2()
}

fn check_audience(claims: &Claims, expected: Expected<'_>) -> Result<(), Refusal> {
    let issuer = Value::from(expected.issuer);
    let fits = match claims.get("aud") {
        None if is_strict(expected.client) => {
            return Err(wrong("has no aud (FAPI 2.0 Message Signing section 5.3.1)"));
        }
        None => true,
        Some(Value::Array(audience)) => audience.contains(&issuer),
        Some(audience) => *audience == issuer,
    };
    if fits {
        return Ok(());
    }
    Err(wrong(format!("has an aud without this provider's issuer, {} (RFC 9101 section 4)", expected.issuer)))
}

fn check_times(claims: &Claims, expected: Expected<'_>) -> Result<(), Refusal> {
    let now = expected.now;
    let (exp, nbf) = (moment(claims, "exp")?, moment(claims, "nbf")?);
    if let Some(exp) = exp
        && exp <= now
    {
        return Err(wrong(format!("has expired {} seconds ago (exp)", now.saturating_sub(exp))));
    }
    if let Some(nbf) = nbf
        && nbf > now.saturating_add(AHEAD)
    {
        return Err(wrong(format!(
            "does not hold yet (nbf): {} seconds are missing",
            nbf.saturating_sub(now)
        )));
    }
    if !is_strict(expected.client) {
        return Ok(());
    }
    let document = "FAPI 2.0 Message Signing section 5.3.1";
    let missing = |name: &str| wrong(format!("has no {name} ({document})"));
    let (exp, nbf) = (exp.ok_or_else(|| missing("exp"))?, nbf.ok_or_else(|| missing("nbf"))?);
    if exp.saturating_sub(nbf) > LONGEST {
        return Err(wrong(format!("has an exp that is more than 60 minutes after its nbf ({document})")));
    }
    if now.saturating_sub(nbf) > LONGEST {
        return Err(wrong(format!("has an nbf that is more than 60 minutes ago ({document})")));
    }
    Ok(())
}

/// A `NumericDate` (RFC 7519 §2), which may have a fraction.
fn moment(claims: &Claims, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = |text: &str| text.split(['.', 'e', 'E']).next().and_then(|whole| whole.parse().ok());
    let number = value.as_i64().or_else(|| value.as_f64().and_then(|_| whole(&value.to_string())));
    number.map(Some).ok_or_else(|| wrong(format!("has a {name} that is no number of seconds since 1970")))
}

/// The claims as parameters (RFC 9101 §4: strings as strings; `claims` and numbers as JSON).
fn form(claims: &Claims) -> Result<Form, Refusal> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in claims.iter().filter(|(name, _)| !ABOUT_ITSELF.contains(&name.as_str())) {
        match value {
            Value::Null => {}
            Value::String(text) => pairs.push((name.clone(), text.clone())),
            Value::Array(several) if name == "resource" => {
                for one in several {
                    let text = one.as_str().ok_or_else(|| wrong("has a resource that is no text"))?;
                    pairs.push((name.clone(), text.to_owned()));
                }
            }
            other => pairs.push((name.clone(), other.to_string())),
        }
        if pairs.len() > MAX_PARAMETERS {
            return Err(wrong(format!("holds more than {MAX_PARAMETERS} parameters")));
        }
    }
    if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(wrong("holds a NUL"));
    }
    Ok(pairs.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::clients::{Metadata, Profile};
    use proptest::prelude::*;
    use serde_json::json;

    const ISSUER: &str = "https://login.example.org";
    const NOW: i64 = 1_800_000_000;

    fn client(profile: Option<Profile>) -> Client {
        let metadata = Metadata { profile, ..Metadata::default() };
        Client::unregistered("app", metadata)
    }

    fn object(value: Value) -> Claims {
        let Value::Object(claims) = value else { panic!("no object") };
        claims
    }

    fn read(client: &Client, header: Value, claims: Value) -> Result<Form, Refusal> {
        let expected = Expected { client, issuer: ISSUER, now: NOW };
        parameters(&object(header), &object(claims), expected)
    }

    /// What is wrong with the claims of a client without a profile; nothing if they are right.
    fn refusal(claims: Value) -> Option<String> {
        read(&client(None), json!({}), claims).err().map(|refusal| refusal.description)
    }

    #[test]
    fn claims_are_parameters_but_those_about_the_object() {
        let claims = json!({
            "iss": "app", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "jti": "1",
            "client_id": "app", "scope": "openid email", "max_age": 30, "claims": {"userinfo": {"name": null}},
            "resource": ["https://a.example/", "https://b.example/"], "nonce": null, "flag": true,
        });
        let form = read(&client(None), json!({"typ": "JWT"}), claims).unwrap();
        assert_eq!(form.get("scope"), Some("openid email"));
        assert_eq!(form.get("max_age"), Some("30"));
        assert_eq!(form.get("claims"), Some(r#"{"userinfo":{"name":null}}"#));
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["https://a.example/", "https://b.example/"]);
        assert_eq!(form.pairs().count(), 7, "{form:?}");
    }

    #[test]
    fn each_rule_has_its_refusal() {
        assert_eq!(refusal(json!({})), None);
        for (claims, words) in [
            (json!({"sub": "app"}), "client_id as its sub"),
            (json!({"sub": "ned"}), "has a sub"),
            (json!({"sub": 1}), "has a sub"),
            (json!({"request": "x"}), "holds request,"),
            (json!({"request_uri": "x"}), "holds request_uri"),
            (json!({"client_id": "other"}), "client_id 'other'"),
            (json!({"iss": "other"}), "iss 'other'"),
            (json!({"iss": 1}), "iss 1"),
            (json!({"aud": "https://other.example"}), "aud"),
            (json!({"aud": []}), "aud"),
            (json!({"aud": format!("{ISSUER}/")}), "aud"),
            (json!({"exp": NOW}), "expired"),
            (json!({"exp": "soon"}), "exp that is no number"),
            (json!({"nbf": NOW + 61}), "does not hold yet"),
            (json!({"resource": [1]}), "resource"),
            (json!({"state": "a\u{0}b"}), "NUL"),
        ] {
            let refused = refusal(claims.clone()).unwrap_or_else(|| panic!("{claims} was accepted"));
            assert!(refused.contains(words), "{claims}: {refused}");
        }
        assert_eq!(refusal(json!({"aud": ["x", ISSUER], "exp": NOW + 1, "nbf": NOW + 8})), None);
        assert_eq!(
            refusal(json!({"exp": 1_800_000_000.5})),
            Some("the request object has expired 0 seconds ago (exp)".to_owned())
        );
        let typed = |typ: Value| read(&client(None), json!({ "typ": typ }), json!({}));
        assert!(typed(json!("oauth-authz-req+jwt")).is_ok());
        let about = |sub: &str| {
            read(&client(None), json!({ "typ": "oauth-authz-req+jwt" }), json!({ "sub": sub })).is_ok()
        };
        assert!(about("ned") && !about("app"));
        for other in [json!("at+jwt"), json!("dpop+jwt"), json!(""), json!(1)] {
            assert!(typed(other).is_err());
        }
    }

    #[test]
    fn fapi_asks_for_more() {
        let fapi = client(Some(Profile::Fapi2));
        let right = || object(json!({"aud": ISSUER, "nbf": NOW, "exp": NOW + 300}));
        let with = |name: &str, value: Value| {
            let mut claims = right();
            claims.insert(name.to_owned(), value);
            read(&fapi, json!({}), Value::Object(claims))
        };
        assert!(with("aud", json!(["x", ISSUER])).is_ok());
        assert!(with("nbf", json!(NOW + 8)).is_ok());
        assert!(with("exp", json!(NOW + 3600)).is_ok());
        assert!(with("exp", json!(NOW + 3601)).is_err());
        assert!(with("nbf", json!(NOW - 3601)).is_err());
        for missing in ["aud", "nbf", "exp"] {
            let mut claims = right();
            claims.remove(missing);
            let refused = read(&fapi, json!({}), Value::Object(claims)).unwrap_err();
            assert!(refused.description.contains(missing), "{refused}");
        }
        let names =
            |client: &Client| algorithms(client).into_iter().map(SigningAlgorithm::name).collect::<Vec<_>>();
        assert!(names(&client(None)).contains(&"RS256"));
        assert!(names(&fapi).iter().all(|name| FAPI2_ALGORITHMS.contains(name)));
        let mut chosen = client(None);
        chosen.metadata.request_object_signing_alg = Some(SigningAlgorithm::ES256);
        assert_eq!(names(&chosen), ["ES256"]);
    }

    proptest! {
        #[test]
        fn no_claims_panic(name in "(aud|exp|nbf|iss|client_id|resource|state|max_age)", text in ".*", number in any::<f64>(), whole in any::<i64>()) {
            for value in [json!(text), json!(number), json!(whole), json!([text]), json!({"x": number}), json!(null)] {
                for client in [client(None), client(Some(Profile::Fapi2))] {
                    let _ = read(&client, json!({"typ": value}), json!({}));
                    let _ = read(&client, json!({}), json!({ name.clone(): value }));
                }
            }
        }
    }
}
