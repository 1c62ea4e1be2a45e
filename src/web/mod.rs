//! What do all pages share? Forms, cookies, headers, templates, languages, and the page that says what went wrong.

mod assets;
pub mod certificate;
mod colors;
pub mod cookies;
pub mod distinguished_name;
pub mod form;
pub mod gate;
pub mod headers;
mod language;
pub mod layers;
mod mails;
pub mod network;
pub mod origin;
mod pages;
mod path;
mod prepared;
mod problem;
mod problem_page;
mod refused;
pub mod samples;
mod views;

pub use assets::Assets;
pub use language::Language;
pub use mails::{
    AddressLeftMail, ChoosePasswordMail, CodeByHandMail, CodeMail, CodesStoppedMail, HelpMail, OverrideMail,
    PasswordChangedMail, ResetMail, ResetWithoutAddressMail, TestMail,
};
pub use pages::{CONSOLE_POLICY, MailPage, MailParts, PAGE_POLICY, Page, Pages, TemplateError};
pub use path::Path;
pub use prepared::Prepared;
pub use problem::Problem;
pub use refused::{Asking, Refused, discreet};
pub use views::{
    AnsweredPage, AppCard, ChoosePasswordPage, CodePage, ConsentPage, DeviceOverPage, DevicePage, ErrorText,
    ExpiredPage, FormPostPage, FrontPage, Hint, LogoutPage, PasswordChosenPage, PasswordPage,
    ProtocolErrorPage, RehearsalPage, ResetPage, ResetSentPage, SessionCheckPage, SignedOutPage,
};
