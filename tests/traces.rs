//! What does a collector of traces get to see? What belongs to which request, from whom it is believed, and nobody's name.
#![cfg(test)]

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use countersign::config::Config;
use serde_json::Value;
use support::Database;
use support::admin::PASSWORD;
use support::app_server::AppServer;
use support::browser::http;
use support::site::Site;
use tokio::net::TcpListener;
use url::Url;

/// A collector that keeps what it is handed.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Value>>>);

/// One span, as the collector has it.
#[derive(Clone, Debug)]
struct Span(Value);

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let take = async |State(collector): State<Self>, body: String| {
            collector.0.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            "{}"
        };
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, address)
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.0.lock().unwrap();
        let spans =
            requests.iter().flat_map(|r| r["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap());
        spans.cloned().map(Span).collect()
    }

    /// The first span that fits; waits for it.
    async fn wait_for(&self, fits: impl Fn(&Span) -> bool) -> Span {
        for _ in 0..200 {
            if let Some(found) = self.spans().into_iter().find(&fits) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no such span among {:#?}", self.spans());
    }
}

impl Span {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }

    fn is(&self, name: &str) -> bool {
        self.text("name") == name
    }

    fn attribute(&self, key: &str) -> String {
        let attributes = self.0["attributes"].as_array().unwrap();
        let found = attributes.iter().find(|attribute| attribute["key"] == key);
        let value = |kind: &str| found.and_then(|a| a["value"][kind].as_str()).map(str::to_owned);
        value("stringValue").or(value("intValue")).unwrap_or_default()
    }

    /// Whether this one is a part of that one.
    fn is_part_of(&self, above: &Self) -> bool {
        self.text("traceId") == above.text("traceId") && self.text("parentSpanId") == above.text("spanId")
    }
}

/// A site that hands its traces to a collector.
async fn traced(change: impl FnOnce(&mut Config)) -> (Site, Collector) {
    let (collector, address) = Collector::start().await;
    let site = Site::with(Database::sqlite().await, |config| {
        config.telemetry.otlp_endpoint = Some(format!("http://{address}"));
        change(config);
    })
    .await;
    (site, collector)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_its_parts() {
    has_its_parts(traced(|_| ()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_its_parts_where_prometheus_looks_as_well() {
    has_its_parts(traced(|config| config.metrics.listen = Some("127.0.0.1:0".parse().unwrap())).await).await;
}

async fn has_its_parts((site, collector): (Site, Collector)) {
    let app = site.admin.add_app().await;
    site.signed_in(&app, &app.visit(), "ned").await;
    let password = collector.wait_for(|span| span.is("POST /authorize/{signin}/password")).await;
    assert_eq!((password.0["kind"].as_i64(), password.text("parentSpanId")), (Some(2), ""));
    assert_eq!(password.attribute("http.response.status_code"), "303");
    assert_eq!(password.attribute("http.route"), "/authorize/{signin}/password");
    assert_eq!(password.attribute("countersign.request_id").len(), 26);
    let statement = collector.wait_for(|span| span.is("signins::RECORD_PASSWORD")).await;
    assert!(statement.is_part_of(&password), "{statement:?}");
    // The loop sends the code, and waits for the mail server.
    let mail = collector.wait_for(|span| span.is("mail")).await;
    assert_eq!(mail.attribute("countersign.mail.purpose"), "sign_in_code");
    let turn = collector.wait_for(|span| span.is("GET /authorize/{signin}") && mail.is_part_of(span)).await;
    let time = |span: &Span, key: &str| span.text(key).parse::<u64>().unwrap();
    assert!(time(&turn, "startTimeUnixNano") <= time(&mail, "startTimeUnixNano"));
    assert!(time(&mail, "startTimeUnixNano") <= time(&mail, "endTimeUnixNano"));
    let token = collector.wait_for(|span| span.is("POST /token")).await;
    assert_ne!(token.text("traceId"), password.text("traceId"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_called_from_here_is_told_the_trace() {
    let server = AppServer::start().await;
    let (site, collector) = traced(|config| server.let_in(config)).await;
    let uri = server.uri("/told");
    let app = site.admin.add_app_with(|m| m.backchannel_logout_uri = Some(uri)).await;
    let (mut browser, tokens) = site.signed_in(&app, &app.visit(), "ned").await;
    let mut logout: Url = site.url.join("logout").unwrap();
    logout.query_pairs_mut().append_pair("id_token_hint", &tokens.text("id_token"));
    browser.open(logout.as_str()).await;
    let received = server.wait_for(1).await;
    let headers = &received[0].headers;
    let told = headers.lines().find_map(|line| line.strip_prefix("traceparent: ")).expect(headers).trim();
    let called = collector.wait_for(|span| span.is("POST") && span.0["kind"] == 3).await;
    assert_eq!(told, format!("00-{}-{}-01", called.text("traceId"), called.text("spanId")));
    collector.wait_for(|span| called.is_part_of(span) && span.text("name").ends_with(" /logout")).await;
}

const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn ask(site: &Site, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let request = http().get(site.url.join(path).unwrap());
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_is_believed_about_trace_and_name() {
    let (site, collector) =
        traced(|config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    let headers = [("traceparent", GIVEN), ("x-request-id", "given-by-a-proxy")];
    assert_eq!(ask(&site, "jwks", &headers).await.headers()["x-request-id"], "given-by-a-proxy");
    let span = collector.wait_for(|span| span.is("GET /jwks")).await;
    assert_eq!(span.text("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span.text("parentSpanId"), "00f067aa0ba902b7");
    assert_eq!(span.attribute("countersign.request_id"), "given-by-a-proxy");
    // What the proxy does not record is not recorded here; what is odd is not taken.
    let unrecorded = GIVEN.replace("-01", "-00");
    ask(&site, "userinfo", &[("traceparent", &unrecorded)]).await;
    let odd = "x".repeat(65);
    assert_eq!(ask(&site, "nowhere", &[("x-request-id", &odd)]).await.headers()["x-request-id"].len(), 26);
    collector.wait_for(|span| span.is("GET none")).await;
    assert!(!collector.spans().iter().any(|span| span.is("GET /userinfo")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_not() {
    let (site, collector) = traced(|_| ()).await;
    let headers = [("traceparent", GIVEN), ("x-request-id", "given-by-a-stranger")];
    let id = ask(&site, "jwks", &headers).await.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(id.len(), 26);
    let span = collector.wait_for(|span| span.is("GET /jwks")).await;
    assert_ne!(span.text("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!((span.text("parentSpanId"), span.attribute("countersign.request_id")), ("", id));
}

/// People, groups and apps with names that nothing else has sign in, are refused, forget their passwords; then nothing of it is there.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_named_in_metrics_or_traces() {
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (site, collector) = traced(|config| config.metrics.listen = Some(listen.into())).await;
    let group = site.admin.add_group("Zanzibar", true).await;
    site.admin.add_user(&group, "zebulon", "User", Some("zeb.ulon@zoo.example")).await;
    site.admin.add_user(&group, "zora", "User", None).await;
    let app = site.admin.add_app_with(|m| m.client_name = "Zeppelin".to_owned()).await;
    let mut browser = site.browser();
    browser.open(&app.visit().url()).await;
    browser.fill("login", "zacharias").fill("password", "zucchini battery").submit().await;
    browser.fill("login", "zora").fill("password", PASSWORD).submit().await;
    browser.fill("login", "zeb.ulon@zoo.example").fill("password", PASSWORD).submit().await;
    let code = site.inbox("zeb.ulon@zoo.example").code();
    browser.fill("code", &code).fill("password", PASSWORD).submit().await;
    assert!(browser.has_left());
    browser.open(site.url.join("reset").unwrap().as_str()).await;
    browser.fill("login", "zebulon").submit().await;
    site.inbox("zeb.ulon@zoo.example").wait_for("password").await;
    ask(&site, "zigzag?login=zebulon", &[]).await;
    collector.wait_for(|span| span.is("GET none")).await;
    let page = http().get(format!("http://{listen}/metrics")).send().await.unwrap().text().await.unwrap();
    let spans = serde_json::to_string(&*collector.0.lock().unwrap()).unwrap();
    assert!(spans.contains("POST /authorize/{signin}/code") && page.contains("outcome=\"code\""), "{page}");
    for seen in [page, spans] {
        let lower = seen.to_lowercase();
        for name in [
            "zanzibar",
            "zebulon",
            "zeb.ulon",
            "zoo.example",
            "zora",
            "zeppelin",
            "zacharias",
            "zucchini",
            "zigzag",
            &code,
        ] {
            assert!(!lower.contains(name), "{name} in\n{seen}");
        }
        assert!(!seen.contains("127.0.0.1"), "{seen}");
    }
}

/// Nobody listens at the collector's address: everything works, and what was dropped is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_down_stops_nothing() {
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (metrics, nobody) = (free(), free());
    let site = Site::with(Database::sqlite().await, |config| {
        config.metrics.listen = Some(metrics.into());
        config.telemetry.otlp_endpoint = Some(format!("http://{nobody}"));
    })
    .await;
    let app = site.admin.add_app().await;
    let (_, tokens) = site.signed_in(&app, &app.visit(), "ned").await;
    assert_eq!(tokens.status, 200);
    for _ in 0..200 {
        let page =
            http().get(format!("http://{metrics}/metrics")).send().await.unwrap().text().await.unwrap();
        let dropped = page
            .lines()
            .find_map(|line| line.strip_prefix("countersign_trace_spans_total{outcome=\"dropped\"} "));
        if dropped.is_some_and(|count| count != "0") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing was dropped");
}
