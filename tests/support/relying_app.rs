//! Which app sends the person here? A `RelyingApp` asks, redeems, verifies, as RFC 6749 and OIDC Core say.

use std::collections::BTreeMap;

use countersign::keys::secret::{Token, base64url, entropy};
use josekit::jwk::JwkSet;
use josekit::jws::{self, JwsHeader, JwsVerifier};
use openssl::sha::sha256;
use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use super::browser::http;

/// How the app proves itself at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// `client_secret_basic`
    Basic,
    /// `client_secret_post`
    Post,
    /// `none`: a public client; or one that proves itself by an assertion or a certificate, which the test adds
    None,
}

/// An app that is registered at the site.
#[derive(Clone, Debug)]
pub struct RelyingApp {
    /// The site's address, which is also its issuer.
    pub issuer: Url,
    /// `client_id`
    pub client_id: String,
    /// `client_secret`, unless the client is public.
    pub client_secret: Option<String>,
    /// Where it wants the answer.
    pub redirect_uri: String,
    /// How it proves itself.
    pub proof: Proof,
}

/// One authorization request, and what its app remembers until the answer comes.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The request's parameters; change them at will.
    pub parameters: BTreeMap<String, String>,
    /// `code_verifier`, unless the request does without PKCE.
    pub verifier: Option<String>,
    endpoint: Url,
}

/// An answer of an endpoint that speaks JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body; null when it was empty.
    pub json: Value,
}

impl RelyingApp {
    /// A request for a code, with PKCE, a fresh state and a fresh nonce, and scope `openid`.
    pub fn visit(&self) -> Visit {
        let verifier = random();
        let parameters = [
            ("response_type", "code".to_owned()),
            ("client_id", self.client_id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("scope", "openid".to_owned()),
            ("state", random()),
            ("nonce", random()),
            ("code_challenge", base64url(&sha256(verifier.as_bytes()))),
            ("code_challenge_method", "S256".to_owned()),
        ];
        Visit {
            parameters: parameters.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
            verifier: Some(verifier),
            endpoint: self.issuer.join("authorize").expect("an address"),
        }
    }

    /// The tokens for the code with which the browser came back; fails unless state and issuer are right.
    pub async fn redeem(&self, visit: &Visit, arrived: &Url) -> Answer {
        let code = visit.code(arrived);
        self.redeem_code(visit, &code).await
    }

    /// The tokens for this code.
    pub async fn redeem_code(&self, visit: &Visit, code: &str) -> Answer {
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &self.redirect_uri)];
        form.extend(visit.verifier.as_deref().map(|v| ("code_verifier", v)));
        self.token(&form).await
    }

    /// New tokens for a refresh token.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    /// Any request to the token endpoint, with this app's proof.
    pub async fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.ask("token", form).await
    }

    /// Any request to an endpoint of this path, with this app's proof.
    pub async fn ask(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        Answer::of(self.request(path, form)).await
    }

    /// The same before it is sent.
    pub fn request(&self, path: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let secret = self.client_secret.as_deref().unwrap_or_default();
        let mut form = form.to_vec();
        let mut request = http().post(self.issuer.join(path).expect("an address"));
        match self.proof {
            Proof::Basic => {
                // RFC 6749 §2.3.1: both are form-encoded before they are put together.
                let [id, secret] = [self.client_id.as_str(), secret]
                    .map(|t| form_urlencoded::byte_serialize(t.as_bytes()).collect::<String>());
                request = request.basic_auth(id, Some(secret));
            }
            Proof::Post => form.extend([("client_id", self.client_id.as_str()), ("client_secret", secret)]),
            Proof::None => form.push(("client_id", self.client_id.as_str())),
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// What the `UserInfo` endpoint tells the holder of this token.
    pub async fn userinfo(&self, access_token: &str) -> Answer {
        let endpoint = self.issuer.join("userinfo").expect("an address");
        Answer::of(http().get(endpoint).bearer_auth(access_token)).await
    }

    /// The claims of an ID token: signature by the published keys, then `iss`, `aud`, `nonce`, `exp`, `iat` as
    /// OIDC Core §3.1.3.7 says. `now` is the site's time, in seconds.
    pub async fn verify(&self, id_token: &str, visit: &Visit, now: i64) -> Value {
        let claims = self.verify_signature(id_token).await;
        let audience = &claims["aud"];
        assert_eq!(claims["iss"], self.issuer.as_str().trim_end_matches('/'), "iss of {claims}");
        assert!(
            *audience == self.client_id.as_str() || *audience == serde_json::json!([self.client_id]),
            "aud of {claims}"
        );
        assert_eq!(
            claims["nonce"].as_str(),
            visit.parameters.get("nonce").map(String::as_str),
            "nonce of {claims}"
        );
        assert!(
            claims["iat"].as_i64().is_some_and(|iat| (now - 300..=now + 1).contains(&iat)),
            "iat of {claims}"
        );
        assert!(claims["exp"].as_i64().is_some_and(|exp| exp > now), "exp of {claims}");
        claims
    }

    /// The payload of a JWT, once its signature has been found right by a key of `/jwks`.
    pub async fn verify_signature(&self, jwt: &str) -> Value {
        let keys = Answer::of(http().get(self.issuer.join("jwks").expect("an address"))).await;
        let keys = JwkSet::from_bytes(keys.json.to_string()).expect("a JWK set");
        let header = jws_header(jwt);
        let kid = header.key_id().expect("the header names its key");
        let key = *keys.get(kid).first().unwrap_or_else(|| panic!("/jwks has no key {kid}"));
        let verifier: Box<dyn JwsVerifier> = match header.algorithm() {
            Some("RS256") => Box::new(jws::RS256.verifier_from_jwk(key).expect("an RSA key")),
            Some("RS384") => Box::new(jws::RS384.verifier_from_jwk(key).expect("an RSA key")),
            Some("RS512") => Box::new(jws::RS512.verifier_from_jwk(key).expect("an RSA key")),
            Some("PS256") => Box::new(jws::PS256.verifier_from_jwk(key).expect("an RSA key")),
            Some("PS384") => Box::new(jws::PS384.verifier_from_jwk(key).expect("an RSA key")),
            Some("PS512") => Box::new(jws::PS512.verifier_from_jwk(key).expect("an RSA key")),
            Some("ES256") => Box::new(jws::ES256.verifier_from_jwk(key).expect("a P-256 key")),
            Some("ES384") => Box::new(jws::ES384.verifier_from_jwk(key).expect("a P-384 key")),
            Some("ES512") => Box::new(jws::ES512.verifier_from_jwk(key).expect("a P-521 key")),
            Some("EdDSA") => Box::new(jws::EdDSA.verifier_from_jwk(key).expect("an Ed25519 key")),
            other => panic!("an algorithm that nobody asked for: {other:?}"),
        };
        let (payload, _) = jws::deserialize_compact(jwt, verifier.as_ref()).expect("a right signature");
        serde_json::from_slice(&payload).expect("claims")
    }
}

impl Visit {
    /// The address to send the browser to.
    pub fn url(&self) -> String {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut().extend_pairs(&self.parameters);
        url.into()
    }

    /// The same request with a parameter set.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same request without a parameter.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.parameters.remove(name);
        self
    }

    /// The same request, whose app has forgotten its verifier, or remembers another one.
    #[must_use]
    pub fn with_verifier(mut self, verifier: Option<&str>) -> Self {
        self.verifier = verifier.map(str::to_owned);
        self
    }

    /// The same request without PKCE.
    #[must_use]
    pub fn without_pkce(mut self) -> Self {
        self.verifier = None;
        self.without("code_challenge").without("code_challenge_method")
    }

    /// The authorization code with which the browser came back.
    pub fn code(&self, arrived: &Url) -> String {
        self.answer(arrived, "code")
    }

    /// The error with which the browser came back.
    pub fn error(&self, arrived: &Url) -> String {
        self.answer(arrived, "error")
    }

    /// One parameter of the answer, once state and issuer (RFC 9207) have been found right.
    pub fn answer(&self, arrived: &Url, name: &str) -> String {
        let fragment = arrived.fragment().unwrap_or_default();
        let in_fragment = form_urlencoded::parse(fragment.as_bytes()).into_owned();
        let given: BTreeMap<String, String> = arrived.query_pairs().into_owned().chain(in_fragment).collect();
        let redirect_uri = self.parameters.get("redirect_uri").expect("the request has one");
        assert!(arrived.as_str().starts_with(redirect_uri.as_str()), "sent to {arrived}");
        assert_eq!(given.get("state"), self.parameters.get("state"), "state in {arrived}");
        let issuer = self.endpoint.as_str().trim_end_matches("/authorize").to_owned();
        assert_eq!(given.get("iss"), Some(&issuer), "iss in {arrived}");
        given.get(name).cloned().unwrap_or_else(|| panic!("no {name} in {arrived}"))
    }
}

impl Answer {
    /// Sends a request and reads its answer.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.expect("the site answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.text().await.expect("a body of text");
        assert!(status.as_u16() != 500, "answered 500: {body}");
        let json = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e} in {body}"))
        };
        Self { status, headers, json }
    }

    /// A text of the body; fails when it is not there.
    pub fn text(&self, name: &str) -> String {
        let text = self.json[name].as_str();
        text.unwrap_or_else(|| panic!("{} has no {name}: {}", self.status, self.json)).to_owned()
    }

    /// The body's `error`, if it is a refusal.
    pub fn error(&self) -> Option<String> {
        self.json["error"].as_str().map(str::to_owned)
    }
}

fn jws_header(jwt: &str) -> JwsHeader {
    use base64::Engine as _;
    let first = jwt.split('.').next().expect("a JWT");
    let header = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(first).expect("base64url");
    JwsHeader::from_bytes(&header).expect("a JWS header")
}

fn random() -> String {
    Token::generate(&mut entropy()).reveal().to_owned()
}
