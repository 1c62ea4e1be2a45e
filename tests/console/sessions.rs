//! Does a manager see how their people sign in, and who is signed in now; and sign out those whom they may?

use countersign::signin::days;

use crate::support::admin::PASSWORD;
use crate::support::manager::Manager;
use crate::support::site::Site;

/// The logins of the lines that have a button to sign somebody out.
fn endable(manager: &Manager<'_>) -> usize {
    manager.browser.page().body.matches("/end\">").count()
}

crate::on_both_databases! {
    async fn sign_ins_are_told_with_their_proofs_their_app_and_their_end(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let mut ned = site.browser();
        ned.open(&visit.url()).await.fill("login", "ned").fill("password", "not this one").submit().await;
        ned.fill("login", "ned").fill("password", PASSWORD).submit().await;
        ned.fill("code", "000000").fill("password", PASSWORD).submit().await;
        let code = site.inbox("ned@example.org").code();
        ned.fill("code", &code).fill("password", PASSWORD).submit().await;
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console/sign-ins").await;
        let text = ada.browser.text();
        for told in ["Signed in without a code, by override", "A wrong password", "A wrong code", "this console", "password and code", "Time Tracker"] {
            assert!(text.contains(told), "{told}: {text}");
        }
        let person = format!("/console/users/{}", site.admin.user("ned").await.id);
        assert!(ada.browser.links().contains(&person), "each line leads to the person, and why they can or cannot sign in");
        ada.open("/console/sign-ins?filter=code_refused").await;
        let text = ada.browser.text();
        assert!(text.contains("A wrong code") && !text.contains("A wrong password"), "{text}");
        ada.open("/console/sign-ins?q=NED&filter=password_refused").await;
        assert!(ada.browser.text().contains("A wrong password"), "{}", ada.browser.text());
        ada.open("/console/sign-ins?q=nia").await;
        assert!(ada.browser.text().contains("There is no such sign-in here."), "{}", ada.browser.text());
        ada.open(&person).await;
        let text = ada.browser.text();
        assert!(text.contains("A wrong code") && text.contains("All of their sign-ins"), "{text}");
    }

    /// Not that they stand behind the many events of an import: they are counted on Home and listed, for a tree and for the whole site.
    async fn an_import_hides_no_sign_in(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let app = site.admin.add_app().await;
        let mut ned = site.browser();
        ned.open(&app.visit().url()).await.fill("login", "ned").fill("password", "not this one").submit().await;
        site.advance(1);
        ned.fill("login", "ned").fill("password", PASSWORD).submit().await;
        let code = site.inbox("ned@example.org").code();
        ned.fill("code", &code).fill("password", PASSWORD).submit().await;
        site.run("INSERT INTO audit_events (id, at_ms, event, actor, group_id, details, top_id)
                  WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 6000)
                  SELECT 'import' || CAST(n AS TEXT), (SELECT MAX(at_ms) FROM audit_events), 'user.added', 'operator',
                         ned.group_id, '{}', ned.group_id
                  FROM numbers CROSS JOIN users ned WHERE ned.login_key = 'ned'").await;
        site.advance(1);
        for (reader, alone) in [("ada", 0), ("root", 1)] {
            let mut manager = Manager::arrives(&site, reader).await;
            manager.open("/console").await;
            let text = manager.browser.text().split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(&format!("With a code 1 Password alone {alone} By override 1 Refused 0")), "{reader}: {text}");
            for order in ["", "?sort=when"] {
                manager.open(&format!("/console/sign-ins{order}")).await;
                let text = manager.browser.text();
                let (wrong, right) = (text.rfind("A wrong password").unwrap(), text.rfind("password and code").unwrap());
                assert_eq!(wrong > right, order.is_empty(), "{reader}, the newest first and then the oldest: {text}");
            }
            manager.open("/console/audit").await;
            assert!(manager.browser.text().contains("Signed in without a code") && manager.browser.text().contains("Added a person"), "{}", manager.browser.text());
        }
        days::tally(&site.admin.db, site.now() + 300).await.unwrap();
        site.advance(1);
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console").await;
        let text = ada.browser.text().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("With a code 1 Password alone 0 By override 2 Refused 0"), "{text}");
    }

    async fn other_trees_have_no_sign_ins_and_no_sessions_here(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        site.admin.add_user(&bolt, "tom", "Top manager", Some("tom@example.org")).await;
        let mut tom = Manager::arrives(&site, "tom").await;
        let mut max = Manager::arrives(&site, "max").await;
        for page in ["/console/sign-ins", "/console/sessions", "/console/sign-ins?q=tom", "/console/sessions?q=tom"] {
            max.open(page).await;
            assert!(!max.browser.page().body.contains(">tom<"), "{page}: {}", max.browser.text());
        }
        max.open("/console/sessions?q=tom").await;
        let foreign = max.browser.text();
        max.open("/console/sessions?q=nobody").await;
        assert_eq!(max.browser.text(), foreign.replace("tom", "nobody"), "somebody elsewhere is like nobody");
        tom.open("/console/sessions").await;
        assert!(tom.browser.text().contains("tom") && !tom.browser.text().contains("max"), "{}", tom.browser.text());
    }

    async fn a_session_ends_where_the_reader_outranks_its_person_and_nowhere_else(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        site.admin.add_user(&site.acme, "cora", "Co-manager", Some("cora@example.org")).await;
        let mut cora = Manager::arrives(&site, "cora").await;
        let ada = Manager::arrives(&site, "ada").await;
        drop(ada);
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/sessions").await;
        let text = max.browser.text();
        assert!(text.contains("Only somebody of higher rank") && text.contains("This is where you are reading this."), "{text}");
        assert_eq!(endable(&max), 2, "cora's and their own: {text}");
        max.open("/console/sessions?q=ada").await;
        assert_eq!(endable(&max), 0, "{}", max.browser.text());
        max.open("/console/sessions?q=cora").await;
        let body = max.browser.page().body.clone();
        let end = body.split('"').find(|part| part.starts_with("/console/sessions/") && part.ends_with("/end")).unwrap().to_owned();
        max.browser.post(&end, &[("q", "cora")]).await;
        assert!(max.saved().unwrap().contains("signed out of one browser"), "{}", max.browser.text());
        assert!(max.browser.text().contains("Nobody of this login is signed in"), "{}", max.browser.text());
        cora.open("/console").await;
        assert!(cora.browser.has_field("password"), "{}", cora.browser.text());
        // What has ended is not there.
        max.browser.post(&end, &[]).await;
        assert_eq!(max.browser.status(), 404);
    }

    async fn sessions_of_a_higher_rank_are_refused_by_the_server_too(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console/sessions").await;
        let body = ada.browser.page().body.clone();
        let end = body.split('"').find(|part| part.ends_with("/end")).unwrap().to_owned();
        let mut max = Manager::arrives(&site, "max").await;
        max.browser.post(&end, &[]).await;
        assert_eq!(max.browser.status(), 422);
        assert!(max.browser.error().unwrap().contains("higher rank"), "{}", max.browser.text());
        ada.open("/console/sessions").await;
        assert_eq!(ada.browser.status(), 200);
        assert!(ada.browser.text().contains("This is where you are reading this."), "{}", ada.browser.text());
    }

    async fn sessions_come_page_by_page_in_either_order(database) {
        let site = Site::on(database).await;
        for n in 0..30 {
            let login = format!("user-{n:02}");
            site.admin.add_user(&site.acme, &login, "User", None).await;
            let user = site.admin.user(&login).await.id;
            let mut tx = site.admin.db.write().await.unwrap();
            let proofs = countersign::store::sessions::Proofs { password_at: n, code_at: None, skipped_at: None };
            let now = site.now();
            countersign::store::sessions::add(&mut tx, &login, &login, &user, proofs, now - 100 + n, now + 3600).await.unwrap();
            tx.commit().await.unwrap();
        }
        site.admin.add_site_administrator("root").await;
        for who in ["max", "root"] {
            let mut manager = Manager::arrives(&site, who).await;
            manager.open("/console/sessions").await;
            let text = manager.browser.text();
            assert!(text.contains("user-29") && !text.contains("user-03"), "{who}, the newest first: {text}");
            let next = manager.browser.links().into_iter().find(|link| link.contains("after=")).unwrap();
            manager.open(&next).await;
            let text = manager.browser.text();
            assert!(text.contains("user-03") && !text.contains("user-29"), "{who}: {text}");
            manager.open("/console/sessions?sort=since").await;
            let text = manager.browser.text();
            assert!(text.contains("user-00") && !text.contains("user-29"), "{who}, the oldest first: {text}");
            manager.open("/console/sessions?q=user-07").await;
            assert!(manager.browser.text().contains("Sign user-07 out everywhere"), "{who}: {}", manager.browser.text());
        }
    }
}
