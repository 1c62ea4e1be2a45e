//! What does a script add to the console, and does the keyboard lead all the way through a change?

use countersign::directory::users::Changes;

use crate::give_password;
use crate::support::Database;
use crate::support::admin::PASSWORD;
use crate::support::site::Site;
use crate::support::webdriver::{Chromium, Look};

/// The words of a table, outside of what links, that stand on two lines.
const BROKEN: &str = r"
    const broken = [], walker = document.createTreeWalker(document.querySelector('table'), NodeFilter.SHOW_TEXT);
    for (let node; node = walker.nextNode();) {
        if (!node.parentElement.closest('td') || node.parentElement.closest('a, time')) continue;
        for (const word of node.data.matchAll(/[a-z]{2,13}/gi)) {
            // An address is one word, and may be longer than its column is wide.
            const [before, after] = [node.data.slice(0, word.index), node.data.slice(word.index)];
            if ((/\S*$/.exec(before)[0] + /^\S*/.exec(after)[0]).includes('@')) continue;
            const range = document.createRange();
            range.setStart(node, word.index);
            range.setEnd(node, word.index + word[0].length);
            if (range.getClientRects().length > 1 && !node.data.includes('WWW')) broken.push(word[0]);
        }
    }
    return broken.join(' ');";

/// The list follows what is typed; the keyboard stays where it is, and the address says what is shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_goes_on_while_one_types() {
    let (site, chromium) = at_the_console("ada", true).await;
    for n in 0..30 {
        site.admin.add_user(&site.acme, &format!("person{n:02}"), "User", Some("p@example.org")).await;
    }
    chromium.open(site.url.join("/console/users").unwrap().as_str()).await;
    assert!(!chromium.text_of("#results").await.contains("person29"), "on the second page");
    chromium.tick("#q").await;
    chromium.press_keys("person2").await;
    chromium.until("#results", "person29").await;
    assert!(!chromium.text_of("#results").await.contains("person19"));
    assert_eq!(chromium.focused().await, "q");
    assert!(chromium.url().await.ends_with("/console/users?q=person2"), "{}", chromium.url().await);
    hears(&chromium, "10 lines").await;
    chromium.press_keys("7").await;
    hears(&chromium, "One line").await;
    chromium.press_keys("x").await;
    chromium.until("#results", "begins with “person27x”").await;
}

/// Waits until whoever cannot see the list has heard this of it.
async fn hears(chromium: &Chromium, expected: &str) {
    for _ in 0..500 {
        if chromium.run("return document.getElementById('told').textContent").await == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{expected} was not said:\n{}", chromium.text().await);
}

/// Tab and Enter: proving who one is, typing, saving, and reading that it is saved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_leads_all_the_way_through_a_change() {
    for javascript in [false, true] {
        let (site, chromium) = at_the_console("ada", javascript).await;
        let nia = site.admin.user("nia").await.id;
        let page = site.url.join(&format!("/console/users/{nia}")).unwrap();
        site.advance(700);
        chromium.open(page.as_str()).await;
        assert!(!chromium.has("input[name=email]").await, "it can only be read before the proof");
        tab_to(&chromium, "unlock").await;
        chromium.press_keys("\n").await;
        if chromium.focused().await == "login" {
            chromium.press_keys("ada\t").await;
        }
        assert_eq!(chromium.focused().await, "password");
        chromium.press_keys(&format!("{PASSWORD}\n")).await;
        assert_eq!(chromium.url().await, page.as_str());
        tab_to(&chromium, "email").await;
        chromium.press_keys("nia@example.org\n").await;
        assert!(
            chromium.text_of("#saved").await.contains("The changes to nia are saved."),
            "{}",
            chromium.text().await
        );
        assert_eq!(site.admin.user("nia").await.email.as_deref(), Some("nia@example.org"));
    }
}

/// A second click while the first is under way sends nothing; what is typed differently, or comes back, can be sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_button_that_is_pressed_twice_sends_its_form_once() {
    let (site, chromium) = at_the_console("ada", true).await;
    let nia = site.admin.user("nia").await.id;
    chromium.open(site.url.join(&format!("/console/users/{nia}")).unwrap().as_str()).await;
    let pressed = chromium
        .run(
            r"
            const ignored = [], name = document.querySelector('[name=name]');
            addEventListener('submit', event => { ignored.push(event.defaultPrevented); event.preventDefault(); });
            const press = id => document.getElementById(id).click();
            press('submit'); press('submit');
            name.dispatchEvent(new Event('input', { bubbles: true })); press('submit'); press('submit');
            dispatchEvent(new Event('pageshow')); press('submit');
            press('do-delete'); press('do-delete');
            return ignored.join(' ');",
        )
        .await;
    assert_eq!(pressed, "false true false true false false true");
}

/// Between a telephone and a desk six columns have little room: no word is broken that a column has room for, and whoever has a name without
/// end makes no page wider than its window.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_word_of_a_table_is_broken_for_want_of_room() {
    let (site, chromium) = at_the_console("ada", true).await;
    for (login, role, name) in
        [("dora", "Co-manager", "Bartholomew Featherstone"), ("endless", "User", &"W".repeat(80))]
    {
        site.admin.add_user(&site.acme, login, role, None).await;
        let named = Changes { name: Some(name.to_owned()), ..Changes::default() };
        site.admin.change(login, named).await;
    }
    site.admin.add_role(&site.acme, "Team administrator", 5, "track_time").await;
    site.admin.change_role("nia", "Team administrator").await;
    for page in ["/console/users", "/console/roles", "/console/sign-ins", "/console/audit"] {
        chromium.open(site.url.join(page).unwrap().as_str()).await;
        for across in [320, 390, 769, 780, 980, 1089, 1280] {
            chromium.look(Look { name: "", size: (across, 900), dark: false }).await;
            assert_eq!(chromium.run(BROKEN).await, "", "{page} at {across}");
            let needed = chromium.run("return document.documentElement.scrollWidth").await.as_u64().unwrap();
            assert!(needed <= u64::from(across), "{page} at {across} needs {needed}");
        }
    }
}

async fn tab_to(chromium: &Chromium, id: &str) {
    for _ in 0..60 {
        if chromium.focused().await == id {
            return;
        }
        chromium.press_keys("\t").await;
    }
    panic!("sixty tabs do not lead to {id}:\n{}", chromium.text().await);
}

async fn at_the_console(login: &str, javascript: bool) -> (Site, Chromium) {
    let (site, chromium) = (Site::on(Database::sqlite().await).await, Chromium::start(javascript).await);
    chromium.open(site.url.join("/console").unwrap().as_str()).await;
    give_password(&chromium, login, PASSWORD).await;
    (site, chromium)
}
