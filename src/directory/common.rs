//! Is a password one of those that are tried first?

/// Words that common passwords are made of, folded; with digits, signs and look-alike letters around them they make up
/// most of the published lists.
const WORDS: &[&str] = &[
    "password",
    "passwort",
    "passwd",
    "passw",
    "passphrase",
    "kennwort",
    "motdepasse",
    "contrasena",
    "wachtwoord",
    "parola",
    "haslo",
    "senha",
    "salasana",
    "lozinka",
    "geheim",
    "secret",
    "welcome",
    "willkommen",
    "bienvenue",
    "letmein",
    "login",
    "signin",
    "admin",
    "administrator",
    "root",
    "user",
    "guest",
    "test",
    "testing",
    "tester",
    "demo",
    "default",
    "changeme",
    "change",
    "master",
    "access",
    "server",
    "system",
    "computer",
    "internet",
    "qwerty",
    "qwertz",
    "azerty",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "zxcvbn",
    "zxcvbnm",
    "qwertyuiop",
    "qazwsx",
    "qazwsxedc",
    "abcdef",
    "abcdefg",
    "abcdefgh",
    "iloveyou",
    "ilovegod",
    "loveyou",
    "lovely",
    "love",
    "sunshine",
    "princess",
    "prinzessin",
    "dragon",
    "monkey",
    "football",
    "fussball",
    "baseball",
    "basketball",
    "soccer",
    "hockey",
    "golf",
    "superman",
    "batman",
    "spiderman",
    "pokemon",
    "starwars",
    "matrix",
    "trustno",
    "shadow",
    "michael",
    "michelle",
    "jennifer",
    "jessica",
    "ashley",
    "daniel",
    "andrew",
    "thomas",
    "robert",
    "joshua",
    "matthew",
    "charlie",
    "jordan",
    "hunter",
    "ranger",
    "killer",
    "soldier",
    "pepper",
    "ginger",
    "cookie",
    "chocolate",
    "banana",
    "cheese",
    "summer",
    "sommer",
    "winter",
    "spring",
    "autumn",
    "herbst",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "london",
    "berlin",
    "paris",
    "newyork",
    "america",
    "germany",
    "deutschland",
    "liverpool",
    "arsenal",
    "chelsea",
    "barcelona",
    "juventus",
    "ferrari",
    "porsche",
    "mercedes",
    "yamaha",
    "harley",
    "mustang",
    "corvette",
    "freedom",
    "whatever",
    "nothing",
    "blink",
    "purple",
    "orange",
    "yellow",
    "silver",
    "golden",
    "diamond",
    "flower",
    "butterfly",
    "angel",
    "heaven",
    "jesus",
    "christ",
    "money",
    "business",
    "company",
    "office",
    "google",
    "facebook",
    "linkedin",
    "twitter",
    "microsoft",
    "windows",
    "apple",
    "samsung",
    "android",
    "hello",
    "hallo",
    "hola",
    "bonjour",
    "family",
    "friends",
    "forever",
    "mother",
    "father",
    "babygirl",
    "lovers",
    "secure",
    "security",
    "timetracker",
    "countersign",
    "correcthorsebatterystaple",
];

/// Rows of keys and of the alphabet, along which fingers run.
const RUNS: [&str; 6] =
    ["abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "01234567890"];

/// Whether a folded password is a common word with trimmings, a run along the keys, or a repetition of either.
pub(super) fn is_common(folded: &str) -> bool {
    let letters: Vec<char> = folded.chars().filter(|c| !c.is_whitespace()).collect();
    let unit = repeated_unit(&letters);
    let text: String = unit.iter().collect();
    let core = text.trim_matches(|c: char| !c.is_alphabetic());
    let plain: String = plain_letters(&text);
    let plain_core = plain_letters(core);
    unit.len() < 4
        || is_run(&text)
        || WORDS.contains(&core)
        || WORDS.contains(&plain.as_str())
        || WORDS.contains(&plain_core.as_str())
        || (!core.is_empty() && core.len() * 2 > text.len() && is_run(core))
        || text.chars().all(|c| c.is_ascii_digit()) && text.len() <= 10
}

/// The shortest piece of which the text is a repetition.
fn repeated_unit(letters: &[char]) -> &[char] {
    let fits = |n: &usize| {
        letters.len().is_multiple_of(*n) && letters.chunks(*n).all(|chunk| Some(chunk) == letters.get(..*n))
    };
    let n = (1..=letters.len() / 2).find(fits).unwrap_or(letters.len());
    letters.get(..n).unwrap_or(letters)
}

fn is_run(text: &str) -> bool {
    let backwards: String = text.chars().rev().collect();
    RUNS.iter().any(|run| {
        let twice = format!("{run}{run}");
        twice.contains(text) || twice.contains(&backwards)
    })
}

/// `p4$$w0rd!` read as `password`: the signs that stand for letters, without what is left over at the end.
fn plain_letters(text: &str) -> String {
    let read: String = text
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .collect();
    let trimmings = |c: char| !c.is_alphabetic();
    // What was appended in digits is trimmed before it is read as letters.
    let end = text.trim_end_matches(trimmings).chars().count();
    read.chars().take(end).filter(|c| c.is_alphabetic()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_passwords_are_known_in_all_their_dresses() {
        for text in [
            "password",
            "password1",
            "p4ssw0rd123",
            "p@$$w0rd2026",
            "12345678",
            "1234567890",
            "87654321",
            "qwertyuiop",
            "qwerty123",
            "iloveyou!",
            "aaaaaaaa",
            "abcabcabc",
            "summer2026!",
            "letmein!!",
            "passwordpassword",
            "zxcvbnm,./",
            "abcdefgh",
            "00000000",
            "correcthorsebatterystaple",
            "correct horse battery staple",
            "19901990",
            "welcome2026welcome2026",
        ] {
            assert!(is_common(text), "{text}");
        }
    }

    #[test]
    fn others_are_left_alone() {
        for text in
            ["correct horse battery", "tr0ub4dor&3", "vx9-kq2-mm7", "ich esse gern birnen", "zebra lamp 42"]
        {
            assert!(!is_common(text), "{text}");
        }
    }
}
