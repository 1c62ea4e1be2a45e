//! Can a manager find everybody of their own, see who cannot sign in and why, and help them in; and nobody else's?

use countersign::directory::Status;
use countersign::directory::users::Changes;
use countersign::signin::last;

use crate::support::admin::PASSWORD;
use crate::support::manager::Manager;
use crate::support::site::Site;

/// Opens somebody's page.
async fn at<'m, 's>(manager: &'m mut Manager<'s>, site: &Site, login: &str) -> &'m mut Manager<'s> {
    let id = site.admin.user(login).await.id;
    manager.open(&format!("/console/users/{id}")).await
}

/// The logins that a list shows, in its order.
fn listed(manager: &Manager<'_>) -> Vec<String> {
    let links = manager.browser.links();
    let people = links.iter().filter(|link| {
        link.contains("/console/users/") && !link.ends_with("/new") && !link.contains("/several")
    });
    people.cloned().collect()
}

/// The rows of a list, and the login of each.
fn rows<'p>(manager: &'p Manager<'_>) -> Vec<(&'p str, &'p str)> {
    let rows = manager.browser.page().body.split("<tr>").skip(1);
    rows.filter_map(|row| Some((row.split_once("</a>")?.0.rsplit_once('>')?.1, row))).collect()
}

fn names(manager: &Manager<'_>) -> Vec<String> {
    rows(manager).into_iter().map(|(login, _)| login.to_owned()).collect()
}

/// When somebody has last signed in, as the list says it.
async fn last_of(manager: &mut Manager<'_>, login: &str) -> Option<String> {
    manager.open("/console/users?sort=-last-sign-in").await;
    let rows = rows(manager);
    let (_, row) = rows.into_iter().find(|(name, _)| *name == login).unwrap();
    row.split("datetime=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
}

async fn changed_fields(site: &Site) -> usize {
    site.admin.events().await.iter().filter(|event| event.event == "user.changed").count()
}

crate::on_both_databases! {
    /// Somebody else has just become the last but one who signs in without a code, and goes: what Ada may no longer set is text, and true.
    async fn what_nobody_may_change_any_more_is_shown_as_it_is(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        let page = format!("/console/users/{}", site.admin.user("ada").await.id);
        ada.browser.post(&page, &[("status", "disabled"), ("name", "Ada Adams"), ("confirm", "yes")]).await;
        assert_eq!(ada.browser.status(), 422, "{}", ada.browser.text());
        assert!(ada.browser.error().unwrap().contains("Two-factor is on in Acme, and nobody else there"), "{:?}", ada.browser.error());
        let text = ada.browser.text();
        assert!(text.contains("Status Active") && !text.contains("Status Disabled"), "{text}");
        assert_eq!(ada.browser.field("name").as_deref(), Some("Ada Adams"), "what was typed stays");
    }

    async fn the_list_says_who_cannot_sign_in_and_why(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users").await;
        let text = max.browser.text();
        assert!(text.contains("One person here cannot sign in."), "{text}");
        assert!(text.contains("cannot sign in: no email address"), "{text}");
        assert_eq!(listed(&max).len(), 4, "{:?}", listed(&max));
        max.open("/console/users?filter=cannot-sign-in").await;
        assert_eq!(listed(&max).len(), 1, "{}", max.browser.text());
        site.admin.change_email("nia", Some("nia@example.org")).await;
        max.open("/console/users").await;
        assert!(max.browser.text().contains("Nobody here is kept out"), "{}", max.browser.text());
        site.admin.stop_codes("ned").await;
        max.open("/console/users?filter=stopped").await;
        let text = max.browser.text();
        assert!(text.contains("cannot sign in: codes stopped") && listed(&max).len() == 1, "{text}");
    }

    async fn each_filter_shows_its_own(database) {
        let site = Site::on(database).await;
        let disabled = Changes { status: Some(Status::Disabled), ..Changes::default() };
        site.admin.change("ned", disabled).await;
        let mut max = Manager::arrives(&site, "max").await;
        for (filter, expected) in [
            ("disabled", vec!["ned"]),
            ("no-email", vec!["nia"]),
            ("invited", vec![]),
            ("never-signed-in", vec!["ada", "nia"]),
            ("no-such-filter", vec!["ada", "max", "ned", "nia"]),
        ] {
            max.open(&format!("/console/users?filter={filter}")).await;
            let mut ids = Vec::new();
            for login in &expected {
                ids.push(site.admin.user(login).await.id);
            }
            let found = listed(&max);
            assert_eq!(found.len(), ids.len(), "{filter}: {}", max.browser.text());
            assert!(found.iter().zip(&ids).all(|(link, id)| link.ends_with(id.as_str())), "{filter}: {found:?}");
        }
        assert!(max.open("/console/users?filter=invited").await.browser.text().contains("Nobody here is like that."));
    }

    /// By each head, either way, page after page: nobody twice, nobody left out, those without a name together.
    async fn the_list_is_sorted_by_link(database) {
        let site = Site::on(database).await;
        for n in 0..60 {
            let login = format!("p{n:02}");
            site.admin.add_user(&site.acme, &login, "User", None).await;
            // Ten of each name, and ten without one.
            if n % 6 > 0 {
                let name = Some(format!("Name {}", n % 6));
                site.admin.change(&login, Changes { name, ..Changes::default() }).await;
            }
        }
        let mut max = Manager::arrives(&site, "max").await;
        let mut orders = Vec::new();
        for sort in ["login", "-login", "name", "-name", "role", "-role", "group", "-group", "last-sign-in", "-last-sign-in"] {
            max.open(&format!("/console/users?sort={sort}")).await;
            let way = if sort.starts_with('-') { "descending" } else { "ascending" };
            assert_eq!(max.browser.page().body.matches(&format!("aria-sort=\"{way}\"")).count(), 1, "{sort}");
            let mut all = listed(&max);
            while let Some(next) = max.browser.links().into_iter().find(|link| link.contains("after=")) {
                max.open(&next).await;
                all.extend(listed(&max));
            }
            assert_eq!(all.len(), 64, "{sort}");
            orders.push(all);
        }
        let site_id = site.admin.user("p59").await.id;
        let reversed = |order: &Vec<String>| order.iter().rev().cloned().collect::<Vec<_>>();
        for pair in orders.chunks(2) {
            assert_eq!(reversed(&pair[0]), pair[1]);
        }
        // All of one group: by their logins. Of those of one role, too.
        assert_eq!(orders[6], orders[0]);
        let last: Vec<String> = orders[4].iter().rev().take(3).cloned().collect();
        assert!(last.iter().any(|link| link.ends_with(site_id.as_str())), "User is the last of the roles: {last:?}");
        let mut by_name = Vec::new();
        for link in &orders[2] {
            let person = site.admin.user_of(link.rsplit('/').next().unwrap()).await;
            by_name.push((person.name.unwrap_or_default().to_lowercase(), person.login));
        }
        assert!(by_name.is_sorted(), "{by_name:?}");
    }

    async fn a_site_administrator_sees_every_tree_and_types_the_role(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", true).await;
        site.admin.add_user(&bolt, "bea", "User", None).await;
        site.admin.add_site_administrator("root").await;
        let mut root = Manager::arrives(&site, "root").await;
        for (filter, expected) in
            [("", 6), ("cannot-sign-in", 2), ("no-email", 3), ("never-signed-in", 5), ("stopped", 0), ("disabled", 0), ("invited", 0)]
        {
            root.open(&format!("/console/users?filter={filter}")).await;
            assert_eq!(listed(&root).len(), expected, "{filter}: {}", root.browser.text());
        }
        root.open("/console/users/new").await;
        root.send(&[("login", "una"), ("group", "Bolt"), ("role", "Manager")]).await;
        assert!(root.saved().unwrap().contains("una was added."), "{}", root.browser.text());
        let id = site.admin.user("root").await.id;
        root.open(&format!("/console/users/{id}")).await;
        assert_eq!(root.browser.status(), 200);
    }

    /// What is counted is a sign-in with its proofs; not another app in the same session, and not a password that was wrong.
    async fn the_list_says_when_everybody_last_signed_in(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let app = site.admin.add_app().await;
        let mut max = Manager::arrives(&site, "max").await;
        assert_eq!(last_of(&mut max, "ned").await, None, "{}", max.browser.text());
        assert!(max.browser.text().contains("never"), "{}", max.browser.text());
        let mut ned = site.browser();
        ned.open(&app.visit().url()).await;
        ned.fill("login", "ned").fill("password", "not it").submit().await;
        assert_eq!(last_of(&mut max, "ned").await, None);
        site.advance(60);
        ned.fill("login", "ned").fill("password", PASSWORD).submit().await;
        assert_eq!(last_of(&mut max, "ned").await.as_deref(), Some("2027-01-15T08:01:00Z"));
        assert_eq!(names(&max), ["ned", "max", "nia", "ada"]);
        // Another app, in the same session.
        site.advance(60);
        let visit = app.visit();
        ned.open(&visit.url()).await;
        assert_eq!(app.redeem(&visit, &ned.arrived()).await.status, 200);
        assert_eq!(last_of(&mut max, "ned").await.as_deref(), Some("2027-01-15T08:01:00Z"));
        site.advance(60);
        site.after_password(&app.visit(), "ned").await;
        assert_eq!(last_of(&mut max, "ned").await.as_deref(), Some("2027-01-15T08:03:00Z"));
        assert_eq!(last_of(&mut max, "max").await.as_deref(), Some("2027-01-15T08:00:00Z"));
        max.open("/console/users?sort=last-sign-in").await;
        assert_eq!(names(&max), ["ada", "nia", "max", "ned"]);
        max.open("/console/users?filter=never-signed-in").await;
        assert_eq!(names(&max), ["ada", "nia"]);
    }

    /// Into the console it is the same: by a password, and not by a session from elsewhere that an override lets in.
    async fn who_comes_into_the_console_by_a_session_has_not_signed_in_anew(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let app = site.admin.add_app().await;
        let mut max = Manager::arrives(&site, "max").await;
        let mut ada = site.after_password(&app.visit(), "ada").await;
        site.admin.set_two_factor(&site.acme, true).await;
        site.advance(60);
        ada.open("/console").await;
        assert_eq!(ada.status(), 200, "{}", ada.text());
        assert!(site.admin.events().await.iter().any(|event| event.event == "signin.override"));
        site.admin.set_two_factor(&site.acme, false).await;
        assert_eq!(last_of(&mut max, "ada").await.as_deref(), Some("2027-01-15T08:00:00Z"));
    }

    /// What nobody has looked at is noted behind the pages, once; and what somebody with a slow transaction has written since, too.
    async fn sign_ins_are_noted_behind_the_pages(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let app = site.admin.add_app().await;
        site.after_password(&app.visit(), "ned").await;
        let db = &site.admin.db;
        assert_eq!(last::catch_up(db, site.now()).await.unwrap(), 1);
        assert_eq!(last::catch_up(db, site.now()).await.unwrap(), 0);
        site.advance(7200);
        last::catch_up(db, site.now()).await.unwrap();
        site.run("INSERT INTO audit_events (id, at_ms, event, actor, user_id, details)
                  SELECT 'slow', 1800007190000, 'signin.override', id, id, '{}' FROM users WHERE login_key = 'nia'").await;
        assert_eq!(last::catch_up(db, site.now()).await.unwrap(), 1);
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users?sort=-last-sign-in").await;
        assert_eq!(names(&max), ["max", "nia", "ned", "ada"]);
    }

    /// Whoever only looks is shown what is known.
    async fn the_list_opens_where_nothing_can_be_written(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let mut max = Manager::arrives(&site, "max").await;
        let _refused = site.refuse_writes().await;
        max.open("/console/users?sort=last-sign-in").await;
        assert_eq!(names(&max), ["ada", "max", "ned", "nia"]);
    }

    async fn people_are_found_by_how_login_name_and_address_begin(database) {
        let site = Site::on(database).await;
        let named = Changes { name: Some("Zora Nnadi-Quist".to_owned()), ..Changes::default() };
        site.admin.change("nia", named).await;
        let mut max = Manager::arrives(&site, "max").await;
        for (q, expected) in [("ni", 1), ("NIA", 1), ("nnadi", 1), ("zora", 1), ("ned%40exam", 1), ("n", 2), ("nn%25", 0), ("x_", 0)] {
            max.open(&format!("/console/users?q={q}")).await;
            assert_eq!(listed(&max).len(), expected, "{q}: {}", max.browser.text());
        }
        max.open("/console/users?q=%3Cb%3E").await;
        assert!(max.browser.text().contains("begins with"), "{}", max.browser.text());
    }

    async fn pages_go_on_where_the_one_before_ended(database) {
        let site = Site::on(database).await;
        for n in 0..55 {
            site.admin.add_user(&site.acme, &format!("user-{n:03}"), "User", Some("u@example.org")).await;
        }
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users?q=user-").await;
        assert_eq!(listed(&max).len(), 25);
        let next = max.browser.links().into_iter().find(|link| link.contains("after=")).unwrap();
        max.open(&next).await;
        assert_eq!(listed(&max).len(), 25, "{}", max.browser.text());
        assert!(max.browser.text().contains("user-025") && !max.browser.text().contains("user-024"));
    }

    async fn the_list_is_sorted_by_its_heads_and_goes_on_either_way(database) {
        let site = Site::on(database).await;
        for n in 0..30 {
            site.admin.add_user(&site.acme, &format!("user-{n:03}"), "User", Some("u@example.org")).await;
        }
        site.admin.add_site_administrator("root").await;
        for who in ["max", "root"] {
            let mut manager = Manager::arrives(&site, who).await;
            manager.open("/console/users?q=user-").await;
            let head = |manager: &Manager<'_>| {
                // The filters before it, and the pages after it, keep the order.
                let mut links = manager.browser.links().into_iter();
                links.rfind(|link| link.contains("q=user-&sort=") && link.ends_with("login")).unwrap()
            };
            let sorted = head(&manager);
            manager.open(&sorted).await;
            let back = head(&manager);
            assert!(back.contains("sort=-login"), "{who}: {back}");
            manager.open(&back).await;
            let text = manager.browser.text();
            assert!(text.find("user-029") < text.find("user-010") && !text.contains("user-004"), "{who}: {text}");
            let next = manager.browser.links().into_iter().find(|link| link.contains("after=")).unwrap();
            manager.open(&next).await;
            assert_eq!(listed(&manager).len(), 5, "{who}: {}", manager.browser.text());
            let text = manager.browser.text();
            assert!(text.find("user-004") < text.find("user-000") && !text.contains("user-005"), "{who}: {text}");
            manager.open("/console/users?sort=-login&filter=no-email").await;
            assert_eq!(manager.browser.status(), 200);
        }
    }

    async fn one_group_is_listed_with_those_below_it_and_no_other(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", true).await;
        site.admin.add_user(&bolt, "bea", "User", None).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        let web = site.admin.add_subgroup(&design, "Web", true).await;
        site.admin.add_user(&design, "dora", "Manager", Some("dora@example.org")).await;
        site.admin.add_user(&web, "will", "User", None).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&format!("/console/groups/{}", design.id)).await;
        let link = max.browser.links().into_iter().find(|link| link.contains("/console/users?group=")).unwrap();
        max.open(&link).await;
        let text = max.browser.text();
        assert!(listed(&max).len() == 2 && text.contains("Acme/Design"), "{text}");
        assert!(text.contains("One person here cannot sign in."), "{text}");
        // Filters, searches and pages stay in the group.
        let filter = max.browser.links().into_iter().find(|link| link.contains("filter=no-email")).unwrap();
        max.open(&filter).await;
        assert_eq!(listed(&max).len(), 1, "{}", max.browser.text());
        max.open(&link).await;
        assert_eq!(max.browser.field("group").as_deref(), Some(design.id.as_str()), "a search stays there");
        max.open(&format!("{link}&q=n")).await;
        assert_eq!(listed(&max).len(), 0, "ned and nia are not in it: {}", max.browser.text());
        max.open(&format!("/console/users?group={}", site.acme.id)).await;
        assert_eq!(listed(&max).len(), 6, "{}", max.browser.text());
        for elsewhere in [bolt.id.as_str(), "no-such-group"] {
            max.open(&format!("/console/users?group={elsewhere}")).await;
            assert_eq!(max.browser.status(), 404, "{elsewhere}");
        }
        let mut dora = Manager::arrives(&site, "dora").await;
        dora.open(&format!("/console/users?group={}", site.acme.id)).await;
        assert_eq!(dora.browser.status(), 404, "what is above is not theirs");
    }

    async fn other_trees_are_in_no_list_no_search_and_no_count(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", true).await;
        site.admin.add_user(&bolt, "bea", "User", None).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        site.admin.add_user(&design, "dora", "Manager", Some("dora@example.org")).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users").await;
        assert!(max.browser.text().contains("One person here cannot sign in."), "{}", max.browser.text());
        assert!(!max.browser.text().contains("bea") && max.browser.text().contains("dora"));
        max.open("/console/users?q=bea").await;
        assert_eq!(listed(&max).len(), 0);
        let mut dora = Manager::arrives(&site, "dora").await;
        dora.open("/console/users").await;
        assert_eq!(listed(&dora).len(), 1, "{}", dora.browser.text());
    }

    async fn an_address_is_set_and_the_page_says_that_they_can_sign_in(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "nia").await;
        let lead = max.browser.text_of("explained").unwrap();
        assert!(lead.starts_with("Cannot sign in: a code is asked for"), "{lead}");
        max.send(&[("email", "nia@example.org")]).await;
        assert!(max.saved().unwrap().contains("The changes to nia are saved."), "{:?}", max.saved());
        let lead = max.browser.text_of("explained").unwrap();
        assert_eq!(lead, "Can sign in with the password and a code that goes to nia@example.org.");
        let event = site.admin.events().await.into_iter().rfind(|event| event.event == "user.changed").unwrap();
        assert_eq!(event.actor_login.as_deref(), Some("max"));
        max.browser.press("undo").await;
        assert_eq!(site.admin.user("nia").await.email, None);
    }

    async fn what_is_wrong_is_said_beside_its_field_and_nothing_is_lost_or_saved(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let long = format!("{}@example.org", "x".repeat(260));
        for (field, typed) in [
            ("email", "nia"),
            ("email", "nia@example.org\u{200b}"),
            ("email", "<b>@example.org"),
            ("email", long.as_str()),
            ("name", "\u{202e}evil"),
            ("name", "a\u{1}b"),
        ] {
            at(&mut max, &site, "nia").await;
            max.send(&[(field, typed)]).await;
            assert_eq!(max.browser.status(), 422, "{field} {typed:?}");
            let error = max.browser.text_of(&format!("{field}-error"));
            assert!(error.is_some(), "{field} {typed:?}: {}", max.browser.text());
            assert_eq!(max.browser.field(field).as_deref(), Some(typed), "{field} {typed:?}");
        }
        // No database takes this one: its place is kept, and marked.
        at(&mut max, &site, "nia").await;
        max.send(&[("name", "a\u{0}b")]).await;
        assert_eq!(max.browser.status(), 422);
        assert_eq!(max.browser.field("name").as_deref(), Some("a\u{fffd}b"));
        at(&mut max, &site, "nia").await;
        max.send(&[("name", "=1+1")]).await;
        assert_eq!(max.browser.status(), 422, "no cell can be a formula");
        assert_eq!(changed_fields(&site).await, 0);
    }

    async fn fields_of_somebody_of_higher_rank_are_text_and_the_server_refuses_too(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "ada").await;
        assert!(!max.browser.has_field("email") && !max.browser.has_field("role"));
        let text = max.browser.text();
        assert!(text.contains("Only somebody of higher rank") && !text.contains("Delete them"), "{text}");
        assert!(!text.contains("Signed in"), "{text}");
        let ada = format!("/console/users/{}", site.admin.user("ada").await.id);
        for (path, fields) in [
            (ada.clone(), vec![("email", "max@example.org")]),
            (ada.clone(), vec![("role", "User")]),
            (format!("{ada}/link"), vec![]),
            (format!("{ada}/unlock"), vec![]),
            (format!("{ada}/sessions"), vec![]),
            (format!("{ada}/delete"), vec![("confirm", "yes")]),
        ] {
            let before = site.admin.events().await.len();
            max.browser.post(&path, &fields).await;
            assert_eq!(max.browser.status(), 422, "{path} {fields:?}");
            assert_eq!(site.admin.events().await.len(), before, "{path}");
        }
        assert_eq!(site.admin.user("ada").await.role.name, "Top manager");
    }

    async fn nobody_raises_anybody_above_themselves_nor_changes_their_own_role_or_group(database) {
        let site = Site::on(database).await;
        site.admin.add_subgroup(&site.acme, "Design", true).await;
        let mut max = Manager::arrives(&site, "max").await;
        let nia = format!("/console/users/{}", site.admin.user("nia").await.id);
        let own = format!("/console/users/{}", site.admin.user("max").await.id);
        for (path, fields) in [
            (nia.clone(), ("role", "Top manager")),
            (own.clone(), ("role", "Top manager")),
            (own.clone(), ("role", "User")),
            (own.clone(), ("group", "Acme/Design")),
        ] {
            max.browser.post(&path, &[fields]).await;
            assert_eq!(max.browser.status(), 422, "{path} {fields:?}");
        }
        max.open(&own).await;
        assert!(max.browser.has_field("name") && !max.browser.has_field("role") && !max.browser.has_field("group"));
        site.admin.change_email("nia", Some("nia@example.org")).await;
        max.open(&nia).await;
        assert!(max.browser.has_field("role"));
        max.send(&[("role", "Manager")]).await;
        assert_eq!(site.admin.user("nia").await.role.name, "Manager", "{}", max.browser.text());
    }

    async fn the_second_of_two_managers_sees_what_the_first_has_changed(database) {
        let site = Site::on(database).await;
        let (mut max, mut ada) = (Manager::arrives(&site, "max").await, Manager::arrives(&site, "ada").await);
        at(&mut max, &site, "nia").await;
        at(&mut ada, &site, "nia").await;
        ada.send(&[("email", "nia@first.example")]).await;
        max.send(&[("email", "nia@second.example"), ("name", "Nia Nnadi")]).await;
        assert_eq!(max.browser.status(), 422);
        let error = max.browser.text_of("email-error").unwrap();
        assert!(error.contains("Somebody else has set this to nia@first.example meanwhile."), "{error}");
        assert_eq!(max.browser.field("email").as_deref(), Some("nia@second.example"));
        assert_eq!(max.browser.field("name").as_deref(), Some("Nia Nnadi"));
        let nia = site.admin.user("nia").await;
        assert_eq!((nia.email.as_deref(), nia.name), (Some("nia@first.example"), None));
        max.browser.submit().await;
        let nia = site.admin.user("nia").await;
        assert_eq!((nia.email.as_deref(), nia.name.as_deref()), (Some("nia@second.example"), Some("Nia Nnadi")));
    }

    async fn what_only_the_other_has_changed_stays_as_the_other_left_it(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "nia").await;
        site.admin.change_email("nia", Some("nia@first.example")).await;
        max.send(&[("name", "Nia Nnadi")]).await;
        assert_eq!(max.browser.status(), 200, "{}", max.browser.text());
        let nia = site.admin.user("nia").await;
        assert_eq!((nia.email.as_deref(), nia.name.as_deref()), (Some("nia@first.example"), Some("Nia Nnadi")));
    }

    async fn a_link_for_a_password_goes_to_the_person_and_to_nobody_else(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "nia").await;
        assert!(!max.browser.text().contains("Send a link"), "nobody offers what could go nowhere: {}", max.browser.text());
        let nia = site.admin.user("nia").await.id;
        max.browser.post(&format!("/console/users/{nia}/link"), &[]).await;
        assert_eq!(max.browser.status(), 422);
        assert!(max.browser.error().unwrap().contains("There is no email address"), "{:?}", max.browser.error());
        at(&mut max, &site, "ned").await;
        max.browser.press("link").await;
        assert!(max.saved().unwrap().contains("on its way to ned@example.org"), "{:?}", max.saved());
        assert!(!max.browser.page().body.contains("/reset/"));
        site.admin.until_no_mail_waits().await;
        let letter = site.inbox("ned@example.org").last().text();
        assert!(letter.contains("/reset/") && letter.contains("The old password holds until"), "{letter}");
        assert!(!letter.contains("There is an account for you"), "he has had it for long: {letter}");
    }

    async fn stopped_codes_are_let_go_and_sessions_end(database) {
        let site = Site::on(database).await;
        site.admin.stop_codes("ned").await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "ned").await;
        assert!(max.browser.text_of("explained").unwrap().contains("too many wrong codes"));
        max.browser.press("unlock").await;
        assert!(max.saved().unwrap().contains("ned can try again."));
        assert!(max.browser.text_of("explained").unwrap().starts_with("Can sign in"));
        let app = site.admin.add_app().await;
        site.signed_in(&app, &app.visit(), "ned").await;
        at(&mut max, &site, "ned").await;
        assert!(max.browser.text().contains("They are signed in with one browser."), "{}", max.browser.text());
        assert!(max.browser.text().contains("Signed in"), "{}", max.browser.text());
        max.browser.press("sessions").await;
        assert!(max.saved().unwrap().contains("ned was signed out of one browser."), "{:?}", max.saved());
    }

    async fn deleting_asks_first(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "nia").await;
        max.browser.press("delete").await;
        let text = max.browser.text();
        assert!(text.contains("Delete nia?") && text.contains("cannot be undone"), "{text}");
        site.admin.user("nia").await;
        max.browser.submit().await;
        assert!(max.saved().unwrap().contains("nia was deleted."));
        max.open("/console/users?q=nia").await;
        assert_eq!(listed(&max).len(), 0);
    }

    /// What ends in a locked door cannot be taken back by whoever stands before it: they read first what it does.
    async fn whoever_would_keep_themselves_out_is_asked_first(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        for (change, said) in [
            (("email", ""), "Cannot sign in: a code is asked for, and there is no email address"),
            (("status", "disabled"), "Cannot sign in: disabled"),
        ] {
            at(&mut max, &site, "max").await.send(&[("name", "Max Miller"), change]).await;
            let text = max.browser.text();
            assert!(text.contains("Keep yourself out?") && text.contains(said), "{text}");
            assert!(text.contains("somebody else has to take it back"), "{text}");
            let still = site.admin.user("max").await;
            assert_eq!((still.status, still.name), (Status::Active, None), "nothing is saved yet");
        }
        max.browser.submit().await;
        assert!(max.browser.has_field("login"), "{}", max.browser.text());
        let gone = site.admin.user("max").await;
        assert_eq!((gone.status, gone.name.as_deref()), (Status::Disabled, Some("Max Miller")));
    }

    /// What a move would do counts what is typed beside it.
    async fn an_address_that_is_given_with_a_move_counts_in_the_question(database) {
        let site = Site::on(database).await;
        let open = site.admin.add_subgroup(&site.acme, "Open", false).await;
        site.admin.add_user(&open, "tess", "User", None).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "tess").await.send(&[("group", "Acme"), ("email", "tess@example.org")]).await;
        let text = max.browser.text();
        assert!(text.contains("Move tess?") && text.contains("a code that goes to tess@example.org"), "{text}");
    }

    /// A question about somebody says of them what their own page will say.
    async fn a_question_says_what_a_code_by_hand_is_good_for(database) {
        let site = Site::on(database).await;
        site.admin.add_subgroup(&site.acme, "Closed", true).await;
        let mut max = Manager::arrives(&site, "max").await;
        let nia = site.admin.user("nia").await.id;
        max.browser.post(&format!("/console/users/{nia}/code"), &[("confirm", "yes")]).await;
        at(&mut max, &site, "nia").await.send(&[("group", "Acme/Closed")]).await;
        let text = max.browser.text().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("Move nia?") && text.contains("Can sign in once, with the password and the code"), "{text}");
        assert!(text.contains("give them one on their page") && !text.contains("below"), "{text}");
    }

    /// What keeps nobody out is saved at once, whosever it is; what keeps out somebody else is taken back by a button.
    async fn others_are_changed_without_a_question(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "max").await.send(&[("email", "max@elsewhere.example")]).await;
        assert!(max.saved().is_some(), "{}", max.browser.text());
        at(&mut max, &site, "ned").await.send(&[("email", ""), ("status", "disabled")]).await;
        assert!(max.saved().is_some(), "{}", max.browser.text());
    }

    /// A page past the end of a list, such as one from before people were deleted, does not say that there is nobody.
    async fn past_its_end_a_list_says_so(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users?after=zzz").await;
        let text = max.browser.text();
        assert!(text.contains("The list ends before here.") && !text.contains("nobody here yet"), "{text}");
        max.open("/console/users?after=zzz&q=ned").await;
        assert!(max.browser.text().contains("The list ends before here."), "{}", max.browser.text());
    }

    async fn somebody_without_an_address_is_invited_once_they_have_one(database) {
        let site = Site::on(database).await;
        site.admin.add_invited(&site.acme, "ina", None).await;
        let mut max = Manager::arrives(&site, "max").await;
        let said = at(&mut max, &site, "ina").await.browser.text_of("explained").unwrap();
        assert!(said.contains("no password has been chosen, and there is no email address"), "{said}");
        max.send(&[("email", "ina@example.org")]).await;
        let said = max.browser.text_of("explained").unwrap();
        assert!(said.contains("no password has been chosen") && !said.contains("no email address"), "{said}");
        assert!(max.browser.text().contains("invitation"), "{}", max.browser.text());
    }

    /// A link goes with the address, the role and the group that it was made for.
    async fn whose_invitation_a_change_has_ended_is_told_and_can_be_sent_another(database) {
        let site = Site::on(database).await;
        site.admin.add_invited(&site.acme, "ina", Some("typo@example.org")).await;
        let mut max = Manager::arrives(&site, "max").await;
        for (field, value) in [("email", "ina@example.org"), ("role", "Client")] {
            at(&mut max, &site, "ina").await.send(&[(field, value)]).await;
            let said = max.saved().unwrap_or_else(|| panic!("{}", max.browser.text()));
            assert!(said.contains("no longer works") && said.contains("Send the invitation again"), "{said}");
            assert!(said.contains("Undo") && !said.contains("Send a test message"), "{said}");
        }
        max.browser.press("next").await;
        assert!(max.saved().unwrap().contains("on its way to ina@example.org"), "{:?}", max.saved());
        site.admin.until_no_mail_waits().await;
        assert!(site.inbox("ina@example.org").last().text().contains("/reset/"));
        // A name is no reason, and without an address there is nowhere to send one.
        at(&mut max, &site, "ina").await.send(&[("name", "Ina")]).await;
        assert!(!max.saved().unwrap().contains("no longer works"), "{:?}", max.saved());
        at(&mut max, &site, "ina").await.send(&[("email", "")]).await;
        let said = max.saved().unwrap();
        assert!(said.contains("no longer works") && !said.contains("Send the invitation again"), "{said}");
    }

    async fn somebody_is_added_and_invited_by_mail(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users/new").await;
        let typed = [("login", "ned"), ("email", "no address"), ("name", "Una")];
        max.send(&typed).await;
        assert_eq!(max.browser.status(), 422);
        for (field, value) in typed {
            assert_eq!(max.browser.field(field).as_deref(), Some(value));
        }
        assert!(max.browser.text_of("email-error").is_some());
        assert!(max.browser.text_of("login-error").unwrap().contains("taken"), "{}", max.browser.text());
        max.send(&[("email", "una@example.org")]).await;
        assert!(max.browser.text_of("login-error").unwrap().contains("taken"), "{}", max.browser.text());
        // Cyrillic letters alone, which are read as `ada`; and so is the Latin letter of the phonetic alphabet.
        for alike in ["\u{430}\u{501}\u{430}", "\u{251}da"] {
            max.send(&[("login", alike)]).await;
            let said = max.browser.text_of("login-error").unwrap();
            assert!(said.contains("looks like the login of somebody else"), "{said}");
            assert_eq!(max.browser.field("login").as_deref(), Some(alike));
        }
        // What is read as a login that nobody has is one.
        max.send(&[("login", "\u{430}\u{441}\u{430}"), ("email", "asa@example.org")]).await;
        assert!(max.saved().is_some(), "{}", max.browser.text());
        max.open("/console/users/new").await;
        max.send(&[("login", "una"), ("name", "Una"), ("email", "una@example.org")]).await;
        assert!(max.saved().unwrap().contains("Una (una) was added, and an invitation is on its way."));
        assert!(max.browser.text_of("explained").unwrap().contains("no password has been chosen"));
        site.admin.until_no_mail_waits().await;
        assert!(site.inbox("una@example.org").last().text().contains("/reset/"));
        let una = site.admin.user("una").await;
        assert_eq!((una.status, una.role.name.as_str()), (Status::Invited, "User"));
    }

    /// What a role lets people do without is said where it is chosen.
    async fn a_role_that_needs_no_code_says_so_where_it_is_chosen(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console/users/new").await;
        let options = ada.browser.text();
        assert!(options.contains("Top manager (signs in without a code)"), "{options}");
        assert!(!options.contains("User (signs"), "{options}");
        at(&mut ada, &site, "ned").await;
        assert!(ada.browser.text().contains("Top manager (signs in without a code)"), "{}", ada.browser.text());
        // A site administrator chooses from the roles of the only tree; where there are several, the role is typed.
        site.admin.add_site_administrator("root").await;
        let mut root = Manager::arrives(&site, "root").await;
        root.open("/console/users/new").await;
        assert!(root.browser.text().contains("Top manager (signs in without a code)"), "{}", root.browser.text());
        root.send(&[("login", "una"), ("role", "Manager")]).await;
        assert!(root.saved().unwrap().contains("una was added."), "{}", root.browser.text());
        site.admin.add_group("Bolt", true).await;
        let page = root.open("/console/users/new").await.browser.text();
        assert!(page.contains("A Top manager signs in without a code, unless") && !page.contains("(signs in"), "{page}");
    }

    /// Every role that the form offers can be given with it, also the reader's own.
    async fn somebody_of_the_same_rank_is_added_and_invited(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users/new").await;
        max.send(&[("login", "una"), ("email", "una@example.org"), ("role", "Manager")]).await;
        assert!(max.saved().is_some_and(|said| said.contains("una was added, and an invitation")), "{}", max.browser.text());
        site.admin.until_no_mail_waits().await;
        assert!(site.inbox("una@example.org").last().text().contains("/reset/"));
        let una = site.admin.user("una").await;
        max.browser.post(&format!("/console/users/{}/link", una.id), &[]).await;
        assert_eq!(max.browser.status(), 422, "once they are there they are edited from above alone");
    }

    /// Whom one may not edit once they are there, one cannot give an address later.
    async fn nobody_is_added_whom_the_reader_could_not_give_an_address_later(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/users/new").await;
        max.send(&[("login", "una"), ("name", "Una"), ("role", "Manager")]).await;
        assert_eq!(max.browser.status(), 422);
        let error = max.browser.text_of("email-error").unwrap();
        assert!(error.contains("only somebody of higher rank could set one later"), "{error}");
        assert_eq!(max.browser.field("name").as_deref(), Some("Una"));
        max.open("/console/users?q=una").await;
        assert_eq!(listed(&max).len(), 0);
        for (login, role) in [("una@example.org", "Manager"), ("ula", "User")] {
            max.open("/console/users/new").await;
            max.send(&[("login", login), ("role", role)]).await;
            assert!(max.saved().is_some(), "{login}: {}", max.browser.text());
        }
        // Whoever is above them all can give them one at any time.
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console/users/new").await;
        ada.send(&[("login", "una"), ("role", "Manager")]).await;
        assert!(ada.saved().unwrap().contains("set one, and then send the invitation"), "{}", ada.browser.text());
    }

    /// A role of one's own rank for somebody whom a code must reach, and whom one could give no address any more.
    async fn nobody_is_given_a_role_in_which_the_reader_could_not_give_them_the_address_that_they_need(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "nia").await;
        max.send(&[("role", "Manager")]).await;
        assert_eq!(max.browser.status(), 422);
        let error = max.browser.text_of("role-error").unwrap();
        assert!(error.contains("Give them an email address first"), "{error}");
        assert_eq!(site.admin.user("nia").await.role.name, "User");
        max.browser.fill("email", "nia@example.org").submit().await;
        assert!(max.saved().is_some(), "both at once: {}", max.browser.text());
        assert_eq!(site.admin.user("nia").await.role.name, "Manager");
        // Top managers change each other, and so does whoever needs no code.
        site.admin.change_role("nia", "User").await;
        site.admin.change_email("nia", None).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        at(&mut ada, &site, "nia").await;
        assert!(!ada.browser.text().contains("Send a link"), "there is no address that it could go to: {}", ada.browser.text());
        ada.send(&[("role", "Top manager")]).await;
        ada.browser.submit().await;
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        at(&mut ada, &site, "nia").await;
        ada.send(&[("email", "nia@example.org")]).await;
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        assert!(ada.browser.text().contains("Send a link"), "{}", ada.browser.text());
    }

    /// A sentence about what a field does stands beside inputs alone.
    async fn what_cannot_be_changed_has_no_hint_of_how(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "moe", "Manager", Some("moe@example.org")).await;
        let mut max = Manager::arrives(&site, "max").await;
        for (login, changed) in [("nia", true), ("max", false), ("moe", false), ("ada", false)] {
            at(&mut max, &site, login).await;
            let text = max.browser.text();
            for (field, hint) in
                [("role", "Another role gives or takes rights"), ("status", "ends their sessions at once")]
            {
                assert_eq!(text.contains(hint), max.browser.has_field(field), "{login}: {text}");
            }
            assert_eq!(max.browser.has_field("role"), changed, "{login}");
        }
    }

    async fn nobody_is_given_a_login_that_looks_like_another(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        for login in ["n\u{435}d", "\u{3b1}da", "ne\u{ad}d"] {
            max.open("/console/users/new").await;
            max.send(&[("login", login), ("name", "Una")]).await;
            assert_eq!(max.browser.status(), 422, "{login}");
            assert!(max.browser.text_of("login-error").is_some(), "{login}: {}", max.browser.text());
            assert_eq!(max.browser.field("name").as_deref(), Some("Una"));
        }
        max.open("/console/users/new").await;
        max.send(&[("login", "нина")]).await;
        assert_eq!(site.admin.user("нина").await.status, Status::Invited);
    }

    async fn nobody_is_added_elsewhere_or_above_oneself(database) {
        let site = Site::on(database).await;
        site.admin.add_group("Bolt", false).await;
        let mut max = Manager::arrives(&site, "max").await;
        for (group, role, field) in [
            ("Bolt", "User", "group"),
            ("Nowhere", "User", "group"),
            ("Acme", "Top manager", "error"),
            ("Acme", "Site administrator", "role"),
        ] {
            max.browser.post("/console/users/new", &[("login", "una"), ("group", group), ("role", role)]).await;
            assert_eq!(max.browser.status(), 422, "{group} {role}");
            let about = if field == "error" { field.to_owned() } else { format!("{field}-error") };
            assert!(max.browser.text_of(&about).is_some(), "{group} {role}: {}", max.browser.text());
        }
        max.open("/console/users?q=una").await;
        assert_eq!(listed(&max).len(), 0);
    }

    async fn what_was_typed_after_the_ten_minutes_is_saved_once_they_have_proven_who_they_are(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "nia").await;
        site.advance(601);
        max.send(&[("email", "nia@example.org")]).await;
        max.prove().await;
        max.browser.submit().await;
        assert_eq!(site.admin.user("nia").await.email.as_deref(), Some("nia@example.org"), "{}", max.browser.text());
    }

    /// Whoever reads the new mailbox can choose the password: that does not happen behind the back of whose it is.
    async fn whose_address_is_changed_is_told_at_the_old_one(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let told = || {
            let (lower, upper) = (site.inbox("ned@example.org").letters(), site.inbox("Ned@example.org").letters());
            lower.iter().chain(&upper).filter(|letter| letter.text().contains("max took this email address from the login ned")).count()
        };
        at(&mut max, &site, "ned").await.send(&[("email", "Ned@example.org")]).await;
        site.admin.until_no_mail_waits().await;
        assert_eq!(told(), 0, "the same in other letters");
        at(&mut max, &site, "ned").await.send(&[("email", "max@example.org")]).await;
        assert!(max.saved().is_some(), "{}", max.browser.text());
        site.admin.until_no_mail_waits().await;
        assert_eq!(told(), 1);
        assert!(!site.inbox("Ned@example.org").last().text().contains("max@example.org"));
        at(&mut max, &site, "ned").await.send(&[("email", "ned@example.org")]).await;
        at(&mut max, &site, "ned").await.send(&[("email", "")]).await;
        site.admin.until_no_mail_waits().await;
        assert_eq!(told(), 2, "and when it is taken away");
        // Who had none is told nothing, and an address that nothing reaches is changed for that reason.
        at(&mut max, &site, "nia").await.send(&[("email", "nia@example.org")]).await;
        site.smtp.refuse("nia@example.org", "550 5.1.1 no such mailbox");
        let nia = site.admin.user("nia").await.id;
        max.browser.post(&format!("/console/users/{nia}/test"), &[]).await;
        let before = site.smtp.visits();
        at(&mut max, &site, "nia").await.send(&[("email", "nia@example.net")]).await;
        site.admin.until_no_mail_waits().await;
        assert_eq!(site.smtp.visits(), before, "{}", max.browser.text());
    }

    /// The audit log calls the command line, the provider and strangers so.
    async fn nobody_is_given_a_login_that_the_audit_log_has_for_others(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        for login in ["Operator", "system", "ANONYMOUS"] {
            max.open("/console/users/new").await.send(&[("login", login), ("email", "kim@example.org"), ("role", "User")]).await;
            assert_eq!(max.browser.status(), 422, "{login}");
            let error = max.browser.text_of("login-error").unwrap();
            assert!(error.contains("choose another login"), "{login}: {error}");
        }
    }

    /// A code that was handed over mends nothing: whom it lets in once stands where those stand whom nothing lets in.
    async fn whoever_has_a_code_by_hand_is_still_among_those_who_cannot_sign_in(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "nia").await;
        max.browser.press("code").await;
        let text = max.browser.text();
        assert!(text.contains("nobody tells them by mail") && !text.contains("They are told by mail"), "{text}");
        max.browser.submit().await;
        max.open("/console/users?filter=cannot-sign-in").await;
        let text = max.browser.text();
        assert!(text.contains("One person here cannot sign in"), "{text}");
        let list = max.browser.text_of("results").unwrap();
        assert!(list.contains("nia") && list.contains("can sign in once, with the code given by hand; no email address"), "{list}");
        max.open("/console/repair").await;
        assert!(max.browser.text().contains("Can sign in once, with the password and the code"), "{}", max.browser.text());
    }

    async fn a_code_by_hand_is_asked_about_shown_once_and_announced(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        at(&mut max, &site, "ned").await;
        max.browser.press("code").await;
        assert!(max.browser.text().contains("Make a code for ned?"), "{}", max.browser.text());
        max.browser.submit().await;
        let code = max.browser.text_of("code").unwrap();
        at(&mut max, &site, "ned").await;
        assert!(!max.browser.page().body.contains(&code));
        site.admin.until_no_mail_waits().await;
        let letter = site.inbox("ned@example.org").last().text();
        assert!(letter.contains("max made a one-time code") && !letter.contains(&code), "{letter}");
        let event = site.admin.events().await.into_iter().rfind(|event| event.event == "user.code_by_hand").unwrap();
        assert_eq!(event.actor_login.as_deref(), Some("max"));
        let app = site.admin.add_app().await;
        let mut ned = site.after_password(&app.visit(), "ned").await;
        ned.fill("code", &code).fill("password", crate::support::admin::PASSWORD).submit().await;
        assert!(ned.has_left(), "{}", ned.text());
        for login in ["max", "ada"] {
            let id = site.admin.user(login).await.id;
            max.browser.post(&format!("/console/users/{id}/code"), &[("confirm", "yes")]).await;
            assert_eq!(max.browser.status(), 422, "{login}");
        }
    }
}
