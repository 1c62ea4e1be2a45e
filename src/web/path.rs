//! What stands in the address of a request? Where it is no text, there is no such page.

use axum::extract::FromRequestParts;
use axum::extract::rejection::PathRejection;

use super::problem::Problem;

/// What a route's path captures, decoded.
#[derive(Clone, Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::NotFound
    }
}
