//! What does this program count and measure of itself, and how is it told to Prometheus?
//!
//! Features call the functions of [`Metrics`]: what there is to count is a type here, never a text there. Nothing that a stranger can
//! make up becomes a label, and nothing that names a person: an app is told by its id, a group by its id.

mod apps;
mod instruments;
mod page;
mod process;
mod words;

use std::sync::Arc;
use std::time::Duration;

use prometheus::HistogramVec;

pub use self::page::Gauges;
pub use self::process::Process;
pub use self::words::{App, CodeOutcome, Decision, Refusal, SignedIn};

use self::instruments::Instruments;

/// The media type of the page: the text format 0.0.4.
pub const MEDIA_TYPE: &str = prometheus::TEXT_FORMAT;

/// Counts and measures, where `[metrics]` says that somebody looks; else it does nothing. Cheap to clone.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Instruments>>);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Metrics").field(&self.is_on()).finish()
    }
}

impl Metrics {
    /// Instruments that begin at nothing.
    ///
    /// # Errors
    /// When two have one name: a defect of ours.
    pub fn on() -> Result<Self, prometheus::Error> {
        Ok(Self(Some(Arc::new(Instruments::new()?))))
    }

    /// None at all.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Whether anything is counted.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Somebody has been let in to an app.
    pub fn signed_in(&self, outcome: SignedIn, app: App<'_>) {
        let Some(all) = &self.0 else { return };
        if outcome == SignedIn::Override {
            all.people.overrides.inc();
        }
        all.apps.with(app, |app| all.people.signins.with_label_values(&[outcome.word(), app]).inc());
    }

    /// A step of a sign-in was refused.
    pub fn refused(&self, reason: Refusal, app: App<'_>) {
        let Some(all) = &self.0 else { return };
        all.apps.with(app, |app| all.people.refusals.with_label_values(&[reason.word(), app]).inc());
    }

    /// An app was told no, at this route and with this error code of the protocol.
    pub fn app_refused(&self, route: &str, error: &'static str) {
        let Some(all) = &self.0 else { return };
        all.people.app_refusals.with_label_values(&[route, error]).inc();
    }

    /// A code was tried.
    pub fn code_tried(&self, outcome: CodeOutcome) {
        let Some(all) = &self.0 else { return };
        all.people.codes.with_label_values(&[outcome.word()]).inc();
    }

    /// It was decided when a password is heard.
    pub fn throttled(&self, decision: Decision) {
        let Some(all) = &self.0 else { return };
        all.people.throttle.with_label_values(&[decision.word()]).inc();
    }

    /// A message of this purpose has come to this state, so long after it was queued.
    pub fn mail(&self, purpose: &'static str, state: &'static str, way: Duration) {
        let Some(all) = &self.0 else { return };
        all.mail.with_label_values(&[purpose, state]).inc();
        if state == "accepted" {
            observe(&all.mail_way, &[purpose], way);
        }
    }

    /// Somebody has waited so long for their turn to have a password hashed.
    pub fn waited_for_hash(&self, wait: Duration) {
        let Some(all) = &self.0 else { return };
        all.people.hash_wait.observe(wait.as_secs_f64());
    }

    /// A request was answered. `route` is the template of ours, and `method` one of those that we know.
    pub fn answered(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let Some(all) = &self.0 else { return };
        let mut digits = [0; 3];
        all.requests.with_label_values(&[route, method, page::digits(status, &mut digits)]).inc();
        observe(&all.request_time, &[route, method], took);
    }

    /// The database has answered a statement.
    pub fn statement(&self, query: &str, took: Duration, failed: bool) {
        let Some(all) = &self.0 else { return };
        observe(&all.statements, &[query], took);
        if failed {
            all.statement_failures.with_label_values(&[query]).inc();
        }
    }

    /// An app's address has answered, or not.
    pub fn outbound(&self, outcome: &'static str, took: Duration) {
        let Some(all) = &self.0 else { return };
        observe(&all.outbound, &[outcome], took);
    }

    /// Everything, with what is looked up at the moment, in the text format; empty where nothing is counted.
    #[must_use]
    pub fn page(&self, gauges: &Gauges) -> String {
        self.0.as_ref().map_or_else(String::new, |all| page::draw(all, gauges))
    }
}

fn observe(histogram: &HistogramVec, labels: &[&str], took: Duration) {
    histogram.with_label_values(labels).observe(took.as_secs_f64());
}
