//! Who comes in, by which proofs, and how does one go out again?

use countersign::directory::users::Changes;
use countersign::directory::{Login, Status};
use serde_json::json;

use crate::support::Database;
use crate::support::admin::PASSWORD;
use crate::support::browser::Browser;
use crate::support::relying_app::RelyingApp;
use crate::world::World;

crate::on_both_databases! {
    async fn one_comes_in_by_password_by_code_and_by_override(database) {
        let world = World::new(database).await;
        for (login, acr, amr) in [
            ("pia", "urn:countersign:acr:pwd", json!(["pwd"])),
            ("ned", "urn:countersign:acr:2fa", json!(["pwd", "otp", "mfa"])),
            ("ada", "urn:countersign:acr:pwd", json!(["pwd"])),
        ] {
            let mut person = world.signed_in(login).await;
            let seen = world.seen(&mut person).await;
            assert_eq!(seen["user"]["login"], login);
            assert_eq!((&seen["session"]["oidc"]["acr"], &seen["session"]["oidc"]["amr"]), (&json!(acr), &amr), "{login}");
            assert_eq!(seen["session"]["oidc"]["auth_time"], world.site.now());
        }
        let overridden: Vec<_> = world.site.admin.events().await.into_iter().filter(|e| e.event == "signin.override").collect();
        assert_eq!(overridden.len(), 1, "ada's");
    }

    async fn one_goes_out_in_both_directions(database) {
        let world = World::new(database).await;
        // From the tracker: without a question, and the provider asks for everything again.
        let mut pia = world.signed_in("pia").await;
        let out = pia.at_tracker.open("logout.php").await.arrived();
        pia.at_provider.open(out.as_str()).await;
        pia.come_back().await;
        assert_eq!(pia.told(), "You have signed out of Time Tracker.");
        assert!(world.tracker.seen_by(&mut pia.at_tracker).await.is_none());
        pia.set_out("login.php").await;
        assert!(pia.at_provider.has_field("password"), "{}", pia.at_provider.text());
        // Twice does no harm.
        pia.at_tracker.open("logout.php").await;
        assert_eq!(pia.told(), "You have signed out of Time Tracker.");
        // From the provider, and nobody else's session ends with it.
        let (mut pia, mut ned) = (world.signed_in("pia").await, world.signed_in("ned").await);
        pia.at_provider.open("logout").await.submit().await;
        assert!(pia.at_provider.text().contains("Time Tracker"), "{}", pia.at_provider.text());
        world.is_out_soon(&mut pia).await;
        assert_eq!(world.seen(&mut ned).await["session"]["login"], "ned");
        // Whoever is disabled is out everywhere.
        world.site.admin.change("ned", Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
        world.site.advance(5);
        world.is_out_soon(&mut ned).await;
    }
}

/// Also: who was signed in by Time Tracker's own form when the connector came is not, any more.
#[tokio::test(flavor = "multi_thread")]
async fn passwords_of_the_tracker_itself_are_switched_off() {
    let world = World::new(Database::sqlite().await).await;
    world.tracker.configure("define('AUTH_MODULE', 'db');");
    let mut ned = world.person();
    ned.at_tracker.open("login.php").await.fill("login", "ned").fill("password", "secret").submit().await;
    assert_eq!(world.seen(&mut ned).await["user"]["login"], "ned");
    let post = |browser: &Browser, page: &'static str| {
        let mut browser = browser.clone();
        async move { browser.post(page, &[("login", "ned"), ("password", "secret")]).await.page().clone() }
    };
    assert!(post(&ned.at_tracker, "profile_edit.php").await.body.contains(r#""signed_in_by_form":true"#));

    world.set("").await;
    assert!(world.tracker.seen_by(&mut ned.at_tracker).await.is_none());
    for page in ["login.php", "2fa.php", "password_reset.php", "password_change.php", "register.php"] {
        let led = post(&ned.at_tracker, page).await;
        assert!(led.left && led.url.as_str().contains("/authorize?"), "{page}: {}", led.url);
    }
    let form = post(&ned.at_tracker, "profile_edit.php").await.body;
    assert_eq!(form, r#"{"password_fields":false,"signed_in_by_form":false}"#);
    assert!(world.tracker.seen_by(&mut ned.at_tracker).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_unknown_to_the_tracker_is_told_so_and_may_try_another_login() {
    let world = World::new(Database::sqlite().await).await;
    world.tracker.database().execute_batch("UPDATE tt_users SET status = 0 WHERE login = 'ned'").unwrap();
    world.tracker.database().execute_batch("UPDATE tt_users SET login = 'PIA' WHERE login = 'pia'").unwrap();
    let plain = world.site.admin.add_group("Other", false).await;
    world.site.admin.add_user(&plain, "zoe", "User", None).await;
    for (login, told) in [
        ("ned", "The login \"ned\" was deactivated or deleted in Time Tracker. Ask your manager there."),
        ("pia", "Time Tracker has nobody with the login \"pia\"."),
        ("zoe", "Time Tracker has nobody with the login \"zoe\"."),
    ] {
        let mut person = world.person();
        world.sign_in(&mut person, login).await;
        assert_eq!(person.at_tracker.status(), 403);
        assert!(person.told().starts_with(told), "{}", person.told());
        assert_eq!(person.at_tracker.links(), ["oidc.php?start&again"]);
        assert!(world.tracker.seen_by(&mut person.at_tracker).await.is_none(), "{login}");
        // The provider knows them; without a prompt it would name them again.
        person.set_out("oidc.php?start&again").await;
        person.at_provider.fill("login", "ada").fill("password", PASSWORD).submit().await;
        person.come_back().await;
        assert_eq!(world.seen(&mut person).await["user"]["login"], "ada");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_added_where_the_settings_name_their_group() {
    let world = World::new(Database::sqlite().await).await;
    world.set("'create' => array('Acme' => 7, 'Acme/Gone' => 8),").await;
    let gone = world.site.admin.add_subgroup(&world.site.acme, "Gone", false).await;
    let admin = &world.site.admin;
    admin.add_user(&world.site.acme, "una", "User", Some("una@example.org")).await;
    admin.add_user(&gone, "gus", "User", None).await;
    let elsewhere = admin.add_group("Elsewhere", false).await;
    admin.add_user(&elsewhere, "eve", "User", None).await;
    admin.change_role("max", "Client").await;
    let count = || -> i64 {
        world.tracker.database().query_row("SELECT count(*) FROM tt_users", [], |r| r.get(0)).unwrap()
    };
    for (login, told) in [
        ("eve", "You cannot be added to Time Tracker: none of your groups (Elsewhere) is set up there."),
        (
            "max",
            "You cannot be added to Time Tracker: your role \"Client\" is not one that it gives to new people.",
        ),
    ] {
        let mut person = world.person();
        world.sign_in(&mut person, login).await;
        assert!(person.told().starts_with(told), "{}", person.told());
        assert_eq!((person.at_tracker.status(), count()), (403, 3));
    }
    for login in ["una", "una", "gus"] {
        world.signed_in(login).await;
    }
    assert_eq!(count(), 5);
    let row = "SELECT login || ' ' || coalesce(email, 'none') || ' ' || group_id || ' ' || org_id || ' ' || role_id || ' ' ||
               coalesce(password, 'none') || ' ' || created FROM tt_users WHERE login = ?1";
    let row =
        |login: &str| -> String { world.tracker.database().query_row(row, [login], |r| r.get(0)).unwrap() };
    assert_eq!(row("una"), "una una@example.org 7 7 3 none 2027-01-15 08:00:00");
    assert!(
        row("gus").starts_with("gus none 7 7 3 none "),
        "a group that is gone is passed over: {}",
        row("gus")
    );
    // Whom a manager deletes there does not come back by themselves.
    world.tracker.database().execute_batch("UPDATE tt_users SET status = NULL WHERE login = 'una'").unwrap();
    let mut una = world.person();
    world.sign_in(&mut una, "una").await;
    assert!(una.told().contains("was deactivated or deleted"), "{}", una.told());
    assert_eq!(count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_may_demand_a_code_and_know_people_by_their_number() {
    let world = World::new(Database::sqlite().await).await;
    world.set("'require_two_factor' => true, 'match' => array('nickname' => 'id'),").await;
    let mut ada = world.person();
    ada.set_out("login.php").await;
    ada.at_provider.fill("login", "ada").fill("password", PASSWORD).submit().await;
    assert!(ada.at_provider.has_field("code"), "an override is not enough: {}", ada.at_provider.text());
    let code = world.site.inbox("ada@example.org").code();
    ada.at_provider.fill("code", &code).fill("password", PASSWORD).submit().await;
    ada.come_back().await;
    assert_eq!(
        ada.told(),
        "The sign-in said nothing by which Time Tracker could know you. Ask its administrator."
    );
    for (number, known) in [("12", true), ("13 OR 1=1", false)] {
        let claims =
            countersign::directory::ClaimChanges::parse([format!("nickname={number}").as_str()]).unwrap();
        world.site.admin.change("ada", Changes { claims, ..Changes::default() }).await;
        ada.set_out("login.php").await;
        ada.come_back().await;
        let seen = world.tracker.seen_by(&mut ada.at_tracker).await;
        assert_eq!(seen.map(|seen| seen["user"]["login"].clone()), known.then(|| json!("ned")), "{number}");
        ada.at_tracker.forget_cookies();
    }
    // As an import writes it down: whatever their login has become, they are who they were.
    world.set("'match' => array('legacy_id' => 'id'),").await;
    let mut tx = world.site.admin.db.write().await.unwrap();
    let id = world.site.admin.user("ada").await.id;
    assert!(countersign::store::moved::set_legacy(&mut tx, &id, "11").await.unwrap());
    tx.commit().await.unwrap();
    world
        .site
        .admin
        .change("ada", Changes { login: Some(Login::parse("ada.l").unwrap()), ..Changes::default() })
        .await;
    let mut ada = world.person();
    ada.set_out("login.php").await;
    ada.at_provider.fill("login", "ada.l").fill("password", PASSWORD).submit().await;
    ada.come_back().await;
    assert_eq!(world.seen(&mut ada).await["user"]["login"], "ada");
}

/// The answer comes to the host that is registered: a session under another name would not know what it is about.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_begins_at_the_host_where_it_ends() {
    let world = World::new(Database::sqlite().await).await;
    let mut elsewhere = world.tracker.url.clone();
    elsewhere.set_host(Some("localhost")).unwrap();
    let mut browser = Browser::new(&elsewhere);
    let led = browser.open("login.php").await.arrived();
    assert_eq!(led.as_str(), world.tracker.at("oidc.php?start"));
    let mut browser = world.tracker.browser();
    assert!(browser.open("login.php/further").await.arrived().as_str().contains("/authorize?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_signing_keys_are_found_once_they_sign() {
    let world = World::new(Database::sqlite().await).await;
    world.signed_in("pia").await;
    world.site.advance(120);
    world.tracker.set_clock(world.site.now());
    world.site.admin.rotate_keys_at_once().await;
    world.signed_in("pia").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_over_a_line_that_cannot_be_trusted_or_by_settings_that_are_wrong() {
    let world = World::new(Database::sqlite().await).await;
    let follow = async |more: &str| {
        world.tracker.follow_recipe(&world.site.admin.db, &world.app, more).await;
        world.tracker.browser().open("login.php").await.page().clone()
    };
    let page = follow("").await;
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(page.body.contains("localhost cannot be reached at the moment."), "{}", page.body);
    assert!(world.tracker.log().contains("certificate"), "{}", world.tracker.log());

    let trusting = world.tracker.trusting();
    assert!(follow(&trusting).await.left);
    let wrong = RelyingApp { client_secret: Some("another".to_owned()), ..world.app.clone() };
    world.tracker.follow_recipe(&world.site.admin.db, &wrong, &trusting).await;
    let mut pia = world.person();
    world.sign_in(&mut pia, "pia").await;
    assert_eq!(pia.at_tracker.status(), 503);
    assert!(
        pia.told().starts_with("Time Tracker is not registered at localhost as its settings say."),
        "{}",
        pia.told()
    );

    for (line, said) in [
        ("'isuer' => 'x',", "there is no AUTH_MODULE_PARAMS['isuer']"),
        ("'require_two_factor' => 1,", "'require_two_factor' must be true or false"),
        ("'state_dir' => '/tmp',", "'state_dir' must be a folder that not everybody may write to"),
        ("'state_dir' => '/nowhere',", "'state_dir' must be a folder that PHP may write to"),
        ("'issuer' => 'http://login.example.org',", "'issuer' must be an https address"),
        ("'redirect_uri' => 'https://time.example.org/',", "'redirect_uri' must end in /oidc.php"),
        ("'create' => true,", "'create' must name groups"),
    ] {
        world.tracker.follow_recipe(&world.site.admin.db, &world.app, &format!("{trusting} {line}")).await;
        let answer = crate::support::browser::http().get(world.tracker.at("index.php")).send().await.unwrap();
        assert_eq!(answer.status(), 500, "{line}");
        let told = answer.text().await.unwrap();
        assert!(
            told.starts_with(&format!("The sign-in of Time Tracker is not set up: {said}")),
            "{line}: {told}"
        );
    }
}
