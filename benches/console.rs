//! How quick is the console where a hundred thousand people are in one tree, and what does a first visit of each page weigh?
//! `cargo bench --bench console` seeds a site, signs in, and opens every page of the table of routes.
//!
//! Nothing fails for being slow; `tests/pages.rs` holds the weights.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::assigning_clones,
    clippy::indexing_slicing,
    reason = "a bench is as free as the tests are"
)]
#![expect(clippy::disallowed_methods, reason = "the time that passes is what is measured")]

#[path = "../tests/support/mod.rs"]
mod support;
#[expect(dead_code, reason = "the matrix asks more of its world")]
#[path = "../tests/console/world.rs"]
mod world;

use std::time::{Duration, Instant};

use countersign::console::routes::{self, Verb};
use countersign::directory::words;
use reqwest::Method;
use support::Database;
use support::browser::Browser;
use world::{PEOPLE, Somebody, World, may};

/// Acme's people: one in ten has no address, one in a hundred is disabled, one in fifty invited.
const PEOPLE_OF_ACME: &str = "
    INSERT INTO users (id, login, login_key, name, email, status, group_id, role_id, password_hash, created_at, updated_at, addressless)
    WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
    SELECT 'grown-user-with-a-long-id-' || CAST((n * 2654435761) % 4294967296 AS TEXT), 'person' || CAST(n AS TEXT),
           'person' || CAST(n AS TEXT), 'Person of the Number ' || CAST(n AS TEXT),
           CASE WHEN n % 10 = 0 THEN NULL ELSE 'person' || CAST(n AS TEXT) || '@example.org' END,
           CASE WHEN n % 100 = 1 THEN 'disabled' WHEN n % 50 = 2 THEN 'invited' ELSE 'active' END,
           ned.group_id, ned.role_id, ned.password_hash, ned.created_at, ned.updated_at, n % 10 = 0
    FROM numbers CROSS JOIN users ned WHERE ned.login_key = 'ned'";

/// Every third has had a code by mail; one in a hundred of those was refused. One in two hundred has used up their codes.
const TROUBLE_OF_ACME: &str = "
    INSERT INTO messages (id, purpose, user_id, address, state, attempts, answer, created_at_ms, next_at, expires_at, done_at, top_id)
    SELECT 'message-' || u.id, 'sign_in_code', u.id, u.email,
           CASE WHEN u.login_key LIKE '%97' THEN 'refused' ELSE 'accepted' END, 1, '550 5.1.1 no such mailbox',
           u.created_at * 1000, u.created_at, u.created_at + 600, u.created_at, u.group_id
    FROM users u WHERE u.email IS NOT NULL AND (u.login_key LIKE '%1' OR u.login_key LIKE '%4' OR u.login_key LIKE '%97');
    INSERT INTO code_budgets (user_id, tried_at, stopped_at)
    SELECT u.id, u.created_at, u.created_at FROM users u WHERE u.login_key LIKE 'person%03' OR u.login_key LIKE 'person%553';
    INSERT INTO audit_events (id, at_ms, event, actor, user_id, group_id, network, details, actor_login, user_login, top_id)
    SELECT 'event-' || u.id, u.created_at * 1000 - 864000000, 'signin.completed', u.id, u.id, u.group_id, '192.0.2.1', '{\"amr\":\"pwd otp mfa\"}',
           u.login, u.login, u.group_id
    FROM users u WHERE u.login_key LIKE 'person%' AND u.login_key NOT LIKE '%7';
    INSERT INTO signin_days (day, group_id, outcome, n)
    SELECT (u.created_at - 864000) / 86400, u.group_id, 'code', 90000 FROM users u WHERE u.login_key = 'ned';
    UPDATE signin_tally SET at_ms = (SELECT created_at * 1000 - 864000000 FROM users WHERE login_key = 'ned'), event_id = 'zzz'";

/// What else is asked of lists: something rare, something that nobody has, kinds of people, a page far behind.
const ASKED: [&str; 17] = [
    "/console/users?q=person99999",
    "/console/users?q=nobody-has-this",
    "/console/users?q=person9",
    "/console/users?q=person",
    "/console/users?q=number+77&filter=disabled",
    "/console/users?sort=name",
    "/console/users?sort=-name&after=person5%09person+of+the+number+5",
    "/console/users?filter=cannot-sign-in",
    "/console/users?filter=no-email",
    "/console/users?filter=never-signed-in",
    "/console/users?filter=stopped",
    "/console/users?filter=disabled",
    "/console/users?filter=invited",
    "/console/users?after=person5",
    "/console/repair?filter=invited",
    "/console/audit?kind=user",
    "/console/mail?filter=failed",
];

/// How often each page is opened.
const TIMES: usize = 9;

/// The goal, in milliseconds.
const GOAL: f64 = 20.0;

#[tokio::main(worker_threads = 2)]
async fn main() {
    stand("SQLite", Database::sqlite().await).await;
    if std::env::var_os("COUNTERSIGN_TEST_POSTGRES").is_some() {
        stand("PostgreSQL", Database::postgres().await).await;
    }
}

async fn stand(name: &str, database: Database) {
    let mut world = World::on(database).await;
    let began = Instant::now();
    world.site.run(PEOPLE_OF_ACME).await;
    world.site.run(TROUBLE_OF_ACME).await;
    // As the program does behind the pages.
    while words::catch_up(&world.site.admin.db).await.unwrap() > 0 {}
    if name != "SQLite" {
        // As its own housekeeping does by and by.
        world.site.run("ANALYZE").await;
    }
    println!("{name}: 100 000 people of one tree, seeded in {:.1} s\n", began.elapsed().as_secs_f64());
    println!("{:<58} {:>7} {:>7} {:>7} {:>8} {:>8}", "", "least", "median", "most", "page", "visit");
    for somebody in PEOPLE.into_iter().filter(|one| matches!(one.login, Some("ada" | "root"))) {
        println!("{}", somebody.what);
        let browser = world.browser(somebody).await;
        for path in pages(&world, somebody).await {
            row(&world, &browser, &path).await;
        }
    }
    println!();
}

/// The address of every page that somebody may see, and what else is asked.
async fn pages(world: &World, somebody: Somebody) -> Vec<String> {
    let mut pages = Vec::new();
    for route in routes::all().filter(|route| route.verb == Verb::Get && !route.path.contains("{signin}")) {
        if may(somebody.role.unwrap(), route.needs) {
            pages.push(world.address(route).await);
        }
    }
    pages.extend(ASKED.map(str::to_owned));
    pages
}

async fn row(world: &World, browser: &Browser, path: &str) {
    let url = world.site.url.join(path).unwrap();
    let mut took = Vec::new();
    let mut answer = None;
    for _ in 0..TIMES {
        let began = Instant::now();
        answer = Some(browser.fetch(&Method::GET, &url, &[], true).await);
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let page = answer.unwrap();
    if !page.status.is_success() {
        println!("  {path:<56} {}", page.status);
        return;
    }
    let [least, median, most] = [0, TIMES / 2, TIMES - 1].map(|at| milliseconds(took[at]));
    let visit = page.body.len() + linked(browser, &page.body, world).await;
    let shown: String = path.chars().take(56).collect();
    let verdict = if median > GOAL { "  SLOW" } else { "" };
    println!(
        "  {shown:<56} {least:>7.1} {median:>7.1} {most:>7.1} {:>8} {visit:>8}{verdict}",
        page.body.len()
    );
}

/// The bytes of what a page links to, as a browser that was never here loads it.
async fn linked(browser: &Browser, html: &str, world: &World) -> usize {
    let (mut bytes, html) = (0, html.replace("&#x2f;", "/"));
    for piece in html.split(['"', '\'', '=', '>', ' ']).filter(|piece| piece.starts_with("/assets/")) {
        let url = world.site.url.join(piece).unwrap();
        bytes += browser.fetch(&Method::GET, &url, &[], true).await.body.len();
    }
    bytes
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
