//! The columns of rows that nobody has described.

use s3orm::dynamic::{DynamicTable, Values};
use serde_json::Value;

use crate::row::Members;

/// A column, as some rows show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) rust_type: String,
    /// Whether it is missing in some rows, or null.
    pub(crate) nullable: bool,
    pub(crate) in_key: bool,
    pub(crate) in_body: bool,
}

/// What the values of a column have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Nothing but null.
    Nothing,
    Bool,
    Integer(i128, i128),
    Float,
    Text,
    List(Box<Kind>),
    Json,
}

/// A row's key, and what its body holds.
pub(crate) type Sample = (Values, Members);

/// The columns of rows: those of the key in its order, then others as they come.
pub(crate) fn columns(table: &DynamicTable, rows: &[Sample]) -> Vec<Column> {
    let mut names: Vec<String> = table.columns().map(str::to_owned).collect();
    for (name, _) in rows.iter().flat_map(|(_, body)| body.iter()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
        .into_iter()
        .map(|name| column(table, rows, name))
        .collect()
}

fn column(table: &DynamicTable, rows: &[Sample], name: String) -> Column {
    let bodies = || rows.iter().map(|(_, body)| body.value(&name));
    let in_body = rows.is_empty() || bodies().any(|value| value.is_some());
    if let Some(kind) = table.column_type(&name) {
        let texts: Vec<&str> = rows
            .iter()
            .filter_map(|(keys, _)| keys.get(&name))
            .collect();
        let known = kind.rust_type();
        // A path without types says nothing: numbers look like numbers.
        let is_number = |text: &&str| {
            text.parse::<u64>()
                .is_ok_and(|number| number.to_string() == **text)
        };
        let is_form = table.path().contains(&format!("<{name}:"));
        let as_text = bodies().flatten().any(|value| value.is_string());
        let number = known == "String"
            && !is_form
            && !as_text
            && !texts.is_empty()
            && texts.iter().all(is_number);
        return Column {
            rust_type: if number {
                "u64".to_owned()
            } else {
                known.to_owned()
            },
            name,
            nullable: false,
            in_key: true,
            in_body,
        };
    }
    let mut nullable = false;
    let mut kind = Kind::Nothing;
    for (_, body) in rows {
        match body.value(&name) {
            None | Some(Value::Null) => nullable = true,
            Some(value) => kind = kind.with(of(&value, body.get(&name).unwrap_or_default())),
        }
    }
    Column {
        nullable: nullable || kind == Kind::Nothing,
        rust_type: kind.rust_type(),
        name,
        in_key: false,
        in_body: true,
    }
}

/// The kind of a value; `text` is its JSON, which has numbers that [`Value`] has not.
fn of(value: &Value, text: &str) -> Kind {
    match value {
        Value::Null => Kind::Nothing,
        Value::Bool(_) => Kind::Bool,
        Value::Number(_) => text
            .parse()
            .map_or(Kind::Float, |number: i128| Kind::Integer(number, number)),
        Value::String(_) => Kind::Text,
        Value::Array(items) => {
            let kinds = items.iter().map(|item| match item {
                // Whether a list has a hole is not asked.
                Value::Null => Kind::Json,
                item => of(item, &item.to_string()),
            });
            Kind::List(Box::new(kinds.fold(Kind::Nothing, Kind::with)))
        }
        Value::Object(_) => Kind::Json,
    }
}

impl Kind {
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, kind) | (kind, Self::Nothing) => kind,
            (Self::Integer(a, b), Self::Integer(c, d)) => Self::Integer(a.min(c), b.max(d)),
            (Self::Integer(..), Self::Float) | (Self::Float, Self::Integer(..)) => Self::Float,
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.with(*b))),
            (a, b) if a == b => a,
            _ => Self::Json,
        }
    }

    fn rust_type(&self) -> String {
        let name = match self {
            Self::Nothing | Self::Json => "serde_json::Value",
            Self::Bool => "bool",
            Self::Integer(low, high) if *low >= 0 => {
                if u64::try_from(*high).is_ok() {
                    "u64"
                } else {
                    "u128"
                }
            }
            Self::Integer(low, high) => {
                let fits = i64::try_from(*low).is_ok() && i64::try_from(*high).is_ok();
                if fits { "i64" } else { "i128" }
            }
            Self::Float => "f64",
            Self::Text => "String",
            Self::List(of) => return format!("Vec<{}>", of.rust_type()),
        };
        name.to_owned()
    }
}

/// Whether values that show a type can be of another: of any that is not a plain one.
pub(crate) fn fits(shown: &str, declared: &str) -> bool {
    let declared = declared.rsplit("::").next().unwrap_or(declared);
    let is = |types: &[&str]| types.contains(&declared);
    let numbers = [
        "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "usize", "isize",
        "f32", "f64",
    ];
    match shown {
        "bool" => !is(&numbers) && declared != "String",
        "u64" | "i64" | "u128" | "i128" => !is(&["bool", "String"]),
        "f64" => !is(&numbers[..12]) && !is(&["bool", "String"]),
        "String" => !is(&numbers) && declared != "bool",
        _ => !is(&numbers) && !is(&["bool", "String"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust_type(values: &[&str]) -> String {
        let kinds = values
            .iter()
            .map(|text| of(&serde_json::from_str(text).expect(text), text));
        kinds.fold(Kind::Nothing, Kind::with).rust_type()
    }

    #[test]
    fn values_have_a_type_in_common() {
        for (values, expected) in [
            (&["1", "2"][..], "u64"),
            (&["1", "-2"], "i64"),
            (&["18446744073709551615", "-1"], "i128"),
            (&["18446744073709551616"], "u128"),
            (&["1", "1.5"], "f64"),
            (&["1", "\"a\""], "serde_json::Value"),
            (&["true"], "bool"),
            (&["[]", "[1]"], "Vec<u64>"),
            (&["[]"], "Vec<serde_json::Value>"),
            (&["[[\"a\"]]"], "Vec<Vec<String>>"),
            (&["[1, null]"], "Vec<serde_json::Value>"),
            (&["{}"], "serde_json::Value"),
        ] {
            assert_eq!(rust_type(values), expected, "{values:?}");
        }
    }
}
