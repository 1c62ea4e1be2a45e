//! What does a person read of a [`Problem`]?

use serde::Serialize;

use super::pages::Page;
use super::problem::Problem;

/// The page of a [`Problem`].
#[derive(Debug, Serialize)]
pub struct ProblemPage {
    key: &'static str,
    reference: Option<String>,
}

impl Page for ProblemPage {
    const TEMPLATE: &'static str = "problem.html";
}

impl ProblemPage {
    /// The page; one about a fault of ours names the request, so that the log can be searched for it.
    #[must_use]
    pub fn of(problem: &Problem, request: &str) -> Self {
        let ours = matches!(problem, Problem::Internal(_) | Problem::Unavailable(_));
        Self { key: problem.key(), reference: ours.then(|| request.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::BadForm;
    use super::super::language::Language;
    use super::super::pages::Pages;
    use super::*;
    use crate::config;

    #[test]
    fn every_problem_has_a_page_and_only_faults_of_ours_name_the_request() {
        let pages = Pages::new(&config::Brand::default(), &config::Templates::default()).unwrap();
        for (problem, reference) in [
            (Problem::NotFound, false),
            (Problem::MethodNotAllowed, false),
            (Problem::BadForm(BadForm::NotText), false),
            (Problem::ForeignForm, false),
            (Problem::DeadLink, false),
            (Problem::Gone, false),
            (Problem::Unavailable("secret".to_owned()), true),
            (Problem::Internal("secret".to_owned()), true),
        ] {
            let html = pages.html(&ProblemPage::of(&problem, "r-123"), Language::default()).unwrap();
            assert!(html.contains("id=\"error\" role=\"alert\""), "{problem:?}");
            assert_eq!(html.contains("r-123"), reference, "{problem:?}");
            assert!(!html.contains("secret"), "{problem:?}");
        }
    }
}
