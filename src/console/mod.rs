//! What can a manager see and repair? Pages over actions that live in `directory`, `signin`, `oidc`, `mail` and `audit`: no rule and
//! no query is here.
//!
//! Start at [`routes`]: one table from which the router, the guard, the menu and the tests are made. A request comes through `guard`,
//! which hands a [`Visit`] to the page: who it is, what they may do, their tree. `frame` is what every page shows; `field`,
//! `listing`, `confirm` and `saved` are what pages are made of. Then one file a page, its template below `templates/console`.

mod advanced;
mod answered;
mod app;
mod app_form;
mod app_people;
mod app_secrets;
mod app_slips;
mod app_try;
mod apps;
mod apps_of;
mod attempts;
mod audit;
mod audit_export;
mod audit_filter;
mod audit_verify;
mod broken;
mod chart;
pub mod confirm;
mod explained;
pub mod field;
mod foreseen;
mod frame;
mod group;
mod groups;
mod groups_to_choose;
mod guard;
mod hand_code;
mod home;
mod kept;
mod keys;
mod language;
pub mod listing;
mod mail;
mod mail_form;
mod mail_settings;
mod message;
mod moving;
mod new_user;
mod not_now;
mod other_role;
mod person_form;
mod repair;
mod repair_deeds;
mod role;
mod role_form;
mod role_meanwhile;
mod roles;
pub mod routes;
pub mod samples;
mod samples_apps;
mod samples_groups;
mod samples_mail;
pub mod saved;
mod self_lockout;
mod sessions;
mod sessions_samples;
mod several;
mod several_samples;
mod sign_ins;
mod stranger;
mod subgroups;
pub mod trouble;
mod unlock;
mod user;
mod user_deeds;
mod users;
mod users_samples;
mod visit;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::routing::{MethodRouter, get, post};

use self::routes::{Route, Verb};
use crate::oidc::Provider;

pub use visit::{ConsolePage, Visit};

/// Every route of the table.
pub fn router(provider: Arc<Provider>) -> Router {
    let mut by_path: BTreeMap<&str, MethodRouter<Arc<Provider>>> = BTreeMap::new();
    for route in routes::all() {
        let before = by_path.remove(route.path).unwrap_or_default();
        by_path.insert(route.path, mount(before, route));
    }
    let router = Router::new();
    by_path
        .into_iter()
        .fold(router, |router, (path, methods)| router.route(path, methods))
        .with_state(provider)
}

/// A handler is reached through the guard, and through its row alone.
fn mount(methods: MethodRouter<Arc<Provider>>, route: &'static Route) -> MethodRouter<Arc<Provider>> {
    let handler =
        async move |State(provider): State<Arc<Provider>>, parts: RawPathParams, request: Request| {
            guard::pass(provider, route, &parts, request).await
        };
    methods.merge(match route.verb {
        Verb::Get => get(handler),
        Verb::Post => post(handler),
    })
}
