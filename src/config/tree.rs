//! Where does each setting come from? The values of the file and of the environment in one tree that knows their places.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::place::Place;

/// What every variable begins with.
const PREFIX: &str = "COUNTERSIGN_";

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Section(Section),
    List(Vec<Node>),
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// The text of a variable: what it means depends on the setting.
    Variable(String),
}

/// Settings by name.
pub(super) type Section = BTreeMap<String, Node>;

/// Reads the text of a settings file.
///
/// # Errors
/// When it is not TOML.
pub(super) fn from_file(file: &str, text: &str) -> Result<Section, ConfigError> {
    let name: Arc<str> = file.into();
    let table = DeTable::parse(text).map_err(|e| ConfigError::Syntax {
        file: file.to_owned(),
        line: line_of(text, e.span().map_or(0, |span| span.start)),
        message: told(&e, text),
    })?;
    let place = |at: usize| Place::Line(Arc::clone(&name), line_of(text, at));
    Ok(section(table.get_ref(), &place))
}

/// What is wrong, with the name of a key that is there twice.
fn told(error: &toml::de::Error, text: &str) -> String {
    let message = error.message().replace('\n', " ");
    let key = error.span().and_then(|span| text.get(span)).filter(|_| message == "duplicate key");
    key.map_or(message, |key| format!("{} is set twice: keep one of the two", key.trim().escape_debug()))
}

fn section(table: &DeTable<'_>, place: &impl Fn(usize) -> Place) -> Section {
    table
        .iter()
        .map(|(key, value)| (key.get_ref().to_string(), node(key.span().start, value, place)))
        .collect()
}

fn node(at: usize, value: &Spanned<DeValue<'_>>, place: &impl Fn(usize) -> Place) -> Node {
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::Text(number.as_str().to_owned()), Value::Integer),
        DeValue::Float(number) => number.as_str().parse().map_or(Value::Float(f64::NAN), Value::Float),
        DeValue::Boolean(yes) => Value::Boolean(*yes),
        DeValue::Datetime(when) => Value::Text(when.to_string()),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| node(item.span().start, item, place)).collect())
        }
        DeValue::Table(table) => Value::Section(section(table, place)),
    };
    Node { place: place(at), value }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Puts the variables of the environment over the settings of the file. Answers those that begin as ours do, but
/// have no levels and none of these names: other programs' variables stop nothing, although one may be a misspelt one of ours.
///
/// # Errors
/// When a variable of ours is no text, or names a setting below one that is no section.
pub(super) fn put_environment(
    root: &mut Section,
    names: &[&str],
    variables: impl Iterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
) -> Result<Vec<String>, ConfigError> {
    let mut strangers = Vec::new();
    let ours: BTreeMap<String, OsString> = variables
        .filter_map(|(name, value)| {
            let name: OsString = name.into();
            let name = name.to_str()?.strip_prefix(PREFIX)?;
            (!is_of_kubernetes(name)).then(|| (name.to_owned(), value.into()))
        })
        .collect();
    for (name, value) in ours {
        let place = Place::Variable(format!("{PREFIX}{name}"));
        let path = name.to_lowercase();
        if !path.contains("__") && !names.contains(&path.as_str()) {
            strangers.push(place.to_string());
            continue;
        }
        let value = value.into_string().map_err(|_| ConfigError::Setting {
            place: place.to_string(),
            key: path.replace("__", "."),
            what: "expected text in UTF-8".to_owned(),
        })?;
        put(root, &path.split("__").collect::<Vec<_>>(), &place, value)?;
    }
    Ok(strangers)
}

/// Whether a variable is one of those that Kubernetes sets in every container for a service whose name is or begins with
/// `countersign`: `…_SERVICE_HOST`, `…_SERVICE_PORT_HTTP`, `…_PORT`, `…_PORT_8080_TCP_ADDR`. None of ours is written so.
fn is_of_kubernetes(name: &str) -> bool {
    let name = format!("_{name}");
    let ends = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"].iter().any(|end| name.ends_with(end));
    let of_port =
        name.rsplit_once("_PORT_").is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    !name.contains("__") && (ends || of_port || name.contains("_SERVICE_PORT_"))
}

fn put(section: &mut Section, path: &[&str], place: &Place, value: String) -> Result<(), ConfigError> {
    match path {
        [] => Ok(()),
        [key] => {
            // A variable wins over the file also where the one names the value and the other a file that holds it.
            let twin = key.strip_suffix("_file").map_or_else(|| format!("{key}_file"), str::to_owned);
            if section.get(&twin).is_some_and(|node| matches!(node.place, Place::Line(..))) {
                section.remove(&twin);
            }
            section.insert((*key).to_owned(), Node { place: place.clone(), value: Value::Variable(value) });
            Ok(())
        }
        [key, below @ ..] => {
            let empty = || Node { place: place.clone(), value: Value::Section(Section::new()) };
            match &mut section.entry((*key).to_owned()).or_insert_with(empty).value {
                Value::Section(inner) => put(inner, below, place, value),
                _ => Err(ConfigError::Setting {
                    place: place.to_string(),
                    key: (*key).to_owned(),
                    what: "has no settings below it".to_owned(),
                }),
            }
        }
    }
}

/// Where a setting was written; none when nobody has, so that the default holds.
pub(super) fn place_of<'t>(root: &'t Section, key: &str) -> Option<&'t Place> {
    let (first, below) = key.split_once('.').map_or((key, None), |(first, below)| (first, Some(below)));
    let node = root.get(first)?;
    match (below, &node.value) {
        (None, _) => Some(&node.place),
        (Some(below), Value::Section(inner)) => place_of(inner, below),
        (Some(_), _) => None,
    }
}
