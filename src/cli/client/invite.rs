//! `client invite`.

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::super::output::AtStake;
use super::super::{Operator, input};
use crate::audit::{Actor, Event};
use crate::clock::timestamp;
use crate::config::{Period, RegistrationMode};
use crate::keys::secret::entropy;
use crate::oidc::registration::invitation::{self, LONGEST, MOST_USES};
use crate::store::Db;

/// The longest note, in characters.
const LONGEST_NOTE: usize = 200;

/// The settings of `invite`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Invite {
    /// How many apps may be registered with it.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_USES)))]
    uses: u32,
    /// How long it holds: 90s, 10m, 12h, 30d.
    #[arg(long, value_name = "TIME", default_value = "7d")]
    lifetime: Period,
    /// For whom it is; it is written to the audit log.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

impl Invite {
    pub(super) async fn run(self, operator: &Operator, db: &Db) -> anyhow::Result<()> {
        let seconds = self.lifetime.as_secs();
        if !(1..=LONGEST).contains(&seconds) {
            bail!("--lifetime {}: expected 1s to 365d", self.lifetime);
        }
        if self.note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
            bail!("--note: expected at most {LONGEST_NOTE} characters");
        }
        let (now, note) = (operator.clock.now(), self.note.as_deref());
        let mut tx = db.write().await?;
        let token = invitation::invite(&mut tx, self.uses, seconds, note, now, &mut entropy()).await?;
        Event::new("client.invited", Actor::Operator)
            .detail("uses", self.uses)
            .detail("expires_at", now + seconds)
            .detail("note", note)
            .record(&mut tx, operator.clock.now_ms(), &mut entropy())
            .await?;
        tx.commit().await?;
        let mode = operator.config.registration.mode;
        if mode != RegistrationMode::Token {
            let word = if mode == RegistrationMode::Open { "open" } else { "closed" };
            eprintln!("Registration is {word}: this is of use with `mode = \"token\"` in [registration].");
        }
        let endpoint = format!("{}/register", operator.config.issuer);
        let at_stake =
            AtStake::new("the token is lost: countersign client invite makes another one".to_owned());
        if self.json {
            let new = json!({
                "initial_access_token": token.reveal(), "uses": self.uses, "expires_at": now + seconds,
                "registration_endpoint": endpoint,
            });
            return input::print_json(&new);
        }
        println!("initial access token: {}  (shown this once)", token.reveal());
        drop(at_stake);
        println!("for {} at {endpoint}, until {}", registrations(self.uses), timestamp(now + seconds));
        Ok(())
    }
}

fn registrations(uses: u32) -> String {
    if uses == 1 { "one registration".to_owned() } else { format!("{uses} registrations") }
}
