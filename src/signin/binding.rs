//! Which browser may go on with a sign-in? The one that it was begun in, and no other.
//!
//! A browser that brings its cookie is told by that. One that has none yet gets a cookie for this sign-in alone: of several tabs
//! that it opens at once each is given a browser cookie, and the last of those is kept, but every tab can go on with its own.

use axum::http::HeaderMap;
use rand::CryptoRng;

use super::SignInState;
use super::browser::Browser;
use crate::keys::Vault;
use crate::keys::secret::{Token, TokenHash};
use crate::store::signins::SignInRow;
use crate::web::cookies::{self, Cookies, Lifetime};

/// What the cookies of single sign-ins begin with, before the prefix that https gives them.
const COOKIE: &str = "signin_";

/// How many of them a browser may bring; beyond that the others go, so that its requests stay short enough for every proxy.
const MOST: usize = 24;

/// What a new sign-in is bound to, and the `Set-Cookie` values that make it so.
#[derive(Debug)]
pub struct Binding {
    hash: String,
    /// The `Set-Cookie` values.
    pub cookies: Vec<String>,
}

impl Binding {
    /// Binds a sign-in that lives for `lifetime` seconds to the browser that sent these headers. A form on another site does not
    /// bring our cookies along (`from_elsewhere`): whether the browser has been here before is not known then.
    pub fn new(
        cookies: &Cookies,
        vault: &Vault,
        headers: &HeaderMap,
        signin_id: &str,
        from_elsewhere: bool,
        lifetime: i64,
        rng: &mut impl CryptoRng,
    ) -> Self {
        if let Some(browser) = Browser::of(cookies, vault, headers) {
            return Self { hash: browser.as_str().to_owned(), cookies: Vec::new() };
        }
        let token = Token::generate(rng);
        let own = cookies.set(&name(signin_id), token.reveal(), Lifetime::Seconds(lifetime));
        let greeting = (!from_elsewhere).then(|| Browser::greet(cookies, vault, rng).1);
        let cookies = std::iter::once(own).chain(greeting).collect();
        Self { hash: token.hash().as_str().to_owned(), cookies }
    }

    /// What the database knows it by.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.hash
    }
}

/// How a browser stands to a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// It was begun here.
    This,
    /// It was begun in another one.
    Other,
    /// The browser has brought no cookie of ours: it keeps none, or it is another one that has never been here.
    Nameless,
}

/// How the browser that sent these headers stands to a sign-in.
#[must_use]
pub fn holder_of(state: &SignInState, headers: &HeaderMap, signin: &SignInRow) -> Holder {
    let browser = Browser::of(&state.cookies, &state.vault, headers);
    holder(browser.as_ref(), &state.cookies, headers, &signin.id, signin.browser_hash.as_deref())
}

/// Whether this browser, which sent these headers, may go on with a sign-in that is bound to `hash`.
#[must_use]
pub fn holder(
    browser: Option<&Browser>,
    cookies: &Cookies,
    headers: &HeaderMap,
    signin_id: &str,
    hash: Option<&str>,
) -> Holder {
    let own = cookies.read(headers, &name(signin_id)).map(|value| TokenHash::of(&value));
    let brought = [browser.map(Browser::as_str), own.as_ref().map(TokenHash::as_str)];
    match hash {
        Some(hash) if brought.contains(&Some(hash)) => Holder::This,
        _ if brought == [None, None] => Holder::Nameless,
        _ => Holder::Other,
    }
}

/// The `Set-Cookie` values that take the cookies of other sign-ins away, where a browser brings too many.
#[must_use]
pub fn surplus(cookies: Cookies, headers: &HeaderMap, signin_id: &str) -> Vec<String> {
    let start = cookies.name(COOKIE);
    let others: Vec<String> = cookies::names(headers)
        .filter_map(|name| Some(name.strip_prefix(&start)?.to_owned()))
        .filter(|id| id != signin_id && id.len() == signin_id.len())
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .collect();
    if others.len() < MOST { Vec::new() } else { others.iter().map(|id| cookies.clear(&name(id))).collect() }
}

fn name(signin_id: &str) -> String {
    format!("{COOKIE}{signin_id}")
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;
    use crate::keys::secret::entropy;
    use axum::http::{HeaderValue, header};

    const ID: &str = "abcdefghijklmnopqrstuvwxyz";

    /// One master key for all tests of this file.
    fn vault() -> &'static Vault {
        static VAULT: OnceLock<Vault> = OnceLock::new();
        VAULT.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            Vault::open_or_create(folder.path(), &mut entropy()).unwrap()
        })
    }

    fn cookies() -> Cookies {
        Cookies::for_issuer("https://id.example.org")
    }

    /// The headers of a browser that has taken these `Set-Cookie` values in.
    fn brings<'a>(set: impl IntoIterator<Item = &'a String>) -> HeaderMap {
        let pairs: Vec<&str> = set.into_iter().filter_map(|cookie| cookie.split(';').next()).collect();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap());
        headers
    }

    fn begin(headers: &HeaderMap, from_elsewhere: bool) -> Binding {
        Binding::new(&cookies(), vault(), headers, ID, from_elsewhere, 1800, &mut entropy())
    }

    fn stands(headers: &HeaderMap, binding: &Binding) -> Holder {
        let browser = Browser::of(&cookies(), vault(), headers);
        holder(browser.as_ref(), &cookies(), headers, ID, Some(binding.as_str()))
    }

    #[test]
    fn a_known_browser_is_bound_by_its_own_cookie_and_gets_no_other() {
        let (_, greeting) = Browser::greet(&cookies(), vault(), &mut entropy());
        let headers = brings([&greeting]);
        for from_elsewhere in [false, true] {
            let binding = begin(&headers, from_elsewhere);
            assert_eq!(binding.cookies, [""; 0]);
            assert_eq!(stands(&headers, &binding), Holder::This);
        }
    }

    #[test]
    fn a_new_browser_goes_on_although_another_tab_has_replaced_its_cookie() {
        let binding = begin(&HeaderMap::new(), false);
        let (_, later) = Browser::greet(&cookies(), vault(), &mut entropy());
        let own = binding.cookies.iter().find(|cookie| cookie.contains(ID)).unwrap();
        assert!(own.contains("HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=1800"), "{own}");
        assert_eq!(stands(&brings([own, &later]), &binding), Holder::This);
        assert_eq!(stands(&brings([&later]), &binding), Holder::Other);
        assert_eq!(stands(&HeaderMap::new(), &binding), Holder::Nameless);
    }

    #[test]
    fn a_form_on_another_site_replaces_no_cookie_of_the_browser() {
        let binding = begin(&HeaderMap::new(), true);
        assert_eq!(binding.cookies.len(), 1, "{:?}", binding.cookies);
        assert_eq!(stands(&brings(&binding.cookies), &binding), Holder::This);
    }

    #[test]
    fn the_cookie_of_one_sign_in_is_worth_nothing_in_another() {
        let (one, other) = (begin(&HeaderMap::new(), true), begin(&HeaderMap::new(), true));
        assert_eq!(stands(&brings(&one.cookies), &other), Holder::Other);
        let elsewhere =
            holder(None, &cookies(), &brings(&one.cookies), &ID.to_uppercase(), Some(one.as_str()));
        assert_eq!(elsewhere, Holder::Nameless);
        assert_eq!(
            holder(None, &cookies(), &brings(&one.cookies), ID, None),
            Holder::Other,
            "bound to nobody"
        );
    }

    #[test]
    fn too_many_cookies_go_and_the_one_at_hand_stays() {
        let set = |n: usize| -> Vec<String> {
            (0..n).map(|i| cookies().set(&name(&format!("{i:026}")), "v", Lifetime::Browser)).collect()
        };
        let mine = cookies().set(&name(ID), "v", Lifetime::Browser);
        let few = set(MOST - 1);
        assert_eq!(surplus(cookies(), &brings(few.iter().chain([&mine])), ID), [""; 0]);
        let many = set(MOST);
        let gone = surplus(cookies(), &brings(many.iter().chain([&mine])), ID);
        assert_eq!(gone.len(), MOST);
        assert!(gone.iter().all(|cookie| cookie.contains("Max-Age=0") && !cookie.contains(ID)));
    }
}
