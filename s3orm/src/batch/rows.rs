//! `get_many`.

use super::report::Failed;
use super::{Batch, Input, Items};
use crate::key::KeyFrom;
use crate::row::Row;
use crate::schema::S3Schema;
use crate::table::Table;

impl<T: S3Schema> Table<T> {
    /// Reads many rows; awaiting returns a [`Report`](super::Report) with an `Option<T>` for each
    /// key.
    ///
    /// # Errors
    /// Each row's own: those of [`get`](Self::get). An absent row is `None`.
    ///
    /// # Cost
    /// 1 GET a key.
    pub fn get_many<'a, K: 'a>(
        &'a self,
        keys: impl Input<Item = K, Items: 'a>,
    ) -> Batch<'a, Option<T>, T::Key>
    where
        T::Key: KeyFrom<K>,
    {
        let subject = (self.db().clone(), "get_many", T::SCHEMA.table);
        Batch::each(
            subject,
            Items::new(keys, T::Key::key_from),
            |key: T::Key, _| async {
                match self.fetch(key.clone()).await {
                    Ok(found) => Ok(found.map(Row::into_inner)),
                    Err(error) => Err(Failed { input: key, error }),
                }
            },
        )
    }
}
