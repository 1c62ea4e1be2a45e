//! What can apps be told about a person beyond their name and email? The standard claims of OIDC Core §5.1.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::claim_value::{self, NotAValue};

/// A standard claim that somebody writes down; members of `address` (OIDC Core §5.1.1) are claims of their own here.
/// `sub`, `name`, `email`, `email_verified` and `updated_at` are kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// `given_name`
    GivenName,
    /// `family_name`
    FamilyName,
    /// `middle_name`
    MiddleName,
    /// `nickname`
    Nickname,
    /// `preferred_username`: the login unless set.
    PreferredUsername,
    /// `profile`: the address of a page about them.
    Profile,
    /// `picture`: the address of an image of them.
    Picture,
    /// `website`
    Website,
    /// `gender`
    Gender,
    /// `birthdate`
    Birthdate,
    /// `zoneinfo`
    Zoneinfo,
    /// `locale`
    Locale,
    /// `phone_number`
    PhoneNumber,
    /// `phone_number_verified`: false unless somebody else vouches for it.
    PhoneNumberVerified,
    /// `address.formatted`
    AddressFormatted,
    /// `address.street_address`
    AddressStreet,
    /// `address.locality`
    AddressLocality,
    /// `address.region`
    AddressRegion,
    /// `address.postal_code`
    AddressPostalCode,
    /// `address.country`
    AddressCountry,
}

/// Why a claim is not set. Each says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAClaim {
    /// It is not `NAME=VALUE`.
    #[error("expected NAME=VALUE, such as nickname=Ned; an empty value takes the claim away")]
    Form,
    /// There is no such claim.
    #[error("there is no claim {0}; there are: {names}", names = names())]
    Unknown(String),
    /// It is set in another way.
    #[error("{name} is not set as a claim: {instead}")]
    Elsewhere {
        /// The claim.
        name: &'static str,
        /// How it comes about.
        instead: &'static str,
    },
    /// The same change sets it twice.
    #[error("{0} is there more than once")]
    Twice(&'static str),
    /// The value is not one of the claim's.
    #[error("{name}: {why}")]
    Value {
        /// The claim.
        name: &'static str,
        /// What is wrong.
        why: NotAValue,
    },
}

/// The claims that somebody has written down about a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandardClaims(BTreeMap<Claim, String>);

/// What a change sets: some claims to a value, others to none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimChanges(BTreeMap<Claim, Option<String>>);

impl Claim {
    /// All of them, in the order of OIDC Core §5.1.
    pub const ALL: [Self; 20] = [
        Self::GivenName,
        Self::FamilyName,
        Self::MiddleName,
        Self::Nickname,
        Self::PreferredUsername,
        Self::Profile,
        Self::Picture,
        Self::Website,
        Self::Gender,
        Self::Birthdate,
        Self::Zoneinfo,
        Self::Locale,
        Self::PhoneNumber,
        Self::PhoneNumberVerified,
        Self::AddressFormatted,
        Self::AddressStreet,
        Self::AddressLocality,
        Self::AddressRegion,
        Self::AddressPostalCode,
        Self::AddressCountry,
    ];

    /// Its name; that of a member of `address` begins with `address.`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::MiddleName => "middle_name",
            Self::Nickname => "nickname",
            Self::PreferredUsername => "preferred_username",
            Self::Profile => "profile",
            Self::Picture => "picture",
            Self::Website => "website",
            Self::Gender => "gender",
            Self::Birthdate => "birthdate",
            Self::Zoneinfo => "zoneinfo",
            Self::Locale => "locale",
            Self::PhoneNumber => "phone_number",
            Self::PhoneNumberVerified => "phone_number_verified",
            Self::AddressFormatted => "address.formatted",
            Self::AddressStreet => "address.street_address",
            Self::AddressLocality => "address.locality",
            Self::AddressRegion => "address.region",
            Self::AddressPostalCode => "address.postal_code",
            Self::AddressCountry => "address.country",
        }
    }

    /// The claim of this name.
    ///
    /// # Errors
    /// When there is none, or it is kept elsewhere.
    pub fn from_name(name: &str) -> Result<Self, NotAClaim> {
        let elsewhere = |name, instead| Err(NotAClaim::Elsewhere { name, instead });
        match name {
            "sub" => elsewhere("sub", "it is made by the program and stays"),
            "name" => elsewhere("name", "use --name"),
            "email" => elsewhere("email", "use --email"),
            "email_verified" => elsewhere("email_verified", "it is true once a code sent there was entered"),
            "updated_at" => elsewhere("updated_at", "it is the time of the last change"),
            "address" => elsewhere("address", "set its members, such as address.formatted"),
            _ => Self::ALL
                .into_iter()
                .find(|claim| claim.name() == name)
                .ok_or_else(|| NotAClaim::Unknown(name.chars().take(80).collect())),
        }
    }

    /// Whether an app may take it as the word of somebody else than the person: a name that nobody else has, or that a
    /// phone number is theirs.
    #[must_use]
    pub const fn is_vouched(self) -> bool {
        matches!(self, Self::PreferredUsername | Self::PhoneNumberVerified)
    }

    /// The value, if it is one that this claim can have.
    fn check(self, value: &str) -> Result<String, NotAValue> {
        match self {
            Self::PreferredUsername => claim_value::username(value),
            Self::Profile | Self::Picture | Self::Website => claim_value::web_address(value),
            Self::Birthdate => claim_value::birthdate(value),
            Self::Zoneinfo => claim_value::time_zone(value),
            Self::Locale => claim_value::locale(value),
            Self::PhoneNumber => claim_value::phone_number(value),
            Self::PhoneNumberVerified => claim_value::yes_or_no(value),
            Self::AddressFormatted | Self::AddressStreet => claim_value::lines(value, 500),
            Self::Gender | Self::AddressPostalCode => claim_value::text(value, 40),
            Self::GivenName
            | Self::FamilyName
            | Self::MiddleName
            | Self::Nickname
            | Self::AddressLocality
            | Self::AddressRegion
            | Self::AddressCountry => claim_value::text(value, 200),
        }
    }
}

impl StandardClaims {
    /// The value of a claim, if it has one.
    #[must_use]
    pub fn get(&self, claim: Claim) -> Option<&str> {
        self.0.get(&claim).map(String::as_str)
    }

    /// Each of them that has a value, with it.
    pub fn iter(&self) -> impl Iterator<Item = (Claim, &str)> {
        self.0.iter().map(|(claim, value)| (*claim, value.as_str()))
    }

    /// The claims as OIDC Core §5.1 types them: `address` an object, `phone_number_verified` a boolean. What has no value
    /// is left out.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let (mut claims, mut address) = (Map::new(), Map::new());
        for (claim, value) in self.iter() {
            match claim.name().split_once('.') {
                Some((_, member)) => address.insert(member.to_owned(), Value::from(value)),
                None if claim == Claim::PhoneNumberVerified => {
                    claims.insert(claim.name().to_owned(), Value::from(value == "true"))
                }
                None => claims.insert(claim.name().to_owned(), Value::from(value)),
            };
        }
        if !address.is_empty() {
            claims.insert("address".to_owned(), Value::from(address));
        }
        claims
    }

    /// What [`Self::to_json`] has written. Values were checked when they were set, perhaps by other rules than today's;
    /// a claim that this version does not know is passed over. None when it is not a JSON object.
    pub(super) fn from_stored(text: &str) -> Option<Self> {
        let stored: Map<String, Value> = serde_json::from_str(text).ok()?;
        let mut claims = BTreeMap::new();
        for claim in Claim::ALL {
            let value = match claim.name().split_once('.') {
                Some((object, member)) => stored.get(object).and_then(|object| object.get(member)),
                None => stored.get(claim.name()),
            };
            match value {
                Some(Value::String(value)) => claims.insert(claim, value.clone()),
                Some(Value::Bool(value)) => claims.insert(claim, value.to_string()),
                _ => None,
            };
        }
        Some(Self(claims))
    }

    /// The claims after a change. Another phone number is not verified because the one before it was, and none is not
    /// verified at all.
    #[must_use]
    pub fn after(&self, changes: &ClaimChanges) -> Self {
        let mut claims = self.0.clone();
        for (claim, value) in &changes.0 {
            match value {
                Some(value) => claims.insert(*claim, value.clone()),
                None => claims.remove(claim),
            };
        }
        let number = claims.get(&Claim::PhoneNumber);
        let vouched_now = matches!(changes.0.get(&Claim::PhoneNumberVerified), Some(Some(_)));
        if number.is_none() || (number != self.0.get(&Claim::PhoneNumber) && !vouched_now) {
            claims.remove(&Claim::PhoneNumberVerified);
        }
        Self(claims)
    }
}

impl ClaimChanges {
    /// Adds one claim, its value still as it was written; an empty one takes the claim away.
    ///
    /// # Errors
    /// When there is no such claim, or the value is not one of its.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), NotAClaim> {
        let claim = Claim::from_name(name)?;
        let name = claim.name();
        let value = match value {
            "" => None,
            value => Some(claim.check(value).map_err(|why| NotAClaim::Value { name, why })?),
        };
        if self.0.insert(claim, value).is_some() { Err(NotAClaim::Twice(name)) } else { Ok(()) }
    }

    /// Takes claims as they are written on the command line, each as `NAME=VALUE`.
    ///
    /// # Errors
    /// When one of them is not right.
    pub fn parse<'a>(written: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAClaim> {
        let mut changes = Self::default();
        for one in written {
            let (name, value) = one.split_once('=').ok_or(NotAClaim::Form)?;
            changes.set(name.trim(), value)?;
        }
        Ok(changes)
    }

    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The claims that are touched.
    pub(super) fn claims(&self) -> impl Iterator<Item = Claim> {
        self.0.keys().copied()
    }
}

fn names() -> String {
    Claim::ALL.map(Claim::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn claims(written: &[&str]) -> StandardClaims {
        StandardClaims::default().after(&ClaimChanges::parse(written.iter().copied()).unwrap())
    }

    fn stored(claims: &StandardClaims) -> String {
        Value::from(claims.to_json()).to_string()
    }

    #[test]
    fn claims_have_the_types_of_the_standard() {
        let claims = claims(&[
            "nickname= Neddy ",
            "phone_number=+1 (425) 555-1212",
            "phone_number_verified=true",
            "address.locality=Springfield",
            "address.street_address=742 Evergreen Terrace\r\nBack door",
        ]);
        let expected = json!({
            "nickname": "Neddy",
            "phone_number": "+1 (425) 555-1212",
            "phone_number_verified": true,
            "address": {"locality": "Springfield", "street_address": "742 Evergreen Terrace\nBack door"},
        });
        assert_eq!(Value::from(claims.to_json()), expected);
        assert_eq!(StandardClaims::from_stored(&stored(&claims)), Some(claims));
        assert!(StandardClaims::default().to_json().is_empty());
    }

    #[test]
    fn what_is_stored_by_another_version_is_read_as_far_as_it_is_known() {
        let read = StandardClaims::from_stored(r#"{"nickname": "N", "shoe_size": 44, "address": []}"#);
        assert_eq!(read, Some(claims(&["nickname=N"])));
        for broken in ["", "[]", "null", "{"] {
            assert_eq!(StandardClaims::from_stored(broken), None, "{broken}");
        }
    }

    #[test]
    fn an_empty_value_takes_a_claim_away() {
        let changes = ClaimChanges::parse(["nickname=", "gender="]).unwrap();
        assert_eq!(claims(&["nickname=N", "locale=en"]).after(&changes), claims(&["locale=en"]));
    }

    #[test]
    fn another_phone_number_is_not_verified() {
        let verified = claims(&["phone_number=+15550001", "phone_number_verified=true"]);
        let after = |written: &[&str]| {
            let after = verified.after(&ClaimChanges::parse(written.iter().copied()).unwrap());
            after.get(Claim::PhoneNumberVerified).map(str::to_owned)
        };
        assert_eq!(after(&["nickname=N"]).as_deref(), Some("true"));
        assert_eq!(after(&["phone_number=+15550001"]).as_deref(), Some("true"), "the same one");
        assert_eq!(after(&["phone_number=+15550002"]), None);
        assert_eq!(after(&["phone_number=+15550002", "phone_number_verified=true"]).as_deref(), Some("true"));
        assert_eq!(after(&["phone_number="]), None);
        assert_eq!(claims(&["phone_number_verified=true"]), StandardClaims::default(), "of no number");
    }

    #[test]
    fn what_is_no_claim_is_refused_with_what_would_be_right() {
        for (written, expected) in [
            ("nickname", "NAME=VALUE"),
            ("shoe_size=44", "there are: given_name, "),
            ("name=Ned", "--name"),
            ("email=ned@example.org", "--email"),
            ("email_verified=true", "a code"),
            ("address=Springfield", "address.formatted"),
            ("birthdate=1.4.1970", "birthdate: "),
        ] {
            let refused = ClaimChanges::parse([written]).unwrap_err().to_string();
            assert!(refused.contains(expected), "{written}: {refused}");
        }
        let twice = ClaimChanges::parse(["nickname=N", "nickname="]);
        assert_eq!(twice, Err(NotAClaim::Twice("nickname")));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_short_reads_back_and_has_no_control_characters(
            at in 0..Claim::ALL.len(), value in "(.|\r\n){0,600}"
        ) {
            let claim = Claim::ALL[at];
            let mut changes = ClaimChanges::default();
            if changes.set(claim.name(), &value).is_ok() {
                let claims = StandardClaims::default().after(&changes);
                prop_assert_eq!(StandardClaims::from_stored(&stored(&claims)), Some(claims.clone()));
                for (_, value) in claims.iter() {
                    prop_assert!(!value.is_empty() && value.chars().count() <= 2000);
                    prop_assert!(value.chars().all(|c| c == '\n' || !c.is_control()));
                }
            }
        }

        #[test]
        fn nothing_that_is_written_panics(written in ".*", stored in ".*") {
            let _ = ClaimChanges::parse([written.as_str()]);
            let _ = StandardClaims::from_stored(&stored);
        }
    }
}
