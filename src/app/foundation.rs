//! Is there a provider here, and which commands may make one?

use anyhow::Context as _;

use crate::config::Config;
use crate::keys::secret::entropy;
use crate::keys::{KeyError, Vault, VaultError, claim};
use crate::store::{Db, Error, Options, SchemaState};

/// How the database of these settings is opened.
#[must_use]
pub fn options(config: &Config) -> Options {
    Options { url: config.database.url.clone(), max_connections: config.database.max_connections }
}

/// Makes what is not there: the database, its schema as this program knows it, and a master key; the last only where no other has
/// sealed the database. None is answered where that one is not here.
///
/// # Errors
/// When one of them cannot be made, or the master key is another one.
pub async fn establish(config: &Config) -> anyhow::Result<(Db, Option<Vault>)> {
    let db = Db::open_or_make(&options(config)).await?;
    db.migrate().await?;
    let mut conn = db.read().await?;
    let vault = if claim::is_sealed(&mut conn).await? {
        match Vault::open(&config.keys.dir) {
            Err(VaultError::Missing { .. }) => None,
            opened => Some(opened?),
        }
    } else {
        Some(Vault::open_or_create(&config.keys.dir, &mut entropy())?)
    };
    if let Some(vault) = &vault {
        claim::look(&mut conn, vault).await?;
    }
    drop(conn);
    Ok((db, vault))
}

/// Opens the database of a provider that is there, with a schema on which this program runs.
///
/// # Errors
/// When there is none, it does not answer, or its schema is another one.
pub async fn open_database(config: &Config) -> anyhow::Result<Db> {
    let (db, missing) = provider(config).await?;
    match missing {
        0 => Ok(db),
        missing => Err(Error::OlderSchema { missing }.into()),
    }
}

/// The database and the master key of a provider that is there. The schema is brought up to date where the settings allow it.
///
/// # Errors
/// When there is none, the database does not answer, its schema is another one, or the master key is not the one that sealed it.
pub(super) async fn open_to_serve(config: &Config) -> anyhow::Result<(Db, Vault)> {
    let (db, missing) = provider(config).await?;
    let vault = Vault::open(&config.keys.dir)?;
    if missing > 0 {
        if !config.database.migrate {
            return Err(Error::OlderSchema { missing }).context("database.migrate is false");
        }
        db.migrate().await?;
    }
    claim::settle(&db, &vault).await?;
    Ok((db, vault))
}

/// The master key of a provider that is there.
///
/// # Errors
/// When it is not here, or is not the one that sealed the database.
pub async fn open_vault(config: &Config, db: &Db) -> Result<Vault, KeyError> {
    let vault = Vault::open(&config.keys.dir)?;
    claim::settle(db, &vault).await?;
    Ok(vault)
}

/// The database of a provider, and how many migrations it lacks.
async fn provider(config: &Config) -> anyhow::Result<(Db, usize)> {
    let options = options(config);
    let db = Db::open(&options).await?;
    match db.schema_state().await? {
        SchemaState::Empty => Err(Error::NoProvider { place: options.place() }.into()),
        SchemaState::Behind(missing) => Ok((db, missing)),
        SchemaState::Current => Ok((db, 0)),
        SchemaState::Ahead(version) => {
            tracing::info!(version, "the schema is newer than this program, which runs on it");
            Ok((db, 0))
        }
    }
}
