//! What does a text have in it that changes how what stands around it is read?

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
