//! Who is told when something unusual has happened in a sign-in?

use super::SignInState;
use super::challenge::Error;
use super::help::Asked;
use crate::directory::help::Why;
use crate::directory::{Address, Person, Status, TwoFactor, people};
use crate::keys::secret::entropy;
use crate::mail::{self, Outgoing, Purpose};
use crate::store::Conn;
use crate::web::{
    AddressLeftMail, CodeByHandMail, CodesStoppedMail, HelpMail, Language, MailPage, OverrideMail,
    PasswordChangedMail, ResetMail, ResetWithoutAddressMail,
};

/// How long such a message is worth sending, in seconds.
const WORTH: i64 = 86_400;

/// Tells the other Top managers of the person's groups and the site administrators that `override_2fa` has let somebody
/// in with the password alone. Part of the transaction that lets them in; sent after it.
///
/// # Errors
/// When the database or a template fails.
pub async fn overridden(
    state: &SignInState,
    conn: &mut Conn,
    person: &Person,
    asked: Asked<'_>,
) -> Result<(), Error> {
    let now_ms = asked.now_ms;
    for other in people::overriders_to_tell(conn, person).await? {
        let page = OverrideMail {
            who: person.display_name().to_owned(),
            login: person.login.clone(),
            app: asked.app.to_owned(),
            when: other.moment(now_ms / 1000),
            repair: asked.repair.to_owned(),
        };
        tell(state, conn, &other, Purpose::OverrideAlert, &page, (WORTH, now_ms)).await?;
    }
    Ok(())
}

/// Tells a user that too many wrong codes have stopped theirs: somebody may know their password.
///
/// # Errors
/// When the database or a template fails.
pub async fn codes_stopped(
    state: &SignInState,
    conn: &mut Conn,
    person: &Person,
    now_ms: i64,
) -> Result<(), Error> {
    let page = CodesStoppedMail { login: person.login.clone(), when: person.moment(now_ms / 1000) };
    tell(state, conn, person, Purpose::CodesStopped, &page, (WORTH, now_ms)).await
}

/// Tells a user that their password was changed, from where and when: it may not have been them.
///
/// # Errors
/// When the database or a template fails.
pub async fn password_changed(
    state: &SignInState,
    conn: &mut Conn,
    person: &Person,
    network: &str,
    now_ms: i64,
) -> Result<(), Error> {
    let (login, network) = (person.login.clone(), network.to_owned());
    let page = PasswordChangedMail { login, network, when: person.moment(now_ms / 1000) };
    tell(state, conn, person, Purpose::PasswordChanged, &page, (WORTH, now_ms)).await
}

/// Tells whoever reads the mailbox that somebody has had so far that it is theirs no longer: it may not have been them who asked for that,
/// and whoever reads the new one can choose their password. Nobody is told at an address that the last message did not reach, since then
/// it was changed for that. Part of the transaction that changes it, and before that.
///
/// # Errors
/// When the database or a template fails.
pub async fn address_left(
    state: &SignInState,
    conn: &mut Conn,
    person: &Person,
    new: Option<&Address>,
    changer: &str,
    now_ms: i64,
) -> Result<(), Error> {
    let key = |address: &Address| Address::key_of(address.as_str());
    let stays = person.deliverable_address().as_ref().map(key) == new.map(key);
    if stays || person.status != Status::Active || people::undelivered(conn, &person.id).await?.is_some() {
        return Ok(());
    }
    let (login, changer) = (person.login.clone(), changer.to_owned());
    let page = AddressLeftMail { login, changer, when: person.moment(now_ms / 1000) };
    tell(state, conn, person, Purpose::AddressLeft, &page, (WORTH, now_ms)).await
}

/// Sends a user the link with which they choose another password.
///
/// # Errors
/// When the database or a template fails.
pub async fn reset(
    state: &SignInState,
    conn: &mut Conn,
    person: &Person,
    link: String,
    now_ms: i64,
) -> Result<(), Error> {
    let lifetime = state.settings.reset_lifetime.as_secs();
    let login = person.login.clone();
    let page = ResetMail { login, link, minutes: lifetime / 60, when: person.moment(now_ms / 1000) };
    tell(state, conn, person, Purpose::PasswordReset, &page, (lifetime, now_ms)).await
}

/// Tells those who can help that a user has forgotten their password and has no address.
///
/// # Errors
/// When the database or a template fails.
pub async fn reset_without_address(
    state: &SignInState,
    conn: &mut Conn,
    person: &Person,
    now_ms: i64,
) -> Result<(), Error> {
    let (who, login) = (person.display_name(), &person.login);
    for manager in people::managers_of(conn, person).await? {
        let when = manager.moment(now_ms / 1000);
        let page = ResetWithoutAddressMail { who: who.to_owned(), login: login.clone(), when };
        tell(state, conn, &manager, Purpose::ResetWithoutAddress, &page, (WORTH, now_ms)).await?;
    }
    Ok(())
}

/// Tells those who can help that somebody with the right password was kept out and asks for it: the managers who may edit them, the site
/// administrators where there are none, and in any case where it is mail that has to be mended.
///
/// # Errors
/// When the database or a template fails.
pub async fn help_asked(
    state: &SignInState,
    conn: &mut Conn,
    person: &Person,
    why: Why,
    asked: Asked<'_>,
) -> Result<(), Error> {
    let able = people::managers_of(conn, person).await?;
    let near = able.iter().any(|one| one.group.is_some());
    for manager in able.iter().filter(|one| one.group.is_some() || !near || why == Why::MailFailed) {
        let page = HelpMail {
            who: person.display_name().to_owned(),
            login: person.login.clone(),
            app: asked.app.to_owned(),
            why: match why {
                Why::NoAddress => "mail-help-no-address",
                Why::MailFailed => "mail-help-mail-failed",
                Why::CodesStopped => "mail-help-codes-stopped",
            },
            rehearsed: person.two_factor() == TwoFactor::Rehearse,
            repair: asked.repair.to_owned(),
            when: manager.moment(asked.now_ms / 1000),
        };
        tell(state, conn, manager, Purpose::HelpAsked, &page, (WORTH, asked.now_ms)).await?;
    }
    Ok(())
}

/// Tells somebody that a code was given by hand for them, and by whom: it may not have been them who asked.
///
/// # Errors
/// When the database or a template fails.
pub async fn code_by_hand(
    state: &SignInState,
    conn: &mut Conn,
    person: &Person,
    giver: &str,
    now_ms: i64,
) -> Result<(), Error> {
    let (login, giver) = (person.login.clone(), giver.to_owned());
    let page = CodeByHandMail { login, giver, when: person.moment(now_ms / 1000) };
    tell(state, conn, person, Purpose::CodeByHand, &page, (WORTH, now_ms)).await
}

/// Wakes the mail worker: what a committed transaction has queued is sent in the background.
pub fn deliver_later(state: &SignInState) {
    state.mailer.wake();
}

async fn tell(
    state: &SignInState,
    conn: &mut Conn,
    to: &Person,
    purpose: Purpose,
    page: &impl MailPage,
    (worth, now_ms): (i64, i64),
) -> Result<(), Error> {
    let Some(address) = to.deliverable_address() else { return Ok(()) };
    let language = Language::of_group(to.language());
    let parts = state.pages.mail(page, language).map_err(|e| Error::Message(e.to_string()))?;
    let message = Outgoing {
        purpose,
        user_id: Some(to.id.clone()),
        to: address.as_str().to_owned(),
        subject: parts.subject,
        text: parts.text,
        html: parts.html,
        reference: None,
        expires_at: now_ms / 1000 + worth,
    };
    mail::queue(conn, &state.vault, &message, now_ms, &mut entropy()).await?;
    Ok(())
}
