//! What becomes of a provider when its PostgreSQL fails over to a standby, behind a proxy that keeps the address, or at an address of its own?

use super::line::Line;
use super::postgres::Postgres;
use super::provider::{Answered, Provider, told};
use super::support::Database;

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_not_kept_and_the_new_primary_is_found() {
    let primary = Postgres::start();
    let standby = primary.standby();
    let line = Line::to(primary.server()).await;
    // Only its address: the data is on servers of our own.
    let mut database = Database::sqlite().await;
    database.url = format!("postgres://countersign@127.0.0.1:{}/postgres", line.port);
    let provider = Provider::on(database, |_| ()).await;
    let _serving = provider.serve();
    provider.sign_in().await;
    told("before", &provider.authorize_at_once(24).await);

    line.turn_to(standby.server());
    primary.stop();
    println!("the primary is gone, and the proxy leads to the standby, which takes no writing");
    for round in 1..=3 {
        let answers = provider.authorize_at_once(8).await;
        told(&format!("meanwhile, round {round}"), &answers);
        assert!(answers.iter().all(|answer| *answer == Answered::NotNow), "{answers:?}");
        assert_eq!(provider.get("readyz").await, Answered::NotNow);
        assert_eq!(provider.get("jwks").await, Answered::Well);
    }

    standby.promote();
    println!("the standby is promoted");
    provider.recovers().await;
    let after = provider.authorize_at_once(24).await;
    told("after", &after);
    assert!(after.iter().all(|answer| *answer == Answered::Well), "{after:?}");
    provider.sign_in().await;
}

/// Whatever limits there are on statements: none of them turns "not on the standby yet" into "done".
#[tokio::test(flavor = "multi_thread")]
async fn what_no_standby_has_is_not_answered_as_done() {
    let primary = Postgres::start();
    let standby = primary.standby();
    primary.commit_with_standby();
    let mut database = Database::sqlite().await;
    database.url = format!("postgres://countersign@{}/postgres", primary.host());
    let provider = Provider::on(database, |_| ()).await;
    let _serving = provider.serve();
    provider.sign_in().await;

    standby.stop();
    println!("the standby is gone");
    let answers = provider.authorize_at_once(8).await;
    told("meanwhile", &answers);
    assert!(answers.iter().all(|answer| *answer == Answered::NotNow), "{answers:?}");
    assert_eq!(provider.get("readyz").await, Answered::NotNow);

    standby.start_again();
    println!("it is back");
    provider.recovers().await;
    provider.sign_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_servers_the_one_that_takes_writing_is_found() {
    let primary = Postgres::start();
    let standby = primary.standby();
    let mut database = Database::sqlite().await;
    let hosts = format!("{},{}", standby.host(), primary.host());
    database.url = format!("postgres://countersign@{hosts}/postgres?target_session_attrs=read-write");
    let provider = Provider::on(database, |_| ()).await;
    let _serving = provider.serve();
    provider.sign_in().await;
    told("before", &provider.authorize_at_once(24).await);

    primary.stop();
    println!("the primary is gone, and its standby takes no writing");
    let answers = provider.authorize_at_once(8).await;
    told("meanwhile", &answers);
    assert!(answers.iter().all(|answer| *answer == Answered::NotNow), "{answers:?}");

    standby.promote();
    println!("the standby is promoted");
    provider.recovers().await;
    let after = provider.authorize_at_once(24).await;
    told("after", &after);
    assert!(after.iter().all(|answer| *answer == Answered::Well), "{after:?}");
    provider.sign_in().await;
}
