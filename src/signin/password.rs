//! The password step: is this the login's password?

use super::SignInState;
use super::browser::Browser;
use super::notice::Notice;
use super::throttle::{self, Subject, Tries};
use crate::audit::{Actor, Event};
use crate::directory::{Login, Password, Passwords, Person, Status, login::fold, people};
use crate::keys::secret::entropy;
use crate::store::signins::{self, SignInRow};
use crate::store::{self, throttles, users};
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
    /// The network.
    pub network: &'a Network,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What a password turned out to be.
#[derive(Debug)]
pub enum Checked {
    /// The right one, of an active user.
    Right(Box<Person>),
    /// Anything else, with what the person is told.
    Refused(Notice),
}

/// Takes the password step of a sign-in and records what came of it: the proof, or what the next page says. Unknown
/// login, wrong password and disabled user are alike in words and in the work that they cost.
///
/// # Errors
/// When the database refuses.
pub async fn take(state: &SignInState, signin: &SignInRow, attempt: &Attempt<'_>) -> store::Result<()> {
    let now = attempt.now_ms / 1000;
    let checked = check(state, attempt).await?;
    let mut tx = state.db.write().await?;
    match checked {
        Checked::Right(person) if still_holds(&mut tx, &person).await? => {
            signins::record_password(&mut tx, &signin.id, &person.id, now).await?;
        }
        Checked::Right(_) => {
            signins::set_notice(&mut tx, &signin.id, Some(&Notice::AccountChanged.to_json())).await?;
        }
        Checked::Refused(notice) => {
            signins::start_again(&mut tx, &signin.id, Some(&notice.to_json())).await?;
        }
    }
    tx.commit().await
}

/// Whether the password that was found right is the user's still: the check takes its time, and what ends pending sign-ins
/// meanwhile does not see a proof that is written down afterwards.
async fn still_holds(conn: &mut store::Conn, person: &Person) -> store::Result<bool> {
    let Some(hash) = &person.password_hash else { return Ok(false) };
    users::lock_with_password(conn, &person.id, hash).await
}

/// Checks a login and password, slowed down as its failures deserve. A success is known to the throttle already; a
/// failure is on the audit log.
///
/// # Errors
/// When the database refuses.
pub async fn check(state: &SignInState, attempt: &Attempt<'_>) -> store::Result<Checked> {
    let now = attempt.now_ms / 1000;
    let typed = || Some(attempt.login.to_owned());
    let login = Login::parse(attempt.login).ok();
    let mut tx = state.db.write().await?;
    let person = match &login {
        Some(login) => people::find_by_login_or_email(&mut tx, login).await?,
        None => None,
    };
    let subjects = subjects(&mut tx, attempt, login.as_ref(), person.as_ref()).await?;
    let tries = match throttle::take(&mut tx, subjects, now).await? {
        Ok(tries) => tries,
        // The transaction is dropped: what the other subjects were counted for did not happen.
        Err(until) => return Ok(Checked::Refused(Notice::Throttled { login: typed(), until })),
    };
    tx.commit().await?;

    let active = person.filter(|p| p.status == Status::Active);
    let hash = active.as_ref().and_then(|p| p.password_hash.as_deref());
    let verified = state.passwords.verify(hash, &Password::typed(attempt.password)).await;
    let Ok(right) = verified else {
        let mut tx = state.db.write().await?;
        tries.forget(&mut tx, now).await?;
        tx.commit().await?;
        return Ok(Checked::Refused(Notice::Busy { login: typed() }));
    };
    match active {
        Some(person) if right => succeed(state, tries, attempt, person).await,
        other => fail(state, attempt, other.as_ref()).await,
    }
}

async fn subjects(
    conn: &mut store::Conn,
    attempt: &Attempt<'_>,
    login: Option<&Login>,
    person: Option<&Person>,
) -> store::Result<Vec<Subject>> {
    // Whoever types an address is counted as the user whose it is.
    let key = match person {
        Some(person) => fold(&person.login),
        None => login.map_or_else(String::new, Login::key),
    };
    let browser = attempt.browser.as_str();
    if let Some(person) = person
        && throttles::is_known(conn, browser, &person.id).await?
    {
        return Ok(vec![Subject::KnownBrowser { browser: browser.to_owned(), login: key }]);
    }
    // The account is asked before the network, so that every caller locks rows in the same order.
    Ok(vec![Subject::Account(key), Subject::Network(attempt.network.to_string())])
}

async fn succeed(
    state: &SignInState,
    tries: Tries,
    attempt: &Attempt<'_>,
    mut person: Person,
) -> store::Result<Checked> {
    let better = better_hash(state, &person, attempt.password).await;
    let mut tx = state.db.write().await?;
    tries.succeeded(&mut tx, attempt.now_ms / 1000).await?;
    let renewed = match (&person.password_hash, &better) {
        (Some(old), Some(new)) => users::rehash(&mut tx, &person.id, old, new).await?,
        _ => true,
    };
    let short = !Password::typed(attempt.password).has(usize::from(state.settings.password_min_alone));
    if renewed
        && person.password_short != Some(short)
        && let Some(hash) = better.as_ref().or(person.password_hash.as_ref())
    {
        users::note_length(&mut tx, &person.id, hash, short).await?;
        person.password_short = Some(short);
    }
    tx.commit().await?;
    if !renewed {
        person.password_hash = faster_hash(state, &person, attempt.password).await?;
    } else if better.is_some() {
        person.password_hash = better;
    }
    Ok(Checked::Right(Box::new(person)))
}

/// The hash that was renewed before ours, if it is this password's: by a second click, and not by a change of the password.
async fn faster_hash(state: &SignInState, person: &Person, password: &str) -> store::Result<Option<String>> {
    let mut conn = state.db.read().await?;
    let hash = people::find(&mut conn, &person.id).await?.and_then(|person| person.password_hash);
    drop(conn);
    let right = state.passwords.verify(hash.as_deref(), &Password::typed(password)).await;
    Ok(hash.filter(|_| right == Ok(true)))
}

/// A new hash, if the one on file was made with less work than is done now; the right password is at hand only here.
async fn better_hash(state: &SignInState, person: &Person, password: &str) -> Option<String> {
    let outdated = person.password_hash.as_deref().is_some_and(Passwords::needs_rehash);
    if !outdated {
        return None;
    }
    // With a full queue it has time until the next sign-in.
    state.passwords.hash(&Password::typed(password), &mut entropy()).await.ok()
}

async fn fail(state: &SignInState, attempt: &Attempt<'_>, person: Option<&Person>) -> store::Result<Checked> {
    let mut tx = state.db.write().await?;
    let mut event =
        Event::new("signin.password_refused", Actor::Anonymous).network(attempt.network.to_string());
    if let Some(person) = person {
        event = event.user(&person.id);
    }
    event.record(&mut tx, attempt.now_ms, &mut entropy()).await?;
    tx.commit().await?;
    Ok(Checked::Refused(Notice::Incorrect { login: Some(attempt.login.chars().take(200).collect()) }))
}
