//! What happens next in this sign-in? One pure function over plain facts; the table of DESIGN §2 is its test.

use crate::directory::TwoFactor;

/// What is known about whoever is signing in. There are facts only once somebody has given a right password that is
/// recent enough for this request; before that the answer is always [`Next::Password`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The two-factor setting of the person's group, now.
    pub two_factor: TwoFactor,
    /// Whether the person's role holds `override_2fa`, now.
    pub overrides: bool,
    /// How a code could reach the person.
    pub reach: Reach,
    /// Whether the relying app insists on two factors.
    pub demand: Demand,
    /// Whether too many wrong codes have stopped this person's codes.
    pub codes_stopped: bool,
    /// Whether the password that was given can stand alone.
    pub strength: Strength,
    /// When the password was given, in seconds since 1970.
    pub password_at: i64,
    /// When a code was given, if one was.
    pub code_at: Option<i64>,
    /// When the person went on without the code that their group rehearses, if they did.
    pub skipped_at: Option<i64>,
    /// What has kept a code from them in this sign-in, where their group rehearses.
    pub hindrance: Option<Hindrance>,
}

/// What would keep somebody out whose group rehearses two-factor, if it were on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// There is no address that a code could go to.
    NoAddress,
    /// Too many wrong codes have stopped this person's codes.
    CodesStopped,
    /// The code could not be sent.
    MailRefused,
    /// They have used up the attempts at their code.
    WrongCodes,
    /// As many codes as may be have been sent, in this sign-in or to their address.
    TooManyCodes,
}

/// How a code could reach a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By email: there is a deliverable address.
    Email,
    /// Somebody has handed them one (`user code LOGIN`), and it still holds.
    Hand,
    /// Not at all.
    Nowhere,
}

/// Whether a password can stand alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// It is long enough, or nobody has seen yet that it is not.
    Alone,
    /// It is shorter, and was given for this very request.
    Short,
    /// It is shorter, and was given for the session that the request comes from.
    ShortInSession,
}

/// What the relying app insists on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Whatever the person's group asks for.
    Whatever,
    /// Two factors, whatever the group says.
    TwoFactors,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask for login and password.
    Password,
    /// Ask for a code.
    Code {
        /// Whether the person may go on without one: their group only rehearses.
        may_skip: bool,
    },
    /// Tell the person what would keep them out if their group did not only rehearse, and let them go on.
    Hindered(Hindrance),
    /// Back to the login screen: "No email associated with this login."
    NoAddress,
    /// Back to the login screen: too many wrong codes; a manager has to help.
    CodesStopped,
    /// Tell the relying app that what it insists on cannot be had: `unmet_authentication_requirements`.
    Unmet,
    /// Ask for a longer password: the one that was given would let in alone, and was chosen when something stood behind it.
    LongerPassword,
    /// Nothing is missing.
    Done(Assurance),
}

/// What a finished sign-in has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assurance {
    /// The password, and nothing else was asked for.
    Password,
    /// The password, where the group asks for a code and the role's `override_2fa` waives it: recorded and announced.
    Override,
    /// The password and a code.
    TwoFactors,
}

/// Decides the next step of a sign-in.
#[must_use]
pub fn decide(facts: Option<&Facts>) -> Next {
    let Some(facts) = facts else { return Next::Password };
    if facts.code_at.is_some() {
        // Whatever was proven beside it: where no code is insisted on, the password would let in alone the next time.
        let asked = match need(facts) {
            Need::Code => None,
            Need::Nothing | Need::Rehearsal => longer(facts.strength),
        };
        return asked.unwrap_or(Next::Done(Assurance::TwoFactors));
    }
    match need(facts) {
        Need::Nothing => alone(facts),
        Need::Rehearsal => match facts.hindrance.or_else(|| hindrance(facts)) {
            None => Next::Code { may_skip: true },
            Some(hindrance) => Next::Hindered(hindrance),
        },
        Need::Code => match hindrance(facts) {
            None => Next::Code { may_skip: false },
            // A role that could pass without a code is told apart from one that could not: sending its holder back to the
            // login screen would not help, since nothing they can do there changes what the app insists on.
            Some(Hindrance::NoAddress) if waives(facts) => Next::Unmet,
            Some(Hindrance::NoAddress) => Next::NoAddress,
            Some(_) => Next::CodesStopped,
        },
    }
}

/// What is wanted beside the password.
enum Need {
    Nothing,
    Rehearsal,
    Code,
}

fn need(facts: &Facts) -> Need {
    match (facts.demand, facts.two_factor) {
        (Demand::TwoFactors, _) => Need::Code,
        (Demand::Whatever, TwoFactor::On) if !facts.overrides => Need::Code,
        (Demand::Whatever, TwoFactor::Rehearse) if !facts.overrides && facts.skipped_at.is_none() => {
            Need::Rehearsal
        }
        (Demand::Whatever, TwoFactor::Off | TwoFactor::Rehearse | TwoFactor::On) => Need::Nothing,
    }
}

/// What keeps a code from whoever needs one.
fn hindrance(facts: &Facts) -> Option<Hindrance> {
    match facts.reach {
        Reach::Nowhere => Some(Hindrance::NoAddress),
        Reach::Email | Reach::Hand => facts.codes_stopped.then_some(Hindrance::CodesStopped),
    }
}

/// Whether the role waives a code that the group asks for.
fn waives(facts: &Facts) -> bool {
    facts.two_factor == TwoFactor::On && facts.overrides
}

/// The password stands alone.
fn alone(facts: &Facts) -> Next {
    let assurance = if waives(facts) { Assurance::Override } else { Assurance::Password };
    longer(facts.strength).unwrap_or(Next::Done(assurance))
}

/// What is asked of a password that is too short to let in alone.
const fn longer(strength: Strength) -> Option<Next> {
    match strength {
        Strength::Alone => None,
        Strength::Short => Some(Next::LongerPassword),
        // Nobody chooses a password for a session that they have found open.
        Strength::ShortInSession => Some(Next::Password),
    }
}

impl Next {
    /// Whether the person may go on without a code from here.
    #[must_use]
    pub const fn may_be_skipped(self) -> bool {
        matches!(self, Self::Code { may_skip: true } | Self::Hindered(_))
    }
}

impl Hindrance {
    /// Each of them.
    pub const ALL: [Self; 5] =
        [Self::NoAddress, Self::CodesStopped, Self::MailRefused, Self::WrongCodes, Self::TooManyCodes];

    /// The word in the database and in what programs read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAddress => "no_address",
            Self::CodesStopped => "codes_stopped",
            Self::MailRefused => "mail_refused",
            Self::WrongCodes => "wrong_codes",
            Self::TooManyCodes => "too_many_codes",
        }
    }

    /// The hindrance of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hindrance| hindrance.name() == name)
    }
}

impl Assurance {
    /// `amr` (RFC 8176 §2): the methods that were used.
    #[must_use]
    pub const fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Password | Self::Override => &["pwd"],
            Self::TwoFactors => &["pwd", "otp", "mfa"],
        }
    }

    /// `acr` (OIDC Core §2): ours, since an emailed code meets none of NIST's levels.
    #[must_use]
    pub const fn acr(self) -> &'static str {
        match self {
            Self::Password | Self::Override => ACR_PASSWORD,
            Self::TwoFactors => ACR_TWO_FACTORS,
        }
    }
}

/// `acr` of a password alone.
pub const ACR_PASSWORD: &str = "urn:countersign:acr:pwd";

/// `acr` of a password and a code.
pub const ACR_TWO_FACTORS: &str = "urn:countersign:acr:2fa";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use TwoFactor::{Off as OFF, On as ON, Rehearse as REHEARSE};

    const YES: bool = true;
    const NO: bool = false;
    const DONE: Next = Next::Done(Assurance::Password);
    const WAIVED: Next = Next::Done(Assurance::Override);
    const CODE: Next = Next::Code { may_skip: false };
    const OFFERED: Next = Next::Code { may_skip: true };
    const TOLD: Next = Next::Hindered(Hindrance::NoAddress);

    /// The table of DESIGN §2, `any` spelled out: `override_2fa`, deliverable address, the app demands two factors, and what comes
    /// next after a right password where two-factor is off, rehearsed and on.
    const TABLE: [(bool, bool, bool, [Next; 3]); 8] = [
        (NO, NO, NO, [DONE, TOLD, Next::NoAddress]),
        (NO, YES, NO, [DONE, OFFERED, CODE]),
        (YES, NO, NO, [DONE, DONE, WAIVED]),
        (YES, YES, NO, [DONE, DONE, WAIVED]),
        (NO, NO, YES, [Next::NoAddress, Next::NoAddress, Next::NoAddress]),
        (NO, YES, YES, [CODE, CODE, CODE]),
        (YES, NO, YES, [Next::NoAddress, Next::NoAddress, Next::Unmet]),
        (YES, YES, YES, [CODE, CODE, CODE]),
    ];

    /// Every cell of the table: the facts, and what comes next.
    fn cells() -> impl Iterator<Item = (Facts, Next)> {
        TABLE.into_iter().flat_map(|(overrides, address, demanded, nexts)| {
            TwoFactor::ALL
                .into_iter()
                .zip(nexts)
                .map(move |(two_factor, next)| (facts(two_factor, overrides, address, demanded), next))
        })
    }

    fn facts(two_factor: TwoFactor, overrides: bool, address: bool, demanded: bool) -> Facts {
        Facts {
            two_factor,
            overrides,
            reach: if address { Reach::Email } else { Reach::Nowhere },
            demand: if demanded { Demand::TwoFactors } else { Demand::Whatever },
            codes_stopped: false,
            strength: Strength::Alone,
            password_at: 1,
            code_at: None,
            skipped_at: None,
            hindrance: None,
        }
    }

    #[test]
    fn the_table_of_the_design_holds() {
        for (facts, next) in cells() {
            assert_eq!(decide(Some(&facts)), next, "{facts:?}");
        }
    }

    #[test]
    fn the_password_comes_first() {
        assert_eq!(decide(None), Next::Password);
    }

    #[test]
    fn a_right_code_ends_every_row() {
        for (facts, _) in cells() {
            let facts = Facts { code_at: Some(2), ..facts };
            assert_eq!(decide(Some(&facts)), Next::Done(Assurance::TwoFactors), "{facts:?}");
        }
    }

    #[test]
    fn a_code_given_by_hand_stands_in_for_an_address() {
        let by_hand = |two_factor| Facts { reach: Reach::Hand, ..facts(two_factor, NO, NO, NO) };
        assert_eq!(decide(Some(&by_hand(ON))), CODE);
        assert_eq!(decide(Some(&by_hand(REHEARSE))), OFFERED);
    }

    #[test]
    fn stopped_codes_stop_only_those_who_need_one() {
        let stopped = |facts| decide(Some(&Facts { codes_stopped: true, ..facts }));
        assert_eq!(stopped(facts(ON, NO, YES, NO)), Next::CodesStopped);
        assert_eq!(stopped(facts(ON, YES, YES, NO)), WAIVED);
        assert_eq!(stopped(facts(REHEARSE, NO, YES, NO)), Next::Hindered(Hindrance::CodesStopped));
        assert_eq!(stopped(facts(REHEARSE, NO, YES, YES)), Next::CodesStopped);
    }

    /// Whoever goes on without a code is let in where the group rehearses and the app does not insist, and nowhere else.
    #[test]
    fn a_code_is_skipped_in_a_rehearsal_and_nowhere_else() {
        for (facts, next) in cells() {
            let skipped = decide(Some(&Facts { skipped_at: Some(2), ..facts }));
            let expected = if next.may_be_skipped() { DONE } else { next };
            assert_eq!(skipped, expected, "{facts:?}");
        }
    }

    #[test]
    fn what_keeps_a_code_away_in_a_rehearsal_is_told_and_means_nothing_elsewhere() {
        for hindrance in Hindrance::ALL {
            assert_eq!(Hindrance::from_name(hindrance.name()), Some(hindrance));
            for (facts, next) in cells() {
                let hindered = decide(Some(&Facts { hindrance: Some(hindrance), ..facts }));
                let expected = if next.may_be_skipped() { Next::Hindered(hindrance) } else { next };
                assert_eq!(hindered, expected, "{facts:?}");
            }
        }
    }

    /// Every row of the table that ends with the password alone asks for a longer one first, and no other row does. So does every row
    /// that could end so, where a code was given all the same.
    #[test]
    fn a_password_that_was_chosen_with_a_code_behind_it_does_not_let_in_alone() {
        for (facts, next) in cells() {
            let short = Facts { strength: Strength::Short, ..facts };
            let alone = matches!(next, Next::Done(_));
            assert_eq!(decide(Some(&short)), if alone { Next::LongerPassword } else { next }, "{short:?}");
            let by_session = Facts { strength: Strength::ShortInSession, ..short };
            assert_eq!(decide(Some(&by_session)), if alone { Next::Password } else { next }, "{short:?}");
            let (could, done) = (alone || next.may_be_skipped(), Next::Done(Assurance::TwoFactors));
            for (facts, asked) in [(short, Next::LongerPassword), (by_session, Next::Password)] {
                let with_code = Facts { code_at: Some(2), ..facts };
                assert_eq!(decide(Some(&with_code)), if could { asked } else { done }, "{with_code:?}");
            }
        }
        let skipped =
            Facts { strength: Strength::Short, skipped_at: Some(2), ..facts(REHEARSE, NO, YES, NO) };
        assert_eq!(decide(Some(&skipped)), Next::LongerPassword);
    }

    #[test]
    fn what_is_claimed_is_what_was_proven() {
        assert_eq!(Assurance::Password.amr(), ["pwd"]);
        assert_eq!(Assurance::Override.amr(), ["pwd"]);
        assert_eq!(Assurance::TwoFactors.amr(), ["pwd", "otp", "mfa"]);
        assert_eq!(Assurance::Override.acr(), ACR_PASSWORD);
        assert_eq!(Assurance::TwoFactors.acr(), ACR_TWO_FACTORS);
    }

    fn any_facts() -> impl Strategy<Value = Facts> {
        let moment = || proptest::option::of(1..9i64);
        let hindrance = proptest::option::of(0..Hindrance::ALL.len());
        (any::<[bool; 3]>(), 0..3usize, 0..3u8, 0..3usize, (moment(), moment()), hindrance).prop_map(
            |(
                [overrides, demanded, codes_stopped],
                setting,
                reach,
                strength,
                (code_at, skipped_at),
                hindrance,
            )| Facts {
                reach: match reach {
                    0 => Reach::Email,
                    1 => Reach::Hand,
                    _ => Reach::Nowhere,
                },
                codes_stopped,
                strength: [Strength::Alone, Strength::Short, Strength::ShortInSession][strength],
                code_at,
                skipped_at,
                hindrance: hindrance.map(|at| Hindrance::ALL[at]),
                ..facts(TwoFactor::ALL[setting], overrides, true, demanded)
            },
        )
    }

    proptest! {
        #[test]
        fn nobody_passes_a_demand_for_two_factors_without_a_code(facts in any_facts()) {
            let demanded =
                facts.demand == Demand::TwoFactors || (facts.two_factor == ON && !facts.overrides);
            let next = decide(Some(&facts));
            if let Next::Done(assurance) = next {
                prop_assert_eq!(assurance == Assurance::TwoFactors, facts.code_at.is_some());
                prop_assert!(!demanded || assurance == Assurance::TwoFactors);
            }
            prop_assert!(!demanded || !next.may_be_skipped());
        }

        /// A rehearsal keeps nobody out whom `off` would let in: at most they press a button.
        #[test]
        fn a_rehearsal_stops_nobody(facts in any_facts()) {
            let rehearsed = Facts { two_factor: REHEARSE, ..facts };
            let off = decide(Some(&Facts { two_factor: OFF, ..facts }));
            let next = decide(Some(&rehearsed));
            let then = decide(Some(&Facts { skipped_at: Some(9), ..rehearsed }));
            prop_assert!(next == off || (next.may_be_skipped() && then == off));
        }

        #[test]
        fn nobody_passes_with_a_short_password_alone(facts in any_facts()) {
            if let Next::Done(assurance) = decide(Some(&facts)) {
                prop_assert!(assurance == Assurance::TwoFactors || facts.strength == Strength::Alone);
            }
        }
    }
}
