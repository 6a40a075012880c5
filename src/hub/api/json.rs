//! JSON as upstream reads it: a structure is an object, never an array of its members in some order.
//!
//! serde takes both for a structure. A request that has one where the model has the other would then be taken, kept, and shown to
//! clients that cannot read it. So every request is read through here, and no type has to look after itself. What stands inside a
//! variant of an enum is not looked at.
//!
//! A member that is null is a member that is not there ([`without_nulls`]): serde would take that for an `Option` alone.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Value};

/// *Errors*: as serde_json's, with its positions; also for an array in a structure's place.
pub fn from_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = T::deserialize(Strict(&mut reader))?;
    reader.end()?;
    Ok(read)
}

/// *Errors*: as serde_json's; also for an array in a structure's place.
pub fn from_value<T: DeserializeOwned>(mut value: Value) -> Result<T, Error> {
    drop_nulls(&mut value);
    T::deserialize(Strict(value))
}

/// The same JSON without the members of objects that are null, at any depth; text that is no JSON stays as it is. Entries of
/// lists stay too: without one, those after it would move.
pub fn without_nulls(text: &[u8]) -> Cow<'_, [u8]> {
    // Next to none has the word, and of those most have it in a script's `/dev/null`.
    if !text.windows(NULL.len()).any(|word| word == NULL) {
        return Cow::Borrowed(text);
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(text) else {
        return Cow::Borrowed(text);
    };
    match drop_nulls(&mut value) {
        true => Cow::Owned(value.to_string().into_bytes()),
        false => Cow::Borrowed(text),
    }
}

const NULL: &[u8] = b"null";

/// Whether there were any.
fn drop_nulls(value: &mut Value) -> bool {
    match value {
        Value::Object(members) => {
            let before = members.len();
            members.retain(|_, member| !member.is_null());
            let has_fewer = members.len() < before;
            members.values_mut().fold(has_fewer, |any, member| drop_nulls(member) | any)
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| drop_nulls(item) | any),
        _ => false,
    }
}

/// Stands between a type and what it is read from, at every level: around the reader, the type's visitor, and the members and
/// items that are handed over one by one.
struct Strict<T>(T);

/// Methods that hand on what they get: `self.0.METHOD(ARGUMENTS)`.
macro_rules! hand_on {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(Strict(visitor))
        })*
    };
    ($($method:ident($kind:ty))*) => {
        $(fn $method<E: serde::de::Error>(self, value: $kind) -> Result<V::Value, E> {
            self.0.$method(value)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Strict(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Strict(visitor))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Strict(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(count, Strict(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, name: &'static str, count: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, count, Strict(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    hand_on! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
        deserialize_unit deserialize_seq deserialize_map deserialize_identifier deserialize_ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Strict(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Strict(members))
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Strict(reader))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Strict(reader))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    hand_on! {
        visit_bool(bool) visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128) visit_f64(f64) visit_str(&str)
        visit_borrowed_str(&'de str) visit_string(String) visit_bytes(&[u8]) visit_byte_buf(Vec<u8>)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Strict(reader))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Outer {
        inner: Option<Inner>,
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        by_name: BTreeMap<String, Inner>,
        mode: Option<Mode>,
        pair: Option<(u8, String)>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Inner {
        key: String,
        #[serde(default)]
        count: Option<u8>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Mode {
        Plain,
    }

    #[test]
    fn an_array_is_no_structure_however_deep_it_lies() {
        for wrong in [
            json!([null, [], {}, null, null]),
            json!({"Inner": []}),
            json!({"Inner": ["a", 1]}),
            json!({"List": [["a", 1]]}),
            json!({"ByName": {"x": ["a"]}}),
        ] {
            for error in [
                from_slice::<Outer>(wrong.to_string().as_bytes()),
                from_value::<Outer>(wrong.clone()),
            ] {
                let error = error.unwrap_err().to_string();
                assert!(error.starts_with("invalid type: sequence, expected struct"), "{wrong}: {error}");
            }
        }
    }

    #[test]
    fn a_member_that_is_null_is_not_there() {
        let given = r#"{"Inner": {"Key": "null", "Count": null}, "List": null, "ByName": {"x": null, "y": {"Key": "b"}}, "Mode": null}"#;
        let read: Outer = from_slice(&without_nulls(given.as_bytes())).unwrap();
        assert_eq!(read, from_value(serde_json::from_str(given).unwrap()).unwrap());
        assert_eq!(read.inner.unwrap().key, "null");
        assert_eq!((read.list, read.by_name.len(), read.mode), (vec![], 1, None));
        for same in ["null", "[null, 1]", r#"{"a": "null"}"#, r#"{"a": null"#] {
            assert_eq!(without_nulls(same.as_bytes()), same.as_bytes(), "{same}");
        }
        assert!(
            from_value::<Inner>(json!({"Key": null}))
                .unwrap_err()
                .to_string()
                .starts_with("missing field")
        );
    }

    #[test]
    fn everything_else_is_read_as_it_always_is() {
        let given = r#"{"Inner": {"Key": "a\n", "Count": 7, "New": [1]}, "List": [{"Key": "b"}], "ByName": {"x": {"Key": "c"}},
                        "Mode": "Plain", "Pair": [1, "x"], "Other": {"a": [null]}}"#;
        let whole: Outer = serde_json::from_str(given).unwrap();
        assert_eq!(from_slice::<Outer>(given.as_bytes()).unwrap(), whole);
        assert_eq!(from_value::<Outer>(serde_json::from_str(given).unwrap()).unwrap(), whole);
        for wrong in [
            "",
            "{} {}",
            r#"{"Inner": {"Key": 1}}"#,
            r#"{"Inner": {"Count": 1}}"#,
            r#"{"Inner": {"Key": "a", "Count": 256}}"#,
            r#"{"List": {}}"#,
            "{\"Mode\":\n\"Odd\"}",
        ] {
            let (ours, theirs) = (from_slice::<Outer>(wrong.as_bytes()), serde_json::from_str::<Outer>(wrong));
            assert_eq!(ours.unwrap_err().to_string(), theirs.unwrap_err().to_string(), "{wrong}");
        }
    }
}
