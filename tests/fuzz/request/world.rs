//! Where do the requests of a script go? To a site on a database of its own, which is put back now and then.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use countersign::app::{App, establish};
use countersign::clock::Clock;
use countersign::config::{Config, RegistrationMode, SigningAlgorithm, TransportKind};
use countersign::directory::users::NewUser;
use countersign::directory::{
    Address, By, Lane, Login, Password, Passwords, TwoFactor, groups, links, login::fold, users,
};
use countersign::keys::jose::thumbprint;
use countersign::keys::secret::{base64url, entropy};
use countersign::oidc::clients::{self, Metadata};
use countersign::signin::challenge::issue_by_hand;
use countersign::signin::session;
use countersign::store::roles;
use countersign::store::sessions::Proofs;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::sign::Signer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;
use url::Url;

use super::script::{Written, find, parse};

/// The site's issuer.
pub const ISSUER: &str = "https://id.example.org";

/// Everybody's password.
const PASSWORD: &str = "correct horse battery";

/// When every story begins: 2027-01-15 08:00:00 UTC.
const BEGINNING: i64 = 1_800_000_000;

/// After so many scripts everything is as it was at first: what they have left in the database slows down the others.
const FRESH_FOR: u32 = 500;

/// Names an empty database to use instead of one that is made here: PostgreSQL minds what SQLite does not.
const DATABASE: &str = "COUNTERSIGN_FUZZ_DATABASE";

/// A certificate that an app shows, as a proxy tells it (RFC 9440).
const CERTIFICATE: &str = include_str!("certificate.txt");

/// A site, and everything that a script may name.
pub struct World {
    runtime: Runtime,
    folder: TempDir,
    config: Config,
    time: Arc<AtomicI64>,
    known: Arc<Known>,
    app: App,
    router: Router,
    scripts: u32,
    requests: u64,
    hashes: u64,
    databases: u32,
}

/// What is the same in every script.
struct Known {
    values: BTreeMap<String, String>,
    destinations: Vec<String>,
    key: PKey<Private>,
}

/// What one script has learnt so far.
pub struct Visit {
    known: Arc<Known>,
    values: BTreeMap<String, String>,
    jar: BTreeMap<String, String>,
    destinations: Vec<String>,
    said: u32,
    number: u32,
}

/// What the site has answered.
#[derive(Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl World {
    /// A site with three groups, three people, an app of each kind, and a browser in which somebody has signed in.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicI64::new(BEGINNING * 1000));
        let config = settings(&folder, "first");
        let key = PKey::generate_ed25519().unwrap();
        let (app, known) = runtime.block_on(async {
            establish(&config).await.unwrap();
            let app = App::open(config.clone(), Clock::Manual(Arc::clone(&time))).await.unwrap();
            let known = populate(&app, key).await;
            (app, known)
        });
        let router = app.router();
        let (scripts, requests, hashes, databases) = (0, 0, 0, 0);
        let known = Arc::new(known);
        let mut world =
            Self { runtime, folder, config, time, known, app, router, scripts, requests, hashes, databases };
        world.sign_in();
        world.begin_again();
        world
    }

    /// What a script begins with.
    pub fn visit(&mut self) -> Visit {
        self.scripts += 1;
        if self.scripts > FRESH_FOR {
            self.begin_again();
        }
        // So that nobody waits for what somebody else has used up.
        self.time.fetch_add(2000, Ordering::SeqCst);
        let mut visit = self.stranger();
        let now = self.time.load(Ordering::SeqCst) / 1000;
        let session = self.runtime.block_on(session_of(&self.app, &visit.values["nia"], now));
        visit.jar.insert("__Host-countersign_session".to_owned(), session);
        visit.values.insert("now".to_owned(), now.to_string());
        visit.values.insert("soon".to_owned(), (now + 60).to_string());
        visit
    }

    fn stranger(&self) -> Visit {
        let values = self.known.values.clone();
        let browser =
            values.get("browser").map(|value| ("__Host-countersign_browser".to_owned(), value.clone()));
        let jar = browser.into_iter().collect();
        let (known, number) = (Arc::clone(&self.known), self.scripts);
        Visit { known, values, jar, destinations: Vec::new(), said: 0, number }
    }

    /// Whether a request may take the time that a password's hash takes. The first ones always may, so that a script that
    /// was found to fail fails again by itself.
    pub fn may_hash(&mut self) -> bool {
        let may = self.hashes < 20 || self.hashes * 400 < self.requests;
        self.hashes += u64::from(may);
        may
    }

    /// Sends a request, from a network of its own, by a proxy that the site trusts.
    pub fn send(&mut self, written: Written) -> Answer {
        self.requests += 1;
        let mut request = written.into_request();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))));
        let [_, b, c, d] = self.scripts.to_be_bytes();
        let network = HeaderValue::from_str(&format!("10.{b}.{c}.{d}")).unwrap();
        request.headers_mut().entry("x-forwarded-for").or_insert(network);
        let router = self.router.clone();
        self.runtime.block_on(async {
            let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
            Answer { status: parts.status, headers: parts.headers, body }
        })
    }

    /// The one sign-in of all: scripts may begin with its browser and its tokens.
    fn sign_in(&mut self) {
        let mut visit = self.stranger();
        for step in [
            "GET /authorize?response_type=code&client_id=$web$&redirect_uri=$redirect$&scope=$scopes$&nonce=n",
            "POST /authorize/$signin$/password\ncookie: $cookies$\n\nlogin=nia&password=$password$",
            "GET /authorize/$signin$\ncookie: $cookies$",
            "POST /authorize/$signin$/consent\ncookie: $cookies$\n\ndecision=allow",
            "GET /authorize/$signin$\ncookie: $cookies$",
            "POST /token\nauthorization: Basic $basic$\n\ngrant_type=authorization_code&code=$code$&redirect_uri=$redirect$",
        ] {
            let written = visit.fill(step.as_bytes());
            let answer = self.send(parse(&written).unwrap());
            visit.learn(&answer);
        }
        let Visit { known, mut values, jar, .. } = visit;
        drop(known);
        values.insert("browser".to_owned(), jar["__Host-countersign_browser"].clone());
        assert!(values.contains_key("refresh"), "nobody could sign in: {values:?}");
        for once in ["code", "signin"] {
            values.remove(once);
        }
        Arc::get_mut(&mut self.known).expect("the only reference").values = values;
    }

    /// Puts a copy of the first database in place of the one that is there, and the clock back. One that somebody else has
    /// made stays as it is.
    fn begin_again(&mut self) {
        if std::env::var_os(DATABASE).is_some() {
            return;
        }
        self.runtime.block_on(self.app.db.close());
        let name = |number: u32| if number == 0 { "first".to_owned() } else { format!("copy{number}") };
        let file = |number: u32, end: &str| self.folder.path().join(format!("{}.db{end}", name(number)));
        if self.databases > 0 {
            for end in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(file(self.databases, end));
            }
        }
        let _ = fs::remove_dir_all(&self.config.mail.dir);
        self.databases += 1;
        fs::copy(file(0, ""), file(self.databases, "")).unwrap();
        self.config.database.url = url(&self.folder, &name(self.databases));
        self.time.store(BEGINNING * 1000, Ordering::SeqCst);
        let (config, clock) = (self.config.clone(), Clock::Manual(Arc::clone(&self.time)));
        self.app = self.runtime.block_on(App::open(config, clock)).unwrap();
        self.router = self.app.router();
        self.scripts = 0;
    }
}

impl Visit {
    /// A request as a script has it, with its names replaced: `$code$` by the code that has been learnt, and
    /// `<<header||claims>>` by a JWT that the apps' key has signed.
    pub fn fill(&mut self, text: &[u8]) -> Vec<u8> {
        self.said += 1;
        let jti = format!("jti-{}-{}", self.number, self.said);
        self.values.insert("jti".to_owned(), jti);
        self.values.insert("cookies".to_owned(), self.cookies());
        let mut filled = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.iter().position(|byte| *byte == b'$') {
            filled.extend_from_slice(&rest[..start]);
            rest = &rest[start + 1..];
            let end = rest.iter().take(20).position(|byte| *byte == b'$');
            let name = end.and_then(|end| std::str::from_utf8(&rest[..end]).ok());
            match name.and_then(|name| Some((name, self.values.get(name)?))) {
                Some((name, value)) => {
                    filled.extend_from_slice(value.as_bytes());
                    rest = &rest[name.len() + 1..];
                }
                None => filled.push(b'$'),
            }
        }
        filled.extend_from_slice(rest);
        self.signed(&filled)
    }

    fn cookies(&self) -> String {
        self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn signed(&self, text: &[u8]) -> Vec<u8> {
        let mut done = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = find(rest, b"<<") {
            done.extend_from_slice(&rest[..start]);
            rest = &rest[start + 2..];
            let parts = find(rest, b">>").map(|end| (&rest[..end], &rest[end + 2..]));
            let parts = parts.and_then(|(inside, after)| Some((inside, find(inside, b"||")?, after)));
            let Some((inside, middle, after)) = parts else {
                done.extend_from_slice(b"<<");
                continue;
            };
            let message = format!("{}.{}", base64url(&inside[..middle]), base64url(&inside[middle + 2..]));
            let mut signer = Signer::new_without_digest(&self.known.key).unwrap();
            let signature = signer.sign_oneshot_to_vec(message.as_bytes()).unwrap();
            done.extend_from_slice(format!("{message}.{}", base64url(&signature)).as_bytes());
            rest = after;
        }
        done.extend_from_slice(rest);
        done
    }

    /// Takes from an answer what later requests may name.
    pub fn learn(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap_or_default();
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(location) = answer.location() {
            self.learn_from_address(location);
        }
        if let Ok(Value::Object(members)) = serde_json::from_slice(&answer.body) {
            for (name, value) in &members {
                self.learn_member(name, value);
            }
        }
        if let Some(nonce) = answer.headers.get("dpop-nonce").and_then(|nonce| nonce.to_str().ok()) {
            self.values.insert("dpop_nonce".to_owned(), nonce.to_owned());
        }
    }

    fn learn_from_address(&mut self, location: &str) {
        if let Some(id) = location.strip_prefix("/authorize/") {
            let id = id.split(['/', '?']).next().unwrap_or_default();
            self.values.insert("signin".to_owned(), id.to_owned());
        }
        let Some(at) = location.find(['?', '#']) else { return };
        for pair in location[at + 1..].split('&') {
            match pair.split_once('=') {
                Some(("code", value)) => self.values.insert("code".to_owned(), value.to_owned()),
                Some(("id_token", value)) => self.values.insert("id_token".to_owned(), value.to_owned()),
                Some(("access_token", value)) => self.values.insert("access".to_owned(), value.to_owned()),
                _ => None,
            };
        }
    }

    fn learn_member(&mut self, name: &str, value: &Value) {
        let known_as = match name {
            "access_token" => "access",
            "refresh_token" => "refresh",
            "client_id" => "new",
            "client_secret" => "new_secret",
            "registration_access_token" => "registration",
            "id_token" | "request_uri" | "device_code" | "user_code" => name,
            "redirect_uris" | "post_logout_redirect_uris" => {
                let list = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                return self.destinations.extend(list.map(str::to_owned));
            }
            "initiate_login_uri" => {
                return self.destinations.extend(value.as_str().map(str::to_owned));
            }
            _ => return,
        };
        let Some(value) = value.as_str() else { return };
        self.values.insert(known_as.to_owned(), value.to_owned());
        if known_as == "access" {
            self.values.insert("ath".to_owned(), base64url(&sha256(value.as_bytes())));
        }
    }

    /// Whether an answer may lead there: to one of the registered addresses, with parameters of ours behind it. Only the
    /// port of a loopback address is free (RFC 8252 §7.3).
    pub fn is_registered(&self, address: &str) -> bool {
        let all = self.known.destinations.iter().chain(&self.destinations);
        let mut all =
            all.flat_map(|one| [Some(one.clone()), Url::parse(one).ok().map(String::from)]).flatten();
        let loopback = Url::parse(address).ok().filter(|url| url.host_str() == Some("127.0.0.1"));
        let portless = loopback.and_then(|mut url| url.set_port(None).ok().map(|()| String::from(url)));
        let leads = |address: &str, one: &str| {
            let rest = address.strip_prefix(one);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '#', '&']))
        };
        all.any(|one| leads(address, &one) || portless.as_deref().is_some_and(|address| leads(address, &one)))
    }
}

impl Answer {
    /// Where it sends the browser.
    pub fn location(&self) -> Option<&str> {
        let location = self.headers.get(header::LOCATION)?;
        Some(location.to_str().unwrap_or("no text"))
    }

    /// Its body, to be read by people.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn url(folder: &TempDir, name: &str) -> String {
    format!("sqlite:{}", folder.path().join(format!("{name}.db")).display())
}

fn settings(folder: &TempDir, database: &str) -> Config {
    let mut config = Config { issuer: ISSUER.to_owned(), ..Config::default() };
    config.trusted_proxies = vec![[127, 0, 0, 1].into()];
    config.client_certificate_header = Some("client-cert".to_owned());
    config.data_dir = folder.path().to_owned();
    config.database.url = std::env::var(DATABASE).unwrap_or_else(|_| url(folder, database));
    config.database.max_connections = 2;
    config.keys.dir = folder.path().join("keys");
    // The quickest to sign with.
    config.keys.algorithm = SigningAlgorithm::EdDSA;
    config.mail.transport = TransportKind::File;
    config.mail.dir = folder.path().join("mail");
    config.registration.mode = RegistrationMode::Open;
    config
}

/// Puts people and apps in place, and answers what they are called.
async fn populate(app: &App, key: PKey<Private>) -> Known {
    let signin = &app.provider.signin;
    let (now, vault) = (signin.clock.now(), &signin.vault);
    app.provider.keys.ring(now).await.unwrap();
    let mut values: BTreeMap<String, String> =
        people(app).await.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let x = base64url(&key.raw_public_key().unwrap());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k", "alg": "EdDSA" });
    let x = base64url(&PKey::generate_x25519().unwrap().raw_public_key().unwrap());
    let sealing = json!({ "kty": "OKP", "crv": "X25519", "x": x, "kid": "e", "use": "enc" });
    let mut destinations = Vec::new();
    for (name, metadata) in apps(&json!({ "keys": [jwk.clone(), sealing] })) {
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        destinations
            .extend(metadata.redirect_uris.iter().chain(&metadata.post_logout_redirect_uris).cloned());
        destinations.extend(metadata.initiate_login_uri.clone());
        let mut tx = app.db.write().await.unwrap();
        let added = clients::add(&mut tx, vault, metadata, now, &mut entropy()).await;
        let added = added.unwrap_or_else(|e| panic!("{name}: {e}"));
        tx.commit().await.unwrap();
        if let Some(secret) = added.secret {
            let pair = format!("{}:{}", added.client.id, secret.reveal());
            values.insert(format!("{name}_basic"), openssl::base64::encode_block(pair.as_bytes()));
            values.insert(format!("{name}_secret"), secret.reveal().to_owned());
        }
        values.insert(name.to_owned(), added.client.id);
    }
    values.insert("basic".to_owned(), values["web_basic"].clone());
    for (name, value) in [
        ("issuer", ISSUER),
        ("redirect", "https%3A%2F%2Fapp.example.org%2Fcallback"),
        ("scopes", "openid+profile+email+groups+offline_access"),
        ("password", "correct+horse+battery"),
        ("certificate", CERTIFICATE.trim_end()),
        ("jkt", &thumbprint(jwk.as_object().unwrap())),
        ("jwk", &jwk.to_string()),
    ] {
        values.insert(name.to_owned(), value.to_owned());
    }
    Known { values, destinations, key }
}

/// A group with two-factor, and one without; nia, who needs no code, ned, who does, and ada, who may do without.
async fn people(app: &App) -> Vec<(&'static str, String)> {
    let signin = &app.provider.signin;
    let by = By::operator(signin.clock.now_ms());
    let rng = &mut entropy();
    let hash = Passwords::new(1, 1).hash(Lane::default(), &Password::typed(PASSWORD), rng).await.unwrap();
    let mut known = Vec::new();
    for (group, two_factor, login, role) in [
        ("Acme", true, "ned", "User"),
        ("Plain", false, "nia", "Manager"),
        ("Top", true, "ada", "Top manager"),
    ] {
        let mut tx = app.db.write().await.unwrap();
        let group = groups::add(&mut tx, group, None, None, &by, rng).await.unwrap();
        let two_factor = Some(if two_factor { TwoFactor::On } else { TwoFactor::Off });
        let changes = groups::Changes { two_factor, ..groups::Changes::default() };
        let group = groups::set(&mut tx, &group, &changes, &by, rng).await.unwrap();
        let role = roles::find_named(&mut tx, Some(&group.top_id), &fold(role)).await.unwrap().unwrap();
        let email = Address::parse(&format!("{login}@example.org")).unwrap();
        let (name_in_scripts, login) = (login, Login::parse(login).unwrap());
        let (name, email, password_hash) = (None, Some(&email), Some(hash.as_str()));
        let new = NewUser { login: &login, name, email, group: Some(&group), role: &role, password_hash };
        let person = users::add(&mut tx, new, &by, rng).await.unwrap();
        if login.as_str() == "ned" {
            let code = issue_by_hand(&mut tx, &signin.vault, &signin.settings, &person, &by, rng).await;
            known.push(("hand_code", code.unwrap()));
        }
        if login.as_str() == "ada" {
            let link = links::issue(&mut tx, &person, 86_400, &by, rng).await.unwrap();
            known.push(("link", link.reveal().to_owned()));
        }
        tx.commit().await.unwrap();
        known.push((name_in_scripts, person.id));
    }
    known
}

/// The cookie of a new session: a script may end the one that it has.
async fn session_of(app: &App, user_id: &str, now: i64) -> String {
    let proofs = Proofs { password_at: now, code_at: None, skipped_at: None };
    let mut tx = app.db.write().await.unwrap();
    let settings = &app.config.session;
    let opened = session::open(&mut tx, None, user_id, proofs, settings, now, &mut entropy()).await.unwrap();
    tx.commit().await.unwrap();
    opened.cookie.reveal().to_owned()
}

/// An app of each kind.
fn apps(jwks: &Value) -> Vec<(&'static str, Value)> {
    let callback = "https://app.example.org/callback";
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let assertion = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let types = ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"];
    vec![
        (
            "web",
            json!({
                "client_name": "Web", "redirect_uris": [callback, "https://app.example.org/?x=y"],
                "post_logout_redirect_uris": ["https://app.example.org/bye"], "response_types": types,
                "grant_types": ["authorization_code", "implicit", "refresh_token", "client_credentials", device, exchange],
                "allowed_resources": ["https://api.example.org/"], "served_resources": ["https://api.example.org/"],
                "frontchannel_logout_uri": "https://app.example.org/out", "initiate_login_uri": "https://app.example.org/in",
                "introspection_signed_response_alg": "ES256", "consent": false,
            }),
        ),
        (
            "native",
            json!({
                "client_name": "Native", "application_type": "native", "token_endpoint_auth_method": "none",
                "redirect_uris": ["http://127.0.0.1/cb", "org.example.app:/cb"], "response_types": ["code"],
                "grant_types": ["authorization_code", "refresh_token", device], "consent": true,
            }),
        ),
        (
            "signer",
            json!({
                "client_name": "Signer", "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks,
                "redirect_uris": [callback], "response_types": ["code"],
                "grant_types": ["authorization_code", "refresh_token", "client_credentials", assertion],
                "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A128GCM",
                "userinfo_signed_response_alg": "EdDSA", "authorization_signed_response_alg": "EdDSA",
                "request_uris": ["https://127.0.0.1/request"],
            }),
        ),
        (
            "fapi",
            json!({
                "client_name": "Bank", "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks, "profile": "fapi2",
                "redirect_uris": [callback], "response_types": ["code"], "subject_type": "pairwise",
                "grant_types": ["authorization_code", "refresh_token"], "dpop_bound_access_tokens": true,
            }),
        ),
        (
            "mtls",
            json!({
                "client_name": "Certified", "token_endpoint_auth_method": "tls_client_auth",
                "tls_client_auth_san_dns": "app.example.org", "redirect_uris": [callback], "response_types": ["code"],
                "grant_types": ["authorization_code", "client_credentials"],
                "tls_client_certificate_bound_access_tokens": true,
            }),
        ),
    ]
}
