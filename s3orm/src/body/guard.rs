//! A serializer over any other that writes nothing which could not be read back: no number that is
//! infinite or none (JSON has no word for it, and `null` would take its place), and no more levels
//! than a reader takes. It also leaves columns out that live in the key alone.

use std::fmt::Display;

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::MAX_DEPTH;

/// A row to be written.
pub(super) struct Guarded<'a, T: ?Sized> {
    value: &'a T,
    level: Level<'a>,
}

/// Where in a row something stands.
#[derive(Clone, Copy)]
struct Level<'a> {
    /// How many levels more there may be.
    left: usize,
    /// Columns to leave out; of the row alone.
    without: &'a [&'a str],
    is_row: bool,
}

impl<'a, T: ?Sized> Guarded<'a, T> {
    pub(super) fn new(value: &'a T, without: &'a [&'a str]) -> Self {
        let level = Level {
            left: MAX_DEPTH,
            without,
            is_row: true,
        };
        Self { value, level }
    }
}

impl<T: Serialize + ?Sized> Serialize for Guarded<'_, T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        let level = self.level;
        self.value.serialize(Guard { inner, level })
    }
}

struct Guard<'a, S> {
    inner: S,
    level: Level<'a>,
}

/// Something with parts.
struct Parts<'a, C> {
    inner: C,
    level: Level<'a>,
    /// Whether the value of the key that was just written is left out.
    skips: bool,
}

impl<'a, S: Serializer> Guard<'a, S> {
    /// One level down.
    fn down<C>(
        self,
        begin: impl FnOnce(S) -> Result<C, S::Error>,
    ) -> Result<Parts<'a, C>, S::Error> {
        let Some(left) = self.level.left.checked_sub(1) else {
            return Err(S::Error::custom(format_args!(
                "it is nested more than {MAX_DEPTH} levels deep"
            )));
        };
        let level = Level { left, ..self.level };
        Ok(Parts {
            inner: begin(self.inner)?,
            level,
            skips: false,
        })
    }

    fn finite(is_finite: bool) -> Result<(), S::Error> {
        if is_finite {
            return Ok(());
        }
        Err(S::Error::custom("a number is infinite, or none (NaN)"))
    }
}

impl<C> Parts<'_, C> {
    fn part<'v, T: ?Sized>(&self, value: &'v T) -> Guarded<'v, T> {
        let level = Level {
            left: self.level.left,
            without: &[],
            is_row: false,
        };
        Guarded { value, level }
    }

    /// Names the column of an error.
    fn named<E: serde::ser::Error>(&self, name: impl Display, error: E) -> E {
        if self.level.is_row {
            return E::custom(format_args!("column `{name}`: {error}"));
        }
        error
    }
}

macro_rules! as_it_is {
    ($($method:ident($ty:ty))+) => {$(
        fn $method(self, value: $ty) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )+};
}

impl<'a, S: Serializer> Serializer for Guard<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'a, S::SerializeSeq>;
    type SerializeTuple = Parts<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'a, S::SerializeTupleVariant>;
    type SerializeMap = Parts<'a, S::SerializeMap>;
    type SerializeStruct = Parts<'a, Struct<S>>;
    type SerializeStructVariant = Parts<'a, S::SerializeStructVariant>;

    as_it_is! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8]) serialize_unit_struct(&'static str)
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        Self::finite(value.is_finite())?;
        self.inner.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        Self::finite(value.is_finite())?;
        self.inner.serialize_f64(value)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let level = self.level;
        self.inner.serialize_some(&Guarded { value, level })
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let level = self.level;
        self.inner
            .serialize_newtype_struct(name, &Guarded { value, level })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let inner = self.down(Ok)?;
        let part = inner.part(value);
        inner
            .inner
            .serialize_newtype_variant(name, index, variant, &part)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.down(|inner| inner.serialize_seq(length))
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.down(|inner| inner.serialize_tuple(length))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.down(|inner| inner.serialize_tuple_struct(name, length))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.down(|inner| inner.serialize_tuple_variant(name, index, variant, length))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        // How many of those are there that are left out, is not known.
        let length = length.filter(|_| self.level.without.is_empty());
        self.down(|inner| inner.serialize_map(length))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let whole = self.level.without.is_empty();
        self.down(|inner| {
            Ok(if whole {
                Struct::Whole(inner.serialize_struct(name, length)?)
            } else {
                Struct::Without(inner.serialize_map(None)?)
            })
        })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.down(|inner| inner.serialize_struct_variant(name, index, variant, length))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! elements {
    ($($of:ident::$method:ident)+) => {$(
        impl<C: $of> $of for Parts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let part = self.part(value);
                self.inner.$method(&part)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )+};
}

elements! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

impl<C: SerializeMap> SerializeMap for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        if !self.level.without.is_empty() {
            let name = serde_json::to_value(key).map_err(C::Error::custom)?;
            let name = name.as_str();
            self.skips = name.is_some_and(|name| self.level.without.contains(&name));
        }
        if self.skips {
            return Ok(());
        }
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        if std::mem::take(&mut self.skips) {
            return Ok(());
        }
        let part = self.part(value);
        self.inner.serialize_value(&part)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

impl<C: SerializeStructVariant> SerializeStructVariant for Parts<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), C::Error> {
        let part = self.part(value);
        self.inner.serialize_field(name, &part)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

/// A struct; a map where columns are left out, because a struct says first how many it has.
enum Struct<S: Serializer> {
    Whole(S::SerializeStruct),
    Without(S::SerializeMap),
}

impl<S: Serializer> SerializeStruct for Parts<'_, Struct<S>> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        if self.level.without.contains(&name) {
            return Ok(());
        }
        let part = self.part(value);
        let written = match &mut self.inner {
            Struct::Whole(fields) => fields.serialize_field(name, &part),
            Struct::Without(fields) => fields.serialize_entry(name, &part),
        };
        written.map_err(|error| self.named(name, error))
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), S::Error> {
        match &mut self.inner {
            Struct::Whole(fields) => fields.skip_field(name),
            Struct::Without(_) => Ok(()),
        }
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        match self.inner {
            Struct::Whole(fields) => fields.end(),
            Struct::Without(fields) => fields.end(),
        }
    }
}
