//! Columns whose types are known by name alone: a tool's, which has read them of a table's description.

use super::column::{ColumnError, KeyColumn};
use super::path::Form;

/// How the values of a column are written in keys, as texts to texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Converter {
    form: Form,
    write: fn(Form, &str) -> Result<String, ColumnError>,
    read: fn(Form, &str) -> Result<String, ColumnError>,
}

impl Converter {
    /// Of a type in this form; `None` if it is none of the library's own.
    pub(crate) fn of(rust_type: &str, form: Form) -> Option<Self> {
        let name = rust_type.rsplit("::").next().unwrap_or(rust_type);
        macro_rules! one_of {
            ($($(#[$feature:meta])? $name:literal => $type:ty,)+) => {
                match name.trim() {
                    $($(#[$feature])? $name => Some(Self::new::<$type>(form)),)+
                    _ => None,
                }
            };
        }
        one_of! {
            "u8" => u8,
            "u16" => u16,
            "u32" => u32,
            "u64" => u64,
            "u128" => u128,
            "i8" => i8,
            "i16" => i16,
            "i32" => i32,
            "i64" => i64,
            "i128" => i128,
            "bool" => bool,
            "char" => char,
            "String" => String,
            #[cfg(feature = "chrono")] "NaiveDate" => chrono::NaiveDate,
            #[cfg(feature = "chrono")] "DateTime<Utc>" => chrono::DateTime<chrono::Utc>,
            #[cfg(feature = "jiff")] "Date" => jiff::civil::Date,
            #[cfg(feature = "jiff")] "Timestamp" => jiff::Timestamp,
            #[cfg(feature = "uuid")] "Uuid" => uuid::Uuid,
            #[cfg(feature = "ulid")] "Ulid" => ulid::Ulid,
        }
    }

    fn new<T: KeyColumn>(form: Form) -> Self {
        Self {
            form,
            write: |form, text| {
                let mut out = String::new();
                form.write(&T::parse(text)?, &mut out)?;
                Ok(out)
            },
            read: |form, text| {
                let mut out = String::new();
                form.parse::<T>(text)?.write(&mut out)?;
                Ok(out)
            },
        }
    }

    /// The text in a key of a value as a person writes it.
    pub(crate) fn write(&self, text: &str) -> Result<String, ColumnError> {
        (self.write)(self.form, text)
    }

    /// The value of a text in a key.
    pub(crate) fn read(&self, text: &str) -> Result<String, ColumnError> {
        (self.read)(self.form, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_as_its_type_says() {
        let ordered = Converter::of("std::primitive::u64", Form::Ordered).unwrap();
        assert_eq!(ordered.write("42").unwrap(), "00000000000000000042");
        assert_eq!(ordered.read("00000000000000000042").unwrap(), "42");
        ordered.write("x").unwrap_err();
        ordered.read("42").unwrap_err();
        let desc = Converter::of("u8", Form::Desc).unwrap();
        assert_eq!(desc.write("7").unwrap(), "99999999999999999992");
        assert!(Converter::of("Kind", Form::Ordered).is_none());
    }
}
