//! Does the load generator of benches/load do what it counts? Its own tests, and each of its workloads once against the program.
#![cfg(test)]

mod support;

#[expect(dead_code, reason = "the command line and the crowd are for those who measure")]
#[path = "../benches/load/src/lib.rs"]
mod load;

#[expect(dead_code, reason = "the goals are for those who measure")]
#[path = "../benches/goals/mod.rs"]
mod goals;

use std::time::Duration;

use countersign::clock::Clock;
use goals::growth::Crop;
use load::house::{House, Plan};
use load::measure::{Pace, round};
use load::nodes::{Spreader, sizes, written_ahead};
use load::postgres::Cluster;
use load::process::Which;
use load::profile::Profile;
use load::provider::Provider;
use load::sink::Sink;
use load::workload::{Place, Worker, Workload};
use support::Database;

const ALONE: Place = Place { n: 0, of: 1 };

/// A program that serves, and its mail server.
async fn house(database: &Database) -> (House, Sink) {
    let sink = Sink::start(0).await.unwrap();
    let mut house = House::furnish(Plan {
        binary: env!("CARGO_BIN_EXE_countersign").into(),
        name: "Countersign".to_owned(),
        postgres: database.url.starts_with("postgres").then(|| database.url.clone()),
        postgres_pid: None,
        mail_port: sink.port,
        people: 2,
        coded: 1,
    })
    .unwrap();
    house.serve().await.unwrap();
    (house, sink)
}

crate::on_both_databases! {
    /// Whatever the table has a line for works: what fails would be a line of errors.
    async fn every_workload_does_what_it_counts(database) {
        let (house, sink) = house(&database).await;
        let provider = Provider::find(house.profile().unwrap(), Some(sink.clone())).await.unwrap();
        for workload in Workload::ALL {
            let mut worker = Worker::prepared(&provider, workload, ALONE).await.unwrap();
            for _ in 0..2 {
                let counted = worker.once().await.unwrap();
                assert_eq!(counted.is_some(), workload == Workload::Code, "{}", workload.name());
            }
        }
        // The name of the other algorithm is not believed.
        let other = Profile { es256: house.profile().unwrap().rs256, ..house.profile().unwrap() };
        let other = Provider::find(other, Some(sink)).await.unwrap();
        let refused = Worker::prepared(&other, Workload::CredentialsEs256, ALONE).await.err().unwrap();
        assert!(format!("{refused:#}").contains("RS256"), "{refused:#}");
    }

    /// Whoever has grown in the database signs in as those who were added by the command line, and the sessions stay.
    async fn what_is_grown_is_as_the_program_would_have_it(database) {
        let (mut house, sink) = house(&database).await;
        house.stop();
        let now = u64::try_from(Clock::System.now()).unwrap();
        let postgres = database.url.starts_with("postgres").then_some(database.url.as_str());
        Crop { users: 40, sessions: 300 }.sow(house.folder(), postgres, 2, now).await.unwrap();
        house.serve().await.unwrap();
        let mut profile = house.profile().unwrap();
        profile.people.as_mut().unwrap().count = 40;
        let provider = Provider::find(profile, Some(sink)).await.unwrap();
        let last = Place { n: 39, of: 40 };
        Worker::prepared(&provider, Workload::Signin, last).await.unwrap().once().await.unwrap();
        let sessions = house.run(&["session", "list", "--limit", "1000", "--json"], "").unwrap();
        assert!(sessions.matches("\"id\"").count() > 300, "{sessions}");
    }
}

/// Two nodes, between which connections are spread: what each has spent is counted, and what is left in the database.
#[tokio::test]
async fn several_nodes_are_loaded_together() {
    let (sink, cluster) = (Sink::start(0).await.unwrap(), Cluster::start().unwrap().expect("PostgreSQL"));
    let mut house = House::furnish(Plan {
        binary: env!("CARGO_BIN_EXE_countersign").into(),
        name: "2 nodes".to_owned(),
        postgres: Some(cluster.database("nodes").unwrap()),
        postgres_pid: Some(cluster.pid_file()),
        mail_port: sink.port,
        people: 2,
        coded: 1,
    })
    .unwrap();
    let ports = house.serve_behind(2).await.unwrap();
    let _spreader = Spreader::start(house.port().unwrap(), ports).await.unwrap();
    let provider = Provider::find(house.profile().unwrap(), Some(sink)).await.unwrap();
    assert!(matches!(provider.server(), Some(Which::Ids(ids)) if ids.len() == 2), "{:?}", provider.server());
    let figures = round(&provider, Workload::Sso, Pace { at_once: 2, lasting: Duration::from_millis(300) })
        .await
        .unwrap();
    assert!(figures.done > 0 && figures.errors == 0 && figures.database.is_some(), "{figures:?}");
    let bytes = written_ahead(&provider, (&cluster, "nodes"), Workload::Refresh).await.unwrap();
    assert!(bytes > 100.0, "a refresh writes something: {bytes}");
    let sizes = sizes(&cluster, "nodes").unwrap();
    let tokens = sizes.iter().find(|(table, ..)| *table == "refresh_tokens").unwrap();
    assert!(tokens.1 > 100.0 && tokens.2 > 50.0, "{sizes:?}");
}

#[tokio::test]
async fn a_round_counts_what_was_done_and_what_the_program_has_spent() {
    let (house, sink) = house(&Database::sqlite().await).await;
    let provider = Provider::find(house.profile().unwrap(), Some(sink.clone())).await.unwrap();
    let pace = Pace { at_once: 2, lasting: Duration::from_millis(300) };
    let figures = round(&provider, Workload::Jwks, pace).await.unwrap();
    assert!(figures.done > 0 && figures.errors == 0, "{figures:?}");
    assert!(figures.server.is_some() && figures.database.is_none(), "{figures:?}");

    // Whom the provider turns away is an error that says what page came.
    let mut wrong = house.profile().unwrap();
    wrong.people.as_mut().unwrap().password = "another password".to_owned();
    let wrong = Provider::find(wrong, Some(sink)).await.unwrap();
    let said = Worker::prepared(&wrong, Workload::Signin, ALONE)
        .await
        .unwrap()
        .once()
        .await
        .unwrap_err()
        .to_string();
    assert!(said.contains("again") && said.contains("Incorrect login or password."), "{said}");
    let refused = round(&wrong, Workload::Sso, pace).await.unwrap_err();
    assert!(format!("{refused:#}").starts_with("sso: "), "{refused:#}");
}
