//! `backup FILE`: everything in one encrypted file, while the provider runs.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, ErrorKind, IsTerminal as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::Operator;
use super::bar::Bar;
use super::input::Passphrase;
use crate::audit::{Actor, Event};
use crate::backup::make::Order;
use crate::backup::{Cost, Lock, Secret};
use crate::keys::secret::entropy;

/// What stands for standard output, or input.
pub(super) const PIPE: &str = "-";

/// The settings of `backup`.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Where to; `-` is standard output.
    file: PathBuf,
    /// Put the master key inside, and seal the backup by a passphrase instead: it is everything then, and needs nothing else.
    #[arg(long)]
    with_keys: bool,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    passphrase: Passphrase,
}

impl Backup {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        if !self.with_keys && self.passphrase.is_given() {
            bail!(
                "a passphrase seals a backup with its keys: add --with-keys, or leave it out, and the master key seals it"
            );
        }
        let to_pipe = self.file.as_os_str() == PIPE;
        if to_pipe && io::stdout().is_terminal() {
            bail!("standard output is a terminal: name a file, or send it on (`countersign backup - | …`)");
        }
        if !to_pipe && !self.force && self.file.exists() {
            bail!("{}", there_already(&self.file));
        }
        let db = operator.db().await?;
        let vault = operator.vault(&db).await?;
        let passphrase = if self.with_keys { Some(self.passphrase.chosen()?) } else { None };
        let (lock, secret) = match &passphrase {
            Some(text) => (Lock::Passphrase(Cost::USUAL), Secret::Passphrase(text)),
            None => (Lock::Master, Secret::Master(&vault)),
        };
        let now = operator.clock.now();
        let draft = if to_pipe { None } else { Some(Draft::beside(&self.file)?) };
        // Before anything leaves: whoever cuts this off may have most of it by then.
        let mut tx = db.write().await?;
        let event = Event::new("backup.begun", Actor::Operator)
            .detail("to", if to_pipe { "standard output" } else { "a file" })
            .detail("with_keys", self.with_keys);
        event.record(&mut tx, operator.clock.now_ms(), &mut entropy()).await?;
        tx.commit().await?;
        let order = Order { db: &db, vault: &vault, issuer: &operator.config.issuer, now, lock, secret };
        let mut bar = Bar::new("backing up");
        let rows = if let Some(draft) = draft {
            let (file, rows) = order
                .carry_out(BufWriter::new(&draft.file), |table, rows| bar.count(rows, table))
                .await
                .with_context(|| self.file.display().to_string())?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?;
            draft.finish(&self.file, self.force)?;
            rows
        } else {
            order.carry_out(io::stdout().lock(), |table, rows| bar.count(rows, table)).await?.1
        };
        bar.clear();
        db.close().await;
        let told = self.told(rows, operator);
        if to_pipe {
            eprint!("{told}");
        } else {
            print!("{told}");
        }
        Ok(())
    }

    fn told(&self, rows: u64, operator: &Operator) -> String {
        let keys = operator.config.keys.dir.join("master.key");
        let opens = if self.with_keys {
            "The master key is inside; the passphrase alone opens it.".to_owned()
        } else {
            format!("Only {} opens it, which is not inside: keep a copy of that elsewhere.", keys.display())
        };
        format!("Wrote {rows} rows to {}. {opens}\n", self.file.display())
    }
}

fn there_already(file: &Path) -> String {
    format!("{} is there already: name another file, or add --force to write over it", file.display())
}

/// A file beside the one that is wanted, until it is whole.
struct Draft {
    file: File,
    path: PathBuf,
    /// What a run before has left, held so that no other takes its place for free.
    _left: Option<File>,
}

impl Draft {
    fn beside(wanted: &Path) -> anyhow::Result<Self> {
        let name = wanted.file_name().with_context(|| format!("{} names no file", wanted.display()))?;
        let mut name = name.to_owned();
        name.push(".part");
        let path = wanted.with_file_name(name);
        let failed = || path.display().to_string();
        let (left, made) = match make(&path) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                let left = File::open(&path).with_context(failed)?;
                lock(&left, &path)?;
                std::fs::remove_file(&path).with_context(failed)?;
                (Some(left), make(&path))
            }
            made => (None, made),
        };
        let file = made.with_context(failed)?;
        lock(&file, &path)?;
        Ok(Self { file, path, _left: left })
    }

    /// Puts it where it is wanted, whole and on the disk.
    fn finish(self, wanted: &Path, force: bool) -> anyhow::Result<()> {
        self.file.sync_all()?;
        if force {
            std::fs::rename(&self.path, wanted)?;
        } else {
            match std::fs::hard_link(&self.path, wanted) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => bail!("{}", there_already(wanted)),
                // Not every file system has them.
                Err(_) if !wanted.exists() => std::fs::rename(&self.path, wanted)?,
                linked => linked?,
            }
        }
        let folder = wanted.parent().filter(|folder| *folder != Path::new(""));
        Ok(File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn lock(file: &File, path: &Path) -> anyhow::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            bail!("another backup is writing {}: wait for it, or name another file", path.display())
        }
        // Not every file system has locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}
