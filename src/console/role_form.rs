//! What of a role is typed into its form, and what of that cannot be read?

use super::Visit;
use super::field::{self, Said, Wrong, line};
use crate::directory::may;
use crate::directory::policy::TOP_MANAGER;
use crate::directory::rights::{Right, Rights, own};
use crate::store::roles::RoleRow;

/// The longest name of a role, and the longest list of the apps' words, in characters.
pub(super) const LONGEST_NAME: usize = 80;
pub(super) const LONGEST_WORDS: usize = 2000;

/// What somebody has typed.
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) rank: i64,
    pub(super) rights: Rights,
}

impl Typed {
    /// Reads the form. A field that is not there for this reader leaves things as they are; the apps' words stand for all rights.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn read(visit: &Visit, now: Option<(&RoleRow, &may::OfRole)>) -> Result<Self, Vec<Wrong>> {
        let (form, role) = (&visit.form, now.map(|(role, _)| role));
        let now_name = role.map_or("", |role| role.name.as_str());
        let sent = |field: &str| role.is_none() || form.pairs().any(|(name, _)| name == field);
        let name = match role.filter(|_| !sent("name")) {
            Some(role) => Ok(role.name.clone()),
            None => field::name(form, "name", LONGEST_NAME, now_name).map(str::to_owned),
        };
        let rank = match role.filter(|_| !sent("rank")) {
            Some(role) => Ok(role.rank),
            None => line(form, "rank", 40).and_then(rank),
        };
        match (name, rank, rights(visit, now, sent("rights"))) {
            (Ok(name), Ok(rank), Ok(rights)) => Ok(Self { name, rank, rights }),
            (name, rank, rights) => {
                Err([name.err(), rank.err(), rights.err()].into_iter().flatten().collect())
            }
        }
    }
}

fn rank(typed: &str) -> Result<i64, Wrong> {
    typed.parse().map_err(|_| Wrong::new("rank", Said::new("wrong-rank").counting(TOP_MANAGER)))
}

/// The rights that are ticked, and the apps' words, where they were sent.
fn rights(visit: &Visit, now: Option<(&RoleRow, &may::OfRole)>, sent: bool) -> Result<Rights, Wrong> {
    let bad = |_| Wrong::new("rights", Said::new("wrong-right"));
    let held = now.map(|(role, _)| Rights::parse(&role.rights));
    let held = held.transpose().map_err(bad)?.unwrap_or_default();
    if !sent {
        return Ok(held);
    }
    let mut rights = Rights::parse(line(&visit.form, "rights", LONGEST_WORDS)?).map_err(bad)?;
    for word in own::OF_GROUPS {
        let right = Right::parse(word).map_err(bad)?;
        let open = now.is_none_or(|(_, may)| may.right(&right).is_ok());
        let wanted = if open { visit.form.field(word) == "on" } else { held.has(word) };
        if wanted && !rights.has(word) {
            rights = rights.toggled(&right);
        }
    }
    Ok(rights)
}
