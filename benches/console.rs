//! How quick is the console where a hundred thousand people are in one tree, and what does a first visit of each page weigh?
//! `cargo bench --bench console` seeds a site, signs in, opens every page of the table of routes, and looks at the previews of changes.
//! `-- --on sqlite` (or `postgres`) measures on one database alone, `--only PART` the addresses with that part, and `--queries` tells beside each
//! page which queries took how long. The times are those to the first byte of the page, and `whole` is when it was there to its end.
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

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::audit::chain;
use countersign::console::routes::{self, Verb};
use countersign::directory::words;
use reqwest::{Method, StatusCode};
use support::Database;
use support::browser::Browser;
use world::{PEOPLE, Somebody, World, may};

/// Acme's people, with ids that are as long, and as different from one another, as the program's: one in ten has no address, one in a hundred is disabled, one in fifty invited.
const PEOPLE_OF_ACME: &str = "
    INSERT INTO users (id, login, login_key, name, email, status, group_id, role_id, password_hash, created_at, updated_at, addressless)
    WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
    SELECT substr(CAST((n * 2654435761) % 4294967296 AS TEXT) || '-grown-user-with-a-long-id', 1, 26), 'person' || CAST(n AS TEXT),
           'person' || CAST(n AS TEXT), 'Person of the Number ' || CAST(n AS TEXT),
           CASE WHEN n % 10 = 0 THEN NULL ELSE 'person' || CAST(n AS TEXT) || '@example.org' END,
           CASE WHEN n % 100 = 1 THEN 'disabled' WHEN n % 50 = 2 THEN 'invited' ELSE 'active' END,
           ned.group_id, ned.role_id, ned.password_hash, ned.created_at, ned.updated_at, n % 10 = 0
    FROM numbers CROSS JOIN users ned WHERE ned.login_key = 'ned'";

/// Every third has had a code by mail; one in a hundred of those was refused. One in two hundred has used up their codes. They came one after the
/// other, over seventeen hours.
const TROUBLE_OF_ACME: &str = "
    INSERT INTO messages (id, purpose, user_id, address, state, attempts, answer, created_at_ms, next_at, expires_at, done_at, top_id)
    SELECT 'message-' || u.id, 'sign_in_code', u.id, u.email,
           CASE WHEN u.login_key LIKE '%97' THEN 'refused' ELSE 'accepted' END, 1, '550 5.1.1 no such mailbox',
           u.created_at * 1000 - CAST(substr(u.login_key, 7) AS BIGINT) * 600, u.created_at, u.created_at + 600, u.created_at, u.group_id
    FROM users u WHERE u.email IS NOT NULL AND (u.login_key LIKE '%1' OR u.login_key LIKE '%4' OR u.login_key LIKE '%97');
    INSERT INTO code_budgets (user_id, tried_at, stopped_at)
    SELECT u.id, u.created_at, u.created_at FROM users u WHERE u.login_key LIKE 'person%03' OR u.login_key LIKE 'person%553';
    INSERT INTO audit_events (id, at_ms, event, actor, user_id, group_id, network, details, actor_login, user_login, top_id)
    SELECT 'event-' || u.id, u.created_at * 1000 - 864000000 - CAST(substr(u.login_key, 7) AS BIGINT) * 600, 'signin.completed', u.id, u.id, u.group_id, '192.0.2.1', '{\"amr\":\"pwd otp mfa\"}',
           u.login, u.login, u.group_id
    FROM users u WHERE u.login_key LIKE 'person%' AND u.login_key NOT LIKE '%7';
    UPDATE users SET signed_in_at = created_at - 864000 - CAST(substr(login_key, 7) AS BIGINT) % 7919 * 60
    WHERE login_key LIKE 'person%' AND login_key NOT LIKE '%7' AND status = 'active' AND NOT addressless;
    INSERT INTO signin_days (day, group_id, outcome, n)
    SELECT (u.created_at - 864000) / 86400, u.group_id, 'code', 90000 FROM users u WHERE u.login_key = 'ned';
    UPDATE signin_tally SET at_ms = (SELECT created_at * 1000 - 864000000 FROM users WHERE login_key = 'ned'), event_id = 'zzz'";

/// What else is asked of lists: something rare, something that nobody has, kinds of people, a page far behind.
const ASKED: [&str; 34] = [
    "/console/users?q=person99999",
    "/console/users?q=nobody-has-this",
    "/console/users?q=person9",
    "/console/users?q=person",
    "/console/users?q=number+77&filter=disabled",
    "/console/users?sort=name",
    "/console/users?sort=-name&after=person5%09person+of+the+number+5",
    "/console/users?sort=name&filter=cannot-sign-in",
    "/console/users?sort=last-sign-in",
    "/console/users?sort=-last-sign-in",
    "/console/users?sort=-last-sign-in&after=person50000%091799136000",
    "/console/users?sort=-last-sign-in&filter=no-email",
    "/console/users?sort=-last-sign-in&filter=invited",
    "/console/users?sort=-last-sign-in&filter=cannot-sign-in",
    "/console/users?sort=-last-sign-in&filter=never-signed-in",
    "/console/users?sort=-last-sign-in&q=person9",
    "/console/users?sort=role",
    "/console/users?sort=-role&filter=disabled",
    "/console/users?sort=role&filter=cannot-sign-in",
    "/console/users?sort=role&filter=never-signed-in",
    "/console/users?sort=-group",
    "/console/users?sort=group&filter=no-email",
    "/console/users?sort=group&q=person9",
    "/console/users?sort=group&filter=stopped",
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

/// What a change would do, asked for and not confirmed: where it is sent, and the fields.
const PREVIEWS: [(&str, &[(&str, &str)]); 4] = [
    ("/console/groups/{group}/advanced", &[("two_factor", "off")]),
    ("/console/groups/{group}/advanced", &[("two_factor", "rehearse")]),
    ("/console/groups/{small}/advanced", &[("two_factor", "rehearse")]),
    ("/console/roles/{role}", &[("rights", "track_time"), ("view_users", "on")]),
];

/// The setting that locks people out is looked at while it is another one.
const OFF: &str = "UPDATE groups SET two_factor = FALSE, two_factor_setting = 'off' WHERE name = 'Acme'";
const ON: &str = "UPDATE groups SET two_factor = TRUE, two_factor_setting = 'on' WHERE name = 'Acme'";

/// How often each page is opened.
const TIMES: usize = 9;

/// The goals: milliseconds, and the bytes of a first visit and of what of it is script.
const GOAL: f64 = 20.0;
const HEAVIEST: usize = 40_000;
const MOST_SCRIPT: usize = 15_000;

/// What was asked for on the command line.
struct Asked {
    on: Option<String>,
    only: String,
    queries: bool,
}

impl Asked {
    fn of_line() -> Self {
        let words: Vec<String> = std::env::args().collect();
        let value = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1));
        Self {
            on: value("--on").cloned(),
            only: value("--only").cloned().unwrap_or_default(),
            queries: words.iter().any(|word| word == "--queries"),
        }
    }

    fn is_on(&self, name: &str) -> bool {
        self.on.as_ref().is_none_or(|on| on.eq_ignore_ascii_case(name))
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let asked = Asked::of_line();
    if asked.is_on("sqlite") {
        stand("SQLite", Database::sqlite().await, &asked).await;
    }
    if std::env::var_os("COUNTERSIGN_TEST_POSTGRES").is_some() && asked.is_on("postgres") {
        stand("PostgreSQL", Database::postgres().await, &asked).await;
    }
}

async fn stand(name: &str, database: Database, asked: &Asked) {
    let mut world = World::on(database).await;
    let began = Instant::now();
    world.site.run(PEOPLE_OF_ACME).await;
    world.site.run(TROUBLE_OF_ACME).await;
    // As the program does behind the pages.
    while words::catch_up(&world.site.admin.db).await.unwrap() > 0 {}
    let vault = world.site.vault();
    while chain::link(&world.site.admin.db, &vault).await.unwrap() {}
    if name != "SQLite" {
        // As its own housekeeping does by and by.
        // One by one: several together are a transaction, in which nothing is vacuumed.
        for statement in [
            "VACUUM ANALYZE users",
            "VACUUM ANALYZE messages",
            "VACUUM ANALYZE user_words",
            "VACUUM ANALYZE code_budgets",
            "VACUUM ANALYZE audit_events",
            "ANALYZE",
        ] {
            world.site.run(statement).await;
        }
    }
    println!("{name}: 100 000 people of one tree, seeded in {:.1} s\n", began.elapsed().as_secs_f64());
    println!(
        "{:<64} {:>7} {:>7} {:>7} {:>7} {:>8} {:>8}",
        "", "least", "median", "most", "whole", "page", "visit"
    );
    let queries = Queries::of(&world, asked.queries);
    for somebody in PEOPLE.into_iter().filter(|one| matches!(one.login, Some("ada" | "root"))) {
        println!("{}", somebody.what);
        let mut bench = Bench { browser: world.browser(somebody).await, world: &world, queries: &queries };
        for path in pages(&world, somebody).await.into_iter().filter(|path| path.contains(&asked.only)) {
            bench.row(&Method::GET, &path, &[]).await;
        }
        for (path, fields) in
            previews(&world).await.into_iter().filter(|(path, _)| path.contains(&asked.only))
        {
            bench.row(&Method::POST, &path, &fields).await;
        }
        let path = format!("/console/groups/{}/advanced", world.site.acme.id);
        if path.contains(&asked.only) {
            world.site.run(OFF).await;
            bench.row(&Method::POST, &path, &[("two_factor".to_owned(), "on".to_owned())]).await;
            world.site.run(ON).await;
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

/// The previews: of the group that everybody is in, of a small one, and of the role that everybody holds.
async fn previews(world: &World) -> Vec<(String, Vec<(String, String)>)> {
    let acme = &world.site.acme;
    let (small, role) = (world.child(acme, "Design").await, world.role(acme, "User").await);
    let owned = |fields: &[(&str, &str)]| {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let filled =
        |path: &str| path.replace("{group}", &acme.id).replace("{small}", &small).replace("{role}", &role);
    PREVIEWS.iter().map(|(path, fields)| (filled(path), owned(fields))).collect()
}

/// Whoever opens the pages of a site.
struct Bench<'w> {
    browser: Browser,
    world: &'w World,
    queries: &'w Queries,
}

impl Bench<'_> {
    /// Opens a page so many times, and says how long its first byte took, and the whole of it, and what it weighs.
    async fn row(&mut self, method: &Method, path: &str, fields: &[(String, String)]) {
        let url = self.world.site.url.join(path).unwrap();
        let (mut took, mut whole) = (Vec::new(), Vec::new());
        let (mut status, mut body) = (StatusCode::OK, Vec::new());
        self.queries.forget();
        for _ in 0..TIMES {
            let began = Instant::now();
            let mut answer = self.browser.send(method, &url, fields, true).await;
            status = answer.status();
            body.clear();
            body.extend(answer.chunk().await.expect("the first byte").unwrap_or_default());
            took.push(began.elapsed());
            while let Some(more) = answer.chunk().await.expect("the whole page") {
                body.extend(more);
            }
            whole.push(began.elapsed());
        }
        took.sort_unstable();
        whole.sort_unstable();
        let mut shown = path.to_owned();
        for (name, value) in fields.iter().take(1) {
            shown = format!("POST {name}={value} {path}");
        }
        let shown: String = shown.chars().take(62).collect();
        if !status.is_success() {
            println!("  {shown:<62} {status}");
            return;
        }
        let [least, median, most] = [0, TIMES / 2, TIMES - 1].map(|at| milliseconds(took[at]));
        let whole = milliseconds(whole[TIMES / 2]);
        let html = String::from_utf8_lossy(&body);
        let is_page = html.starts_with("<!doctype html>");
        let (linked, script) = if is_page { self.linked(&html).await } else { (0, 0) };
        let visit = body.len() + linked;
        let slow = if median > GOAL { "  SLOW: not met" } else { "" };
        let heavy = is_page && (visit > HEAVIEST || script > MOST_SCRIPT);
        let heavy = if heavy { "  HEAVY: not met" } else { "" };
        println!(
            "  {shown:<62} {least:>7.1} {median:>7.1} {most:>7.1} {whole:>7.1} {:>8} {visit:>8}{slow}{heavy}",
            body.len()
        );
        self.queries.tell();
    }

    /// The bytes of what a page links to, as a browser that was never here loads it, and those of its scripts.
    async fn linked(&self, html: &str) -> (usize, usize) {
        let (mut all, mut scripts, html) = (0, 0, html.replace("&#x2f;", "/"));
        for piece in html.split(['"', '\'', '=', '>', ' ']).filter(|piece| piece.starts_with("/assets/")) {
            let url = self.world.site.url.join(piece).unwrap();
            let bytes = self.browser.fetch(&Method::GET, &url, &[], true).await.body.len();
            all += bytes;
            scripts += if url.path().rsplit('.').next() == Some("js") { bytes } else { 0 };
        }
        (all, scripts)
    }
}

/// What the site has asked its database for while a page was opened, by the query's name: how often, and how long that took.
#[derive(Default)]
struct Queries(Arc<Mutex<BTreeMap<&'static str, (u32, Duration)>>>);

impl Queries {
    /// Listens from now on, if that is wanted.
    fn of(world: &World, wanted: bool) -> Self {
        let queries = Self::default();
        if wanted {
            let told = Arc::clone(&queries.0);
            world.site.listen(Box::new(move |name, took, _| {
                let mut told = told.lock().unwrap();
                let one = told.entry(name).or_default();
                *one = (one.0 + 1, one.1 + took);
            }));
        }
        queries
    }

    fn forget(&self) {
        self.0.lock().unwrap().clear();
    }

    /// Those that took longest, of one opening of the page.
    fn tell(&self) {
        let told = self.0.lock().unwrap();
        let mut told: Vec<_> = told.iter().collect();
        told.sort_by_key(|(_, (_, took))| std::cmp::Reverse(*took));
        for (name, (n, took)) in told.into_iter().take(8) {
            let times = f64::from(u32::try_from(TIMES).unwrap());
            println!(
                "      {:>7.2} ms, {:>5.1} times  {name}",
                milliseconds(*took) / times,
                f64::from(*n) / times
            );
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
