//! Does the console say what an app would get, as it would get it, and does nothing come into being by that?

use countersign::oidc::clients::subject::SubjectType;

use crate::support::admin::PASSWORD;
use crate::support::manager::Manager;
use crate::support::site::Site;

/// A text with one blank between words.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn told(manager: &Manager<'_>, id: &str) -> String {
    plain(&manager.browser.text_of(id).unwrap_or_default())
}

async fn root(site: &Site) -> Manager<'_> {
    site.admin.add_site_administrator("root").await;
    Manager::arrives(site, "root").await
}

crate::on_both_databases! {
    async fn what_an_app_would_get_is_what_it_gets(database) {
        let site = Site::on(database).await;
        for in_id_token in [false, true] {
            let app = site
                .admin
                .add_app_with(|m| {
                    m.id_token_claims = in_id_token;
                    m.subject_type = in_id_token.then_some(SubjectType::Pairwise);
                    m.backchannel_logout_uri = Some("https://app.example.org/logout".to_owned());
                })
                .await;
            let scope = "openid profile email groups";
            let visit = app.visit().with("scope", scope);
            let mut ned = site.after_password(&visit, "ned").await;
            let code = site.inbox("ned@example.org").code();
            ned.fill("code", &code).fill("password", PASSWORD).submit().await;
            let answer = app.redeem(&visit, &ned.arrived()).await;
            let id_token = app.verify(&answer.text("id_token"), &visit, site.now()).await;
            let userinfo = app.userinfo(&answer.text("access_token")).await.json;
            ned.forget_cookies();
            let mut root = if in_id_token { Manager::arrives(&site, "root").await } else { root(&site).await };
            root.open(&format!("/console/apps/{}/try?user=ned&scope=openid+profile+email+groups", app.client_id)).await;
            assert_eq!(told(&root, "lead"), "ned would get in. What the app would get stands below.");
            let varying = ["jti", "sid", "at_hash", "iat", "exp", "nonce", "auth_time"];
            for (real, id) in [(&id_token, "id-token"), (&userinfo, "userinfo")] {
                let table = told(&root, id);
                let real = real.as_object().unwrap();
                for (name, value) in real {
                    let cells = if varying.contains(&name.as_str()) { name.clone() } else { format!("{name}{}", plain(&value.to_string())) };
                    assert!(table.contains(&cells), "{cells} is not in {table}");
                }
                let rows = root.browser.page().body.split(&format!("<table id=\"{id}\"")).nth(1).unwrap();
                let rows = rows.split("</table>").next().unwrap().matches("<th scope=\"row\">").count();
                assert_eq!(rows, real.len(), "no more than that: {table}");
            }
            assert_eq!(told(&root, "id-token").contains("--id-token-claims"), in_id_token);
            assert_eq!(told(&root, "userinfo").contains("apps of other sites know this person by another one"), in_id_token);
            assert!(told(&root, "userinfo").contains("because of scope email"));
            assert!(told(&root, "empty").contains("birthdate"));
            site.advance(3600);
        }
    }

    async fn nothing_comes_into_being_by_it(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut root = root(&site).await;
        let before = site.admin.events().await.len();
        root.open(&format!("/console/apps/{}/try", app.client_id)).await;
        assert!(told(&root, "lead").starts_with("root would get in."), "{}", told(&root, "lead"));
        assert_eq!(site.admin.events().await.len(), before);
        let body = &root.browser.page().body;
        // A JWT begins with a header in base64url.
        assert!(!body.contains("eyJ"), "{body}");
        root.open(&format!("/console/apps/{}", app.client_id)).await;
        assert!(plain(&root.browser.text()).contains("Nobody of your groups uses it now."));
    }

    async fn whoever_would_not_get_in_gets_nothing_on_the_page_either(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        let app = site.admin.add_app_with(|m| m.allowed_groups = vec![bolt.id.clone()]).await;
        let strict = site.admin.add_app_with(|m| m.require_two_factor = true).await;
        site.admin.add_user(&site.acme, "tia", "Top manager", None).await;
        let mut root = root(&site).await;
        for (app, who, lead, because) in [
            (&app, "ned", "none of their groups may use this app", "a code that goes to"),
            (&strict, "nia", "nia would not get in, here or anywhere.", "no email address"),
            (&strict, "tia", "tia would not get in", "it insists on a code, and there is no email address"),
        ] {
            root.open(&format!("/console/apps/{}/try?user={who}", app.client_id)).await;
            assert!(told(&root, "lead").contains(lead), "{}", told(&root, "lead"));
            assert!(told(&root, "because").contains(because), "{}", told(&root, "because"));
            assert_eq!(root.browser.text_of("id-token"), None);
        }
        for (query, expected) in [
            ("user=nobody", "There is no nobody among your people."),
            ("user=a%E2%80%AEb", "cannot be seen"),
            ("user=%3Cb%3E", "There is no <b> among your people."),
        ] {
            root.open(&format!("/console/apps/{}/try?{query}", strict.client_id)).await;
            assert_eq!(root.browser.status(), 200);
            assert!(plain(&root.browser.text()).contains(expected), "{expected}: {}", root.browser.text());
        }
        root.open(&format!("/console/apps/{}/try?user=ned&scope=profile+moon", strict.client_id)).await;
        assert!(plain(&root.browser.text()).contains("the app does not ask for scope openid"));
        assert_eq!(told(&root, "ignored").split(' ').next_back(), Some("moon"));
        root.open(&format!("/console/apps/{}/try?user=ned&scope=moon", strict.client_id)).await;
        assert!(told(&root, "lead").contains("It would be told invalid_scope."), "{}", told(&root, "lead"));
        assert_eq!(root.browser.text_of("id-token"), None);
    }

    async fn people_of_another_tree_are_nobody_to_try_it_with(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        site.admin.add_user(&bolt, "bea", "User", Some("bea@example.org")).await;
        let rights = "manage_relying_apps view_users manage_own_settings";
        site.admin.add_role(&site.acme, "App keeper", 100, rights).await;
        site.admin.add_user(&site.acme, "kim", "App keeper", Some("kim@example.org")).await;
        let app = site.admin.add_app().await;
        let mut kim = Manager::arrives(&site, "kim").await;
        for (who, there) in [("ned", true), ("bea", false), ("bea@example.org", false)] {
            kim.open(&format!("/console/apps/{}/try?user={who}", app.client_id)).await;
            assert_eq!(kim.browser.text_of("id-token").is_some(), there, "{who}");
        }
    }
}
