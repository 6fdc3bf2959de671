//! Generated ids: the schemes that `#[s3(generate = "…")]` names.

#[cfg(any(feature = "uuid", feature = "ulid"))]
use crate::env::Env;
#[cfg(any(feature = "uuid", feature = "ulid"))]
use crate::schema::Generate;

/// The type's own scheme: UUID version 7 for `Uuid`, ULID for `Ulid`.
#[derive(Debug, Clone, Copy)]
pub struct Default;
/// UUID version 4: random.
#[derive(Debug, Clone, Copy)]
pub struct UuidV4;
/// UUID version 7: milliseconds, then random; sorts by time.
#[derive(Debug, Clone, Copy)]
pub struct UuidV7;
/// ULID: milliseconds, then random; sorts by time.
#[derive(Debug, Clone, Copy)]
pub struct Ulid;

#[cfg(any(feature = "uuid", feature = "ulid"))]
fn millis(env: &Env) -> u64 {
    env.now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

/// One scheme on one type, and the same scheme's text on `String`.
#[cfg(any(feature = "uuid", feature = "ulid"))]
macro_rules! generate {
    ($type:ty: $($scheme:ty)+, |$env:ident| $new:expr, text $text:ty) => {
        $(#[diagnostic::do_not_recommend]
        impl Generate<$scheme> for $type {
            fn is_unset(&self) -> bool {
                self.is_nil()
            }

            fn generate($env: &Env) -> Self {
                $new
            }
        })+

        #[diagnostic::do_not_recommend]
        impl Generate<$text> for String {
            fn is_unset(&self) -> bool {
                self.is_empty()
            }

            fn generate(env: &Env) -> Self {
                <$type as Generate<$text>>::generate(env).to_string()
            }
        }
    };
}

#[cfg(feature = "uuid")]
generate!(uuid::Uuid: UuidV4, |env| uuid::Builder::from_random_bytes(env.random_bytes()).into_uuid(), text UuidV4);
#[cfg(feature = "uuid")]
generate!(
    uuid::Uuid: Default UuidV7,
    |env| uuid::Builder::from_unix_timestamp_millis(millis(env), &env.random_bytes()).into_uuid(),
    text UuidV7
);
#[cfg(feature = "ulid")]
generate!(
    ulid::Ulid: Default Ulid,
    |env| ulid::Ulid::from_parts(millis(env), u128::from_be_bytes(env.random_bytes())),
    text Ulid
);
