//! `/console/mail/{id}`: what has become of one message, what did the mail server say, and what does that mean?

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::answered::Answered;
use super::field::{Said, Summed, Wrong};
use super::mail::{address, kind, whom};
use super::repair_deeds::not_sent;
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use crate::clock::Moment;
use crate::directory::deliveries;
use crate::directory::rights::own;
use crate::signin::mailing;
use crate::store::deliveries::Delivery;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/console/mail/{id}", Needs::Right(own::VIEW_USERS), |visit| Box::pin(get(visit))),
    Route::post("/console/mail/{id}/retry", Needs::Right(own::MANAGE_USERS), "mail.retried", |visit| {
        Box::pin(retry(visit))
    }),
];

/// One message.
#[derive(Clone, Debug, Serialize)]
pub struct MessagePage {
    /// Its page's address.
    pub path: String,
    /// The key of what it is for.
    pub what: &'static str,
    /// What has become of it.
    pub lead: Said,
    /// Whether it has not arrived.
    pub unwell: bool,
    /// What the server said.
    pub answer: Answered,
    /// To whom it went.
    pub to: String,
    /// Their page, where they are somebody here.
    pub person: Option<String>,
    /// The address.
    pub address: String,
    /// What page and mail both show.
    pub reference: Option<String>,
    /// When it was made.
    pub at: Moment,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next, while it waits.
    pub next: Option<Moment>,
    /// Whether this reader may have it sent now.
    pub retriable: bool,
    /// Why it was not sent now.
    pub errors: Vec<Summed>,
}

impl ConsolePage for MessagePage {
    const TEMPLATE: &'static str = "console/message.html";
}

/// `GET /console/mail/{id}`
async fn get(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.page(&page(&visit, None).await?))
}

/// `POST /console/mail/{id}/retry`: sends it now, if it waits.
async fn retry(visit: Visit) -> Result<Response, Problem> {
    let id = visit.part("id");
    match mailing::retry(&visit.provider().signin, &visit.tree, id, &visit.by).await {
        Ok(()) => Ok(visit.saved(&format!("/console/mail/{id}"), &Saved::new("saved-mail-retried"))),
        Err(mailing::Error::Directory(crate::directory::Error::Vanished)) => Err(Problem::NotFound),
        Err(error) => {
            let wrong = not_sent(error)?;
            Ok(visit.again(&page(&visit, Some(&wrong)).await?))
        }
    }
}

async fn page(visit: &Visit, wrong: Option<&Wrong>) -> Result<MessagePage, Problem> {
    let mut conn = visit.read().await?;
    let found = deliveries::find(&mut conn, &visit.tree, visit.part("id")).await?;
    let message = found.ok_or(Problem::NotFound)?;
    let waits = matches!(message.state.as_str(), "queued" | "deferred");
    Ok(MessagePage {
        path: format!("/console/mail/{}", message.id),
        what: kind(&message.purpose),
        lead: lead(&message),
        unwell: !matches!(message.state.as_str(), "accepted" | "queued" | "sending"),
        answer: Answered::of(&message.state, message.answer.as_deref()),
        to: whom(&message),
        person: message
            .user_id
            .as_ref()
            .filter(|_| message.login.is_some() && visit.holds(own::VIEW_USERS))
            .map(|id| format!("/console/users/{id}")),
        at: visit.moment(message.created_at_ms / 1000),
        attempts: message.attempts,
        next: waits.then(|| visit.moment(message.next_at)),
        retriable: waits && visit.holds(own::MANAGE_USERS),
        errors: wrong.map(|wrong| Summed::new("", wrong.said.clone())).into_iter().collect(),
        address: address(&message),
        reference: message.reference,
    })
}

/// What has become of it, in a sentence.
fn lead(message: &Delivery) -> Said {
    let key = match message.state.as_str() {
        "accepted" => "message-accepted",
        "refused" => "message-refused",
        "expired" => "message-expired",
        "deferred" => "message-deferred",
        _ => "message-waiting",
    };
    Said::new(key).about(&address(message))
}
