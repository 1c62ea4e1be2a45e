//! Who puts people and apps in place, and changes them in the middle of a story? The `Admin`, as the command line does.

use std::sync::atomic::Ordering;

use countersign::audit::{Actor, chain};
use countersign::clock::Clock;
use countersign::directory::rights::Rights;
use countersign::directory::users::{Changes, NewUser};
use countersign::directory::{
    Address, By, Error, Lane, Login, Password, Passwords, Person, TwoFactor, access, groups, links,
    login::fold, people, roles as directory_roles, users,
};
use countersign::keys::secret::{Token, entropy, new_id};
use countersign::keys::{SigningKeys, Takeover, Vault};
use countersign::oidc::clients::{self, AuthMethod, Metadata};
use countersign::store::audit::EventRow;
use countersign::store::groups::GroupRow;
use countersign::store::tokens::{self, GrantRow};
use countersign::store::{self, Db, Tx, challenges, roles};
use tokio::sync::OnceCell;
use url::Url;

use super::relying_app::{Proof, RelyingApp};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// Where every app of the tests wants its answers; nobody listens there.
pub const REDIRECT_URI: &str = "https://app.example.org/callback";

/// Somebody who may do everything.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The site's database.
    pub db: Db,
    issuer: Url,
    clock: Clock,
    vault: Vault,
}

impl Admin {
    /// The administrator of a site.
    pub fn new(db: Db, issuer: Url, clock: Clock, vault: Vault) -> Self {
        Self { db, issuer, clock, vault }
    }

    /// A top-level group with the default roles.
    pub async fn add_group(&self, name: &str, two_factor: bool) -> GroupRow {
        self.add_group_below(None, name, two_factor).await
    }

    /// A group within another one.
    pub async fn add_subgroup(&self, parent: &GroupRow, name: &str, two_factor: bool) -> GroupRow {
        self.add_group_below(Some(parent), name, two_factor).await
    }

    async fn add_group_below(&self, parent: Option<&GroupRow>, name: &str, two_factor: bool) -> GroupRow {
        let mut tx = self.begin().await;
        let group = groups::add(&mut tx, name, parent, None, &self.by(), &mut entropy()).await;
        tx.commit().await.expect("a commit");
        self.set_two_factor(&group.expect("a new group"), two_factor).await
    }

    /// Switches two-factor on or off in a group.
    pub async fn set_two_factor(&self, group: &GroupRow, two_factor: bool) -> GroupRow {
        self.set_two_factor_to(group, if two_factor { TwoFactor::On } else { TwoFactor::Off }).await
    }

    /// Changes a group's two-factor setting.
    pub async fn set_two_factor_to(&self, group: &GroupRow, two_factor: TwoFactor) -> GroupRow {
        let mut tx = self.begin().await;
        let changes = groups::Changes { two_factor: Some(two_factor), ..groups::Changes::default() };
        let group = groups::set(&mut tx, group, &changes, &self.by(), &mut entropy()).await;
        tx.commit().await.expect("a commit");
        group.expect("a changed group")
    }

    /// Vouches for the addresses of these domains in a group.
    pub async fn vouch_for_domains(&self, group: &GroupRow, domains: &[&str]) {
        let domains = domains.iter().map(|&domain| domain.to_owned()).collect();
        let mut tx = self.begin().await;
        let changes = groups::Changes { vouched_domains: Some(domains), ..groups::Changes::default() };
        groups::set(&mut tx, group, &changes, &self.by(), &mut entropy()).await.expect("a changed group");
        tx.commit().await.expect("a commit");
    }

    /// An active user whose password is [`PASSWORD`].
    pub async fn add_user(&self, group: &GroupRow, login: &str, role: &str, email: Option<&str>) -> Person {
        let hash = password_hash(PASSWORD).await;
        self.add(group, login, role, email, Some(&hash)).await.expect("a new user")
    }

    /// The same, who may be refused.
    pub async fn try_add_user(&self, group: &GroupRow, login: &str) -> Result<Person, Error> {
        self.add(group, login, "User", None, Some(&password_hash(PASSWORD).await)).await
    }

    /// Somebody who has not chosen a password yet.
    pub async fn add_invited(&self, group: &GroupRow, login: &str, email: Option<&str>) -> Person {
        self.add(group, login, "User", email, None).await.expect("a new user")
    }

    async fn add(
        &self,
        group: &GroupRow,
        login: &str,
        role: &str,
        email: Option<&str>,
        password_hash: Option<&str>,
    ) -> Result<Person, Error> {
        let email = email.map(|email| Address::parse(email).expect("an address"));
        let mut tx = self.begin().await;
        let role = roles::find_named(&mut tx, Some(&group.top_id), &fold(role)).await.expect("a query");
        let new = NewUser {
            login: &Login::parse(login).expect("a login"),
            name: None,
            email: email.as_ref(),
            group: Some(group),
            role: &role.expect("a role of this name"),
            password_hash,
        };
        let person = users::add(&mut tx, new, &self.by(), &mut entropy()).await;
        tx.commit().await.expect("a commit");
        person
    }

    /// A role of a group's tree.
    pub async fn add_role(&self, top: &GroupRow, name: &str, rank: i64, rights: &str) -> roles::RoleRow {
        let rights = Rights::parse(rights).expect("rights");
        let mut tx = self.begin().await;
        let new = directory_roles::NewRole { top, name, rank, rights: &rights };
        let role = directory_roles::add(&mut tx, new, &self.by(), &mut entropy()).await;
        tx.commit().await.expect("a commit");
        role.expect("a new role")
    }

    /// A site administrator, a user of no group, whose password is [`PASSWORD`].
    pub async fn add_site_administrator(&self, login: &str) -> Person {
        let hash = password_hash(PASSWORD).await;
        let mut tx = self.begin().await;
        let role = directory_roles::site_administrator(&mut tx, self.clock.now(), &mut entropy()).await;
        let new = NewUser {
            login: &Login::parse(login).expect("a login"),
            name: None,
            email: None,
            group: None,
            role: &role.expect("the role"),
            password_hash: Some(&hash),
        };
        let person = users::add(&mut tx, new, &self.by(), &mut entropy()).await;
        tx.commit().await.expect("a commit");
        person.expect("a new user")
    }

    /// The user of this login.
    pub async fn user(&self, login: &str) -> Person {
        let mut conn = self.db.read().await.expect("a connection");
        let login = Login::parse(login).expect("a login");
        people::find_by_login(&mut conn, &login).await.expect("a query").expect("a user of this login")
    }

    /// The user of this id.
    pub async fn user_of(&self, id: &str) -> Person {
        let mut conn = self.db.read().await.expect("a connection");
        people::find(&mut conn, id).await.expect("a look").expect("a user")
    }

    /// Changes a user.
    pub async fn change(&self, login: &str, changes: Changes) -> Person {
        let person = self.user(login).await;
        let mut tx = self.begin().await;
        let person = users::set(&mut tx, &person, changes, &self.by(), &mut entropy()).await;
        tx.commit().await.expect("a commit");
        person.expect("a changed user")
    }

    /// Gives a user another role of their tree.
    pub async fn change_role(&self, login: &str, role: &str) -> Person {
        let top = self.user(login).await.group.map(|group| group.top_id);
        let mut conn = self.db.read().await.expect("a connection");
        let role = roles::find_named(&mut conn, top.as_deref(), &fold(role)).await.expect("a query");
        drop(conn);
        self.change(login, Changes { role, ..Changes::default() }).await
    }

    /// Gives a user another address, or none.
    pub async fn change_email(&self, login: &str, email: Option<&str>) -> Person {
        let email = email.map(|email| Address::parse(email).expect("an address"));
        self.change(login, Changes { email: Some(email), ..Changes::default() }).await
    }

    /// Gives a user another password.
    pub async fn change_password(&self, login: &str, password: &str) {
        let (person, hash) = (self.user(login).await, password_hash(password).await);
        let mut tx = self.begin().await;
        let changed = users::set_password(&mut tx, &person, &hash, &self.by(), &mut entropy()).await;
        changed.expect("a changed password");
        tx.commit().await.expect("a commit");
    }

    /// A link with which a user chooses a password, as `countersign user link` prints it.
    pub async fn invite(&self, login: &str) -> String {
        let person = self.user(login).await;
        let mut tx = self.begin().await;
        let token = links::issue(&mut tx, &person, 86_400, &self.by(), &mut entropy()).await;
        tx.commit().await.expect("a commit");
        links::address(self.issuer.as_str(), &token.expect("a link"))
    }

    /// Stops a user's codes, as too many wrong ones do.
    pub async fn stop_codes(&self, login: &str) {
        let (person, now) = (self.user(login).await, self.clock.now());
        let mut tx = self.begin().await;
        let id = new_id(&mut entropy());
        challenges::take_from_budget(&mut tx, &person.id, &id, now, 0).await.expect("a try");
        assert!(challenges::stop_codes(&mut tx, &person.id, now).await.expect("a stop"));
        tx.commit().await.expect("a commit");
    }

    /// Deletes a user.
    pub async fn delete_user(&self, login: &str) {
        let person = self.user(login).await;
        let mut tx = self.begin().await;
        let deleted = users::delete(&mut tx, &person, &self.by(), &mut entropy()).await;
        deleted.expect("a deleted user");
        tx.commit().await.expect("a commit");
    }

    /// Takes back what a user has granted to an app.
    pub async fn revoke_grants(&self, login: &str, app: &RelyingApp) {
        let person = self.user(login).await;
        let mut tx = self.begin().await;
        let client = Some(app.client_id.as_str());
        let done = access::revoke_grants(&mut tx, &person, client, &self.by(), &mut entropy()).await;
        done.expect("revoked grants");
        tx.commit().await.expect("a commit");
    }

    fn by(&self) -> By {
        By::operator(self.clock.now_ms())
    }

    async fn begin(&self) -> Tx {
        self.db.write().await.expect("a transaction")
    }

    /// Lets a user's codes work again.
    pub async fn unlock(&self, login: &str) {
        let person = self.user(login).await;
        let mut tx = self.begin().await;
        let done = users::unlock(&mut tx, &person, &self.by(), &mut entropy()).await;
        done.expect("an unlocked user");
        tx.commit().await.expect("a commit");
    }

    /// How many wrong codes are on a user's account.
    pub async fn wrong_codes(&self, login: &str) -> i64 {
        let person = self.user(login).await;
        let mut conn = self.db.read().await.expect("a connection");
        challenges::wrong_since(&mut conn, &person.id, 0).await.expect("a count")
    }

    /// Waits until every message has been accepted, refused or given up.
    pub async fn until_no_mail_waits(&self) {
        let settled = async {
            loop {
                let mut conn = self.db.read().await.expect("a connection");
                let rows = store::messages::recent(&mut conn, 100).await.expect("the delivery record");
                drop(conn);
                if rows.iter().all(|row| row.done_at.is_some()) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), settled).await.expect("mail settles");
    }

    /// Makes new signing keys, as `countersign key rotate` does.
    pub async fn rotate_keys(&self) {
        self.rotate(Takeover::Announced).await;
    }

    /// The same with `--at-once`.
    pub async fn rotate_keys_at_once(&self) {
        self.rotate(Takeover::AtOnce).await;
    }

    async fn rotate(&self, takeover: Takeover) {
        let keys = SigningKeys::new(self.db.clone(), self.vault.clone());
        let (now, actor) = (self.clock.now(), Actor::Operator);
        keys.rotate(now, takeover, 600, None, actor).await.expect("new keys");
    }

    /// Everything on the audit log.
    pub async fn events(&self) -> Vec<EventRow> {
        let mut conn = self.db.read().await.expect("a connection");
        store::audit::since(&mut conn, 0, "", 10_000).await.expect("the audit log")
    }

    /// An app that is registered as a web app with `client_secret_basic`.
    pub async fn add_app(&self) -> RelyingApp {
        self.add_app_with(|_| ()).await
    }

    /// An app that is registered with changes to that.
    pub async fn add_app_with(&self, change: impl FnOnce(&mut Metadata)) -> RelyingApp {
        let mut metadata = Metadata::web_app("Time Tracker", vec![REDIRECT_URI.to_owned()]);
        change(&mut metadata);
        let proof = match metadata.token_endpoint_auth_method {
            AuthMethod::ClientSecretBasic => Proof::Basic,
            AuthMethod::ClientSecretPost => Proof::Post,
            // By assertion or certificate: the test adds them to what it sends.
            _ => Proof::None,
        };
        let redirect_uri = metadata.redirect_uris.first().cloned().unwrap_or_default();
        let mut tx = self.begin().await;
        let now = self.clock.now();
        let added =
            clients::add(&mut tx, &self.vault, metadata, now, &mut entropy()).await.expect("a new client");
        tx.commit().await.expect("a commit");
        RelyingApp {
            issuer: self.issuer.clone(),
            client_id: added.client.id,
            client_secret: added.secret.map(|secret| secret.reveal().to_owned()),
            redirect_uri,
            proof,
        }
    }

    /// An app that was registered elsewhere before, with the secret that it has.
    pub async fn take_over_app(&self, secret: &str) -> RelyingApp {
        let metadata = Metadata::web_app("Time Tracker", vec![REDIRECT_URI.to_owned()]);
        let given = clients::Given { id: None, secret: Some(Token::taken_over(secret.to_owned().into())) };
        let mut tx = self.begin().await;
        let (now, rng) = (self.clock.now(), &mut entropy());
        let added = clients::take_over(&mut tx, &self.vault, metadata, given, now, rng).await;
        tx.commit().await.expect("a commit");
        RelyingApp {
            issuer: self.issuer.clone(),
            client_id: added.expect("a new client").client.id,
            client_secret: Some(secret.to_owned()),
            redirect_uri: REDIRECT_URI.to_owned(),
            proof: Proof::Basic,
        }
    }

    /// Changes what is registered about an app.
    pub async fn change_app(&self, app: &RelyingApp, change: impl FnOnce(&mut Metadata)) {
        let mut tx = self.begin().await;
        let client = clients::find(&mut tx, &app.client_id).await.expect("a query").expect("an app");
        let mut metadata = client.metadata;
        change(&mut metadata);
        clients::set(&mut tx, &app.client_id, &metadata, self.clock.now()).await.expect("a changed app");
        tx.commit().await.expect("a commit");
        self.let_it_get_about();
    }

    /// Gives an app another secret; the old one works on for so many seconds.
    pub async fn rotate_secret(&self, app: &RelyingApp, keep: i64) -> RelyingApp {
        let (mut tx, now, mut rng) = (self.begin().await, self.clock.now(), entropy());
        let rotated = clients::rotate_secret(&mut tx, &self.vault, &app.client_id, keep, now, &mut rng).await;
        let secret = rotated.expect("a secret").secret.reveal().to_owned();
        tx.commit().await.expect("a commit");
        self.let_it_get_about();
        RelyingApp { client_secret: Some(secret), ..app.clone() }
    }

    /// A grant of somebody's for an app, as a sign-in leaves it.
    pub async fn add_grant(&self, app: &RelyingApp, user_id: &str) {
        let now = self.clock.now();
        let grant = GrantRow {
            id: new_id(&mut entropy()),
            user_id: user_id.to_owned(),
            client_id: app.client_id.clone(),
            session_id: new_id(&mut entropy()),
            scopes: "openid".to_owned(),
            nonce: None,
            amr: "pwd".to_owned(),
            acr: "urn:countersign:acr:pwd".to_owned(),
            auth_time: now,
            created_at: now,
            expires_at: now + 86_400,
            ended_at: None,
            details: "{}".to_owned(),
        };
        let mut tx = self.begin().await;
        tokens::add_grant(&mut tx, &grant).await.expect("a grant");
        tx.commit().await.expect("a commit");
    }

    /// Gives what waits on the audit log its places in the chain.
    pub async fn chain_the_log(&self) {
        chain::link(&self.db, &self.vault).await.expect("a chained log");
    }

    /// Deletes an app.
    pub async fn delete_app(&self, app: &RelyingApp) {
        let mut tx = self.begin().await;
        clients::delete(&mut tx, &app.client_id).await.expect("a deleted app");
        tx.commit().await.expect("a commit");
        self.let_it_get_about();
    }

    /// What an operator changes about an app, every process knows within a second.
    fn let_it_get_about(&self) {
        if let Clock::Manual(ms) = &self.clock {
            ms.fetch_add(1000, Ordering::SeqCst);
        }
    }
}

/// The hash of everybody's password is made once for all tests of a file: it takes its time.
async fn password_hash(password: &str) -> String {
    static COMMON: OnceCell<String> = OnceCell::const_new();
    let make = || async {
        Passwords::new(1, 1)
            .hash(Lane::default(), &Password::typed(password), &mut entropy())
            .await
            .expect("a hash")
    };
    if password == PASSWORD { COMMON.get_or_init(make).await.clone() } else { make().await }
}
