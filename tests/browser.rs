//! Does it work in a real browser, with JavaScript off and on, for every pair of eyes?
#![cfg(test)]

#[path = "browser/eyes.rs"]
mod eyes;
#[path = "browser/webdriver.rs"]
mod webdriver;

use webdriver::Chromium;

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
    let found = eyes::violations(&chromium).await.join("\n");
    for rule in ["label", "color-contrast", "html-has-lang"] {
        assert!(found.contains(rule), "{rule} is not in\n{found}");
    }
}
