//! Where do people go to track their time? A page with Time Tracker's hooks and the connector laid over it, run by Debian's PHP.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use countersign::oidc::clients::recipe::Recipe;
use countersign::oidc::clients::{self, Metadata};
use countersign::store::Db;
use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use crate::support::browser::Browser;
use crate::support::ca::authority;
use crate::support::relying_app::RelyingApp;

/// Who is known there; the rights are what the connector reads of a role.
const SCHEMA: &str = "
    CREATE TABLE tt_groups (id INTEGER PRIMARY KEY, org_id INTEGER, name TEXT, status INTEGER);
    CREATE TABLE tt_roles (id INTEGER PRIMARY KEY, group_id INTEGER, name TEXT, rank INTEGER, rights TEXT, status INTEGER);
    CREATE TABLE tt_users (id INTEGER PRIMARY KEY, login TEXT, password TEXT, name TEXT, group_id INTEGER, org_id INTEGER,
        role_id INTEGER, email TEXT, created TEXT, created_ip TEXT, status INTEGER DEFAULT 1);
    INSERT INTO tt_groups VALUES (7, 7, 'Acme', 1), (8, 7, 'Acme/Gone', NULL);
    INSERT INTO tt_roles VALUES (1, 0, 'Site administrator', 1024, 'administer_site', 1),
        (2, 0, 'Top manager', 512, 'track_own_time,override_2fa', 1), (3, 7, 'User', 4, 'track_own_time,view_users', 1),
        (4, 7, 'Client', 16, 'view_client_reports', 1), (5, 7, 'Supervisor', 12, 'track_own_time', 0);
    INSERT INTO tt_users (id, login, name, group_id, org_id, role_id, password) VALUES
        (11, 'ada', 'Ada', 7, 7, 2, NULL), (12, 'ned', 'Ned', 7, 7, 3, '5ebe2294ecd0e0f08eab7690d2a6ee69'),
        (13, 'pia', 'Pia', 7, 7, 3, NULL);";

/// The folder of the connector, as an administrator copies it.
pub const CONNECTOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/connectors/timetracker");

/// A running page; it ends with this value.
#[derive(Debug)]
pub struct Tracker {
    /// Its address.
    pub url: Url,
    folder: TempDir,
    programs: Vec<Child>,
}

impl Tracker {
    /// One where people sign in with passwords of its own, so far.
    pub async fn start() -> Self {
        assert!(
            php().is_ok(),
            "PHP is not installed: run `apt-get install php-cli php-curl php-mbstring php-sqlite3 smarty4`"
        );
        let port = free_port();
        let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        let tracker = Self::served(url, |folder| vec![start_php(folder, port)]);
        tracker.is_reached(port).await;
        tracker
    }

    /// One at this address, in whose new folder these programs are started.
    pub fn served(url: Url, start: impl FnOnce(&Path) -> Vec<Child>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["state", "sessions", "app"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/connector/app"), &folder.path().join("app"));
        copy(Path::new(CONNECTOR), &folder.path().join("app"));
        fs::write(folder.path().join("ca.pem"), authority().pem()).unwrap();
        let programs = start(folder.path());
        let tracker = Self { url, folder, programs };
        tracker.database().execute_batch(SCHEMA).unwrap();
        tracker.configure("define('AUTH_MODULE', 'db');");
        tracker
    }

    /// Waits until there is somebody at this port.
    pub async fn is_reached(&self, port: u16) {
        for _ in 0..800 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("nobody listens:\n{}", self.log());
    }

    /// What is registered for it.
    pub fn metadata(&self) -> Metadata {
        let uri = self.at("oidc.php");
        Metadata {
            post_logout_redirect_uris: vec![uri.clone()],
            backchannel_logout_uri: Some(uri.clone()),
            ..Recipe::of("timetracker").unwrap().metadata("Time Tracker", vec![uri])
        }
    }

    /// Puts what `countersign client recipe` prints into its settings, with these lines more.
    pub async fn follow_recipe(&self, db: &Db, app: &RelyingApp, more: &str) {
        let client = clients::find(&mut db.read().await.unwrap(), &app.client_id).await.unwrap().unwrap();
        let issuer = app.issuer.as_str().trim_end_matches('/');
        let recipe = Recipe::of("timetracker").unwrap().filled(issuer, &client, app.client_secret.as_deref());
        self.configure(&self.with_lines(&recipe, more));
    }

    /// The same for a provider of the test's own making.
    pub fn trust(&self, issuer: &str, more: &str) {
        let recipe = include_str!("../../src/oidc/clients/recipes/timetracker.txt");
        let recipe = recipe
            .replace("@ISSUER@", issuer)
            .replace("@CLIENT_ID@", "tracker")
            .replace("@CLIENT_SECRET@", "its secret")
            .replace("@REDIRECT_URI@", &self.at("oidc.php"));
        self.configure(&self.with_lines(&recipe, more));
    }

    fn with_lines(&self, recipe: &str, more: &str) -> String {
        let clock = self.path("now");
        let lines = format!(
            "  'clock' => static function () {{ return (int) file_get_contents('{}'); }},\n  {more}\n);",
            clock.display()
        );
        assert!(recipe.contains("/var/lib/timetracker-oidc"), "{recipe}");
        let text = recipe.replace("/var/lib/timetracker-oidc", &self.path("state").display().to_string());
        text.replace("\n);", &format!("\n{lines}"))
    }

    /// Writes its settings.
    pub fn configure(&self, lines: &str) {
        let text = format!("<?php\ndefine('DSN', '{}');\n{lines}\n", self.path("tracker.db").display());
        fs::write(self.path("app/WEB-INF/config.php"), text).unwrap();
    }

    /// The line that trusts the authority of the tests.
    pub fn trusting(&self) -> String {
        format!("'ca_file' => '{}',", self.path("ca.pem").display())
    }

    /// Sets its clock.
    pub fn set_clock(&self, now: i64) {
        fs::write(self.path("now"), now.to_string()).unwrap();
    }

    /// An address of it.
    pub fn at(&self, page: &str) -> String {
        self.url.join(page).unwrap().into()
    }

    /// A browser that has never been there.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// Who is signed in there in this browser, and what the session holds; nothing where the way leads to a sign-in.
    pub async fn seen_by(&self, browser: &mut Browser) -> Option<Value> {
        browser.open(&self.at("index.php")).await;
        (!browser.has_left() && browser.header("content-type").as_deref() == Some("application/json"))
            .then(|| serde_json::from_str(&browser.page().body).unwrap())
    }

    /// Its database.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("tracker.db")).unwrap()
    }

    /// What the connector and PHP have written down.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.path("php.log")).unwrap_or_default();
        let noise = |line: &&str| !line.ends_with(" Accepted") && !line.ends_with(" Closing");
        log.lines().filter(noise).fold(String::new(), |text, line| text + line + "\n")
    }

    /// A file of its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        for program in &mut self.programs {
            // Apache's and FPM's children end with them only if they are asked, not if they are killed.
            let _ = Command::new("kill").arg(program.id().to_string()).status();
            let _ = program.wait();
        }
    }
}

fn start_php(folder: &Path, port: u16) -> Child {
    Command::new("php")
        .args(["-S", &format!("127.0.0.1:{port}"), "-t"])
        .arg(folder.join("app"))
        .args(["-d", &format!("session.save_path={}", folder.join("sessions").display())])
        // It would go on for two seconds with settings that the test has changed.
        .args(["-d", "opcache.enable=0"])
        .args(["-d", "display_errors=0", "-d", "log_errors=1", "-d", "error_log="])
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("php.log")).unwrap())
        .spawn()
        .unwrap()
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Debian's PHP, which says what it is.
pub fn php() -> std::io::Result<std::process::Output> {
    Command::new("php").arg("--version").output()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}
