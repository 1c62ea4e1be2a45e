//! Does a manager see what another set of rights does to whom before it does it, and do the rank rules hold on every field?

use crate::support::manager::Manager;
use crate::support::site::Site;
use countersign::directory::login::fold;
use countersign::store::roles::{self, RoleRow};

async fn role(site: &Site, name: &str) -> RoleRow {
    let mut conn = site.admin.db.read().await.unwrap();
    roles::find_named(&mut conn, Some(&site.acme.id), &fold(name))
        .await
        .unwrap()
        .expect("a role of this name")
}

async fn page(site: &Site, name: &str) -> String {
    format!("/console/roles/{}", role(site, name).await.id)
}

crate::on_both_databases! {
    async fn the_roles_say_what_they_may_and_who_holds_them(database) {
        let site = Site::on(database).await;
        site.admin.add_group("Bolt", false).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/roles").await;
        let text = max.browser.text();
        for expected in ["ada signs in without a code", "Top manager", "Sign in without a code", "Manage people"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert_eq!(text.matches("Co-manager").count(), 1, "the roles of one tree: {text}");
        max.open(&page(&site, "User").await).await;
        assert!(max.browser.text().contains("2 users hold this role"), "{}", max.browser.text());
        assert!(max.browser.has_field("manage_users") && !max.browser.has_field("override_2fa"), "max has no override to give");
        max.open(&page(&site, "Top manager").await).await;
        assert!(!max.browser.has_field("name") && max.browser.text().contains("ranks as high as yours or higher"));
        max.open(&page(&site, "Manager").await).await;
        assert!(!max.browser.has_field("rank") && max.browser.text().contains("This is your own role"));
    }

    /// Everything that is wrong is said at once, and a role that may nothing says so.
    async fn all_that_is_wrong_with_a_role_is_said_at_once(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console/roles/new").await.send(&[("name", "a\u{202e}b"), ("rank", "high"), ("rights", "A!")]).await;
        assert_eq!(ada.browser.status(), 422);
        for field in ["name-error", "rank-error", "rights-error"] {
            assert!(ada.browser.text_of(field).is_some(), "{field}: {}", ada.browser.text());
        }
        assert!(ada.browser.text().contains("There are 3 things to correct"), "{}", ada.browser.text());
        ada.send(&[("name", "Guest"), ("rank", "1"), ("rights", "")]).await;
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        ada.open("/console/roles").await;
        let body = &ada.browser.page().body;
        let guest = body.split("<tr>").find(|row| row.contains("Guest")).unwrap();
        assert!(guest.contains("Nothing"), "{guest}");
    }

    async fn a_change_says_first_what_it_does_to_whom(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "tess", "User", None).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        let user = page(&site, "User").await;
        ada.open(&user).await.send(&[("override_2fa", "on"), ("rank", "5")]).await;
        let text = ada.browser.text();
        for expected in [
            "Change the role User?",
            "3 people would sign in without a code from now on: ned, nia, tess",
            "They gain: Sign in without a code.",
            "Their rank becomes 5",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!role(&site, "User").await.rights.contains("override_2fa"), "nothing is saved yet");
        ada.browser.submit().await;
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        assert!(role(&site, "User").await.rights.contains("override_2fa"));
        // Taken away again: two have no address, and get in no more.
        ada.open(&user).await.send(&[("override_2fa", "")]).await;
        let text = ada.browser.text();
        assert!(text.contains("2 people could no longer sign in, since no code can reach them: nia, tess"), "{text}");
        ada.send(&[("confirm", "1")]).await;
        assert_eq!(ada.browser.status(), 422);
        assert!(ada.browser.error().is_some_and(|said| said.contains("2 people would be locked out")));
        ada.send(&[("confirm", "2")]).await;
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        assert!(!role(&site, "User").await.rights.contains("override_2fa"));
        let events = site.admin.events().await;
        let mut changes = events.iter().filter(|event| event.event == "role.changed");
        let taken = |text: &str| text.contains(r#""before":{"rights":""#) && text.contains("override_2fa");
        assert!(changes.any(|event| taken(&event.details)), "{events:?}");
    }

    /// As many as were shown, and others: the number was typed for those whom the page has named.
    async fn a_number_is_typed_for_those_who_were_named_and_for_no_others(database) {
        let site = Site::on(database).await;
        let chief = site.admin.add_role(&site.acme, "Chief", 400, "override_2fa").await;
        for (login, email) in [("chloe", None), ("carl", Some("carl@example.org"))] {
            site.admin.add_user(&site.acme, login, "Chief", email).await;
        }
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open(&format!("/console/roles/{}", chief.id)).await.send(&[("override_2fa", "")]).await;
        assert!(ada.browser.text().contains("no code can reach them: chloe"), "{}", ada.browser.text());
        site.admin.change_email("chloe", Some("chloe@example.org")).await;
        site.admin.change_email("carl", None).await;
        ada.send(&[("confirm", "1")]).await;
        assert_eq!(ada.browser.status(), 422, "{}", ada.browser.text());
        assert!(role(&site, "Chief").await.rights.contains("override_2fa"), "nothing is saved");
        assert!(ada.browser.text().contains("no code can reach them: carl"), "{}", ada.browser.text());
        assert!(ada.browser.error().is_some_and(|said| said.contains("it is another person who would be locked out")));
        // A wrong number is one still, and does not stand for having read it.
        ada.send(&[("confirm", "2")]).await;
        assert!(ada.browser.error().is_some_and(|said| said.contains("One person would be locked out")), "{}", ada.browser.text());
        ada.send(&[("confirm", "1")]).await;
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        assert!(!role(&site, "Chief").await.rights.contains("override_2fa"));
    }

    async fn a_name_alone_is_saved_at_once_and_the_words_of_apps_are_free(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let client = page(&site, "Client").await;
        max.open(&client).await.send(&[("name", "Customer"), ("rights", "track_time")]).await;
        // Nobody holds it.
        assert!(max.saved().is_some(), "{}", max.browser.text());
        let now = role(&site, "Customer").await;
        assert_eq!(now.rights, "manage_own_settings track_time");
        max.open(&client).await.send(&[("name", "Customer"), ("rights", "Not A Word!")]).await;
        assert_eq!(max.browser.status(), 422);
        assert!(max.browser.text().contains("A right is a lower-case word"), "{}", max.browser.text());
        assert_eq!(max.browser.field("rights").as_deref(), Some("Not A Word!"));
        let user = page(&site, "User").await;
        max.open(&user).await.send(&[("name", "Person")]).await;
        assert!(max.saved().is_some_and(|said| said.contains("Person is saved")), "{}", max.browser.text());
    }

    async fn the_rank_rules_hold_whatever_is_sent(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let (user, manager, top) = (page(&site, "User").await, page(&site, "Manager").await, page(&site, "Top manager").await);
        for (path, fields, said) in [
            (&user, vec![("rank", "325")], "You cannot give a rank above your own."),
            (&user, vec![("rank", "513")], "The rank of a group's role is between 0 and 512."),
            (&user, vec![("rank", "many")], "A rank is a whole number"),
            (&user, vec![("rank", "999999999999")], "is between 0 and 512."),
            (&user, vec![("rank", "9999999999999999999999")], "A rank is a whole number from 0 to"),
            (&user, vec![("rights", "see_invoices")], "You cannot give the right see_invoices"),
            (&user, vec![("rights", "override_2fa")], "You cannot give the right override_2fa"),
            (&user, vec![("rights", "administer_site")], "administer_site"),
            (&manager, vec![("rank", "4"), ("rights", "")], "Nobody changes their own role"),
            (&top, vec![("name", "Bottom")], "Only somebody of higher rank"),
        ] {
            let mut fields = fields;
            fields.push(("confirm", "0"));
            max.browser.post(path, &fields).await;
            assert_eq!(max.browser.status(), 422, "{fields:?}: {}", max.browser.text());
            assert!(max.browser.text().contains(said), "{fields:?}: {}", max.browser.text());
        }
        assert_eq!(role(&site, "User").await.rank, 4);
        assert_eq!(role(&site, "Manager").await.rank, 324);
    }

    async fn the_last_override_of_a_group_is_kept(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let mut root = Manager::arrives(&site, "root").await;
        let top = page(&site, "Top manager").await;
        root.open(&top).await.send(&[("override_2fa", "")]).await;
        assert_eq!(root.browser.status(), 422, "{}", root.browser.text());
        assert!(root.browser.text().contains("two-factor"), "{}", root.browser.text());
        assert!(role(&site, "Top manager").await.rights.contains("override_2fa"));
    }

    async fn a_role_is_added_and_deleted_while_nobody_holds_it(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/roles").await;
        let new = max.browser.links().into_iter().find(|link| link.ends_with("/roles/new")).expect("a link");
        max.open(&new).await.send(&[("name", "Deputy"), ("rank", "300"), ("manage_users", "on"), ("rights", "track_time")]).await;
        assert!(max.saved().is_some_and(|said| said.contains("Deputy was added")), "{}", max.browser.text());
        assert_eq!(role(&site, "Deputy").await.rights, "manage_users track_time");
        max.open(&new).await.send(&[("name", "Deputy"), ("rank", "400")]).await;
        assert_eq!(max.browser.status(), 422);
        assert_eq!(max.browser.field("rank").as_deref(), Some("400"));
        let deputy = page(&site, "Deputy").await;
        max.open(&deputy).await.browser.press("delete").await;
        max.browser.submit().await;
        assert!(max.saved().is_some_and(|said| said.contains("Deputy was deleted")), "{}", max.browser.text());
        max.browser.post(&format!("{}/delete", page(&site, "User").await), &[("confirm", "yes")]).await;
        assert!(max.browser.text().contains("hold the role User"), "{}", max.browser.text());
    }

    async fn a_role_is_added_to_the_own_tree_and_a_group_of_another_is_not_there(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        let mut max = Manager::arrives(&site, "max").await;
        for group in [bolt.id.as_str(), "nowhere"] {
            max.browser.post("/console/roles", &[("group", group), ("name", "Deputy"), ("rank", "3")]).await;
            assert_eq!(max.browser.status(), 404, "{group}: {}", max.browser.text());
        }
        max.open("/console/roles").await;
        assert!(!max.browser.text().contains("Deputy"), "{}", max.browser.text());
    }

    /// Apps are told the name of a role, and some go by it.
    async fn no_role_of_a_tree_is_called_as_the_sites_own(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.browser.post("/console/roles", &[("name", "site Administrator"), ("rank", "3")]).await;
        assert_eq!(max.browser.status(), 422, "{}", max.browser.text());
        let user = page(&site, "User").await;
        max.open(&user).await.send(&[("name", "Site administrator")]).await;
        assert_eq!(max.browser.status(), 422, "{}", max.browser.text());
        assert_eq!(role(&site, "User").await.name, "User");
    }

    async fn what_is_saved_as_it_was_leaves_no_event(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let user = page(&site, "User").await;
        max.open(&user).await.send(&[]).await;
        let changed = |event: &str| event == "role.changed";
        assert!(!site.admin.events().await.iter().any(|event| changed(&event.event)));
    }

    async fn two_managers_who_edit_one_role_do_not_overwrite_each_other(database) {
        let site = Site::on(database).await;
        let (mut max, mut ada) = (Manager::arrives(&site, "max").await, Manager::arrives(&site, "ada").await);
        let client = page(&site, "Client").await;
        max.open(&client).await;
        ada.open(&client).await.send(&[("rights", "track_time")]).await;
        max.send(&[("name", "Customer")]).await;
        assert_eq!(max.browser.status(), 422);
        assert!(max.browser.text().contains("changed this role meanwhile"), "{}", max.browser.text());
        assert_eq!(max.browser.field("name").as_deref(), Some("Customer"));
        // What the second would overwrite by sending it again stands beside it.
        let text = max.browser.text().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("Now: Client") && text.contains("Now: Own settings, track_time"), "{text}");
        assert!(!text.contains("Now: 16"), "the rank is what it was: {text}");
    }

    async fn whoever_manages_a_group_below_reads_the_roles_and_changes_none(database) {
        let site = Site::on(database).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        site.admin.add_user(&design, "dora", "Manager", Some("dora@example.org")).await;
        let mut dora = Manager::arrives(&site, "dora").await;
        let user = page(&site, "User").await;
        dora.open("/console/roles").await;
        assert!(!dora.browser.text().contains("ada"), "whoever is above is not hers to see: {}", dora.browser.text());
        dora.open(&user).await;
        assert!(!dora.browser.text().contains("hold this role"), "{}", dora.browser.text());
        assert!(!dora.browser.has_field("name"), "{}", dora.browser.text());
        assert!(dora.browser.text().contains("serves groups above yours too"), "{}", dora.browser.text());
        dora.browser.post(&user, &[("name", "Mine")]).await;
        assert_eq!(dora.browser.status(), 422);
    }
}
