//! Who does the work of hashing? Threads of their own, as many as cores, behind everything else that the machine has to do: a hash
//! takes a core for as long as fifty short requests, and none of those waits for it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::oneshot;

use super::foreign::Foreign;
use super::password::{Busy, Spelling};
use super::queue::Turn;

/// How long a thread waits for the next hash before it ends, and gives its memory back: an idle provider is small, and a busy one need
/// not ask for the same pages again.
pub(super) const REST: Duration = Duration::from_secs(3);

/// How much others come first, as `nice` has it: about nine of ten parts of a core that somebody else wants too.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 10;

/// 33 MiB, in blocks of 1 KiB.
const RETURNED_WHEN_FREED: usize = 33 * 1024;

/// What is to be done with a password.
pub(super) enum Work {
    /// Its argon2 hash.
    Hash { password: Spelling, salt: Vec<u8>, algorithm: Algorithm, version: Version, params: Params },
    /// Is it the one of this hash? If not, the work of a hash of ours is done as well: a refusal takes no less time than others do.
    Check { password: Spelling, foreign: Foreign, params: Params },
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// The hash; none when argon2 does not take the parameters.
    Hash(Option<Vec<u8>>),
    /// Whether it is.
    Right(bool),
}

/// A hash that somebody waits for. It holds its turn until it is done, even when the browser that asked has hung up, or hanging up
/// would start as many hashes at once as there are browsers.
struct Job {
    work: Work,
    turn: Turn,
    answer: oneshot::Sender<Made>,
}

/// The threads, which come when there is something to do, and end when there has been nothing for a while; cheap to clone.
#[derive(Clone)]
pub(super) struct Hashers(Arc<Room>);

struct Room {
    /// How many threads there may be.
    most: usize,
    rest: Duration,
    state: Mutex<State>,
    come: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    /// How many of them wait for something to do, and have not been told of anything.
    idle: usize,
}

impl Hashers {
    pub(super) fn new(most: usize, rest: Duration) -> Self {
        Self(Arc::new(Room { most, rest, state: Mutex::default(), come: Condvar::new() }))
    }

    /// What comes of it, once a core has had the time.
    ///
    /// # Errors
    /// When the machine has no thread for it.
    pub(super) async fn take(&self, turn: Turn, work: Work) -> Result<Made, Busy> {
        let (answer, answered) = oneshot::channel();
        self.put(Job { work, turn, answer });
        answered.await.map_err(|_| Busy)
    }

    /// Every job holds a turn, so there are never more of them than turns.
    fn put(&self, job: Job) {
        let mut state = self.0.state();
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() {
            self.0.come.notify_one();
        } else if state.threads < self.0.most {
            state.threads += 1;
            let room = Arc::clone(&self.0);
            let started = std::thread::Builder::new().name("hash".to_owned()).spawn(move || room.work());
            if started.is_err() {
                state.threads -= 1;
                // The other threads will come to it, if there are any.
                let given_up = if state.threads == 0 { state.jobs.drain(..).collect() } else { Vec::new() };
                drop(state);
                drop(given_up);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.0.state().threads
    }
}

impl Room {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does with its life.
    fn work(&self) {
        step_back();
        let mut desk = Desk::default();
        while let Some(job) = self.next() {
            desk.take(job);
        }
    }

    /// The next one; none when there has been none for a while, which ends the thread that asks.
    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            let waited = self.come.wait_timeout(state, self.rest).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            state.idle -= 1;
            if waited.1.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

/// Lets everything else on the machine come before this thread. Elsewhere than on Linux that would be said of the whole program.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, BEHIND) {
        tracing::debug!(%error, "hashes have the same priority as everything else");
    }
}

/// What a thread hashes with.
#[derive(Default)]
struct Desk {
    /// The memory of the last hash, for the next one: fresh pages cost a third of a hash.
    memory: Vec<Block>,
}

impl Desk {
    fn take(&mut self, Job { work, turn, answer }: Job) {
        // Whoever hangs up before their hash has begun needs none.
        if !answer.is_closed() {
            let done = catch_unwind(AssertUnwindSafe(|| self.work(&work)));
            // After a panic there is no answer, and that says it.
            if let Ok(done) = done {
                let _ = answer.send(done);
            }
        }
        drop(turn);
    }

    fn work(&mut self, work: &Work) -> Made {
        match work {
            Work::Hash { password, salt, algorithm, version, params } => {
                Made::Hash(self.hash(password, salt, &Argon2::new(*algorithm, *version, params.clone())))
            }
            Work::Check { password, foreign, params } => {
                let right = foreign.is_of(password);
                if !right {
                    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
                    let _ = self.hash(password, &[0; 16], &argon2);
                }
                Made::Right(right)
            }
        }
    }

    fn hash(&mut self, password: &[u8], salt: &[u8], argon2: &Argon2<'_>) -> Option<Vec<u8>> {
        let mut output = vec![0u8; argon2.params().output_len().unwrap_or(32)];
        let blocks = argon2.params().block_count();
        if self.memory.len() < blocks {
            // More than glibc keeps to itself when it is freed (32 MiB): an idle provider gives all of it back. What
            // is beyond the blocks is never touched, and so never there.
            self.memory.reserve_exact(RETURNED_WHEN_FREED.max(blocks));
            self.memory.resize(blocks, Block::default());
        }
        let done = argon2.hash_password_into_with_memory(password, salt, &mut output, &mut self.memory);
        done.ok().map(|()| output)
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::super::queue::{Lane, Queue};
    use super::*;

    fn work(passes: u32) -> Work {
        let params = Params::new(64, passes, 1, Some(32)).unwrap();
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        Work::Hash { password: Spelling::new(b"x".to_vec()), salt: vec![7; 16], algorithm, version, params }
    }

    async fn turn() -> Turn {
        Queue::new(9, 0).enter(Lane::default()).await.unwrap()
    }

    #[tokio::test]
    async fn a_thread_comes_for_a_hash_and_goes_after_its_rest() {
        let hashers = Hashers::new(2, Duration::ZERO);
        let one = hashers.take(turn().await, work(1)).await.unwrap();
        // It ends by itself; nothing else is waited for here.
        while hashers.threads() > 0 {
            std::thread::yield_now();
        }
        assert_eq!(hashers.take(turn().await, work(1)).await.unwrap(), one);
    }

    #[tokio::test]
    async fn whoever_hangs_up_keeps_their_turn_until_a_thread_has_come_to_it() {
        let (queue, hashers) = (Queue::new(1, 0), Hashers::new(0, REST));
        let mut asked = Box::pin(hashers.take(queue.enter(Lane::default()).await.unwrap(), work(1)));
        assert!(asked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(asked);
        assert_eq!(queue.free(), 0);
        Desk::default().take(hashers.0.next().unwrap());
        assert_eq!(queue.free(), 1);
    }

    #[tokio::test]
    async fn there_are_as_many_threads_as_cores_and_every_hash_has_its_turn() {
        let hashers = Hashers::new(2, REST);
        let mut asked = Vec::new();
        for _ in 0..9 {
            asked.push(tokio::spawn({
                let hashers = hashers.clone();
                async move { hashers.take(turn().await, work(1)).await }
            }));
        }
        for one in asked {
            assert!(matches!(one.await.unwrap().unwrap(), Made::Hash(Some(_))));
        }
        assert!((1..=2).contains(&hashers.threads()));
    }

    #[test]
    fn the_memory_of_a_hash_serves_the_next_one() {
        let mut desk = Desk::default();
        let first = desk.work(&work(1));
        let place = desk.memory.as_ptr();
        assert_eq!((&desk.work(&work(1)), desk.memory.as_ptr()), (&first, place));
        assert_ne!(desk.work(&work(2)), first);
    }

    #[test]
    fn a_wrong_password_takes_the_work_of_a_hash_of_ours_whatever_hash_it_is_not_of() {
        let ssha = "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0";
        let Ok(super::super::foreign::Brought::Kept(foreign)) = super::super::foreign::Brought::read(ssha)
        else {
            panic!("{ssha}")
        };
        for (password, right) in [("secret", true), ("wrong", false)] {
            let mut desk = Desk::default();
            let params = Params::new(64, 1, 1, Some(32)).unwrap();
            let password = Spelling::new(password.as_bytes().to_vec());
            let made = desk.work(&Work::Check { password, foreign: foreign.clone(), params });
            assert_eq!((made, desk.memory.is_empty()), (Made::Right(right), right));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_hashes_comes_after_everything_else() {
        let niceness = |of: &str| -> i32 {
            let stat = std::fs::read_to_string(format!("/proc/{of}/stat")).unwrap();
            stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap().parse().unwrap()
        };
        let before = niceness("self");
        let room = Hashers::new(1, Duration::ZERO).0;
        room.state().threads = 1;
        let behind = std::thread::spawn(move || {
            room.work();
            niceness("thread-self")
        });
        assert_eq!((behind.join().unwrap(), niceness("self")), (BEHIND, before), "the thread alone");
    }
}
