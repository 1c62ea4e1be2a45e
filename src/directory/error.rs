//! What can be wrong with a change of the directory? Each says what to do.

use super::claims::NotAClaim;
use super::login::NotALogin;
use super::policy::Refusal;
use super::rights::NotARight;
use crate::store;

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A sibling has the name.
    #[error("there is a group {0} here already: choose another name")]
    GroupExists(String),
    /// No group has the path.
    #[error("there is no group {0}: see `countersign group list`")]
    UnknownGroup(String),
    /// The tree has a role of the name.
    #[error("there is a role {0} here already: choose another name")]
    RoleExists(String),
    /// The tree has no role of the name.
    #[error("there is no role {0} here: see `countersign role list`")]
    UnknownRole(String),
    /// Somebody has the login.
    #[error("the login {0} is taken: choose another")]
    LoginTaken(String),
    /// It looks like somebody else's login.
    #[error(
        "the login {0} looks like somebody else's, though its letters are of another alphabet: choose another"
    )]
    LoginAlike(String),
    /// Nobody has the login.
    #[error("there is no user {0}: see `countersign user list`")]
    UnknownUser(String),
    /// A name is not one.
    #[error(
        "a name has 1 to 80 characters, no slash, no control characters and no marks that turn the direction of writing, and a group is called neither . nor .."
    )]
    Name,
    /// Groups are nested too deep.
    #[error("groups can be nested at most {0} deep: add it further up")]
    TooDeep(usize),
    /// A language is not one.
    #[error("{0} is not a language tag such as en or pt-BR")]
    Language(String),
    /// A group that holds something is to be deleted.
    #[error("{path} still has {users} users and {groups} groups below it: move or delete them first")]
    GroupNotEmpty {
        /// The group's path.
        path: String,
        /// How many users it has.
        users: i64,
        /// How many groups are directly below it.
        groups: i64,
    },
    /// An app is only for a group that is to be deleted.
    #[error(
        "the app {0} is for this group: change that first with `countersign client set {0} --allow-group …`"
    )]
    GroupOfApp(String),
    /// A role that somebody holds is to be deleted.
    #[error("{holders} users hold the role {name}: give them another one first with `countersign user set`")]
    RoleHeld {
        /// The role's name.
        name: String,
        /// How many hold it.
        holders: i64,
    },
    /// No live session has the id.
    #[error("there is no session {0}, or it has ended: see `countersign session list`")]
    UnknownSession(String),
    /// No grant that holds has the id.
    #[error("there is no grant {0}, or it has ended: see `countersign grant list`")]
    UnknownGrant(String),
    /// There is no address to vouch for.
    #[error("there is no email address to vouch for: set one first")]
    NoEmail,
    /// Nobody who adds somebody without an address could give them one later.
    #[error("add them with an email address: only somebody of higher rank could set one later")]
    AddressLater,
    /// Nobody who gives somebody without an address a role of their own rank could give them one later.
    #[error("give them an email address first: once they have this role, only somebody of higher rank could")]
    AddressFirst,
    /// A disabled user cannot use a link.
    #[error("{0} is disabled, and no link would work: first `countersign user set {0} --status active`")]
    Disabled(String),
    /// A domain is not one.
    #[error("{0} is not a domain such as example.org")]
    Domain(String),
    /// The row is gone.
    #[error("it was deleted meanwhile")]
    Vanished,
    /// Somebody else has changed the same fields meanwhile.
    #[error("somebody else has just changed {}: look again first", .0.join(", "))]
    Overtaken(Vec<&'static str>),
    /// Somebody else has moved the user between reading and writing.
    #[error("somebody else has just moved this user: try again")]
    Moved,
    /// A login is not one.
    #[error(transparent)]
    Login(#[from] NotALogin),
    /// Somebody has the name that apps are to know the user by.
    #[error(
        "preferred_username: {0} is the login or the preferred_username of somebody else: choose another"
    )]
    UsernameTaken(String),
    /// A claim is not one.
    #[error(transparent)]
    Claim(#[from] NotAClaim),
    /// A right is not one.
    #[error(transparent)]
    Right(#[from] NotARight),
    /// The rank rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// A row that has just been hung from what is to be deleted means `held`; anything else is the store's failure.
    pub(super) fn or_held(error: store::Error, held: Self) -> Self {
        if matches!(error, store::Error::Orphan { .. }) { held } else { Self::Store(error) }
    }

    /// A duplicate row means `taken`; anything else is the store's failure.
    pub(super) fn or_taken(error: store::Error, taken: Self) -> Self {
        if error.is_duplicate() { taken } else { Self::Store(error) }
    }
}
