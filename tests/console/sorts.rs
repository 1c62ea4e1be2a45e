//! Is every table sorted by link? Each that a page shows has a row here: by which columns, or why by none.

use countersign::console::routes::{self, Verb};
use reqwest::Method;

use super::weights;
use super::world::{PEOPLE, World, may};
use crate::support::browser::Browser;
use crate::support::manager::Manager;
use crate::support::site::Site;

/// By what a table may be sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sorts {
    /// By the columns of these words.
    By(&'static [&'static str]),
    /// By none, and why.
    Not(&'static str),
}

use Sorts::{By, Not};

/// The tables of each page.
const TABLES: [(&str, Sorts); 15] = [
    ("/console", Not("the figures of a chart, a line a day")),
    ("/console/apps", By(&["name", "kind", "groups"])),
    ("/console/apps/{id}/people", By(&["login"])),
    ("/console/apps/{id}/try", Not("the claims of one person, as the app gets them")),
    // A log stands by time; who and what are filters, since an index of each would be a page more at every sign-in.
    ("/console/audit", By(&["at"])),
    ("/console/sign-ins", By(&["when"])),
    ("/console/mail", By(&["when"])),
    ("/console/groups", By(&["group", "two-factor"])),
    (
        "/console/groups/{id}",
        Not(
            "the first of those who cannot sign in, whom the list of people sorts; and a rehearsal, by login",
        ),
    ),
    (
        "/console/groups/{id}/advanced",
        Not("the first of those who cannot sign in; the list of people has all, and sorts"),
    ),
    ("/console/keys", By(&["kind", "does", "made"])),
    ("/console/roles", By(&["name", "rank"])),
    ("/console/sessions", By(&["login", "since"])),
    ("/console/users", By(&["login", "name", "group", "role", "last-sign-in"])),
    (
        "/console/users/{id}",
        Not("the latest of one person, newest first; the list of sign-ins has all, and sorts"),
    ),
];

/// The tables whose heads are not those of lists, since nothing of them is sorted: the template, and why.
const OWN_HEADS: [(&str, &str); 5] = [
    ("app_try.html", "the claims of one person, as the app gets them"),
    ("home.html", "the figures of a chart, a line a day"),
    ("plan.html", "what a file that moves in would change, a line a kind"),
    ("stopped.html", "the first of those who cannot sign in"),
    ("user.html", "the latest of one person"),
];

/// More people use each app than a page shows.
const USE_OF_APPS: &str = "
    INSERT INTO grants (id, user_id, client_id, session_id, scopes, amr, acr, auth_time, created_at, expires_at)
    SELECT c.id || u.id, u.id, c.id, 'none', 'openid', 'pwd', 'pwd', u.created_at, u.created_at, u.created_at + 86400
    FROM users u CROSS JOIN clients c WHERE u.login_key LIKE 'person.%1' OR u.login_key LIKE 'person.%2'";

/// A table of a page: by which words its heads lead on, how it is sorted now, and its rows.
struct Shown {
    words: Vec<String>,
    sorted: Vec<String>,
    rows: Vec<String>,
}

/// What stands between two marks, each time.
fn between<'h>(html: &'h str, from: &str, to: &str) -> Vec<&'h str> {
    html.split(from).skip(1).filter_map(|rest| rest.split(to).next()).collect()
}

fn tables(html: &str) -> Vec<Shown> {
    let read = |table: &str| {
        let head = table.split("</thead>").next().unwrap_or_default();
        let words = between(head, "<a href=\"", "\"").into_iter().filter_map(|link| {
            let word = link.split("sort=").nth(1)?.split('&').next()?;
            Some(word.trim_start_matches('-').to_owned())
        });
        Shown {
            words: words.collect(),
            sorted: between(head, "aria-sort=\"", "\"").into_iter().map(str::to_owned).collect(),
            rows: between(table.split("<tbody>").nth(1).unwrap_or_default(), "<tr>", "</tr>")
                .into_iter()
                .map(str::to_owned)
                .collect(),
        }
    };
    between(html, "<table", "</table>").into_iter().map(read).collect()
}

async fn get(world: &World, browser: &Browser, path: &str) -> String {
    let page = browser.fetch(&Method::GET, &world.site.url.join(path).unwrap(), &[], true).await;
    assert_eq!(page.status, 200, "{path}");
    page.body
}

/// All rows of a table in an order, page after page, and the way in which it says that it is sorted.
async fn all(world: &World, browser: &Browser, path: &str, sort: &str) -> (Vec<String>, Vec<String>) {
    let (mut rows, mut sorted) = (Vec::new(), Vec::new());
    let mut next = Some(format!("{path}?sort={sort}"));
    while let Some(path) = next {
        let html = get(world, browser, &path).await;
        let shown = tables(&html).into_iter().find(|table| !table.words.is_empty());
        let shown = shown.unwrap_or_else(|| panic!("no table at {path}"));
        assert!(!shown.rows.is_empty(), "nothing at {path}");
        rows.extend(shown.rows);
        sorted.extend(shown.sorted);
        assert!(rows.len() < 5000, "no end: {path}");
        let link = html.split("<a rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
        next = link.map(|link| link.replace("&amp;", "&").replace("&#x2f;", "/"));
    }
    (rows, sorted)
}

crate::on_both_databases! {
    /// Either way by each column, page after page: it says so, nobody is shown twice or left out, and the one way is the other one turned round.
    async fn every_table_is_sorted_by_its_heads_or_says_why_not(database) {
        let mut world = World::on(database).await;
        for n in 0..50 {
            let name = format!("Relying app of number {n}");
            world.site.admin.add_app_with(|metadata| metadata.client_name = name).await;
        }
        world.site.run(weights::MANY).await;
        world.site.run(USE_OF_APPS).await;
        let mut seen = Vec::new();
        for somebody in PEOPLE.into_iter().filter(|one| matches!(one.login, Some("ada" | "root"))) {
            let browser = world.browser(somebody).await;
            for route in routes::all().filter(|route| route.verb == Verb::Get && !route.path.contains("{signin}")) {
                if !may(somebody.role.unwrap(), route.needs) || route.path.ends_with("/export") {
                    continue;
                }
                let path = world.address(route).await;
                let page = browser.fetch(&Method::GET, &world.site.url.join(&path).unwrap(), &[], true).await;
                let found = tables(&page.body);
                if found.is_empty() {
                    continue;
                }
                seen.push(route.path);
                let told = TABLES.iter().find(|(path, _)| *path == route.path);
                let (_, sorts) = told.unwrap_or_else(|| panic!("{}: say in TABLES by what its table sorts", route.path));
                let words: Vec<&str> = found.iter().flat_map(|table| table.words.iter().map(String::as_str)).collect();
                let By(expected) = sorts else {
                    assert!(words.is_empty(), "{}: {words:?}", route.path);
                    continue;
                };
                assert_eq!(words, *expected, "{}", route.path);
                let mut everything: Option<Vec<String>> = None;
                for word in words {
                    let (mut rows, sorted) = all(&world, &browser, &path, word).await;
                    assert!(sorted.iter().all(|way| way == "ascending") && !sorted.is_empty(), "{path} {word}: {sorted:?}");
                    let (turned, sorted) = all(&world, &browser, &path, &format!("-{word}")).await;
                    assert!(sorted.iter().all(|way| way == "descending") && !sorted.is_empty(), "{path} -{word}: {sorted:?}");
                    assert!(rows.iter().eq(turned.iter().rev()), "{path} {word} is not the other way round of itself");
                    rows.sort_unstable();
                    let all = rows.len();
                    rows.dedup();
                    // Two lines of a log may look alike.
                    let is_log = ["/console/audit", "/console/sign-ins"].contains(&route.path);
                    assert!(rows.len() == all || is_log, "{path} {word}: something twice");
                    assert_eq!(everything.get_or_insert_with(|| rows.clone()), &rows, "{path} {word}");
                }
            }
        }
        for (path, sorts) in TABLES {
            // What is not sorted may have nothing to show here.
            assert!(seen.contains(&path) || matches!(sorts, Not(_)), "{path} shows no table any more: {sorts:?}");
        }
    }
}

crate::on_both_databases! {
    /// Its first line goes by what its head says.
    async fn a_log_says_in_which_order_it_stands(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        for (path, expected) in [
            ("/console/sign-ins", "the newest first"),
            ("/console/sign-ins?sort=-when", "the newest first"),
            ("/console/sign-ins?sort=when", "the oldest first"),
            ("/console/audit", "the newest first"),
            ("/console/audit?sort=at", "the oldest first"),
        ] {
            ada.open(path).await;
            let lead = ada.browser.text();
            assert!(lead.contains(expected), "{path}: {lead}");
        }
    }
}

#[test]
fn every_table_has_the_heads_of_lists_or_a_reason() {
    let mut own = Vec::new();
    for file in std::fs::read_dir("templates/console").unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if text.matches("<table").count() > text.matches("console/table_head.html").count() {
            own.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    own.sort();
    assert_eq!(own, OWN_HEADS.map(|(name, _)| name));
}
