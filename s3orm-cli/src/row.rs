//! Rows as JSON objects whose members keep their order and their numbers' digits.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use s3orm::dynamic::{Body, DynamicTable, Values};
use s3orm::{Row, StoredSchema};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::exit::{Code, Failure};

/// The member of a row whose body is a text, and of one whose body is bytes.
const TEXT: &str = "body";
const BASE64: &str = "body_base64";

/// The members of a JSON object in their order, each with its JSON as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Members(Vec<(String, String)>);

impl Members {
    /// # Errors
    /// It is no JSON object.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, json)| (&**name, &**json))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut members = self.iter();
        members.find_map(|(own, json)| (own == name).then_some(json))
    }

    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// Sets a member, in its place or at the end.
    pub(crate) fn set(&mut self, name: &str, json: impl Into<String>) {
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, known)) => *known = json.into(),
            None => self.0.push((name.to_owned(), json.into())),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.remove(at).1)
    }

    /// Those that are there of some, in their order.
    pub(crate) fn only(&self, names: &[String]) -> Self {
        let chosen = names
            .iter()
            .filter_map(|name| Some((name.clone(), self.get(name)?.to_owned())));
        chosen.collect()
    }

    /// All of them.
    pub(crate) fn into_vec(self) -> Vec<(String, String)> {
        self.0
    }

    /// In one line.
    pub(crate) fn to_json(&self) -> String {
        let members = self.iter();
        let members = members.map(|(name, json)| format!("{}:{json}", Value::from(name)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

impl FromIterator<(String, String)> for Members {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some((name, json)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.set(&name, compact(json.get()));
                }
                Ok(members)
            }
        }

        from.deserialize_map(InOrder)
    }
}

/// JSON without white space between its tokens.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for char in json.chars() {
        if !in_text && char.is_ascii_whitespace() {
            continue;
        }
        out.push(char);
        match char {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
    }
    out
}

/// How the bodies of a table's rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    /// Text or bytes.
    Raw,
}

/// What a table's rows are.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) form: Form,
    /// What bodies are written as, where nobody but a program reads that.
    unread: Option<String>,
    /// Key columns that bodies do not hold.
    pub(crate) key_only: Vec<String>,
    /// Key columns by their names in the path and in bodies, where these differ.
    renamed: Vec<(String, String)>,
}

impl Shape {
    pub(crate) fn of(stored: Option<&StoredSchema>, raw: bool) -> Self {
        let body = stored.map_or("", |stored| &stored.body);
        let columns = || stored.iter().flat_map(|stored| &stored.columns);
        let key_only = columns().filter(|column| column.key_only);
        let renamed =
            columns().filter(|column| column.key.is_some() && column.field() != column.name);
        Self {
            form: if raw || body == "raw" {
                Form::Raw
            } else {
                Form::Json
            },
            unread: (!raw && !matches!(body, "" | "json" | "raw")).then(|| body.to_owned()),
            key_only: key_only.map(|column| column.field().to_owned()).collect(),
            renamed: renamed
                .map(|column| (column.field().to_owned(), column.name.clone()))
                .collect(),
        }
    }

    /// A key column's name in bodies.
    pub(crate) fn in_body<'a>(&'a self, column: &'a str) -> &'a str {
        let renamed = self.renamed.iter().find(|(field, _)| field == column);
        renamed.map_or(column, |(_, name)| name)
    }
}

/// A row's columns: those of its body, and before them those of its key that the body has not.
pub(crate) fn members(
    table: &DynamicTable,
    row: &Row<Bytes>,
    shape: &Shape,
) -> Result<Members, Failure> {
    let keys = keys(table, &table.values(row.key()).unwrap_or_default());
    let body = body(row, shape)?;
    let missing = keys.0.into_iter();
    let missing = missing.filter(|(name, _)| body.get(shape.in_body(name)).is_none());
    let mut members: Members = missing.collect();
    members.0.extend(body.0);
    Ok(members)
}

/// The columns of a row's body.
pub(crate) fn body(row: &Row<Bytes>, shape: &Shape) -> Result<Members, Failure> {
    if let Some(body) = &shape.unread {
        let failure = Failure::new(
            Code::Refused,
            format!("rows of this table are written as `{body}`"),
        );
        return Err(failure.help("they are read by a program, or as bytes by `--raw`"));
    }
    if shape.form == Form::Raw {
        let (name, text) = match row.text() {
            Ok(text) => (TEXT, text.to_owned()),
            Err(_) => (BASE64, STANDARD.encode(&**row)),
        };
        return Ok(Members(vec![(
            name.to_owned(),
            Value::from(text).to_string(),
        )]));
    }
    Members::parse(row).map_err(|error| {
        let message = format!("`{}` is no JSON object: {error}", row.key().escape_debug());
        Failure::data(message).help("add `--raw` if the rows of this table are texts or bytes")
    })
}

/// The columns of a key.
pub(crate) fn keys(table: &DynamicTable, values: &Values) -> Members {
    let pairs = values.iter();
    pairs
        .map(|(name, value)| (name.to_owned(), table.json_of(name, value).to_string()))
        .collect()
}

/// The key and the body of a row that was printed by this program, or by another one alike.
pub(crate) fn parts(
    table: &DynamicTable,
    mut members: Members,
    shape: &Shape,
) -> Result<(Values, Body), Failure> {
    let mut pairs = Vec::new();
    for column in table.columns() {
        let name = if members.get(column).is_some() {
            column
        } else {
            shape.in_body(column)
        };
        let value = members.value(name).ok_or_else(|| {
            let failure = Failure::data(format!("the key column `{column}` is missing"));
            failure.help("each row has all columns of its key")
        })?;
        let text = match value {
            Value::String(text) => text,
            Value::Number(_) | Value::Bool(_) => members.get(name).unwrap_or_default().to_owned(),
            other => {
                let what = format!("the key column `{column}` cannot be `{other}`");
                return Err(
                    Failure::data(what).help("key columns are texts, numbers, `true` or `false`")
                );
            }
        };
        pairs.push((column.to_owned(), text));
    }
    let values: Values = pairs.into_iter().collect();
    if shape.form == Form::Json {
        for column in &shape.key_only {
            members.remove(column);
        }
        for (field, name) in &shape.renamed {
            if let Some(json) = members
                .remove(field)
                .filter(|_| members.get(name).is_none())
            {
                members.set(name, json);
            }
        }
        let json = Bytes::from(members.to_json());
        return Ok((values, Body::with_type(json, "application/json")));
    }
    let body = match (members.value(TEXT), members.value(BASE64)) {
        (Some(Value::String(text)), None) => Body::from(text),
        (None, Some(Value::String(text))) => {
            let bytes = STANDARD.decode(text);
            Body::from(bytes.map_err(|error| Failure::data(format!("`{BASE64}`: {error}")))?)
        }
        _ => {
            let failure = Failure::data(format!("the row has neither `{TEXT}` nor `{BASE64}`"));
            return Err(failure.help("with `--raw`, one of them is the body"));
        }
    };
    Ok((values, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_order_digits_and_texts() {
        let text = r#" { "b" : 1.50, "a":[ 1, "x \" y" ], "big":123456789012345678901234567890, "b2":{"c": "\\"} } "#;
        let members = Members::parse(text.as_bytes()).unwrap();
        let line =
            r#"{"b":1.50,"a":[1,"x \" y"],"big":123456789012345678901234567890,"b2":{"c":"\\"}}"#;
        assert_eq!(members.to_json(), line);
        assert_eq!(Members::parse(line.as_bytes()).unwrap(), members);
        assert!(Members::parse(b"[]").is_err());
        assert!(Members::parse(b"{} {}").is_err());
    }
}
