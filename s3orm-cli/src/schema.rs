//! What the bucket says of a table.

use s3orm::StoredSchema;

use crate::exit::Failure;

/// A failure of the store's own calls.
pub(crate) fn store(error: s3orm::store::StoreError) -> Failure {
    s3orm::Error::from_store(error).into()
}

/// Whether rows are written by rules that take a program with the table's type.
pub(crate) fn is_stamped(schema: &StoredSchema) -> bool {
    schema.transactional || !schema.indexes.is_empty()
}

/// Why a table is written by programs alone, if it is.
pub(crate) fn written_by_programs(schema: &StoredSchema) -> Option<String> {
    if !schema.indexes.is_empty() {
        let names: Vec<&str> = schema.indexes.keys().map(String::as_str).collect();
        return Some(format!("it has the indexes `{}`", names.join("`, `")));
    }
    if schema.transactional {
        return Some("its rows take part in transactions".to_owned());
    }
    if schema.version > 1 || schema.oldest.is_some() || schema.newest.is_some() {
        return Some(format!("its rows are of version {}", schema.version));
    }
    let body = &*schema.body;
    if !matches!(body, "" | "json" | "raw") {
        return Some(format!("its rows are written as `{body}`"));
    }
    if schema.encrypted {
        return Some("its rows are encrypted".to_owned());
    }
    if let Some(column) = schema.columns.iter().find(|column| column.encrypted) {
        return Some(format!("its column `{}` is encrypted", column.name));
    }
    schema.columns.iter().find_map(|column| {
        let managed = column.managed.as_ref()?;
        Some(format!(
            "its column `{}` is filled in by them (`{managed}`)",
            column.name
        ))
    })
}
