//! Are the goals reached, in one run with a peer? `cargo bench` sets the program up on SQLite and on PostgreSQL, loads both, node-oidc-provider
//! and a bare axum in turn, measures what the cryptography alone costs, and prints each goal with *met* or *NOT MET*.
//!
//! Nothing fails for being slow; benches/README.md says how to read the figures.
#![expect(clippy::disallowed_methods, reason = "the time that passes is what is measured")]
#![expect(
    unused_imports,
    reason = "cargo builds a bench as a test, and leaves the tests out; tests/load.rs has them"
)]

#[expect(dead_code, reason = "the helpers of tests are for tests/load.rs")]
mod goals;

#[expect(
    dead_code,
    reason = "the command line is for whoever runs the generator by itself, the helpers of tests for tests/load.rs"
)]
#[path = "load/src/lib.rs"]
mod load;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use goals::growth::{self, Crop};
use goals::options::Options;
use goals::peers::Peer;
use goals::raw::{self, Bare, Raw};
use goals::verdict::{Crowded, Measured, Who};
use load::arguments::Database;
use load::crowd;
use load::house::{House, Plan};
use load::measure::{Figures, Pace, medians, round};
use load::nodes;
use load::postgres::{Cluster, must};
use load::process::resident;
use load::provider::Provider;
use load::sink::Sink;
use load::stats::{figure, median};
use load::table;
use load::workload::Workload;

/// How many operations are under way at once.
const AT_ONCE: usize = 16;

/// Those who are sent codes: enough for the limit of an address.
const CODED: usize = 60;

/// Long enough for the program to give back what its last password has used.
const IDLE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let done = if std::env::args().any(|word| word == raw::BARE) {
        // As the program itself runs.
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(Into::into)
            .and_then(|r| r.block_on(raw::serve()))
    } else {
        let built = env!("CARGO_BIN_EXE_countersign").into();
        Options::parse(std::env::args().skip(1), built).and_then(|options| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                match options.growth {
                    None => run(&options).await,
                    Some((users, sessions)) => grow(&options, Crop { users, sessions }).await,
                }
            })
        })
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The program on one database.
struct Stand {
    who: Who,
    house: House,
    provider: Provider,
    url: Option<String>,
    start: f64,
    fresh: f64,
}

impl Stand {
    async fn set_up(
        options: &Options,
        cluster: Option<(&Cluster, &str)>,
        sink: &Sink,
        people: usize,
    ) -> anyhow::Result<Self> {
        let url = cluster.map(|(cluster, name)| cluster.database(name)).transpose()?;
        let who = if url.is_some() { Who::Postgres } else { Who::Sqlite };
        let mut house = House::furnish(Plan {
            binary: options.binary.clone(),
            name: named(who).to_owned(),
            postgres: url.clone(),
            postgres_pid: cluster.map(|(cluster, _)| cluster.pid_file()),
            mail_port: sink.port,
            people,
            coded: CODED,
        })?;
        // Once for what the first start does alone.
        house.serve().await?;
        let start = house.serve().await?.as_secs_f64() * 1000.0;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let fresh = resident(house.id()?)?;
        let provider = Provider::find(house.profile()?, Some(sink.clone())).await?;
        Ok(Self { who, house, provider, url, start, fresh })
    }
}

const fn named(who: Who) -> &'static str {
    match who {
        Who::Sqlite => "Countersign, SQLite",
        Who::Postgres => "Countersign, PostgreSQL",
        Who::Node => "node-oidc-provider",
        Who::Bare => "bare axum",
    }
}

/// The table of goals.
async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::start(0).await?;
    let cluster = Cluster::start()?;
    if cluster.is_none() {
        println!("PostgreSQL is not installed: SQLite alone is measured.");
    }
    let people = AT_ONCE.max(options.crowd);
    let mut stands = vec![Stand::set_up(options, None, &sink, people).await?];
    if let Some(cluster) = &cluster {
        stands.push(Stand::set_up(options, Some((cluster, "load")), &sink, people).await?);
    }
    let (_bare, bare) = Bare::start().await?;
    let peer = Peer::node().await?;
    if let Err(why) = &peer {
        println!("node-oidc-provider is {why}.");
    }
    let mut all: Vec<(Who, Provider)> =
        stands.iter().map(|stand| (stand.who, stand.provider.clone())).collect();
    all.extend(peer.iter().map(|(_, provider)| (Who::Node, provider.clone())));
    all.push((Who::Bare, bare.clone()));
    let mut measured = in_turn(options, &all).await?;
    tokio::time::sleep(IDLE).await;
    for stand in &stands {
        let loaded = resident(stand.house.id()?)?;
        let [start, fresh, after] = [stand.start, stand.fresh, loaded].map(figure);
        println!(
            "{:<24} first answer after {start} ms, {fresh} MiB fresh, {after} MiB idle after load",
            named(stand.who)
        );
        if stand.who == Who::Sqlite {
            (measured.start, measured.fresh, measured.loaded) =
                (Some(stand.start), Some(stand.fresh), Some(loaded));
        }
    }
    for stand in stands.iter().filter(|_| options.crowd > 0) {
        let crowded = crowd(stand, &bare, options.crowd).await?;
        measured.crowds.extend(crowded.map(|crowded| (stand.who, crowded)));
    }
    drop((stands, peer));
    measured.demo = Some(demo(&options.binary).await?);
    measured.binary = Some(megabytes(&options.binary)?);
    println!("\n{:<42} {:>9}  {:>10}", "goal", "measured", "limit");
    for line in measured.goals() {
        println!("{}", line.shown());
    }
    Ok(())
}

/// Lets a crowd sign in.
async fn crowd(stand: &Stand, bare: &Provider, size: usize) -> anyhow::Result<Option<Crowded>> {
    let crowd = crowd::gather(&stand.provider, Some(bare), size, 3).await?;
    println!("{}", table::crowd(named(stand.who), size, &crowd));
    tokio::time::sleep(IDLE).await;
    let left = resident(stand.house.id()?)?;
    println!("{:<24} {} MiB idle after the crowd", named(stand.who), figure(left));
    let token = crowd.loud.token.percentile(99).zip(crowd.quiet.token.percentile(99));
    let jwks = crowd.loud.jwks.percentile(99).zip(crowd.quiet.jwks.percentile(99));
    let times = |(loud, quiet): (f64, f64)| loud / quiet;
    Ok(token.zip(jwks).map(|(token, jwks)| Crowded { token: times(token), jwks: times(jwks), left }))
}

/// Raw costs and workloads, each provider after the other, round after round; then the medians.
async fn in_turn(options: &Options, all: &[(Who, Provider)]) -> anyhow::Result<Measured> {
    let pace = Pace { at_once: AT_ONCE, lasting: options.lasting };
    let mut raws = Vec::new();
    let mut rounds: Vec<(Workload, Who, Vec<Figures>)> = Vec::new();
    for number in 1..=options.rounds {
        eprintln!("round {number} of {}", options.rounds);
        raws.push(Raw::measure(options.lasting / 3)?);
        for workload in Workload::ALL {
            for (who, provider) in all.iter().filter(|(who, _)| takes_part(*who, workload)) {
                match round(provider, workload, pace).await {
                    Ok(figures) => match rounds.iter_mut().find(|(w, o, _)| (*w, *o) == (workload, *who)) {
                        Some((_, _, known)) => known.push(figures),
                        None => rounds.push((workload, *who, vec![figures])),
                    },
                    Err(error) => println!("{:<10} {:<24} {error:#}", workload.name(), named(*who)),
                }
            }
        }
    }
    let raw = Raw::medians(&raws).context("no round")?;
    let [signature, hash, together, rate] =
        [raw.signature, raw.hash, raw.hash_together, raw.hash_rate].map(figure);
    println!(
        "CPU ms alone: RSA signature {signature}, hash {hash}, on all cores {together} ({rate} a second)"
    );
    println!("{}", table::HEAD);
    let mut measured = Measured { raw, ..Measured::default() };
    for (workload, who, figures) in rounds {
        let Some(figures) = medians(&figures) else { continue };
        println!("{}", table::line(workload.name(), named(who), &figures));
        if let Some(error) = &figures.first_error {
            println!("{:<35} {error}", "");
        }
        measured.figures.insert((who, workload), figures);
    }
    Ok(measured)
}

/// What a provider has, it is asked for.
fn takes_part(who: Who, workload: Workload) -> bool {
    match who {
        Who::Sqlite | Who::Postgres => true,
        Who::Node => workload != Workload::Code,
        Who::Bare => workload == Workload::Discovery,
    }
}

/// What an idle demo has in memory, in MiB.
async fn demo(binary: &Path) -> anyhow::Result<f64> {
    let port = free_ports()?.to_string();
    let mut command = Command::new(binary);
    command.args(["demo", "--port", &port]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    tokio::time::sleep(IDLE + Duration::from_secs(3)).await;
    let held = resident(child.id());
    let _ = child.kill();
    let _ = child.wait();
    held
}

/// The first of four ports that were free a moment ago.
fn free_ports() -> anyhow::Result<u16> {
    let is_free =
        |port: &u16| (*port..*port + 4).all(|p| std::net::TcpListener::bind(("127.0.0.1", p)).is_ok());
    (20_000..30_000).step_by(4).find(is_free).context("no four free ports")
}

#[expect(clippy::cast_precision_loss, reason = "no program has 2^52 bytes")]
fn megabytes(file: &Path) -> anyhow::Result<f64> {
    Ok(std::fs::metadata(file)?.len() as f64 / 1e6)
}

/// What so many users, sessions and grants add: a program with few of them and one with many, loaded in turn.
async fn grow(options: &Options, crop: Crop) -> anyhow::Result<()> {
    let sink = Sink::start(0).await?;
    let cluster = Cluster::start_with(growth::MEMORY)?;
    let all = [None, cluster.as_ref()].into_iter().take(1 + usize::from(cluster.is_some()));
    for cluster in all {
        let kind = if cluster.is_some() { Database::Postgres } else { Database::Sqlite };
        if options.only.is_some_and(|only| only != kind) {
            continue;
        }
        if let Some(cluster) = cluster {
            cluster.set(growth::FILLING)?;
        }
        let few = Stand::set_up(options, cluster.map(|c| (c, "few")), &sink, AT_ONCE).await?;
        let mut many = Stand::set_up(options, cluster.map(|c| (c, "many")), &sink, AT_ONCE).await?;
        many.house.stop();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let (people, since) = (u32::try_from(AT_ONCE)?, Instant::now());
        crop.sow(many.house.folder(), many.url.as_deref(), people, now).await?;
        let (users, sessions, took) = (crop.users, crop.sessions, figure(since.elapsed().as_secs_f64()));
        let disk = match cluster {
            Some(cluster) => cluster.ask("many", "SELECT pg_database_size('many')")?,
            None => megabytes(&many.house.folder().join("countersign.db"))? * 1e6,
        };
        let disk = figure(disk / 1e9);
        println!(
            "{}: {users} users, {sessions} sessions and as many grants, in {took} s, {disk} GB",
            named(few.who)
        );
        let rows = cluster.map(|cluster| nodes::sizes(cluster, "many")).transpose()?.unwrap_or_default();
        for (table, number, bytes) in rows.iter().filter(|(_, number, _)| *number > 1000.0) {
            println!("{table:<20} {} rows, {} bytes each with indexes", figure(*number), figure(*bytes));
        }
        if let Some(cluster) = cluster {
            cluster.set(growth::MEASURING)?;
            cluster.say("many", "CHECKPOINT")?;
        }
        // What the kernel still has to write would be written while one measures.
        must(&mut Command::new("sync"))?;
        many.house.serve().await?;
        let mut profile = many.house.profile()?;
        if let Some(people) = &mut profile.people {
            people.count = usize::try_from(users)?;
        }
        let many = Provider::find(profile, Some(sink.clone())).await?;
        side_by_side(options, cluster, &few.provider, &many).await?;
    }
    Ok(())
}

/// The workloads that touch what has grown.
const GROWING: [Workload; 4] = [Workload::Userinfo, Workload::Refresh, Workload::Sso, Workload::Signin];

/// Each of them in turn. The first round finds its pages on the disk, and is told apart.
async fn side_by_side(
    options: &Options,
    cluster: Option<&Cluster>,
    few: &Provider,
    many: &Provider,
) -> anyhow::Result<()> {
    let pace = Pace { at_once: AT_ONCE, lasting: options.lasting };
    let mut cold = Vec::new();
    for workload in GROWING {
        round(few, workload, pace).await?;
        cold.push(round(many, workload, pace).await?);
    }
    if let Some(cluster) = cluster {
        // Both have rows in every table by now. Before, they were planned for as if they stayed empty.
        cluster.say("few", "VACUUM ANALYZE")?;
        cluster.say("many", "VACUUM ANALYZE")?;
    }
    println!("{}", table::HEAD);
    for (workload, cold) in GROWING.into_iter().zip(cold) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for number in 0..options.rounds {
            // Whoever comes second has what the first has left undone beside it: each is second as often.
            let few_first = number % 2 == 0;
            for is_few in [few_first, !few_first] {
                growth::calm(&[few, many]).await?;
                let figures = round(if is_few { few } else { many }, workload, pace).await?;
                if is_few { before.push(figures) } else { after.push(figures) }
            }
        }
        let mut more: Vec<f64> = before.iter().zip(&after).filter_map(table::more).collect();
        more.sort_unstable_by(f64::total_cmp);
        let (before, after) = (medians(&before).context("no round")?, medians(&after).context("no round")?);
        for (what, figures) in [("few", &before), ("many, first round", &cold), ("many", &after)] {
            println!("{}", table::line(workload.name(), what, figures));
        }
        // Of rounds that followed each other: what else the machine does comes and goes.
        if let (Some(median), Some(least), Some(most)) = (median(&more), more.first(), more.last()) {
            let verdict = if median <= 0.05 { "met" } else { "NOT MET" };
            let (rounds, name) = (more.len(), workload.name());
            println!(
                "{name:<10} {median:+.4} CPU ms beside hashes ({least:+.4} to {most:+.4} in {rounds} rounds), goal at most +0.05: {verdict}"
            );
        }
        if let Some(cluster) = cluster {
            let few = nodes::written_ahead(few, (cluster, "few"), workload).await?;
            let many = nodes::written_ahead(many, (cluster, "many"), workload).await?;
            println!("{:<10} {} -> {} bytes of WAL an operation", workload.name(), figure(few), figure(many));
        }
    }
    Ok(())
}
