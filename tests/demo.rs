//! Does `countersign demo` do what the README says, in a real browser with JavaScript off and on?
#![cfg(test)]

mod support;

use support::demo::Demo;
use support::eyes::examine;
use support::webdriver::Chromium;

const PASSWORD: &str = "correct horse battery";

/// Ned has an address: he gets a code, and is in.
#[tokio::test]
async fn ned_signs_in_with_a_code_from_the_inbox() {
    for javascript in [false, true] {
        let (demo, chromium) = (Demo::start(), Chromium::start(javascript).await);
        start(&demo, &chromium, "ned").await;
        let code_page = chromium.url().await;
        assert!(chromium.text().await.contains("n•••@"), "{}", chromium.text().await);
        let code = code_from_inbox(&demo, &chromium).await;
        chromium.open(&code_page).await;
        chromium.type_into("#code", &code).await;
        chromium.type_into("#password", PASSWORD).await;
        chromium.click("#submit").await;
        is_in(&demo, &chromium, &["ned", "pwd", "otp", "mfa", "Acme"]).await;
    }
}

/// Nia has none: she is told so on the login screen, and is not in.
#[tokio::test]
async fn nia_is_told_that_she_has_no_email() {
    for javascript in [false, true] {
        let (demo, chromium) = (Demo::start(), Chromium::start(javascript).await);
        start(&demo, &chromium, "nia").await;
        let error = chromium.text_of("#error").await;
        assert!(error.starts_with("No email associated with this login."), "{error}");
        assert!(chromium.has("#login").await && chromium.has("#password").await);
        assert!(chromium.url().await.starts_with(&demo.provider()));
    }
}

/// Ada may do without a code; the others hear of it.
#[tokio::test]
async fn ada_gets_in_without_a_code_and_is_announced() {
    for javascript in [false, true] {
        let (demo, chromium) = (Demo::start(), Chromium::start(javascript).await);
        start(&demo, &chromium, "ada").await;
        is_in(&demo, &chromium, &["ada", "pwd"]).await;
        chromium.open(&demo.inbox()).await;
        let inbox = chromium.text().await;
        assert!(inbox.contains("signed in without a code"), "{inbox}");
    }
}

/// Ada, Max and the site administrator find something to repair in the console.
#[tokio::test]
async fn everybody_who_manages_finds_something_to_repair() {
    let (demo, chromium) = (Demo::start(), Chromium::start(true).await);
    for login in ["ada", "max", "root"] {
        chromium.somebody_else().await;
        chromium.open(&demo.time_tracker()).await;
        chromium.click("#console").await;
        fill_password_page(&chromium, login, PASSWORD).await;
        if login == "max" {
            let code_page = chromium.url().await;
            let code = code_from_inbox(&demo, &chromium).await;
            chromium.open(&code_page).await;
            chromium.type_into("#code", &code).await;
            chromium.type_into("#password", PASSWORD).await;
            chromium.click("#submit").await;
        }
        chromium.open(&format!("{}/console/repair", demo.provider())).await;
        let text = chromium.text().await;
        for words in ["One person cannot sign in.", "Nia Nash", "There is no mailbox of this address"] {
            assert!(text.contains(words), "{login}: no {words:?} in\n{text}");
        }
        chromium.open(&format!("{}/console/repair?filter=invited", demo.provider())).await;
        let text = chromium.text().await;
        assert!(text.contains("Ina Iversen") && text.contains("ina@gone.example"), "{login}: {text}");
    }
}

/// Every page on the way, at phone and desktop width, light and dark: axe-core finds nothing, nothing needs scrolling
/// sideways, and the screenshots are kept.
#[tokio::test]
async fn every_page_can_be_used_by_everybody() {
    let (demo, chromium) = (Demo::start(), Chromium::start(true).await);
    chromium.open(&demo.provider()).await;
    examine(&chromium, "front").await;
    chromium.open(&format!("{}/authorize?client_id=nobody", demo.provider())).await;
    examine(&chromium, "protocol-error").await;
    chromium.open(&format!("{}/authorize/abcdefghijklmnopqrstuvwxyz", demo.provider())).await;
    examine(&chromium, "expired").await;
    chromium.open(&format!("{}/nowhere", demo.provider())).await;
    examine(&chromium, "not-found").await;
    chromium.open(&demo.time_tracker()).await;
    examine(&chromium, "app").await;
    chromium.click("#sign-in").await;
    examine(&chromium, "password").await;
    fill_password_page(&chromium, "nia", PASSWORD).await;
    examine(&chromium, "password-no-email").await;
    fill_password_page(&chromium, "ned", PASSWORD).await;
    examine(&chromium, "code").await;
    let code_page = chromium.url().await;
    let code = code_from_inbox(&demo, &chromium).await;
    examine(&chromium, "inbox").await;
    chromium.open(&code_page).await;
    chromium.type_into("#code", "not a code").await;
    chromium.type_into("#password", PASSWORD).await;
    chromium.click("#submit").await;
    examine(&chromium, "code-wrong").await;
    chromium.type_into("#code", &code).await;
    chromium.type_into("#password", PASSWORD).await;
    chromium.click("#submit").await;
    examine(&chromium, "app-signed-in").await;
    chromium.click("#sign-out").await;
    examine(&chromium, "signed-out").await;
}

/// From the app to the page after the password.
async fn start(demo: &Demo, chromium: &Chromium, login: &str) {
    chromium.open(&demo.time_tracker()).await;
    chromium.click("#sign-in").await;
    fill_password_page(chromium, login, PASSWORD).await;
}

async fn fill_password_page(chromium: &Chromium, login: &str, password: &str) {
    chromium.type_into("#login", login).await;
    chromium.type_into("#password", password).await;
    chromium.click("#submit").await;
}

/// The newest code that has arrived: the first run of six digits on the inbox's page.
async fn code_from_inbox(demo: &Demo, chromium: &Chromium) -> String {
    chromium.open(&demo.inbox()).await;
    let text = chromium.text().await;
    let mut runs = text.split(|c: char| !c.is_ascii_digit());
    runs.find(|run| run.len() == 6).unwrap_or_else(|| panic!("no code in the inbox:\n{text}")).to_owned()
}

/// The browser is back at the app, which says who it is and how they have signed in.
async fn is_in(demo: &Demo, chromium: &Chromium, words: &[&str]) {
    let (url, text) = (chromium.url().await, chromium.text().await);
    assert!(url.starts_with(&demo.time_tracker()), "still at {url}:\n{text}");
    for word in words {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
}
