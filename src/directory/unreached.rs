//! Whom may a code not reach? Everybody whom a decision could find kept out, and others, found without going through everybody: a page that
//! many look at is as quick with a hundred thousand people as with ten.

use super::listing;
use super::people::Need;
use super::person::Status;
use super::rights::{Rights, own};
use super::tree::Tree;
use super::two_factor::TwoFactor;
use crate::store::groups::GroupRow;
pub use crate::store::needs::Doubt;
use crate::store::needs::{self, Among};
use crate::store::{Conn, Error, Result, alike};

/// The most roles whose holders are looked at; a tree that has more is none that people have made.
const ROLES: i64 = 10_000;

/// Of whom they are.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'w> {
    /// Of one group, whatever it asks for; those who are not disabled.
    Group {
        /// Its id.
        id: &'w str,
        /// Whether it [`is_small`].
        is_small: bool,
    },
    /// The same but for those who have nothing that could be an address, who are [`alike()`].
    GroupButAlike {
        /// Its id.
        id: &'w str,
        /// Whether it [`is_small`].
        is_small: bool,
    },
    /// Of a tree's groups that ask for a code; those who are active.
    Tree(&'w Tree),
}

/// Where a look goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Among those without an address, or among all where they are few: after this folded login of this group.
    Login {
        /// The group's id; empty for the beginning.
        group_id: String,
        /// The folded login.
        key: String,
    },
    /// Among the others of many, who have an address: after the user of this id.
    Id(String),
}

/// Who those are that are [`alike()`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alike {
    /// Few: the ids of each.
    Each(Vec<String>),
    /// Many, whom nobody names.
    Together {
        /// How many.
        n: i64,
        /// What stands for who they are: another once one of them is another, or changed.
        mark: String,
    },
}

impl Alike {
    /// How many they are.
    #[must_use]
    pub fn count(&self) -> i64 {
        match self {
            Self::Each(ids) => i64::try_from(ids.len()).unwrap_or(i64::MAX),
            Self::Together { n, .. } => *n,
        }
    }
}

/// A part of them.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Who they are, each with the place that the next one comes after.
    pub needs: Vec<(Need, Place)>,
    /// Where the part after this one begins; none after the last.
    pub next: Option<Place>,
    /// Whether those of another kind come after all of this one.
    pub others_follow: bool,
}

impl Default for Place {
    fn default() -> Self {
        Self::Login { group_id: String::new(), key: String::new() }
    }
}

impl Place {
    /// Before the first of those who have an address.
    #[must_use]
    pub const fn others() -> Self {
        Self::Id(String::new())
    }

    /// As it stands in an address.
    #[must_use]
    pub fn mark(&self) -> String {
        match self {
            Self::Login { group_id, key } => format!("{group_id}.{key}"),
            Self::Id(id) => format!("-{id}"),
        }
    }

    /// What an address says; the beginning where it says nothing.
    #[must_use]
    pub fn from_mark(mark: &str) -> Self {
        if let Some(id) = mark.strip_prefix('-') {
            return Self::Id(id.to_owned());
        }
        let (group_id, key) = mark.split_once('.').unwrap_or_default();
        Self::Login { group_id: group_id.to_owned(), key: key.to_owned() }
    }

    fn of(need: &Need, by_id: bool) -> Self {
        if by_id {
            return Self::Id(need.id.clone());
        }
        Self::Login { group_id: need.group_id.clone().unwrap_or_default(), key: need.key.clone() }
    }
}

/// Those whom a code may not reach, from a place on: those without an address by group and login, then the others by their ids. Where all are
/// few, all by group and login. At most `looked_at` are looked at.
///
/// # Errors
/// When the database refuses.
pub async fn batch(conn: &mut Conn, whose: Whose<'_>, from: &Place, looked_at: i64) -> Result<Batch> {
    let (among, few) = match whose {
        Whose::Group { id, is_small } => (Among::Group(id), is_small),
        Whose::GroupButAlike { id, is_small } => (Among::GroupButAlike(id), is_small),
        Whose::Tree(tree) => {
            let begins = matches!(from, Place::Login { .. });
            (Among::Tree(tree.root_id()), begins && listing::has_few(conn, tree).await?)
        }
    };
    let (rows, next, others_follow) = match from {
        Place::Id(after) => {
            let rows = needs::in_doubt(conn, among, after, looked_at).await?;
            let next = needs::last_in_doubt(conn, after, looked_at).await?;
            (rows, next.map(Place::Id), false)
        }
        Place::Login { group_id, key } => {
            let after = (group_id.as_str(), key.as_str());
            let rows = if few {
                needs::of_few(conn, among, after, looked_at).await?
            } else {
                needs::nowhere(conn, among, after, looked_at).await?
            };
            let full = i64::try_from(rows.len()).is_ok_and(|found| found == looked_at);
            let last = rows.last().filter(|_| full).map(|row| Place::Login {
                group_id: row.group_id.clone().unwrap_or_default(),
                key: row.login_key.clone(),
            });
            (rows, last.or_else(|| (!few).then(Place::others)), !few)
        }
    };
    let needs = Need::all_from_rows(conn, rows).await?;
    let by_id = matches!(from, Place::Id(_));
    let needs = needs.into_iter().map(|need| {
        let place = Place::of(&need, by_id);
        (need, place)
    });
    Ok(Batch { needs: needs.collect(), next, others_follow })
}

/// Those of a group who are active and have nothing that could be an address. All who hold one role are alike in what decides about them, so
/// they are not read one by one: what they need, under no name, and who they are.
///
/// # Errors
/// When the database refuses.
pub async fn alike(conn: &mut Conn, group: &GroupRow, is_small: bool) -> Result<Vec<(Need, Alike)>> {
    let two_factor = TwoFactor::of(group)?;
    let each =
        |(rights, ids): (String, String)| (rights, Alike::Each(ids.split(' ').map(str::to_owned).collect()));
    let together = |(rights, role, n, changed): (String, String, i64, i64)| {
        (rights, Alike::Together { n, mark: format!("{role} {n} {changed}") })
    };
    let by_role: Vec<_> = if is_small {
        alike::each(conn, &group.id, ROLES).await?.into_iter().map(each).collect()
    } else {
        alike::counted(conn, &group.id, ROLES).await?.into_iter().map(together).collect()
    };
    let mut alike = Vec::new();
    for (rights, who) in by_role {
        let bad = |_| Error::BadRow { table: "roles", column: "rights", row: rights.clone() };
        let overrides = Rights::parse(&rights).map_err(bad)?.has(own::OVERRIDE_2FA);
        let need = Need {
            id: String::new(),
            key: String::new(),
            login: String::new(),
            group_id: Some(group.id.clone()),
            top_id: Some(group.top_id.clone()),
            status: Status::Active,
            has_address: false,
            overrides,
            codes_stopped: false,
            two_factor,
            undelivered: None,
        };
        alike.push((need, who));
    }
    Ok(alike)
}

/// Those of a group who are active, have an address, and are in this doubt, after the user of this id; and the id that the next ones come
/// after, none after the last. At most `looked_at` are looked at. Of a message that was refused nothing is known where their codes are
/// stopped, which comes first.
///
/// # Errors
/// When the database refuses.
pub async fn in_one_doubt(
    conn: &mut Conn,
    group: &GroupRow,
    doubt: Doubt,
    after: &str,
    looked_at: i64,
) -> Result<(Vec<Need>, Option<String>)> {
    let (rows, next) = needs::in_one_doubt(conn, doubt, &group.id, after, looked_at).await?;
    Ok((Need::all_in_doubt(conn, group, doubt, rows).await?, next))
}

/// Whether a group has so few people, with those below it, that all who are hard to reach are found in one order.
///
/// # Errors
/// When the database refuses.
pub async fn is_small(conn: &mut Conn, group_id: &str) -> Result<bool> {
    listing::are_few(conn, group_id).await
}
