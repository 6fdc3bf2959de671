//! The values of options, as text: what each can be, and what would be right.

use std::time::Duration;

#[cfg(feature = "s3")]
use super::DbBuilder;
use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::store::{Encryption, KmsKey};

/// A value that cannot be read: the caller names the option, this says what would be right.
pub(super) fn expected(help: &'static str) -> Error {
    Error::config("", help)
}

pub(super) fn boolean(value: &str) -> Result<bool> {
    match value {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(expected("write `true` or `false`")),
    }
}

pub(super) fn number<N: std::str::FromStr>(value: &str) -> Result<N> {
    value.parse().map_err(|_| expected("write a whole number"))
}

/// Bytes: as a number alone, or in units of which nobody doubts how many they are.
pub(super) fn size(value: &str) -> Result<u64> {
    let help = "write a number of bytes, or a size such as `8MiB` or `1GiB`";
    let split = value.find(|c: char| !c.is_ascii_digit());
    let (count, unit) = value.split_at(split.unwrap_or(value.len()));
    let count: u64 = count.parse().map_err(|_| expected(help))?;
    let unit = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(expected(help)),
    };
    count.checked_mul(unit).ok_or_else(|| expected(help))
}

pub(super) fn dollars(value: &str) -> Result<f64> {
    let amount = value.parse().ok();
    let amount = amount.filter(|amount: &f64| amount.is_finite() && *amount >= 0.0);
    amount.ok_or_else(|| expected("write an amount in dollars such as `0.05`"))
}

pub(super) fn duration(value: &str) -> Result<Duration> {
    let help = "write a time such as `500ms`, `15s` or `2m`";
    let split = value
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(|| expected(help))?;
    let (count, unit) = value.split_at(split);
    let count: u64 = count.parse().map_err(|_| expected(help))?;
    let duration = match unit {
        "ms" => Duration::from_millis(count),
        "s" => Duration::from_secs(count),
        "m" => Duration::from_secs(count.saturating_mul(60)),
        _ => return Err(expected(help)),
    };
    if duration.is_zero() {
        return Err(expected(
            "a time of zero would fail every request; leave it out",
        ));
    }
    Ok(duration)
}

/// What options of the key are said with it, before or after, stay.
pub(super) fn encryption(mut settings: Settings, value: &str) -> Result<Settings> {
    match value {
        "AES256" => match settings.encryption.take() {
            Some(Encryption::Kms(key)) if key != KmsKey::default() => Err(expected(
                "write `aws:kms`, or leave out `kms_key_id`, `kms_context` and `bucket_key`",
            )),
            _ => Ok(settings.encryption(Encryption::S3)),
        },
        "aws:kms" => {
            // Of a weaker source.
            if settings.encryption == Some(Encryption::S3) {
                settings.encryption = None;
            }
            kms(settings, |_| ())
        }
        _ => Err(expected("write `AES256` (a key of S3's own) or `aws:kms`")),
    }
}

pub(super) fn kms(mut settings: Settings, set: impl FnOnce(&mut KmsKey)) -> Result<Settings> {
    let mut key = match settings.encryption.take() {
        None => KmsKey::default(),
        Some(Encryption::Kms(key)) => key,
        Some(Encryption::S3) => {
            return Err(expected(
                "write it with `encryption=aws:kms`; it is `AES256`",
            ));
        }
    };
    set(&mut key);
    Ok(settings.encryption(Encryption::Kms(key)))
}

/// A file's path, which may be written like a secret's.
#[cfg(feature = "s3")]
pub(super) fn path(value: &str) -> &str {
    value.strip_prefix("file://").unwrap_or(value)
}

#[cfg(feature = "s3")]
pub(super) fn style(value: &str) -> Result<crate::store::s3::AddressingStyle> {
    match value {
        "path" => Ok(crate::store::s3::AddressingStyle::Path),
        "virtual" => Ok(crate::store::s3::AddressingStyle::Virtual),
        _ => Err(expected(
            "write `path` (https://host/bucket/key) or `virtual` (https://bucket.host/key)",
        )),
    }
}

#[cfg(feature = "s3")]
pub(super) fn ip(value: &str) -> Result<crate::store::s3::IpVersion> {
    match value {
        "4" => Ok(crate::store::s3::IpVersion::V4),
        "6" => Ok(crate::store::s3::IpVersion::V6),
        _ => Err(expected("write `4` or `6`, or leave it out for both")),
    }
}

/// As S3 writes it, or with `_` as other programs' files do.
#[cfg(feature = "s3")]
pub(super) fn acl(value: &str) -> Result<crate::store::s3::CannedAcl> {
    let all = crate::store::s3::CannedAcl::ALL;
    let name = value.replace('_', "-");
    let found = all.into_iter().find(|acl| acl.as_str() == name);
    found.ok_or_else(|| {
        expected(
            "write `private`, `public-read`, `public-read-write`, `authenticated-read`, \
             `bucket-owner-read` or `bucket-owner-full-control`",
        )
    })
}

#[cfg(feature = "s3")]
pub(super) fn client(builder: DbBuilder, value: &str) -> Result<DbBuilder> {
    match value {
        "s3" => Ok(builder.own_client()),
        #[cfg(feature = "rusoto")]
        "rusoto" => Ok(builder.rusoto()),
        #[cfg(not(feature = "rusoto"))]
        "rusoto" => Err(expected("enable the cargo feature `rusoto` of s3orm")),
        _ => Err(expected("write `s3` (our own) or `rusoto`")),
    }
}
