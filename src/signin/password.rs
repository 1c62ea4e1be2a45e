//! The password step: is this the login's password?

use super::SignInState;
use super::browser::Browser;
use super::known::Known;
use super::notice::Notice;
use super::throttle::rule::Verdict;
use super::throttle::{Standing, Try};
use crate::audit::{Actor, Event};
use crate::directory::{Address, Lane, Login, Password, Passwords, Person, Status, Turn, login, people};
use crate::keys::secret::entropy;
use crate::metrics::Decision;
use crate::store::signins::{self, SignInRow};
use crate::store::{self, Conn, users};
use crate::web::network::Network;

/// Who is trying, and from where.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    /// What was typed as login.
    pub login: &'a str,
    /// What was typed as password.
    pub password: &'a str,
    /// The browser.
    pub browser: &'a Browser,
    /// What the browser presents as the sign of an earlier sign-in.
    pub known: Option<&'a Known>,
    /// The network.
    pub network: &'a Network,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What a password turned out to be. What follows from it is to be written down by whoever asked.
#[derive(Debug)]
#[must_use = "a refusal counts once it is written down"]
pub enum Checked {
    /// The right one, of an active user.
    Right(Box<Right>),
    /// Anything else.
    Refused(Box<Refused>),
}

/// A right password.
#[derive(Debug)]
pub struct Right {
    /// Whose it is.
    pub person: Person,
    /// Whether it is too short to let one in alone, where that is not on file.
    short: Option<bool>,
    tried: Try,
    standing: Standing,
    _turn: Turn,
}

/// A try that was not right, or not heard.
#[derive(Debug)]
pub struct Refused {
    /// What the person is told.
    pub notice: Notice,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// It was found wrong.
    Wrong { tried: Try, user: Option<String>, _turn: Turn },
    /// It was not heard, and there may be a place in line for it.
    Early { tried: Try, queue: bool, until: i64 },
    /// Nobody had time for it.
    Busy,
}

/// Takes the password step of a sign-in and records what came of it: the proof, or what the next page says, which is the answer.
/// Unknown login, wrong password and disabled user are alike in words and in the work that they cost.
///
/// # Errors
/// When the database refuses.
pub async fn take(
    state: &SignInState,
    signin: &SignInRow,
    attempt: &Attempt<'_>,
) -> store::Result<Option<Notice>> {
    let checked = check(state, attempt, false).await?;
    let mut tx = state.db.write().await?;
    let said = match checked {
        Checked::Right(right) if still_holds(&mut tx, &right.person).await? => {
            right.settle(&mut tx).await?;
            signins::record_password(&mut tx, &signin.id, &right.person.id, attempt.now_ms / 1000).await?;
            None
        }
        Checked::Right(_) => {
            let notice = Notice::AccountChanged;
            signins::start_again(&mut tx, &signin.id, Some(&notice.to_json()), None, true).await?;
            Some(notice)
        }
        Checked::Refused(refused) => {
            refused.settle(state, &mut tx, attempt).await?;
            signins::start_again(&mut tx, &signin.id, Some(&refused.notice.to_json()), None, true).await?;
            Some(refused.notice)
        }
    };
    tx.commit().await?;
    Ok(said)
}

/// Whether the password that was found right is the user's still: the check takes its time, and what ends pending sign-ins
/// meanwhile does not see a proof that is written down afterwards.
async fn still_holds(conn: &mut Conn, person: &Person) -> store::Result<bool> {
    let Some(hash) = &person.password_hash else { return Ok(false) };
    users::lock_with_password(conn, &person.id, hash).await
}

/// Checks a login and password, slowed down as the failures before it deserve. `proven` says that the same password was given
/// in this browser's sign-in before.
///
/// # Errors
/// When the database refuses.
pub async fn check(state: &SignInState, attempt: &Attempt<'_>, proven: bool) -> store::Result<Checked> {
    let checked = hear(state, attempt, proven).await?;
    state.metrics.throttled(checked.decision());
    Ok(checked)
}

async fn hear(state: &SignInState, attempt: &Attempt<'_>, proven: bool) -> store::Result<Checked> {
    let mut conn = state.db.read().await?;
    let likely = attempt.likely(proven).map(|likely| likely.ask(&mut conn)).transpose()?;
    let (person, tried, lane) = who(&mut conn, attempt, proven).await?;
    let mut standing = tried.look_at(&mut conn, likely, attempt.now_ms / 1000).await?;
    drop(conn);
    if let Some(early) = early(attempt, &tried, &standing, attempt.now_ms / 1000) {
        return Ok(early);
    }
    let Ok(turn) = state.passwords.enter(lane).await else { return Ok(busy(attempt)) };
    if turn.has_waited() {
        // What was found wrong meanwhile counts, or those who come at once would all be heard.
        let now = state.clock.now();
        let mut conn = state.db.read().await?;
        standing = tried.look(&mut conn, now).await?;
        drop(conn);
        if let Some(early) = early(attempt, &tried, &standing, now) {
            return Ok(early);
        }
    }
    let active = person.filter(|p| p.status == Status::Active);
    let hash = active.as_ref().and_then(|p| p.password_hash.as_deref());
    let verified = state.passwords.verify(&turn, hash, &Password::typed(attempt.password)).await;
    match (verified, active) {
        (Err(_), _) => Ok(busy(attempt)),
        (Ok(true), Some(mut person)) => {
            renew(state, &turn, &mut person, attempt.password).await?;
            let short =
                !Password::typed(attempt.password).has(usize::from(state.settings.password_min_alone));
            let short = (person.password_short != Some(short)).then_some(short);
            Ok(Checked::Right(Box::new(Right { person, short, tried, standing, _turn: turn })))
        }
        (Ok(_), other) => {
            let user = other.map(|person| person.id);
            let notice = Notice::Incorrect { login: Some(attempt.typed()) };
            let why = Why::Wrong { tried, user, _turn: turn };
            Ok(Checked::Refused(Box::new(Refused { notice, why })))
        }
    }
}

/// Whose login it is, what a failure would be counted for, and behind whom the hash waits.
async fn who(
    conn: &mut Conn,
    attempt: &Attempt<'_>,
    proven: bool,
) -> store::Result<(Option<Person>, Try, Lane)> {
    let login = Login::parse(attempt.login).ok();
    let person = match &login {
        Some(login) => people::find_by_login_or_email(conn, login).await?,
        None => None,
    };
    // Whoever types an address is counted as the user whose it is.
    let key = match &person {
        Some(person) => login::fold(&person.login),
        None => login.map_or_else(String::new, |login| login.key()),
    };
    let known = match (&person, attempt.known) {
        _ if proven => Some(attempt.browser.as_str()),
        (Some(person), Some(known)) if known.is_known(conn, &person.id).await? => Some(known.as_str()),
        _ => None,
    };
    // All known browsers of one account wait behind each other, and no stranger before them.
    let account = login::hashed(&key) + if known.is_some() { " known" } else { "" };
    let lane = Lane { account: Some(account), network: Some(attempt.network.allotment()) };
    let tried = match known {
        Some(browser) => Try::of_known(&key, browser),
        None => Try::of_stranger(&key, attempt.network, attempt.browser),
    };
    Ok((person, tried, lane))
}

/// The answer to a try that is not to be heard yet.
fn early(attempt: &Attempt<'_>, tried: &Try, standing: &Standing, now: i64) -> Option<Checked> {
    let (until, queue) = match standing.verdict(now) {
        Verdict::Heard => return None,
        Verdict::Wait(until) => (until, false),
        Verdict::Queue(until) => (until, true),
    };
    let notice = Notice::Throttled { login: Some(attempt.typed()), until };
    let why = Why::Early { tried: tried.clone(), queue, until };
    Some(Checked::Refused(Box::new(Refused { notice, why })))
}

fn busy(attempt: &Attempt<'_>) -> Checked {
    let notice = Notice::Busy { login: Some(attempt.typed()) };
    Checked::Refused(Box::new(Refused { notice, why: Why::Busy }))
}

impl Attempt<'_> {
    /// What a failure will be counted for, most likely: that is asked in the same breath as whose login it is. None for an address,
    /// which is somebody's or not: the answer takes the same time either way.
    fn likely(&self, proven: bool) -> Option<Try> {
        let login =
            Login::parse(self.login).ok().filter(|login| Address::key_of(login.as_str()).is_none())?;
        Some(match self.known {
            _ if proven => Try::of_known(&login.key(), self.browser.as_str()),
            Some(known) => Try::of_known(&login.key(), known.as_str()),
            None => Try::of_stranger(&login.key(), self.network, self.browser),
        })
    }

    /// What was typed as login, to be shown again.
    fn typed(&self) -> String {
        self.login.chars().take(200).collect()
    }
}

impl Checked {
    /// When it was heard, or is.
    fn decision(&self) -> Decision {
        match self {
            Self::Right(_) => Decision::Heard,
            Self::Refused(refused) => match refused.why {
                Why::Wrong { .. } => Decision::Heard,
                Why::Early { queue: true, .. } => Decision::Queue,
                Why::Early { queue: false, .. } => Decision::Wait,
                Why::Busy => Decision::Busy,
            },
        }
    }
}

impl Right {
    /// Writes down that it was right.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn settle(&self, conn: &mut Conn) -> store::Result<()> {
        if let (Some(short), Some(hash)) = (self.short, &self.person.password_hash) {
            users::note_length(conn, &self.person.id, hash, short).await?;
        }
        self.tried.succeeded(conn, &self.standing).await
    }
}

impl Refused {
    /// Writes down what follows: a failure, which is on the audit log too, or a place in line.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn settle(
        &self,
        state: &SignInState,
        conn: &mut Conn,
        attempt: &Attempt<'_>,
    ) -> store::Result<()> {
        let now_ms = state.clock.now_ms();
        match &self.why {
            Why::Wrong { tried, user, .. } => {
                tried.failed(conn, now_ms / 1000).await?;
                let mut event = Event::new("signin.password_refused", Actor::Anonymous)
                    .network(attempt.network.to_string());
                if let Some(user) = user {
                    event = event.user(user);
                }
                event.record(conn, now_ms, &mut entropy()).await
            }
            Why::Early { tried, queue: true, until } => tried.queue(conn, *until, now_ms / 1000).await,
            Why::Early { .. } | Why::Busy => Ok(()),
        }
    }
}

/// Makes the hash anew if the one on file was made with less work than is done now; the right password is at hand only here.
async fn renew(state: &SignInState, turn: &Turn, person: &mut Person, password: &str) -> store::Result<()> {
    let Some(old) = person.password_hash.as_deref().filter(|hash| Passwords::needs_rehash(hash)) else {
        return Ok(());
    };
    // If that cannot be done, it has time until the next sign-in.
    let Ok(new) = state.passwords.hash_again(turn, &Password::typed(password), &mut entropy()).await else {
        return Ok(());
    };
    let mut tx = state.db.write().await?;
    let renewed = users::rehash(&mut tx, &person.id, old, &new).await?;
    tx.commit().await?;
    person.password_hash =
        if renewed { Some(new) } else { faster_hash(state, turn, person, password).await? };
    Ok(())
}

/// The hash that was renewed before ours, if it is this password's: by a second click, and not by a change of the password.
async fn faster_hash(
    state: &SignInState,
    turn: &Turn,
    person: &Person,
    password: &str,
) -> store::Result<Option<String>> {
    let mut conn = state.db.read().await?;
    let hash = people::find(&mut conn, &person.id).await?.and_then(|person| person.password_hash);
    drop(conn);
    let right = state.passwords.verify(turn, hash.as_deref(), &Password::typed(password)).await;
    Ok(hash.filter(|_| right == Ok(true)))
}
