//! What does a person read of a [`Problem`]?

use serde::Serialize;

use super::form::BadForm;
use super::pages::Page;
use super::problem::Problem;

/// The page of a [`Problem`].
#[derive(Debug, Serialize)]
pub struct ProblemPage {
    key: &'static str,
    reference: Option<String>,
    /// Whether the console's first page is where to go from here.
    console: bool,
}

/// Where somebody meets a [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// In the managers' console: whoever reads came from no app.
    InConsole,
    /// Anywhere else.
    Elsewhere,
}

impl Met {
    /// Where a path is.
    #[must_use]
    pub fn at(path: &str) -> Self {
        let is_console = path.split('/').nth(1) == Some("console");
        if is_console { Self::InConsole } else { Self::Elsewhere }
    }
}

impl Page for ProblemPage {
    const TEMPLATE: &'static str = "problem.html";
}

impl ProblemPage {
    /// The page; one about a fault of ours, or about what was there before, names the request, so that the log can be searched for it.
    #[must_use]
    pub fn of(problem: &Problem, request: &str, met: Met) -> Self {
        let named = match problem {
            Problem::Internal(_) | Problem::Unavailable(_) | Problem::DeadLink | Problem::Gone => true,
            Problem::NotFound | Problem::MethodNotAllowed | Problem::BadForm(_) | Problem::ForeignForm => {
                false
            }
        };
        let console = met == Met::InConsole;
        let key = if console { console_key(problem) } else { problem.key() };
        Self { key, reference: named.then(|| request.to_owned()), console }
    }
}

/// The word that a problem's sentences begin with in the console.
const fn console_key(problem: &Problem) -> &'static str {
    match problem {
        Problem::NotFound => "console-not-found",
        Problem::MethodNotAllowed => "console-method-not-allowed",
        Problem::BadForm(BadForm::TooLong) => "console-too-long",
        Problem::BadForm(_) => "console-bad-form",
        Problem::ForeignForm => "console-foreign-form",
        Problem::Gone => "console-gone",
        other => other.key(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::language::Language;
    use super::super::pages::Pages;
    use super::*;
    use crate::config;

    #[test]
    fn the_console_is_where_its_paths_are() {
        for (path, met) in [
            ("/console", Met::InConsole),
            ("/console/users/x", Met::InConsole),
            ("/consoles", Met::Elsewhere),
            ("/authorize/console", Met::Elsewhere),
            ("/", Met::Elsewhere),
        ] {
            assert_eq!(Met::at(path), met, "{path}");
        }
    }

    #[test]
    fn every_problem_has_a_page_and_one_for_which_somebody_is_asked_names_the_request() {
        let pages = Pages::new(&config::Brand::default(), &config::Templates::default()).unwrap();
        for (problem, reference) in [
            (Problem::NotFound, false),
            (Problem::MethodNotAllowed, false),
            (Problem::BadForm(BadForm::NotText), false),
            (Problem::BadForm(BadForm::TooLong), false),
            (Problem::ForeignForm, false),
            (Problem::DeadLink, true),
            (Problem::Gone, true),
            (Problem::Unavailable("secret".to_owned()), true),
            (Problem::Internal("secret".to_owned()), true),
        ] {
            for met in [Met::InConsole, Met::Elsewhere] {
                let html = pages.html(&ProblemPage::of(&problem, "r-123", met), Language::default()).unwrap();
                assert!(html.contains("id=\"error\" role=\"alert\""), "{problem:?}");
                assert_eq!(html.contains("r-123"), reference, "{problem:?}");
                assert!(!html.contains("secret"), "{problem:?}");
                assert_eq!(html.contains("href=\"/console\""), met == Met::InConsole, "{problem:?}");
            }
        }
    }
}
