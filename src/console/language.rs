//! In which language does somebody read the console? In the one that they have chosen here, else in their browser's.

use std::future::ready;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::Visit;
use super::routes::{Needs, Route};
use crate::oidc::Provider;
use crate::web::cookies::Lifetime;
use crate::web::{Language, Problem};

const COOKIE: &str = "language";

/// How long a choice holds, in seconds: a year.
const GOOD_FOR: i64 = 365 * 86_400;

pub(super) const ROUTES: &[Route] =
    &[Route::harmless("/console/language", Needs::AnyRight, |visit| Box::pin(ready(choose(&visit))))];

/// The language of whoever sent these headers.
pub(super) fn of(provider: &Provider, headers: &HeaderMap) -> Language {
    let chosen = provider.signin.cookies.read(headers, COOKIE);
    Language::of_reader(headers, chosen.as_deref())
}

/// `POST /console/language`
fn choose(visit: &Visit) -> Result<Response, Problem> {
    let back = visit.form.get("to").filter(|to| super::unlock::is_ours(to)).unwrap_or("/console");
    let mut response = visit.to(back);
    let asked = visit.form.field("language");
    if let Some(language) = Language::all().find(|language| language.tag() == asked) {
        let cookie = visit.provider.signin.cookies.set(COOKIE, language.tag(), Lifetime::Seconds(GOOD_FOR));
        let value = HeaderValue::from_str(&cookie).map_err(|e| Problem::Internal(e.to_string()))?;
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}
