//! `client rotate-secret`: how does an app come to another secret, and until when does the one before work?

use clap::Args;
use serde_json::json;

use super::super::output::AtStake;
use super::super::{Operator, input};
use super::event;
use crate::clock::timestamp;
use crate::config::Period;
use crate::keys::secret::entropy;
use crate::oidc::clients::{self, OVERLAP, Rotated};
use crate::store::Db;

/// A new secret, or an end to the old one.
#[derive(Debug, Args)]
pub(in crate::cli) struct RotateSecret {
    /// Its client id.
    client_id: String,
    /// How long the old secret works on beside the new one: 1d unless given, 30d at most; 0s ends it at once.
    #[arg(long, value_name = "TIME")]
    keep_old: Option<Period>,
    /// Make no new secret; end the old one, which works on beside the newest, now.
    #[arg(long, conflicts_with_all = ["keep_old", "json"])]
    end_old: bool,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

impl RotateSecret {
    pub(super) async fn run(self, operator: &Operator, db: &Db) -> anyhow::Result<()> {
        if self.end_old {
            return end_old(operator, db, &self.client_id).await;
        }
        let (vault, now) = (operator.vault(db).await?, operator.clock.now());
        let keep = self.keep_old.map_or(OVERLAP, Period::as_secs);
        let (id, mut tx) = (&self.client_id, db.write().await?);
        let rotated = clients::rotate_secret(&mut tx, &vault, id, keep, now, &mut entropy()).await?;
        let noted = rotated.noted_in(event("client.secret_rotated", id));
        noted.record(&mut tx, operator.clock.now_ms(), &mut entropy()).await?;
        tx.commit().await?;
        let Rotated { secret, old_until } = rotated;
        let at_stake = lost(id);
        if self.json {
            let new =
                json!({ "client_id": id, "client_secret": secret.reveal(), "old_secret_until": old_until });
            return input::print_json(&new);
        }
        println!("client_secret: {}", secret.reveal());
        drop(at_stake);
        match old_until {
            Some(until) => println!(
                "The old secret works until {}; end it before then: countersign client rotate-secret {id} --end-old",
                timestamp(until)
            ),
            None => println!("No other secret works any more."),
        }
        Ok(())
    }
}

/// An app's new secret is printed once.
pub(super) fn lost(id: &str) -> AtStake {
    AtStake::new(format!(
        "the secret of {id} is lost: countersign client rotate-secret {id} makes another one"
    ))
}

async fn end_old(operator: &Operator, db: &Db, id: &str) -> anyhow::Result<()> {
    let mut tx = db.write().await?;
    if !clients::end_old_secret(&mut tx, id).await? {
        println!("{id} has no other secret than its newest.");
        return Ok(());
    }
    let ended = event("client.old_secret_ended", id);
    ended.record(&mut tx, operator.clock.now_ms(), &mut entropy()).await?;
    tx.commit().await?;
    println!("The old secret of {id} no longer works.");
    Ok(())
}
