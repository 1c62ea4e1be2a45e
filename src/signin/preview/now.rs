//! Who of a group cannot sign in, or could not with another setting? Found without going through everybody, for pages that are
//! looked at often.

use super::{Affected, Lot, NAMED_AT_MOST, lot};
use crate::directory::{Error, TwoFactor, people};
use crate::store::groups::GroupRow;
use crate::store::{Conn, users};

/// Where a count ends.
const COUNTED: usize = 200;

/// How many at once are looked at.
const LOOKED_AT: i64 = 200;

/// How many, counted to an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// How many.
    pub n: i64,
    /// Whether there may be more.
    pub more: bool,
}

/// At most `limit` of a group who could not sign in with a setting, by login, that come after the folded login `after`; and the key
/// that the next ones come after, if there may be any.
///
/// # Errors
/// When the database refuses.
pub async fn locked_out(
    conn: &mut Conn,
    group: &GroupRow,
    to: TwoFactor,
    after: &str,
    limit: usize,
) -> Result<(Vec<Affected>, Option<String>), Error> {
    let (mut found, mut after) = (Vec::new(), after.to_owned());
    if to != TwoFactor::On {
        // Nobody is kept out: a setting that asks for no code, or lets people go on without.
        return Ok((found, None));
    }
    loop {
        let (page, next) = people::needs_hard_to_reach(conn, &group.id, &after, LOOKED_AT).await?;
        for need in page {
            let lot = lot(&need, to, need.overrides);
            if !matches!(lot, Lot::LockedOut(_)) {
                continue;
            }
            if found.len() == limit {
                return Ok((found, Some(after)));
            }
            after.clone_from(&need.key);
            found.push(Affected { id: need.id, login: need.login, lot, answer: need.undelivered });
        }
        match next {
            Some(key) => after = key,
            None => return Ok((found, None)),
        }
    }
}

/// How many of a group could not sign in with a setting.
///
/// # Errors
/// When the database refuses.
pub async fn count_locked_out(conn: &mut Conn, group: &GroupRow, to: TwoFactor) -> Result<Count, Error> {
    let (found, next) = locked_out(conn, group, to, "", COUNTED).await?;
    Ok(Count { n: i64::try_from(found.len()).unwrap_or(i64::MAX), more: next.is_some() })
}

/// How many active holders of `override_2fa` the tree of a group has, and the logins of the first.
///
/// # Errors
/// When the database refuses.
pub async fn overriders(conn: &mut Conn, group: &GroupRow) -> Result<(i64, Vec<String>), Error> {
    Ok(users::overriders(conn, &group.top_id, NAMED_AT_MOST).await?)
}
