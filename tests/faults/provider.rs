//! What does a provider answer while something below it is broken? The real program, and an app that is registered at it.

use std::time::Duration;

use reqwest::StatusCode;
use url::Url;

use super::support::Database;
use super::support::admin::PASSWORD;
use super::support::browser::{Browser, http};
use super::support::program::{Program, Serving};
use super::support::relying_app::RelyingApp;
use super::support::smtp::Smtp;

/// How long a client waits for an answer: longer than any that may be given.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long after its cause a fault may last.
const RECOVERY: Duration = Duration::from_secs(20);

/// What a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// As if nothing were.
    Well,
    /// 503 with `Retry-After`.
    NotNow,
    /// Anything else: a breach.
    Wrong(StatusCode),
}

/// A program that is set up, and an app.
pub struct Provider {
    pub program: Program,
    pub app: RelyingApp,
    _smtp: Smtp,
}

impl Provider {
    /// Sets up a provider on this database, with changes to how it is run.
    pub async fn on(database: Database, change: impl FnOnce(&mut Program)) -> Self {
        let smtp = Smtp::start().await;
        let mut program = Program::new(database, &smtp);
        change(&mut program);
        program.init();
        let app = program.add_app();
        Self { program, app, _smtp: smtp }
    }

    pub fn serve(&self) -> Serving {
        self.program.serve()
    }

    pub async fn get(&self, path: &str) -> Answered {
        ask(self.program.url.join(path).expect("an address")).await
    }

    /// A new browser comes with an app's request: that is written down.
    pub async fn authorize(&self) -> Answered {
        ask(Url::parse(&self.app.visit().url()).expect("an address")).await
    }

    /// So many of them at once.
    pub async fn authorize_at_once(&self, number: usize) -> Vec<Answered> {
        let addresses = (0..number).map(|_| Url::parse(&self.app.visit().url()).expect("an address"));
        let asking: Vec<_> = addresses.map(|address| tokio::spawn(ask(address))).collect();
        let mut answers = Vec::new();
        for answer in asking {
            answers.push(answer.await.expect("an answer"));
        }
        answers
    }

    /// So many that nobody waits for; they are on their way when this returns.
    pub async fn authorize_unheard(&self, number: usize) {
        for _ in 0..number {
            let address = self.app.visit().url();
            tokio::spawn(async move { drop(http().get(address).timeout(PATIENCE).send().await) });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    /// The administrator signs in, from the first page to the tokens.
    pub async fn sign_in(&self) {
        self.sign_in_at(&self.program.url).await;
    }

    /// The same; but the app asks another node, which speaks for the same issuer.
    pub async fn sign_in_at(&self, node: &Url) {
        let visit = self.app.visit();
        let mut browser = Browser::new(&self.program.url);
        browser.open(&visit.url()).await;
        browser.fill("login", "root").fill("password", PASSWORD).submit().await;
        let (code, app) =
            (visit.code(&browser.arrived()), RelyingApp { issuer: node.clone(), ..self.app.clone() });
        let tokens = app.redeem_code(&visit, &code).await;
        assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.json);
        let about = app.userinfo(tokens.json["access_token"].as_str().expect("a token")).await;
        assert_eq!(about.status, StatusCode::OK, "{}", about.json);
    }

    /// Asks again and again until it is served; whatever comes before must be 503.
    pub async fn recovers(&self) {
        let asking = async {
            let mut refused = 0;
            loop {
                match (self.authorize().await, self.get("readyz").await) {
                    (Answered::Well, Answered::Well) => return refused,
                    (Answered::Wrong(status), _) | (_, Answered::Wrong(status)) => {
                        panic!("a breach: {status}")
                    }
                    _ => refused += 1,
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let refused = tokio::time::timeout(RECOVERY, asking)
            .await
            .expect("the fault has ended, and its effect goes on");
        println!("served again after {refused} refusals");
    }
}

/// The status of a page of a node.
pub async fn status(node: &Url, path: &str) -> StatusCode {
    let page = http().get(node.join(path).expect("an address")).timeout(PATIENCE);
    page.send().await.expect("an answer in time").status()
}

/// What an address answers.
pub async fn ask(address: Url) -> Answered {
    let answer = http().get(address).timeout(PATIENCE).send().await.expect("an answer in time");
    let later = answer.headers().contains_key("retry-after");
    match answer.status() {
        StatusCode::SERVICE_UNAVAILABLE if later => Answered::NotNow,
        status if status.is_success() || status.is_redirection() => Answered::Well,
        status => Answered::Wrong(status),
    }
}

/// How many of each there are, for whoever looks; fails on a breach.
pub fn told(what: &str, answers: &[Answered]) {
    let count = |answered: Answered| answers.iter().filter(|answer| **answer == answered).count();
    let (well, not_now) = (count(Answered::Well), count(Answered::NotNow));
    println!("{what}: {well} served, {not_now} told 503");
    assert_eq!(well + not_now, answers.len(), "a breach: {answers:?}");
}
