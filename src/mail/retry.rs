//! After an attempt that failed: give up, or try again, and when?

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server said no for good (5xx), or the message cannot be sent at all.
    Permanent,
    /// The server said not now (4xx), or took too long, or went away in the middle.
    Passing,
    /// No server could be talked to: no connection, no TLS, no login.
    Unreachable,
}

/// What happens to the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is given up, and whoever waits for it is told.
    Refused,
    /// It is tried again at this time, in seconds since 1970.
    RetryAt(i64),
    /// It would come too late.
    Expired,
}

/// Decides the fate of a message after its `attempt` (from 1) has failed. Somebody waits for an `awaited` one: if the very first
/// attempt finds no server they are told at once, rather than left to look into an empty inbox.
pub(super) fn fate(attempt: i64, failure: Failure, awaited: bool, now: i64, expires_at: i64) -> Fate {
    match failure {
        Failure::Permanent => Fate::Refused,
        Failure::Unreachable if awaited && attempt <= 1 => Fate::Refused,
        Failure::Passing | Failure::Unreachable => {
            let at = now + pause(attempt);
            if at < expires_at { Fate::RetryAt(at) } else { Fate::Expired }
        }
    }
}

/// When the last of so many attempts was made, of a message that is tried again at `next_at`.
pub(super) const fn tried_at(attempts: i64, next_at: i64) -> i64 {
    next_at - pause(attempts)
}

/// Seconds between attempts: greylisting servers want to be asked again soon, broken ones not too often.
const fn pause(attempt: i64) -> i64 {
    match attempt {
        ..=1 => 5,
        2 => 15,
        3 => 45,
        4..=10 => 60,
        _ => 600,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fate_of_a_message() {
        for (attempt, failure, awaited, expires_at, expected) in [
            (1, Failure::Permanent, true, 1000, Fate::Refused),
            (1, Failure::Permanent, false, 1000, Fate::Refused),
            (3, Failure::Permanent, true, 1000, Fate::Refused),
            (1, Failure::Unreachable, true, 1000, Fate::Refused),
            (2, Failure::Unreachable, true, 1000, Fate::RetryAt(115)),
            (1, Failure::Unreachable, false, 1000, Fate::RetryAt(105)),
            (1, Failure::Passing, true, 1000, Fate::RetryAt(105)),
            (2, Failure::Passing, true, 1000, Fate::RetryAt(115)),
            (3, Failure::Passing, true, 1000, Fate::RetryAt(145)),
            (4, Failure::Passing, true, 1000, Fate::RetryAt(160)),
            (99, Failure::Passing, true, 1000, Fate::RetryAt(700)),
            (1, Failure::Passing, true, 105, Fate::Expired),
            (1, Failure::Unreachable, false, 100, Fate::Expired),
        ] {
            assert_eq!(
                fate(attempt, failure, awaited, 100, expires_at),
                expected,
                "{attempt} {failure:?} {awaited}"
            );
        }
    }
}
