//! How do other programs write a hash down, and does it cost no more to check than a sign-in may?

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Params, Version};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::old::hex;
use super::{Bare, Brought, Digest, Foreign, Kind, NotAHash, Recipe};

/// The longest hash that is looked at, in bytes.
const LONGEST: usize = 1000;

/// bcrypt's logarithm of its rounds: about a second.
const BCRYPT: std::ops::RangeInclusive<u32> = 4..=14;

/// Rounds of PBKDF2, for each block of its digest's length.
const PBKDF2_ROUNDS: usize = 2_000_000;

/// Rounds of SHA-crypt; it makes 5,000 unless told otherwise.
const SHA_CRYPT_ROUNDS: u32 = 1_000_000;

/// The memory of scrypt and argon2, in KiB.
const MEMORY_KIB: u64 = 128 * 1024;

/// How much memory is gone over in all, in KiB: as often as its passes and lanes say.
const WORK_KIB: u64 = 512 * 1024;

/// The lengths of an output that is compared, in bytes.
const OUTPUT: std::ops::RangeInclusive<usize> = 10..=128;

/// With or without `=` at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

pub(super) fn hash(text: &str) -> Result<Brought, NotAHash> {
    if text.is_empty() {
        return Err(NotAHash::Empty);
    }
    if text.len() > LONGEST {
        return Err(NotAHash::Unknown);
    }
    if let Some((_, inside)) = super::wrapped(text).filter(|(_, inside)| inside.starts_with('$')) {
        return argon2(inside).map(|_| Brought::Wrapped(text.to_owned()));
    }
    if let Some(inside) = text.strip_prefix(super::FOREIGN) {
        return hash(inside);
    }
    if let Some(bare) = bare(text) {
        return bare.map(Brought::Bare);
    }
    let recipe = recipe(text)?;
    Ok(Brought::Kept(Foreign { text: text.to_owned(), recipe }))
}

/// A hash without salt.
fn bare(text: &str) -> Option<Result<Bare, NotAHash>> {
    let (kind, digits) = if let Some(coded) = after(text, "{MD5}") {
        let bytes = BASE64.decode(coded).ok().filter(|bytes| bytes.len() == 16);
        let Some(bytes) = bytes else { return Some(Err(NotAHash::Damaged)) };
        (Kind::Md5, hex(&bytes))
    } else {
        let named = [("md5$", Kind::Md5), ("mysqlold$", Kind::MysqlOld)];
        match named.into_iter().find_map(|(mark, kind)| Some((kind, after(text, mark)?))) {
            Some((kind, digits)) => (kind, digits.to_ascii_lowercase()),
            None if text.len() == 32 => (Kind::Md5, text.to_ascii_lowercase()),
            None if text.len() == 16 => (Kind::MysqlOld, text.to_ascii_lowercase()),
            None => return None,
        }
    };
    let named = !text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let length = if kind == Kind::Md5 { 32 } else { 16 };
    let good = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(match (good, named) {
        (true, _) if kind.hex(b"").is_some_and(|empty| empty == digits) => Err(NotAHash::Empty),
        (true, _) => Ok(Bare { kind, hex: digits }),
        // Something else of the same length.
        (false, true) if !text.contains(['$', '{']) => return None,
        (false, _) => Err(NotAHash::Damaged),
    })
}

fn recipe(text: &str) -> Result<Recipe, NotAHash> {
    let starts = |marks: &[&str]| marks.iter().any(|mark| text.starts_with(mark));
    if starts(&["$2a$", "$2b$", "$2y$"]) {
        return bcrypt(text);
    }
    if starts(&["$5$", "$6$"]) {
        return sha_crypt(text);
    }
    if starts(&["$argon2"]) {
        return argon2(text);
    }
    if let Some(recipe) = ldap(text) {
        return recipe;
    }
    for magic in ["$1$", "$apr1$"] {
        if let Some(rest) = text.strip_prefix(magic) {
            return md5_crypt(magic, rest);
        }
    }
    let parts: Vec<&str> = text.split('$').collect();
    match parts.as_slice() {
        ["", "scrypt", params, salt, output] => scrypt(params, coded(salt)?, coded(output)?),
        ["", name, rounds, salt, output] if name.starts_with("pbkdf2") => {
            pbkdf2(digest(name, "pbkdf2", '-')?, named(rounds, 'i'), coded(salt)?, coded(output)?)
        }
        // Django.
        [name, rounds, salt, output] if name.starts_with("pbkdf2_") => {
            pbkdf2(digest(name, "pbkdf2", '_')?, rounds, salt.as_bytes().to_vec(), coded(output)?)
        }
        // Werkzeug.
        [how, salt, output] if how.starts_with("pbkdf2:") => {
            let (name, rounds) = how.rsplit_once(':').ok_or(NotAHash::Damaged)?;
            pbkdf2(digest(name, "pbkdf2", ':')?, rounds, salt.as_bytes().to_vec(), unhex(output)?)
        }
        [how, salt, output] if how.starts_with("scrypt:") => {
            scrypt_of(how, salt.as_bytes().to_vec(), unhex(output)?)
        }
        _ => Err(NotAHash::Unknown),
    }
}

fn bcrypt(text: &str) -> Result<Recipe, NotAHash> {
    let damaged = NotAHash::Damaged;
    let (cost, rest) = text.get(4..).and_then(|rest| rest.split_once('$')).ok_or(damaged)?;
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    if cost.len() != 2 || rest.len() != 53 || !rest.bytes().all(digit) {
        return Err(damaged);
    }
    let cost: u32 = cost.parse().map_err(|_| damaged)?;
    if BCRYPT.contains(&cost) { Ok(Recipe::Bcrypt) } else { Err(NotAHash::Costly) }
}

fn sha_crypt(text: &str) -> Result<Recipe, NotAHash> {
    let mut parts = text.split('$').skip(1);
    let (kind, mut next) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Some(rounds) = next.strip_prefix("rounds=") {
        let rounds: u32 = rounds.parse().map_err(|_| NotAHash::Damaged)?;
        match rounds {
            0..1000 => return Err(NotAHash::Damaged),
            1000..=SHA_CRYPT_ROUNDS => {}
            _ => return Err(NotAHash::Costly),
        }
        next = parts.next().unwrap_or_default();
    }
    let output = parts.next().unwrap_or_default();
    let length = if kind == "5" { 43 } else { 86 };
    let good = next.len() <= 16 && output.len() == length && parts.next().is_none();
    if good && text.is_ascii() { Ok(Recipe::ShaCrypt) } else { Err(NotAHash::Damaged) }
}

fn argon2(text: &str) -> Result<Recipe, NotAHash> {
    let hash = PasswordHash::new(text).map_err(|_| NotAHash::Damaged)?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| NotAHash::Damaged)?;
    // Without a version it is of the first one.
    let version = Version::try_from(hash.version.unwrap_or(0x10)).map_err(|_| NotAHash::Damaged)?;
    let params = Params::try_from(&hash).map_err(|_| NotAHash::Damaged)?;
    let (memory, passes) = (u64::from(params.m_cost()), u64::from(params.t_cost()));
    affordable(memory, memory.saturating_mul(passes))?;
    let (Some(salt), Some(output)) = (hash.salt, hash.hash) else { return Err(NotAHash::Damaged) };
    let (salt, output) = (salt.as_ref().to_vec(), fitting(output.as_bytes().to_vec())?);
    Ok(Recipe::Argon2 { algorithm, version, params, salt, output })
}

fn affordable(memory_kib: u64, work_kib: u64) -> Result<(), NotAHash> {
    if memory_kib > MEMORY_KIB || work_kib > WORK_KIB { Err(NotAHash::Costly) } else { Ok(()) }
}

fn fitting(output: Vec<u8>) -> Result<Vec<u8>, NotAHash> {
    if OUTPUT.contains(&output.len()) { Ok(output) } else { Err(NotAHash::Damaged) }
}

fn pbkdf2(digest: Digest, rounds: &str, salt: Vec<u8>, output: Vec<u8>) -> Result<Recipe, NotAHash> {
    let rounds: usize = rounds.parse().map_err(|_| NotAHash::Damaged)?;
    let output = fitting(output)?;
    let blocks = output.len().div_ceil(digest.length());
    if rounds == 0 || salt.len() > LONGEST {
        return Err(NotAHash::Damaged);
    }
    if rounds.saturating_mul(blocks) > PBKDF2_ROUNDS {
        return Err(NotAHash::Costly);
    }
    Ok(Recipe::Pbkdf2 { digest, rounds, salt, output })
}

/// `ln=16,r=8,p=1`.
fn scrypt(params: &str, salt: Vec<u8>, output: Vec<u8>) -> Result<Recipe, NotAHash> {
    let (mut log, mut r, mut p) = (None, None, None);
    for param in params.split(',') {
        let (name, value) = param.split_once('=').ok_or(NotAHash::Damaged)?;
        let value: u32 = value.parse().map_err(|_| NotAHash::Damaged)?;
        match name {
            "ln" => log = Some(value),
            "r" => r = Some(value),
            "p" => p = Some(value),
            _ => return Err(NotAHash::Damaged),
        }
    }
    let (Some(log), Some(r), Some(p)) = (log, r, p) else { return Err(NotAHash::Damaged) };
    let n = 1_u64.checked_shl(log).ok_or(NotAHash::Costly)?;
    scrypt_with(n, r.into(), p.into(), salt, output)
}

/// `scrypt:32768:8:1`.
fn scrypt_of(how: &str, salt: Vec<u8>, output: Vec<u8>) -> Result<Recipe, NotAHash> {
    let numbers: Result<Vec<u64>, _> = how.split(':').skip(1).map(str::parse).collect();
    match numbers.map_err(|_| NotAHash::Damaged)?.as_slice() {
        [n, r, p] => scrypt_with(*n, *r, *p, salt, output),
        _ => Err(NotAHash::Damaged),
    }
}

fn scrypt_with(n: u64, r: u64, p: u64, salt: Vec<u8>, output: Vec<u8>) -> Result<Recipe, NotAHash> {
    if n < 2 || !n.is_power_of_two() || r == 0 || p == 0 {
        return Err(NotAHash::Damaged);
    }
    let memory = n.saturating_mul(r) / 8;
    affordable(memory, memory.saturating_mul(p).saturating_mul(2))?;
    Ok(Recipe::Scrypt { n, r, p, salt, output: fitting(output)? })
}

fn md5_crypt(magic: &'static str, rest: &str) -> Result<Recipe, NotAHash> {
    let (salt, output) = rest.split_once('$').ok_or(NotAHash::Damaged)?;
    let good = salt.len() <= 8 && output.len() == 22 && rest.is_ascii();
    let recipe = Recipe::Md5Crypt { magic, salt: salt.to_owned(), output: output.to_owned() };
    if good { Ok(recipe) } else { Err(NotAHash::Damaged) }
}

/// `{SSHA}` and its sisters (RFC 2307 §5.3): the digest and, after it, the salt.
fn ldap(text: &str) -> Option<Result<Recipe, NotAHash>> {
    let kinds = [
        ("{SSHA}", Digest::Sha1, true),
        ("{SSHA256}", Digest::Sha256, true),
        ("{SSHA512}", Digest::Sha512, true),
        ("{SMD5}", Digest::Md5, true),
        ("{SHA}", Digest::Sha1, false),
        ("{SHA256}", Digest::Sha256, false),
        ("{SHA512}", Digest::Sha512, false),
    ];
    let found =
        kinds.into_iter().find_map(|(mark, digest, salted)| Some((after(text, mark)?, digest, salted)));
    let (coded, digest, salted) = found?;
    let recipe = || {
        let mut output = BASE64.decode(coded).ok()?;
        let salt = (output.len() >= digest.length()).then(|| output.split_off(digest.length()))?;
        (salted != salt.is_empty()).then_some(Recipe::Salted { digest, salt, output })
    };
    Some(recipe().ok_or(NotAHash::Damaged))
}

/// What comes after a mark, in whichever case that is written.
fn after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(mark.len())?;
    start.eq_ignore_ascii_case(mark).then_some(rest)
}

/// `310000`, or `i=310000,l=32`.
fn named(params: &str, name: char) -> &str {
    let mut each = params.split(',');
    let wanted = each.find_map(|param| param.strip_prefix(name)?.strip_prefix('='));
    wanted.unwrap_or(params)
}

/// `pbkdf2-sha256`; without a name it is SHA-1.
fn digest(name: &str, before: &str, separator: char) -> Result<Digest, NotAHash> {
    let name = name.strip_prefix(before).ok_or(NotAHash::Unknown)?;
    match name.strip_prefix(separator).unwrap_or(name) {
        "" | "sha1" => Ok(Digest::Sha1),
        "sha256" => Ok(Digest::Sha256),
        "sha512" => Ok(Digest::Sha512),
        _ => Err(NotAHash::Unknown),
    }
}

/// Base64, also as passlib writes it, with dots for plus signs.
fn coded(text: &str) -> Result<Vec<u8>, NotAHash> {
    BASE64.decode(text.replace('.', "+")).map_err(|_| NotAHash::Damaged)
}

fn unhex(text: &str) -> Result<Vec<u8>, NotAHash> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let good = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    bytes.filter(|_| good).ok_or(NotAHash::Damaged)
}
