//! `import`: an organisation moves in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::bar::Bar;
use super::import_told::{table, tell};
use super::user::{inviter, send};
use super::{Operator, input};
use crate::directory::{By, Passwords, people};
use crate::moving::apply::{Done, Mover};
use crate::moving::csv::{self, Defaults};
use crate::moving::file::{Contents, Progress};
use crate::moving::here::{self, Here};
use crate::moving::plan::plan;
use crate::moving::source::Source;
use crate::moving::{self, authelia, jsonl, keycloak, timetracker};
use crate::store::{self, Db};

/// How often a bar is drawn.
const TICK: Duration = Duration::from_millis(200);

/// From where.
#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// From Time Tracker: a mysqldump of its database, or the XML of its export page; plain, gz or bz2.
    Timetracker {
        /// The file.
        file: PathBuf,
        /// Which database of a dump that holds several.
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
        /// Let those who administer the whole site there do so here.
        #[arg(long)]
        site_administrators: bool,
        #[command(flatten)]
        how: How,
    },
    /// From a table with headings, as Excel, Google Workspace and Entra write it: login, email, name, group, role, status, hashes of passwords and more.
    Csv {
        /// The file.
        file: PathBuf,
        /// The group of those of whom the table does not say it.
        #[arg(long, value_name = "PATH")]
        group: Option<String>,
        /// Their role [default: the lowest].
        #[arg(long, value_name = "NAME")]
        role: Option<String>,
        /// Add the groups that are not here.
        #[arg(long)]
        add_groups: bool,
        #[command(flatten)]
        how: How,
    },
    /// From a realm of Keycloak's: a file of `kc.sh export`, or the folder that it makes of a large one.
    Keycloak {
        /// The file or the folder.
        path: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// From Authelia's file of users, and the apps of its configuration.
    Authelia {
        /// The file of users (`users_database.yml`).
        file: PathBuf,
        /// The configuration, for its apps.
        #[arg(long, value_name = "FILE")]
        configuration: Option<PathBuf>,
        /// The group that everybody comes to.
        #[arg(long, value_name = "PATH")]
        group: String,
        /// Their role [default: the lowest].
        #[arg(long, value_name = "NAME")]
        role: Option<String>,
        #[command(flatten)]
        how: How,
    },
    /// From lines of JSON, as `export` writes them and docs/moving.schema.json describes them.
    Jsonl {
        /// The file.
        file: PathBuf,
        /// Let those who administer the whole site there do so here.
        #[arg(long)]
        site_administrators: bool,
        #[command(flatten)]
        how: How,
    },
}

/// What all imports have in common.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct How {
    /// Say what would happen, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Mail those who come without a password a link to choose one.
    #[arg(long)]
    invite: bool,
    /// By which name to remember what has come from here, where there are several sources of one kind.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
    /// With --dry-run: print a table for a spreadsheet, a line for everybody, what would happen and whether they would be locked out.
    #[arg(long, requires = "dry_run", conflicts_with = "json")]
    table: bool,
}

impl Import {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        match self {
            Self::Timetracker { file, database, site_administrators, how } => {
                let read = move |contents: Contents| timetracker::read(contents, database.as_deref());
                let mut source = read_file(&file, read).await?;
                if !site_administrators {
                    source.leave_site_administrators();
                }
                how.carry_out(operator, "timetracker", source).await
            }
            Self::Csv { file, group, role, add_groups, how } => {
                let defaults = Defaults { group, role, add_groups };
                let source = read_file(&file, move |contents| csv::read(contents, &defaults)).await?;
                how.carry_out(operator, "csv", source).await
            }
            Self::Keycloak { path, how } => {
                let source = watched(&path, keycloak::read).await?;
                how.carry_out(operator, "keycloak", source).await
            }
            Self::Authelia { file, configuration, group, role, how } => {
                let defaults = Defaults { group: Some(group), role, add_groups: false };
                let mut source =
                    read_file(&file, move |contents| authelia::read(contents, &defaults)).await?;
                if let Some(file) = configuration {
                    let with_apps =
                        move |contents: Contents| authelia::apps(contents, &mut source).map(|()| source);
                    source = read_file(&file, with_apps).await?;
                }
                how.carry_out(operator, "authelia", source).await
            }
            Self::Jsonl { file, site_administrators, how } => {
                let mut source = read_file(&file, jsonl::read).await?;
                if !site_administrators {
                    source.leave_site_administrators();
                }
                how.carry_out(operator, "jsonl", source).await
            }
        }
    }
}

/// Reads a file.
async fn read_file(
    path: &Path,
    read: impl FnOnce(Contents) -> Result<Source, moving::Error> + Send + 'static,
) -> anyhow::Result<Source> {
    watched(path, move |file, progress| read(Contents::open(file, progress)?)).await
}

/// Reads what is at a path on a thread of its own, and shows how far it has come.
async fn watched(
    path: &Path,
    read: impl FnOnce(&Path, &Progress) -> Result<Source, moving::Error> + Send + 'static,
) -> anyhow::Result<Source> {
    let (progress, file) = (Progress::default(), path.to_owned());
    let mut reading = {
        let progress = progress.clone();
        tokio::task::spawn_blocking(move || read(&file, &progress))
    };
    let (mut bar, mut tick) = (Bar::new("reading"), tokio::time::interval(TICK));
    let source = loop {
        tokio::select! {
            read = &mut reading => break read.context("the file was not read to its end")?,
            _ = tick.tick() => {
                let (done, all) = progress.so_far();
                bar.draw(done, all);
            }
        }
    };
    bar.clear();
    source.with_context(|| path.display().to_string())
}

impl How {
    async fn carry_out(self, operator: &Operator, kind: &str, source: Source) -> anyhow::Result<()> {
        let name = self.name.as_deref().unwrap_or(kind);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let passwords = Passwords::new(cores, cores);
        let db = self.database(operator).await?;
        let here = match &db {
            Some(db) => here::look(db, name, &source, &passwords).await?,
            None => Here::default(),
        };
        let plan = plan(source, &here);
        let summary = plan.summary();
        if self.table {
            table(&plan);
            return Ok(());
        }
        let Some(db) = db.filter(|_| !self.dry_run) else {
            if self.json {
                return input::print_json(&summary);
            }
            tell(&summary, true);
            return Ok(());
        };
        if !self.json {
            tell(&summary, false);
        }
        let by = By::operator(operator.clock.now_ms());
        let vault = operator.vault(&db).await?;
        let mover =
            Mover { db: &db, passwords: &passwords, at_once: cores, vault: Some(&vault), source: name, by };
        let mut bar = Bar::new("importing");
        let done = mover.apply(plan, |done, all| bar.draw(done as u64, all as u64)).await?;
        bar.clear();
        let mailed = if self.invite { Some(invite(operator, &db, &done).await?) } else { None };
        if self.json {
            let mut value = serde_json::to_value(&summary)?;
            if let Some(map) = value.as_object_mut() {
                map.insert("refused".to_owned(), serde_json::to_value(&done.refused)?);
                map.insert("mailed".to_owned(), serde_json::to_value(mailed)?);
            }
            return input::print_json(&value);
        }
        for (login, why) in &done.refused {
            println!("{login} has not come: {why}");
        }
        if let Some(mailed) = mailed {
            println!("A link to choose a password was mailed to {mailed} of {}.", done.invited.len());
        }
        println!("Done. Running it again does nothing twice.");
        Ok(())
    }

    /// The database; made where there is none, but not for a look.
    async fn database(&self, operator: &Operator) -> anyhow::Result<Option<Db>> {
        if !self.dry_run {
            return Ok(Some(operator.establish().await?.0));
        }
        match operator.db().await {
            Ok(db) => Ok(Some(db)),
            Err(error) if matches!(error.downcast_ref(), Some(store::Error::NoProvider { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Mails links to those who have come without a password; answers to how many one has gone.
async fn invite(operator: &Operator, db: &Db, done: &Done) -> anyhow::Result<usize> {
    let (inviter, by) = (inviter(operator, db, true).await?, By::operator(operator.clock.now_ms()));
    let (mut bar, mut mailed) = (Bar::new("inviting"), 0);
    for (at, id) in done.invited.iter().enumerate() {
        let mut tx = db.write().await?;
        let Some(person) = people::find(&mut tx, id).await? else { continue };
        if person.deliverable_address().is_none() {
            continue;
        }
        let issued = inviter.issue(&mut tx, &person, &by).await?;
        tx.commit().await?;
        mailed += usize::from(send(issued, operator, db).await?.is_mailed());
        bar.draw(at as u64, done.invited.len() as u64);
    }
    bar.clear();
    Ok(mailed)
}
