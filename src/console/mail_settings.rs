//! `/console/mail/settings`: by which mail server does mail leave, would another one work, and from when on is it that one? For site
//! administrators alone: it reaches into the network.

use axum::response::Response;
use serde::Serialize;

use super::answered::meaning;
use super::confirm::Confirm;
use super::field::{Field, Said, Summed, Wrong, errors};
use super::mail_form::{self, Typed};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use super::{Visit, kept, repair, trouble};
use crate::config::{Encryption, TransportKind};
use crate::directory::Error;
use crate::directory::mail_settings::{self, Failed, marks, parts};
use crate::directory::proof::{AdministerSite, Proof};
use crate::keys::secret::entropy;
use crate::mail::settings::{MailSettings, Stage, TrialFailed};
use crate::mail::{MailError, Meaning, note_let_in, without_settings};
use crate::web::Problem;

const HERE: &str = "/console/mail/settings";

pub(super) const ROUTES: &[Route] = &[
    Route::get(HERE, Needs::Site, |visit| Box::pin(get(visit))),
    Route::post(HERE, Needs::Site, "mail.settings_saved", |visit| Box::pin(post(visit)))
        .drawn_again(|visit| Box::pin(again(visit))),
    Route::post("/console/mail/settings/reset", Needs::Site, "mail.settings_reset", |visit| {
        Box::pin(reset(visit))
    }),
];

/// By which mail server mail leaves.
#[derive(Clone, Debug, Serialize)]
pub struct MailSettingsPage {
    /// Whose settings count.
    pub lead: Said,
    /// What a trial has found, if there was one.
    pub trial: Option<Trial>,
    /// What is wrong with what was typed.
    pub errors: Vec<Summed>,
    /// The settings, and whose mailbox a trial asks for.
    pub fields: Vec<Field>,
    /// What was so when the form was drawn: name and value. And the password that was typed before, sealed.
    pub seen: Vec<(String, String)>,
    /// What was saved when the form was drawn, to find out whether that is what will be forgotten.
    pub version: String,
    /// Whether there is a box for saving what does not work.
    pub insist: bool,
    /// Whether what was saved can be forgotten.
    pub resettable: bool,
}

/// What a trial has found.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    /// Whether all of it went well.
    pub works: bool,
    /// How far it came: the key of each stage, and whether that was `done`, `failed` or `not-reached`.
    pub stages: Vec<(&'static str, &'static str)>,
    /// What was found where it failed, in plain words.
    pub said: Option<Said>,
    /// The same to the letter.
    pub raw: Option<String>,
}

impl ConsolePage for MailSettingsPage {
    const TEMPLATE: &'static str = "console/mail_settings.html";
}

impl Trial {
    /// The stages that these settings have, and how they went.
    #[must_use]
    pub fn of(settings: &MailSettings, tried: &Result<(), TrialFailed>) -> Self {
        let stages = [
            (Stage::Connect, "mail-stage-connect", true),
            (Stage::Tls, "mail-stage-tls", settings.encryption != Encryption::None),
            (Stage::Login, "mail-stage-login", settings.username.is_some()),
            (Stage::Sender, "mail-stage-sender", true),
            (Stage::Recipient, "mail-stage-recipient", true),
        ];
        let failed = tried.as_ref().err();
        let mut state = "done";
        let mut went = Vec::new();
        for (stage, label, is_there) in stages {
            let here = failed.is_some_and(|failed| failed.stage == stage || failed.stage == Stage::Settings);
            if here && state == "done" {
                state = "failed";
            }
            if is_there || state == "failed" {
                went.push((label, state));
            }
            if state == "failed" {
                state = "not-reached";
            }
        }
        Self {
            works: failed.is_none(),
            stages: went,
            said: failed.map(|failed| meaning(&failed.words)),
            raw: failed.map(|failed| without_settings(&failed.words)),
        }
    }

    /// What a trial has found that is wrong with one field.
    fn wrong(tried: &Result<(), TrialFailed>) -> Option<Wrong> {
        let about_sender = tried.as_ref().is_err_and(|failed| {
            failed.stage == Stage::Sender && Meaning::of(&failed.words) == Meaning::NotForUs
        });
        about_sender.then(|| Wrong::new("from", Said::new("wrong-mail-sender")))
    }
}

/// `GET /console/mail/settings`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<AdministerSite>()?;
    Ok(visit.page(&page(&visit, &by, false, &[], None).await?))
}

/// `POST /console/mail/settings`: tries what was typed, and saves it if that is asked for and it works, or is insisted on.
async fn post(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<AdministerSite>()?;
    let (typed, settings) = match typed(&visit, &by).await? {
        Ok(found) => found,
        Err(wrong) => return Ok(visit.again(&page(&visit, &by, true, &wrong, None).await?)),
    };
    let state = &visit.provider().signin;
    let (file, to) = (state.mailer.file(), typed.to.as_str());
    let tried = match mail_settings::try_out(&state.db, file, &settings, to, &by).await {
        Ok(tried) => tried,
        Err(error) => {
            let wrong = refused(error)?;
            return Ok(visit.again(&page(&visit, &by, true, &wrong, None).await?));
        }
    };
    let trial = Trial::of(&settings, &tried);
    let save = visit.form.field("do") == "save";
    if !save || !(trial.works || visit.form.field("insist") == "on") {
        let whole = save.then(|| Wrong::new("", Said::new("wrong-mail-trial")));
        let wrong: Vec<Wrong> = whole.into_iter().chain(Trial::wrong(&tried)).collect();
        let page = page(&visit, &by, true, &wrong, Some(trial)).await?;
        return Ok(if save { visit.again(&page) } else { visit.page(&page) });
    }
    let mut tx = visit.write().await?;
    let seen = mail_form::seen(&visit);
    match mail_settings::save(&mut tx, &state.vault, file, &settings, &seen, &by, &mut entropy()).await {
        Ok(()) => {
            if trial.works {
                note_let_in(&mut tx, visit.now()).await?;
            }
            tx.commit().await?;
            let key = if trial.works { "saved-mail-settings" } else { "saved-mail-settings-untried" };
            Ok(visit.saved(HERE, &Saved::new(key).about(&settings.host)))
        }
        Err(error) => {
            drop(tx);
            let mut wrong = refused(error)?;
            say_what_is_so(&visit, &by, &mut wrong).await?;
            let page = page(&visit, &by, true, &wrong, None).await?;
            // Whoever is told what is so now has seen it.
            let mut seen = so_now(&visit, &by).await?;
            seen.extend(mail_form::to_carry(&visit, &wrong));
            Ok(visit.again(&MailSettingsPage { seen, ..page }))
        }
    }
}

/// The form as it was typed, but for the password.
async fn again(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<AdministerSite>()?;
    let wrong: Vec<Wrong> =
        [kept::not_saved()].into_iter().chain(kept::unkept(&visit.form, "password")).collect();
    Ok(visit.again(&page(&visit, &by, true, &wrong, None).await?))
}

/// What was typed, and the settings with the password that goes with them.
async fn typed(
    visit: &Visit,
    by: &Proof<AdministerSite>,
) -> Result<Result<(Typed, MailSettings), Vec<Wrong>>, Problem> {
    let typed = match Typed::read(visit) {
        Ok(typed) => typed,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let state = &visit.provider().signin;
    let file = state.mailer.file();
    if let Err(error) = typed.settings.check(file) {
        return Ok(Err(refused(error.into())?));
    }
    let mut conn = visit.read().await?;
    match mail_settings::completed(&mut conn, &state.vault, file, typed.settings.clone(), by).await {
        Ok(settings) => Ok(Ok((typed, settings))),
        Err(error) => Ok(Err(refused(error)?)),
    }
}

/// What is wrong with what was typed; or a problem that no typing mends.
fn refused(error: Failed) -> Result<Vec<Wrong>, Problem> {
    let (field, said) = match error {
        Failed::Mail(MailError::Store(error)) => return Err(error.into()),
        Failed::Directory(error) => return Ok(vec![trouble::wrong(error)?]),
        Failed::PasswordWanted => ("password", Said::new("wrong-mail-password")),
        Failed::TooMany => ("", Said::new("wrong-too-many-tests")),
        Failed::Overtaken(fields) => {
            let said = || Said::new("wrong-overtaken-somehow");
            return Ok(fields.into_iter().map(|field| Wrong::new(field, said())).collect());
        }
        Failed::Mail(MailError::From(_)) => ("from", Said::new("wrong-mail-from")),
        Failed::Mail(error) => {
            ("", Said::new("wrong-otherwise").about(&without_settings(&error.to_string())))
        }
    };
    Ok(vec![Wrong::new(field, said)])
}

/// Says beside each field that somebody else has changed what it holds now.
async fn say_what_is_so(
    visit: &Visit,
    by: &Proof<AdministerSite>,
    wrong: &mut [Wrong],
) -> Result<(), Problem> {
    let (now, _) = current(visit, by).await?;
    let now = parts(&now);
    for one in wrong.iter_mut().filter(|one| one.said.key == "wrong-overtaken-somehow") {
        if let Some((_, value)) = now.iter().find(|(name, _)| *name == one.field) {
            let key = if value.is_empty() { "wrong-overtaken-empty" } else { "wrong-overtaken" };
            one.said = Said::new(key).about(value);
        }
        if one.field == "password" {
            one.said = Said::new("wrong-mail-password-meanwhile");
        }
    }
    Ok(())
}

/// `POST /console/mail/settings/reset`: asks, and lets the file count again.
async fn reset(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<AdministerSite>()?;
    let seen = visit.form.get("version");
    let (now, version) = (current(&visit, &by).await?.0, version(&visit, &by).await?);
    if !version.is_empty() && seen.is_some_and(|seen| seen != version) {
        return overtaken(&visit, &by).await;
    }
    if !visit.is_confirmed() {
        let file = &visit.provider().signin.mailer.file().mail;
        let back = match file.transport {
            TransportKind::Smtp => Said::new("mail-reset-smtp").about(&file.host),
            TransportKind::File => Said::new("mail-reset-file"),
            TransportKind::None => Said::new("mail-reset-none"),
        };
        let asked = Confirm::of(&visit, Said::new("mail-reset-question"), "mail-reset-button", HERE)
            .consequence(Said::new("mail-reset-now").about(&now.host))
            .consequence(back)
            .consequence(Said::new("mail-reset-gone"));
        return Ok(visit.confirm(&asked));
    }
    let mut tx = visit.write().await?;
    match mail_settings::reset(&mut tx, seen, &by, &mut entropy()).await {
        Ok(was_saved) => {
            tx.commit().await?;
            let key = if was_saved { "saved-mail-reset" } else { "saved-mail-was-reset" };
            Ok(visit.saved(HERE, &Saved::new(key)))
        }
        Err(Failed::Overtaken(_)) => {
            tx.give_up().await?;
            overtaken(&visit, &by).await
        }
        Err(error) => {
            drop(tx);
            let wrong = refused(error)?;
            Ok(visit.again(&page(&visit, &by, false, &wrong, None).await?))
        }
    }
}

/// Somebody else has saved other settings since these were shown, which nobody has meant to forget: the page says what is so now.
async fn overtaken(visit: &Visit, by: &Proof<AdministerSite>) -> Result<Response, Problem> {
    let (now, _) = current(visit, by).await?;
    let wrong = Wrong::new("", Said::new("wrong-mail-reset-meanwhile").about(&now.host));
    Ok(visit.again(&page(visit, by, false, &[wrong], None).await?))
}

/// What was saved, in few characters; empty where the file counts.
async fn version(visit: &Visit, by: &Proof<AdministerSite>) -> Result<String, Problem> {
    mail_settings::version(&mut visit.read().await?, by).await.map_err(problem)
}

/// What no typing mends.
fn problem(error: Failed) -> Problem {
    match error {
        Failed::Directory(Error::Store(error)) | Failed::Mail(MailError::Store(error)) => error.into(),
        other => Problem::Internal(other.to_string()),
    }
}

/// The settings that count, and whether they were saved here.
async fn current(visit: &Visit, by: &Proof<AdministerSite>) -> Result<(MailSettings, bool), Problem> {
    let state = &visit.provider().signin;
    let mut conn = visit.read().await?;
    let found = mail_settings::current(&mut conn, &state.vault, state.mailer.file(), by).await;
    found.map_err(problem)
}

/// What is so now, as the form says it of what its reader has seen.
async fn so_now(visit: &Visit, by: &Proof<AdministerSite>) -> Result<Vec<(String, String)>, Problem> {
    let (now, _) = current(visit, by).await?;
    let marks = marks(&visit.provider().signin.vault, &now).map_err(problem)?;
    Ok(marks.into_iter().map(|(name, value)| (format!("seen-{name}"), value)).collect())
}

async fn page(
    visit: &Visit,
    by: &Proof<AdministerSite>,
    typed: bool,
    wrong: &[Wrong],
    trial: Option<Trial>,
) -> Result<MailSettingsPage, Problem> {
    let (now, saved) = current(visit, by).await?;
    let (_, down) = repair::failing(visit).await?;
    let lead = match (saved, visit.provider().signin.mailer.file().mail.transport) {
        (true, _) if down => "mail-settings-saved-down",
        (true, _) => "mail-settings-saved",
        (false, TransportKind::Smtp) if down => "mail-settings-file-down",
        (false, TransportKind::Smtp) => "mail-settings-file",
        (false, TransportKind::File) => "mail-settings-folder",
        (false, TransportKind::None) => "mail-settings-none",
    };
    let own = visit.person.deliverable_address().map(|address| address.shown()).unwrap_or_default();
    let carried = mail_form::to_carry(visit, wrong).filter(|_| typed);
    let fields = mail_form::fields(visit, &now, &own, (typed, carried.is_some()), wrong);
    let whole = wrong.iter().find(|wrong| wrong.field.is_empty());
    let mut seen = so_now(visit, by).await?;
    // What somebody saves while this form goes to and fro is not what its sender has seen.
    for (name, value) in seen.iter_mut().filter(|_| typed) {
        *value = kept::seen(&visit.form, name, value);
    }
    seen.extend(carried);
    Ok(MailSettingsPage {
        lead: Said::new(lead).about(&now.host),
        errors: errors(&fields, whole),
        fields,
        seen,
        version: version(visit, by).await?,
        insist: trial.as_ref().is_some_and(|trial| !trial.works),
        trial,
        resettable: saved,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_tells_the_stages_that_there_are_and_where_it_stopped() {
        let with = |encryption, username: Option<&str>| MailSettings {
            host: "x".to_owned(),
            port: None,
            encryption,
            username: username.map(str::to_owned),
            password: None,
            from: String::new(),
        };
        let failed = |stage| Err(TrialFailed { stage, words: "550 no".to_owned() });
        let went = |settings: &MailSettings, tried| {
            let trial = Trial::of(settings, &tried);
            trial.stages.iter().map(|(label, state)| format!("{}:{state}", &label[11..])).collect::<Vec<_>>()
        };
        let full = with(Encryption::Tls, Some("me"));
        let plain = with(Encryption::None, None);
        assert_eq!(
            went(&full, Ok(())),
            ["connect:done", "tls:done", "login:done", "sender:done", "recipient:done"]
        );
        assert_eq!(went(&plain, Ok(())), ["connect:done", "sender:done", "recipient:done"]);
        assert_eq!(
            went(&full, failed(Stage::Tls)),
            [
                "connect:done",
                "tls:failed",
                "login:not-reached",
                "sender:not-reached",
                "recipient:not-reached"
            ]
        );
        assert_eq!(
            went(&plain, failed(Stage::Connect)),
            ["connect:failed", "sender:not-reached", "recipient:not-reached"]
        );
        assert_eq!(
            went(&plain, failed(Stage::Sender)),
            ["connect:done", "sender:failed", "recipient:not-reached"]
        );
        assert_eq!(
            went(&plain, failed(Stage::Recipient)),
            ["connect:done", "sender:done", "recipient:failed"]
        );
        assert_eq!(went(&plain, failed(Stage::Settings))[0], "connect:failed");
    }
}
