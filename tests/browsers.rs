//! What do browsers do, beside what a sign-in expects of them? Pop-ups, odd cookies, several tabs at once, no cookies at all.
#![cfg(test)]

mod support;

use reqwest::Method;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
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

/// A session restore opens an app's three tabs at once, in a browser that has never been here.
#[tokio::test]
async fn three_tabs_opened_at_once_by_a_new_browser_all_sign_in() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    for by_post in [false, true] {
        let browser = site.browser();
        let mut waiting = Vec::new();
        // All three ask before any of them is answered, so that none of them brings a cookie.
        for _ in 0..3 {
            let visit = app.visit();
            let answer = if by_post {
                http().post(site.url.join("authorize").unwrap()).form(&visit.parameters).send()
            } else {
                http().get(visit.url()).send()
            };
            waiting.push((visit, answer.await.unwrap()));
        }
        let mut tabs = Vec::new();
        for (visit, answer) in waiting {
            keep(&browser, answer.headers());
            tabs.push((visit, site.url.join(answer.headers()[LOCATION].to_str().unwrap()).unwrap()));
        }
        let mut opened = Vec::new();
        for (visit, at) in tabs {
            let mut tab = browser.new_tab();
            tab.open(at.as_str()).await;
            opened.push((visit, tab));
        }
        for (visit, mut tab) in opened {
            tab.fill("login", "ada").fill("password", PASSWORD).submit().await;
            assert_eq!(app.redeem(&visit, &tab.arrived()).await.status, 200);
        }
    }
}

/// Takes the cookies of an answer in, as a browser does.
fn keep(browser: &Browser, headers: &reqwest::header::HeaderMap) {
    for cookie in headers.get_all(SET_COOKIE) {
        let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
        browser.plant_cookie(name, rest.split(';').next().unwrap());
    }
}

/// Whoever learns the address of a sign-in cannot go on with it, before or after its browser has opened it.
#[tokio::test]
async fn a_sign_in_goes_on_in_no_other_browser() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let stranger = site.browser();
    let mut known = stranger.new_tab();
    known.open(&app.visit().url()).await;
    for by_post in [false, true] {
        let visit = app.visit();
        let mut browser = site.browser();
        let fields: Vec<(&str, &str)> =
            visit.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let victim = if by_post {
            browser.post_from_elsewhere("authorize", &fields).await
        } else {
            browser.open(&visit.url()).await
        };
        let at = victim.page().url.clone();
        let mut thief = known.new_tab();
        thief.open(at.as_str()).await;
        assert_eq!(thief.status(), 410);
        assert!(thief.text().contains("This sign-in is over"), "{}", thief.text());
        let password = [("login", "ada"), ("password", PASSWORD)];
        thief.post(&format!("{at}/password"), &password).await;
        assert_eq!(thief.status(), 410);
        victim.reload().await;
        victim.fill("login", "ada").fill("password", PASSWORD).submit().await;
        victim.arrived();
    }
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookies_is_told_so() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let visit = app.visit();
    for begin in
        [http().get(visit.url()), http().post(site.url.join("authorize").unwrap()).form(&visit.parameters)]
    {
        let answer = begin.send().await.unwrap();
        let at = site.url.join(answer.headers()[LOCATION].to_str().unwrap()).unwrap();
        let page = http().get(at).send().await.unwrap();
        assert_eq!(page.status(), 410);
        let html = page.text().await.unwrap();
        assert!(html.contains("allow cookies for this site"), "{html}");
        assert!(html.contains("id=\"back\""), "a way back to the app: {html}");
    }
}
