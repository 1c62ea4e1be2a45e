//! With which keys does a client sign, and to which is encrypted? Its registered `jwks`, or what its `jwks_uri` says.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::Client;
use crate::config::SigningAlgorithm;
use crate::keys::jose::{self, BadKeys, ClientKeys, JwsFailure, Verified};
use crate::outbound::{For, Outbound, OutboundError};

/// How long fetched keys are used without asking again, in seconds.
const FRESH: i64 = 3600;

/// How soon a client's keys are fetched again, in seconds, whatever comes in its name.
const AGAIN: i64 = 10;

/// Clients whose fetched keys are kept.
const MOST: usize = 1000;

/// The keys of clients, kept in memory.
pub struct ClientKeyCache {
    outbound: Outbound,
    kept: Mutex<HashMap<String, Kept>>,
}

/// Why a client's keys do not prove something, as a sentence for its developer's error message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeyFailure {
    /// It has registered none.
    #[error("this client has registered no keys: register jwks or jwks_uri")]
    None,
    /// Its registered `jwks` cannot be used.
    #[error("the registered jwks {0}")]
    Registered(BadKeys),
    /// Its `jwks_uri` could not be fetched.
    #[error("jwks_uri {uri} {why}")]
    Fetch {
        /// The address.
        uri: String,
        /// What went wrong.
        why: OutboundError,
    },
    /// What its `jwks_uri` answers cannot be used.
    #[error("what jwks_uri {uri} answers {why}")]
    Fetched {
        /// The address.
        uri: String,
        /// What is wrong with it.
        why: BadKeys,
    },
    /// The JWT itself is not believed.
    #[error("the JWT {0}")]
    Jws(#[from] JwsFailure),
}

/// What the last fetches from an address have brought.
#[derive(Clone)]
struct Kept {
    uri: String,
    /// On whose behalf it is asked.
    party: For,
    /// The last keys that came, and when.
    keys: Option<(Arc<ClientKeys>, i64)>,
    /// The last attempt: when, and what went wrong.
    tried: Option<(i64, Option<ClientKeyFailure>)>,
    /// Held by whoever fetches.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

impl ClientKeyCache {
    /// A cache that knows nothing yet.
    #[must_use]
    pub fn new(outbound: Outbound) -> Self {
        Self { outbound, kept: Mutex::default() }
    }

    /// The keys of a client, for encrypting to it.
    ///
    /// # Errors
    /// When it has none, or none that can be had.
    pub async fn keys(&self, client: &Client, now: i64) -> Result<Arc<ClientKeys>, ClientKeyFailure> {
        if let Some(set) = &client.metadata.jwks {
            return ClientKeys::parse(set).map(Arc::new).map_err(ClientKeyFailure::Registered);
        }
        let Some(uri) = &client.metadata.jwks_uri else { return Err(ClientKeyFailure::None) };
        match self.kept(client, uri).keys {
            Some((keys, at)) if is_within(at, FRESH, now) => Ok(keys),
            _ => self.fetch(client, uri, now).await,
        }
    }

    /// Verifies what a client has signed ([`jose::verify`]), with newer keys than those that are kept if that may help.
    ///
    /// # Errors
    /// When the keys cannot be had, or the JWT is not theirs.
    pub async fn verify(
        &self,
        client: &Client,
        token: &str,
        allowed: &[SigningAlgorithm],
        now: i64,
    ) -> Result<Verified, ClientKeyFailure> {
        let keys = self.keys(client, now).await?;
        let failure = match jose::verify(token, &keys, allowed) {
            Err(failure) if failure.may_be_old_keys() => failure,
            done => return Ok(done?),
        };
        match self.newer(&keys, client, now).await? {
            Some(newer) => Ok(jose::verify(token, &newer, allowed)?),
            None => Err(failure.into()),
        }
    }

    /// Newer keys of a client than these, if its address has any: they are fetched again, though not more often than every
    /// ten seconds; if that fails, there are none.
    ///
    /// # Errors
    /// When no keys were ever had.
    pub async fn newer(
        &self,
        keys: &Arc<ClientKeys>,
        client: &Client,
        now: i64,
    ) -> Result<Option<Arc<ClientKeys>>, ClientKeyFailure> {
        let (None, Some(uri)) = (&client.metadata.jwks, &client.metadata.jwks_uri) else { return Ok(None) };
        let newest = self.fetch(client, uri, now).await?;
        Ok((!Arc::ptr_eq(keys, &newest)).then_some(newest))
    }

    /// The newest keys that can be had now: fetched, unless that was tried a moment ago; the old ones, if it fails.
    async fn fetch(&self, client: &Client, uri: &str, now: i64) -> Result<Arc<ClientKeys>, ClientKeyFailure> {
        let fetching = self.kept(client, uri).fetching;
        let _turn = fetching.lock().await;
        // Whoever had the turn before has fetched for everybody.
        let mut kept = self.kept(client, uri);
        if !kept.tried.as_ref().is_some_and(|(at, _)| is_within(*at, AGAIN, now)) {
            let failure = match self.ask(client, uri).await {
                Ok(keys) => {
                    kept.keys = Some((Arc::new(keys), now));
                    None
                }
                Err(failure) => {
                    tracing::info!(client_id = client.id, %failure, "a client's keys cannot be fetched");
                    Some(failure)
                }
            };
            kept.tried = Some((now, failure));
            self.keep(&client.id, kept.clone());
        }
        match (kept.keys, kept.tried) {
            (Some((keys, _)), _) => Ok(keys),
            (None, Some((_, Some(failure)))) => Err(failure),
            (None, _) => Err(ClientKeyFailure::None),
        }
    }

    async fn ask(&self, client: &Client, uri: &str) -> Result<ClientKeys, ClientKeyFailure> {
        let outbound = self.outbound.on_behalf_of(client.party());
        let answer = outbound.get(uri, "application/jwk-set+json, application/json").await;
        let text = answer.map_err(|why| ClientKeyFailure::Fetch { uri: uri.to_owned(), why })?;
        let set = serde_json::from_str(&text).unwrap_or_default();
        ClientKeys::parse(&set).map_err(|why| ClientKeyFailure::Fetched { uri: uri.to_owned(), why })
    }

    /// What is kept of a client; nothing of it if it has another address by now.
    fn kept(&self, client: &Client, uri: &str) -> Kept {
        let (id, party) = (client.id.as_str(), client.party());
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(id) {
            Some(kept) if kept.uri == uri => kept.clone(),
            _ => {
                let uri = uri.to_owned();
                let new = Kept { uri, party, keys: None, tried: None, fetching: Arc::default() };
                make_room(&mut all, id);
                all.insert(id.to_owned(), new.clone());
                new
            }
        }
    }

    fn keep(&self, id: &str, kept: Kept) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut all, id);
        all.insert(id.to_owned(), kept);
    }
}

impl fmt::Debug for ClientKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKeyCache(…)")
    }
}

/// Forgets the client that was asked the longest ago, if there is no room for another one; strangers first, of whom any number may
/// come.
fn make_room(all: &mut HashMap<String, Kept>, id: &str) {
    if all.len() < MOST || all.contains_key(id) {
        return;
    }
    let asked = |kept: &Kept| (kept.party == For::Known, kept.tried.as_ref().map_or(i64::MIN, |(at, _)| *at));
    let oldest = all.iter().min_by_key(|(_, kept)| asked(kept)).map(|(id, _)| id.clone());
    if let Some(oldest) = oldest {
        all.remove(&oldest);
    }
}

/// Whether less than `seconds` lie between two moments, whichever comes first: requests overtake each other.
fn is_within(at: i64, seconds: i64, now: i64) -> bool {
    at.abs_diff(now) < seconds.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::super::Metadata;
    use super::*;
    use crate::config;
    use serde_json::json;

    fn cache() -> ClientKeyCache {
        ClientKeyCache::new(Outbound::new(&config::Outbound::default()).unwrap())
    }

    fn client(change: impl FnOnce(&mut Metadata)) -> Client {
        let mut metadata = Metadata::web_app("App", vec!["https://app.example/cb".to_owned()]);
        change(&mut metadata);
        Client::unregistered("app", metadata)
    }

    #[tokio::test]
    async fn a_client_without_usable_keys_is_told_why() {
        let refused = async |client: Client| cache().keys(&client, 0).await.unwrap_err().to_string();
        let none = refused(client(|_| ())).await;
        assert!(none.contains("register jwks or jwks_uri"), "{none}");
        let private = refused(client(|m| m.jwks = Some(json!({"keys": [{"kty": "oct", "k": "AA"}]})))).await;
        assert!(
            private.starts_with("the registered jwks has as its key 1 one that is symmetric"),
            "{private}"
        );
        let uri = |uri: &str| client(|m| m.jwks_uri = Some(uri.to_owned()));
        let http = refused(uri("http://app.example/jwks")).await;
        assert_eq!(http, "jwks_uri http://app.example/jwks does not begin with https://");
        let private = refused(uri("https://127.0.0.1/jwks")).await;
        assert!(private.contains("not a public address"), "{private}");
    }

    #[test]
    fn no_more_clients_are_kept_than_there_is_room_for() {
        let cache = cache();
        let ask = |id: String, at: i64, registration_token_hash: Option<String>| {
            let client = Client { id, registration_token_hash, ..client(|_| ()) };
            let mut kept = cache.kept(&client, "https://app.example/");
            kept.tried = Some((at, None));
            cache.keep(&client.id, kept);
        };
        for at in 0..=i64::try_from(MOST).unwrap() {
            ask(at.to_string(), at, None);
        }
        let has = |id: &str| cache.kept.lock().unwrap().contains_key(id);
        assert!(!has("0") && has("1"), "the one that was asked first has gone");
        for at in 0..10 {
            ask(format!("stranger {at}"), 5000 + at, Some("hash".to_owned()));
        }
        assert!(has("stranger 9") && !has("stranger 8"), "strangers take the place of strangers");
        assert!(!has("1") && has("2"), "and of one other client, all together");
        assert_eq!(cache.kept.lock().unwrap().len(), MOST);
    }
}
