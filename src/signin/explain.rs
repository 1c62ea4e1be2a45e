//! What would a sign-in by this person ask for now, and why? The same decision as the sign-in's, told in words.

use std::fmt;

use super::decide::{Assurance, Demand, Facts, Hindrance, Next, Reach, decide};
use super::facts;
use crate::directory::{Person, Status, TwoFactor, people};
use crate::store::challenges::{self, Codes};
use crate::store::{Conn, Result};

/// The answer, for the command line and the managers' console.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Explanation {
    /// The person's login.
    pub login: String,
    /// What is asked for, as a word: `password`, `password_and_code`, or why nobody gets in.
    pub outcome: &'static str,
    /// What it means, one sentence a line.
    pub because: Vec<String>,
    /// What the mail server said of the last message, where a code goes to an address that it did not reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undelivered: Option<String>,
    /// Whether it is a code that was given by hand that lets them in, once, and no other would reach them.
    #[serde(skip)]
    pub once: bool,
    /// What will have been proven in the end; none where nobody gets in.
    #[serde(skip)]
    pub proves: Option<Assurance>,
}

/// Explains a sign-in by this person, given what a relying app would insist on.
///
/// # Errors
/// When the database refuses.
pub async fn explain(
    conn: &mut Conn,
    person: &Person,
    demand: Demand,
    attempts: i64,
    now: i64,
) -> Result<Explanation> {
    let codes = challenges::codes_of(conn, &person.id, now, attempts).await?;
    look(conn, person, codes, demand, now).await
}

/// The same about several, all of whose codes are asked for at once.
///
/// # Errors
/// When the database refuses.
pub async fn explain_all(
    conn: &mut Conn,
    people: &[&Person],
    demand: Demand,
    attempts: i64,
    now: i64,
) -> Result<Vec<Explanation>> {
    let asked = people.iter().map(|person| challenges::ask_codes_of(conn, &person.id, now, attempts));
    let asked = asked.collect::<Result<Vec<_>>>()?;
    conn.answers().await?;
    let mut all = Vec::with_capacity(people.len());
    for (person, codes) in people.iter().zip(asked) {
        all.push(look(conn, person, codes.answer()?.unwrap_or_default(), demand, now).await?);
    }
    Ok(all)
}

async fn look(
    conn: &mut Conn,
    person: &Person,
    codes: Codes,
    demand: Demand,
    now: i64,
) -> Result<Explanation> {
    let facts = facts::about(person, codes, demand, now);
    let mut explanation = tell(person, &facts);
    if explanation.outcome == "password_and_code" && facts.reach == Reach::Hand {
        let reached = person.deliverable_address().is_some();
        explanation.once = !reached || people::undelivered(conn, &person.id).await?.is_some();
    }
    let by_mail = explanation.outcome == "password_and_code" && facts.reach == Reach::Email;
    if by_mail && let Some(answer) = people::undelivered(conn, &person.id).await? {
        let sentence = "The last message to that address was refused: until one arrives, they cannot sign in. The server said:";
        explanation.because.push(format!("{sentence} {answer}"));
        explanation.undelivered = Some(answer);
    }
    Ok(explanation)
}

fn tell(person: &Person, facts: &Facts) -> Explanation {
    let mut because = Vec::new();
    match person.status {
        Status::Active => {}
        Status::Disabled => because.push("The user is disabled: every password is refused.".to_owned()),
        Status::Invited => because.push("The user has not chosen a password yet.".to_owned()),
    }
    because.push(group_sentence(person, facts));
    if facts.two_factor != TwoFactor::Off {
        let holds = if facts.overrides { "holds" } else { "does not hold" };
        because.push(format!("The role {} {holds} override_2fa.", person.role.name));
    }
    if facts.demand == Demand::TwoFactors {
        because.push("The relying app insists on two factors.".to_owned());
    }
    let next = decide(Some(facts));
    because.push(reach_sentence(person, facts, next));
    let outcome = if person.status == Status::Active { word(next) } else { "refused" };
    let proves = if person.status == Status::Active { proves(next) } else { None };
    Explanation { login: person.login.clone(), outcome, because, undelivered: None, once: false, proves }
}

fn group_sentence(person: &Person, facts: &Facts) -> String {
    match &person.group {
        None => "The user is in no group: no two-factor setting applies.".to_owned(),
        Some(group) => {
            let meaning = match facts.two_factor {
                TwoFactor::Rehearse => {
                    "on rehearsal: a code is sent and asked for, and one can go on without"
                }
                setting => setting.name(),
            };
            format!("The group {} has two-factor {meaning}.", group.name)
        }
    }
}

fn reach_sentence(person: &Person, facts: &Facts, next: Next) -> String {
    match next {
        Next::Password => "The password is asked for first.".to_owned(),
        Next::LongerPassword => "The password alone lets them in, and theirs is shorter than that takes: \
             they choose a longer one first."
            .to_owned(),
        Next::Done(Assurance::Override) => {
            "The password alone lets them in; this is recorded and announced to the other Top managers.".to_owned()
        }
        Next::Done(_) => "The password alone lets them in.".to_owned(),
        Next::Hindered(Hindrance::NoAddress) => "There is no address to send a code to: they are told so, and go on without. \
             If two-factor were on, they could not sign in; set an address with `countersign user set`."
            .to_owned(),
        Next::Hindered(_) => "Too many wrong codes have stopped this user's codes: they are told so, and go on without. \
             If two-factor were on, they could not sign in before `countersign user unlock`."
            .to_owned(),
        Next::Code { .. } if facts.reach == Reach::Hand => "A code given by hand is waiting to be used.".to_owned(),
        Next::Code { .. } => match person.deliverable_address() {
            Some(address) => format!("A code goes to {}.", address.masked()),
            None => "A code is asked for.".to_owned(),
        },
        Next::NoAddress => "A code is needed, and there is no address to send it to: \
             \"No email associated with this login.\" Set one with `countersign user set`, or give a code by hand with \
             `countersign user code`."
            .to_owned(),
        Next::CodesStopped => "Too many wrong codes have stopped this user's codes: \
             `countersign user unlock` clears it."
            .to_owned(),
        Next::Unmet => "The app insists on a code, and there is no address to send it to: the app is told \
             unmet_authentication_requirements."
            .to_owned(),
    }
}

/// What somebody has proven who has done what comes next, and got in.
const fn proves(next: Next) -> Option<Assurance> {
    match next {
        Next::Done(assurance) => Some(assurance),
        Next::Code { .. } => Some(Assurance::TwoFactors),
        Next::Password | Next::LongerPassword | Next::Hindered(_) => Some(Assurance::Password),
        Next::NoAddress | Next::CodesStopped | Next::Unmet => None,
    }
}

const fn word(next: Next) -> &'static str {
    match next {
        Next::Password | Next::Done(Assurance::Password) => "password",
        Next::LongerPassword => "password_then_longer_password",
        Next::Done(Assurance::Override) => "password_by_override",
        Next::Done(Assurance::TwoFactors) | Next::Code { may_skip: false } => "password_and_code",
        Next::Code { may_skip: true } | Next::Hindered(_) => "password_and_rehearsed_code",
        Next::NoAddress => "no_address",
        Next::CodesStopped => "codes_stopped",
        Next::Unmet => "unmet_authentication_requirements",
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.login, self.outcome.replace('_', " "))?;
        for sentence in &self.because {
            writeln!(f, "  {sentence}")?;
        }
        Ok(())
    }
}
