//! Does everything work for an issuer that shares its host with others, below a path of its own?
#![cfg(test)]

mod support;

use reqwest::header::{LOCATION, SET_COOKIE};
use support::Database;
use support::admin::PASSWORD;
use support::browser::http;
use support::relying_app::RelyingApp;
use support::site::Site;
use url::Url;

/// A site below `/auth`, and an app that knows it so.
async fn site() -> (Site, RelyingApp) {
    let site = Site::with(Database::sqlite().await, |config| config.issuer.push_str("/auth")).await;
    let mut app = site.admin.add_app().await;
    app.issuer = site.url.join("/auth/").unwrap();
    (site, app)
}

#[tokio::test]
async fn discovery_is_where_either_specification_looks() {
    let (site, app) = site().await;
    let issuer = app.issuer.as_str().trim_end_matches('/');
    for path in [
        "/auth/.well-known/openid-configuration",
        "/auth/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/auth",
        // As a proxy passes it on that takes the path off.
        "/.well-known/openid-configuration",
    ] {
        let answer = http().get(site.url.join(path).unwrap()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let metadata: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(metadata["issuer"], issuer, "{path}");
        for (name, value) in metadata.as_object().unwrap() {
            if name.ends_with("_endpoint") || name.ends_with("_uri") && name != "service_documentation" {
                assert!(value.as_str().unwrap().starts_with(&format!("{issuer}/")), "{name}: {value}");
            }
        }
    }
}

#[tokio::test]
async fn somebody_signs_in_with_a_code_and_out_again() {
    let (site, app) = site().await;
    let visit = app.visit().with("scope", "openid profile");
    let mut browser = site.browser();
    browser.open(&visit.url()).await;
    assert!(browser.page().url.path().starts_with("/auth/authorize/"), "{}", browser.page().url);
    for link in browser.links() {
        let asset = http().get(browser.page().url.join(&link).unwrap()).send().await.unwrap();
        assert_eq!(asset.status(), 200, "{link}");
    }
    browser.fill("login", "ned").fill("password", "wrong").submit().await;
    assert_eq!(browser.error().as_deref().map(|said| said.contains("Incorrect")), Some(true));
    browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
    let code = site.inbox("ned@example.org").code();
    browser.fill("code", &code).fill("password", PASSWORD).submit().await;
    let answer = app.redeem(&visit, &browser.arrived()).await;
    let claims = app.verify(answer.json["id_token"].as_str().unwrap(), &visit, site.now()).await;
    assert_eq!(claims["amr"], serde_json::json!(["pwd", "otp", "mfa"]));
    let told = app.userinfo(answer.json["access_token"].as_str().unwrap()).await;
    assert_eq!(told.json["sub"], claims["sub"]);

    // Once more, by the session.
    let again = app.visit();
    browser.open(&again.url()).await;
    app.redeem(&again, &browser.arrived()).await;
    browser.open("/auth/logout").await;
    browser.submit().await;
    assert!(browser.text().contains("signed out"), "{}", browser.text());
    browser.open(&app.visit().url()).await;
    assert!(browser.has_field("password"), "nobody is signed in any more");
}

#[tokio::test]
async fn a_proxy_may_take_the_path_off() {
    let (site, app) = site().await;
    let visit = app.visit();
    let stripped = |url: &str| site.url.join(url.replacen("/auth/", "/", 1).as_str()).unwrap();
    let begun = http().get(stripped(&visit.url())).send().await.unwrap();
    let at = begun.headers()[LOCATION].to_str().unwrap().to_owned();
    assert!(at.starts_with("/auth/authorize/"), "{at}");
    let cookies: Vec<String> = begun
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    let page = http().get(stripped(&at)).header("cookie", cookies.join("; ")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let html = page.text().await.unwrap().replace("&#x2f;", "/");
    assert!(html.contains(&format!("action=\"{at}/password\"")), "{html}");
    assert!(html.contains("href=\"/auth/assets/"), "{html}");
}

/// Two providers on one host do not take each other's cookies.
#[tokio::test]
async fn cookies_are_named_after_the_path() {
    let (site, app) = site().await;
    let mut browser = site.browser();
    browser.open(&app.visit().url()).await;
    let names: Vec<String> = browser.cookies().iter().map(|cookie| cookie.name().to_owned()).collect();
    let plain = countersign::web::cookies::Cookies::for_issuer(site.url.as_str());
    assert!(!names.is_empty() && !names.contains(&plain.name("browser")), "{names:?}");
}

#[tokio::test]
async fn a_device_and_its_person_find_each_other_below_the_path() {
    let (site, app) = site().await;
    let page = http().get(site.url.join("/auth/device").unwrap()).send().await.unwrap().text().await.unwrap();
    let page = page.replace("&#x2f;", "/");
    assert!(page.contains("action=\"/auth/device\""), "{page}");
    let nowhere = http().get(app.issuer.join("nowhere").unwrap()).send().await.unwrap();
    assert_eq!(nowhere.status(), 404);
    let neighbours: Url = site.url.join("/authority").unwrap();
    assert_eq!(http().get(neighbours).send().await.unwrap().status(), 404);
}
