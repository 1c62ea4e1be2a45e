//! Who sends a queued message, when, and what is written down about it?

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use lettre::message::Mailbox;
use rand::CryptoRng;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::message::{Outgoing, Purpose, build, mask, mask_all};
use super::retry::{Failure, Fate, fate};
use super::settings;
use super::transport::{Failed, MailError, Transport, sender};
use super::working;
use crate::clock::Clock;
use crate::config::Config;
use crate::keys::Vault;
use crate::keys::secret::new_id_at;
use crate::metrics::Metrics;
use crate::store::messages::{self, ClaimedRow, DeliveryRow, NewMessage};
use crate::store::{self, Conn, Db};
use crate::trace::{self, Kind};

/// What a message is sealed for.
const SEAL: &str = "mail message";

/// Messages sent at once by this process: connections to the mail server are bounded, whoever asks for codes.
const AT_ONCE: usize = 16;

/// Messages looked for at once.
const BATCH: i64 = 32;

/// How often the worker looks by itself.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long the request that queued an awaited message has it to itself, in seconds.
const HEAD_START: i64 = 5;

/// How long after the limit on an exchange another process may take a message for lost, in seconds; clocks differ.
const LEASE_MARGIN: i64 = 15;

/// What became of a message while somebody waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken it.
    Accepted(String),
    /// It will not be sent; with the server's words, which are for operators.
    Refused(String),
    /// It is on its way.
    Underway,
}

/// What sends mail; cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    vault: Vault,
    clock: Clock,
    /// As the file says it.
    config: Config,
    /// As it is done now.
    way: RwLock<Arc<Way>>,
    limit: i64,
    metrics: Metrics,
    places: Arc<Semaphore>,
    news: Notify,
    /// Whether the database has failed since the worker last looked.
    struck: AtomicBool,
}

/// What a mail server that works was found to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// The same in words.
    pub words: String,
    /// To which address it would take a message; none where that was not asked.
    pub taken_for: Option<String>,
    /// What it says against a message to the address of whoever asks, where it would take none to that one.
    pub against_own: Option<String>,
}

/// How mail leaves.
#[derive(Debug)]
struct Way {
    /// What was saved about it in the database; none where the file counts.
    kept: Option<String>,
    from: Mailbox,
    transport: Transport,
    set_up: bool,
}

impl Way {
    fn of(config: &Config, kept: Option<String>) -> Result<Self, MailError> {
        let (from, transport) = (sender(&config.mail)?, Transport::new(config)?);
        // Whoever has saved settings has said how mail leaves.
        Ok(Self { from, transport, set_up: kept.is_some() || config.mail.is_set_up(), kept })
    }
}

/// Queues a message in the caller's transaction, sealed: it may carry a code. Answers its id.
///
/// # Errors
/// When the database or the master key fails.
pub async fn queue(
    conn: &mut Conn,
    vault: &Vault,
    outgoing: &Outgoing,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<String, MailError> {
    let id = new_id_at(now_ms, rng);
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(outgoing).unwrap_or_default());
    let sealed = vault.seal(SEAL, &id, &plain, rng)?;
    let now = now_ms / 1000;
    let new = NewMessage {
        id: &id,
        purpose: outgoing.purpose.name(),
        user_id: outgoing.user_id.as_deref(),
        address: &outgoing.to,
        reference: outgoing.reference.as_deref(),
        sealed: &sealed,
        created_at_ms: now_ms,
        next_at: if outgoing.purpose.is_awaited() { now + HEAD_START } else { now },
        expires_at: outgoing.expires_at,
    };
    messages::add(conn, new).await?;
    Ok(id)
}

/// The newest `limit` lines of the delivery record.
///
/// # Errors
/// When the database refuses.
pub async fn recent(conn: &mut Conn, limit: i64) -> store::Result<Vec<DeliveryRow>> {
    messages::recent(conn, limit).await
}

impl Mailer {
    /// A mailer for these settings.
    ///
    /// # Errors
    /// When the settings cannot be used; a mail server that does not answer is no error here.
    pub fn new(db: Db, vault: Vault, config: &Config, clock: Clock) -> Result<Self, MailError> {
        Self::measured(db, vault, config, clock, Metrics::off())
    }

    /// The same, measured by these instruments.
    ///
    /// # Errors
    /// When the settings cannot be used; a mail server that does not answer is no error here.
    pub fn measured(
        db: Db,
        vault: Vault,
        config: &Config,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, MailError> {
        Ok(Self(Arc::new(Inner {
            db,
            vault,
            clock,
            way: RwLock::new(Arc::new(Way::of(config, None)?)),
            config: config.clone(),
            limit: config.mail.timeout.as_secs(),
            metrics,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            news: Notify::new(),
            struck: AtomicBool::new(false),
        })))
    }

    /// Sends a committed message and waits at most `patience` for the outcome. The sending itself goes on in the
    /// background, whether or not anybody waits; if there was no place for it in that time, the worker comes to it.
    pub async fn deliver_within(&self, id: &str, patience: Duration) -> Outcome {
        let sending = async {
            let place = Arc::clone(&self.0.places).acquire_owned().await.ok()?;
            self.start(id.to_owned(), place).await.ok()
        };
        match tokio::time::timeout(patience, sending).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) | Err(_) => Outcome::Underway,
        }
    }

    /// Whether somebody has said how mail leaves: only then are people told to wait for some.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        self.way().set_up
    }

    /// The settings as the file says them, whatever was saved over those of mail.
    #[must_use]
    pub fn file(&self) -> &Config {
        &self.0.config
    }

    fn way(&self) -> Arc<Way> {
        Arc::clone(&self.0.way.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes up what was saved in the database since the last look, or that nothing is any more.
    fn follow(&self, kept: Option<String>) -> Arc<Way> {
        let way = self.way();
        if way.kept == kept {
            return way;
        }
        let config = match &kept {
            None => Ok(self.0.config.clone()),
            Some(sealed) => settings::open(&self.0.vault, sealed).map(|saved| saved.over(&self.0.config)),
        };
        match config.and_then(|config| Way::of(&config, kept)) {
            Ok(new) => {
                let new = Arc::new(new);
                *self.0.way.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
                tracing::info!(saved = new.kept.is_some(), "mail leaves another way now");
                new
            }
            Err(error) => {
                tracing::error!(%error, "the saved settings of mail cannot be used: those before go on");
                way
            }
        }
    }

    /// The way as it is saved now.
    async fn look(&self) -> store::Result<Arc<Way>> {
        let kept = settings::kept(&mut self.0.db.read().await?).await?;
        Ok(self.follow(kept))
    }

    /// Lets the worker look for messages now.
    pub fn wake(&self) {
        self.0.news.notify_one();
    }

    /// Connects to the mail server, agrees on TLS and logs in, without sending anything. That it lets us in is written down: what it
    /// refused before, for reasons of its own, counts against nobody any more.
    ///
    /// # Errors
    /// What is wrong, in the server's words.
    pub async fn probe(&self) -> Result<String, String> {
        self.tried(None, false).await.map(|found| found.words)
    }

    /// The same within a limit, for whoever looks at a page meanwhile, and asks whether a message would be taken: to their `own` address,
    /// or else, where they have none or it is refused for itself alone, to the sender's. Nothing is sent to anybody.
    ///
    /// # Errors
    /// What is wrong, in the server's words; or that it took longer than this.
    pub async fn would_take_within(&self, own: Option<&str>, limit: Duration) -> Result<Probed, String> {
        tokio::time::timeout(limit, self.tried(own, true)).await.unwrap_or_else(|_| Err(late(limit)))
    }

    async fn tried(&self, own: Option<&str>, ask: bool) -> Result<Probed, String> {
        let way = self.look().await.map_err(|e| e.to_string())?;
        let from: &str = way.from.email.as_ref();
        let to: Vec<&str> = own.into_iter().chain(ask.then_some(from)).collect();
        let probed = way.transport.probe(from, &to).await?;
        if let Err(error) = self.note_let_in().await {
            tracing::warn!(%error, "that mail works could not be written down");
        }
        Ok(probed)
    }

    async fn note_let_in(&self) -> store::Result<()> {
        let mut tx = self.0.db.write().await?;
        working::note_let_in(&mut tx, self.0.clock.now()).await?;
        tx.commit().await
    }

    /// The same, for whoever looks at a page meanwhile.
    ///
    /// # Errors
    /// What is wrong, in the server's words; or that it took longer than this.
    pub async fn probe_within(&self, limit: Duration) -> Result<String, String> {
        tokio::time::timeout(limit, self.probe()).await.unwrap_or_else(|_| Err(late(limit)))
    }

    /// Sends what is due until `shutdown` ends, then finishes what is under way.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let work = async {
            loop {
                self.way().transport.tidy(self.0.clock.now());
                self.send_due().await;
                if self.0.struck.swap(false, Ordering::Relaxed) {
                    // What could not be claimed is due again at once: without a rest that would go round and round.
                    tokio::time::sleep(LOOK_EVERY).await;
                    continue;
                }
                tokio::select! {
                    () = self.0.news.notified() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        };
        tokio::select! {
            () = shutdown => {}
            () = work => {}
        }
        // Every place free again: nothing is under way. Closed: nothing will be.
        let all = u32::try_from(AT_ONCE).unwrap_or(u32::MAX);
        let _places = self.0.places.acquire_many(all).await;
        self.0.places.close();
    }

    /// Starts sending everything that is due; returns when the last of it has been started.
    async fn send_due(&self) {
        let now = self.0.clock.now();
        let due = match self.0.db.read().await {
            Ok(mut conn) => {
                if let Ok(kept) = settings::kept(&mut conn).await {
                    self.follow(kept);
                }
                messages::due(&mut conn, now, BATCH).await
            }
            Err(e) => Err(e),
        };
        let due = due.unwrap_or_else(|error| {
            tracing::warn!(%error, "the mail queue cannot be read");
            Vec::new()
        });
        if i64::try_from(due.len()) == Ok(BATCH) {
            self.wake();
        }
        for id in due {
            let Ok(place) = Arc::clone(&self.0.places).acquire_owned().await else { return };
            self.start(id, place);
        }
    }

    /// Sends in a task of its own, which nothing that its caller does cuts short.
    fn start(&self, id: String, place: OwnedSemaphorePermit) -> JoinHandle<Outcome> {
        let mailer = self.clone();
        tokio::spawn(trace::carried(async move {
            let outcome = mailer.deliver(&id).await;
            drop(place);
            outcome
        }))
    }

    async fn deliver(&self, id: &str) -> Outcome {
        match self.attempt(id).await {
            Ok(outcome) => outcome,
            Err(error) => {
                self.0.struck.store(true, Ordering::Relaxed);
                tracing::error!(id, %error, "a message could not be handled");
                Outcome::Underway
            }
        }
    }

    async fn attempt(&self, id: &str) -> Result<Outcome, MailError> {
        let mail = &*self.0;
        let now = mail.clock.now();
        let mut tx = mail.db.write().await?;
        let kept = settings::kept(&mut tx).await?;
        let claimed = messages::claim(&mut tx, id, now + mail.limit + LEASE_MARGIN, now).await?;
        tx.commit().await?;
        let Some(claimed) = claimed else { return Ok(Outcome::Underway) };
        let way = self.follow(kept);
        if claimed.expires_at <= now {
            self.settle(&claimed, "expired", "it would have come too late").await?;
            return Ok(Outcome::Refused("it would have come too late".to_owned()));
        }
        let sent = match self.open(&way, &claimed, now) {
            Ok(message) => self.send(&way, &message, &claimed, now).await,
            Err(e) => Err(Failed { failure: Failure::Permanent, answer: e.to_string() }),
        };
        match sent {
            Ok(answer) => {
                self.settle(&claimed, "accepted", &answer).await?;
                Ok(Outcome::Accepted(answer))
            }
            Err(failed) => self.failed(&claimed, failed).await,
        }
    }

    async fn send(
        &self,
        way: &Way,
        message: &lettre::Message,
        claimed: &ClaimedRow,
        now: i64,
    ) -> Result<String, Failed> {
        let span = trace::begin(Kind::Client);
        let sent = way.transport.send(message, &claimed.id, now).await;
        if let Some(span) = span {
            span.with("countersign.mail.purpose", purpose(claimed)).end("mail", sent.is_err());
        }
        sent
    }

    fn open(&self, way: &Way, claimed: &ClaimedRow, now: i64) -> Result<lettre::Message, MailError> {
        let sealed = claimed.sealed.as_deref().unwrap_or_default();
        let plain = self.0.vault.unseal(SEAL, &claimed.id, sealed)?;
        let outgoing: Outgoing =
            serde_json::from_slice(&plain).map_err(|e| MailError::Build(e.to_string()))?;
        build(&way.from, &outgoing, &claimed.id, now)
    }

    async fn failed(&self, claimed: &ClaimedRow, failed: Failed) -> Result<Outcome, MailError> {
        let now = self.0.clock.now();
        let awaited = Purpose::from_name(&claimed.purpose).is_some_and(Purpose::is_awaited);
        match fate(claimed.attempts, failed.failure, awaited, now, claimed.expires_at) {
            Fate::Refused => {
                self.settle(claimed, "refused", &failed.answer).await?;
                Ok(Outcome::Refused(failed.answer))
            }
            Fate::Expired => {
                self.settle(claimed, "expired", &failed.answer).await?;
                Ok(Outcome::Refused(failed.answer))
            }
            Fate::RetryAt(at) => {
                let mut tx = self.0.db.write().await?;
                messages::defer(&mut tx, claimed, &failed.answer, at).await?;
                tx.commit().await?;
                self.tell(claimed, "deferred", &failed.answer);
                Ok(Outcome::Underway)
            }
        }
    }

    async fn settle(&self, claimed: &ClaimedRow, state: &'static str, answer: &str) -> store::Result<()> {
        let mut tx = self.0.db.write().await?;
        messages::finish(&mut tx, claimed, state, answer, self.0.clock.now()).await?;
        tx.commit().await?;
        self.tell(claimed, state, answer);
        Ok(())
    }

    /// Says what has become of a message.
    fn tell(&self, claimed: &ClaimedRow, state: &'static str, answer: &str) {
        let way = self.0.clock.now_ms().saturating_sub(claimed.created_at_ms);
        let way = Duration::from_millis(u64::try_from(way).unwrap_or_default());
        self.0.metrics.mail(purpose(claimed), state, way);
        let to = mask(&claimed.address);
        let answer = mask_all(answer, &claimed.address);
        tracing::info!(id = claimed.id, purpose = claimed.purpose, to, state, answer, "mail");
    }
}

/// The word for what a message is for; a later version may know more than this one.
fn purpose(claimed: &ClaimedRow) -> &'static str {
    Purpose::from_name(&claimed.purpose).map_or("other", Purpose::name)
}
fn late(limit: Duration) -> String {
    format!("the mail server took more than {} s", limit.as_secs())
}
