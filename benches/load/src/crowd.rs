//! Does anything else wait while many sign in at once? `/token` and `/jwks` are asked at a steady pace, first alone, then while a
//! crowd's passwords are checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::browser::Browser;
use super::http::{Ask, Connection};
use super::operation::{self, client_credentials, sign_in};
use super::profile::Client;
use super::provider::Provider;
use super::stats::Times;

/// Each of the two is asked a hundred times a second, over connections that take turns, so that a late answer delays no question.
const EVERY: Duration = Duration::from_millis(160);
const CONNECTIONS: u32 = 16;

/// How long they are asked alone.
const QUIET: Duration = Duration::from_secs(6);

/// What was seen.
#[derive(Debug)]
pub struct Crowd {
    /// Without the crowd.
    pub quiet: Probed,
    /// With it.
    pub loud: Probed,
    /// How many signed in.
    pub signed_in: usize,
    /// How many could not.
    pub errors: usize,
    /// What the first of those was told.
    pub first_error: Option<String>,
    /// How long they took together, in seconds.
    pub seconds: f64,
}

/// How long the answers took.
#[derive(Debug, Default)]
pub struct Probed {
    /// Of `/token`: client credentials.
    pub token: Times,
    /// Of `/jwks`.
    pub jwks: Times,
    /// Of a bare server beside the provider, if there is one: what no provider on this machine can do better.
    pub bare: Option<Times>,
    /// Those that did not come.
    pub errors: usize,
}

#[derive(Clone)]
enum Question {
    Token(Client),
    Jwks,
    /// The discovery document of the bare server.
    Bare,
}

/// Who is asked.
#[derive(Clone)]
struct Asked {
    provider: Provider,
    client: Client,
    bare: Option<Provider>,
}

/// Lets so many people sign in at once, some times over. A bare server is asked beside, at the same pace, to tell what the machine does.
///
/// # Errors
/// When the profile has too few people or no client for the questions.
pub async fn gather(
    provider: &Provider,
    bare: Option<&Provider>,
    size: usize,
    waves: usize,
) -> anyhow::Result<Crowd> {
    let people = provider.people()?.count;
    anyhow::ensure!(people >= size, "{size} people are to sign in at once, and the profile has {people}");
    let profile = provider.profile();
    let client = profile.es256.clone().or_else(|| profile.rs256.clone());
    let client = client.context("the profile has no client for client credentials")?;
    let asked = Asked { provider: provider.clone(), client, bare: bare.cloned() };
    let quiet = Asking::begin(&asked);
    tokio::time::sleep(QUIET).await;
    let quiet = quiet.end()?;
    let (mut signed_in, mut errors, mut first_error) = (0, 0, None);
    let loud = Asking::begin(&asked);
    let since = Instant::now();
    for _ in 0..waves {
        let all: Vec<_> = (0..size).map(|n| tokio::spawn(one(provider.clone(), n))).collect();
        for one in all {
            match one.await? {
                Ok(()) => signed_in += 1,
                Err(error) => {
                    errors += 1;
                    first_error.get_or_insert_with(|| format!("{error:#}"));
                }
            }
        }
    }
    let seconds = since.elapsed().as_secs_f64();
    Ok(Crowd { quiet, loud: loud.end()?, signed_in, errors, first_error, seconds })
}

async fn one(provider: Provider, n: usize) -> anyhow::Result<()> {
    let mut browser = Browser::new(&provider, provider.connection(n));
    sign_in(&provider, &mut browser, &provider.people()?.person(n)).await?;
    Ok(())
}

/// The questions, on a thread of their own: the crowd's pages are not to delay them on our side.
struct Asking {
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<anyhow::Result<Probed>>,
}

impl Asking {
    fn begin(asked: &Asked) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (asked, until) = (asked.clone(), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(ask_all(&asked, &until))
        });
        Self { over, thread }
    }

    fn end(self) -> anyhow::Result<Probed> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the asking thread is gone"))?
    }
}

async fn ask_all(asked: &Asked, over: &Arc<AtomicBool>) -> anyhow::Result<Probed> {
    let questions = [
        (asked.provider.clone(), Question::Token(asked.client.clone())),
        (asked.provider.clone(), Question::Jwks),
    ];
    let bare = asked.bare.iter().map(|bare| (bare.clone(), Question::Bare));
    let mut asking = Vec::new();
    for (whom, question) in questions.into_iter().chain(bare) {
        let ask =
            |n| tokio::spawn(ask(whom.clone(), question.clone(), EVERY / CONNECTIONS * n, Arc::clone(over)));
        asking.push((0..CONNECTIONS).map(ask).collect::<Vec<_>>());
    }
    let (mut all, mut errors) = (Vec::new(), 0);
    for one in asking {
        let mut times = Vec::new();
        for asked in one {
            let (some, lost) = asked.await?;
            times.extend(some);
            errors += lost;
        }
        all.push(Times::new(times));
    }
    let mut all = all.into_iter();
    let mut next = || all.next().unwrap_or_default();
    Ok(Probed { token: next(), jwks: next(), bare: asked.bare.is_some().then(next), errors })
}

/// Asks the same at its pace. An answer that comes after the next question was due makes that one late, which counts.
async fn ask(
    provider: Provider,
    question: Question,
    after: Duration,
    over: Arc<AtomicBool>,
) -> (Vec<u32>, usize) {
    let (mut times, mut errors) = (Vec::new(), 0);
    let mut connection = provider.connection(50_000);
    // The connection is made before anything is measured.
    let _ = put(&provider, &mut connection, &question).await;
    let mut due = Instant::now() + after;
    while !over.load(Ordering::Relaxed) {
        let late = due.checked_duration_since(Instant::now()).is_none();
        if !late {
            tokio::time::sleep_until(due.into()).await;
        }
        let since = if late { due } else { Instant::now() };
        match put(&provider, &mut connection, &question).await {
            Ok(()) => times.push(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)),
            Err(_) => errors += 1,
        }
        due += EVERY;
    }
    (times, errors)
}

async fn put(provider: &Provider, connection: &mut Connection, question: &Question) -> anyhow::Result<()> {
    match question {
        Question::Token(client) => client_credentials(provider, connection, client).await.map(drop),
        Question::Jwks => operation::get(connection, &Ask::get(&provider.endpoints().jwks)).await,
        Question::Bare => operation::get(connection, &Ask::get(&provider.endpoints().discovery)).await,
    }
}
