//! `key list|rotate`.

use clap::Subcommand;
use serde_json::json;

use super::{Operator, input};
use crate::audit::{Actor, Event};
use crate::keys::PUBLISHED_AHEAD;
use crate::keys::secret::entropy;

/// What can be done with signing keys.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// List the signing keys.
    List {
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make new keys. They are published now and sign in ten minutes, when every app has seen them.
    Rotate {
        /// Let the new keys sign at once: the old ones are known to somebody else.
        #[arg(long)]
        at_once: bool,
    },
}

impl Key {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        let db = operator.db().await?;
        let keys = operator.keys(&db)?;
        let now = operator.clock.now();
        match self {
            Self::List { json: false } => {
                for row in keys.ring(now).await?.rows() {
                    let stage = match (row.active_at > now, row.retired_at.is_some_and(|at| at <= now)) {
                        (true, _) => "published, does not sign yet",
                        (false, true) => "retired, still published",
                        (false, false) => "signs",
                    };
                    println!("{:<6} {}  {stage}", row.algorithm, row.kid);
                }
            }
            Self::List { json: true } => {
                let ring = keys.ring(now).await?;
                let all: Vec<_> = ring
                    .rows()
                    .map(|row| {
                        json!({
                            "kid": row.kid,
                            "alg": row.algorithm,
                            "created_at": row.created_at,
                            "active_at": row.active_at,
                            "retired_at": row.retired_at,
                            "expires_at": row.expires_at,
                        })
                    })
                    .collect();
                input::print_json(&all)?;
            }
            Self::Rotate { at_once } => {
                let tokens = &operator.config.tokens;
                let longest = tokens.access_lifetime.max(tokens.id_lifetime).as_secs();
                let made = keys.rotate(now, at_once, longest).await?;
                let mut tx = db.write().await?;
                let event = Event::new("keys.rotated", Actor::Operator).detail("at_once", at_once);
                event.record(&mut tx, operator.clock.now_ms(), &mut entropy()).await?;
                tx.commit().await?;
                for kid in &made {
                    println!("{kid}");
                }
                if at_once {
                    println!(
                        "The new keys sign now; the old ones are published until their tokens have expired."
                    );
                } else {
                    println!("The new keys are published now, and sign in {} minutes.", PUBLISHED_AHEAD / 60);
                }
            }
        }
        Ok(())
    }
}
