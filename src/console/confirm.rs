//! Is this really meant? A page that says what will happen to whom before it does; the form sends everything again, and its answer.

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::field::{Said, Summed};
use super::visit::ConsolePage;

/// Asks before something is done.
#[derive(Clone, Debug, Serialize)]
pub struct Confirm {
    /// What will be done, as a question.
    pub question: Said,
    /// What follows from it, and for whom: one sentence each.
    pub consequences: Vec<Said>,
    /// Where the answer goes.
    pub action: String,
    /// What is sent with it: everything that was typed.
    pub fields: Vec<(String, String)>,
    /// The key of the button that does it.
    pub button: &'static str,
    /// Whether it takes something away for good.
    pub grave: bool,
    /// Where No leads.
    pub back: String,
    /// A number that has to be typed, as a sentence that asks for it; it is sent as `confirm`.
    pub number: Option<Said>,
    /// What is wrong with the number that was typed.
    pub errors: Vec<Summed>,
}

impl ConsolePage for Confirm {
    const TEMPLATE: &'static str = "console/confirm.html";
}

impl Confirm {
    /// The question that stands before this visit's change; its answer comes back to the same address with `confirm=yes` (or the
    /// number) beside everything that was typed.
    #[must_use]
    pub fn of(visit: &Visit, question: Said, button: &'static str, back: &str) -> Self {
        let typed = visit.form.pairs().filter(|(name, _)| *name != "confirm");
        Self {
            question,
            consequences: Vec::new(),
            action: visit.address.clone(),
            fields: typed.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            button,
            grave: false,
            back: back.to_owned(),
            number: None,
            errors: Vec::new(),
        }
    }

    /// With one more sentence about what follows.
    #[must_use]
    pub fn consequence(mut self, said: Said) -> Self {
        self.consequences.push(said);
        self
    }

    /// As what takes something away for good.
    #[must_use]
    pub fn grave(mut self) -> Self {
        self.grave = true;
        self
    }
}

impl Visit {
    /// Whether a change has been confirmed.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.form.field("confirm") == "yes"
    }

    /// Asks before something is done.
    #[must_use]
    pub fn confirm(&self, question: &Confirm) -> Response {
        self.page(question)
    }
}
