//! What does the next page say has been done? Once, after the redirect that follows every change: a sealed cookie of a minute.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Visit;
use super::field::{Linked, Said};
use crate::directory::Person;
use crate::keys::secret::entropy;
use crate::web::cookies::Lifetime;

const COOKIE: &str = "saved";

/// How long the next page may take, in seconds.
const GOOD_FOR: i64 = 60;

/// The longest name in a notice, in characters, and the longest cookie, in bytes.
const LONGEST: (usize, usize) = (200, 3500);

/// A sentence that says what has been done, and perhaps how it is undone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    key: String,
    name: String,
    n: i64,
    #[serde(default)]
    people: Vec<Linked>,
    #[serde(default)]
    more: bool,
    #[serde(default)]
    but: Option<Said>,
    undo: Option<Undo>,
    next: Option<Next>,
}

/// The form that takes a change back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Undo {
    action: String,
    fields: Vec<(String, String)>,
}

/// What one may want to do next.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Next {
    action: String,
    label: String,
}

impl Saved {
    /// The sentence of this key, such as `saved-user`.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned(), ..Self::default() }
    }

    /// About somebody or something of this name (`{ $name }` in the sentence).
    #[must_use]
    pub fn about(self, name: &str) -> Self {
        Self { name: name.chars().take(LONGEST.0).collect(), ..self }
    }

    /// About somebody, whose page the name leads to.
    #[must_use]
    pub fn about_person(self, person: &Person) -> Self {
        let name: String = person.called().chars().take(LONGEST.0).collect();
        Self { people: vec![Linked::new(&person.id, &name)], name, ..self }
    }

    /// With a number (`{ $n }` in the sentence).
    #[must_use]
    pub fn counting(self, n: i64) -> Self {
        Self { n, ..self }
    }

    /// With one more sentence, about what was not done.
    #[must_use]
    pub fn but(self, said: Said) -> Self {
        Self { but: Some(said), ..self }
    }

    /// With a button that takes it back, by sending these fields there.
    #[must_use]
    pub fn undone_by(self, action: &str, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { undo: Some(Undo { action: action.to_owned(), fields }), ..self }
    }

    /// With a button for what one may want to do next: where it is sent, and the key of what it says.
    #[must_use]
    pub fn then(self, action: &str, label: &str) -> Self {
        Self { next: Some(Next { action: action.to_owned(), label: label.to_owned() }), ..self }
    }
}

/// Leaves a notice for the next page.
pub(super) fn leave(visit: &Visit, response: &mut Response, what: &Saved) {
    let state = &visit.provider.signin;
    let Ok(json) = serde_json::to_vec(what) else { return };
    let sealed = state.vault.seal(COOKIE, &visit.session.id, &json, &mut entropy());
    if let Ok(sealed) = sealed
        && sealed.len() <= LONGEST.1
    {
        add(response, &state.cookies.set(COOKIE, &sealed, Lifetime::Seconds(GOOD_FOR)));
    }
}

/// The notice that was left for this page.
pub(super) fn read(visit: &Visit) -> Option<Saved> {
    let state = &visit.provider.signin;
    let sealed = state.cookies.read(&visit.headers, COOKIE)?;
    let json = state.vault.unseal(COOKIE, &visit.session.id, &sealed).ok()?;
    serde_json::from_slice(&json).ok()
}

/// It has been said.
pub(super) fn forget(visit: &Visit, response: &mut Response) {
    add(response, &visit.provider.signin.cookies.clear(COOKIE));
}

fn add(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
