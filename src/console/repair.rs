//! `/console/repair`: what is broken, and how is it mended? Where an override lands.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::answered::Answered;
use super::broken::Broken;
use super::field::{Said, Summed, Wrong};
use super::groups_to_choose::problem;
use super::home::link;
use super::listing::{Listing, Table};
use super::mail::{page_of, whom};
use super::routes::{Needs, Route};
use super::visit::ConsolePage;
use crate::clock::Moment;
use crate::directory::deliveries::{self, MOST};
use crate::directory::help::{self, Waiting};
use crate::directory::listing::{self, Which};
use crate::directory::rights::own;
use crate::directory::unreached::Place;
use crate::directory::{Person, people};
use crate::mail::Proof;
use crate::signin::preview::{KeptOut, count_locked_out_in, locked_out_in};
use crate::store::Conn;
use crate::store::deliveries::Delivery;
use crate::web::Problem;

pub(super) const HERE: &str = "/console/repair";

pub(super) const ROUTES: &[Route] =
    &[Route::get(HERE, Needs::AnyRight, |visit| Box::pin(get(visit))).in_menu("console-menu-repair", 20)];

/// The first line where nothing is wrong.
const NOTHING: &str = "repair-nothing";

/// People of a page, those who ask for help among them: each has forms of their own, and a first visit is to stay within 40 kB.
const SHOWN: usize = 6;

/// The most requests for help that are shown at once, here and on the first page.
pub(super) const ASKING: i64 = 4;

/// Where the counts of those who cannot sign in, and of those who ask for help, end.
const COUNTED: usize = 200;
pub(super) const COUNTED_ASKING: i64 = 200;

/// How long the mail server has to answer while somebody waits for this page.
const PROBE: Duration = Duration::from_secs(2);

/// The most answers that are told apart.
const ANSWERS: usize = 4;

/// What is broken.
#[derive(Clone, Debug, Serialize)]
pub struct RepairPage {
    /// What is wrong, the worst of it, or that nothing is.
    pub lead: Said,
    /// Whether anything is.
    pub unwell: bool,
    /// What is wrong with what was typed.
    pub errors: Vec<Summed>,
    /// What the mail server said of the messages that failed within a day, the newest first.
    pub answers: Vec<Failing>,
    /// Whether no mail gets through at all.
    pub mail_down: bool,
    /// Who can mend that; none for whoever can do it themselves.
    pub ask: Option<Said>,
    /// Where mail is looked at, and where its settings are: the key of each link's words, and where it leads.
    pub links: Vec<(&'static str, String)>,
    /// Those who have asked for help, the longest first; on the first page alone.
    pub asking: Vec<Broken>,
    /// How many more have; none where all are there.
    pub more_asking: Option<Said>,
    /// What the list below shows: where it leads, the key of its name, whether it is chosen; empty where there is no list.
    pub filters: Vec<(String, &'static str, bool)>,
    /// Those whom the list shows, but for those above.
    pub people: Vec<Broken>,
    /// The pages of the list.
    pub table: Table,
}

/// Messages that failed in the same words.
#[derive(Clone, Debug, Serialize)]
pub struct Failing {
    /// What the words mean, and they themselves.
    pub answer: Answered,
    /// How many.
    pub n: i64,
    /// When the last of them was to be sent.
    pub at: Moment,
    /// To whom that was.
    pub to: String,
    /// Their page; none where they are gone.
    pub person: Option<String>,
    /// That message's page.
    pub path: String,
}

impl ConsolePage for RepairPage {
    const TEMPLATE: &'static str = "console/repair.html";
}

/// `GET /console/repair`
async fn get(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.page(&page(&visit).await?))
}

/// The page with what was typed about one person, and what is wrong with it.
pub(super) async fn again(visit: &Visit, wrong: &[Wrong]) -> Result<Response, Problem> {
    let mut page = page(visit).await?;
    let mut conn = visit.read().await?;
    let person = visit.user(&mut conn).await?;
    if page.asking.iter().chain(&page.people).all(|one| one.id != person.id) {
        page.people.insert(0, Broken::of(visit, &mut conn, &person, None).await?);
    }
    let mut shown = page.asking.iter_mut().chain(&mut page.people);
    if let Some(one) = shown.find(|one| one.id == person.id) {
        page.errors = one.typed(&visit.form, wrong);
    }
    Ok(visit.again(&page))
}

async fn page(visit: &Visit) -> Result<RepairPage, Problem> {
    // What was typed here about one person is sent to theirs.
    let listing = Listing::of(visit, &[]).at("/console/repair");
    if !visit.holds(own::VIEW_USERS) {
        return Ok(RepairPage::empty(&listing));
    }
    // First: who cannot sign in depends on whether mail works by now.
    let (failed, mail_down) = failing(visit).await?;
    let shown = Shown::of(&listing.filter);
    // Side by side where the database can: each has a connection of its own, and holds none while it waits for one.
    let counted = async { Ok(count_locked_out_in(&mut visit.read().await?, &visit.tree, COUNTED).await?) };
    let (kept_out, there) = tokio::try_join!(counted, There::of(visit, shown, &listing.after))?;
    let There { asking, count, people, next } = there;
    let lead = lead(mail_down, kept_out, count, failed.len());
    Ok(RepairPage {
        errors: Vec::new(),
        unwell: lead.key != NOTHING,
        lead,
        answers: told(visit, &failed),
        mail_down,
        ask: if mail_down { whom_to_ask(visit).await? } else { None },
        links: ["/console/mail", "/console/mail/settings"]
            .into_iter()
            .zip(["repair-see-mail", "repair-see-settings"])
            .filter_map(|(to, words)| link(visit, words, to))
            .collect(),
        more_asking: if asking.is_empty() { None } else { others("repair-more-asking", asking.len(), count) },
        asking,
        filters: Shown::ALL
            .into_iter()
            .map(|one| (listing.with_filter(one.word()), one.label(), one == shown))
            .collect(),
        people,
        table: listing.table("repair-people", &[], next.as_deref()),
    })
}

impl RepairPage {
    /// For whoever sees nobody whom they could help.
    fn empty(listing: &Listing) -> Self {
        Self {
            lead: Said::new("repair-nobody-to-help"),
            errors: Vec::new(),
            unwell: false,
            answers: Vec::new(),
            mail_down: false,
            ask: None,
            links: Vec::new(),
            asking: Vec::new(),
            more_asking: None,
            filters: Vec::new(),
            people: Vec::new(),
            table: listing.table("repair-people", &[], None),
        }
    }
}

/// How many there are besides those who are `shown`, of so many or, where the second is true, more; none where all are shown.
pub(super) fn others(key: &str, shown: usize, (n, more): (i64, bool)) -> Option<Said> {
    let others = n.saturating_sub(i64::try_from(shown).unwrap_or(i64::MAX));
    (others > 0).then(|| Said::new(key).about(if more { "more" } else { "" }).counting(others))
}

/// Who is shown: those who ask for help, and those of the list.
struct There {
    asking: Vec<Broken>,
    /// How many ask for help, and whether there are more than that.
    count: (i64, bool),
    people: Vec<Broken>,
    next: Option<String>,
}

impl There {
    async fn of(visit: &Visit, shown: Shown, after: &str) -> Result<Self, Problem> {
        let mut conn = visit.read().await?;
        let waiting = help::waiting(&mut conn, &visit.by, (0, ""), ASKING).await.map_err(problem)?;
        let count = help::count(&mut conn, &visit.by, COUNTED_ASKING).await.map_err(problem)?;
        // They stand above the first page of the list, whatever it shows, and on no other.
        let asking = if after.is_empty() { asking(visit, &mut conn, &waiting).await? } else { Vec::new() };
        let above = waiting.iter().map(|one| one.user_id.as_str()).collect();
        let room = SHOWN.saturating_sub(asking.len());
        let (found, next) = shown.but_for(visit, &mut conn, &above, (after, room)).await?;
        let mut people = Vec::with_capacity(found.len());
        for person in found {
            let waiting = help::of(&mut conn, &person).await.map_err(problem)?;
            people.push(Broken::of(visit, &mut conn, &person, waiting.as_ref()).await?);
        }
        Ok(Self { asking, count, people, next })
    }
}

/// Whom the list shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    KeptOut,
    Invited,
    Disabled,
}

impl Shown {
    const ALL: [Self; 3] = [Self::KeptOut, Self::Invited, Self::Disabled];

    fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|one| one.word() == word).unwrap_or(Self::KeptOut)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::KeptOut => "",
            Self::Invited => Which::Invited.word(),
            Self::Disabled => Which::Disabled.word(),
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::KeptOut => "users-filter-kept-out",
            Self::Invited => "users-filter-invited",
            Self::Disabled => "users-filter-disabled",
        }
    }

    /// Those of a page who are not `above`, and what the next one comes after, if there is anybody on it.
    async fn but_for(
        self,
        visit: &Visit,
        conn: &mut Conn,
        above: &BTreeSet<&str>,
        (after, room): (&str, usize),
    ) -> Result<(Vec<Person>, Option<String>), Problem> {
        let (mut people, mut next) = (Vec::new(), Some(after.to_owned()));
        while let Some(mark) = &next
            && people.len() < room
        {
            let (found, further) = self.people(visit, conn, mark, room - people.len()).await?;
            people.extend(found.into_iter().filter(|person| !above.contains(person.id.as_str())));
            next = further;
        }
        if let Some(mark) = &next {
            let (found, further) = self.people(visit, conn, mark, above.len() + 1).await?;
            if further.is_none() && found.iter().all(|person| above.contains(person.id.as_str())) {
                next = None;
            }
        }
        Ok((people, next))
    }

    /// Those of a page, and what the next one comes after.
    async fn people(
        self,
        visit: &Visit,
        conn: &mut Conn,
        after: &str,
        room: usize,
    ) -> Result<(Vec<Person>, Option<String>), Problem> {
        let which = match self {
            Self::KeptOut => return kept_out(visit, conn, after, room).await,
            Self::Invited => Which::Invited,
            Self::Disabled => Which::Disabled,
        };
        let limit = i64::try_from(room + 1).unwrap_or(i64::MAX);
        let mut found = listing::list(conn, &visit.tree, which, "", after, limit).await?;
        let more = found.len() > room;
        found.truncate(room);
        let next = found.last().filter(|_| more).map(|last| last.person.login.clone());
        Ok((found.into_iter().map(|listed| listed.person).collect(), next))
    }
}

/// Those whom the decision keeps out.
async fn kept_out(
    visit: &Visit,
    conn: &mut Conn,
    after: &str,
    room: usize,
) -> Result<(Vec<Person>, Option<String>), Problem> {
    let (found, next) = locked_out_in(conn, &visit.tree, &Place::from_mark(after), room).await?;
    let mut kept_out = Vec::with_capacity(found.len());
    for affected in found {
        kept_out.extend(visit.tree.user(conn, &affected.id).await?);
    }
    Ok((kept_out, next.map(|place| place.mark())))
}

async fn asking(visit: &Visit, conn: &mut Conn, waiting: &[Waiting]) -> Result<Vec<Broken>, Problem> {
    let mut asking = Vec::new();
    for one in waiting {
        if let Some(person) = people::find(conn, &one.user_id).await? {
            asking.push(Broken::of(visit, conn, &person, Some(one)).await?);
        }
    }
    Ok(asking)
}

/// The messages of a day that did not get through, and whether none does. Where all that is known of it is that the mail server did not
/// let us in, it is asked whether it does by now.
pub(super) async fn failing(visit: &Visit) -> Result<(Vec<Delivery>, bool), Problem> {
    let look = async || deliveries::failing(&mut visit.read().await?, &visit.by).await.map_err(problem);
    let mailer = &visit.provider().signin.mailer;
    let failing = look().await?;
    let down = deliveries::down(&failing);
    let not_let_in = down.is_some_and(|meaning| meaning.ends_with() == Proof::LetIn) && mailer.is_set_up();
    if not_let_in && mailer.probe_within(PROBE).await.is_ok() {
        let failing = look().await?;
        let down = deliveries::down(&failing).is_some();
        return Ok((failing, down));
    }
    Ok((failing, down.is_some() || !mailer.is_set_up()))
}

/// The worst of it.
fn lead(mail_down: bool, kept_out: KeptOut, asking: (i64, bool), failed: usize) -> Said {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    match (mail_down, kept_out.n(), asking, failed) {
        (true, ..) => Said::new("repair-mail-down"),
        (_, n, ..) if n > 0 => {
            Said::new(if kept_out.more() { "repair-many-kept-out" } else { "repair-kept-out" }).counting(n)
        }
        (_, _, (n, more), _) if n > 0 => {
            Said::new(if more { "repair-many-asking" } else { "repair-asking" }).counting(n)
        }
        (.., n) if n > 0 => {
            Said::new(if n < MOST { "repair-failed" } else { "repair-many-failed" }).counting(count(n))
        }
        _ => Said::new(NOTHING),
    }
}

/// The failed messages by what was said about them.
fn told(visit: &Visit, failed: &[Delivery]) -> Vec<Failing> {
    let mut told: Vec<Failing> = Vec::new();
    for message in failed {
        let answer = Answered::of(&message.state, message.answer.as_deref());
        if let Some(same) = told.iter_mut().find(|one| one.answer == answer) {
            same.n += 1;
        } else if told.len() < ANSWERS {
            told.push(Failing {
                answer,
                n: 1,
                at: visit.moment(message.created_at_ms / 1000),
                to: whom(message),
                person: page_of(message),
                path: format!("/console/mail/{}", message.id),
            });
        }
    }
    told
}

/// Who can mend mail, for whoever cannot: those who administer the site.
async fn whom_to_ask(visit: &Visit) -> Result<Option<Said>, Problem> {
    if visit.by.administers_site() {
        return Ok(None);
    }
    let site = people::overriders(&mut visit.read().await?, None).await?;
    let names: Vec<&str> = site.iter().map(Person::display_name).collect();
    let key = if names.is_empty() { "repair-ask-operator" } else { "repair-ask" };
    Ok(Some(Said::new(key).about(&names.join(", "))))
}
