//! Has whoever sits there just proven who they are? Pages can only be read until then; a proof is good for ten minutes, and for the
//! session that it was given in.

use axum::response::Response;

use super::routes::{Needs, Route};
use super::{Visit, kept};
use crate::directory::Person;
use crate::oidc::authorize::console::{self, Ask};
use crate::store::sessions::SessionRow;
use crate::web::Problem;

/// How long a proof is good for, in seconds.
const GOOD_FOR: i64 = 600;

/// The longest address of a page that is come back to, in bytes.
pub(super) const LONGEST: usize = 2000;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/console/unlock", Needs::AnyRight, |visit| Box::pin(get(visit)))];

/// Until when this session's proofs are good for changes, in seconds since 1970; none when they are not. A sign-in just now is as
/// good as any: who gave their password, and the code that their group asks for, need not do so again at once.
pub(super) fn until(session: &SessionRow, person: &Person, now: i64) -> Option<i64> {
    until_of(session, person.two_factor_on() && !person.overrides_two_factor(), now)
}

fn until_of(session: &SessionRow, asked_for_code: bool, now: i64) -> Option<i64> {
    let code_at = if asked_for_code { session.code_at? } else { session.password_at };
    let until = session.password_at.min(code_at) + GOOD_FOR;
    (now < until).then_some(until)
}

/// `GET /console/unlock`: asks for the proof, and leads back to the page that the person comes from (`to`).
async fn get(visit: Visit) -> Result<Response, Problem> {
    let to = visit.query.get("to").filter(|to| is_ours(to)).unwrap_or("/console");
    if visit.is_unlocked() {
        return Ok(visit.to(to));
    }
    let way = kept::doorway(&visit.provider, to, None)?;
    console::begin(&visit.provider, &visit.headers, &visit.network, way, Ask::Everything).await
}

/// Whether an address that a browser brings is one of the console's pages.
pub(super) fn is_ours(to: &str) -> bool {
    let path = to.split('?').next().unwrap_or_default();
    let own = path == "/console" || path.starts_with("/console/");
    let plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    own && plain && !path.contains("//") && !path.contains("/.") && to.len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_good_for_ten_minutes_and_a_code_counts_where_the_group_asks_for_one() {
        let session = |password_at, code_at| SessionRow {
            id: String::new(),
            user_id: String::new(),
            password_at,
            code_at,
            created_at: 0,
            seen_at: 0,
            expires_at: 100_000,
            skipped_at: None,
        };
        for (password_at, code_at, now, expected) in [
            (1000, Some(1020), 1030, Some(1600)),
            (1000, Some(1020), 1600, None),
            (1000, None, 1030, Some(1600)),
            (300, Some(1020), 1030, None),
        ] {
            let plain = until_of(&session(password_at, code_at), false, now);
            assert_eq!(plain, expected, "{password_at} {code_at:?} {now}");
        }
        assert_eq!(until_of(&session(1000, None), true, 1030), None);
        assert_eq!(until_of(&session(1000, Some(1020)), true, 1030), Some(1600));
    }

    #[test]
    fn only_pages_of_the_console_are_come_back_to() {
        for ours in ["/console", "/console/users?q=a%20b", "/console?x=//y"] {
            assert!(is_ours(ours), "{ours}");
        }
        let long = format!("/console/{}", "x".repeat(LONGEST));
        for other in [
            "",
            "/",
            "/consoles",
            "//evil.example/console",
            "https://evil.example",
            "/console//x",
            "/console/../x",
            "/console/\\x",
            "/console x",
            &long,
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
