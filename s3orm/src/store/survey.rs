//! What a service says of itself and of a bucket's settings.

use std::time::SystemTime;

use super::StoreError;

/// The answer of [`Store::survey`](super::Store::survey). What was not answered is an error of its
/// own, and never taken for fine.
#[derive(Debug)]
#[non_exhaustive]
pub struct Survey {
    /// What the service calls itself (`Server`).
    pub server: Option<String>,
    /// Its clock (`Date`), to the second.
    pub time: Option<SystemTime>,
    /// Whether the bucket keeps old versions.
    pub versioning: Result<Versioning, StoreError>,
    /// The rules in force for objects without tags, which is what rows are; empty without a
    /// configuration.
    pub lifecycle: Result<Vec<LifecycleRule>, StoreError>,
    /// Writes whose body is not the one that a header names, with what they were answered: an error
    /// where the service looked.
    pub tampered: Vec<(&'static str, Result<(), StoreError>)>,
}

/// Whether a bucket keeps the versions that were replaced and deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It never did.
    Never,
    /// It does.
    Enabled,
    /// It did, and keeps those.
    Suspended,
}

/// One rule of a bucket's lifecycle configuration, as far as it concerns rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleRule {
    /// Its name, if it has one.
    pub id: String,
    /// The objects that it is about; empty for all.
    pub prefix: String,
    /// It deletes objects.
    pub expires: bool,
    /// It deletes versions that were replaced or deleted.
    pub expires_versions: bool,
    /// It drops uploads that were not completed.
    pub aborts_uploads: bool,
}
