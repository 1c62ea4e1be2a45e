//! What does every page of the console look like in each of its states? For `countersign check` and the tests, as the sign-in pages
//! have it. One function a page, below; add yours to [`pages`].

use super::chart::Chart;
use super::confirm::Confirm;
use super::field::{Said, Summed};
use super::frame::{Frame, Framed, Item};
use super::home::{Attention, HomePage, Override};
use super::kept::{KeptPage, SentPage};
use super::not_now::NotNowPage;
use super::samples_apps;
use super::samples_groups;
use super::samples_mail;
use super::saved::Saved;
use super::stranger::StrangerPage;
use super::visit::ConsolePage;
use crate::clock::Moment;
use crate::signin::days::Day;
use crate::web::samples::{Drawing, LONG, MOMENT, Sample};
use crate::web::{Language, Pages, TemplateError};

/// Every page in each of its states.
///
/// # Errors
/// When a template asks for what its page does not have.
pub fn pages(pages: &Pages, language: Language) -> Result<Vec<Sample>, TemplateError> {
    let mut drawing = Drawing::new(pages, language);
    home(&mut drawing)?;
    super::users_samples::people(&mut drawing)?;
    super::sessions_samples::all(&mut drawing)?;
    super::several_samples::all(&mut drawing)?;
    around(&mut drawing)?;
    samples_groups::draw(&mut drawing)?;
    samples_apps::all(&mut drawing)?;
    samples_mail::draw(&mut drawing)?;
    Ok(drawing.samples)
}

/// The same in every language.
///
/// # Errors
/// When a template asks for what is not there.
pub fn all(drawer: &Pages) -> Result<Vec<Sample>, TemplateError> {
    let drawn = Language::all().map(|language| pages(drawer, language));
    Ok(drawn.collect::<Result<Vec<_>, _>>()?.concat())
}

fn home(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let nothing = || HomePage { attention: Vec::new(), overrides: Vec::new(), chart: None };
    console(drawing, "console-home", &nothing())?;
    let days: Vec<Day> = (0..30)
        .map(|n| Day {
            day: MOMENT / 86_400 - 29 + n,
            password: n % 3,
            code: if n % 7 < 2 { 0 } else { 12 + n % 5 },
            overridden: i64::from(n % 11 == 4),
            refused: i64::from(n % 9 == 7) * 2,
        })
        .collect();
    console(drawing, "console-home-figures", &HomePage { chart: Chart::of(&days), ..nothing() })?;
    let remedy = |words, to: &str| Some((words, to.to_owned()));
    let answer = "451 4.7.1 <Ned@example.org>: Recipient address rejected: try again later";
    let line = |weight, said, remedy| Attention { weight, said, remedy };
    let attention = vec![
        line(
            "bad",
            Said::new("home-unsent-answer").about(answer).counting(3),
            remedy("home-repair", "/console/repair"),
        ),
        line(
            "bad",
            Said::new("home-help-no-address").about("Nia Nash"),
            remedy("home-repair", "/console/repair"),
        ),
        line("bad", Said::new("home-unreachable").counting(2), remedy("home-see-users", "/console/users")),
        line("bad", Said::new("home-stopped").counting(1), remedy("home-see-users", "/console/users")),
        line("warn", Said::new("home-app-failing").about(LONG).counting(7), None),
        line("warn", Said::new("home-overrides").counting(2), None),
    ];
    let at = |seconds| Moment::new(MOMENT - seconds, Some("Europe/Berlin"));
    let overrides = vec![
        Override { login: "ada".to_owned(), path: Some("/console/users/x".to_owned()), at: at(600) },
        Override { login: LONG.to_owned(), path: None, at: at(90_000) },
    ];
    let chart = Chart::of(&days);
    console(drawing, "console-home-attention", &HomePage { attention, overrides, chart })
}

fn around(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let fields =
        vec![("email".to_owned(), "nia@example.org".to_owned()), ("name".to_owned(), LONG.to_owned())];
    let kept = |sure| KeptPage {
        action: "/console/users/x".to_owned(),
        fields: fields.clone(),
        shown: fields.clone(),
        sure,
    };
    let not_now = |lead, button, way| NotNowPage {
        lead,
        button,
        way,
        action: "/console/users/x".to_owned(),
        fields: fields.clone(),
        shown: fields.clone(),
    };
    drawing.page("console-not-now", &not_now("console-not-now-lead", "console-not-now-button", None))?;
    let way = Some("/console/unlock");
    drawing
        .page("console-too-long-to-keep", &not_now("console-kept-too-long", "console-kept-button", way))?;
    console(drawing, "console-sent", &SentPage {})?;
    console(drawing, "console-kept", &kept(false))?;
    console(drawing, "console-kept-sure", &kept(true))?;
    let confirm = Confirm {
        question: Said::new("console-app").about(LONG),
        consequences: vec![Said::new("console-app"), Said::new("console-app")],
        action: "/console/users/x".to_owned(),
        fields: fields.clone(),
        button: "continue-button",
        grave: true,
        back: "/console".to_owned(),
        number: None,
        errors: Vec::new(),
    };
    console(drawing, "console-confirm", &confirm)?;
    let errors = vec![Summed::new("confirm", Said::new("wrong-too-long"))];
    let number = Some(Said::new("console-app").counting(3));
    console(drawing, "console-confirm-number", &Confirm { number, errors, ..confirm })?;
    drawing.page("console-stranger", &StrangerPage { login: LONG.to_owned() })
}

/// Draws a page in the frame of a Top manager who can make changes for some more minutes.
pub(super) fn console<P: ConsolePage>(
    drawing: &mut Drawing<'_>,
    name: &'static str,
    page: &P,
) -> Result<(), TemplateError> {
    drawing.page(name, &Framed { frame: frame(name), page })
}

fn frame(name: &str) -> Frame {
    let item = |label, path, current| Item { label, path, current };
    let undone = Saved::new("console-app")
        .undone_by("/console/users/x", &[("status", "active")])
        .then("/console/users/x/test", "repair-test");
    Frame {
        menu: vec![
            item("console-menu-home", "/console", Some("page")),
            item("console-menu-repair", "/console/repair", None),
        ],
        who: "Ada Lovelace".to_owned(),
        group: Some("Acme".to_owned()),
        unlocked_until: (name != "console-home").then(|| Moment::new(MOMENT, None)),
        unlock: "/console/unlock?to=%2Fconsole".to_owned(),
        languages: if name == "console-home" {
            vec![("en", "English", true), ("de", "Deutsch", false)]
        } else {
            Vec::new()
        },
        here: "/console".to_owned(),
        saved: (name == "console-home-attention").then_some(undone),
    }
}
