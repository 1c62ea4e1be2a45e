//! Which queries keep a pending authorization request and how far its person has come?

use super::macros::{execute, execute_later, later, optional, queries};
use super::row::from_row;
use super::{AHEAD, Conn, Later, Result};

/// What makes a [`SignInRow`] of a sign-in `i`. What a session has proven is proven for as long as it lives.
macro_rules! signin_columns {
    () => {
        "i.id, i.browser_hash, i.client_id, i.request,
         CASE WHEN i.session_id IS NULL OR s.id IS NOT NULL THEN i.user_id END AS user_id,
         i.password_at, i.code_at, i.skipped_at, i.hindrance, i.consented_at, i.consented_by, i.last_user_id, i.without_session,
         i.notice, i.codes_sent, i.created_at, i.expires_at, i.finished_at, i.grant_id, i.session_id"
    };
}

/// Where it comes from.
macro_rules! signin_joins {
    () => {
        "LEFT JOIN sessions s ON s.id = i.session_id AND s.ended_at IS NULL "
    };
}

pub(super) use {signin_columns, signin_joins};

queries! {
    ADD = "INSERT INTO signins (id, browser_hash, client_id, request, codes_sent, created_at, expires_at, source)
           VALUES ($1, $2, $3, $4, 0, $5, $6, $7)";
    FIND = concat!("SELECT ", signin_columns!(), " FROM signins i ", signin_joins!(), "WHERE i.id = $1");
    RECORD_PASSWORD = "UPDATE signins SET user_id = $2, last_user_id = $2, password_at = $3, code_at = NULL,
                                          skipped_at = NULL, hindrance = NULL, session_id = NULL, notice = NULL
                       WHERE id = $1 AND finished_at IS NULL";
    RECORD_CODE = "UPDATE signins SET code_at = $2, notice = NULL WHERE id = $1 AND user_id = $3 AND finished_at IS NULL";
    SKIP_CODE = "UPDATE signins SET skipped_at = $2, notice = NULL
                 WHERE id = $1 AND user_id = $3 AND password_at = $4 AND skipped_at IS NULL AND finished_at IS NULL";
    HINDER = "UPDATE signins SET hindrance = $2, notice = NULL WHERE id = $1 AND user_id = $3 AND finished_at IS NULL";
    RECORD_CONSENT = "UPDATE signins SET consented_at = $2, consented_by = $3
                      WHERE id = $1 AND finished_at IS NULL AND (user_id IS NULL OR user_id = $3)";
    USE_ANOTHER_LOGIN = "UPDATE signins SET user_id = NULL, last_user_id = NULL, password_at = NULL, code_at = NULL,
                                            skipped_at = NULL, hindrance = NULL, consented_at = NULL, session_id = NULL, notice = NULL,
                                            without_session = TRUE
                         WHERE id = $1 AND finished_at IS NULL";
    START_AGAIN = "UPDATE signins SET user_id = NULL, password_at = NULL, code_at = NULL, skipped_at = NULL, hindrance = NULL,
                                      consented_at = NULL, without_session = without_session OR $4,
                                      session_id = NULL, notice = $2, last_user_id = COALESCE($3, last_user_id)
                   WHERE id = $1 AND finished_at IS NULL";
    SET_NOTICE = "UPDATE signins SET notice = $2 WHERE id = $1 AND finished_at IS NULL";
    ADOPT = "UPDATE signins SET user_id = $2, last_user_id = $2, password_at = $3, session_id = $4,
                                code_at = NULL, skipped_at = NULL, hindrance = NULL,
                                notice = CASE WHEN last_user_id = $2 THEN notice END
             WHERE id = $1 AND finished_at IS NULL
               AND (user_id IS NULL OR (session_id IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM sessions before WHERE before.id = signins.session_id AND before.ended_at IS NULL)))
               AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = $4 AND s.user_id = $2 AND s.ended_at IS NULL)";
    COUNT_CODE = "UPDATE signins SET codes_sent = codes_sent + 1
                  WHERE id = $1 AND codes_sent = $2 AND user_id = $3 AND password_at = $4 AND finished_at IS NULL";
    TAKE_BACK_CODE = "UPDATE signins SET codes_sent = codes_sent - 1
                      WHERE id = $1 AND codes_sent > 0 AND finished_at IS NULL";
    EXPIRE = "UPDATE signins SET expires_at = created_at - $2
              WHERE id = $1 AND finished_at IS NULL AND expires_at >= created_at";
    FINISH = "UPDATE signins SET finished_at = $2, grant_id = $7
              WHERE id = $1 AND finished_at IS NULL AND expires_at > $2
                AND user_id IS NOT DISTINCT FROM $3 AND password_at IS NOT DISTINCT FROM $4
                AND code_at IS NOT DISTINCT FROM $5 AND consented_at IS NOT DISTINCT FROM $6
                AND session_id IS NOT DISTINCT FROM $8";
    LOCK_FINISHED = "UPDATE signins SET grant_id = grant_id WHERE id = $1 AND grant_id IS NOT NULL RETURNING grant_id";
    FINISH_AGAIN = "UPDATE signins SET grant_id = $2 WHERE id = $1 AND grant_id IS NOT NULL";
    REPLACE_REQUEST = "UPDATE signins SET request = $3 WHERE id = $1 AND request = $2 AND finished_at IS NOT NULL";
    CLOSE = "UPDATE signins SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL AND expires_at > $2";
    FORGET_USER = "UPDATE signins SET user_id = NULL, password_at = NULL, code_at = NULL, skipped_at = NULL, hindrance = NULL,
                                      consented_at = NULL,
                                      session_id = NULL, notice = '\"account_changed\"'
                   WHERE user_id = $1 AND finished_at IS NULL";
    FORGET_HOLDERS = "UPDATE signins SET user_id = NULL, password_at = NULL, code_at = NULL, skipped_at = NULL, hindrance = NULL,
                                      consented_at = NULL,
                                         session_id = NULL, notice = '\"account_changed\"'
                      WHERE user_id IS NOT NULL AND finished_at IS NULL
                        AND EXISTS (SELECT 1 FROM users u WHERE u.id = signins.user_id AND u.role_id = $1)";
    PURGE = "DELETE FROM signins WHERE id IN (
                 SELECT id FROM signins WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
}

/// One sign-in as the table holds it.
#[derive(Clone, Debug)]
pub struct SignInRow {
    /// Its public name, part of the address of its pages.
    pub id: String,
    /// The browser that it is bound to; none until a request that came by POST is taken up.
    pub browser_hash: Option<String>,
    /// The relying app that asked; none where the console did.
    pub client_id: Option<String>,
    /// What it asked for: the parsed authorization request, as JSON.
    pub request: String,
    /// Who has given a right password.
    pub user_id: Option<String>,
    /// When, in seconds.
    pub password_at: Option<i64>,
    /// When a right code was given.
    pub code_at: Option<i64>,
    /// When somebody went on without the code that their group rehearses.
    pub skipped_at: Option<i64>,
    /// What would have stopped them, if it were asked for.
    pub hindrance: Option<String>,
    /// When somebody agreed on the consent page.
    pub consented_at: Option<i64>,
    /// Who that was.
    pub consented_by: Option<String>,
    /// Whose password counted last, although it may count no longer.
    pub last_user_id: Option<String>,
    /// Whether the browser's session is to be left alone: the person asked to use another login, or typed one that did not get in.
    pub without_session: bool,
    /// What the next page must say, as JSON.
    pub notice: Option<String>,
    /// How many codes it has sent.
    pub codes_sent: i64,
    /// When the request came.
    pub created_at: i64,
    /// Until when it may be finished.
    pub expires_at: i64,
    /// When it ended in an answer to the app.
    pub finished_at: Option<i64>,
    /// The grant that was the answer; none for a refusal.
    pub grant_id: Option<String>,
    /// The session whose password counts in it; none where the password was given in it.
    pub session_id: Option<String>,
}

from_row!(SignInRow {
    id,
    browser_hash,
    client_id,
    request,
    user_id,
    password_at,
    code_at,
    skipped_at,
    hindrance,
    consented_at,
    consented_by,
    last_user_id,
    without_session,
    notice,
    codes_sent,
    created_at,
    expires_at,
    finished_at,
    grant_id,
    session_id
});

impl SignInRow {
    /// Whether a password that was given here counts, and not a session's.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.user_id.is_some() && self.session_id.is_none()
    }

    /// Whether this user has agreed on the consent page; what somebody else agreed to in the same sign-in says nothing.
    #[must_use]
    pub fn has_consented(&self, user_id: &str) -> bool {
        self.consented_at.is_some() && self.consented_by.as_deref() == Some(user_id)
    }
}

/// What a new sign-in is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewSignIn<'a> {
    /// Its public name.
    pub id: &'a str,
    /// What its browser is known by; without one, nobody can go on.
    pub browser_hash: Option<&'a str>,
    /// The relying app; none for the console.
    pub client_id: Option<&'a str>,
    /// The parsed request, as JSON.
    pub request: &'a str,
    /// Now.
    pub created_at: i64,
    /// Until when it may be finished.
    pub expires_at: i64,
    /// Whose share of the room it takes.
    pub source: &'a str,
}

/// Keeps a new sign-in; nobody waits to hear of it.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, new: NewSignIn<'_>) -> Result<()> {
    let NewSignIn { id, browser_hash, client_id, request, created_at, expires_at, source } = new;
    later!(conn, ADD, id, browser_hash, client_id, request, created_at, expires_at, source)
}

/// The sign-in of this name, whatever has become of it.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<SignInRow>> {
    optional!(conn, SignInRow, FIND, id)
}

/// Records that `user_id` has given a right password, unless the sign-in is over; any code given before is void. Nobody waits to hear
/// of it.
///
/// # Errors
/// When the database refuses.
pub async fn record_password(conn: &mut Conn, id: &str, user_id: &str, now: i64) -> Result<()> {
    later!(conn, RECORD_PASSWORD, id, user_id, now)
}

/// Records that a right code was given by the person whose password is on record.
///
/// # Errors
/// When the database refuses.
pub async fn record_code(conn: &mut Conn, id: &str, user_id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, RECORD_CODE, id, now, user_id)? == 1)
}

/// Records that the person whose password is on record goes on without a code; false when the sign-in is no longer as it was read.
///
/// # Errors
/// When the database refuses.
pub async fn skip_code(conn: &mut Conn, as_read: &SignInRow, now: i64) -> Result<bool> {
    Ok(execute!(conn, SKIP_CODE, &as_read.id, now, &as_read.user_id, as_read.password_at)? == 1)
}

/// Records what would have stopped this person, if a code were asked for and not only rehearsed.
///
/// # Errors
/// When the database refuses.
pub async fn hinder(conn: &mut Conn, id: &str, user_id: &str, hindrance: &str) -> Result<()> {
    execute!(conn, HINDER, id, hindrance, user_id).map(|_| ())
}

/// Records that this user agreed on the consent page; false when the sign-in is somebody else's by now, or over.
///
/// # Errors
/// When the database refuses.
pub async fn record_consent(conn: &mut Conn, id: &str, user_id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, RECORD_CONSENT, id, now, user_id)? == 1)
}

/// Forgets who has come so far, and leaves the browser's session alone: the login screen comes next, and is empty.
///
/// # Errors
/// When the database refuses.
pub async fn use_another_login(conn: &mut Conn, id: &str, now: i64) -> Result<()> {
    super::challenges::end_of_signin(conn, id, now).await?;
    execute!(conn, USE_ANOTHER_LOGIN, id).map(|_| ())
}

/// Forgets every proof: the login screen comes next, and says `notice` to `user_id`, if it is known who has given a right password.
/// Where a login was typed here (`typed`) that screen stays: the session of whoever else uses the browser is no answer to it.
///
/// # Errors
/// When the database refuses.
pub async fn start_again(
    conn: &mut Conn,
    id: &str,
    notice: Option<&str>,
    user_id: Option<&str>,
    typed: bool,
) -> Result<()> {
    execute!(conn, START_AGAIN, id, notice, user_id, typed).map(|_| ())
}

/// Sets what the next page must say; none for nothing.
///
/// # Errors
/// When the database refuses.
pub async fn set_notice(conn: &mut Conn, id: &str, notice: Option<&str>) -> Result<()> {
    execute!(conn, SET_NOTICE, id, notice).map(|_| ())
}

/// Lets the password of the browser's session count in this sign-in, for as long as the session lives; false when somebody has
/// given one in it, or the session has ended.
///
/// # Errors
/// When the database refuses.
pub async fn adopt(
    conn: &mut Conn,
    id: &str,
    user_id: &str,
    password_at: i64,
    session_id: &str,
) -> Result<bool> {
    Ok(execute!(conn, ADOPT, id, user_id, password_at, session_id)? == 1)
}

/// Counts one more code to be sent; false when the sign-in is no longer as it was read: another code was sent
/// meanwhile, or its proof was taken back.
///
/// # Errors
/// When the database refuses.
pub async fn count_code(conn: &mut Conn, as_read: &SignInRow) -> Result<bool> {
    let (sent, user, at) = (as_read.codes_sent, &as_read.user_id, as_read.password_at);
    Ok(execute!(conn, COUNT_CODE, &as_read.id, sent, user, at)? == 1)
}

/// Takes back the count of a code that could not be sent.
///
/// # Errors
/// When the database refuses.
pub async fn take_back_code(conn: &mut Conn, id: &str) -> Result<()> {
    execute!(conn, TAKE_BACK_CODE, id).map(|_| ())
}

/// Lets a sign-in be over for good, because its person is told so.
///
/// # Errors
/// When the database refuses.
pub async fn expire(conn: &mut Conn, id: &str) -> Result<()> {
    execute!(conn, EXPIRE, id, AHEAD).map(|_| ())
}

/// Ends the sign-in with the grant that its proofs have earned (none for the console), once: that has not happened when it has ended before, is too old, or has other proofs
/// than it was read with.
///
/// # Errors
/// When the database refuses.
pub fn finish(conn: &mut Conn, as_read: &SignInRow, grant_id: Option<&str>, now: i64) -> Result<Later<u64>> {
    let SignInRow { id, user_id, password_at, code_at, consented_at, session_id, .. } = as_read;
    execute_later!(conn, FINISH, id, now, user_id, password_at, code_at, consented_at, grant_id, session_id)
}

/// Gives a sign-in that has ended in a grant another one. Answers the one before; none when the sign-in is gone.
///
/// # Errors
/// When the database refuses.
pub async fn finish_again(conn: &mut Conn, id: &str, grant_id: &str) -> Result<Option<String>> {
    // Whoever comes at the same time waits here, and then reads what we have written.
    let before: Option<(String,)> = optional!(conn, (String,), LOCK_FINISHED, id)?;
    execute!(conn, FINISH_AGAIN, id, grant_id)?;
    Ok(before.map(|(grant_id,)| grant_id))
}

/// Writes down what else a sign-in that has ended asks for, once: false when it asks for something else than `before` by now.
///
/// # Errors
/// When the database refuses.
pub async fn replace_request(conn: &mut Conn, id: &str, before: &str, after: &str) -> Result<bool> {
    Ok(execute!(conn, REPLACE_REQUEST, id, before, after)? == 1)
}

/// Ends the sign-in with a refusal to the app; false when it has ended before or is too old.
///
/// # Errors
/// When the database refuses.
pub async fn close(conn: &mut Conn, id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, CLOSE, id, now)? == 1)
}

/// Ends a user's pending challenges and forgets the proofs in their pending sign-ins: their email, role, status
/// or password has changed.
///
/// # Errors
/// When the database refuses.
pub async fn forget_user(conn: &mut Conn, user_id: &str, now: i64) -> Result<()> {
    super::challenges::end_of_user(conn, user_id, now).await?;
    execute!(conn, FORGET_USER, user_id).map(|_| ())
}

/// The same for everyone who holds a role: their rank or rights have changed.
///
/// # Errors
/// When the database refuses.
pub async fn forget_holders(conn: &mut Conn, role_id: &str, now: i64) -> Result<()> {
    super::challenges::end_of_holders(conn, role_id, now).await?;
    execute!(conn, FORGET_HOLDERS, role_id).map(|_| ())
}

/// Deletes at most `limit` sign-ins that expired before `before`, with their challenges.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, before, limit)
}
