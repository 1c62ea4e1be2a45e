//! Why may somebody not do something?

use super::super::rights::Right;
use super::rank::TOP_MANAGER;

/// Why somebody may not do something. Its text is for whoever tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The group is not the actor's, nor below it.
    #[error("this is outside the groups that you manage")]
    OutsideReach,
    /// The actor's role lacks a right.
    #[error("this needs the right {0}, which your role does not have")]
    LacksRight(&'static str),
    /// The one to be changed has the actor's rank or a higher one.
    #[error("only somebody of higher rank may change this user or role")]
    Outranked,
    /// The rank to be given is above the actor's.
    #[error("you cannot give a rank above your own")]
    RankAboveOwn,
    /// A right to be given is not the actor's.
    #[error("you cannot give the right {0}: you do not hold it")]
    RightNotHeld(Right),
    /// The actor's own role, rank or rights.
    #[error("nobody changes their own role, rank or rights")]
    OwnRole,
    /// The actor's own group, whose flag they may not be able to change.
    #[error("nobody moves themselves to another group")]
    OwnGroup,
    /// A claim of the actor's own that apps may take as vouched for.
    #[error("nobody sets their own {0}: ask a manager")]
    OwnWord(&'static str),
    /// The actor's own codes.
    #[error("nobody unlocks themselves: ask another manager")]
    OwnLock,
    /// The role serves another tree than the group's.
    #[error("this role is not one of the group's tree: see `countersign role list`")]
    RoleOfAnotherTree,
    /// No role of a group can have this rank.
    #[error("the rank of a group's role is between 0 and {TOP_MANAGER}")]
    RankOutOfRange,
    /// No role of a group can have this right.
    #[error("the right administer_site is for the site administrator's role alone")]
    SiteRight,
    /// Nobody else could sign in without a code.
    #[error(
        "the last active holder of override_2fa in a group with two-factor on cannot be disabled, demoted, moved or \
         deleted: give the right to somebody else there first, or switch two-factor off"
    )]
    LastOverride,
    /// Nobody else of the whole tree could.
    #[error(
        "the last active holder of override_2fa in an organisation with two-factor on in one of its groups cannot be \
         disabled, demoted, moved out of it or deleted: give the right to somebody else of it first, or switch \
         two-factor off"
    )]
    LastOverrideOfTree,
    /// Nobody else could administer the site.
    #[error("the last site administrator cannot be disabled, demoted or deleted: add another one first")]
    LastSiteAdministrator,
}

/// The answer of a rule.
pub type Verdict = Result<(), Refusal>;

/// Refuses what does not hold.
pub(super) fn ensure(holds: bool, otherwise: Refusal) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise) }
}
