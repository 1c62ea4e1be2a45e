//! What becomes of a request for a new password? A mail with a link, or one to those who can help, or nothing.

use crate::directory::{self, Login, Person, Status, links, login, people};
use crate::keys::secret::entropy;
use crate::oidc::Provider;
use crate::signin::{announce, challenge};
use crate::store::{self, Tx, seen_ids};

/// Somebody who says that they have forgotten their password.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// What they have typed as login.
    pub(super) login: String,
    /// The sign-in from which they ask.
    pub(super) signin_id: Option<String>,
    /// The network.
    pub(super) network: String,
    /// When, in milliseconds since 1970.
    pub(super) now_ms: i64,
}

/// Why a request could not be seen to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Directory(#[from] directory::Error),
    #[error(transparent)]
    Mail(#[from] challenge::Error),
}

/// So many of something in so long a time, in seconds.
struct Bound {
    what: &'static str,
    places: u32,
    within: i64,
}

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// Requests from one network: an office whose people come back from their holidays, and no list of everybody's logins.
const FROM_NETWORK: Bound = Bound { what: "reset from network", places: 50, within: HOUR };

/// Requests for one user, or for a login that nobody has.
const FOR_LOGIN: Bound = Bound { what: "reset for login", places: 3, within: HOUR };

/// Links to one address, which several people may share.
const TO_ADDRESS: Bound = Bound { what: "reset to address", places: 10, within: HOUR };

/// Mails to those who can help: about one person, and about all those of one tree.
const ABOUT_PERSON: Bound = Bound { what: "reset without address", places: 1, within: DAY };
const ABOUT_TREE: Bound = Bound { what: "resets without address", places: 10, within: DAY };

impl Bound {
    /// Whether there may be one more of this for this one.
    async fn has_place(&self, tx: &mut Tx, for_whom: &str, now: i64) -> store::Result<bool> {
        seen_ids::take_place(tx, self.what, for_whom, self.places, now + self.within, now).await
    }
}

/// Sees to a request. Only the first steps are the same for all; nobody waits for the others.
pub(super) async fn see_to(provider: &Provider, asked: &Asked) -> Result<(), Failure> {
    let (signin, now) = (&provider.signin, asked.now_ms / 1000);
    let Ok(login) = Login::parse(&asked.login) else { return Ok(()) };
    let mut tx = signin.db.write().await?;
    if !FROM_NETWORK.has_place(&mut tx, &asked.network, now).await? {
        return Ok(());
    }
    let mut people = people::all_by_login_or_email(&mut tx, &login).await?;
    people.retain(|person| person.status != Status::Disabled);
    let whom = people.first().map_or_else(|| login.key(), |person| person.id.clone());
    if !FOR_LOGIN.has_place(&mut tx, &whom, now).await? {
        people.clear();
    }
    for person in &people {
        help(provider, &mut tx, person, asked).await?;
    }
    tx.commit().await?;
    if !people.is_empty() {
        announce::deliver_later(signin);
    }
    Ok(())
}

async fn help(provider: &Provider, tx: &mut Tx, person: &Person, asked: &Asked) -> Result<(), Failure> {
    let (signin, now) = (&provider.signin, asked.now_ms / 1000);
    let Some(address) = person.deliverable_address() else {
        let top = person.group.as_ref().map_or("", |group| group.top_id.as_str());
        if ABOUT_PERSON.has_place(tx, &person.id, now).await? && ABOUT_TREE.has_place(tx, top, now).await? {
            announce::reset_without_address(signin, tx, person, asked.now_ms).await?;
        }
        return Ok(());
    };
    if !TO_ADDRESS.has_place(tx, &login::fold(address.as_str()), now).await? {
        return Ok(());
    }
    let from =
        links::Asked { signin_id: asked.signin_id.as_deref(), network: &asked.network, now_ms: asked.now_ms };
    let lifetime = signin.settings.reset_lifetime.as_secs();
    let token = links::issue_reset(tx, person, lifetime, from, &mut entropy()).await?;
    let link = links::address(&provider.issuer, &token);
    Ok(announce::reset(signin, tx, person, link, asked.now_ms).await?)
}
