//! `check`: is everything as it should be? One line each.

mod around;
mod client;

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::{Operator, input, one_line};
use crate::app::{Acceptor, options};
use crate::clock::timestamp;
use crate::config::Config;
use crate::console;
use crate::keys::claim::{self, Claim};
use crate::keys::{KeyError, SigningKeys, Vault};
use crate::mail::{Mailer, settings as saved_settings};
use crate::outbound::Collector;
use crate::store::{self, Db, Options, SchemaState};
use crate::web::samples;

/// The settings of `check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// Explain what this app is registered for, and look at everything that it needs, instead.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

/// What was examined, and how it is.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    /// Whether it works, and is not as it should be.
    warning: bool,
    says: String,
}

impl Check {
    pub(in crate::cli) async fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        let findings = match Operator::open(file) {
            Ok(operator) => {
                let mut findings = vec![settings(&operator)];
                findings.extend(around::look(&operator.config, file));
                match &self.client {
                    Some(id) => client::examine(&operator, id, &mut findings).await,
                    None => examine(&operator, &mut findings).await,
                }
                findings
            }
            Err(e) => vec![bad("settings", one_line(&e))],
        };
        if self.json {
            input::print_json(&findings)?;
        } else {
            for finding in &findings {
                let mark = match (finding.ok, finding.warning) {
                    (true, false) => "ok  ",
                    (true, true) => "warn",
                    (false, _) => "FAIL",
                };
                println!("{mark} {:<10} {}", finding.what, finding.says);
            }
        }
        let all_well = findings.iter().all(|finding| finding.ok);
        Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn good(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, ok: true, warning: false, says: says.into() }
}

fn warning(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, ok: true, warning: true, says: says.into() }
}

fn bad(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, ok: false, warning: false, says: says.into() }
}

fn found(what: &'static str, result: Result<impl Into<String>, impl std::fmt::Display>) -> Finding {
    match result {
        Ok(says) => good(what, says),
        Err(e) => bad(what, e.to_string().replace('\n', " ")),
    }
}

fn settings(operator: &Operator) -> Finding {
    if operator.is_unset() {
        let nowhere = "there is no countersign.toml in this folder, and no COUNTERSIGN_ variable: run `countersign init`, or name the file with --config";
        return bad("settings", nowhere);
    }
    good("settings", format!("issuer {}", operator.config.issuer))
}

async fn examine(operator: &Operator, findings: &mut Vec<Finding>) {
    let config = &operator.config;
    let options = Options { max_connections: 2, ..options(config) };
    let opened = Db::open(&options).await;
    findings.push(clock(operator, opened.as_ref().ok()).await);
    findings.push(found("templates", templates(operator)));
    if let Some(tls) = &config.tls {
        let fits = Acceptor::new(tls, operator.clock.clone()).map(|_| "the certificate and its key fit");
        findings.push(found("tls", fits.map_err(|e| format!("{e:#}"))));
    }
    if let Some(listen) = &config.metrics.listen {
        findings.push(good("metrics", format!("/metrics is for Prometheus at {listen}")));
    }
    if let Some(endpoint) = &config.telemetry.otlp_endpoint {
        findings.push(traces(endpoint, config).await);
    }
    let vault = Vault::open(&config.keys.dir);
    findings.push(found("master key", vault.as_ref().map(|_| "nobody can read it who need not")));
    let examined = match &opened {
        Ok(db) => schema(db, &options, operator.clock.now()).await,
        Err(e) => bad("database", e.to_string()),
    };
    let well = examined.ok;
    findings.push(examined);
    if let (Ok(db), Ok(vault), true) = (&opened, vault, well) {
        findings.push(found("keys", keys(operator, db, &vault).await));
        let mail = match Mailer::new(db.clone(), vault, config, operator.clock.clone()) {
            Ok(mailer) => mailer.probe().await,
            Err(e) => Err(e.to_string()),
        };
        let whose = if saved_mail(db).await {
            " (settings saved in the database count, not the file's: see `countersign mail show`)"
        } else {
            ""
        };
        let told = |words: String| format!("{words}{whose}");
        findings.push(found("mail", mail.map(told).map_err(told)));
    } else {
        findings.extend(["keys", "mail"].map(|what| bad(what, "not examined: mend what is above first")));
    }
    if let Ok(db) = opened {
        db.close().await;
    }
}

/// Whether settings of mail were saved in the database.
async fn saved_mail(db: &Db) -> bool {
    let Ok(mut conn) = db.read().await else { return false };
    saved_settings::kept(&mut conn).await.is_ok_and(|kept| kept.is_some())
}

/// Draws every page and mail in all of their states, so that a template of one's own fails here and not before a person.
fn templates(operator: &Operator) -> anyhow::Result<&'static str> {
    let pages = operator.pages()?;
    samples::all(&pages)?;
    console::samples::all(&pages)?;
    Ok("all can be drawn, in every state")
}

/// A collector that is down stops nothing, and traces are missing.
async fn traces(endpoint: &str, config: &Config) -> Finding {
    match Collector::new(endpoint, &config.outbound) {
        Ok(collector) => match collector.probe().await {
            Ok(()) => good("traces", format!("the collector at {endpoint} takes them")),
            Err(why) => warning("traces", format!("the collector at {endpoint} takes nothing: {why}")),
        },
        Err(e) => bad("traces", e.to_string()),
    }
}

/// A clock before this program was written makes every token wrong; one that is not the database's, what begins at one node and ends at
/// another.
async fn clock(operator: &Operator, db: Option<&Db>) -> Finding {
    const WRITTEN: i64 = 1_795_000_000;
    let now = operator.clock.now();
    if now <= WRITTEN {
        return bad("clock", "the machine's clock stands before 2026-11: set it, or tokens will be refused");
    }
    let apart = match db {
        Some(db) => db.clocks_apart(now).await.ok().flatten(),
        None => None,
    };
    let Some(ahead) = apart else { return good("clock", timestamp(now)) };
    let (seconds, way) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
    bad(
        "clock",
        format!(
            "this machine's clock is {seconds} s {way} that of the database's server: set the one that is wrong, or codes will be refused"
        ),
    )
}

async fn schema(db: &Db, options: &Options, now: i64) -> Finding {
    let schema = match db.schema_state().await {
        Ok(SchemaState::Current) => "is up to date".to_owned(),
        Ok(SchemaState::Ahead(version)) => {
            format!("is newer than this program (version {version}), which runs on it")
        }
        Ok(SchemaState::Behind(missing)) => {
            return bad("database", store::Error::OlderSchema { missing }.to_string());
        }
        Ok(SchemaState::Empty) => {
            return bad("database", store::Error::NoProvider { place: options.place() }.to_string());
        }
        Err(e) => return bad("database", e.to_string()),
    };
    match db.try_writing(now).await {
        Ok(()) => good("database", format!("answers, takes writing, and its schema {schema}")),
        Err(e) => bad("database", format!("takes no writing: {e}")),
    }
}

/// Looks at the signing keys, and makes none.
async fn keys(operator: &Operator, db: &Db, vault: &Vault) -> Result<String, KeyError> {
    let claim = claim::look(&mut db.read().await?, vault).await?;
    let keys = SigningKeys::new(db.clone(), vault.clone());
    let number = keys.there(operator.clock.now()).await?.rows().count();
    Ok(match claim {
        Claim::Free => "none yet: `serve` makes them, sealed by this master key".to_owned(),
        Claim::Fits | Claim::Settled => format!("{number} signing keys, sealed by this master key"),
    })
}
