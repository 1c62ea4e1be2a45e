//! Which pages and changes are there, and what does each need? One table: the router, the guard, the menu and the tests
//! (`tests/console`) are made from it, and no handler is mounted without a row.

use std::fmt;
use std::pin::Pin;

use axum::response::Response;

use super::Visit;
use super::several;
use super::{
    advanced, app, app_people, app_secrets, app_try, apps, audit, audit_export, audit_verify, group, groups,
    hand_code, home, kept, keys, language, mail, mail_settings, message, new_user, repair, repair_deeds,
    role, roles, sessions, sign_ins, subgroups, unlock, user, user_deeds, users,
};
use crate::web::Problem;

/// The tables of the pages, one a file. A new page is a line here and a `ROUTES` in its file.
const PAGES: &[&[Route]] = &[
    home::ROUTES,
    repair::ROUTES,
    repair_deeds::ROUTES,
    mail::ROUTES,
    mail_settings::ROUTES,
    message::ROUTES,
    users::ROUTES,
    // Before what is done to one: what is given to several must be wanting still.
    several::ROUTES,
    new_user::ROUTES,
    user::ROUTES,
    hand_code::ROUTES,
    user_deeds::ROUTES,
    groups::ROUTES,
    group::ROUTES,
    subgroups::ROUTES,
    advanced::ROUTES,
    roles::ROUTES,
    role::ROUTES,
    apps::ROUTES,
    app_secrets::ROUTES,
    app::ROUTES,
    app_try::ROUTES,
    app_people::ROUTES,
    sign_ins::ROUTES,
    sessions::ROUTES,
    audit::ROUTES,
    audit_export::ROUTES,
    audit_verify::ROUTES,
    keys::ROUTES,
    // The frame's own.
    unlock::ROUTES,
    kept::ROUTES,
    language::ROUTES,
];

/// Every row.
pub fn all() -> impl Iterator<Item = &'static Route> + Clone {
    PAGES.iter().copied().flatten()
}

/// One row: a page, or a change.
#[derive(Clone, Copy)]
pub struct Route {
    /// How it is asked for.
    pub verb: Verb,
    /// Where: `/console/users/{id}`.
    pub path: &'static str,
    /// What whoever asks must hold. They get 404 without it, as if there were no such page.
    pub needs: Needs,
    /// The event that the change writes into the audit log; none where nothing is changed that it records.
    pub writes: Option<&'static str>,
    /// Whether whoever sits there must have proven who they are within the last minutes (`unlock`).
    pub fresh: bool,
    /// Its place in the navigation.
    pub menu: Option<Menu>,
    /// What it does.
    pub handler: Handler,
    /// The page that its form is on, with what was typed and nothing saved: for whoever was signed out before they sent it. None where
    /// there is a button and nothing to type.
    pub again: Option<Handler>,
}

/// How a page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Looks, and changes nothing.
    Get,
    /// Changes something.
    Post,
}

/// What whoever asks must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Any right that makes a manager. Others see a page that says so at the console's door, and 404 behind it.
    AnyRight,
    /// This right, and one that makes a manager.
    Right(&'static str),
    /// Any of these rights, and one that makes a manager.
    OneOf(&'static [&'static str]),
    /// The whole site is theirs to administer.
    Site,
}

/// A place in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Menu {
    /// The key of its name.
    pub label: &'static str,
    /// Where it stands: 10 home, 20 repair, 30 users, 40 groups, 50 roles, 60 apps, 70 sign-ins, 75 sessions, 80 audit, 90 mail, 100 keys.
    pub order: u32,
}

/// What a row does with a visit.
pub type Handler = fn(Visit) -> Answer;

/// The page, or what stands in its way.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

impl Route {
    /// A page to look at: `Route::get("/console/users", Needs::Right(own::VIEW_USERS), |visit| Box::pin(list(visit)))`.
    #[must_use]
    pub const fn get(path: &'static str, needs: Needs, handler: Handler) -> Self {
        Self { verb: Verb::Get, path, needs, writes: None, fresh: false, menu: None, handler, again: None }
    }

    /// A change, which wants the fresh proof, and writes this event.
    #[must_use]
    pub const fn post(path: &'static str, needs: Needs, writes: &'static str, handler: Handler) -> Self {
        let writes = Some(writes);
        Self { verb: Verb::Post, path, needs, writes, fresh: true, menu: None, handler, again: None }
    }

    /// Something that is sent and changes nothing that is recorded: a choice of how pages look, a test, a preview.
    #[must_use]
    pub const fn harmless(path: &'static str, needs: Needs, handler: Handler) -> Self {
        Self { verb: Verb::Post, path, needs, writes: None, fresh: false, menu: None, handler, again: None }
    }

    /// The same, with a place in the navigation.
    #[must_use]
    pub const fn in_menu(self, label: &'static str, order: u32) -> Self {
        Self { menu: Some(Menu { label, order }), ..self }
    }

    /// The same, whose form is drawn again so.
    #[must_use]
    pub const fn drawn_again(self, handler: Handler) -> Self {
        Self { again: Some(handler), ..self }
    }

    /// The same, for whoever has proven themselves freshly alone.
    #[must_use]
    pub const fn when_unlocked(self) -> Self {
        Self { fresh: true, ..self }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.verb, self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_sound() {
        let mut seen = BTreeSet::new();
        for route in all() {
            assert!(seen.insert(format!("{route:?}")), "{route:?} is there twice");
            assert!(route.path == "/console" || route.path.starts_with("/console/"), "{route:?}");
            assert!(route.writes.is_none() || route.verb == Verb::Post, "{route:?}: a look changes nothing");
            assert!(route.writes.is_none() || route.fresh, "{route:?}: a change wants the fresh proof");
            assert!(route.menu.is_none() || route.verb == Verb::Get, "{route:?}");
        }
        let orders: Vec<u32> = all().filter_map(|route| Some(route.menu?.order)).collect();
        assert_eq!(
            orders.iter().collect::<BTreeSet<_>>().len(),
            orders.len(),
            "two at one place in the menu"
        );
    }
}
