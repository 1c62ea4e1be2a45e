//! `user link`, and the link that `user add` gives out: how does somebody get to choose a password?

use clap::Args;
use serde_json::{Value, json};

use super::super::operator::find_user;
use super::super::{Operator, input};
use crate::config::Period;
use crate::directory::{By, Person, links};
use crate::keys::Vault;
use crate::keys::secret::entropy;
use crate::mail::{self, Outgoing, Purpose};
use crate::store::{Db, Tx};
use crate::web::{ChoosePasswordMail, Language, Pages};

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
        let inviter = Inviter::new(operator, db, !self.print).await?;
        let by = By::operator(operator.clock.now_ms());
        let mut tx = db.write().await?;
        let person = find_user(&mut tx, &self.login).await?;
        let issued = inviter.issue(&mut tx, &person, &by).await?;
        tx.commit().await?;
        let sent = issued.send(operator, db).await?;
        if self.json {
            return input::print_json(&with_link(json!({ "login": person.login }), Some(&sent)));
        }
        sent.print();
        Ok(())
    }
}

/// What is needed to give out links.
pub(super) struct Inviter {
    issuer: String,
    lifetime: Period,
    /// What writes and seals the mail, where one is to be sent.
    mail: Option<(Pages, Vault)>,
}

/// A link that has been made, and the message that carries it, if there is anywhere to send it.
pub(super) struct Issued {
    link: String,
    lifetime: Period,
    message: Option<String>,
}

/// A link, and what became of its mail.
pub(super) struct Sent {
    link: String,
    lifetime: Period,
    /// None when there was nobody to mail it to.
    outcome: Option<mail::Outcome>,
}

impl Inviter {
    pub(super) async fn new(operator: &Operator, db: &Db, by_mail: bool) -> anyhow::Result<Self> {
        let (issuer, lifetime) = (operator.config.issuer.clone(), operator.config.signin.link_lifetime);
        let mail = if by_mail { Some((operator.pages()?, operator.vault(db).await?)) } else { None };
        Ok(Self { issuer, lifetime, mail })
    }

    /// Makes a link for somebody, in place of those before, and puts its mail into the queue.
    pub(super) async fn issue(&self, tx: &mut Tx, person: &Person, by: &By) -> anyhow::Result<Issued> {
        let lifetime = self.lifetime;
        let token = links::issue(tx, person, lifetime.as_secs(), by, &mut entropy()).await?;
        let link = links::address(&self.issuer, &token);
        let (Some(address), Some((pages, vault))) = (person.deliverable_address(), &self.mail) else {
            return Ok(Issued { link, lifetime, message: None });
        };
        let page = ChoosePasswordMail {
            login: person.login.clone(),
            link: link.clone(),
            hours: lifetime.as_secs() / 3600,
        };
        let parts = pages.mail(&page, Language::of_group(person.language()))?;
        let outgoing = Outgoing {
            purpose: Purpose::ChoosePassword,
            user_id: Some(person.id.clone()),
            to: address.as_str().to_owned(),
            subject: parts.subject,
            text: parts.text,
            html: parts.html,
            reference: None,
            expires_at: by.now() + lifetime.as_secs(),
        };
        let message = mail::queue(tx, vault, &outgoing, by.now_ms, &mut entropy()).await?;
        Ok(Issued { link, lifetime, message: Some(message) })
    }
}

impl Issued {
    /// Sends the mail, once its transaction is committed.
    pub(super) async fn send(self, operator: &Operator, db: &Db) -> anyhow::Result<Sent> {
        let outcome = match &self.message {
            None => None,
            Some(message) => {
                let patience = operator.config.mail.timeout.as_duration();
                Some(operator.mailer(db).await?.deliver_within(message, patience).await)
            }
        };
        Ok(Sent { link: self.link, lifetime: self.lifetime, outcome })
    }
}

impl Sent {
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

/// Adds the link to what is printed as JSON.
pub(super) fn with_link(mut value: Value, sent: Option<&Sent>) -> Value {
    if let (Some(sent), Some(map)) = (sent, value.as_object_mut()) {
        let mailed = matches!(sent.outcome, Some(mail::Outcome::Accepted(_)));
        map.insert("link".to_owned(), json!(sent.link));
        map.insert("mailed".to_owned(), json!(mailed));
    }
    value
}
