//! Who may register an app where not everybody may? Whoever holds an initial access token (RFC 7591 §3).

use rand::CryptoRng;

use crate::keys::secret::Token;
use crate::store::{Conn, Result, registrations};

/// The most registrations that one token may be good for.
pub const MOST_USES: u32 = 10_000;

/// The longest that one may hold, in seconds.
pub const LONGEST: i64 = 365 * 86_400;

/// What the holder of another one is told.
pub(super) const NOT_INVITED: &str =
    "this initial access token is unknown, has expired, or has no registration left";

/// Makes an initial access token for so many registrations within so many seconds, each no more than may be.
///
/// # Errors
/// When the database refuses.
pub async fn invite(
    conn: &mut Conn,
    uses: u32,
    lifetime: i64,
    note: Option<&str>,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<Token> {
    let token = Token::generate(rng);
    let (uses, expires_at) = (uses.min(MOST_USES), now + lifetime.clamp(0, LONGEST));
    registrations::invite(conn, token.hash().as_str(), note, uses.into(), now, expires_at).await?;
    Ok(token)
}
