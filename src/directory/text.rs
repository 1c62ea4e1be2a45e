//! What does a text have in it that is read as something else, or not at all?

/// Whether a character is a control character, ends a line, or turns the direction of what follows it (UAX 9 §2): a name with one of
/// those passes for another one.
#[must_use]
pub fn misleads(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || turns(c)
}

/// Whether a character does nothing but turn the direction of others.
pub(super) const fn turns(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character shows nothing where it stands (what Unicode calls default-ignorable, the fillers, and the private ones that have
/// no look of their own): a name with one of those passes for another one. Joiners and variation selectors are none of them, since
/// scripts and emoji are written with them.
#[must_use]
pub const fn shows_nothing(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'
        | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..)
}

/// Whether letters of two alphabets stand in a text that have letters alike (Latin, Greek, Cyrillic and others): with a Cyrillic letter in
/// its middle, `nеd` passes for `ned` (UTS 39 §5.1).
#[must_use]
pub(super) fn mixes_alphabets(text: &str) -> bool {
    let mut alphabets = text.chars().filter_map(Alphabet::of);
    alphabets.next().is_some_and(|first| alphabets.any(|other| other != first))
}

/// What a text is read as by whoever knows Latin letters, where each of its letters looks like one and not all are: `аԁа` is read as `ada`, and so is
/// `ɑda` (UTS 39 §4, and its data). None for a text that nobody takes for another.
#[must_use]
pub(super) fn latin_look(text: &str) -> Option<String> {
    let read: String =
        text.chars().map(|c| if c.is_ascii() { Some(c) } else { latin_letter(c) }).collect::<Option<_>>()?;
    (read != text).then_some(read)
}

/// The Latin letter, in lower case, that a letter looks like as it is written.
const fn latin_letter(c: char) -> Option<char> {
    Some(match c {
        'а' | 'А' | 'Α' | 'α' | 'ɑ' | 'Ꭺ' => 'a',
        'В' | 'Β' | 'Ь' | 'Ᏼ' => 'b',
        'с' | 'С' | 'ϲ' | 'Ϲ' | 'Ꮯ' => 'c',
        'ԁ' | 'Ꭰ' => 'd',
        'е' | 'Е' | 'Ε' | 'Ꭼ' => 'e',
        'ɡ' | 'ց' | 'Ꮐ' => 'g',
        'һ' | 'Н' | 'Η' | 'հ' | 'Ꮋ' => 'h',
        'і' | 'І' | 'Ι' | 'ι' | 'ı' | 'ɩ' | 'Ꭵ' => 'i',
        'ј' | 'Ј' | 'ϳ' | 'Ꭻ' => 'j',
        'К' | 'Κ' | 'к' | 'κ' | 'Ꮶ' => 'k',
        'ӏ' | 'Ӏ' | 'Լ' | 'Ꮮ' => 'l',
        'М' | 'Μ' | 'Ꮇ' => 'm',
        'Ν' | 'ո' => 'n',
        'о' | 'О' | 'ο' | 'Ο' | 'օ' | 'Օ' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' | 'Ꮲ' => 'p',
        'ԛ' | 'Ԛ' | 'զ' => 'q',
        'г' | 'Ꮢ' => 'r',
        'ѕ' | 'Ѕ' | 'Տ' | 'Ꮪ' => 's',
        'Т' | 'Τ' | 'Ꭲ' => 't',
        'υ' | 'ս' | 'Ս' => 'u',
        'ѵ' | 'Ѵ' | 'ν' | 'Ꮩ' => 'v',
        'ԝ' | 'Ԝ' | 'Ꮃ' => 'w',
        'х' | 'Х' | 'Χ' | 'χ' => 'x',
        'у' | 'У' | 'Υ' | 'γ' | 'ʏ' | 'Ꮍ' => 'y',
        'Ζ' | 'Ꮓ' => 'z',
        _ => return None,
    })
}

/// Alphabets that have letters which look like those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alphabet {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Cherokee,
    Coptic,
    Lisu,
}

impl Alphabet {
    /// The alphabet that a letter is of; none for what is no letter, and for scripts whose letters look like no other's.
    const fn of(c: char) -> Option<Self> {
        Some(match c {
            'A'..='Z'
            | 'a'..='z'
            | '\u{c0}'..='\u{d6}'
            | '\u{d8}'..='\u{f6}'
            | '\u{f8}'..='\u{2af}'
            | '\u{1e00}'..='\u{1eff}' => Self::Latin,
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Self::Greek,
            '\u{400}'..='\u{52f}'
            | '\u{1c80}'..='\u{1c8f}'
            | '\u{2de0}'..='\u{2dff}'
            | '\u{a640}'..='\u{a69f}' => Self::Cyrillic,
            '\u{530}'..='\u{58f}' => Self::Armenian,
            '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Self::Cherokee,
            '\u{2c80}'..='\u{2cff}' => Self::Coptic,
            '\u{a4d0}'..='\u{a4ff}' => Self::Lisu,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_two_alphabets_that_look_alike_do_not_stand_together() {
        for good in [
            "",
            "ned",
            "Zoë",
            "ned-1@example.org",
            "нина",
            "Σίσυφος",
            "李小龍",
            "李ned",
            "ناد",
            "ned😀",
            "42",
        ] {
            assert!(!mixes_alphabets(good), "{good}");
        }
        for bad in ["n\u{435}d", "\u{3b1}da", "n\u{565}d", "nі\u{430}", "нинa", "\u{13de}ed"] {
            assert!(mixes_alphabets(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_written_in_other_letters_and_read_as_latin_is_known() {
        for (written, read) in
            [("аԁа", "ada"), ("МАХ", "max"), ("ΝΕΑ", "nea"), ("ɑda", "ada"), ("ѕоре-1@ехо", "sope-1@exo")]
        {
            assert_eq!(latin_look(written).as_deref(), Some(read), "{written}");
        }
        // Latin itself, letters that look like no Latin ones, and those among others.
        for other in ["ada", "42", "нина", "Сергей", "Zoë", "李小龍", "мах"] {
            assert_eq!(latin_look(other), None, "{other}");
        }
    }

    #[test]
    fn what_shows_nothing_is_known_and_what_writing_needs_is_not_among_it() {
        for seen in
            ['a', ' ', 'é', '\u{301}', '\u{200c}', '\u{200d}', '\u{fe0f}', '\u{e0100}', '😀', '\u{fffd}']
        {
            assert!(!shows_nothing(seen), "{seen:?}");
        }
        for unseen in ['\u{ad}', '\u{200b}', '\u{3164}', '\u{e0041}', '\u{e000}', '\u{feff}', '\u{10fffd}'] {
            assert!(shows_nothing(unseen), "{unseen:?}");
        }
    }
}
