//! `session list|end`.

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use super::bar::Bar;
use super::operator::find_user;
use super::page::Page;
use super::{Operator, input};
use crate::clock::timestamp;
use crate::directory::{By, access};
use crate::keys::secret::entropy;
use crate::store::access::{ListedSession, Live, sessions};
use crate::store::session_clients;

/// The most apps that are named for one session.
const APPS: i64 = 50;

/// What can be done with sessions: browsers that have signed in here.
#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// List who is signed in, and at which apps.
    List {
        /// Of this user alone.
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        #[command(flatten)]
        page: Page,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a session, or all of a user; the apps are told, and access for when somebody is away (`offline_access`) stays.
    End {
        /// The session's id.
        #[arg(required_unless_present_any = ["user", "all"])]
        id: Option<String>,
        /// Every session of this user.
        #[arg(long, value_name = "LOGIN", conflicts_with = "id")]
        user: Option<String>,
        /// Every session of everybody.
        #[arg(long, conflicts_with_all = ["id", "user"])]
        all: bool,
    },
}

impl Session {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        match self {
            Self::List { user, page, json } => list(operator, user.as_deref(), &page, json).await,
            Self::End { id: Some(id), .. } => end(operator, &id).await,
            Self::End { user: Some(login), .. } => end_all(operator, &login).await,
            Self::End { all: true, .. } => end_every(operator).await,
            Self::End { .. } => bail!("say which session, --user LOGIN, or --all"),
        }
    }
}

/// When a session counts as live.
fn live(operator: &Operator) -> Live {
    let now = operator.clock.now();
    Live { now, idle_since: now - operator.config.session.idle.as_secs() }
}

async fn list(operator: &Operator, login: Option<&str>, page: &Page, as_json: bool) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let mut conn = db.read().await?;
    let user = match login {
        Some(login) => Some(find_user(&mut conn, login).await?.id),
        None => None,
    };
    let found = sessions(&mut conn, user.as_deref(), live(operator), page.start(), page.rows());
    let mut found = found.await?;
    page.cut(&mut found, |session| &session.id);
    let mut listed = Vec::with_capacity(found.len());
    for session in found {
        let apps = session_clients::of_session(&mut conn, &session.id, APPS).await?;
        listed.push((session, apps.into_iter().map(|app| app.client_id).collect::<Vec<_>>()));
    }
    if as_json {
        let all: Vec<_> = listed.iter().map(|(session, apps)| described(session, apps)).collect();
        return input::print_json(&all);
    }
    for (session, apps) in &listed {
        println!("{}", line(session, apps));
    }
    Ok(())
}

fn described(session: &ListedSession, apps: &[String]) -> serde_json::Value {
    let mut value = json!(session);
    if let Some(map) = value.as_object_mut() {
        map.insert("client_ids".to_owned(), json!(apps));
    }
    value
}

fn line(session: &ListedSession, apps: &[String]) -> String {
    let factors = if session.code_at.is_some() { "password and code" } else { "password" };
    let apps = if apps.is_empty() { "no app".to_owned() } else { apps.join(" ") };
    format!(
        "{}  {}, by {factors} since {}, last seen {}, at {apps}",
        session.id,
        session.login,
        timestamp(session.created_at),
        timestamp(session.seen_at)
    )
}

async fn end(operator: &Operator, id: &str) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let by = By::operator(operator.clock.now_ms());
    let mut tx = db.write().await?;
    let person = access::end_session(&mut tx, id, live(operator), &by, &mut entropy()).await?;
    tx.commit().await?;
    println!("Ended a session of {}.", person.login);
    Ok(())
}

async fn end_all(operator: &Operator, login: &str) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let by = By::operator(operator.clock.now_ms());
    let mut tx = db.write().await?;
    let person = find_user(&mut tx, login).await?;
    let ended = access::end_sessions(&mut tx, &person, &by, &mut entropy()).await?;
    tx.commit().await?;
    println!("Ended {ended} sessions of {}.", person.login);
    Ok(())
}

async fn end_every(operator: &Operator) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let by = By::operator(operator.clock.now_ms());
    let mut bar = Bar::new("ending");
    let ended =
        access::end_every_session(&db, live(operator), &by, |ended| bar.count(ended, "sessions ended"))
            .await?;
    bar.clear();
    println!("Ended {ended} sessions. Everybody signs in anew.");
    Ok(())
}
