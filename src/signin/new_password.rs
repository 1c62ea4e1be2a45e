//! May this person have this password from now on?

use super::SignInState;
use crate::config;
use crate::directory::{Known, Lane, Password, Pattern, Person, Weak, login, people};
use crate::keys::secret::entropy;
use crate::store;
use crate::web::ErrorText;
use crate::web::network::Network;

/// How many characters this person's password needs: more where it lets them in by itself.
#[must_use]
pub fn shortest(settings: &config::SignIn, person: &Person) -> usize {
    settings.shortest_password(person.two_factor_on() && !person.overrides_two_factor())
}

/// The hash of a password that a person has chosen at a site of this issuer, from this network, behind whose others it waits; else
/// why they may not have it.
///
/// # Errors
/// When the database refuses.
pub async fn hash(
    state: &SignInState,
    issuer: &str,
    person: &Person,
    typed: &str,
    network: &Network,
) -> store::Result<Result<String, ErrorText>> {
    let mut conn = state.db.read().await?;
    let paths = people::group_paths(&mut conn, person).await?;
    drop(conn);
    let path = paths.first().map(String::as_str).unwrap_or_default();
    let known = Known::of_site(&state.pages.brand(), issuer).and_person(person, path);
    let password = Password::typed(typed);
    if let Err(weak) = password.check_strength(&known, shortest(&state.settings, person)) {
        return Ok(Err(text(weak)));
    }
    let busy = ErrorText { what: "busy", then: Some("busy-then"), n: 0 };
    // Behind nobody who only signs in with this login, be they whoever they may.
    let account = login::hashed(&login::fold(&person.login)) + " new";
    let lane = Lane { account: Some(account), network: Some(network.allotment()) };
    Ok(state.passwords.hash(lane, &password, &mut entropy()).await.map_err(|_| busy))
}

fn text(weak: Weak) -> ErrorText {
    let easy = |what| ErrorText { what, then: Some("easy-then"), n: 0 };
    match weak {
        Weak::TooShort(n) => {
            ErrorText { what: "too-short", then: None, n: i64::try_from(n).unwrap_or(i64::MAX) }
        }
        Weak::TooLong => ErrorText { what: "too-long", then: None, n: 128 },
        Weak::Guessable(Pattern::Listed) => easy("easy-listed"),
        Weak::Guessable(Pattern::Own) => easy("easy-own"),
        Weak::Guessable(Pattern::Run) => easy("easy-run"),
        Weak::Guessable(Pattern::Repeated) => easy("easy-repeated"),
        Weak::Guessable(Pattern::Number) => easy("easy-number"),
    }
}
