//! What do all endpoints share? The words of the protocol, and what their answers and pages have in common.

pub(super) mod browser_state;
pub(super) mod claims;
pub(super) mod cors;
pub(super) mod documents;
pub mod error;
pub(super) mod failure;
pub(super) mod kinds;
pub(super) mod mistake;
pub(super) mod notices;
pub(super) mod page;
pub mod scopes;
pub mod slip;
pub mod slips;
pub(super) mod times;
pub(super) mod user_code;
