//! `mail test|log|show|reset`.

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::{Operator, input};
use crate::clock::timestamp;
use crate::directory::proof::AdministerSite;
use crate::directory::{Address, By, mail_settings};
use crate::keys::secret::entropy;
use crate::mail::{self, Outcome};
use crate::signin::mailing::Test;

/// What can be done with mail.
#[derive(Debug, Subcommand)]
pub(super) enum Mail {
    /// Send a test message and print the mail server's answer.
    Test {
        /// Where to.
        address: String,
    },
    /// Show what became of recent messages.
    Log {
        /// How many, the newest first.
        #[arg(long, default_value_t = 50)]
        last: u16,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show by which mail server mail leaves: as it was saved in the console, or else as the file says.
    Show {
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Forget what was saved in the console: what the file says counts again.
    Reset,
}

impl Mail {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        match self {
            Self::Test { address } => test(operator, &address).await,
            Self::Log { last, json } => log(operator, i64::from(last), json).await,
            Self::Show { json } => show(operator, json).await,
            Self::Reset => reset(operator).await,
        }
    }
}

async fn test(operator: &Operator, address: &str) -> anyhow::Result<()> {
    let address = Address::parse(address).context("ADDRESS")?;
    let db = operator.db().await?;
    let now_ms = operator.clock.now_ms();
    let patience = operator.config.mail.timeout;
    // It is tried while somebody looks, and not later.
    let test = Test { address: &address, person: None, worth: patience.as_secs(), now_ms };
    let (pages, mailer, vault) = (operator.pages()?, operator.mailer(&db).await?, operator.vault(&db).await?);
    let mut tx = db.write().await?;
    let message = test.queue(&mut tx, &pages, &vault).await?;
    tx.commit().await?;
    match mailer.deliver_within(&message, patience.as_duration() * 2).await {
        Outcome::Accepted(answer) => {
            println!("Accepted: {answer}");
            Ok(())
        }
        Outcome::Refused(answer) => bail!("the message was not sent: {answer}"),
        Outcome::Underway => {
            let mut conn = db.read().await?;
            let rows = mail::recent(&mut conn, 100).await?;
            let answer = rows.into_iter().find(|row| row.id == message).and_then(|row| row.answer);
            bail!("the mail server did not take the message now: {}", answer.unwrap_or_default())
        }
    }
}

async fn show(operator: &Operator, json: bool) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let vault = operator.vault(&db).await?;
    let by = By::operator(operator.clock.now_ms()).prove::<AdministerSite>()?;
    let mut conn = db.read().await?;
    let (settings, saved) = mail_settings::current(&mut conn, &vault, &operator.config, &by).await?;
    let mut shown = settings.shown();
    if let Some(map) = shown.as_object_mut() {
        map.insert("saved".to_owned(), saved.into());
        let transport = if saved {
            "smtp".to_owned()
        } else {
            format!("{:?}", operator.config.mail.transport).to_lowercase()
        };
        map.insert("transport".to_owned(), transport.into());
    }
    if json {
        return input::print_json(&shown);
    }
    let from_where = if saved {
        "saved in the database, over the file's (`countersign mail reset` forgets them)"
    } else {
        "from the file of settings and the environment"
    };
    println!("These settings are {from_where}.");
    for (name, value) in shown.as_object().into_iter().flatten() {
        println!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    Ok(())
}

async fn reset(operator: &Operator) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let by = By::operator(operator.clock.now_ms()).prove::<AdministerSite>()?;
    let mut tx = db.write().await?;
    let was_saved = mail_settings::reset(&mut tx, None, &by, &mut entropy()).await?;
    tx.commit().await?;
    println!(
        "{}",
        if was_saved {
            "What the file says counts again."
        } else {
            "Nothing was saved: what the file says counts."
        }
    );
    Ok(())
}

async fn log(operator: &Operator, last: i64, json: bool) -> anyhow::Result<()> {
    let db = operator.db().await?;
    let mut conn = db.read().await?;
    let rows = mail::recent(&mut conn, last).await?;
    if json {
        return input::print_json(&rows);
    }
    for row in &rows {
        let answer = row.answer.as_deref().unwrap_or("");
        let reference = row.reference.as_deref().unwrap_or("-");
        let at = timestamp(row.created_at_ms / 1000);
        println!("{at} {:<8} {:<15} {reference:<4} {} {answer}", row.state, row.purpose, row.address);
    }
    Ok(())
}
