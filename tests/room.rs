//! How much can be left here by those who have proven nothing? Each network and each client has its share, and no row is large.
#![cfg(test)]

mod support;

use countersign::keys::secret::{TokenHash, entropy, new_id};
use countersign::oidc::clients::{AuthMethod, GrantType, Metadata};
use countersign::store::device_codes::{self, NewDeviceCode};
use countersign::store::pushed_requests::{self, NewPushed};
use countersign::store::room::{self, Room};
use countersign::store::signins::{self, NewSignIn};
use countersign::store::{Db, purge};
use support::admin::PASSWORD;
use support::relying_app::{Answer, RelyingApp};
use support::site::Site;

/// From where the tests come.
const HERE: &str = "127.0.0.1";

/// How many one network may leave.
const SHARE: usize = 1000;

/// Leaves sign-ins, the oldest first, and answers their ids.
async fn leave_signins(db: &Db, app: &RelyingApp, source: &str, count: usize, since: i64) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(|_| new_id(&mut entropy())).collect();
    let mut tx = db.write().await.unwrap();
    for (at, id) in (since..).zip(&ids) {
        let new = NewSignIn {
            id,
            browser_hash: None,
            client_id: Some(&app.client_id),
            request: "{}",
            created_at: at,
            expires_at: at + 1800,
            source,
        };
        signins::add(&mut tx, new).await.unwrap();
    }
    tx.commit().await.unwrap();
    ids
}

async fn leave_pushed(db: &Db, app: &RelyingApp, source: &str, count: usize, since: i64) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|_| new_id(&mut entropy())).collect();
    let mut tx = db.write().await.unwrap();
    for (at, name) in (since..).zip(&names) {
        let new = NewPushed {
            uri_hash: name,
            client_id: &app.client_id,
            parameters: "[]",
            dpop_jkt: None,
            created_at: at,
            expires_at: at + 60,
            kept_until: at + 1860,
            source,
        };
        pushed_requests::add(&mut tx, new).await.unwrap();
    }
    tx.commit().await.unwrap();
    names
}

async fn leave_devices(db: &Db, app: &RelyingApp, source: &str, count: usize, since: i64) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|_| new_id(&mut entropy())).collect();
    let mut tx = db.write().await.unwrap();
    for (at, name) in (since..).zip(&names) {
        let new = NewDeviceCode {
            code_hash: name,
            user_code_key: name,
            client_id: &app.client_id,
            request: "{}",
            created_at: at,
            expires_at: at + 600,
            pace: 5,
            source,
        };
        device_codes::add(&mut tx, new).await.unwrap();
    }
    tx.commit().await.unwrap();
    names
}

/// Which of these are there still.
async fn left(db: &Db, room: Room, names: &[String]) -> Vec<bool> {
    let mut conn = db.read().await.unwrap();
    let mut found = Vec::new();
    for name in names {
        found.push(match room {
            Room::SignIns => signins::find(&mut conn, name).await.unwrap().is_some(),
            Room::Pushed => pushed_requests::find(&mut conn, name).await.unwrap().is_some(),
            Room::Devices => device_codes::find(&mut conn, name).await.unwrap().is_some(),
        });
    }
    found
}

async fn count(db: &Db, room: Room, names: &[String]) -> usize {
    left(db, room, names).await.into_iter().filter(|there| *there).count()
}

fn public(m: &mut Metadata) {
    m.token_endpoint_auth_method = AuthMethod::None;
    m.grant_types.push(GrantType::DeviceCode);
}

async fn push(app: &RelyingApp, more: &[(&str, &str)]) -> Answer {
    let visit = app.visit();
    let mut fields: Vec<(&str, &str)> =
        visit.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.retain(|(name, _)| *name != "client_id" || app.client_secret.is_some());
    fields.extend(more);
    app.ask("par", &fields).await
}

crate::on_both_databases! {
    /// Whoever begins one after the other pushes their own out, the oldest first, and nobody else's.
    async fn a_network_has_room_for_so_many_sign_ins_and_no_more(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (db, since) = (&site.admin.db, site.now() - 2000);
        let others = leave_signins(db, &app, "192.0.2.1", 3, since).await;
        let proven = leave_signins(db, &app, HERE, 1, since).await;
        let mut tx = db.write().await.unwrap();
        let ada = site.admin.user("ada").await.id;
        signins::record_password(&mut tx, &proven[0], &ada, since).await.unwrap();
        tx.commit().await.unwrap();
        let ours = leave_signins(db, &app, HERE, SHARE, since).await;
        for begun in 1..=3 {
            let browser = {
                let mut browser = site.browser();
                browser.open(&app.visit().url()).await;
                browser
            };
            assert!(browser.has_field("password"));
            let there = left(db, Room::SignIns, &ours).await;
            assert_eq!(there.iter().filter(|there| !**there).count(), begun);
            assert!(there[begun..].iter().all(|there| *there), "the oldest go first");
        }
        assert_eq!(count(db, Room::SignIns, &others).await, 3, "another network's are its own");
        assert_eq!(count(db, Room::SignIns, &proven).await, 1, "with a password it is no longer anybody's");
        // The way in is open all the same.
        let visit = app.visit();
        let browser = site.after_password(&visit, "ada").await;
        visit.code(&browser.arrived());
    }

    /// Anybody can push in the name of a public client: they take their own network's share, not that of the app's people.
    async fn a_network_has_room_for_so_many_pushed_requests_of_public_clients(database) {
        let site = Site::on(database).await;
        let (app, known) = (site.admin.add_app_with(public).await, site.admin.add_app().await);
        let (db, since) = (&site.admin.db, site.now() - 2000);
        let others = leave_pushed(db, &app, "192.0.2.1", 3, since).await;
        let ours = leave_pushed(db, &app, HERE, SHARE, since).await;
        for _ in 0..2 {
            assert_eq!(push(&app, &[]).await.status, 201);
        }
        let there = left(db, Room::Pushed, &ours).await;
        assert_eq!(there.iter().position(|there| *there), Some(2), "the oldest two are gone");
        // One that proves who it is has a share of its own.
        assert_eq!(push(&known, &[]).await.status, 201);
        assert_eq!(count(db, Room::Pushed, &ours).await, SHARE - 2);
        assert_eq!(count(db, Room::Pushed, &others).await, 3);
    }

    async fn a_network_has_room_for_so_many_devices(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(public).await;
        let (db, since) = (&site.admin.db, site.now() - 2000);
        let ours = leave_devices(db, &app, HERE, SHARE, since).await;
        let asked = app.ask("device_authorization", &[("scope", "openid")]).await;
        assert_eq!(asked.status, 200, "{}", asked.json);
        assert_eq!(left(db, Room::Devices, &ours).await.iter().position(|there| *there), Some(1));
    }

    /// What is too much in all goes from the largest shares.
    async fn who_has_left_the_most_loses_the_first(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (db, since) = (&site.admin.db, site.now() - 2000);
        for room in [Room::SignIns, Room::Pushed, Room::Devices] {
            let leave = async |source: &str, count: usize, since: i64| match room {
                Room::SignIns => leave_signins(db, &app, source, count, since).await,
                Room::Pushed => leave_pushed(db, &app, source, count, since).await,
                Room::Devices => leave_devices(db, &app, source, count, since).await,
            };
            let small = leave("192.0.2.1", 5, since).await;
            let large = leave("192.0.2.2", 40, since + 100).await;
            let mut tx = db.write().await.unwrap();
            assert_eq!(room::trim(&mut tx, room, 15, 500).await.unwrap(), 30);
            tx.commit().await.unwrap();
            assert_eq!(count(db, room, &small).await, 5, "{room:?}: older, and fewer");
            assert_eq!(count(db, room, &large).await, 10, "{room:?}");
            assert!(left(db, room, &large).await[30..].iter().all(|there| *there), "{room:?}: the newest stay");
        }
    }

    /// What the authorization endpoint does not look at is not kept, and the rest has a bound.
    async fn a_pushed_request_is_kept_as_short_as_it_may_be(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let long = "x".repeat(15_000);
        let padding = [("a", long.as_str()), ("b", long.as_str()), ("c", long.as_str())];
        let answer = push(&app, &padding).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        let request_uri = answer.text("request_uri");
        let mut conn = site.admin.db.read().await.unwrap();
        let hash = TokenHash::of(&request_uri);
        let row = pushed_requests::find(&mut conn, hash.as_str()).await.unwrap().expect("a row");
        drop(conn);
        assert!(row.parameters.len() < 1000, "{}", row.parameters);
        let refused = push(&app, &[("login_hint", &long)]).await;
        assert_eq!((refused.status.as_u16(), refused.error().as_deref()), (400, Some("invalid_request")));
        assert!(refused.text("error_description").contains("8192 bytes"), "{}", refused.json);
        // It is good for a minute, and kept while a sign-in that began from it may end.
        for (later, kept) in [(1859, true), (1, false)] {
            site.advance(later);
            purge::run(&site.admin.db, site.now()).await.unwrap();
            let mut conn = site.admin.db.read().await.unwrap();
            assert_eq!(pushed_requests::find(&mut conn, hash.as_str()).await.unwrap().is_some(), kept, "{later}");
        }
    }

    /// A sign-in holds no more of a request than it may ask for.
    async fn a_sign_in_is_kept_as_short_as_it_may_be(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let names: Vec<String> = (0..30).map(|n| format!("\"{n}{}\":null", "x".repeat(200))).collect();
        let claims = format!("{{\"userinfo\":{{\"email\":null,{}}}}}", names.join(","));
        let visit = app.visit().with("claims", &claims).with("login_hint", &"y".repeat(5000));
        let mut browser = site.browser();
        browser.open(&visit.url()).await;
        let id = browser.page().url.path().rsplit('/').next().unwrap().to_owned();
        let mut conn = site.admin.db.read().await.unwrap();
        let row = signins::find(&mut conn, &id).await.unwrap().expect("a row");
        drop(conn);
        assert!(row.request.len() < 2000, "{}", row.request);
        let subject = format!(r#"{{"id_token":{{"sub":{{"value":"{}"}}}}}}"#, "s".repeat(256));
        let nobody = app.visit().with("claims", &subject);
        browser.open(&nobody.url()).await;
        assert_eq!(nobody.error(&browser.arrived()), "invalid_request");
        browser.open(&visit.url()).await;
        browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
        visit.code(&browser.arrived());
    }
}
