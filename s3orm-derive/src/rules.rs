//! The checks that need more than one option at a time; one small function a rule.

use syn::{DeriveInput, LitStr};

use crate::attr::{Body, TableOptions};
use crate::diag::Errors;
use crate::index::Index;
use crate::model::{Column, Field};
use crate::serde_attr::{self, Container};

/// `table` and `path` are required.
pub(crate) fn options_are_there(
    input: &DeriveInput,
    fields: &[Field<'_>],
    options: &TableOptions,
    errors: &mut Errors,
) {
    let name = &input.ident;
    let table = format!("table = \"{}s\"", snake_case(&name.to_string()));
    let path = {
        let column = fields
            .iter()
            .find(|field| field.name == "id")
            .or(fields.first());
        format!("path = \"<{}>\"", column.map_or("id", |field| &field.name))
    };
    if !options.present {
        let message = format!("`{name}` has no `#[s3(...)]` attribute");
        let help = format!("say where its rows live: `#[s3({table}, {path})]`");
        return errors.at_with_help(name, message, help);
    }
    let missing = |option: &str| !options.mistaken.iter().any(|mistaken| mistaken == option);
    if options.table.is_none() && missing("table") {
        let message = format!("the table of `{name}` has no name");
        errors.at_with_help(name, message, format!("add `{table}` to `#[s3(...)]`"));
    }
    if options.path.is_none() && missing("path") {
        let message = format!("the table of `{name}` has no path");
        let help = format!("add the columns that find a row to `#[s3(...)]`: `{path}`");
        errors.at_with_help(name, message, help);
    }
}

fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for character in name.trim_start_matches("r#").chars() {
        if character.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(character.to_lowercase());
    }
    text
}

/// `[a-z][a-z0-9_-]{0,62}`
pub(crate) fn table_name(table: Option<&LitStr>, errors: &mut Errors) {
    let Some(literal) = table else { return };
    let name = literal.value();
    if is_table_name(&name) {
        return;
    }
    let close: String = snake_case(&name)
        .chars()
        .map(|character| match character {
            'a'..='z' | '0'..='9' | '_' | '-' => character,
            _ => '_',
        })
        .collect();
    let close = close.trim_matches(|character| matches!(character, '_' | '-' | '0'..='9'));
    let rule = "a lower-case letter, then up to 62 of `a-z`, `0-9`, `_` and `-`";
    let help = if is_table_name(close) {
        format!("write `{close}`: a name is {rule}")
    } else {
        format!("a name is {rule}")
    };
    let message = format!("`{}` cannot be a table's name", name.escape_debug());
    errors.at_with_help(literal, message, help);
}

/// A row's version is a member of its body, and versions follow one another.
pub(crate) fn versions(
    options: &TableOptions,
    fields: &[Field<'_>],
    body: Body,
    errors: &mut Errors,
) {
    let (version, previous) = (options.version.as_ref(), options.previous.as_ref());
    let is_mistaken = options.mistaken.iter().any(|one| one == "version");
    match (version, previous) {
        (None, Some(previous)) if !is_mistaken => {
            let message = "a struct with a version before it has a version of its own";
            let help = "add `version = 2`, or the number that follows that of `previous`";
            errors.at_with_help(&previous.ty, message, help);
        }
        (Some((mark, 1)), Some(_)) => {
            let message = "there is no version before version 1";
            errors.at_with_help(
                mark,
                message,
                "write `version = 2`, or leave `previous` out",
            );
        }
        _ => {}
    }
    let was_meant = options.mistaken.iter().any(|one| one == "previous");
    if let (Some(mark), None, false) = (&options.reversible, previous, was_meant) {
        let message = "there is no version before to go back to";
        let help = "name its struct, `previous = \"...\"`, or leave `reversible` out";
        errors.at_with_help(mark, message, help);
    }
    let bodies = match body {
        Body::Raw => Some("a raw body"),
        Body::Own => Some("a body of a format of one's own"),
        Body::Json | Body::MessagePack => None,
    };
    if let (Some((mark, 2..)), Some(bodies)) = (version, bodies) {
        let message = format!("{bodies} has no place for the version of a row");
        let help = "leave `version` out, or store rows as `json` or `msgpack`";
        errors.at_with_help(mark, message, help);
    }
    if body == Body::Raw {
        return;
    }
    for field in fields.iter().filter(|field| field.stored_name == "_v") {
        let message = "a column cannot be stored as `_v`";
        let help = "that member of a row is its version: rename the field, or its stored form with `#[serde(rename = \"...\")]`";
        errors.at_with_help(field.ident, message, help);
    }
}

/// The rows of tables with transactions or indexes are JSON objects with a member of the library's.
pub(crate) fn stamped(
    options: &TableOptions,
    fields: &[Field<'_>],
    body: Body,
    is_indexed: bool,
    errors: &mut Errors,
) {
    let of = match &options.transactional {
        Some(_) => "transactions",
        None if is_indexed => "indexes",
        None => return,
    };
    if let Some(transactional) = &options.transactional
        && body == Body::Raw
    {
        let message = "a raw body cannot take part in transactions";
        let help = "its bytes have no place for what a transaction notes: leave `body = \"raw\"` or `transactional` out";
        errors.at_with_help(transactional, message, help);
    }
    if let Some(written) = &options.body_mark
        && matches!(body, Body::MessagePack | Body::Own)
    {
        let message = format!("the rows of a table with {of} are JSON");
        let help = "what the library notes stands in front of a row's JSON: leave `body` out";
        errors.at_with_help(written, message, help);
    }
    if let Some(compress) = &options.compress {
        let message = format!("the rows of a table with {of} cannot be compressed");
        let help = "what the library notes stands in front of a row's JSON: leave `compress` out";
        errors.at_with_help(&compress.mark, message, help);
    }
    if let Some((mark, _)) = &options.encrypt {
        let message = format!("the rows of a table with {of} cannot be encrypted as a whole");
        let help = "what the library notes stands in front of a row's JSON: write `encrypt` on the fields that are to be";
        errors.at_with_help(mark, message, help);
    }
    for field in fields.iter().filter(|field| field.stored_name == "_m") {
        let message = format!("a column of a table with {of} cannot be stored as `_m`");
        let help = "that member of a row is the library's: rename the field, or its stored form with `#[serde(rename = \"...\")]`";
        errors.at_with_help(field.ident, message, help);
    }
}

/// An encrypted column is a text in a row's JSON that nothing but its reader can make sense of.
pub(crate) fn encrypted(
    options: &TableOptions,
    fields: &[Field<'_>],
    columns: &[Column],
    indexes: &[Index],
    body: Body,
    errors: &mut Errors,
) {
    let in_index = |name: &str| {
        let mut over = indexes.iter().flat_map(|index| &index.columns);
        over.any(|column| columns[*column].field == name)
    };
    for field in fields {
        let Some((mark, _)) = &field.options.encrypt else {
            continue;
        };
        let name = &field.name;
        let (message, help) = if options.encrypt.is_some() {
            (
                format!("`{name}` is encrypted with the whole row"),
                "leave `encrypt` out here, or above the struct",
            )
        } else if field.key.is_some() {
            (
                format!("`{name}` is in the path: keys cannot be encrypted"),
                "S3 shows keys to whoever may list: take it out of the path, or store a digest of it there",
            )
        } else if body != Body::Json {
            (
                format!("`{name}` cannot be encrypted alone: the rows are not JSON"),
                "encrypt the whole row: write `encrypt` above the struct",
            )
        } else if !field.is_column(body) {
            (
                format!("`{name}` is no column: serde passes it over or spreads it out"),
                "leave `encrypt` out, or store the field",
            )
        } else if in_index(name) {
            (
                format!("`{name}` is in an index: its values would stand in keys"),
                "leave the index out, or index a digest of the value in a column of its own",
            )
        } else {
            continue;
        };
        errors.at_with_help(mark, message, help);
    }
}

fn is_table_name(name: &str) -> bool {
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 63
        && name.bytes().all(known)
}

/// Empty, or a dot and visible ASCII that a key may hold.
pub(crate) fn extension(extension: Option<&LitStr>, errors: &mut Errors) {
    let Some(literal) = extension else { return };
    let text = literal.value();
    let known = |character: char| {
        character.is_ascii_graphic() && !matches!(character, '/' | '<' | '>' | '!' | '%' | '\\')
    };
    if text.is_empty() || (text.len() > 1 && text.starts_with('.') && text.chars().all(known)) {
        return;
    }
    let help = if !text.starts_with('.') && text.chars().all(known) {
        format!("begin it with a dot: `extension = \".{text}\"`")
    } else {
        "write a dot and letters, `extension = \".json\"`, or nothing, `extension = \"\"`"
            .to_owned()
    };
    let message = format!("`{}` cannot be an extension", text.escape_debug());
    errors.at_with_help(literal, message, help);
}

/// A raw row is key columns and one body; a JSON row marks none.
pub(crate) fn body(
    input: &DeriveInput,
    fields: &[Field<'_>],
    body: Body,
    path_is_sound: bool,
    errors: &mut Errors,
) {
    let mut marked = fields
        .iter()
        .filter_map(|field| Some((field, field.options.body.as_ref()?)));
    if body != Body::Raw {
        for (_, mark) in marked {
            let help = "add `body = \"raw\"` to the struct's options, or leave the mark out";
            let message = match body {
                Body::Json => "`body` marks the field of a raw body: these rows are JSON",
                _ => "`body` marks the field of a raw body: these rows are all columns together",
            };
            errors.at_with_help(mark, message, help);
        }
        return;
    }
    let Some((first, _)) = marked.next() else {
        let message = format!("no field of `{}` is the raw body", input.ident);
        let help = "mark the field that holds the object's bytes with `#[s3(body)]`";
        return errors.at_with_help(&input.ident, message, help);
    };
    for (_, mark) in marked {
        let message = format!("the raw body is `{}` already", first.name);
        errors.at_with_help(
            mark,
            message,
            "mark one field: an object's bytes are one value",
        );
    }
    for field in fields {
        match (&field.options.body, field.key) {
            (Some(mark), Some(_)) => {
                let message = format!("`{}` is in the path: it cannot be the raw body", field.name);
                errors.at_with_help(mark, message, "mark a field that is not in the path");
            }
            (None, None) if path_is_sound => {
                let message = format!(
                    "`{}` has no place: a raw body is one field alone",
                    field.name
                );
                let help = "name it in `path`, or store rows as JSON: leave out `body = \"raw\"`";
                errors.at_with_help(field.ident, message, help);
            }
            _ => {}
        }
    }
}

/// What serde's attributes must leave as it is in a JSON row.
pub(crate) fn stored_form(container: &Container, fields: &[Field<'_>], errors: &mut Errors) {
    if let Some(attribute) = &container.replaced {
        let name = serde_attr::name(attribute);
        let message = format!("`{name}` stores something else than the struct's fields");
        let help = "derive `S3Schema` for the struct whose fields are stored";
        errors.at_with_help(attribute, message, help);
    }
    let mut names: Vec<&str> = Vec::new();
    for field in fields {
        if field.serde.not_written.is_none() && field.serde.flatten.is_none() {
            if names.contains(&&*field.stored_name) {
                let message = format!("two fields are stored as `{}`", field.stored_name);
                errors.at_with_help(field.ident, message, "rename one of them");
            }
            names.push(&field.stored_name);
        }
        if field.key.is_some() {
            key_column_form(field, errors);
        }
    }
}

/// A key column is read back from the object, or from the key in its type's own form.
fn key_column_form(field: &Field<'_>, errors: &mut Errors) {
    let serde = &field.serde;
    let (attribute, help) = if field.options.key_only.is_some() {
        let attribute = [&serde.not_read, &serde.flatten, &serde.read_with];
        (
            attribute.into_iter().flatten().next(),
            "leave it out: the column is put back from the key",
        )
    } else {
        let attribute = [&serde.not_read, &serde.not_written, &serde.flatten];
        let help = "leave it out, or mark the field `#[s3(key_only)]` to keep it out of the object";
        (attribute.into_iter().flatten().next(), help)
    };
    if let Some(attribute) = attribute {
        let message = format!(
            "with `{}` the key column `{}` could not be read back",
            serde_attr::name(attribute),
            field.name
        );
        errors.at_with_help(attribute, message, help);
    }
}

/// The options of each field: whether they mean something where they stand.
pub(crate) fn field_options(
    fields: &[Field<'_>],
    body: Body,
    path_is_sound: bool,
    errors: &mut Errors,
) {
    for field in fields {
        let options = &field.options;
        if let Some(mark) = &options.key_only
            && field.key.is_none()
            && path_is_sound
        {
            let message = format!(
                "`{}` is not in the path: it would be stored nowhere",
                field.name
            );
            let help = format!(
                "name it in the path, `<{}>`, or leave out `key_only`",
                field.name
            );
            errors.at_with_help(mark, message, help);
        }
        if let Some(mark) = &options.key_only
            && body == Body::Own
        {
            let message = format!(
                "a format of your own stores every column, also `{}`",
                field.name
            );
            let help = "leave `key_only` out, or store rows as `json` or `msgpack`";
            errors.at_with_help(mark, message, help);
        }
        let mut managed = options.managed();
        let Some((mark, _)) = managed.next() else {
            continue;
        };
        for (mark, _) in managed {
            let message = format!("`{}` is filled in by another option already", field.name);
            let help = "keep one of `generate`, `created_at` and `updated_at`";
            errors.at_with_help(mark, message, help);
        }
        if !field.is_column(body) {
            let message = format!("`{}` is no column: serde passes it over", field.name);
            let help = format!("leave `{mark}` out, or store the field");
            errors.at_with_help(mark, message, help);
        }
        if options.updated_at.is_some() && field.key.is_some() {
            let message = format!(
                "`{}` is in the path: every write would move the row",
                field.name
            );
            errors.at_with_help(
                mark,
                message,
                "take it out of the path, or use `created_at`",
            );
        }
        if options.body.is_some() {
            let message = format!("`{}` is the raw body: it cannot be filled in", field.name);
            errors.at_with_help(mark, message, format!("leave `{mark}` out"));
        }
    }
}
