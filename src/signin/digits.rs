//! Which code was typed? The digits of every script that people write numbers in, and nothing of what stands between them.

use unicode_normalization::UnicodeNormalization;

/// The zeros of the scripts whose digits stand in a row from 0 to 9 (Unicode's category Nd), but for those that NFKC turns into ASCII.
const ZEROS: [char; 38] = [
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{de6}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19d0}',
    '\u{1a80}',
    '\u{1a90}',
    '\u{1b50}',
    '\u{1bb0}',
    '\u{1c40}',
    '\u{1c50}',
    '\u{a620}',
    '\u{a8d0}',
    '\u{a900}',
    '\u{a9d0}',
    '\u{a9f0}',
    '\u{aa50}',
    '\u{abf0}',
    '\u{10d30}',
    '\u{11136}',
    '\u{1e950}',
];

/// Longer than any code.
const LONGEST: usize = 32;

/// A typed or pasted code as it was sent: blanks, dashes, full stops and marks that nobody sees do not matter. Letters do: with
/// them it is another code.
pub(super) fn typed(code: &str) -> String {
    code.nfkc().map(in_ascii).filter(|c| c.is_alphanumeric()).take(LONGEST).collect()
}

fn in_ascii(c: char) -> char {
    let value =
        ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10));
    value.and_then(|value| char::from_digit(value, 10)).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_is_read_as_people_write_it() {
        for code in [
            "012345",
            " 012 345 ",
            "012-345",
            "0\u{a0}12\u{2013}345",
            "０１２３４５",
            "012\u{2009}345\n",
            "012345.",
            "012.345",
            "012345,",
            "«012345»",
            "٠١٢٣٤٥",
            "۰۱۲۳۴۵",
            "०१२३४५",
            "०१2३4５。",
            "\u{200f}٠١٢\u{200e}345\u{202c}",
            "\u{feff}012\u{200b}3\u{ad}45",
            "0️⃣1️⃣2️⃣3️⃣4️⃣5️⃣",
        ] {
            assert_eq!(typed(code), "012345", "{code:?}");
        }
        for code in ["O12345", "01234", "0123456", "l2345", "", "KX7P"] {
            assert_ne!(typed(code), "012345", "{code:?}");
        }
    }

    #[test]
    fn every_zero_begins_ten_digits() {
        for zero in ZEROS {
            for value in 0..10 {
                let digit = char::from_u32(u32::from(zero) + value).unwrap();
                assert!(digit.is_numeric(), "{zero:?} {value}");
                assert_eq!(typed(&digit.to_string()), value.to_string());
            }
        }
    }

    proptest! {
        #[test]
        fn what_stands_between_the_digits_does_not_matter(
            digits in "[0-9]{6,10}",
            zero in proptest::sample::select(ZEROS.as_slice()),
            between in "[ \t.,:;/()_\u{a0}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2010}-\u{2015}\u{2060}-\u{2069}\u{feff}-]{0,2}",
        ) {
            let written = digits.chars().map(|c| char::from_u32(u32::from(zero) + c.to_digit(10).unwrap()).unwrap());
            let written: String = written.flat_map(|c| [between.clone(), c.to_string()]).collect();
            prop_assert_eq!(typed(&written), digits);
        }

        #[test]
        fn nothing_typed_panics_or_grows(code in ".*") {
            prop_assert!(typed(&code).chars().count() <= LONGEST);
        }
    }
}
