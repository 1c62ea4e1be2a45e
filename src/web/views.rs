//! What do our pages say? One plain struct a page; the template with the same name draws it.

use serde::Serialize;

use super::pages::Page;
use crate::clock::Moment;

/// The relying app that somebody is on the way to.
#[derive(Clone, Debug, Serialize)]
pub struct AppCard {
    /// Its name.
    pub name: String,
    /// Its picture.
    pub logo_uri: Option<String>,
    /// Its privacy policy.
    pub policy_uri: Option<String>,
    /// Its terms of service.
    pub tos_uri: Option<String>,
    /// Its front page.
    pub front_page: Option<String>,
}

/// A sentence of the catalogue that says why a step was refused, and what to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ErrorText {
    /// What happened: the key of a sentence.
    pub what: &'static str,
    /// What to do: the key of another, if there is one.
    pub then: Option<&'static str>,
    /// The number that belongs into either.
    pub n: i64,
}

/// Asks for login and password.
#[derive(Debug, Serialize)]
pub struct PasswordPage {
    /// Where somebody is on the way to.
    pub app: AppCard,
    /// Where the form goes.
    pub action: String,
    /// Where the Cancel button goes.
    pub cancel: String,
    /// What the login field holds.
    pub login: String,
    /// Where somebody goes who has forgotten their password; none where no mail could be sent.
    pub reset: Option<String>,
    /// Why the last attempt was refused.
    pub error: Option<ErrorText>,
    /// Where "Ask a manager for help" goes, for somebody whose password was right.
    pub help: Option<String>,
    /// Whether a manager was asked just now.
    pub helped: bool,
}

impl Page for PasswordPage {
    const TEMPLATE: &'static str = "password.html";
}

/// Asks for the code.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a sentence that the page says or leaves out")]
pub struct CodePage {
    /// Where somebody is on the way to.
    pub app: AppCard,
    /// Where the form goes.
    pub action: String,
    /// Where "Send another code" goes.
    pub resend_action: String,
    /// Where "Continue without a code" goes, where the group rehearses.
    pub skip: Option<String>,
    /// Where the Cancel button goes.
    pub cancel: String,
    /// Where "Use another login" goes.
    pub another: String,
    /// Who is signing in.
    pub login: String,
    /// What the field of the code holds.
    pub code: String,
    /// Where the code went; none when somebody gave it by hand.
    pub sent_to: Option<String>,
    /// What the mail shows too; none when somebody gave the code by hand.
    pub reference: Option<String>,
    /// Until when the code holds.
    pub expires: Moment,
    /// How many minutes that is from now.
    pub minutes_left: i64,
    /// Whether the password is asked for again.
    pub ask_password: bool,
    /// Whether the mail server has not taken the message yet.
    pub underway: bool,
    /// Whether another code has just been sent.
    pub sent_again: bool,
    /// Whether another code may be asked for at all.
    pub can_resend: bool,
    /// In how many seconds; 0 for now.
    pub resend_in: i64,
    /// Why the last attempt was refused.
    pub error: Option<ErrorText>,
}

impl Page for CodePage {
    const TEMPLATE: &'static str = "code.html";
}

/// Says what would keep somebody out if two-factor were on in their group and not only rehearsed.
#[derive(Debug, Serialize)]
pub struct RehearsalPage {
    /// Where somebody is on the way to.
    pub app: AppCard,
    /// Where "Continue without a code" goes.
    pub action: String,
    /// Where "Use another login" goes.
    pub another: String,
    /// Where the Cancel button goes.
    pub cancel: String,
    /// Who is signing in.
    pub login: String,
    /// What keeps a code from them: the key of a sentence.
    pub why: &'static str,
    /// What to do about it: the key of another.
    pub then: &'static str,
    /// Where "Ask a manager for help" goes, where a manager can mend it.
    pub help: Option<String>,
    /// Whether they have asked just now.
    pub helped: bool,
}

impl Page for RehearsalPage {
    const TEMPLATE: &'static str = "rehearsal.html";
}

/// Asks whether the app may know who somebody is.
#[derive(Debug, Serialize)]
pub struct ConsentPage {
    /// Where somebody is on the way to.
    pub app: AppCard,
    /// Where the form goes.
    pub action: String,
    /// Where "Use another login" goes.
    pub another: String,
    /// Who is signing in.
    pub login: String,
    /// What the device shows too, when somebody lets one in.
    pub user_code: Option<String>,
    /// What the app asks for: scopes.
    pub scopes: Vec<&'static str>,
}

impl Page for ConsentPage {
    const TEMPLATE: &'static str = "consent.html";
}

/// Asks for the code that a device shows (RFC 8628 §3.3).
#[derive(Debug, Serialize)]
pub struct DevicePage {
    /// What the field holds; a code that came with the address is to be confirmed.
    pub user_code: String,
    /// Why the last attempt was refused.
    pub error: Option<ErrorText>,
}

impl Page for DevicePage {
    const TEMPLATE: &'static str = "device.html";
}

/// Says that somebody can go back to their device.
#[derive(Debug, Serialize)]
pub struct DeviceOverPage {
    /// What runs on the device.
    pub app: AppCard,
    /// What has become of it: the key of a sentence.
    pub title: &'static str,
    /// What that means: the key of another.
    pub lead: &'static str,
    /// Whether the person has to do something about it.
    pub alert: bool,
}

impl Page for DeviceOverPage {
    const TEMPLATE: &'static str = "device_over.html";
}

/// Takes an answer back to the app in a form (OAuth Form Post Response Mode §2).
#[derive(Debug, Serialize)]
pub struct FormPostPage {
    /// Where somebody is on the way to.
    pub app: AppCard,
    /// The app's redirect URI.
    pub action: String,
    /// What the form holds, by name.
    pub fields: Vec<(&'static str, String)>,
}

impl Page for FormPostPage {
    const TEMPLATE: &'static str = "form_post.html";
}

/// Tells an app's developer what is wrong with a request that cannot be answered to the app.
#[derive(Debug, Serialize)]
pub struct ProtocolErrorPage {
    /// The error code.
    pub error: &'static str,
    /// What was wrong.
    pub description: String,
    /// The section of the standard that says so.
    pub document: &'static str,
    /// Where it is.
    pub document_url: &'static str,
    /// What the developer has probably overlooked.
    pub hint: Option<Hint>,
    /// What was sent, for the developer: names and values.
    pub sent: Vec<(&'static str, String)>,
    /// What is registered about it: names and values.
    pub registered: Vec<(&'static str, String)>,
}

/// A sentence of the catalogue about one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hint {
    /// The key of the sentence.
    pub key: &'static str,
    /// The value that it is about.
    pub value: String,
}

impl Page for ProtocolErrorPage {
    const TEMPLATE: &'static str = "protocol_error.html";
}

/// Says to whoever has gone back to a sign-in whose app has its answer that they are signed in.
#[derive(Debug, Serialize)]
pub struct AnsweredPage {
    /// The app.
    pub app: AppCard,
}

impl Page for AnsweredPage {
    const TEMPLATE: &'static str = "answered.html";
}

/// Says that a sign-in is too old, finished, or another browser's.
#[derive(Debug, Serialize)]
pub struct ExpiredPage {
    /// The app to go back to, if it is known.
    pub app: Option<AppCard>,
    /// Where the app begins a sign-in by itself (OIDC Core §4), if it has said so.
    pub restart: Option<String>,
    /// Whether the browser has brought no cookie of ours.
    pub no_cookie: bool,
}

impl Page for ExpiredPage {
    const TEMPLATE: &'static str = "expired.html";
}

/// Asks whether somebody wants to sign out.
#[derive(Debug, Serialize)]
pub struct LogoutPage {
    /// Where the form goes.
    pub action: String,
    /// What the form hands on, by name.
    pub parameters: Vec<(&'static str, String)>,
    /// Who is signed in.
    pub login: String,
    /// The app to go back to, if it is known.
    pub app: Option<AppCard>,
}

impl Page for LogoutPage {
    const TEMPLATE: &'static str = "logout.html";
}

/// Says that somebody is signed out.
#[derive(Debug, Serialize)]
pub struct SignedOutPage {
    /// The app to go back to, if it is known.
    pub app: Option<AppCard>,
    /// Why nobody is sent back to the app by themselves.
    pub error: Option<ErrorText>,
    /// Whether there was a session, and it has ended now.
    pub ended: bool,
    /// The apps that have been told, by name.
    pub told: Vec<String>,
    /// The apps that are being told.
    pub asked: Vec<String>,
    /// The apps that cannot be told.
    pub open: Vec<String>,
    /// The apps' own pages, to be loaded in frames.
    pub frames: Vec<String>,
    /// Where to go once they have loaded.
    pub next: Option<String>,
}

impl Page for SignedOutPage {
    const TEMPLATE: &'static str = "signed_out.html";
}

/// Answers scripts of apps, in a frame (OIDC Session Management §3.3); people who come by are told what it is.
#[derive(Debug, Serialize)]
pub struct SessionCheckPage {
    /// The whole name of the cookie that its script reads.
    pub cookie: String,
}

impl Page for SessionCheckPage {
    const TEMPLATE: &'static str = "session_check.html";
}

/// Asks for a new password.
#[derive(Debug, Serialize)]
pub struct ChoosePasswordPage {
    /// Where the form goes.
    pub action: String,
    /// Whose password it is.
    pub login: String,
    /// How long it must be.
    pub shortest: i64,
    /// Whether they have one that has become too short.
    pub longer: bool,
    /// Where the Cancel button goes, in a sign-in.
    pub cancel: Option<String>,
    /// Why the last attempt was refused.
    pub error: Option<ErrorText>,
}

impl Page for ChoosePasswordPage {
    const TEMPLATE: &'static str = "choose_password.html";
}

/// Says that the new password is in force.
#[derive(Debug, Serialize)]
pub struct PasswordChosenPage {
    /// Whose password it is.
    pub login: String,
    /// Where somebody was on the way to, if it is known.
    pub app: Option<AppCard>,
    /// Where they go on, if their sign-in still waits for them.
    pub back: Option<String>,
}

impl Page for PasswordChosenPage {
    const TEMPLATE: &'static str = "password_chosen.html";
}

/// Asks who has forgotten their password.
#[derive(Debug, Serialize)]
pub struct ResetPage {
    /// Whether a mail could be sent.
    pub offered: bool,
    /// What the login field holds.
    pub login: String,
    /// The sign-in from which somebody asks, to be handed on.
    pub signin: Option<String>,
    /// Where that goes on.
    pub back: Option<String>,
}

impl Page for ResetPage {
    const TEMPLATE: &'static str = "reset.html";
}

/// Says the same to everybody who has asked for a new password.
#[derive(Debug, Serialize)]
pub struct ResetSentPage {
    /// How long a link holds, in minutes.
    pub minutes: i64,
    /// Where the sign-in goes on from which somebody has asked.
    pub back: Option<String>,
}

impl Page for ResetSentPage {
    const TEMPLATE: &'static str = "reset_sent.html";
}

/// Says who is signed in here, and what they can do.
#[derive(Debug, Serialize)]
pub struct FrontPage {
    /// The issuer.
    pub issuer: String,
    /// Who is signed in in this browser.
    pub login: Option<String>,
    /// Whether a forgotten password can be replaced by a mailed link.
    pub reset: bool,
    /// Whether they manage something, so that the console opens for them.
    pub manages: bool,
}

impl Page for FrontPage {
    const TEMPLATE: &'static str = "front.html";
}
