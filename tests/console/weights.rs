//! Does a first visit of any page stay within 40 kB, where there is more to show than a page holds? Of everything there are more than a page
//! has rows, with names and answers as long as people and mail servers make them; bytes do not depend on time.

use std::collections::BTreeMap;

use countersign::console::routes::{self, Verb};
use reqwest::Method;

use super::world::{PEOPLE, Somebody, World, may};
use crate::support::Database;
use crate::support::browser::{Browser, Page};

/// What a browser that was never here may load for a page, and how much of that may be script of our own.
const MOST: usize = 40_000;
const MOST_SCRIPT: usize = 15_000;

/// People of every kind, in a tree that has many groups and roles; and what happens to them.
pub const MANY: &str = "
    INSERT INTO groups (id, parent_id, top_id, name, name_key, language, two_factor, two_factor_setting, created_at)
    WITH RECURSIVE numbers (n) AS (SELECT CAST(1000 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 1219)
    SELECT 'group-with-an-id-of-26-' || CAST(n AS TEXT), acme.id, acme.id, 'Department of Number ' || CAST(n AS TEXT),
           'department of number ' || CAST(n AS TEXT), acme.language, acme.two_factor, acme.two_factor_setting, acme.created_at
    FROM numbers CROSS JOIN groups acme WHERE acme.name_key = 'acme';
    INSERT INTO roles (id, group_id, name, name_key, rank, rights, created_at)
    WITH RECURSIVE numbers (n) AS (SELECT CAST(1000 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 1099)
    SELECT 'role-with-an-id-as-of-26-' || CAST(n AS TEXT), acme.id, 'Assistant of Number ' || CAST(n AS TEXT),
           'assistant of number ' || CAST(n AS TEXT), 4, 'manage_own_settings view_users track_time bill', acme.created_at
    FROM numbers CROSS JOIN groups acme WHERE acme.name_key = 'acme';
    INSERT INTO users (id, login, login_key, name, email, status, group_id, role_id, password_hash, created_at, updated_at, addressless)
    WITH RECURSIVE numbers (n) AS (SELECT CAST(1000 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 1399)
    SELECT 'user-with-an-id-as-of-26-' || CAST(n AS TEXT), 'person.of.number' || CAST(n AS TEXT), 'person.of.number' || CAST(n AS TEXT),
           'Person of the Number ' || CAST(n AS TEXT), CASE WHEN n % 4 = 0 THEN NULL ELSE 'person.of.number' || CAST(n AS TEXT) || '@example.org' END,
           CASE WHEN n % 4 = 1 THEN 'invited' WHEN n % 8 = 2 THEN 'disabled' ELSE 'active' END,
           ned.group_id, ned.role_id, ned.password_hash, ned.created_at, ned.updated_at, n % 4 = 0
    FROM numbers CROSS JOIN users ned WHERE ned.login_key = 'ned';
    INSERT INTO messages (id, purpose, user_id, address, state, attempts, answer, created_at_ms, next_at, expires_at, done_at, top_id)
    SELECT 'message-' || u.id, 'sign_in_code', u.id, u.email, 'refused', 1,
           '550 5.1.1 <' || u.email || '>: Recipient address rejected: User unknown in virtual mailbox table',
           u.created_at * 1000 - u.rowid_of, u.created_at, u.created_at + 600, u.created_at, u.group_id
    FROM (SELECT users.*, CAST(substr(login, 17) AS BIGINT) AS rowid_of FROM users WHERE login LIKE 'person.%' AND email IS NOT NULL) AS u;
    INSERT INTO code_budgets (user_id, tried_at, stopped_at)
    SELECT u.id, u.created_at, u.created_at FROM users u WHERE u.login_key LIKE 'person.%7';
    INSERT INTO help_requests (user_id, why, asked_at)
    SELECT u.id, 'no_address', u.created_at FROM users u WHERE u.login_key LIKE 'person.%8' AND u.email IS NULL;
    INSERT INTO sessions (id, token_hash, user_id, password_at, created_at, seen_at, expires_at)
    SELECT 'session-' || u.id, 'token-' || u.id, u.id, u.created_at, u.created_at, u.created_at, u.created_at + 3600
    FROM users u WHERE u.login_key LIKE 'person.%';
    INSERT INTO audit_events (id, at_ms, event, actor, user_id, group_id, network, details, actor_login, user_login, top_id)
    SELECT 'event-' || u.id, u.created_at * 1000 - 60000, 'user.changed', ada.id, u.id, u.group_id, '2001:db8:1234:5678::/64',
           '{\"before\":{\"email\":null,\"role\":\"User\"},\"after\":{\"email\":\"person@example.org\",\"role\":\"Assistant of Number 1000\"}}',
           ada.login, u.login, u.group_id
    FROM users u CROSS JOIN users ada WHERE u.login_key LIKE 'person.%' AND ada.login_key = 'ada';
    INSERT INTO audit_events (id, at_ms, event, actor, user_id, group_id, network, details, actor_login, user_login, top_id)
    SELECT 'sign-in-' || u.id, u.created_at * 1000 - 60000, 'signin.completed', u.id, u.id, u.group_id, '2001:db8:1234:5678::/64',
           '{\"amr\":\"pwd otp mfa\",\"app\":\"Time Tracker\"}', u.login, u.login, u.group_id
    FROM users u WHERE u.login_key LIKE 'person.%';
    UPDATE users SET signed_in_at = created_at - 60 - 3600 * (CAST(substr(login_key, 17) AS BIGINT) % 100)
    WHERE login_key LIKE 'person.%' AND login_key NOT LIKE '%9';
    UPDATE signin_tally SET at_ms = (SELECT created_at * 1000 - 60000 FROM users WHERE login_key = 'ned'), event_id = 'zzz'";

/// What else is looked at: each kind of each list, and its orders.
const ASKED: [&str; 16] = [
    "/console/repair?filter=invited",
    "/console/repair?filter=disabled",
    "/console/users?filter=cannot-sign-in",
    "/console/users?filter=no-email",
    "/console/users?filter=never-signed-in",
    "/console/users?filter=stopped",
    "/console/users?filter=disabled",
    "/console/users?filter=invited",
    "/console/users?q=person&sort=-name",
    "/console/mail?filter=failed",
    "/console/mail?filter=waiting",
    "/console/audit?kind=user",
    "/console/sign-ins?filter=completed",
    "/console/sessions?sort=since",
    "/console/roles",
    "/console/groups",
];

/// More than a list of a preview holds, with logins as long as may be, who would all be locked out: without an address, with a message that was
/// refused, with their codes stopped; and as many who hold a role that loses the override.
const LONG: &str = "
    INSERT INTO users (id, login, login_key, name, email, status, group_id, role_id, password_hash, created_at, updated_at, addressless)
    WITH RECURSIVE numbers (n) AS (SELECT CAST(1000 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 1399)
    SELECT 'long-with-an-id-as-of-26-' || CAST(n AS TEXT), 'a.person.of.a.rather.long.name.and.number.' || CAST(n AS TEXT),
           'a.person.of.a.rather.long.name.and.number.' || CAST(n AS TEXT), 'A Person of a Rather Long Name and Number ' || CAST(n AS TEXT),
           CASE WHEN n % 3 = 0 THEN NULL ELSE 'a.person.of.a.rather.long.name.and.number.' || CAST(n AS TEXT) || '@example.org' END,
           'active', ned.group_id, CASE WHEN n < 1200 THEN ned.role_id ELSE ada.role_id END, ned.password_hash, ned.created_at, ned.updated_at,
           n % 3 = 0
    FROM numbers CROSS JOIN users ned CROSS JOIN users ada WHERE ned.login_key = 'ned' AND ada.login_key = 'ada';
    INSERT INTO messages (id, purpose, user_id, address, state, attempts, answer, created_at_ms, next_at, expires_at, done_at, top_id)
    SELECT 'message-' || u.id, 'sign_in_code', u.id, u.email, 'refused', 1,
           '550 5.1.1 <' || u.email || '>: Recipient address rejected: User unknown in virtual mailbox table',
           u.created_at * 1000 - 7, u.created_at, u.created_at + 600, u.created_at, u.group_id
    FROM users u WHERE u.id LIKE 'long-%' AND u.email IS NOT NULL;
    INSERT INTO code_budgets (user_id, tried_at, stopped_at)
    SELECT u.id, u.created_at, u.created_at FROM users u WHERE u.id LIKE 'long-%7'";

/// What is typed.
type Fields = &'static [(&'static str, &'static str)];

/// What a change would do to them, asked for and not confirmed: where it is sent, what the setting is then, and the fields.
const PREVIEWS: [(&str, &str, Fields); 5] = [
    ("/console/groups/{group}/advanced", "on", &[("two_factor", "off")]),
    ("/console/groups/{group}/advanced", "on", &[("two_factor", "rehearse")]),
    ("/console/groups/{group}/advanced", "off", &[("two_factor", "on")]),
    ("/console/roles/{user}", "on", &[("rights", "track_time"), ("view_users", "on")]),
    ("/console/roles/{chief}", "on", &[("rights", "track_time"), ("view_users", "on")]),
];

async fn get(world: &World, browser: &Browser, path: &str) -> Page {
    browser.fetch(&Method::GET, &world.site.url.join(path).unwrap(), &[], true).await
}

/// What a first visit of a page weighs in bytes, and how many of them are script of our own.
async fn visit(
    world: &World,
    browser: &Browser,
    html: &str,
    known: &mut BTreeMap<String, usize>,
) -> (usize, usize) {
    let linked = linked(world, browser, html, known).await;
    assert!(linked.len() >= 4, "{linked:?}");
    let is_script = |path: &str| path.rsplit('.').next() == Some("js");
    let scripts = linked.iter().filter(|(path, _)| is_script(path)).map(|(_, bytes)| bytes).sum();
    (html.len() + linked.iter().map(|(_, bytes)| bytes).sum::<usize>(), scripts)
}

/// What a page links to: how many bytes of each.
async fn linked(
    world: &World,
    browser: &Browser,
    html: &str,
    known: &mut BTreeMap<String, usize>,
) -> Vec<(String, usize)> {
    let mut linked = Vec::new();
    let html = html.replace("&#x2f;", "/");
    for piece in html.split(['"', '\'', '=', '>', ' ']).filter(|piece| piece.starts_with("/assets/")) {
        if !known.contains_key(piece) {
            let asset = get(world, browser, piece).await;
            assert_eq!(asset.status, 200, "{piece}");
            known.insert(piece.to_owned(), asset.body.len());
        }
        linked.push((piece.to_owned(), known[piece]));
    }
    linked
}

/// The pages of somebody, and the lists below them.
async fn pages(world: &World, somebody: Somebody) -> Vec<String> {
    let mut pages = Vec::new();
    for route in routes::all().filter(|route| route.verb == Verb::Get && !route.path.contains("{signin}")) {
        if may(somebody.role.unwrap(), route.needs) && !route.path.ends_with("/export") {
            pages.push(world.address(route).await);
        }
    }
    pages.extend(ASKED.map(str::to_owned));
    pages
}

#[tokio::test]
async fn a_first_visit_of_any_page_is_light_however_much_there_is_to_show() {
    let mut world = World::on(Database::sqlite().await).await;
    for n in 0..60 {
        let name = format!("Relying app of number {n}");
        world.site.admin.add_app_with(|metadata| metadata.client_name = name).await;
    }
    world.site.run(MANY).await;
    let (mut known, mut heavy, mut looked_at) = (BTreeMap::new(), Vec::new(), 0);
    for somebody in PEOPLE.into_iter().filter(|one| matches!(one.login, Some("ada" | "root"))) {
        let browser = world.browser(somebody).await;
        for path in pages(&world, somebody).await {
            let page = get(&world, &browser, &path).await;
            if !page.status.is_success() {
                continue;
            }
            looked_at += 1;
            let (all, scripts) = visit(&world, &browser, &page.body, &mut known).await;
            if all >= MOST || scripts >= MOST_SCRIPT {
                heavy.push(format!(
                    "{}: {path}: {all}, of which {} the page and {scripts} scripts",
                    somebody.what,
                    page.body.len()
                ));
            }
        }
    }
    assert!(looked_at > 60, "{looked_at}");
    assert!(heavy.is_empty(), "{}", heavy.join("\n"));
}

/// A preview is what a form is answered with, so that no page of the table shows it.
#[tokio::test]
async fn a_preview_that_locks_hundreds_of_long_names_out_is_as_light() {
    let mut world = World::on(Database::sqlite().await).await;
    world.site.run(MANY).await;
    world.site.run(LONG).await;
    // Whoever makes the change has an override that the role's change leaves them.
    let acme = world.site.acme.clone();
    world.site.admin.add_role(&acme, "Chief", 400, "override_2fa view_users").await;
    world.site.run("UPDATE users SET role_id = (SELECT id FROM roles WHERE name_key = 'chief')
                    WHERE id LIKE 'long-%' AND role_id <> (SELECT role_id FROM users WHERE login_key = 'ned')").await;
    let (user, chief) = (world.role(&acme, "User").await, world.role(&acme, "Chief").await);
    let (mut known, mut heavy) = (BTreeMap::new(), Vec::new());
    for somebody in PEOPLE.into_iter().filter(|one| matches!(one.login, Some("ada" | "root"))) {
        for (path, setting, fields) in PREVIEWS {
            let browser = world.browser(somebody).await;
            world.site.run(if setting == "on" { ON } else { OFF }).await;
            let path = path.replace("{group}", &acme.id).replace("{user}", &user).replace("{chief}", &chief);
            let typed: Vec<_> =
                fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let page = browser.fetch(&Method::POST, &world.site.url.join(&path).unwrap(), &typed, true).await;
            assert_eq!(page.status, 200, "{path} {fields:?}: {}", page.body);
            if fields[0].1 == "on" || path.ends_with(&chief) {
                assert!(page.body.contains("a.person.of.a.rather.long.name"), "{path}: {}", page.body);
            }
            let (all, scripts) = visit(&world, &browser, &page.body, &mut known).await;
            if all >= MOST || scripts >= MOST_SCRIPT {
                heavy
                    .push(format!("{}: {path} {fields:?}: {all}, of which {scripts} scripts", somebody.what));
            }
        }
    }
    world.site.run(ON).await;
    for path in ["/console", "/console/repair", "/console/groups/{group}", "/console/groups/{group}/advanced"]
    {
        let browser = world.browser(PEOPLE[5]).await;
        let page = get(&world, &browser, &path.replace("{group}", &acme.id)).await;
        assert_eq!(page.status, 200, "{path}");
        let (all, scripts) = visit(&world, &browser, &page.body, &mut known).await;
        if all >= MOST || scripts >= MOST_SCRIPT {
            heavy.push(format!("{path}: {all}, of which {scripts} scripts"));
        }
    }
    assert!(heavy.is_empty(), "{}", heavy.join("\n"));
}

/// The setting that locks people out is looked at while it is another one.
const OFF: &str = "UPDATE groups SET two_factor = FALSE, two_factor_setting = 'off' WHERE name = 'Acme'";
const ON: &str = "UPDATE groups SET two_factor = TRUE, two_factor_setting = 'on' WHERE name = 'Acme'";
