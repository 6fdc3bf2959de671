//! What other programs take a column's Rust type for, by its name.

/// A type as query engines have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Integer {
        bits: u8,
        signed: bool,
    },
    Float {
        bits: u8,
    },
    Text,
    Uuid,
    Date,
    /// RFC 3339, or without an offset.
    Timestamp,
    List(Box<Kind>),
    /// Whatever else serde writes.
    Json,
}

impl Kind {
    /// By the type as it is written in the struct; `Option` is nothing of its own.
    pub(super) fn of(rust_type: &str) -> Self {
        let (path, argument) = match rust_type.split_once('<') {
            Some((path, rest)) => (path, rest.strip_suffix('>').unwrap_or(rest)),
            None => (rust_type, ""),
        };
        match path.rsplit("::").next().unwrap_or(path) {
            "Option" | "Box" => Self::of(argument),
            "Vec" => Self::List(Box::new(Self::of(argument))),
            "bool" => Self::Bool,
            "f32" => Self::Float { bits: 32 },
            "f64" => Self::Float { bits: 64 },
            "String" | "str" | "char" | "Ulid" => Self::Text,
            "Uuid" => Self::Uuid,
            "NaiveDate" | "Date" => Self::Date,
            "NaiveDateTime" | "DateTime" | "Timestamp" => Self::Timestamp,
            "isize" => Self::integer(64, true),
            "usize" => Self::integer(64, false),
            other => Self::of_number(other),
        }
    }

    /// Integers of 128 bits are not among them: JSON readers take those for floating point.
    fn of_number(name: &str) -> Self {
        for bits in [8, 16, 32, 64] {
            let width = bits.to_string();
            for (letter, signed) in [('i', true), ('u', false)] {
                if name.strip_prefix(letter) == Some(&*width) {
                    return Self::integer(bits, signed);
                }
            }
        }
        Self::Json
    }

    fn integer(bits: u8, signed: bool) -> Self {
        Self::Integer { bits, signed }
    }

    pub(super) fn duckdb(&self) -> String {
        let name = match self {
            Self::Bool => "BOOLEAN",
            Self::Integer { bits, signed } => match (bits, signed) {
                (8, true) => "TINYINT",
                (8, false) => "UTINYINT",
                (16, true) => "SMALLINT",
                (16, false) => "USMALLINT",
                (32, true) => "INTEGER",
                (32, false) => "UINTEGER",
                (_, true) => "BIGINT",
                (_, false) => "UBIGINT",
            },
            Self::Float { bits: 32 } => "FLOAT",
            Self::Float { .. } => "DOUBLE",
            Self::Text => "VARCHAR",
            Self::Uuid => "UUID",
            Self::Date => "DATE",
            Self::Timestamp => "TIMESTAMP",
            Self::List(of) => return format!("{}[]", of.duckdb()),
            Self::Json => "JSON",
        };
        name.to_owned()
    }

    /// Athena has no unsigned integers, and its reader of JSON no times in RFC 3339: those are texts
    /// for `from_iso8601_timestamp`, as what is JSON inside is one for `json_parse`.
    pub(super) fn athena(&self) -> String {
        let name = match self {
            Self::Bool => "boolean",
            Self::Integer { bits, signed } => match (bits, signed) {
                (8, true) => "tinyint",
                (8, false) | (16, true) => "smallint",
                (16, false) | (32, true) => "int",
                (32, false) | (_, true) => "bigint",
                (_, false) => "decimal(20,0)",
            },
            Self::Float { bits: 32 } => "float",
            Self::Float { .. } => "double",
            Self::Date => "date",
            Self::Text | Self::Uuid | Self::Timestamp | Self::Json => "string",
            Self::List(of) => return format!("array<{}>", of.athena()),
        };
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_their_names() {
        for (rust_type, duckdb, athena) in [
            ("u64", "UBIGINT", "decimal(20,0)"),
            ("Option<i8>", "TINYINT", "tinyint"),
            ("u32", "UINTEGER", "bigint"),
            ("f32", "FLOAT", "float"),
            ("std::string::String", "VARCHAR", "string"),
            ("Option<Vec<Option<u16>>>", "USMALLINT[]", "array<int>"),
            ("chrono::DateTime<Utc>", "TIMESTAMP", "string"),
            ("chrono::NaiveDate", "DATE", "date"),
            ("uuid::Uuid", "UUID", "string"),
            ("BTreeMap<String, u8>", "JSON", "string"),
            ("(u8, i64)", "JSON", "string"),
            ("u128", "JSON", "string"),
            ("Address", "JSON", "string"),
        ] {
            let kind = Kind::of(rust_type);
            assert_eq!(
                (&*kind.duckdb(), &*kind.athena()),
                (duckdb, athena),
                "{rust_type}"
            );
        }
    }
}
