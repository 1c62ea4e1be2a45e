//! Is something done for several at once as they were shown, for those alone who are outranked, and each with its event? And is a move said
//! first, with what it takes and gives?

use countersign::directory::Status;
use countersign::directory::users::Changes;

use crate::support::manager::Manager;
use crate::support::site::Site;

async fn changed(site: &Site, event: &str) -> usize {
    site.admin.events().await.iter().filter(|row| row.event == event).count()
}

crate::on_both_databases! {
    async fn people_without_an_address_get_one_in_a_domain_and_those_above_are_left_out(database) {
        let site = Site::on(database).await;
        let acme = &site.acme;
        site.admin.add_user(acme, "ona", "User", None).await;
        site.admin.add_user(acme, "omar", "Manager", None).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users").await;
        let link = max.browser.links().into_iter().find(|link| link.ends_with("/console/users/several")).unwrap();
        max.open(&link).await;
        assert!(max.browser.text().contains("omar"), "{}", max.browser.text());
        max.open("/console/users/several/preview?deed=domain&domain=example.net&scope=all").await;
        let text = max.browser.text();
        for told in ["2 people get an address", "One is left out.", "Only somebody of higher rank", "nia@example.net", "ona@example.net"] {
            assert!(text.contains(told), "{told}: {text}");
        }
        assert!(!text.contains("omar@example.net"), "{text}");
        assert_eq!(changed(&site, "user.changed").await, 0, "a look changes nothing");
        max.browser.submit().await;
        assert!(max.saved().unwrap().contains("2 people have an address now."), "{}", max.browser.text());
        assert_eq!(changed(&site, "user.changed").await, 2);
        assert_eq!(site.admin.user("nia").await.email.as_deref(), Some("nia@example.net"));
        assert_eq!(site.admin.user("omar").await.email, None);
        // Sent by hand it is refused too.
        let omar = site.admin.user("omar").await.id;
        max.browser.post("/console/users/several/domain", &[("who", &omar), ("domain", "example.net")]).await;
        assert_eq!(max.browser.status(), 422);
        assert_eq!(site.admin.user("omar").await.email, None);
    }

    async fn only_those_who_are_ticked_are_meant_and_none_of_another_tree(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        let bea = site.admin.add_user(&bolt, "bea", "User", None).await.id;
        let ona = site.admin.add_user(&site.acme, "ona", "User", None).await.id;
        let mut max = Manager::arrives(&site, "max").await;
        let preview = "/console/users/several/preview?deed=domain&domain=example.net&scope=ticked";
        max.open(&format!("{preview}&who-{ona}=on")).await;
        let text = max.browser.text();
        assert!(text.contains("ona@example.net") && !text.contains("nia@example.net"), "{text}");
        max.open(&format!("{preview}&who-{bea}=on")).await;
        assert_eq!(max.browser.status(), 404);
        max.browser.post("/console/users/several/domain", &[("who", &bea), ("domain", "example.net")]).await;
        assert_eq!(max.browser.status(), 404);
        max.open(preview).await;
        assert_eq!(max.browser.status(), 422);
        assert!(max.browser.error().unwrap().contains("tick somebody else"), "{}", max.browser.text());
        max.open(&format!("/console/users/several/preview?deed=domain&domain=no+domain&scope=ticked&who-{ona}=on")).await;
        assert_eq!(max.browser.status(), 422);
        assert!(max.browser.text_of("domain-error").is_some());
        max.open(&format!("/console/users/several/preview?deed=domain&domain=&scope=ticked&who-{ona}=on")).await;
        assert_eq!(max.browser.text_of("domain-error").as_deref(), Some("Type a domain such as example.org."));
        assert!(max.browser.page().body.contains(&format!("name=\"who-{ona}\" checked")), "what was ticked stays");
    }

    /// Somebody else deletes one of them, and moves another away: the others keep what was meant for them, and the page says what became of it.
    /// What is of another tree is like what never was.
    async fn whoever_is_gone_meanwhile_keeps_no_other_from_it(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        let mut id = std::collections::BTreeMap::new();
        for (group, login) in [(&site.acme, "olga"), (&site.acme, "omar"), (&site.acme, "ona"), (&bolt, "bea")] {
            id.insert(login, site.admin.add_user(group, login, "User", None).await.id);
        }
        let mut max = Manager::arrives(&site, "max").await;
        let ticked: String = ["olga", "omar", "ona"].map(|login| format!("&who-{}=on", id[login])).concat();
        let preview = format!("/console/users/several/preview?deed=domain&domain=example.net&scope=ticked{ticked}");
        max.open(&preview).await;
        assert!(max.browser.text().contains("3 people get an address"), "{}", max.browser.text());
        site.admin.delete_user("omar").await;
        max.browser.submit().await;
        let said = max.saved().unwrap();
        assert!(said.contains("2 people have an address now. One of those who were chosen is no longer here."), "{said}");
        assert_eq!(site.admin.user("ona").await.email.as_deref(), Some("ona@example.net"));
        max.browser.press("undo").await;
        assert!(max.saved().unwrap().contains("2 people have no address again."), "{}", max.browser.text());
        // Chosen on a list that was drawn before.
        max.open(&preview).await;
        let text = max.browser.text();
        assert!(text.contains("2 people get an address") && text.contains("One of those who were chosen is no longer here."), "{text}");
        let mut told = Vec::new();
        for stranger in [id["bea"].as_str(), id["omar"].as_str(), "01HZX3N6W8Q4T2V7K9B5C1D0EF", "who"] {
            max.open(&format!("{preview}&who-{stranger}=on")).await;
            assert!(!max.browser.text().contains("bea"), "{}", max.browser.text());
            site.admin.change_email("ona", None).await;
            let who = format!("{} {stranger} {}", id["ona"], id["ona"]);
            max.browser.post("/console/users/several/domain", &[("who", &who), ("domain", "example.net")]).await;
            assert_eq!(site.admin.user("ona").await.email.as_deref(), Some("ona@example.net"));
            told.push(max.saved().unwrap());
        }
        assert!(told[0].contains("One person has an address now. One of those who were chosen is no longer here."), "{told:?}");
        assert!(told.iter().all(|said| *said == told[0]), "{told:?}");
        assert_eq!(site.admin.user("bea").await.email, None);
        // Where nobody is left of them there is nothing to be done.
        let gone = format!("{} {}", id["bea"], id["omar"]);
        for (to, deed) in [("domain", ("domain", "example.net")), ("invite", ("deed", "invite"))] {
            max.browser.post(&format!("/console/users/several/{to}"), &[("who", &gone), deed]).await;
            assert_eq!(max.browser.status(), 404, "{to}");
        }
    }

    async fn whoever_is_changed_meanwhile_is_said_to_be_left(database) {
        let site = Site::on(database).await;
        let mut who = Vec::new();
        for login in ["ida", "ivo", "ivy"] {
            who.push(site.admin.add_invited(&site.acme, login, Some(&format!("{login}@example.org"))).await.id);
        }
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users/several/preview?deed=invite&scope=all").await;
        assert!(max.browser.text().contains("3 people are sent a link"), "{}", max.browser.text());
        site.admin.change("ivo", Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
        site.admin.delete_user("ivy").await;
        max.browser.submit().await;
        let said = max.saved().unwrap();
        assert!(said.contains("One invitation is on its way. For 2 of those who were chosen it was not done"), "{said}");
        // Twice the same is one.
        max.browser.post("/console/users/several/invite", &[("who", &format!("{0} {0}", who[0]))]).await;
        assert!(max.saved().unwrap().contains("One invitation is on its way."), "{}", max.browser.text());
        // What is refused is told in words of the console.
        for _ in 0..4 {
            max.browser.post("/console/users/several/invite", &[("who", &who[0])]).await;
        }
        max.browser.post("/console/users/several/invite", &[("who", &who[0])]).await;
        assert_eq!(max.browser.status(), 422, "{}", max.browser.text());
        assert!(max.browser.error().unwrap().contains("many links within an hour"), "{}", max.browser.text());
    }

    /// What several were given together goes back together; what somebody has set since stays, and other trees are not touched.
    async fn addresses_that_were_given_together_are_taken_back_together(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", true).await;
        site.admin.add_user(&bolt, "bea", "User", Some("bea@example.net")).await;
        site.admin.add_user(&site.acme, "omar", "User", None).await;
        site.admin.add_user(&site.acme, "ona", "User", None).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users/several/preview?deed=domain&scope=all&domain=example.net").await;
        max.browser.submit().await;
        assert!(max.saved().unwrap().contains("3 people have an address now."), "{}", max.browser.text());
        let (_, _, mut fields) = max.browser.submission("undo");
        site.admin.change_email("ona", Some("ona@example.org")).await;
        let bea = site.admin.user("bea").await.id;
        let who = &mut fields.iter_mut().find(|(name, _)| name == "who").unwrap().1;
        *who = format!("{who} {bea}");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        max.browser.post("/console/users/several/domain/undo", &fields).await;
        assert!(max.saved().unwrap().contains("2 people have no address again."), "{}", max.browser.text());
        for (login, email) in
            [("nia", None), ("omar", None), ("ona", Some("ona@example.org")), ("bea", Some("bea@example.net"))]
        {
            assert_eq!(site.admin.user(login).await.email.as_deref(), email, "{login}");
        }
    }

    async fn all_who_never_chose_a_password_are_invited_page_by_page(database) {
        let site = Site::on(database).await;
        for n in 0..30 {
            let email = format!("i{n:02}@example.org");
            site.admin.add_invited(&site.acme, &format!("i{n:02}"), Some(&email)).await;
        }
        site.admin.add_invited(&site.acme, "i99", None).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users/several/preview?deed=invite&scope=all").await;
        let text = max.browser.text();
        assert!(text.contains("25 people are sent a link") && text.contains("More of the list come after these."), "{text}");
        max.browser.submit().await;
        assert!(max.saved().unwrap().contains("25 invitations are on their way."), "{}", max.browser.text());
        assert_eq!(changed(&site, "user.link_issued").await, 25);
        let text = max.browser.text();
        assert!(text.contains("5 people are sent a link") && text.contains("One is left out."), "{text}");
        max.browser.submit().await;
        assert_eq!(changed(&site, "user.link_issued").await, 30);
        site.inbox("i29@example.org").wait_for("password").await;
        assert_eq!(max.browser.page().url.path(), "/console/users");
    }

    async fn a_move_says_first_what_it_takes_and_gives_and_is_undone(database) {
        let site = Site::on(database).await;
        let sales = site.admin.add_subgroup(&site.acme, "Sales", false).await;
        let app = site.admin.add_app_with(|app| {
            app.client_name = "Payroll".to_owned();
            app.allowed_groups = vec![sales.id.clone()];
        }).await;
        drop(app);
        let nia = site.admin.user("nia").await.id;
        let page = format!("/console/users/{nia}");
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&page).await.send(&[("group", "Acme/Sales"), ("name", "Nia Nnadi")]).await;
        assert_eq!(max.browser.status(), 200);
        let text = max.browser.text();
        for told in ["From Acme", "To Acme/Sales", "No code is asked of them there", "They can use Payroll as well.", "Can sign in with the password alone"] {
            assert!(text.contains(told), "{told}: {text}");
        }
        assert_eq!(site.admin.user("nia").await.group.unwrap().name, "Acme", "nothing is saved yet");
        max.browser.submit().await;
        assert!(max.saved().is_some(), "{}", max.browser.text());
        let now = site.admin.user("nia").await;
        assert_eq!((now.group.unwrap().name.as_str(), now.name.as_deref()), ("Sales", Some("Nia Nnadi")));
        assert!(max.browser.text().contains("It is for Acme/Sales."), "{}", max.browser.text());
        max.browser.press("undo").await;
        assert_eq!(site.admin.user("nia").await.group.unwrap().name, "Acme", "{}", max.browser.text());
        // Back where a code is asked for, and none reaches her.
        max.open(&page).await.send(&[("group", "Acme/Sales")]).await;
        max.browser.submit().await;
        max.open(&page).await.send(&[("group", "Acme")]).await;
        let text = max.browser.text();
        assert!(text.contains("A code is asked of them there") && text.contains("Cannot sign in"), "{text}");
        assert!(text.contains("They can no longer use Payroll."), "{text}");
    }

    async fn a_site_administrator_moves_somebody_to_another_tree_with_a_role_of_that_tree(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        site.admin.add_role(&site.acme, "Designer", 5, "track_time").await;
        site.admin.change_role("nia", "Designer").await;
        site.admin.add_site_administrator("root").await;
        let ned = site.admin.user("ned").await.id;
        let mut root = Manager::arrives(&site, "root").await;
        root.open(&format!("/console/users/{ned}")).await.send(&[("group", "Bolt")]).await;
        let text = root.browser.text();
        assert!(text.contains("To Bolt") && text.contains("Their role is User then"), "{text}");
        root.browser.submit().await;
        assert!(root.saved().is_some(), "{}", root.browser.text());
        let moved = site.admin.user("ned").await;
        assert_eq!(moved.group.unwrap().id, bolt.id);
        // No role of this name is there: one is chosen of those that are.
        let nia = site.admin.user("nia").await.id;
        root.open(&format!("/console/users/{nia}")).await.send(&[("group", "Bolt")]).await;
        assert_eq!(root.browser.status(), 422);
        assert!(root.browser.text_of("role-error").unwrap().contains("choose one of its own"), "{}", root.browser.text());
        root.send(&[("role", "Client")]).await;
        let text = root.browser.text();
        assert!(text.contains("They lose these rights: track_time."), "{text}");
        root.browser.submit().await;
        assert_eq!(site.admin.user("nia").await.role.name, "Client", "{}", root.browser.text());
    }

    async fn a_move_that_the_rules_refuse_is_refused_before_the_question(database) {
        let site = Site::on(database).await;
        let sales = site.admin.add_subgroup(&site.acme, "Sales", true).await;
        drop(sales);
        let mut max = Manager::arrives(&site, "max").await;
        for login in ["ada", "max"] {
            let id = site.admin.user(login).await.id;
            max.browser.post(&format!("/console/users/{id}"), &[("group", "Acme/Sales")]).await;
            assert_eq!(max.browser.status(), 422, "{login}: {}", max.browser.text());
            max.browser.post(&format!("/console/users/{id}"), &[("group", "Acme/Sales"), ("confirm", "yes")]).await;
            assert_eq!(max.browser.status(), 422, "{login}: {}", max.browser.text());
            assert_eq!(site.admin.user(login).await.group.unwrap().name, "Acme");
        }
    }

    async fn a_person_s_page_says_which_apps_they_may_use_which_they_do_and_why(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        let app = site.admin.add_app().await;
        let id = bolt.id.clone();
        site.admin.add_app_with(|app| {
            app.client_name = "Bolt's own".to_owned();
            app.allowed_groups = vec![id];
        }).await;
        site.admin.add_app_with(|app| {
            app.client_name = "Vault".to_owned();
            app.require_two_factor = true;
        }).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let visit = app.visit();
        site.signed_in(&app, &visit, "nia").await;
        let mut max = Manager::arrives(&site, "max").await;
        let nia = site.admin.user("nia").await.id;
        max.open(&format!("/console/users/{nia}")).await;
        let text = max.browser.text();
        assert!(text.contains("Time Tracker Yes It is for everybody. since"), "{text}");
        assert!(text.contains("Vault No It is for everybody. But: cannot sign in: no email address") , "{text}");
        assert!(!text.contains("Bolt's own"), "an app for another tree alone is not there: {text}");
    }
}
