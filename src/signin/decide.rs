//! What happens next in this sign-in? One pure function over plain facts; the table of DESIGN §2 is its test.

/// What is known about whoever is signing in. There are facts only once somebody has given a right password that is
/// recent enough for this request; before that the answer is always [`Next::Password`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The two-factor flag of the person's group, now.
    pub two_factor: bool,
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
    Code,
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
        return Next::Done(Assurance::TwoFactors);
    }
    let group_asks = facts.two_factor && !facts.overrides;
    if !group_asks && facts.demand == Demand::Whatever {
        let waived = facts.two_factor && facts.overrides;
        return match facts.strength {
            Strength::Alone => Next::Done(if waived { Assurance::Override } else { Assurance::Password }),
            Strength::Short => Next::LongerPassword,
            // Nobody chooses a password for a session that they have found open.
            Strength::ShortInSession => Next::Password,
        };
    }
    match facts.reach {
        // A role that could pass without a code is told apart from one that could not: sending its holder back to the
        // login screen would not help, since nothing they can do there changes what the app insists on.
        Reach::Nowhere if facts.two_factor && facts.overrides => Next::Unmet,
        Reach::Nowhere => Next::NoAddress,
        Reach::Email | Reach::Hand if facts.codes_stopped => Next::CodesStopped,
        Reach::Email | Reach::Hand => Next::Code,
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

    const ON: bool = true;
    const OFF: bool = false;
    const YES: bool = true;
    const NO: bool = false;

    /// The table of DESIGN §2, `any` spelled out: group two-factor, `override_2fa`, deliverable address, the app demands
    /// two factors, and what comes next after a right password.
    const TABLE: [(bool, bool, bool, bool, Next); 16] = [
        (OFF, NO, NO, NO, Next::Done(Assurance::Password)),
        (OFF, NO, YES, NO, Next::Done(Assurance::Password)),
        (OFF, YES, NO, NO, Next::Done(Assurance::Password)),
        (OFF, YES, YES, NO, Next::Done(Assurance::Password)),
        (OFF, NO, YES, YES, Next::Code),
        (OFF, YES, YES, YES, Next::Code),
        (OFF, NO, NO, YES, Next::NoAddress),
        (OFF, YES, NO, YES, Next::NoAddress),
        (ON, NO, YES, NO, Next::Code),
        (ON, NO, YES, YES, Next::Code),
        (ON, NO, NO, NO, Next::NoAddress),
        (ON, NO, NO, YES, Next::NoAddress),
        (ON, YES, YES, NO, Next::Done(Assurance::Override)),
        (ON, YES, NO, NO, Next::Done(Assurance::Override)),
        (ON, YES, YES, YES, Next::Code),
        (ON, YES, NO, YES, Next::Unmet),
    ];

    #[expect(clippy::fn_params_excessive_bools, reason = "the columns of the table, in their order")]
    fn facts(two_factor: bool, overrides: bool, address: bool, demanded: bool) -> Facts {
        Facts {
            two_factor,
            overrides,
            reach: if address { Reach::Email } else { Reach::Nowhere },
            demand: if demanded { Demand::TwoFactors } else { Demand::Whatever },
            codes_stopped: false,
            strength: Strength::Alone,
            password_at: 1,
            code_at: None,
        }
    }

    #[test]
    fn the_table_of_the_design_holds() {
        for (two_factor, overrides, address, demanded, next) in TABLE {
            let facts = facts(two_factor, overrides, address, demanded);
            assert_eq!(decide(Some(&facts)), next, "{facts:?}");
        }
    }

    #[test]
    fn the_password_comes_first() {
        assert_eq!(decide(None), Next::Password);
    }

    #[test]
    fn a_right_code_ends_every_row() {
        for (two_factor, overrides, address, demanded, _) in TABLE {
            let facts = Facts { code_at: Some(2), ..facts(two_factor, overrides, address, demanded) };
            assert_eq!(decide(Some(&facts)), Next::Done(Assurance::TwoFactors), "{facts:?}");
        }
    }

    #[test]
    fn a_code_given_by_hand_stands_in_for_an_address() {
        let facts = Facts { reach: Reach::Hand, ..facts(ON, NO, NO, NO) };
        assert_eq!(decide(Some(&facts)), Next::Code);
    }

    #[test]
    fn stopped_codes_stop_only_those_who_need_one() {
        let needs = Facts { codes_stopped: true, ..facts(ON, NO, YES, NO) };
        assert_eq!(decide(Some(&needs)), Next::CodesStopped);
        let waived = Facts { codes_stopped: true, ..facts(ON, YES, YES, NO) };
        assert_eq!(decide(Some(&waived)), Next::Done(Assurance::Override));
    }

    /// Every row of the table that ends with the password alone asks for a longer one first, and no other row does.
    #[test]
    fn a_password_that_was_chosen_with_a_code_behind_it_does_not_let_in_alone() {
        for (two_factor, overrides, address, demanded, next) in TABLE {
            let short =
                Facts { strength: Strength::Short, ..facts(two_factor, overrides, address, demanded) };
            let alone = matches!(next, Next::Done(_));
            assert_eq!(decide(Some(&short)), if alone { Next::LongerPassword } else { next }, "{short:?}");
            let by_session = Facts { strength: Strength::ShortInSession, ..short };
            assert_eq!(decide(Some(&by_session)), if alone { Next::Password } else { next }, "{short:?}");
            let with_code = Facts { code_at: Some(2), ..short };
            assert_eq!(decide(Some(&with_code)), Next::Done(Assurance::TwoFactors), "{short:?}");
        }
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
        (any::<[bool; 4]>(), 0..3u8, 0..3usize, proptest::option::of(1..9i64)).prop_map(
            |([two_factor, overrides, demanded, codes_stopped], reach, strength, code_at)| Facts {
                reach: match reach {
                    0 => Reach::Email,
                    1 => Reach::Hand,
                    _ => Reach::Nowhere,
                },
                codes_stopped,
                strength: [Strength::Alone, Strength::Short, Strength::ShortInSession][strength],
                code_at,
                ..facts(two_factor, overrides, true, demanded)
            },
        )
    }

    proptest! {
        #[test]
        fn nobody_passes_a_demand_for_two_factors_without_a_code(facts in any_facts()) {
            let demanded = facts.demand == Demand::TwoFactors || (facts.two_factor && !facts.overrides);
            if let Next::Done(assurance) = decide(Some(&facts)) {
                prop_assert_eq!(assurance == Assurance::TwoFactors, facts.code_at.is_some());
                prop_assert!(!demanded || assurance == Assurance::TwoFactors);
            }
        }

        #[test]
        fn nobody_passes_with_a_short_password_alone(facts in any_facts()) {
            if let Next::Done(assurance) = decide(Some(&facts)) {
                prop_assert!(assurance == Assurance::TwoFactors || facts.strength == Strength::Alone);
            }
        }
    }
}
