//! Does whatever a new authorization would refuse end what was given before? Groups, scopes, addresses and grants that are withdrawn.
#![cfg(test)]

mod support;

use countersign::directory::Status;
use countersign::directory::users::Changes;
use countersign::oidc::clients::{GrantType, Metadata, ResponseType};
use countersign::store::groups::GroupRow;
use serde_json::{Value, json};
use support::Database;
use support::admin::PASSWORD;
use support::browser::Browser;
use support::prover::random;
use support::relying_app::{Answer, RelyingApp, Visit};
use support::signer::Signer;
use support::site::Site;

const API: &str = "https://api.example.org/";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const SCOPE: &str = "openid profile email groups offline_access";

/// Dora of Acme/Design, and an app that is for Acme/Design alone and may do everything.
struct World {
    site: Site,
    design: GroupRow,
    app: RelyingApp,
    key: Signer,
}

impl World {
    async fn on(database: Database) -> Self {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", false).await;
        site.admin.add_user(&design, "dora", "User", Some("dora@example.org")).await;
        let key = Signer::new("ES256");
        let (allowed, jwks) = (vec![design.id.clone()], key.jwks());
        let everything = |m: &mut Metadata| {
            m.allowed_groups = allowed;
            m.allowed_resources = vec![API.to_owned()];
            m.jwks = Some(jwks);
            let further = [GrantType::DeviceCode, GrantType::TokenExchange, GrantType::JwtBearer];
            m.grant_types.extend(further);
        };
        let app = site.admin.add_app_with(everything).await;
        Self { site, design, app, key }
    }

    fn visit(&self) -> Visit {
        self.app.visit().with("scope", SCOPE)
    }

    async fn tokens(&self) -> Answer {
        let visit = self.visit();
        let browser = self.site.after_password(&visit, "dora").await;
        let tokens = self.app.redeem(&visit, &browser.arrived()).await;
        assert_eq!(tokens.status, 200, "{}", tokens.json);
        tokens
    }

    /// A code that nobody has redeemed yet.
    async fn code(&self) -> (Visit, String) {
        let visit = self.visit();
        let code = visit.code(&self.site.after_password(&visit, "dora").await.arrived());
        (visit, code)
    }

    /// A device that Dora has let in, and that has not asked for its tokens yet.
    async fn device(&self) -> String {
        let codes = self.app.ask("device_authorization", &[("scope", SCOPE)]).await;
        let mut browser = self.site.browser();
        browser.open("/device").await;
        browser.fill("user_code", &codes.text("user_code")).submit().await;
        browser.fill("login", "dora").fill("password", PASSWORD).submit().await;
        browser.submit().await;
        assert!(browser.text().contains("is connected"), "{}", browser.text());
        codes.text("device_code")
    }

    async fn assertion(&self) -> String {
        self.key.sign(&json!({
            "iss": self.app.client_id,
            "sub": self.site.admin.user("dora").await.id,
            "aud": self.site.url.as_str().trim_end_matches('/'),
            "exp": self.site.now() + 60,
            "jti": random(),
        }))
    }

    async fn introspect(&self, token: &str) -> Value {
        self.app.ask("introspect", &[("token", token)]).await.json
    }

    async fn exchange(&self, token: &str, kind: &str) -> Answer {
        let form = [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", kind)];
        self.app.token(&form).await
    }

    async fn poll(&self, device_code: &str) -> Answer {
        self.app.token(&[("grant_type", DEVICE_CODE), ("device_code", device_code)]).await
    }

    async fn assert(&self) -> Answer {
        let assertion = self.assertion().await;
        self.app.token(&[("grant_type", JWT_BEARER), ("assertion", &assertion), ("scope", "openid")]).await
    }

    /// Everything that Dora's app holds is good, then something happens, and nothing of it is.
    async fn everything_ends(&self, happens: impl AsyncFnOnce()) {
        let (tokens, code, device) = (self.tokens().await, self.code().await, self.device().await);
        let [access, refresh, id] =
            ["access_token", "refresh_token", "id_token"].map(|name| tokens.text(name));
        assert_eq!(self.app.userinfo(&access).await.status, 200);
        for token in [&access, &refresh] {
            assert_eq!(self.introspect(token).await["active"], true);
        }
        happens().await;
        let refused = self.app.userinfo(&access).await;
        assert_eq!((refused.status.as_u16(), refused.error().as_deref()), (401, Some("invalid_token")));
        for token in [&access, &refresh] {
            assert_eq!(self.introspect(token).await, json!({ "active": false }));
        }
        for (what, answer, error) in [
            ("refresh", self.app.refresh(&refresh).await, "invalid_grant"),
            ("code", self.app.redeem_code(&code.0, &code.1).await, "invalid_grant"),
            ("device", self.poll(&device).await, "invalid_grant"),
            ("exchange", self.exchange(&access, ACCESS_TOKEN).await, "invalid_request"),
            ("exchange of an ID token", self.exchange(&id, ID_TOKEN).await, "invalid_request"),
            ("assertion", self.assert().await, "invalid_grant"),
        ] {
            assert_eq!(answer.error().as_deref(), Some(error), "{what}: {}", answer.json);
        }
    }
}

async fn pending(site: &Site, visit: &Visit) -> Browser {
    let mut browser = site.browser();
    browser.open(&visit.url()).await;
    browser
}

async fn sign_in(browser: &mut Browser, login: &str) {
    browser.fill("login", login).fill("password", PASSWORD).submit().await;
}

crate::on_both_databases! {
    async fn whoever_leaves_the_group_that_an_app_is_for_leaves_the_app(database) {
        let world = World::on(database).await;
        world.everything_ends(async || {
            let changes = Changes { group: Some(world.site.acme.clone()), ..Changes::default() };
            world.site.admin.change("dora", changes).await;
        }).await;
    }

    async fn an_app_that_is_for_fewer_groups_keeps_nothing_of_the_others(database) {
        let world = World::on(database).await;
        let other = world.site.admin.add_subgroup(&world.site.acme, "Sales", false).await;
        world.everything_ends(async || {
            world.site.admin.change_app(&world.app, |m| m.allowed_groups = vec![other.id.clone()]).await;
        }).await;
    }

    /// Consent that the operator demands later is due for what was given without it, too. What was given counts again once its person
    /// has agreed.
    async fn an_app_that_begins_to_ask_people_gets_nothing_of_those_who_have_not_agreed(database) {
        let world = World::on(database).await;
        let (tokens, code) = (world.tokens().await, world.code().await);
        let [access, refresh, id] = ["access_token", "refresh_token", "id_token"].map(|name| tokens.text(name));
        let exchanged = world.exchange(&access, ACCESS_TOKEN).await.text("access_token");
        for token in [&access, &refresh, &exchanged] {
            assert_eq!(world.introspect(token).await["active"], true);
        }
        world.site.admin.change_app(&world.app, |m| m.consent = true).await;
        assert_eq!(world.app.userinfo(&access).await.error().as_deref(), Some("invalid_token"));
        for token in [&access, &refresh, &exchanged] {
            assert_eq!(world.introspect(token).await, json!({ "active": false }));
        }
        for (what, answer, error) in [
            ("refresh", world.app.refresh(&refresh).await, "invalid_grant"),
            ("code", world.app.redeem_code(&code.0, &code.1).await, "invalid_grant"),
            ("exchange", world.exchange(&access, ACCESS_TOKEN).await, "invalid_request"),
            ("exchange of an ID token", world.exchange(&id, ID_TOKEN).await, "invalid_request"),
            ("assertion", world.assert().await, "invalid_grant"),
        ] {
            assert_eq!(answer.error().as_deref(), Some(error), "{what}: {}", answer.json);
            assert!(answer.text("error_description").contains("has not agreed"), "{what}: {}", answer.json);
        }
        // Less than all of it is not enough.
        let less = world.app.visit().with("scope", "openid");
        world.site.after_password(&less, "dora").await.submit().await.arrived();
        assert_eq!(world.app.refresh(&refresh).await.error().as_deref(), Some("invalid_grant"));
        assert_eq!(world.assert().await.status, 200, "that is all that it asks for");
        world.site.after_password(&world.visit(), "dora").await.submit().await.arrived();
        assert_eq!(world.app.userinfo(&access).await.status, 200);
        assert_eq!(world.introspect(&exchanged).await["active"], true);
        assert_eq!(world.app.refresh(&refresh).await.status, 200);
    }

    async fn a_disabled_persons_app_keeps_nothing(database) {
        let world = World::on(database).await;
        world.everything_ends(async || {
            let changes = Changes { status: Some(Status::Disabled), ..Changes::default() };
            world.site.admin.change("dora", changes).await;
        }).await;
    }

    /// RFC 6749 §6: the scopes that count are those that the client has now.
    async fn a_scope_that_is_withdrawn_is_gone_from_what_was_given(database) {
        let world = World::on(database).await;
        let (tokens, (visit, code)) = (world.tokens().await, world.code().await);
        let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
        assert_eq!(world.app.userinfo(&access).await.json["email"], "dora@example.org");
        world.site.admin.change_app(&world.app, |m| m.scope = Some("openid profile offline_access".to_owned())).await;
        let told = world.app.userinfo(&access).await.json;
        assert_eq!(told["preferred_username"], "dora");
        assert!(told.get("email").is_none() && told.get("groups").is_none(), "{told}");
        assert_eq!(world.introspect(&access).await["scope"], "openid profile offline_access");
        assert_eq!(world.introspect(&refresh).await["scope"], "openid profile offline_access");
        // Whoever asks again for what they once had gets what is left of it.
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("scope", SCOPE)];
        let refreshed = world.app.token(&form).await;
        assert_eq!(refreshed.json["scope"], "openid profile offline_access", "{}", refreshed.json);
        let redeemed = world.app.redeem_code(&visit, &code).await;
        assert_eq!(redeemed.json["scope"], "openid profile offline_access");
        let exchanged = world.exchange(&access, ACCESS_TOKEN).await;
        assert_eq!(exchanged.json["scope"], "openid profile");

        world.site.admin.change_app(&world.app, |m| m.scope = Some("profile".to_owned())).await;
        assert_eq!(world.app.userinfo(&access).await.error().as_deref(), Some("insufficient_scope"));
        let ended = world.app.refresh(&refreshed.text("refresh_token")).await;
        assert_eq!(ended.error().as_deref(), Some("invalid_grant"), "offline_access is gone too");
        assert_eq!(world.introspect(&refreshed.text("refresh_token")).await, json!({ "active": false }));
        // What is registered again counts again.
        world.site.admin.change_app(&world.app, |m| m.scope = None).await;
        assert_eq!(world.app.userinfo(&access).await.json["email"], "dora@example.org");
    }

    async fn a_claim_that_was_asked_for_by_name_goes_with_its_scope(database) {
        let world = World::on(database).await;
        let claims = r#"{"userinfo":{"email":null,"role":null},"id_token":{"email":null}}"#;
        let visit = world.app.visit().with("claims", claims);
        let browser = world.site.after_password(&visit, "dora").await;
        let code = visit.code(&browser.arrived());
        world.site.admin.change_app(&world.app, |m| m.scope = Some("openid groups".to_owned())).await;
        let tokens = world.app.redeem_code(&visit, &code).await;
        let told = world.app.userinfo(&tokens.text("access_token")).await.json;
        assert_eq!((told.get("email"), &told["role"]), (None, &json!("User")));
        assert!(world.app.verify_signature(&tokens.text("id_token")).await.get("email").is_none());
    }

    /// Neither an answer nor an error goes where the operator no longer wants any to go (RFC 9700 §4.1).
    async fn a_redirect_uri_that_is_withdrawn_gets_nothing_of_what_is_under_way(database) {
        let world = World::on(database).await;
        let (mut begun, mut cancelled) =
            (pending(&world.site, &world.visit()).await, pending(&world.site, &world.visit()).await);
        let (visit, code) = world.code().await;
        let mut at_consent = {
            let visit = world.visit().with("prompt", "consent");
            world.site.after_password(&visit, "dora").await
        };
        let elsewhere = "https://app.example.org/elsewhere".to_owned();
        world.site.admin.change_app(&world.app, |m| m.redirect_uris = vec![elsewhere]).await;
        sign_in(&mut begun, "dora").await;
        cancelled.press("cancel").await;
        at_consent.submit().await;
        for browser in [&begun, &cancelled, &at_consent] {
            assert!(!browser.has_left(), "{}", browser.text());
            assert_eq!(browser.status(), 410, "{}", browser.text());
        }
        // A code that is out already is of no use either.
        let redeemed = world.app.redeem_code(&visit, &code).await;
        assert_eq!(redeemed.error().as_deref(), Some("invalid_grant"), "{}", redeemed.json);
        assert!(redeemed.text("error_description").contains("redirect_uri"), "{}", redeemed.json);
        let events = world.site.admin.events().await;
        let completed = events.iter().filter(|event| event.event == "signin.completed").count();
        assert_eq!(completed, 1, "the one before it was withdrawn");
    }

    async fn what_an_app_may_no_longer_ask_for_is_refused_to_sign_ins_under_way(database) {
        let world = World::on(database).await;
        world.site.admin.change_app(&world.app, |m| {
            m.grant_types.push(GrantType::Implicit);
            m.response_types.push(ResponseType::CodeIdToken);
        }).await;
        let hybrid = world.visit().with("response_type", "code id_token");
        let aimed = world.visit().with("resource", API);
        let (mut first, mut second) = (pending(&world.site, &hybrid).await, pending(&world.site, &aimed).await);
        let (visit, code) = {
            let browser = world.site.after_password(&hybrid, "dora").await;
            (hybrid.clone(), hybrid.code(&browser.arrived()))
        };
        world.site.admin.change_app(&world.app, |m| {
            m.grant_types.retain(|one| *one != GrantType::Implicit);
            m.response_types = vec![ResponseType::Code];
            m.allowed_resources.clear();
        }).await;
        sign_in(&mut first, "dora").await;
        assert_eq!(hybrid.error(&first.arrived()), "unauthorized_client");
        sign_in(&mut second, "dora").await;
        assert_eq!(aimed.error(&second.arrived()), "invalid_target");
        let redeemed = world.app.redeem_code(&visit, &code).await;
        assert_eq!(redeemed.error().as_deref(), Some("invalid_grant"), "{}", redeemed.json);
    }

    async fn a_person_who_leaves_the_group_while_signing_in_gets_nothing(database) {
        let world = World::on(database).await;
        let visit = world.visit().with("prompt", "consent");
        let mut browser = world.site.after_password(&visit, "dora").await;
        world.site.admin.change_app(&world.app, |m| m.allowed_groups = vec!["another".to_owned()]).await;
        browser.submit().await;
        assert_eq!(visit.error(&browser.arrived()), "access_denied");
    }
}

#[tokio::test]
async fn a_resource_that_is_withdrawn_takes_no_token_any_more() {
    let world = World::on(Database::sqlite().await).await;
    let api = world
        .site
        .admin
        .add_app_with(|m| {
            m.grant_types = vec![GrantType::ClientCredentials];
            m.redirect_uris.clear();
            m.response_types.clear();
            m.served_resources = vec![API.to_owned()];
        })
        .await;
    let visit = world.app.visit().with("scope", "groups offline_access").with("resource", API);
    let browser = world.site.after_password(&visit, "dora").await;
    let tokens = world.app.redeem(&visit, &browser.arrived()).await;
    let access = tokens.text("access_token");
    assert_eq!(api.ask("introspect", &[("token", &access)]).await.json["active"], true);
    world.site.admin.change_app(&world.app, |m| m.allowed_resources.clear()).await;
    assert_eq!(api.ask("introspect", &[("token", &access)]).await.json, json!({ "active": false }));
    let refreshed = world.app.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refreshed.error().as_deref(), Some("invalid_grant"), "{}", refreshed.json);
}

#[tokio::test]
async fn a_way_that_is_withdrawn_ends_what_came_by_it() {
    let world = World::on(Database::sqlite().await).await;
    let without = async |gone: GrantType| {
        world.site.admin.change_app(&world.app, |m| m.grant_types.retain(|one| *one != gone)).await;
    };
    let by_device = world.poll(&world.device().await).await;
    let by_assertion = world.assert().await.text("access_token");
    let by_code = world.tokens().await;
    let waiting = world.app.ask("device_authorization", &[("scope", "openid")]).await;
    without(GrantType::DeviceCode).await;
    assert_eq!(world.app.userinfo(&by_device.text("access_token")).await.status, 401);
    let refused = world.app.refresh(&by_device.text("refresh_token")).await;
    assert_eq!(refused.error().as_deref(), Some("invalid_grant"), "{}", refused.json);
    // A person who types the code of such a device lets nobody in.
    let mut browser = world.site.browser();
    browser.open("/device").await;
    browser.fill("user_code", &waiting.text("user_code")).submit().await;
    assert!(!browser.has_field("password"), "{}", browser.text());
    assert_eq!(world.app.userinfo(&by_code.text("access_token")).await.status, 200, "other ways stay open");

    assert_eq!(world.app.userinfo(&by_assertion).await.status, 200);
    without(GrantType::JwtBearer).await;
    assert_eq!(world.app.userinfo(&by_assertion).await.status, 401);

    let refresh = by_code.text("refresh_token");
    without(GrantType::RefreshToken).await;
    assert_eq!(world.introspect(&refresh).await, json!({ "active": false }));
    assert_eq!(world.app.refresh(&refresh).await.error().as_deref(), Some("unauthorized_client"));
}

#[tokio::test]
async fn an_app_that_begins_to_insist_on_two_factors_gets_nothing_new_for_one() {
    let world = World::on(Database::sqlite().await).await;
    let (tokens, (visit, code), device) = (world.tokens().await, world.code().await, world.device().await);
    world.site.admin.change_app(&world.app, |m| m.require_two_factor = true).await;
    let access = tokens.text("access_token");
    for (what, answer, error) in [
        ("refresh", world.app.refresh(&tokens.text("refresh_token")).await, "invalid_grant"),
        ("code", world.app.redeem_code(&visit, &code).await, "invalid_grant"),
        ("device", world.poll(&device).await, "invalid_grant"),
        ("exchange", world.exchange(&access, ACCESS_TOKEN).await, "invalid_request"),
        ("assertion", world.assert().await, "invalid_grant"),
    ] {
        assert_eq!(answer.error().as_deref(), Some(error), "{what}: {}", answer.json);
        assert!(answer.text("error_description").contains("two factors"), "{what}: {}", answer.json);
    }
}

/// Who leaves the group of a service that goes on with an app's token leaves what was exchanged, too.
#[tokio::test]
async fn what_was_exchanged_is_for_the_people_of_both_apps() {
    let world = World::on(Database::sqlite().await).await;
    let design = world.design.id.clone();
    let service = world
        .site
        .admin
        .add_app_with(|m| {
            m.grant_types = vec![GrantType::TokenExchange, GrantType::ClientCredentials];
            m.redirect_uris.clear();
            m.response_types.clear();
            m.served_resources = vec![API.to_owned()];
            m.allowed_groups = vec![design];
        })
        .await;
    let visit = world.app.visit().with("resource", API).with("scope", "openid email");
    let claims = r#"{"userinfo":{"phone_number":null,"role":null}}"#;
    let visit = visit.with("claims", claims);
    let browser = world.site.after_password(&visit, "dora").await;
    let token = world.app.redeem(&visit, &browser.arrived()).await.text("access_token");
    assert_eq!(world.app.userinfo(&token).await.json["role"], "User");
    let exchanged = async || {
        let form =
            [("grant_type", EXCHANGE), ("subject_token", &token), ("subject_token_type", ACCESS_TOKEN)];
        service.token(&form).await.text("access_token")
    };
    let theirs = exchanged().await;
    let told = service.userinfo(&theirs).await.json;
    assert_eq!(told["email"], "dora@example.org");
    assert!(told.get("role").is_none(), "what the app has asked for by name is the app's: {told}");

    world.site.admin.change_app(&service, |m| m.allowed_groups = vec!["another".to_owned()]).await;
    assert_eq!(service.userinfo(&theirs).await.status, 401);
    world.site.admin.change_app(&service, |m| m.allowed_groups.clear()).await;
    assert_eq!(service.userinfo(&theirs).await.status, 200);
    world.site.admin.change_app(&world.app, |m| m.allowed_groups = vec!["another".to_owned()]).await;
    assert_eq!(service.userinfo(&theirs).await.status, 401, "the app's own people count");
    world.site.admin.change_app(&world.app, |m| m.allowed_groups.clear()).await;
    world.site.admin.change_app(&service, |m| m.grant_types = vec![GrantType::ClientCredentials]).await;
    assert_eq!(service.userinfo(&theirs).await.status, 401, "it may no longer exchange");
}

/// Revoking works on a grant that does not hold at this moment: it would hold again.
#[tokio::test]
async fn a_token_is_revoked_although_its_person_has_left_the_group() {
    let world = World::on(Database::sqlite().await).await;
    let tokens = world.tokens().await;
    let access = tokens.text("access_token");
    world.site.admin.change_app(&world.app, |m| m.allowed_groups = vec!["another".to_owned()]).await;
    assert_eq!(world.app.ask("revoke", &[("token", &access)]).await.status, 200);
    world.site.admin.change_app(&world.app, |m| m.allowed_groups.clear()).await;
    assert_eq!(world.app.userinfo(&access).await.status, 401);
    assert_eq!(
        world.app.refresh(&tokens.text("refresh_token")).await.error().as_deref(),
        Some("invalid_grant")
    );
}
