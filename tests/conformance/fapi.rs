//! What does a module of the FAPI 2.0 plans do over and over? Two clients with keys of their own push, sign in, redeem, and call the
//! protected resource, which is `UserInfo` here.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign::config::{Config, SigningAlgorithm};
use countersign::oidc::clients::{AuthMethod, Profile};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use url::Url;

use crate::checks;
use crate::suite::{finish, get};
use crate::support::Database;
use crate::support::browser::{Browser, http};
use crate::support::prover::{JWT_BEARER, claims, proof, proof_of, token_proof_claims};
use crate::support::relying_app::{Answer, RelyingApp, Visit};
use crate::support::signer::Signer;
use crate::support::site::Site;

/// The callback of the second client.
const REDIRECT_URI_2: &str = "https://app.example.org/callback?dummy1=lorem&dummy2=ipsum";

/// How the requests and answers of a plan differ from those of the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// Parameters are pushed as they are, and answers come as they are.
    SecurityProfile,
    /// Parameters are pushed in a signed object, and answers come in a signed JWT
    /// (`fapi_request_method=signed_non_repudiation`, `fapi_response_mode=jarm`).
    MessageSigning,
}

impl Terms {
    /// Whether requests and answers are signed.
    pub fn signs(self) -> bool {
        self == Self::MessageSigning
    }
}

/// The provider under test, and the two static clients.
pub struct Fapi {
    /// The provider.
    pub site: Site,
    /// Its metadata.
    pub metadata: Value,
    /// The first client.
    pub client: Client,
    /// The second one.
    pub client2: Client,
    terms: Terms,
}

/// A client with `private_key_jwt` and `DPoP`.
pub struct Client {
    /// What is registered.
    pub app: RelyingApp,
    /// The key of its assertions.
    pub key: Signer,
    /// The key that its tokens are bound to.
    pub dpop: Signer,
    /// What it signs with, and has its answers signed with.
    alg: &'static str,
    terms: Terms,
}

/// One request of a client; change it before it is sent.
pub struct Call {
    url: String,
    form: Vec<(String, String)>,
    proofs: Vec<String>,
}

impl Fapi {
    /// A provider with two clients that are held to FAPI 2.0.
    pub async fn start(terms: Terms) -> Self {
        let site = Site::with_tls(Database::sqlite().await, |_: &mut Config| ()).await;
        let client = Client::register(&site, terms, SigningAlgorithm::PS256, None).await;
        let client2 = Client::register(&site, terms, SigningAlgorithm::ES256, Some(REDIRECT_URI_2)).await;
        let metadata = get(&site.url, ".well-known/openid-configuration").await.json;
        checks::metadata(&metadata, site.url.as_str().trim_end_matches('/'), "private_key_jwt");
        checks::jwks(&get(&site.url, "jwks").await.json);
        Self { site, metadata, client, client2, terms }
    }

    /// The address of an endpoint.
    pub fn at(&self, path: &str) -> String {
        self.site.url.join(path).expect("a path").into()
    }

    /// A request to an endpoint with a right assertion, and nothing else.
    pub fn call(&self, client: &Client, path: &str) -> Call {
        let call = Call { url: self.at(path), form: Vec::new(), proofs: Vec::new() };
        let assertion = client.key.sign(&claims(&client.app, self.site.now()));
        call.with("client_id", &client.app.client_id)
            .with("client_assertion_type", JWT_BEARER)
            .with("client_assertion", &assertion)
    }

    /// A right proof of the client's key for a request to an endpoint by POST.
    pub fn proof(&self, client: &Client, path: &str) -> String {
        proof(&client.dpop, "POST", &self.at(path), self.site.now())
    }

    /// The request that pushes this.
    pub fn push(&self, client: &Client, visit: &Visit) -> Call {
        if self.terms.signs() {
            return self.push_object(client, &client.key.sign(&self.object(client, visit)));
        }
        self.push_plainly(client, visit)
    }

    /// The request that pushes a request object.
    pub fn push_object(&self, client: &Client, object: &str) -> Call {
        self.call(client, "par").with("request", object)
    }

    /// The claims of a right request object.
    pub fn object(&self, client: &Client, visit: &Visit) -> Value {
        let now = self.site.now();
        let mut object = json!(visit.parameters);
        for (name, value) in [
            ("iss", json!(client.app.client_id)),
            ("aud", json!(self.issuer())),
            ("iat", json!(now)),
            ("nbf", json!(now)),
            ("exp", json!(now + 300)),
        ] {
            object[name] = value;
        }
        // OIDC Core §6.1: within an object it is no text.
        if let Some(asked) = visit.parameters.get("claims") {
            object["claims"] = serde_json::from_str(asked).expect("JSON");
        }
        object
    }

    /// The request that pushes the parameters as they are.
    pub fn push_plainly(&self, client: &Client, visit: &Visit) -> Call {
        visit.parameters.iter().fold(self.call(client, "par"), |call, (name, value)| call.with(name, value))
    }

    /// Pushes this, and answers where the browser goes with it.
    pub async fn pushed(&self, client: &Client, visit: &Visit) -> String {
        self.address(client, &uri_of(&self.push(client, visit).send().await))
    }

    /// Where the browser goes with a `request_uri`.
    pub fn address(&self, client: &Client, request_uri: &str) -> String {
        let mut url = self.site.url.join("authorize").expect("a path");
        let query = [("client_id", client.app.client_id.as_str()), ("request_uri", request_uri)];
        url.query_pairs_mut().extend_pairs(query);
        url.into()
    }

    /// Pushes this and signs in; the address with which the browser came back.
    pub async fn authorize(&self, client: &Client, visit: &Visit) -> Url {
        let address = self.pushed(client, visit).await;
        self.sign_in(&address, visit).await
    }

    /// Opens an address and signs in; the address with which the browser came back.
    pub async fn sign_in(&self, address: &str, visit: &Visit) -> Url {
        let mut browser = self.site.browser();
        browser.open(address).await;
        finish(&mut browser).await;
        let arrived = self.answer(&browser, visit).await;
        let given = checks::parameters(&arrived);
        assert_eq!(given.get("state"), visit.parameters.get("state"), "state in {arrived}");
        assert_eq!(given.get("iss").map(String::as_str), Some(self.issuer()), "iss in {arrived}");
        checks::entropy("code", given.get("code").unwrap_or_else(|| panic!("no code in {arrived}")));
        arrived
    }

    /// The request that redeems a code, without proof.
    pub fn redemption(&self, client: &Client, visit: &Visit, code: &str) -> Call {
        let call = self
            .call(client, "token")
            .with("grant_type", "authorization_code")
            .with("code", code)
            .with("redirect_uri", &client.app.redirect_uri);
        visit.verifier.iter().fold(call, |call, verifier| call.with("code_verifier", verifier))
    }

    /// The same with a right proof.
    pub fn redemption_by(&self, client: &Client, visit: &Visit, code: &str) -> Call {
        self.redemption(client, visit, code).proven(self.proof(client, "token"))
    }

    /// The whole flow, with the checks that every module makes.
    pub async fn flow(&self, client: &Client, visit: &Visit) -> Answer {
        let arrived = self.authorize(client, visit).await;
        let code = checks::parameters(&arrived)["code"].clone();
        let tokens = self.redemption_by(client, visit, &code).send().await;
        self.check(client, visit, &tokens).await;
        tokens
    }

    /// The checks of a token answer: both tokens, and the resource.
    pub async fn check(&self, client: &Client, visit: &Visit, tokens: &Answer) {
        assert_eq!(tokens.status, 200, "{}", tokens.json);
        assert_eq!(tokens.json["token_type"], "DPoP");
        assert_eq!(tokens.headers["cache-control"], "no-store");
        let access = tokens.text("access_token");
        checks::entropy("access_token", &access);
        let id_token = client.app.verify(&tokens.text("id_token"), visit, self.site.now()).await;
        checks::id_token(&id_token, Some(&access), self.site.now());
        checks::unasked(&id_token);
        let answer = self.resource(client, &access).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        checks::userinfo(&answer.json, &id_token);
    }

    /// What the resource answers to the client's key.
    pub async fn resource(&self, client: &Client, access: &str) -> Answer {
        let claims = token_proof_claims("GET", &self.at("userinfo"), self.site.now(), access);
        self.resource_by("DPoP", access, &[proof_of(&client.dpop, &claims)]).await
    }

    /// What the resource answers to these proofs.
    pub async fn resource_by(&self, scheme: &str, access: &str, proofs: &[String]) -> Answer {
        let request = http().get(self.at("userinfo")).header(AUTHORIZATION, format!("{scheme} {access}"));
        Answer::of(proofs.iter().fold(request, |r, proof| r.header("DPoP", proof))).await
    }

    /// A request that is refused: by the push, or else where the browser goes.
    pub async fn is_refused(&self, client: &Client, visit: &Visit, errors: &[&str]) {
        let pushed = self.push(client, visit).send().await;
        if pushed.status != 201 {
            let error = pushed.error().unwrap_or_default();
            checks::json_refusal(&pushed, 400, &error);
            assert!(errors.contains(&error.as_str()), "{}", pushed.json);
            return;
        }
        let mut browser = self.site.browser();
        browser.open(&self.address(client, &uri_of(&pushed))).await;
        self.shows_refusal(&browser, visit, errors).await;
    }

    /// The browser was sent back with one of these errors, or sees a page that says no.
    pub async fn shows_refusal(&self, browser: &Browser, visit: &Visit, errors: &[&str]) {
        if !browser.has_left() {
            assert_eq!(browser.status(), 400, "{}", browser.text());
            return;
        }
        let error = self.refusal(browser, visit).await;
        assert!(errors.contains(&error.as_str()), "{error}");
    }

    /// The error with which the browser was sent back.
    pub async fn refusal(&self, browser: &Browser, visit: &Visit) -> String {
        let mut arrived = self.answer(browser, visit).await;
        let given = checks::parameters(&arrived);
        let registered = Url::parse(&visit.parameters["redirect_uri"]).expect("an address");
        let of_the_app = checks::parameters(&registered);
        let answer = given.iter().filter(|(name, _)| !of_the_app.contains_key(*name));
        arrived.query_pairs_mut().clear().extend_pairs(answer);
        checks::refusal(visit, &arrived, self.issuer());
        visit.error(&self.answer(browser, visit).await)
    }

    /// Where the browser was sent, with the answer as if it were not signed: what is in the JWT, once that has been found right
    /// (JARM §2.4).
    pub async fn answer(&self, browser: &Browser, visit: &Visit) -> Url {
        let arrived = browser.arrived();
        if !self.terms.signs() {
            return arrived;
        }
        let is_theirs = visit.parameters["client_id"] == self.client2.app.client_id;
        let client = if is_theirs { &self.client2 } else { &self.client };
        let mut plain = Url::parse(&client.app.redirect_uri).expect("an address");
        let mut given = checks::parameters(&arrived);
        let response = given.remove("response").unwrap_or_else(|| panic!("no response in {arrived}"));
        assert_eq!(given, checks::parameters(&plain), "nothing stands beside the JWT");
        assert_eq!(arrived.fragment(), None);
        let claims = client.app.verify_signature(&response).await;
        assert_eq!(header(&response)["alg"], client.alg, "alg of the answer");
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(self.issuer()), &json!(client.app.client_id)));
        let now = self.site.now();
        assert!(claims["exp"].as_i64().is_some_and(|exp| exp > now && exp <= now + 600), "{claims}");
        let texts = claims.as_object().expect("claims").iter().filter(|(name, _)| *name != "aud");
        plain.query_pairs_mut().extend_pairs(texts.filter_map(|(name, value)| Some((name, value.as_str()?))));
        plain
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        self.site.url.as_str().trim_end_matches('/')
    }
}

/// The header of a JWT.
fn header(jwt: &str) -> Value {
    let first = jwt.split('.').next().expect("a header");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(first).expect("base64url")).expect("JSON")
}

/// The `request_uri` of an answer of `/par`.
pub fn uri_of(pushed: &Answer) -> String {
    assert_eq!(pushed.status, 201, "{}", pushed.json);
    assert!(pushed.json["expires_in"].as_i64().is_some_and(|s| (5..600).contains(&s)), "{}", pushed.json);
    let uri = pushed.text("request_uri");
    checks::entropy("request_uri", &uri);
    uri
}

impl Client {
    async fn register(
        site: &Site,
        terms: Terms,
        algorithm: SigningAlgorithm,
        redirect_uri: Option<&str>,
    ) -> Self {
        let alg = algorithm.name();
        let key = Signer::new(alg);
        let jwks = Some(key.jwks());
        let app = site
            .admin
            .add_app_with(|m| {
                (m.token_endpoint_auth_method, m.jwks) = (AuthMethod::PrivateKeyJwt, jwks);
                m.profile = Some(Profile::Fapi2);
                m.require_signed_request_object = terms.signs();
                // The first client does not say how its answers are signed: that is PS256 by itself.
                m.authorization_signed_response_alg = (alg != "PS256").then_some(algorithm);
                m.redirect_uris
                    .splice(.., redirect_uri.map(str::to_owned).or(m.redirect_uris.first().cloned()));
            })
            .await;
        Self { app, key, dpop: Signer::new("ES256"), alg, terms }
    }

    /// The suite's own request.
    pub fn visit(&self) -> Visit {
        match self.terms {
            Terms::SecurityProfile => self.app.visit(),
            Terms::MessageSigning => self.app.visit().with("response_mode", "jwt"),
        }
    }
}

impl Call {
    /// The same with a parameter set.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.form.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without a parameter.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.form.retain(|(one, _)| one != name);
        self
    }

    /// The same with an assertion of these claims.
    #[must_use]
    pub fn by(self, key: &Signer, claims: &Value) -> Self {
        self.with("client_assertion", &key.sign(claims))
    }

    /// The same without any proof of who the client is.
    #[must_use]
    pub fn unproven(self) -> Self {
        self.without("client_assertion").without("client_assertion_type")
    }

    /// The same with a `DPoP` header.
    #[must_use]
    pub fn proven(mut self, proof: String) -> Self {
        self.proofs.push(proof);
        self
    }

    /// What the endpoint says.
    pub async fn send(self) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.form).finish();
        let request = http().post(self.url).header("content-type", "application/x-www-form-urlencoded");
        Answer::of(self.proofs.iter().fold(request.body(body), |r, proof| r.header("DPoP", proof))).await
    }
}
