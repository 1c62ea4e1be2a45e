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

async fn get(world: &World, browser: &Browser, path: &str) -> Page {
    browser.fetch(&Method::GET, &world.site.url.join(path).unwrap(), &[], true).await
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
            let linked = linked(&world, &browser, &page.body, &mut known).await;
            assert!(linked.len() >= 4, "{path}: {linked:?}");
            let all = page.body.len() + linked.iter().map(|(_, bytes)| bytes).sum::<usize>();
            let scripts = linked
                .iter()
                .filter(|(path, _)| path.rsplit('.').next() == Some("js"))
                .map(|(_, bytes)| bytes)
                .sum::<usize>();
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
