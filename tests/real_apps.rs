//! Do apps work as they come, whatever of the standards they read and whatever they leave out?
#![cfg(test)]

mod support;

use countersign::directory::users::Changes;
use countersign::directory::{Address, By, Error, policy::Refusal, users};
use countersign::keys::secret::entropy;
use countersign::oidc::clients::{AuthMethod, GrantType};
use serde_json::{Value, json};
use support::admin::REDIRECT_URI;
use support::browser::http;
use support::relying_app::{Answer, Proof, RelyingApp, Visit};
use support::site::Site;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SCOPES: &str = "openid profile email groups offline_access";

/// Somebody who needs no code signs in.
async fn ada(site: &Site, app: &RelyingApp, visit: &Visit) -> Answer {
    let mut browser = site.after_password(visit, "ada").await;
    if !browser.has_left() {
        browser.submit().await;
    }
    app.redeem(visit, &browser.arrived()).await
}

crate::on_both_databases! {
    /// Half of them send the form, half of them Basic, and none asks.
    async fn a_secret_comes_by_basic_or_in_the_form_unless_one_of_them_is_pinned(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(|m| m.any_secret_method = true).await;
        for proof in [Proof::Basic, Proof::Post] {
            let app = RelyingApp { proof, ..app.clone() };
            let tokens = ada(&site, &app, &app.visit()).await;
            assert_eq!(tokens.status, 200, "{proof:?}: {}", tokens.json);
            let wrong = RelyingApp { client_secret: Some("wrong".to_owned()), ..app };
            assert_eq!(wrong.token(&[("grant_type", "client_credentials")]).await.status, 401, "{proof:?}");
        }
        let none = RelyingApp { proof: Proof::None, ..app.clone() };
        let refused = none.token(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await;
        let said = refused.text("error_description");
        assert!(refused.status == 401 && said.contains("client_secret_basic or client_secret_post"), "{said}");
        let secret = app.client_secret.clone().unwrap();
        let both = app.token(&[("grant_type", "refresh_token"), ("client_secret", &secret)]).await;
        assert!(both.status == 400 && both.text("error_description").contains("twice"), "{}", both.json);
        for (method, other) in
            [(AuthMethod::ClientSecretBasic, Proof::Post), (AuthMethod::ClientSecretPost, Proof::Basic)]
        {
            let app = site.admin.add_app_with(|m| m.token_endpoint_auth_method = method).await;
            let app = RelyingApp { proof: other, ..app };
            let refused = app.token(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await;
            assert!(refused.status == 401 && refused.text("error_description").contains(method.name()), "{}", refused.json);
        }
    }

    /// RFC 6749 §2.3.1 has both halves form-encoded, and half of the libraries do not know it.
    async fn a_secret_from_elsewhere_may_come_by_basic_as_it_stands(database) {
        let site = Site::on(database).await;
        let app = site.admin.take_over_app("a+b%2Fc%d/e==fghijklmnopqrstuvwx").await;
        let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
        assert_eq!(app.token(&form).await.error().as_deref(), Some("invalid_grant"), "encoded");
        let plainly = async |secret: &str| {
            let address = app.issuer.join("token").unwrap();
            Answer::of(http().post(address).basic_auth(&app.client_id, Some(secret)).form(&form)).await.error()
        };
        assert_eq!(plainly("a+b%2Fc%d/e==fghijklmnopqrstuvwx").await.as_deref(), Some("invalid_grant"));
        assert_eq!(plainly("a b/c%d/e==fghijklmnopqrstuvwx").await.as_deref(), Some("invalid_client"));
    }

    /// RFC 6749 §3.3 and §5.1: an app that is told nothing believes that it has the scope that it asked for.
    async fn a_scope_of_which_nothing_can_be_had_is_refused(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(|m| m.grant_types.push(GrantType::ClientCredentials)).await;
        let own = async |scope: &str| app.token(&[("grant_type", "client_credentials"), ("scope", scope)]).await;
        assert_eq!(own("").await.status, 200);
        for scope in ["read:things", "openid"] {
            assert_eq!(own(scope).await.error().as_deref(), Some("invalid_scope"), "{scope}");
        }
        let visit = app.visit().with("scope", "read:things").without("nonce");
        let mut browser = site.browser();
        browser.open(&visit.url()).await;
        assert_eq!(visit.error(&browser.arrived()), "invalid_scope");
        // What is known is given, and told.
        let visit = app.visit().with("scope", "openid read:things offline_access");
        let tokens = ada(&site, &app, &visit).await;
        assert_eq!(tokens.text("scope"), "openid offline_access");
        let refresh = tokens.text("refresh_token");
        let less = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("scope", "read:things")];
        assert_eq!(app.token(&less).await.error().as_deref(), Some("invalid_scope"));
        assert_eq!(app.refresh(&refresh).await.status, 200, "and the token is not spent by it");
    }

    async fn a_public_client_may_say_who_it_is_by_basic_without_a_secret(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(|m| m.token_endpoint_auth_method = AuthMethod::None).await;
        let app = RelyingApp { proof: Proof::Basic, ..app };
        assert_eq!(ada(&site, &app, &app.visit()).await.status, 200);
        let with_secret = RelyingApp { client_secret: Some("something".to_owned()), ..app };
        let refused = with_secret.token(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await;
        assert_eq!(refused.error().as_deref(), Some("invalid_client"));
    }

    /// Kubernetes and its like never ask UserInfo.
    async fn an_id_token_says_what_the_scopes_open_where_the_app_wants_it_so(database) {
        let site = Site::on(database).await;
        let told = |token: String, app: RelyingApp| async move { app.verify_signature(&token).await };
        let expected = json!({"name": "ada", "email": "ada@example.org", "groups": ["Acme"], "preferred_username": "ada"});
        for wanted in [true, false] {
            let app = site.admin.add_app_with(|m| m.id_token_claims = wanted).await;
            let visit = app.visit().with("scope", SCOPES).with("prompt", "consent");
            let tokens = ada(&site, &app, &visit).await;
            let refreshed = app.refresh(&tokens.text("refresh_token")).await;
            for tokens in [&tokens, &refreshed] {
                let claims = told(tokens.text("id_token"), app.clone()).await;
                for (name, value) in expected.as_object().unwrap() {
                    assert_eq!(&claims[name], if wanted { value } else { &Value::Null }, "{name} in {claims}");
                }
            }
            // Narrowed, it says what the narrower scopes open.
            let form = [("grant_type", "refresh_token"), ("refresh_token", &refreshed.text("refresh_token")), ("scope", "openid email")];
            let claims = told(app.token(&form).await.text("id_token"), app.clone()).await;
            assert_eq!((claims["email"].is_string(), claims["groups"].is_array()), (wanted, false), "{claims}");
        }
    }

    /// OIDC Core §12.2, for claims that were asked for one by one.
    async fn a_refreshed_id_token_has_the_claims_of_the_first(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit().with("scope", SCOPES).with("prompt", "consent");
        let visit = visit.with("claims", r#"{"id_token":{"email":null,"nickname":null}}"#);
        let tokens = ada(&site, &app, &visit).await;
        let first = app.verify_signature(&tokens.text("id_token")).await;
        assert_eq!(first["email"], "ada@example.org");
        let again = app.refresh(&tokens.text("refresh_token")).await;
        let second = app.verify_signature(&again.text("id_token")).await;
        assert_eq!(second["email"], "ada@example.org");
        for name in ["iss", "sub", "aud", "auth_time", "acr", "amr"] {
            assert_eq!(first[name], second[name], "{name}");
        }
        assert!(second.get("nonce").is_none());
    }

    /// Whichever app of the machine claims the scheme gets the code: without PKCE it could use it.
    async fn a_private_scheme_beside_a_secret_counts_as_public(database) {
        let site = Site::on(database).await;
        let uris = vec![REDIRECT_URI.to_owned(), "org.example.app:/callback".to_owned()];
        let app = site.admin.add_app_with(|m| m.redirect_uris = uris).await;
        let native = RelyingApp { redirect_uri: "org.example.app:/callback".to_owned(), ..app.clone() };
        let mut browser = site.browser();
        browser.open(&native.visit().without_pkce().url()).await;
        let arrived = browser.arrived();
        assert!(arrived.as_str().starts_with("org.example.app:/callback?error=invalid_request"), "{arrived}");
        let visit = native.visit();
        assert_eq!(ada(&site, &native, &visit).await.status, 200);
        let plain = app.visit().without_pkce();
        assert_eq!(ada(&site, &app, &plain).await.status, 200, "its https address is as it was");
    }

    async fn an_address_is_verified_where_its_domain_is_vouched_for(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit().with("scope", "openid email");
        let token = ada(&site, &app, &visit).await.text("access_token");
        for (domains, expected) in [
            (vec![], false),
            (vec!["example.com", "sub.example.org"], false),
            (vec!["@EXAMPLE.org"], true),
            (vec![], false),
        ] {
            site.admin.vouch_for_domains(&site.acme, &domains).await;
            let told = app.userinfo(&token).await.json;
            assert_eq!(told["email_verified"], expected, "{domains:?}: {told}");
        }
    }

    /// Whoever is in another tree, and whoever may only write their own address down, is believed nothing: neither by apps nor at the
    /// login screen.
    async fn nobody_gives_themselves_an_address_that_is_vouched_for_nor_does_another_trees_manager(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        site.admin.vouch_for_domains(&site.acme, &["acme.example"]).await;
        site.admin.change_email("ada", Some("boss@acme.example")).await;
        let rivals = site.admin.add_group("Rivals", false).await;
        site.admin.add_user(&rivals, "rita", "Top manager", None).await;
        site.admin.add_user(&rivals, "rob", "User", None).await;
        let writes = async |actor: &str, whose: &str, address: &str| {
            let (actor, whose) = (site.admin.user(actor).await, site.admin.user(whose).await);
            let mut tx = site.admin.db.write().await.unwrap();
            let by = By::user(&mut tx, &actor, site.now() * 1000).await.unwrap();
            let email = Some(Some(Address::parse(address).unwrap()));
            let changes = Changes { email, ..Changes::default() };
            let done = users::set(&mut tx, &whose, changes, &by, &mut entropy()).await;
            tx.commit().await.unwrap();
            done.map(|_| ())
        };
        for own in ["ned@acme.example", "boss@ACME.example"] {
            let refused = writes("ned", "ned", own).await;
            assert!(matches!(refused, Err(Error::Refused(Refusal::OwnWord(_)))), "{own}: {refused:?}");
        }
        assert_eq!(site.admin.user("ned").await.email.as_deref(), Some("ned@example.org"));
        for whose in ["ned", "ada"] {
            let refused = writes("rita", whose, "rita@acme.example").await;
            assert!(matches!(refused, Err(Error::Refused(_))), "{whose}: {refused:?}");
        }
        // In their own tree they may write down what they like, and nobody vouches for it.
        writes("rita", "rob", "rob@acme.example").await.unwrap();
        writes("rob", "rob", "boss@acme.example").await.unwrap();
        let visit = app.visit().with("scope", "openid email");
        for (who, verified) in [("rob", false), ("ada", true)] {
            let (_, tokens) = site.signed_in(&app, &visit, who).await;
            let told = app.userinfo(&tokens.text("access_token")).await.json;
            assert_eq!(told["email"], "boss@acme.example");
            assert_eq!(told["email_verified"], verified, "{who}: {told}");
        }
    }

    /// Back-Channel Logout §2.2 wants https; on the very machine nobody listens in between.
    async fn an_app_on_this_machine_is_told_of_a_logout_over_http_if_the_operator_lets_it(database) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/out", listener.local_addr().unwrap());
        let site = Site::with(database, |c| c.outbound.allow_private = vec!["127.0.0.1".to_owned()]).await;
        let app = site.admin.add_app_with(|m| m.backchannel_logout_uri = Some(uri)).await;
        let visit = app.visit();
        let mut browser = site.after_password(&visit, "ada").await;
        let hint = app.redeem(&visit, &browser.arrived()).await.text("id_token");
        let told = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            while !String::from_utf8_lossy(&heard).contains("logout_token=") {
                assert!(stream.read_buf(&mut heard).await.unwrap() > 0, "it hung up");
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&heard).into_owned()
        });
        browser.open(&format!("{}logout?id_token_hint={hint}", site.url)).await;
        if !told.is_finished() && browser.text().contains("Sign out") {
            browser.submit().await;
        }
        assert!(told.await.unwrap().starts_with("POST /out "), "told");
    }
}
