//! By whom is something done, and when? What every action of the directory begins with.

use rand::CryptoRng;

use super::policy::{Actor, Place, Standing};
use super::{Person, Status, TwoFactor, people};
use crate::audit::{self, Doer, Event};
use crate::store::{Conn, Result};

/// Who acts, and when.
#[derive(Clone, Debug)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// When, in milliseconds since 1970.
    pub now_ms: i64,
    /// From which network, as the audit log names it; none at the command line.
    pub network: Option<String>,
}

impl By {
    /// The command line, now.
    #[must_use]
    pub const fn operator(now_ms: i64) -> Self {
        Self { actor: Actor::Operator, now_ms, network: None }
    }

    /// A user, now.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn user(conn: &mut Conn, person: &Person, now_ms: i64) -> Result<Self> {
        Ok(Self { actor: Actor::User(standing(conn, person).await?), now_ms, network: None })
    }

    /// The same, from this network.
    #[must_use]
    pub fn from_network(self, network: &impl ToString) -> Self {
        Self { network: Some(network.to_string()), ..self }
    }

    /// The user who acts; none for the command line.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        match &self.actor {
            Actor::Operator => None,
            Actor::User(user) => Some(&user.id),
        }
    }

    /// Whoever acts, as they are by now: what they may do, somebody else may have taken from them since they asked. Every action asks the
    /// rules about this one, once it has locked what it changes.
    ///
    /// # Errors
    /// When they are gone or disabled, or the database refuses.
    pub(super) async fn acting(&self, conn: &mut Conn) -> std::result::Result<Actor, super::Error> {
        let Some(id) = self.user_id() else { return Ok(Actor::Operator) };
        let person = people::find(conn, id).await?.filter(|person| person.status != Status::Disabled);
        Ok(Actor::User(standing(conn, &person.ok_or(super::Error::Vanished)?).await?))
    }

    /// The same with what they may do by now.
    ///
    /// # Errors
    /// When they are gone or disabled, or the database refuses.
    pub async fn again(&self, conn: &mut Conn) -> std::result::Result<Self, super::Error> {
        Ok(Self { actor: self.acting(conn).await?, ..self.clone() })
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn now(&self) -> i64 {
        self.now_ms / 1000
    }

    /// An event of this name by this actor.
    #[must_use]
    pub fn event(&self, name: &'static str) -> Event {
        Event::by(name, self.doer())
    }

    /// Who acts, as the audit log names them.
    #[must_use]
    pub fn doer(&self) -> Doer {
        let actor = match &self.actor {
            Actor::Operator => audit::Actor::Operator,
            Actor::User(user) => audit::Actor::User(user.id.clone()),
        };
        Doer { actor, network: self.network.clone() }
    }

    /// Writes an event, in the transaction of what it tells about.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn record(&self, event: Event, conn: &mut Conn, rng: &mut impl CryptoRng) -> Result<()> {
        event.record(conn, self.now_ms, rng).await
    }
}

/// What the rules know of a person.
pub(super) async fn standing(conn: &mut Conn, person: &Person) -> Result<Standing> {
    Ok(Standing::of(person, people::group_ids(conn, person).await?))
}

/// What the rules know of a group's place; none for the site itself.
pub(super) async fn place(conn: &mut Conn, group_id: Option<&str>) -> Result<Place> {
    let Some(group_id) = group_id else { return Ok(Place::default()) };
    let lineage = crate::store::groups::lineage(conn, group_id).await?;
    let two_factor = lineage.first().map(TwoFactor::of).transpose()? == Some(TwoFactor::On);
    Ok(Place { lineage: lineage.into_iter().map(|group| group.id).collect(), two_factor })
}
