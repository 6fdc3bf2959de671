//! Dynamic tables whose columns are read of the table's description.

use super::{ColumnType, Dynamic, DynamicTable, check_table};
use crate::catalog;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Form, PathTemplate, Piece};
use crate::schema::{StoredColumn, StoredSchema};

impl Db {
    /// A table by what is stored of it: its path, extension and encoding. The key columns go by their
    /// fields' names, and their values are texts as a person writes them, whatever form they have in
    /// the keys. Where it has transactions or indexes its rows are read as such, and not
    /// [written](Dynamic::stamped); nor are those of which something is [encrypted](Dynamic::encrypted).
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
        self.dynamic(table)
            .encoding(schema.encoding)
            .extension(&schema.extension)
            .stamped(schema.transactional || !schema.indexes.is_empty())
            .encrypted(schema.is_sealed())
            .path(&typed_path(schema)?)
    }
}

impl Dynamic {
    /// Describes the table on the bucket, for tools and for programs that have no struct for it: the
    /// columns of a path with types, as [`path`](Self::path) takes it, and others. A description that
    /// is there is added to, as [`Table::create`](crate::Table::create) does; its indexes stay.
    /// Returns what is stored then.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
    /// # let db = s3orm::Db::connect("memory:").await?;
    /// use s3orm::StoredColumn;
    ///
    /// let age = StoredColumn::new("age", "u8").nullable();
    /// db.dynamic("people").create("<city>/<id:u64:ordered>", [age]).await?;
    ///
    /// let people = db.open_dynamic("people").await?;
    /// people.put([("city", "Oslo"), ("id", "7")], "{}").await?;
    /// people.put([("city", "Oslo"), ("id", "x")], "{}").await.unwrap_err();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`path`](Self::path); [`Schema`](ErrorKind::Schema) if it does not fit what is described
    /// already, with each difference; those of the connection.
    ///
    /// # Cost
    /// 1 GET, and 1 PUT if it writes.
    pub async fn create(
        self,
        path: &str,
        columns: impl IntoIterator<Item = StoredColumn>,
    ) -> Result<StoredSchema> {
        let (db, name, encoding) = (self.db.clone(), self.table.clone(), self.encoding);
        let (extension, body) = (self.extension.clone(), self.body);
        let described = async {
            let table = self.path(path)?;
            let mut schema = StoredSchema::of_path(&name, &plain_path(table.layout.path));
            schema.encoding = encoding;
            schema.extension = extension;
            body.name().clone_into(&mut schema.body);
            let keys = table
                .layout
                .columns
                .iter()
                .map(|column| StoredColumn::new(&column.name, column.kind.rust_type()));
            for (place, column) in keys.enumerate() {
                let key = Some(place);
                schema.columns.push(StoredColumn { key, ..column });
            }
            for column in columns {
                if schema.column(&column.name).is_some() {
                    let detail = format!("the column `{}` is given twice", column.name);
                    let help = "columns of the path have their types there";
                    return Err(Error::new(ErrorKind::Schema, detail).with_help(help));
                }
                schema.columns.push(column);
            }
            catalog::table::describe(&db, &name, schema).await
        };
        let created = described.await;
        created.map_err(|error| error.during("create", name.clone()))
    }
}

/// A path as descriptions have it: without the extension.
fn plain_path(path: &PathTemplate) -> String {
    let pieces = path.pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => (*text).to_owned(),
        Piece::Column { name, form } => match form {
            Form::Plain => format!("<{name}>"),
            Form::Ordered => format!("<{name}:ordered>"),
            Form::Desc => format!("<{name}:desc>"),
        },
    });
    pieces.collect()
}

/// The path of a description, with the types of its columns: `<city>/<id:u64:ordered>`. Types of one's
/// own are texts.
fn typed_path(schema: &StoredSchema) -> Result<String> {
    let (mut typed, mut rest) = (String::new(), &*schema.path);
    if rest.is_empty() {
        let detail = "the table's indexes are described, and its columns are not";
        return Err(Error::new(ErrorKind::Schema, detail)
            .with_help("`create` it once by a program with its struct"));
    }
    while let Some((before, inner, after)) = placeholder(rest) {
        let (name, form) = inner.split_once(':').unwrap_or((inner, ""));
        let column = schema.columns.iter().find(|column| column.field() == name);
        let rust_type = column.map_or("String", |column| &column.rust_type);
        let kind = ColumnType::of_rust(rust_type);
        if kind.is_none() && !form.is_empty() {
            let detail = format!(
                "the column `{name}` is of the type `{rust_type}`, which has an order of its own"
            );
            let help = "use the program's own struct, or the keys as they are: `db.dynamic(...).columns(...)`";
            return Err(Error::new(ErrorKind::Unsupported, detail).with_help(help));
        }
        let kind = kind.unwrap_or_default();
        typed.push_str(before);
        let form = if form.is_empty() {
            String::new()
        } else {
            format!(":{form}")
        };
        typed.extend(["<", name, ":", &kind.to_string(), &form, ">"]);
        rest = after;
    }
    Ok(typed + rest)
}

/// The first placeholder of a path, with what is before and after it.
fn placeholder(path: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = path.split_once('<')?;
    let (inner, after) = rest.split_once('>')?;
    Some((before, inner, after))
}
