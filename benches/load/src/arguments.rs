//! What is asked for on the command line?

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::measure::Pace;
use super::scale::Assumptions;
use super::workload::Workload;

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Load providers that run, in turn.
    Run(Vec<PathBuf>, Options),
    /// Set up a Countersign of this program on each database, and load them in turn.
    Quick(PathBuf, Options),
    /// Set one up and let it stand until Enter, for a profiler.
    Stand(PathBuf, Options),
    /// Set several nodes of this program up on one PostgreSQL, fewer and more, and load them in turn.
    Nodes(PathBuf, Options),
    /// Reckon what so many people would need.
    Scale(Box<Assumptions>),
    /// Say how to call it.
    Help,
}

/// How.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which workloads.
    pub workloads: Vec<Workload>,
    /// How hard, and how long.
    pub pace: Pace,
    /// How many rounds.
    pub rounds: usize,
    /// Which databases, of those that the program is set up on.
    pub databases: Vec<Database>,
    /// How many sign in at once at the end; none for no crowd.
    pub crowd: usize,
    /// How many nodes serve together, for each set-up.
    pub nodes: Vec<usize>,
}

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A server of our own.
    Postgres,
}

/// How to call it.
pub const USAGE: &str = "\
countersign-load quick BINARY      sets a Countersign up on SQLite and on PostgreSQL, and loads both in turn
countersign-load run PROFILE…      loads providers that run, in turn; ratios where there are two
countersign-load stand BINARY      sets one up, prints its profile, and serves until Enter
countersign-load nodes BINARY      sets one node up on PostgreSQL, and several, and loads them in turn; what is left in the database
countersign-load scale [name=value …]
                                   reckons what so many people would need, and prints every assumption; docs/scaling.md
  --workloads a,b                  discovery, jwks, userinfo, cc-rs256, cc-es256, refresh, sso, signin, code (all)
  --seconds S --rounds N           of each workload and provider (3 and 3; quick: 2 and 1)
  --at-once N                      operations under way (16)
  --databases sqlite,postgres      for quick and stand (both; stand: sqlite)
  --nodes 1,2,4                    for nodes: how many serve together (1,2,4)
  --crowd N                        at the end N sign in at once, while /token and /jwks are asked (0; the goal says 300)";

impl Command {
    /// Reads a command line, without the program's name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(words: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let words: Vec<String> = words.into_iter().collect();
        if words.iter().any(|word| word == "--help" || word == "-h") {
            return Ok(Self::Help);
        }
        let mut words = words.into_iter();
        let verb = words.next().context(USAGE)?;
        if verb == "scale" {
            return Assumptions::parse(words).map(Box::new).map(Self::Scale);
        }
        let (seconds, rounds) = if verb == "quick" { (2.0, 1) } else { (3.0, 3) };
        let mut options = Options {
            workloads: Workload::ALL.to_vec(),
            pace: Pace { at_once: 16, lasting: Duration::from_secs_f64(seconds) },
            rounds,
            databases: vec![Database::Sqlite, Database::Postgres],
            crowd: 0,
            nodes: vec![1, 2, 4],
        };
        let mut files = Vec::new();
        while let Some(word) = words.next() {
            match word.strip_prefix("--") {
                None => files.push(PathBuf::from(word)),
                Some(name) => {
                    let value = words.next().with_context(|| format!("--{name} wants a value"))?;
                    options.set(name, &value).with_context(|| format!("--{name} {value}"))?;
                }
            }
        }
        let one = |mut files: Vec<PathBuf>| match (files.pop(), files.is_empty()) {
            (Some(file), true) => Ok(file),
            _ => bail!("{verb} wants one program\n{USAGE}"),
        };
        match verb.as_str() {
            "run" if !files.is_empty() => Ok(Self::Run(files, options)),
            "quick" => Ok(Self::Quick(one(files)?, options)),
            "stand" => Ok(Self::Stand(one(files)?, options)),
            "nodes" => Ok(Self::Nodes(one(files)?, options)),
            _ => bail!(USAGE),
        }
    }
}

impl Options {
    fn set(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        match name {
            "workloads" => {
                self.workloads = value.split(',').map(Workload::parse).collect::<Result<_, _>>()?;
            }
            "seconds" => self.pace.lasting = Duration::try_from_secs_f64(value.parse()?)?,
            "rounds" => self.rounds = value.parse()?,
            "at-once" => self.pace.at_once = value.parse()?,
            "databases" => {
                self.databases = value.split(',').map(Database::parse).collect::<Result<_, _>>()?;
            }
            "crowd" => self.crowd = value.parse()?,
            "nodes" => self.nodes = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            _ => bail!("there is no such option\n{USAGE}"),
        }
        Ok(())
    }
}

impl Database {
    /// The database of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(name: &str) -> anyhow::Result<Self> {
        match name {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            _ => bail!("sqlite or postgres"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::workload::Workload;
    use super::{Command, Database};

    fn parse(line: &str) -> anyhow::Result<Command> {
        Command::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_command_line_is_read() {
        let line = "quick ./countersign --workloads jwks,sso --seconds 0.5 --at-once 4 --databases sqlite --crowd 300";
        let Command::Quick(binary, options) = parse(line).unwrap() else { panic!("{line}") };
        assert_eq!(binary.to_str(), Some("./countersign"));
        assert_eq!(options.workloads, [Workload::Jwks, Workload::Sso]);
        assert_eq!((options.pace.at_once, options.pace.lasting), (4, Duration::from_millis(500)));
        assert_eq!((options.rounds, options.databases, options.crowd), (1, vec![Database::Sqlite], 300));
        let Command::Nodes(_, options) = parse("nodes ./countersign --nodes 1,3").unwrap() else { panic!() };
        assert_eq!(options.nodes, [1, 3]);
        assert!(matches!(parse("scale people=5").unwrap(), Command::Scale(_)));
        let Command::Run(profiles, options) = parse("run a.toml --rounds 5 b.toml").unwrap() else {
            panic!()
        };
        assert_eq!((profiles.len(), options.rounds), (2, 5));
        for line in ["--help", "quick --help", "run a.toml -h"] {
            assert_eq!(parse(line).unwrap(), Command::Help, "{line}");
        }
    }

    #[test]
    fn a_wrong_command_line_is_refused() {
        for line in [
            "",
            "run",
            "walk a.toml",
            "quick",
            "quick a b",
            "quick a --workloads nonsense",
            "quick a --seconds -1",
            "quick a --rounds",
            "quick a --nonsense 1",
            "stand a --databases mysql",
            "nodes a --nodes 1,x",
            "scale people",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
