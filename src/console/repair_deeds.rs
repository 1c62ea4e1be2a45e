//! What is done from the page of repairs: a test message to somebody, a request for help closed?

use axum::response::Response;

use super::Visit;
use super::field::{Said, Wrong};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::{trouble, user_deeds};
use crate::directory::help::{self, End};
use crate::directory::rights::own;
use crate::keys::secret::entropy;
use crate::signin::mailing;
use crate::web::Problem;

const MANAGE: Needs = Needs::Right(own::MANAGE_USERS);

pub(super) const ROUTES: &[Route] = &[
    Route::post("/console/users/{id}/help", MANAGE, "help.closed", |visit| Box::pin(close(visit))),
    Route::post("/console/users/{id}/test", MANAGE, "mail.tested", |visit| Box::pin(test(visit))),
];

/// `POST …/help`: closes their request for help.
async fn close(visit: Visit) -> Result<Response, Problem> {
    let mut tx = visit.write().await?;
    let person = visit.user(&mut tx).await?;
    let end = if visit.form.field("how") == "dismissed" { End::Dismissed } else { End::Fixed };
    match help::close(&mut tx, &person, end, &visit.by, &mut entropy()).await {
        Ok(closed) => {
            tx.commit().await?;
            let key = if closed { "saved-help-closed" } else { "saved-help-none" };
            Ok(visit.saved(super::repair::HERE, &Saved::new(key).about_person(&person)))
        }
        Err(error) => {
            drop(tx);
            user_deeds::again(&visit, trouble::wrong(error)?).await
        }
    }
}

/// `POST …/test`: sends a message to their address, and shows what the server says of it.
async fn test(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let person = visit.user(&mut conn).await?;
    drop(conn);
    match mailing::test_person(&visit.provider().signin, &person, &visit.by).await {
        Ok(message) => Ok(visit.to(&format!("/console/mail/{message}"))),
        Err(error) => user_deeds::again(&visit, not_sent(error)?).await,
    }
}

/// Why no test was sent; or a problem that no typing mends.
pub(super) fn not_sent(error: mailing::Error) -> Result<Wrong, Problem> {
    match error {
        mailing::Error::Directory(error) => trouble::wrong(error),
        mailing::Error::NoAddress => Ok(Wrong::new("email", Said::new("wrong-no-address"))),
        mailing::Error::TooMany => Ok(Wrong::new("", Said::new("wrong-too-many-tests"))),
        mailing::Error::Settled => Ok(Wrong::new("", Said::new("wrong-mail-settled"))),
        mailing::Error::Mail(error) => Err(error.into()),
    }
}
