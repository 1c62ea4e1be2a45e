//! What becomes of nonsense in a form of the console? A message beside the field, everything else as it was typed, nothing saved; or it
//! is taken, and harmless wherever it is shown. Made from the table of routes: each form of each page is tried, field by field.

use std::collections::BTreeSet;

use countersign::console::routes::{self, Route, Verb};
use countersign::directory::users::Changes;
use reqwest::Method;

use super::world::{PEOPLE, Somebody, World, may};
use crate::support::browser::Page;
use crate::support::html::{self, Form};
use crate::support::manager::Manager;
use crate::support::site::Site;

const SITE_ADMINISTRATOR: Somebody = PEOPLE[7];
const TOP_MANAGER: Somebody = PEOPLE[5];

/// What no field takes: a NUL, control characters, marks that turn the text around, what cannot be seen, and what is too long.
fn bad() -> [String; 7] {
    let (long, longest) = ("now ".repeat(1750), "now ".repeat(50_000));
    ["no\u{0}w", "no\u{7}w", "no\u{1b}[2Jw", "no\u{202e}w", "no\u{200b}w", &long, &longest].map(str::to_owned)
}

/// What may be taken, and must do nothing where it is shown: HTML, a template's own signs, a formula, a login that looks like another.
const ODD: [&str; 5] = [
    "<b id=\"planted\">now</b>",
    "\"><script>planted()</script>",
    "{{ planted }}",
    "=1+cmd|'/c x'!A0",
    "nі\u{430}",
];

/// A form of a page that somebody opens.
struct Found {
    who: Somebody,
    page: String,
    form: Form,
    /// The fields that one types into.
    texts: Vec<String>,
}

/// Whoever may do the most on a page, and is of Acme where they can be.
fn who(route: &Route) -> Somebody {
    if may("Top manager", route.needs) { TOP_MANAGER } else { SITE_ADMINISTRATOR }
}

async fn ask(
    world: &mut World,
    who: Somebody,
    method: &Method,
    to: &str,
    typed: &[(String, String)],
) -> Page {
    let browser = world.browser(who).await;
    let url = world.site.url.join(to).unwrap();
    browser.fetch(method, &url, typed, true).await
}

/// Whether one types into a field: not a hidden one, and none with a choice.
fn is_text(body: &str, name: &str) -> bool {
    let typed = format!("<textarea id=\"{name}\"");
    let line = format!("<input id=\"{name}\" name=\"{name}\" type=\"text\"");
    body.contains(&typed) || body.contains(&line)
}

/// Every form of every page that a row of the table draws.
async fn forms(world: &mut World) -> Vec<Found> {
    let mut found = Vec::new();
    for route in routes::all().filter(|route| route.verb == Verb::Get && !route.path.contains("{signin}")) {
        let (who, page) = (who(route), world.address(route).await);
        let answer = ask(world, who, &Method::GET, &page, &[]).await;
        for form in html::forms(&answer.body).into_iter().filter(|form| form.method == "post") {
            let names = form.fields.iter().map(|(name, _)| name.clone());
            let texts: Vec<String> = names.filter(|name| is_text(&answer.body, name)).collect();
            found.push(Found { who, page: page.clone(), form, texts });
        }
    }
    found
}

/// The same form as its page draws it now.
async fn again(world: &mut World, found: &Found) -> Option<Form> {
    let page = ask(world, found.who, &Method::GET, &found.page, &[]).await;
    html::forms(&page.body).into_iter().find(|form| form.action == found.form.action)
}

/// What is sent when one field holds this, and every other what it held or a figure.
fn typed(form: &Form, texts: &[String], field: &str, value: &str) -> Vec<(String, String)> {
    let sent = form.fields.iter().map(|(name, was)| match name {
        name if name == field => (name.clone(), value.to_owned()),
        name if texts.contains(name) && was.is_empty() => (name.clone(), "7".to_owned()),
        name => (name.clone(), was.clone()),
    });
    sent.collect()
}

async fn ids(world: &World) -> BTreeSet<String> {
    world.site.admin.events().await.into_iter().map(|event| event.id).collect()
}

crate::on_both_databases! {
    async fn what_no_field_takes_is_said_beside_it_and_everything_else_is_kept(database) {
        let mut world = World::on(database).await;
        let all = forms(&mut world).await;
        let tried: usize = all.iter().map(|found| found.texts.len()).sum();
        assert!(tried >= 12, "{tried} fields are not all that there are");
        for who in [TOP_MANAGER, SITE_ADMINISTRATOR] {
            world.browser(who).await;
        }
        let before = ids(&world).await;
        for found in &all {
            for field in &found.texts {
                for value in bad() {
                    let sent = typed(&found.form, &found.texts, field, &value);
                    let page = ask(&mut world, found.who, &Method::POST, &found.form.action, &sent).await;
                    let asked = format!("{value:.20?} as {field} to {} on {}", found.form.action, found.page);
                    assert_eq!(page.status, 422, "{asked}\n{}", page.body);
                    assert!(page.body.contains(&format!("id=\"{field}-error\"")), "{asked}\n{}", page.body);
                    let shown = html::forms(&page.body);
                    let shown = shown.iter().find(|form| form.action == found.form.action).unwrap();
                    for (name, value) in sent.iter().filter(|(name, _)| name != field && found.texts.contains(name)) {
                        let kept = shown.fields.iter().find(|(shown, _)| shown == name);
                        assert_eq!(kept.map(|(_, value)| value), Some(value), "{asked}: {name} is lost");
                    }
                    let (_, kept) = shown.fields.iter().find(|(shown, _)| shown == field).unwrap();
                    let whole = value.starts_with("now ").then_some(value.len());
                    assert!(kept.starts_with("no") && whole.is_none_or(|whole| kept.len() == whole), "{asked}: {kept:?} is left of it");
                }
            }
        }
        assert_eq!(ids(&world).await, before, "something was saved");
    }

    async fn a_field_that_nobody_types_into_is_no_way_around(database) {
        let mut world = World::on(database).await;
        let all = forms(&mut world).await;
        for found in &all {
            let names: Vec<String> = found.form.fields.iter().map(|(name, _)| name.clone()).collect();
            for field in names.iter().filter(|name| !found.texts.contains(name)) {
                for value in ["no\u{0}w", "no\u{202e}w"] {
                    let sent = typed(&found.form, &[], field, value);
                    let page = ask(&mut world, found.who, &Method::POST, &found.form.action, &sent).await;
                    let asked = format!("{value:?} as {field} to {}", found.form.action);
                    assert!(page.status.as_u16() < 500, "{asked}: {}", page.status);
                }
            }
        }
        let events = world.site.admin.events().await;
        let saved = events.iter().find(|event| event.details.contains("no\u{fffd}w") || event.details.contains('\u{202e}'));
        assert!(saved.is_none(), "{saved:?}");
    }

    async fn what_is_odd_is_refused_or_harmless_wherever_it_is_shown(database) {
        let mut world = World::on(database).await;
        let all = forms(&mut world).await;
        let mut pages = Vec::new();
        for route in routes::all().filter(|route| route.verb == Verb::Get) {
            pages.push((route, world.address(route).await));
        }
        for found in &all {
            for field in &found.texts {
                for value in ODD {
                    // What was saved before is another form now, or none.
                    let Some(form) = again(&mut world, found).await else { continue };
                    let sent = typed(&form, &found.texts, field, value);
                    let page = ask(&mut world, found.who, &Method::POST, &form.action, &sent).await;
                    let asked = format!("{value:?} as {field} to {}", form.action);
                    assert!(matches!(page.status.as_u16(), 200 | 303 | 404 | 422), "{asked}: {}\n{}", page.status, page.body);
                    assert!(!page.body.contains("id=\"planted\"") && !page.body.contains("<script>planted"), "{asked}\n{}", page.body);
                }
            }
        }
        for (route, address) in pages {
            let page = ask(&mut world, who(route), &Method::GET, &address, &[]).await;
            assert!(page.status.as_u16() < 500, "{route:?}: {}", page.status);
            // A table or lines to take along are no page: a browser saves them, and takes them for nothing else.
            let kind = page.headers.get("content-type").map_or("", |kind| kind.to_str().unwrap());
            if page.status == 200 && !kind.starts_with("text/html") {
                assert_eq!(page.headers.get("x-content-type-options").unwrap(), "nosniff", "{route:?}");
                assert!(page.headers["content-disposition"].to_str().unwrap().starts_with("attachment"), "{route:?}");
                continue;
            }
            assert!(!page.body.contains("id=\"planted\"") && !page.body.contains("<script>planted"), "{route:?}\n{}", page.body);
        }
    }

    async fn while_the_database_takes_nothing_the_page_says_so_and_keeps_the_form(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let nia = site.admin.user("nia").await.id;
        let page = format!("/console/users/{nia}");
        max.open(&page).await;
        // Somebody else holds what is to be changed, and longer than anybody waits.
        let mut held = site.admin.db.write().await.unwrap();
        countersign::store::users::lock(&mut held, &nia).await.unwrap();
        countersign::store::groups::lock(&mut held, &site.acme.id).await.unwrap();
        max.send(&[("email", "nia@example.org"), ("name", "Nia \"N\" & Nnadi")]).await;
        drop(held);
        assert_eq!(max.browser.status(), 503, "{}", max.browser.text());
        let text = max.browser.text();
        assert!(text.contains("nothing was changed") && text.contains("Nia \"N\" & Nnadi"), "{text}");
        // What the page brought along by itself nobody has typed.
        assert!(!text.contains("seen-"), "{text}");
        assert!(site.admin.user("nia").await.email.is_none());
        max.browser.submit().await;
        assert!(max.saved().is_some(), "{}", max.browser.text());
        assert_eq!(site.admin.user("nia").await.email.as_deref(), Some("nia@example.org"));
    }

    /// Every change, all at once, while the database is locked or full: each page says so and holds all that was typed.
    async fn no_form_is_lost_while_the_database_takes_nothing(database) {
        let mut world = World::on(database).await;
        // A link has somewhere to go, or it is refused before anything is written.
        world.site.admin.change_email("nia", Some("nia@elsewhere.example")).await;
        let mut sending = Vec::new();
        // Where there is nothing to take back, nothing is to be written.
        for route in routes::all().filter(|route| route.writes.is_some() && !route.path.ends_with("/undo")) {
            let typed = super::forms::form(&world, route).into_iter();
            let typed: Vec<(String, String)> = typed.map(|(name, value)| (name.to_owned(), value)).collect();
            let (address, browser) = (world.address(route).await, world.browser(who(route)).await);
            sending.push((route, address, typed, browser));
        }
        let before = ids(&world).await;
        let locked = world.site.refuse_writes().await;
        let mut answers = Vec::new();
        for (route, address, typed, browser) in sending {
            let (url, sent) = (world.site.url.join(&address).unwrap(), typed.clone());
            let answer = tokio::spawn(async move { browser.fetch(&Method::POST, &url, &sent, true).await });
            answers.push((route, address, typed, answer));
        }
        for (route, address, typed, answer) in answers {
            let page = answer.await.unwrap();
            assert_eq!(page.status, 503, "{route:?}\n{}", page.body);
            let kept = html::forms(&page.body).into_iter().find(|form| form.action == address);
            assert_eq!(kept.map(|form| form.fields), Some(typed), "{route:?}\n{}", page.body);
        }
        drop(locked);
        assert_eq!(ids(&world).await, before, "something was done");
    }

    /// Nowhere of ours they do harm; names go to apps, mails and tables of others.
    async fn no_name_is_markup_or_a_formula(database) {
        let site = Site::on(database).await;
        let acme = &site.acme.id;
        let mut ada = Manager::arrives(&site, "ada").await;
        let nia = format!("/console/users/{}", site.admin.user("nia").await.id);
        for (page, field, others) in [
            ("/console/users/new", "login", [("name", "Una")].as_slice()),
            ("/console/users/new", "name", &[("login", "una")]),
            (&nia, "name", &[("email", "nia@example.org")]),
            (&format!("/console/groups/{acme}"), "name", &[]),
            ("/console/roles/new", "name", &[("rank", "5")]),
        ] {
            for (typed, said) in [("<b>Una</b>", "Leave out < and >"), ("=1+1", "a spreadsheet")] {
                ada.open(page).await;
                ada.send(&[others, &[(field, typed)]].concat()).await;
                assert_eq!(ada.browser.status(), 422, "{page} {field} {typed}: {}", ada.browser.text());
                let error = ada.browser.text_of(&format!("{field}-error"));
                assert!(error.is_some_and(|error| error.contains(said)), "{page} {typed}: {}", ada.browser.text());
                for (field, value) in others.iter().copied().chain([(field, typed)]) {
                    assert_eq!(ada.browser.field(field).as_deref(), Some(value), "{page} {typed}");
                }
            }
        }
        assert_eq!(site.admin.user("nia").await.email, None);
        // An app that came with such a name may keep it.
        let app = site.admin.add_app_with(|metadata| metadata.client_name = "<App>".to_owned()).await;
        site.admin.add_site_administrator("root").await;
        let mut root = Manager::arrives(&site, "root").await;
        root.open(&format!("/console/apps/{}", app.client_id)).await;
        root.send(&[("redirect_uris", "https://app.example.org/cb")]).await;
        assert!(root.saved().is_some(), "{}", root.browser.text());
        // And who did.
        site.admin.change("nia", Changes { name: Some("<Nia>".to_owned()), ..Changes::default() }).await;
        ada.open(&nia).await;
        ada.send(&[("email", "nia@example.org")]).await;
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
    }

    async fn what_is_too_much_is_refused_in_the_words_of_the_console(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let home = "/console".to_owned();
        let long = "now ".repeat(70_000);
        max.browser.post("/console/groups", &[("name", &long)]).await;
        assert_eq!(max.browser.status(), 413);
        let text = max.browser.text();
        assert!(text.contains("Nothing was saved") && text.contains("256 kB"), "{text}");
        for (address, status) in [("/console/nowhere", 404), ("/console/users/nobody", 404), ("/console/users/several/invite", 405)] {
            max.open(address).await;
            assert_eq!(max.browser.status(), status, "{address}");
            let text = max.browser.text();
            assert!(!text.contains("app"), "{address}: {text}");
            assert!(max.browser.links().contains(&home), "{address}: {:?}", max.browser.links());
        }
        max.browser.post_from_elsewhere("/console/groups", &[("name", "Coyote")]).await;
        assert_eq!(max.browser.status(), 403);
        let text = max.browser.text();
        assert!(text.contains("Nothing was done") && !text.contains("app"), "{text}");
        // Whoever is not signed in has no need of so much.
        let mut nobody = site.browser();
        nobody.post("/console/groups", &[("name", &"now ".repeat(20_000))]).await;
        assert_eq!(nobody.status(), 413);
    }

    async fn a_search_and_an_address_may_hold_anything(database) {
        let mut world = World::on(database).await;
        let anything = ["%00", "%1b", "%e2%80%ae", "%3Cb%20id%3D%22planted%22%3E", "%25", "=1%2B1", "%F0%9F%98%80"];
        for route in routes::all().filter(|route| route.verb == Verb::Get) {
            let address = world.address(route).await;
            for value in anything {
                for name in ["q", "filter", "sort", "after", "group", "user", "kind", "since", "to", "recipe"] {
                    let page = ask(&mut world, who(route), &Method::GET, &format!("{address}?{name}={value}"), &[]).await;
                    let asked = format!("{route:?} with {name}={value}");
                    assert!(page.status.as_u16() < 500, "{asked}: {}", page.status);
                    assert!(!page.body.contains("id=\"planted\""), "{asked}\n{}", page.body);
                }
                if route.path.contains("{id}") {
                    let nowhere = route.path.replace("{id}", value);
                    let page = ask(&mut world, who(route), &Method::GET, &nowhere, &[]).await;
                    assert_eq!(page.status, 404, "{nowhere}");
                }
            }
        }
    }

    /// Two values of one name are one for a proxy and another one for us.
    async fn what_is_asked_twice_under_one_name_is_refused(database) {
        let mut world = World::on(database).await;
        for route in routes::all().filter(|route| route.verb == Verb::Get && !route.path.contains("{signin}")) {
            let address = world.address(route).await;
            let page = ask(&mut world, who(route), &Method::GET, &format!("{address}?q=a&q=b"), &[]).await;
            assert_eq!(page.status, 400, "{route:?}");
        }
    }
}
