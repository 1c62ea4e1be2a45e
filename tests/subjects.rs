//! As whom do apps know a person? Public and pairwise subjects (OIDC Core §8), as their apps see them.
#![cfg(test)]

mod support;

use countersign::oidc::clients::Metadata;
use countersign::oidc::clients::subject::SubjectType;
use serde_json::Value;
use support::Database;
use support::app_server::AppServer;
use support::browser::http;
use support::relying_app::{Answer, RelyingApp};
use support::site::Site;

fn pairwise(uri: &'static str) -> impl FnOnce(&mut Metadata) {
    move |metadata| {
        metadata.redirect_uris = vec![uri.to_owned()];
        metadata.subject_type = Some(SubjectType::Pairwise);
    }
}

/// As whom an app knows somebody: by the ID token and by `UserInfo`, which agree.
async fn known_as(site: &Site, app: &RelyingApp, login: &str) -> String {
    let visit = app.visit();
    let (_, tokens) = site.signed_in(app, &visit, login).await;
    let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    let userinfo = app.userinfo(&tokens.text("access_token")).await;
    assert_eq!(userinfo.status, 200, "{}", userinfo.json);
    assert_eq!(userinfo.json["sub"], claims["sub"]);
    let access = app.verify_signature(&tokens.text("access_token")).await;
    assert_eq!(access["sub"], claims["sub"], "RFC 9068 section 2.2");
    claims["sub"].as_str().expect("a sub").to_owned()
}

crate::on_both_databases! {
async fn apps_of_different_sectors_know_a_person_by_different_subjects(database) {
    let site = Site::on(database).await;
    let one = site.admin.add_app_with(pairwise("https://one.example.org/callback")).await;
    let same = site.admin.add_app_with(pairwise("https://one.example.org/other")).await;
    let two = site.admin.add_app_with(pairwise("https://two.example.org/callback")).await;
    let public = site.admin.add_app().await;
    let ada = known_as(&site, &one, "ada").await;
    assert_eq!(known_as(&site, &one, "ada").await, ada, "it stays");
    assert_eq!(known_as(&site, &same, "ada").await, ada, "apps of one sector share it");
    assert_ne!(known_as(&site, &two, "ada").await, ada, "others do not");
    let id = site.admin.user("ada").await.id;
    assert_eq!(known_as(&site, &public, "ada").await, id);
    assert!(ada != id && ada.len() <= 255);
    assert_ne!(known_as(&site, &one, "max").await, ada);
}

async fn a_sector_identifier_uri_names_the_sector(database) {
    let site = Site::on(database).await;
    let sector = |uri| {
        move |metadata: &mut Metadata| {
            pairwise(uri)(metadata);
            metadata.sector_identifier_uri = Some("https://sector.example.org/uris.json".to_owned());
        }
    };
    let one = site.admin.add_app_with(sector("https://one.example.org/callback")).await;
    let two = site.admin.add_app_with(sector("https://two.example.org/callback")).await;
    assert_eq!(known_as(&site, &one, "ada").await, known_as(&site, &two, "ada").await);
}

async fn an_app_may_ask_for_the_person_by_the_subject_that_it_knows(database) {
    let site = Site::on(database).await;
    let app = site.admin.add_app_with(pairwise("https://one.example.org/callback")).await;
    let visit = app.visit();
    let (mut browser, tokens) = site.signed_in(&app, &visit, "ada").await;
    let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    let hinted = app.visit().with("prompt", "none").with("id_token_hint", &tokens.text("id_token"));
    browser.open(&hinted.url()).await;
    hinted.code(&browser.arrived());
    let asked = |sub: &str| {
        let claims = serde_json::json!({ "id_token": { "sub": { "value": sub } } });
        app.visit().with("prompt", "none").with("claims", &claims.to_string())
    };
    let right = asked(claims["sub"].as_str().unwrap());
    browser.open(&right.url()).await;
    right.code(&browser.arrived());
    let public = asked(&site.admin.user("ada").await.id);
    browser.open(&public.url()).await;
    assert_eq!(public.error(&browser.arrived()), "login_required", "the app does not know her by this one");
}

async fn apps_that_know_a_person_by_subjects_of_their_own_know_the_session_by_names_of_their_own(database) {
    let server = AppServer::start().await;
    let site = Site::with(database, |config| server.let_in(config)).await;
    let with_logout = |uri, name: &str| {
        let told = server.uri(&format!("/{name}"));
        move |metadata: &mut Metadata| {
            pairwise(uri)(metadata);
            metadata.backchannel_logout_uri = Some(told);
        }
    };
    let one = site.admin.add_app_with(with_logout("https://one.example.org/callback", "one")).await;
    let two = site.admin.add_app_with(with_logout("https://two.example.org/callback", "two")).await;
    let public = site.admin.add_app().await;
    let visit = one.visit();
    let (mut browser, tokens) = site.signed_in(&one, &visit, "ada").await;
    let hint = tokens.text("id_token");
    let mut names = vec![one.verify(&hint, &visit, site.now()).await["sid"].clone()];
    for app in [&two, &public] {
        let visit = app.visit();
        browser.open(&visit.url()).await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        names.push(app.verify(&tokens.text("id_token"), &visit, site.now()).await["sid"].clone());
    }
    assert!(names[0] != names[1] && names[0] != names[2] && names[1] != names[2], "{names:?}");
    // The app's own ID token is a hint of this session, and it is told by the name that it knows.
    browser.open(&format!("/logout?id_token_hint={hint}")).await;
    assert!(!browser.text().contains("Sign out?"), "{}", browser.text());
    for notice in server.wait_for(2).await {
        let (app, name) = if notice.line.contains("/one") { (&one, &names[0]) } else { (&two, &names[1]) };
        assert_eq!(app.verify_signature(&notice.form[0].1).await["sid"], *name);
    }
}

async fn a_refreshed_token_is_about_the_same_subject(database) {
    let site = Site::on(database).await;
    let app = site.admin.add_app_with(pairwise("https://one.example.org/callback")).await;
    let visit = app.visit().with("scope", "openid offline_access");
    let (_, tokens) = site.signed_in(&app, &visit, "ada").await;
    let before = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    let refreshed = app.refresh(&tokens.text("refresh_token")).await;
    let after = app.verify_signature(&refreshed.text("id_token")).await;
    assert_eq!(after["sub"], before["sub"]);
    let userinfo = app.userinfo(&refreshed.text("access_token")).await;
    assert_eq!(userinfo.json["sub"], before["sub"]);
}
}

#[tokio::test]
async fn both_kinds_of_subject_are_published() {
    let site = Site::on(Database::sqlite().await).await;
    let at = site.url.join(".well-known/openid-configuration").unwrap();
    let kinds: Value = Answer::of(http().get(at)).await.json["subject_types_supported"].clone();
    assert_eq!(kinds, serde_json::json!(["public", "pairwise"]));
}
