//! What a download's bytes are checked by.

use sha2::{Digest as _, Sha256};

use crate::store::Checksum;

/// What the bytes of a whole object must turn out to be.
pub(super) enum Proof {
    /// A part was asked for, or nobody knows.
    None,
    /// As the store says.
    Crc { sum: Checksum, expected: Checksum },
    /// As a row says.
    Sha256 { sum: Sha256, expected: [u8; 32] },
}

impl Proof {
    pub(super) fn by_checksum(expected: Checksum) -> Self {
        let sum = Checksum::EMPTY;
        Self::Crc { sum, expected }
    }

    pub(super) fn by_sha256(expected: [u8; 32]) -> Self {
        let sum = Sha256::new();
        Self::Sha256 { sum, expected }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Crc { sum, .. } => *sum = sum.then(bytes),
            Self::Sha256 { sum, .. } => sum.update(bytes),
        }
    }

    /// Once all are taken; an error says what is wrong.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Crc { sum, expected } if sum != expected => Err(format!(
                "the bytes have the checksum `{sum}`, the object `{expected}`"
            )),
            Self::Sha256 { sum, expected } if sum.clone().finalize()[..] != *expected => {
                Err("the bytes do not have the SHA-256 that the row says".to_owned())
            }
            _ => Ok(()),
        }
    }
}
