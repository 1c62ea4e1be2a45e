//! What does a module of the suite do over and over? Two registered clients, a person before a browser, and the steps of a flow,
//! each with the checks that every module makes.

use countersign::config::Config;
use countersign::directory::users::Changes;
use countersign::directory::{Claim, ClaimChanges};
use countersign::oidc::clients::{GrantType, Metadata, ResponseType};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

use crate::checks;
use crate::support::Database;
use crate::support::admin::PASSWORD;
use crate::support::browser::{Browser, http};
use crate::support::relying_app::{Answer, RelyingApp, Visit};
use crate::support::site::Site;

/// Where a logout may lead back to.
pub const POST_LOGOUT_REDIRECT_URI: &str = "https://app.example.org/post_logout_redirect";

/// How the requests of a plan differ from those of another one.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    response_type: ResponseType,
    response_mode: Option<&'static str>,
}

impl Terms {
    /// `response_type=code`, and no word on how the answer should come.
    pub const BASIC: Self = Self::of(ResponseType::Code);

    /// The same with `response_mode=form_post`.
    pub const FORM_POST: Self = Self { response_mode: Some("form_post"), ..Self::BASIC };

    /// Tokens from the authorization endpoint alone.
    pub const IMPLICIT: [Self; 2] = [Self::of(ResponseType::IdToken), Self::of(ResponseType::IdTokenToken)];

    /// A code, and something along with it.
    pub const HYBRID: [Self; 3] = [
        Self::of(ResponseType::CodeIdToken),
        Self::of(ResponseType::CodeToken),
        Self::of(ResponseType::CodeIdTokenToken),
    ];

    const fn of(response_type: ResponseType) -> Self {
        Self { response_type, response_mode: None }
    }

    /// What the answers hold.
    pub const fn response_type(self) -> ResponseType {
        self.response_type
    }

    fn register(self, metadata: &mut Metadata) {
        metadata.response_types = vec![self.response_type];
        if self.response_type != ResponseType::Code {
            metadata.grant_types.push(GrantType::Implicit);
        }
    }
}

/// The provider under test, and what the suite has registered there.
pub struct Suite {
    /// The provider.
    pub site: Site,
    /// Its metadata.
    pub metadata: Value,
    /// The first client.
    pub client: RelyingApp,
    /// The second one.
    pub client2: RelyingApp,
    terms: Terms,
}

/// What one flow has given.
pub struct Flow {
    /// The answer of the token endpoint.
    pub tokens: Answer,
    /// The claims of the ID token.
    pub id_token: Value,
    /// What `UserInfo` said; null where there was no access token to ask with.
    pub userinfo: Value,
}

impl Flow {
    /// Where claims about the person are: with `UserInfo`, or in an ID token that comes alone (OIDC Core §5.4).
    pub fn person(&self) -> &Value {
        if self.userinfo.is_null() { &self.id_token } else { &self.userinfo }
    }
}

impl Suite {
    /// A provider with static clients that use `client_secret_basic`.
    pub async fn start(terms: Terms) -> Self {
        Self::start_with(terms, |_| ()).await
    }

    /// The same with changes to what both clients have registered.
    pub async fn start_with(terms: Terms, change: impl Fn(&mut Metadata)) -> Self {
        Self::start_at(terms, |_| (), change).await
    }

    /// The same with changes to the provider's settings too.
    pub async fn start_at(
        terms: Terms,
        settings: impl FnOnce(&mut Config),
        change: impl Fn(&mut Metadata),
    ) -> Self {
        let site = Site::with_tls(Database::sqlite().await, settings).await;
        tell_all(&site).await;
        let register = |metadata: &mut Metadata| {
            metadata.post_logout_redirect_uris = vec![POST_LOGOUT_REDIRECT_URI.to_owned()];
            terms.register(metadata);
            change(metadata);
        };
        let client = site.admin.add_app_with(register).await;
        let client2 = site.admin.add_app_with(register).await;
        let metadata = get(&site.url, ".well-known/openid-configuration").await;
        checks::metadata(&metadata.json, site.url.as_str().trim_end_matches('/'), "client_secret_basic");
        checks::jwks(&get(&site.url, "jwks").await.json);
        Self { site, metadata: metadata.json, client, client2, terms }
    }

    /// What the metadata lists under this name.
    pub fn lists(&self, name: &str, value: &str) -> bool {
        self.metadata[name].as_array().is_some_and(|list| list.iter().any(|v| v == value))
    }

    /// What the flows of this plan give.
    pub const fn response_type(&self) -> ResponseType {
        self.terms.response_type
    }

    /// Whether the suite skips what it would ask of unsigned request objects: their algorithms are published without `none`.
    pub fn skips_unsigned_requests(&self) -> bool {
        let name = "request_object_signing_alg_values_supported";
        self.metadata[name].is_array() && !self.lists(name, "none")
    }

    /// The suite's own request: no PKCE, scope `openid`, a state, a nonce.
    pub fn visit(&self) -> Visit {
        self.on_terms(self.client.visit().without_pkce())
    }

    /// A request of another making, on the terms of the plan.
    pub fn on_terms(&self, visit: Visit) -> Visit {
        let visit = visit.with("response_type", self.terms.response_type.name());
        match self.terms.response_mode {
            Some(mode) => visit.with("response_mode", mode),
            None => visit,
        }
    }

    /// Opens a request and does whatever the pages ask for, until the browser is sent back.
    pub async fn authorize(&self, browser: &mut Browser, visit: &Visit) -> Url {
        browser.open(&visit.url()).await;
        finish(browser).await;
        assert_eq!(browser.posted().is_some(), self.terms.response_mode == Some("form_post"));
        let arrived = answer_of(browser);
        checks::callback(visit, &arrived, self.issuer());
        let in_fragment = self.terms.response_type != ResponseType::Code;
        assert_eq!((arrived.query().is_none(), arrived.fragment().is_some()), (in_fragment, in_fragment));
        arrived
    }

    /// The same for a request whose answer is an error.
    pub async fn refused(&self, browser: &mut Browser, visit: &Visit) -> String {
        browser.open(&visit.url()).await;
        assert_eq!(browser.posted().is_some(), self.terms.response_mode == Some("form_post"));
        let arrived = answer_of(browser);
        checks::refusal(visit, &arrived, self.issuer());
        visit.error(&arrived)
    }

    /// Takes the tokens that came back, redeems the code if there is one, and asks `UserInfo` with each access token.
    pub async fn redeem(&self, client: &RelyingApp, visit: &Visit, arrived: &Url) -> Flow {
        let front = self.front(client, visit, arrived).await;
        if !self.terms.response_type.has_code() {
            return front.expect("tokens came along");
        }
        let code = visit.code(arrived);
        checks::entropy("code", &code);
        let tokens = client.redeem_code(visit, &code).await;
        checks::token_answer(&tokens);
        let id_token = client.verify(&tokens.text("id_token"), visit, self.site.now()).await;
        checks::id_token(&id_token, Some(&tokens.text("access_token")), self.site.now());
        checks::unasked(&id_token);
        // OIDC Core §3.3.3.6
        for same in ["iss", "sub"] {
            let before = front.as_ref().map_or(&Value::Null, |front| &front.id_token[same]);
            assert!(before.is_null() || *before == id_token[same], "{same}");
        }
        let userinfo = self.userinfo(client, &tokens, &id_token).await;
        Flow { tokens, id_token, userinfo }
    }

    /// What has come along with the code, or in its place.
    async fn front(&self, client: &RelyingApp, visit: &Visit, arrived: &Url) -> Option<Flow> {
        let kind = self.terms.response_type;
        if kind == ResponseType::Code {
            return None;
        }
        let given = checks::parameters(arrived);
        for (name, expected) in
            [("code", kind.has_code()), ("id_token", kind.has_id_token()), ("access_token", kind.has_token())]
        {
            assert_eq!(given.contains_key(name), expected, "{name} in {arrived}");
        }
        let [code, access_token] = ["code", "access_token"].map(|name| given.get(name).map(String::as_str));
        let mut id_token = Value::Null;
        if let Some(token) = given.get("id_token") {
            id_token = client.verify(token, visit, self.site.now()).await;
            checks::id_token(&id_token, access_token, self.site.now());
            checks::front_id_token(&id_token, code, access_token);
            if kind != ResponseType::IdToken {
                checks::unasked(&id_token);
            }
        }
        let (status, headers, json) = (StatusCode::OK, HeaderMap::new(), serde_json::json!(given));
        let tokens = Answer { status, headers, json };
        let mut userinfo = Value::Null;
        if let Some(token) = access_token {
            checks::entropy("access_token", token);
            assert!(given["token_type"].eq_ignore_ascii_case("bearer"));
            assert!(given["expires_in"].parse::<u32>().is_ok_and(|seconds| seconds > 0));
            userinfo = self.userinfo(client, &tokens, &id_token).await;
        }
        Some(Flow { tokens, id_token, userinfo })
    }

    async fn userinfo(&self, client: &RelyingApp, tokens: &Answer, id_token: &Value) -> Value {
        let userinfo = client.userinfo(&tokens.text("access_token")).await;
        assert_eq!(userinfo.status, 200, "{}", userinfo.json);
        if !id_token.is_null() {
            checks::userinfo(&userinfo.json, id_token);
        }
        userinfo.json
    }

    /// The whole flow of the first client in this browser.
    pub async fn flow(&self, browser: &mut Browser, visit: &Visit) -> Flow {
        let arrived = self.authorize(browser, visit).await;
        self.redeem(&self.client, visit, &arrived).await
    }

    /// The whole flow, by somebody who has never been here.
    pub async fn happy(&self, visit: &Visit) -> Flow {
        self.flow(&mut self.site.browser(), visit).await
    }

    /// The address of a logout request.
    pub fn logout(&self, parameters: &[(&str, &str)]) -> Url {
        let endpoint = self.metadata["end_session_endpoint"].as_str().expect("an endpoint");
        assert!(endpoint.starts_with("https://"));
        let mut url = Url::parse(endpoint).expect("an address");
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        url
    }

    /// The session has ended: nobody is known without being asked (`prompt=none`).
    pub async fn session_is_gone(&self, browser: &mut Browser) {
        let visit = self.visit().with("prompt", "none");
        assert_eq!(self.refused(browser, &visit).await, "login_required");
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        self.site.url.as_str().trim_end_matches('/')
    }
}

/// Lets everything be known of Ada that OIDC Core §5.1 can say about somebody.
pub async fn tell_all(site: &Site) {
    let mut claims = ClaimChanges::default();
    for claim in Claim::ALL {
        let value = match claim {
            Claim::Profile | Claim::Picture | Claim::Website => "https://people.example.org/ada",
            Claim::Birthdate => "1815-12-10",
            Claim::Zoneinfo => "Europe/London",
            Claim::Locale => "en-GB",
            Claim::PhoneNumber => "+442071234567",
            Claim::PhoneNumberVerified => "true",
            _ => "Something",
        };
        claims.set(claim.name(), value).expect("a claim");
    }
    let name = Some("Ada Lovelace".to_owned());
    site.admin.change("ada", Changes { name, claims, ..Changes::default() }).await;
}

/// Types the password where it is asked for, and agrees.
pub async fn finish(browser: &mut Browser) {
    for _ in 0..5 {
        if browser.has_left() || browser.posted().is_some() {
            return;
        }
        if browser.has_field("login") {
            browser.fill("login", "ada");
        }
        if browser.has_field("password") {
            browser.fill("password", PASSWORD);
        }
        browser.submit().await;
    }
    panic!("no end in sight:\n{}", browser.text());
}

/// The answer of the provider: where the browser was sent, or what a page would post there (`response_mode=form_post`), as if it
/// had been sent.
pub fn answer_of(browser: &Browser) -> Url {
    let Some((mut url, fields)) = browser.posted() else { return browser.arrived() };
    assert!(
        url.query().is_none() && url.fragment().is_none(),
        "nothing of the answer is in the address: {url}"
    );
    let policy = browser.header("content-security-policy").expect("a policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("form-action"), "{policy}");
    url.query_pairs_mut().extend_pairs(fields);
    url
}

/// Reads JSON by GET.
pub async fn get(site: &Url, path: &str) -> Answer {
    Answer::of(http().get(site.join(path).expect("a path"))).await
}

/// A state as long as some modules make it.
pub fn long_state() -> String {
    "0123456789abcdefghijklmnopqrstuv".repeat(4)
}
