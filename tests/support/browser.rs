//! Who sits before the screen? A `Browser` keeps cookies, follows redirects, fills forms and presses buttons.

use std::sync::{Arc, Mutex};

use cookie::Cookie;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::ca::authority;
use super::html::{self, Form};

/// One tab of one person's browser. Tabs made by `new_tab` share its cookies.
#[derive(Clone, Debug)]
pub struct Browser {
    http: reqwest::Client,
    site: Url,
    cookies: Arc<Mutex<Vec<Cookie<'static>>>>,
    history: Vec<Page>,
    filled: Vec<(String, String)>,
}

/// What a tab shows.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its address; for a redirect to another site, the address there, which was not fetched.
    pub url: Url,
    /// The status of the last answer.
    pub status: StatusCode,
    /// The headers of the last answer.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
    /// Whether the site has sent the browser elsewhere.
    pub left: bool,
}

impl Browser {
    /// A browser that has never been anywhere.
    pub fn new(site: &Url) -> Self {
        Self::with_client(http(), site)
    }

    /// The same, with a client that trusts other authorities.
    pub fn with_client(http: reqwest::Client, site: &Url) -> Self {
        Self { http, site: site.clone(), cookies: Arc::default(), history: Vec::new(), filled: Vec::new() }
    }

    /// Another tab of the same browser, at the same page.
    pub fn new_tab(&self) -> Self {
        self.clone()
    }

    /// The page that the tab shows.
    pub fn page(&self) -> &Page {
        self.history.last().expect("the browser has opened a page")
    }

    /// Opens an address: a whole one, or a path of the site.
    pub async fn open(&mut self, address: &str) -> &mut Self {
        let url = self.site.join(address).expect("an address");
        self.go(Method::GET, url, Vec::new(), true).await
    }

    /// Shows the page before this one as it was, as the back button does.
    pub fn back(&mut self) -> &mut Self {
        self.history.pop();
        self
    }

    /// Opens the page of this address again.
    pub async fn reload(&mut self) -> &mut Self {
        let url = self.page().url.clone();
        self.go(Method::GET, url, Vec::new(), true).await
    }

    /// Types into the field of this name.
    pub fn fill(&mut self, name: &str, value: &str) -> &mut Self {
        assert!(self.has_field(name), "no field {name} on the page:\n{}", self.page().body);
        self.filled.retain(|(n, _)| n != name);
        self.filled.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Presses the main button, the one with id `submit`.
    pub async fn submit(&mut self) -> &mut Self {
        self.press("submit").await
    }

    /// Presses the button with this id, or the one of the form whose address ends in this word.
    pub async fn press(&mut self, which: &str) -> &mut Self {
        let (url, method, fields) = self.submission(which);
        self.go(method, url, fields, true).await
    }

    /// What pressing that button would send, for tests that send it many times at once or changed.
    pub fn submission(&mut self, which: &str) -> (Url, Method, Vec<(String, String)>) {
        let (form, button) = self.form_with(which);
        let filled = std::mem::take(&mut self.filled);
        let mut fields = form.fields;
        for (name, value) in &mut fields {
            if let Some((_, typed)) = filled.iter().find(|(n, _)| n == name) {
                value.clone_from(typed);
            }
        }
        let unsent = |name: &String| {
            fields.iter().all(|(n, _)| n != name) && form.boxes.iter().any(|(n, _)| n == name)
        };
        let ticked: Vec<_> = filled.iter().filter(|(name, _)| unsent(name)).cloned().collect();
        fields.extend(ticked);
        fields.extend(button.filter(|[_, name, _]| !name.is_empty()).map(|[_, name, value]| (name, value)));
        let url = if form.action.is_empty() {
            self.page().url.clone()
        } else {
            self.page().url.join(&form.action).expect("a form's address")
        };
        (url, if form.method == "post" { Method::POST } else { Method::GET }, fields)
    }

    fn form_with(&self, which: &str) -> (Form, Option<[String; 3]>) {
        for form in html::forms(&self.page().body) {
            if let Some(button) = form.buttons.iter().find(|[id, ..]| id == which) {
                return (form.clone(), Some(button.clone()));
            }
            if form.action.ends_with(which) {
                let button = form.buttons.first().cloned();
                return (form, button);
            }
        }
        panic!("no button or form {which} on the page:\n{}", self.page().body)
    }

    /// Sends a form of one's own making, as if a page of the site had held it.
    pub async fn post(&mut self, address: &str, fields: &[(&str, &str)]) -> &mut Self {
        let url = self.site.join(address).expect("an address");
        self.go(Method::POST, url, owned(fields), true).await
    }

    /// Sends a form from a page of another site: browsers leave `SameSite` cookies out of it.
    pub async fn post_from_elsewhere(&mut self, address: &str, fields: &[(&str, &str)]) -> &mut Self {
        let url = self.site.join(address).expect("an address");
        self.go(Method::POST, url, owned(fields), false).await
    }

    async fn go(
        &mut self,
        method: Method,
        url: Url,
        fields: Vec<(String, String)>,
        same_site: bool,
    ) -> &mut Self {
        let mut request = (method, url, fields);
        for _ in 0..20 {
            let (method, url, fields) = request;
            if url.origin() != self.site.origin() {
                let page = self.page_before_leaving();
                return self.show(Page { url, left: true, ..page });
            }
            let page = self.fetch(&method, &url, &fields, same_site || method == Method::GET).await;
            let location = page.headers.get(LOCATION).map(|l| l.to_str().expect("a Location").to_owned());
            let sent_on = page.status.is_redirection();
            self.history.push(page);
            let Some(location) = location.filter(|_| sent_on) else { return self };
            let redirect = self.history.pop().expect("just pushed");
            let next = url.join(&location).expect("a Location");
            // RFC 9110 §15.4: only 307 and 308 keep the method; browsers turn the others into GET.
            let keeps = matches!(redirect.status.as_u16(), 307 | 308);
            if next.origin() != self.site.origin() {
                return self.show(Page { url: next, left: true, ..redirect });
            }
            request = if keeps { (method, next, fields) } else { (Method::GET, next, Vec::new()) };
        }
        panic!("twenty redirects, and no end")
    }

    fn page_before_leaving(&self) -> Page {
        Page {
            url: self.site.clone(),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: String::new(),
            left: true,
        }
    }

    fn show(&mut self, page: Page) -> &mut Self {
        self.filled.clear();
        self.history.push(page);
        self
    }

    /// One request with this browser's cookies; its answer's cookies are kept, its redirect is not followed.
    pub async fn fetch(
        &self,
        method: &Method,
        url: &Url,
        fields: &[(String, String)],
        same_site: bool,
    ) -> Page {
        let answer = self.send(method, url, fields, same_site).await;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.text().await.expect("a page of text");
        assert!(status.as_u16() != 500, "{method} {url} answered 500:\n{body}");
        Page { url: url.clone(), status, headers, body, left: false }
    }

    /// The same, and nothing of the answer is read but its head.
    pub async fn send(
        &self,
        method: &Method,
        url: &Url,
        fields: &[(String, String)],
        same_site: bool,
    ) -> Response {
        let mut request = self.http.request(method.clone(), url.clone());
        let cookies = self.cookie_header();
        if same_site && !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        if *method == Method::POST {
            let origin = if same_site {
                self.site.origin().ascii_serialization()
            } else {
                "https://elsewhere.example".to_owned()
            };
            let fetch_site = if same_site { "same-origin" } else { "cross-site" };
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            request = request
                .header(ORIGIN, origin)
                .header("sec-fetch-site", fetch_site)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body);
        }
        let answer = request.send().await.expect("the site answers");
        self.keep_cookies(answer.headers());
        answer
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut jar = self.cookies.lock().expect("the cookies");
        for header in headers.get_all(SET_COOKIE) {
            let header = header.to_str().expect("a Set-Cookie");
            let cookie = Cookie::parse(header.to_owned()).expect("a Set-Cookie");
            jar.retain(|c| c.name() != cookie.name());
            if cookie.max_age().is_none_or(|age| age.whole_seconds() > 0) {
                jar.push(cookie);
            }
        }
    }

    fn cookie_header(&self) -> String {
        let jar = self.cookies.lock().expect("the cookies");
        jar.iter().map(|c| format!("{}={}", c.name(), c.value())).collect::<Vec<_>>().join("; ")
    }

    /// The cookies that the browser holds, with their attributes.
    pub fn cookies(&self) -> Vec<Cookie<'static>> {
        self.cookies.lock().expect("the cookies").clone()
    }

    /// Forgets every cookie: another browser, or this one after a clean-up.
    pub fn forget_cookies(&self) -> &Self {
        self.cookies.lock().expect("the cookies").clear();
        self
    }

    /// Puts a cookie in by hand, as a thief would.
    pub fn plant_cookie(&self, name: &str, value: &str) {
        let mut jar = self.cookies.lock().expect("the cookies");
        jar.retain(|c| c.name() != name);
        jar.push(Cookie::new(name.to_owned(), value.to_owned()));
    }

    /// The refusal that the page shows.
    pub fn error(&self) -> Option<String> {
        html::text_of(&self.page().body, "error")
    }

    /// All that one can read on the page.
    pub fn text(&self) -> String {
        html::text(&self.page().body)
    }

    /// The text of the element with this id.
    pub fn text_of(&self, id: &str) -> Option<String> {
        html::text_of(&self.page().body, id)
    }

    /// The targets of the page's links.
    pub fn links(&self) -> Vec<String> {
        html::links(&self.page().body)
    }

    /// Whether a form of the page has a field of this name.
    pub fn has_field(&self, name: &str) -> bool {
        let forms = html::forms(&self.page().body);
        self.field(name).is_some() || forms.iter().any(|form| form.boxes.iter().any(|(n, _)| n == name))
    }

    /// What that field holds before anything is typed.
    pub fn field(&self, name: &str) -> Option<String> {
        let forms = html::forms(&self.page().body);
        forms.into_iter().flat_map(|form| form.fields).find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The status of the page.
    pub fn status(&self) -> u16 {
        self.page().status.as_u16()
    }

    /// A header of the page.
    pub fn header(&self, name: &str) -> Option<String> {
        self.page().headers.get(name).map(|v| v.to_str().expect("a header of text").to_owned())
    }

    /// The address at the app that the site has sent the browser to; fails when the site still asks for something.
    pub fn arrived(&self) -> Url {
        let page = self.page();
        assert!(page.left, "still at {} ({}):\n{}", page.url, page.status, self.text());
        page.url.clone()
    }

    /// Where the page's form would go by itself, and with what: the answer of `response_mode=form_post` (OAuth 2.0 Form Post
    /// Response Mode §2). Nothing unless the page holds one form, by POST, to another site.
    pub fn posted(&self) -> Option<(Url, Vec<(String, String)>)> {
        let mut forms = html::forms(&self.page().body).into_iter();
        let (form, None) = (forms.next()?, forms.next()) else { return None };
        let url = self.page().url.join(&form.action).ok()?;
        (form.method == "post" && url.origin() != self.site.origin()).then_some((url, form.fields))
    }

    /// Whether the site has sent the browser on.
    pub fn has_left(&self) -> bool {
        self.page().left
    }
}

/// A client that follows nothing by itself, and trusts the authority of the tests and no other.
pub fn http() -> reqwest::Client {
    client().build().expect("an HTTP client")
}

/// The same, for tests that give it more.
pub fn client() -> reqwest::ClientBuilder {
    let authority = reqwest::Certificate::from_pem(&authority().pem()).expect("a certificate");
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tls_built_in_root_certs(false)
        .add_root_certificate(authority)
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}
