//! What can a person do about their own account? For now: choose a password by a one-time link.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;

use crate::directory::{self, Password, Person, Weak, links, users};
use crate::keys::secret::entropy;
use crate::signin::{SignInState, clear_account};
use crate::web::form::Form;
use crate::web::{ChoosePasswordPage, ErrorText, Language, PasswordChosenPage, Path, Problem, origin};

/// What these pages work with.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// The steps of a sign-in, whose settings say how long a password must be.
    pub signin: SignInState,
    /// The issuer, whose pages alone may send these forms.
    pub issuer: String,
}

/// A person's own pages (DESIGN §5).
pub fn router(state: AccountState) -> Router {
    Router::new().route("/reset/{token}", get(ask).post(choose)).with_state(state)
}

impl From<directory::Error> for Problem {
    fn from(e: directory::Error) -> Self {
        match e {
            directory::Error::Store(e) => e.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// `GET /reset/{token}`: looking at the page does not use the link up, since mail scanners look too.
async fn ask(
    State(state): State<AccountState>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let person = holder(&state, &token).await?;
    Ok(page(&state, &token, &person, None, &headers))
}

/// `POST /reset/{token}`
async fn choose(
    State(state): State<AccountState>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    if !origin::is_own(&headers, &state.issuer) {
        return Err(Problem::ForeignForm);
    }
    let form = <Form as axum::extract::FromRequest<()>>::from_request(request, &()).await?;
    let person = holder(&state, &token).await?;
    let password = Password::typed(form.field("password"));
    let shortest = shortest(&state, &person);
    if let Err(weak) = password.check_strength(&person.login, state.signin.pages.brand(), shortest) {
        return Ok(page(&state, &token, &person, Some(text(weak)), &headers));
    }
    let Ok(hash) = state.signin.passwords.hash(&password, &mut entropy()).await else {
        let busy = ErrorText { what: "busy", then: Some("busy-then"), n: 0 };
        return Ok(page(&state, &token, &person, Some(busy), &headers));
    };
    let now_ms = state.signin.clock.now_ms();
    let mut tx = state.signin.db.write().await?;
    let chosen = users::choose_password(&mut tx, &token, &hash, now_ms, &mut entropy()).await?;
    let person = chosen.ok_or(Problem::DeadLink)?;
    clear_account(&mut tx, &directory::login::fold(&person.login)).await?;
    tx.commit().await?;
    let chosen = PasswordChosenPage { login: person.login };
    Ok(state.signin.pages.respond(StatusCode::OK, &chosen, language(&headers)))
}

async fn holder(state: &AccountState, token: &str) -> Result<Person, Problem> {
    let mut conn = state.signin.db.read().await?;
    let person = links::find(&mut conn, token, state.signin.clock.now()).await?;
    person.ok_or(Problem::DeadLink)
}

/// How many characters this person's password needs: more where it lets them in by itself.
fn shortest(state: &AccountState, person: &Person) -> usize {
    state.signin.settings.shortest_password(person.two_factor_on() && !person.overrides_two_factor())
}

fn page(
    state: &AccountState,
    token: &str,
    person: &Person,
    error: Option<ErrorText>,
    headers: &HeaderMap,
) -> Response {
    let page = ChoosePasswordPage {
        action: format!("/reset/{token}"),
        login: person.login.clone(),
        shortest: i64::try_from(shortest(state, person)).unwrap_or(i64::MAX),
        error,
    };
    state.signin.pages.respond(StatusCode::OK, &page, language(headers))
}

fn language(headers: &HeaderMap) -> Language {
    Language::of_reader(headers, None)
}

fn text(weak: Weak) -> ErrorText {
    match weak {
        Weak::TooShort(n) => {
            ErrorText { what: "too-short", then: None, n: i64::try_from(n).unwrap_or(i64::MAX) }
        }
        Weak::TooLong => ErrorText { what: "too-long", then: None, n: 128 },
        Weak::Common => ErrorText { what: "too-common", then: Some("too-common-then"), n: 0 },
        Weak::Login => ErrorText { what: "password-is-login", then: Some("password-is-login-then"), n: 0 },
    }
}
