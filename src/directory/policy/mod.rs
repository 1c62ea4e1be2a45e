//! Who may change whom? The rank rules, as functions over plain facts: no database, no clock.
//!
//! Every path obeys them: a form, a manager's command, an import, the API, a move between groups. The command line
//! ([`Actor::Operator`]) passes the rules about rank and reach, and none of those that keep a site usable.

mod groups;
mod rank;
mod refusal;
mod roles;
mod standing;
mod users;

#[cfg(test)]
pub(super) mod samples;
#[cfg(test)]
mod together;

pub use groups::{GroupChange, may_add_group, may_change_group, may_delete_group, may_insist};
pub use rank::TOP_MANAGER;
pub use refusal::{Refusal, Verdict};
pub use roles::{Remaining, may_add_role, may_change_role, may_delete_role};
pub use standing::{Actor, Place, RoleFacts, Standing};
pub use users::{
    After, Others, may_add, may_change, may_delete, may_edit, may_set_claim, may_unlock, may_view, may_vouch,
};
