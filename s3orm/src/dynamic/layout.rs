//! From named values to keys and back.

use super::path::Column;
use super::{ColumnType, Values};
use crate::error::{Error, ErrorKind, Result, did_you_mean};
use crate::key::{Encoding, KeyRange, Limits, PathTemplate, Piece, PrefixText, Reader};

/// How the keys of a dynamic table are made.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) columns: Vec<Column>,
    pub(super) path: &'static PathTemplate,
}

impl Layout {
    /// What follows the table's folder in the key of a row with all these values.
    pub(super) fn path(&self, values: &Values) -> Result<String> {
        self.check(values)?;
        let path = self.write(values)?;
        if self.path.encoding == Encoding::Verbatim {
            self.check_readable(values, &path)?;
        }
        Ok(path)
    }

    fn write(&self, values: &Values) -> Result<String> {
        let (mut path, mut columns) = (String::new(), self.columns.iter());
        for piece in self.path.pieces {
            let (form, column) = match piece {
                Piece::Literal(text) => {
                    path.push_str(text);
                    continue;
                }
                Piece::Column { form, .. } => (*form, columns.next()),
            };
            let Some(column) = column else { break };
            let value = values
                .get(&column.name)
                .ok_or_else(|| missing(&column.name))?;
            let written = column
                .kind
                .write(value, form, self.path.encoding, &mut path);
            written.map_err(|error| self.unwritable(&column.name, &error.to_string()))?;
        }
        path.push_str(self.path.extension);
        Ok(path)
    }

    /// Values that are not escaped may hold what the path puts between them.
    fn check_readable(&self, values: &Values, path: &str) -> Result<()> {
        let read = self
            .parse(path)
            .filter(|_| !path.split('/').any(|part| matches!(part, "." | "..")));
        for column in &self.columns {
            let same = read.as_ref().and_then(|read| read.get(&column.name));
            let value = values.get(&column.name).unwrap_or_default();
            if same.is_none() || column.kind.canonical(value).ok().as_deref() != same {
                let what = format!(
                    "`{}` cannot be a part of a key as it is",
                    value.escape_debug()
                );
                return Err(self.unwritable(&column.name, &what));
            }
        }
        Ok(())
    }

    fn unwritable(&self, column: &str, what: &str) -> Error {
        let error = Error::new(
            ErrorKind::InvalidKey,
            format!("key column `{column}`: {what}"),
        );
        if self.path.encoding == Encoding::Escaped {
            return error;
        }
        error.with_help(
            "what is empty, `.`, `..` or holds what separates columns needs `Encoding::Escaped`",
        )
    }

    /// The part of the keys of all rows that have these values of the first columns, with the number
    /// of those columns. `limits` says what of the column after them.
    pub(super) fn range(
        &self,
        folder: &str,
        values: &Values,
        limits: impl FnOnce(&PrefixText, &Column) -> Limits,
    ) -> Result<(KeyRange, usize)> {
        self.check(values)?;
        let mut prefix = PrefixText::new(self.path);
        let mut fixed = 0;
        for column in &self.columns {
            let Some(value) = values.get(&column.name) else {
                break;
            };
            let told = column.kind.fix(&mut prefix, value);
            told.map_err(|error| self.unwritable(&column.name, &error.to_string()))?;
            let odd = |segment| matches!(segment, "." | "..");
            match prefix.valid() {
                Err(error) => {
                    return Err(self.unwritable(&column.name, &error.error.to_string()));
                }
                Ok(text)
                    if self.path.encoding == Encoding::Verbatim && text.split('/').any(odd) =>
                {
                    let what = format!(
                        "`{}` cannot be a part of a key as it is",
                        value.escape_debug()
                    );
                    return Err(self.unwritable(&column.name, &what));
                }
                Ok(_) => {}
            }
            fixed += 1;
        }
        let limits = match self.columns.get(fixed) {
            Some(next) => limits(&prefix, next),
            None => Limits::None,
        };
        Ok((KeyRange::new(folder, &prefix, limits), fixed))
    }

    /// The values of a path; `None` if it is no row's.
    pub(super) fn parse(&self, path: &str) -> Option<Values> {
        let mut reader = Reader::new(self.path, path).ok()?;
        let values = self.read(&mut reader, self.columns.len())?;
        // A value has one text: a row has one key.
        (self.write(&values).ok()? == path).then_some(values)
    }

    /// The values of the first columns of the name of a folder.
    pub(super) fn of_folder(&self, folder: &str, count: usize) -> Option<Values> {
        let mut reader = Reader::within(self.path, self.path.pieces, folder);
        self.read(&mut reader, count)
    }

    fn read(&self, reader: &mut Reader<'_>, count: usize) -> Option<Values> {
        let columns = self.columns.iter().take(count).map(|column| {
            let (_, form, text) = reader.next_column().ok()?;
            let value = column.kind.read(self.path, text, form).ok()?;
            Some((column.name.clone(), value))
        });
        columns
            .collect::<Option<Vec<_>>>()
            .map(|pairs| pairs.into_iter().collect())
    }

    /// How many `/` follow the first columns of the path up to the end of so many columns, where
    /// that is a folder's end: listing folder by folder shows their values.
    pub(super) fn levels(&self, fixed: usize, depth: usize) -> Option<usize> {
        let (mut column, mut levels, mut closed) = (0, 0, false);
        for piece in self.path.pieces {
            match piece {
                Piece::Column { .. } => {
                    column += 1;
                    closed = false;
                }
                Piece::Literal(text) => {
                    let slashes = text.matches('/').count();
                    if column == depth {
                        closed = slashes > 0;
                        levels += usize::from(closed);
                        break;
                    }
                    // What closes the fixed columns is in the prefix already.
                    if column > fixed {
                        levels += slashes;
                    }
                }
            }
        }
        closed.then_some(levels)
    }

    /// Each name must be a column's, and only once.
    pub(super) fn check(&self, values: &Values) -> Result<()> {
        for (place, (name, _)) in values.iter().enumerate() {
            self.known(name)?;
            if values
                .iter()
                .take(place)
                .any(|(earlier, _)| earlier == name)
            {
                let detail = format!("the key column `{name}` is given twice");
                return Err(Error::new(ErrorKind::InvalidKey, detail).with_help("give it once"));
            }
        }
        Ok(())
    }

    /// The place of a column.
    pub(super) fn known(&self, name: &str) -> Result<usize> {
        let place = self.columns.iter().position(|column| column.name == name);
        place.ok_or_else(|| {
            let columns = || self.columns.iter().map(|column| &*column.name);
            let detail = format!("there is no key column `{}`", name.escape_debug());
            let help = if let Some(near) = did_you_mean(name, columns()) {
                format!("did you mean `{near}`?")
            } else {
                let names: Vec<_> = columns().map(|name| format!("`{name}`")).collect();
                format!("the columns are {}", names.join(", "))
            };
            Error::new(ErrorKind::InvalidKey, detail).with_help(help)
        })
    }

    /// The type of a column, if it is one of the key's.
    pub(super) fn kind(&self, name: &str) -> Option<ColumnType> {
        let column = self.columns.iter().find(|column| column.name == name);
        column.map(|column| column.kind)
    }

    /// Texts that are in the order of the values.
    pub(super) fn order(&self, values: &Values) -> Vec<String> {
        let text = |(name, value): (&str, &str)| {
            let kind = self.kind(name).unwrap_or_default();
            kind.ordered(value).unwrap_or_default()
        };
        values.iter().map(text).collect()
    }

    /// The values as the columns' types write them.
    pub(super) fn canonical(&self, values: &Values) -> Values {
        let one = |(name, value): (&str, &str)| {
            let kind = self.kind(name).unwrap_or_default();
            let value = kind.canonical(value).unwrap_or_else(|_| value.to_owned());
            (name.to_owned(), value)
        };
        values.iter().map(one).collect()
    }
}

fn missing(column: &str) -> Error {
    let detail = format!("the key column `{column}` is missing");
    Error::new(ErrorKind::InvalidKey, detail)
        .with_help("name every column; `query` takes some of them")
}
