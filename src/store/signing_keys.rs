//! (to be written)

use super::Query;

/// The queries of this file, by name.
pub const QUERIES: &[Query] = &[];
