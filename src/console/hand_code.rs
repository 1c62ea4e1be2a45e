//! `POST /console/users/{id}/code`: which code is handed to somebody whose mail is broken? Shown once, after a question.

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::confirm::Confirm;
use super::field::{Said, Wrong};
use super::routes::{Needs, Route};
use super::visit::ConsolePage;
use super::{trouble, user, user_deeds};
use crate::directory::rights::own;
use crate::signin::hand;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] = &[Route::post(
    "/console/users/{id}/code",
    Needs::Right(own::MANAGE_USERS),
    "user.code_by_hand",
    |visit| Box::pin(post(visit)),
)];

/// The code, this once.
#[derive(Clone, Debug, Serialize)]
pub struct HandCodePage {
    /// For whom.
    pub who: String,
    /// Their page.
    pub back: String,
    /// The code.
    pub code: String,
    /// How long it holds, in minutes.
    pub minutes: i64,
    /// Whether they have been written to.
    pub announced: Said,
}

impl ConsolePage for HandCodePage {
    const TEMPLATE: &'static str = "console/hand_code.html";
}

async fn post(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let person = visit.user(&mut conn).await?;
    let may = user::may(&visit, &mut conn, &person).await?;
    drop(conn);
    if let Err(refusal) = &may.unlock {
        return user_deeds::again(&visit, Wrong::new("", trouble::refused(refusal))).await;
    }
    let (who, back) = (person.called(), format!("/console/users/{}", person.id));
    let reached = person.deliverable_address().is_some();
    if !visit.is_confirmed() {
        let told = if reached { "hand-code-told" } else { "hand-code-not-told" };
        let asked =
            Confirm::of(&visit, Said::new("hand-code-question").about(&who), "hand-code-button", &back)
                .consequence(Said::new("hand-code-once"))
                .consequence(Said::new("hand-code-sure").about(&who))
                .consequence(Said::new(told));
        return Ok(visit.confirm(&asked));
    }
    let state = &visit.provider().signin;
    match hand::give(state, &person, visit.person.display_name(), &visit.by).await {
        Ok(code) => {
            let minutes = state.settings.hand_code_lifetime.as_secs() / 60;
            let key = if reached { "hand-code-announced" } else { "hand-code-unannounced" };
            let announced = Said::new(key).about(&who);
            Ok(visit.page(&HandCodePage { who, back, code, minutes, announced }))
        }
        Err(hand::Error::Directory(error)) => user_deeds::again(&visit, trouble::wrong(error)?).await,
        Err(hand::Error::TooMany) => {
            user_deeds::again(&visit, Wrong::new("", Said::new("wrong-too-many-codes"))).await
        }
        Err(hand::Error::Code(error)) => Err(Problem::Internal(error.to_string())),
    }
}
