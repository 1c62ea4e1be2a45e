//! Is the new secret of an app shown once, and does the old one end when it should?

use super::apps::{believed, details, root, told};
use crate::support::manager::Manager;
use crate::support::relying_app::RelyingApp;
use crate::support::site::Site;

crate::on_both_databases! {
    async fn a_new_secret_is_shown_once_and_the_old_one_works_until_its_end(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut root = root(&site).await;
        let page = format!("/console/apps/{}", app.client_id);
        root.open(&page).await;
        assert_eq!(root.browser.text_of("old-secret"), None);
        root.browser.press("secret").await;
        assert!(told(&root).contains("The old secret works on until 2027-01-16 08:00 UTC, beside"), "{}", told(&root));
        root.browser.submit().await;
        let secret = root.browser.text_of("client-secret").unwrap().trim().to_owned();
        assert_ne!(Some(secret.as_str()), app.client_secret.as_deref());
        assert_eq!(root.browser.header("cache-control").as_deref(), Some("no-store"));
        assert!(told(&root).contains("the old one works on until 2027-01-16"), "{}", told(&root));
        let new = RelyingApp { client_secret: Some(secret.clone()), ..app.clone() };
        assert_eq!((believed(&app).await, believed(&new).await), (true, true));
        root.open(&page).await;
        assert!(!told(&root).contains(&secret));
        assert!(root.browser.text_of("old-secret").unwrap().contains("2027-01-16"));
        root.browser.press("end-old").await;
        assert_eq!(root.saved().as_deref().map(str::trim), Some("The old secret of Time Tracker no longer works."));
        assert_eq!((believed(&app).await, believed(&new).await), (false, true));
        assert_eq!(root.browser.text_of("old-secret"), None);
        assert!(details(&site, "client.secret_rotated").await["old_secret_until"].as_str().unwrap().starts_with("2027-01-16"));
        assert_eq!(details(&site, "client.old_secret_ended").await, serde_json::json!({}));
    }


    /// Each of two who make a new secret was told that the old one works on: the second would end it at once.
    async fn the_second_of_two_who_make_a_secret_is_asked_once_more(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut first = root(&site).await;
        let page = format!("/console/apps/{}", app.client_id);
        let mut second = Manager::arrives(&site, "root").await;
        for one in [&mut first, &mut second] {
            one.open(&page).await.browser.press("secret").await;
            assert!(told(one).contains("The old secret works on until"), "{}", told(one));
        }
        let mut third = Manager::arrives(&site, "root").await;
        first.browser.submit().await;
        let secret = first.browser.text_of("client-secret").unwrap().trim().to_owned();
        let new = RelyingApp { client_secret: Some(secret), ..app.clone() };
        third.open(&page).await;
        second.browser.submit().await;
        assert_eq!(second.browser.status(), 422);
        assert!(told(&second).contains("The secrets of this app have just changed"), "{}", told(&second));
        assert!(told(&second).contains("The secret before that works no longer"), "{}", told(&second));
        assert_eq!((believed(&app).await, believed(&new).await), (true, true));
        second.browser.submit().await;
        assert!(second.browser.text_of("client-secret").is_some());
        assert_eq!((believed(&app).await, believed(&new).await), (false, true));
        // The older one is another by now than the one that is to end.
        third.browser.press("end-old").await;
        assert_eq!(third.browser.status(), 422);
        assert!(told(&third).contains("The secrets of this app have just changed"), "{}", told(&third));
        assert!(believed(&new).await);
        third.browser.press("end-old").await;
        assert_eq!((third.saved().is_some(), believed(&new).await), (true, false));
    }

    async fn a_secret_that_somebody_has_seen_ends_at_once(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut root = root(&site).await;
        root.open(&format!("/console/apps/{}", app.client_id)).await;
        root.browser.fill("keep", "not").press("secret").await;
        assert!(told(&root).contains("The old secret stops working at once."), "{}", told(&root));
        root.browser.submit().await;
        assert!(root.browser.text_of("client-secret").is_some());
        assert!(!believed(&app).await);
    }

    async fn an_app_that_signs_in_with_its_old_secret_is_told_before_that_ends(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let new = site.admin.rotate_secret(&app, 7 * 86_400).await;
        let mut root = root(&site).await;
        assert!(!root.browser.text().contains("old secret"), "{}", root.browser.text());
        let page = format!("/console/apps/{}", app.client_id);
        assert!(root.open(&page).await.browser.text_of("old-secret").unwrap().contains("has not signed in with it since"));
        assert!(believed(&app).await && believed(&new).await);
        assert!(root.open("/console").await.browser.text().contains("Time Tracker still signs in with its old secret"));
        assert!(root.open(&page).await.browser.text_of("old-secret").unwrap().contains("signed in with it last: 2027-01-15"));
        assert_eq!(root.browser.text_of("mistakes"), None, "that is no mistake");
        site.admin.rotate_secret(&new, 7 * 86_400).await;
        assert!(!root.open("/console").await.browser.text().contains("old secret"), "that of now has not been used");
    }
}
