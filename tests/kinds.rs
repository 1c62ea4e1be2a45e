//! Is every kind of JWT taken at its own door, and at no other? (RFC 8725 §3.11, RFC 9101 §10.8)
#![cfg(test)]

mod support;

use countersign::config::SigningAlgorithm;
use countersign::oidc::clients::{AuthMethod, GrantType};
use serde_json::{Value, json};
use support::Database;
use support::admin::REDIRECT_URI;
use support::app_server::AppServer;
use support::browser::http;
use support::prover::{self, JWT_BEARER, proof, random};
use support::relying_app::{Answer, RelyingApp, Visit};
use support::signer::Signer;
use support::site::Site;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const BYE: &str = "https://app.example.org/bye";

/// Who signs what, and where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ClientAssertion,
    AuthorizationGrant,
    RequestObject,
    DpopProof,
    AccessToken,
    IdToken,
    UserInfo,
    LogoutToken,
    Introspection,
    AuthorizationResponse,
}

const KINDS: [Kind; 10] = [
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

/// Where somebody shows a JWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    ClientAssertion,
    Assertion,
    Request,
    DpopHeader,
    UserInfo,
    Introspection,
    SubjectAccessToken,
    SubjectIdToken,
    ActorAccessToken,
    ActorIdToken,
    HintToAuthorize,
    HintToLogout,
}

const DOORS: [(Door, Kind); 12] = [
    (Door::ClientAssertion, Kind::ClientAssertion),
    (Door::Assertion, Kind::AuthorizationGrant),
    (Door::Request, Kind::RequestObject),
    (Door::DpopHeader, Kind::DpopProof),
    (Door::UserInfo, Kind::AccessToken),
    (Door::Introspection, Kind::AccessToken),
    (Door::SubjectAccessToken, Kind::AccessToken),
    (Door::SubjectIdToken, Kind::IdToken),
    (Door::ActorAccessToken, Kind::AccessToken),
    (Door::ActorIdToken, Kind::IdToken),
    (Door::HintToAuthorize, Kind::IdToken),
    (Door::HintToLogout, Kind::IdToken),
];

/// An app that does everything, and one of each of our JWTs for it.
struct World {
    site: Site,
    app: RelyingApp,
    key: Signer,
    visit: Visit,
    access_token: String,
    id_token: String,
    userinfo: String,
    logout_token: String,
    introspection: String,
    response: String,
}

impl World {
    async fn new() -> Self {
        let server = AppServer::start().await;
        let site = Site::with(Database::sqlite().await, |config| server.let_in(config)).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let key = Signer::new("ES256");
        let (jwks, uri) = (key.jwks(), server.uri("/told"));
        let app = site
            .admin
            .add_app_with(|m| {
                m.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
                m.jwks = Some(jwks);
                let further = [GrantType::ClientCredentials, GrantType::TokenExchange, GrantType::JwtBearer];
                m.grant_types.extend(further);
                m.userinfo_signed_response_alg = Some(SigningAlgorithm::ES256);
                m.backchannel_logout_uri = Some(uri);
                m.post_logout_redirect_uris = vec![BYE.to_owned()];
            })
            .await;
        let visit = app.visit();
        let nothing = String::new;
        let mut world = Self {
            visit,
            site,
            app,
            key,
            access_token: nothing(),
            id_token: nothing(),
            userinfo: nothing(),
            logout_token: nothing(),
            introspection: nothing(),
            response: nothing(),
        };
        world.collect(&server).await;
        world
    }

    /// One of each of ours, from where it is given.
    async fn collect(&mut self, server: &AppServer) {
        let visit = self.app.visit().with("scope", "openid profile email offline_access");
        let mut browser = self.site.after_password(&visit, "ada").await;
        let code = visit.code(&browser.arrived());
        let verifier = visit.verifier.clone().unwrap();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", verifier.as_str()),
        ];
        let tokens = self.token(&form).await;
        (self.access_token, self.id_token) = (tokens.text("access_token"), tokens.text("id_token"));
        let endpoint = self.site.url.join("userinfo").unwrap();
        let about = http().get(endpoint).bearer_auth(&self.access_token).send().await.unwrap();
        self.userinfo = about.text().await.unwrap();
        let request = self.request("introspect", &[("token", &self.access_token)]);
        let signed = request.header("accept", "application/token-introspection+jwt").send().await.unwrap();
        self.introspection = signed.text().await.unwrap();
        let jarm = self.app.visit().with("response_mode", "jwt");
        browser.open(&jarm.url()).await;
        let mut pairs = browser.arrived().query_pairs().into_owned().collect::<Vec<_>>();
        self.response = pairs.pop().unwrap().1;
        let mut logout = self.site.url.join("logout").unwrap();
        logout.query_pairs_mut().append_pair("id_token_hint", &self.id_token);
        browser.open(logout.as_str()).await;
        self.logout_token = server.received().pop().unwrap().form.pop().unwrap().1;
    }

    fn issuer(&self) -> &str {
        self.site.url.as_str().trim_end_matches('/')
    }

    fn client_assertion(&self) -> String {
        self.key.sign(&prover::claims(&self.app, self.site.now()))
    }

    /// A request with a right proof of the client, unless the form has one.
    fn request(&self, path: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let assertion = self.client_assertion();
        let mut form = form.to_vec();
        form.push(("client_assertion_type", JWT_BEARER));
        if !form.iter().any(|(name, _)| *name == "client_assertion") {
            form.push(("client_assertion", &assertion));
        }
        self.app.request(path, &form)
    }

    async fn token(&self, form: &[(&str, &str)]) -> Answer {
        Answer::of(self.request("token", form)).await
    }

    /// A JWT of this kind, of those that clients sign a new one, with this type in its header.
    async fn make(&self, kind: Kind, typ: Option<&str>) -> String {
        let (now, issuer) = (self.site.now(), self.issuer());
        let mut header = typ.map_or_else(|| json!({}), |typ| json!({ "typ": typ }));
        let claims = match kind {
            Kind::ClientAssertion => prover::claims(&self.app, now),
            Kind::AuthorizationGrant => {
                let sub = self.site.admin.user("ada").await.id;
                json!({"iss": self.app.client_id, "sub": sub, "aud": issuer, "exp": now + 60, "jti": random()})
            }
            Kind::RequestObject => {
                let mut claims = json!(self.visit.parameters);
                let about = json!({"iss": self.app.client_id, "aud": issuer, "nbf": now, "exp": now + 60, "jti": random()});
                claims.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
                claims
            }
            Kind::DpopProof => {
                header["jwk"] = prover::jwk(&self.key);
                prover::proof_claims("POST", self.site.url.join("token").unwrap().as_str(), now)
            }
            Kind::AccessToken => return self.access_token.clone(),
            Kind::IdToken => return self.id_token.clone(),
            Kind::UserInfo => return self.userinfo.clone(),
            Kind::LogoutToken => return self.logout_token.clone(),
            Kind::Introspection => return self.introspection.clone(),
            Kind::AuthorizationResponse => return self.response.clone(),
        };
        self.key.sign_with(header, &claims)
    }

    /// Whether a door takes this JWT.
    async fn takes(&self, door: Door, jwt: &str) -> bool {
        let own_name = [("grant_type", "client_credentials")];
        let exchanged = async |more: &[(&str, &str)]| {
            self.token(&[&[("grant_type", EXCHANGE)], more].concat()).await.status == 200
        };
        let subject = [("subject_token", self.access_token.as_str()), ("subject_token_type", ACCESS_TOKEN)];
        match door {
            Door::ClientAssertion => {
                self.token(&[&own_name[..], &[("client_assertion", jwt)]].concat()).await.status == 200
            }
            Door::Assertion => self.token(&[("grant_type", GRANT), ("assertion", jwt)]).await.status == 200,
            Door::DpopHeader => {
                let answer = Answer::of(self.request("token", &own_name).header("DPoP", jwt)).await;
                answer.status == 200 && answer.json["token_type"] == "DPoP"
            }
            Door::UserInfo => {
                let endpoint = self.site.url.join("userinfo").unwrap();
                http().get(endpoint).bearer_auth(jwt).send().await.unwrap().status() == 200
            }
            Door::Introspection => {
                let known = Answer::of(self.request("introspect", &[("token", jwt)])).await;
                known.json["active"] == true
            }
            Door::SubjectAccessToken => {
                exchanged(&[("subject_token", jwt), ("subject_token_type", ACCESS_TOKEN)]).await
            }
            Door::SubjectIdToken => {
                exchanged(&[("subject_token", jwt), ("subject_token_type", ID_TOKEN)]).await
            }
            Door::ActorAccessToken => {
                let actor = [("actor_token", jwt), ("actor_token_type", ACCESS_TOKEN)];
                exchanged(&[subject, actor].concat()).await
            }
            Door::ActorIdToken => {
                let actor = [("actor_token", jwt), ("actor_token_type", ID_TOKEN)];
                exchanged(&[subject, actor].concat()).await
            }
            Door::Request | Door::HintToAuthorize | Door::HintToLogout => self.browser_takes(door, jwt).await,
        }
    }

    async fn browser_takes(&self, door: Door, jwt: &str) -> bool {
        let mut browser = self.site.browser();
        match door {
            Door::Request => {
                let mut url = self.site.url.join("authorize").unwrap();
                url.query_pairs_mut()
                    .append_pair("client_id", &self.app.client_id)
                    .append_pair("request", jwt);
                browser.open(url.as_str()).await;
                browser.has_field("password")
            }
            Door::HintToAuthorize => {
                let visit = self.app.visit().with("id_token_hint", jwt).with("prompt", "none");
                browser.open(&visit.url()).await;
                // With a hint that is taken, what is missing is that somebody signs in.
                visit.error(&browser.arrived()) == "login_required"
            }
            _ => {
                let mut url = self.site.url.join("logout").unwrap();
                url.query_pairs_mut()
                    .append_pair("id_token_hint", jwt)
                    .append_pair("post_logout_redirect_uri", BYE);
                browser.open(url.as_str()).await;
                browser.has_left()
            }
        }
    }
}

/// The types that a JWT of this kind is tried with, and whether its own door takes it so; ours have the one that they have.
fn types(kind: Kind) -> Vec<(Option<&'static str>, bool)> {
    let plain = |own| vec![(Some(own), true), (Some("JWT"), true), (None, true), (Some("at+jwt"), false)];
    match kind {
        Kind::ClientAssertion => plain("client-authentication+jwt"),
        Kind::AuthorizationGrant => plain("authorization-grant+jwt"),
        Kind::RequestObject => plain("oauth-authz-req+jwt"),
        Kind::DpopProof => vec![(Some("dpop+jwt"), true), (Some("JWT"), false), (None, false)],
        _ => vec![(None, true)],
    }
}

#[tokio::test]
async fn every_kind_of_jwt_is_taken_at_its_own_doors_and_at_no_other() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for kind in KINDS {
        for (typ, good) in types(kind) {
            for (door, own) in DOORS {
                let jwt = world.make(kind, typ).await;
                let (taken, expected) = (world.takes(door, &jwt).await, own == kind && good);
                if taken != expected {
                    wrong.push(format!("{kind:?} with typ {typ:?} at {door:?}: taken {taken}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The reproduction: a request object with `sub`, which is then posted again as the client's own proof.
#[tokio::test]
async fn one_jwt_is_not_a_request_and_a_proof_of_its_client() {
    let world = World::new().await;
    let mut claims = json!(world.visit.parameters);
    let now = world.site.now();
    let about = json!({
        "iss": world.app.client_id, "sub": world.app.client_id, "aud": world.issuer(), "exp": now + 60, "jti": random(),
    });
    claims.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
    for header in [json!({}), json!({ "typ": "JWT" }), json!({ "typ": "oauth-authz-req+jwt" })] {
        let jwt = world.key.sign_with(header.clone(), &claims);
        assert!(!world.takes(Door::Request, &jwt).await, "{header}");
    }
    let typed = world.key.sign_with(json!({ "typ": "oauth-authz-req+jwt" }), &claims);
    assert!(!world.takes(Door::ClientAssertion, &typed).await);
}

/// One `jti` of a client's counts once, whichever of its assertions has it.
#[tokio::test]
async fn an_assertion_of_one_kind_uses_up_its_name_for_the_other() {
    let world = World::new().await;
    let (jti, now) = (random(), world.site.now());
    let named = |mut claims: Value| {
        claims["jti"] = json!(jti);
        world.key.sign(&claims)
    };
    let own = named(prover::claims(&world.app, now));
    assert!(world.takes(Door::ClientAssertion, &own).await);
    let about = json!({
        "iss": world.app.client_id,
        "sub": world.site.admin.user("ada").await.id,
        "aud": world.issuer(),
        "exp": now + 60,
    });
    assert!(!world.takes(Door::Assertion, &named(about)).await);
    let proven = proof(&world.key, "POST", world.site.url.join("token").unwrap().as_str(), now);
    assert!(world.takes(Door::DpopHeader, &proven).await, "a key's proofs have names of their own");
}
