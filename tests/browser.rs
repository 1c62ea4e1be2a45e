//! Can everybody use the provider's pages, in a real browser and at every width?
#![cfg(test)]

mod support;

use support::eyes::{examine, violations};
use support::samples;
use support::webdriver::Chromium;

/// Every page of the provider in each of its states: axe-core finds nothing, nothing needs scrolling sideways, and the
/// screenshots are kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_of_every_page_can_be_used_by_everybody() {
    let (site, chromium) = (samples::serve().await, Chromium::start(true).await);
    for (name, html) in samples::samples() {
        assert!(html.len() < 20_000, "{name} has {} bytes", html.len());
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
