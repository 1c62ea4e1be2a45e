//! What does somebody bring along who was somebody elsewhere, and to which place?

use super::Error;
use super::by::place;
use super::policy::Place;
use crate::store::Conn;
use crate::store::groups::GroupRow;

/// What somebody brings along who was somebody elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past<'a> {
    /// Whether they could not sign in there.
    pub disabled: bool,
    /// What apps knew them by.
    pub legacy_id: Option<&'a str>,
    /// Where they come from, for the audit log.
    pub from: Option<&'a str>,
}

/// What the rules know of a group's place, or of the site's.
///
/// # Errors
/// When the database refuses.
pub async fn place_of(conn: &mut Conn, group: Option<&GroupRow>) -> Result<Place, Error> {
    Ok(place(conn, group.map(|group| group.id.as_str())).await?)
}
