//! Who asks for a page, and what is theirs to see and do? What the guard has found out, once for each request, and what pages answer
//! with.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::frame::{Framed, frame};
use super::routes::Route;
use super::saved::{self, Saved};
use crate::clock::Moment;
use crate::directory::proof::Known;
use crate::directory::{By, Person, Proof, Tree, people};
use crate::oidc::Provider;
use crate::store::groups::GroupRow;
use crate::store::sessions::SessionRow;
use crate::store::{Conn, Result, Tx};
use crate::web::form::Form;
use crate::web::network::Network;
use crate::web::{CONSOLE_POLICY, Language, Page, Problem};

/// A page of the console: what it is drawn from. Its template begins with `{% extends "console/base.html" %}`.
pub trait ConsolePage: Serialize {
    /// The template's name: `console/home.html`.
    const TEMPLATE: &'static str;
}

/// One request of somebody who may make it.
pub struct Visit {
    /// The endpoints, and everything that they stand on.
    pub(super) provider: Arc<Provider>,
    /// Who it is.
    pub person: Person,
    /// The same as actions take it.
    pub by: By,
    /// All the world there is for them.
    pub tree: Tree,
    /// In which language they read.
    pub language: Language,
    /// From where they ask.
    pub network: Network,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
    /// What was typed, of a change.
    pub form: Form,
    /// What stands behind the `?`.
    pub query: Form,
    pub(super) session: SessionRow,
    pub(super) route: &'static Route,
    /// The address that was asked for, with what stands behind the `?`.
    pub(super) address: String,
    pub(super) parts: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    /// Until when changes can be made; none when a fresh proof is needed first.
    pub(super) unlocked_until: Option<i64>,
}

impl Visit {
    /// A part of the address: `{id}` of `/console/users/{id}`.
    #[must_use]
    pub fn part(&self, name: &str) -> &str {
        self.parts.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// Now, in seconds since 1970.
    #[must_use]
    pub const fn now(&self) -> i64 {
        self.now_ms / 1000
    }

    /// Whether they hold a right.
    #[must_use]
    pub fn holds(&self, right: &str) -> bool {
        self.by.holds(right)
    }

    /// The proof of a right, for an action that takes one.
    ///
    /// # Errors
    /// 404 without the right: there is no such thing for them.
    pub fn prove<R: Known>(&self) -> std::result::Result<Proof<R>, Problem> {
        self.by.prove().map_err(|_| Problem::NotFound)
    }

    /// Whether changes can be made now without a fresh proof: fields are inputs, else text.
    #[must_use]
    pub const fn is_unlocked(&self) -> bool {
        self.unlocked_until.is_some()
    }

    /// A moment (seconds since 1970) as they read it.
    #[must_use]
    pub fn moment(&self, seconds: i64) -> Moment {
        self.person.moment(seconds)
    }

    /// A connection to read with.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn read(&self) -> Result<Conn> {
        self.provider.signin.db.read().await
    }

    /// A transaction to change something in.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn write(&self) -> Result<Tx> {
        self.provider.signin.db.write().await
    }

    /// The endpoints, and everything that they stand on.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The group that the address names as `{id}`.
    ///
    /// # Errors
    /// 404 when there is none of this id in their tree, or the database refuses.
    pub async fn group(&self, conn: &mut Conn) -> std::result::Result<GroupRow, Problem> {
        self.tree.group(conn, self.part("id")).await?.ok_or(Problem::NotFound)
    }

    /// The user whom the address names as `{id}`.
    ///
    /// # Errors
    /// 404 when there is none of this id in their tree, or the database refuses.
    pub async fn user(&self, conn: &mut Conn) -> std::result::Result<Person, Problem> {
        self.tree.user(conn, self.part("id")).await?.ok_or(Problem::NotFound)
    }

    /// A page.
    #[must_use]
    pub fn page<P: ConsolePage>(&self, page: &P) -> Response {
        self.page_with(StatusCode::OK, page)
    }

    /// A page that keeps what was typed and says what is wrong with it: 422.
    #[must_use]
    pub fn again<P: ConsolePage>(&self, page: &P) -> Response {
        self.page_with(StatusCode::UNPROCESSABLE_ENTITY, page)
    }

    /// A page with a status of its own.
    #[must_use]
    pub fn page_with<P: ConsolePage>(&self, status: StatusCode, page: &P) -> Response {
        let notice = saved::read(self);
        let shown = notice.is_some();
        let framed = Framed { frame: frame(self, notice), page };
        let mut response = draw(&self.provider, status, &framed, self.language);
        if shown {
            saved::forget(self, &mut response);
        }
        response
    }

    /// On to another page of the console.
    #[must_use]
    pub fn to(&self, path: &str) -> Response {
        Redirect::to(path).into_response()
    }

    /// On to another page, which says once what has been done.
    #[must_use]
    pub fn saved(&self, path: &str, what: &Saved) -> Response {
        let mut response = self.to(path);
        saved::leave(self, &mut response, what);
        response
    }

    /// Everybody whom the person could ask for help with what they may not do themselves.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn seniors(&self, conn: &mut Conn) -> Result<Vec<Person>> {
        people::managers_of(conn, &self.person).await
    }
}

/// Draws a page of the console, whose script may fetch from us, and whose forms come back to us.
pub(super) fn draw<P: Page>(
    provider: &Provider,
    status: StatusCode,
    page: &P,
    language: Language,
) -> Response {
    let mut response = provider.signin.pages.respond(status, page, language);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONSOLE_POLICY));
    response
}
