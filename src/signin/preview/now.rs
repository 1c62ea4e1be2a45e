//! Who of a group cannot sign in, or could not with another setting? Found without going through everybody, for pages that are
//! looked at often.

use super::{Affected, Lot, NAMED_AT_MOST, Obstacle, lot};
use crate::directory::{Error, Status, Tree, TwoFactor, people};
use crate::store::groups::GroupRow;
use crate::store::{self, Conn, users};

/// Where a count ends.
const COUNTED: usize = 200;

/// How many at once are looked at: some more than are counted, since not everybody who is hard to reach is kept out.
const LOOKED_AT: i64 = 250;

/// How many, counted to an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// How many.
    pub n: i64,
    /// Whether there may be more.
    pub more: bool,
}

/// Whom a list of those who could not sign in is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Those who could otherwise.
    Active,
    /// Those who have not chosen a password yet as well: a switch is about them too.
    AlsoInvited,
}

/// At most `limit` of a group who could not sign in with a setting, by login; and the key that the next ones come after, if there may be
/// any.
///
/// # Errors
/// When the database refuses.
pub async fn locked_out(
    conn: &mut Conn,
    group: &GroupRow,
    to: TwoFactor,
    whom: Whom,
    limit: usize,
) -> Result<(Vec<Affected>, Option<String>), Error> {
    let (mut found, mut after) = (Vec::new(), String::new());
    if to != TwoFactor::On {
        // Nobody is kept out: a setting that asks for no code, or lets people go on without.
        return Ok((found, None));
    }
    loop {
        let (page, next) = people::needs_hard_to_reach(conn, &group.id, &after, LOOKED_AT).await?;
        for need in page {
            let lot = lot(&need, to, need.overrides);
            if !matches!(lot, Lot::LockedOut(_)) || (need.status == Status::Invited && whom == Whom::Active) {
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
    Ok(first_locked_out(conn, group, to, 0).await?.1)
}

/// The same, with the first `named` of them.
///
/// # Errors
/// When the database refuses.
pub async fn first_locked_out(
    conn: &mut Conn,
    group: &GroupRow,
    to: TwoFactor,
    named: usize,
) -> Result<(Vec<Affected>, Count), Error> {
    let (mut found, next) = locked_out(conn, group, to, Whom::Active, COUNTED).await?;
    let count = Count { n: i64::try_from(found.len()).unwrap_or(i64::MAX), more: next.is_some() };
    found.truncate(named);
    Ok((found, count))
}

/// Where in a tree's people a page begins: after this folded login of this group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The group's id; empty for the beginning.
    pub group_id: String,
    /// The folded login.
    pub key: String,
}

/// How many of a tree cannot sign in, by what keeps them out, counted to an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptOut {
    /// There is no address that a code could go to.
    pub no_address: i64,
    /// The last message did not reach the address that they have.
    pub undelivered: i64,
    /// Too many wrong codes have stopped theirs.
    pub codes_stopped: i64,
    /// Whether there may be more.
    pub more: bool,
}

/// At most `limit` of a tree who cannot sign in as their groups ask for codes now, by group and login; and where the next ones begin, if
/// there may be any. A code that somebody was handed lets them in once, and mends nothing.
///
/// # Errors
/// When the database refuses.
pub async fn locked_out_in(
    conn: &mut Conn,
    tree: &Tree,
    after: &Mark,
    limit: usize,
) -> store::Result<(Vec<Affected>, Option<Mark>)> {
    let (mut found, mut mark) = (Vec::new(), after.clone());
    loop {
        let after = (mark.group_id.as_str(), mark.key.as_str());
        let page = people::needs_hard_to_reach_in(conn, tree, after, LOOKED_AT).await?;
        let full = i64::try_from(page.len()).is_ok_and(|found| found == LOOKED_AT);
        for need in page {
            let lot = lot(&need, need.two_factor, need.overrides);
            let here = Mark { group_id: need.group_id.unwrap_or_default(), key: need.key };
            if matches!(lot, Lot::LockedOut(_)) {
                if found.len() == limit {
                    return Ok((found, Some(mark)));
                }
                found.push(Affected { id: need.id, login: need.login, lot, answer: need.undelivered });
            }
            mark = here;
        }
        if !full {
            return Ok((found, None));
        }
    }
}

/// How many of a tree cannot sign in; nobody is counted beyond `most`.
///
/// # Errors
/// When the database refuses.
pub async fn count_locked_out_in(conn: &mut Conn, tree: &Tree, most: usize) -> store::Result<KeptOut> {
    let (found, next) = locked_out_in(conn, tree, &Mark::default(), most).await?;
    let mut counted = KeptOut { more: next.is_some(), ..KeptOut::default() };
    for affected in found {
        match affected.lot {
            Lot::LockedOut(Obstacle::NoAddress) => counted.no_address += 1,
            Lot::LockedOut(Obstacle::Undelivered) => counted.undelivered += 1,
            Lot::LockedOut(Obstacle::CodesStopped) => counted.codes_stopped += 1,
            Lot::Asked | Lot::LetIn => {}
        }
    }
    Ok(counted)
}

impl KeptOut {
    /// How many in all.
    #[must_use]
    pub const fn n(self) -> i64 {
        self.no_address + self.undelivered + self.codes_stopped
    }
}

/// How many active holders of `override_2fa` the tree of a group has, and the logins of the first.
///
/// # Errors
/// When the database refuses.
pub async fn overriders(conn: &mut Conn, group: &GroupRow) -> Result<(i64, Vec<String>), Error> {
    Ok(users::overriders(conn, &group.top_id, NAMED_AT_MOST).await?)
}
