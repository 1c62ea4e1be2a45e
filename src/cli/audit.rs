//! `audit [--follow] [--json] [--since T]`.

use std::time::Duration;

use clap::Args;

use super::Operator;
use crate::clock::timestamp;
use crate::config::Period;
use crate::store;
use crate::store::audit::EventRow;

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
            drop(conn);
            for event in &events {
                self.print(event)?;
            }
            if let Some(last) = events.last() {
                (at_ms, id) = (last.at_ms, last.id.clone());
            } else if !self.follow {
                return Ok(());
            } else {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    fn print(&self, event: &EventRow) -> anyhow::Result<()> {
        if self.json {
            let mut value = serde_json::to_value(event)?;
            if let Some(map) = value.as_object_mut() {
                map.insert("details".to_owned(), serde_json::from_str(&event.details)?);
            }
            println!("{value}");
            return Ok(());
        }
        let about = [
            ("user", &event.user_id),
            ("group", &event.group_id),
            ("client", &event.client_id),
            ("from", &event.network),
        ];
        let mut line = format!("{} {} by {}", timestamp(event.at_ms / 1000), event.event, event.actor);
        for (name, value) in about {
            if let Some(value) = value {
                line.extend([" ", name, "=", value]);
            }
        }
        if event.details != "{}" {
            line.extend([" ", &event.details]);
        }
        println!("{line}");
        Ok(())
    }
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
