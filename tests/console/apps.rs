//! Can whoever registers apps add one with its set-up, change it without overwriting others, and take it away?

use countersign::oidc::clients;
use countersign::store::{purge, slips};
use serde_json::Value;

use crate::support::admin::PASSWORD;
use crate::support::manager::Manager;
use crate::support::relying_app::RelyingApp;
use crate::support::site::Site;

pub(crate) async fn root(site: &Site) -> Manager<'_> {
    site.admin.add_site_administrator("root").await;
    Manager::arrives(site, "root").await
}

/// What the page says, with one blank between words.
pub(crate) fn told(manager: &Manager<'_>) -> String {
    manager.browser.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an app proves who it is with the secret that it has.
pub(crate) async fn believed(app: &RelyingApp) -> bool {
    app.refresh("none").await.error().as_deref() != Some("invalid_client")
}

pub(crate) async fn details(site: &Site, event: &str) -> Value {
    let events = site.admin.events().await;
    let found = events.iter().rfind(|one| one.event == event).unwrap_or_else(|| panic!("no {event}"));
    serde_json::from_str(&found.details).unwrap()
}

crate::on_both_databases! {
    async fn an_app_is_added_by_what_it_is_and_its_set_up_is_filled_in(database) {
        let site = Site::on(database).await;
        let mut root = root(&site).await;
        root.open("/console/apps").await;
        assert!(told(&root).contains("No app is registered yet."), "{}", told(&root));
        root.open("/console/apps/new").await;
        assert!(root.browser.links().iter().any(|link| link == "/console/apps/new?is=grafana"));
        root.open("/console/apps/new?is=grafana").await;
        root.send(&[("name", "Our Grafana"), ("address", "https://grafana.example.org/")]).await;
        let (id, secret) = (root.browser.text_of("client-id").unwrap(), root.browser.text_of("client-secret").unwrap());
        let setup = root.browser.text_of("setup").unwrap();
        assert!(setup.contains(id.trim()) && setup.contains(secret.trim()), "{setup}");
        assert_eq!(details(&site, "client.added").await["name"], "Our Grafana");
        root.open(&format!("/console/apps/{}", id.trim())).await;
        let text = told(&root);
        assert!(!text.contains(secret.trim()), "the secret is shown once");
        assert!(text.contains("Nobody of your groups uses it now."), "{text}");
        let uris = root.browser.field("redirect_uris").unwrap();
        assert_eq!(uris.trim(), "https://grafana.example.org/login/generic_oauth");
        root.open("/console/apps").await;
        assert!(told(&root).contains("Our Grafana"), "{}", told(&root));
    }

    async fn what_is_wrong_is_told_beside_its_field_and_nothing_is_lost(database) {
        let site = Site::on(database).await;
        let mut root = root(&site).await;
        let long = "x".repeat(101);
        for (name, uri, groups, expected) in [
            ("", "https://a.example/", "", "Give it a name."),
            (long.as_str(), "https://a.example/", "", "At most 100 characters."),
            ("Wi\u{202e}ki", "https://a.example/", "", "cannot be seen"),
            ("Wiki", "", "", "Say where answers may go"),
            ("Wiki", "javascript:alert(1)", "", "redirect URI javascript:alert(1)"),
            ("Wiki", "https://a.example/#fragment", "", "It was not saved"),
            ("Wiki", "https://a.example/", "Acme/Nowhere", "There is no group Acme/Nowhere here."),
            ("Wiki", "https://a.example/", "<script>", "There is no group <script> here."),
        ] {
            root.open("/console/apps/new?is=other").await;
            root.send(&[("name", name), ("redirect_uris", uri), ("groups", groups)]).await;
            assert_eq!(root.browser.status(), 422, "{expected}");
            assert!(told(&root).contains(expected), "{expected}: {}", told(&root));
            assert_eq!(root.browser.field("redirect_uris").unwrap().trim(), uri);
        }
        let events = site.admin.events().await;
        assert!(events.iter().all(|event| event.event != "client.added"));
    }

    async fn a_change_says_what_was_before_and_after(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut root = root(&site).await;
        let page = format!("/console/apps/{}", app.client_id);
        root.open(&page).await.send(&[("name", "Hours"), ("groups", "Acme")]).await;
        assert_eq!(root.saved().as_deref().map(str::trim), Some("Hours is saved."));
        let details = details(&site, "client.changed").await;
        assert_eq!(details["before"]["client_name"], "Time Tracker");
        assert_eq!(details["after"]["client_name"], "Hours");
        assert_eq!(details["after"]["allowed_groups"][0], site.acme.id.as_str());
        assert!(details["after"].get("redirect_uris").is_none(), "only what is different: {details}");
        root.open(&page).await;
        assert_eq!(root.browser.field("groups").unwrap().trim(), "Acme");
        let before = site.admin.events().await.len();
        root.browser.submit().await;
        assert!(root.saved().unwrap().contains("Nothing was different"));
        assert_eq!(site.admin.events().await.len(), before);
    }

    async fn the_log_names_the_groups_of_an_app_and_each_is_kept_once(database) {
        let site = Site::on(database).await;
        let mut root = root(&site).await;
        root.open("/console/apps/new?is=nextcloud").await;
        root.send(&[("name", "Cloud"), ("address", "https://cloud.example.org"), ("groups", "Acme\nACME")]).await;
        let setup = root.browser.text_of("setup").unwrap();
        assert!(!setup.contains("YOUR") && !setup.contains("client set"), "nothing of it needs a shell: {setup}");
        let added = details(&site, "client.added").await;
        let apps = clients::list(&mut site.admin.db.read().await.unwrap(), "", 100).await.unwrap();
        let cloud = apps.iter().find(|app| app.metadata.client_name == "Cloud").unwrap();
        assert_eq!(cloud.metadata.post_logout_redirect_uris, ["https://cloud.example.org/"]);
        // The app moves: a wrong address is told beside its own field, and a right one is kept.
        let page = format!("/console/apps/{}", cloud.id);
        root.open(&page).await;
        root.send(&[("post_logout_redirect_uris", "http://files.example.org/")]).await;
        assert!(root.browser.text_of("post_logout_redirect_uris-error").unwrap().contains("files.example.org"));
        assert!(root.browser.text_of("redirect_uris-error").is_none());
        root.send(&[("post_logout_redirect_uris", "https://files.example.org/\nhttps://cloud.example.org/")]).await;
        assert!(root.saved().is_some(), "{}", root.browser.text());
        let moved = clients::find(&mut site.admin.db.read().await.unwrap(), &cloud.id).await.unwrap().unwrap();
        let both = ["https://files.example.org/", "https://cloud.example.org/"];
        assert_eq!(moved.metadata.post_logout_redirect_uris, both);
        // So is where it is told that somebody has signed out; nothing there, and it is told no longer.
        for (typed, kept) in [("https://files.example.org/out", Some("https://files.example.org/out")), ("", None)] {
            root.open(&page).await;
            root.send(&[("backchannel_logout_uri", "http://files.example.org/out")]).await;
            assert!(root.browser.text_of("backchannel_logout_uri-error").unwrap().contains("must be an https address"));
            root.send(&[("backchannel_logout_uri", typed)]).await;
            assert!(root.saved().is_some(), "{}", root.browser.text());
            let told = clients::find(&mut site.admin.db.read().await.unwrap(), &cloud.id).await.unwrap().unwrap();
            assert_eq!(told.metadata.backchannel_logout_uri.as_deref(), kept);
        }
        root.open(&page).await.send(&[("post_logout_redirect_uris", "")]).await;
        let nowhere = clients::find(&mut site.admin.db.read().await.unwrap(), &cloud.id).await.unwrap().unwrap();
        assert!(nowhere.metadata.post_logout_redirect_uris.is_empty());
        assert_eq!(added["allowed_groups"], serde_json::json!([site.acme.id]));
        assert_eq!(added["redirect_uris"][0], "https://cloud.example.org/apps/user_oidc/code");
        root.open("/console/audit?kind=client").await;
        let list = root.browser.text_of("results").unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(list.contains("Acme") && !list.contains(&site.acme.id), "{list}");
        let app = site.admin.add_app().await;
        root.open(&format!("/console/apps/{}", app.client_id)).await.browser.press("secret").await;
        root.browser.submit().await;
        root.open("/console/audit?kind=client").await;
        assert!(told(&root).contains("2027-01-16 08:00 UTC") && !told(&root).contains("T08:00"), "{}", told(&root));
    }

    async fn why_access_was_denied_is_told_apart(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        let app = site.admin.add_app_with(|metadata| metadata.allowed_groups = vec![bolt.id.clone()]).await;
        let ada = site.after_password(&app.visit(), "ada").await;
        assert!(ada.has_left(), "{}", ada.text());
        let mut root = root(&site).await;
        root.open(&format!("/console/apps/{}", app.client_id)).await;
        let refused = root.browser.text_of("refused").unwrap();
        assert!(refused.contains("None of their groups may use the app.") && !refused.contains("said no"), "{refused}");
    }

    async fn the_second_of_two_sees_what_the_first_has_changed(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut first = root(&site).await;
        let page = format!("/console/apps/{}", app.client_id);
        first.open(&page).await;
        let mut second = Manager::arrives(&site, "root").await;
        second.open(&page).await;
        first.send(&[("name", "Hours")]).await;
        second.send(&[("name", "Times")]).await;
        assert_eq!(second.browser.status(), 422);
        let text = told(&second);
        assert!(text.contains("Somebody else has changed this app") && text.contains("Now: Hours"), "{text}");
        assert_eq!(second.browser.field("name").as_deref(), Some("Times"));
        second.browser.submit().await;
        assert_eq!(second.saved().as_deref().map(str::trim), Some("Times is saved."));
    }

    async fn what_an_app_does_wrong_is_told_with_what_to_do_about_it(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut browser = site.browser();
        let ask = |uri: &str, rest: &str| {
            let uri: String = form_urlencoded::byte_serialize(uri.as_bytes()).collect();
            format!("/authorize?client_id={}&response_type=code&redirect_uri={uri}{rest}", app.client_id)
        };
        let near = format!("{}/", app.redirect_uri);
        browser.open(&ask(&near, "&scope=openid")).await;
        assert_eq!(browser.status(), 400);
        // Whatever strangers send in its name hides nothing of that, and is one row.
        for n in 0..50 {
            browser.open(&ask(&format!("https://evil{n}.example/"), "&scope=openid")).await;
        }
        browser.open(&ask(&app.redirect_uri, "&scope=openid+moon+landings")).await;
        let wrong = RelyingApp { client_secret: Some("wrong".to_owned()), ..app.clone() };
        assert!(!believed(&wrong).await);
        let visit = app.visit();
        let (mut ned, code) = (site.after_password(&visit, "ned").await, site.inbox("ned@example.org").code());
        ned.fill("code", &code).fill("password", PASSWORD).submit().await;
        let code = visit.code(&ned.arrived());
        for expected in [None, Some("invalid_grant")] {
            assert_eq!(app.redeem_code(&visit, &code).await.error().as_deref(), expected);
        }
        let mut root = root(&site).await;
        assert!(root.browser.text().contains("Somebody asked 53 times today in the name of Time Tracker in a way that cannot be answered."), "{}", root.browser.text());
        let page = format!("/console/apps/{}", app.client_id);
        assert!(root.browser.links().contains(&page));
        root.open(&page).await;
        assert!(told(&root).contains("People get in. Before that, somebody asked in its name"), "{}", told(&root));
        let mistakes = root.browser.text_of("mistakes").unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        for expected in [
            "an address that is almost registered once, last 2027-01-15 08:00 UTC It sent",
            "only in the slash at the end of the path.",
            "not registered 50 times",
            "https://evil49.example/",
            "It was told moon landings",
            "It sends a wrong client secret once",
            "It comes with a code that is unknown, too old or used already once",
            "It was told the code has been used before",
            "Copy the secret into the app once more.",
        ] {
            assert!(mistakes.contains(expected), "{expected}: {mistakes}");
        }
        let mut conn = site.admin.db.read().await.unwrap();
        assert_eq!(slips::of_client(&mut conn, &app.client_id, 0).await.unwrap().len(), 5);
        drop(conn);
        site.admin.change_app(&app, |m| m.redirect_uris.push(near.clone())).await;
        root.open(&page).await;
        assert!(root.browser.text_of("mistakes").unwrap().contains("This address is registered now."));
        site.advance(7 * 86_400);
        let mut root = Manager::arrives(&site, "root").await;
        assert!(!root.browser.text().contains("in the name of Time Tracker"), "{}", root.browser.text());
        root.open(&page).await;
        assert_eq!(root.browser.text_of("mistakes"), None);
        site.advance(30 * 86_400);
        purge::run(&site.admin.db, site.now()).await.unwrap();
        let mut conn = site.admin.db.read().await.unwrap();
        assert_eq!(slips::of_client(&mut conn, &app.client_id, 0).await.unwrap(), []);
    }

    /// Whoever knows the client ID can ask in its name: that keeps nobody out.
    async fn what_strangers_send_in_an_apps_name_does_not_say_that_people_cannot_get_in(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut browser = site.browser();
        let ask = |uri: &str| {
            let uri: String = form_urlencoded::byte_serialize(uri.as_bytes()).collect();
            format!("/authorize?client_id={}&response_type=code&scope=openid&redirect_uri={uri}", app.client_id)
        };
        browser.open(&ask("https://evil.example/")).await;
        let wrong = RelyingApp { client_secret: Some("wrong".to_owned()), ..app.clone() };
        assert!(!believed(&wrong).await);
        let mut root = root(&site).await;
        let page = format!("/console/apps/{}", app.client_id);
        root.open(&page).await;
        assert!(told(&root).contains("Somebody asks in its name from an address that is not registered"), "{}", told(&root));
        assert!(!told(&root).contains("People cannot get in,"), "{}", told(&root));
        root.open("/console/apps").await;
        assert!(told(&root).contains("Somebody asks in the name of an app"), "{}", told(&root));
        site.advance(1);
        let visit = app.visit();
        let ada = site.after_password(&visit, "ada").await;
        app.redeem(&visit, &ada.arrived()).await;
        root.open(&page).await;
        assert!(told(&root).contains("People get in."), "{}", told(&root));
        site.advance(1);
        browser.open(&ask(&format!("{}/", app.redirect_uri))).await;
        root.open(&page).await;
        assert!(told(&root).contains("People cannot get in, because the app asks in a way"), "{}", told(&root));
    }

    async fn whoever_takes_an_app_from_its_people_is_asked_first(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        let app = site.admin.add_app().await;
        for login in ["bea", "bob"] {
            let user = site.admin.add_user(&bolt, login, "User", None).await;
            site.admin.add_grant(&app, &user.id).await;
        }
        site.admin.add_grant(&app, &site.admin.user("ned").await.id).await;
        let mut root = root(&site).await;
        let page = format!("/console/apps/{}", app.client_id);
        root.open(&page).await.send(&[("name", "Hours"), ("groups", "Acme")]).await;
        let text = told(&root);
        assert!(text.contains("2 people lose access: bea, bob.") && !text.contains("ned"), "{text}");
        assert!(root.browser.links().contains(&format!("/console/users/{}", site.admin.user("bea").await.id)));
        let events = site.admin.events().await;
        assert!(events.iter().all(|event| event.event != "client.changed"), "nothing is saved before");
        root.browser.submit().await;
        assert_eq!(root.saved().as_deref().map(str::trim), Some("Hours is saved."));
        assert_eq!(details(&site, "client.changed").await["after"]["client_name"], "Hours");
        // To more groups, or to others of whom nobody uses it: nobody loses it.
        for groups in ["Acme\nBolt", "", "Acme\nBolt"] {
            root.open(&page).await.send(&[("groups", groups)]).await;
            assert!(root.saved().is_some(), "{groups}: {}", told(&root));
        }
        root.open(&page).await.send(&[("groups", "Bolt")]).await;
        assert!(told(&root).contains("One person loses access: ned."), "{}", told(&root));
    }

    async fn apps_are_sorted_by_their_heads(database) {
        let site = Site::on(database).await;
        let (acme, bolt) = (site.acme.id.clone(), site.admin.add_group("Bolt", false).await.id);
        for (name, groups) in [("Anvil", vec![acme.clone(), bolt]), ("Bellows", vec![]), ("Chisel", vec![acme])] {
            site.admin.add_app_with(|metadata| {
                metadata.client_name = name.to_owned();
                metadata.allowed_groups = groups;
            }).await;
        }
        let mut root = root(&site).await;
        for (sort, expected) in [
            ("name", ["Anvil", "Bellows", "Chisel"]),
            ("-name", ["Chisel", "Bellows", "Anvil"]),
            ("groups", ["Bellows", "Chisel", "Anvil"]),
            ("-groups", ["Anvil", "Chisel", "Bellows"]),
            // All are of one kind: by their names.
            ("kind", ["Anvil", "Bellows", "Chisel"]),
            ("-kind", ["Chisel", "Bellows", "Anvil"]),
        ] {
            root.open(&format!("/console/apps?sort={sort}")).await;
            let text = root.browser.text_of("results").unwrap();
            let mut found = expected;
            found.sort_by_key(|name| text.find(name));
            assert_eq!(found, expected, "{sort}: {text}");
            assert_eq!(root.browser.page().body.matches("aria-sort=").count(), 1, "{sort}");
        }
    }

    async fn who_may_use_an_app_and_who_does_is_listed_page_by_page(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        let app = site.admin.add_app().await;
        for n in 0..60 {
            let (login, group) = (format!("user{n:02}"), if n < 3 { &bolt } else { &site.acme });
            let user = site.admin.add_user(group, &login, "User", None).await;
            site.admin.add_grant(&app, &user.id).await;
        }
        let mut root = root(&site).await;
        let page = format!("/console/apps/{}/people", app.client_id);
        root.open(&page).await;
        assert!(told(&root).contains("60 people of your groups use it now.") && told(&root).contains("Everybody."), "{}", told(&root));
        let mut seen = std::collections::BTreeSet::new();
        for of_page in [40, 20] {
            let list = root.browser.text_of("people").unwrap();
            let logins: Vec<String> = (0..60).map(|n| format!("user{n:02}")).filter(|login| list.contains(login)).collect();
            assert_eq!(logins.len(), of_page, "{list}");
            seen.extend(logins);
            if let Some(next) = root.browser.links().iter().find(|link| link.contains("after=")) {
                let next = next.clone();
                root.open(&next).await;
            }
        }
        assert_eq!(seen.len(), 60);
        site.admin.change_app(&app, |m| m.allowed_groups = vec![site.acme.id.clone(), bolt.id.clone()]).await;
        let rights = "manage_relying_apps view_users manage_own_settings";
        site.admin.add_role(&site.acme, "App keeper", 100, rights).await;
        site.admin.add_user(&site.acme, "kim", "App keeper", Some("kim@example.org")).await;
        let mut kim = Manager::arrives(&site, "kim").await;
        kim.open(&page).await;
        assert!(told(&kim).contains("57 people of your groups") && told(&kim).contains("one group outside yours"), "{}", told(&kim));
        assert!(!told(&kim).contains("Bolt") && !told(&kim).contains("user00"), "{}", told(&kim));
        let links = kim.browser.links();
        assert!(links.contains(&format!("/console/groups/{}", site.acme.id)), "{links:?}");
        // What they have still stands in the list, and that it counts for nothing: they use it no more.
        assert!(!told(&kim).contains("may not use it any more"), "{}", told(&kim));
        site.admin.change_app(&app, |m| m.allowed_groups = vec![bolt.id.clone()]).await;
        kim.open(&page).await;
        assert_eq!(root.browser.text_of("barred"), None, "{}", told(&root));
        assert!(told(&kim).contains("Nobody of your groups uses it now."), "{}", told(&kim));
        assert!(kim.browser.text_of("barred").unwrap().starts_with("57 more have signed in there before"), "{}", told(&kim));
        let list = kim.browser.text_of("people").unwrap();
        assert_eq!(list.matches("may not use it any more").count(), 40, "{list}");
        // Of those below a group that may use it, each may; of the others none.
        let design = site.admin.add_subgroup(&site.acme, "Design", false).await;
        let dora = site.admin.add_user(&design, "dora", "User", None).await;
        site.admin.add_grant(&app, &dora.id).await;
        site.admin.change_app(&app, |m| m.allowed_groups = vec![bolt.id.clone(), design.id.clone()]).await;
        kim.open(&page).await;
        assert!(told(&kim).contains("One person of your groups uses it now."), "{}", told(&kim));
        root.open(&page).await;
        assert!(told(&root).contains("4 people of your groups use it now."), "{}", told(&root));
        assert!(root.browser.text_of("barred").unwrap().starts_with("57 more"), "{}", told(&root));
        root.open(&format!("/console/apps/{}", app.client_id)).await;
        assert!(told(&root).contains("4 people of your groups use it now."), "{}", told(&root));
        site.admin.change_app(&app, |m| m.allowed_groups = vec![site.acme.id.clone()]).await;
        kim.open(&page).await;
        assert!(told(&kim).contains("58 people of your groups use it now."), "{}", told(&kim));
        assert_eq!(kim.browser.text_of("barred"), None, "{}", told(&kim));
    }

    async fn whoever_deletes_an_app_is_told_how_many_use_it(database) {
        let site = Site::on(database).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let ada = site.after_password(&visit, "ada").await;
        assert!(ada.has_left(), "{}", ada.text());
        app.redeem(&visit, &ada.arrived()).await;
        ada.forget_cookies();
        let mut root = root(&site).await;
        root.open(&format!("/console/apps/{}", app.client_id)).await;
        root.browser.press("delete").await;
        assert!(told(&root).contains("One person of your groups uses it now."), "{}", told(&root));
        root.browser.submit().await;
        assert_eq!(root.saved().as_deref().map(str::trim), Some("Time Tracker is deleted."));
        assert_eq!(details(&site, "client.deleted").await["name"], "Time Tracker");
        root.open(&format!("/console/apps/{}", app.client_id)).await;
        assert_eq!(root.browser.status(), 404);
    }

    async fn why_a_sign_in_was_refused_stands_on_the_apps_page(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "tia", "Top manager", None).await;
        let strict = site.admin.add_app_with(|m| m.require_two_factor = true).await;
        site.after_password(&strict.visit(), "tia").await;
        let mut root = root(&site).await;
        root.open("/console/apps").await;
        assert!(told(&root).contains("One sign-in was refused today."), "{}", told(&root));
        root.open(&format!("/console/apps/{}", strict.client_id)).await;
        let refused = root.browser.text_of("refused").unwrap();
        assert!(refused.contains("no email address") && refused.contains("tia"), "{refused}");
        let tia = format!("/console/users/{}", site.admin.user("tia").await.id);
        assert!(root.browser.links().contains(&tia), "{:?}", root.browser.links());
    }
}
