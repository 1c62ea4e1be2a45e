//! Which rank stands above which?

/// The rank of Top managers: the highest that a role of a group can have, and the only one whose holders may edit one
/// another.
pub const TOP_MANAGER: i64 = 512;

/// Whether somebody of this rank may edit those of another one.
pub(super) const fn is_above(own: i64, other: i64) -> bool {
    other < own || (other == TOP_MANAGER && own == TOP_MANAGER)
}
