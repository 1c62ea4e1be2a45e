//! Does every line about a person lead to their page, which says whether they can sign in and why; and can two of one name be told apart?
//! Made from the table of routes: each page, and each answer to a change, is looked through line by line.

use countersign::console::routes::{self, Route, Verb};
use countersign::directory::users::Changes;

use super::forms::form;
use super::world::{PEOPLE, Somebody, World, may};
use crate::support::browser::{Browser, Page};
use crate::support::html;

const SITE_ADMINISTRATOR: Somebody = PEOPLE[7];
const TOP_MANAGER: Somebody = PEOPLE[5];

/// Everybody of Acme, whom a Top manager may see.
const ACME: [&str; 9] = ["ada", "carl", "cora", "dora", "ivy", "max", "ned", "nia", "ona"];

/// The name that two of them have.
const NAME: &str = "Kim Lee";

fn who(route: &Route) -> Somebody {
    if may("Top manager", route.needs) { TOP_MANAGER } else { SITE_ADMINISTRATOR }
}

/// The lines of a page's own part. Rows of a table and what is said about one person stay whole, and so does a sentence with its links.
fn lines(body: &str) -> Vec<String> {
    let main = body.split_once("<main").map_or("", |(_, main)| main);
    let main = main.split_once("<p class=\"lock").map_or(main, |(main, _)| main);
    let (mut lines, mut inside) = (Vec::<String>::new(), None::<&str>);
    for line in main.lines() {
        match (inside, lines.last_mut()) {
            (Some(_), Some(whole)) => *whole += line,
            _ => lines.push(line.to_owned()),
        }
        let opened = [("<tr", "</tr>"), ("<section", "</section>"), ("<div class=\"good\"", "</div>")];
        inside = match inside {
            Some(end) if line.contains(end) => None,
            Some(end) => Some(end),
            None => opened
                .into_iter()
                .find(|(start, end)| line.contains(start) && !line.contains(end))
                .map(|(_, end)| end),
        };
    }
    lines
}

/// Whether a text has somebody's login as a word of its own, and not in an address.
fn names(text: &str, login: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "@_".contains(c);
    text.match_indices(login).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + login.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// What is wrong with a page of this address: lines that name somebody and lead nowhere, or not to one alone.
fn faults(page: &Page, ids: &[(String, String)]) -> Vec<String> {
    let mut faults = Vec::new();
    // The page about one person leads to itself.
    let of_one = |id: &str| page.url.path().contains(&format!("/users/{id}"));
    for line in lines(&page.body) {
        let text = html::text(&line);
        for (login, id) in ids {
            let leads = line.replace("&#x2f;", "/").contains(&format!("/console/users/{id}\"")) || of_one(id);
            // A link stands beside a heading, and beside the label of a field.
            let is_head = line.contains("<h1") || line.contains("<label");
            if names(&text, login) && !leads && !is_head {
                faults.push(format!("{login} leads nowhere: {line}"));
            }
        }
        let told_apart = ["nia", "ned"].iter().any(|login| names(&text, login));
        let of_them = ids.iter().any(|(login, id)| ["nia", "ned"].contains(&login.as_str()) && of_one(id));
        // The head of a page about one of them stands beside their login; fields hold the name alone.
        let is_field = line.contains("<dd") || line.contains("<dt");
        if text.contains(NAME) && !told_apart && !(of_them && is_field) {
            faults.push(format!("which {NAME}? {line}"));
        }
    }
    faults
}

async fn see(browser: &mut Browser, asked: &str, ids: &[(String, String)], faults_of_all: &mut Vec<String>) {
    browser.open(asked).await;
    let found = faults(browser.page(), ids).into_iter();
    faults_of_all.extend(found.map(|fault| format!("{asked}: {fault}")));
}

crate::on_both_databases! {
    async fn every_line_about_a_person_leads_to_their_page_and_to_nobody_elses(database) {
        let mut world = World::on(database).await;
        for login in ["nia", "ned"] {
            world.site.admin.change(login, Changes { name: Some(NAME.to_owned()), ..Changes::default() }).await;
        }
        let mut ids = Vec::new();
        for login in ACME {
            ids.push((login.to_owned(), world.site.admin.user(login).await.id));
        }
        // Before the role has another name.
        let role = world.address(routes::all().find(|route| route.path == "/console/roles/{id}").unwrap()).await;
        let (mut all, mut seen) = (Vec::new(), 0);
        let more = ["/console/users/several", "/console/users?filter=invited", "/console/repair?filter=invited"];
        for address in more {
            let mut browser = world.browser(TOP_MANAGER).await;
            see(&mut browser, address, &ids, &mut all).await;
        }
        for route in routes::all().filter(|route| route.verb == Verb::Get && !route.path.contains("{signin}")) {
            let (address, mut browser) = (world.address(route).await, world.browser(who(route)).await);
            see(&mut browser, &address, &ids, &mut all).await;
            seen += usize::from(ACME.iter().any(|login| names(&browser.text(), login)));
        }
        assert!(seen > 10, "somebody is named on {seen} pages");
        for route in routes::all().filter(|route| route.verb == Verb::Post) {
            let typed = if route.writes.is_some() { form(&world, route) } else { Vec::new() };
            // The first answer: a question, where one is asked.
            let typed: Vec<(&str, &str)> =
                typed.iter().filter(|(name, _)| *name != "confirm").map(|(name, value)| (*name, value.as_str())).collect();
            let (address, mut browser) = (world.address(route).await, world.browser(who(route)).await);
            browser.post(&address, &typed).await;
            let found = faults(browser.page(), &ids).into_iter();
            all.extend(found.map(|fault| format!("{route:?}: {fault}")));
        }
        // What a switch and another role would do to whom.
        let mut ada = world.browser(TOP_MANAGER).await;
        let group = format!("/console/groups/{}/advanced", world.site.acme.id);
        for (address, typed) in [
            (group.as_str(), vec![("two_factor", "on")]),
            (group.as_str(), vec![("two_factor", "rehearse")]),
            (role.as_str(), vec![("rank", "5")]),
        ] {
            ada.post(address, &typed).await;
            let text = ada.text();
            assert!(names(&text, "ned") || names(&text, "ona"), "{address}: {text}");
            all.extend(faults(ada.page(), &ids).into_iter().map(|fault| format!("{address} {typed:?}: {fault}")));
        }
        assert!(all.is_empty(), "{}", all.join("\n"));
    }
}
