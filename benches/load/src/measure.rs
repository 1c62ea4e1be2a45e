//! What did a round show? Workers go round for some seconds; what was done, how long each took, and what the processes spent meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::process::{self, Which};
use super::provider::Provider;
use super::stats::{Times, median};
use super::workload::{Place, Worker, Workload};

/// How hard, and how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// How many operations are under way at once, each over a connection of its own.
    pub at_once: usize,
    /// How long a round is measured.
    pub lasting: Duration,
}

/// What came of a round, or of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Operations that succeeded.
    pub done: usize,
    /// Operations that did not.
    pub errors: usize,
    /// What the first of those said.
    pub first_error: Option<String>,
    /// Operations a second.
    pub rate: f64,
    /// Milliseconds that half of them took at most.
    pub p50: Option<f64>,
    /// That 95 % of them took at most.
    pub p95: Option<f64>,
    /// That 99 % of them took at most.
    pub p99: Option<f64>,
    /// Milliseconds of processor time that the server spent on one.
    pub server: Option<f64>,
    /// That its database spent.
    pub database: Option<f64>,
    /// That both spent beside the threads of [`HASH`], to the microsecond.
    pub beside_hash: Option<f64>,
    /// That the generator spent.
    pub generator: f64,
}

/// A round of slow operations goes on until there are so many of them, but not for ever.
const FEWEST: usize = 48;
const LONGEST: u32 = 4;

/// What the workers are told, and tell.
#[derive(Default)]
struct Round {
    phase: AtomicU8,
    done: AtomicUsize,
}

const WARMING: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// What one worker has seen while it was measured.
#[derive(Default)]
struct Seen {
    microseconds: Vec<u32>,
    errors: usize,
    first_error: Option<String>,
}

/// Processor time so far.
struct Spent {
    server: Option<f64>,
    database: Option<f64>,
    beside_hash: Option<f64>,
    generator: f64,
}

/// The threads of the program that hash passwords.
const HASH: &str = "hash";

/// One round of one workload.
///
/// # Errors
/// When the provider cannot do it at all.
pub async fn round(provider: &Provider, workload: Workload, pace: Pace) -> anyhow::Result<Figures> {
    let mut workers = Vec::new();
    let of = workload.at_once(pace.at_once);
    let preparing: Vec<_> = (0..of)
        .map(|n| {
            let provider = provider.clone();
            tokio::spawn(async move { Worker::prepared(&provider, workload, Place { n, of }).await })
        })
        .collect();
    for worker in preparing {
        workers.push(worker.await?.with_context(|| workload.name())?);
    }
    let round = Arc::new(Round::default());
    let working: Vec<_> =
        workers.into_iter().map(|worker| tokio::spawn(work(worker, Arc::clone(&round)))).collect();
    tokio::time::sleep(pace.lasting / 5).await;
    let (before, since) = (Spent::so_far(provider)?, Instant::now());
    round.phase.store(MEASURING, Ordering::Relaxed);
    for _ in 0..LONGEST {
        tokio::time::sleep(pace.lasting).await;
        if round.done.load(Ordering::Relaxed) >= FEWEST {
            break;
        }
    }
    let (after, seconds) = (Spent::so_far(provider)?, since.elapsed().as_secs_f64());
    round.phase.store(OVER, Ordering::Relaxed);
    let mut all = Seen::default();
    for seen in working {
        let seen = seen.await?;
        all.microseconds.extend(seen.microseconds);
        all.errors += seen.errors;
        all.first_error = all.first_error.or(seen.first_error);
    }
    Ok(figures(all, seconds, &before, &after))
}

async fn work(mut worker: Worker, round: Arc<Round>) -> Seen {
    let mut seen = Seen::default();
    loop {
        let since = Instant::now();
        let done = worker.once().await;
        let took = since.elapsed();
        match round.phase.load(Ordering::Relaxed) {
            OVER => return seen,
            MEASURING => match done {
                Ok(counted) => {
                    round.done.fetch_add(1, Ordering::Relaxed);
                    let microseconds = counted.unwrap_or(took).as_micros();
                    seen.microseconds.push(u32::try_from(microseconds).unwrap_or(u32::MAX));
                }
                Err(error) => {
                    seen.errors += 1;
                    seen.first_error.get_or_insert_with(|| format!("{error:#}"));
                }
            },
            WARMING if done.is_err() => tokio::time::sleep(Duration::from_millis(10)).await,
            _ => {}
        }
    }
}

impl Spent {
    fn so_far(provider: &Provider) -> anyhow::Result<Self> {
        let of = |which: Option<&Which>| which.map(process::spent).transpose();
        Ok(Self {
            server: of(provider.server())?,
            database: of(provider.database())?,
            beside_hash: spent_beside_hash(provider)?,
            generator: process::spent_here(),
        })
    }
}

/// What server and database have spent so far beside hashes.
///
/// # Errors
/// When one of them is gone.
pub fn spent_beside_hash(provider: &Provider) -> anyhow::Result<Option<f64>> {
    let Some(server) = provider.server() else { return Ok(None) };
    let database = provider.database().map(|database| process::spent_beside(database, HASH)).transpose()?;
    Ok(Some(process::spent_beside(server, HASH)? + database.unwrap_or_default()))
}

#[expect(clippy::cast_precision_loss, reason = "nobody does 2^52 operations")]
fn figures(seen: Seen, seconds: f64, before: &Spent, after: &Spent) -> Figures {
    let times = Times::new(seen.microseconds);
    let done = times.count();
    // What an error has cost cannot be told from the rest: it counts as an operation here.
    let each = (done + seen.errors) as f64;
    let between = |after: Option<f64>, before: Option<f64>| {
        Some((after? - before?) / each).filter(|each| each.is_finite())
    };
    Figures {
        done,
        errors: seen.errors,
        first_error: seen.first_error,
        rate: done as f64 / seconds,
        p50: times.percentile(50),
        p95: times.percentile(95),
        p99: times.percentile(99),
        server: between(after.server, before.server),
        database: between(after.database, before.database),
        beside_hash: between(after.beside_hash, before.beside_hash),
        generator: between(Some(after.generator), Some(before.generator)).unwrap_or_default(),
    }
}

/// The median of each figure over some rounds; errors and operations are added up. Nothing of none.
#[must_use]
pub fn medians(rounds: &[Figures]) -> Option<Figures> {
    let of =
        |figure: fn(&Figures) -> Option<f64>| median(&rounds.iter().filter_map(figure).collect::<Vec<_>>());
    Some(Figures {
        done: rounds.iter().map(|round| round.done).sum(),
        errors: rounds.iter().map(|round| round.errors).sum(),
        first_error: rounds.iter().find_map(|round| round.first_error.clone()),
        rate: of(|round| Some(round.rate))?,
        p50: of(|round| round.p50),
        p95: of(|round| round.p95),
        p99: of(|round| round.p99),
        server: of(|round| round.server),
        database: of(|round| round.database),
        beside_hash: of(|round| round.beside_hash),
        generator: of(|round| Some(round.generator))?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Figures, Seen, Spent, figures, medians};

    #[test]
    fn processor_time_is_shared_by_what_was_done_meanwhile() {
        let seen =
            Seen { microseconds: vec![3000, 1000, 2000], errors: 1, first_error: Some("no".to_owned()) };
        let before = Spent { server: Some(100.0), database: None, beside_hash: Some(1.0), generator: 5.0 };
        let after =
            Spent { server: Some(140.0), database: Some(7.0), beside_hash: Some(3.0), generator: 9.0 };
        let found = figures(seen, 1.5, &before, &after);
        assert_eq!((found.done, found.errors, found.rate), (3, 1, 2.0));
        assert_eq!((found.server, found.database, found.generator), (Some(10.0), None, 1.0));
        assert_eq!((found.p50, found.p99, found.beside_hash), (Some(2.0), Some(3.0), Some(0.5)));
    }

    #[test]
    fn rounds_are_told_by_their_medians() {
        let round = |rate, server| Figures { done: 2, errors: 1, rate, server, ..Figures::default() };
        let found = medians(&[round(9.0, Some(1.0)), round(1.0, Some(5.0)), round(4.0, None)]).unwrap();
        assert_eq!((found.done, found.errors, found.rate, found.server), (6, 3, 4.0, Some(3.0)));
        assert_eq!(medians(&[]), None);
    }
}
