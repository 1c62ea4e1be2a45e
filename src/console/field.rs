//! What is one line of a form: an input where this person may change it now, else text; with its error beside it?
//!
//! Template: `{% with field=page.email %}{% include "console/field.html" %}{% endwith %}`, and `{% include "console/summary.html" %}`
//! above the form with `page.errors` ([`errors`]).

use serde::{Deserialize, Serialize};

use super::Visit;
use crate::directory::{misleads, shows_nothing};
use crate::web::form::Form;

/// A sentence of the catalogue, with what belongs into it: `{ $name }` and `{ $n }`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The sentence's key.
    pub key: String,
    /// A name in it.
    pub name: String,
    /// A number in it.
    pub n: i64,
    /// Those whom the name stands for, where this reader may see their pages: links in place of it.
    pub people: Vec<Linked>,
    /// Whether the name stands for more than those.
    pub more: bool,
}

/// Somebody's name in a sentence, and their page, which says whether they can sign in and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    /// The name.
    pub name: String,
    /// The page's address.
    pub path: String,
}

impl Linked {
    /// The person of this id, under this name.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        Self { name: name.to_owned(), path: format!("/console/users/{id}") }
    }
}

/// A number as somebody has typed it, or copied from a page, where its thousands stand apart; none where it is no number.
#[must_use]
pub fn number(typed: &str) -> Option<i64> {
    let is_between = |c: &char| matches!(c, ',' | '.' | '\'' | '\u{2019}') || c.is_whitespace();
    typed.trim().chars().filter(|c| !is_between(c)).collect::<String>().parse().ok()
}

/// One line of a form.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// Its name and id.
    pub name: &'static str,
    /// The key of its label.
    pub label: &'static str,
    /// The key of a sentence that helps.
    pub hint: Option<&'static str>,
    /// What it holds: what was typed, or else what is so.
    pub value: String,
    /// What kind of input it is.
    pub kind: Kind,
    /// Whether it is an input for this person, now.
    pub editable: bool,
    /// Whether it must be filled.
    pub required: bool,
    /// The longest value, in characters.
    pub longest: usize,
    /// From where an inherited value comes: the name of a group, a role.
    pub from: Option<String>,
    /// What is wrong with what was typed.
    pub error: Option<Said>,
}

/// What kind of input a field is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum Kind {
    /// A line of text.
    Text,
    /// An email address.
    Email,
    /// A number.
    Number,
    /// A password or another secret: never shown again.
    Secret,
    /// Several lines.
    Lines,
    /// Yes or no; its value is `on` or empty.
    Check,
    /// One of a few, all of them shown.
    Radio {
        /// What there is to choose from.
        choices: Vec<Choice>,
    },
    /// One of many.
    Select {
        /// What there is to choose from.
        choices: Vec<Choice>,
    },
}

/// One thing to choose.
#[derive(Clone, Debug, Serialize)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: Label,
    /// The key of a sentence that says what it does.
    pub hint: Option<&'static str>,
}

/// What is shown for a choice.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// A sentence of ours, by its key.
    Key(&'static str),
    /// A name that people have given.
    Name(String),
}

impl Said {
    /// The sentence of this key.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned(), ..Self::default() }
    }

    /// With a name.
    #[must_use]
    pub fn about(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// With a number.
    #[must_use]
    pub fn counting(self, n: i64) -> Self {
        Self { n, ..self }
    }

    /// With links to those whom the name stands for.
    #[must_use]
    pub fn linked(self, people: Vec<Linked>, more: bool) -> Self {
        Self { people, more, ..self }
    }
}

impl Field {
    /// A field that can only be read: `.editable(visit, verdict)` makes it an input.
    #[must_use]
    pub fn new(name: &'static str, label: &'static str, kind: Kind, value: impl Into<String>) -> Self {
        Self {
            name,
            label,
            hint: None,
            value: value.into(),
            kind,
            editable: false,
            required: false,
            longest: 200,
            from: None,
            error: None,
        }
    }

    /// An input if the answer that guards the write is yes, and changes can be made now.
    #[must_use]
    pub fn editable<E>(self, visit: &Visit, verdict: &Result<(), E>) -> Self {
        Self { editable: verdict.is_ok() && visit.is_unlocked(), ..self }
    }

    /// With a sentence that helps.
    #[must_use]
    pub fn hint(self, key: &'static str) -> Self {
        Self { hint: Some(key), ..self }
    }

    /// That must be filled.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// At most so many characters.
    #[must_use]
    pub fn longest(self, characters: usize) -> Self {
        Self { longest: characters, ..self }
    }

    /// Whose value comes from somewhere else.
    #[must_use]
    pub fn inherited(self, from: &str) -> Self {
        Self { from: Some(from.to_owned()), ..self }
    }

    /// With what was typed, and what is wrong with it if this is the field that it is about. As text, where nobody types, a page says what is so.
    #[must_use]
    pub fn typed(self, form: &Form, wrong: Option<&Wrong>) -> Self {
        let error = wrong.filter(|wrong| wrong.field == self.name).map(|wrong| wrong.said.clone());
        let value = if self.editable { form.field(self.name).to_owned() } else { self.value };
        Self { value, error, ..self }
    }
}

/// What is wrong with what was typed, and in which field; a field of no name stands for the whole form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong, and what to do.
    pub said: Said,
}

impl Wrong {
    /// The sentence of this key about a field.
    #[must_use]
    pub fn new(field: &'static str, said: Said) -> Self {
        Self { field, said }
    }
}

/// A line of the summary above a form.
#[derive(Clone, Debug, Serialize)]
pub struct Summed {
    /// The id of the field that it leads to; empty for the whole form.
    pub field: String,
    /// What is wrong there.
    pub said: Said,
}

impl Summed {
    /// This sentence about the field of this id.
    #[must_use]
    pub fn new(field: &str, said: Said) -> Self {
        Self { field: field.to_owned(), said }
    }
}

/// The summary of everything that is wrong with a form (`page.errors`).
#[must_use]
pub fn errors<'f>(fields: impl IntoIterator<Item = &'f Field>, whole: Option<&Wrong>) -> Vec<Summed> {
    let whole = whole.filter(|wrong| wrong.field.is_empty());
    let whole = whole.map(|wrong| Summed::new("", wrong.said.clone()));
    let single = fields.into_iter().filter_map(|field| Some(Summed::new(field.name, field.error.clone()?)));
    whole.into_iter().chain(single).collect()
}

/// A line that somebody typed: trimmed, of no more than so many characters, none of them invisible or out of its direction.
///
/// # Errors
/// What is wrong with it.
pub fn line<'f>(form: &'f Form, field: &'static str, longest: usize) -> Result<&'f str, Wrong> {
    let typed = form.field(field).trim();
    let wrong = |said| Err(Wrong::new(field, said));
    if typed.chars().count() > longest {
        return wrong(Said::new("wrong-too-long").counting(i64::try_from(longest).unwrap_or(i64::MAX)));
    }
    if typed.chars().any(is_hidden) {
        return wrong(Said::new("wrong-hidden"));
    }
    Ok(typed)
}

/// The name of somebody or something that somebody typed: a [`line()`] that is `now` so already, or means nothing else in a page or a table of
/// whoever reads it elsewhere.
///
/// # Errors
/// What is wrong with it.
pub fn name<'f>(form: &'f Form, field: &'static str, longest: usize, now: &str) -> Result<&'f str, Wrong> {
    let typed = line(form, field, longest)?;
    let wrong = |key| Err(Wrong::new(field, Said::new(key)));
    match typed {
        _ if typed == now.trim() => Ok(typed),
        _ if typed.contains(['<', '>']) => wrong("wrong-markup"),
        _ if typed.starts_with(['=', '+', '-', '@']) => wrong("wrong-formula"),
        _ => Ok(typed),
    }
}

/// Whether a character cannot be seen, or turns what stands around it, or stands for one that is none ([`Form::typed`]): no name of
/// anybody needs one.
fn is_hidden(c: char) -> bool {
    c == '\u{fffd}' || misleads(c) || shows_nothing(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_refused_where_it_was_typed() {
        let form = |typed: &str| Form::from_iter([("name".to_owned(), typed.to_owned())]);
        for good in [
            "",
            "Ned Nedd",
            " Zoë ",
            "李小龍",
            "ناد",
            "O'Brien-Łuczak",
            "\u{645}\u{6cc}\u{200c}\u{622}",
            "👩\u{200d}💻",
        ] {
            assert_eq!(line(&form(good), "name", 20).unwrap(), good.trim());
        }
        for (bad, key) in [
            ("a\u{0}b", "wrong-hidden"),
            ("a\u{fffd}b", "wrong-hidden"),
            ("a\nb", "wrong-hidden"),
            ("\u{202e}evil", "wrong-hidden"),
            ("ze\u{200b}ro", "wrong-hidden"),
            ("so\u{ad}ft", "wrong-hidden"),
            ("fi\u{3164}lled", "wrong-hidden"),
            ("ta\u{e0041}g", "wrong-hidden"),
            ("li\u{2028}ne", "wrong-hidden"),
            (&"x".repeat(21), "wrong-too-long"),
        ] {
            assert_eq!(line(&form(bad), "name", 20).unwrap_err().said.key, key, "{bad:?}");
        }
    }

    #[test]
    fn a_name_is_neither_markup_nor_a_formula_unless_it_is_there_already() {
        let form = |typed: &str| Form::from_iter([("name".to_owned(), typed.to_owned())]);
        for good in ["", "Ned Nedd", "R&D \"West\"", "O'Brien-Łuczak", "a=b+c@d", "1 + 1"] {
            assert_eq!(name(&form(good), "name", 20, "").unwrap(), good);
        }
        for (bad, key) in [
            ("<b>Ned</b>", "wrong-markup"),
            ("Ned >", "wrong-markup"),
            ("=1+1", "wrong-formula"),
            (" =1+1", "wrong-formula"),
            ("+49", "wrong-formula"),
            ("-x", "wrong-formula"),
            ("@SUM(A1)", "wrong-formula"),
            ("a\u{0}b", "wrong-hidden"),
        ] {
            assert_eq!(name(&form(bad), "name", 20, "Ned").unwrap_err().said.key, key, "{bad:?}");
        }
        assert_eq!(name(&form("<b>Ned</b>"), "name", 20, "<b>Ned</b>").unwrap(), "<b>Ned</b>");
    }

    #[test]
    fn the_summary_names_each_field_that_is_wrong() {
        let wrong = Wrong::new("email", Said::new("wrong-hidden"));
        let form = Form::default();
        let field = |name| Field::new(name, "label", Kind::Text, "x").typed(&form, Some(&wrong));
        let all = errors([&field("name"), &field("email")], Some(&wrong));
        assert_eq!(all.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["email"]);
        let whole = Wrong::new("", Said::new("wrong-hidden"));
        assert_eq!(errors([&field("name")], Some(&whole)).len(), 1);
    }
}
