//! `delete_many`.

use super::bulk::{self, MAX_DELETES};
use super::report::{Failed, Outcome};
use super::{Batch, Input, Items};
use crate::key::KeyFrom;
use crate::schema::S3Schema;
use crate::table::{Delete, Table};

impl<T: S3Schema> Table<T> {
    /// Deletes many rows; deleting one that is not there succeeds. Awaiting returns a
    /// [`Report`](super::Report).
    ///
    /// # Errors
    /// Each row's own: those of [`delete`](Self::delete). When the answer to a request is lost, all
    /// of its rows are [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown).
    ///
    /// # Cost
    /// 1 POST (`DeleteObjects`) for each 1,000 rows. Of a stamped table, that of
    /// [`delete`](Self::delete) a row.
    pub fn delete_many<'a, K: 'a>(
        &'a self,
        keys: impl Input<Item = K, Items: 'a>,
    ) -> Batch<'a, (), T::Key>
    where
        T::Key: KeyFrom<K>,
    {
        let items = Items::new(keys, T::Key::key_from);
        self.deletions("delete_many", items)
    }

    pub(super) fn deletions<'a>(
        &'a self,
        name: &'static str,
        keys: Items<'a, T::Key>,
    ) -> Batch<'a, (), T::Key> {
        let subject = (self.db().clone(), name, T::SCHEMA.table);
        if T::SCHEMA.is_stamped() {
            return Batch::each(subject, keys, |key: T::Key, _| async {
                let deleted = Delete::of_key(self, key.clone()).await;
                deleted.map_err(|error| Failed { input: key, error })
            });
        }
        Batch::pieces(subject, keys, MAX_DELETES, |keys, _| {
            self.delete_piece(keys)
        })
    }

    /// A key that cannot be written costs its row the outcome, and the others nothing.
    async fn delete_piece(&self, keys: Vec<T::Key>) -> Vec<Outcome<(), T::Key>> {
        let objects = keys.iter().map(|key| self.may_delete(key)).collect();
        let deleted = bulk::delete(self.db(), objects).await;
        let outcomes = keys.into_iter().zip(deleted);
        outcomes
            .map(|(input, deleted)| match deleted {
                Ok(()) => {
                    T::__after_delete(&input);
                    Ok(())
                }
                Err(error) => Err(Failed { input, error }),
            })
            .collect()
    }
}
