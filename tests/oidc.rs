//! Does the protocol answer as its documents say: to right requests, and to each kind of wrong one?
#![cfg(test)]

mod support;

use countersign::config::{Period, SigningAlgorithm};
use countersign::directory::Status;
use countersign::directory::users::Changes;
use countersign::keys::secret::{GrantToken, TokenHash, entropy};
use countersign::oidc::clients::{AuthMethod, GrantType, Profile};
use countersign::store;
use countersign::store::tokens::{CodeRow, GrantRow, NewRefresh};
use reqwest::StatusCode;
use serde_json::{Value, json};
use support::Database;
use support::admin::{PASSWORD, REDIRECT_URI};
use support::browser::{Browser, http};
use support::prover;
use support::relying_app::{Answer, Proof, RelyingApp, Visit};
use support::signer::Signer;
use support::site::Site;
use url::Url;

async fn site() -> Site {
    Site::on(Database::sqlite().await).await
}

/// Somebody who needs no code signs in: the shortest way to tokens.
async fn ada(site: &Site, app: &RelyingApp, visit: &Visit) -> (Browser, Answer) {
    let browser = site.after_password(visit, "ada").await;
    let tokens = app.redeem(visit, &browser.arrived()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    (browser, tokens)
}

fn offline(app: &RelyingApp) -> Visit {
    app.visit().with("scope", "openid profile email groups offline_access")
}

async fn get(site: &Site, path: &str) -> Answer {
    Answer::of(http().get(site.url.join(path).expect("a path"))).await
}

crate::on_both_databases! {
    /// The whole flow, with everything that an app can ask for.
    async fn an_app_learns_who_signed_in_and_how(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = offline(&app);
        let (_, tokens) = site.signed_in(&app, &visit, "ned").await;
        assert_eq!(tokens.json["token_type"], "Bearer");
        assert_eq!(tokens.json["expires_in"], 600);
        assert_eq!(tokens.json["scope"], "openid profile email groups offline_access");
        assert_eq!(tokens.headers["cache-control"], "no-store");
        let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]));
        assert!(claims["at_hash"].is_string(), "{claims}");
        assert_eq!(claims.get("sid"), None, "an app that hears of no logout knows no session");
        assert!(claims.get("name").is_none() && claims.get("email").is_none(), "UserInfo's claims stay there");
        let me = app.userinfo(&tokens.text("access_token")).await;
        assert_eq!(me.status, 200, "{}", me.json);
        assert_eq!(me.json["sub"], claims["sub"]);
        assert_eq!(me.json["preferred_username"], "ned");
        assert_eq!(me.json["email"], "ned@example.org");
        assert_eq!(me.json["email_verified"], true, "the code was sent there");
        assert_eq!(me.json["groups"], json!(["Acme"]));
        assert_eq!(me.json["role"], "User");
        assert_eq!(me.json["rights"], json!(["manage_own_settings", "track_time", "view_users"]));
        let supported = get(&site, ".well-known/openid-configuration").await.json["claims_supported"].to_string();
        for told in [&claims, &me.json].into_iter().flat_map(|c| c.as_object().expect("claims").keys()) {
            assert!(supported.contains(&format!("\"{told}\"")) || told == "at_hash", "{told} is not in {supported}");
        }
    }

    /// Rotation: each refresh token serves once, and one that comes again ends the family.
    async fn a_refresh_token_that_comes_again_ends_its_family(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (_, tokens) = ada(&site, &app, &offline(&app)).await;
        let first = tokens.text("refresh_token");
        site.advance(30);
        let second = app.refresh(&first).await;
        assert_eq!(second.status, 200, "{}", second.json);
        assert_ne!(second.text("refresh_token"), first);
        let before = app.verify_signature(&tokens.text("id_token")).await;
        let after = app.verify_signature(&second.text("id_token")).await;
        for same in ["iss", "sub", "aud", "auth_time", "acr"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert!(after["iat"].as_i64() > before["iat"].as_i64());
        site.advance(11);
        assert_eq!(app.refresh(&first).await.error().as_deref(), Some("invalid_grant"));
        assert_eq!(app.refresh(&second.text("refresh_token")).await.error().as_deref(), Some("invalid_grant"));
        assert_eq!(app.userinfo(&second.text("access_token")).await.status, 401, "the access token ended too");
    }

    /// An app that has lost the answer asks again: soon, once, and only while nobody has used what the answer held. What it did not
    /// get is still good: perhaps another tab has it.
    async fn a_refresh_token_may_be_retried_while_its_successor_is_unused(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (_, tokens) = ada(&site, &app, &offline(&app)).await;
        let first = tokens.text("refresh_token");
        let lost = app.refresh(&first).await.text("refresh_token");
        site.advance(10);
        let found = app.refresh(&first).await;
        assert_eq!(found.status, 200, "{}", found.json);
        let again = app.refresh(&first).await;
        assert_eq!(again.error().as_deref(), Some("invalid_grant"), "once: {}", again.json);
        let next = app.refresh(&found.text("refresh_token")).await;
        assert_eq!(next.status, 200, "the family lives: {}", next.json);
        let other = app.refresh(&lost).await;
        assert_eq!(other.status, 200, "what we gave ourselves ends nothing: {}", other.json);
        assert_eq!(app.refresh(&next.text("refresh_token")).await.status, 200);
    }

    /// Two tabs of one app send the same token at once, and go on with what each of them got.
    async fn two_tabs_that_refresh_at_once_both_stay_signed_in(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for round in 0..10 {
            let (_, tokens) = ada(&site, &app, &offline(&app)).await;
            let first = tokens.text("refresh_token");
            let mut tabs: Vec<String> = join_all((0..2).map(|_| app.refresh(&first))).await.iter().map(|answer| {
                assert_eq!(answer.status, 200, "round {round}: {}", answer.json);
                answer.text("refresh_token")
            }).collect();
            for hour in 0..3 {
                site.advance(3600);
                for tab in &mut tabs {
                    let answer = app.refresh(tab).await;
                    assert_eq!(answer.status, 200, "round {round}, hour {hour}: {}", answer.json);
                    assert_eq!(app.userinfo(&answer.text("access_token")).await.status, 200);
                    *tab = answer.text("refresh_token");
                }
            }
            // Whoever comes with the first one now has stolen it.
            assert_eq!(app.refresh(&first).await.error().as_deref(), Some("invalid_grant"));
            for tab in &tabs {
                assert_eq!(app.refresh(tab).await.error().as_deref(), Some("invalid_grant"), "round {round}");
            }
        }
    }

    /// Too late, or once the new one is in use, an old token is a stolen one.
    async fn a_late_retry_or_one_after_its_successor_was_used_ends_the_family(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for late in [true, false] {
            let (_, tokens) = ada(&site, &app, &offline(&app)).await;
            let first = tokens.text("refresh_token");
            let mut second = app.refresh(&first).await;
            if late {
                site.advance(11);
            } else {
                second = app.refresh(&second.text("refresh_token")).await;
            }
            assert_eq!(app.refresh(&first).await.error().as_deref(), Some("invalid_grant"));
            assert_eq!(app.refresh(&second.text("refresh_token")).await.error().as_deref(), Some("invalid_grant"));
            assert_eq!(app.userinfo(&second.text("access_token")).await.status, 401, "late: {late}");
        }
    }

    /// Of many retries at once one is answered at most, and none of them ends the family.
    async fn parallel_retries_are_one_success_at_most_and_end_nothing(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (_, tokens) = ada(&site, &app, &offline(&app)).await;
        let mut token = tokens.text("refresh_token");
        for round in 0..10 {
            app.refresh(&token).await.text("refresh_token");
            let answers = join_all((0..20).map(|_| app.refresh(&token))).await;
            let answered: Vec<_> = answers.iter().filter(|a| a.status == 200).collect();
            assert_eq!(answered.len(), 1, "round {round}");
            let next = app.refresh(&answered[0].text("refresh_token")).await;
            assert_eq!(next.status, 200, "round {round}: the family lives: {}", next.json);
            token = next.text("refresh_token");
        }
    }

    /// Twenty first refreshes at once: two are answered, as if the second were the retry of the first, and no more.
    async fn parallel_refreshes_leave_two_good_tokens_at_most(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (_, tokens) = ada(&site, &app, &offline(&app)).await;
        let token = tokens.text("refresh_token");
        let answers = join_all((0..20).map(|_| app.refresh(&token))).await;
        let answered: Vec<String> =
            answers.iter().filter(|a| a.status == 200).map(|a| a.text("refresh_token")).collect();
        assert_eq!(answered.len(), 2);
        for token in &answered {
            assert_eq!(app.refresh(token).await.status, 200);
        }
    }

    /// FAPI 2.0 §5.3.2.1: the token stays the same, and its idle time begins anew.
    async fn a_fapi_client_keeps_its_refresh_token(database) {
        let site = Site::on(database).await;
        let key = Signer::new("PS256");
        let jwks = Some(key.jwks());
        let app = site.admin.add_app_with(|m| {
            (m.token_endpoint_auth_method, m.jwks) = (AuthMethod::PrivateKeyJwt, jwks);
            m.profile = Some(Profile::Fapi2);
        }).await;
        let hash = TokenHash::of("the refresh token");
        grant_to(&site, &app, hash.as_str()).await;
        for _ in 0..3 {
            site.advance(29 * 86_400);
            let assertion = key.sign(&prover::claims(&app, site.now()));
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", "the refresh token"),
                ("client_assertion_type", prover::JWT_BEARER),
                ("client_assertion", assertion.as_str()),
            ];
            let proof = prover::proof(&key, "POST", site.url.join("token").expect("a path").as_str(), site.now());
            let answer = Answer::of(app.request("token", &form).header("DPoP", proof)).await;
            assert_eq!(answer.status, 200, "{}", answer.json);
            assert!(answer.json.get("refresh_token").is_none(), "no rotation: {}", answer.json);
        }
    }

    /// A code serves once; a second time ends what the first has given.
    async fn a_code_that_comes_again_ends_its_grant(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = offline(&app);
        let (browser, tokens) = ada(&site, &app, &visit).await;
        assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 200);
        let again = app.redeem(&visit, &browser.arrived()).await;
        assert_eq!((again.status, again.error().as_deref()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
        assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 401);
        assert_eq!(app.refresh(&tokens.text("refresh_token")).await.error().as_deref(), Some("invalid_grant"));
    }

    /// Beside a program of before, which would not find them, they do not: that may be where several serve one database.
    async fn codes_and_refresh_tokens_say_when_they_were_made_where_one_program_serves(database) {
        let dated = database.url.starts_with("sqlite");
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = offline(&app);
        let arrived = site.after_password(&visit, "ada").await.arrived();
        let given = app.redeem(&visit, &arrived).await.text("refresh_token");
        site.advance(1);
        let next = app.refresh(&given).await.text("refresh_token");
        for token in [&visit.code(&arrived), &given, &next] {
            assert_eq!(token.len(), if dated { 52 } else { 43 }, "256 random bits, and perhaps a time before them");
        }
        let stored = "SELECT token_hash FROM refresh_tokens WHERE token_hash = $1";
        for token in [&given, &next] {
            let hash = GrantToken::hash_of(token);
            assert!(site.database().text(stored, hash.as_str()).await.is_some());
            assert_eq!(hash.as_str().len(), if dated { 73 } else { 64 });
        }
        assert!(!dated || given[..9] < next[..9], "the later sorts behind: {given} {next}");
    }

    /// Those of a program of before, and on PostgreSQL those that have come along from SQLite.
    async fn refresh_tokens_with_a_time_and_without_are_known_at_every_endpoint(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for made_at_ms in [None, Some(site.now() * 1000)] {
            let [used, revoked] = [(); 2].map(|()| GrantToken::generate(made_at_ms, &mut entropy()));
            for token in [&used, &revoked] {
                grant_to(&site, &app, token.hash().as_str()).await;
                assert_eq!(app.ask("introspect", &[("token", token.reveal())]).await.json["active"], true);
            }
            let next = app.refresh(used.reveal()).await.text("refresh_token");
            assert_eq!(app.ask("introspect", &[("token", used.reveal())]).await.json["active"], false);
            let last = app.refresh(&next).await.text("refresh_token");
            for token in [used.reveal(), &last] {
                let refused = app.refresh(token).await.error();
                assert_eq!(refused.as_deref(), Some("invalid_grant"), "the family has ended");
            }
            assert_eq!(app.ask("revoke", &[("token", revoked.reveal())]).await.status, 200);
            assert_eq!(app.refresh(revoked.reveal()).await.error().as_deref(), Some("invalid_grant"));
        }
    }

    async fn codes_with_a_time_and_without_serve_once(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for made_at_ms in [None, Some(site.now() * 1000)] {
            let [code, refresh] = [(); 2].map(|()| GrantToken::generate(made_at_ms, &mut entropy()));
            grant_to(&site, &app, refresh.hash().as_str()).await;
            let row = CodeRow {
                grant_id: refresh.hash().as_str().to_owned(),
                redirect_uri: REDIRECT_URI.to_owned(),
                code_challenge: None,
                expires_at: site.now() + 60,
                spent_at: None,
                bound_to: None,
            };
            let mut tx = site.admin.db.write().await.expect("a transaction");
            store::tokens::add_code(&mut tx, code.hash().as_str(), &row).await.expect("a code");
            tx.commit().await.expect("a commit");
            let form =
                [("grant_type", "authorization_code"), ("code", code.reveal()), ("redirect_uri", REDIRECT_URI)];
            let tokens = app.token(&form).await;
            assert_eq!(tokens.status, 200, "{}", tokens.json);
            assert_eq!(app.token(&form).await.error().as_deref(), Some("invalid_grant"));
            assert_eq!(app.refresh(&tokens.text("refresh_token")).await.error().as_deref(), Some("invalid_grant"));
        }
    }

    /// Single sign-on: a second app is answered without a page; the time of the sign-in stays.
    async fn a_second_app_is_answered_without_a_page(database) {
        let site = Site::on(database).await;
        let (one, two) = (site.admin.add_app().await, site.admin.add_app().await);
        let visit = one.visit();
        let (mut browser, first) = site.signed_in(&one, &visit, "ned").await;
        site.advance(3600);
        for prompt in [None, Some("none")] {
            let visit = prompt.map_or(two.visit(), |prompt| two.visit().with("prompt", prompt));
            browser.open(&visit.url()).await;
            let tokens = two.redeem(&visit, &browser.arrived()).await;
            let claims = two.verify(&tokens.text("id_token"), &visit, site.now()).await;
            let before = one.verify_signature(&first.text("id_token")).await;
            assert_eq!(claims["sub"], before["sub"]);
            assert_eq!(claims["auth_time"], before["auth_time"]);
            assert_eq!(claims["amr"], before["amr"]);
        }
    }

    /// A session ends: idle after twelve hours, and after seven days in any case.
    async fn a_session_ends_when_it_is_idle_or_old(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (mut browser, _) = ada(&site, &app, &app.visit()).await;
        let silent = |app: &RelyingApp| app.visit().with("prompt", "none");
        for _ in 0..14 {
            site.advance(11 * 3600);
            let visit = silent(&app);
            browser.open(&visit.url()).await;
            visit.code(&browser.arrived());
        }
        site.advance(12 * 3600);
        let visit = silent(&app);
        browser.open(&visit.url()).await;
        assert_eq!(visit.error(&browser.arrived()), "login_required", "idle");
        let (mut browser, _) = ada(&site, &app, &app.visit()).await;
        for _ in 0..16 {
            site.advance(11 * 3600);
            browser.open(&silent(&app).url()).await;
        }
        let visit = silent(&app);
        browser.open(&visit.url()).await;
        assert_eq!(visit.error(&browser.arrived()), "login_required", "seven days");
    }

    /// What ends a user ends their sessions and grants.
    async fn a_disabled_user_is_out_everywhere(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "tom", "Top manager", Some("tom@example.org")).await;
        let app = site.admin.add_app().await;
        let (mut browser, tokens) = ada(&site, &app, &offline(&app)).await;
        site.admin.change("ada", Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
        assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 401);
        assert_eq!(app.refresh(&tokens.text("refresh_token")).await.error().as_deref(), Some("invalid_grant"));
        let visit = app.visit().with("prompt", "none");
        browser.open(&visit.url()).await;
        assert_eq!(visit.error(&browser.arrived()), "login_required");
    }
}

/// A grant of Ada's with a refresh token, as the authorization endpoint would have made it.
async fn grant_to(site: &Site, app: &RelyingApp, token_hash: &str) {
    let now = site.now();
    let mut tx = site.admin.db.write().await.expect("a transaction");
    let grant = GrantRow {
        id: token_hash.to_owned(),
        user_id: site.admin.user("ada").await.id,
        client_id: app.client_id.clone(),
        session_id: "session".to_owned(),
        scopes: "openid offline_access".to_owned(),
        nonce: None,
        amr: "pwd".to_owned(),
        acr: "urn:countersign:acr:pwd".to_owned(),
        auth_time: now,
        created_at: now,
        expires_at: now + 365 * 86_400,
        ended_at: None,
        details: "{}".to_owned(),
    };
    store::tokens::add_grant(&mut tx, &grant).await.expect("a grant");
    let expires_at = now + 30 * 86_400;
    let new = NewRefresh { token_hash, grant_id: &grant.id, created_at: now, expires_at, bound_to: None };
    store::tokens::add_refresh(&mut tx, new).await.expect("a refresh token");
    tx.commit().await.expect("a commit");
}

async fn join_all<T: Send + 'static>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(value) => {
                done.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn both_discovery_documents_say_what_is_there() {
    let site = site().await;
    let issuer = site.url.as_str().trim_end_matches('/');
    let one = get(&site, ".well-known/openid-configuration").await;
    let two = get(&site, ".well-known/oauth-authorization-server").await;
    assert_eq!(one.json, two.json);
    assert_eq!(one.json["issuer"], issuer);
    for (name, path) in [
        ("authorization_endpoint", "authorize"),
        ("token_endpoint", "token"),
        ("pushed_authorization_request_endpoint", "par"),
        ("userinfo_endpoint", "userinfo"),
        ("jwks_uri", "jwks"),
        ("end_session_endpoint", "logout"),
    ] {
        assert_eq!(one.json[name], format!("{issuer}/{path}"), "{name}");
    }
    assert_eq!(one.json["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(one.json["authorization_response_iss_parameter_supported"], true);
    for name in
        ["request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration"]
    {
        assert_eq!(one.json[name], true, "{name}");
    }
    for name in ["request_object_signing_alg_values_supported", "authorization_signing_alg_values_supported"]
    {
        let algorithms = one.json[name].as_array().expect("a list");
        assert!(
            ["RS256", "PS256", "ES256", "EdDSA"].iter().all(|alg| algorithms.contains(&json!(alg))),
            "{name}"
        );
        assert!(!algorithms.contains(&json!("none")), "{name}");
    }
    assert_eq!(one.json["require_pushed_authorization_requests"], false);
    assert_eq!(one.headers["access-control-allow-origin"], "*");
}

/// PHP's parsers stop at P-521: it is there once somebody has asked for it, as is whatever else an app chooses.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_begins_with_the_default_and_grows_with_what_apps_ask_for() {
    let site = site().await;
    let published = || async {
        let keys = get(&site, "jwks").await.json["keys"].as_array().expect("keys").clone();
        assert!(keys.iter().all(|key| key["use"] == "sig"), "{keys:?}");
        keys.iter().map(|key| key["alg"].as_str().expect("an alg").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(published().await, ["RS256", "ES256", "ES384", "EdDSA"]);
    site.admin.add_app_with(|m| m.id_token_signed_response_alg = Some(SigningAlgorithm::ES512)).await;
    site.admin.add_app_with(|m| m.introspection_signed_response_alg = Some(SigningAlgorithm::PS384)).await;
    assert_eq!(published().await, ["RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"]);
}

crate::on_both_databases! {
    /// Two processes, and keys that are replaced at once: what the one signs, the other takes from the first moment.
    async fn tokens_of_new_keys_are_taken_by_every_process_at_once(database) {
        let site = Site::on(database).await;
        let other = site.second_process().await;
        let app = site.admin.add_app().await;
        let there = RelyingApp { issuer: other.url.clone(), ..app.clone() };
        let (_, tokens) = ada(&site, &app, &app.visit()).await;
        site.advance(5);
        // The other process has just read its keys, which are good for five seconds; this one reads them when it signs next.
        assert_eq!(there.userinfo(&tokens.text("access_token")).await.status, 200);
        site.admin.rotate_keys_at_once().await;
        let (_, tokens) = ada(&site, &app, &app.visit()).await;
        assert_eq!(there.userinfo(&tokens.text("access_token")).await.status, 200);
    }

    async fn a_clock_that_is_set_back_behind_the_keys_signs_on(database) {
        let site = Site::on(database).await;
        site.admin.rotate_keys().await;
        site.advance(-3600);
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let (_, tokens) = ada(&site, &app, &visit).await;
        app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let visit = app.visit();
    for wrong in [
        visit.clone().with("redirect_uri", "https://evil.example/callback"),
        visit.clone().with("redirect_uri", &format!("{REDIRECT_URI}/")),
        visit.clone().with("redirect_uri", &format!("{REDIRECT_URI}?x=1")),
        visit.clone().with("redirect_uri", "javascript:alert(1)"),
        visit.clone().without("redirect_uri"),
        visit.clone().without("client_id"),
        visit.clone().with("client_id", "nobody"),
        visit.clone().with("client_id", "' OR 1=1 --"),
    ] {
        let mut browser = site.browser();
        browser.open(&wrong.url()).await;
        assert_eq!(browser.status(), 400, "{}", wrong.url());
        assert!(!browser.has_left());
        assert!(browser.text().contains("invalid_request"), "{}", browser.text());
    }
    let mut browser = site.browser();
    browser.open(&visit.with("redirect_uri", "https://evil.example/callback").url()).await;
    assert!(browser.text().contains("https://evil.example/callback"), "what was sent");
    assert!(browser.text().contains(REDIRECT_URI), "what is registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_request_is_answered_with_its_code() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let visit = app.visit();
    for (wrong, code) in [
        (visit.clone().without("response_type"), "invalid_request"),
        (visit.clone().with("response_type", "token"), "unsupported_response_type"),
        (visit.clone().with("response_mode", "web_message"), "invalid_request"),
        (visit.clone().with("response_type", "id_token"), "unauthorized_client"),
        (visit.clone().with("code_challenge_method", "plain"), "invalid_request"),
        (visit.clone().without("code_challenge_method"), "invalid_request"),
        (visit.clone().with("code_challenge", "short"), "invalid_request"),
        (visit.clone().without("code_challenge"), "invalid_request"),
        (visit.clone().with("prompt", "none login"), "invalid_request"),
        (visit.clone().with("prompt", "create"), "invalid_request"),
        (visit.clone().with("max_age", "-1"), "invalid_request"),
        (visit.clone().with("max_age", "soon"), "invalid_request"),
        (visit.clone().with("claims", "{"), "invalid_request"),
        (visit.clone().with("nonce", &"n".repeat(3000)), "invalid_request"),
        (visit.clone().with("id_token_hint", "e30.e30.e30"), "invalid_request"),
        (visit.clone().with("request", "e30.e30."), "invalid_request_object"),
        (visit.clone().with("request_uri", "https://app.example.org/r"), "invalid_request_uri"),
        (visit.clone().with("registration", "{}"), "registration_not_supported"),
        (visit.clone().with("prompt", "none"), "login_required"),
    ] {
        let mut browser = site.browser();
        browser.open(&wrong.url()).await;
        assert_eq!(wrong.error(&browser.arrived()), code, "{}", wrong.url());
    }
    let mut browser = site.browser();
    browser.open(&format!("{}&nonce=twice", visit.url())).await;
    assert_eq!(visit.error(&browser.arrived()), "invalid_request", "a doubled parameter");
    browser.open(&format!("{}&client_id=twice", visit.url())).await;
    assert_eq!(browser.status(), 400, "doubled, and so it is not known where to send the answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_may_leave_out_or_add() {
    let site = site().await;
    let app = site.admin.add_app().await;
    for visit in [
        app.visit().without("state"),
        app.visit().without("nonce"),
        app.visit().without_pkce(),
        app.visit().with("extra", "foobar"),
        app.visit().with("display", "popup"),
        app.visit().with("ui_locales", "se"),
        app.visit().with("claims_locales", "se"),
        app.visit().with("acr_values", "urn:countersign:acr:2fa 1 2"),
        app.visit().with("scope", "openid unknown email"),
        app.visit().with("login_hint", "buffy@example.org"),
        app.visit().with("response_mode", "query"),
        app.visit().with("state", &"s".repeat(500)),
    ] {
        let (_, tokens) = ada(&site, &app, &visit).await;
        app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    }
    let mut browser = site.browser();
    browser.open(&app.visit().with("login_hint", "buffy").url()).await;
    assert_eq!(browser.field("login").as_deref(), Some("buffy"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_come_by_post_from_the_apps_page() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let fields: Vec<(&str, &str)> = visit.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut browser = site.browser();
    browser.post_from_elsewhere("/authorize", &fields).await;
    browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_client_needs_pkce_and_nothing_else() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.token_endpoint_auth_method = AuthMethod::None).await;
    let without = app.visit().without_pkce();
    let mut browser = site.browser();
    browser.open(&without.url()).await;
    assert_eq!(without.error(&browser.arrived()), "invalid_request");
    let visit = offline(&app);
    let (_, tokens) = ada(&site, &app, &visit).await;
    assert_eq!(app.refresh(&tokens.text("refresh_token")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_for_its_client_its_address_its_verifier_and_its_minute() {
    let site = site().await;
    let (app, other) = (site.admin.add_app().await, site.admin.add_app().await);
    let fresh = async || {
        let visit = app.visit();
        let browser = site.after_password(&visit, "ada").await;
        let code = visit.code(&browser.arrived());
        (visit, code)
    };
    let refused =
        |answer: Answer| assert_eq!(answer.error().as_deref(), Some("invalid_grant"), "{}", answer.json);
    let (visit, code) = fresh().await;
    refused(other.redeem_code(&visit, &code).await);
    let stranger = visit.clone().with_verifier(Some(&"x".repeat(43)));
    refused(app.redeem_code(&stranger, &code).await);
    refused(app.redeem_code(&visit.clone().with_verifier(None), &code).await);
    let form =
        [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", "https://app.example.org/")];
    refused(app.token(&form).await);
    assert_eq!(app.redeem_code(&visit, &code).await.status, 200, "none of these has used it up");
    let (visit, code) = fresh().await;
    site.advance(61);
    refused(app.redeem_code(&visit, &code).await);
    refused(app.redeem_code(&visit, "unknown").await);
    let plain = app.visit().without_pkce();
    let browser = site.after_password(&plain, "ada").await;
    let code = plain.code(&browser.arrived());
    refused(app.redeem_code(&plain.with_verifier(Some(&"x".repeat(43))), &code).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_code_does_no_harm_to_the_app_that_has_used_it() {
    let site = site().await;
    let (app, other) = (site.admin.add_app().await, site.admin.add_app().await);
    let visit = app.visit();
    let (browser, tokens) = ada(&site, &app, &visit).await;
    let code = visit.code(&browser.arrived());
    other.redeem_code(&visit, &code).await;
    app.redeem_code(&visit.with_verifier(Some(&"x".repeat(43))), &code).await;
    assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_proves_itself_as_it_is_registered() {
    let site = site().await;
    let basic = site.admin.add_app().await;
    let post = site.admin.add_app_with(|m| m.token_endpoint_auth_method = AuthMethod::ClientSecretPost).await;
    let (_, tokens) = ada(&site, &post, &offline(&post)).await;
    assert_eq!(post.refresh(&tokens.text("refresh_token")).await.status, 200);
    for (wrong, named) in [
        (RelyingApp { proof: Proof::Post, ..basic.clone() }, "client_secret_basic"),
        (RelyingApp { proof: Proof::None, ..basic.clone() }, "client_secret_basic"),
        (RelyingApp { proof: Proof::Basic, ..post.clone() }, "client_secret_post"),
        (RelyingApp { client_secret: Some("wrong".to_owned()), ..basic.clone() }, "secret"),
        (RelyingApp { client_id: "nobody".to_owned(), ..basic.clone() }, "unknown"),
    ] {
        let answer = wrong.refresh("x").await;
        assert_eq!((answer.status.as_u16(), answer.error().as_deref()), (401, Some("invalid_client")));
        assert!(answer.text("error_description").contains(named), "{}", answer.json);
        let challenged = answer.headers.contains_key("www-authenticate");
        assert_eq!(
            challenged,
            wrong.proof == Proof::Basic,
            "a challenge answers HTTP Basic: {}",
            answer.json
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_request_is_answered_with_its_code() {
    let site = site().await;
    let app = site.admin.add_app().await;
    for (form, code) in [
        (vec![], "invalid_request"),
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (vec![("grant_type", "client_credentials")], "unauthorized_client"),
        (vec![("grant_type", "authorization_code")], "invalid_request"),
        (vec![("grant_type", "authorization_code"), ("code", "x")], "invalid_grant"),
        (vec![("grant_type", "refresh_token")], "invalid_request"),
        (vec![("grant_type", "refresh_token"), ("refresh_token", "x")], "invalid_grant"),
        (vec![("grant_type", "refresh_token"), ("grant_type", "refresh_token")], "invalid_request"),
        (vec![("grant_type", "refresh_token"), ("client_secret", "x")], "invalid_request"),
    ] {
        let answer = app.token(&form).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_deref()), (400, Some(code)), "{form:?}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_a_token_in_its_own_name() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.grant_types.push(GrantType::ClientCredentials)).await;
    let answer = app.token(&[("grant_type", "client_credentials")]).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert!(answer.json.get("id_token").is_none() && answer.json.get("refresh_token").is_none());
    let claims = app.verify_signature(&answer.text("access_token")).await;
    assert_eq!(claims["sub"], app.client_id.as_str());
    let me = app.userinfo(&answer.text("access_token")).await;
    assert_eq!(me.status, 403, "nobody's UserInfo: {}", me.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_may_ask_for_less_and_not_for_more() {
    let site = site().await;
    let (app, other) = (site.admin.add_app().await, site.admin.add_app().await);
    let visit = app.visit().with("scope", "openid email offline_access");
    let (_, tokens) = ada(&site, &app, &visit).await;
    let token = tokens.text("refresh_token");
    assert_eq!(other.refresh(&token).await.error().as_deref(), Some("invalid_grant"));
    let ask = async |token: &str, scope: &str| {
        app.token(&[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]).await
    };
    assert_eq!(ask(&token, "openid profile").await.error().as_deref(), Some("invalid_scope"));
    let less = ask(&token, "openid").await;
    assert_eq!(less.json["scope"], "openid");
    assert!(app.userinfo(&less.text("access_token")).await.json.get("email").is_none());
    site.advance(31 * 86_400);
    assert_eq!(
        app.refresh(&less.text("refresh_token")).await.error().as_deref(),
        Some("invalid_grant"),
        "idle"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_offline_access_there_is_no_refresh_token() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let (_, tokens) = ada(&site, &app, &app.visit()).await;
    assert!(tokens.json.get("refresh_token").is_none());
    let plain = site.admin.add_app_with(|m| m.grant_types = vec![GrantType::AuthorizationCode]).await;
    let (_, tokens) = ada(&site, &plain, &offline(&plain)).await;
    assert!(tokens.json.get("refresh_token").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_login_and_max_age_ask_again() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let (mut browser, tokens) = ada(&site, &app, &app.visit()).await;
    let first = app.verify_signature(&tokens.text("id_token")).await;
    site.advance(100);
    for (name, value) in
        [("prompt", "login"), ("max_age", "99"), ("max_age", "0"), ("prompt", "select_account")]
    {
        let visit = app.visit().with(name, value);
        browser.open(&visit.url()).await;
        assert!(browser.has_field("password"), "{name}={value}");
        browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert!(claims["auth_time"].as_i64() > first["auth_time"].as_i64());
        site.advance(100);
    }
    let visit = app.visit().with("max_age", "100");
    browser.open(&visit.url()).await;
    visit.code(&browser.arrived());
    let visit = app.visit().with("max_age", "99").with("prompt", "none");
    browser.open(&visit.url()).await;
    assert_eq!(visit.error(&browser.arrived()), "login_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_hint_says_who_must_sign_in() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let (mut browser, tokens) = ada(&site, &app, &app.visit()).await;
    let hint = tokens.text("id_token");
    site.advance(3600);
    let visit = app.visit().with("prompt", "none").with("id_token_hint", &hint);
    browser.open(&visit.url()).await;
    visit.code(&browser.arrived());
    site.admin.add_user(&site.acme, "tom", "Top manager", None).await;
    let visit = app.visit().with("id_token_hint", &hint);
    let browser = site.after_password(&visit, "tom").await;
    assert_eq!(visit.error(&browser.arrived()), "login_required", "somebody else");
    let other = site.admin.add_app().await;
    let visit = other.visit().with("id_token_hint", &hint);
    let mut browser = site.browser();
    browser.open(&visit.url()).await;
    assert_eq!(visit.error(&browser.arrived()), "invalid_request", "another client's");
    let visit = app.visit().with("id_token_hint", &tokens.text("access_token"));
    browser.open(&visit.url()).await;
    assert_eq!(visit.error(&browser.arrived()), "invalid_request", "an access token is no ID token");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_may_choose_its_algorithm() {
    let site = site().await;
    for algorithm in SigningAlgorithm::ALL {
        let app = site.admin.add_app_with(|m| m.id_token_signed_response_alg = Some(algorithm)).await;
        let visit = app.visit();
        let (_, tokens) = ada(&site, &app, &visit).await;
        app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn userinfo_takes_its_token_by_header_or_form_and_not_by_query() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let (_, tokens) = ada(&site, &app, &app.visit()).await;
    let token = tokens.text("access_token");
    let url = site.url.join("userinfo").expect("a path");
    let ok = async |request: reqwest::RequestBuilder| Answer::of(request).await.status;
    let form = |body: String| {
        http().post(url.clone()).header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    assert_eq!(ok(http().get(url.clone()).bearer_auth(&token)).await, 200);
    assert_eq!(ok(http().post(url.clone()).bearer_auth(&token)).await, 200);
    assert_eq!(ok(form(format!("access_token={token}"))).await, 200);
    assert_eq!(ok(http().get(url.clone()).query(&[("access_token", &token)])).await, 401);
    assert_eq!(ok(form(format!("access_token={token}")).bearer_auth(&token)).await, 400);
    assert_eq!(ok(http().get(url.clone()).header("authorization", format!("Bearer\t{token}"))).await, 400);
    assert_eq!(
        ok(http().get(url.clone()).bearer_auth(tokens.text("id_token"))).await,
        401,
        "an ID token is none"
    );
    let none = Answer::of(http().get(url.clone())).await;
    assert_eq!(
        (none.status.as_u16(), &none.headers["www-authenticate"]),
        (401, &"Bearer realm=\"userinfo\"".parse().expect("a value"))
    );
    site.advance(601);
    let old = Answer::of(http().get(url).bearer_auth(&token)).await;
    assert_eq!(old.status, 401);
    assert!(old.headers["www-authenticate"].to_str().expect("text").contains("error=\"invalid_token\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_asked_once_and_may_be_refused() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.consent = true).await;
    let visit = app.visit().with("scope", "openid email");
    let mut browser = site.after_password(&visit, "ada").await;
    assert!(browser.text().contains("your email address"), "{}", browser.text());
    browser.submit().await;
    visit.code(&browser.arrived());
    let silent = app.visit().with("prompt", "none");
    browser.open(&silent.url()).await;
    silent.code(&browser.arrived());
    let more = app.visit().with("scope", "openid groups").with("prompt", "none");
    browser.open(&more.url()).await;
    assert_eq!(more.error(&browser.arrived()), "consent_required");
    let again = app.visit().with("prompt", "consent");
    browser.open(&again.url()).await;
    let path = browser.page().url.path().to_owned();
    browser.post(&format!("{path}/consent"), &[("decision", "deny")]).await;
    assert_eq!(again.error(&browser.arrived()), "access_denied");
}

/// What is asked for claim by claim is asked for all the same (OIDC Core §5.5): the page says so, and silence gives no more.
#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_asked_for_one_by_one_are_agreed_to_as_well() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.consent = true).await;
    let asking = |claims: &str| app.visit().with("claims", claims);
    let visit =
        asking(r#"{"userinfo":{"email":null,"rights":null},"id_token":{"phone_number":{"essential":true}}}"#);
    let mut browser = site.after_password(&visit, "ada").await;
    for said in ["your email address", "your groups, your role and its rights", "your phone number"] {
        assert!(browser.text().contains(said), "{said}: {}", browser.text());
    }
    for unsaid in ["your postal address", "your name"] {
        assert!(!browser.text().contains(unsaid), "{unsaid}: {}", browser.text());
    }
    browser.submit().await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    let told = app.userinfo(&tokens.text("access_token")).await.json;
    assert_eq!(told["email"], "ada@example.org");
    // What was agreed to once is remembered, for scopes and for single claims alike, and nothing beyond it.
    for (visit, agreed) in [
        (asking(r#"{"userinfo":{"groups":null}}"#), true),
        (app.visit().with("scope", "openid email"), true),
        (asking(r#"{"id_token":{"email":null,"auth_time":null,"acr":null}}"#), true),
        (asking(r#"{"userinfo":{"nickname":null}}"#), false),
        (asking(r#"{"id_token":{"address":null}}"#), false),
        (app.visit().with("scope", "openid profile"), false),
    ] {
        let silent = visit.with("prompt", "none");
        browser.open(&silent.url()).await;
        if agreed {
            silent.code(&browser.arrived());
        } else {
            assert_eq!(silent.error(&browser.arrived()), "consent_required", "{:?}", silent.parameters);
        }
    }
}

/// Nobody gets by `claims` what they could not have by `scope`, whether or not people are asked.
#[tokio::test(flavor = "multi_thread")]
async fn claims_are_bounded_by_what_the_app_may_ask_for() {
    let site = site().await;
    for consent in [false, true] {
        let app = site
            .admin
            .add_app_with(|m| {
                m.scope = Some("openid email".to_owned());
                m.consent = consent;
            })
            .await;
        let claims = r#"{"userinfo":{"email":null,"phone_number":null,"groups":null,"rights":null,"preferred_username":null},
                         "id_token":{"email":null,"role":null,"preferred_username":null}}"#;
        let visit = app.visit().with("claims", claims);
        let mut browser = site.after_password(&visit, "ada").await;
        if consent {
            assert!(browser.text().contains("your email address") && !browser.text().contains("your groups"));
            browser.submit().await;
        }
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let told = app.userinfo(&tokens.text("access_token")).await.json;
        assert_eq!(told.as_object().expect("claims").len(), 2, "{told}");
        assert_eq!(told["email"], "ada@example.org");
        let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(claims["email"], "ada@example.org");
        assert!(claims.get("role").is_none() && claims.get("preferred_username").is_none(), "{claims}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_may_be_for_some_groups_alone() {
    let site = site().await;
    let design = site.admin.add_subgroup(&site.acme, "Design", false).await;
    site.admin.add_user(&design, "dora", "User", None).await;
    let app = site.admin.add_app_with(|m| m.allowed_groups = vec![design.id.clone()]).await;
    let visit = app.visit().with("scope", "openid groups");
    let browser = site.after_password(&visit, "dora").await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    let me = app.userinfo(&tokens.text("access_token")).await;
    assert_eq!(me.json["groups"], json!(["Acme/Design", "Acme"]));
    let visit = app.visit();
    let browser = site.after_password(&visit, "ada").await;
    assert_eq!(visit.error(&browser.arrived()), "access_denied");
}

fn logout(site: &Site, parameters: &[(&str, &str)]) -> String {
    let mut url: Url = site.url.join("logout").expect("a path");
    url.query_pairs_mut().extend_pairs(parameters);
    url.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_the_session_and_leads_back() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.post_logout_redirect_uris = vec![REDIRECT_URI.to_owned()]).await;
    let (mut browser, tokens) = ada(&site, &app, &app.visit()).await;
    let hint = tokens.text("id_token");
    site.advance(3600);
    let parameters =
        [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", REDIRECT_URI), ("state", "bye")];
    browser.open(&logout(&site, &parameters)).await;
    assert_eq!(browser.arrived().as_str(), format!("{REDIRECT_URI}?state=bye"));
    let visit = app.visit().with("prompt", "none");
    browser.open(&visit.url()).await;
    assert_eq!(visit.error(&browser.arrived()), "login_required");
    assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_asks_whoever_comes_without_a_hint_and_sends_nobody_elsewhere() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.post_logout_redirect_uris = vec![REDIRECT_URI.to_owned()]).await;
    let (mut browser, tokens) = ada(&site, &app, &app.visit()).await;
    browser.open(&logout(&site, &[])).await;
    assert!(browser.text().contains("signed in as ada"), "{}", browser.text());
    let visit = app.visit().with("prompt", "none");
    let mut tab = browser.new_tab();
    tab.open(&visit.url()).await;
    visit.code(&tab.arrived());
    browser.submit().await;
    assert!(browser.text().contains("Signed out"), "{}", browser.text());
    tab.open(&visit.url()).await;
    assert_eq!(visit.error(&tab.arrived()), "login_required");
    let hint = tokens.text("id_token");
    for wrong in ["https://evil.example/", "https://app.example.org/callback?x=1"] {
        browser.open(&logout(&site, &[("id_token_hint", &hint), ("post_logout_redirect_uri", wrong)])).await;
        assert!(!browser.has_left(), "{wrong}");
        assert!(browser.text().contains("not registered"), "{}", browser.text());
    }
    browser
        .open(&logout(&site, &[("id_token_hint", "e30.e30.e30"), ("post_logout_redirect_uri", REDIRECT_URI)]))
        .await;
    assert!(!browser.has_left(), "a hint that is not ours");
    browser
        .open(&logout(&site, &[("client_id", &app.client_id), ("post_logout_redirect_uri", REDIRECT_URI)]))
        .await;
    assert!(!browser.has_left(), "no hint");
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_access_outlives_the_session_and_other_access_does_not() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let visit = offline(&app);
    let (mut browser, kept) = ada(&site, &app, &visit).await;
    let visit = app.visit();
    browser.open(&visit.url()).await;
    let ended = app.redeem(&visit, &browser.arrived()).await;
    browser.open(&logout(&site, &[("id_token_hint", &kept.text("id_token"))])).await;
    assert_eq!(app.userinfo(&ended.text("access_token")).await.status, 401);
    assert_eq!(app.refresh(&kept.text("refresh_token")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_cookie_comes_with_each_sign_in_and_cookies_are_protected() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let (mut browser, _) = ada(&site, &app, &app.visit()).await;
    let session = |browser: &Browser| {
        let cookies = browser.cookies();
        let cookie = cookies.iter().find(|c| c.name().contains("session")).expect("a session cookie").clone();
        assert_eq!((cookie.http_only(), cookie.path()), (Some(true), Some("/")));
        cookie.value().to_owned()
    };
    let before = session(&browser);
    browser.open(&app.visit().with("prompt", "login").url()).await;
    browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
    assert!(browser.has_left());
    assert_ne!(session(&browser), before);
    let mut thief = site.browser();
    thief.plant_cookie("countersign_session", &before);
    let visit = app.visit().with("prompt", "none");
    thief.open(&visit.url()).await;
    assert_eq!(visit.error(&thief.arrived()), "login_required", "the cookie before is worth nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_the_headers_that_protect_it() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let mut browser = site.browser();
    for address in [app.visit().url(), "/".to_owned(), "/nothing".to_owned(), "/logout".to_owned()] {
        browser.open(&address).await;
        let policy = browser.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(browser.header(name).as_deref(), Some(value), "{name} of {address}");
        }
    }
    assert_eq!(browser.status(), 200);
    browser.open("/nothing").await;
    assert_eq!(browser.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn lifetimes_are_settings() {
    let site = Site::with(Database::sqlite().await, |config| {
        config.tokens.access_lifetime = Period::seconds(30);
        config.tokens.id_lifetime = Period::seconds(20);
    })
    .await;
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let (_, tokens) = ada(&site, &app, &visit).await;
    assert_eq!(tokens.json["expires_in"], 30);
    let claims: Value = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    assert_eq!(claims["exp"].as_i64(), Some(site.now() + 20));
    site.advance(31);
    assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 401);
}
