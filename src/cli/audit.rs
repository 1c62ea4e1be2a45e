//! `audit [--follow] [--json] [--since T]`.

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;

use super::Operator;
use super::operator::Paths;
use crate::clock::timestamp;
use crate::config::Period;
use crate::oidc::clients;
use crate::store::audit::EventRow;
use crate::store::{self, Conn};

/// Events read at once.
const PAGE: i64 = 500;

/// How often new events are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The settings of `audit`.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Go on printing events as they happen.
    #[arg(long)]
    follow: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// From when: seconds since 1970, or how long ago, such as 2h or 30d.
    #[arg(long, value_name = "T")]
    since: Option<String>,
}

impl Audit {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        let db = operator.db().await?;
        let mut at_ms = match &self.since {
            None => 0,
            Some(text) => since(text, operator.clock.now())? * 1000 - 1,
        };
        let mut id = "~".to_owned();
        loop {
            let mut conn = db.read().await?;
            let events = store::audit::since(&mut conn, at_ms, &id, PAGE).await?;
            let mut names = Names::default();
            for event in &events {
                self.print(event, &mut names, &mut conn).await?;
            }
            drop(conn);
            if let Some(last) = events.last() {
                (at_ms, id) = (last.at_ms, last.id.clone());
            } else if !self.follow {
                return Ok(());
            } else {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    async fn print(&self, event: &EventRow, names: &mut Names, conn: &mut Conn) -> anyhow::Result<()> {
        if self.json {
            let mut value = serde_json::to_value(event)?;
            if let Some(map) = value.as_object_mut() {
                map.insert("details".to_owned(), serde_json::from_str(&event.details)?);
            }
            println!("{value}");
            return Ok(());
        }
        let group = names.groups.of(conn, event.group_id.as_deref()).await?.map(str::to_owned);
        let client = names.client(conn, event.client_id.as_deref()).await?;
        println!("{}", line(event, group.as_deref(), client));
        Ok(())
    }
}

/// What the ids of one page stand for, each asked for once.
#[derive(Default)]
struct Names {
    groups: Paths,
    clients: HashMap<String, String>,
}

impl Names {
    /// An app's name, with its id; of one that is gone, the id.
    async fn client(&mut self, conn: &mut Conn, id: Option<&str>) -> anyhow::Result<Option<&str>> {
        let Some(id) = id else { return Ok(None) };
        if !self.clients.contains_key(id) {
            let found = clients::find(conn, id).await?;
            let named = found.map(|client| format!("{} ({id})", client.metadata.client_name));
            self.clients.insert(id.to_owned(), named.unwrap_or_else(|| id.to_owned()));
        }
        Ok(self.clients.get(id).map(String::as_str))
    }
}

/// Who did what to whom, on one line. Of somebody without a login on record, the id.
fn line(event: &EventRow, group: Option<&str>, client: Option<&str>) -> String {
    let actor = event.actor_login.as_deref().unwrap_or(&event.actor);
    let user = event.user_login.as_deref().or(event.user_id.as_deref());
    let about = [("user", user), ("group", group), ("client", client), ("from", event.network.as_deref())];
    let mut line = format!("{} {} by {actor}", timestamp(event.at_ms / 1000), event.event);
    for (name, value) in about {
        if let Some(value) = value {
            line.extend([" ", name, "=", value]);
        }
    }
    if event.details != "{}" {
        line.extend([" ", &event.details]);
    }
    line
}

fn since(text: &str, now: i64) -> anyhow::Result<i64> {
    if let Ok(ago) = text.parse::<Period>() {
        return Ok(now - ago.as_secs());
    }
    let Ok(at) = text.parse() else {
        anyhow::bail!("--since {text}: expected seconds since 1970, or how long ago, such as 2h or 30d");
    };
    Ok(at)
}
