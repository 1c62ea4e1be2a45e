//! How did programs of the last century hash passwords? What no library of today offers any more.

use std::fmt::Write as _;

use super::Digest;

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `OLD_PASSWORD()` of MySQL before 4.1: two sums of 31 bits over the bytes, blanks and tabs left out.
pub(super) fn mysql(password: &[u8]) -> String {
    let (mut one, mut two, mut add) = (1_345_345_333_u32, 0x1234_5671_u32, 7_u32);
    for byte in password.iter().filter(|byte| !matches!(byte, b' ' | b'\t')) {
        let byte = u32::from(*byte);
        one ^= (one & 63).wrapping_add(add).wrapping_mul(byte).wrapping_add(one.wrapping_shl(8));
        two = two.wrapping_add(two.wrapping_shl(8) ^ one);
        add = add.wrapping_add(byte);
    }
    let low = 0x7fff_ffff;
    format!("{:08x}{:08x}", one & low, two & low)
}

/// md5-crypt (`$1$`), or Apache's way of it (`$apr1$`); what stands after the salt.
pub(super) fn md5_crypt(password: &[u8], magic: &str, salt: &str) -> Option<String> {
    let salt = salt.as_bytes();
    let inner = Digest::Md5.of(&[password, salt, password])?;
    let mut first: Vec<u8> = [password, magic.as_bytes(), salt].concat();
    first.extend(inner.iter().cycle().take(password.len()));
    let mut bits = password.len();
    while bits > 0 {
        first.push(if bits & 1 == 1 { 0 } else { password.first().copied().unwrap_or_default() });
        bits >>= 1;
    }
    let mut last = Digest::Md5.of(&[&first])?;
    for round in 0..1000 {
        let (odd, third, seventh) = (round % 2 == 1, round % 3 != 0, round % 7 != 0);
        let parts = [
            if odd { password } else { &last },
            if third { salt } else { &[] },
            if seventh { password } else { &[] },
            if odd { &last } else { password },
        ];
        last = Digest::Md5.of(&parts)?;
    }
    Some(md5_crypt_digits(&last))
}

/// Its own digits, 64 of them, and its own order of the bytes.
fn md5_crypt_digits(digest: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let byte = |at: usize| u32::from(digest.get(at).copied().unwrap_or_default());
    let groups = [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)];
    let triples = groups.map(|(a, b, c)| (byte(a) << 16 | byte(b) << 8 | byte(c), 4));
    let mut text = String::new();
    for (mut bits, digits) in triples.into_iter().chain([(byte(11), 2)]) {
        for _ in 0..digits {
            let digit = DIGITS.get((bits & 63) as usize).copied().unwrap_or_default();
            text.push(char::from(digit));
            bits >>= 6;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mysqls_old_hash_is_what_mysql_says() {
        for (password, expected) in [
            ("", "5030573512345671"),
            ("mypass", "6f8c114b58f2ce9e"),
            ("my pass", "6f8c114b58f2ce9e"),
            ("test", "378b243e220ca493"),
        ] {
            assert_eq!(mysql(password.as_bytes()), expected, "{password}");
        }
    }

    #[test]
    fn md5_crypt_is_what_openssl_says() {
        // `openssl passwd -1 -salt …` and `openssl passwd -apr1 -salt …`
        for (magic, salt, password, expected) in [
            ("$1$", "5f4dcc3b", "correct horse battery", "yQSiB3k6ToeuZleaxMOvr."),
            ("$apr1$", "r31.....", "myPassword", "HqJZimcKQFAMYayBlzkrA/"),
        ] {
            assert_eq!(md5_crypt(password.as_bytes(), magic, salt).unwrap(), expected, "{magic}{salt}");
        }
    }
}
