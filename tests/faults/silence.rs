//! What becomes of a provider whose PostgreSQL says nothing any more, as when a firewall drops every packet?

use std::time::Duration;

use super::line::{Line, Server};
use super::provider::{Answered, Provider, told};
use super::support::Database;
use super::support::program::Program;

async fn provider(settings: impl FnOnce(&mut Program)) -> (Provider, Line) {
    let mut database = Database::empty_postgres().await;
    let (server, url) = Server::of(&database.url);
    let line = Line::to(server).await;
    database.url = url(line.port);
    (Provider::on(database, settings).await, line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_line_is_told_and_given_up() {
    let (provider, line) = provider(|_| ()).await;
    let _serving = provider.serve();
    provider.sign_in().await;
    told("before", &provider.authorize_at_once(24).await);
    let (during, ()) = tokio::join!(provider.authorize_at_once(24), async {
        line.silence();
        println!("nothing comes through");
    });
    told("on their way at that moment", &during);
    let (later, keys, ready) =
        tokio::join!(provider.authorize_at_once(24), provider.get("jwks"), provider.get("readyz"));
    told("meanwhile", &later);
    assert!(later.iter().all(|answer| *answer == Answered::NotNow), "{later:?}");
    assert_eq!((keys, ready), (Answered::Well, Answered::NotNow));
    // Whoever waited for the database would wait for 5 s each.
    let one_by_one = async {
        for _ in 0..40 {
            assert_eq!(provider.authorize().await, Answered::NotNow);
        }
    };
    tokio::time::timeout(Duration::from_secs(40), one_by_one).await.expect("refused at once");
    line.mend();
    println!("new connections come through");
    provider.recovers().await;
    let after = provider.authorize_at_once(24).await;
    told("after", &after);
    assert!(after.iter().all(|answer| *answer == Answered::Well), "{after:?}");
    provider.sign_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_a_program_whose_database_is_silent() {
    let (provider, line) = provider(|_| ()).await;
    let mut serving = provider.serve();
    provider.sign_in().await;
    line.silence();
    provider.authorize_unheard(24).await;
    serving.signal("TERM");
    let ended = tokio::time::timeout(Duration::from_secs(30), serving.ends()).await;
    println!("ended: {}", ended.expect("the program ends within its limit"));
}

/// Prometheus waits 10 s for an answer, unless told otherwise, and what there is to read matters most now.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_there_while_the_database_is_silent() {
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (provider, line) = provider(|program| {
        program.set("COUNTERSIGN_METRICS__LISTEN", listen.to_string());
    })
    .await;
    let _serving = provider.serve();
    provider.sign_in().await;
    line.silence();
    println!("nothing comes through");
    let prometheus = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    for _ in 0..2 {
        let answer =
            prometheus.get(format!("http://{listen}/metrics")).send().await.expect("an answer in time");
        assert_eq!(answer.status(), 200);
        let page = answer.text().await.unwrap();
        assert!(page.contains("countersign_signins_total"), "{page}");
    }
}
