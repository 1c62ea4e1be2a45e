//! What do browsers do, beside what a sign-in expects of them? Pop-ups, odd cookies, several tabs at once, no cookies at all.
#![cfg(test)]

mod support;

use reqwest::Method;
use reqwest::header::{COOKIE, LOCATION};
use support::Database;
use support::admin::PASSWORD;
use support::browser::{Browser, Page, http};
use support::site::Site;
use url::Url;

const OPENER: &str = "cross-origin-opener-policy";

/// Every answer on the way to the app, redirects included.
async fn walk(browser: &mut Browser, method: Method, url: Url, fields: Vec<(String, String)>) -> Vec<Page> {
    let mut answers = vec![browser.fetch(&method, &url, &fields, true).await];
    while let Some(location) = answers.last().unwrap().headers.get(LOCATION) {
        let next = url.join(location.to_str().unwrap()).unwrap();
        if next.origin() != url.origin() {
            break;
        }
        answers.push(browser.fetch(&Method::GET, &next, &[], true).await);
    }
    answers
}

fn all_keep_their_opener(answers: &[Page]) {
    for page in answers {
        let said = page.headers.get(OPENER).map(|value| value.to_str().unwrap());
        assert!(matches!(said, None | Some("unsafe-none")), "{}: {said:?}", page.url);
    }
}

/// Swagger UI and `signinPopup` of oidc-client open the sign-in in a window that tells its opener at the end.
#[tokio::test]
async fn a_popup_keeps_its_opener_from_the_request_to_the_callback() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let mut browser = site.browser();
    let begun = walk(&mut browser, Method::GET, visit.url().parse().unwrap(), Vec::new()).await;
    all_keep_their_opener(&begun);
    browser.open(begun.last().unwrap().url.as_str()).await;
    browser.fill("login", "ada").fill("password", PASSWORD);
    let (url, method, fields) = browser.submission("submit");
    let done = walk(&mut browser, method, url, fields).await;
    all_keep_their_opener(&done);
    let away = done.last().unwrap().headers[LOCATION].to_str().unwrap();
    assert!(away.starts_with(&app.redirect_uri), "{away}");
    all_keep_their_opener(
        &walk(&mut browser, Method::GET, site.url.join("logout").unwrap(), Vec::new()).await,
    );
    // What goes wrong on the way is told in the same window.
    let wrong = site.url.join("authorize?client_id=nobody").unwrap();
    all_keep_their_opener(&walk(&mut browser, Method::GET, wrong, Vec::new()).await);
    for apart in ["/", "/device", "/nowhere"] {
        let page = browser.fetch(&Method::GET, &site.url.join(apart).unwrap(), &[], true).await;
        assert_eq!(page.headers[OPENER], "same-origin", "{apart}");
    }
}

/// Another program on the parent domain sets a cookie that is no ASCII: browsers send it along with ours.
#[tokio::test]
async fn a_neighbours_odd_cookie_keeps_nobody_out() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let mut browser = site.browser();
    browser.open(&visit.url()).await;
    browser.fill("login", "ada").fill("password", PASSWORD);
    let (url, _, fields) = browser.submission("submit");
    let ours: Vec<String> = browser.cookies().iter().map(|c| format!("{}={}", c.name(), c.value())).collect();
    let ours = ours.join("; ");
    for odd in [format!("seen=café; {ours}").into_bytes(), [b"seen=caf\xe9; ", ours.as_bytes()].concat()] {
        let value = reqwest::header::HeaderValue::from_bytes(&odd).unwrap();
        let page = http().get(url.clone()).header(COOKIE, value.clone()).send().await.unwrap();
        assert_eq!(page.status(), 303, "the way back to the sign-in");
        let loop_at = url.join(page.headers()[LOCATION].to_str().unwrap()).unwrap();
        let page = http().get(loop_at).header(COOKIE, value).send().await.unwrap();
        assert_eq!(page.status(), 200, "the sign-in goes on");
    }
    let request = http().post(url).header(COOKIE, &ours).header(COOKIE, "seen=x").form(&fields);
    assert_eq!(request.send().await.unwrap().status(), 303);
}
