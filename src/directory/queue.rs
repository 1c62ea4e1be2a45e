//! Whose turn is it? A few may work at once; the others wait, bounded, and whoever asks for much waits behind whoever asks for little.
//!
//! Turns are given by account and network in the manner of fair queueing: each asker's number is one more than the last one of
//! its account and of its network, and the lowest number is next. Of one account there is one at a time, so that what one has found
//! out is known before the next one is heard.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::password::Busy;

/// Nobody waits longer for a turn: by then the browser shows an error of its own.
const PATIENCE: Duration = Duration::from_secs(20);

/// For whom a turn is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// The account; none for what is nobody's guess.
    pub account: Option<String>,
    /// The network.
    pub network: Option<String>,
}

/// A queue; cheap to clone.
#[derive(Clone)]
pub(super) struct Queue(Arc<Mutex<Line>>);

/// A turn, until all copies of it are dropped.
#[derive(Clone, Debug)]
pub struct Turn {
    held: Arc<Held>,
}

struct Held {
    queue: Queue,
    lane: Lane,
    waited: bool,
}

/// An asker's number, and which of equal ones came first.
type Number = (u64, u64);

struct Line {
    /// How many turns there are.
    turns: usize,
    /// How many of them are free.
    free: usize,
    /// How many may wait.
    room: usize,
    waiting: BTreeMap<Number, Waiter>,
    flows: HashMap<String, Flow>,
    /// The number of the turn that was given last.
    now: u64,
    asked: u64,
}

struct Waiter {
    lane: Lane,
    call: oneshot::Sender<Turn>,
}

/// What one account, or one network, has asked for.
#[derive(Default)]
struct Flow {
    last: u64,
    waiting: usize,
    working: usize,
}

enum Asked {
    Now(Turn),
    Wait(Number, oneshot::Receiver<Turn>),
    Full,
}

impl Queue {
    pub(super) fn new(turns: usize, room: usize) -> Self {
        let (waiting, flows) = (BTreeMap::new(), HashMap::new());
        Self(Arc::new(Mutex::new(Line { turns, free: turns, room, waiting, flows, now: 0, asked: 0 })))
    }

    /// Waits for a turn.
    pub(super) async fn enter(&self, lane: Lane) -> Result<Turn, Busy> {
        let (number, called) = match self.ask(lane) {
            Asked::Now(turn) => return Ok(turn),
            Asked::Wait(number, called) => (number, called),
            Asked::Full => return Err(Busy),
        };
        let _leaves = Leaves { queue: self, number };
        match tokio::time::timeout(PATIENCE, called).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Busy),
        }
    }

    /// How many wait, and how many have a turn.
    pub(super) fn load(&self) -> (usize, usize) {
        let state = self.state();
        (state.waiting.len(), state.turns - state.free)
    }

    fn ask(&self, lane: Lane) -> Asked {
        let mut state = self.state();
        let number = state.number(&lane);
        if state.free > 0 && !state.is_working(&lane) {
            state.begin(&lane, number.0);
            return Asked::Now(self.turn(lane, false));
        }
        if !state.makes_room(number) {
            return Asked::Full;
        }
        for name in lane.flows() {
            let flow = state.flows.entry(name).or_default();
            flow.last = number.0;
            flow.waiting += 1;
        }
        let (call, called) = oneshot::channel();
        state.waiting.insert(number, Waiter { lane, call });
        Asked::Wait(number, called)
    }

    fn turn(&self, lane: Lane, waited: bool) -> Turn {
        Turn { held: Arc::new(Held { queue: self.clone(), lane, waited }) }
    }

    /// Gives the free turns to those who wait.
    fn call(&self) {
        loop {
            let Some(waiter) = self.state().next() else { return };
            // Outside the lock: a turn that nobody takes comes back here.
            let turn = self.turn(waiter.lane, true);
            let _ = waiter.call.send(turn);
        }
    }

    fn state(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.state().free
    }
}

impl Line {
    fn number(&mut self, lane: &Lane) -> Number {
        self.asked += 1;
        let last = lane.flows().filter_map(|name| self.flows.get(&name)).map(|flow| flow.last).max();
        (self.now.max(last.unwrap_or(0)) + 1, self.asked)
    }

    fn is_working(&self, lane: &Lane) -> bool {
        let account = lane.account_flow().and_then(|name| self.flows.get(&name));
        account.is_some_and(|flow| flow.working > 0)
    }

    /// Whether there is a place for this number, after the last in line has gone for it if need be.
    fn makes_room(&mut self, number: Number) -> bool {
        if self.waiting.len() < self.room {
            return true;
        }
        match self.waiting.last_key_value() {
            Some((&last, _)) if last > number => {
                self.leave(last);
                true
            }
            _ => false,
        }
    }

    /// Somebody goes without having had a turn.
    fn leave(&mut self, number: Number) {
        let Some(waiter) = self.waiting.remove(&number) else { return };
        for name in waiter.lane.flows() {
            let Some(flow) = self.flows.get_mut(&name) else { continue };
            flow.waiting -= 1;
            if flow.last == number.0 {
                flow.last -= 1;
            }
            self.tidy(&name);
        }
    }

    fn begin(&mut self, lane: &Lane, number: u64) {
        self.free -= 1;
        self.now = self.now.max(number);
        for name in lane.flows() {
            let flow = self.flows.entry(name).or_default();
            flow.last = flow.last.max(number);
            flow.working += 1;
        }
    }

    fn end(&mut self, lane: &Lane) {
        self.free += 1;
        for name in lane.flows() {
            if let Some(flow) = self.flows.get_mut(&name) {
                flow.working -= 1;
            }
            self.tidy(&name);
        }
    }

    /// Forgets a flow in which nobody is left.
    fn tidy(&mut self, name: &str) {
        if self.flows.get(name).is_some_and(|flow| flow.waiting == 0 && flow.working == 0) {
            self.flows.remove(name);
        }
    }

    /// Takes the first out of the line whose account has nobody at work.
    fn next(&mut self) -> Option<Waiter> {
        if self.free == 0 {
            return None;
        }
        let (&number, _) = self.waiting.iter().find(|(_, waiter)| !self.is_working(&waiter.lane))?;
        let waiter = self.waiting.remove(&number)?;
        for name in waiter.lane.flows() {
            if let Some(flow) = self.flows.get_mut(&name) {
                flow.waiting -= 1;
            }
        }
        self.begin(&waiter.lane, number.0);
        Some(waiter)
    }
}

impl Lane {
    fn account_flow(&self) -> Option<String> {
        self.account.as_ref().map(|account| format!("a{account}"))
    }

    fn flows(&self) -> impl Iterator<Item = String> {
        let network = self.network.as_ref().map(|network| format!("n{network}"));
        self.account_flow().into_iter().chain(network)
    }
}

impl Turn {
    /// Whether others had theirs in the meantime.
    #[must_use]
    pub fn has_waited(&self) -> bool {
        self.held.waited
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.queue.state().end(&self.lane);
        self.queue.call();
    }
}

/// Whoever hangs up leaves the line.
struct Leaves<'a> {
    queue: &'a Queue,
    number: Number,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.queue.state().leave(self.number);
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("waited", &self.waited).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn lane(account: &str, network: &str) -> Lane {
        Lane { account: Some(account.to_owned()), network: Some(network.to_owned()) }
    }

    type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Turn, Busy>> + 'a>>;

    /// Asks for a turn, and looks whether there is one yet.
    fn ask<'a>(queue: &'a Queue, account: &str, network: &str) -> Waiting<'a> {
        let mut asked: Waiting<'a> = Box::pin(queue.enter(lane(account, network)));
        assert!(look(&mut asked).is_none(), "{account} from {network} need not wait");
        asked
    }

    fn look(asked: &mut Waiting<'_>) -> Option<Result<Turn, Busy>> {
        match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    /// Lets everybody have their turn, one after the other; the answer is in which order.
    fn order(mut asked: Vec<(&'static str, Waiting<'_>)>) -> Vec<&'static str> {
        let mut order = Vec::new();
        while !asked.is_empty() {
            let found = asked.iter_mut().position(|(_, asked)| {
                // The turn ends at once, and the next one is called.
                look(asked).is_some_and(|turn| turn.is_ok_and(|turn| turn.has_waited()))
            });
            order.push(asked.remove(found.expect("somebody has a turn")).0);
        }
        order
    }

    #[tokio::test]
    async fn whoever_asks_for_little_is_not_behind_whoever_asks_for_much() {
        for (noise, accounts) in [("one network", ["x", "y", "z"]), ("one account", ["x", "x", "x"])] {
            let queue = Queue::new(1, 10);
            let turn = queue.enter(lane("w", "w")).await.unwrap();
            let network = |n: &'static str| if noise == "one network" { "flood" } else { n };
            let mut asked = Vec::new();
            for (account, net) in accounts.into_iter().zip(["1", "2", "3"]) {
                asked.push(("flood", ask(&queue, account, network(net))));
            }
            asked.push(("ned", ask(&queue, "ned", "home")));
            drop(turn);
            assert_eq!(order(asked), ["flood", "ned", "flood", "flood"], "{noise}");
            assert!(queue.state().flows.is_empty(), "nothing is kept of those who have gone");
        }
    }

    #[tokio::test]
    async fn a_full_line_loses_the_last_of_whoever_asks_for_most() {
        let queue = Queue::new(1, 2);
        let turn = queue.enter(lane("w", "w")).await.unwrap();
        let mut first = ask(&queue, "x", "flood");
        let mut second = ask(&queue, "y", "flood");
        let mut third: Waiting<'_> = Box::pin(queue.enter(lane("z", "flood")));
        assert!(matches!(look(&mut third), Some(Err(Busy))), "it is their own line that is full");
        let mut ned = ask(&queue, "ned", "home");
        assert!(matches!(look(&mut second), Some(Err(Busy))));
        drop(turn);
        drop(look(&mut first).unwrap().unwrap());
        assert!(look(&mut ned).unwrap().is_ok());
    }

    #[tokio::test]
    async fn of_one_account_there_is_one_at_a_time() {
        let queue = Queue::new(3, 10);
        let turn = queue.enter(lane("ned", "home")).await.unwrap();
        assert!(!turn.has_waited());
        let mut again = ask(&queue, "ned", "cafe");
        assert!(queue.enter(lane("max", "cafe")).await.is_ok(), "others need not wait for it");
        drop(turn.clone());
        assert!(look(&mut again).is_none(), "a copy of the turn is still held");
        drop(turn);
        assert!(look(&mut again).unwrap().is_ok());
    }

    #[tokio::test]
    async fn whoever_hangs_up_leaves_nothing_behind() {
        let queue = Queue::new(1, 10);
        let turn = queue.enter(lane("w", "w")).await.unwrap();
        let gone = ask(&queue, "ned", "home");
        let called = ask(&queue, "max", "home");
        drop(gone);
        assert_eq!(queue.state().waiting.len(), 1);
        drop(turn);
        // The turn has been given to somebody who goes before they know of it.
        drop(called);
        assert_eq!(queue.free(), 1);
        assert!(queue.state().flows.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let queue = Queue::new(1, 10);
        let _turn = queue.enter(lane("w", "w")).await.unwrap();
        assert!(queue.enter(lane("ned", "home")).await.is_err());
        assert!(queue.state().waiting.is_empty());
    }
}
