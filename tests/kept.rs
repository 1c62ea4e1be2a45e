//! Are apps that are kept in memory what the database holds, in the process that changes them and in every other?
#![cfg(test)]

mod support;

use countersign::config::RegistrationMode;
use countersign::oidc::clients::GrantType;
use countersign::store::{clients, purge};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::admin::REDIRECT_URI;
use support::browser::http;
use support::relying_app::{Answer, Proof, RelyingApp};
use support::site::Site;
use url::Url;

/// What a process says to an app that proves itself, and then asks for nothing that there is: `invalid_client` means that it is not
/// believed.
async fn said_at(site: &Url, app: &RelyingApp) -> String {
    let app = RelyingApp { issuer: site.clone(), ..app.clone() };
    app.refresh("none").await.error().expect("a refusal")
}

async fn manage(site: &Url, method: Method, path: &str, token: &str, body: Option<&Value>) -> Answer {
    let mut request = http().request(method, site.join(path).expect("a path")).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(body);
    }
    Answer::of(request).await
}

crate::on_both_databases! {
    async fn what_an_app_changes_here_counts_here_at_once_and_elsewhere_within_a_second(database) {
        let site = Site::with(database, |config| config.registration.mode = RegistrationMode::Open).await;
        let other = site.second_process().await;
        let wish = json!({"redirect_uris": [REDIRECT_URI], "grant_types": ["authorization_code", "refresh_token"]});
        let made = Answer::of(http().post(site.url.join("register").expect("a path")).json(&wish)).await;
        let (id, token) = (made.text("client_id"), made.text("registration_access_token"));
        let app = RelyingApp {
            issuer: site.url.clone(),
            client_id: id.clone(),
            client_secret: Some(made.text("client_secret")),
            redirect_uri: REDIRECT_URI.to_owned(),
            proof: Proof::Basic,
        };
        for process in [&site.url, &other.url] {
            assert_eq!(said_at(process, &app).await, "invalid_grant", "it is believed, and now kept");
        }
        let path = format!("register/{id}");
        let changed = json!({"client_id": id, "redirect_uris": [REDIRECT_URI], "grant_types": ["authorization_code"]});
        let answer = manage(&site.url, Method::PUT, &path, &token, Some(&changed)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
        let token = answer.json["registration_access_token"].as_str().map_or(token, str::to_owned);
        assert_eq!(said_at(&site.url, &app).await, "unauthorized_client", "this process has changed it itself");
        site.advance(1);
        assert_eq!(said_at(&other.url, &app).await, "unauthorized_client");
        let gone = manage(&site.url, Method::DELETE, &path, &token, None).await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.json);
        assert_eq!(said_at(&site.url, &app).await, "invalid_client");
        site.advance(1);
        assert_eq!(said_at(&other.url, &app).await, "invalid_client");
    }

    async fn what_an_operator_changes_counts_in_every_process_within_a_second(database) {
        let site = Site::on(database).await;
        let other = site.second_process().await;
        let app = site.admin.add_app_with(|m| m.grant_types.push(GrantType::RefreshToken)).await;
        let said = async |app: &RelyingApp| {
            let here = said_at(&site.url, app).await;
            assert_eq!(here, said_at(&other.url, app).await, "everywhere alike");
            here
        };
        assert_eq!(said(&app).await, "invalid_grant");
        let renewed = site.admin.rotate_secret(&app, 0).await;
        assert_eq!(said(&app).await, "invalid_client", "the old secret");
        assert_eq!(said(&renewed).await, "invalid_grant");
        site.admin.change_app(&app, |m| m.grant_types.retain(|one| *one != GrantType::RefreshToken)).await;
        assert_eq!(said(&renewed).await, "unauthorized_client");
        site.admin.delete_app(&app).await;
        assert_eq!(said(&renewed).await, "invalid_client");
    }

    async fn the_old_secret_works_until_its_end_in_every_process_and_never_again(database) {
        let site = Site::on(database).await;
        let other = site.second_process().await;
        let app = site.admin.add_app_with(|m| m.grant_types.push(GrantType::RefreshToken)).await;
        let said = async |app: &RelyingApp| {
            let here = said_at(&site.url, app).await;
            assert_eq!(here, said_at(&other.url, app).await, "everywhere alike");
            here
        };
        let second = site.admin.rotate_secret(&app, 3600).await;
        assert_eq!((said(&app).await, said(&second).await), ("invalid_grant".into(), "invalid_grant".into()));
        let third = site.admin.rotate_secret(&app, 3600).await;
        assert_eq!(said(&app).await, "invalid_client", "two at most");
        let all = (said(&second).await, said(&third).await);
        assert_eq!(all, ("invalid_grant".into(), "invalid_grant".into()));
        site.advance(3600);
        assert_eq!(said(&second).await, "invalid_client");
        site.advance(-3000);
        assert_eq!(said(&second).await, "invalid_client", "whoever was told that it is over");
        assert_eq!(said(&third).await, "invalid_grant");
        let fourth = site.admin.rotate_secret(&app, 60).await;
        assert_eq!(said(&third).await, "invalid_grant");
        site.advance(60);
        purge::run(&site.admin.db, site.now()).await.expect("a purge");
        let mut conn = site.admin.db.read().await.expect("a connection");
        let kept = clients::find(&mut conn, &app.client_id).await.expect("a query").expect("an app");
        assert_eq!((kept.old_secret_hash, kept.old_secret_until), (None, None), "nothing of it is left");
        assert_eq!((said(&third).await, said(&fourth).await), ("invalid_client".into(), "invalid_grant".into()));
    }
}
