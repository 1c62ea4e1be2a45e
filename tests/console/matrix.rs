//! Does every row of the table of routes hold, for everybody? Made from the table itself: a page that is missing from it does not
//! exist, and one that is in it is tried here.

use std::collections::{BTreeMap, BTreeSet};

use countersign::console::routes::{self, Needs, Route, Verb};
use countersign::directory::rights::own;
use reqwest::Method;

use super::forms::form;
use super::world::{PEOPLE, Somebody, World, may};
use crate::support::admin::PASSWORD;
use crate::support::browser::Page;
use crate::support::html;

const SITE_ADMINISTRATOR: Somebody = PEOPLE[7];
const TOP_MANAGER: Somebody = PEOPLE[5];
const TOP_MANAGER_ELSEWHERE: Somebody = PEOPLE[6];

fn method(route: &Route) -> Method {
    match route.verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
    }
}

async fn ask(
    world: &mut World,
    who: Somebody,
    route: &Route,
    address: &str,
    typed: &[(String, String)],
) -> Page {
    let browser = world.browser(who).await;
    let url = world.site.url.join(address).unwrap();
    browser.fetch(&method(route), &url, typed, true).await
}

/// Whether an answer sends the browser to a sign-in.
fn asks_who(page: &Page) -> bool {
    let location = page.headers.get("location").and_then(|to| to.to_str().ok());
    page.status == 303 && location.is_some_and(|to| to.starts_with("/authorize/"))
}

/// Which events are on the audit log.
async fn ids(world: &World) -> BTreeSet<String> {
    world.site.admin.events().await.into_iter().map(|event| event.id).collect()
}

/// A row whose address names one thing.
fn is_about_one(route: &Route) -> bool {
    route.path.contains("{id}")
}

crate::on_both_databases! {
    async fn everybody_gets_what_they_may_and_404_for_the_rest(database) {
        let mut world = World::on(database).await;
        for who in PEOPLE {
            for route in routes::all() {
                let address = world.address(route).await;
                let page = ask(&mut world, who, route, &address, &[]).await;
                let status = page.status.as_u16();
                let asked = format!("{} asks for {route:?}: {status}", who.what);
                let allowed = who.role.is_some_and(|role| may(role, route.needs));
                let elsewhere = who.what == TOP_MANAGER_ELSEWHERE.what && is_about_one(route);
                match who.role {
                    None => assert!(asks_who(&page), "{asked}"),
                    Some("User" | "Client") if route.path == "/console" => assert_eq!(status, 403, "{asked}"),
                    // A sign-in that keeps nothing is for nobody.
                    Some(_) if route.path.contains("{signin}") => assert_eq!(status, 404, "{asked}"),
                    Some(_) if allowed && !elsewhere => {
                        assert!(!asks_who(&page) && (status < 400 || status == 422), "{asked}\n{}", page.body);
                    }
                    Some(_) => assert_eq!(status, 404, "{asked}"),
                }
            }
        }
    }

    async fn what_is_not_in_the_tree_is_not_there(database) {
        let mut world = World::on(database).await;
        for route in routes::all().filter(|route| is_about_one(route)) {
            let foreign = world.foreign_address(route).await;
            let known = world.address(route).await;
            let unknown = route.path.replace("{id}", "01HZX3N6W8Q4T2V7K9B5C1D0EF");
            let typed: Vec<(String, String)> = match route.writes {
                Some(_) => form(&world, route).into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
                None => Vec::new(),
            };
            for (who, address) in
                [(TOP_MANAGER, &foreign), (TOP_MANAGER, &unknown), (TOP_MANAGER_ELSEWHERE, &known)]
            {
                let page = ask(&mut world, who, route, address, &typed).await;
                assert_eq!(page.status, 404, "{} asks for {route:?} at {address}", who.what);
            }
        }
    }

    async fn nothing_is_changed_by_a_form_from_elsewhere(database) {
        let mut world = World::on(database).await;
        let browser = world.browser(SITE_ADMINISTRATOR).await;
        let before = world.site.admin.events().await.len();
        for route in routes::all().filter(|route| route.verb == Verb::Post) {
            let url = world.site.url.join(&world.address(route).await).unwrap();
            let page = browser.fetch(&Method::POST, &url, &[], false).await;
            assert_eq!(page.status, 403, "{route:?}");
        }
        assert_eq!(world.site.admin.events().await.len(), before);
    }

    async fn no_look_leaves_an_event(database) {
        let mut world = World::on(database).await;
        for who in PEOPLE {
            world.browser(who).await;
        }
        let before = world.site.admin.events().await.len();
        for who in PEOPLE {
            for route in routes::all().filter(|route| route.writes.is_none()) {
                let address = world.address(route).await;
                ask(&mut world, who, route, &address, &[]).await;
                let events = world.site.admin.events().await;
                assert_eq!(events.len(), before, "{} asks for {route:?}: {:?}", who.what, events.last());
            }
        }
    }

    async fn every_change_leaves_its_event(database) {
        let mut world = World::on(database).await;
        let changes: Vec<&Route> = routes::all().filter(|route| route.writes.is_some()).collect();
        for route in changes {
            let typed: Vec<(String, String)> =
                form(&world, route).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let who = if may("Top manager", route.needs) { TOP_MANAGER } else { SITE_ADMINISTRATOR };
            world.browser(who).await;
            let before = ids(&world).await;
            let address = world.address(route).await;
            let page = ask(&mut world, who, route, &address, &typed).await;
            let events = world.site.admin.events().await;
            let new: Vec<_> = events.iter().filter(|event| !before.contains(&event.id)).collect();
            let written = new.iter().find(|event| event.event == route.writes.unwrap());
            let written = written.unwrap_or_else(|| panic!("{route:?}: {} {new:?}\n{}", page.status, page.body));
            let actor = world.site.admin.user(who.login.unwrap()).await.id;
            assert_eq!((&written.actor, written.network.as_deref()), (&actor, Some("127.0.0.1")), "{route:?}");
        }
    }

    async fn every_change_waits_for_a_fresh_proof_and_goes_on_with_all_that_was_typed(database) {
        let mut world = World::on(database).await;
        let changes: Vec<&Route> = routes::all().filter(|route| route.writes.is_some()).collect();
        for route in changes {
            let typed = form(&world, route);
            let who = if may("Top manager", route.needs) { TOP_MANAGER } else { SITE_ADMINISTRATOR };
            let mut browser = world.browser(who).await;
            world.site.advance(601);
            let before = ids(&world).await;
            let address = world.address(route).await;
            let fields: Vec<(&str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
            browser.post(&address, &fields).await;
            assert_eq!(browser.field("login").as_deref(), who.login, "{route:?}: {}", browser.text());
            assert_eq!(ids(&world).await, before, "{route:?} is done without a proof");
            browser.fill("password", PASSWORD).submit().await;
            let (to, _, kept) = browser.new_tab().submission("submit");
            assert_eq!(to.path(), address, "{route:?}: {}", browser.text());
            let sent = kept.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let sent: Vec<(&str, &str)> = sent.filter(|(name, _)| *name != "kept").collect();
            assert_eq!(sent, fields, "{route:?}");
            let here = browser.page().url.path().to_owned();
            browser.submit().await;
            let events = world.site.admin.events().await;
            let done = events.iter().any(|event| {
                !before.contains(&event.id) && event.event == route.writes.unwrap()
            });
            assert!(done, "{route:?}: {}", browser.text());
            // Going back sends nothing, and shows nothing that could be sent.
            let back = html::forms(&browser.open(&here).await.page().body);
            assert!(back.iter().all(|form| form.action != address), "{route:?} is kept on: {back:?}");
        }
    }

    /// Whoever was signed out before they sent a form finds it on its own page after signing in, with all that they had typed.
    async fn every_form_that_was_sent_after_the_session_comes_back_filled(database) {
        let mut world = World::on(database).await;
        for who in [TOP_MANAGER, SITE_ADMINISTRATOR] {
            world.browser(who).await;
        }
        let forms: Vec<&Route> = routes::all().filter(|route| route.again.is_some()).collect();
        assert!(forms.len() > 10, "{forms:?}");
        let before = ids(&world).await;
        for route in forms {
            let typed = form(&world, route);
            let address = world.address(route).await;
            let fields: Vec<(&str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let who = if may("Top manager", route.needs) { TOP_MANAGER } else { SITE_ADMINISTRATOR };
            let mut browser = world.site.browser();
            browser.post(&address, &fields).await;
            browser.fill("login", who.login.unwrap()).fill("password", PASSWORD).submit().await;
            assert_eq!(browser.status(), 200, "{route:?}: {}", browser.text());
            assert!(browser.text().contains("It is not saved yet"), "{route:?}: {}", browser.text());
            let drawn = html::forms(&browser.page().body);
            let drawn = drawn.iter().find(|form| form.action == address && form.method == "post");
            let drawn = drawn.unwrap_or_else(|| panic!("{route:?}: {}", browser.page().body));
            for (name, value) in fields {
                let is_there = drawn.fields.contains(&(name.to_owned(), value.to_owned()));
                let button = drawn.buttons.iter().any(|[_, sent, with]| sent == name && with == value);
                assert!(is_there || button, "{route:?}: {name}={value} {:?}", drawn.fields);
            }
        }
        let changes = routes::all().filter_map(|route| route.writes);
        let changes: Vec<&str> = changes.collect();
        let events = world.site.admin.events().await;
        let done = events.iter().find(|event| !before.contains(&event.id) && changes.contains(&event.event.as_str()));
        assert!(done.is_none(), "{done:?}");
    }

    async fn everything_in_the_menu_opens_and_nothing_else_is_in_it(database) {
        let mut world = World::on(database).await;
        for who in PEOPLE.into_iter().filter(|who| who.role.is_some_and(|role| may(role, Needs::AnyRight))) {
            let mut browser = world.browser(who).await;
            browser.open("/console").await;
            let links: BTreeSet<String> = browser.links().into_iter().collect();
            let role = who.role.unwrap();
            for route in routes::all().filter(|route| route.menu.is_some()) {
                assert_eq!(links.contains(route.path), may(role, route.needs), "{} sees {route:?}", who.what);
            }
        }
    }

    async fn a_method_that_is_not_in_the_table_is_405(database) {
        let mut world = World::on(database).await;
        let browser = world.browser(SITE_ADMINISTRATOR).await;
        let mut verbs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for route in routes::all() {
            verbs.entry(route.path).or_default().insert(if route.verb == Verb::Get { "GET" } else { "POST" });
        }
        for route in routes::all() {
            let url = world.site.url.join(&world.address(route).await).unwrap();
            for other in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                if verbs[route.path].contains(other.as_str()) {
                    continue;
                }
                let page = browser.fetch(&other, &url, &[], true).await;
                assert_eq!(page.status, 405, "{other} {}", route.path);
            }
        }
        let nowhere = world.site.url.join("/console/nowhere").unwrap();
        assert_eq!(browser.fetch(&Method::GET, &nowhere, &[], true).await.status, 404);
    }
}

/// Whoever sees less in the menu gets no more by typing the address: the menu is made from the same rows.
#[test]
fn the_menu_shows_only_what_opens() {
    let shown = routes::all().filter(|route| route.menu.is_some());
    assert!(shown.clone().all(|route| route.verb == Verb::Get && !route.path.contains('{')));
    assert!(shown.clone().any(|route| route.path == "/console" && route.needs == Needs::AnyRight));
}

/// What each row needs, said a second time by hand: everything else here takes the table's word, and a row that needs too little is right by
/// its own. `+` stands before what is sent.
const NEEDED: [(Needs, &[&str]); 11] = [
    (Needs::AnyRight, &["", "/kept/{signin}", "/repair", "/unlock", "+/language"]),
    (
        Needs::Site,
        &[
            "/keys",
            "+/keys/rotate",
            "+/keys/stolen",
            "/mail/settings",
            "+/mail/settings",
            "+/mail/settings/reset",
            "+/mail/test",
            "+/groups",
        ],
    ),
    (Needs::Right(own::VIEW_USERS), &["/users", "/users/{id}", "/mail", "/mail/{id}"]),
    (
        Needs::Right(own::MANAGE_USERS),
        &[
            "/users/new",
            "+/users/new",
            "+/users/{id}",
            "+/users/{id}/code",
            "+/users/{id}/delete",
            "+/users/{id}/help",
            "+/users/{id}/link",
            "+/users/{id}/sessions",
            "+/users/{id}/test",
            "+/users/{id}/unlock",
            "/users/several",
            "/users/several/preview",
            "+/users/several/domain",
            "+/users/several/domain/undo",
            "+/users/several/invite",
            "/sessions",
            "+/sessions/{id}/end",
            "+/mail/{id}/retry",
        ],
    ),
    (
        Needs::OneOf(&[
            own::VIEW_USERS,
            own::MANAGE_BASIC_SETTINGS,
            own::MANAGE_ADVANCED_SETTINGS,
            own::MANAGE_SUBGROUPS,
        ]),
        &["/groups", "/groups/{id}"],
    ),
    (Needs::Right(own::MANAGE_BASIC_SETTINGS), &["+/groups/{id}"]),
    (Needs::Right(own::MANAGE_ADVANCED_SETTINGS), &["/groups/{id}/advanced", "+/groups/{id}/advanced"]),
    (Needs::Right(own::MANAGE_SUBGROUPS), &["+/groups/{id}/groups", "+/groups/{id}/delete"]),
    (Needs::OneOf(&[own::MANAGE_ROLES, own::MANAGE_USERS]), &["/roles", "/roles/{id}"]),
    (Needs::Right(own::MANAGE_ROLES), &["/roles/new", "+/roles", "+/roles/{id}", "+/roles/{id}/delete"]),
    (Needs::Right(own::VIEW_AUDIT), &["/audit", "/audit/export", "+/audit/verify", "/sign-ins"]),
];

/// All that has to do with apps is for those who manage them.
const OF_APPS: Needs = Needs::Right(own::MANAGE_RELYING_APPS);

#[test]
fn every_row_needs_what_it_is_meant_to() {
    let mut meant: BTreeMap<&str, Needs> = BTreeMap::new();
    for (needs, rows) in NEEDED {
        for row in rows {
            assert!(meant.insert(row, needs).is_none(), "{row} is there twice");
        }
    }
    let (mut wrong, mut told) = (Vec::new(), 0);
    for route in routes::all() {
        let sent = if route.verb == Verb::Post { "+" } else { "" };
        let path = route.path.strip_prefix("/console").unwrap();
        let row = format!("{sent}{path}");
        let expected = if path.starts_with("/apps") { Some(&OF_APPS) } else { meant.get(row.as_str()) };
        told += usize::from(!path.starts_with("/apps"));
        if expected != Some(&route.needs) {
            wrong.push(format!("{row}: {:?} where {expected:?} is meant", route.needs));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(told, meant.len(), "rows that are no more");
}
