//! Which provider does a conformance suite, or somebody else's relying party, need? This sets one up: https under an
//! authority of its own, a user with every claim, clients of each kind, and the suite's configuration.
//!
//!     cargo run --release --example conformance-site -- FOLDER [PORT [CALLBACK…]]
//!     cargo run --release -- --config FOLDER/countersign.toml serve
//!
//! `FOLDER/site.json` tells everything that a relying party must know; `FOLDER/oidcc….json` and `FOLDER/fapi2….json` go into the
//! suite, whose own certificate is believed if it lies at `FOLDER/suite.pem`. `docs/conformance.md` says more.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value that is indexed by name makes the member, or is null"
)]

#[expect(clippy::expect_used, dead_code, reason = "the tests' authority, of which a part serves here")]
#[path = "../support/ca.rs"]
mod ca;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use countersign::cli::Operator;
use countersign::directory::users::{Changes, NewUser};
use countersign::directory::{Address, By, ClaimChanges, Lane, Login, Password, groups, roles, users};
use countersign::keys::secret::{Token, entropy};
use countersign::oidc::clients::{self, AuthMethod, GrantType, Metadata, Profile, ResponseType};
use countersign::store::Db;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use serde_json::{Map, Value, json};

/// Where the suite of the OpenID Foundation wants its answers when it runs on the same machine.
const SUITE: &str = "https://localhost.emobix.co.uk:8443/test/a/countersign/callback";

const LOGIN: &str = "casey";
const PASSWORD: &str = "correct horse battery staple";

/// Everything that OIDC Core §5.1 can say about somebody.
const CLAIMS: [&str; 19] = [
    "given_name=Casey",
    "family_name=Conway",
    "middle_name=Charlie",
    "nickname=Case",
    "profile=https://people.example.org/casey",
    "picture=https://people.example.org/casey.png",
    "website=https://casey.example.org/",
    "gender=other",
    "birthdate=1990-01-31",
    "zoneinfo=Europe/Berlin",
    "locale=en-GB",
    "phone_number=+49301234567",
    "phone_number_verified=true",
    "address.formatted=Long Street 1, 10115 Berlin, Germany",
    "address.street_address=Long Street 1",
    "address.locality=Berlin",
    "address.region=Berlin",
    "address.postal_code=10115",
    "address.country=Germany",
];

struct Site {
    folder: PathBuf,
    issuer: String,
    callbacks: Vec<String>,
    operator: Operator,
    db: Db,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder =
        PathBuf::from(arguments.next().context("usage: conformance-site FOLDER [PORT [CALLBACK…]]")?);
    let port: u16 = arguments.next().map_or(Ok(9443), |port| port.parse()).context("PORT")?;
    let mut callbacks: Vec<String> = arguments.collect();
    if callbacks.is_empty() {
        callbacks = vec![SUITE.to_owned()];
    }
    let issuer = format!("https://localhost:{port}");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    write_settings(&folder, &issuer, port)?;
    let operator = Operator::open(Some(&folder.join("countersign.toml")))?;
    let (db, _vault) = operator.establish().await?;
    let site = Site { folder, issuer, callbacks, operator, db };
    site.add_user().await?;
    let clients = Box::pin(site.add_clients()).await?;
    site.write_for_relying_parties(&clients)?;
    println!("Serve it:  countersign --config {} serve", site.folder.join("countersign.toml").display());
    println!("{LOGIN} signs in with: {PASSWORD}");
    Ok(())
}

fn write_settings(folder: &Path, issuer: &str, port: u16) -> anyhow::Result<()> {
    let authority = ca::Authority::new();
    let (certificate, key) = authority.issue("localhost");
    for (name, content) in [("ca.pem", authority.pem()), ("server.pem", certificate), ("server.key", key)] {
        fs::write(folder.join(name), content).with_context(|| name.to_owned())?;
    }
    let suite = if folder.join("suite.pem").exists() { r#", "suite.pem""# } else { "" };
    let settings = format!(
        r#"issuer = "{issuer}"
listen = "127.0.0.1:{port}"
data_dir = "."

[tls]
certificate = "server.pem"
key = "server.key"

[mail]
transport = "file"

[registration]
mode = "open"
per_hour = 10000

[outbound]
extra_ca = ["ca.pem"{suite}]
allow_private = ["localhost", "127.0.0.1", "localhost.emobix.co.uk"]
"#
    );
    fs::write(folder.join("countersign.toml"), settings).context("countersign.toml")
}

impl Site {
    /// Somebody without a second factor, about whom everything is known.
    async fn add_user(&self) -> anyhow::Result<()> {
        let hash = self
            .operator
            .passwords()
            .hash(Lane::default(), &Password::typed(PASSWORD), &mut entropy())
            .await?;
        let by = &By::operator(self.operator.clock.now_ms());
        let mut tx = self.db.write().await?;
        let group = groups::add(&mut tx, "Conformance", None, None, by, &mut entropy()).await?;
        let role = roles::find_named(&mut tx, Some(&group), "User").await?;
        let email = Address::parse("casey@example.org")?;
        let new = NewUser {
            login: &Login::parse(LOGIN)?,
            name: Some("Casey Conway"),
            email: Some(&email),
            group: Some(&group),
            role: &role,
            password_hash: Some(&hash),
        };
        let person = users::add(&mut tx, new, by, &mut entropy()).await?;
        let changes = Changes { claims: ClaimChanges::parse(CLAIMS)?, ..Changes::default() };
        users::set(&mut tx, &person, changes, by, &mut entropy()).await?;
        Ok(tx.commit().await?)
    }

    /// A client of each kind, by name: what `site.json` tells of it.
    async fn add_clients(&self) -> anyhow::Result<Map<String, Value>> {
        let mut added = Map::new();
        let app = |name: &str| Metadata {
            post_logout_redirect_uris: self.beside_callbacks("post_logout_redirect").collect(),
            ..Metadata::web_app(name, self.callbacks.clone())
        };
        let told = |name: &str| self.beside_callbacks(name).find(|uri| uri.starts_with("https:"));
        let mut basic = app("Basic");
        basic.grant_types.push(GrantType::ClientCredentials);
        let by = |name: &str, method| Metadata { token_endpoint_auth_method: method, ..app(name) };
        let kinds = [
            ("basic", basic),
            ("second", app("Second")),
            ("post", by("Secret in the form", AuthMethod::ClientSecretPost)),
            ("secret_jwt", by("Secret as a key", AuthMethod::ClientSecretJwt)),
            ("private_key_jwt", by("Private key", AuthMethod::PrivateKeyJwt)),
            ("implicit", implicit(app("Implicit and hybrid"))),
            ("implicit_second", implicit(app("Implicit and hybrid, second"))),
            (
                "implicit_post",
                implicit(by("Implicit and hybrid, secret in the form", AuthMethod::ClientSecretPost)),
            ),
            (
                "backchannel",
                Metadata {
                    backchannel_logout_uri: told("backchannel_logout"),
                    ..app("Told behind the back")
                },
            ),
            (
                "frontchannel",
                Metadata { frontchannel_logout_uri: told("frontchannel_logout"), ..app("Told in a frame") },
            ),
            ("fapi", fapi(app("FAPI"), "")),
            ("fapi_second", fapi(app("FAPI, second"), "?dummy1=lorem&dummy2=ipsum")),
            ("fapi_signed", signed(fapi(app("FAPI, signed"), ""))),
            ("fapi_signed_second", signed(fapi(app("FAPI, signed, second"), "?dummy1=lorem&dummy2=ipsum"))),
            ("device", device()),
        ];
        for (name, metadata) in kinds {
            added.insert(name.to_owned(), self.add_client(metadata).await?);
        }
        Ok(added)
    }

    /// What the suite has beside its callbacks.
    fn beside_callbacks<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        self.callbacks.iter().map(move |uri| uri.replace("callback", name))
    }

    async fn add_client(&self, mut metadata: Metadata) -> anyhow::Result<Value> {
        let mut told = json!({
            "redirect_uri": metadata.redirect_uris.first(),
            "post_logout_redirect_uri": metadata.post_logout_redirect_uris.first(),
        });
        if metadata.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt {
            let (private, public) = key()?;
            metadata.jwks = Some(public);
            told["jwks"] = private;
        }
        let mut tx = self.db.write().await?;
        let now = self.operator.clock.now();
        let vault = self.operator.vault(&self.db).await?;
        let registered = clients::add(&mut tx, &vault, metadata, now, &mut entropy()).await?;
        tx.commit().await?;
        told["client_id"] = json!(registered.client.id);
        told["client_secret"] = json!(registered.secret.as_ref().map(Token::reveal));
        Ok(told)
    }

    fn write_for_relying_parties(&self, clients: &Map<String, Value>) -> anyhow::Result<()> {
        let discovery = format!("{}/.well-known/openid-configuration", self.issuer);
        let fapi = |name: &str| {
            let client = clients.get(name).cloned().unwrap_or_default();
            json!({ "client_id": client["client_id"], "jwks": client["jwks"], "scope": "openid profile offline_access" })
        };
        let site = json!({
            "issuer": self.issuer,
            "user": { "login": LOGIN, "password": PASSWORD },
            "clients": clients,
        });
        let oidcc = |client: &str, client2: &str, post: &str| {
            json!({
                "alias": "countersign",
                "server": { "discoveryUrl": discovery, "login_hint": LOGIN },
                "client": clients.get(client),
                "client2": clients.get(client2),
                "client_secret_post": clients.get(post),
            })
        };
        let fapi2 = |client: &str, client2: &str| {
            json!({
                "alias": "countersign",
                "server": { "discoveryUrl": discovery },
                "client": fapi(client),
                "client2": fapi(client2),
                "resource": { "resourceUrl": format!("{}/userinfo", self.issuer) },
            })
        };
        for (name, content) in [
            ("site.json", site),
            ("oidcc.json", oidcc("basic", "second", "post")),
            ("oidcc-implicit.json", oidcc("implicit", "implicit_second", "implicit_post")),
            ("oidcc-backchannel.json", oidcc("backchannel", "second", "post")),
            ("oidcc-frontchannel.json", oidcc("frontchannel", "second", "post")),
            ("fapi2.json", fapi2("fapi", "fapi_second")),
            ("fapi2-signed.json", fapi2("fapi_signed", "fapi_signed_second")),
        ] {
            fs::write(self.folder.join(name), serde_json::to_vec_pretty(&content)?).context(name)?;
        }
        Ok(())
    }
}

/// A client that may ask for every response type.
fn implicit(app: Metadata) -> Metadata {
    let mut grant_types = app.grant_types.clone();
    grant_types.push(GrantType::Implicit);
    let redirect_uris = app.redirect_uris.iter().filter(|uri| uri.starts_with("https:")).cloned().collect();
    Metadata { response_types: ResponseType::ALL.to_vec(), grant_types, redirect_uris, ..app }
}

/// A client that is held to FAPI 2.0, with what the suite adds to its callback.
fn fapi(app: Metadata, query: &str) -> Metadata {
    Metadata {
        redirect_uris: app
            .redirect_uris
            .iter()
            .filter(|uri| uri.starts_with("https:"))
            .map(|uri| format!("{uri}{query}"))
            .collect(),
        token_endpoint_auth_method: AuthMethod::PrivateKeyJwt,
        profile: Some(Profile::Fapi2),
        dpop_bound_access_tokens: true,
        ..app
    }
}

/// The same for FAPI 2.0 Message Signing: nothing is taken that it has not signed.
fn signed(app: Metadata) -> Metadata {
    Metadata { require_signed_request_object: true, ..app }
}

/// A public client without a browser.
fn device() -> Metadata {
    Metadata {
        client_name: "Device".to_owned(),
        token_endpoint_auth_method: AuthMethod::None,
        grant_types: vec![GrantType::DeviceCode, GrantType::RefreshToken],
        ..Metadata::default()
    }
}

/// A signing key, as two JWK Sets: with its private half, and without.
fn key() -> anyhow::Result<(Value, Value)> {
    let mut private = Jwk::generate_ec_key(EcCurve::P256)?;
    private.set_key_id("1");
    private.set_key_use("sig");
    private.set_algorithm("ES256");
    private.set_parameter("key_ops", None)?;
    let mut public = private.to_public_key()?;
    public.set_key_id("1");
    public.set_key_use("sig");
    public.set_algorithm("ES256");
    public.set_parameter("key_ops", None)?;
    let set = |key: &Jwk| json!({ "keys": [Value::Object(key.as_ref().clone())] });
    Ok((set(&private), set(&public)))
}
