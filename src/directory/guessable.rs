//! How easily is a password guessed by somebody who knows the person, the site, and what people choose?
//!
//! The password is read as a row of pieces: words of the published lists, words about its owner, keys in a row, what was there
//! before, dates, and single characters for the rest. Each piece is worth the guesses that it takes; of all readings the cheapest
//! counts, and when that is too cheap, what most of it is made of is the reason.

use std::fmt;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

use super::Person;
use super::login::fold;

/// The longest word about somebody that is looked for, the shortest, and how many.
const OWN_WORDS: (usize, usize, usize) = (3, 48, 60);

/// What somebody who wants to guess a password knows: words about its owner and about the site.
#[derive(Clone, Debug, Default)]
pub struct Known(Vec<String>);

impl Known {
    /// A site, by its brand and its issuer.
    #[must_use]
    pub fn of_site(brand: &str, issuer: &str) -> Self {
        let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        let host = host.split(['/', ':']).next().unwrap_or_default();
        Self::default().and(brand).and(without_top(host))
    }

    /// And a user of it, who is in the groups of this path.
    #[must_use]
    pub fn and_person(self, person: &Person, path: &str) -> Self {
        let email = person.email.as_deref().unwrap_or_default();
        self.and(&person.login).and(person.name.as_deref().unwrap_or_default()).and(email).and(path)
    }

    /// And any other text: a login, a name, an address, the path of a group. Its words count, by themselves and as one.
    #[must_use]
    pub fn and(mut self, text: &str) -> Self {
        let (shortest, longest, most) = OWN_WORDS;
        // Who has an umlaut may write two letters for it.
        let spelt_out = fold(text).replace('ä', "ae").replace('ö', "oe").replace('ü', "ue");
        for text in [text, &spelt_out] {
            let text = plain(if text.contains('@') { without_top(text) } else { text });
            let parts = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
            let joined = text.chars().filter(|c| c.is_alphanumeric()).collect();
            for word in parts.chain([joined]) {
                let fits = (shortest..=longest).contains(&word.chars().count());
                if fits && self.0.len() < most && !self.0.contains(&word) {
                    self.0.push(word);
                }
            }
        }
        self
    }
}

/// A host, or an address at one, without its last label: `com` says nothing about anybody.
fn without_top(text: &str) -> &str {
    text.rsplit_once('.').map_or(text, |(rest, _)| rest)
}

/// As passwords and words are compared: folded, and without accents.
fn plain(text: &str) -> String {
    fold(text).nfd().filter(|c| !is_combining_mark(*c)).collect()
}

/// The words that published lists of passwords are made of, plain: those that are tried first, and behind an empty line the
/// others. Either part is sorted.
static WORDS: LazyLock<[Vec<&'static str>; 2]> = LazyLock::new(|| {
    let (first, others) = include_str!("words.txt").split_once("\n\n").unwrap_or_default();
    [first.lines().collect(), others.lines().collect()]
});

/// The longest word that is looked for.
const LONGEST_WORD: usize = 48;

/// The most characters that are looked at; what is longer is no easier to guess.
const LOOKED_AT: usize = 200;

/// Guesses are counted in tenths of a bit. What is worth less than this is found by guessing: the tries of a stolen hash take
/// minutes, and the lists of those who try slowly at our own door begin with such.
const ENOUGH: u32 = 280;

/// What a word is worth that is tried first, and one of the others; with signs for letters, or all of it read backwards, that much
/// more.
const FIRST: u32 = 75;
const OTHER: u32 = 100;
const DRESSED: u32 = 10;

/// What a word about the owner is worth.
const OWN_WORD: u32 = 40;

/// Rows along which fingers and people run: alphabets, and the keys of common keyboards, across and down.
const ROWS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "012345678901234567890",
    "02468",
    "13579",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiopu",
    "asdfghjkloa",
    "yxcvbnm,.-",
    "qwertyuiopgu",
    "asdfghjklsi",
    "zxcvbnmoc",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "1qay",
    "2wsy",
    "6zhn",
    "!qaz",
    "@wsx",
    "#edc",
    "$rfv",
    "!@#$%^&*()_+",
    "!\"§$%&/()=?",
    "абвгдежзиклмнопрстуфхцчшщъыьэюя",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "あいうえおかきくけこさしすせそ",
];

/// The rows, forwards and backwards.
static ALONG: LazyLock<Vec<Vec<char>>> = LazyLock::new(|| {
    let forwards = ROWS.iter().map(|row| row.chars().collect());
    forwards.chain(ROWS.iter().map(|row| row.chars().rev().collect())).collect()
});

/// What makes a password easy to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// It is a word of the lists that are tried first, or a few of them.
    Listed,
    /// It is made of what is known about its owner or this site.
    Own,
    /// It runs along the keys, the alphabet or the numbers.
    Run,
    /// It repeats itself.
    Repeated,
    /// It is a date or another short number.
    Number,
}

/// One piece of a reading: how long it is, what it is worth, and what it is; none for a character by itself.
#[derive(Clone, Copy, Debug)]
struct Piece {
    length: usize,
    worth: u32,
    pattern: Option<Pattern>,
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Listed => "it is made of the words that are tried first",
            Self::Own => "it is made of the login, name, address or group, or of the name of this site",
            Self::Run => "it runs along the keys, the alphabet or the numbers",
            Self::Repeated => "it repeats itself",
            Self::Number => "it is a date or a short number, with little around it",
        })
    }
}

/// Why a password is too easy to guess, if it is.
#[must_use]
pub(super) fn judge(password: &str, known: &Known) -> Option<Pattern> {
    let own = known.0.as_slice();
    let whole: Zeroizing<Vec<char>> = Zeroizing::new(plain(password).chars().take(LOOKED_AT).collect());
    // Words that are set apart by spaces or hyphens are the same words.
    let apart = |c: &char| c.is_whitespace() || "-_.".contains(*c);
    let joined: Zeroizing<Vec<char>> = Zeroizing::new(whole.iter().copied().filter(|c| !apart(c)).collect());
    let backwards: Zeroizing<Vec<char>> = Zeroizing::new(joined.iter().rev().copied().collect());
    let unstretched = Zeroizing::new(unstretched(&joined));
    let readings = [(&whole, 0), (&joined, 0), (&backwards, DRESSED), (&unstretched, DRESSED)];
    let readings = readings.map(|(text, more)| (Reading::of(text, own), more));
    let (cheapest, more) = readings.into_iter().min_by_key(|(reading, more)| reading.worth + more)?;
    if cheapest.worth + more < ENOUGH {
        return Some(cheapest.mostly());
    }
    // A number that people remember is somebody's.
    let short_number = whole.len() <= 10 && whole.iter().all(char::is_ascii_digit);
    short_number.then_some(Pattern::Number)
}

/// The text that is stretched when each of its characters is typed as many times as the others: `aaabbbccc` is `abc`.
fn unstretched(text: &[char]) -> Vec<char> {
    let runs: Vec<&[char]> = text.chunk_by(|one, next| one == next).collect();
    let times = runs.first().map_or(0, |run| run.len());
    // One alone, typed again and again, is a repetition and nothing else.
    let even = times > 1 && runs.len() > 1 && runs.iter().all(|run| run.len() == times);
    if even { runs.iter().filter_map(|run| run.first().copied()).collect() } else { text.to_vec() }
}

/// The cheapest way to read a password.
struct Reading {
    worth: u32,
    pieces: Vec<Piece>,
}

impl Reading {
    fn of(text: &[char], own: &[String]) -> Self {
        // For each place, the cheapest way to get there, and the piece that it ends with.
        let mut ways: Vec<(u32, Option<Piece>)> = vec![(u32::MAX, None); text.len() + 1];
        if let Some(start) = ways.first_mut() {
            start.0 = 0;
        }
        let copies = Copies::of(text);
        for at in 0..text.len() {
            let Some(&(worth, _)) = ways.get(at) else { continue };
            for piece in pieces(text, at, own, &copies) {
                let worth = worth.saturating_add(piece.worth);
                if let Some(way) = ways.get_mut(at + piece.length)
                    && worth < way.0
                {
                    *way = (worth, Some(piece));
                }
            }
        }
        let worth = ways.last().map_or(0, |way| way.0);
        let (mut pieces, mut at) = (Vec::new(), text.len());
        while let Some(piece) = ways.get(at).and_then(|way| way.1) {
            pieces.push(piece);
            at = at.saturating_sub(piece.length);
        }
        Self { worth, pieces }
    }

    /// What most of it is made of.
    fn mostly(&self) -> Pattern {
        let covered = |pattern: Pattern| -> usize {
            self.pieces.iter().filter(|piece| piece.pattern == Some(pattern)).map(|piece| piece.length).sum()
        };
        let all = [Pattern::Number, Pattern::Repeated, Pattern::Run, Pattern::Listed, Pattern::Own];
        // Of equals the last. What nothing is known about is short, or digits.
        let most = all.into_iter().max_by_key(|pattern| covered(*pattern));
        most.filter(|pattern| covered(*pattern) > 0).unwrap_or(Pattern::Number)
    }
}

/// Every piece that could begin here.
fn pieces(text: &[char], at: usize, own: &[String], copies: &Copies) -> Vec<Piece> {
    let rest = text.get(at..).unwrap_or_default();
    let mut found: Vec<Piece> = rest.first().map(|c| single(*c)).into_iter().collect();
    found.extend(words(rest, own));
    found.extend(runs(rest));
    found.extend(interleaved(rest));
    found.extend(copies.at(at));
    found.extend(dates(rest));
    found
}

fn single(c: char) -> Piece {
    let worth = match c {
        c if c.is_whitespace() => 20,
        '0'..='9' => 33,
        'a'..='z' => 47,
        '!' | '.' | '-' | '_' | '?' => 35,
        c if c.is_ascii() => 50,
        // Of thousands of such characters few are next to one another in words; letters with accents come without.
        _ => 70,
    };
    Piece { length: 1, worth, pattern: None }
}

/// Words of the lists and about the owner, plain and in disguise.
fn words(rest: &[char], own: &[String]) -> Vec<Piece> {
    let plain: String = rest.iter().take(LONGEST_WORD).collect();
    let disguised = [undressed(&plain, 'i'), undressed(&plain, 'l')];
    let texts = [(&plain, 0), (&disguised[0], DRESSED), (&disguised[1], DRESSED)];
    let mut found = Vec::new();
    for (text, more) in texts {
        let theirs = own.iter().filter(|word| text.starts_with(word.as_str()));
        found.extend(theirs.map(|word| Piece {
            length: word.chars().count(),
            worth: OWN_WORD + more,
            pattern: Some(Pattern::Own),
        }));
        for (part, worth) in WORDS.iter().zip([FIRST, OTHER]) {
            let lengths = beginning(part, text);
            let piece = |length| Piece { length, worth: worth + more, pattern: Some(Pattern::Listed) };
            found.extend(lengths.into_iter().map(piece));
        }
    }
    found
}

/// The lengths of the words of a sorted list that a text begins with. All of them are of letters without accents.
fn beginning(part: &[&str], text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for length in 1..=text.len() {
        let Some(start) = text.get(..length) else { break };
        let at = part.partition_point(|word| *word < start);
        match part.get(at) {
            Some(word) if *word == start => found.push(length),
            Some(word) if word.starts_with(start) => {}
            _ => break,
        }
    }
    found
}

/// The signs that stand for letters, read as those; a one is an `i` or an `l`.
fn undressed(text: &str, one: char) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' | '|' => one,
        '2' => 'z',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '6' | '9' => 'g',
        '7' | '+' => 't',
        '8' => 'b',
        other => other,
    };
    text.chars().map(letter).collect()
}

/// Characters that follow one another in a row, forwards or backwards.
fn runs(rest: &[char]) -> Vec<Piece> {
    let mut found = Vec::new();
    let Some(first) = rest.first() else { return found };
    for row in ALONG.iter() {
        for (start, _) in row.iter().enumerate().filter(|(_, c)| *c == first) {
            let along = row.iter().skip(start);
            let length = along.zip(rest).take_while(|(a, b)| a == b).count();
            found.extend((3..=length).map(|length| Piece {
                length,
                worth: match (length, start) {
                    (3, _) => 70,
                    (_, 0) => 40,
                    _ => 60,
                },
                pattern: Some(Pattern::Run),
            }));
        }
    }
    found
}

/// Two runs in step, `1q2w3e4r`, or a run between equals, `1a2a3a4a`.
fn interleaved(rest: &[char]) -> Option<Piece> {
    let longest = |skip| {
        let text: Vec<char> = rest.iter().skip(skip).step_by(2).copied().collect();
        let equal = text.iter().take_while(|c| Some(*c) == text.first()).count();
        (runs(&text).into_iter().map(|piece| piece.length).max().unwrap_or(0), equal)
    };
    let (even, odd) = (longest(0), longest(1));
    let pairs = even.0.min(odd.0.max(odd.1)).max(odd.0.min(even.1));
    (pairs >= 3).then_some(Piece { length: pairs * 2, worth: 70, pattern: Some(Pattern::Run) })
}

/// For each place, how much from there on has been there before, forwards or backwards.
struct Copies(Vec<usize>);

impl Copies {
    fn of(text: &[char]) -> Self {
        let mut longest = vec![0; text.len()];
        for (at, length) in longest.iter_mut().enumerate() {
            let (before, rest) = text.split_at(at);
            let forwards = (0..at).map(|from| {
                // A copy may run into itself: `aaaa` is an `a` and three copies.
                let source = text.get(from..).unwrap_or_default();
                source.iter().zip(rest).take_while(|(a, b)| a == b).count()
            });
            let mirrored = (1..=at).map(|to| {
                let source = before.get(..to).unwrap_or_default();
                source.iter().rev().zip(rest).take_while(|(a, b)| a == b).count()
            });
            *length = forwards.chain(mirrored).max().unwrap_or(0);
        }
        Self(longest)
    }

    fn at(&self, at: usize) -> impl Iterator<Item = Piece> {
        let longest = self.0.get(at).copied().unwrap_or(0);
        (3..=longest).map(|length| Piece { length, worth: 60, pattern: Some(Pattern::Repeated) })
    }
}

/// A year, or a date in digits.
fn dates(rest: &[char]) -> Vec<Piece> {
    let digits: Vec<u32> = rest.iter().take(8).map_while(|c| c.to_digit(10)).collect();
    let number = |from: usize, to: usize| {
        digits.get(from..to).map_or(u32::MAX, |part| part.iter().fold(0, |n, digit| n * 10 + digit))
    };
    let (day, month, year) = (1..=31, 1..=12, 1900..=2099);
    let mut found = Vec::new();
    let mut add = |length, worth| found.push(Piece { length, worth, pattern: Some(Pattern::Number) });
    if year.contains(&number(0, 4)) {
        add(4, 70);
    }
    let halves = |at: usize| (number(at, at + 2), number(at + 2, at + 4));
    let is_day = |(a, b): (u32, u32)| {
        (day.contains(&a) && month.contains(&b)) || (month.contains(&a) && day.contains(&b))
    };
    if digits.len() >= 6 && (is_day(halves(0)) || is_day(halves(2))) {
        add(6, 150);
    }
    if (is_day(halves(0)) && year.contains(&number(4, 8)))
        || (year.contains(&number(0, 4)) && is_day(halves(4)))
    {
        add(8, 150);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use proptest::prelude::*;

    /// What everybody knows of Ned.
    fn of_ned() -> Known {
        let mut ned = sample("ned.flanders", Some("n.flanders@springfield.example"));
        ned.name = Some("Ned Müller-Flanders".to_owned());
        Known::of_site("Countersign", "https://id.example.org:8443").and_person(&ned, "Acme/Design")
    }

    /// Passwords that are tried first, by what makes them so.
    const BAD: &[(Pattern, &[&str])] = &[
        (
            Pattern::Listed,
            &[
                "password",
                "password1",
                "p4ssw0rd123",
                "P@$$w0rd2026",
                "p@ssw0rd!Summer2026",
                "iloveyou!",
                "summer2026!",
                "Sommer2026!",
                "Herbst2026!!",
                "Januar2026!",
                "Montag123!",
                "letmein!!",
                "drowssap123",
                "admin1234!",
                "welcome2026",
                "Willkommen1!",
                "michael1985",
                "elizabeth1",
                "superman!",
                "pokemon123",
                "trustno1!",
                "monkey-dragon-football",
                "Passwort123!",
                "motdepasse1",
                "contraseña2026",
                "galatasaray1905",
                "Fenerbahçe1907",
                "İstanbul34!",
                "şifre2026!",
                "parola1234",
                "sevgilim1!",
                "himitsu123",
                "doraemon1!",
                "schatz2026",
                "München1972",
                "iloveyouiloveyou",
                "correct horse battery staple",
                "correct-horse-battery-staple1",
                "correcthorsebatterystaple",
                "thequickbrownfoxjumpsoverthelazydog",
                "MayTheForceBeWithYou",
            ],
        ),
        (
            Pattern::Own,
            &[
                "ned.flanders1",
                "NedFlanders1985",
                "n3dfl4nders",
                "acme2026",
                "acme-design!",
                "Design-2026!",
                "countersign2026",
                "C0unt3rs1gn!!",
                "springfield99",
                "srednalf12",
                "mueller.ned!",
                "müllerflanders",
                "acmeacme",
                "ned@springfield",
            ],
        ),
        (
            Pattern::Run,
            &[
                "abcd1234",
                "12345678",
                "1234567890123456",
                "87654321abc",
                "qwertyuiopasdfgh",
                "asdfghjkl;",
                "zxcvbnm,./",
                "qwertzuiop123",
                "yxcvbnmasdfgh",
                "azertyuiop",
                "abcdefghijklmnop",
                "zyxwvutsrqpon",
                "aaaabbbbccccdddd",
                "1111 2222 3333 4444",
                "1qaz2wsx3edc4rfv",
                "!QAZ2wsx#EDC4rfv",
                "1q2w3e4r5t6y7u8i",
                "a1b2c3d4e5f6",
                "1a2a3a4a5a6a",
                "11223344556677",
                "!@#$%^&*()",
                "йцукенгшщ",
            ],
        ),
        (
            Pattern::Repeated,
            &[
                "aaaaaaaa",
                "aaaaaaaaaaaaaaaa",
                "xkxkxkxkxkxkxkxk",
                "mqzmqzmqzmqz",
                "summer2026summer2026",
                "asdfasdfasdfasdf",
                "12341234123412341",
                "19901990",
                "!!!!!!!!!!!!",
            ],
        ),
        (
            Pattern::Number,
            &["1990", "24121985", "83719264", "1712202599", "1985-12-24", "mai2026!", "24.12.85"],
        ),
    ];

    /// What people who were told what a good password is come up with, and what programs make for them.
    const GOOD: &[&str] = &[
        "correct horse battery",
        "three tired otters knit",
        "umbrella tango vinegar",
        "plum kettle orbit saddle",
        "velvet-anvil-cactus-19",
        "summer rain on the tin roof of grandma",
        "password is not the word i would pick",
        "my dog ate 14 biscuits",
        "zebra lamp 42",
        "ned likes his tea without sugar",
        "acme pays me far too little",
        "it was the best of times, for once",
        "Tr0ub4dor&3",
        "vx9-kq2-mm7",
        "kx7#pQ2v",
        "9fJ2-kQz8",
        "hT7!rRw2z",
        "qF3vT8mK2",
        "lkwjqzpt",
        "m8x2kd9w",
        "J6$kVn!2Qw@x",
        "wuvtoz-Xipqoc-5zyrdi",
        "4b825dc642cb6eb9a060",
        "dQw4w9WgXcQ",
        "ich esse gern birnen",
        "mein fahrrad hat keine klingel",
        "grüne Löffel tanzen",
        "der Mond ist aus Käse!",
        "Wolkenbruch im Teelöffel",
        "Zwölf Boxkämpfer jagen Viktor",
        "Straßenbahn nach Nirgendwo",
        "Omas Gartenzwerg raucht Pfeife",
        "Kühlschrankmagnetsammlung",
        "7 Eulen zählen Schäfchen",
        "mavi kedi pencerede uyuyor",
        "yağmurlu bir pazar sabahı",
        "çaydanlık ile şemsiye",
        "on üç kırmızı ördek",
        "İki dirhem bir çekirdek",
        "dağların ardındaki göl",
        "さくらの下で猫が寝る",
        "猫がテーブルの上で歌う",
        "雨の日は本を読む",
        "おばあちゃんの古い時計",
        "昨日の天ぷらは冷たい",
        "les canards dansent sous la pluie",
        "quatre chaussettes rouges",
        "la lluvia moja los zapatos",
        "мокрый ёжик поёт в тумане",
        "모자 쓴 고양이가 춤춘다",
    ];

    #[test]
    fn what_is_tried_first_is_known_in_all_its_dresses_and_why_is_said() {
        let known = of_ned();
        let wrong: Vec<String> = BAD
            .iter()
            .flat_map(|(pattern, texts)| texts.iter().map(move |text| (*text, Some(*pattern))))
            .filter_map(|(text, expected)| {
                let found = judge(text, &known);
                (found != expected).then(|| format!("{text}: {found:?}, not {expected:?}"))
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_is_hard_to_guess_is_left_alone_in_any_language() {
        let known = of_ned();
        let refused: Vec<_> = GOOD
            .iter()
            .map(|text| (text, judge(text, &known)))
            .filter(|(_, found)| found.is_some())
            .collect();
        assert!(refused.is_empty(), "{refused:#?}");
    }

    /// The same word is a good part of somebody else's password.
    #[test]
    fn what_is_known_about_one_is_not_known_about_another() {
        assert_eq!(judge("springfield-kq2", &of_ned()), Some(Pattern::Own));
        assert_eq!(judge("springfield-kq2", &Known::of_site("Countersign", "https://id.example.org")), None);
    }

    #[test]
    fn the_words_are_in_their_order_so_that_they_are_found() {
        for part in WORDS.iter() {
            assert!(part.len() > 200 && part.is_sorted(), "{}", part.len());
            assert!(part.iter().all(|word| word.len() >= 4 && word.len() <= LONGEST_WORD));
        }
        assert_eq!(beginning(&WORDS[0], "passwords"), [5, 8]);
        assert_eq!(beginning(&WORDS[0], "pässwords"), [0; 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A program's password is never refused, and what anybody types is judged at all.
        #[test]
        fn random_passwords_are_left_alone(
            mixed in "[A-Za-z0-9!#$%&*+=?@^~]{14,40}",
            letters in "[a-z]{16,40}",
            hex in "[0-9a-f]{24,40}",
        ) {
            for text in [mixed, letters, hex] {
                prop_assert_eq!(judge(&text, &of_ned()), None, "{}", text);
            }
        }

        #[test]
        fn a_handful_of_words_is_left_alone_although_each_is_listed(picks in proptest::collection::hash_set(0..4000usize, 5)) {
            let words: Vec<&str> = picks.iter().filter_map(|n| WORDS[1].get(*n).copied()).collect();
            prop_assert_eq!(judge(&words.join(" "), &of_ned()), None, "{}", words.join(" "));
        }

        #[test]
        fn whatever_is_typed_is_judged(text in "\\PC{0,200}", known in "\\PC{0,40}") {
            let _ = judge(&text, &Known::default().and(&known));
        }

        /// More of the same makes nothing harder.
        #[test]
        fn a_repetition_is_no_longer_password(unit in "[a-z0-9]{1,4}", times in 3usize..30) {
            prop_assert!(judge(&unit.repeat(times), &Known::default()).is_some());
        }
    }
}
