//! Memory of parts that were sent, for those that follow: memory that is new costs more than the copy
//! into it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// What parts are filled in. It holds no more than were under way at the same time.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

/// A part that is sent: its memory comes back when nobody needs its bytes.
struct Lent {
    bytes: Vec<u8>,
    pool: Pool,
}

impl Pool {
    /// Memory to fill; empty.
    pub(super) fn take(&self) -> Vec<u8> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().unwrap_or_default()
    }

    /// The bytes, which come back.
    pub(super) fn lend(&self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent {
            bytes,
            pool: self.clone(),
        })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut idle = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_once_nobody_has_it() {
        let pool = Pool::default();
        let lent = pool.lend(vec![1; 100]);
        let part = lent.slice(50..);
        drop(lent);
        assert_eq!(pool.take().capacity(), 0);
        assert_eq!(part, vec![1; 50]);
        drop(part);
        let back = pool.take();
        assert!(back.is_empty() && back.capacity() >= 100);
    }
}
