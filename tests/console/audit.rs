//! Does the audit log say who did what to whom, and of the reader's own tree alone?

use countersign::directory::users::Changes;
use countersign::directory::{ClaimChanges, TwoFactor};

use crate::support::admin::PASSWORD;
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
    /// What was proven is told in words; what is taken along keeps those of the protocol. The filters are folded away until one is chosen.
    async fn the_log_speaks_plainly_and_begins_with_its_rows(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/audit").await;
        let text = max.browser.text();
        assert!(text.contains("proven: password and code") && !text.contains("pwd"), "{text}");
        assert!(!text.contains("by_session") && !text.contains("given before"), "{text}");
        let folded = |max: &Manager<'_>| max.browser.page().body.contains("<details class=\"fold\">");
        assert!(folded(&max), "{}", max.browser.page().body);
        max.open("/console/audit?kind=signin").await;
        assert!(!folded(&max) && max.browser.page().body.contains("<details class=\"fold\" open>"));
        max.open("/console/audit?since=yesterday").await;
        assert!(!folded(&max), "what is wrong is to be seen");
        max.open("/console/audit/export?format=jsonl").await;
        assert!(max.browser.page().body.contains("pwd otp mfa"), "{}", max.browser.page().body);
    }

    /// Whoever is signed in at an app and comes to another one proves nothing anew; facts are named as people write.
    async fn the_facts_of_an_event_are_told_as_people_write(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut ada = site.after_password(&app.visit(), "ada").await;
        ada.open(&app.visit().url()).await;
        assert!(ada.has_left(), "{}", ada.text());
        let mut max = Manager::arrives(&site, "max").await;
        let acme = format!("/console/groups/{}/advanced", site.acme.id);
        max.open(&acme).await;
        max.send(&[("two_factor", "rehearse")]).await;
        max.browser.submit().await;
        assert!(max.saved().is_some(), "{}", max.browser.text());
        max.open("/console/audit").await;
        let list = listed(&max);
        assert!(list.contains("proven: password, given before"), "{list}");
        assert!(list.contains("two factor: on → rehearse") && !list.contains('_'), "{list}");
        max.open("/console/audit/export?format=jsonl").await;
        assert!(max.browser.page().body.contains("by_session"), "{}", max.browser.page().body);
    }

    /// Who came, and with which address, is told of whoever is added as of whoever is changed.
    async fn whoever_is_added_is_told_with_name_and_address(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let kim = [("login", "kim"), ("name", "Kim Ito"), ("email", "kim@example.org"), ("role", "User")];
        max.open("/console/users/new").await.send(&kim).await;
        assert!(max.saved().is_some(), "{}", max.browser.text());
        max.open("/console/audit?kind=user").await;
        let list = listed(&max);
        assert!(list.contains("name: Kim Ito") && list.contains("email: kim@example.org"), "{list}");
    }

    /// A day is one of those that the reader's own list shows: from midnight to midnight where they live.
    async fn days_are_those_of_the_reader(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        // Eleven in the morning of the fifteenth in London is one at night of the sixteenth on Kiritimati.
        site.advance(3 * 3600);
        site.admin.change_email("nia", Some("nia@example.org")).await;
        for (zone, day, other) in [(None, "2027-01-15", "2027-01-16"), (Some("Pacific/Kiritimati"), "2027-01-16", "2027-01-15")] {
            if let Some(zone) = zone {
                let claims = ClaimChanges::parse([format!("zoneinfo={zone}").as_str()]).unwrap();
                site.admin.change("max", Changes { claims, ..Changes::default() }).await;
            }
            max.open(&format!("/console/audit?kind=user.changed&user=nia&since={day}&until={day}")).await;
            assert!(listed(&max).contains(&format!("{day} ")), "{zone:?}: {}", listed(&max));
            assert_eq!(max.browser.text().contains("in UTC"), zone.is_none(), "{}", max.browser.text());
            max.open(&format!("/console/audit?kind=user.changed&user=nia&since={other}&until={other}")).await;
            assert!(listed(&max).contains("Nothing of this kind"), "{zone:?}: {}", listed(&max));
        }
    }

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

    /// Every sign-in and every change says from where it came: what somebody else did with a stolen password is told apart by it.
    async fn where_everything_came_from_is_on_the_log(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for login in ["ned", "ada"] {
            let visit = app.visit();
            let mut browser = site.after_password(&visit, login).await;
            if login == "ned" {
                let code = site.inbox("ned@example.org").code();
                browser.fill("code", &code).fill("password", PASSWORD).submit().await;
            }
            assert!(browser.has_left(), "{}", browser.text());
            // And once more, by the session.
            browser.open(&app.visit().url()).await;
            assert!(browser.has_left(), "{}", browser.text());
            browser.forget_cookies();
        }
        let mut nia = site.after_password(&app.visit(), "nia").await;
        nia.press("help").await;
        site.admin.set_two_factor_to(&site.acme, TwoFactor::Rehearse).await;
        let mut rehearsing = site.after_password(&app.visit(), "ned").await;
        rehearsing.press("skip").await;
        Manager::arrives(&site, "max").await;
        let events = site.admin.events().await;
        let expected = ["signin.completed", "signin.override", "signin.code_skipped", "help.asked"];
        for name in expected {
            let of_name: Vec<_> = events.iter().filter(|event| event.event == name).collect();
            assert!(!of_name.is_empty(), "{name}");
            for event in of_name {
                assert_eq!(event.network.as_deref(), Some("127.0.0.1"), "{event:?}");
            }
        }
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

    async fn what_was_chosen_is_taken_along_for_other_programs(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        site.admin.add_user(&bolt, "bea", "User", Some("bea@example.org")).await;
        let mut max = Manager::arrives(&site, "max").await;
        site.admin.add_user(&site.acme, "=cmd", "User", None).await;
        for n in 0..600 {
            site.admin.change_email("nia", Some(&format!("nia{n}@example.org"))).await;
        }
        max.open("/console/audit?user=nia&kind=user").await;
        let links = max.browser.links();
        let [csv, jsonl] = ["csv", "jsonl"].map(|format| {
            links.iter().find(|link| link.contains("/export") && link.contains(format)).unwrap().clone()
        });
        assert!(csv.contains("user=nia") && csv.contains("kind=user"), "{csv}");
        max.open(&csv).await;
        assert!(max.browser.header("content-type").unwrap().starts_with("text/csv"));
        assert!(max.browser.header("content-disposition").unwrap().contains("attachment; filename=\"audit-2027-01-15.csv\""));
        let text = max.browser.page().body.clone();
        let rows: Vec<&str> = text.split("\r\n").filter(|line| !line.is_empty()).collect();
        assert!(rows[0].starts_with("time,event,actor"), "{}", rows[0]);
        assert!(rows.len() > 600 && rows[1..].iter().all(|line| line.starts_with("\"20") && line.contains("user.")));
        assert!(text.contains("nia599@") && text.contains("nia0@") && !text.contains("bea@"));
        max.open(&jsonl).await;
        let events: Vec<serde_json::Value> =
            max.browser.page().body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.len() + 1, rows.len());
        assert!(events.iter().all(|event| event["details"].is_object() && event["user_login"] == "nia"));
        max.open("/console/audit/export?user=bea").await;
        assert!(!max.browser.page().body.contains("bea@"), "another tree's");
        // What is no day is said, and not left out as if nothing had been asked.
        max.open("/console/audit/export?since=15.1.2027&kind=user").await;
        assert_eq!(max.browser.page().url.path(), "/console/audit");
        assert_eq!(max.browser.text_of("since-error").as_deref(), Some("This is no day such as 2026-11-24."));
        max.open("/console/audit/export?kind=user&format=csv").await;
        let text = &max.browser.page().body;
        assert!(!text.contains("bea@") && text.contains("\"'=cmd\"") && !text.contains("\"=cmd"), "a cell is a formula");
    }

    async fn whoever_is_gone_is_found_by_the_login_that_they_had(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        let nia = site.admin.user("nia").await.id;
        ada.open(&format!("/console/users/{nia}")).await;
        ada.browser.press("delete").await;
        ada.browser.submit().await;
        ada.open("/console/audit?user=nia").await;
        assert!(listed(&ada).contains("Deleted a person") && listed(&ada).contains("→ nia@example.org"), "{}", listed(&ada));
    }

    async fn the_log_is_verified_on_the_page(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let mut max = Manager::arrives(&site, "max").await;
        let mut root = Manager::arrives(&site, "root").await;
        site.admin.chain_the_log().await;
        for who in [&mut max, &mut root] {
            who.open("/console/audit").await;
            who.browser.press("verify").await;
            let verdict = who.browser.text_of("verdict");
            assert_eq!(verdict.as_deref().map(str::trim), Some("Nothing was changed or removed since it was written."));
        }
        assert!(told(&root).contains("Hash of the last event"), "{}", told(&root));
        assert!(!told(&max).contains("Hash"), "the site's numbers are not a tree's");
        site.run("UPDATE audit_events SET details = '{}' WHERE seq = 1; UPDATE audit_events SET actor = 'x' WHERE seq = 1").await;
        for who in [&mut max, &mut root] {
            who.open("/console/audit").await;
            who.browser.press("verify").await;
            assert!(who.browser.text_of("verdict").unwrap().contains("An event is not what was written."));
        }
        assert!(told(&root).contains("Place of the first thing that is wrong 1"), "{}", told(&root));
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

    /// By link, page after page, with the filters that were chosen.
    async fn the_log_and_the_sign_ins_are_turned_around(database) {
        let site = Site::on(database).await;
        for n in 0..60 {
            site.admin.change_email("nia", Some(&format!("nia{n:02}@example.org"))).await;
            site.advance(1);
        }
        let mut max = Manager::arrives(&site, "max").await;
        let mut orders = Vec::new();
        for sort in ["", "&sort=at"] {
            let mut page = format!("/console/audit?user=nia&kind=user{sort}");
            let mut all = Vec::new();
            loop {
                max.open(&page).await;
                let text = listed(&max);
                all.extend(text.match_indices("→ nia").filter_map(|(at, _)| text.get(at + 7..at + 9).map(str::to_owned)));
                let Some(next) = max.browser.links().into_iter().find(|link| link.contains("after=")) else { break };
                assert!(next.contains("kind=user") && next.contains("user=nia"), "{next}");
                page = next;
            }
            orders.push(all);
        }
        let expected: Vec<_> = (0..60).map(|n| format!("{n:02}")).collect();
        assert_eq!(orders[1], expected);
        assert_eq!(orders[0].iter().rev().cloned().collect::<Vec<_>>(), expected);
        assert!(max.browser.links().iter().any(|link| link.ends_with("sort=-at")), "{:?}", max.browser.links());
        max.open("/console/sign-ins").await;
        let turned = max.browser.links().into_iter().find(|link| link.contains("sort=when")).unwrap();
        max.open(&turned).await;
        assert!(max.browser.links().iter().any(|link| link.contains("sort=-when")), "{:?}", max.browser.links());
    }

    async fn what_cannot_be_read_is_told_beside_its_field_and_stays(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        for (query, expected) in [
            ("since=yesterday", "This is no day such as 2026-11-24."),
            ("until=2027-02-30", "This is no day such as 2026-11-24."),
            ("since=2027-02-02&until=2027-02-01", "This is before the first day."),
            ("user=a%E2%80%AEb", "cannot be seen"),
            ("kind=%3Cscript%3E", "Nothing of this kind has happened"),
            ("after=nonsense", "Signed in"),
            ("after=9.%27", "The list ends before here."),
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
