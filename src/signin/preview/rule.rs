//! May a two-factor setting be saved, given what the preview has found? One pure rule for the command line and the console.

use std::collections::BTreeSet;

use crate::directory::unreached::Alike;
use crate::keys::secret::TokenHash;

/// Who could no longer sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedOut {
    /// The ids of those who are known one by one.
    ids: BTreeSet<String>,
    /// Of many who are alike, what stands for who they are.
    marks: Vec<String>,
    count: i64,
}

impl LockedOut {
    /// Somebody more, if they are not among them.
    pub fn add(&mut self, id: String) {
        self.count += i64::from(self.ids.insert(id));
    }

    /// Those more, who are alike.
    pub fn add_alike(&mut self, alike: Alike) {
        match alike {
            Alike::Each(ids) => ids.into_iter().for_each(|id| self.add(id)),
            Alike::Together { n, mark } => {
                self.count += n;
                self.marks.push(mark);
            }
        }
    }

    /// How many they are.
    #[must_use]
    pub const fn count(&self) -> i64 {
        self.count
    }

    /// The ids of those who are known one by one: of all, unless they are many.
    #[must_use]
    pub const fn ids(&self) -> &BTreeSet<String> {
        &self.ids
    }

    /// Who they are, in few characters: others, and be they as many, are another answer.
    #[must_use]
    pub fn mark(&self) -> String {
        let all: Vec<&str> = self.ids.iter().chain(&self.marks).map(String::as_str).collect();
        TokenHash::of(&all.join("\n")).as_str().to_owned()
    }
}

impl<Id: Into<String>> FromIterator<Id> for LockedOut {
    fn from_iter<T: IntoIterator<Item = Id>>(ids: T) -> Self {
        let mut all = Self::default();
        ids.into_iter().for_each(|id| all.add(id.into()));
        all
    }
}

/// What is at stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stakes<'a> {
    /// Whether two-factor is to be on and was not.
    pub to_on: bool,
    /// How many would be asked for a code, at once or when they have chosen a password.
    pub asked: i64,
    /// Who could no longer sign in.
    pub locked_out: &'a LockedOut,
    /// How many active holders of `override_2fa` the tree has.
    pub overriders: i64,
    /// Whether mail works at this moment.
    pub mail_works: bool,
}

/// What whoever saves has said about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent<'a> {
    /// The number of people locked out, as they have read and typed it.
    pub confirmed: Option<i64>,
    /// Who these were on the page that they have read, as [`LockedOut::mark`] has it; none where they were told at once.
    pub seen: Option<&'a str>,
    /// Whether they insist although there is an objection.
    pub insists: bool,
}

impl Consent<'_> {
    /// Whether it is about those who could no longer sign in by now, where there are any: the number was typed, and they are those whom the page
    /// has shown. Of others, and be they as many, whoever typed it knows nothing.
    #[must_use]
    pub fn covers(&self, locked_out: &LockedOut) -> bool {
        let number = locked_out.count();
        let typed = self.confirmed == Some(number) && self.seen.is_none_or(|seen| seen == locked_out.mark());
        typed || number == 0
    }
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
pub fn rule(stakes: &Stakes<'_>, consent: Consent<'_>, may_insist: bool) -> Ruling {
    if !stakes.to_on {
        return Ruling::Save;
    }
    let concerned = stakes.asked > 0 || stakes.locked_out.count() > 0;
    let mut objections = Vec::new();
    objections.extend((concerned && stakes.overriders == 0).then_some(Objection::NoOverride));
    objections.extend((concerned && !stakes.mail_works).then_some(Objection::MailFails));
    let overruled = may_insist && consent.insists;
    if !objections.is_empty() && !overruled {
        return Ruling::Refused(objections);
    }
    if consent.covers(stakes.locked_out) {
        return Ruling::Save;
    }
    Ruling::Confirm(stakes.locked_out.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: &LockedOut = &LockedOut { ids: BTreeSet::new(), marks: Vec::new(), count: 0 };
    const SAFE: Stakes<'_> =
        Stakes { to_on: true, asked: 9, locked_out: NOBODY, overriders: 1, mail_works: true };
    const NOTHING: Consent<'_> = Consent { confirmed: None, seen: None, insists: false };

    fn typed(number: i64) -> Consent<'static> {
        Consent { confirmed: Some(number), ..NOTHING }
    }

    fn insists(confirmed: Option<i64>) -> Consent<'static> {
        Consent { confirmed, insists: true, ..NOTHING }
    }

    fn people(ids: [&str; 3]) -> LockedOut {
        ids.into_iter().collect()
    }

    #[test]
    fn the_rules_for_saving() {
        let people = people(["ada", "ned", "nia"]);
        let three = Stakes { locked_out: &people, ..SAFE };
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

    #[test]
    fn a_number_is_about_those_whom_its_writer_has_seen() {
        let (these, others) = (people(["ada", "ned", "nia"]), people(["ada", "ned", "zoe"]));
        let (mark_of_these, mark_of_others) = (these.mark(), others.mark());
        for (confirmed, seen, expected) in [
            (Some(3), None, true),
            (Some(3), Some(mark_of_these.as_str()), true),
            (Some(3), Some(mark_of_others.as_str()), false),
            (Some(3), Some(""), false),
            (Some(2), Some(mark_of_these.as_str()), false),
            (Some(4), None, false),
            (None, Some(mark_of_these.as_str()), false),
            (None, None, false),
        ] {
            let consent = Consent { confirmed, seen, insists: true };
            assert_eq!(consent.covers(&these), expected, "{consent:?}");
            // Where nobody is locked out, nobody has to be known.
            assert!(consent.covers(NOBODY), "{consent:?}");
        }
    }

    #[test]
    fn many_who_are_alike_count_together_and_others_are_another_answer() {
        let with = |mark: &str| {
            let mut all: LockedOut = ["ada"].into_iter().collect();
            all.add_alike(Alike::Together { n: 3000, mark: mark.to_owned() });
            all.add_alike(Alike::Each(vec!["ned".to_owned(), "ada".to_owned()]));
            all
        };
        assert_eq!((with("these").count(), with("these").ids().len()), (3002, 2));
        assert_eq!(with("these").mark(), with("these").mark());
        assert_ne!(with("these").mark(), with("others").mark());
    }
}
