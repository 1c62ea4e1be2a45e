//! `audit [--follow] [--json|--csv] [--since T] [--person LOGIN] …` and `audit verify`.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::operator::{Paths, find_user};
use super::{Operator, input};
use crate::audit::chain::{self, Break};
use crate::audit::export::{self, CSV_HEAD};
use crate::clock::timestamp;
use crate::config::Period;
use crate::oidc::clients;
use crate::store::audit::{EventRow, Wanted};
use crate::store::{self, Conn};

/// Events read at once.
const PAGE: i64 = 500;

/// How often new events are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The settings of `audit`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

/// What else can be done with the audit log.
#[derive(Debug, Subcommand)]
enum Command {
    /// Go through the chain, and say what was changed or removed first, if anything was.
    Verify {
        /// What an earlier run has said of the end of the chain: it must be in it still.
        #[arg(long, value_name = "SEQ:HASH")]
        noted: Option<String>,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct List {
    /// Go on printing events as they happen.
    #[arg(long)]
    follow: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// A table for a spreadsheet; no cell is a formula.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// From when: seconds since 1970, or how long ago, such as 2h or 30d.
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Until when, written alike.
    #[arg(long, value_name = "T")]
    until: Option<String>,
    /// About this user: their login.
    #[arg(long, value_name = "LOGIN")]
    person: Option<String>,
    /// By this user (their login), or by `operator`, `system`, `client`, `anonymous`.
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Of this kind: a whole name such as `user.changed`, or what comes before the dot.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
}

impl Audit {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        match self.command {
            None => self.list.run(operator).await,
            Some(Command::Verify { noted, json }) => verify(operator, noted.as_deref(), json).await,
        }
    }
}

impl List {
    async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        let db = operator.db().await?;
        let now = operator.clock.now();
        let moment =
            |flag, text: &Option<String>| text.as_deref().map(|text| moment(flag, text, now)).transpose();
        let (since, until) = (moment("--since", &self.since)?, moment("--until", &self.until)?);
        let mut conn = db.read().await?;
        let user_id = self::user_id(&mut conn, self.person.as_deref()).await?;
        let actor = match self.actor.as_deref() {
            Some(word @ ("operator" | "system" | "client" | "anonymous")) => Some(word.to_owned()),
            login => self::user_id(&mut conn, login).await?,
        };
        drop(conn);
        let wanted = Wanted {
            user_id: user_id.as_deref(),
            actor: actor.as_deref(),
            kind: self.kind.as_deref(),
            since_ms: since.map(|at| at * 1000),
            until_ms: until.map(|at| at * 1000),
            ..Wanted::default()
        };
        if self.csv {
            print!("{CSV_HEAD}");
        }
        let (mut at_ms, mut id) = (i64::MIN, String::new());
        loop {
            let mut conn = db.read().await?;
            let events = store::audit::oldest(&mut conn, wanted, (at_ms, &id), PAGE).await?;
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
            println!("{}", export::json(event));
            return Ok(());
        }
        if self.csv {
            print!("{}", export::csv(event));
            return Ok(());
        }
        let group = names.groups.of(conn, event.group_id.as_deref()).await?.map(str::to_owned);
        let client = names.client(conn, event.client_id.as_deref()).await?;
        println!("{}", line(event, group.as_deref(), client));
        Ok(())
    }
}

/// The id of the user of a login.
async fn user_id(conn: &mut Conn, login: Option<&str>) -> anyhow::Result<Option<String>> {
    match login {
        None => Ok(None),
        Some(login) => Ok(Some(find_user(conn, login).await?.id)),
    }
}

/// Goes through the chain; exits 1 where it is broken.
async fn verify(operator: &Operator, noted: Option<&str>, json: bool) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let vault = operator.vault(&db).await?;
    let noted = match noted {
        None => None,
        Some(text) => {
            let parts = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse::<i64>().ok()?, hash)));
            Some(parts.context("--noted: expected SEQ:HASH, as `audit verify` has printed it")?)
        }
    };
    let report = chain::verify(&mut db.read().await?, &vault, noted).await?;
    if json {
        input::print_json(&report)?;
    } else {
        let chained = (report.upto + 1 - report.from).max(0);
        println!("{chained} events are chained, the last as {}:{}.", report.upto, report.hash);
        println!("{} newer ones are not chained yet.", report.waiting);
    }
    match report.broken {
        None => Ok(()),
        Some(Break::Changed { seq, id }) => bail!("the event at {seq} ({id}) is not what was written"),
        Some(Break::Removed { seq }) => bail!("the event at {seq} was removed"),
        Some(Break::End { found, expected }) => {
            bail!("the chain ends at {found}, and was written up to {expected}")
        }
        Some(Break::Seal) => {
            bail!("where the chain begins and ends was written by somebody without the master key")
        }
        Some(Break::Noted { seq }) => {
            bail!("the event at {seq} has another hash than was noted: the chain was written anew")
        }
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

fn moment(flag: &str, text: &str, now: i64) -> anyhow::Result<i64> {
    if let Ok(ago) = text.parse::<Period>() {
        return Ok(now - ago.as_secs());
    }
    let Ok(at) = text.parse() else {
        bail!("{flag} {text}: expected seconds since 1970, or how long ago, such as 2h or 30d");
    };
    Ok(at)
}
