//! `user link`, and the link that `user add` gives out: how does somebody get to choose a password?

use clap::Args;
use serde_json::{Value, json};

use super::super::operator::find_user;
use super::super::output::AtStake;
use super::super::{Operator, input};
use crate::config::Period;
use crate::directory::By;
use crate::mail;
use crate::signin::invite::{Inviter, Issued};
use crate::store::Db;

/// The settings of `user link`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Link {
    /// Their login.
    login: String,
    /// Print the link, to be handed over, rather than mail it.
    #[arg(long)]
    print: bool,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

impl Link {
    pub(super) async fn run(self, operator: &Operator, db: &Db) -> anyhow::Result<()> {
        let inviter = inviter(operator, db, !self.print).await?;
        let by = By::operator(operator.clock.now_ms());
        let mut tx = db.write().await?;
        let person = find_user(&mut tx, &self.login).await?;
        let issued = inviter.issue(&mut tx, &person, &by).await?;
        tx.commit().await?;
        let sent = send(issued, operator, db).await?;
        let _at_stake = sent.at_stake(&person.login);
        if self.json {
            return input::print_json(&with_link(json!({ "login": person.login }), Some(&sent)));
        }
        sent.print();
        Ok(())
    }
}

/// A link, and what became of its mail.
pub(in crate::cli) struct Sent {
    link: String,
    lifetime: Period,
    /// None when there was nobody to mail it to.
    outcome: Option<mail::Outcome>,
}

/// What gives out links, by mail or to be handed over.
pub(in crate::cli) async fn inviter(operator: &Operator, db: &Db, by_mail: bool) -> anyhow::Result<Inviter> {
    let (issuer, lifetime) = (operator.config.issuer.clone(), operator.config.signin.link_lifetime);
    let mail = if by_mail { Some((operator.pages()?, operator.vault(db).await?)) } else { None };
    Ok(Inviter { issuer, lifetime, mail })
}

/// Sends the mail of a link, once its transaction is committed.
pub(in crate::cli) async fn send(issued: Issued, operator: &Operator, db: &Db) -> anyhow::Result<Sent> {
    let outcome = match &issued.message {
        None => None,
        Some(message) => {
            let patience = operator.config.mail.timeout.as_duration();
            Some(operator.mailer(db).await?.deliver_within(message, patience).await)
        }
    };
    Ok(Sent { link: issued.link, lifetime: operator.config.signin.link_lifetime, outcome })
}

impl Sent {
    /// Whether the mail server has taken it.
    pub(in crate::cli) const fn is_mailed(&self) -> bool {
        matches!(self.outcome, Some(mail::Outcome::Accepted(_)))
    }

    /// The link is printed once, unless it was mailed.
    pub(super) fn at_stake(&self, login: &str) -> Option<AtStake> {
        (!self.is_mailed()).then(|| lost(login))
    }

    /// Says where the link went, and prints it unless it was mailed.
    pub(super) fn print(&self) {
        match &self.outcome {
            Some(mail::Outcome::Accepted(_)) => {
                println!("A link to choose a password was mailed to them.");
                return;
            }
            Some(mail::Outcome::Underway) => {
                println!("A mail with this link is on its way; if it does not arrive, hand it over.");
            }
            Some(mail::Outcome::Refused(why)) => {
                println!("No mail was sent ({why}). Hand them this link to choose a password.");
            }
            None => println!("No mail was sent. Hand them this link to choose a password."),
        }
        println!("It works once, within {}:\n{}", self.lifetime, self.link);
    }
}

/// A link to choose a password that was to be printed.
pub(in crate::cli) fn lost(login: &str) -> AtStake {
    AtStake::new(format!("the link is lost: countersign user link {login} --print makes another one"))
}

/// Adds the link to what is printed as JSON.
pub(super) fn with_link(mut value: Value, sent: Option<&Sent>) -> Value {
    if let (Some(sent), Some(map)) = (sent, value.as_object_mut()) {
        map.insert("link".to_owned(), json!(sent.link));
        map.insert("mailed".to_owned(), json!(sent.is_mailed()));
    }
    value
}
