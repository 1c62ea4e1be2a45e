//! `grant list|revoke`.

use anyhow::bail;
use clap::Subcommand;

use super::bar::Bar;
use super::operator::find_user;
use super::page::Page;
use super::{Operator, input};
use crate::clock::timestamp;
use crate::directory::{By, access};
use crate::keys::secret::entropy;
use crate::store::access::{ListedGrant, grants};

/// What can be done with grants: what people have let apps do and know.
#[derive(Debug, Subcommand)]
pub(super) enum Grant {
    /// List which apps have access, for whom, and to what.
    List {
        /// Of this user alone.
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// For this app alone.
        #[arg(long, value_name = "ID")]
        client: Option<String>,
        #[command(flatten)]
        page: Page,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take access away: one grant, or all of a user, for one app or for all. Their tokens are void at once.
    Revoke {
        /// The grant's id.
        #[arg(required_unless_present_any = ["user", "all"])]
        id: Option<String>,
        /// Every grant of this user.
        #[arg(long, value_name = "LOGIN", conflicts_with = "id")]
        user: Option<String>,
        /// For this app alone.
        #[arg(long, value_name = "ID", conflicts_with_all = ["id", "all"])]
        client: Option<String>,
        /// Every grant of everybody.
        #[arg(long, conflicts_with_all = ["id", "user"])]
        all: bool,
    },
}

impl Grant {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        match self {
            Self::List { user, client, page, json } => {
                list(operator, user.as_deref(), client.as_deref(), &page, json).await
            }
            Self::Revoke { id: Some(id), .. } => revoke(operator, &id).await,
            Self::Revoke { user: Some(login), client, .. } => {
                revoke_all(operator, &login, client.as_deref()).await
            }
            Self::Revoke { all: true, .. } => revoke_every(operator).await,
            Self::Revoke { .. } => bail!("say which grant, --user LOGIN, or --all"),
        }
    }
}

async fn list(
    operator: &Operator,
    login: Option<&str>,
    client: Option<&str>,
    page: &Page,
    json: bool,
) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let mut conn = db.read().await?;
    let user = match login {
        Some(login) => Some(find_user(&mut conn, login).await?.id),
        None => None,
    };
    let now = operator.clock.now();
    let mut found = grants(&mut conn, user.as_deref(), client, now, page.start(), page.rows()).await?;
    page.cut(&mut found, |grant| &grant.id);
    if json {
        return input::print_json(&found);
    }
    for grant in &found {
        println!("{}", line(grant));
    }
    Ok(())
}

fn line(grant: &ListedGrant) -> String {
    format!(
        "{}  {} to {}: {}, since {}, until {}",
        grant.id,
        grant.login,
        grant.client_id,
        grant.scopes,
        timestamp(grant.created_at),
        timestamp(grant.expires_at)
    )
}

async fn revoke(operator: &Operator, id: &str) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let by = By::operator(operator.clock.now_ms());
    let mut tx = db.write().await?;
    let person = access::revoke_grant(&mut tx, id, &by, &mut entropy()).await?;
    tx.commit().await?;
    println!("Revoked a grant of {}.", person.login);
    Ok(())
}

async fn revoke_all(operator: &Operator, login: &str, client: Option<&str>) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let by = By::operator(operator.clock.now_ms());
    let mut tx = db.write().await?;
    let person = find_user(&mut tx, login).await?;
    let ended = access::revoke_grants(&mut tx, &person, client, &by, &mut entropy()).await?;
    tx.commit().await?;
    println!("Revoked {ended} grants of {}.", person.login);
    Ok(())
}

async fn revoke_every(operator: &Operator) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let by = By::operator(operator.clock.now_ms());
    let mut bar = Bar::new("revoking");
    let ended = access::revoke_every_grant(&db, &by, |ended| bar.count(ended, "grants revoked")).await?;
    bar.clear();
    println!("Revoked {ended} grants. Every app asks its people anew.");
    Ok(())
}
