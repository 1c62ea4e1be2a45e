//! Is nothing of somebody else's overwritten by a button that was left on a page, and nothing of one's own made twice by one that was pressed
//! twice?

use countersign::directory::Status;
use countersign::directory::users::Changes;

use crate::support::browser::Browser;
use crate::support::manager::Manager;
use crate::support::site::Site;

/// Opens somebody's page.
async fn at<'m, 's>(manager: &'m mut Manager<'s>, site: &Site, login: &str) -> &'m mut Manager<'s> {
    let id = site.admin.user(login).await.id;
    manager.open(&format!("/console/users/{id}")).await
}

/// Sends what is filled in twice, one after the other; the second answer stays. Answers how many events of this name both have left.
async fn twice(site: &Site, manager: &mut Manager<'_>, fields: &[(&str, &str)], event: &str) -> usize {
    for (name, value) in fields {
        manager.browser.fill(name, value);
    }
    let (url, _, sent) = manager.browser.submission("submit");
    let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let before = count(site, event).await;
    for _ in 0..2 {
        manager.browser.post(url.as_str(), &sent).await;
    }
    count(site, event).await - before
}

/// The same at one moment, in two tabs.
async fn at_once(manager: &mut Manager<'_>, fields: &[(&str, &str)]) -> [Browser; 2] {
    for (name, value) in fields {
        manager.browser.fill(name, value);
    }
    let (url, _, sent) = manager.browser.submission("submit");
    let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (mut one, mut other) = (manager.browser.new_tab(), manager.browser.new_tab());
    tokio::join!(one.post(url.as_str(), &sent), other.post(url.as_str(), &sent));
    [one, other]
}

async fn count(site: &Site, name: &str) -> usize {
    site.admin.events().await.iter().filter(|event| event.event == name).count()
}

async fn set_status(site: &Site, login: &str, status: Status) {
    site.advance(1);
    site.admin.change(login, Changes { status: Some(status), ..Changes::default() }).await;
}

crate::on_both_databases! {
    async fn an_undo_takes_nothing_back_that_somebody_else_has_set_since(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        at(&mut ada, &site, "ned").await.send(&[("email", "ned@first.example"), ("name", "Ned Nedd")]).await;
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        site.admin.change_email("ned", Some("ned@second.example")).await;
        ada.browser.press("undo").await;
        assert_eq!(ada.browser.status(), 422, "{}", ada.browser.text());
        let error = ada.browser.text_of("email-error").unwrap();
        assert!(error.contains("Somebody else has set this to ned@second.example meanwhile."), "{error}");
        let ned = site.admin.user("ned").await;
        assert_eq!((ned.email.as_deref(), ned.name.as_deref()), (Some("ned@second.example"), Some("Ned Nedd")));
        // What only somebody else has changed is no hindrance.
        at(&mut ada, &site, "ned").await.send(&[("name", "Ned N. Nedd")]).await;
        site.admin.change_email("ned", Some("ned@third.example")).await;
        ada.browser.press("undo").await;
        let ned = site.admin.user("ned").await;
        assert_eq!((ned.email.as_deref(), ned.name.as_deref()), (Some("ned@third.example"), Some("Ned Nedd")));
    }

    /// Disabled, let in again, and disabled once more by somebody else: what is so is the same as after the first, and is not theirs.
    async fn an_undo_takes_nothing_back_that_has_become_the_same_again(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        at(&mut ada, &site, "ned").await.send(&[("status", "disabled")]).await;
        assert_eq!(site.admin.user("ned").await.status, Status::Disabled, "{}", ada.browser.text());
        set_status(&site, "ned", Status::Active).await;
        set_status(&site, "ned", Status::Disabled).await;
        ada.browser.press("undo").await;
        assert_eq!(ada.browser.status(), 422, "{}", ada.browser.text());
        assert!(ada.browser.text().contains("Somebody else has disabled them meanwhile."), "{}", ada.browser.text());
        assert_eq!(site.admin.user("ned").await.status, Status::Disabled);
        // Whoever means it saves it again.
        ada.browser.submit().await;
        assert_eq!(site.admin.user("ned").await.status, Status::Active, "{}", ada.browser.text());
        // And their own is taken back as ever, as is a role and a move.
        at(&mut ada, &site, "ned").await.send(&[("status", "disabled")]).await;
        ada.browser.press("undo").await;
        assert_eq!(site.admin.user("ned").await.status, Status::Active, "{}", ada.browser.text());
    }

    async fn what_was_added_and_is_another_now_is_not_undone(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console/roles/new").await.send(&[("name", "Spare"), ("rank", "3"), ("rights", "")]).await;
        let mut max = Manager::arrives(&site, "max").await;
        let page = ada.browser.page().url.path().to_owned();
        max.open(&page).await.send(&[("name", "Of use")]).await;
        if max.saved().is_none() {
            max.browser.submit().await;
        }
        ada.browser.press("undo").await;
        assert_eq!(ada.browser.status(), 422, "{}", ada.browser.text());
        assert!(ada.browser.text().contains("so it is not undone"), "{}", ada.browser.text());
        let page = format!("/console/groups/{}", site.acme.id);
        ada.browser.open(&page).await.fill("subgroup", "Spare").press("/groups").await;
        let group = ada.browser.page().url.path().to_owned();
        max.open(&group).await.send(&[("name", "Of use")]).await;
        ada.browser.press("undo").await;
        assert_eq!(ada.browser.status(), 422, "{}", ada.browser.text());
        assert!(ada.browser.text().contains("so it is not undone"), "{}", ada.browser.text());
        ada.browser.press("/delete").await.submit().await;
        assert!(ada.saved().is_some_and(|said| said.contains("deleted")), "{}", ada.browser.text());
    }

    async fn a_person_is_saved_once_and_so_it_is_said_twice(database) {
        let site = Site::on(database).await;
        site.admin.add_subgroup(&site.acme, "Sales", false).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        for fields in [
            &[("name", "Same"), ("email", "same@example.org")][..],
            &[("role", "Co-manager")],
            &[("status", "disabled")],
        ] {
            at(&mut ada, &site, "ned").await;
            assert_eq!(twice(&site, &mut ada, fields, "user.changed").await, 1, "{fields:?}");
            let said = ada.saved().unwrap_or_else(|| panic!("{fields:?}: {}", ada.browser.text()));
            assert!(said.contains("The changes to") && !said.contains("Undo"), "{said}");
        }
        at(&mut ada, &site, "ned").await.send(&[("group", "Acme/Sales")]).await;
        assert_eq!(twice(&site, &mut ada, &[], "user.changed").await, 1);
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        at(&mut ada, &site, "nia").await;
        for browser in at_once(&mut ada, &[("name", "Nia Nnadi"), ("email", "nia@example.org")]).await {
            assert!(browser.text().contains("The changes to"), "{}", browser.text());
        }
        let all = site.admin.events().await;
        let nia = site.admin.user("nia").await.id;
        assert_eq!(all.iter().filter(|e| e.event == "user.changed" && e.user_id.as_deref() == Some(nia.as_str())).count(), 1);
    }

    async fn a_role_a_setting_and_an_app_are_saved_once_and_so_it_is_said_twice(database) {
        let site = Site::on(database).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", false).await;
        site.admin.add_user(&design, "dora", "Top manager", Some("dora@example.org")).await;
        let client = site.admin.add_app().await.client_id;
        site.admin.add_site_administrator("root").await;
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console/roles").await;
        let mut conn = site.admin.db.read().await.unwrap();
        let role = countersign::directory::roles::find_named(&mut conn, Some(&site.acme), "User").await.unwrap();
        drop(conn);
        ada.open(&format!("/console/roles/{}", role.id)).await.send(&[("rank", "5")]).await;
        assert_eq!(twice(&site, &mut ada, &[], "role.changed").await, 1);
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        ada.open(&format!("/console/groups/{}/advanced", design.id)).await.send(&[("two_factor", "on")]).await;
        assert_eq!(twice(&site, &mut ada, &[], "group.changed").await, 1);
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        let mut root = Manager::arrives(&site, "root").await;
        root.open(&format!("/console/apps/{client}")).await;
        assert_eq!(twice(&site, &mut root, &[("name", "Ledger")], "client.changed").await, 1);
        assert!(root.saved().is_some(), "{}", root.browser.text());
    }

    /// The second click gets the page of what the first has made; a secret is shown once.
    async fn nobody_and_nothing_is_added_twice_by_one_button(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let mut root = Manager::arrives(&site, "root").await;
        let app = [("name", "Ledger"), ("redirect_uris", "https://ledger.example.org/cb")];
        root.open("/console/apps/new?is=other").await;
        assert_eq!(twice(&site, &mut root, &app, "client.added").await, 1);
        let said = root.saved().unwrap_or_else(|| panic!("{}", root.browser.text()));
        assert!(said.contains("Ledger was added a moment ago") && said.contains("make a new one"), "{said}");
        assert!(root.browser.text_of("client-secret").is_none() && root.browser.page().url.path().starts_with("/console/apps/"));
        root.open("/console/apps/new?is=other").await;
        let answers = at_once(&mut root, &[("name", "Journal"), ("redirect_uris", "https://journal.example.org/cb")]).await;
        let shown = answers.iter().filter(|answer| answer.text_of("client-secret").is_some()).count();
        assert_eq!((shown, count(&site, "client.added").await), (1, 2));
        // Later it is meant, and so is another address.
        site.advance(11);
        root.open("/console/apps/new?is=other").await.send(&app).await;
        assert!(root.browser.text_of("client-secret").is_some(), "{}", root.browser.text());
        root.open("/console/apps/new?is=other").await.send(&[app[0], ("redirect_uris", "https://two.example.org/cb")]).await;
        assert!(root.browser.text_of("client-secret").is_some(), "{}", root.browser.text());
        let mut ada = Manager::arrives(&site, "ada").await;
        let person = [("login", "olga"), ("name", "Olga"), ("email", "olga@example.org")];
        ada.open("/console/users/new").await;
        assert_eq!(twice(&site, &mut ada, &person, "user.added").await, 1);
        assert!(ada.saved().is_some_and(|said| said.contains("Olga")), "{}", ada.browser.text());
        assert_eq!(ada.browser.page().url.path(), format!("/console/users/{}", site.admin.user("olga").await.id));
        ada.open("/console/users/new").await;
        for answer in at_once(&mut ada, &[("login", "otto"), ("email", "otto@example.org")]).await {
            assert!(answer.page().url.path().ends_with(&site.admin.user("otto").await.id), "{}", answer.text());
        }
        // Somebody else of that login is somebody else.
        ada.open("/console/users/new").await.send(&[("login", "otto"), ("email", "other@example.org")]).await;
        assert!(ada.browser.text().contains("is taken"), "{}", ada.browser.text());
    }

    /// What was read is what is done: two-factor is switched on there between the question and its answer.
    async fn a_move_that_does_something_else_by_now_is_asked_about_again(database) {
        let site = Site::on(database).await;
        let sales = site.admin.add_subgroup(&site.acme, "Sales", false).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "nia").await.send(&[("group", "Acme/Sales")]).await;
        assert!(max.browser.text().contains("Can sign in with the password alone"), "{}", max.browser.text());
        site.admin.set_two_factor(&sales, true).await;
        max.browser.submit().await;
        assert_eq!(max.browser.status(), 422, "{}", max.browser.text());
        let text = max.browser.text();
        assert!(text.contains("read it once more") && text.contains("Cannot sign in"), "{text}");
        assert_eq!(site.admin.user("nia").await.group.unwrap().name, "Acme");
        max.browser.submit().await;
        assert_eq!(site.admin.user("nia").await.group.unwrap().name, "Sales", "{}", max.browser.text());
    }

    async fn a_group_that_cannot_be_deleted_says_so_before_it_asks(database) {
        let site = Site::on(database).await;
        let sales = site.admin.add_subgroup(&site.acme, "Sales", false).await;
        let app = site.admin.add_app_with(|app| app.allowed_groups = vec![sales.id.clone()]).await;
        let mut max = Manager::arrives(&site, "max").await;
        let page = format!("/console/groups/{}", sales.id);
        max.open(&page).await.browser.press("/delete").await;
        assert_eq!(max.browser.status(), 422, "{}", max.browser.text());
        assert!(max.browser.text().contains("stands on the list of those whom an app is for"), "{}", max.browser.text());
        site.admin.delete_app(&app).await;
        max.open(&page).await.browser.press("/delete").await.submit().await;
        assert!(max.saved().is_some_and(|said| said.contains("deleted")), "{}", max.browser.text());
    }

    /// A role of a few rights leads to no page that is not there, and counts nobody whom it may neither see nor help.
    async fn what_a_role_of_one_right_is_told_of_is_there(database) {
        let site = Site::on(database).await;
        site.admin.add_role(&site.acme, "Changes", 60, "manage_users").await;
        site.admin.add_role(&site.acme, "Reads", 60, "view_audit").await;
        site.admin.add_user(&site.acme, "cleo", "Changes", Some("cleo@example.org")).await;
        site.admin.add_user(&site.acme, "rex", "Reads", Some("rex@example.org")).await;
        let mut cleo = Manager::arrives(&site, "cleo").await;
        cleo.open("/console").await;
        assert!(cleo.browser.text().contains("cannot sign in"), "{}", cleo.browser.text());
        cleo.open("/console/repair").await;
        assert!(cleo.browser.text().contains("nia"), "{}", cleo.browser.text());
        at(&mut cleo, &site, "nia").await.send(&[("email", "nia@example.org")]).await;
        assert_eq!((cleo.browser.status(), cleo.saved().is_some()), (200, true), "{}", cleo.browser.text());
        site.admin.change_email("nia", None).await;
        let mut rex = Manager::arrives(&site, "rex").await;
        rex.open("/console").await;
        assert!(!rex.browser.text().contains("cannot sign in"), "{}", rex.browser.text());
    }
}
