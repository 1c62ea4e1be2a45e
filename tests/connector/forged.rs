//! What does the connector refuse? A provider of the test's own making, which says what no honest one would.

use std::collections::BTreeMap;

use countersign::keys::secret::base64url;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer as Mac;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::app_server::AppServer;
use crate::support::browser::Browser;
use crate::support::signer::{Signer, unsigned};
use crate::tracker::Tracker;

const NOW: i64 = 1_800_000_000;
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A provider that answers what the test wants, and a tracker that trusts it.
struct World {
    server: AppServer,
    key: Signer,
    tracker: Tracker,
}

/// A sign-in that has begun.
struct Begun {
    browser: Browser,
    asked: BTreeMap<String, String>,
}

impl World {
    async fn new() -> Self {
        let (server, tracker) = (AppServer::start().await, Tracker::start().await);
        let world = Self { server, key: Signer::new("RS256"), tracker };
        let discovery: Map<String, Value> =
            [("authorization_endpoint", "/authorize"), ("token_endpoint", "/token")]
                .into_iter()
                .chain([("jwks_uri", "/jwks"), ("end_session_endpoint", "/logout")])
                .map(|(name, path)| (name.to_owned(), world.server.uri(path).into()))
                .chain([("issuer".to_owned(), world.issuer().into())])
                .collect();
        world.server.shows("/.well-known/openid-configuration", &Value::from(discovery).to_string());
        world.server.shows("/jwks", &world.key.jwks().to_string());
        world.set("");
        world.tracker.set_clock(NOW);
        world
    }

    fn set(&self, more: &str) {
        self.tracker.trust(&self.issuer(), &format!("{}\n  {more}", self.tracker.trusting()));
    }

    fn issuer(&self) -> String {
        self.server.uri("")
    }

    async fn begun(&self, browser: &Browser) -> Begun {
        let mut browser = browser.clone();
        let request = browser.open("oidc.php?start").await.arrived();
        Begun { browser, asked: request.query_pairs().into_owned().collect() }
    }

    /// What an honest provider would say about ned.
    fn id_token(&self, begun: &Begun) -> Value {
        json!({
            "iss": self.issuer(), "aud": "tracker", "sub": "person-1", "sid": "session-1", "nonce": begun.asked["nonce"],
            "iat": NOW, "exp": NOW + 600, "auth_time": NOW, "acr": "urn:countersign:acr:pwd", "amr": ["pwd"],
            "preferred_username": "ned",
        })
    }

    fn logout_token(&self, jti: &str) -> Value {
        json!({
            "iss": self.issuer(), "aud": ["tracker"], "sub": "person-1", "sid": "session-1", "jti": jti,
            "iat": NOW, "exp": NOW + 120, "events": { LOGOUT: {} },
        })
    }

    /// Ned comes back with a code for which there is this ID token.
    async fn answered(&self, begun: &mut Begun, id_token: &str) {
        self.redeems_for(id_token);
        let uri = self.callback(&begun.asked["state"], &self.issuer());
        begun.browser.open(&uri).await;
    }

    fn redeems_for(&self, id_token: &str) {
        self.server.shows(
            "/token",
            &json!({"access_token": "x", "token_type": "Bearer", "id_token": id_token}).to_string(),
        );
    }

    fn callback(&self, state: &str, issuer: &str) -> String {
        let issuer: String = form_urlencoded::byte_serialize(issuer.as_bytes()).collect();
        self.tracker.at(&format!("oidc.php?code=the-code&state={state}&iss={issuer}"))
    }

    async fn is_in(&self, browser: &Browser) -> bool {
        self.tracker.seen_by(&mut browser.clone()).await.is_some()
    }

    /// Ned, signed in as honestly as it goes.
    async fn ned(&self) -> Browser {
        let mut begun = self.begun(&self.tracker.browser()).await;
        let token = self.key.sign(&self.id_token(&begun));
        self.answered(&mut begun, &token).await;
        assert!(self.is_in(&begun.browser).await, "{}", self.tracker.log());
        begun.browser
    }

    /// Tells the tracker behind everybody's back; the answer's status and body.
    async fn tells(&self, logout_token: &str) -> (u16, Value) {
        let browser = self.tracker.browser();
        let url = self.tracker.at("oidc.php").parse().unwrap();
        let form = [("logout_token".to_owned(), logout_token.to_owned())];
        let page = browser.fetch(&Method::POST, &url, &form, false).await;
        assert!(browser.cookies().is_empty() && page.headers["cache-control"] == "no-store");
        (page.status.as_u16(), serde_json::from_str(&page.body).unwrap())
    }

    /// Everything that is signed otherwise than it should be.
    fn forgeries(&self, claims: &Value, typ: &str) -> Vec<(&'static str, String)> {
        let header = json!({ "typ": typ });
        let honest = self.key.sign_with(header.clone(), claims);
        let (head, signature) = honest.rsplit_once('.').unwrap();
        let with = |key: &str, value: Value| {
            let mut claims = claims.clone();
            claims[key] = value;
            claims
        };
        let payload = unsigned(&header, &with("preferred_username", json!("ada")));
        let swapped =
            format!("{}.{}.{signature}", head.split_once('.').unwrap().0, payload.split_once('.').unwrap().1);
        let none =
            |alg: &str| format!("{}.", unsigned(&json!({"typ": typ, "alg": alg, "kid": "RS256"}), claims));
        vec![
            ("another claim under the signature", swapped),
            ("a key of somebody else's", Signer::new("RS256").sign_with(header.clone(), claims)),
            (
                "a key that is not in the set",
                Signer::new("RS256").named("new").sign_with(header.clone(), claims),
            ),
            ("no signature", none("none")),
            ("no signature, in capitals", none("NONE")),
            ("no signature under the right alg", none("RS256")),
            ("two parts", head.to_owned()),
            (
                "the public key as a secret",
                self.confused(&json!({"typ": typ, "alg": "HS256", "kid": "RS256"}), claims),
            ),
            (
                "the right key under another alg",
                self.key.clone().with("PS256").sign_with(header.clone(), claims),
            ),
            ("something critical", self.key.sign_with(json!({"typ": typ, "crit": ["exp"]}), claims)),
            ("another kind of JWT", self.key.sign_with(json!({"typ": "at+jwt"}), claims)),
            ("a type as no string", self.key.sign_with(json!({"typ": [typ]}), claims)),
            ("not a JWT", "x".to_owned()),
            ("nothing", String::new()),
            ("too long", format!("{honest}{}", "x".repeat(20_000))),
        ]
    }

    /// RFC 8725 §2.1: who takes the algorithm from the token takes the public key for a shared secret.
    fn confused(&self, header: &Value, claims: &Value) -> String {
        let jwks = self.key.jwks();
        let number = |name: &str| {
            let text = jwks["keys"][0][name].as_str().unwrap();
            openssl::bn::BigNum::from_slice(&decoded(text)).unwrap()
        };
        let public = openssl::rsa::Rsa::from_public_components(number("n"), number("e")).unwrap();
        let secret = PKey::hmac(&public.public_key_to_pem().unwrap()).unwrap();
        let message = unsigned(header, claims);
        let mac = Mac::new(MessageDigest::sha256(), &secret).unwrap().sign_oneshot_to_vec(message.as_bytes());
        format!("{message}.{}", base64url(&mac.unwrap()))
    }
}

fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn changed(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_that_is_forged_signs_nobody_in() {
    let world = World::new().await;
    let browser = world.tracker.browser();
    let begun = world.begun(&browser).await;
    let kinds: Vec<_> =
        world.forgeries(&world.id_token(&begun), "JWT").into_iter().map(|(what, _)| what).collect();
    for (number, what) in kinds.iter().enumerate() {
        let mut begun = world.begun(&browser).await;
        let token = world.forgeries(&world.id_token(&begun), "JWT")[number].1.clone();
        world.answered(&mut begun, &token).await;
        assert_eq!(begun.browser.status(), 400, "{what}: {}", begun.browser.text());
        assert!(begun.browser.text().contains("could not be verified"), "{what}: {}", begun.browser.text());
        assert!(!world.is_in(&browser).await, "{what}");
    }
    world.ned().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_that_is_meant_for_others_or_another_time_signs_nobody_in() {
    let world = World::new().await;
    let browser = world.tracker.browser();
    for (what, changes, status) in [
        ("another nonce", json!({"nonce": "x"}), 400),
        ("no nonce", json!({"nonce": null}), 400),
        ("a nonce that is no text", json!({"nonce": true}), 400),
        ("another issuer", json!({"iss": "https://evil.example"}), 400),
        ("no issuer", json!({"iss": null}), 400),
        ("another audience", json!({"aud": "other"}), 400),
        ("no audience", json!({"aud": null}), 400),
        ("another party beside", json!({"aud": ["tracker", "other"]}), 400),
        ("asked for by another", json!({"aud": ["tracker", "other"], "azp": "other"}), 400),
        ("asked for by another alone", json!({"azp": "other"}), 400),
        ("no subject", json!({"sub": null}), 400),
        ("no end", json!({"exp": null}), 400),
        ("an end that is no number", json!({"exp": "9999999999"}), 400),
        ("over", json!({"exp": NOW - 61}), 503),
        ("from tomorrow", json!({"iat": NOW + 61, "exp": NOW + 700}), 503),
        ("from long ago", json!({"iat": NOW - 601}), 503),
        ("no login", json!({"preferred_username": null}), 403),
        ("a login that is no text", json!({"preferred_username": ["ned"]}), 403),
        ("somebody else's quotes", json!({"preferred_username": "' OR 1=1 -- "}), 403),
        ("a space too many", json!({"preferred_username": "ned "}), 403),
    ] {
        let mut begun = world.begun(&browser).await;
        let token = world.key.sign(&changed(&world.id_token(&begun), &changes));
        world.answered(&mut begun, &token).await;
        assert_eq!(begun.browser.status(), status, "{what}: {}", begun.browser.text());
        assert!(!world.is_in(&browser).await, "{what}");
    }
    world.set("'require_two_factor' => true,");
    let mut begun = world.begun(&browser).await;
    assert!(
        begun.asked["claims"].contains(r#""acr":{"essential":true,"values":["urn:countersign:acr:2fa"]}"#),
        "{:?}",
        begun.asked
    );
    let token = world.key.sign(&world.id_token(&begun));
    world.answered(&mut begun, &token).await;
    assert!(begun.browser.text().contains("asks for a code beside the password"), "{}", begun.browser.text());
    world.set("");
    for changes in [
        json!({"aud": ["tracker"]}),
        json!({"aud": ["tracker", "other"], "azp": "tracker"}),
        json!({"exp": NOW - 59}),
    ] {
        let mut begun = world.begun(&world.tracker.browser()).await;
        let token = world.key.sign(&changed(&world.id_token(&begun), &changes));
        world.answered(&mut begun, &token).await;
        assert!(world.is_in(&begun.browser).await, "{changes}: {}", world.tracker.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_taken_once_by_the_browser_that_asked_and_from_the_provider_that_was_asked() {
    let world = World::new().await;
    let browser = world.tracker.browser();
    let begun = world.begun(&browser).await;
    let (state, issuer) = (begun.asked["state"].clone(), world.issuer());
    world.redeems_for(&world.key.sign(&world.id_token(&begun)));
    let refused = async |mut browser: Browser, uri: &str, words: &str| {
        browser.open(uri).await;
        assert_eq!(browser.status(), 400, "{uri}: {}", browser.text());
        assert!(browser.text().contains(words), "{uri}: {}", browser.text());
        assert!(!world.is_in(&browser).await, "{uri}");
    };
    let spent = "This sign-in was used already, took too long, or was begun in another browser.";
    for wrong in ["x", "", &state.to_uppercase(), &state[1..]] {
        refused(browser.clone(), &world.callback(wrong, &issuer), spent).await;
    }
    refused(browser.clone(), &world.tracker.at("oidc.php?code=the-code&state[]=x"), spent).await;
    refused(world.tracker.browser(), &world.callback(&state, &issuer), spent).await;

    let good = world.callback(&state, &issuer);
    assert_eq!(begun.asked["code_challenge_method"], "S256");
    let mut ned = browser.clone();
    assert_eq!(ned.open(&good).await.status(), 200);
    assert!(world.is_in(&ned).await);
    // Replayed: in the same browser, where it changes nothing, and after a sign-out.
    assert_eq!(ned.open(&good).await.status(), 400);
    assert!(ned.text().contains(spent) && world.is_in(&ned).await);
    ned.open("logout.php").await;
    refused(ned, &good, spent).await;

    for (issuer, state) in [("https://evil.example", None), ("", None), (&*issuer, Some(NOW + 3601))] {
        let begun = world.begun(&browser).await;
        world.tracker.set_clock(state.unwrap_or(NOW));
        let words = if state.is_some() { spent } else { "could not be verified" };
        refused(browser.clone(), &world.callback(&begun.asked["state"], issuer), words).await;
        // Whatever came of it, it is used up.
        refused(browser.clone(), &world.callback(&begun.asked["state"], &world.issuer()), spent).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_is_redeemed_with_the_secret_and_the_verifier_of_this_very_sign_in() {
    let world = World::new().await;
    world.ned().await;
    let begun = world.begun(&world.tracker.browser()).await;
    let posted = world.server.received();
    let token = posted.iter().find(|r| r.line == "POST /token").unwrap();
    assert!(token.headers.contains("authorization: basic "), "{token:?}");
    let form: BTreeMap<_, _> = token.form.iter().cloned().collect();
    assert_eq!((&*form["grant_type"], &*form["code"]), ("authorization_code", "the-code"));
    assert_eq!(form["redirect_uri"], world.tracker.at("oidc.php"));
    assert!(form["code_verifier"].len() >= 43);
    let challenge = base64url(&openssl::sha::sha256(form["code_verifier"].as_bytes()));
    assert_ne!(challenge, begun.asked["code_challenge"], "each has its own");
    // What is published was fetched once for both.
    let fetched = |path: &str| posted.iter().filter(|r| r.line == format!("GET {path}")).count();
    assert_eq!((fetched("/.well-known/openid-configuration"), fetched("/jwks")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_refuses_is_said_in_words_of_our_own() {
    let world = World::new().await;
    let browser = world.tracker.browser();
    for (error, status, words) in [
        ("access_denied", 400, "You have not been signed in."),
        ("unmet_authentication_requirements", 403, "asks for a code beside the password"),
        ("temporarily_unavailable", 503, "not available at the moment"),
        ("invalid_scope", 503, "is not registered at localhost as its settings say"),
    ] {
        let mut begun = world.begun(&browser).await;
        let uri = world.callback(&begun.asked["state"], &world.issuer());
        let uri =
            uri.replace("code=the-code", &format!("error={error}&error_description=%3Cb%3Ecall+555%0AX"));
        begun.browser.open(&uri).await;
        assert_eq!(begun.browser.status(), status, "{error}");
        assert!(begun.browser.text().contains(words), "{error}: {}", begun.browser.text());
        assert!(!begun.browser.page().body.contains("555"), "{error}");
    }
    assert!(
        world.tracker.log().contains("access_denied <b>call 555 X"),
        "on one line: {}",
        world.tracker.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_from_behind_is_believed_only_where_the_provider_says_so() {
    let world = World::new().await;
    let ned = world.ned().await;
    let typ = "logout+jwt";
    for (what, token) in world.forgeries(&world.logout_token("forged"), typ) {
        let (status, said) = world.tells(&token).await;
        assert_eq!((status, &said["error"]), (400, &json!("invalid_request")), "{what}: {said}");
    }
    for (what, changes) in [
        ("another issuer", json!({"iss": "https://evil.example"})),
        ("another audience", json!({"aud": "other"})),
        ("over", json!({"exp": NOW - 61})),
        ("from tomorrow", json!({"iat": NOW + 61})),
        ("with a nonce", json!({"nonce": "x"})),
        ("without an event", json!({"events": null})),
        ("of another event", json!({"events": {"http://schemas.example/other": {}}})),
        ("without a name", json!({"jti": null})),
        ("about nobody", json!({"sub": null, "sid": null})),
    ] {
        let token =
            world.key.sign_with(json!({ "typ": typ }), &changed(&world.logout_token("wrong"), &changes));
        assert_eq!(world.tells(&token).await.0, 400, "{what}");
    }
    let begun = world.begun(&world.tracker.browser()).await;
    let id_token = world.key.sign(&world.id_token(&begun));
    assert_eq!(world.tells(&id_token).await.0, 400, "an ID token is no logout token");
    assert!(world.is_in(&ned).await, "nothing of that has signed ned out");

    let honest = |jti: &str, changes: Value| {
        world.key.sign_with(json!({ "typ": typ }), &changed(&world.logout_token(jti), &changes))
    };
    let other = honest("other", json!({"sub": "person-2"}));
    assert_eq!(world.tells(&other).await, (200, json!({})));
    assert!(world.is_in(&ned).await, "somebody else has signed out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_ends_one_session_or_all_of_a_person_and_counts_once() {
    let world = World::new().await;
    let sign = |claims: &Value| world.key.sign_with(json!({"typ": "logout+jwt"}), claims);
    let arrives = async |sid: &str| {
        let mut begun = world.begun(&world.tracker.browser()).await;
        let token = world.key.sign(&changed(&world.id_token(&begun), &json!({ "sid": sid })));
        world.answered(&mut begun, &token).await;
        begun.browser
    };
    let (at_home, at_work) = (arrives("home").await, arrives("work").await);
    let token = sign(&changed(&world.logout_token("first"), &json!({"sid": "home"})));
    assert_eq!(world.tells(&token).await.0, 200);
    assert_eq!((world.is_in(&at_home).await, world.is_in(&at_work).await), (false, true));
    let (status, said) = world.tells(&token).await;
    assert_eq!(status, 400, "replayed: {said}");
    assert!(said["error_description"].as_str().unwrap().contains("has come before"), "{said}");

    // The answer of a sign-in that the sign-out has overtaken.
    let late = arrives("home").await;
    assert!(late.text().contains("This sign-in has been ended meanwhile."), "{}", late.text());
    assert!(!world.is_in(&late).await);

    let elsewhere = arrives("elsewhere").await;
    assert_eq!(
        world.tells(&sign(&changed(&world.logout_token("second"), &json!({"sid": null})))).await.0,
        200
    );
    assert_eq!((world.is_in(&at_work).await, world.is_in(&elsewhere).await), (false, false));

    // Whoever signs in afresh is in again, and again with the same session at the provider.
    for _ in 0..2 {
        assert!(world.is_in(&arrives("afresh").await).await);
    }
    // Should the folder be emptied, everybody signs in once more.
    let again = arrives("afresh").await;
    for file in std::fs::read_dir(world.tracker.path("state")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    assert!(!world.is_in(&again).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_looked_for_once_a_minute_and_no_oftener() {
    let world = World::new().await;
    world.ned().await;
    let fetched = || world.server.received().iter().filter(|r| r.line == "GET /jwks").count();
    let new = Signer::new("RS256").named("new");
    let told = |jti: &str| new.sign_with(json!({"typ": "logout+jwt"}), &world.logout_token(jti));
    for _ in 0..5 {
        assert_eq!(world.tells(&told("x")).await.0, 400);
    }
    assert_eq!(fetched(), 1, "just fetched");
    world.tracker.set_clock(NOW + 61);
    for _ in 0..5 {
        assert_eq!(world.tells(&told("x")).await.0, 400);
    }
    assert_eq!(fetched(), 2);
    world.server.shows("/jwks", &new.jwks().to_string());
    world.tracker.set_clock(NOW + 122);
    let fresh = changed(&world.logout_token("y"), &json!({"exp": NOW + 300}));
    assert_eq!(world.tells(&new.sign_with(json!({"typ": "logout+jwt"}), &fresh)).await.0, 200);
    assert_eq!(fetched(), 3);
    // Where the keys cannot be had, the fault is not the token's: the provider is to try again.
    world.server.shows("/jwks", "gone");
    world.tracker.set_clock(NOW + 183);
    let fresh = changed(&world.logout_token("z"), &json!({"exp": NOW + 300}));
    let unknown = Signer::new("RS256").named("newer").sign_with(json!({"typ": "logout+jwt"}), &fresh);
    let (status, said) = world.tells(&unknown).await;
    assert_eq!((status, &said["error"]), (503, &json!("temporarily_unavailable")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_or_another_one_is_named_and_a_sign_out_here_works_all_the_same() {
    let world = World::new().await;
    let mut ned = world.ned().await;
    let discovery = "/.well-known/openid-configuration";
    world.tracker.set_clock(NOW + 1000);
    std::fs::remove_file(world.tracker.path("state/discovery.json")).unwrap();
    world.server.shows(discovery, "<h1>502 Bad Gateway</h1>");
    ned.open("logout.php").await;
    assert!(
        ned.text().contains("You have signed out of Time Tracker, but localhost did not say"),
        "{}",
        ned.text()
    );
    assert!(!world.is_in(&ned).await);
    for (document, words) in [
        ("<h1>502 Bad Gateway</h1>".to_owned(), "localhost cannot be reached at the moment."),
        (
            json!({"issuer": "https://evil.example"}).to_string(),
            "is not registered at localhost as its settings say",
        ),
        (json!({"issuer": world.issuer()}).to_string(), "localhost cannot be reached at the moment."),
        (
            json!({"issuer": world.issuer(), "authorization_endpoint": "http://evil.example/"}).to_string(),
            "cannot be reached",
        ),
        (format!("\"{}\"", "x".repeat(300_000)), "localhost cannot be reached at the moment."),
    ] {
        let _ = std::fs::remove_file(world.tracker.path("state/discovery.json"));
        world.server.shows(discovery, &document);
        ned.open("login.php").await;
        assert_eq!(ned.status(), 503, "{}", ned.text());
        assert!(ned.text().contains(words), "{}", ned.text());
    }
}
