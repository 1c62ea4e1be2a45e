//! May a two-factor setting be saved, given what the preview has found? One pure rule for the command line and the console.

/// What is at stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stakes {
    /// Whether two-factor is to be on and was not.
    pub to_on: bool,
    /// How many would be asked for a code, at once or when they have chosen a password.
    pub asked: i64,
    /// How many could no longer sign in.
    pub locked_out: i64,
    /// How many active holders of `override_2fa` the tree has.
    pub overriders: i64,
    /// Whether mail works at this moment.
    pub mail_works: bool,
}

/// What whoever saves has said about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// The number of people locked out, as they have read and typed it.
    pub confirmed: Option<i64>,
    /// Whether they insist although there is an objection.
    pub insists: bool,
}

/// Why a setting is not saved, however often it is confirmed, except for those who may insist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Objection {
    /// Nobody could get in to repair what is broken.
    NoOverride,
    /// No code would arrive.
    MailFails,
}

/// Whether a setting is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It is.
    Save,
    /// It is once this number of people locked out is typed.
    Confirm(i64),
    /// It is not.
    Refused(Vec<Objection>),
}

/// Rules whether a setting may be saved. Only site administrators and the command line `may_insist`.
#[must_use]
pub fn rule(stakes: &Stakes, consent: Consent, may_insist: bool) -> Ruling {
    if !stakes.to_on {
        return Ruling::Save;
    }
    let concerned = stakes.asked + stakes.locked_out > 0;
    let mut objections = Vec::new();
    objections.extend((concerned && stakes.overriders == 0).then_some(Objection::NoOverride));
    objections.extend((concerned && !stakes.mail_works).then_some(Objection::MailFails));
    let overruled = may_insist && consent.insists;
    if !objections.is_empty() && !overruled {
        return Ruling::Refused(objections);
    }
    if stakes.locked_out > 0 && consent.confirmed != Some(stakes.locked_out) {
        return Ruling::Confirm(stakes.locked_out);
    }
    Ruling::Save
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: Stakes = Stakes { to_on: true, asked: 9, locked_out: 0, overriders: 1, mail_works: true };
    const NOTHING: Consent = Consent { confirmed: None, insists: false };

    fn typed(number: i64) -> Consent {
        Consent { confirmed: Some(number), insists: false }
    }

    fn insists(confirmed: Option<i64>) -> Consent {
        Consent { confirmed, insists: true }
    }

    #[test]
    fn the_rules_for_saving() {
        let three = Stakes { locked_out: 3, ..SAFE };
        let alone = Stakes { overriders: 0, ..SAFE };
        let mute = Stakes { mail_works: false, ..three };
        let worst = Stakes { overriders: 0, ..mute };
        let empty = Stakes { asked: 0, overriders: 0, mail_works: false, ..SAFE };
        let no_override = || Ruling::Refused(vec![Objection::NoOverride]);
        let mail_fails = || Ruling::Refused(vec![Objection::MailFails]);
        let both = || Ruling::Refused(vec![Objection::NoOverride, Objection::MailFails]);
        // What is at stake, what was said, what a manager hears, and what somebody hears who may insist.
        for (stakes, consent, manager, administrator) in [
            (SAFE, NOTHING, Ruling::Save, Ruling::Save),
            (three, NOTHING, Ruling::Confirm(3), Ruling::Confirm(3)),
            (three, typed(2), Ruling::Confirm(3), Ruling::Confirm(3)),
            (three, typed(3), Ruling::Save, Ruling::Save),
            (three, insists(None), Ruling::Confirm(3), Ruling::Confirm(3)),
            (alone, NOTHING, no_override(), no_override()),
            (alone, insists(None), no_override(), Ruling::Save),
            (mute, typed(3), mail_fails(), mail_fails()),
            (mute, insists(None), mail_fails(), Ruling::Confirm(3)),
            (mute, insists(Some(3)), mail_fails(), Ruling::Save),
            (worst, typed(3), both(), both()),
            (worst, insists(Some(3)), both(), Ruling::Save),
            (empty, NOTHING, Ruling::Save, Ruling::Save),
            (Stakes { to_on: false, ..worst }, NOTHING, Ruling::Save, Ruling::Save),
        ] {
            assert_eq!(rule(&stakes, consent, false), manager, "{stakes:?} {consent:?}");
            assert_eq!(rule(&stakes, consent, true), administrator, "{stakes:?} {consent:?}, may insist");
        }
    }
}
