//! TOML files as options.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::options::Origin;
use crate::error::{Error, Result};
use crate::url::shown;

/// An option's path (`tables`, `people`, `retries`), its text, and where it stands.
type Written = (Vec<String>, String, Origin);

/// Every option of a file.
pub(super) fn read(name: &str, text: &str) -> Result<Vec<Written>> {
    let file = File {
        name: name.into(),
        text,
    };
    // The parser's own report would show the line, which may have a secret in it.
    let table = DeTable::parse(text).map_err(|error| {
        let line = file.line(error.span().map_or(0, |span| span.start));
        let detail = format!("`{}`, line {line}: {}", shown(name), error.message());
        Error::config(detail, "write TOML: `name = value`").during("connect", "")
    })?;
    let mut found = Vec::new();
    file.walk(table.get_ref(), &mut Vec::new(), &mut found)?;
    Ok(found)
}

struct File<'a> {
    name: Arc<str>,
    text: &'a str,
}

impl File<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().iter().take(at);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    fn walk(
        &self,
        table: &DeTable<'_>,
        path: &mut Vec<String>,
        found: &mut Vec<Written>,
    ) -> Result<()> {
        for (name, value) in table {
            path.push(name.get_ref().clone().into_owned());
            if let DeValue::Table(table) = value.get_ref() {
                self.walk(table, path, found)?;
            } else {
                let line = self.line(name.span().start);
                let origin = Origin::File(Arc::clone(&self.name), line);
                let text = text_of(value).ok_or_else(|| {
                    let (option, file) = (path.join("."), &self.name);
                    let kind = value.get_ref().type_str();
                    Error::config(
                        format!("`{option}` (`{file}`, line {line}) cannot be of type {kind}"),
                        "write a text, a number, `true` or `false`",
                    )
                    .during("connect", "")
                })?;
                found.push((path.clone(), text, origin));
            }
            path.pop();
        }
        Ok(())
    }
}

/// A value as a connection string would have it.
fn text_of(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            let number = i64::from_str_radix(&digits, number.radix()).ok()?;
            Some(number.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(value) => Some(value.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
