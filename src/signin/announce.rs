//! Who is told when something unusual has happened in a sign-in?

use super::SignInState;
use super::challenge::Error;
use crate::directory::{Person, people};
use crate::keys::secret::entropy;
use crate::mail::{self, Outgoing, Purpose};
use crate::store::Conn;
use crate::web::{CodesStoppedMail, Language, MailPage, OverrideMail};

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
    app_name: &str,
    now_ms: i64,
) -> Result<(), Error> {
    for other in people::overriders_to_tell(conn, person).await? {
        let page = OverrideMail {
            who: person.display_name().to_owned(),
            login: person.login.clone(),
            app: app_name.to_owned(),
            when: now_ms / 1000,
        };
        tell(state, conn, &other, Purpose::OverrideAlert, &page, now_ms).await?;
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
    let page = CodesStoppedMail { login: person.login.clone(), when: now_ms / 1000 };
    tell(state, conn, person, Purpose::CodesStopped, &page, now_ms).await
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
    now_ms: i64,
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
        expires_at: now_ms / 1000 + WORTH,
    };
    mail::queue(conn, &state.vault, &message, now_ms, &mut entropy())
        .await
        .map(|_| ())
        .map_err(|e| Error::Message(e.to_string()))
}
