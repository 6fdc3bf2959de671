//! Dynamic tables whose columns are read of the table's description.

use std::sync::Arc;

use super::values::Layout;
use super::{DynamicTable, check_table};
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Converter, Form};
use crate::schema::StoredSchema;

impl Db {
    /// A table by what is stored of it: its path, extension and encoding. The key columns go by their
    /// fields' names, and their values are texts as a person writes them, whatever form they have in
    /// the keys.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if nobody has described the table,
    /// [`Schema`](ErrorKind::Schema) if only its indexes are described,
    /// [`Unsupported`](ErrorKind::Unsupported) if a column of a type of one's own is `:ordered` or
    /// `:desc`; those of [`Db::schema`].
    ///
    /// # Cost
    /// 1 GET.
    pub async fn open_dynamic(&self, table: &str) -> Result<DynamicTable> {
        let schema = self.schema(table).await?;
        let schema = schema.ok_or_else(|| {
            let detail = "the table is not described on the bucket";
            let help = "`create` it by a program with its struct, or name its columns: `db.dynamic(...).columns(...)`";
            Error::new(ErrorKind::NotFound, detail).with_help(help)
        });
        let opened = schema.and_then(|schema| self.dynamic_of(table, &schema));
        opened.map_err(|error| error.during("open_dynamic", table.to_owned()))
    }

    /// A table by a description. No request.
    ///
    /// # Errors
    /// As [`open_dynamic`](Self::open_dynamic).
    pub fn dynamic_of(&self, table: &str, schema: &StoredSchema) -> Result<DynamicTable> {
        check_table(table)?;
        Ok(DynamicTable {
            folder: format!("{}{table}/", self.prefix()).into(),
            db: self.of_table(table),
            name: table.into(),
            layout: Arc::new(layout(schema)?),
        })
    }
}

/// How keys are made by a description.
fn layout(schema: &StoredSchema) -> Result<Layout> {
    let wrong =
        |detail: String, help: &'static str| Error::new(ErrorKind::Schema, detail).with_help(help);
    let mut layout = Layout {
        columns: Vec::new(),
        before: Vec::new(),
        tail: String::new(),
        encoding: schema.encoding,
        forms: Vec::new(),
    };
    let mut rest = &*schema.path;
    while let Some((before, column)) = rest.split_once('<') {
        let Some((column, after)) = column.split_once('>') else {
            let detail = format!("`{}` is no path", schema.path.escape_debug());
            return Err(wrong(detail, "describe the table again with `create`"));
        };
        rest = after;
        let (name, form) = column.split_once(':').unwrap_or((column, ""));
        layout.before.push(before.to_owned());
        layout.columns.push(name.to_owned());
        layout.forms.push(converter(schema, name, form)?);
    }
    if layout.columns.is_empty() {
        let detail = "the table's indexes are described, and its columns are not".to_owned();
        return Err(wrong(
            detail,
            "`create` it once by a program with its struct",
        ));
    }
    layout.tail = format!("{rest}{}", schema.extension);
    Ok(layout)
}

/// What writes a column's values; nothing where they are written as they are.
fn converter(schema: &StoredSchema, name: &str, form: &str) -> Result<Option<Converter>> {
    let form = match form {
        "" => return Ok(None),
        "ordered" => Form::Ordered,
        "desc" => Form::Desc,
        other => {
            let detail = format!("the column `{name}` has a form `{other}` that is not known");
            let help = "a newer version of s3orm has described the table";
            return Err(Error::new(ErrorKind::Unsupported, detail).with_help(help));
        }
    };
    let column = schema.columns.iter().find(|column| column.field() == name);
    let rust_type = column.map_or("", |column| &column.rust_type);
    let converter = Converter::of(rust_type, form);
    if converter.is_none() {
        let detail = format!(
            "the column `{name}` is of the type `{rust_type}`, which has an order of its own"
        );
        let help =
            "use the program's own struct, or the keys as they are: `db.dynamic(...).columns(...)`";
        return Err(Error::new(ErrorKind::Unsupported, detail).with_help(help));
    }
    Ok(converter)
}
