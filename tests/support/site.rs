//! What is a site in a test? The whole program behind a real port, a clock that the test moves, a mail server of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign::app::{App, Doors, establish};
use countersign::clock::Clock;
use countersign::config::{Config, Encryption, Tls};
use countersign::directory::By;
use countersign::keys::Vault;
use countersign::keys::secret::entropy;
use countersign::mail::Mailer;
use countersign::signin::SignInState;
use countersign::signin::challenge::issue_by_hand;
use countersign::store::{Costs, Db, Listener};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use super::admin::{Admin, PASSWORD};
use super::browser::Browser;
use super::ca::authority;
use super::relying_app::RelyingApp;
use super::smtp::{Letter, Smtp};
use super::{Database, relying_app::Visit};

/// When every story begins: 2027-01-15 08:00:00 UTC.
const BEGINNING: i64 = 1_800_000_000;

/// A running site with the people of the demo: Acme, with two-factor on, and in it ada, max, ned and nia.
#[derive(Debug)]
pub struct Site {
    /// Its address, which is also its issuer.
    pub url: Url,
    /// Its mail server.
    pub smtp: Smtp,
    /// Whoever puts people and apps in place.
    pub admin: Admin,
    /// The group Acme.
    pub acme: countersign::store::groups::GroupRow,
    time: Arc<AtomicI64>,
    config: Config,
    running: Option<Running>,
    others: Vec<Running>,
    _keys: TempDir,
    database: Database,
}

/// A second process of a site, until it is dropped.
#[derive(Debug)]
pub struct Process {
    /// Where it listens.
    pub url: Url,
    _running: Running,
}

#[derive(Debug)]
struct Running {
    db: Db,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Site {
    /// A site with the settings that it has when nobody says anything.
    pub async fn on(database: Database) -> Self {
        Self::with(database, |_| ()).await
    }

    /// A site with changes to them.
    pub async fn with(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        Self::at("http", database, change).await
    }

    /// A site that serves https, `https://localhost:PORT`, with a certificate that every client of the tests trusts.
    pub async fn with_tls(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        Self::at("https", database, change).await
    }

    async fn at(scheme: &str, database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let smtp = Smtp::start().await;
        let keys = tempfile::tempdir().expect("a temporary folder");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let listen = listener.local_addr().expect("an address");
        let mut config = settings(listen, &database, &smtp, &keys);
        if scheme == "https" {
            config.issuer = format!("https://localhost:{}", listen.port());
            config.tls = Some(certify(&keys));
        }
        let url = Url::parse(&config.issuer).expect("an address");
        change(&mut config);
        let time = Arc::new(AtomicI64::new(BEGINNING * 1000));
        establish(&config).await.expect("a database and a master key");
        let running = Running::start(config.clone(), &time, listener).await;
        let vault = Vault::open(&config.keys.dir).expect("the master key");
        let admin = Admin::new(database.db.clone(), url.clone(), Clock::Manual(Arc::clone(&time)), vault);
        let acme = admin.add_group("Acme", true).await;
        admin.add_user(&acme, "ada", "Top manager", Some("ada@example.org")).await;
        admin.add_user(&acme, "max", "Manager", Some("max@example.org")).await;
        admin.add_user(&acme, "ned", "User", Some("ned@example.org")).await;
        admin.add_user(&acme, "nia", "User", None).await;
        Self {
            url,
            smtp,
            admin,
            acme,
            time,
            config,
            running: Some(running),
            others: Vec::new(),
            _keys: keys,
            database,
        }
    }

    /// Runs statements past the program, as [`Database::run`] does.
    pub async fn run(&self, statements: &'static str) {
        self.database.run(statements).await;
    }

    /// Lets nobody write any more, as [`Database::refuse_writes`] does.
    pub async fn refuse_writes(&self) -> Option<rusqlite::Connection> {
        self.database.refuse_writes().await
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// The inbox of an address.
    pub fn inbox<'a>(&'a self, address: &'a str) -> Inbox<'a> {
        Inbox { smtp: &self.smtp, address }
    }

    /// The site's time, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.time.load(Ordering::SeqCst) / 1000
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: i64) {
        self.time.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// A mailer with the site's settings.
    pub fn mailer(&self) -> Mailer {
        let vault = Vault::open(&self.config.keys.dir).expect("the master key");
        let clock = Clock::Manual(Arc::clone(&self.time));
        Mailer::new(self.admin.db.clone(), vault, &self.config, clock).expect("settings of mail")
    }

    /// What the steps of a sign-in work with here, in a process that serves nobody.
    pub async fn signin_state(&self) -> SignInState {
        let app =
            App::open(self.config.clone(), Clock::Manual(Arc::clone(&self.time))).await.expect("an app");
        app.provider.signin.clone()
    }

    /// The site's master key.
    pub fn vault(&self) -> Vault {
        Vault::open(&self.config.keys.dir).expect("the master key")
    }

    /// The site's settings, as its file would say them.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A user who acts, now.
    pub async fn by(&self, login: &str) -> By {
        let person = self.admin.user(login).await;
        let mut conn = self.admin.db.read().await.expect("a connection");
        By::user(&mut conn, &person, self.now() * 1000).await.expect("their standing")
    }

    /// Its database, to be looked at past the program.
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// What the site has asked of its database so far; what the test itself asks is not in it.
    pub fn costs(&self) -> Costs {
        self.running.as_ref().expect("a running site").db.costs()
    }

    /// Hears of every query that the site runs from now on.
    pub fn listen(&self, listener: Listener) {
        self.running.as_ref().expect("a running site").db.listen(listener);
    }

    /// A code given by hand, as `countersign user code` does.
    pub async fn give_code(&self, login: &str) -> String {
        let vault = Vault::open(&self.config.keys.dir).expect("the master key");
        let person = self.admin.user(login).await;
        let by = By::operator(self.time.load(Ordering::SeqCst));
        let mut tx = self.admin.db.write().await.expect("a transaction");
        let settings = &self.config.signin;
        let code = issue_by_hand(&mut tx, &vault, settings, &person, &by, &mut entropy()).await;
        tx.commit().await.expect("a commit");
        code.expect("a code")
    }

    /// Ends the process and starts another one on the same data and address.
    pub async fn restart(&mut self) {
        let running = self.running.take().expect("the site runs");
        let _ = running.stop.send(());
        running.task.await.expect("the site ends in order");
        let listener = Doors::open(&self.config.listen).await.expect("the same port");
        self.running = Some(Running::start(self.config.clone(), &self.time, listener).await);
    }

    /// A second process on the same data, at an address of its own: the site's own address leads to the first.
    pub async fn second_process(&self) -> Process {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let listen = listener.local_addr().expect("an address");
        let url = Url::parse(&format!("http://{listen}/")).expect("an address");
        let running = Running::start(self.config.clone(), &self.time, listener).await;
        Process { url, _running: running }
    }

    /// Starts one more process on the same data, at an address that nobody knows.
    pub async fn start_another(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        self.others.push(Running::start(self.config.clone(), &self.time, listener).await);
    }

    /// A browser that has opened an app's request and typed a login and everybody's password.
    pub async fn after_password(&self, visit: &Visit, login: &str) -> Browser {
        let mut browser = self.browser();
        browser.open(&visit.url()).await;
        browser.fill("login", login).fill("password", PASSWORD).submit().await;
        browser
    }

    /// A browser with which somebody has signed in to an app, with a code if one is asked for, and its app's tokens.
    pub async fn signed_in(
        &self,
        app: &RelyingApp,
        visit: &Visit,
        login: &str,
    ) -> (Browser, super::relying_app::Answer) {
        let mut browser = self.after_password(visit, login).await;
        if !browser.has_left() {
            let code = self.inbox(&format!("{login}@example.org")).code();
            browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        }
        let tokens = app.redeem(visit, &browser.arrived()).await;
        (browser, tokens)
    }
}

/// The letters of one address.
#[derive(Clone, Copy, Debug)]
pub struct Inbox<'a> {
    smtp: &'a Smtp,
    address: &'a str,
}

impl Inbox<'_> {
    /// The first letter with this subject; waits for it.
    pub async fn wait_for(&self, subject: &str) -> Letter {
        let fits = |letter: &Letter| {
            letter.to.iter().any(|to| to == self.address)
                && letter.header("subject").is_some_and(|s| s.contains(subject))
        };
        self.smtp.wait_for(fits).await
    }

    /// Everything that has arrived, oldest first.
    pub fn letters(&self) -> Vec<Letter> {
        let mut letters = self.smtp.letters();
        letters.retain(|letter| letter.to.iter().any(|to| to == self.address));
        letters
    }

    /// The newest letter.
    pub fn last(&self) -> Letter {
        self.letters().pop().unwrap_or_else(|| panic!("no mail has come to {}", self.address))
    }

    /// The code in the newest letter.
    pub fn code(&self) -> String {
        let letter = self.last();
        letter.code().unwrap_or_else(|| panic!("no code in:\n{}", letter.text()))
    }
}

impl Running {
    async fn start(config: Config, time: &Arc<AtomicI64>, doors: impl Into<Doors> + Send + 'static) -> Self {
        let app = App::open(config, Clock::Manual(Arc::clone(time))).await.expect("the site opens");
        let db = app.db.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let until_stopped = async { drop(stopped.await) };
            app.serve(doors, until_stopped).await.expect("the site serves");
        });
        Self { db, stop, task }
    }
}

fn settings(listen: SocketAddr, database: &Database, smtp: &Smtp, keys: &TempDir) -> Config {
    let mut config =
        Config { issuer: format!("http://{listen}"), listen: listen.into(), ..Config::default() };
    config.data_dir = keys.path().to_owned();
    config.database.url.clone_from(&database.url);
    config.database.max_connections = 4;
    config.keys.dir = keys.path().join("keys");
    config.mail.host = "127.0.0.1".to_owned();
    config.mail.port = Some(smtp.port);
    config.mail.encryption = Encryption::None;
    config
}

fn certify(folder: &TempDir) -> Tls {
    let (certificate, key) = (folder.path().join("site.pem"), folder.path().join("site.key"));
    let (chain, secret) = authority().issue("localhost");
    std::fs::write(&certificate, chain).expect("a file");
    std::fs::write(&key, secret).expect("a file");
    Tls { certificate, key, client_certificates: false, client_ca: None }
}

/// Host and port of an address.
pub fn address(url: &Url) -> String {
    url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}
