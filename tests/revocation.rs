//! Does a token end when its client says so, and everything that hangs from it, and nothing else? (RFC 7009)
#![cfg(test)]

mod support;

use countersign::oidc::clients::{AuthMethod, GrantType};
use support::Database;
use support::relying_app::{Answer, RelyingApp};
use support::site::Site;

/// Somebody who needs no code signs in.
async fn tokens(site: &Site, app: &RelyingApp) -> Answer {
    let visit = app.visit().with("scope", "openid offline_access").with("prompt", "consent");
    let mut browser = site.after_password(&visit, "ada").await;
    if !browser.has_left() {
        browser.submit().await;
    }
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    tokens
}

async fn revoke(app: &RelyingApp, token: &str) -> Answer {
    app.ask("revoke", &[("token", token)]).await
}

async fn revocations(site: &Site) -> usize {
    site.admin.events().await.iter().filter(|event| event.event == "token.revoked").count()
}

crate::on_both_databases! {
    /// Whichever of its tokens is revoked: the grant ends with all of them.
    async fn one_token_of_a_grant_takes_the_others_along(database) {
        let site = Site::on(database).await;
        for (n, which) in ["refresh_token", "access_token"].into_iter().enumerate() {
            let app = site.admin.add_app().await;
            let tokens = tokens(&site, &app).await;
            let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
            let answer = revoke(&app, &tokens.text(which)).await;
            assert_eq!(answer.status, 200, "{}", answer.json);
            assert_eq!(answer.headers["cache-control"], "no-store");
            assert_eq!(app.userinfo(&access).await.status, 401);
            assert_eq!(app.refresh(&refresh).await.error().as_deref(), Some("invalid_grant"));
            assert_eq!(revocations(&site).await, n + 1);
            // Once more is as good.
            assert_eq!(revoke(&app, &tokens.text(which)).await.status, 200);
            assert_eq!(revocations(&site).await, n + 1);
        }
    }

    /// Another client is told so, and nothing ends.
    async fn nobody_ends_what_is_anothers(database) {
        let site = Site::on(database).await;
        let (app, other) = (site.admin.add_app().await, site.admin.add_app().await);
        let tokens = tokens(&site, &app).await;
        for which in ["refresh_token", "access_token"] {
            let refused = revoke(&other, &tokens.text(which)).await;
            assert_eq!(refused.status, 400);
            assert_eq!(refused.error().as_deref(), Some("invalid_grant"));
        }
        assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 200);
        assert_eq!(app.refresh(&tokens.text("refresh_token")).await.status, 200);
    }

    /// A token of a client in its own name hangs from nothing: it is remembered.
    async fn a_client_revokes_a_token_in_its_own_name(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(|m| m.grant_types.push(GrantType::ClientCredentials)).await;
        let token = app.token(&[("grant_type", "client_credentials")]).await.text("access_token");
        let active = || async {
            app.ask("introspect", &[("token", &token)]).await.json["active"].clone()
        };
        assert_eq!(active().await, true);
        assert_eq!(revoke(&app, &token).await.status, 200);
        assert_eq!(active().await, false);
        assert_eq!(revoke(&app, &token).await.status, 200);
        assert_eq!(revocations(&site).await, 1);
    }
}

#[tokio::test]
async fn a_public_client_revokes_with_its_id_alone() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app_with(|m| m.token_endpoint_auth_method = AuthMethod::None).await;
    let tokens = tokens(&site, &app).await;
    assert_eq!(revoke(&app, &tokens.text("refresh_token")).await.status, 200);
    assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 401);
}

#[tokio::test]
async fn a_hint_may_be_wrong() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let tokens = tokens(&site, &app).await;
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let form = [("token", refresh.as_str()), ("token_type_hint", "access_token")];
    assert_eq!(app.ask("revoke", &form).await.status, 200);
    assert_eq!(app.userinfo(&access).await.status, 401);
    let form = [("token", access.as_str()), ("token_type_hint", "something")];
    assert_eq!(app.ask("revoke", &form).await.status, 200);
}

#[tokio::test]
async fn what_is_no_token_any_more_needs_no_ending() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let tokens = tokens(&site, &app).await;
    site.advance(601);
    for token in ["unknown", "a.b.c", &tokens.text("access_token"), &tokens.text("id_token")] {
        assert_eq!(revoke(&app, token).await.status, 200, "{token}");
    }
    assert_eq!(app.refresh(&tokens.text("refresh_token")).await.status, 200, "its grant goes on");
}

#[tokio::test]
async fn who_asks_must_be_known_and_must_name_a_token() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let stranger = RelyingApp { client_secret: Some("wrong".to_owned()), ..app.clone() };
    let refused = revoke(&stranger, "x").await;
    assert_eq!((refused.status.as_u16(), refused.error().as_deref()), (401, Some("invalid_client")));
    assert!(refused.headers.contains_key("www-authenticate"));
    assert_eq!(app.ask("revoke", &[]).await.error().as_deref(), Some("invalid_request"));
    let doubled = app.ask("revoke", &[("token", "x"), ("token", "y")]).await;
    assert_eq!(doubled.error().as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn while_the_database_is_away_a_client_is_told_to_try_again() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let tokens = tokens(&site, &app).await;
    // Somebody else writes for longer than anybody waits.
    let held = site.admin.db.write().await.expect("the writer");
    let refused = revoke(&app, &tokens.text("refresh_token")).await;
    drop(held);
    assert_eq!(refused.status, 503);
    assert_eq!(refused.headers["retry-after"], "5");
    assert_eq!(revoke(&app, &tokens.text("refresh_token")).await.status, 200);
    assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 401);
}
