//! Who of a group or a tree cannot sign in, or could not with another setting? Found without going through everybody, for pages that are
//! looked at often.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Affected, LISTED_AT_MOST, Lot, NAMED_AT_MOST, Named, Obstacle, Preview, lot};
use crate::directory::people::Need;
use crate::directory::unreached::{self, Place, Whose};
use crate::directory::{Error, Status, Tree, TwoFactor};
use crate::store::groups::GroupRow;
use crate::store::{self, Conn, users};

/// Where a count ends: of those without an address, and of the others.
const COUNTED: usize = 200;

/// How many at once are looked at, once more than the first were needed.
const LOOKED_AT: i64 = 250;

/// How many, counted to an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// How many.
    pub n: i64,
    /// Whether there may be more.
    pub more: bool,
}

/// Whose decision is asked for.
#[derive(Clone, Copy)]
enum About<'a> {
    /// A group's people who have chosen a password, with this setting; and whether the group is small.
    Group(&'a GroupRow, TwoFactor, bool),
    /// A tree's people, as their groups are set.
    Tree(&'a Tree),
}

impl<'a> About<'a> {
    async fn group(conn: &mut Conn, group: &'a GroupRow, to: TwoFactor) -> store::Result<Self> {
        Ok(Self::Group(group, to, unreached::is_small(conn, &group.id).await?))
    }

    fn whose(self) -> Whose<'a> {
        match self {
            Self::Group(group, _, is_small) => Whose::Group { id: &group.id, is_small },
            Self::Tree(tree) => Whose::Tree(tree),
        }
    }

    /// What keeps somebody out, if anything does.
    fn obstacle(self, need: &Need) -> Option<Obstacle> {
        let to = match self {
            Self::Group(..) if need.status == Status::Invited => return None,
            Self::Group(_, to, _) => to,
            Self::Tree(_) => need.two_factor,
        };
        match lot(need, to, need.overrides) {
            Lot::LockedOut(obstacle) => Some(obstacle),
            Lot::Asked | Lot::GoesOn(_) | Lot::LetIn => None,
        }
    }
}

/// The first [`LISTED_AT_MOST`] of a group who could not sign in with the setting of a preview, and whether there are more of them.
///
/// # Errors
/// When the database refuses.
pub async fn locked_out(
    conn: &mut Conn,
    group: &GroupRow,
    preview: &Preview,
) -> Result<(Vec<Affected>, bool), Error> {
    if preview.to != TwoFactor::On {
        // Nobody is kept out: a setting that asks for no code, or lets people go on without.
        return Ok((Vec::new(), false));
    }
    let first = &preview.first_locked_out;
    let (mut found, mut more) = if first.len() > LISTED_AT_MOST {
        (first.iter().take(LISTED_AT_MOST).cloned().collect(), true)
    } else {
        let about = About::group(conn, group, preview.to).await?;
        let (found, next) = list(conn, about, &Place::default(), LISTED_AT_MOST).await?;
        (found, next.is_some())
    };
    // No record holds what has just been said.
    if let Some(own) = &preview.refused_now {
        found.insert(0, own.clone());
        more |= found.len() > LISTED_AT_MOST;
        found.truncate(LISTED_AT_MOST);
    }
    Ok((found, more))
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
    if to != TwoFactor::On {
        return Ok((Vec::new(), Count::default()));
    }
    let about = About::group(conn, group, to).await?;
    let (found, counted) = count(conn, about, named, COUNTED).await?;
    Ok((found, Count { n: counted.n(), more: counted.more() }))
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
    /// Whether there may be more without an address.
    pub more_nowhere: bool,
    /// Whether there may be more of the others.
    pub more_others: bool,
}

/// At most `limit` of a tree who cannot sign in as their groups ask for codes now, and where the next ones begin, if there may be any: first
/// those without an address, by group and login. A code that somebody was handed lets them in once, and mends nothing.
///
/// # Errors
/// When the database refuses.
pub async fn locked_out_in(
    conn: &mut Conn,
    tree: &Tree,
    after: &Place,
    limit: usize,
) -> store::Result<(Vec<Affected>, Option<Place>)> {
    list(conn, About::Tree(tree), after, limit).await
}

/// How many of a tree cannot sign in; of those without an address nobody is counted beyond `most`, and of the others nobody either.
///
/// # Errors
/// When the database refuses.
pub async fn count_locked_out_in(conn: &mut Conn, tree: &Tree, most: usize) -> store::Result<KeptOut> {
    Ok(count(conn, About::Tree(tree), 0, most).await?.1)
}

/// How many of a tree cannot sign in for want of an address, by the id of their top-level group; of the `most` groups with the most of them, those
/// first. It looks at everybody who has no address and is asked for a code.
///
/// # Errors
/// When the database refuses.
pub async fn without_address(conn: &mut Conn, tree: &Tree, most: usize) -> store::Result<Vec<(String, i64)>> {
    let (about, mut counted) = (About::Tree(tree), BTreeMap::<String, i64>::new());
    let mut from = Some(Place::default());
    while let Some(place) = from.filter(|place| *place != Place::others()) {
        let batch = unreached::batch(conn, about.whose(), &place, LOOKED_AT).await?;
        for (need, _) in batch.needs {
            if about.obstacle(&need) == Some(Obstacle::NoAddress) {
                *counted.entry(need.top_id.unwrap_or_default()).or_default() += 1;
            }
        }
        from = batch.next;
    }
    let mut counted: Vec<_> = counted.into_iter().collect();
    counted.sort_by_key(|(_, n)| Reverse(*n));
    counted.truncate(most);
    Ok(counted)
}

/// How many are looked at first where so many are wanted: some more, since not everybody who is hard to reach is kept out.
fn at_first(wanted: usize) -> i64 {
    i64::try_from(wanted + wanted / 4 + 2).map_or(LOOKED_AT, |some| some.min(LOOKED_AT))
}

/// At most `limit` of them, and where the next ones begin.
async fn list(
    conn: &mut Conn,
    about: About<'_>,
    after: &Place,
    limit: usize,
) -> store::Result<(Vec<Affected>, Option<Place>)> {
    let (mut found, mut last, mut from) = (Vec::new(), after.clone(), Some(after.clone()));
    let mut looked_at = at_first(limit);
    while let Some(place) = from {
        let batch = unreached::batch(conn, about.whose(), &place, looked_at).await?;
        looked_at = LOOKED_AT;
        for (need, place) in batch.needs {
            if let Some(obstacle) = about.obstacle(&need) {
                if found.len() == limit {
                    return Ok((found, Some(last)));
                }
                found.push(Affected::kept_out(need, obstacle));
                last = place;
            }
        }
        from = batch.next;
    }
    Ok((found, None))
}

/// Counts them, and names the first.
async fn count(
    conn: &mut Conn,
    about: About<'_>,
    named: usize,
    most: usize,
) -> store::Result<(Vec<Affected>, KeptOut)> {
    let (mut found, mut counted) = (Vec::new(), KeptOut::default());
    let (mut here, mut from) = (0, Some(Place::default()));
    let mut looked_at = at_first(most);
    while let Some(place) = from {
        let batch = unreached::batch(conn, about.whose(), &place, looked_at).await?;
        looked_at = LOOKED_AT;
        let kept_out = batch.needs.into_iter().filter_map(|(need, _)| Some((about.obstacle(&need)?, need)));
        from = batch.next;
        for (obstacle, need) in kept_out {
            if here == most {
                from = batch.others_follow.then(Place::others);
                counted.more_nowhere |= matches!(place, Place::Login { .. });
                counted.more_others |= !batch.others_follow;
                break;
            }
            here += 1;
            counted.add(obstacle);
            if found.len() < named {
                found.push(Affected::kept_out(need, obstacle));
            }
        }
        if from == Some(Place::others()) {
            (here, looked_at) = (0, at_first(most));
        }
    }
    Ok((found, counted))
}

impl Affected {
    pub(super) fn kept_out(need: Need, obstacle: Obstacle) -> Self {
        Self { id: need.id, login: need.login, lot: Lot::LockedOut(obstacle), answer: need.undelivered }
    }
}

impl KeptOut {
    const fn add(&mut self, obstacle: Obstacle) {
        match obstacle {
            Obstacle::NoAddress => self.no_address += 1,
            Obstacle::Undelivered => self.undelivered += 1,
            Obstacle::CodesStopped => self.codes_stopped += 1,
        }
    }

    /// Whether there may be more than were counted.
    #[must_use]
    pub const fn more(self) -> bool {
        self.more_nowhere || self.more_others
    }

    /// How many in all.
    #[must_use]
    pub const fn n(self) -> i64 {
        self.no_address + self.undelivered + self.codes_stopped
    }
}

/// The active holders of `override_2fa` in the tree of a group.
///
/// # Errors
/// When the database refuses.
pub async fn overriders(conn: &mut Conn, group: &GroupRow) -> Result<Named, Error> {
    let (count, people) = users::overriders(conn, &group.top_id, NAMED_AT_MOST).await?;
    Ok(Named::of(people, count))
}
