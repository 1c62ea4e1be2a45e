//! Has this browser signed in before, and what did its person prove then? A session is what makes single sign-on.

use rand::CryptoRng;

use crate::config;
use crate::keys::secret::{Token, TokenHash, new_id_at};
use crate::store::sessions::{self, Proofs, SessionRow};
use crate::store::standing::{self, At, Theirs};
use crate::store::{Conn, Db, Result};

/// The live session of the cookie that a browser presents, and its person. One that has grown too old is over for good, whatever the clock does then.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    db: &Db,
    cookie: Option<&str>,
    settings: &config::Session,
    at: At,
) -> Result<Option<Theirs<SessionRow>>> {
    let Some(cookie) = cookie else { return Ok(None) };
    let (hash, now) = (TokenHash::of(cookie), at.now);
    let idle_since = now - settings.idle.as_secs();
    let mut conn = db.read().await?;
    let found = standing::of_session(&mut conn, hash.as_str(), idle_since, at).await?;
    if found.is_none() && sessions::is_stale(&mut conn, hash.as_str()).await? {
        drop(conn);
        let mut tx = db.write().await?;
        sessions::expire(&mut tx, hash.as_str(), now, idle_since).await?;
        tx.commit().await?;
    }
    Ok(found)
}

/// The session of the cookie that a browser presents, although it may have been idle for too long: one can still sign out of it,
/// and out of the apps that it opened.
///
/// # Errors
/// When the database refuses.
pub async fn find_even_idle(conn: &mut Conn, cookie: Option<&str>, now: i64) -> Result<Option<SessionRow>> {
    let Some(cookie) = cookie else { return Ok(None) };
    sessions::find(conn, TokenHash::of(cookie).as_str(), now, i64::MIN).await
}

/// A session that a sign-in has begun or strengthened, and the new cookie for it.
#[derive(Debug)]
pub struct Opened {
    /// Its public name: `sid`.
    pub id: String,
    /// What the browser will present from now on.
    pub cookie: Token,
}

/// Begins a session for a user, or gives the same user's live one its new proofs. Either way the browser gets a new
/// cookie, so that one that was known before the sign-in is worth nothing after it. Another user's session in this
/// browser ends.
///
/// # Errors
/// When the database refuses.
pub async fn open(
    conn: &mut Conn,
    before: Option<&SessionRow>,
    user_id: &str,
    proofs: Proofs,
    settings: &config::Session,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<Opened> {
    let cookie = Token::generate(rng);
    let hash = cookie.hash();
    if let Some(session) = before {
        if session.user_id == user_id {
            if sessions::renew(conn, &session.id, hash.as_str(), proofs, now).await? {
                return Ok(Opened { id: session.id.clone(), cookie });
            }
        } else {
            sessions::end(conn, &session.id, now).await?;
        }
    }
    let id = new_id_at(now * 1000, rng);
    let expires_at = now + settings.lifetime.as_secs();
    sessions::add(conn, &id, hash.as_str(), user_id, proofs, now, expires_at).await?;
    Ok(Opened { id, cookie })
}
