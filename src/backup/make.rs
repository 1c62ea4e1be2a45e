//! How is a backup made? One snapshot is read, table by table, and goes out as it comes.

use std::io::Write;

use serde_json::Value;

use super::header::Secret;
use super::lines::{Head, Mark, MasterKey, Writer, fitting};
use super::{Error, Header, Lock, Result};
use crate::keys::Vault;
use crate::keys::secret::{entropy, hex};
use crate::store::copy::{self, Fate, Rows, TABLES};
use crate::store::{Conn, Db, SchemaState, migrated};

/// The table of the migrations that have run: those are told in the head.
const MIGRATIONS: &str = "_sqlx_migrations";

/// What is to be made.
#[derive(Debug)]
pub struct Order<'o> {
    /// The database.
    pub db: &'o Db,
    /// Its master key.
    pub vault: &'o Vault,
    /// Whose it is.
    pub issuer: &'o str,
    /// When, in seconds since 1970.
    pub now: i64,
    /// What opens it.
    pub lock: Lock,
    /// The passphrase or the master key that it is locked with.
    pub secret: Secret<'o>,
}

impl Order<'_> {
    /// Makes the backup, and tells after every few hundred rows which table it is at and how many rows are done. Answers where it was
    /// written to, and how many rows there are.
    ///
    /// # Errors
    /// When the database refuses, or nothing can be written.
    pub async fn carry_out<W: Write>(&self, to: W, mut progress: impl FnMut(&str, u64)) -> Result<(W, u64)> {
        let unknown = match self.db.schema_state().await? {
            SchemaState::Current => None,
            // What has gone since is taken along as it is: a migration makes something else of it.
            SchemaState::Behind(_) => Some(Fate::Whole),
            SchemaState::Ahead(version) => return Err(Error::Ahead(version)),
            SchemaState::Empty => {
                return Err(crate::store::Error::NoProvider { place: "the database".to_owned() }.into());
            }
        };
        let mut conn = self.db.snapshot().await?;
        let header = Header::new(self.lock, &mut entropy());
        let mut writer = Writer::new(to, &header, self.secret)?;
        writer.line(&Mark::Head(self.head(&mut conn).await?))?;
        let mut all = 0;
        for table in copy::tables(&mut conn).await? {
            let known = TABLES.iter().find(|(name, _)| *name == table.name).map(|(_, fate)| *fate);
            let fate = known.or_else(|| unknown.filter(|_| table.name != MIGRATIONS));
            let Some(fate @ (Fate::Whole | Fate::Where(_))) = fate else { continue };
            writer.line(&Mark::of(&table))?;
            let mut rows = 0_u64;
            let mut pages = Rows::of(&mut conn, &table, fate).await?;
            loop {
                let page = pages.page().await?;
                if page.is_empty() {
                    break;
                }
                for row in &page {
                    let values: Vec<Value> = serde_json::from_str(row).map_err(std::io::Error::from)?;
                    writer.line(&fitting(values, &table)?)?;
                }
                rows += page.len() as u64;
                progress(&table.name, all + rows);
            }
            writer.line(&Mark::Rows(rows))?;
            all += rows;
        }
        writer.line(&Mark::End(all))?;
        Ok((writer.finish()?, all))
    }

    async fn head(&self, conn: &mut Conn) -> Result<Head> {
        let migrations = migrated(conn).await?.into_iter();
        Ok(Head {
            made_at: self.now,
            countersign: env!("CARGO_PKG_VERSION").to_owned(),
            database: copy::kind(conn).to_owned(),
            issuer: self.issuer.to_owned(),
            migrations: migrations.map(|one| (one.version, hex(&one.checksum))).collect(),
            master_key: matches!(self.lock, Lock::Passphrase(_)).then(|| MasterKey(self.vault.reveal())),
        })
    }
}
