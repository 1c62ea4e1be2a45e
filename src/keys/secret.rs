//! How are random secrets made, compared and kept? A `Token` is shown once; only its `TokenHash` is stored.

use std::fmt;

use base64::Engine as _;
use openssl::sha::Sha256;
use rand::CryptoRng;
use rand::rand_core::UnwrapErr;
#[expect(clippy::disallowed_types, reason = "for the one place that may")]
use rand::rngs::SysRng;
use zeroize::Zeroizing;

/// The operating system's randomness; the one place that asks for it.
#[must_use]
pub fn entropy() -> impl CryptoRng + Send {
    UnwrapErr(SysRng)
}

/// Randomness for what is no secret, and is drawn for every request: a generator that each thread seeds from the operating system now and
/// then. A machine that is copied as it runs has it twice, so no secret comes from here.
#[must_use]
pub fn chance() -> impl CryptoRng {
    #[expect(clippy::disallowed_methods, reason = "for the one place that may")]
    rand::rng()
}

/// 256 random bits as 43 letters of base64url: an authorization code, a refresh token, a cookie, a client secret.
/// Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// How many letters those are.
const SECRET: usize = 43;

/// SHA-256 of a token in hexadecimal: what the database holds instead of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHash(String);

impl Token {
    /// A new one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bits = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(bits.as_mut_slice());
        Self(Zeroizing::new(base64url(bits.as_slice())))
    }

    /// One that was made elsewhere, and is taken over with what it is for.
    #[must_use]
    pub fn taken_over(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// What is handed to whom it belongs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl TokenHash {
    /// The hash under which a presented token would be stored.
    #[must_use]
    pub fn of(presented: &str) -> Self {
        Self(hex(&sha256(presented.as_bytes())))
    }

    /// The hash as the database holds it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An authorization code or a refresh token: what stands for a grant. It is a [`Token`], and may say before its 256 random bits when it was
/// made, as [`new_id_at`] does. The hash of all of it is then stored behind that time: what is made one after the other lies side by side,
/// and not each on a page of its own. What says no time is known by its hash alone.
#[derive(Clone, Debug)]
pub struct GrantToken(Token);

impl GrantToken {
    /// A new one, which says `made_at_ms` (milliseconds since 1970) if that is given.
    pub fn generate(made_at_ms: Option<i64>, rng: &mut impl CryptoRng) -> Self {
        let secret = Token::generate(rng);
        match made_at_ms {
            None => Self(secret),
            Some(now_ms) => Self(Token(Zeroizing::new(spelled(&moment(now_ms)) + secret.reveal()))),
        }
    }

    /// What is handed to whom it belongs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        Self::hash_of(self.reveal())
    }

    /// The hash under which a presented one would be stored.
    #[must_use]
    pub fn hash_of(presented: &str) -> TokenHash {
        let TokenHash(hash) = TokenHash::of(presented);
        let time = presented.get(..OF_TIME).filter(|time| time.bytes().all(|b| LETTERS.contains(&b)));
        TokenHash(match time {
            Some(time) if presented.len() == OF_TIME + SECRET => time.to_owned() + &hash,
            _ => hash,
        })
    }
}

/// The letters of ids: lower-case base32 (RFC 4648 §6), in the order in which databases sort them.
const LETTERS: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";

/// How many of an id's letters tell when it was made, where it does: 45 bits, enough for milliseconds until the year 3084.
const OF_TIME: usize = 9;

/// A short public name for a row: 130 random bits as 26 letters of lower-case base32. Never a secret.
pub fn new_id(rng: &mut impl CryptoRng) -> String {
    spelled(&drawn(rng))
}

/// The same for a row of which there come many, such as a grant: it begins with the time (milliseconds since 1970), and 85 bits of it are
/// random. So what is made one after the other lies side by side in every index by such names, and a transaction writes few
/// pages; random names lie on a page each. Nothing relies on their order: another node's clock may differ, and there are rows of before.
pub fn new_id_at(now_ms: i64, rng: &mut impl CryptoRng) -> String {
    let mut values = drawn(rng);
    for (value, of_time) in values.iter_mut().zip(moment(now_ms)) {
        *value = of_time;
    }
    spelled(&values)
}

/// The time, in milliseconds since 1970, five bits each.
fn moment(now_ms: i64) -> [u8; OF_TIME] {
    let (mut values, mut time) = ([0; OF_TIME], now_ms.max(0));
    for value in values.iter_mut().rev() {
        *value = u8::try_from(time & 31).unwrap_or_default();
        time >>= 5;
    }
    values
}

fn drawn(rng: &mut impl CryptoRng) -> [u8; 26] {
    let mut values = [0u8; 26];
    rng.fill_bytes(&mut values);
    values
}

/// As letters, of which each says five bits.
fn spelled(values: &[u8]) -> String {
    values.iter().map(|value| char::from(*LETTERS.get(usize::from(value & 31)).unwrap_or(&b'a'))).collect()
}

/// Whether two secrets are the same, in a time that does not depend on where they differ.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && openssl::memcmp::eq(left, right)
}

/// SHA-256. OpenSSL's function of this name looks the algorithm up each time, which costs more than to hash a token.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(bytes);
    hasher.finish()
}

/// Base64url without padding (RFC 4648 §5), as JOSE and OAuth write bytes.
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        for nibble in [b >> 4, b & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_256_bits_of_base64url_and_debug_hides_it() {
        let token = Token::generate(&mut entropy());
        assert_eq!(token.reveal().len(), SECRET);
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert_eq!(token.hash(), TokenHash::of(token.reveal()));
    }

    #[test]
    fn a_grant_token_is_as_random_with_its_time_and_its_hash_comes_behind_that() {
        let now_ms = 1_795_529_112_345;
        let time = new_id_at(now_ms, &mut entropy())[..OF_TIME].to_owned();
        let [one, two] = [(); 2].map(|()| GrantToken::generate(Some(now_ms), &mut entropy()));
        assert_eq!(format!("{one:?}"), "GrantToken(Token(…))");
        for token in [&one, &two] {
            let (shown, stored) = (token.reveal(), token.hash());
            assert!(shown.starts_with(&time) && shown.len() == OF_TIME + SECRET);
            assert_eq!(stored.as_str(), time.clone() + TokenHash::of(shown).as_str());
        }
        assert_ne!(one.reveal()[OF_TIME..], two.reveal()[OF_TIME..]);
        assert_ne!(one.hash(), two.hash());
    }

    /// Such are those of a provider on PostgreSQL, and of a program of before.
    #[test]
    fn a_grant_token_that_says_no_time_is_known_by_its_hash() {
        let token = GrantToken::generate(None, &mut entropy());
        assert_eq!(token.reveal().len(), SECRET);
        assert_eq!(token.hash(), TokenHash::of(token.reveal()));
    }

    #[test]
    fn what_is_no_grant_token_of_ours_is_hashed_all_the_same() {
        let dated = GrantToken::generate(Some(1_795_529_112_345), &mut entropy());
        let dated = dated.reveal();
        let no_time = "A".to_owned() + &dated[1..];
        let foreign = ["", "x", &"ä".repeat(26), &dated[1..], &format!("{dated}x"), &no_time];
        for text in foreign {
            assert_eq!(GrantToken::hash_of(text), TokenHash::of(text), "{text}");
        }
    }

    fn is_id(text: &str) -> bool {
        text.len() == 26 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
    }

    #[test]
    fn ids_have_26_letters_and_use_all_of_them() {
        let all: Vec<String> = (0..1000).map(|_| new_id(&mut entropy())).collect();
        assert!(all.iter().all(|id| is_id(id)));
        for place in 0..26 {
            let there: BTreeSet<u8> = all.iter().map(|id| id.as_bytes()[place]).collect();
            assert_eq!(there.len(), 32, "place {place}");
        }
    }

    #[test]
    fn ids_sort_by_the_time_at_which_they_were_made() {
        let moments =
            [0, 1, 31, 32, 1_000, 1_795_529_112_345, 1_795_529_112_346, 1_795_529_113_345, (1 << 45) - 1];
        let ids: Vec<String> = moments.iter().map(|ms| new_id_at(*ms, &mut entropy())).collect();
        assert!(ids.iter().all(|id| is_id(id)));
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids[0].starts_with("222222222") && ids[8].starts_with("zzzzzzzzz"), "{ids:?}");
    }

    #[test]
    fn of_one_millisecond_85_bits_are_random() {
        let all: BTreeSet<String> = (0..1000).map(|_| new_id_at(1_795_529_112_345, &mut entropy())).collect();
        assert_eq!(all.len(), 1000);
        for place in 0..26 {
            let there: BTreeSet<u8> = all.iter().map(|id| id.as_bytes()[place]).collect();
            assert_eq!(there.len(), if place < 9 { 1 } else { 32 }, "place {place}");
        }
    }

    proptest! {
        /// A clock may be wrong by any amount; an id is one all the same.
        #[test]
        fn ids_are_in_order_whatever_the_clock_says(one in any::<i64>(), two in 0..(1_i64 << 45), three in 0..(1_i64 << 45)) {
            let [one, two_, three_] = [one, two, three].map(|ms| new_id_at(ms, &mut entropy()));
            prop_assert!(is_id(&one) && is_id(&two_) && is_id(&three_));
            prop_assert!(two == three || (two < three) == (two_ < three_));
        }
    }

    #[test]
    fn same_compares_whole_secrets() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
    }
}
