//! Can everybody use the provider's pages, in a real browser, with JavaScript off and on, and at every width?
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod console;
mod story;

use axum::Router;
use axum::routing::get;
use support::admin::PASSWORD;
use support::eyes::{examine, violations};
use support::relying_app::Visit;
use support::site::Site;
use support::webdriver::Chromium;
use support::{Database, samples};

/// Ned has an address: he gets a code, and is in. He may paste the code as people copy it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ned_signs_in_with_a_code() {
    for javascript in [false, true] {
        let (site, chromium) = at_the_password_page(javascript).await;
        give_password(&chromium, "ned", PASSWORD).await;
        assert!(chromium.text().await.contains("n•••@example.org"), "{}", chromium.text().await);
        let code = site.inbox("ned@example.org").code();
        give_code(&chromium, &format!(" {}-{} ", &code[..3], &code[3..])).await;
        assert_eq!(chromium.text().await, "Back at the app");
    }
}

/// Nia has none: she is told so on the login screen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nia_is_told_that_she_has_no_email() {
    for javascript in [false, true] {
        let (_site, chromium) = at_the_password_page(javascript).await;
        give_password(&chromium, "nia", PASSWORD).await;
        let error = chromium.text_of("#error").await;
        assert!(error.starts_with("No email associated with this login."), "{error}");
        assert!(chromium.has("#login").await && chromium.has("#password").await);
    }
}

/// Ada may do without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ada_gets_in_without_a_code() {
    for javascript in [false, true] {
        let (_site, chromium) = at_the_password_page(javascript).await;
        give_password(&chromium, "ada", PASSWORD).await;
        assert_eq!(chromium.text().await, "Back at the app");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_and_a_wrong_code_are_told_in_words() {
    let (site, chromium) = at_the_password_page(false).await;
    give_password(&chromium, "ned", "not my password").await;
    let error = chromium.text_of("#error").await;
    assert!(error.starts_with("Incorrect login or password."), "{error}");
    give_password(&chromium, "ned", PASSWORD).await;
    let right = site.inbox("ned@example.org").code();
    give_code(&chromium, if right == "000000" { "000001" } else { "000000" }).await;
    let error = chromium.text_of("#error").await;
    assert!(error.starts_with("Invalid 2FA code.") && error.contains("4 attempts left"), "{error}");
}

/// Tab and Enter suffice, and each page puts the keyboard where one begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_is_enough() {
    let (site, chromium) = at_the_password_page(true).await;
    assert_eq!(chromium.focused().await, "login");
    chromium.press_keys("ned\t").await;
    assert_eq!(chromium.focused().await, "password");
    chromium.press_keys(&format!("{PASSWORD}\n")).await;
    assert_eq!(chromium.focused().await, "code");
    let code = site.inbox("ned@example.org").code();
    chromium.press_keys(&format!("{code}\t")).await;
    chromium.press_keys(&format!("{PASSWORD}\n")).await;
    assert_eq!(chromium.text().await, "Back at the app");
}

/// The back button and a reload lead to where the sign-in is, not to a resent form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_and_reload_lead_to_where_the_sign_in_is() {
    let (_site, chromium) = at_the_password_page(false).await;
    give_password(&chromium, "ned", PASSWORD).await;
    let sent = chromium.url().await;
    chromium.reload().await;
    assert!(chromium.has("#code").await);
    chromium.back().await;
    chromium.reload().await;
    assert!(chromium.has("#code").await, "{} then {}", sent, chromium.url().await);
}

/// Every page of the provider in each of its states: axe-core finds nothing, nothing needs scrolling sideways, and the
/// screenshots are kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_of_every_page_can_be_used_by_everybody() {
    look_at_samples(|name| !name.starts_with("console-")).await;
}

/// The same for the managers' console.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_of_every_page_of_the_console_can_be_used_by_everybody() {
    look_at_samples(|name| name.starts_with("console-")).await;
}

async fn look_at_samples(among: impl Fn(&str) -> bool) {
    let (site, chromium) = (samples::serve().await, Chromium::start(true).await);
    for (name, html) in samples::samples().into_iter().filter(|(name, _)| among(name)) {
        assert!(html.len() < 24_000, "{name} has {} bytes", html.len());
        chromium.open(&format!("{site}/{name}")).await;
        examine(&chromium, name).await;
    }
}

#[tokio::test]
async fn javascript_is_off_where_a_test_says_so() {
    for javascript in [false, true] {
        let chromium = Chromium::start(javascript).await;
        chromium.open("data:text/html,<p id=p>off</p><script>p.textContent = 'on'</script>").await;
        assert_eq!(chromium.text().await, if javascript { "on" } else { "off" });
    }
}

/// An examination that nothing can fail would show nothing.
#[tokio::test]
async fn an_examination_finds_what_is_wrong() {
    let chromium = Chromium::start(true).await;
    chromium
        .open("data:text/html,<html><title>x</title><input><p style='color:%23eee'>faint</p></html>")
        .await;
    let found = violations(&chromium).await.join("\n");
    for rule in ["label", "color-contrast", "html-has-lang"] {
        assert!(found.contains(rule), "{rule} is not in\n{found}");
    }
}

/// `response_mode=form_post`: the page sends itself on; where there is no JavaScript, by its button. Nothing is in the address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_posted_to_the_app() {
    for javascript in [false, true] {
        let (_site, chromium) = asked(javascript, |visit| visit.with("response_mode", "form_post")).await;
        give_password(&chromium, "ada", PASSWORD).await;
        if !javascript {
            assert!(chromium.has("form[data-submit]").await, "{}", chromium.text().await);
            chromium.click("#submit").await;
        }
        assert_eq!(chromium.text().await, "Posted code, iss, session_state, state");
        assert!(chromium.url().await.ends_with("/callback"), "{}", chromium.url().await);
    }
}

/// A browser that an app has sent to the password page.
async fn at_the_password_page(javascript: bool) -> (Site, Chromium) {
    asked(javascript, |visit| visit).await
}

/// The same with a request of another making.
async fn asked(javascript: bool, change: impl FnOnce(Visit) -> Visit) -> (Site, Chromium) {
    let (site, chromium) = (Site::on(Database::sqlite().await).await, Chromium::start(javascript).await);
    let door = the_apps_door().await;
    let app = site.admin.add_app_with(|metadata| metadata.redirect_uris = vec![door]).await;
    chromium.open(&change(app.visit()).url()).await;
    (site, chromium)
}

/// Somewhere for the browser to come back to.
async fn the_apps_door() -> String {
    let back = get(|| async { "Back at the app" }).post(|form: String| async move {
        let names = form_urlencoded::parse(form.as_bytes()).map(|(name, _)| name.into_owned());
        let names: std::collections::BTreeSet<String> = names.collect();
        format!("Posted {}", names.into_iter().collect::<Vec<_>>().join(", "))
    });
    let app = Router::new().route("/callback", back);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/callback")
}

async fn give_password(chromium: &Chromium, login: &str, password: &str) {
    chromium.type_into("#login", login).await;
    chromium.type_into("#password", password).await;
    chromium.click("#submit").await;
}

async fn give_code(chromium: &Chromium, code: &str) {
    chromium.type_into("#code", code).await;
    chromium.type_into("#password", PASSWORD).await;
    chromium.click("#submit").await;
}
