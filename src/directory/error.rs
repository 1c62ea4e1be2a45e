//! What can be wrong with a change of the directory? Each says what to do.

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
    /// The role serves another tree.
    #[error("the role {0} is not one of this group's tree: see `countersign role list`")]
    ForeignRole(String),
    /// Somebody has the login.
    #[error("the login {0} is taken: choose another")]
    LoginTaken(String),
    /// Nobody has the login.
    #[error("there is no user {0}: see `countersign user list`")]
    UnknownUser(String),
    /// A name is not one.
    #[error("a name has 1 to 80 characters, no slash and no control characters")]
    Name,
    /// A rank is out of range.
    #[error("a rank is a number from 1 to 1023")]
    Rank,
    /// A language is not one.
    #[error("{0} is not a language tag such as en or pt-BR")]
    Language(String),
    /// The row is gone.
    #[error("the user was deleted meanwhile")]
    Vanished,
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
