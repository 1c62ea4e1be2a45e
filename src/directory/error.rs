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
    /// Nobody has the login.
    #[error("there is no user {0}: see `countersign user list`")]
    UnknownUser(String),
    /// A name is not one.
    #[error("a name has 1 to 80 characters, no slash and no control characters")]
    Name,
    /// Groups are nested too deep.
    #[error("groups can be nested at most {0} deep: add it further up")]
    TooDeep(usize),
    /// A language is not one.
    #[error("{0} is not a language tag such as en or pt-BR")]
    Language(String),
    /// The row is gone.
    #[error("it was deleted meanwhile")]
    Vanished,
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
    /// A duplicate row means `taken`; anything else is the store's failure.
    pub(super) fn or_taken(error: store::Error, taken: Self) -> Self {
        if error.is_duplicate() { taken } else { Self::Store(error) }
    }
}
