//! How does the tree become settings? A serde deserializer: the setting's own type says how a variable's text is read.

use std::collections::btree_map;
use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::Failure;
use super::sections::Config;
use super::tree::{Node, Section, Value};

/// The settings of a tree.
///
/// # Errors
/// When a setting is not known, or its value is not what its type takes.
pub(super) fn settings(root: &Section) -> Result<Config, Failure> {
    serde::Deserialize::deserialize(Root(root))
}

/// The names of sections, and of settings that are in none.
pub(super) fn names() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It stops there: the names are all that is wanted.
    let _ = <Config as serde::Deserialize>::deserialize(Names(&mut names));
    names
}

struct Names<'n>(&'n mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Failure> {
        Err(Failure::custom("no names"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Root<'t>(&'t Section);

impl<'de> Deserializer<'de> for Root<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_map(Fields::of(self.0, ""))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// One value on its way to its setting.
struct Given<'t> {
    key: &'t str,
    node: &'t Node,
}

impl Given<'_> {
    fn unexpected(&self) -> Unexpected<'_> {
        match &self.node.value {
            Value::Section(_) => Unexpected::Map,
            Value::List(_) => Unexpected::Seq,
            Value::Text(text) | Value::Variable(text) => Unexpected::Str(text),
            Value::Integer(number) => Unexpected::Signed(*number),
            Value::Float(number) => Unexpected::Float(*number),
            Value::Boolean(yes) => Unexpected::Bool(*yes),
        }
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Variable(text) => match text.trim().parse() {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => Err(Failure::invalid_type(Unexpected::Str(text), &visitor)),
            },
            _ => self.deserialize_any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for Given<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Section(section) => visitor.visit_map(Fields::of(section, self.key)),
            Value::List(items) => visitor.visit_seq(Items { items: items.iter(), key: self.key }),
            Value::Text(text) | Value::Variable(text) => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(yes) => visitor.visit_bool(*yes),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Variable(text) => match text.trim().parse() {
                Ok(yes) => visitor.visit_bool(yes),
                Err(_) => Err(Failure::invalid_type(Unexpected::Str(text), &visitor)),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.number(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.number(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.number(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            // A variable that is set to nothing takes away what the file says.
            Value::Variable(text) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let Value::Variable(text) = &self.node.value else { return self.deserialize_any(visitor) };
        let items: Vec<Node> = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| Node { place: self.node.place.clone(), value: Value::Variable(item.to_owned()) })
            .collect();
        visitor.visit_seq(Items { items: items.iter(), key: self.key })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Text(text) | Value::Variable(text) => {
                let word: StrDeserializer<'_, Failure> = text.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            _ => Err(Failure::invalid_type(self.unexpected(), &visitor)),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 u64 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct
        map struct identifier ignored_any
    }
}

/// The settings of a section, one after the other.
struct Fields<'t> {
    entries: btree_map::Iter<'t, String, Node>,
    current: Option<(String, &'t Node)>,
    above: &'t str,
}

impl<'t> Fields<'t> {
    fn of(section: &'t Section, above: &'t str) -> Self {
        Self { entries: section.iter(), current: None, above }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let Some((name, node)) = self.entries.next() else { return Ok(None) };
        let key = if self.above.is_empty() { name.clone() } else { format!("{}.{name}", self.above) };
        let word: StrDeserializer<'_, Failure> = name.as_str().into_deserializer();
        let known = seed.deserialize(word).map_err(|e| e.at(&key, &node.place))?;
        self.current = Some((key, node));
        Ok(Some(known))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some((key, node)) = self.current.take() else {
            return Err(Failure::custom("a value without its setting"));
        };
        seed.deserialize(Given { key: &key, node }).map_err(|e| e.at(&key, &node.place))
    }
}

/// The values of a list, one after the other.
struct Items<'t> {
    items: slice::Iter<'t, Node>,
    key: &'t str,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some(node) = self.items.next() else { return Ok(None) };
        seed.deserialize(Given { key: self.key, node }).map(Some).map_err(|e| e.at(self.key, &node.place))
    }
}
