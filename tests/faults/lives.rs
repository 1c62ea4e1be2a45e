//! What do people and apps do while everything falls down around them, and what were they told was done?

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::load::browser::{Browser, PageBetween};
use super::load::http::{Answer, Ask, Connection, Refused};
use super::load::operation::{Visit, exchange};
use super::load::profile::Person;
use super::load::provider::Provider;

/// How much is kept of each kind, to be looked at in the end: the last of each time between two changes of the weather.
const KEPT: usize = 12;

/// What must never be seen, whatever has fallen down.
#[derive(Debug)]
struct Breach(String);

impl std::fmt::Display for Breach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a breach: {}", self.0)
    }
}

impl std::error::Error for Breach {}

/// Whether something is being broken: then errors are to be expected.
#[derive(Debug, Default)]
pub struct Weather {
    is_bad: AtomicBool,
    changes: AtomicUsize,
}

impl Weather {
    /// From now on errors are to be expected, or no more.
    pub fn turns(&self, bad: bool) {
        self.is_bad.store(bad, Ordering::SeqCst);
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// To be given to [`Self::was_bad_since`].
    pub fn now(&self) -> (bool, usize) {
        (self.is_bad.load(Ordering::SeqCst), self.changes.load(Ordering::SeqCst))
    }

    /// Whether it was bad at any time since then.
    pub fn was_bad_since(&self, then: (bool, usize)) -> bool {
        then.0 || self.now() != then
    }
}

/// What has been done, and what was said to be done.
#[derive(Debug, Default)]
pub struct Book {
    pub signed_in: AtomicUsize,
    pub passed: AtomicUsize,
    pub refreshed: AtomicUsize,
    pub twice: AtomicUsize,
    pub in_bad_weather: AtomicUsize,
    wrong: Mutex<Vec<String>>,
    promised: Mutex<Vec<(usize, Promise)>>,
}

/// What an answer has promised.
#[derive(Debug)]
enum Promise {
    /// This browser is signed in.
    Session(Box<Browser>),
    /// This request to the token endpoint will be answered: nobody has used the token yet.
    Fresh(Ask),
    /// This one will be refused: it was used, or revoked.
    Over(Ask),
}

impl Book {
    /// Writes down what is wrong.
    pub fn wrong(&self, what: impl Into<String>) {
        self.wrong.lock().expect("the book").push(what.into());
    }

    /// What was wrong so far.
    pub fn all_wrong(&self) -> Vec<String> {
        self.wrong.lock().expect("the book").clone()
    }

    fn promise(&self, season: usize, promise: Promise) {
        let kind = std::mem::discriminant(&promise);
        let mut promised = self.promised.lock().expect("the book");
        let is_alike =
            |(other, held): &(usize, Promise)| *other == season && std::mem::discriminant(held) == kind;
        if promised.iter().filter(|held| is_alike(held)).count() == KEPT {
            let oldest = promised.iter().position(is_alike);
            oldest.map(|oldest| promised.remove(oldest));
        }
        promised.push((season, promise));
    }

    /// Looks whether all that was promised is true; the answer is how much that was.
    pub async fn is_kept(&self, provider: &Provider) -> [usize; 3] {
        let promised = std::mem::take(&mut *self.promised.lock().expect("the book"));
        let mut counts = [0; 3];
        for (_, promise) in promised {
            let (kind, kept) = match promise {
                Promise::Session(mut browser) => {
                    (0, browser.pass(&Visit::new(provider).path).await.map(drop))
                }
                Promise::Fresh(ask) => (1, first(&mut provider.connection(1), &ask).await.map(drop)),
                Promise::Over(ask) => (2, refused(&mut provider.connection(1), &ask).await),
            };
            counts[kind] += 1;
            if let Err(error) = kept {
                self.wrong(format!("in the end: {error:#}"));
            }
        }
        counts
    }
}

/// One after the other, until somebody says stop. Each worker has people of its own: of one person one password is checked at a time.
pub async fn live(
    provider: &Provider,
    (worker, of): (usize, usize),
    weather: &Weather,
    book: &Book,
    stop: &AtomicBool,
) {
    let (mut unheard, people) = (0, provider.people().expect("people"));
    let coded = provider.profile().coded.as_ref().expect("people who are sent codes");
    for n in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        // What was lost on its way to somebody may still come: their next code would be mistaken.
        let person = if n % 3 == 0 { coded.person(worker + of * unheard) } else { people.person(worker) };
        let before = weather.now();
        let life = Life { provider, book, weather, number: provider.next_visit() };
        let lived = match n % 4 {
            0 => life.stays(&person).await,
            1 => life.exchanges_twice(&person).await,
            2 => life.refreshes_twice(&person).await,
            _ => life.leaves(&person).await,
        };
        if let Err(error) = lived {
            let is_breach = error.is::<Breach>() || error.is::<PageBetween>();
            if is_breach || !weather.was_bad_since(before) {
                book.wrong(format!("{}: {error:#}", person.login));
            } else {
                book.in_bad_weather.fetch_add(1, Ordering::SeqCst);
                unheard += usize::from(n % 3 == 0);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One browser and one app, from the sign-in on.
struct Life<'a> {
    provider: &'a Provider,
    book: &'a Book,
    weather: &'a Weather,
    number: usize,
}

impl Life<'_> {
    /// Signs in, passes by again, refreshes; session and last token are kept.
    async fn stays(&self, person: &Person) -> anyhow::Result<()> {
        let (mut browser, code) = self.signs_in(person).await?;
        let mut tokens = first(browser.connection(), &code).await?;
        for _ in 0..2 {
            let visit = Visit::new(self.provider);
            let arrived = browser.pass(&visit.path).await.map_err(no_500)?;
            first(browser.connection(), &exchange(self.provider, &visit.code(&arrived)?)).await?;
            self.book.passed.fetch_add(1, Ordering::SeqCst);
            let refresh = self.refresh(&tokens)?;
            tokens = first(browser.connection(), &refresh).await?;
            self.book.refreshed.fetch_add(1, Ordering::SeqCst);
        }
        self.promise(Promise::Fresh(self.refresh(&tokens)?));
        self.promise(Promise::Session(Box::new(browser)));
        Ok(())
    }

    /// Signs in, and the app sends the code from two machines at the same moment.
    async fn exchanges_twice(&self, person: &Person) -> anyhow::Result<()> {
        let (_, code) = self.signs_in(person).await?;
        self.twice(&code).await
    }

    /// Signs in, refreshes, and the app sends the next refresh token from two machines at the same moment.
    async fn refreshes_twice(&self, person: &Person) -> anyhow::Result<()> {
        let (mut browser, code) = self.signs_in(person).await?;
        let tokens = first(browser.connection(), &code).await?;
        let tokens = first(browser.connection(), &self.refresh(&tokens)?).await?;
        self.book.refreshed.fetch_add(1, Ordering::SeqCst);
        self.twice(&self.refresh(&tokens)?).await
    }

    /// Signs in, and the app gives its token back.
    async fn leaves(&self, person: &Person) -> anyhow::Result<()> {
        let (mut browser, code) = self.signs_in(person).await?;
        let tokens = first(browser.connection(), &code).await?;
        let refresh = self.refresh(&tokens)?;
        let token = member(&tokens, "refresh_token")?;
        let mut revoke = self.provider.token_request(&self.provider.profile().app, &[("token", token)]);
        "/revoke".clone_into(&mut revoke.path);
        let answer = browser.connection().send(&revoke).await?;
        anyhow::ensure!(answer.status == 200, judged(&answer, "/revoke"));
        self.promise(Promise::Over(refresh));
        Ok(())
    }

    /// A new browser; the answer is the request by which the app gets its tokens.
    async fn signs_in(&self, person: &Person) -> anyhow::Result<(Browser, Ask)> {
        let mut browser = Browser::new(self.provider, self.provider.connection(self.number));
        let visit = Visit::new(self.provider);
        let signed = browser.sign_in(&visit.path, person).await.map_err(no_500)?;
        self.book.signed_in.fetch_add(1, Ordering::SeqCst);
        Ok((browser, exchange(self.provider, &visit.code(&signed.arrived)?)))
    }

    fn promise(&self, promise: Promise) {
        self.book.promise(self.weather.now().1, promise);
    }

    fn refresh(&self, tokens: &Value) -> anyhow::Result<Ask> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", member(tokens, "refresh_token")?)];
        Ok(self.provider.token_request(&self.provider.profile().app, &form))
    }

    /// What is good once is sent from two machines at the same moment, and later again.
    async fn twice(&self, ask: &Ask) -> anyhow::Result<()> {
        let mut machines = [1, 2].map(|n| self.provider.connection(self.number + n));
        let [one, two] = &mut machines;
        let (one, two) = tokio::join!(one.send(ask), two.send(ask));
        let answers = [one, two];
        let served = answers.iter().flatten().filter(|answer| answer.status == 200).count();
        let refused = answers.iter().flatten().filter(|answer| answer.status == 400).count();
        if served > 1 || (served == 0 && refused == 2) {
            anyhow::bail!(Breach(format!("sent twice at once, it was good {served} times")));
        }
        if served == 1 {
            self.book.twice.fetch_add(1, Ordering::SeqCst);
            self.promise(Promise::Over(ask.clone()));
        }
        for answer in answers {
            let answer = answer?;
            anyhow::ensure!([200, 400].contains(&answer.status), judged(&answer, "/token"));
        }
        Ok(())
    }
}

fn member<'a>(tokens: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    tokens[name].as_str().ok_or_else(|| anyhow::anyhow!("no {name} in {tokens}"))
}

/// The answer to the first request with what is good once. If it was heard at all, it is a good one: what was promised is kept.
async fn first(connection: &mut Connection, ask: &Ask) -> anyhow::Result<Value> {
    let answer = connection.send(ask).await?;
    match answer.status {
        200 => answer.json(&ask.path),
        502..=504 => Err(judged(&answer, &ask.path)),
        _ => Err(Breach(format!("what nobody had used was refused, {}", answer.refused(&ask.path))).into()),
    }
}

/// What was used or revoked is refused.
async fn refused(connection: &mut Connection, ask: &Ask) -> anyhow::Result<()> {
    let answer = connection.send(ask).await?;
    anyhow::ensure!(answer.status == 400, Breach(format!("what was over is answered {}", answer.status)));
    Ok(())
}

/// A refusal as the error that it is.
fn judged(answer: &Answer, place: &str) -> anyhow::Error {
    no_500(answer.refused(place).into())
}

/// There is no excuse for 500.
fn no_500(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<Refused>() {
        Some(refused) if refused.status == 500 => Breach(refused.to_string()).into(),
        _ => error,
    }
}
