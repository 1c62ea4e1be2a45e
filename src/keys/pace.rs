//! How often may the signing keys be read again before they are old?

use std::sync::{Mutex, PoisonError};

/// How often a second the keys are read again for tokens: those that name anything cost the database no more than that.
const FOR_TOKENS: u32 = 4;

/// How often a second they are read again to be published.
const TO_PUBLISH: u32 = 20;

/// Who may have them read again; neither takes the other's turns.
#[derive(Debug, Default)]
pub(super) struct Looks {
    for_tokens: Turns,
    to_publish: Turns,
}

/// How often they were, in the second that was last.
#[derive(Debug, Default)]
struct Turns(Mutex<(i64, u32)>);

impl Looks {
    /// Whether a token may have them read again in this second.
    pub(super) fn for_tokens(&self, now: i64) -> bool {
        self.for_tokens.take(FOR_TOKENS, now)
    }

    /// Whether whoever wants them published may.
    pub(super) fn to_publish(&self, now: i64) -> bool {
        self.to_publish.take(TO_PUBLISH, now)
    }
}

impl Turns {
    /// Takes one of `most` a second; false when those of this one are used up.
    fn take(&self, most: u32, now: i64) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = match *taken {
            (second, looks) if second == now => (now, looks.saturating_add(1)),
            _ => (now, 1),
        };
        taken.1 <= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_four_looks() {
        let looks = Turns::default();
        let taken = [10, 10, 10, 10, 10, 11, 10, 10].map(|now| looks.take(4, now));
        assert_eq!(taken, [true, true, true, true, false, true, true, true]);
    }
}
