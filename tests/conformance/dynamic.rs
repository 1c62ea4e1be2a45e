//! What does a module do whose client registers itself? It registers, proves itself by `private_key_jwt`, and is gone at the end.

use countersign::config::RegistrationMode;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::checks;
use crate::suite::{Flow, answer_of, finish, get, tell_all};
use crate::support::Database;
use crate::support::admin::REDIRECT_URI;
use crate::support::browser::{Browser, http};
use crate::support::publisher::Publisher;
use crate::support::relying_app::{Answer, Proof, RelyingApp, Visit};
use crate::support::signer::Signer;
use crate::support::site::Site;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A provider where everybody may register, and the suite's own https server.
pub struct Dynamic {
    /// The provider.
    pub site: Site,
    /// What the suite publishes.
    pub publisher: Publisher,
    /// The provider's metadata.
    pub metadata: Value,
}

/// A client that has registered itself.
pub struct Client {
    /// How it asks.
    pub app: RelyingApp,
    /// Its keys.
    pub signer: Signer,
    /// What registration has answered.
    pub registration: Value,
}

impl Dynamic {
    /// A new one.
    pub async fn start() -> Self {
        let publisher = Publisher::start().await;
        let site = Site::with_tls(Database::sqlite().await, |config| {
            config.registration.mode = RegistrationMode::Open;
            config.outbound = publisher.outbound();
        })
        .await;
        tell_all(&site).await;
        let metadata = get(&site.url, ".well-known/openid-configuration").await.json;
        checks::metadata(&metadata, site.url.as_str().trim_end_matches('/'), "private_key_jwt");
        checks::jwks(&get(&site.url, "jwks").await.json);
        Self { site, publisher, metadata }
    }

    /// The suite's request to register, with these members added or replaced, or left out where null.
    pub async fn try_to_register(&self, signer: &Signer, changes: &Value) -> Answer {
        let mut body = json!({
            "client_name": "Suite", "contacts": ["suite@example.org"], "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code"], "response_types": ["code"],
            "token_endpoint_auth_method": "private_key_jwt", "jwks": signer.jwks(),
        });
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let endpoint = self.metadata["registration_endpoint"].as_str().expect("a registration endpoint");
        Answer::of(http().post(endpoint).json(&body)).await
    }

    /// The same where it succeeds: with all that every registration has.
    pub async fn register(&self, changes: Value) -> Client {
        self.register_with(Signer::new("RS256"), changes).await
    }

    /// The same with a key of the module's own.
    pub async fn register_with(&self, signer: Signer, changes: Value) -> Client {
        let answer = self.try_to_register(&signer, &changes).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/json"));
        for (name, value) in changes.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
            assert_eq!(answer.json[name], *value, "{name} is echoed");
        }
        assert!(
            answer.json.get("client_secret").is_none() || answer.json["client_secret_expires_at"].is_u64()
        );
        assert!(answer.text("registration_client_uri").starts_with("https://"));
        assert!(!answer.text("registration_access_token").is_empty());
        let app = RelyingApp {
            issuer: self.site.url.clone(),
            client_id: answer.text("client_id"),
            client_secret: None,
            redirect_uri: answer.json["redirect_uris"][0].as_str().unwrap().to_owned(),
            proof: Proof::None,
        };
        Client { app, signer, registration: answer.json }
    }

    /// The address in a member of the metadata.
    pub fn endpoint(&self, name: &str) -> String {
        self.metadata[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned()
    }

    /// Opens a request, and does whatever the pages ask for.
    pub async fn authorize(&self, browser: &mut Browser, visit: &Visit) -> Url {
        browser.open(&visit.url()).await;
        finish(browser).await;
        let arrived = answer_of(browser);
        checks::callback(visit, &arrived, self.issuer());
        arrived
    }

    /// The flow of somebody who has never been here, as far as the tokens, and the claims of the ID token.
    pub async fn tokens(&self, client: &Client, visit: &Visit) -> (Answer, Value) {
        let arrived = self.authorize(&mut self.site.browser(), visit).await;
        let code = visit.code(&arrived);
        checks::entropy("code", &code);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &client.app.redirect_uri),
        ];
        let tokens = self.token(client, &form).await;
        checks::token_answer(&tokens);
        let id_token = client.app.verify(&tokens.text("id_token"), visit, self.site.now()).await;
        checks::id_token(&id_token, Some(&tokens.text("access_token")), self.site.now());
        checks::unasked(&id_token);
        (tokens, id_token)
    }

    /// The whole flow of somebody who has never been here.
    pub async fn happy(&self, client: &Client, visit: &Visit) -> Flow {
        let (tokens, id_token) = self.tokens(client, visit).await;
        let userinfo = client.app.userinfo(&tokens.text("access_token")).await;
        assert_eq!(userinfo.status, 200, "{}", userinfo.json);
        checks::userinfo(&userinfo.json, &id_token);
        Flow { tokens, id_token, userinfo: userinfo.json }
    }

    /// A request to the token endpoint, with an assertion whose audience is that endpoint.
    pub async fn token(&self, client: &Client, form: &[(&str, &str)]) -> Answer {
        self.token_for(client, form, &self.endpoint("token_endpoint")).await
    }

    /// The same with another audience.
    pub async fn token_for(&self, client: &Client, form: &[(&str, &str)], audience: &str) -> Answer {
        let now = self.site.now();
        let id = &client.app.client_id;
        let jti = countersign::keys::secret::new_id(&mut countersign::keys::secret::entropy());
        let claims =
            json!({ "iss": id, "sub": id, "aud": audience, "jti": jti, "iat": now, "exp": now + 60 });
        let assertion = client.signer.sign_with(json!({ "typ": "JWT" }), &claims);
        let proof = [("client_assertion_type", ASSERTION), ("client_assertion", assertion.as_str())];
        client.app.token(&[form, &proof].concat()).await
    }

    /// What ends every module: the client takes its registration back.
    pub async fn finish(&self, client: &Client) {
        let text = |name: &str| client.registration[name].as_str().unwrap().to_owned();
        let request = http().request(Method::DELETE, text("registration_client_uri"));
        let gone = Answer::of(request.bearer_auth(text("registration_access_token"))).await;
        assert_eq!((gone.status.as_u16(), gone.json), (204, Value::Null));
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        self.site.url.as_str().trim_end_matches('/')
    }
}

impl Client {
    /// The suite's own request: no PKCE.
    pub fn visit(&self) -> Visit {
        self.app.visit().without_pkce()
    }
}
