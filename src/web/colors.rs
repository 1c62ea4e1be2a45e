//! How do the brand's colours become a stylesheet that can still be read, in light and in dark?

use crate::config;

/// The card in dark, as `style.css` has it.
const DARK_CARD: Color = Color([0x18, 0x1f, 0x1c]);
const WHITE: Color = Color([255; 3]);
const INK: Color = Color([0x06, 0x14, 0x10]);

/// What text needs against its ground (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Color([u8; 3]);

/// The rules that put the brand's colours in place of the built-in ones. Without a colour for dark, the one for light is
/// made as much lighter as it takes to be read there.
pub(super) fn rules(brand: &config::Brand) -> String {
    let light = brand.color.as_deref().and_then(Color::parse);
    let dark = brand.color_dark.as_deref().and_then(Color::parse).or_else(|| light.map(Color::for_dark));
    let rule = |color: Color| format!(":root{{--accent:{};--on-accent:{}}}", color.css(), color.text().css());
    let light = light.map(rule).unwrap_or_default();
    let dark = dark.map(|color| format!("@media (prefers-color-scheme:dark){{{}}}", rule(color)));
    light + &dark.unwrap_or_default()
}

impl Color {
    /// Reads `#rrggbb`.
    fn parse(text: &str) -> Option<Self> {
        let number = u32::from_str_radix(text.strip_prefix('#')?, 16).ok()?;
        let [_, rgb @ ..] = number.to_be_bytes();
        Some(Self(rgb))
    }

    fn css(self) -> String {
        let [r, g, b] = self.0;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// The colour of text on this one: the better of two.
    fn text(self) -> Self {
        if self.contrast(WHITE) >= self.contrast(INK) { WHITE } else { INK }
    }

    fn for_dark(self) -> Self {
        let steps = (0..=20).map(|step| self.lighter(step * 5));
        steps.into_iter().find(|color| color.contrast(DARK_CARD) >= READABLE).unwrap_or(WHITE)
    }

    /// This colour with so many hundredths of white in it.
    fn lighter(self, hundredths: u16) -> Self {
        let mix = |part: u8| {
            let mixed = (u16::from(part) * (100 - hundredths) + 255 * hundredths) / 100;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        Self(self.0.map(mix))
    }

    /// The contrast ratio, 1 to 21 (WCAG 2.2).
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn brand(color: Option<&str>, color_dark: Option<&str>) -> config::Brand {
        let owned = |text: &str| text.to_owned();
        config::Brand {
            color: color.map(owned),
            color_dark: color_dark.map(owned),
            ..config::Brand::default()
        }
    }

    #[test]
    fn a_brand_without_colours_changes_nothing() {
        assert_eq!(rules(&brand(None, None)), "");
    }

    #[test]
    fn colours_stand_as_given_with_text_that_can_be_read_on_them() {
        assert_eq!(
            rules(&brand(Some("#ffd400"), Some("#000080"))),
            ":root{--accent:#ffd400;--on-accent:#061410}\
             @media (prefers-color-scheme:dark){:root{--accent:#000080;--on-accent:#ffffff}}"
        );
        assert_eq!(
            rules(&brand(None, Some("#ffd400"))),
            "@media (prefers-color-scheme:dark){:root{--accent:#ffd400;--on-accent:#061410}}"
        );
    }

    proptest! {
        #[test]
        fn any_colour_can_be_read_in_dark(rgb in any::<[u8; 3]>()) {
            let color = Color(rgb).for_dark();
            prop_assert!(color.contrast(DARK_CARD) >= READABLE);
            prop_assert!(color.contrast(color.text()) >= READABLE);
            prop_assert_eq!(Color::parse(&color.css()), Some(color));
        }
    }
}
