//! Who puts people and apps in place before a story begins? The `Admin`, straight into the tables.

use countersign::directory::rights::DEFAULT_ROLES;
use countersign::directory::{Login, Password, Passwords, login::fold};
use countersign::keys::secret::{entropy, new_id};
use countersign::oidc::clients::{self, AuthMethod, Metadata};
use countersign::store::groups::GroupRow;
use countersign::store::roles::RoleRow;
use countersign::store::users::UserFields;
use countersign::store::{self, Db};
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
    now: i64,
}

impl Admin {
    /// The administrator of a site, at this time.
    pub fn new(db: Db, issuer: Url, now: i64) -> Self {
        Self { db, issuer, now }
    }

    /// A top-level group with the default roles.
    pub async fn add_group(&self, name: &str, two_factor: bool) -> GroupRow {
        let id = new_id(&mut entropy());
        let group = self.group_row(&id, None, &id, name, two_factor);
        let mut tx = self.db.write().await.expect("a transaction");
        store::groups::add(&mut tx, &group, &fold(name)).await.expect("a new group");
        for role in DEFAULT_ROLES {
            let row = RoleRow {
                id: new_id(&mut entropy()),
                group_id: Some(group.id.clone()),
                name: role.name.to_owned(),
                rank: role.rank,
                rights: role.rights.to_owned(),
            };
            store::roles::add(&mut tx, &row, &fold(role.name), self.now).await.expect("a new role");
        }
        tx.commit().await.expect("a commit");
        group
    }

    /// A group within another one.
    pub async fn add_subgroup(&self, parent: &GroupRow, name: &str, two_factor: bool) -> GroupRow {
        let id = new_id(&mut entropy());
        let group = self.group_row(&id, Some(&parent.id), &parent.top_id, name, two_factor);
        let mut tx = self.db.write().await.expect("a transaction");
        store::groups::add(&mut tx, &group, &fold(name)).await.expect("a new group");
        tx.commit().await.expect("a commit");
        group
    }

    fn group_row(&self, id: &str, parent: Option<&str>, top: &str, name: &str, two_factor: bool) -> GroupRow {
        GroupRow {
            id: id.to_owned(),
            parent_id: parent.map(str::to_owned),
            top_id: top.to_owned(),
            name: name.to_owned(),
            language: "en".to_owned(),
            two_factor,
            created_at: self.now,
        }
    }

    /// Switches a group's two-factor flag.
    pub async fn set_two_factor(&self, group: &GroupRow, two_factor: bool) {
        let mut tx = self.db.write().await.expect("a transaction");
        let row = GroupRow { two_factor, ..group.clone() };
        assert!(store::groups::set(&mut tx, &row, &fold(&row.name)).await.expect("an update"));
        tx.commit().await.expect("a commit");
    }

    /// An active user whose password is [`PASSWORD`]; the answer is their id.
    pub async fn add_user(&self, group: &GroupRow, login: &str, role: &str, email: Option<&str>) -> String {
        let hash = password_hash().await;
        let login = Login::parse(login).expect("a login");
        let id = new_id(&mut entropy());
        let mut tx = self.db.write().await.expect("a transaction");
        let role =
            store::roles::find_named(&mut tx, Some(&group.top_id), &fold(role)).await.expect("a query");
        let fields = UserFields {
            id: &id,
            login: login.as_str(),
            login_key: &login.key(),
            name: None,
            email,
            status: "active",
            group_id: Some(&group.id),
            role_id: &role.expect("a role of this name").id,
        };
        store::users::add(&mut tx, fields, Some(hash), self.now).await.expect("a new user");
        tx.commit().await.expect("a commit");
        id
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
            AuthMethod::None => Proof::None,
        };
        let redirect_uri = metadata.redirect_uris.first().cloned().unwrap_or_default();
        let mut tx = self.db.write().await.expect("a transaction");
        let added = clients::add(&mut tx, metadata, self.now, &mut entropy()).await.expect("a new client");
        tx.commit().await.expect("a commit");
        RelyingApp {
            issuer: self.issuer.clone(),
            client_id: added.client.id,
            client_secret: added.secret.map(|secret| secret.reveal().to_owned()),
            redirect_uri,
            proof,
        }
    }
}

/// Made once for all tests of a file: a hash takes its time.
async fn password_hash() -> &'static str {
    static HASH: OnceCell<String> = OnceCell::const_new();
    HASH.get_or_init(|| async {
        let passwords = Passwords::new(1, 1);
        passwords.hash(&Password::typed(PASSWORD), &mut entropy()).await.expect("a hash")
    })
    .await
}
