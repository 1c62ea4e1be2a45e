//! How does a link to choose a password reach somebody: one person, or all of a group who never chose one?

use super::challenge;
use crate::config::Period;
use crate::directory::people::{self, Filter};
use crate::directory::{self, By, Person, Status, links};
use crate::keys::Vault;
use crate::keys::secret::{Token, entropy};
use crate::mail::{self, MailError, Outgoing, Purpose};
use crate::store::groups::GroupRow;
use crate::store::{Db, Tx, seen_ids};
use crate::web::{ChoosePasswordMail, Language, Pages};

/// The most links that are mailed to one person within so many seconds, whoever of their managers sends them.
const AT_MOST: (u32, i64) = (6, 3600);

/// What is needed to give out links.
#[derive(Clone, Debug)]
pub struct Inviter {
    /// The issuer, whose address links begin with.
    pub issuer: String,
    /// How long a link holds.
    pub lifetime: Period,
    /// What writes and seals the mail, where one is to be sent.
    pub mail: Option<(Pages, Vault)>,
}

/// A link that has been made.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The link, which lets whoever opens it choose the password.
    pub link: String,
    /// The message that carries it; none where there is no address, or no mail was wanted.
    pub message: Option<String>,
}

/// What became of one of several.
#[derive(Debug)]
pub struct Invited {
    /// Their login.
    pub login: String,
    /// The link and its message, or why there is none.
    pub outcome: Result<Issued, Error>,
}

/// Why no link is given out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules say no, or the database refuses.
    #[error(transparent)]
    Directory(#[from] directory::Error),
    /// The message could not be made.
    #[error(transparent)]
    Mail(#[from] challenge::Error),
    /// There were many within the hour.
    #[error("too many links within an hour")]
    TooMany,
}

impl From<crate::store::Error> for Error {
    fn from(e: crate::store::Error) -> Self {
        Self::Directory(e.into())
    }
}

impl From<MailError> for Error {
    fn from(e: MailError) -> Self {
        Self::Mail(e.into())
    }
}

impl Inviter {
    /// Makes a link for somebody, in place of those before, and puts its mail into the queue. A password that they have holds until they
    /// choose another.
    ///
    /// # Errors
    /// When the rules say no, they are disabled, there were many, or the database or a template fails.
    pub async fn issue(&self, tx: &mut Tx, person: &Person, by: &By) -> Result<Issued, Error> {
        let token = links::issue(tx, person, self.lifetime.as_secs(), by, &mut entropy()).await?;
        self.write(tx, person, &token, by).await
    }

    /// The same for somebody whom whoever acts has just added.
    ///
    /// # Errors
    /// When the rules say no, or the database or a template fails.
    pub async fn issue_first(&self, tx: &mut Tx, person: &Person, by: &By) -> Result<Issued, Error> {
        let token = links::issue_first(tx, person, self.lifetime.as_secs(), by, &mut entropy()).await?;
        self.write(tx, person, &token, by).await
    }

    /// Puts the mail with a link into the queue.
    async fn write(&self, tx: &mut Tx, person: &Person, token: &Token, by: &By) -> Result<Issued, Error> {
        let seconds = self.lifetime.as_secs();
        let link = links::address(&self.issuer, token);
        let (Some(address), Some((pages, vault))) = (person.deliverable_address(), &self.mail) else {
            return Ok(Issued { link, message: None });
        };
        let (most, until) = (AT_MOST.0, by.now() + AT_MOST.1);
        // Whoever has a shell is bound by nothing.
        if by.user_id().is_some()
            && !seen_ids::take_place(tx, "link to", &person.id, most, until, by.now()).await?
        {
            return Err(Error::TooMany);
        }
        let page = ChoosePasswordMail {
            login: person.login.clone(),
            another: person.status == Status::Active,
            link: link.clone(),
            hours: seconds / 3600,
        };
        let parts = pages
            .mail(&page, Language::of_group(person.language()))
            .map_err(|e| challenge::Error::Message(e.to_string()))?;
        let outgoing = Outgoing {
            purpose: Purpose::ChoosePassword,
            user_id: Some(person.id.clone()),
            to: address.as_str().to_owned(),
            subject: parts.subject,
            text: parts.text,
            html: parts.html,
            reference: None,
            expires_at: by.now() + seconds,
        };
        let message = mail::queue(tx, vault, &outgoing, by.now_ms, &mut entropy()).await?;
        Ok(Issued { link, message: Some(message) })
    }

    /// Gives a link to each of a group who has never chosen a password, at most `limit` of them that come after
    /// `after`; each for themselves, so that one who may not be invited keeps no other from it. Answers what the next ones come after.
    ///
    /// # Errors
    /// When the rules say no, or the database refuses.
    pub async fn invite_all(
        &self,
        db: &Db,
        group: &GroupRow,
        by: &By,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<Invited>, Option<String>), Error> {
        let mut conn = db.read().await.map_err(directory::Error::from)?;
        let filter = Some(Filter::Status(Status::Invited));
        let found = people::list(&mut conn, Some(&group.id), filter, after, limit).await;
        drop(conn);
        let mut all = Vec::new();
        for person in found.map_err(directory::Error::from)? {
            let outcome = self.invite(db, &person, by).await;
            all.push(Invited { login: person.login, outcome });
        }
        let next = all.last().filter(|_| all.len() == limit).map(|last: &Invited| last.login.clone());
        Ok((all, next))
    }

    /// The same for one, in a transaction of its own.
    ///
    /// # Errors
    /// When the rules say no, they are disabled, there were many, or the database or a template fails.
    pub async fn invite(&self, db: &Db, person: &Person, by: &By) -> Result<Issued, Error> {
        let mut tx = db.write().await.map_err(directory::Error::from)?;
        let issued = self.issue(&mut tx, person, by).await?;
        tx.commit().await.map_err(directory::Error::from)?;
        Ok(issued)
    }
}
