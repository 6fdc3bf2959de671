//! Options that must agree, each sound by itself.

use super::DbBuilder;
#[cfg(feature = "s3")]
use super::Location;
#[cfg(feature = "s3")]
use crate::error::Error;
use crate::error::Result;
use crate::upload::check_parts;

impl DbBuilder {
    pub(super) fn check(&self) -> Result<()> {
        #[cfg(feature = "s3")]
        self.check_encryption()?;
        self.check_parts()
    }

    /// What reads an object brings the customer's key along, so everything must be encrypted with it.
    #[cfg(feature = "s3")]
    fn check_encryption(&self) -> Result<()> {
        let Location::S3(config, _) = &self.location else {
            return Ok(());
        };
        let settings = &self.options.settings;
        let mut all = self.options.tables.values().chain([settings]);
        if config.customer_key.is_none() || all.all(|settings| settings.encryption.is_none()) {
            return Ok(());
        }
        Err(Error::config(
            "objects are encrypted by `encryption` or by the `customer_key`, and the connection has both",
            "leave one of them out",
        ))
    }

    /// A table's parts are with what it leaves to the application.
    fn check_parts(&self) -> Result<()> {
        let application = &self.options.settings;
        let tables = self.options.tables.values();
        let mut all = tables
            .map(|table| table.clone().over(application))
            .chain([application.clone()]);
        all.try_for_each(|settings| check_parts(settings.min_part_size, settings.max_part_size))
    }
}
