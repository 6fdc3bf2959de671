//! Compressed bodies: what an object's `Content-Encoding` says must be undone.

use std::borrow::Cow;

use super::BodyError;

/// How rows are compressed: `#[s3(compress = "zstd")]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// 1, the fastest, to 22, the smallest.
    pub level: i32,
    /// The least bytes of a row that is compressed.
    pub above: usize,
}

/// Bytes and what must be undone to get at them.
pub(crate) type Packed = (Vec<u8>, Option<&'static str>);

/// What a body may come to whatever its size, and how many times its size beyond that.
#[cfg(feature = "zstd")]
const FREE: usize = 1 << 20;
#[cfg(feature = "zstd")]
const MAX_RATIO: usize = 100;

/// Whether a reader would take so much for a bomb.
#[cfg(feature = "zstd")]
fn is_bomb(packed: usize, unpacked: usize) -> bool {
    unpacked > FREE && unpacked > packed.saturating_mul(MAX_RATIO)
}

/// Compresses a body, where that makes it smaller and leaves it readable.
#[cfg(feature = "zstd")]
pub(crate) fn pack(body: Vec<u8>, how: Compression) -> Packed {
    if body.len() < how.above {
        return (body, None);
    }
    // It fails for want of memory alone; the row is as good without.
    match zstd::bulk::compress(&body, how.level) {
        Ok(packed) if packed.len() < body.len() && !is_bomb(packed.len(), body.len()) => {
            (packed, Some("zstd"))
        }
        _ => (body, None),
    }
}

#[cfg(not(feature = "zstd"))]
pub(crate) fn pack(body: Vec<u8>, _: Compression) -> Packed {
    (body, None)
}

/// What must be undone, in the order in which it was done. Some servers keep the encoding of the transfer, which is none.
pub(crate) fn encodings(encoding: Option<&str>) -> impl Iterator<Item = &str> {
    let encodings = encoding.unwrap_or_default().split(',').map(str::trim);
    encodings.filter(|encoding| {
        !["", "identity", "aws-chunked"]
            .iter()
            .any(|none| encoding.eq_ignore_ascii_case(none))
    })
}

/// The content of an object, of up to `max` bytes.
///
/// # Errors
/// An encoding that this build does not know, bytes that are not of the encoding, and too many.
pub(crate) fn unpack<'a>(
    bytes: &'a [u8],
    encoding: Option<&str>,
    max: u64,
) -> Result<Cow<'a, [u8]>, BodyError> {
    let mut own = encodings(encoding);
    match (own.next(), own.next()) {
        (None, _) => Ok(Cow::Borrowed(bytes)),
        #[cfg(feature = "zstd")]
        (Some(one), None) if one.eq_ignore_ascii_case("zstd") => {
            unpack_zstd(bytes, max).map(Cow::Owned)
        }
        #[cfg(not(feature = "zstd"))]
        (Some(one), None) if one.eq_ignore_ascii_case("zstd") => {
            let _ = max;
            let detail = "the object is compressed with `zstd`";
            Err(BodyError::new(detail).with_help("enable the cargo feature `zstd` of s3orm"))
        }
        _ => {
            let encoding = encoding.unwrap_or_default().escape_debug();
            let detail = format!("the object's encoding `{encoding}` is not one that s3orm reads");
            Err(BodyError::new(detail).with_help("it reads `zstd`; store it in that, or as it is"))
        }
    }
}

#[cfg(feature = "zstd")]
fn unpack_zstd(bytes: &[u8], max: u64) -> Result<Vec<u8>, BodyError> {
    use std::io::Read as _;

    let broken = |error: std::io::Error| {
        BodyError::new("the object is not what `zstd` has compressed").with_source(error)
    };
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let mut reader = zstd::stream::read::Decoder::with_buffer(bytes).map_err(broken)?;
    reader.window_log_max(window_log(max)).map_err(broken)?;
    let (mut content, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let count = reader.read(&mut chunk).map_err(broken)?;
        if count == 0 {
            return Ok(content);
        }
        let length = content.len() + count;
        if length > max {
            return Err(BodyError::limit(format!(
                "the object's content is larger than {max} bytes"
            ))
            .with_help("raise `max_row_bytes`, if that is so"));
        }
        if is_bomb(bytes.len(), length) {
            return Err(BodyError::limit(format!(
                "the object's {} bytes expand to more than {MAX_RATIO} times as many",
                bytes.len()
            ))
            .with_help("a row of s3orm does not; have it written uncompressed if it is one"));
        }
        content.extend_from_slice(&chunk[..count]);
    }
}

/// How far back a body of at most so many bytes may refer: what a reader keeps in memory for it.
/// Every reader takes 8 MiB.
#[cfg(feature = "zstd")]
fn window_log(max: usize) -> u32 {
    max.checked_next_power_of_two()
        .map_or(27, usize::ilog2)
        .clamp(23, 27)
}

#[cfg(all(test, feature = "zstd"))]
mod tests {
    use super::*;
    use crate::ErrorKind;

    const MAX: u64 = 16 << 20;
    const HOW: Compression = Compression {
        level: 3,
        above: 100,
    };

    fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, BodyError> {
        unpack(bytes, Some("zstd"), MAX).map(Cow::into_owned)
    }

    #[test]
    fn small_and_incompressible_bodies_stay_as_they_are() {
        assert_eq!(pack(vec![7; 99], HOW), (vec![7; 99], None));
        let random: Vec<u8> = (0..200_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        assert_eq!(pack(random.clone(), HOW), (random, None));
        let (packed, encoding) = pack(vec![7; 100], HOW);
        assert_eq!(encoding, Some("zstd"));
        assert_eq!(unpacked(&packed).unwrap(), vec![7; 100]);
    }

    #[test]
    fn what_is_written_is_read_whatever_its_ratio() {
        for size in [FREE - 1, FREE, FREE + 1, 3 * FREE] {
            let (packed, encoding) = pack(vec![7; size], HOW);
            assert_eq!(encoding.is_some(), size <= FREE, "{size}");
            assert_eq!(unpack(&packed, encoding, MAX).unwrap().len(), size);
        }
    }

    #[test]
    fn what_is_not_compressed_is_refused() {
        let (packed, _) = pack(b"a body that is worth it, ".repeat(100), HOW);
        for end in 0..packed.len() {
            let error = unpacked(&packed[..end]);
            // Nothing compressed is nothing.
            assert!(error.is_err() || end == 0, "{end}");
        }
        let mut longer = packed.clone();
        longer.extend_from_slice(b"and more");
        assert!(unpacked(&longer).is_err());
        assert!(unpacked(b"{\"id\":1}").is_err());
        for encoding in ["gzip", "zstd, gzip", "zstd,zstd", "br", "\u{1b}[2J"] {
            let error = unpack(&packed, Some(encoding), MAX).unwrap_err();
            assert!(!error.to_string().contains('\u{1b}'), "{error}");
        }
        for encoding in [
            "ZSTD",
            "aws-chunked,zstd",
            "zstd, aws-chunked",
            "identity, zstd",
        ] {
            assert!(unpack(&packed, Some(encoding), MAX).is_ok(), "{encoding}");
        }
    }

    #[test]
    fn bombs_do_not_go_off() {
        let bomb = zstd::stream::encode_all(std::io::repeat(0).take_bytes(64 << 20), 19).unwrap();
        assert!(bomb.len() < 10_000, "{}", bomb.len());
        let error = unpacked(&bomb).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.to_string().contains("100 times"), "{error}");
        let error = unpack(&bomb, Some("zstd"), 1000).unwrap_err();
        assert!(error.to_string().contains("1000 bytes"), "{error}");
    }

    /// So many bytes of an endless reader.
    trait TakeBytes: std::io::Read + Sized {
        fn take_bytes(self, count: u64) -> std::io::Take<Self> {
            std::io::Read::take(self, count)
        }
    }
    impl<R: std::io::Read> TakeBytes for R {}

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let _ = unpacked(&bytes);
            let framed = [&[0x28, 0xb5, 0x2f, 0xfd][..], &bytes].concat();
            let _ = unpacked(&framed);
        }
    }
}
