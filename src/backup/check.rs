//! Is this backup good? It is read into a database that is thrown away, and everything looked at that a provider would stand on.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Result;
use super::lines::{Contents, Head};
use super::restore::{Loaded, load};
use crate::audit::chain;
use crate::keys::secret::{entropy, new_id};
use crate::keys::{Vault, claim};
use crate::mail::settings;
use crate::oidc::clients;
use crate::store::{Conn, Db, Options, Tx};

/// Apps that are looked at at once.
const PAGE: i64 = 500;

/// What is in a backup, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// When it was made, in seconds since 1970.
    pub made_at: i64,
    /// By which version of the program.
    pub countersign: String,
    /// From which kind of database.
    pub database: String,
    /// Its newest migration.
    pub schema: i64,
    /// Of which provider.
    pub issuer: String,
    /// Whether the master key is inside.
    pub keys_inside: bool,
    /// How many rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// How many events of the audit log are chained.
    pub chained: i64,
    /// How many signing keys, secrets of apps and mail settings the master key opens.
    pub opened: usize,
    /// What is wrong.
    pub faults: Vec<String>,
}

/// A folder that nobody else can look into, and that is gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(within: &Path) -> std::io::Result<Self> {
        let path = within.join(format!("countersign-check-{}", new_id(&mut entropy())));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Reads a backup to its end into a database within this folder, which is gone afterwards.
///
/// # Errors
/// When it cannot be read to its end. What is wrong with what it holds is in the report.
pub async fn check<R: Read>(contents: Contents<R>, vault: &Vault, within: &Path) -> Result<Report> {
    let scratch = Scratch::new(within)?;
    // In an address such a sign would end the file's name.
    let file = scratch.0.join("backup.db").display().to_string().replace('%', "%25").replace('?', "%3F");
    let options = Options { url: format!("sqlite:{file}"), max_connections: 1 };
    let db = Db::open_or_make(&options).await?;
    let head = contents.head.clone();
    let report = examine(load(contents, &db).await?, head, vault).await;
    db.close().await;
    report
}

async fn examine(loaded: Loaded, head: Head, vault: &Vault) -> Result<Report> {
    let Loaded { mut tx, tables, broken } = loaded;
    let mut faults: Vec<String> = broken
        .iter()
        .map(|broken| {
            format!("{} rows of {} refer to {} that are not there", broken.rows, broken.name, broken.parent)
        })
        .collect();
    let mut report = Report {
        made_at: head.made_at,
        schema: head.schema(),
        countersign: head.countersign,
        database: head.database,
        issuer: head.issuer,
        keys_inside: head.master_key.is_some(),
        tables,
        chained: 0,
        opened: 0,
        faults: Vec::new(),
    };
    // Without whole references the schema is not that of today, and there is nothing to ask of it.
    if faults.is_empty() {
        look(&mut tx, vault, &mut report, &mut faults).await?;
    }
    report.faults = faults;
    Ok(report)
}

async fn look(tx: &mut Tx, vault: &Vault, report: &mut Report, faults: &mut Vec<String>) -> Result<()> {
    let conn: &mut Conn = tx;
    let chained = chain::verify(conn, vault, None).await?;
    report.chained = (chained.upto + 1 - chained.from).max(0);
    if let Some(broken) = chained.broken {
        faults.push(format!("the chain of the audit log is broken ({broken:?}): see `countersign audit verify` where the backup was made"));
    }
    if let Err(e) = claim::look(conn, vault).await {
        faults.push(e.to_string());
    }
    match claim::signing_keys_open(conn, vault).await {
        Ok(number) => report.opened += number,
        Err(e) => faults.push(format!("signing keys: {e}")),
    }
    match settings::saved(conn, vault).await {
        Ok(saved) => report.opened += usize::from(saved.is_some()),
        Err(e) => faults.push(format!("mail settings: {e}")),
    }
    let mut after = String::new();
    loop {
        let page = match clients::list(conn, &after, PAGE).await {
            Ok(page) => page,
            Err(e) => {
                faults.push(format!("apps: {e}"));
                return Ok(());
            }
        };
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for client in &page {
            match client.known_secrets(vault, report.made_at) {
                Ok(known) => report.opened += known.len(),
                Err(_) => faults.push(format!("the secret of app {} does not open", client.id)),
            }
        }
    }
}
