//! Are discovery and the key set cheap to ask for again, and never out of date?
#![cfg(test)]

mod support;

use countersign::config::SigningAlgorithm;
use reqwest::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use support::Database;
use support::browser::http;
use support::relying_app::Answer;
use support::site::Site;
use url::Url;

const DOCUMENTS: [&str; 3] =
    [".well-known/openid-configuration", ".well-known/oauth-authorization-server", "jwks"];

async fn ask(site: &Url, path: &str, known: &[&str]) -> Answer {
    let mut request = http().get(site.join(path).expect("a path"));
    for line in known {
        request = request.header(IF_NONE_MATCH, *line);
    }
    Answer::of(request).await
}

fn tag(answer: &Answer) -> String {
    answer.headers[ETAG].to_str().expect("text").to_owned()
}

/// How many keys are published there.
async fn published(site: &Url) -> usize {
    ask(site, "jwks", &[]).await.json["keys"].as_array().expect("keys").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_document_is_told_so_and_whoever_has_another_gets_it() {
    let site = Site::on(Database::sqlite().await).await;
    for path in DOCUMENTS {
        let whole = ask(&site.url, path, &[]).await;
        let tag = tag(&whole);
        assert!(tag.starts_with('"') && tag.len() > 16, "strong: {tag}");
        assert_eq!(whole.headers["content-type"], "application/json");
        assert_eq!(whole.headers[CACHE_CONTROL], "public, max-age=300");
        let (weak, list) = (format!("W/{tag}"), format!("\"other\", {tag}"));
        for known in [&[tag.as_str()][..], &[&weak], &[&list], &["*"], &["\"other\"", &tag]] {
            let same = ask(&site.url, path, known).await;
            assert_eq!(same.status, StatusCode::NOT_MODIFIED, "{path} {known:?}");
            assert!(same.json.is_null(), "{}", same.json);
            for name in ["etag", "cache-control", "access-control-allow-origin"] {
                assert_eq!(same.headers[name], whole.headers[name], "{path} {name}");
            }
        }
        for known in ["\"other\"", "W/\"other\"", tag.trim_matches('"'), ""] {
            let again = ask(&site.url, path, &[known]).await;
            assert_eq!((again.status, &again.json), (StatusCode::OK, &whole.json), "{path} {known}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_says_what_get_would_and_sends_no_body() {
    let site = Site::on(Database::sqlite().await).await;
    for path in DOCUMENTS {
        let head = |known: &str| {
            let address = site.url.join(path).expect("a path");
            http().request(Method::HEAD, address).header(IF_NONE_MATCH, known)
        };
        let whole = ask(&site.url, path, &[]).await;
        let (fresh, same) = (Answer::of(head("\"other\"")).await, Answer::of(head(&tag(&whole))).await);
        assert_eq!((fresh.status, same.status), (StatusCode::OK, StatusCode::NOT_MODIFIED));
        for name in ["etag", "cache-control", "content-type", "content-length"] {
            assert_eq!(fresh.headers[name], whole.headers[name], "{path} {name}");
        }
        assert!(fresh.json.is_null() && same.json.is_null());
    }
}

crate::on_both_databases! {
    /// A process may be asked for the key set so often that it does not look each time: then it looks in the next second.
    async fn other_keys_are_another_key_set_at_once_and_in_every_process_within_a_second(database) {
        let site = Site::on(database).await;
        let other = site.second_process().await;
        let before = ask(&site.url, "jwks", &[]).await;
        site.admin.rotate_keys().await;
        let after = ask(&site.url, "jwks", &[&tag(&before)]).await;
        assert_eq!(after.status, StatusCode::OK, "what was known is not what there is");
        assert_ne!(tag(&after), tag(&before));
        assert_eq!((published(&site.url).await, published(&other.url).await), (8, 8));
        for _ in 0..30 {
            published(&other.url).await;
        }
        site.admin.add_app_with(|m| m.id_token_signed_response_alg = Some(SigningAlgorithm::ES512)).await;
        site.advance(1);
        assert_eq!((published(&site.url).await, published(&other.url).await), (10, 10));
        assert_eq!(
            tag(&ask(&site.url, "jwks", &[]).await),
            tag(&ask(&other.url, "jwks", &[]).await),
            "the processes say the same in the same words"
        );
    }

    /// Nothing is written when a key's time comes or is over: the clock alone says so.
    async fn a_key_whose_time_is_over_leaves_the_key_set_without_being_told(database) {
        let site = Site::on(database).await;
        assert_eq!(published(&site.url).await, 4);
        site.admin.rotate_keys().await;
        let announced = ask(&site.url, "jwks", &[]).await;
        site.advance(600);
        let signing = ask(&site.url, "jwks", &[&tag(&announced)]).await;
        assert_eq!(signing.status, StatusCode::OK, "the key that signs comes first");
        assert_ne!(signing.json["keys"][0], announced.json["keys"][0]);
        site.advance(600 + 3600);
        assert_eq!(published(&site.url).await, 4);
    }
}
