//! `user add|set|show|list|unlock|delete|link|code`.

mod add;
mod link;
mod set;
mod show;

use clap::Subcommand;

use self::add::Add;
pub(in crate::cli) use self::link::{inviter, lost, send};

use self::link::Link;
use self::set::Set;
use self::show::List;
use super::Operator;
use super::operator::find_user;
use super::output::AtStake;
use crate::directory::{By, users};
use crate::keys::secret::entropy;
use crate::signin::challenge;
use crate::store::Db;

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Add a user; without a password a one-time link to choose one is mailed, or printed.
    Add(Add),
    /// Change a user.
    Set(Set),
    /// Show a user.
    Show {
        /// Their login.
        login: String,
        /// Print as JSON.
        #[arg(long)]
        json: bool,
    },
    /// List users.
    List(List),
    /// Let a user's codes and passwords be tried again after too many wrong ones.
    Unlock {
        /// Their login.
        login: String,
    },
    /// Delete a user.
    Delete {
        /// Their login.
        login: String,
    },
    /// Make a new link to choose a password; it is mailed, or printed. Those before are void, a password holds until then.
    Link(Link),
    /// Print a one-time code for somebody whose mail is broken; it holds for 15 minutes.
    Code {
        /// Their login.
        login: String,
    },
}

impl User {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        let db = operator.db().await?;
        match self {
            Self::Add(add) => add.run(operator, &db).await,
            Self::Set(set) => set.run(operator, &db).await,
            Self::Show { login, json } => show::show(&db, &login, json).await,
            Self::List(list) => list.run(&db).await,
            Self::Link(link) => link.run(operator, &db).await,
            Self::Unlock { login } => {
                let mut tx = db.write().await?;
                let person = find_user(&mut tx, &login).await?;
                let by = By::operator(operator.clock.now_ms());
                users::unlock(&mut tx, &person, &by, &mut entropy()).await?;
                tx.commit().await?;
                println!("{} can try again.", person.login);
                Ok(())
            }
            Self::Delete { login } => {
                let mut tx = db.write().await?;
                let person = find_user(&mut tx, &login).await?;
                let by = By::operator(operator.clock.now_ms());
                users::delete(&mut tx, &person, &by, &mut entropy()).await?;
                tx.commit().await?;
                println!("Deleted {}.", person.login);
                Ok(())
            }
            Self::Code { login } => code(operator, &db, &login).await,
        }
    }
}

async fn code(operator: &Operator, db: &Db, login: &str) -> anyhow::Result<()> {
    let vault = operator.vault(db).await?;
    let by = By::operator(operator.clock.now_ms());
    let settings = &operator.config.signin;
    let mut tx = db.write().await?;
    let person = find_user(&mut tx, login).await?;
    let code = challenge::issue_by_hand(&mut tx, &vault, settings, &person, &by, &mut entropy()).await?;
    tx.commit().await?;
    let at_stake = AtStake::new(format!("the code is lost: countersign user code {login} makes another one"));
    println!("{code}");
    drop(at_stake);
    eprintln!(
        "For {}, once, within {}. Make sure that it is they who ask.",
        person.login, settings.hand_code_lifetime
    );
    Ok(())
}
