//! `group add|set|list|show`.

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{Operator, input};
use crate::directory::groups::{self, Changes};
use crate::directory::{By, Person, rights};
use crate::keys::secret::entropy;
use crate::signin::preview::{self, Preview};
use crate::store::groups::GroupRow;
use crate::store::{Conn, users};

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
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change a group.
    Set {
        /// Its path, such as Acme/Design.
        path: String,
        /// Whether its people are asked for a code by email.
        #[arg(long, value_name = "on|off")]
        two_factor: Option<Switch>,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// The language of its mails.
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
        /// Switch two-factor on although somebody could no longer sign in.
        #[arg(long)]
        yes: bool,
    },
    /// List all groups.
    List {
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
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Group {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        match self {
            Self::Add { name, parent, language, json } => {
                add(operator, &name, parent.as_deref(), language.as_deref(), json).await
            }
            Self::Set { path, two_factor, name, language, yes } => {
                let two_factor = two_factor.map(|switch| switch == Switch::On);
                set(operator, &path, Changes { name, language, two_factor }, yes).await
            }
            Self::List { json } => list(operator, json).await,
            Self::Show { path, json } => show(operator, &path, json).await,
        }
    }
}

async fn add(
    operator: &Operator,
    name: &str,
    parent: Option<&str>,
    language: Option<&str>,
    json: bool,
) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let mut tx = db.write().await?;
    let parent = match parent {
        Some(path) => Some(groups::find_by_path(&mut tx, path).await?),
        None => None,
    };
    let by = By::operator(operator.clock.now_ms());
    let group = groups::add(&mut tx, name, parent.as_ref(), language, &by, &mut entropy()).await?;
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
    let mut tx = db.write().await?;
    let group = groups::find_by_path(&mut tx, path).await?;
    if changes.two_factor == Some(true) && !group.two_factor {
        let preview = look_ahead(operator, &mut tx, &group).await?;
        print!("{preview}");
        if !preview.is_harmless() && !yes {
            bail!("nothing was changed: mend this with `countersign user set` first, or say --yes");
        }
    }
    let by = By::operator(operator.clock.now_ms());
    let after = groups::set(&mut tx, &group, &changes, &by, &mut entropy()).await?;
    let path = groups::path(&mut tx, &after.id).await?;
    tx.commit().await?;
    println!("{}", line(&path, &after));
    Ok(())
}

async fn look_ahead(operator: &Operator, conn: &mut Conn, group: &GroupRow) -> anyhow::Result<Preview> {
    let attempts = i64::from(operator.config.signin.code_attempts);
    Ok(preview::turning_on(conn, group, attempts, operator.clock.now()).await?)
}

async fn list(operator: &Operator, json: bool) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let groups = {
        let mut conn = db.read().await?;
        groups::list(&mut conn).await?
    };
    if json {
        let all: Vec<_> = groups.iter().map(|(path, group)| describe(path, group)).collect();
        return input::print_json(&all);
    }
    for (path, group) in &groups {
        println!("{}", line(path, group));
    }
    Ok(())
}

async fn show(operator: &Operator, path: &str, json: bool) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let mut conn: Conn = db.read().await?;
    let group = groups::find_by_path(&mut conn, path).await?;
    let path = groups::path(&mut conn, &group.id).await?;
    let users = users::count(&mut conn, &group.id).await?;
    let preview = look_ahead(operator, &mut conn, &group).await?;
    if json {
        let mut described = describe(&path, &group);
        if let Some(map) = described.as_object_mut() {
            map.insert("users".to_owned(), json!(users));
            map.insert("no_address".to_owned(), json!(logins(&preview.no_address)));
            map.insert("codes_stopped".to_owned(), json!(logins(&preview.codes_stopped)));
            map.insert("overriders".to_owned(), json!(logins(&preview.overriders)));
        }
        return input::print_json(&described);
    }
    println!("{}, {users} users", line(&path, &group));
    print!("{preview}");
    Ok(())
}

fn logins(people: &[Person]) -> Vec<&str> {
    people.iter().map(|person| person.login.as_str()).collect()
}

fn line(path: &str, group: &GroupRow) -> String {
    let flag = if group.two_factor { "on" } else { "off" };
    format!("{path}: two-factor {flag}, language {}", group.language)
}

fn describe(path: &str, group: &GroupRow) -> serde_json::Value {
    json!({
        "id": group.id,
        "path": path,
        "name": group.name,
        "two_factor": group.two_factor,
        "language": group.language,
        "created_at": group.created_at,
    })
}
