//! The types that a key column of a dynamic table may have.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, ErrorKind, did_you_mean};
use crate::key::{
    ColumnError, Encoding, Form, KeyColumn, PathTemplate, PrefixText, column_value, write_column,
};

#[cfg(feature = "chrono")]
mod dates {
    pub(super) type Date = chrono::NaiveDate;
    pub(super) type DateTime = chrono::NaiveDateTime;
    pub(super) type Timestamp = chrono::DateTime<chrono::Utc>;
}
#[cfg(all(feature = "jiff", not(feature = "chrono")))]
mod dates {
    pub(super) type Date = jiff::civil::Date;
    pub(super) type DateTime = jiff::civil::DateTime;
    pub(super) type Timestamp = jiff::Timestamp;
}

/// The type of a key column that is named at run time: how its values are written in keys, in which
/// order they are, and how they stand in JSON.
///
/// ```
/// use s3orm::dynamic::ColumnType;
///
/// let id: ColumnType = "u64".parse().unwrap();
/// assert_eq!(id.to_string(), "u64");
/// assert_eq!(ColumnType::of_rust("std::string::String"), Some(ColumnType::Text));
/// let error = "int".parse::<ColumnType>().unwrap_err();
/// assert!(error.to_string().contains("`text`, `bool`, `char`, `u8`"), "{error}");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ColumnType {
    /// Any text: `text`. Of a column whose type is not said.
    #[default]
    Text,
    /// `bool`.
    Bool,
    /// One character: `char`.
    Char,
    /// `u8`.
    U8,
    /// `u16`.
    U16,
    /// `u32`.
    U32,
    /// `u64`.
    U64,
    /// `u128`.
    U128,
    /// `i8`.
    I8,
    /// `i16`.
    I16,
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `i128`.
    I128,
    /// A day: `date`. With the cargo feature `chrono` or `jiff`, as the next two.
    #[cfg(any(feature = "chrono", feature = "jiff"))]
    Date,
    /// A day with a time, anywhere: `datetime`.
    #[cfg(any(feature = "chrono", feature = "jiff"))]
    DateTime,
    /// A point in time: `timestamp`.
    #[cfg(any(feature = "chrono", feature = "jiff"))]
    Timestamp,
    /// `uuid`. With the cargo feature of this name.
    #[cfg(feature = "uuid")]
    Uuid,
    /// `ulid`. With the cargo feature of this name.
    #[cfg(feature = "ulid")]
    Ulid,
}

const TYPES: &[(&str, ColumnType)] = &[
    ("text", ColumnType::Text),
    ("bool", ColumnType::Bool),
    ("char", ColumnType::Char),
    ("u8", ColumnType::U8),
    ("u16", ColumnType::U16),
    ("u32", ColumnType::U32),
    ("u64", ColumnType::U64),
    ("u128", ColumnType::U128),
    ("i8", ColumnType::I8),
    ("i16", ColumnType::I16),
    ("i32", ColumnType::I32),
    ("i64", ColumnType::I64),
    ("i128", ColumnType::I128),
    #[cfg(any(feature = "chrono", feature = "jiff"))]
    ("date", ColumnType::Date),
    #[cfg(any(feature = "chrono", feature = "jiff"))]
    ("datetime", ColumnType::DateTime),
    #[cfg(any(feature = "chrono", feature = "jiff"))]
    ("timestamp", ColumnType::Timestamp),
    #[cfg(feature = "uuid")]
    ("uuid", ColumnType::Uuid),
    #[cfg(feature = "ulid")]
    ("ulid", ColumnType::Ulid),
];

/// Does `$work` with `$rust` as the Rust type.
macro_rules! with_type {
    ($kind:expr, $rust:ident => $work:expr) => {
        match $kind {
            ColumnType::Text => {
                type $rust = String;
                $work
            }
            ColumnType::Bool => {
                type $rust = bool;
                $work
            }
            ColumnType::Char => {
                type $rust = char;
                $work
            }
            ColumnType::U8 => {
                type $rust = u8;
                $work
            }
            ColumnType::U16 => {
                type $rust = u16;
                $work
            }
            ColumnType::U32 => {
                type $rust = u32;
                $work
            }
            ColumnType::U64 => {
                type $rust = u64;
                $work
            }
            ColumnType::U128 => {
                type $rust = u128;
                $work
            }
            ColumnType::I8 => {
                type $rust = i8;
                $work
            }
            ColumnType::I16 => {
                type $rust = i16;
                $work
            }
            ColumnType::I32 => {
                type $rust = i32;
                $work
            }
            ColumnType::I64 => {
                type $rust = i64;
                $work
            }
            ColumnType::I128 => {
                type $rust = i128;
                $work
            }
            #[cfg(any(feature = "chrono", feature = "jiff"))]
            ColumnType::Date => {
                type $rust = dates::Date;
                $work
            }
            #[cfg(any(feature = "chrono", feature = "jiff"))]
            ColumnType::DateTime => {
                type $rust = dates::DateTime;
                $work
            }
            #[cfg(any(feature = "chrono", feature = "jiff"))]
            ColumnType::Timestamp => {
                type $rust = dates::Timestamp;
                $work
            }
            #[cfg(feature = "uuid")]
            ColumnType::Uuid => {
                type $rust = ::uuid::Uuid;
                $work
            }
            #[cfg(feature = "ulid")]
            ColumnType::Ulid => {
                type $rust = ::ulid::Ulid;
                $work
            }
        }
    };
}

impl ColumnType {
    /// The type of a struct's field by its Rust type as it is written there, which is what a table's
    /// schema object has; `None` for types of one's own.
    pub fn of_rust(rust_type: &str) -> Option<Self> {
        let (path, arguments) = rust_type.split_once('<').unwrap_or((rust_type, ""));
        let name = path.rsplit("::").next().unwrap_or(path).trim();
        match name {
            "String" => Some(Self::Text),
            #[cfg(any(feature = "chrono", feature = "jiff"))]
            "NaiveDate" | "Date" => Some(Self::Date),
            #[cfg(any(feature = "chrono", feature = "jiff"))]
            "Timestamp" => Some(Self::Timestamp),
            #[cfg(any(feature = "chrono", feature = "jiff"))]
            "DateTime" if !arguments.is_empty() => Some(Self::Timestamp),
            #[cfg(any(feature = "chrono", feature = "jiff"))]
            "NaiveDateTime" | "DateTime" => Some(Self::DateTime),
            #[cfg(feature = "uuid")]
            "Uuid" => Some(Self::Uuid),
            #[cfg(feature = "ulid")]
            "Ulid" => Some(Self::Ulid),
            _ if !arguments.is_empty() => None,
            name => name.parse().ok(),
        }
    }

    /// The Rust type of a struct's field that has this type: of `chrono` where it is a time.
    pub fn rust_type(self) -> &'static str {
        match self {
            Self::Text => "String",
            #[cfg(any(feature = "chrono", feature = "jiff"))]
            Self::Date => "chrono::NaiveDate",
            #[cfg(any(feature = "chrono", feature = "jiff"))]
            Self::DateTime => "chrono::NaiveDateTime",
            #[cfg(any(feature = "chrono", feature = "jiff"))]
            Self::Timestamp => "chrono::DateTime<chrono::Utc>",
            #[cfg(feature = "uuid")]
            Self::Uuid => "uuid::Uuid",
            #[cfg(feature = "ulid")]
            Self::Ulid => "ulid::Ulid",
            other => other.name(),
        }
    }

    fn name(self) -> &'static str {
        let named = TYPES.iter().find(|(_, kind)| *kind == self);
        named.map_or("text", |(name, _)| name)
    }

    /// The one text of a value that may be given as keys or as JSON have it.
    pub(super) fn canonical(self, text: &str) -> Result<String, ColumnError> {
        with_type!(self, T => {
            let mut out = String::new();
            value::<T>(text)?.write(&mut out)?;
            Ok(out)
        })
    }

    /// Appends a value as it stands in a key.
    pub(super) fn write(
        self,
        text: &str,
        form: Form,
        encoding: Encoding,
        out: &mut String,
    ) -> Result<(), ColumnError> {
        with_type!(self, T => write_column(&value::<T>(text)?, form, encoding, out))
    }

    /// The text of a value that stands in a key.
    pub(super) fn read(
        self,
        path: &PathTemplate,
        text: &str,
        form: Form,
    ) -> Result<String, ColumnError> {
        with_type!(self, T => {
            let mut out = String::new();
            column_value::<T>(path, text, form)?.write(&mut out)?;
            Ok(out)
        })
    }

    /// Fixes the next column of a prefix.
    pub(super) fn fix(self, prefix: &mut PrefixText, text: &str) -> Result<(), ColumnError> {
        with_type!(self, T => {
            prefix.fix(&value::<T>(text)?);
            Ok(())
        })
    }

    /// The text of a bound of the next column of a prefix; `None` where the keys are not in the order
    /// of its values.
    pub(super) fn bound(self, prefix: &PrefixText, text: &str) -> Option<String> {
        with_type!(self, T => prefix.bound_text(&value::<T>(text).ok()?).ok())
    }

    /// Whether no ordered text begins with another.
    pub(super) fn is_prefix_free(self) -> bool {
        with_type!(self, T => T::PREFIX_FREE)
    }

    /// Whether keys in the plain form are in the order of the values: of texts and numbers they are
    /// not.
    pub(super) fn is_sorted(self) -> bool {
        let is_number =
            self.name().starts_with(['u', 'i']) && self.name()[1..].parse::<u8>().is_ok();
        !is_number && !matches!(self, Self::Text | Self::Char)
    }

    /// A text whose byte order is the order of the values.
    pub(super) fn ordered(self, text: &str) -> Result<String, ColumnError> {
        with_type!(self, T => {
            let mut out = String::new();
            value::<T>(text)?.write_ordered(&mut out)?;
            Ok(out)
        })
    }

    /// A value as the body of a row has it.
    pub(super) fn json(self, text: &str) -> Value {
        let json = with_type!(self, T => value::<T>(text).ok().and_then(|value| serde_json::to_value(value).ok()));
        json.unwrap_or_else(|| Value::String(text.to_owned()))
    }
}

/// The value of a text as keys have it, or as JSON has it: of a time these differ.
fn value<T: KeyColumn + DeserializeOwned>(text: &str) -> Result<T, ColumnError> {
    T::parse(text)
        .or_else(|error| serde_json::from_value(Value::String(text.to_owned())).map_err(|_| error))
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ColumnType {
    type Err = Error;

    /// # Errors
    /// [`Schema`](ErrorKind::Schema): it is none.
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == text) {
            return Ok(*kind);
        }
        let names = || TYPES.iter().map(|(name, _)| *name);
        let detail = format!("`{}` is no type of a key column", text.escape_debug());
        let help = match did_you_mean(text, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "the types are `{}`",
                names().collect::<Vec<_>>().join("`, `")
            ),
        };
        Err(Error::new(ErrorKind::Schema, detail).with_help(help))
    }
}
