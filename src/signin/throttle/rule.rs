//! May this try be heard now, or must it wait? One pure decision over plain counts; `docs/security.md` says the rule in words.

/// Nobody waits longer than this, in seconds.
pub const LONGEST_WAIT: i64 = 300;

/// A count from further in the future than this, in seconds, was made by a clock that has been set back since: nobody can say how
/// old it is, so it makes nobody wait. Clocks of several nodes may differ by as much.
pub const SKEW: i64 = 60;

/// How long whoever was told to wait may come late, in seconds.
pub const PATIENCE: i64 = 7200;

/// How long a place in line counts after its time has come, in seconds: most people come when they were told to.
pub const LINGER: i64 = 30;

/// What failures are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One login from one network: the narrow count, which strangers elsewhere cannot touch.
    Pair,
    /// One login, from wherever: the wide and slow one.
    Account,
    /// One network, for whichever login: as wide, as several people are behind it.
    Network,
    /// One login in a browser in which it has been signed in with before: strangers count for the others.
    KnownBrowser,
    /// One network from which codes of devices are typed (RFC 8628 §5.1).
    DeviceEntry,
}

/// What was found wrong, and not forgotten yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many seconds it takes from `failed_at` until everything is forgotten.
    pub debt: i64,
    /// When the last failure was found, in seconds since 1970.
    pub failed_at: i64,
}

/// What becomes of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is heard now.
    Heard,
    /// It is heard at this time, in seconds since 1970; and so it was promised to it before.
    Wait(i64),
    /// It is heard at this time, if there is a place in line for it.
    Queue(i64),
}

/// Decides on a try by what is counted for it, and by when it was promised to be heard, if it was.
#[must_use]
pub fn decide(counts: &[(Kind, Count)], place: Option<i64>, now: i64) -> Verdict {
    let wait = counts.iter().map(|(kind, count)| kind.wait(*count, now)).max().unwrap_or(0);
    match place {
        _ if wait == 0 => Verdict::Heard,
        Some(at) if at <= now => Verdict::Heard,
        // Nobody was ever told to wait that long: the clock has been set back.
        Some(at) if at > now + LONGEST_WAIT => Verdict::Heard,
        Some(at) => Verdict::Wait(at),
        None => Verdict::Queue(now + wait),
    }
}

impl Count {
    /// What is counted after one more failure: the database does the same, in one statement.
    #[must_use]
    pub fn and_one(self, kind: Kind, now: i64) -> Self {
        let left = (self.debt - (now - self.failed_at).max(0)).max(0);
        Self { debt: (left + kind.weight()).min(kind.most() * kind.weight()), failed_at: now }
    }
}

impl Kind {
    /// After how many seconds one failure is forgotten.
    #[must_use]
    pub const fn weight(self) -> i64 {
        match self {
            Self::Pair | Self::KnownBrowser => 300,
            // Slower than one guesser from one network is, so that one alone slows nobody down elsewhere.
            Self::Account => 240,
            Self::Network => 30,
            Self::DeviceEntry => 60,
        }
    }

    /// How many failures make nobody wait.
    #[must_use]
    pub const fn free(self) -> i64 {
        match self {
            Self::Pair | Self::KnownBrowser => 5,
            Self::Account => 30,
            Self::Network => 100,
            Self::DeviceEntry => 10,
        }
    }

    /// How many failures are counted at most: what came beyond that is not held against those who come after.
    #[must_use]
    pub const fn most(self) -> i64 {
        match self {
            Self::Pair | Self::KnownBrowser | Self::DeviceEntry => 20,
            Self::Account => 44,
            Self::Network => 400,
        }
    }

    /// How long the next try waits after this many failures, in seconds.
    #[must_use]
    pub const fn wait_after(self, failures: i64) -> i64 {
        let beyond = failures - self.free();
        match self {
            _ if beyond < 0 => 0,
            Self::Network if beyond < LONGEST_WAIT => beyond + 1,
            Self::Pair | Self::Account | Self::KnownBrowser | Self::DeviceEntry if beyond < 8 => 2 << beyond,
            _ => LONGEST_WAIT,
        }
    }

    /// How many failures are not forgotten at a time.
    #[must_use]
    pub fn failures(self, count: Count, now: i64) -> i64 {
        let left = count.debt - (now - count.failed_at).max(0);
        // Rounded up: a failure counts whole until it is forgotten.
        (left.max(0) + self.weight() - 1) / self.weight()
    }

    /// How many seconds a try must wait that comes now.
    fn wait(self, count: Count, now: i64) -> i64 {
        let age = now - count.failed_at;
        if age < -SKEW {
            return 0;
        }
        let wait = self.wait_after(self.failures(count, now));
        match self {
            // Others go on failing there: whoever comes waits from then on, and is heard.
            Self::Account | Self::Network => wait,
            Self::Pair | Self::KnownBrowser | Self::DeviceEntry => wait - age.clamp(0, wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_800_000_000;
    const KINDS: [Kind; 5] =
        [Kind::Pair, Kind::Account, Kind::Network, Kind::KnownBrowser, Kind::DeviceEntry];

    /// What it is, what is counted, the place in line, and what follows.
    type Case = (&'static str, &'static [(Kind, Count)], Option<i64>, Verdict);

    /// So many failures, the last of them so many seconds ago.
    const fn failed(kind: Kind, failures: i64, ago: i64) -> (Kind, Count) {
        (kind, Count { debt: failures * kind.weight(), failed_at: NOW - ago })
    }

    #[test]
    fn a_login_from_a_network_has_five_free_tries_and_then_waits_ever_longer() {
        let waits: Vec<i64> = (1..=15).map(|n| Kind::Pair.wait_after(n)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn the_wide_counts_begin_later() {
        for (kind, failures, wait) in [
            (Kind::Account, 29, 0),
            (Kind::Account, 30, 2),
            (Kind::Account, 38, 300),
            (Kind::Network, 99, 0),
            (Kind::Network, 100, 1),
            (Kind::Network, 250, 151),
            (Kind::Network, 400, 300),
            (Kind::DeviceEntry, 9, 0),
            (Kind::DeviceEntry, 10, 2),
            (Kind::DeviceEntry, 18, 300),
        ] {
            assert_eq!(kind.wait_after(failures), wait, "{failures} of {kind:?}");
        }
    }

    #[test]
    fn the_table_of_the_decision() {
        use Verdict::{Heard, Queue, Wait};
        const CASES: &[Case] = &[
            ("nothing was found wrong", &[], None, Heard),
            ("a few failures", &[failed(Kind::Pair, 4, 0)], None, Heard),
            ("five failures", &[failed(Kind::Pair, 5, 0)], None, Queue(NOW + 2)),
            ("five failures, and the wait is over", &[failed(Kind::Pair, 5, 2)], None, Heard),
            ("many failures", &[failed(Kind::Pair, 20, 0)], None, Queue(NOW + 300)),
            ("many failures a while ago", &[failed(Kind::Pair, 20, 200)], None, Queue(NOW + 100)),
            ("many failures some hours ago", &[failed(Kind::Pair, 20, 7200)], None, Heard),
            ("strangers have just failed again", &[failed(Kind::Pair, 20, 0)], Some(NOW), Heard),
            ("a little late", &[failed(Kind::Pair, 20, 0)], Some(NOW - 600), Heard),
            ("too early", &[failed(Kind::Pair, 20, 0)], Some(NOW + 30), Wait(NOW + 30)),
            ("early, and nobody needs to wait any more", &[], Some(NOW + 30), Heard),
            ("a guesser elsewhere", &[failed(Kind::Account, 29, 0)], None, Heard),
            ("guessers everywhere", &[failed(Kind::Account, 44, 0)], None, Queue(NOW + 300)),
            ("guessers everywhere, and a place", &[failed(Kind::Account, 44, 0)], Some(NOW - 1), Heard),
            (
                "the wait of a wide count begins when one comes",
                &[failed(Kind::Account, 44, 100)],
                None,
                Queue(NOW + 300),
            ),
            (
                "the longest wait counts",
                &[failed(Kind::Pair, 6, 0), failed(Kind::Account, 31, 0), failed(Kind::Network, 110, 0)],
                None,
                Queue(NOW + 11),
            ),
            ("another node's clock is a second ahead", &[failed(Kind::Pair, 5, -1)], None, Queue(NOW + 2)),
            ("the clock went back an hour", &[failed(Kind::Pair, 20, -3600)], None, Heard),
            ("the clock went back an hour, wide", &[failed(Kind::Network, 400, -3600)], None, Heard),
            (
                "a place from before the clock went back",
                &[failed(Kind::Pair, 20, 0)],
                Some(NOW + 3900),
                Heard,
            ),
        ];
        for (case, counts, place, verdict) in CASES {
            assert_eq!(decide(counts, *place, NOW), *verdict, "{case}");
        }
    }

    #[test]
    fn one_failure_each_time_one_is_forgotten_never_makes_a_wide_count_wait() {
        for kind in [Kind::Account, Kind::Network] {
            let mut count = Count::default();
            for round in 0..10_000 {
                let now = NOW + round * kind.weight();
                assert_eq!(decide(&[(kind, count)], None, now), Verdict::Heard, "{kind:?}, round {round}");
                count = count.and_one(kind, now);
            }
        }
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_longest_and_none_shrinks_with_more_failures(
            failures in 0i64..1_000_000,
            ago in -10_000i64..10_000,
            place in proptest::option::of(-10_000i64..10_000),
        ) {
            for kind in KINDS {
                prop_assert!(kind.wait_after(failures) <= kind.wait_after(failures + 1));
                let counts = [failed(kind, failures, ago)];
                match decide(&counts, place.map(|at| NOW + at), NOW) {
                    Verdict::Heard => {}
                    Verdict::Wait(until) | Verdict::Queue(until) => {
                        prop_assert!(until > NOW && until <= NOW + LONGEST_WAIT);
                    }
                }
                // Whoever waits as they are told is heard, whatever else is counted meanwhile.
                if let Verdict::Queue(until) = decide(&counts, None, NOW) {
                    let later = [(kind, Count { debt: kind.most() * kind.weight(), failed_at: until })];
                    prop_assert_eq!(decide(&later, Some(until), until), Verdict::Heard);
                }
            }
        }
    }
}
