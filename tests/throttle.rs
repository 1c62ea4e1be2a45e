//! Is guessing hopeless, and whoever has the right password heard, whatever strangers do?
#![cfg(test)]

mod support;

use std::time::Duration;

use countersign::directory::Status;
use countersign::directory::login::hashed;
use countersign::directory::users::Changes;
use countersign::keys::secret::entropy;
use countersign::signin::throttle::rule::{Count, Kind};
use countersign::store::failures::{self, Failure, Lines, Place};
use rand::RngExt as _;
use reqwest::header::{HeaderMap, HeaderValue};
use support::Database;
use support::admin::PASSWORD;
use support::browser::{Browser, client, http};
use support::relying_app::RelyingApp;
use support::site::Site;
use tokio::task::JoinSet;

const LONGEST_WAIT: i64 = 300;

/// A site behind a proxy that says where people come from, where passwords alone let them in.
async fn open_site(database: Database) -> (Site, RelyingApp) {
    let site = Site::with(database, |config| {
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    site.admin.set_two_factor(&site.acme, false).await;
    let app = site.admin.add_app().await;
    (site, app)
}

/// A new browser at this address, at the password page.
async fn at(site: &Site, app: &RelyingApp, address: &str) -> Browser {
    let from =
        HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), HeaderValue::from_str(address).unwrap())]);
    let http = client().default_headers(from).build().unwrap();
    let mut browser = Browser::with_client(http, &site.url);
    browser.open(&app.visit().url()).await;
    browser
}

async fn give(browser: &mut Browser, login: &str, password: &str) {
    browser.fill("login", login).fill("password", password).submit().await;
}

/// Wrong passwords until one is not heard any more.
async fn fail(browser: &mut Browser, login: &str) {
    for _ in 0..50 {
        give(browser, login, "wrong").await;
        if browser.status() == 429 {
            return;
        }
    }
    panic!("fifty wrong passwords were heard: {}", browser.text());
}

/// How long the page says to wait, in seconds.
fn told(browser: &Browser) -> i64 {
    assert_eq!(browser.status(), 429, "{}", browser.text());
    browser.header("retry-after").expect("a time to wait").parse().expect("seconds")
}

/// The right password, again whenever the page says so; the answer is how long that took.
async fn signs_in(site: &Site, browser: &mut Browser, login: &str) -> i64 {
    let begun = site.now();
    give(browser, login, PASSWORD).await;
    if !browser.has_left() {
        assert_eq!(browser.field("login").as_deref(), Some(login), "what was typed is kept");
        site.advance(told(browser));
        give(browser, login, PASSWORD).await;
    }
    assert!(browser.has_left(), "{login} after {} s: {}", site.now() - begun, browser.text());
    site.now() - begun
}

/// Everybody submits at the same time; the answers are what they got.
async fn at_once(browsers: Vec<(Browser, String)>, password: &'static str) -> Vec<Browser> {
    let mut submitted = JoinSet::new();
    for (mut browser, login) in browsers {
        submitted.spawn(async move {
            give(&mut browser, &login, password).await;
            browser
        });
    }
    submitted.join_all().await
}

crate::on_both_databases! {
    /// A stranger on the person's own network guesses at the end of each wait; each time, a new browser of theirs gets in.
    async fn whoever_guesses_at_the_end_of_each_wait_keeps_no_new_browser_out(database) {
        let (site, app) = open_site(database).await;
        let mut stranger = at(&site, &app, "192.0.2.1").await;
        for round in 0..4 {
            let mut wait = 0;
            while wait < LONGEST_WAIT {
                site.advance(wait);
                // A sign-in of its own each time: this goes on for longer than one lives.
                stranger.open(&app.visit().url()).await;
                fail(&mut stranger, "ned").await;
                wait = told(&stranger);
            }
            let mut ned = at(&site, &app, "192.0.2.1").await;
            give(&mut ned, "ned", PASSWORD).await;
            let wait = told(&ned);
            assert!(wait <= LONGEST_WAIT, "round {round}: {wait}");
            site.advance(wait);
            // The stranger is there first, to the second.
            give(&mut stranger, "ned", "wrong").await;
            give(&mut ned, "ned", PASSWORD).await;
            assert!(ned.has_left(), "round {round}: {}", ned.text());
            // From another network they had not even waited.
            let mut elsewhere = at(&site, &app, "198.51.100.7").await;
            let waited = signs_in(&site, &mut elsewhere, "ned").await;
            // Each success forgives, so that the stranger gets more guesses: the wide count of the account sees them.
            assert!(waited <= if round < 2 { 0 } else { LONGEST_WAIT }, "round {round}: {waited}");
        }
    }

    async fn whoever_fails_each_thirty_seconds_closes_no_office(database) {
        let (site, app) = open_site(database).await;
        for n in 0..120 {
            let mut stranger = at(&site, &app, "192.0.2.1").await;
            give(&mut stranger, &format!("nobody{n}"), "wrong").await;
            assert_eq!(stranger.status(), 200, "{n}: {}", stranger.text());
            if n % 20 == 0 {
                let mut colleague = at(&site, &app, "192.0.2.1").await;
                assert_eq!(signs_in(&site, &mut colleague, "max").await, 0);
            }
            site.advance(30);
        }
    }

    /// Passwords are sprayed from an office's address; its people are slowed down, and heard.
    async fn an_office_that_shares_its_address_with_a_guesser_is_heard(database) {
        let (site, app) = open_site(database).await;
        let mut stranger = at(&site, &app, "192.0.2.1").await;
        let mut heard = 0;
        for n in 0..140 {
            give(&mut stranger, &format!("nobody{n}"), "wrong").await;
            heard += i64::from(stranger.status() == 200);
        }
        assert!((100..=105).contains(&heard), "{heard} guesses were heard");
        for login in ["ned", "max", "nia"] {
            let mut colleague = at(&site, &app, "192.0.2.1").await;
            assert!(signs_in(&site, &mut colleague, login).await <= LONGEST_WAIT);
            give(&mut stranger, &format!("nobody{}", site.now()), "wrong").await;
        }
    }

    async fn forty_right_passwords_at_once_from_one_address_all_get_in(database) {
        let (site, app) = open_site(database).await;
        let mut people = Vec::new();
        for n in 0..40 {
            let login = format!("colleague{n}");
            site.admin.add_user(&site.acme, &login, "User", None).await;
            people.push((at(&site, &app, "192.0.2.1").await, login));
        }
        for browser in at_once(people, PASSWORD).await {
            assert!(browser.has_left(), "{}", browser.text());
        }
        // Nobody has failed, so nobody is counted.
        let mut stranger = at(&site, &app, "192.0.2.1").await;
        give(&mut stranger, "colleague0", "wrong").await;
        assert_eq!(stranger.status(), 200);
    }

    async fn ten_right_passwords_at_once_for_one_person_all_get_in(database) {
        let (site, app) = open_site(database).await;
        let mut browsers = Vec::new();
        for _ in 0..10 {
            browsers.push((at(&site, &app, "192.0.2.1").await, "ned".to_owned()));
        }
        for browser in at_once(browsers, PASSWORD).await {
            assert!(browser.has_left(), "{}", browser.text());
        }
    }

    async fn guesses_at_once_gain_nothing(database) {
        let (site, app) = open_site(database).await;
        let mut browsers = Vec::new();
        for _ in 0..30 {
            browsers.push((at(&site, &app, "192.0.2.1").await, "ned".to_owned()));
        }
        let heard = at_once(browsers, "wrong").await.iter().filter(|browser| browser.status() == 200).count();
        assert!((5..=6).contains(&heard), "{heard} of thirty guesses were heard at once");
    }

    /// The line is finite: each place in it is a guess.
    async fn not_more_than_a_dozen_wait_in_line_from_one_network(database) {
        let (site, app) = open_site(database).await;
        fail(&mut at(&site, &app, "192.0.2.1").await, "ned").await;
        let mut browsers = Vec::new();
        for _ in 0..20 {
            let mut browser = at(&site, &app, "192.0.2.1").await;
            give(&mut browser, "ned", "wrong").await;
            told(&browser);
            browsers.push(browser);
        }
        site.advance(2);
        let mut heard = 0;
        for browser in &mut browsers {
            give(browser, "ned", "wrong").await;
            heard += i64::from(browser.status() == 200);
        }
        assert!((11..=13).contains(&heard), "{heard} of twenty were heard");
    }

    /// Neither the wrong ones nor the right ones count before they are found so.
    async fn whoever_hangs_up_while_their_password_is_checked_leaves_nothing_behind(database) {
        let (site, app) = open_site(database).await;
        let account = hashed("ned");
        let mut browsers = Vec::new();
        for _ in 0..3 {
            browsers.push(at(&site, &app, "192.0.2.1").await);
        }
        // What is found cannot be written down while somebody else writes there.
        let mut busy = site.admin.db.write().await.unwrap();
        let other = Failure { subject: &account, account: None, weight: 1, most: 1 };
        failures::add(&mut busy, other, site.now()).await.unwrap();
        let mut hung_up = JoinSet::new();
        for mut browser in browsers {
            browser.fill("login", "ned").fill("password", "wrong");
            let (url, _, fields) = browser.submission("submit");
            let cookies: Vec<String> =
                browser.cookies().iter().map(|c| format!("{}={}", c.name(), c.value())).collect();
            hung_up.spawn(async move {
                let request = http().post(url.clone()).form(&fields).header("cookie", cookies.join("; "));
                let request = request.header("origin", url.origin().ascii_serialization());
                request.timeout(Duration::from_millis(900)).send().await.is_err()
            });
        }
        assert_eq!(hung_up.join_all().await, [true; 3], "somebody had an answer");
        // Time enough for the site to see that they have gone.
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(busy);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut conn = site.admin.db.read().await.unwrap();
        let asked = failures::find(&mut conn, [&account, "", ""]).unwrap();
        conn.answers().await.unwrap();
        let left = asked.answer().unwrap();
        assert_eq!(left, [], "a failure that nobody was told of");
        drop(conn);
        let mut ned = at(&site, &app, "192.0.2.1").await;
        assert_eq!(signs_in(&site, &mut ned, "ned").await, 0);
    }

    /// Two nodes whose clocks differ by a second, and one whose clock jumps.
    async fn clocks_that_differ_or_jump_make_no_wait(database) {
        let (site, app) = open_site(database).await;
        for jump in [-1, 2, -3600, 3600, -86_400] {
            let mut ned = at(&site, &app, "192.0.2.1").await;
            assert_eq!(signs_in(&site, &mut ned, "ned").await, 0, "before {jump}");
            let mut ned = at(&site, &app, "192.0.2.1").await;
            for _ in 0..4 {
                give(&mut ned, "ned", "wrong").await;
            }
            assert_eq!(signs_in(&site, &mut ned, "ned").await, 0, "four failures before {jump}");
            // Somebody else has made their network wait, in vain: the clock jumps.
            fail(&mut at(&site, &app, "192.0.2.1").await, "max").await;
            site.advance(2);
            fail(&mut at(&site, &app, "192.0.2.1").await, "max").await;
            site.advance(jump);
            let mut max = at(&site, &app, "192.0.2.1").await;
            let waited = signs_in(&site, &mut max, "max").await;
            assert!(waited <= if jump.abs() > 60 { 0 } else { 8 }, "{waited} s after {jump}");
        }
    }

    /// What an operator or a new password forgives, it forgives everywhere.
    async fn unlocking_and_a_new_password_help_in_a_known_browser_too(database) {
        let (site, app) = open_site(database).await;
        for (what, password) in [("unlock", PASSWORD), ("password", "another horse battery")] {
            let mut known = at(&site, &app, "192.0.2.1").await;
            give(&mut known, "ned", PASSWORD).await;
            assert!(known.has_left());
            for browser in [&mut known, &mut at(&site, &app, "192.0.2.1").await] {
                browser.open(&app.visit().with("prompt", "login").url()).await;
                fail(browser, "ned").await;
            }
            match what {
                "unlock" => site.admin.unlock("ned").await,
                _ => site.admin.change_password("ned", password).await,
            }
            for browser in [&mut known, &mut at(&site, &app, "192.0.2.1").await] {
                browser.open(&app.visit().with("prompt", "login").url()).await;
                give(browser, "ned", password).await;
                assert!(browser.has_left(), "{what}: {}", browser.text());
            }
        }
    }

    /// Whoever was told the old one has signed in with it, perhaps, in a browser of theirs.
    async fn a_new_password_forgets_the_browsers_that_knew_the_old_one(database) {
        let (site, app) = open_site(database).await;
        let mut known = at(&site, &app, "192.0.2.1").await;
        give(&mut known, "ned", PASSWORD).await;
        assert!(known.has_left());
        let mut stranger = at(&site, &app, "192.0.2.1").await;
        fail(&mut stranger, "ned").await;
        known.open(&app.visit().with("prompt", "login").url()).await;
        give(&mut known, "ned", "wrong").await;
        assert_eq!(known.status(), 200, "strangers do not make it wait");
        site.admin.change_password("ned", "another horse battery").await;
        fail(&mut stranger, "ned").await;
        known.open(&app.visit().with("prompt", "login").url()).await;
        give(&mut known, "ned", "wrong").await;
        assert_eq!(known.status(), 429, "it counts as a stranger's: {}", known.text());
    }

    /// Whoever is let in again after that begins as a stranger in every browser.
    async fn disabling_somebody_forgets_their_browsers(database) {
        let (site, app) = open_site(database).await;
        let set = async |status| {
            site.admin.change("ned", Changes { status: Some(status), ..Changes::default() }).await;
        };
        let mut known = at(&site, &app, "192.0.2.1").await;
        give(&mut known, "ned", PASSWORD).await;
        assert!(known.has_left());
        let mut stranger = at(&site, &app, "192.0.2.1").await;
        fail(&mut stranger, "ned").await;
        set(Status::Disabled).await;
        set(Status::Active).await;
        known.open(&app.visit().with("prompt", "login").url()).await;
        give(&mut known, "ned", "wrong").await;
        assert_eq!(known.status(), 429, "it counts as a stranger's: {}", known.text());
    }

    /// A neighbour on the parent domain, or whoever was at the browser before, may plant a cookie.
    async fn a_cookie_that_was_there_before_the_sign_in_is_not_known_after_it(database) {
        let (site, app) = open_site(database).await;
        let mut thief = at(&site, &app, "192.0.2.1").await;
        give(&mut thief, "max", PASSWORD).await;
        let mut victim = at(&site, &app, "192.0.2.1").await;
        for cookie in thief.cookies() {
            if cookie.name() != "countersign_session" {
                victim.plant_cookie(cookie.name(), cookie.value());
            }
        }
        victim.open(&app.visit().url()).await;
        give(&mut victim, "ned", PASSWORD).await;
        assert!(victim.has_left());
        for who in ["ned", "max"] {
            fail(&mut at(&site, &app, "192.0.2.1").await, who).await;
        }
        thief.open(&app.visit().with("prompt", "login").url()).await;
        give(&mut thief, "ned", "wrong").await;
        assert_eq!(thief.status(), 429, "the planted cookie is known: {}", thief.text());
        for who in ["ned", "max"] {
            victim.open(&app.visit().with("prompt", "login").url()).await;
            give(&mut victim, who, PASSWORD).await;
            assert!(victim.has_left(), "{who}: the victim's browser is known to both: {}", victim.text());
        }
    }

    /// What the database counts in one statement is what the rule says.
    async fn failures_are_counted_as_the_rule_says(database) {
        let mut rng = entropy();
        for kind in [Kind::Pair, Kind::Account, Kind::Network, Kind::KnownBrowser, Kind::DeviceEntry] {
            let subject = format!("{kind:?}");
            let (weight, most) = (kind.weight(), kind.most() * kind.weight());
            let (mut expected, mut now) = (Count::default(), 1_800_000_000);
            for round in 0..60 {
                now += rng.random_range(-weight..weight);
                let mut tx = database.db.write().await.unwrap();
                failures::add(&mut tx, Failure { subject: &subject, account: None, weight, most }, now).await.unwrap();
                tx.commit().await.unwrap();
                expected = expected.and_one(kind, now);
                let mut conn = database.db.read().await.unwrap();
                let asked = failures::find(&mut conn, [&subject, "", ""]).unwrap();
                conn.answers().await.unwrap();
                let rows = asked.answer().unwrap();
                let found = Count { debt: rows[0].debt, failed_at: rows[0].failed_at };
                assert_eq!(found, expected, "{kind:?}, round {round}");
            }
        }
    }

    async fn a_line_has_an_end_for_each_of_its_three(database) {
        let now = 1_800_000_000;
        let lines = Lines { pair: 2, account: 3, network: 4 };
        let mut kept = Vec::new();
        for (holder, account, network, heard_at) in [
            ("1", "ned", "home", now),
            ("2", "ned", "home", now + 300),
            ("3", "ned", "home", now + 300),
            ("4", "ned", "cafe", now + 300),
            ("5", "ned", "train", now + 300),
            ("6", "max", "home", now + 300),
            ("7", "max", "home", now + 300),
            ("8", "nia", "home", now + 300),
            // A clock that was an hour ahead has left these.
            ("9", "ida", "home", now + 3600),
        ] {
            let mut tx = database.db.write().await.unwrap();
            let place = Place { holder, account, network, heard_at };
            if failures::keep_place(&mut tx, place, lines, now - 30, now + 300).await.unwrap() {
                kept.push(holder);
            }
            tx.commit().await.unwrap();
        }
        assert_eq!(kept, ["1", "2", "4", "6", "7"]);
        let mut tx = database.db.write().await.unwrap();
        failures::clear_account(&mut tx, "max").await.unwrap();
        let place = Place { holder: "8", account: "nia", network: "home", heard_at: now + 300 };
        assert!(failures::keep_place(&mut tx, place, lines, now - 30, now + 300).await.unwrap());
        assert_eq!(failures::find_place(&mut tx, "6", 0).await.unwrap(), None);
        assert_eq!(failures::find_place(&mut tx, "8", now).await.unwrap(), Some(now + 300));
        assert_eq!(failures::purge_places(&mut tx, now, 10).await.unwrap(), 1);
    }
}

/// Letters of one's own are no cookie of ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_cookie_that_we_did_not_make_is_nobodys() {
    let (site, app) = open_site(Database::sqlite().await).await;
    let mut browser = at(&site, &app, "192.0.2.1").await;
    let cookie = |browser: &Browser| {
        browser
            .cookies()
            .into_iter()
            .find(|c| c.name() == "countersign_browser")
            .expect("a cookie")
            .value()
            .to_owned()
    };
    let ours = cookie(&browser);
    let (token, seal) = ours.split_once('.').expect("a token and its seal");
    for planted in
        ["a".repeat(43), token.to_owned(), format!("{}.{seal}", "a".repeat(43)), format!("{token}.")]
    {
        browser.plant_cookie("countersign_browser", &planted);
        browser.open(&app.visit().url()).await;
        assert!(browser.has_field("login"), "{}", browser.text());
        assert_ne!(cookie(&browser), planted, "it was taken for ours");
    }
}

/// A known browser asks ninety times at once; somebody else is heard all the same.
#[tokio::test(flavor = "multi_thread")]
async fn one_account_cannot_fill_the_queue_for_all() {
    let site = Site::with(Database::sqlite().await, |config| config.signin.password_queue = 8).await;
    site.admin.set_two_factor(&site.acme, false).await;
    let app = site.admin.add_app().await;
    let mut known = site.after_password(&app.visit(), "ned").await;
    known.open(&app.visit().with("prompt", "login").url()).await;
    let mut flood = JoinSet::new();
    let (url, method, _) = known.submission("submit");
    for _ in 0..90 {
        let (tab, url, method) = (known.new_tab(), url.clone(), method.clone());
        let fields = [("login", "ned"), ("password", PASSWORD)].map(|(n, v)| (n.to_owned(), v.to_owned()));
        flood.spawn(async move { tab.fetch(&method, &url, &fields, true).await.status });
    }
    let mut others = Vec::new();
    for login in ["max", "nia"] {
        let mut other = site.browser();
        other.open(&app.visit().url()).await;
        others.push((other, login.to_owned()));
    }
    for other in at_once(others, PASSWORD).await {
        assert!(other.has_left(), "{}", other.text());
    }
    flood.join_all().await;
}
