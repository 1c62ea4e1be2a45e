//! What is backed up in these stories? A site with people, sessions, grants and a chained log; and what a database holds, row by row.

use std::collections::BTreeMap;

use countersign::backup::make::Order;
use countersign::backup::{Contents, Cost, Error, Header, Lock, Secret};
use countersign::keys::Vault;
use countersign::store::Db;
use countersign::store::copy::{self, Fate, Kind, Rows, TABLES};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::support::Database;
use crate::support::site::Site;

/// What it costs to derive a key in tests.
pub const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

/// A site where something has happened.
pub async fn lived_in(database: Database) -> Site {
    let site = Site::on(database).await;
    let app = site.admin.add_app().await;
    for login in ["ada", "ned"] {
        let visit = app.visit().with("scope", "openid offline_access").with("prompt", "consent");
        let mut browser = site.after_password(&visit, login).await;
        if !browser.has_left() && browser.has_field("code") {
            let code = site.inbox(&format!("{login}@example.org")).code();
            browser.fill("code", &code).fill("password", crate::support::admin::PASSWORD).submit().await;
        }
        if !browser.has_left() {
            browser.submit().await;
        }
        assert_eq!(app.redeem(&visit, &browser.arrived()).await.status, 200);
    }
    site.admin.invite("nia").await;
    site.admin.wrong_codes("ned").await;
    site.admin.chain_the_log().await;
    site
}

/// A backup in memory.
pub async fn backup(db: &Db, vault: &Vault, lock: Lock, secret: Secret<'_>) -> Result<Vec<u8>, Error> {
    let order = Order { db, vault, issuer: "https://login.example.org", now: 1_800_000_000, lock, secret };
    Ok(order.carry_out(Vec::new(), |_, _| ()).await?.0)
}

/// The same, sealed by the master key.
pub async fn sealed(db: &Db, vault: &Vault) -> Vec<u8> {
    backup(db, vault, Lock::Master, Secret::Master(vault)).await.expect("a backup")
}

/// What opens it, out of these bytes.
pub fn opened<'b>(bytes: &'b [u8], secret: Secret<'_>) -> Result<Contents<&'b [u8]>, Error> {
    let mut from = bytes;
    let header = Header::read(&mut from)?;
    Contents::open(from, &header, secret)
}

pub fn passphrase(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

/// Every row of every table that is taken along, sorted.
pub async fn rows(db: &Db) -> BTreeMap<String, Vec<String>> {
    let mut conn = db.snapshot().await.expect("a snapshot");
    let mut all = BTreeMap::new();
    for table in copy::tables(&mut conn).await.expect("tables") {
        let Some((_, fate)) = TABLES.iter().find(|(name, _)| *name == table.name) else { continue };
        if matches!(fate, Fate::Left(_)) {
            continue;
        }
        let mut found = Vec::new();
        let mut pages = Rows::of(&mut conn, &table, *fate).await.expect("rows");
        loop {
            let page = pages.page().await.expect("a page");
            if page.is_empty() {
                break;
            }
            for row in page {
                let values: Vec<Value> = serde_json::from_str(&row).expect("a row");
                let named = table.columns.iter().zip(values).map(|(column, value)| {
                    let flag = column.kind == Kind::Flag && value.is_number();
                    let value = if flag { Value::Bool(value == 1) } else { value };
                    format!("{}={value}", column.name)
                });
                found.push(named.collect::<Vec<_>>().join(" "));
            }
        }
        found.sort();
        all.insert(table.name, found);
    }
    all
}
