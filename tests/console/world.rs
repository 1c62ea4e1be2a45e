//! Who is there, and what is whose? Everybody of the matrix, each signed in to the console in a browser of their own.

use std::collections::BTreeMap;

use countersign::console::routes::{Needs, Route};
use countersign::directory::rights::{DEFAULT_ROLES, Rights, SITE_ADMINISTRATOR};
use countersign::keys::secret::{entropy, new_id};
use countersign::store::groups::{self, GroupRow};
use countersign::store::messages::{self, NewMessage};
use countersign::store::sessions::{self, Proofs};
use countersign::store::{help_requests, roles};

use crate::support::Database;
use crate::support::browser::Browser;
use crate::support::manager::Manager;
use crate::support::site::Site;

/// Everybody for whom each row of the table is tried.
pub const PEOPLE: [Somebody; 8] = [
    Somebody { what: "nobody", login: None, role: None },
    Somebody { what: "a User", login: Some("ned"), role: Some("User") },
    Somebody { what: "a Client", login: Some("carl"), role: Some("Client") },
    Somebody { what: "a Co-manager", login: Some("cora"), role: Some("Co-manager") },
    Somebody { what: "a Manager", login: Some("max"), role: Some("Manager") },
    Somebody { what: "a Top manager", login: Some("ada"), role: Some("Top manager") },
    Somebody { what: "a Top manager of another tree", login: Some("tom"), role: Some("Top manager") },
    Somebody { what: "the site administrator", login: Some("root"), role: Some("Site administrator") },
];

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Somebody {
    pub what: &'static str,
    pub login: Option<&'static str>,
    pub role: Option<&'static str>,
}

/// A site with two trees: Acme (with Design below it) and Bolt.
pub struct World {
    pub site: Site,
    pub bolt: GroupRow,
    pub app: String,
    /// Somebody without an address, and somebody who has never chosen a password: their ids.
    pub ona: String,
    pub ivy: String,
    browsers: BTreeMap<&'static str, Browser>,
}

impl World {
    pub async fn on(database: Database) -> Self {
        let site = Site::on(database).await;
        let (admin, acme) = (&site.admin, &site.acme);
        let design = admin.add_subgroup(acme, "Design", true).await;
        let bolt = admin.add_group("Bolt", false).await;
        admin.add_user(acme, "carl", "Client", Some("carl@example.org")).await;
        admin.add_user(acme, "cora", "Co-manager", Some("cora@example.org")).await;
        admin.add_user(&design, "dora", "User", Some("dora@example.org")).await;
        admin.add_user(&bolt, "tom", "Top manager", Some("tom@example.org")).await;
        admin.add_user(&bolt, "bea", "User", Some("bea@example.org")).await;
        admin.add_site_administrator("root").await;
        for top in [acme, &bolt] {
            admin.add_subgroup(top, "Empty", false).await;
            admin.add_role(top, "Spare", 1, "").await;
        }
        let app = admin.add_app().await.client_id;
        for login in ["nia", "bea"] {
            asks_for_help_and_waits_for_mail(&site, login).await;
        }
        let ona = admin.add_user(acme, "ona", "User", None).await.id;
        let ivy = admin.add_invited(acme, "ivy", Some("ivy@example.org")).await.id;
        Self { site, bolt, app, ona, ivy, browsers: BTreeMap::new() }
    }

    /// The browser of one of them, signed in to the console just now.
    pub async fn browser(&mut self, somebody: Somebody) -> Browser {
        let Some(login) = somebody.login else { return self.site.browser() };
        if !self.browsers.contains_key(login) {
            let manager = Manager::arrives(&self.site, login).await;
            self.browsers.insert(login, manager.browser);
        }
        self.browsers[login].new_tab()
    }

    /// The address of a row, about something of Acme's.
    pub async fn address(&self, route: &Route) -> String {
        self.filled(route, &self.site.acme, "nia", "a-sign-in").await
    }

    /// The same, about something of Bolt's.
    pub async fn foreign_address(&self, route: &Route) -> String {
        self.filled(route, &self.bolt, "bea", "another-sign-in").await
    }

    async fn filled(&self, route: &Route, group: &GroupRow, login: &str, other: &str) -> String {
        let mut filled = String::new();
        let mut before = "";
        for part in route.path.split('/').skip(1) {
            filled.push('/');
            filled += &match (part, before) {
                // Only what nobody is in, and nobody holds, can be deleted.
                ("{id}", "groups") if route.path.ends_with("/delete") => self.child(group, "Empty").await,
                ("{id}", "roles") if route.path.ends_with("/delete") => self.role(group, "Spare").await,
                ("{id}", "groups") => group.id.clone(),
                // Apps are the site's: none is of a tree.
                ("{id}", "apps") => self.app.clone(),
                // Nia has no address that a test could go to.
                ("{id}", "users") if route.path.ends_with("/test") && login == "nia" => {
                    self.site.admin.user("ned").await.id
                }
                // A live one, made just now, of somebody who is still there when others have been deleted.
                ("{id}", "sessions") => self.session(if login == "nia" { "dora" } else { login }).await,
                ("{id}", "users") => self.site.admin.user(login).await.id,
                ("{id}", "mail") => ["message-to-", login].concat(),
                ("{id}", "roles") => self.role(group, "User").await,
                ("{signin}", _) => other.to_owned(),
                (name, _) if name.starts_with('{') => {
                    panic!(
                        "{route:?}: say in tests/console/world.rs of which thing {name} after {before} is the id"
                    )
                }
                (word, _) => word.to_owned(),
            };
            before = part;
        }
        filled
    }

    async fn session(&self, login: &str) -> String {
        let (now, user) = (self.site.now(), self.site.admin.user(login).await.id);
        let id = new_id(&mut entropy());
        let proofs = Proofs { password_at: now, code_at: None, skipped_at: None };
        let mut tx = self.site.admin.db.write().await.unwrap();
        sessions::add(&mut tx, &id, &id, &user, proofs, now, now + 3600).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// The group of this name right below another one: its id.
    pub async fn child(&self, group: &GroupRow, name: &str) -> String {
        let mut conn = self.site.admin.db.read().await.unwrap();
        let key = countersign::directory::login::fold(name);
        groups::find_child(&mut conn, Some(&group.id), &key).await.unwrap().unwrap().id
    }

    /// The role of this name in a group's tree: its id.
    pub async fn role(&self, group: &GroupRow, name: &str) -> String {
        let mut conn = self.site.admin.db.read().await.unwrap();
        let key = countersign::directory::login::fold(name);
        roles::find_named(&mut conn, Some(&group.top_id), &key).await.unwrap().unwrap().id
    }
}

/// Somebody with an open request for help, and a message to them that waits for longer than any test.
async fn asks_for_help_and_waits_for_mail(site: &Site, login: &str) {
    let (person, now) = (site.admin.user(login).await, site.now());
    let mut tx = site.admin.db.write().await.unwrap();
    help_requests::ask(&mut tx, &person.id, "no_address", None, now).await.unwrap();
    let later = now + 365 * 86_400;
    let message = NewMessage {
        id: &format!("message-to-{login}"),
        purpose: "test",
        user_id: Some(&person.id),
        address: "somebody@example.org",
        reference: None,
        sealed: "",
        created_at_ms: now * 1000,
        next_at: later,
        expires_at: later + 1,
    };
    messages::add(&mut tx, message).await.unwrap();
    tx.commit().await.unwrap();
}

/// What a row is to somebody of this role, by the table of the manual and not by the program's own rules.
pub fn may(role: &str, needs: Needs) -> bool {
    let roles = DEFAULT_ROLES.iter().chain([&SITE_ADMINISTRATOR]);
    let role = roles.clone().find(|known| known.name == role).unwrap();
    let rights = Rights::parse(role.rights).unwrap();
    let site = role.name == SITE_ADMINISTRATOR.name;
    let manages = !matches!(role.name, "User" | "Client");
    manages
        && match needs {
            Needs::AnyRight => true,
            Needs::Right(right) => site || rights.has(right),
            Needs::OneOf(any) => site || any.iter().any(|right| rights.has(right)),
            Needs::Site => site,
        }
}
