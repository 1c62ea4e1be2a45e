//! Which relying apps are registered here, and what may each of them do?

pub(super) mod allowed;
mod card;
pub mod certificates;
mod console;
pub(super) mod encryption;
mod invalid;
pub mod kept;
pub mod keys;
pub mod manage;
mod metadata;
pub mod of_person;
pub mod recipe;
mod secrets;
pub(super) mod share;
pub mod subject;
mod uris;
mod validate;
mod words;

use rand::CryptoRng;

use crate::directory::{Person, people};
use crate::keys::secret::{Token, new_id};
use crate::keys::{Vault, VaultError, publish_for};
use crate::metrics::App;
use crate::outbound::For;
use crate::store::clients::{ClientRow, SecretsRow};
use crate::store::registrations::{self, Replacement};
use crate::store::{self, Conn, Later, Tx};

use secrets::KeptSecret;

pub use card::card;
pub(super) use console::console;
pub use invalid::Invalid;
pub use metadata::{Encryption, Metadata, TlsClientAuth};
pub use secrets::{LONGEST_OVERLAP, OVERLAP, OldSecret, Proven, Rotated, end_old_secret, rotate_secret};
pub(super) use uris::is_anybodys;
pub(super) use validate::FAPI2_ALGORITHMS;
pub use words::{ApplicationType, AuthMethod, GrantType, Profile, ResponseType};

/// A relying app as registered here.
#[derive(Clone, Debug)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// SHA-256 of `client_secret`, in hexadecimal; none for a client that has none.
    pub secret_hash: Option<String>,
    /// The secret itself, sealed, where the provider must know it (`client_secret_jwt`).
    pub secret_sealed: Option<String>,
    /// The secret before, which may work still.
    pub old_secret: Option<OldSecret>,
    /// SHA-256 of the registration access token (RFC 7592 §3), for a client that has registered itself.
    pub registration_token_hash: Option<String>,
    /// Everything else.
    pub metadata: Metadata,
    /// When it was registered, in seconds since 1970.
    pub created_at: i64,
}

/// What an app is told about somebody whom it is not for.
pub(in crate::oidc) const NOT_ADMITTED: &str = "this person's group may not use this app";

/// For whom a client is, seen from somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// For everybody, and so for them.
    Everybody,
    /// For this group of theirs, by id: their own, or one that it is part of.
    Group(String),
    /// For other groups alone.
    Others,
}

/// Whether a client is for somebody of these groups (their own, and those that it is part of), and why.
#[must_use]
pub fn admission(client: &Client, groups: &[String]) -> Admission {
    let allowed = &client.metadata.allowed_groups;
    if allowed.is_empty() {
        return Admission::Everybody;
    }
    let group = groups.iter().find(|group| allowed.contains(group));
    group.map_or(Admission::Others, |group| Admission::Group(group.clone()))
}

/// Whether a client is for this person: for everybody, or for one of their groups.
///
/// # Errors
/// When the database refuses.
pub async fn admits(conn: &mut Conn, client: &Client, person: &Person) -> store::Result<bool> {
    if client.metadata.allowed_groups.is_empty() {
        return Ok(true);
    }
    Ok(admission(client, &people::group_ids(conn, person).await?) != Admission::Others)
}

/// What went wrong with a client in the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The metadata is not allowed.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Another client has the id.
    #[error("there is a client {0} already: see `countersign client show {0}`")]
    Taken(String),
    /// There is no client of this id.
    #[error("no client has the id {0}: see `countersign client list`")]
    Unknown(String),
    /// Whoever acts may not, or no longer.
    #[error(transparent)]
    Directory(#[from] crate::directory::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The master key could not be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// A new client and, for a confidential one, the secret that is shown this once.
#[derive(Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its secret.
    pub secret: Option<Token>,
}

/// Registers a client.
///
/// # Errors
/// When its metadata is not allowed, or the database refuses.
pub async fn add(
    conn: &mut Conn,
    vault: &Vault,
    metadata: Metadata,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<Registered, Error> {
    take_over(conn, vault, metadata, Given::default(), now, rng).await
}

/// What a client brings along that was registered elsewhere before.
#[derive(Debug, Default)]
pub struct Given {
    /// Its `client_id`.
    pub id: Option<String>,
    /// Its `client_secret`.
    pub secret: Option<Token>,
}

/// Registers a client with what it brings along; the rest is made.
///
/// # Errors
/// When its metadata, id or secret is not allowed, a client of the id is there, or the database refuses.
pub async fn take_over(
    conn: &mut Conn,
    vault: &Vault,
    metadata: Metadata,
    given: Given,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<Registered, Error> {
    metadata.validate()?;
    given.validate(&metadata)?;
    let id = given.id.unwrap_or_else(|| new_id(rng));
    let needed = metadata.token_endpoint_auth_method.needs_secret();
    let secret = needed.then(|| given.secret.unwrap_or_else(|| Token::generate(rng)));
    let kept = KeptSecret::of(secret.as_ref(), &metadata, vault, &id, rng)?;
    let json = to_json(&metadata)?;
    let added =
        store::clients::add(conn, &id, kept.hash.as_deref(), kept.sealed.as_deref(), &json, now).await;
    added.map_err(|e| if e.is_duplicate() { Error::Taken(id.clone()) } else { e.into() })?;
    publish_keys(conn, &metadata).await?;
    let client = Client {
        id,
        secret_hash: kept.hash,
        secret_sealed: kept.sealed,
        old_secret: None,
        registration_token_hash: None,
        metadata,
        created_at: now,
    };
    Ok(Registered { client, secret })
}

impl Given {
    /// An id and a secret are printable ASCII (RFC 6749 appendix A); a secret that was made by a machine has some length.
    fn validate(&self, metadata: &Metadata) -> Result<(), Invalid> {
        let fits = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
            lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if self.id.as_deref().is_some_and(|id| !fits(id, 1..=100)) {
            let reason = "must have 1 to 100 printable ASCII characters, without blanks";
            return Err(Invalid::Field { field: "client_id", reason });
        }
        let Some(secret) = &self.secret else { return Ok(()) };
        if !metadata.token_endpoint_auth_method.needs_secret() {
            let reason = "is of no use to a client that proves itself without one";
            return Err(Invalid::Field { field: "client_secret", reason });
        }
        if !fits(secret.reveal(), 16..=200) {
            let reason = "must have 16 to 200 printable ASCII characters, without blanks: take a new one";
            return Err(Invalid::Field { field: "client_secret", reason });
        }
        Ok(())
    }
}

/// The client of this id.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<Client>, store::Error> {
    if !is_id(id) {
        return Ok(None);
    }
    store::clients::find(conn, id).await?.map(Client::from_row).transpose()
}

/// Whether this can be the id of a client at all: they are ours, and PostgreSQL would refuse a NUL.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 100 && !id.contains('\0')
}

/// The client of this id, which nobody deletes until this transaction has ended. Whoever writes down what hangs from a client asks
/// for it so, before anything else: whoever deletes it holds it first too, so that no two wait for each other. The answer comes with
/// that to what is asked after it ([`in_use`]).
///
/// # Errors
/// When the database refuses.
pub fn find_in_use(tx: &mut Tx, id: &str) -> store::Result<Later<Option<ClientRow>>> {
    store::clients::find_in_use(tx, id)
}

/// What [`find_in_use`] has found.
///
/// # Errors
/// When it is gone.
pub fn in_use(found: Later<Option<ClientRow>>) -> store::Result<ClientRow> {
    found.answer()?.ok_or(store::Error::Orphan { query: "clients::FIND_IN_USE" })
}

/// The client of this id as it stays until this transaction has changed it.
///
/// # Errors
/// When the database refuses.
pub async fn find_to_change(tx: &mut Tx, id: &str) -> Result<Option<Client>, store::Error> {
    if find(tx, id).await?.is_none() {
        return Ok(None);
    }
    store::clients::lock(tx, id).await?;
    find(tx, id).await
}

/// At most `limit` clients whose ids come after `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<Client>, store::Error> {
    store::clients::list(conn, after, limit).await?.into_iter().map(Client::from_row).collect()
}

/// Replaces a client's metadata. A client that now needs a secret, or another kind of one, needs [`rotate_secret`] next; one that
/// needs none any more has none.
///
/// # Errors
/// When the metadata is not allowed, there is no such client, or the database refuses.
pub async fn set(conn: &mut Conn, id: &str, metadata: &Metadata, now: i64) -> Result<(), Error> {
    metadata.validate()?;
    if !store::clients::set_metadata(conn, id, &to_json(metadata)?, now).await? {
        return Err(Error::Unknown(id.to_owned()));
    }
    publish_keys(conn, metadata).await?;
    if !metadata.token_endpoint_auth_method.needs_secret() {
        store::clients::set_secrets(conn, id, SecretsRow::default(), now).await?;
    }
    Ok(())
}

/// Replaces what a client has registered about itself, in the name of its registration access token (RFC 7592 §2.2). Its secret
/// stays, unless it needs another kind of one, or none: then the answer holds the new one. Nothing when the token is no
/// longer that of the client.
///
/// # Errors
/// When the metadata is not allowed, or the database refuses.
pub async fn replace(
    conn: &mut Conn,
    vault: &Vault,
    client: &Client,
    metadata: Metadata,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<Option<Registered>, Error> {
    metadata.validate()?;
    let method = metadata.token_endpoint_auth_method;
    let stays = method.needs_secret() && client.has_secret_for(method);
    let secret = (method.needs_secret() && !stays).then(|| Token::generate(rng));
    let kept = if stays {
        let sealed = client.secret_sealed.clone().filter(|_| method == AuthMethod::ClientSecretJwt);
        KeptSecret { hash: client.secret_hash.clone(), sealed }
    } else {
        KeptSecret::of(secret.as_ref(), &metadata, vault, &client.id, rng)?
    };
    let Some(token_hash) = &client.registration_token_hash else { return Ok(None) };
    let json = to_json(&metadata)?;
    let with = Replacement {
        metadata: &json,
        secret_hash: kept.hash.as_deref(),
        secret_sealed: kept.sealed.as_deref(),
    };
    if !registrations::replace(conn, &client.id, token_hash, with, now).await? {
        return Ok(None);
    }
    publish_keys(conn, &metadata).await?;
    let old_secret = client.old_secret.clone().filter(|_| stays);
    let client =
        Client { secret_hash: kept.hash, secret_sealed: kept.sealed, old_secret, metadata, ..client.clone() };
    Ok(Some(Registered { client, secret }))
}

/// Deletes a client, its grants and its tokens.
///
/// # Errors
/// When there is no such client, or the database refuses.
pub async fn delete(conn: &mut Conn, id: &str) -> Result<(), Error> {
    if store::clients::delete(conn, id).await? { Ok(()) } else { Err(Error::Unknown(id.to_owned())) }
}

impl Client {
    /// One that is in no database, such as our own console.
    #[must_use]
    pub fn unregistered(id: &str, metadata: Metadata) -> Self {
        Self {
            id: id.to_owned(),
            secret_hash: None,
            secret_sealed: None,
            old_secret: None,
            registration_token_hash: None,
            metadata,
            created_at: 0,
        }
    }

    fn from_row(row: ClientRow) -> Result<Self, store::Error> {
        let bad = |_| store::Error::BadRow { table: "clients", column: "metadata", row: row.id.clone() };
        let metadata = serde_json::from_str(&row.metadata).map_err(bad)?;
        Ok(Self {
            old_secret: OldSecret::of(&row),
            id: row.id,
            secret_hash: row.secret_hash,
            secret_sealed: row.secret_sealed,
            registration_token_hash: row.registration_token_hash,
            metadata,
            created_at: row.created_at,
        })
    }

    /// On whose behalf requests to its addresses are made: nobody here has looked at one that has registered itself.
    #[must_use]
    pub fn party(&self) -> For {
        if self.registration_token_hash.is_some() { For::Stranger } else { For::Known }
    }

    /// As what it is counted.
    #[must_use]
    pub fn counted(&self) -> App<'_> {
        match self.party() {
            For::Stranger => App::SelfRegistered,
            For::Known => App::Registered(&self.id),
        }
    }
}

/// Lets keys be published for what the client wants signed, before anything is.
async fn publish_keys(conn: &mut Conn, metadata: &Metadata) -> store::Result<()> {
    for algorithm in metadata.signing_algorithms() {
        publish_for(conn, algorithm).await?;
    }
    Ok(())
}

fn to_json(metadata: &Metadata) -> Result<String, Invalid> {
    serde_json::to_string(metadata)
        .map_err(|_| Invalid::Field { field: "metadata", reason: "cannot be written as JSON" })
}
