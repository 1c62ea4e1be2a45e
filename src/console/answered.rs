//! What did the mail server say, in words that somebody understands who runs none? The line itself stands behind them.

use serde::Serialize;

use super::field::Said;
use crate::mail::{Meaning, without_settings};

/// An answer of a mail server, or of ours in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// What has become of the message.
    pub outcome: &'static str,
    /// What the answer means, and what to do; none where there was none, or it was yes.
    pub said: Option<Said>,
    /// The answer to the letter, but for the names of settings.
    pub raw: Option<String>,
}

impl Answered {
    /// The answer to a message in this state.
    #[must_use]
    pub fn of(state: &str, answer: Option<&str>) -> Self {
        let answer = answer.filter(|answer| !answer.is_empty());
        let outcome = match state {
            "accepted" => "mail-accepted",
            "refused" => "mail-refused",
            "expired" => "mail-expired",
            "deferred" => "mail-deferred",
            _ => "mail-waiting",
        };
        let failed = matches!(state, "refused" | "expired" | "deferred");
        let said = answer.filter(|_| failed).map(meaning);
        Self { outcome, said, raw: answer.map(without_settings) }
    }
}

/// What an answer means.
#[must_use]
pub fn meaning(answer: &str) -> Said {
    Said::new(&format!("answer-{}", Meaning::of(answer).name()))
}
