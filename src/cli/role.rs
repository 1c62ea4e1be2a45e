//! `role add|set|list|delete`.

use clap::Subcommand;
use serde_json::json;

use super::operator::Paths;
use super::page::Page;
use super::{Operator, input};
use crate::directory::rights::Rights;
use crate::directory::{By, groups, roles};
use crate::keys::secret::entropy;
use crate::store::Conn;
use crate::store::roles::RoleRow;

/// What can be done with roles.
#[derive(Debug, Subcommand)]
pub(super) enum Role {
    /// Add a role to a top-level group's tree.
    Add {
        /// Its name.
        name: String,
        /// Any group of the tree.
        #[arg(long, value_name = "PATH")]
        group: String,
        /// Its rank, from 0 to 512.
        #[arg(long)]
        rank: i64,
        /// Its rights, separated by commas.
        #[arg(long, value_name = "RIGHT,…", default_value = "")]
        rights: String,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change a role, and with it everyone who holds it.
    Set {
        /// Its name.
        name: String,
        /// Any group of the tree.
        #[arg(long, value_name = "PATH")]
        group: String,
        /// A new name.
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// A new rank.
        #[arg(long)]
        rank: Option<i64>,
        /// The rights instead of those before, separated by commas.
        #[arg(long, value_name = "RIGHT,…")]
        rights: Option<String>,
    },
    /// List the roles of a tree, or all.
    List {
        /// Any group of the tree.
        #[arg(long, value_name = "PATH")]
        group: Option<String>,
        #[command(flatten)]
        page: Page,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete a role that nobody holds any more.
    Delete {
        /// Its name.
        name: String,
        /// Any group of the tree.
        #[arg(long, value_name = "PATH")]
        group: String,
    },
}

impl Role {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        let db = operator.db().await?;
        let by = By::operator(operator.clock.now_ms());
        match self {
            Self::Add { name, group, rank, rights, json } => {
                let mut tx = db.write().await?;
                let group = groups::find_by_path(&mut tx, &group).await?;
                let new = roles::NewRole { top: &group, name: &name, rank, rights: &Rights::parse(&rights)? };
                let role = roles::add(&mut tx, new, &by, &mut entropy()).await?;
                tx.commit().await?;
                if json {
                    return input::print_json(&describe(&role));
                }
                println!("{}", line(&role));
            }
            Self::Set { name, group, rename, rank, rights } => {
                let mut tx = db.write().await?;
                let group = groups::find_by_path(&mut tx, &group).await?;
                let role = roles::find_named(&mut tx, Some(&group), &name).await?;
                let rights = rights.map(|text| Rights::parse(&text)).transpose()?;
                let after = RoleRow {
                    name: rename.unwrap_or(role.name),
                    rank: rank.unwrap_or(role.rank),
                    rights: rights.map_or(role.rights, |rights| rights.to_string()),
                    ..role
                };
                let after = roles::set(&mut tx, &after, &by, &mut entropy()).await?;
                tx.commit().await?;
                println!("{}", line(&after));
            }
            Self::List { group, page, json } => {
                let mut conn = db.read().await?;
                list(&mut conn, group.as_deref(), &page, json).await?;
            }
            Self::Delete { name, group } => {
                let mut tx = db.write().await?;
                let group = groups::find_by_path(&mut tx, &group).await?;
                let role = roles::find_named(&mut tx, Some(&group), &name).await?;
                roles::delete(&mut tx, &role, &by, &mut entropy()).await?;
                tx.commit().await?;
                println!("Deleted the role {}.", role.name);
            }
        }
        Ok(())
    }
}

async fn list(conn: &mut Conn, group: Option<&str>, page: &Page, json: bool) -> anyhow::Result<()> {
    let group = match group {
        Some(path) => Some(groups::find_by_path(conn, path).await?),
        None => None,
    };
    let mut all = roles::list(conn, group.as_ref(), roles::Order::Trees, page.after(), page.rows()).await?;
    page.cut(&mut all, |role| &role.id);
    if json {
        return input::print_json(&all.iter().map(describe).collect::<Vec<_>>());
    }
    let mut tops = Paths::default();
    for role in &all {
        let top = tops.of(conn, role.group_id.as_deref()).await?;
        println!("{}: {}", top.unwrap_or("the site"), line(role));
    }
    Ok(())
}

fn line(role: &RoleRow) -> String {
    format!("{} ({}): {}", role.name, role.rank, role.rights)
}

fn describe(role: &RoleRow) -> serde_json::Value {
    let rights: Vec<&str> = role.rights.split(' ').filter(|right| !right.is_empty()).collect();
    json!({
        "id": role.id,
        "group_id": role.group_id,
        "name": role.name,
        "rank": role.rank,
        "rights": rights,
    })
}
