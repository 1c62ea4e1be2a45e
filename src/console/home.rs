//! `/console`: what needs this manager now?

use std::sync::atomic::Ordering;

use axum::response::Response;
use serde::Serialize;

use super::chart::Chart;
use super::field::{Linked, Said};
use super::guard::may;
use super::repair::{self, ASKING, COUNTED_ASKING, others};
use super::routes::{self, Needs, Route, Verb};
use super::visit::ConsolePage;
use super::{Visit, app};
use crate::clock::Moment;
use crate::directory::called;
use crate::directory::deliveries::MOST;
use crate::directory::help::{self, Waiting, Why};
use crate::directory::rights::own;
use crate::mail::without_settings;
use crate::oidc::clients::{self, certificates};
use crate::oidc::shared::slips;
use crate::signin::days;
use crate::signin::overview::{self, Overview};
use crate::store::deliveries::Delivery;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/console", Needs::AnyRight, |visit| Box::pin(get(visit))).in_menu("console-menu-home", 10)];

/// The longest answer of a mail server that is shown here, in characters.
const LONGEST_ANSWER: usize = 160;

/// What needs attention, the worst first, and how sign-ins have gone.
#[derive(Debug, Serialize)]
pub struct HomePage {
    /// One line each; empty when nothing does.
    pub attention: Vec<Attention>,
    /// Who signed in without a code since the last visit, newest first.
    pub overrides: Vec<Override>,
    /// The sign-ins of the last days; none when there were none.
    pub chart: Option<Chart>,
}

/// Something that needs attention.
#[derive(Clone, Debug, Serialize)]
pub struct Attention {
    /// How bad it is: `bad` for what keeps people out now, `warn` for what is to be looked at.
    pub weight: &'static str,
    /// What is wrong.
    pub said: Said,
    /// What to do about it: the key of a link's words, and where it leads.
    pub remedy: Option<(&'static str, String)>,
}

/// A sign-in by override.
#[derive(Clone, Debug, Serialize)]
pub struct Override {
    /// By whom.
    pub login: String,
    /// Their page, where this reader may see it.
    pub path: Option<String>,
    /// When.
    pub at: Moment,
}

impl ConsolePage for HomePage {
    const TEMPLATE: &'static str = "console/home.html";
}

/// `GET /console`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let state = &visit.provider.signin;
    let sees_people = visit.holds(own::VIEW_USERS);
    let look = async {
        // First, as in Repair: who cannot sign in depends on whether mail works by now.
        let failing = if sees_people { repair::failing(&visit).await? } else { (Vec::new(), false) };
        let seen = overview::look(state, &visit.tree, &visit.person.id, visit.now()).await?;
        Ok((seen, failing))
    };
    // Side by side where the database can: nobody holds a connection while they wait for another one.
    let others = async {
        let mut attention = asking_for_help(&visit).await?;
        attention.extend(failing_apps(&visit).await?);
        attention.extend(running_out(&visit).await?);
        let days = days::of(&mut visit.read().await?, &visit.tree, visit.now()).await?;
        Ok::<_, Problem>((attention, days))
    };
    let ((seen, failing), (others, days)) = tokio::try_join!(look, others)?;
    let mut attention: Vec<Attention> = mail(&visit, seen.mail, &failing).into_iter().collect();
    attention.extend(out_of_the_way(&visit, &seen));
    attention.extend(others);
    let overrides = overrides(&visit, &seen).await?;
    if !overrides.is_empty() {
        let said = Said::new("home-overrides").counting(count(overrides.len()));
        attention.push(Attention {
            weight: "warn",
            said,
            remedy: link(&visit, "home-see-audit", "/console/audit"),
        });
    }
    Ok(visit.page(&HomePage { attention, overrides, chart: Chart::of(&days) }))
}

/// Who else has signed in without a code since the last visit.
async fn overrides(visit: &Visit, seen: &Overview) -> Result<Vec<Override>, Problem> {
    let mut conn = visit.read().await?;
    let mut overrides = Vec::new();
    for one in seen.overrides.iter().filter(|one| one.user_id.as_ref() != Some(&visit.person.id)) {
        let person = match one.user_id.as_deref().filter(|_| visit.holds(own::VIEW_USERS)) {
            // They may have gone elsewhere since.
            Some(id) => visit.tree.user(&mut conn, id).await?,
            None => None,
        };
        overrides.push(Override {
            login: one.login.clone().unwrap_or_default(),
            path: person.map(|person| format!("/console/users/{}", person.id)),
            at: visit.moment(one.at_ms / 1000),
        });
    }
    Ok(overrides)
}

/// What is wrong with mail, as Repair says it: none gets through, or these messages did not.
fn mail(visit: &Visit, set_up: bool, (failing, down): &(Vec<Delivery>, bool)) -> Option<Attention> {
    let bad = |said, remedy| Some(Attention { weight: "bad", said, remedy });
    if !set_up {
        return bad(Said::new("home-no-mail"), link(visit, "home-see-mail", "/console/mail"));
    }
    let last = failing.first()?;
    let answer = without_settings(last.answer.as_deref().unwrap_or_default());
    let answer: String = answer.chars().take(LONGEST_ANSWER).collect();
    let key = match (down, failing.len() < MOST, answer.is_empty()) {
        (true, _, true) => "repair-mail-down",
        (true, _, false) => "home-mail-down-answer",
        (false, true, true) => "home-unsent",
        (false, true, false) => "home-unsent-answer",
        (false, false, true) => "home-many-unsent",
        (false, false, false) => "home-many-unsent-answer",
    };
    let said = Said::new(key).about(&answer).counting(count(failing.len()));
    bad(said, link(visit, "home-repair", "/console/repair"))
}

/// What keeps people out, or soon will.
fn out_of_the_way(visit: &Visit, seen: &Overview) -> Vec<Attention> {
    let bad = |said, remedy| Attention { weight: "bad", said, remedy };
    let mut found = Vec::new();
    // Nobody is told what is theirs neither to look at nor to mend.
    if !visit.holds(own::VIEW_USERS) {
        return found;
    }
    let kept_out = seen.kept_out;
    for (key, n, more) in [
        ("home-unreachable", kept_out.no_address, kept_out.more_nowhere),
        ("home-undelivered", kept_out.undelivered, kept_out.more_others),
    ] {
        if n > 0 {
            let said = Said::new(key).about(if more { "more" } else { "" }).counting(n);
            found.push(bad(said, link(visit, "home-repair", "/console/repair")));
        }
    }
    if seen.stopped.n > 0 {
        let more = if seen.stopped.more { "more" } else { "" };
        let said = Said::new("home-stopped").about(more).counting(seen.stopped.n);
        found.push(bad(said, link(visit, "home-see-users", "/console/users?filter=stopped")));
    }
    found
}

/// Who has asked for help because there was no way in, the longest first.
async fn asking_for_help(visit: &Visit) -> Result<Vec<Attention>, Problem> {
    if !visit.holds(own::VIEW_USERS) {
        return Ok(Vec::new());
    }
    let mut conn = visit.read().await?;
    // Those who stand first in Repair are named here.
    let waiting = help::waiting(&mut conn, &visit.by, (0, ""), ASKING).await?;
    let all = help::count(&mut conn, &visit.by, COUNTED_ASKING).await?;
    let others = others("home-help-others", waiting.len(), all);
    let line = |one: Waiting| {
        let key = match one.why {
            Some(Why::NoAddress) => "home-help-no-address",
            Some(Why::CodesStopped) => "home-help-codes-stopped",
            Some(Why::MailFailed) | None => "home-help-mail-failed",
        };
        let name = called(one.name.as_deref(), &one.login);
        Attention {
            weight: "bad",
            said: Said::new(key).about(&name).linked(vec![Linked::new(&one.user_id, &name)], false),
            remedy: link(visit, "home-repair", "/console/repair")
                .map(|(words, to)| (words, format!("{to}#person-{}", one.user_id))),
        }
    };
    let others = others.map(|said| Attention {
        weight: "bad",
        said,
        remedy: link(visit, "home-repair", "/console/repair"),
    });
    Ok(waiting.into_iter().map(line).chain(others).collect())
}

/// The apps whose sign-ins fail, for whoever can mend that.
async fn failing_apps(visit: &Visit) -> Result<Vec<Attention>, Problem> {
    if !visit.holds(own::MANAGE_RELYING_APPS) {
        return Ok(Vec::new());
    }
    visit.provider().slips.save(&visit.provider().signin.db).await?;
    let (mut conn, now) = (visit.read().await?, visit.now());
    let mistaken = slips::failing(&mut conn, now).await?;
    let refused = overview::failing_apps(&mut conn, now).await?;
    let old = slips::on_old_secrets(&mut conn, now).await?;
    let all = (mistaken.into_iter().map(|(id, n)| (id, "home-app-mistakes", n)))
        .chain(refused.into_iter().map(|(id, n)| (id, "home-app-failing", n)))
        .chain(old.into_iter().map(|id| (id, "home-old-secret", 0)));
    let mut found = Vec::new();
    for (client_id, key, n) in all {
        let Some(client) = clients::find(&mut conn, &client_id).await? else { continue };
        let said = Said::new(key).about(&client.metadata.client_name).counting(n);
        found.push(Attention { weight: "warn", said, remedy: Some(("home-see-app", app::here(&client))) });
    }
    for (client, until) in certificates::ending_before(&mut conn, now + CERTIFICATE_AHEAD).await? {
        let over = until < now;
        let key = if over { "home-app-certificate-over" } else { "home-app-certificate" };
        let said = Said::new(key).about(&client.metadata.client_name);
        let weight = if over { "bad" } else { "warn" };
        found.push(Attention { weight, said, remedy: Some(("home-see-app", app::here(&client))) });
    }
    Ok(found)
}

/// How long before its end a certificate is told of, and after how long past its time a rotation is, in seconds.
const CERTIFICATE_AHEAD: i64 = 14 * 86_400;
const ROTATION_LATE: i64 = 86_400;

/// What ends of what the site stands on, for whoever runs it.
async fn running_out(visit: &Visit) -> Result<Vec<Attention>, Problem> {
    if !visit.by.administers_site() {
        return Ok(Vec::new());
    }
    let (provider, now) = (visit.provider(), visit.now());
    let mut found = Vec::new();
    let until = provider.certificate_until.load(Ordering::Relaxed);
    if until > 0 && until - now < CERTIFICATE_AHEAD {
        let (weight, key) =
            if until > now { ("warn", "home-certificate") } else { ("bad", "home-certificate-over") };
        let said = Said::new(key).about(&visit.moment(until).date);
        found.push(Attention { weight, said, remedy: None });
    }
    let ring = provider.keys.ring(now).await.map_err(|error| Problem::Internal(error.to_string()))?;
    let late = ring.newest_since().map(|made| now - made - provider.rotate_every);
    if let Some(late) = late.filter(|late| *late > ROTATION_LATE) {
        let said = Said::new("home-keys-old").counting(late / 86_400);
        found.push(Attention { weight: "warn", said, remedy: link(visit, "home-see-keys", "/console/keys") });
    }
    Ok(found)
}

/// A link to a page, if there is one and it is theirs to see.
pub(super) fn link(visit: &Visit, words: &'static str, to: &str) -> Option<(&'static str, String)> {
    let path = to.split('?').next().unwrap_or_default();
    let mut routes = routes::all();
    let opens =
        routes.any(|route| route.verb == Verb::Get && route.path == path && may(&visit.by, route.needs));
    opens.then(|| (words, to.to_owned()))
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
