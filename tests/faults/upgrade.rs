//! Do nodes serve on while the program is upgraded under them, one after the other? And does one at a time change the schema?

use std::time::Duration;

use reqwest::StatusCode;

use super::provider::{Provider, status};
use super::support::Database;
use super::support::program::Program;
use super::support::smtp::Smtp;

/// How soon a balancer hears of it: readiness is looked at once a second.
const SOON: Duration = Duration::from_secs(10);

/// Containers that start at the same moment, where nobody has been before: each brings the schema up to date and serves.
#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_start_at_once_on_an_empty_database() {
    let smtp = Smtp::start().await;
    let mut program = Program::new(Database::empty_postgres().await, &smtp);
    let issuer = program.url.origin().ascii_serialization();
    program.set("COUNTERSIGN_ISSUER", issuer);
    let started: Vec<_> = std::thread::scope(|scope| {
        let node = || {
            program.must(&["migrate"], "");
            program.serve_elsewhere()
        };
        let nodes: Vec<_> = (0..3).map(|_| scope.spawn(node)).collect();
        nodes.into_iter().map(|node| node.join().expect("a node that serves")).collect()
    });
    for (node, _serving) in &started {
        assert_eq!(status(node, "readyz").await, StatusCode::OK);
    }
    let keys = program.must_json(&["key", "list", "--json"]);
    let signing = keys.as_array().expect("a list").len();
    assert_eq!(signing, 5, "the keys were made once: {keys}");
    println!("three nodes serve, with {signing} keys");
}

/// The first node of tomorrow has brought the schema up to date; those of today run on, and can be started anew, until it is their turn.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_run_on_a_schema_of_tomorrow_that_says_so_and_leave_one_that_does_not() {
    let mut provider = Provider::on(Database::postgres().await, |_| ()).await;
    let _serving = provider.serve();
    let (second, mut serving) = provider.program.serve_elsewhere();
    provider.sign_in_at(&second).await;

    provider.program.database.pretend_a_newer_program_migrated_gently().await;
    println!("the schema is one of tomorrow, which says that programs before it run on");
    provider.sign_in_at(&second).await;
    serving.signal("TERM");
    serving.ended();
    let serving = provider.program.serve_at(&second);
    serving.says("which runs on it");
    provider.sign_in_at(&second).await;
    for node in [&provider.program.url, &second] {
        assert_eq!(status(node, "readyz").await, StatusCode::OK);
    }
    assert!(provider.program.must(&["migrate"], "").contains("this program runs on it"));
    let checked = provider.program.must(&["check"], "");
    assert!(
        checked.lines().any(|line| line.contains("database") && line.contains("runs on it")),
        "{checked}"
    );

    provider.program.database.pretend_a_newer_program_migrated().await;
    println!("the schema is one of the day after, which does not");
    for node in [&provider.program.url, &second] {
        let told = async {
            while status(node, "readyz").await != StatusCode::SERVICE_UNAVAILABLE {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(SOON, told).await.expect("the balancer is told to leave it alone");
        assert_eq!(status(node, "healthz").await, StatusCode::OK);
    }
    serving.says("on which this program cannot run");
    provider.program.set("COUNTERSIGN_LISTEN", "127.0.0.1:0");
    for arguments in [&["serve"][..], &["migrate"], &["user", "list"]] {
        let refused = provider.program.run(arguments, "");
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && told.contains("run the newer countersign"), "{told}");
    }
}
