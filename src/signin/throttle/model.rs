//! What do attackers get, and who is kept out? Hours of guessing against the same decision, on a clock that does as it is told.

use std::collections::HashMap;

use proptest::prelude::*;

use super::LINES;
use super::rule::{Count, Kind, LINGER, LONGEST_WAIT, PATIENCE, Verdict, decide};

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// What the database would hold.
#[derive(Default)]
struct World {
    counts: HashMap<(Kind, u32, u32), Count>,
    /// By account and browser: account, network, and when it is heard.
    places: HashMap<(u32, u32), (u32, u32, i64)>,
    guesses: u64,
    browsers: u32,
}

/// Somebody's login, from a network, in a browser.
#[derive(Clone, Copy, Debug)]
struct Who {
    account: u32,
    network: u32,
    browser: u32,
}

impl World {
    /// A browser that was never here.
    fn new_browser(&mut self) -> u32 {
        self.browsers += 1;
        self.browsers
    }

    fn subjects(who: Who) -> [(Kind, u32, u32); 3] {
        [
            (Kind::Account, who.account, 0),
            (Kind::Pair, who.account, who.network),
            (Kind::Network, 0, who.network),
        ]
    }

    /// A try; the answer is when the next one is worth it, if this one was not heard.
    fn tries(&mut self, who: Who, right: bool, now: i64) -> Result<(), i64> {
        let subjects = Self::subjects(who);
        let counts: Vec<(Kind, Count)> =
            subjects.iter().filter_map(|key| Some((key.0, *self.counts.get(key)?))).collect();
        let holder = (who.account, who.browser);
        let place = self.places.get(&holder).map(|place| place.2).filter(|at| *at > now - PATIENCE);
        match decide(&counts, place, now) {
            Verdict::Wait(until) => return Err(until),
            Verdict::Queue(until) => {
                self.queue(who, until, now);
                return Err(until);
            }
            Verdict::Heard => {}
        }
        self.places.remove(&holder);
        if right {
            self.counts.remove(&subjects[1]);
        } else {
            self.guesses += 1;
            for key in subjects {
                let count = self.counts.entry(key).or_default();
                *count = count.and_one(key.0, now);
            }
        }
        Ok(())
    }

    fn queue(&mut self, who: Who, until: i64, now: i64) {
        let waiting = |of: &dyn Fn(u32, u32) -> bool| {
            let counts = |at: i64| at > now - LINGER && at <= now + LONGEST_WAIT;
            let line =
                self.places.values().filter(|(account, network, at)| of(*account, *network) && counts(*at));
            i64::try_from(line.count()).unwrap()
        };
        if waiting(&|account, network| account == who.account && network == who.network) < LINES.pair
            && waiting(&|account, _| account == who.account) < LINES.account
            && waiting(&|_, network| network == who.network) < LINES.network
        {
            self.places.insert((who.account, who.browser), (who.account, who.network, until));
        }
    }

    /// Somebody with the right password does as they are told; the answer is how long that took.
    fn signs_in(
        &mut self,
        account: u32,
        network: u32,
        now: i64,
        mut meanwhile: impl FnMut(&mut Self, i64),
    ) -> i64 {
        let who = Who { account, network, browser: self.new_browser() };
        let mut at = now;
        while let Err(until) = self.tries(who, true, at) {
            assert!(until > at && until <= at + LONGEST_WAIT, "told to wait {} s", until - at);
            while at < until {
                at += 1;
                meanwhile(self, at);
            }
            assert!(at - now <= LONGEST_WAIT, "not heard after {} s", at - now);
        }
        at - now
    }
}

/// Guessers that try whenever they were told to, each with an account, a network and a browser of their own.
struct Guessers(Vec<(Who, i64)>);

impl Guessers {
    fn new(world: &mut World, who: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let who = who
            .into_iter()
            .map(|(account, network)| (Who { account, network, browser: world.new_browser() }, NOW));
        Self(who.collect())
    }

    fn act(&mut self, world: &mut World, now: i64) {
        for (who, next) in &mut self.0 {
            while *next <= now {
                if let Err(until) = world.tries(*who, false, now) {
                    *next = until;
                }
            }
        }
    }
}

/// How many guesses a day's guessing makes.
fn guesses_of(who: impl IntoIterator<Item = (u32, u32)>, step: i64) -> u64 {
    let mut world = World::default();
    let mut guessers = Guessers::new(&mut world, who);
    for now in (NOW..NOW + DAY).step_by(usize::try_from(step).unwrap()) {
        guessers.act(&mut world, now);
    }
    world.guesses
}

#[test]
fn one_browser_gets_some_three_hundred_guesses_a_day_at_an_account() {
    let guesses = guesses_of([(1, 1)], 1);
    assert!((280..=310).contains(&guesses), "{guesses}");
}

#[test]
fn one_network_gets_some_three_thousand_guesses_a_day_at_an_account_with_any_number_of_browsers() {
    for browsers in [12, 40] {
        let guesses = guesses_of((0..browsers).map(|_| (1, 1)), 1);
        assert!(guesses <= 3500, "{guesses} with {browsers} browsers");
    }
}

#[test]
fn however_many_networks_get_some_fifty_thousand_guesses_a_day_at_an_account() {
    let few = guesses_of((0..10).map(|network| (1, network)), 5);
    assert!(few <= 10 * 310, "{few}");
    let many = guesses_of((0..600).map(|network| (1, network)), 15);
    assert!(many <= 58_000, "{many}");
}

#[test]
fn one_network_gets_some_twenty_six_thousand_guesses_a_day_at_all_accounts_together() {
    let guesses = guesses_of((0..300).map(|account| (account, 1)), 15);
    assert!(guesses <= 30_000, "{guesses}");
}

#[test]
fn parallel_guesses_gain_no_more_than_the_line_is_long() {
    let mut world = World::default();
    let mut guessers = Guessers::new(&mut world, (0..1000).map(|_| (1, 1)));
    for now in NOW..NOW + 120 {
        guessers.act(&mut world, now);
    }
    assert!(world.guesses <= 40, "{} guesses in two minutes", world.guesses);
}

/// What strangers do each second.
type Siege = Box<dyn FnMut(&mut World, i64)>;

/// Whom a stranger tries to keep out, and how: each of these goes on for hours.
fn sieges() -> Vec<(&'static str, Siege)> {
    let who = |world: &mut World, account: u32, network: u32| Who {
        account,
        network,
        browser: world.new_browser(),
    };
    let mut each_time = None;
    let mut told = NOW;
    let mut hammered = None;
    vec![
        (
            "a wrong one at the end of each wait, from the person's own network",
            Box::new(move |world: &mut World, now| {
                let guesser = *each_time.get_or_insert_with(|| who(world, 1, 1));
                while told <= now {
                    if let Err(until) = world.tries(guesser, false, now) {
                        told = until;
                    }
                }
            }),
        ),
        (
            "one browser that hammers at the person's account from their network",
            Box::new(move |world: &mut World, now| {
                let guesser = *hammered.get_or_insert_with(|| who(world, 1, 1));
                let _ = world.tries(guesser, false, now);
            }),
        ),
        (
            "a new browser each 30 s, at the person's account and from their network",
            Box::new(move |world: &mut World, now| {
                if now % 30 == 0 {
                    let guesser = who(world, 1, 1);
                    let _ = world.tries(guesser, false, now);
                }
            }),
        ),
        (
            "a hundred networks at the person's account",
            Box::new(move |world: &mut World, now| {
                if now % 3 == 0 {
                    let network = 100 + u32::try_from(now / 3 % 100).unwrap();
                    let guesser = Who { account: 1, network, browser: 1_000_000 + network };
                    let _ = world.tries(guesser, false, now);
                }
            }),
        ),
        (
            "one each 4 s at whichever account, from the office's network",
            Box::new(move |world: &mut World, now| {
                if now % 4 == 0 {
                    let guesser = who(world, 1000 + u32::try_from(now % 977).unwrap(), 1);
                    let _ = world.tries(guesser, false, now);
                }
            }),
        ),
    ]
}

#[test]
fn whoever_has_the_right_password_is_heard_within_the_longest_wait() {
    for (siege, mut strangers) in sieges() {
        let mut world = World::default();
        let mut longest = 0;
        let mut now = NOW;
        while now < NOW + 6 * 3600 {
            // Ned, from the network that the strangers may be in too, and from one where nobody ever failed.
            for network in [1, 7] {
                let took = world.signs_in(1, network, now, &mut strangers);
                longest = longest.max(took);
                now += took;
            }
            for _ in 0..997 {
                now += 1;
                strangers(&mut world, now);
            }
        }
        assert!(world.guesses > 50, "{siege}: {} guesses", world.guesses);
        assert!(longest <= LONGEST_WAIT, "{siege}: {longest} s");
    }
}

#[test]
fn an_office_of_forty_behind_one_address_gets_in_beside_somebody_who_fails_each_thirty_seconds() {
    let mut world = World::default();
    for now in NOW..NOW + 8 * 3600 {
        if now % 30 == 0 {
            let guesser = Who { account: 999, network: 1, browser: world.new_browser() };
            let _ = world.tries(guesser, false, now);
        }
        // Everybody comes at the same second each hour, mistypes once, and is right.
        if now % 3600 == 0 {
            for account in 0..40 {
                let who = Who { account, network: 1, browser: world.new_browser() };
                assert_eq!(world.tries(who, false, now), Ok(()), "{account}");
                assert_eq!(world.tries(who, true, now), Ok(()), "{account}");
            }
        }
    }
}

#[test]
fn a_success_leaves_no_wait_and_clocks_that_differ_make_none() {
    let mut world = World::default();
    for second in 0..3600 {
        for (node, skew) in [(0, -1), (1, 0), (2, 1)] {
            let account = u32::try_from(second % 40).unwrap();
            let who = Who { account, network: 1, browser: world.new_browser() };
            assert_eq!(world.tries(who, true, NOW + second + skew), Ok(()), "node {node}, second {second}");
        }
    }
    assert!(world.counts.is_empty() && world.places.is_empty());
}

#[test]
fn a_clock_that_jumps_closes_nothing() {
    for jump in [-3600, -600, 3600, DAY] {
        let mut world = World::default();
        let mut guessers = Guessers::new(&mut world, (0..150).map(|n| (n % 3, 1 + n % 50)));
        for now in NOW..NOW + 1800 {
            guessers.act(&mut world, now);
        }
        let after = NOW + 1800 + jump;
        for account in 0..3 {
            let took = world.signs_in(account, 1, after, |_, _| ());
            assert_eq!(took, 0, "{jump}: {account}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Strangers with plans of all kinds share accounts and networks with people, as long as no line is full.
    #[test]
    fn strangers_of_all_kinds_keep_nobody_out(
        plans in proptest::collection::vec((0u32..4, 0u32..4, 1i64..400, any::<bool>()), 1..12),
        people in proptest::collection::vec((0u32..4, 0u32..4, 0i64..900), 1..12),
        jump in prop_oneof![Just(0i64), Just(-3600i64), Just(3600i64), -90i64..90],
    ) {
        let mut world = World::default();
        let mut guessers: Vec<(Who, i64, i64)> = plans.iter().map(|(account, network, every, _)| {
            (Who { account: *account, network: *network, browser: world.new_browser() }, *every, NOW)
        }).collect();
        let renews: Vec<bool> = plans.iter().map(|plan| plan.3 && plan.2 > 330).collect();
        let mut strangers = |world: &mut World, now: i64| {
            for ((who, every, next), renews) in guessers.iter_mut().zip(&renews) {
                // A clock that goes back makes them wait no longer either.
                if now >= *next || *next > now + 400 {
                    *next = now + *every;
                    if *renews {
                        who.browser = world.new_browser();
                    }
                    let _ = world.tries(*who, false, now);
                }
            }
        };
        let mut now = NOW;
        for (at, (account, network, pause)) in people.iter().enumerate() {
            for _ in 0..*pause {
                now += 1;
                strangers(&mut world, now);
            }
            if at == people.len() / 2 {
                now += jump;
            }
            now += world.signs_in(*account, *network, now, &mut strangers);
        }
    }
}
