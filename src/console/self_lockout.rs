//! Would this change keep whoever makes it out? Said before it is done, since they could not take it back.

use axum::response::Response;

use super::Visit;
use super::confirm::Confirm;
use super::explained;
use super::field::Said;
use super::person_form;
use crate::directory::users::Changes;
use crate::directory::{Person, Status};
use crate::store::Conn;
use crate::web::Problem;

/// The question before somebody disables themselves, or takes away the address that their codes go to; none where the change does
/// neither, or the rules refuse it anyway.
pub(super) async fn question(
    visit: &Visit,
    conn: &mut Conn,
    person: &Person,
    changes: &Changes,
) -> Result<Option<Response>, Problem> {
    let own = person.id == visit.person.id && !visit.is_confirmed();
    if !own || (changes.status != Some(Status::Disabled) && changes.email != Some(None)) {
        return Ok(None);
    }
    let Ok(after) = person_form::would_be(visit, conn, person, changes).await? else { return Ok(None) };
    let explained = explained::of(visit, conn, &after).await?;
    if explained.well {
        return Ok(None);
    }
    let back = format!("/console/users/{}", person.id);
    let asked = Confirm::of(visit, Said::new("self-lockout-question"), "self-lockout-button", &back);
    // Nobody needs to be told where their own address is, on the page on which they take it away.
    let said = match explained.said.key.as_str() {
        "explained-no-address" => Said::new("explained-no-address-yours"),
        _ => explained.said,
    };
    let asked = asked.consequence(said).consequence(Said::new("self-lockout-then"));
    Ok(Some(visit.confirm(&asked.grave())))
}
