//! How is a real Chromium driven? Through ChromeDriver, by the few commands of W3C WebDriver that the tests need.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The key under which WebDriver hands out elements (W3C WebDriver §12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Without these Chromium does not start as root or in a small /dev/shm, or spends the test looking for its maker.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// One Chromium window with a profile of its own; it ends with this value.
#[derive(Debug)]
pub struct Chromium {
    driver: Child,
    http: reqwest::Client,
    session: String,
    _profile: TempDir,
}

/// How wide the window is and what the person's system prefers.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// A name for files.
    pub name: &'static str,
    /// Width and height in CSS pixels.
    pub size: (u32, u32),
    /// Whether the system prefers dark.
    pub dark: bool,
}

/// Phone and desktop, light and dark.
pub const LOOKS: [Look; 4] = [
    Look { name: "phone-light", size: (390, 844), dark: false },
    Look { name: "phone-dark", size: (390, 844), dark: true },
    Look { name: "desktop-light", size: (1280, 800), dark: false },
    Look { name: "desktop-dark", size: (1280, 800), dark: true },
];

impl Chromium {
    /// Starts a browser, with JavaScript or without.
    pub async fn start(javascript: bool) -> Self {
        let (driver, port) = start_driver();
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut args: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let allowed = if javascript { 1 } else { 2 };
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            // The authority of the tests is none that Chromium knows.
            "acceptInsecureCerts": true,
            "goog:chromeOptions": {
                "args": args,
                "prefs": {
                    "profile.managed_default_content_settings.javascript": allowed,
                    // Cookies in frames of other sites are let through.
                    "profile.cookie_controls_mode": 0,
                },
            },
        }}});
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let mut chromium =
            Self { driver, http, session: format!("http://127.0.0.1:{port}/session"), _profile: profile };
        let answer = chromium.post("", capabilities).await;
        let id = answer["sessionId"].as_str().expect("a session").to_owned();
        chromium.session = format!("{}/{id}", chromium.session);
        chromium
    }

    /// Opens an address and waits until it is there.
    pub async fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// Goes back, as the back button does.
    pub async fn back(&self) {
        self.post("/back", json!({})).await;
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.post("/refresh", json!({})).await;
    }

    /// The address of the page.
    pub async fn url(&self) -> String {
        text(&self.get("/url").await)
    }

    /// Types into the element that a CSS selector finds, after emptying it.
    pub async fn type_into(&self, selector: &str, typed: &str) {
        let element = self.find(selector).await;
        self.post(&format!("/element/{element}/clear"), json!({})).await;
        self.post(&format!("/element/{element}/value"), json!({ "text": typed })).await;
    }

    /// Clicks on the element that a CSS selector finds, and waits for the page to which that leads.
    pub async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.mark_page().await;
        self.post(&format!("/element/{element}/click"), json!({})).await;
        self.wait_for_next_page().await;
    }

    /// Clicks on what leads nowhere: a box, a choice, something that unfolds.
    pub async fn tick(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post(&format!("/element/{element}/click"), json!({})).await;
    }

    /// Somebody else sits down: the browser knows nobody any more.
    pub async fn somebody_else(&self) {
        self.devtools("Network.clearBrowserCookies", json!({})).await;
    }

    /// Waits until something can be read in the element that a CSS selector finds, which a script may put there.
    pub async fn until(&self, selector: &str, expected: &str) {
        let script = format!(
            "const found = document.querySelector({}); return found ? found.innerText : ''",
            json!(selector)
        );
        for _ in 0..500 {
            if text(&self.run(&script).await).contains(expected) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("{expected:?} did not come into {selector}:\n{}", self.text().await);
    }

    /// What can be read in the element that a CSS selector finds.
    pub async fn text_of(&self, selector: &str) -> String {
        let element = self.find(selector).await;
        text(&self.get(&format!("/element/{element}/text")).await)
    }

    /// All that can be read on the page.
    pub async fn text(&self) -> String {
        self.text_of("body").await
    }

    /// The id of the element that has the keyboard.
    pub async fn focused(&self) -> String {
        let element = self.get("/element/active").await[ELEMENT].as_str().expect("an element").to_owned();
        text(&self.get(&format!("/element/{element}/property/id")).await)
    }

    /// Types on the keyboard, wherever it is. Tab and newline are the keys of that name; a newline sends the form, and
    /// the page to which that leads is waited for.
    pub async fn press_keys(&self, typed: &str) {
        let active = self.get("/element/active").await[ELEMENT].as_str().expect("an element").to_owned();
        let keys = typed.replace('\t', "\u{E004}").replace('\n', "\u{E007}");
        self.mark_page().await;
        self.post(&format!("/element/{active}/value"), json!({ "text": keys })).await;
        if typed.ends_with('\n') {
            self.wait_for_next_page().await;
        }
    }

    async fn mark_page(&self) {
        self.run("window.seen = true").await;
    }

    /// A driver's answer to a click may come before the click has led anywhere.
    async fn wait_for_next_page(&self) {
        let there =
            json!({ "script": "return !window.seen && document.readyState === 'complete'", "args": [] });
        for _ in 0..1500 {
            let asked = self.http.post(format!("{}/execute/sync", self.session)).json(&there).send().await;
            let answer: Value = asked.expect("the driver answers").json().await.expect("JSON");
            // Between two pages there is none to ask: then the answer is an error, and we ask again.
            if answer["value"] == json!(true) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("no other page came; still at {}:\n{}", self.url().await, self.text().await);
    }

    /// Whether there is such an element.
    pub async fn has(&self, selector: &str) -> bool {
        let found = self.post("/elements", json!({ "using": "css selector", "value": selector })).await;
        found.as_array().is_some_and(|elements| !elements.is_empty())
    }

    /// Runs a script of the test's own, even where pages may not run theirs.
    pub async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Runs a script that answers through its last argument.
    pub async fn run_async(&self, script: &str) -> Value {
        self.post("/execute/async", json!({ "script": script, "args": [] })).await
    }

    /// Takes on a size and a colour preference.
    pub async fn look(&self, look: Look) {
        let (width, height) = look.size;
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if look.dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// The whole page as a PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        let taken = self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        base64::prelude::BASE64_STANDARD.decode(text(&taken["data"])).expect("base64")
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    async fn find(&self, selector: &str) -> String {
        let found = self.post("/element", json!({ "using": "css selector", "value": selector })).await;
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    async fn get(&self, command: &str) -> Value {
        answer_to(command, self.http.get(format!("{}{command}", self.session))).await
    }

    async fn post(&self, command: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{command}", self.session)).json(&body);
        answer_to(&format!("{command} {}", short(&body)), request).await
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let session = self.session.clone();
        // Chromium outlives a driver that is killed, so the session is ended first; `drop` cannot wait on this
        // test's own runtime for that.
        let ending = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let client = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
            runtime.block_on(client.delete(session).send()).map(|_| ())
        });
        let _ = ending.join();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn start_driver() -> (Child, u16) {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("chromedriver does not start ({e}): run the tests with ./tests/run"));
    let lines = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
    let port = lines
        .map_while(Result::ok)
        .find_map(|line| line.rsplit_once("successfully on port ")?.1.trim_end_matches('.').parse().ok())
        .expect("chromedriver says its port");
    (driver, port)
}

async fn answer_to(what: &str, request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap_or_else(|e| panic!("{what}: {e}"));
    let refused = !answer.status().is_success();
    let mut body: Value = answer.json().await.unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(!refused, "{what}: {}: {}", body["value"]["error"], body["value"]["message"]);
    body["value"].take()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn short(body: &Value) -> String {
    body.to_string().chars().take(200).collect()
}
