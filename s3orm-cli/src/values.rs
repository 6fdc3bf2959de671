//! `column=value` on the command line.

use s3orm::dynamic::{DynamicTable, Values};
use serde_json::Value;

use crate::exit::Failure;

/// The nearest of some names, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = names
        .into_iter()
        .map(|name| (strsim::osa_distance(word, name), name))
        .filter(|(distance, name)| *distance <= (name.len().max(word.len()) / 3).max(1));
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The values of key columns: each `column=value`, or bare values in the path's order.
pub(crate) fn key_values(table: &DynamicTable, given: &[String]) -> Result<Values, Failure> {
    let (keys, others) = split(table, given)?;
    let Some((name, _)) = others.first() else {
        return Ok(keys);
    };
    let columns: Vec<&str> = table.columns().collect();
    let failure = Failure::usage(format!("`{name}` is no key column of `{}`", table.name()));
    Err(match nearest(name, columns.iter().copied()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure
            .help(format!(
                "the key columns are `{}`; filter other columns by `--filter`",
                columns.join("`, `")
            ))
            .help(format!(
                "a value that holds `=` is written with its column: `{}=…`",
                columns[0]
            )),
    })
}

/// As [`key_values`], of all key columns.
pub(crate) fn whole_key(table: &DynamicTable, given: &[String]) -> Result<Values, Failure> {
    let values = key_values(table, given)?;
    for column in table.columns() {
        if values.get(column).is_none() {
            let columns: Vec<String> = table.columns().map(|name| format!("{name}=…")).collect();
            let failure = Failure::usage(format!("the key column `{column}` is missing"));
            return Err(failure.help(format!("write {}", columns.join(" "))));
        }
    }
    Ok(values)
}

/// Values of key columns, and the JSON of others.
type Split = (Values, Vec<(String, String)>);

/// The values of key columns, and other columns with their JSON: `age=30` is a number, `name=Ann` a
/// text, `zip:="0018"` what its JSON says.
pub(crate) fn split(table: &DynamicTable, given: &[String]) -> Result<Split, Failure> {
    let (mut keys, mut bare, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for argument in given {
        let Some((name, value)) = argument.split_once('=').filter(|(name, _)| is_name(name)) else {
            bare.push(argument.clone());
            continue;
        };
        let (column, is_json) = match name.strip_suffix(':') {
            Some(column) => (column, true),
            None => (name, false),
        };
        if table.column_type(column).is_some() {
            keys.push((column.to_owned(), value.to_owned()));
        } else {
            others.push((column.to_owned(), json(column, value, is_json)?));
        }
    }
    let unnamed = table
        .columns()
        .filter(|column| !keys.iter().any(|(name, _)| name == column));
    let unnamed: Vec<String> = unnamed.map(str::to_owned).collect();
    if bare.len() > unnamed.len() {
        let extra = &bare[unnamed.len()];
        let columns: Vec<&str> = table.columns().collect();
        let failure = Failure::usage(format!("`{extra}` is one value too many"));
        return Err(failure.help(format!("the key columns are `{}`", columns.join("`, `"))));
    }
    keys.extend(unnamed.into_iter().zip(bare));
    Ok((keys.into_iter().collect(), others))
}

fn is_name(text: &str) -> bool {
    let text = text.strip_suffix(':').unwrap_or(text);
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|first| first == '_' || first.is_alphabetic())
        && chars.all(|char| char == '_' || char == '-' || char == '.' || char.is_alphanumeric())
}

fn json(column: &str, text: &str, is_json: bool) -> Result<String, Failure> {
    let value = serde_json::from_str::<Value>(text);
    match value {
        Ok(_) if is_json => Ok(text.to_owned()),
        Err(error) if is_json => {
            let failure = Failure::usage(format!("`{column}:={text}` is no JSON: {error}"));
            Err(failure.help(format!("write `{column}={text}` for a text")))
        }
        Ok(Value::Number(_) | Value::Bool(_) | Value::Null) => Ok(text.to_owned()),
        _ => Ok(Value::from(text).to_string()),
    }
}

/// `name=value` of metadata and the like.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as `name=value`".to_owned()),
    }
}

/// A length of time: `500ms`, `15s`, `2m`, `6h`, `7d`.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let seconds = |unit: u64| {
        let number: u64 = digits.parse().ok()?;
        number.checked_mul(unit).map(std::time::Duration::from_secs)
    };
    let time = match &text[digits.len()..] {
        "ms" => digits.parse().ok().map(std::time::Duration::from_millis),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(60 * 60),
        "d" => seconds(24 * 60 * 60),
        _ => None,
    };
    time.ok_or_else(|| "write a time such as `30s`, `15m`, `6h` or `7d`".to_owned())
}
