//! `benches/load/run`: see benches/README.md.

use std::process::ExitCode;

use anyhow::Context as _;
use countersign_load::arguments::{Command, Database, Options, USAGE};
use countersign_load::crowd;
use countersign_load::house::{House, Plan};
use countersign_load::measure::{Figures, medians, round};
use countersign_load::nodes::{Spreader, sizes, written_ahead};
use countersign_load::postgres::Cluster;
use countersign_load::profile::Profile;
use countersign_load::provider::Provider;
use countersign_load::sink::Sink;
use countersign_load::stats::figure;
use countersign_load::table;

/// Enough for one each.
const PEOPLE: usize = 16;
/// Nobody is sent more than ten codes in an hour, and `nodes` measures some five hundred.
const CODED: usize = 120;

fn main() -> ExitCode {
    let done = Command::parse(std::env::args().skip(1)).and_then(|command| {
        // One thread: what the generator takes is taken from the provider.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(obey(command))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("countersign-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn obey(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run(profiles, options) => {
            let mut providers = Vec::new();
            for path in profiles {
                providers.push(Provider::find(Profile::read(&path)?, None).await?);
            }
            load(&providers, &options).await
        }
        Command::Quick(binary, options) => {
            let sink = Sink::start(0).await?;
            let cluster = cluster(&options)?;
            let (mut houses, mut providers) = (Vec::new(), Vec::new());
            for database in &options.databases {
                let Some(plan) = plan(&binary, *database, cluster.as_ref(), sink.port, &options)? else {
                    continue;
                };
                let mut house = House::furnish(plan)?;
                house.serve().await?;
                providers.push(Provider::find(house.profile()?, Some(sink.clone())).await?);
                houses.push(house);
            }
            load(&providers, &options).await
        }
        Command::Stand(binary, options) => {
            // Where `run` takes its mail in: a port that is free, on which nobody listens before.
            let mail_port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            let options = Options { databases: options.databases.into_iter().take(1).collect(), ..options };
            let cluster = cluster(&options)?;
            for database in &options.databases {
                let Some(plan) = plan(&binary, *database, cluster.as_ref(), mail_port, &options)? else {
                    continue;
                };
                let mut house = House::furnish(plan)?;
                house.serve().await?;
                println!("{}", house.profile_text()?);
                eprintln!("It serves, in {}. Enter ends it.", house.folder().display());
                tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
            }
            Ok(())
        }
        Command::Nodes(binary, options) => nodes(&binary, &options).await,
        Command::Scale(assumptions) => {
            print!("{assumptions}");
            Ok(())
        }
        Command::Help => {
            println!("{USAGE}");
            Ok(())
        }
    }
}

/// One node and several, each set-up on a database of its own, in turn; then what an operation leaves there.
async fn nodes(binary: &std::path::Path, options: &Options) -> anyhow::Result<()> {
    let sink = Sink::start(0).await?;
    let cluster = Cluster::start()?.context("PostgreSQL is not installed")?;
    let (mut houses, mut spreaders, mut providers) = (Vec::new(), Vec::new(), Vec::new());
    for number in &options.nodes {
        let mut house = House::furnish(Plan {
            binary: binary.to_owned(),
            name: if *number == 1 { "1 node".to_owned() } else { format!("{number} nodes") },
            postgres: Some(cluster.database(&format!("nodes{number}"))?),
            postgres_pid: Some(cluster.pid_file()),
            mail_port: sink.port,
            people: PEOPLE.max(options.crowd),
            coded: CODED,
        })?;
        let ports = house.serve_behind(*number).await?;
        spreaders.push(Spreader::start(house.port()?, ports).await?);
        providers.push(Provider::find(house.profile()?, Some(sink.clone())).await?);
        houses.push(house);
    }
    load(&providers, options).await?;
    let Some((number, provider)) = options.nodes.iter().zip(&providers).next() else { return Ok(()) };
    let database = format!("nodes{number}");
    for workload in &options.workloads {
        let bytes = written_ahead(provider, (&cluster, &database), *workload).await?;
        println!("{:<10} {} bytes of WAL an operation", workload.name(), figure(bytes));
    }
    for (table, rows, bytes) in sizes(&cluster, &database)? {
        println!("{table:<20} {} rows, {} bytes each with indexes", figure(rows), figure(bytes));
    }
    Ok(())
}

fn cluster(options: &Options) -> anyhow::Result<Option<Cluster>> {
    if !options.databases.contains(&Database::Postgres) {
        return Ok(None);
    }
    let cluster = Cluster::start()?;
    if cluster.is_none() {
        println!("PostgreSQL is not installed: SQLite alone is measured.");
    }
    Ok(cluster)
}

fn plan(
    binary: &std::path::Path,
    database: Database,
    cluster: Option<&Cluster>,
    mail_port: u16,
    options: &Options,
) -> anyhow::Result<Option<Plan>> {
    let (name, postgres, postgres_pid) = match (database, cluster) {
        (Database::Sqlite, _) => ("SQLite", None, None),
        (Database::Postgres, Some(cluster)) => {
            ("PostgreSQL", Some(cluster.database("load")?), Some(cluster.pid_file()))
        }
        (Database::Postgres, None) => return Ok(None),
    };
    Ok(Some(Plan {
        binary: binary.to_owned(),
        name: name.to_owned(),
        postgres,
        postgres_pid,
        mail_port,
        people: PEOPLE.max(options.crowd),
        coded: CODED,
    }))
}

/// Providers in turn, workload by workload.
async fn load(providers: &[Provider], options: &Options) -> anyhow::Result<()> {
    println!("{}", table::HEAD);
    for workload in &options.workloads {
        let mut rounds: Vec<Vec<Figures>> = vec![Vec::new(); providers.len()];
        let mut refused = vec![None; providers.len()];
        for _ in 0..options.rounds {
            for ((provider, rounds), refused) in providers.iter().zip(&mut rounds).zip(&mut refused) {
                match round(provider, *workload, options.pace).await {
                    Ok(figures) => rounds.push(figures),
                    Err(error) => *refused = Some(format!("{error:#}")),
                }
            }
        }
        let mut shown = Vec::new();
        for ((provider, rounds), refused) in providers.iter().zip(&rounds).zip(refused) {
            let name = &provider.profile().name;
            if let Some(error) = refused {
                println!("{:<10} {name:<24} {error}", workload.name());
            }
            let Some(figures) = medians(rounds) else { continue };
            println!("{}", table::line(workload.name(), name, &figures));
            if let Some(error) = &figures.first_error {
                println!("{:<35} {error}", "");
            }
            shown.push(figures);
        }
        if let [first, second] = shown.as_slice() {
            println!("{}", table::ratio(workload.name(), first, second));
        }
    }
    for provider in providers.iter().filter(|_| options.crowd > 0) {
        let crowd = crowd::gather(provider, None, options.crowd, 3).await?;
        println!("{}", table::crowd(&provider.profile().name, options.crowd, &crowd));
    }
    let spent = countersign_load::process::spent_here();
    println!(
        "server, db, generator: processor milliseconds an operation. The generator took {} s.",
        figure(spent / 1000.0)
    );
    Ok(())
}
