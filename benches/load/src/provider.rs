//! Which provider is loaded? What its profile says, and where discovery says that its endpoints are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use serde_json::Value;

use super::http::{Ask, Connection};
use super::origin::{Origin, Place};
use super::process::Which;
use super::profile::{Auth, Client, People, Person, Process, Profile};
use super::sink::Sink;

/// A provider that runs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    profile: Profile,
    origin: Origin,
    endpoints: Endpoints,
    server: Option<Which>,
    database: Option<Which>,
    sink: Option<Sink>,
    visits: AtomicUsize,
    next_coded: AtomicUsize,
}

/// Paths of its endpoints.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// The discovery document itself.
    pub discovery: String,
    /// `authorization_endpoint`
    pub authorize: String,
    /// `token_endpoint`
    pub token: String,
    /// `jwks_uri`
    pub jwks: String,
    /// `userinfo_endpoint`
    pub userinfo: Option<String>,
}

impl Provider {
    /// Asks a provider where its endpoints are. The mail server of the profile is started, unless one is given.
    ///
    /// # Errors
    /// When the provider does not answer, or a process of the profile cannot be told.
    pub async fn find(profile: Profile, sink: Option<Sink>) -> anyhow::Result<Self> {
        let name = profile.name.clone();
        Self::discover(profile, sink).await.with_context(|| name)
    }

    async fn discover(profile: Profile, sink: Option<Sink>) -> anyhow::Result<Self> {
        let (origin, path) = Origin::split(&profile.issuer)?;
        let discovery = format!("{}/.well-known/openid-configuration", path.trim_end_matches('/'));
        let mut connection = Connection::new(origin.clone(), None);
        let document = connection.send(&Ask::get(&discovery)).await?.json(&discovery)?;
        let path = |member: &str| path_of(&origin, &document, member);
        let endpoints = Endpoints {
            discovery: discovery.clone(),
            authorize: path("authorization_endpoint")?,
            token: path("token_endpoint")?,
            jwks: path("jwks_uri")?,
            userinfo: path("userinfo_endpoint").ok(),
        };
        let sink = match (sink, &profile.mail) {
            (Some(sink), _) => Some(sink),
            (None, Some(address)) => {
                let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
                Some(Sink::start(port.with_context(|| format!("mail = {address:?}"))?).await?)
            }
            (None, None) => None,
        };
        let server = profile.server.as_ref().map(Process::which).transpose()?;
        let database = profile.database.as_ref().map(Process::which).transpose()?;
        let (visits, next_coded) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let inner = Inner { profile, origin, endpoints, server, database, sink, visits, next_coded };
        Ok(Self(Arc::new(inner)))
    }

    /// What its profile says.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.0.profile
    }

    /// Where it is.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// Where its endpoints are.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.0.endpoints
    }

    /// Its process.
    #[must_use]
    pub fn server(&self) -> Option<&Which> {
        self.0.server.as_ref()
    }

    /// The process of its database.
    #[must_use]
    pub fn database(&self) -> Option<&Which> {
        self.0.database.as_ref()
    }

    /// The mail server that it sends to.
    ///
    /// # Errors
    /// When its profile names none.
    pub fn sink(&self) -> anyhow::Result<&Sink> {
        self.0.sink.as_ref().context("its profile has no `mail`")
    }

    /// A number that no other visit has.
    #[must_use]
    pub fn next_visit(&self) -> usize {
        self.0.visits.fetch_add(1, Ordering::Relaxed)
    }

    /// The people who sign in with a password alone.
    ///
    /// # Errors
    /// When its profile names none.
    pub fn people(&self) -> anyhow::Result<&People> {
        self.profile().people.as_ref().context("its profile has no [people]")
    }

    /// The next of those who are sent codes: by turns, since codes to one address are limited.
    ///
    /// # Errors
    /// When its profile names none.
    pub fn next_coded(&self) -> anyhow::Result<Person> {
        let coded = self.profile().coded.as_ref().context("its profile has no [coded]")?;
        Ok(coded.person(self.0.next_coded.fetch_add(1, Ordering::Relaxed)))
    }

    /// A connection that is not made yet, from the nth address if everybody has their own.
    #[must_use]
    pub fn connection(&self, n: usize) -> Connection {
        let [.., high, low] = (n % 60_000).to_be_bytes();
        let own = std::net::Ipv4Addr::new(127, 1, high, low);
        Connection::new(self.origin().clone(), self.profile().spread.then_some(own))
    }

    /// A token request of this client.
    #[must_use]
    pub fn token_request(&self, client: &Client, form: &[(&str, &str)]) -> Ask {
        let mut body = form_urlencoded::Serializer::new(String::with_capacity(256));
        body.extend_pairs(form).extend_pairs(&client.parameters);
        if client.auth == Auth::Post {
            body.append_pair("client_id", &client.id).append_pair("client_secret", &client.secret);
        }
        let ask = Ask::post(&self.endpoints().token, body.finish());
        if client.auth == Auth::Basic { ask.with("authorization", basic(client)) } else { ask }
    }
}

/// RFC 6749 §2.3.1: both are form-encoded before they are put together.
fn basic(client: &Client) -> String {
    let [id, secret] = [&client.id, &client.secret]
        .map(|text| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

fn path_of(origin: &Origin, document: &Value, member: &str) -> anyhow::Result<String> {
    let address = document.get(member).and_then(Value::as_str);
    let address = address.with_context(|| format!("the discovery document has no {member}"))?;
    match origin.resolve("/", address) {
        Place::Here(path) => Ok(path),
        Place::Elsewhere(address) => bail!("{member} is at another host: {address}"),
    }
}
