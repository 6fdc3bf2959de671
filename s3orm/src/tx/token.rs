//! Idempotency tokens: a transaction that is asked for twice is done once.
//!
//! The ids of a token's records follow from the token: that of its first attempt, of the second, and
//! so on. There is an attempt after another only once that is aborted, so at most one of them is ever
//! committed; and as long as its record is there, who asks again finds it.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::commit::Begun;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::stamp::Patience;
use crate::stamp::record::{Record, State, Token, TxId};
use crate::store::hex;

/// A token, and what is asked for under it.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    token: String,
    /// Digest of the request.
    request: String,
    attempt: u32,
}

impl Use {
    pub(crate) fn new(token: &str, request: &impl Serialize) -> Result<Self> {
        let request = serde_json::to_vec(request).map_err(|error| {
            let detail = "what is asked for under the token does not serialize to JSON";
            Error::new(ErrorKind::InvalidRow, detail).with_source(error)
        })?;
        Ok(Self {
            token: token.to_owned(),
            request: hex(&Sha256::digest(request)),
            attempt: 0,
        })
    }

    /// The record of an attempt.
    fn id(&self, attempt: u32) -> Result<TxId> {
        let digest = Sha256::digest(format!("{attempt}/{}", self.token));
        TxId::parse(&hex(&digest[..16]))
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a digest is no id"))
    }

    /// Begins the next attempt, unless one is committed. Another that is under way is waited for.
    ///
    /// # Errors
    /// [`TokenReused`](ErrorKind::TokenReused), and those of records.
    ///
    /// Cost: 1 PUT; for each attempt there was before, 1 PUT, 1 HEAD and 1 GET more.
    pub(crate) async fn begin(&mut self, db: &Db, keys: &[String], prio: u64) -> Result<Begun> {
        let mut patience = Patience::default();
        loop {
            let id = self.id(self.attempt)?;
            let token = Token {
                request: self.request.clone(),
                next: self.id(self.attempt + 1)?.as_str().to_owned(),
            };
            match Record::create(db, id.clone(), keys.to_vec(), prio, Some(token)).await {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                created => return Ok(Begun::Record(created?)),
            }
            let Some(record) = Record::read(db, &id).await? else {
                continue;
            };
            let same = record
                .body
                .token
                .as_ref()
                .is_some_and(|token| token.request == self.request);
            if !same {
                let detail = "the token was used before, for something else";
                return Err(Error::new(ErrorKind::TokenReused, detail)
                    .with_help("a token names one request: use a new one for another"));
            }
            match record.state() {
                State::Committed => return Ok(Begun::Before),
                State::Aborted => self.attempt += 1,
                State::Pending => patience.wait(db, record).await?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_of_a_token_has_an_id_of_its_own() {
        let [a, b] = ["order-1", "order-2"].map(|token| Use::new(token, &(1, "x")).unwrap());
        let ids = [a.id(0), a.id(1), b.id(0), b.id(1)].map(Result::unwrap);
        for (place, id) in ids.iter().enumerate() {
            assert!(!ids[..place].contains(id), "{place}");
        }
        // They are on the bucket, where another version of this library must find them.
        assert_eq!(ids[0].as_str(), "84ca7b1e492139c69680a9ce6b8ee790");
    }

    #[test]
    fn requests_are_told_apart() {
        let of = |request: &(u64, &str)| Use::new("t", request).unwrap().request;
        assert_eq!(of(&(1, "x")), of(&(1, "x")));
        assert_ne!(of(&(1, "x")), of(&(2, "x")));
    }
}
