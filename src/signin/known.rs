//! Has somebody signed in with this browser before? A cookie that is made at a sign-in, so that none that was planted before it is
//! ever known.

use axum::http::HeaderMap;
use rand::CryptoRng;

use super::SignInState;
use crate::keys::secret::{Token, TokenHash};
use crate::store::{Conn, Result, known_browsers};
use crate::web::cookies::Lifetime;

/// The cookie's name, before the prefix that https gives it.
const COOKIE: &str = "known";

/// How long it stays, in seconds: as long as browsers allow.
const LIFETIME: i64 = 400 * 86_400;

/// How many browsers of one user are known: the newest.
const MOST: i64 = 50;

/// What a browser presents as the sign of an earlier sign-in. Whose sign-in, if anybody's, the database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known(TokenHash);

impl Known {
    /// What came with these headers.
    #[must_use]
    pub fn of(state: &SignInState, headers: &HeaderMap) -> Option<Self> {
        state.cookies.read(headers, COOKIE).map(|value| Self(TokenHash::of(&value)))
    }

    /// Whether this user has signed in with the browser.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn is_known(&self, conn: &mut Conn, user_id: &str) -> Result<bool> {
        known_browsers::is_known(conn, self.as_str(), user_id).await
    }

    /// What the database knows it by.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Remembers that a user has signed in with a browser, which presents `known` if anything. The answer is the `Set-Cookie` for
/// a browser that was not known to them: always a new value, and whoever else has signed in with it is known by that too.
///
/// # Errors
/// When the database refuses.
pub async fn remember(
    conn: &mut Conn,
    state: &SignInState,
    known: Option<&Known>,
    user_id: &str,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<Option<String>> {
    let token = Token::generate(rng);
    if let Some(known) = known {
        if known_browsers::see(conn, known.as_str(), user_id, now).await? {
            return Ok(None);
        }
        known_browsers::rename(conn, known.as_str(), token.hash().as_str()).await?;
    }
    known_browsers::add(conn, token.hash().as_str(), user_id, now, MOST).await?;
    Ok(Some(state.cookies.set(COOKIE, token.reveal(), Lifetime::Seconds(LIFETIME))))
}
