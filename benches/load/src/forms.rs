//! Which forms does a page hold, and what would a browser send? One pass over the page, so that reading it costs the generator little.

/// A form as it stands on the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Where it goes, as written.
    pub action: String,
    /// Whether by POST.
    pub post: bool,
    /// Names and values, hidden ones too.
    pub fields: Vec<(String, String)>,
    /// Its buttons.
    pub buttons: Vec<Button>,
}

/// A button that sends a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Button {
    /// Its id.
    pub id: String,
    /// Its name, empty when it sends nothing of its own.
    pub name: String,
    /// What it sends.
    pub value: String,
}

impl Form {
    /// Whether it asks for this.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// The button of this id, name or value.
    #[must_use]
    pub fn button(&self, which: &str) -> Option<&Button> {
        self.buttons
            .iter()
            .find(|button| [&button.id, &button.name, &button.value].iter().any(|n| *n == which))
    }

    /// What it sends when these fields are filled and this button is pressed, form-encoded.
    #[must_use]
    pub fn filled(&self, typed: &[(String, String)], pressed: Option<&Button>) -> String {
        let value = |name: &str| typed.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let mut body = form_urlencoded::Serializer::new(String::with_capacity(256));
        for (name, held) in &self.fields {
            body.append_pair(name, value(name).unwrap_or(held));
        }
        if let Some(button) = pressed.filter(|button| !button.name.is_empty()) {
            body.append_pair(&button.name, &button.value);
        }
        body.finish()
    }
}

/// The forms of a page, in their order.
#[must_use]
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let (mut rest, mut inside) = (html, false);
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect();
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "/form" => inside = false,
            "form" | "input" | "button" | "textarea" | "select" => {
                let (attributes, after) = attributes(rest.get(name.len()..).unwrap_or_default());
                rest = after;
                if name == "form" {
                    inside = true;
                    forms.push(opened(&attributes));
                } else if let Some(form) = forms.last_mut().filter(|_| inside) {
                    form.add(&name, &attributes);
                }
            }
            _ => {}
        }
    }
    forms
}

type Attributes = Vec<(String, String)>;

fn opened(attributes: &Attributes) -> Form {
    let post = of(attributes, "method").eq_ignore_ascii_case("post");
    Form { action: of(attributes, "action").to_owned(), post, ..Form::default() }
}

impl Form {
    fn add(&mut self, element: &str, attributes: &Attributes) {
        let [id, name, value] = ["id", "name", "value"].map(|name| of(attributes, name).to_owned());
        let kind = of(attributes, "type").to_ascii_lowercase();
        let checked = attributes.iter().any(|(name, _)| name == "checked");
        match (element, kind.as_str()) {
            ("button", "button" | "reset") | ("input", "button" | "reset" | "image") => {}
            ("button", _) | ("input", "submit") => self.buttons.push(Button { id, name, value }),
            ("input", "checkbox" | "radio") if !checked => {}
            _ if name.is_empty() => {}
            _ => self.fields.push((name, value)),
        }
    }
}

fn of<'a>(attributes: &'a Attributes, name: &str) -> &'a str {
    attributes.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
}

/// The attributes of a tag whose name has been read, and what follows its `>`.
fn attributes(tag: &str) -> (Attributes, &str) {
    let mut found = Vec::new();
    let mut rest = tag;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (found, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        // A stray `=` is the beginning of a name (HTML §13.2.5.32), so that each turn moves on.
        let end = rest.char_indices().skip(1).find(|(_, c)| c.is_ascii_whitespace() || "=>/".contains(*c));
        let (name, after) = rest.split_at_checked(end.map_or(rest.len(), |(at, _)| at)).unwrap_or((rest, ""));
        let (value, after) = value(after);
        found.push((name.to_ascii_lowercase(), unescape(value)));
        rest = after;
    }
}

/// The value after an attribute's name, if there is one, and what follows.
fn value(after_name: &str) -> (&str, &str) {
    let Some(given) = after_name.trim_start().strip_prefix('=') else { return ("", after_name) };
    let given = given.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = given.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = given.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(given.len());
    given.split_at_checked(end).unwrap_or((given, ""))
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        out.push_str(before);
        let known = entity.split_once(';').and_then(|(name, after)| Some((letter(name)?, after)));
        let (letter, after) = known.unwrap_or(('&', entity));
        out.push(letter);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn letter(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
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

#[cfg(test)]
mod tests {
    use super::{Button, Form, forms};

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_form_is_read_with_what_it_would_send() {
        let page = r#"<p>a < b</p><!-- <form action="/not-this"> -->
            <FORM method='POST' action="/login?a=1&amp;b=2">
            <input type=hidden name=csrf value="x&quot;&#x2F;&#47;y"><input name="login" autofocus>
            <input type="checkbox" name="stay" value="on"><input type=checkbox name=terms value=yes checked />
            <button type="button" name="show">Show</button><button id="submit" name="go" value="in">Sign in</button></form>
            <input name="outside"><form action=/cancel><input type="submit" value="Cancel"></form>"#;
        let button = Button { id: "submit".into(), name: "go".into(), value: "in".into() };
        let first = Form {
            action: "/login?a=1&b=2".into(),
            post: true,
            fields: pairs(&[("csrf", "x\"//y"), ("login", ""), ("terms", "yes")]),
            buttons: vec![button.clone()],
        };
        let cancel = Button { value: "Cancel".into(), ..Button::default() };
        let second = Form { action: "/cancel".into(), buttons: vec![cancel], ..Form::default() };
        assert_eq!(forms(page), [first.clone(), second]);
        let typed = pairs(&[("login", "a b")]);
        assert_eq!(first.filled(&typed, Some(&button)), "csrf=x%22%2F%2Fy&login=a+b&terms=yes&go=in");
        assert!(first.has("csrf") && !first.has("outside"));
        assert_eq!(first.button("in"), Some(&button));
    }

    #[test]
    fn a_broken_page_is_read_to_its_end() {
        for page in
            ["<form", "<form =", "<form action=\"", "<", "<form><input name", "<form><input value='x", "<!--"]
        {
            assert!(forms(page).len() <= 1, "{page}");
        }
    }
}
