//! `/console/mail`: what has become of the mail to the reader's people, and what waits to be sent?

use axum::response::Response;
use serde::Serialize;

use super::answered::Answered;
use super::field::{Field, Kind, Said, Summed, Wrong, errors};
use super::groups_to_choose::problem;
use super::home::link;
use super::listing::{Declared, Listing, Table};
use super::person_form::{self, LONGEST};
use super::repair_deeds::not_sent;
use super::routes::{Needs, Route};
use super::visit::ConsolePage;
use super::{Visit, kept};
use crate::clock::Moment;
use crate::directory::deliveries::{self, MOST, Which};
use crate::directory::proof::AdministerSite;
use crate::directory::rights::own;
use crate::directory::{Address, called};
use crate::mail::Purpose;
use crate::signin::mailing;
use crate::store::deliveries::Delivery;
use crate::web::Problem;

const HERE: &str = "/console/mail";

pub(super) const ROUTES: &[Route] = &[
    Route::get(HERE, Needs::Right(own::VIEW_USERS), |visit| Box::pin(get(visit)))
        .in_menu("console-menu-mail", 90),
    Route::post("/console/mail/test", Needs::Site, "mail.tested", |visit| Box::pin(test(visit)))
        .drawn_again(|visit| Box::pin(again(visit))),
];

/// Messages of a page.
const SHOWN: usize = 25;

const COLUMNS: [Declared; 4] = [
    Declared { sort: Some("when"), label: "mail-when", number: false },
    Declared { sort: None, label: "mail-what", number: false },
    Declared { sort: None, label: "mail-to", number: false },
    Declared { sort: None, label: "mail-outcome", number: false },
];

/// What has become of mail.
#[derive(Clone, Debug, Serialize)]
pub struct MailPage {
    /// What is wrong, or that nothing is.
    pub lead: Said,
    /// Whether anything is.
    pub unwell: bool,
    /// How many messages wait at this site; none for whoever sees a part of it.
    pub waiting: Option<i64>,
    /// Where the settings are, for whoever may change them.
    pub settings: Option<(&'static str, String)>,
    /// The address that a test goes to, for whoever may try any; and what is wrong with it.
    pub test: Option<Field>,
    /// What is wrong with what was typed.
    pub errors: Vec<Summed>,
    /// What there is to choose: where it leads, the key of its name, whether it is chosen.
    pub filters: Vec<(String, &'static str, bool)>,
    /// The table's head.
    pub table: Table,
    /// One line each.
    pub messages: Vec<Line>,
}

/// A message.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its page.
    pub path: String,
    /// When it was made.
    pub at: Moment,
    /// The key of what it is for.
    pub what: &'static str,
    /// To whom: their name with the login, or else the address.
    pub to: String,
    /// Their page, where they are somebody here.
    pub person: Option<String>,
    /// What has become of it.
    pub answer: Answered,
    /// Whether it has failed, or waits because of a failure.
    pub failed: bool,
}

impl ConsolePage for MailPage {
    const TEMPLATE: &'static str = "console/mail.html";
}

/// `GET /console/mail`
async fn get(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.page(&page(&visit, None).await?))
}

/// `POST /console/mail/test`: sends a message to any address, and shows what the server says of it.
async fn test(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<AdministerSite>()?;
    let wrong = match person_form::email(&visit) {
        Ok(Some(address)) => match mailing::test_address(&visit.provider().signin, &address, &by).await {
            Ok(message) => return Ok(visit.to(&format!("{HERE}/{message}"))),
            Err(error) => not_sent(error)?,
        },
        Ok(None) => Wrong::new("email", Said::new("wrong-email")),
        Err(wrong) => wrong,
    };
    Ok(visit.again(&page(&visit, Some(&wrong)).await?))
}

/// The form for a test, as it was typed.
async fn again(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.again(&page(&visit, Some(&kept::not_saved())).await?))
}

async fn page(visit: &Visit, wrong: Option<&Wrong>) -> Result<MailPage, Problem> {
    let asked = Listing::of(visit, &COLUMNS).at(HERE);
    let which = Which::from_word(&asked.filter);
    let mut conn = visit.read().await?;
    let more = i64::try_from(SHOWN + 1).unwrap_or(i64::MAX);
    // The newest first, unless the oldest are asked for.
    let order = (asked.sort.is_some() && !asked.descending, asked.after.as_str());
    let mut found = deliveries::list(&mut conn, which, order, more, &visit.by).await.map_err(problem)?;
    let next = (found.len() > SHOWN).then(|| found.truncate(SHOWN));
    let next = next.and(found.last()).map(deliveries::mark);
    let failing = deliveries::failing(&mut conn, &visit.by).await.map_err(problem)?.len();
    let whole = visit.by.administers_site();
    let test = whole.then(|| {
        let field = Field::new("email", "mail-test-address", Kind::Email, "").longest(LONGEST.0);
        let field = field.editable(visit, &Ok::<_, ()>(()));
        if wrong.is_some() { field.typed(&visit.form, wrong) } else { field }
    });
    let set_up = visit.provider().signin.mailer.is_set_up();
    let failed = deliveries::count_failed(&mut conn, &visit.by).await.map_err(problem)?;
    Ok(MailPage {
        unwell: !set_up || failing > 0,
        lead: lead(set_up, failing, failed),
        waiting: deliveries::waiting(&mut conn, &visit.tree).await?,
        settings: link(visit, "repair-see-settings", "/console/mail/settings"),
        errors: errors(&test, wrong),
        test,
        filters: filters(&asked, which),
        table: asked.table("mail-title", &COLUMNS, next.as_deref()),
        messages: found.iter().map(|message| line(visit, message)).collect(),
    })
}

/// Whether mail is well: how many messages of the last day did not get through (`failed`), and about how many of them something is left to do.
fn lead(set_up: bool, failing: usize, failed: usize) -> Said {
    let (key, n) = match (set_up, failing, failed) {
        (false, ..) => ("home-no-mail", 0),
        (true, 0, 0) => ("mail-all-well", 0),
        (true, 0, n) if n < MOST => ("mail-well-again", n),
        (true, 0, n) => ("mail-many-well-again", n),
        (true, n, _) if n < MOST => ("mail-some-failed", n),
        (true, n, _) => ("mail-many-failed", n),
    };
    Said::new(key).counting(i64::try_from(n).unwrap_or(i64::MAX))
}

fn filters(asked: &Listing, which: Which) -> Vec<(String, &'static str, bool)> {
    [
        (Which::All, "mail-filter-all"),
        (Which::Failed, "mail-filter-failed"),
        (Which::Waiting, "mail-filter-waiting"),
    ]
    .into_iter()
    .map(|(one, label)| (asked.with_filter(one.word()), label, one == which))
    .collect()
}

fn line(visit: &Visit, message: &Delivery) -> Line {
    Line {
        path: format!("{HERE}/{}", message.id),
        at: visit.moment(message.created_at_ms / 1000),
        what: kind(&message.purpose),
        to: whom(message),
        person: page_of(message),
        answer: Answered::of(&message.state, message.answer.as_deref()),
        failed: matches!(message.state.as_str(), "refused" | "expired" | "deferred"),
    }
}

/// To whom a message went: their name with the login, or else its address.
pub(super) fn whom(message: &Delivery) -> String {
    match &message.login {
        Some(login) => called(message.name.as_deref(), login),
        None => address(message),
    }
}

/// The page of whom a message went to; none where they are gone.
pub(super) fn page_of(message: &Delivery) -> Option<String> {
    message.user_id.as_ref().filter(|_| message.login.is_some()).map(|id| format!("/console/users/{id}"))
}

/// Its address, as people read it.
pub(super) fn address(message: &Delivery) -> String {
    Address::parse(&message.address).map_or_else(|_| message.address.clone(), |address| address.shown())
}

/// The key of what a message is for; a later version may know more than this one.
pub(super) fn kind(purpose: &str) -> &'static str {
    let Some(purpose) = Purpose::from_name(purpose) else { return "mail-kind-other" };
    match purpose {
        Purpose::SignInCode => "mail-kind-sign-in-code",
        Purpose::OverrideAlert => "mail-kind-override-alert",
        Purpose::CodesStopped => "mail-kind-codes-stopped",
        Purpose::ChoosePassword => "mail-kind-choose-password",
        Purpose::PasswordReset => "mail-kind-password-reset",
        Purpose::PasswordChanged => "mail-kind-password-changed",
        Purpose::ResetWithoutAddress => "mail-kind-reset-without-address",
        Purpose::HelpAsked => "mail-kind-help-asked",
        Purpose::CodeByHand => "mail-kind-code-by-hand",
        Purpose::AddressLeft => "mail-kind-address-left",
        Purpose::Test => "mail-kind-test",
    }
}
