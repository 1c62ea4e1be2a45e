//! `export`: everything out again.

use clap::Args;

use super::Operator;
use crate::moving::export::{self, Hashes};

/// The settings of `export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The users alone, as a table for a spreadsheet.
    #[arg(long, conflicts_with = "hashes")]
    csv: bool,
    /// With what passwords are checked against, so that people keep theirs elsewhere: keep such a file as you would the passwords.
    #[arg(long)]
    hashes: bool,
}

impl Export {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        let db = operator.db().await?;
        let mut conn = db.read().await?;
        conn.take_time();
        if self.csv {
            return Ok(export::table(&mut conn, |line| println!("{line}")).await?);
        }
        let hashes = if self.hashes { Hashes::Taken } else { Hashes::Left };
        Ok(export::lines(&mut conn, hashes, |line| println!("{line}")).await?)
    }
}
