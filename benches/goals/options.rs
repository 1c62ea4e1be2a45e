//! How is the table of goals asked for?

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::load::arguments::Database;

/// What `cargo bench --bench provider -- …` takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The program that is measured.
    pub binary: PathBuf,
    /// How long each workload of each provider is measured in a round.
    pub lasting: Duration,
    /// How many rounds.
    pub rounds: usize,
    /// How many sign in at once.
    pub crowd: usize,
    /// Users, and sessions and grants, that the growth is measured with.
    pub growth: Option<(u32, u32)>,
    /// The database whose growth is measured; both without.
    pub only: Option<Database>,
}

/// How to call it.
pub const USAGE: &str = "\
cargo bench --bench provider -- [OPTIONS]
  --quick                    one round of two seconds, no crowd
  --rounds N --seconds S     (3 and 3)
  --crowd N                  how many sign in at once, 0 for none (300)
  --binary PATH              another program than the one that cargo has just built
  --growth USERS,SESSIONS    instead: what so many users, sessions and grants add (1000000,10000000 takes half an hour and 20 GB)
  --only sqlite|postgres     with --growth: one of the two databases";

impl Options {
    /// Reads the command line, without the program's name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(words: impl IntoIterator<Item = String>, built: PathBuf) -> anyhow::Result<Self> {
        let mut options = Self {
            binary: built,
            lasting: Duration::from_secs(3),
            rounds: 3,
            crowd: 300,
            growth: None,
            only: None,
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--help" => bail!(USAGE),
                "--quick" => {
                    (options.lasting, options.rounds, options.crowd) = (Duration::from_secs(2), 1, 0);
                }
                name => {
                    let value = words.next().with_context(|| format!("{name}?\n{USAGE}"))?;
                    options.set(name, &value).with_context(|| format!("{name} {value}"))?;
                }
            }
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        match name {
            "--binary" => self.binary = PathBuf::from(value),
            "--seconds" => self.lasting = Duration::try_from_secs_f64(value.parse()?)?,
            "--rounds" => self.rounds = value.parse()?,
            "--crowd" => self.crowd = value.parse()?,
            "--growth" => {
                let (users, sessions) = value.split_once(',').context("USERS,SESSIONS")?;
                self.growth = Some((users.parse()?, sessions.parse()?));
            }
            "--only" => self.only = Some(Database::parse(value)?),
            _ => bail!("there is no such option\n{USAGE}"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Database, Options};

    fn parse(line: &str) -> anyhow::Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned), "built".into())
    }

    #[test]
    fn options_are_read_or_refused() {
        let whole = parse("--bench").unwrap();
        assert_eq!((whole.rounds, whole.crowd, whole.binary.to_str()), (3, 300, Some("built")));
        let quick = parse("--quick --binary other --crowd 40").unwrap();
        assert_eq!(
            (quick.lasting, quick.crowd, quick.binary.to_str()),
            (Duration::from_secs(2), 40, Some("other"))
        );
        assert_eq!(parse("--growth 1000,20000 --bench").unwrap().growth, Some((1000, 20_000)));
        assert_eq!(parse("--growth 1,2 --only postgres").unwrap().only, Some(Database::Postgres));
        for line in ["--growth 1000", "--only mysql", "--rounds", "--rounds x", "--fast 1", "signin"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
