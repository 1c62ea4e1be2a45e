//! What does every page and mail look like in each of its states? For `countersign check`, which so finds a template of
//! one's own that asks for what is not there, and for the tests.

use super::form::BadForm;
use super::language::Language;
use super::mails::{
    AddressLeftMail, ChoosePasswordMail, CodeByHandMail, CodeMail, CodesStoppedMail, HelpMail, OverrideMail,
    PasswordChangedMail, ResetMail, ResetWithoutAddressMail, TestMail,
};
use super::pages::{MailPage, Page, Pages, TemplateError};
use super::problem::Problem;
use super::problem_page::{Met, ProblemPage};
use super::views::{
    AnsweredPage, AppCard, ChoosePasswordPage, CodePage, ConsentPage, DeviceOverPage, DevicePage, ErrorText,
    ExpiredPage, FormPostPage, FrontPage, Hint, LogoutPage, PasswordChosenPage, PasswordPage,
    ProtocolErrorPage, RehearsalPage, ResetPage, ResetSentPage, SessionCheckPage, SignedOutPage,
};
use crate::clock::Moment;

/// A name that no layout expects, and that has to be escaped.
pub const LONG: &str = "Ned <Nedd> of-the-department-with-a-name-that-does-not-end-and-has-no-place-to-break";

/// A moment: 2027-01-15 08:10 UTC.
pub const MOMENT: i64 = 1_800_000_600;

/// A page or a part of a mail, drawn in one state.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The page and its state.
    pub name: &'static str,
    /// The template.
    pub template: String,
    /// What it draws.
    pub text: String,
}

/// Everything, in every language.
///
/// # Errors
/// When a template asks for what is not there.
pub fn all(drawer: &Pages) -> Result<Vec<Sample>, TemplateError> {
    let mut samples = Vec::new();
    for tag in Language::available() {
        let language = Language::of_group(Some(tag));
        samples.extend(pages(drawer, language)?);
        samples.extend(mails(drawer, language)?);
    }
    Ok(samples)
}

/// Every page in each of its states.
///
/// # Errors
/// When a template asks for what its page does not have.
pub fn pages(pages: &Pages, language: Language) -> Result<Vec<Sample>, TemplateError> {
    let mut drawing = Drawing::new(pages, language);
    drawing.sign_in()?;
    drawing.code()?;
    drawing.around_a_sign_in()?;
    drawing.device()?;
    drawing.logout()?;
    drawing.account()?;
    drawing.reset()?;
    drawing.problems()?;
    Ok(drawing.samples)
}

/// Every mail, its parts apart.
///
/// # Errors
/// When a template asks for what its mail does not have.
pub fn mails(pages: &Pages, language: Language) -> Result<Vec<Sample>, TemplateError> {
    let mut drawing = Drawing::new(pages, language);
    let (app, login) = (|| "Time Tracker".to_owned(), || "ned".to_owned());
    let when = || Moment::new(MOMENT, None);
    let (code, reference) = ("493021".to_owned(), "K7Q2".to_owned());
    drawing.mail(&CodeMail { app: app(), code, reference, minutes: 10, when: when(), login: login() })?;
    let who = "Ada Lovelace".to_owned();
    let repair = "https://login.example.org/console/repair".to_owned();
    drawing.mail(&OverrideMail { who, login: "ada".to_owned(), app: app(), when: when(), repair })?;
    drawing.mail(&CodesStoppedMail { login: login(), when: when() })?;
    let link = || "https://login.example.org/reset/3kTq9mZx".to_owned();
    for another in [true, false] {
        drawing.mail(&ChoosePasswordMail { login: login(), another, link: link(), hours: 24 })?;
    }
    drawing.mail(&ResetMail { login: login(), link: link(), minutes: 60, when: when() })?;
    let network = "192.0.2.7".to_owned();
    drawing.mail(&AddressLeftMail { login: login(), changer: "Max Manager".to_owned(), when: when() })?;
    drawing.mail(&PasswordChangedMail { login: login(), network, when: when() })?;
    let who = "Nia Nash".to_owned();
    drawing.mail(&ResetWithoutAddressMail { who, login: "nia".to_owned(), when: when() })?;
    for why in ["mail-help-no-address", "mail-help-mail-failed", "mail-help-codes-stopped"] {
        let (who, repair) = ("Nia Nash".to_owned(), "https://login.example.org/console/repair".to_owned());
        let rehearsed = why == "mail-help-codes-stopped";
        let (login, app) = ("nia".to_owned(), app());
        drawing.mail(&HelpMail { who, login, app, why, rehearsed, repair, when: when() })?;
    }
    let giver = "Ada Lovelace".to_owned();
    drawing.mail(&CodeByHandMail { login: login(), giver, when: when() })?;
    drawing.mail(&TestMail { when: when() })?;
    Ok(drawing.samples)
}

/// Draws samples, one after the other.
pub struct Drawing<'p> {
    pages: &'p Pages,
    language: Language,
    /// What has been drawn.
    pub samples: Vec<Sample>,
}

impl<'p> Drawing<'p> {
    /// Nothing yet.
    #[must_use]
    pub fn new(pages: &'p Pages, language: Language) -> Self {
        Self { pages, language, samples: Vec::new() }
    }

    /// A page in one state.
    ///
    /// # Errors
    /// When the template asks for what the page does not have.
    pub fn page<P: Page>(&mut self, name: &'static str, page: &P) -> Result<(), TemplateError> {
        let text = self.pages.html(page, self.language)?;
        self.samples.push(Sample { name, template: P::TEMPLATE.to_owned(), text });
        Ok(())
    }

    fn mail<M: MailPage>(&mut self, mail: &M) -> Result<(), TemplateError> {
        let parts = self.pages.mail(mail, self.language)?;
        let text = format!("{}\n{}", parts.subject, parts.text);
        self.samples.push(Sample { name: M::NAME, template: format!("mail/{}.txt", M::NAME), text });
        self.samples.push(Sample {
            name: M::NAME,
            template: format!("mail/{}.html", M::NAME),
            text: parts.html,
        });
        Ok(())
    }

    fn sign_in(&mut self) -> Result<(), TemplateError> {
        self.page("password", &password("", None))?;
        self.page("password-known", &password("ned", None))?;
        let helped = PasswordPage { helped: true, ..password("nia", None) };
        self.page("password-helped", &helped)?;
        for (name, error) in [
            ("password-no-address-help", text("no-address", "no-address-then", 0)),
            ("password-mail-failed-help", ErrorText { what: "mail-failed", then: None, n: 0 }),
        ] {
            let help = Some("/authorize/x/help".to_owned());
            self.page(name, &PasswordPage { help, ..password("nia", Some(error)) })?;
        }
        self.page("password-no-reset", &PasswordPage { reset: None, ..password("ned", None) })?;
        self.page("password-logo", &PasswordPage { app: with_logo(), ..password("ned", None) })?;
        for (name, login, error) in [
            ("password-incorrect", "ned", text("incorrect", "incorrect-then", 0)),
            ("password-no-address", LONG, text("no-address", "no-address-then", 0)),
            ("password-throttled", "ned", text("throttled", "throttled-then", 8)),
            ("password-throttled-long", "ned", text("throttled", "throttled-then-minutes", 5)),
            ("password-busy", "ned", text("busy", "busy-then", 0)),
            ("password-mail-failed", "ned", ErrorText { what: "mail-failed", then: None, n: 0 }),
            ("password-last-code-wrong", "ned", text("invalid-code", "last-code-wrong-then", 0)),
            ("password-codes-stopped", "ned", text("codes-stopped", "codes-stopped-then", 0)),
            ("password-account-changed", "ned", text("account-changed", "account-changed-then", 0)),
        ] {
            self.page(name, &password(login, Some(error)))?;
        }
        Ok(())
    }

    fn code(&mut self) -> Result<(), TemplateError> {
        self.page("code", &code("ned"))?;
        self.page("code-alone", &CodePage { ask_password: false, ..code("ned") })?;
        self.page("code-underway", &CodePage { underway: true, resend_in: 60, ..code("ned") })?;
        self.page("code-sent-again", &CodePage { sent_again: true, resend_in: 1, ..code("ned") })?;
        self.page("code-by-hand", &CodePage { sent_to: None, reference: None, ..code("ned") })?;
        self.page("code-no-more", &CodePage { can_resend: false, ..code("ned") })?;
        let skip = Some("/authorize/x/code/skip".to_owned());
        self.page("code-rehearsed", &CodePage { skip, ..code("ned") })?;
        for (name, why, then) in [
            ("rehearsal-no-address", "rehearsal-no-address", "rehearsal-no-address-then"),
            ("rehearsal-codes-stopped", "rehearsal-codes-stopped", "rehearsal-codes-stopped-then"),
            ("rehearsal-mail-refused", "rehearsal-mail-refused", "rehearsal-mail-refused-then"),
            ("rehearsal-wrong-codes", "rehearsal-wrong-codes", "rehearsal-wrong-codes-then"),
            ("rehearsal-too-many-codes", "rehearsal-too-many-codes", "rehearsal-too-many-codes-then"),
        ] {
            self.page(name, &rehearsal(why, then))?;
        }
        let helped = rehearsal("rehearsal-no-address", "rehearsal-no-address-then");
        self.page("rehearsal-helped", &RehearsalPage { help: None, helped: true, ..helped })?;
        for (name, login, error) in [
            ("code-wrong", LONG, text("invalid-code", "attempts-left", 4)),
            ("code-incorrect", "ned", text("incorrect", "incorrect-again-then", 0)),
            ("code-expired", "ned", text("code-expired", "code-expired-then", 0)),
            ("code-resend-too-soon", "ned", text("resend-too-soon", "resend-too-soon-then", 42)),
            ("code-no-more-codes", "ned", text("no-more-codes", "no-more-codes-then", 0)),
        ] {
            self.page(name, &CodePage { error: Some(error), minutes_left: 1, ..code(login) })?;
        }
        Ok(())
    }

    fn around_a_sign_in(&mut self) -> Result<(), TemplateError> {
        let scopes = vec!["openid", "profile", "email", "address", "phone", "groups", "offline_access"];
        let action = "/authorize/x/consent".to_owned();
        let consent = |user_code| ConsentPage {
            app: with_logo(),
            action: action.clone(),
            another: "/authorize/x/another".to_owned(),
            login: "ned".to_owned(),
            user_code,
            scopes: scopes.clone(),
        };
        self.page("consent", &consent(None))?;
        self.page("consent-device", &consent(Some("WDJB-MJHT".to_owned())))?;
        let fields = vec![("code", "abc".to_owned()), ("state", LONG.to_owned())];
        let action = "https://time.example.org/callback".to_owned();
        self.page("form-post", &FormPostPage { app: app(), action, fields })?;
        let sent =
            vec![("client_id", "abc".to_owned()), ("redirect_uri", format!("https://evil.example/{LONG}"))];
        let description = "redirect_uri is not registered for this client".to_owned();
        let registered = vec![("redirect_uris", "https://time.example.org/callback".to_owned())];
        let value = "https://time.example.org/callback".to_owned();
        let error = ProtocolErrorPage {
            error: "invalid_request",
            description,
            document: "RFC 9700 section 2.1",
            document_url: "https://www.rfc-editor.org/rfc/rfc9700#section-2.1",
            hint: Some(Hint { key: "redirect-differs-slash", value }),
            sent,
            registered,
        };
        self.page("protocol-error", &error)?;
        self.page("answered", &AnsweredPage { app: app() })?;
        self.page("expired", &ExpiredPage { app: Some(app()), restart: None, no_cookie: false })?;
        self.page("expired-no-app", &ExpiredPage { app: None, restart: None, no_cookie: false })?;
        let restart = Some("https://time.example.org/login".to_owned());
        self.page("expired-restart", &ExpiredPage { app: Some(app()), restart, no_cookie: false })?;
        self.page("expired-no-cookie", &ExpiredPage { app: Some(app()), restart: None, no_cookie: true })
    }

    fn logout(&mut self) -> Result<(), TemplateError> {
        let parameters = vec![("state", "xyz".to_owned())];
        let action = "/logout".to_owned();
        let page = LogoutPage { action, parameters, login: "ned".to_owned(), app: None };
        self.page("logout", &page)?;
        self.page("logout-of-app", &LogoutPage { app: Some(app()), ..page })?;
        self.page("signed-out", &signed_out())?;
        self.page("signed-out-nobody", &SignedOutPage { ended: false, ..signed_out() })?;
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let told = names(&["Time Tracker", "Wiki"]);
        self.page("signed-out-told", &SignedOutPage { told: told.clone(), ..signed_out() })?;
        let (asked, open) = (names(&[LONG]), names(&["Photo album", "Travel expenses"]));
        self.page("signed-out-open", &SignedOutPage { told: told.clone(), asked, open, ..signed_out() })?;
        // Addresses that lead nowhere, so that the sample stays.
        let (asked, frames) = (told, names(&["about:blank"]));
        let next = Some("#next".to_owned());
        self.page("signed-out-goes-on", &SignedOutPage { asked, frames, next, ..signed_out() })?;
        for (name, error) in [
            ("signed-out-stays", ErrorText { what: "logout-uri-not-registered", then: None, n: 0 }),
            ("signed-out-hint", ErrorText { what: "logout-hint-not-ours", then: None, n: 0 }),
            ("signed-out-other-hint", ErrorText { what: "logout-hint-of-another-app", then: None, n: 0 }),
            ("signed-out-unproven", ErrorText { what: "logout-unproven", then: None, n: 0 }),
        ] {
            self.page(name, &SignedOutPage { app: None, error: Some(error), ..signed_out() })?;
        }
        self.page("session-check", &SessionCheckPage { cookie: "countersign_browser_state".to_owned() })
    }

    fn device(&mut self) -> Result<(), TemplateError> {
        let page = |user_code: &str, error| DevicePage { user_code: user_code.to_owned(), error };
        self.page("device", &page("", None))?;
        self.page("device-known", &page("WDJB-MJHT", None))?;
        let wrong = text("wrong-user-code", "wrong-user-code-then", 0);
        self.page("device-wrong", &page(LONG, Some(wrong)))?;
        self.page("device-throttled", &page("WDJB-MJHT", Some(text("throttled", "throttled-then", 8))))?;
        for (name, title, lead) in [
            ("device-allowed", "device-allowed-title", "device-allowed-lead"),
            ("device-refused", "device-refused-title", "device-refused-lead"),
            ("device-late", "device-late-title", "device-late-lead"),
        ] {
            let alert = name == "device-late";
            self.page(name, &DeviceOverPage { app: app(), title, lead, alert })?;
        }
        Ok(())
    }

    fn account(&mut self) -> Result<(), TemplateError> {
        let issuer = "https://login.example.org".to_owned();
        self.page("front", &FrontPage { issuer: issuer.clone(), login: None, reset: true, manages: false })?;
        self.page(
            "front-signed-in",
            &FrontPage { issuer, login: Some(LONG.to_owned()), reset: true, manages: true },
        )?;
        self.page("choose-password", &choose(None))?;
        let cancel = || Some("/authorize/x/cancel".to_owned());
        let longer = |error| ChoosePasswordPage { longer: true, cancel: cancel(), ..choose(error) };
        self.page("choose-password-longer", &longer(None))?;
        let short = ErrorText { what: "too-short", then: None, n: 15 };
        self.page("choose-password-longer-short", &longer(Some(short)))?;
        for (name, error) in [
            ("choose-password-short", ErrorText { what: "too-short", then: None, n: 15 }),
            ("choose-password-long", ErrorText { what: "too-long", then: None, n: 128 }),
            ("choose-password-listed", text("easy-listed", "easy-then", 0)),
            ("choose-password-own", text("easy-own", "easy-then", 0)),
            ("choose-password-run", text("easy-run", "easy-then", 0)),
            ("choose-password-repeated", text("easy-repeated", "easy-then", 0)),
            ("choose-password-number", text("easy-number", "easy-then", 0)),
        ] {
            self.page(name, &choose(Some(error)))?;
        }
        let chosen = || PasswordChosenPage { login: "ned".to_owned(), app: None, back: None };
        self.page("password-chosen", &chosen())?;
        self.page("password-chosen-app", &PasswordChosenPage { app: Some(app()), ..chosen() })?;
        let back = Some("/authorize/x".to_owned());
        self.page("password-chosen-back", &PasswordChosenPage { app: Some(app()), back, ..chosen() })
    }

    fn reset(&mut self) -> Result<(), TemplateError> {
        let back = || Some("/authorize/x".to_owned());
        let page = |login: &str| ResetPage {
            offered: true,
            login: login.to_owned(),
            signin: Some("x".to_owned()),
            back: back(),
        };
        self.page("reset", &page(""))?;
        self.page("reset-known", &page(LONG))?;
        self.page("reset-elsewhere", &ResetPage { signin: None, back: None, ..page("") })?;
        self.page("reset-not-offered", &ResetPage { offered: false, ..page("") })?;
        self.page("reset-sent", &ResetSentPage { minutes: 60, back: back() })?;
        self.page("reset-sent-elsewhere", &ResetSentPage { minutes: 1, back: None })
    }

    fn problems(&mut self) -> Result<(), TemplateError> {
        let reference = "01HZX3N6W8Q4T2V7K9B5C1D0EF";
        for (name, problem) in [
            ("problem-not-found", Problem::NotFound),
            ("problem-method", Problem::MethodNotAllowed),
            ("problem-bad-form", Problem::BadForm(BadForm::TooLong)),
            ("problem-foreign-form", Problem::ForeignForm),
            ("problem-dead-link", Problem::DeadLink),
            ("problem-gone", Problem::Gone),
            ("problem-unavailable", Problem::Unavailable(String::new())),
            ("problem-internal", Problem::Internal(String::new())),
        ] {
            self.page(name, &ProblemPage::of(&problem, reference, Met::Elsewhere))?;
        }
        for (name, problem) in [
            ("problem-console-not-found", Problem::NotFound),
            ("problem-console-method", Problem::MethodNotAllowed),
            ("problem-console-too-long", Problem::BadForm(BadForm::TooLong)),
            ("problem-console-bad-form", Problem::BadForm(BadForm::NotText)),
            ("problem-console-foreign-form", Problem::ForeignForm),
            ("problem-console-gone", Problem::Gone),
        ] {
            self.page(name, &ProblemPage::of(&problem, reference, Met::InConsole))?;
        }
        Ok(())
    }
}

/// An app with everything but a logo.
#[must_use]
pub fn app() -> AppCard {
    AppCard {
        name: "Time Tracker".to_owned(),
        logo_uri: None,
        policy_uri: Some("https://time.example.org/privacy".to_owned()),
        tos_uri: Some("https://time.example.org/terms".to_owned()),
        front_page: Some("https://time.example.org/".to_owned()),
    }
}

fn with_logo() -> AppCard {
    AppCard { logo_uri: Some("/assets/app.svg".to_owned()), tos_uri: None, ..app() }
}

fn text(what: &'static str, then: &'static str, n: i64) -> ErrorText {
    ErrorText { what, then: Some(then), n }
}

/// The login screen.
#[must_use]
pub fn password(login: &str, error: Option<ErrorText>) -> PasswordPage {
    PasswordPage {
        app: app(),
        action: "/authorize/x/password".to_owned(),
        cancel: "/authorize/x/cancel".to_owned(),
        login: login.to_owned(),
        reset: Some("/reset?signin=x".to_owned()),
        error,
        help: None,
        helped: false,
    }
}

/// The code page, a moment after the code was sent.
#[must_use]
pub fn code(login: &str) -> CodePage {
    CodePage {
        app: app(),
        action: "/authorize/x/code".to_owned(),
        resend_action: "/authorize/x/code/resend".to_owned(),
        skip: None,
        cancel: "/authorize/x/cancel".to_owned(),
        another: "/authorize/x/another".to_owned(),
        login: login.to_owned(),
        code: String::new(),
        sent_to: Some("n•••@example.org".to_owned()),
        reference: Some("K7Q2".to_owned()),
        expires: Moment::new(MOMENT, None),
        minutes_left: 10,
        ask_password: true,
        underway: false,
        sent_again: false,
        can_resend: true,
        resend_in: 0,
        error: None,
    }
}

fn rehearsal(why: &'static str, then: &'static str) -> RehearsalPage {
    RehearsalPage {
        app: app(),
        action: "/authorize/x/code/skip".to_owned(),
        another: "/authorize/x/another".to_owned(),
        cancel: "/authorize/x/cancel".to_owned(),
        login: "ned".to_owned(),
        why,
        then,
        help: Some("/authorize/x/help".to_owned()),
        helped: false,
    }
}

fn signed_out() -> SignedOutPage {
    SignedOutPage {
        app: Some(app()),
        error: None,
        ended: true,
        told: Vec::new(),
        asked: Vec::new(),
        open: Vec::new(),
        frames: Vec::new(),
        next: None,
    }
}

fn choose(error: Option<ErrorText>) -> ChoosePasswordPage {
    ChoosePasswordPage {
        action: "/reset/x".to_owned(),
        login: "ned".to_owned(),
        shortest: 15,
        longer: false,
        cancel: None,
        error,
    }
}
