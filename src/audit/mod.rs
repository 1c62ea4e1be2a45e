//! What has happened here? Append-only events, written in the transaction of the change that they record.

pub mod chain;
pub mod export;

use rand::CryptoRng;
use serde_json::{Map, Value};

use crate::keys::secret::new_id_at;
use crate::store::audit::EventRow;
use crate::store::{self, Conn};

/// One event to be recorded: `Event::new("signin.override", Actor::User(id)).user(id).detail("client", name)`.
#[derive(Clone, Debug)]
pub struct Event {
    name: &'static str,
    actor: Actor,
    user_id: Option<String>,
    group_id: Option<String>,
    client_id: Option<String>,
    network: Option<String>,
    details: Map<String, Value>,
}

/// Who did it.
#[derive(Clone, Debug)]
pub enum Actor {
    /// A user, by id.
    User(String),
    /// A relying app that has proven who it is.
    Client,
    /// Whoever runs the command line.
    Operator,
    /// The program itself: a rotation, a purge.
    System,
    /// Somebody who has not proven who they are.
    Anonymous,
}

/// Who does something, and from which network.
#[derive(Clone, Debug)]
pub struct Doer {
    /// Who.
    pub actor: Actor,
    /// The network address; none where nothing came over one.
    pub network: Option<String>,
}

impl From<Actor> for Doer {
    fn from(actor: Actor) -> Self {
        Self { actor, network: None }
    }
}

impl Event {
    /// An event of this name: a dotted word such as `signin.override` or `user.changed`.
    #[must_use]
    pub fn new(name: &'static str, actor: Actor) -> Self {
        Self {
            name,
            actor,
            user_id: None,
            group_id: None,
            client_id: None,
            network: None,
            details: Map::new(),
        }
    }

    /// The user whom it concerns.
    #[must_use]
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.user_id = Some(id.into());
        self
    }

    /// The group that it concerns.
    #[must_use]
    pub fn group(mut self, id: impl Into<String>) -> Self {
        self.group_id = Some(id.into());
        self
    }

    /// The relying app that it concerns.
    #[must_use]
    pub fn client(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// An event of this name by whoever does it, from where they do.
    #[must_use]
    pub fn by(name: &'static str, doer: Doer) -> Self {
        Self { network: doer.network, ..Self::new(name, doer.actor) }
    }

    /// The network address that asked for it.
    #[must_use]
    pub fn network(mut self, address: impl Into<String>) -> Self {
        self.network = Some(address.into());
        self
    }

    /// One more fact. Never a password, a code or a token.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Writes the event, as part of the caller's transaction.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn record(self, conn: &mut Conn, now_ms: i64, rng: &mut impl CryptoRng) -> store::Result<()> {
        let row = EventRow {
            id: new_id_at(now_ms, rng),
            at_ms: now_ms,
            event: self.name.to_owned(),
            actor: match self.actor {
                Actor::User(id) => id,
                Actor::Client => "client".to_owned(),
                Actor::Operator => "operator".to_owned(),
                Actor::System => "system".to_owned(),
                Actor::Anonymous => "anonymous".to_owned(),
            },
            user_id: self.user_id,
            group_id: self.group_id,
            client_id: self.client_id,
            network: self.network,
            details: Value::Object(self.details).to_string(),
            actor_login: None,
            user_login: None,
            top_id: None,
        };
        store::audit::append(conn, &row).await
    }
}
