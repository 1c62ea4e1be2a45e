//! Does the page about the signing keys say what each does, and replace them as it says?

use crate::support::manager::Manager;
use crate::support::site::Site;

/// What the page says, with one blank between words.
fn told(manager: &Manager<'_>) -> String {
    manager.browser.text().split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".")
}

async fn published(site: &Site) -> Vec<String> {
    let jwks: serde_json::Value =
        reqwest::get(site.url.join("/jwks").unwrap()).await.unwrap().json().await.unwrap();
    let keys = jwks["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

crate::on_both_databases! {
    async fn keys_that_are_replaced_sign_on_until_every_app_has_seen_the_new_ones(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let before = published(&site).await;
        let mut root = Manager::arrives(&site, "root").await;
        root.open("/console/keys").await;
        let text = told(&root);
        assert!(text.contains("Nothing needs you") && text.contains("Signs until it is replaced."), "{text}");
        root.browser.submit().await;
        assert_eq!(root.browser.page().url.path(), "/console/keys");
        assert!(root.saved().unwrap().contains("They begin to sign 10 minutes from now."), "{:?}", root.saved());
        let text = told(&root);
        assert!(text.contains("new keys are announced, and sign from 2027-01-15 08:10 UTC"), "{text}");
        assert!(text.contains("Signs until 2027-01-15 08:10 UTC."), "{text}");
        let both = published(&site).await;
        assert!(before.iter().all(|kid| both.contains(kid)) && both.len() == 2 * before.len(), "{both:?}");
        let events = site.admin.events().await;
        let rotated = events.iter().find(|event| event.event == "keys.rotated").unwrap();
        assert_eq!(rotated.actor_login.as_deref(), Some("root"));
        site.advance(601);
        root.open("/console/keys").await;
        let text = told(&root);
        assert!(text.contains("Signs no more. What it has signed counts until"), "{text}");
        assert!(!text.contains("are announced"), "{text}");
    }

    async fn stolen_keys_are_withdrawn_once_that_is_confirmed(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let before = published(&site).await;
        let mut root = Manager::arrives(&site, "root").await;
        root.open("/console/keys").await;
        root.browser.press("stolen").await;
        let text = told(&root);
        assert!(text.contains("Withdraw all signing keys at once?") && text.contains("cannot be undone"), "{text}");
        assert_eq!(published(&site).await, before, "a question changes nothing");
        root.browser.submit().await;
        assert!(root.saved().unwrap().contains("count for nothing any more"), "{:?}", root.saved());
        let after = published(&site).await;
        assert!(before.iter().all(|kid| !after.contains(kid)), "{after:?}");
    }

    async fn what_is_done_without_a_fresh_proof_goes_on_after_it(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let before = published(&site).await;
        let mut root = Manager::arrives(&site, "root").await;
        site.advance(601);
        root.open("/console/keys").await;
        root.browser.submit().await;
        assert_eq!(published(&site).await, before);
        root.prove().await;
        root.browser.submit().await;
        assert!(root.saved().unwrap().contains("New keys are published."), "{:?}", root.saved());
    }
}
