//! How does somebody who may register relying apps add, change and remove one? With the event that says what was before and after, in
//! the transaction of the change.

use rand::CryptoRng;
use serde_json::{Map, Value, json};

use super::{
    Client, Error, Metadata, Registered, Rotated, add, delete, end_old_secret, find_to_change, rotate_secret,
    set, to_json,
};
use crate::audit::Event;
use crate::clock::timestamp;
use crate::directory::Proof;
use crate::directory::proof::ManageRelyingApps;
use crate::keys::Vault;
use crate::keys::secret::{hex, sha256};
use crate::store::Tx;

/// Registers an app.
///
/// # Errors
/// When its metadata is not allowed, whoever acts may no longer, or the database refuses.
pub async fn register(
    tx: &mut Tx,
    vault: &Vault,
    metadata: Metadata,
    by: &Proof<ManageRelyingApps>,
    rng: &mut impl CryptoRng,
) -> Result<Registered, Error> {
    by.holds_still(tx).await?;
    let registered = add(tx, vault, metadata, by.now(), rng).await?;
    let client = &registered.client;
    by.record(client.metadata.noted_in(by.event("client.added").client(&client.id)), tx, rng).await?;
    Ok(registered)
}

/// What becomes of a change that was typed on a page.
#[derive(Debug)]
pub enum Changed {
    /// It was made.
    Yes,
    /// Nothing was different.
    Same,
    /// Somebody else has changed the app since the page was drawn: this is what it is now.
    Meanwhile(Box<Client>),
}

/// Changes an app, if it is still as it was when the page was drawn.
///
/// # Errors
/// When its metadata is not allowed, it is gone, or the database refuses.
pub async fn change(
    tx: &mut Tx,
    id: &str,
    drawn: Option<&str>,
    edit: impl FnOnce(&mut Metadata) + Send,
    by: &Proof<ManageRelyingApps>,
    rng: &mut impl CryptoRng,
) -> Result<Changed, Error> {
    by.holds_still(tx).await?;
    let client = find_to_change(tx, id).await?.ok_or_else(|| Error::Unknown(id.to_owned()))?;
    let mut metadata = client.metadata.clone();
    edit(&mut metadata);
    // What is so already is no conflict, whoever has made it so.
    if metadata == client.metadata {
        return Ok(Changed::Same);
    }
    if drawn.is_some_and(|drawn| drawn != client.version()) {
        return Ok(Changed::Meanwhile(Box::new(client)));
    }
    set(tx, id, &metadata, by.now()).await?;
    let event = metadata.change_noted_in(by.event("client.changed").client(id), &client.metadata);
    by.record(event, tx, rng).await?;
    Ok(Changed::Yes)
}

/// What becomes of the wish for a new secret.
#[derive(Debug)]
pub enum Renewed {
    /// There is one.
    Yes(Rotated),
    /// Somebody else has made or ended one since the page was drawn: another would end a secret that the app may live by.
    Meanwhile(Box<Client>),
}

/// Gives an app a new secret, if it has those still that it had when the page was `drawn`; the old one works on for `keep` seconds.
///
/// # Errors
/// When it is gone, has no secret, `keep` is too long, or the database refuses.
pub async fn renew_secret(
    tx: &mut Tx,
    vault: &Vault,
    id: &str,
    (drawn, keep): (Option<&str>, i64),
    by: &Proof<ManageRelyingApps>,
    rng: &mut impl CryptoRng,
) -> Result<Renewed, Error> {
    by.holds_still(tx).await?;
    if let Some(client) = with_other_secrets(tx, id, drawn).await? {
        return Ok(Renewed::Meanwhile(client));
    }
    let rotated = rotate_secret(tx, vault, id, keep, by.now(), rng).await?;
    by.record(rotated.noted_in(by.event("client.secret_rotated").client(id)), tx, rng).await?;
    Ok(Renewed::Yes(rotated))
}

/// What becomes of the wish to end the older of two secrets.
#[derive(Debug)]
pub enum EndedOld {
    /// It has ended now.
    Yes,
    /// There is none any more.
    Already,
    /// Somebody else has made another one since the page was drawn: the older one is not the one that was meant.
    Meanwhile(Box<Client>),
}

/// Ends the secret that works on beside an app's newer one, if they are those still that it had when the page was `drawn`.
///
/// # Errors
/// When the app is gone, or the database refuses.
pub async fn end_old(
    tx: &mut Tx,
    id: &str,
    drawn: Option<&str>,
    by: &Proof<ManageRelyingApps>,
    rng: &mut impl CryptoRng,
) -> Result<EndedOld, Error> {
    by.holds_still(tx).await?;
    if let Some(client) = with_other_secrets(tx, id, drawn).await?.filter(|now| now.old_secret.is_some()) {
        return Ok(EndedOld::Meanwhile(client));
    }
    if !end_old_secret(tx, id).await? {
        return Ok(EndedOld::Already);
    }
    by.record(by.event("client.old_secret_ended").client(id), tx, rng).await?;
    Ok(EndedOld::Yes)
}

/// The app, if its secrets are others than those of the page that was drawn.
async fn with_other_secrets(
    tx: &mut Tx,
    id: &str,
    drawn: Option<&str>,
) -> Result<Option<Box<Client>>, Error> {
    let Some(drawn) = drawn else { return Ok(None) };
    let client = find_to_change(tx, id).await?.ok_or_else(|| Error::Unknown(id.to_owned()))?;
    Ok((drawn != client.secrets_version()).then(|| Box::new(client)))
}

impl Metadata {
    /// The event with what is told of an app that is new.
    #[must_use]
    pub fn noted_in(&self, event: Event) -> Event {
        event
            .detail("name", self.client_name.as_str())
            .detail("redirect_uris", self.redirect_uris.as_slice())
            .detail("allowed_groups", self.allowed_groups.as_slice())
    }

    /// The event with what has become other than it was.
    #[must_use]
    pub fn change_noted_in(&self, event: Event, before: &Self) -> Event {
        let (before, after) = differences(before, self);
        event.detail("before", before).detail("after", after)
    }
}

impl Rotated {
    /// The event with what becomes of the secret before.
    #[must_use]
    pub fn noted_in(&self, event: Event) -> Event {
        event.detail("old_secret_until", self.old_until.map_or_else(|| "now".to_owned(), timestamp))
    }
}

/// Deletes an app, its grants and its tokens.
///
/// # Errors
/// When it is gone, or the database refuses.
pub async fn remove(
    tx: &mut Tx,
    client: &Client,
    by: &Proof<ManageRelyingApps>,
    rng: &mut impl CryptoRng,
) -> Result<(), Error> {
    by.holds_still(tx).await?;
    delete(tx, &client.id).await?;
    let name = client.metadata.client_name.as_str();
    by.record(by.event("client.deleted").client(&client.id).detail("name", name), tx, rng).await?;
    Ok(())
}

impl Client {
    /// What stands for everything that is registered about it now: a page that was drawn from something else is old.
    #[must_use]
    pub fn version(&self) -> String {
        let json = to_json(&self.metadata).unwrap_or_default();
        short(&json)
    }

    /// What stands for the secrets that it has now, and tells nothing of them.
    #[must_use]
    pub fn secrets_version(&self) -> String {
        let old = self.old_secret.as_ref().map_or("", |old| old.hash.as_str());
        short(&format!("{} {old}", self.secret_hash.as_deref().unwrap_or_default()))
    }
}

/// A text in few characters.
fn short(text: &str) -> String {
    hex(&sha256(text.as_bytes())).chars().take(16).collect()
}

/// The members that differ, as they were and as they are.
fn differences(before: &Metadata, after: &Metadata) -> (Value, Value) {
    let (before, after) = (json!(before), json!(after));
    let part = |of: &Value, other: &Value| -> Value {
        let members = of.as_object().into_iter().flatten();
        let differing = members.filter(|(name, value)| other.get(name.as_str()) != Some(*value));
        Value::Object(differing.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
    };
    (part(&before, &after), part(&after, &before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let before = Metadata::web_app("App", vec!["https://app.example/cb".to_owned()]);
        assert_eq!(differences(&before, &before), (json!({}), json!({})));
        let after =
            Metadata { client_name: "Other".to_owned(), scope: Some("openid".to_owned()), ..before.clone() };
        let expected =
            (json!({ "client_name": "App" }), json!({ "client_name": "Other", "scope": "openid" }));
        assert_eq!(differences(&before, &after), expected);
    }
}
