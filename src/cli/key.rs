//! `key list|rotate`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::Operator;
use super::input::{self, expected};
use crate::audit::Actor;
use crate::clock::date_and_time as date;
use crate::config::SigningAlgorithm;
use crate::keys::{PUBLISHED_AHEAD, Phase, SigningKeys, Takeover, phase};
use crate::store::signing_keys::SigningKeyRow;

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
        /// Let the new keys sign at once. Apps that have kept the key set for a while ask for it again.
        #[arg(long)]
        at_once: bool,
        /// The old keys are in somebody else's hands: the new ones sign at once, and nothing that the old ones have signed counts any more.
        #[arg(long, conflicts_with = "at_once")]
        stolen: bool,
        /// Only the key of this algorithm, such as RS256, ES256 or `EdDSA`; all RS and PS algorithms share one.
        #[arg(long, value_name = "ALG")]
        algorithm: Option<String>,
    },
}

impl Key {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        let db = operator.db().await?;
        let keys = operator.keys(&db).await?;
        match self {
            Self::List { json } => list(&keys, operator.clock.now(), json).await,
            Self::Rotate { at_once, stolen, algorithm } => {
                let takeover = match (at_once, stolen) {
                    (_, true) => Takeover::Stolen,
                    (true, false) => Takeover::AtOnce,
                    (false, false) => Takeover::Announced,
                };
                rotate(&keys, operator, takeover, algorithm.as_deref()).await
            }
        }
    }
}

async fn list(keys: &SigningKeys, now: i64, json: bool) -> anyhow::Result<()> {
    let ring = keys.there(now).await?;
    if json {
        let all: Vec<_> = ring.rows().map(|row| shown(row, now)).collect();
        return input::print_json(&all);
    }
    for row in ring.rows() {
        println!("{:<7} {}  {}", row.kind, row.kid, told(row, now));
    }
    Ok(())
}

fn shown(row: &SigningKeyRow, now: i64) -> Value {
    json!({
        "kid": row.kid,
        "kind": row.kind,
        "state": word(phase(row, now)),
        "created_at": row.created_at,
        "active_at": row.active_at,
        "retired_at": row.retired_at,
        "expires_at": row.expires_at,
    })
}

fn told(row: &SigningKeyRow, now: i64) -> String {
    let until =
        |at: Option<i64>| at.map_or_else(|| "it is replaced".to_owned(), |at| format!("{} UTC", date(at)));
    match phase(row, now) {
        Phase::Announced => format!("published; signs from {} UTC", date(row.active_at)),
        Phase::Signing => format!("signs until {}", until(row.retired_at)),
        Phase::Retired => format!("retired; published until {}", until(row.expires_at)),
        Phase::Gone => "gone".to_owned(),
    }
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Announced => "announced",
        Phase::Signing => "signing",
        Phase::Retired => "retired",
        Phase::Gone => "gone",
    }
}

async fn rotate(
    keys: &SigningKeys,
    operator: &Operator,
    takeover: Takeover,
    algorithm: Option<&str>,
) -> anyhow::Result<()> {
    let known = SigningAlgorithm::ALL.map(SigningAlgorithm::name);
    let which = match algorithm {
        Some(name) => Some(expected("--algorithm", name, SigningAlgorithm::from_name(name), &known)?),
        None => None,
    };
    let tokens = &operator.config.tokens;
    let longest = tokens.access_lifetime.max(tokens.id_lifetime).as_secs();
    let made = keys.rotate(operator.clock.now(), takeover, longest, which, Actor::Operator).await?;
    for kid in &made {
        println!("{kid}");
    }
    let minutes = PUBLISHED_AHEAD / 60;
    match takeover {
        _ if made.is_empty() => {
            println!("Somebody else has rotated the keys this very moment: nothing to do.");
        }
        Takeover::AtOnce => {
            println!("The new keys sign now; the old ones stay published until their tokens have expired.");
        }
        Takeover::Stolen => println!(
            "The new keys sign now, and the old ones count for nothing any more. Apps that have kept the key set take them until they \
             ask for it again: restart those that matter. Then find out how the keys got out; if it was the master key, the codes and \
             mails that it sealed are known as well."
        ),
        Takeover::Announced => println!("The new keys are published now, and sign in {minutes} minutes."),
    }
    Ok(())
}
