//! What is known about whoever is signing in, now? Loaded afresh for every decision, with the session or the sign-in that tells who it
//! is, and never remembered.

use super::decide::{Demand, Facts, Hindrance, Reach, Strength};
use crate::directory::{Person, Status};
use crate::store::challenges::Codes;
use crate::store::sessions::SessionRow;
use crate::store::signins::SignInRow;
use crate::store::standing::{self, At, Theirs, Whose};
use crate::store::{Conn, Result};

/// Somebody who has given a right password that counts for this request.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Who it is.
    pub person: Person,
    /// What the decision needs to know about them.
    pub facts: Facts,
}

/// How recent the proofs of a session must be to count for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Any live session will do.
    Any,
    /// The last factor must have been given at this time or later, in seconds since 1970.
    Since(i64),
    /// No session will do: everything must be proven anew.
    Anew,
}

/// When which proof was given, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Proven<'a> {
    user_id: &'a str,
    password_at: i64,
    code_at: Option<i64>,
    skipped_at: Option<i64>,
}

/// Gathers the facts about the person of a sign-in: the one who gave a password in it, or else the one of the
/// browser's session, if that is recent enough. None when a password is needed first.
///
/// # Errors
/// When the database refuses.
pub async fn load(
    conn: &mut Conn,
    signin: Option<&Theirs<SignInRow>>,
    session: Option<&Theirs<SessionRow>>,
    freshness: Freshness,
    demand: Demand,
    at: At,
) -> Result<Option<Standing>> {
    let looked_for = [signin.and_then(|s| s.whose.as_ref()), session.and_then(|s| s.whose.as_ref())];
    let (signin, session) = (signin.map(|signin| &signin.row), session.map(|session| &session.row));
    let Some(proven) = proven(signin, session, freshness) else { return Ok(None) };
    let found = looked_for.into_iter().flatten().find(|whose| whose.user.id == proven.user_id).cloned();
    let whose = match found {
        Some(whose) => Some(whose),
        None => standing::of_user(conn, proven.user_id, at).await?,
    };
    let Some(Whose { user, codes }) = whose else { return Ok(None) };
    let person = Person::from_row(user)?;
    if person.status != Status::Active {
        return Ok(None);
    }
    let mut facts = about(&person, codes, demand, at.now);
    facts.password_at = proven.password_at;
    // A session's password that a sign-in has taken over was given before there was the sign-in.
    let here = signin.is_some_and(|s| s.user_id.is_some() && proven.password_at >= s.created_at);
    if facts.strength == Strength::Short && !here {
        facts.strength = Strength::ShortInSession;
    }
    (facts.code_at, facts.skipped_at) = (proven.code_at, proven.skipped_at);
    facts.hindrance = signin.and_then(|signin| Hindrance::from_name(signin.hindrance.as_deref()?));
    Ok(Some(Standing { person, facts }))
}

/// The facts about a person who gives their password now, and no code yet.
#[must_use]
pub fn about(person: &Person, codes: Codes, demand: Demand, now: i64) -> Facts {
    Facts {
        two_factor: person.two_factor(),
        overrides: person.overrides_two_factor(),
        reach: match person.deliverable_address() {
            _ if codes.by_hand => Reach::Hand,
            Some(_) => Reach::Email,
            None => Reach::Nowhere,
        },
        demand,
        codes_stopped: codes.stopped,
        strength: if person.password_short == Some(true) { Strength::Short } else { Strength::Alone },
        password_at: now,
        code_at: None,
        skipped_at: None,
        hindrance: None,
    }
}

/// What was proven in the sign-in comes first; beside it counts what the same person has proven for their session, so that nobody is
/// asked in one tab for the code that they have given in another.
fn proven<'a>(
    signin: Option<&'a SignInRow>,
    session: Option<&'a SessionRow>,
    freshness: Freshness,
) -> Option<Proven<'a>> {
    let session = session.filter(|session| counts(session, freshness));
    if let Some(signin) = signin
        && let (Some(user_id), Some(password_at)) = (&signin.user_id, signin.password_at)
    {
        let same = session.filter(|session| session.user_id == *user_id);
        let code_at = signin.code_at.or(same.and_then(|session| session.code_at));
        let skipped_at = signin.skipped_at.or(same.and_then(|session| session.skipped_at));
        return Some(Proven { user_id, password_at, code_at, skipped_at });
    }
    let session = session.filter(|_| signin.is_none_or(|signin| !signin.without_session))?;
    let SessionRow { user_id, password_at, code_at, skipped_at, .. } = session;
    Some(Proven { user_id, password_at: *password_at, code_at: *code_at, skipped_at: *skipped_at })
}

/// Whether a session is recent enough.
fn counts(session: &SessionRow, freshness: Freshness) -> bool {
    match freshness {
        Freshness::Any => true,
        Freshness::Since(moment) => session.code_at.max(Some(session.password_at)) >= Some(moment),
        Freshness::Anew => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signin(password_at: Option<i64>) -> SignInRow {
        SignInRow {
            id: "s".to_owned(),
            browser_hash: None,
            client_id: Some("c".to_owned()),
            request: "{}".to_owned(),
            user_id: password_at.map(|_| "ned".to_owned()),
            password_at,
            code_at: None,
            skipped_at: None,
            hindrance: None,
            consented_at: None,
            consented_by: None,
            last_user_id: None,
            without_session: false,
            notice: None,
            codes_sent: 0,
            created_at: 100,
            expires_at: 200,
            finished_at: None,
            grant_id: None,
            session_id: None,
        }
    }

    fn session(password_at: i64, code_at: Option<i64>) -> SessionRow {
        SessionRow {
            id: "sid".to_owned(),
            user_id: "ada".to_owned(),
            password_at,
            code_at,
            skipped_at: None,
            created_at: password_at,
            seen_at: password_at,
            expires_at: 1000,
        }
    }

    #[test]
    fn the_sign_ins_own_proofs_come_before_those_of_a_session() {
        let (signin, session) = (signin(Some(110)), session(50, Some(60)));
        let proven = proven(Some(&signin), Some(&session), Freshness::Any);
        assert_eq!(
            proven,
            Some(Proven { user_id: "ned", password_at: 110, code_at: None, skipped_at: None })
        );
    }

    #[test]
    fn a_code_counts_in_every_tab_of_its_person_where_it_is_recent_enough() {
        let session = |user: &str| SessionRow { user_id: user.to_owned(), ..session(50, Some(60)) };
        let code = |user: &str, freshness| {
            let (signin, session) = (signin(Some(110)), session(user));
            proven(Some(&signin), Some(&session), freshness).unwrap().code_at
        };
        assert_eq!(code("ned", Freshness::Any), Some(60));
        assert_eq!(code("ned", Freshness::Since(60)), Some(60));
        assert_eq!(code("ned", Freshness::Since(61)), None);
        assert_eq!(code("ned", Freshness::Anew), None);
        assert_eq!(code("ada", Freshness::Any), None);
        let own = SignInRow { code_at: Some(120), ..signin(Some(110)) };
        assert_eq!(proven(Some(&own), Some(&session("ned")), Freshness::Any).unwrap().code_at, Some(120));
    }

    #[test]
    fn a_session_counts_only_when_it_is_recent_enough() {
        let (signin, old, stepped_up) = (signin(None), session(50, None), session(50, Some(90)));
        let counts = |session, freshness| proven(Some(&signin), Some(session), freshness).is_some();
        assert!(counts(&old, Freshness::Any));
        assert!(counts(&old, Freshness::Since(50)));
        assert!(!counts(&old, Freshness::Since(51)));
        assert!(counts(&stepped_up, Freshness::Since(90)));
        assert!(!counts(&stepped_up, Freshness::Since(91)));
        assert!(!counts(&stepped_up, Freshness::Anew));
    }

    #[test]
    fn without_either_nothing_is_proven() {
        assert_eq!(proven(Some(&signin(None)), None, Freshness::Any), None);
    }

    #[test]
    fn whoever_asks_for_another_login_is_not_taken_for_the_sessions_person() {
        let asked = SignInRow { without_session: true, ..signin(None) };
        assert_eq!(proven(Some(&asked), Some(&session(50, None)), Freshness::Any), None);
        assert!(proven(Some(&signin(None)), Some(&session(50, None)), Freshness::Any).is_some());
    }
}
