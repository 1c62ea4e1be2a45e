//! Does the audit log say who did what to whom, and of the reader's own tree alone?

use crate::support::manager::Manager;
use crate::support::site::Site;

/// What the page says, with one blank between words.
fn told(manager: &Manager<'_>) -> String {
    manager.browser.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The list below the filters.
fn listed(manager: &Manager<'_>) -> String {
    manager.browser.text_of("results").unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

crate::on_both_databases! {
    async fn a_change_is_told_with_what_was_and_what_is(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        max.open("/console/audit?user=nia").await;
        let list = listed(&max);
        assert!(list.contains("The command line") && list.contains("Changed a person"), "{list}");
        assert!(list.contains("email: – → nia@example.org") && list.contains("nia"), "{list}");
        assert!(!list.contains("Signed in"), "{list}");
        max.open("/console/audit?actor=max&kind=signin").await;
        assert!(listed(&max).contains("Signed in") && !listed(&max).contains("nia"), "{}", listed(&max));
        max.open("/console/audit?user=nobody-of-ours").await;
        assert!(listed(&max).contains("Nothing of this kind has happened"), "{}", listed(&max));
    }

    async fn what_happens_in_another_tree_is_not_there(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        site.admin.add_user(&bolt, "bea", "User", Some("bea@example.org")).await;
        site.admin.change_email("bea", Some("bea2@example.org")).await;
        site.admin.add_site_administrator("root").await;
        let mut max = Manager::arrives(&site, "max").await;
        for address in ["/console/audit", "/console/audit?user=bea", "/console/audit?kind=user"] {
            max.open(address).await;
            assert!(!listed(&max).contains("bea"), "{address}: {}", listed(&max));
        }
        let mut root = Manager::arrives(&site, "root").await;
        root.open("/console/audit?user=bea").await;
        assert!(listed(&root).contains("bea2@example.org"), "{}", listed(&root));
    }

    async fn long_lists_go_on_page_by_page_and_keep_their_filters(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        for n in 0..60 {
            site.admin.change_email("nia", Some(&format!("nia{n}@example.org"))).await;
            site.advance(1);
        }
        max.open("/console/audit?kind=user&user=nia").await;
        assert!(listed(&max).contains("nia59@") && !listed(&max).contains("→ nia20@"), "{}", listed(&max));
        let links = max.browser.links();
        let next = links.iter().find(|link| link.contains("after=")).unwrap().clone();
        assert!(next.contains("kind=user") && next.contains("user=nia"), "{next}");
        max.open(&next).await;
        assert!(listed(&max).contains("→ nia20@") && !listed(&max).contains("nia59@"), "{}", listed(&max));
    }

    async fn what_cannot_be_read_is_told_beside_its_field_and_stays(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        for (query, expected) in [
            ("since=yesterday", "This is no day such as 2026-11-24."),
            ("until=2027-02-30", "This is no day such as 2026-11-24."),
            ("user=a%E2%80%AEb", "cannot be seen"),
            ("kind=%3Cscript%3E", "Nothing of this kind has happened"),
            ("after=nonsense", "Signed in"),
            ("after=9.%27", "Nothing has happened"),
        ] {
            max.open(&format!("/console/audit?{query}")).await;
            assert_eq!(max.browser.status(), 200, "{query}");
            assert!(told(&max).contains(expected), "{query}: {}", told(&max));
        }
        max.open("/console/audit?since=yesterday").await;
        assert_eq!(max.browser.field("since").as_deref(), Some("yesterday"));
        max.open("/console/audit?since=2027-01-16").await;
        assert!(listed(&max).contains("Nothing of this kind"), "{}", listed(&max));
        max.open("/console/audit?until=2027-01-15").await;
        assert!(listed(&max).contains("Signed in"), "{}", listed(&max));
    }
}
