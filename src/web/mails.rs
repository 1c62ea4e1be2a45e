//! What do our mails say?

use serde::Serialize;

use super::pages::MailPage;
use crate::clock::Moment;

/// A code for a sign-in.
#[derive(Debug, Serialize)]
pub struct CodeMail {
    /// The relying app's name.
    pub app: String,
    /// The code.
    pub code: String,
    /// What the page shows too.
    pub reference: String,
    /// How long the code holds, in minutes.
    pub minutes: i64,
    /// When it was asked for.
    pub when: Moment,
    /// Whose sign-in it is.
    pub login: String,
}

impl MailPage for CodeMail {
    const NAME: &'static str = "code";
}

/// Somebody was let in by `override_2fa`.
#[derive(Debug, Serialize)]
pub struct OverrideMail {
    /// Their name.
    pub who: String,
    /// Their login.
    pub login: String,
    /// The relying app's name.
    pub app: String,
    /// When.
    pub when: Moment,
    /// The address of the page that says what is broken.
    pub repair: String,
}

impl MailPage for OverrideMail {
    const NAME: &'static str = "override";
}

/// Too many wrong codes have stopped one's codes.
#[derive(Debug, Serialize)]
pub struct CodesStoppedMail {
    /// Whose.
    pub login: String,
    /// When.
    pub when: Moment,
}

impl MailPage for CodesStoppedMail {
    const NAME: &'static str = "codes_stopped";
}

/// A link to choose a password.
#[derive(Debug, Serialize)]
pub struct ChoosePasswordMail {
    /// Whose.
    pub login: String,
    /// Whether they have a password, which holds until they choose another.
    pub another: bool,
    /// The link.
    pub link: String,
    /// How long it holds, in hours.
    pub hours: i64,
}

impl MailPage for ChoosePasswordMail {
    const NAME: &'static str = "choose_password";
}

/// A link to choose another password, for somebody who has forgotten theirs.
#[derive(Debug, Serialize)]
pub struct ResetMail {
    /// Whose.
    pub login: String,
    /// The link.
    pub link: String,
    /// How long it holds, in minutes.
    pub minutes: i64,
    /// When it was asked for.
    pub when: Moment,
}

impl MailPage for ResetMail {
    const NAME: &'static str = "reset";
}

/// Messages go to another address from now on; for whoever reads the mailbox of the one before.
#[derive(Debug, Serialize)]
pub struct AddressLeftMail {
    /// Whose.
    pub login: String,
    /// Who has changed it.
    pub changer: String,
    /// When.
    pub when: Moment,
}

impl MailPage for AddressLeftMail {
    const NAME: &'static str = "address_left";
}

/// One's password was changed.
#[derive(Debug, Serialize)]
pub struct PasswordChangedMail {
    /// Whose.
    pub login: String,
    /// The network address from which it was chosen.
    pub network: String,
    /// When.
    pub when: Moment,
}

impl MailPage for PasswordChangedMail {
    const NAME: &'static str = "password_changed";
}

/// Somebody has forgotten their password, and has no address; for those who can help.
#[derive(Debug, Serialize)]
pub struct ResetWithoutAddressMail {
    /// Their name.
    pub who: String,
    /// Their login.
    pub login: String,
    /// When they said so.
    pub when: Moment,
}

impl MailPage for ResetWithoutAddressMail {
    const NAME: &'static str = "reset_without_address";
}

/// Somebody with the right password was kept out and asks for help; for those who can give it.
#[derive(Debug, Serialize)]
pub struct HelpMail {
    /// Their name.
    pub who: String,
    /// Their login.
    pub login: String,
    /// The app that they were on the way to.
    pub app: String,
    /// What kept them out: the key of a sentence.
    pub why: &'static str,
    /// Whether it only would: their group rehearses.
    pub rehearsed: bool,
    /// Where it can be mended.
    pub repair: String,
    /// When they asked.
    pub when: Moment,
}

impl MailPage for HelpMail {
    const NAME: &'static str = "help";
}

/// A code was given by hand for somebody; for them.
#[derive(Debug, Serialize)]
pub struct CodeByHandMail {
    /// Their login.
    pub login: String,
    /// The name of whoever has given it.
    pub giver: String,
    /// When.
    pub when: Moment,
}

impl MailPage for CodeByHandMail {
    const NAME: &'static str = "code_by_hand";
}

/// `countersign mail test`.
#[derive(Debug, Serialize)]
pub struct TestMail {
    /// When.
    pub when: Moment,
}

impl MailPage for TestMail {
    const NAME: &'static str = "test";
}
