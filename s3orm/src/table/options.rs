//! What may be said of a write beside the row.

use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;
use crate::store::Metadata;
use crate::write;

/// What may be said of any write.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteOptions {
    pub(crate) content_type: Option<String>,
    pub(crate) metadata: Metadata,
}

impl WriteOptions {
    /// These, over those of a row that is written back.
    pub(super) fn over<T>(&self, row: &Row<T>) -> Self {
        let mut metadata = row.metadata.clone();
        metadata.extend(self.metadata.clone());
        let own = self.content_type.clone();
        Self {
            content_type: own.or_else(|| kept(row)),
            metadata,
        }
    }

    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.content_type.is_none() && self.metadata.is_empty()
    }

    /// The metadata of a new write: what was said of it, and its id.
    pub(crate) fn metadata(&self, env: &Env) -> Result<Metadata> {
        let mut metadata = self.metadata.clone();
        if let Some(name) = metadata
            .keys()
            .find(|name| name.starts_with(write::RESERVED))
        {
            return Err(Error::new(
                ErrorKind::InvalidRow,
                format!("the metadata name `{name}` is reserved: names with `s3orm-` are ours"),
            ));
        }
        metadata.insert(write::ID.to_owned(), write::new_id(env));
        Ok(metadata)
    }
}

/// The content type of a row that is written back, unless it was in another format so far.
pub(super) fn kept<T>(row: &Row<T>) -> Option<String> {
    row.content_type.clone().filter(|_| row.in_own_format)
}

/// The methods of [`WriteOptions`] on a request that has them in `options`.
macro_rules! write_options {
    ($request:ident) => {
        impl<'a, T: S3Schema> $request<'a, T> {
            write_options!(in options);
        }
    };
    (in $($options:ident).+) => {
        /// The object's content type; that of the table's format unless said. It may say more, as
        /// `application/vnd.person+json` does, but nothing else: readers go by it.
        pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
            self.$($options).+.content_type = Some(content_type.into());
            self
        }

        /// Adds user metadata (`x-amz-meta-<name>`): a name of lower-case letters, digits and `-`,
        /// a value of visible ASCII. S3 takes 2 KB in all; 100 bytes of it are the library's.
        pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.$($options).+
                .metadata
                .insert(name.into().to_ascii_lowercase(), value.into());
            self
        }
    };
}
pub(crate) use write_options;
