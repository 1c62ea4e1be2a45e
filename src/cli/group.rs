//! `group add|set|list|show|delete`.

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::page::Page;
use super::{Operator, input};
use crate::directory::groups::{self, Changes};
use crate::directory::{By, TwoFactor, rights};
use crate::keys::secret::entropy;
use crate::signin::preview::{self, Consent, Objection, Preview, Ruling};
use crate::signin::rehearsal::{self, Outcome};
use crate::store::groups::GroupRow;
use crate::store::{Conn, Db, users};

/// What can be done with groups.
#[derive(Debug, Subcommand)]
pub(super) enum Group {
    /// Add a group, with the default roles if it stands at the top.
    Add {
        /// Its name.
        name: String,
        /// The group that it is part of.
        #[arg(long, value_name = "PATH")]
        parent: Option<String>,
        /// The language of its mails.
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
        /// Whether its people are asked for a code by email; else as in the group that it is part of.
        #[arg(long, value_name = "off|rehearse|on")]
        two_factor: Option<Setting>,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change a group.
    Set {
        /// Its path, such as Acme/Design.
        path: String,
        /// Whether its people are asked for a code by email: with `rehearse` one is sent and asked for, and whoever has none goes on
        /// without.
        #[arg(long, value_name = "off|rehearse|on")]
        two_factor: Option<Setting>,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// The language of its mails.
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
        /// Vouch for the addresses of this domain: apps are told that they belong to the people of this group and those below it
        /// (`email_verified`); may be repeated, and replaces those before. An empty one takes them back.
        #[arg(long, value_name = "DOMAIN")]
        vouch_domain: Vec<String>,
        /// Switch two-factor on although somebody could no longer sign in.
        #[arg(long)]
        yes: bool,
    },
    /// List groups, each by its path.
    List {
        #[command(flatten)]
        page: Page,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show one group.
    Show {
        /// Its path.
        path: String,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete a group that nobody is in, and no other group; a top-level one with its roles.
    Delete {
        /// Its path.
        path: String,
    },
}

/// [`TwoFactor`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Setting {
    /// Nobody is.
    Off,
    /// They are, and may go on without.
    Rehearse,
    /// They are.
    On,
}

impl From<Setting> for TwoFactor {
    fn from(setting: Setting) -> Self {
        match setting {
            Setting::Off => Self::Off,
            Setting::Rehearse => Self::Rehearse,
            Setting::On => Self::On,
        }
    }
}

impl Group {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        match self {
            Self::Add { name, parent, language, two_factor, json } => {
                let two_factor = two_factor.map(TwoFactor::from);
                add(operator, &name, parent.as_deref(), language.as_deref(), two_factor, json).await
            }
            Self::Set { path, two_factor, name, language, vouch_domain, yes } => {
                let given = !vouch_domain.is_empty();
                let domains = vouch_domain.into_iter().filter(|domain| !domain.is_empty()).collect();
                let vouched_domains = given.then_some(domains);
                let two_factor = two_factor.map(TwoFactor::from);
                set(operator, &path, Changes { name, language, two_factor, vouched_domains }, yes).await
            }
            Self::List { page, json } => list(operator, &page, json).await,
            Self::Show { path, json } => show(operator, &path, json).await,
            Self::Delete { path } => delete(operator, &path).await,
        }
    }
}

async fn add(
    operator: &Operator,
    name: &str,
    parent: Option<&str>,
    language: Option<&str>,
    two_factor: Option<TwoFactor>,
    json: bool,
) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let mut tx = db.write().await?;
    let parent = match parent {
        Some(path) => Some(groups::find_by_path(&mut tx, path).await?),
        None => None,
    };
    let by = By::operator(operator.clock.now_ms());
    let mut group = groups::add(&mut tx, name, parent.as_ref(), language, &by, &mut entropy()).await?;
    if two_factor.is_some() {
        let changes = Changes { two_factor, ..Changes::default() };
        group = groups::set(&mut tx, &group, &changes, &by, &mut entropy()).await?;
    }
    let path = groups::path(&mut tx, &group.id).await?;
    tx.commit().await?;
    if json {
        return input::print_json(&describe(&path, &group));
    }
    println!("Added the group {path}.");
    if parent.is_none() {
        let names: Vec<&str> = rights::DEFAULT_ROLES.iter().map(|role| role.name).collect();
        println!("Its roles: {}.", names.join(", "));
    }
    Ok(())
}

async fn set(operator: &Operator, path: &str, changes: Changes, yes: bool) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let by = By::operator(operator.clock.now_ms());
    let first = match changes.two_factor {
        // Before the transaction: a large group takes a while to look at, and everybody else writes meanwhile.
        Some(two_factor) => ask_about(operator, &db, path, two_factor, yes).await?,
        None => None,
    };
    let mut tx = db.write().await?;
    let mut group = groups::find_by_path(&mut tx, path).await?;
    if let Some(first) = first {
        // And in it: somebody may have lost their address meanwhile, or the last one the right to do without a code.
        let (now, preview) = preview::look_again(&mut tx, &first, &group, &by).await?;
        judge(&preview, yes).inspect_err(|_| print!("{preview}"))?;
        group = now;
    }
    let after = groups::set(&mut tx, &group, &changes, &by, &mut entropy()).await?;
    let path = groups::path(&mut tx, &after.id).await?;
    tx.commit().await?;
    println!("{}", line(&path, &after));
    Ok(())
}

/// Shows what a setting would do, and goes on only if that is harmless, or wanted all the same. None where it need not be looked at.
async fn ask_about(
    operator: &Operator,
    db: &Db,
    path: &str,
    two_factor: TwoFactor,
    yes: bool,
) -> anyhow::Result<Option<Preview>> {
    let group = groups::find_by_path(&mut db.read().await?, path).await?;
    if TwoFactor::of(&group)? == two_factor || two_factor == TwoFactor::Off {
        return Ok(None);
    }
    let by = By::operator(operator.clock.now_ms());
    let preview = preview::look(db, &operator.mailer(db).await?, &group, two_factor, &by).await?;
    print!("{preview}");
    judge(&preview, yes)?;
    Ok(Some(preview))
}

/// Whether what a setting would do is harmless, or wanted all the same.
fn judge(preview: &Preview, yes: bool) -> anyhow::Result<()> {
    let consent = Consent { confirmed: yes.then(|| preview.locked_out()), seen: None, insists: yes };
    match preview::rule(&preview.stakes(), consent, true) {
        Ruling::Save => Ok(()),
        Ruling::Confirm(_) => {
            bail!("nothing was changed: mend this with `countersign user set` first, or say --yes")
        }
        Ruling::Refused(objections) => {
            let words: Vec<&str> = objections.into_iter().map(Objection::words).collect();
            bail!("nothing was changed: {}. Mend this first, or say --yes", words.join("; "))
        }
    }
}

async fn delete(operator: &Operator, path: &str) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let mut tx = db.write().await?;
    let group = groups::find_by_path(&mut tx, path).await?;
    let path = groups::path(&mut tx, &group.id).await?;
    let by = By::operator(operator.clock.now_ms());
    groups::delete(&mut tx, &group, &by, &mut entropy()).await?;
    tx.commit().await?;
    println!("Deleted the group {path}.");
    Ok(())
}

async fn list(operator: &Operator, page: &Page, json: bool) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let mut conn = db.read().await?;
    let mut all = groups::list(&mut conn, groups::Order::by_path(page.start()), page.rows()).await?;
    page.cut(&mut all, |listed| &listed.path);
    if json {
        let all: Vec<_> = all.iter().map(|listed| describe(&listed.path, &listed.group)).collect();
        return input::print_json(&all);
    }
    for listed in &all {
        println!("{}", line(&listed.path, &listed.group));
    }
    Ok(())
}

async fn show(operator: &Operator, path: &str, json: bool) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let mut conn: Conn = db.read().await?;
    let group = groups::find_by_path(&mut conn, path).await?;
    let path = groups::path(&mut conn, &group.id).await?;
    let users = users::count(&mut conn, &group.id).await?;
    let domains = groups::vouched_domains(&mut conn, &group).await?;
    let preview = preview::changing(&mut conn, &group, TwoFactor::On, None, None).await?;
    let rehearsed = match TwoFactor::of(&group)? {
        TwoFactor::Rehearse => rehearsal::counts(&mut conn, &group).await?,
        TwoFactor::Off | TwoFactor::On => Vec::new(),
    };
    if json {
        let mut described = describe(&path, &group);
        if let Some(map) = described.as_object_mut() {
            map.insert("users".to_owned(), json!(users));
            map.insert("vouched_domains".to_owned(), json!(domains));
            for (name, some) in [
                ("asked", &preview.asked),
                ("no_address", &preview.no_address),
                ("undelivered", &preview.undelivered),
                ("codes_stopped", &preview.codes_stopped),
                ("invited", &preview.invited),
                ("overriders", &preview.overriders),
            ] {
                map.insert(name.to_owned(), json!(some.names));
                map.insert(format!("{name}_count"), json!(some.count));
            }
            if !rehearsed.is_empty() {
                let counts =
                    rehearsed.iter().map(|(outcome, count)| (word(*outcome).to_owned(), json!(count)));
                map.insert("rehearsal".to_owned(), counts.collect());
            }
        }
        return input::print_json(&described);
    }
    println!("{}, {users} users", line(&path, &group));
    if !domains.is_empty() {
        println!("Addresses count as verified in: {}.", domains.join(", "));
    }
    for (outcome, count) in rehearsed {
        let words = outcome.map_or("have not signed in since the rehearsal began", Outcome::words);
        println!("Rehearsal: {count} {words}.");
    }
    print!("{preview}");
    Ok(())
}

/// The word of an outcome in what programs read.
const fn word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(outcome) => outcome.name(),
        None => rehearsal::NOT_YET,
    }
}

fn line(path: &str, group: &GroupRow) -> String {
    format!("{path}: two-factor {}, language {}", group.two_factor_setting, group.language)
}

fn describe(path: &str, group: &GroupRow) -> serde_json::Value {
    json!({
        "id": group.id,
        "path": path,
        "name": group.name,
        "two_factor": group.two_factor_setting,
        "language": group.language,
        "created_at": group.created_at,
    })
}
