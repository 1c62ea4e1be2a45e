//! Which queries keep emailed codes, codes given by hand, and the count of wrong ones?

use super::macros::{execute, optional, optional_later, queries};
use super::row::from_row;
use super::{AHEAD, Conn, Later, Result};

/// What makes [`Codes`] of a user, at `$2`, where each code may be tried `$3` times and may come from `$4` seconds ahead: the first half
/// asks what `LIVE_HAND_CODE` asks.
macro_rules! codes {
    ($user:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM hand_codes h
                     WHERE h.user_id = ",
            $user,
            " AND h.spent_at IS NULL AND h.expires_at > $2 AND h.created_at - $4 <= $2 AND h.attempts < $3) AS by_hand,
             EXISTS (SELECT 1 FROM code_budgets b WHERE b.user_id = ",
            $user,
            " AND b.stopped_at IS NOT NULL) AS stopped"
        )
    };
}

pub(super) use codes;

queries! {
    ADD = "INSERT INTO challenges (id, signin_id, user_id, code_mac, reference, address, message_id, attempts,
                                   created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    LATEST = "SELECT id, user_id, reference, address, message_id, attempts, created_at, expires_at, spent_at, ended_at
              FROM challenges WHERE signin_id = $1 AND user_id = $2
              ORDER BY CASE WHEN ended_at IS NULL AND spent_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id LIMIT 1";
    TAKE_ATTEMPT = "UPDATE challenges SET attempts = attempts + 1
                    WHERE id = $1 AND signin_id = $2 AND attempts < $3 AND expires_at > $4 AND created_at - $5 <= $4
                      AND spent_at IS NULL AND ended_at IS NULL
                    RETURNING code_mac, attempts";
    SPEND = "UPDATE challenges SET spent_at = $2 WHERE id = $1 AND spent_at IS NULL AND ended_at IS NULL";
    EXPIRE = "UPDATE challenges SET expires_at = created_at - $2 WHERE id = $1 AND expires_at >= created_at";
    END_OF_SIGN_IN = "UPDATE challenges SET ended_at = $2
                      WHERE signin_id = $1 AND spent_at IS NULL AND ended_at IS NULL";
    END_OF_USER = "UPDATE challenges SET ended_at = $2
                   WHERE user_id = $1 AND spent_at IS NULL AND ended_at IS NULL";
    END_OF_HOLDERS = "UPDATE challenges SET ended_at = $2
                      WHERE spent_at IS NULL AND ended_at IS NULL
                        AND EXISTS (SELECT 1 FROM users u WHERE u.id = challenges.user_id AND u.role_id = $1)";
    ADD_HAND_CODE = "INSERT INTO hand_codes (id, user_id, code_mac, attempts, created_at, expires_at)
                     VALUES ($1, $2, $3, 0, $4, $5)";
    END_HAND_CODES = "DELETE FROM hand_codes WHERE user_id = $1";
    END_HAND_CODES_OF_HOLDERS = "DELETE FROM hand_codes WHERE user_id IN (SELECT id FROM users WHERE role_id = $1)";
    LIVE_HAND_CODE = "SELECT id, expires_at FROM hand_codes
                      WHERE user_id = $1 AND spent_at IS NULL AND expires_at > $2 AND created_at - $4 <= $2 AND attempts < $3
                      ORDER BY created_at DESC LIMIT 1";
    CODES_OF = concat!("SELECT ", codes!("$1"));
    TAKE_HAND_ATTEMPT = "UPDATE hand_codes SET attempts = attempts + 1
                         WHERE id = $1 AND user_id = $2 AND attempts < $3 AND expires_at > $4 AND created_at - $5 <= $4
                           AND spent_at IS NULL
                         RETURNING code_mac, attempts";
    EXPIRE_HAND_CODES = "UPDATE hand_codes SET expires_at = created_at - $3
                         WHERE user_id = $1 AND expires_at >= created_at AND (expires_at <= $2 OR created_at - $3 > $2)";
    SPEND_HAND_CODE = "UPDATE hand_codes SET spent_at = $2 WHERE id = $1 AND spent_at IS NULL";
    QUEUE_FOR_BUDGET = "INSERT INTO code_budgets (user_id, tried_at) VALUES ($1, $2)
                        ON CONFLICT (user_id) DO UPDATE SET tried_at = $2 WHERE code_budgets.stopped_at IS NULL";
    COUNT_AS_WRONG = "INSERT INTO wrong_codes (id, user_id, at) VALUES ($1, $2, $3)";
    WRONG_SINCE = "SELECT COUNT(*) FROM wrong_codes WHERE user_id = $1 AND at > $2";
    GIVE_BACK = "DELETE FROM wrong_codes WHERE id = $1";
    FORGET_WRONG = "DELETE FROM wrong_codes WHERE user_id = $1";
    PURGE_WRONG = "DELETE FROM wrong_codes WHERE id IN (
                       SELECT id FROM wrong_codes WHERE at <= $1 ORDER BY at LIMIT $2)";
    STOP_CODES = "UPDATE code_budgets SET stopped_at = $2 WHERE user_id = $1 AND stopped_at IS NULL";
    CLEAR_BUDGET = "DELETE FROM code_budgets WHERE user_id = $1";
    PURGE_HAND_CODES = "DELETE FROM hand_codes WHERE id IN (
                            SELECT id FROM hand_codes WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
}

/// A challenge as a page needs to know it; never its code.
#[derive(Clone, Debug)]
pub struct ChallengeRow {
    /// The challenge's id; part of what its code is hashed with.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// What page and mail both show.
    pub reference: String,
    /// Where the code went.
    pub address: String,
    /// The message that carries it.
    pub message_id: Option<String>,
    /// How many codes have been tried.
    pub attempts: i64,
    /// When it was made.
    pub created_at: i64,
    /// Until when its code holds.
    pub expires_at: i64,
    /// When its code was used.
    pub spent_at: Option<i64>,
    /// When it ended otherwise.
    pub ended_at: Option<i64>,
}

from_row!(ChallengeRow {
    id,
    user_id,
    reference,
    address,
    message_id,
    attempts,
    created_at,
    expires_at,
    spent_at,
    ended_at
});

impl ChallengeRow {
    /// Whether somebody has been told that its code no longer works.
    #[must_use]
    pub const fn is_marked(&self) -> bool {
        super::is_marked(self.created_at, self.expires_at)
    }

    /// Whether its time is over, or has not begun: whoever says so says it for good ([`expire`]).
    #[must_use]
    pub const fn is_over(&self, now: i64) -> bool {
        super::is_over(self.created_at, self.expires_at, now)
    }
}

/// What a new challenge is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewChallenge<'a> {
    /// Its id.
    pub id: &'a str,
    /// The sign-in that it is for.
    pub signin_id: &'a str,
    /// The user whom it is for.
    pub user_id: &'a str,
    /// The keyed hash of its code.
    pub code_mac: &'a str,
    /// What page and mail both show.
    pub reference: &'a str,
    /// Where the code goes.
    pub address: &'a str,
    /// The message that carries it.
    pub message_id: &'a str,
    /// The attempts that the one before has used up: a new code does not reset the count.
    pub attempts: i64,
    /// Now.
    pub created_at: i64,
    /// Until when its code holds.
    pub expires_at: i64,
}

/// The one attempt that a caller has been given.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The keyed hash to compare with.
    pub code_mac: String,
    /// Which attempt this is, from 1.
    pub attempts: i64,
}

from_row!(Attempt { code_mac, attempts });

/// A code given by hand that may still be used.
#[derive(Clone, Debug)]
pub struct HandCodeRow {
    /// Its id; part of what it is hashed with.
    pub id: String,
    /// Until when it holds.
    pub expires_at: i64,
}

from_row!(HandCodeRow { id, expires_at });

/// Keeps a new challenge and ends those before it in the same sign-in.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, new: NewChallenge<'_>) -> Result<()> {
    end_of_signin(conn, new.signin_id, new.created_at).await?;
    execute!(
        conn,
        ADD,
        new.id,
        new.signin_id,
        new.user_id,
        new.code_mac,
        new.reference,
        new.address,
        new.message_id,
        new.attempts,
        new.created_at,
        new.expires_at
    )
    .map(|_| ())
}

/// The challenge of a user in a sign-in that still counts, or else their newest, whatever has become of it. One of somebody else in the
/// same sign-in is not theirs to see.
///
/// # Errors
/// When the database refuses.
pub async fn latest(conn: &mut Conn, signin_id: &str, user_id: &str) -> Result<Option<ChallengeRow>> {
    optional!(conn, ChallengeRow, LATEST, signin_id, user_id)
}

/// Takes one attempt at a challenge, before any comparison, so that parallel guesses are counted too; none when the
/// challenge is spent, ended, expired, of another sign-in, or has no attempts left.
///
/// # Errors
/// When the database refuses.
pub async fn take_attempt(
    conn: &mut Conn,
    id: &str,
    signin_id: &str,
    limit: i64,
    now: i64,
) -> Result<Option<Attempt>> {
    optional!(conn, Attempt, TAKE_ATTEMPT, id, signin_id, limit, now, AHEAD)
}

/// Lets a challenge be over for good, because its person is told so.
///
/// # Errors
/// When the database refuses.
pub async fn expire(conn: &mut Conn, id: &str) -> Result<()> {
    execute!(conn, EXPIRE, id, AHEAD).map(|_| ())
}

/// Uses a challenge up, once.
///
/// # Errors
/// When the database refuses.
pub async fn spend(conn: &mut Conn, id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, SPEND, id, now)? == 1)
}

/// Ends the pending challenge of a sign-in; false when there was none.
///
/// # Errors
/// When the database refuses.
pub async fn end_of_signin(conn: &mut Conn, signin_id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, END_OF_SIGN_IN, signin_id, now)? > 0)
}

/// Ends every pending challenge of a user.
///
/// # Errors
/// When the database refuses.
pub async fn end_of_user(conn: &mut Conn, user_id: &str, now: i64) -> Result<()> {
    execute!(conn, END_OF_USER, user_id, now).map(|_| ())
}

/// Ends every pending challenge of those who hold a role.
pub(super) async fn end_of_holders(conn: &mut Conn, role_id: &str, now: i64) -> Result<()> {
    execute!(conn, END_OF_HOLDERS, role_id, now).map(|_| ())
}

/// Keeps a code given by hand, instead of any before it.
///
/// # Errors
/// When the database refuses.
pub async fn add_hand_code(
    conn: &mut Conn,
    id: &str,
    user_id: &str,
    code_mac: &str,
    now: i64,
    expires_at: i64,
) -> Result<()> {
    end_hand_codes(conn, user_id).await?;
    execute!(conn, ADD_HAND_CODE, id, user_id, code_mac, now, expires_at).map(|_| ())
}

/// Ends whatever code was given to a user by hand.
///
/// # Errors
/// When the database refuses.
pub async fn end_hand_codes(conn: &mut Conn, user_id: &str) -> Result<()> {
    execute!(conn, END_HAND_CODES, user_id).map(|_| ())
}

/// The same of everyone who holds a role.
///
/// # Errors
/// When the database refuses.
pub async fn end_hand_codes_of_holders(conn: &mut Conn, role_id: &str) -> Result<()> {
    execute!(conn, END_HAND_CODES_OF_HOLDERS, role_id).map(|_| ())
}

/// The code given by hand that this user may use now, if there is one.
///
/// # Errors
/// When the database refuses.
pub async fn live_hand_code(
    conn: &mut Conn,
    user_id: &str,
    now: i64,
    limit: i64,
) -> Result<Option<HandCodeRow>> {
    optional!(conn, HandCodeRow, LIVE_HAND_CODE, user_id, now, limit, AHEAD)
}

/// How things are with a user's codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    /// Whether one was given by hand that may still be typed.
    pub by_hand: bool,
    /// Whether they are stopped.
    pub stopped: bool,
}

from_row!(Codes { by_hand, stopped });

/// How things are with a user's codes, of which each may be tried `limit` times.
///
/// # Errors
/// When the database refuses.
pub async fn codes_of(conn: &mut Conn, user_id: &str, now: i64, limit: i64) -> Result<Codes> {
    let codes = ask_codes_of(conn, user_id, now, limit)?;
    conn.answers().await?;
    Ok(codes.answer()?.unwrap_or_default())
}

/// The same with the next answer that is waited for.
///
/// # Errors
/// When the database refuses.
pub fn ask_codes_of(conn: &mut Conn, user_id: &str, now: i64, limit: i64) -> Result<Later<Option<Codes>>> {
    optional_later!(conn, Codes, CODES_OF, user_id, now, limit, AHEAD)
}

/// Lets a user's codes given by hand whose time is over be over for good, because one is tried.
///
/// # Errors
/// When the database refuses.
pub async fn expire_hand_codes(conn: &mut Conn, user_id: &str, now: i64) -> Result<()> {
    execute!(conn, EXPIRE_HAND_CODES, user_id, now, AHEAD).map(|_| ())
}

/// Takes one attempt at a code given by hand, as [`take_attempt`] does.
///
/// # Errors
/// When the database refuses.
pub async fn take_hand_attempt(
    conn: &mut Conn,
    id: &str,
    user_id: &str,
    limit: i64,
    now: i64,
) -> Result<Option<Attempt>> {
    optional!(conn, Attempt, TAKE_HAND_ATTEMPT, id, user_id, limit, now, AHEAD)
}

/// Uses a code given by hand up, once.
///
/// # Errors
/// When the database refuses.
pub async fn spend_hand_code(conn: &mut Conn, id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, SPEND_HAND_CODE, id, now)? == 1)
}

/// Counts one more code of a user as wrong, before it is known to be; `id` names it, so that a right one can be given back.
/// Answers how many there are since `window_start`; none when the user's codes are stopped. Tries of one user queue here
/// until their transactions end.
///
/// # Errors
/// When the database refuses.
pub async fn take_from_budget(
    conn: &mut Conn,
    user_id: &str,
    id: &str,
    now: i64,
    window_start: i64,
) -> Result<Option<i64>> {
    if execute!(conn, QUEUE_FOR_BUDGET, user_id, now)? == 0 {
        return Ok(None);
    }
    execute!(conn, COUNT_AS_WRONG, id, user_id, now)?;
    wrong_since(conn, user_id, window_start).await.map(Some)
}

/// How many wrong codes of a user there are since a moment.
///
/// # Errors
/// When the database refuses.
pub async fn wrong_since(conn: &mut Conn, user_id: &str, since: i64) -> Result<i64> {
    let count: Option<(i64,)> = optional!(conn, (i64,), WRONG_SINCE, user_id, since)?;
    Ok(count.map_or(0, |(count,)| count))
}

/// Takes back the count of a code that was right, or that nothing was compared with.
///
/// # Errors
/// When the database refuses.
pub async fn give_back(conn: &mut Conn, id: &str) -> Result<()> {
    execute!(conn, GIVE_BACK, id).map(|_| ())
}

/// Stops a user's codes; false when they are stopped already.
///
/// # Errors
/// When the database refuses.
pub async fn stop_codes(conn: &mut Conn, user_id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, STOP_CODES, user_id, now)? == 1)
}

/// Lets a user's codes work again, and be sent again, and forgets the wrong ones.
///
/// # Errors
/// When the database refuses.
pub async fn clear_budget(conn: &mut Conn, user_id: &str) -> Result<()> {
    // The budget first: a try that is under way holds it, and what that counts is seen after it.
    execute!(conn, CLEAR_BUDGET, user_id)?;
    execute!(conn, FORGET_WRONG, user_id)?;
    super::messages::forgive_codes(conn, user_id).await
}

/// Deletes at most `limit` codes given by hand that expired before `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge_hand_codes(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE_HAND_CODES, before, limit)
}

/// Deletes at most `limit` wrong codes that were tried before `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge_wrong_codes(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE_WRONG, before, limit)
}
