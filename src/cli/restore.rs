//! `restore FILE`: a provider out of a backup; and `restore --check FILE`: is it good?

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use super::Operator;
use super::backup::PIPE;
use super::bar::Bar;
use super::input::{self, Passphrase};
use crate::app::options;
use crate::backup::check::{self, Report};
use crate::backup::{self, Contents, Head, Header, Lock, Secret, restore};
use crate::clock::timestamp;
use crate::keys::Vault;
use crate::keys::secret::entropy;
use crate::store::{self, Db, Options, SchemaState};

/// The settings of `restore`.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup; `-` is standard input.
    file: PathBuf,
    /// Touch nothing: say what is in the backup, and whether all of it is good.
    #[arg(long)]
    check: bool,
    /// With --check: print as JSON.
    #[arg(long, requires = "check")]
    json: bool,
    #[command(flatten)]
    passphrase: Passphrase,
}

/// What is read, while a bar says how far that has come.
struct Watched {
    from: Box<dyn Read>,
    bar: Bar,
    read: u64,
    size: u64,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.read += read as u64;
        if self.size > 0 {
            self.bar.draw(self.read, self.size);
        }
        Ok(read)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.bar.clear();
    }
}

impl Restore {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<ExitCode> {
        let named = || self.file.display().to_string();
        let mut from = self.open().with_context(named)?;
        let header = Header::read(&mut from).with_context(named)?;
        let vault = match header.lock {
            Lock::Passphrase(_) => None,
            Lock::Master => Some(self.master_key(operator)?),
        };
        let passphrase = match &vault {
            None => Some(self.passphrase.known(self.file.as_os_str() == PIPE)?),
            Some(_) => None,
        };
        let secret = match (&vault, &passphrase) {
            (Some(vault), _) => Secret::Master(vault),
            (None, Some(text)) => Secret::Passphrase(text),
            (None, None) => bail!("there is nothing to open the backup with"),
        };
        let contents = Contents::open(from, &header, secret).with_context(named)?;
        let inside = contents.head.master_key.as_ref().map(|key| Vault::parse(&key.0));
        let vault = match (inside, &vault) {
            (Some(Some(inside)), _) => inside,
            (None, Some(vault)) => vault.clone(),
            _ => bail!("{}: there is no master key in it: take another backup", self.file.display()),
        };
        if self.check {
            let report = check::check(contents, &vault, &std::env::temp_dir()).await.with_context(named)?;
            return tell(&report, self.json);
        }
        let place = Place::empty(operator).await?;
        let contents = if self.file.as_os_str() == PIPE {
            contents
        } else {
            // Before anything is made it is seen to be whole.
            contents.read_through().with_context(named)?;
            let mut again = self.open()?;
            let header = Header::read(&mut again)?;
            Contents::open(again, &header, secret)?
        };
        self.restore(operator, place, contents, &vault).await?;
        Ok(ExitCode::SUCCESS)
    }

    fn open(&self) -> io::Result<Watched> {
        let (from, size): (Box<dyn Read>, u64) = if self.file.as_os_str() == PIPE {
            (Box::new(io::stdin().lock()), 0)
        } else {
            let file = File::open(&self.file)?;
            let size = file.metadata()?.len();
            (Box::new(BufReader::new(file)), size)
        };
        let bar = Bar::new(if self.check { "checking" } else { "restoring" });
        Ok(Watched { from, bar, read: 0, size })
    }

    fn master_key(&self, operator: &Operator) -> anyhow::Result<Vault> {
        Vault::open(&operator.config.keys.dir).with_context(|| {
            format!(
                "{} is sealed by the master key of its provider, which is not inside",
                self.file.display()
            )
        })
    }

    async fn restore(
        &self,
        operator: &Operator,
        place: Place,
        contents: Contents<Watched>,
        vault: &Vault,
    ) -> anyhow::Result<()> {
        let db = Db::open_or_make(&place.0).await?;
        vault.place(&operator.config.keys.dir, &mut entropy())?;
        let head = contents.head.clone();
        let done = restore::restore(contents, &db, vault, operator.clock.now_ms()).await;
        db.close().await;
        let rows = done.with_context(|| self.file.display().to_string())?;
        println!("Restored {rows} rows into {}.", place.0.place());
        told(&head, operator);
        Ok(())
    }
}

/// Where there is room for a provider.
struct Place(Options);

impl Place {
    /// Looks whether there is, and makes nothing.
    async fn empty(operator: &Operator) -> anyhow::Result<Self> {
        let options = options(&operator.config);
        let db = match Db::open(&options).await {
            Ok(db) => db,
            Err(store::Error::NoProvider { .. }) => return Ok(Self(options)),
            Err(e) => return Err(e.into()),
        };
        if db.schema_state().await? != SchemaState::Empty {
            let place = options.place();
            let remedy = if options.url.starts_with("sqlite:") {
                format!(
                    "stop `serve`, and move {place} (with {place}-wal and {place}-shm, where they are) away, or name another file in [database] url"
                )
            } else {
                "make an empty database (`createdb NAME`), and name that in [database] url".to_owned()
            };
            return Err(backup::Error::NotEmpty { place, remedy }.into());
        }
        db.close().await;
        Ok(Self(options))
    }
}

/// What a restore means.
fn told(head: &Head, operator: &Operator) {
    let made = timestamp(head.made_at);
    println!(
        "Everything is as it was at {made}. Who was in the middle of a sign-in begins anew; what has been ended, revoked, changed or \
         deleted since then is as it was before: sessions, tokens, passwords, rights, secrets of apps."
    );
    println!(
        "After a move, in which nothing has happened since, there is nothing to do. After a disaster, before `serve`:"
    );
    println!("  countersign session end --all      ends every session");
    println!("  countersign grant revoke --all     takes back all access of apps");
    let issuer = &operator.config.issuer;
    if *issuer != head.issuer {
        println!(
            "The settings say issuer = {issuer:?}, and the backup is of {:?}: apps know that one.",
            head.issuer
        );
    }
    println!("Next: countersign check, and countersign serve");
}

fn tell(report: &Report, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        input::print_json(report)?;
    } else {
        let Report { countersign, database, schema, issuer, .. } = report;
        println!(
            "Made at {} by countersign {countersign}, from {database}, schema version {schema}, of {issuer}.",
            timestamp(report.made_at)
        );
        println!("The master key is {}inside.", if report.keys_inside { "" } else { "not " });
        for (table, rows) in &report.tables {
            println!("{table:<24} {rows:>10}");
        }
        println!(
            "{} events of the audit log are chained; {} keys and secrets open.",
            report.chained, report.opened
        );
        for fault in &report.faults {
            println!("FAIL {fault}");
        }
        println!(
            "{}",
            if report.faults.is_empty() { "The backup is good." } else { "The backup is not good." }
        );
    }
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
