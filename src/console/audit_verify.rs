//! `POST /console/audit/verify`: was any event changed or removed since it was written? The answer of `countersign audit verify`.

use std::time::Duration;

use axum::response::Response;
use serde::Serialize;
use tokio::sync::Mutex;

use super::Visit;
use super::field::Said;
use super::routes::{Needs, Route};
use super::visit::ConsolePage;
use crate::audit::chain::{self, Break, Report};
use crate::directory::proof::ViewAudit;
use crate::directory::rights::own;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] =
    &[Route::harmless("/console/audit/verify", Needs::Right(own::VIEW_AUDIT), |visit| {
        Box::pin(verify(visit))
    })];

/// How long it may take; a log of some hundred thousand events is through by then.
const LONGEST: Duration = Duration::from_secs(15);

/// One at a time in this process: each goes through the whole log.
static TURN: Mutex<()> = Mutex::const_new(());

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct VerifiedPage {
    /// Whether all is well.
    pub well: bool,
    /// The answer.
    pub lead: Said,
    /// What is said of the whole site, to whoever sees all of it.
    pub facts: Option<Facts>,
}

/// How far the chain goes.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// The place of the first thing that is wrong.
    pub place: Option<i64>,
    /// The place of the first event that is kept.
    pub from: i64,
    /// The place of the last one that is chained.
    pub upto: i64,
    /// Its hash, to be noted elsewhere.
    pub hash: String,
    /// How many events wait for their places.
    pub waiting: i64,
}

impl ConsolePage for VerifiedPage {
    const TEMPLATE: &'static str = "console/audit_verified.html";
}

async fn verify(visit: Visit) -> Result<Response, Problem> {
    visit.prove::<ViewAudit>()?;
    let Ok(_turn) = TURN.try_lock() else { return Ok(visit.page(&not_done("verify-busy"))) };
    let mut conn = visit.read().await?;
    let walk = chain::verify(&mut conn, &visit.provider().signin.vault, None);
    let Ok(report) = tokio::time::timeout(LONGEST, walk).await else {
        return Ok(visit.page(&not_done("verify-too-long")));
    };
    let report = report.map_err(|error| match error {
        chain::Error::Store(error) => error.into(),
        other => Problem::Internal(other.to_string()),
    })?;
    Ok(visit.page(&page(report, visit.tree.is_whole_site())))
}

fn not_done(key: &str) -> VerifiedPage {
    VerifiedPage { well: false, lead: Said::new(key), facts: None }
}

/// The answer. Places and numbers are of the whole site, which not everybody sees.
pub(super) fn page(report: Report, is_whole_site: bool) -> VerifiedPage {
    let (lead, place) = match &report.broken {
        None => ("verify-well", None),
        Some(Break::Changed { seq, .. }) => ("verify-changed", Some(*seq)),
        Some(Break::Removed { seq }) => ("verify-removed", Some(*seq)),
        Some(Break::End { found, .. }) => ("verify-end", Some(*found)),
        Some(Break::Seal) => ("verify-seal", None),
        Some(Break::Noted { seq }) => ("verify-noted", Some(*seq)),
    };
    let Report { from, upto, hash, waiting, broken } = report;
    let facts = is_whole_site.then_some(Facts { place, from, upto, hash, waiting });
    VerifiedPage { well: broken.is_none(), lead: Said::new(lead), facts }
}
