//! What does a person see on a page, and what would their browser send? Just enough HTML for pages of our own.

use std::iter::Peekable;
use std::str::Chars;

/// A form with what its fields hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Where it goes, as written.
    pub action: String,
    /// `get` or `post`.
    pub method: String,
    /// Names and values that would be sent, hidden ones too.
    pub fields: Vec<(String, String)>,
    /// Boxes that are not ticked, and what each would send.
    pub boxes: Vec<(String, String)>,
    /// Its buttons: id, name and value.
    pub buttons: Vec<[String; 3]>,
}

/// One piece of a page.
enum Piece {
    Open { name: String, attributes: Vec<(String, String)> },
    Close { name: String },
    Text(String),
}

/// The forms of a page, in their order.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let (mut inside, mut in_lines) = (false, false);
    for piece in pieces(html) {
        match piece {
            Piece::Open { name, attributes } if name == "form" => {
                inside = true;
                let method = of(&attributes, "method").unwrap_or("get").to_lowercase();
                let action = of(&attributes, "action").unwrap_or_default().to_owned();
                forms.push(Form { action, method, ..Form::default() });
            }
            Piece::Close { name } if name == "form" => inside = false,
            Piece::Close { name } if name == "textarea" => in_lines = false,
            // What a field of several lines holds stands between its tags.
            Piece::Text(lines) if in_lines => {
                if let Some((_, value)) = forms.last_mut().and_then(|form| form.fields.last_mut()) {
                    value.push_str(&lines);
                }
            }
            Piece::Open { name, attributes } if inside => {
                in_lines = name == "textarea";
                if let Some(form) = forms.last_mut() {
                    add_control(form, &name, &attributes);
                }
            }
            _ => {}
        }
    }
    forms
}

fn add_control(form: &mut Form, element: &str, attributes: &[(String, String)]) {
    let [id, name, value, kind] =
        ["id", "name", "value", "type"].map(|a| of(attributes, a).unwrap_or_default().to_owned());
    let unchecked = matches!(kind.as_str(), "checkbox" | "radio") && of(attributes, "checked").is_none();
    match element {
        "button" => form.buttons.push([id, name, value]),
        "input" if kind == "submit" => form.buttons.push([id, name, value]),
        "input" if unchecked => form.boxes.push((name, value)),
        "input" | "textarea" if !name.is_empty() => form.fields.push((name, value)),
        "select" if !name.is_empty() => form.fields.push((name, String::new())),
        // The first one is chosen where none says that it is.
        "option" => {
            if let Some((_, chosen)) = form.fields.last_mut()
                && (chosen.is_empty() || of(attributes, "selected").is_some())
            {
                *chosen = value;
            }
        }
        _ => {}
    }
}

/// The text of the element with this id, white space as a browser would show it.
pub fn text_of(html: &str, id: &str) -> Option<String> {
    let mut depth = 0usize;
    let mut text = None::<String>;
    for piece in pieces(html) {
        match piece {
            Piece::Open { attributes, .. } if text.is_none() && of(&attributes, "id") == Some(id) => {
                text = Some(String::new());
                depth = 1;
            }
            Piece::Open { name, .. } if depth > 0 && !is_void(&name) => depth += 1,
            Piece::Close { .. } if depth > 0 => depth -= 1,
            Piece::Text(more) if depth > 0 => text.get_or_insert_default().push_str(&more),
            _ => {}
        }
    }
    text.map(|t| tidy(&t))
}

/// All that a person can read on the page.
pub fn text(html: &str) -> String {
    let mut hidden = false;
    let mut text = String::new();
    for piece in pieces(html) {
        match piece {
            Piece::Open { name, .. } if is_unseen(&name) => hidden = true,
            Piece::Close { name } if is_unseen(&name) => hidden = false,
            Piece::Text(more) if !hidden => text.push_str(&more),
            // A link stands within its sentence.
            Piece::Open { name, .. } | Piece::Close { name } if name == "a" => {}
            // Words of neighbouring elements stay apart.
            Piece::Open { .. } | Piece::Close { .. } => text.push(' '),
            Piece::Text(_) => {}
        }
    }
    tidy(&text)
}

/// The targets of the page's links.
pub fn links(html: &str) -> Vec<String> {
    targets(html, "a", "href")
}

/// What the page's frames show.
pub fn frames(html: &str) -> Vec<String> {
    targets(html, "iframe", "src")
}

fn targets(html: &str, element: &str, attribute: &str) -> Vec<String> {
    let opened = pieces(html).into_iter().filter_map(|piece| match piece {
        Piece::Open { name, attributes } if name == element => of(&attributes, attribute).map(str::to_owned),
        _ => None,
    });
    opened.collect()
}

fn of<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

fn is_unseen(element: &str) -> bool {
    matches!(element, "head" | "script" | "style")
}

fn is_void(element: &str) -> bool {
    matches!(element, "input" | "br" | "hr" | "img" | "meta" | "link" | "wbr" | "path" | "circle" | "rect")
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn pieces(html: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        if at > 0 {
            found.push(Piece::Text(unescape(&rest[..at])));
        }
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let mut letters = rest.chars().peekable();
        if let Some(piece) = tag(&mut letters) {
            found.push(piece);
        }
        let left: usize = letters.map(char::len_utf8).sum();
        rest = &rest[rest.len() - left..];
    }
    found.push(Piece::Text(unescape(rest)));
    found
}

/// Reads up to and with the `>` of a tag.
fn tag(letters: &mut Peekable<Chars<'_>>) -> Option<Piece> {
    let closing = letters.next_if_eq(&'/').is_some();
    let name = word(letters).to_lowercase();
    let mut attributes = Vec::new();
    loop {
        while letters.next_if(|c| c.is_whitespace() || *c == '/').is_some() {}
        match letters.peek() {
            None => return None,
            Some('>') => {
                letters.next();
                return Some(if closing { Piece::Close { name } } else { Piece::Open { name, attributes } });
            }
            Some(_) => attributes.push(attribute(letters)),
        }
    }
}

fn attribute(letters: &mut Peekable<Chars<'_>>) -> (String, String) {
    let name = word(letters).to_lowercase();
    if letters.next_if_eq(&'=').is_none() {
        return (name, String::new());
    }
    let value = match letters.next_if(|c| *c == '"' || *c == '\'') {
        Some(quote) => letters.by_ref().take_while(|c| *c != quote).collect(),
        None => word(letters),
    };
    (name, unescape(&value))
}

/// Always moves on, so that no page can hold up a test for ever.
fn word(letters: &mut Peekable<Chars<'_>>) -> String {
    let mut read: String = letters.next().filter(|c| *c != '>').into_iter().collect();
    while let Some(c) = letters.next_if(|c| !c.is_whitespace() && !"=>/".contains(*c)) {
        read.push(c);
    }
    read
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        out.push_str(before);
        let known = entity.split_once(';').and_then(|(name, after)| Some((named(name)?, after)));
        let (letter, after) = known.unwrap_or(('&', entity));
        out.push(letter);
        rest = after;
    }
    out + rest
}

fn named(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "nbsp" => Some(' '),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
