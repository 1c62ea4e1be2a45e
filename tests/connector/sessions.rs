//! Which sessions at the tracker go on, and for how long?

use crate::support::Database;
use crate::support::admin::PASSWORD;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_renewed_and_nothing_of_the_one_before_stays() {
    let world = World::new(Database::sqlite().await).await;
    let mut person = world.signed_in("ada").await;
    person.at_tracker.open("index.php?behalf").await;
    let before = person.session_cookie();
    assert_eq!((before.http_only(), before.same_site()), (Some(true), Some(cookie::SameSite::Lax)));
    assert!(world.seen(&mut person).await["session"]["behalf_group_id"].is_number());
    // Ada's colleague takes the chair, without a sign-out.
    person.set_out("oidc.php?start&again").await;
    person.at_provider.fill("login", "pia").fill("password", PASSWORD).submit().await;
    person.come_back().await;
    let seen = world.seen(&mut person).await;
    assert_eq!(seen["user"]["login"], "pia");
    let keys: Vec<_> = seen["session"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["authenticated", "authenticated_user_id", "login", "oidc"]);
    assert_ne!(person.session_cookie().value(), before.value());
    let thief = world.tracker.browser();
    thief.plant_cookie("tt_PHPSESSID", before.value());
    assert!(world.tracker.seen_by(&mut thief.clone()).await.is_none(), "the old name is worth nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_another_site_signs_nobody_out() {
    let world = World::new(Database::sqlite().await).await;
    let mut pia = world.signed_in("pia").await;
    let cookie = pia.session_cookie();
    let followed = async |from: &str| {
        let request = crate::support::browser::http()
            .get(world.tracker.at("logout.php"))
            .header("sec-fetch-site", from);
        let answer =
            request.header("cookie", format!("{}={}", cookie.name(), cookie.value())).send().await.unwrap();
        answer.headers()["location"].to_str().unwrap().to_owned()
    };
    assert_eq!(followed("cross-site").await, world.tracker.at("index.php"));
    assert_eq!(world.seen(&mut pia).await["session"]["login"], "pia");
    assert!(followed("same-origin").await.contains("/logout?id_token_hint="));
    assert!(world.tracker.seen_by(&mut pia.at_tracker).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_renewed_at_the_provider_when_it_is_old() {
    let world = World::new(Database::sqlite().await).await;
    let mut ned = world.signed_in("ned").await;
    for (later, still) in [(43_199, true), (2, false)] {
        world.site.advance(later);
        world.tracker.set_clock(world.site.now());
        assert_eq!(world.tracker.seen_by(&mut ned.at_tracker).await.is_some(), still, "{later}");
    }
    // What outlives its session is swept away when somebody else comes.
    let live = || {
        let files = std::fs::read_dir(world.tracker.path("state")).unwrap().map(|e| e.unwrap().file_name());
        files.filter(|name| name.to_string_lossy().starts_with("live.")).count()
    };
    assert_eq!(live(), 1);
    world.site.advance(7200);
    world.tracker.set_clock(world.site.now());
    world.signed_in("ada").await;
    assert_eq!(live(), 1);
}

/// Should Time Tracker's own sign-in be switched on for an hour, whoever used it meanwhile is not signed in afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_trackers_own_form_has_given_to_somebody_else_ends_with_that_form() {
    let world = World::new(Database::sqlite().await).await;
    let mut pia = world.signed_in("pia").await;
    world.tracker.configure("define('AUTH_MODULE', 'db');");
    assert_eq!(world.seen(&mut pia).await["user"]["login"], "pia", "sessions go on");
    pia.at_tracker.post("login.php", &[("login", "ned"), ("password", "secret")]).await;
    assert_eq!(world.seen(&mut pia).await["user"]["login"], "ned");
    world.set("").await;
    assert!(world.tracker.seen_by(&mut pia.at_tracker).await.is_none(), "pia's sign-in is none of ned's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_demanded_from_now_on_is_demanded_of_who_is_in_already() {
    let world = World::new(Database::sqlite().await).await;
    let (mut pia, mut ned) = (world.signed_in("pia").await, world.signed_in("ned").await);
    world.set("'require_two_factor' => true,").await;
    assert!(world.tracker.seen_by(&mut pia.at_tracker).await.is_none(), "a password alone");
    assert_eq!(world.seen(&mut ned).await["user"]["login"], "ned");
}

/// Where a web server runs many PHPs, a sign-out from behind may come between the look for it and the session's first file.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_from_behind_counts_whatever_has_overtaken_it() {
    let world = World::new(Database::sqlite().await).await;
    let mut pia = world.signed_in("pia").await;
    let state = std::fs::read_dir(world.tracker.path("state")).unwrap().map(|e| e.unwrap().file_name());
    let live: Vec<_> =
        state.filter_map(|name| Some(name.to_str()?.strip_prefix("live.")?.to_owned())).collect();
    assert_eq!(live.len(), 1);
    std::fs::write(world.tracker.path(&format!("state/ended.{}", live[0])), "").unwrap();
    assert!(world.tracker.seen_by(&mut pia.at_tracker).await.is_none());
}
