//! A deserializer over any other that puts columns back which live in the key alone.

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// The columns of a row's key.
pub(super) type FromKey = Vec<(&'static str, Value)>;

/// A row's map, with these columns in place of those of their names.
pub(super) struct Overlaid<D> {
    pub(super) inner: D,
    pub(super) from_key: FromKey,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Overlaid<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let from_key = self.from_key;
        self.inner.deserialize_map(Columns { visitor, from_key })
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Columns<V> {
    visitor: V,
    from_key: FromKey,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Columns<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let names = self.from_key.iter().map(|(name, _)| *name).collect();
        self.visitor.visit_map(Members {
            map,
            names,
            from_key: self.from_key.into_iter(),
            value: None,
        })
    }
}

struct Members<A> {
    map: A,
    names: Vec<&'static str>,
    from_key: std::vec::IntoIter<(&'static str, Value)>,
    /// Of the name that was just read, if it is the key's.
    value: Option<Value>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        if let Some((name, value)) = self.from_key.next() {
            self.value = Some(value);
            return seed.deserialize(name.into_deserializer()).map(Some);
        }
        while let Some(name) = self.map.next_key::<String>()? {
            if !self.names.contains(&&*name) {
                return seed.deserialize(name.into_deserializer()).map(Some);
            }
            self.map.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value).map_err(A::Error::custom),
            None => self.map.next_value_seed(seed),
        }
    }
}
