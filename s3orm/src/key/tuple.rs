//! Tuples of key columns, and what a caller may pass for one.

use super::codec::{Reader, Writer};
use super::column::KeyColumn;
use super::path::{KeyError, PathTemplate};

/// The values of a table's key columns, in path order: a tuple of one to eight.
pub trait KeyTuple: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// Appends the path and the extension. After an error `out` may hold a part of it.
    ///
    /// # Errors
    /// A value cannot be written.
    fn write(&self, path: &PathTemplate, out: &mut String) -> Result<(), KeyError>;

    /// The values of a path with its extension: what follows `<prefix>/<table>/` in a key.
    ///
    /// # Errors
    /// The text is not what [`write`](Self::write) produces.
    fn parse(path: &PathTemplate, text: &str) -> Result<Self, KeyError>;

    /// The digits of column number `at`, ascending, where its type has a text of fixed width: what
    /// a range of keys is split by.
    fn digits(at: usize) -> Option<&'static str>;
}

/// What may be passed where a key is asked for: one value for one column, else a tuple; `&str` for
/// a `String`, and a reference to a value or to the whole tuple.
///
/// ```
/// use s3orm::key::KeyFrom;
///
/// fn key<K: KeyFrom<V>, V>(value: V) -> K {
///     K::key_from(value)
/// }
/// assert_eq!(key::<(u64,), _>(42), (42,));
/// assert_eq!(key::<(String,), _>("a@b.c"), ("a@b.c".to_owned(),));
/// assert_eq!(key::<(String, u64), _>(("x", &42)), ("x".to_owned(), 42));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{V}` is not a key of this table",
    label = "expected `{Self}`",
    note = "a key is its columns in path order: one value, or a tuple of two or more"
)]
pub trait KeyFrom<V>: KeyTuple {
    /// Converts.
    fn key_from(value: V) -> Self;
}

/// What may be passed for one key column: the value, a reference to it, or `&str` for a `String`.
#[diagnostic::on_unimplemented(
    message = "`{V}` is not a value of a key column of type `{Self}`",
    label = "expected `{Self}`"
)]
pub trait ColumnFrom<V>: KeyColumn {
    /// Converts.
    fn column_from(value: V) -> Self;
}

impl<T: KeyColumn> ColumnFrom<T> for T {
    #[inline]
    fn column_from(value: T) -> Self {
        value
    }
}

#[diagnostic::do_not_recommend]
impl<T: KeyColumn> ColumnFrom<&T> for T {
    #[inline]
    fn column_from(value: &T) -> Self {
        value.clone()
    }
}

#[diagnostic::do_not_recommend]
impl ColumnFrom<&str> for String {
    #[inline]
    fn column_from(value: &str) -> Self {
        value.to_owned()
    }
}

// The bare value of a one-column key. Three impls instead of one over `ColumnFrom`, which would
// overlap with the tuple's: the compiler must see that `V` is no tuple.

#[diagnostic::do_not_recommend]
impl<T: KeyColumn> KeyFrom<T> for (T,) {
    #[inline]
    fn key_from(value: T) -> Self {
        (value,)
    }
}

#[diagnostic::do_not_recommend]
impl<T: KeyColumn> KeyFrom<&T> for (T,) {
    #[inline]
    fn key_from(value: &T) -> Self {
        (value.clone(),)
    }
}

#[diagnostic::do_not_recommend]
impl KeyFrom<&str> for (String,) {
    #[inline]
    fn key_from(value: &str) -> Self {
        (value.to_owned(),)
    }
}

macro_rules! key_tuple {
    ($($column:ident $from:ident $at:tt),+) => {
        impl<$($column: KeyColumn),+> KeyTuple for ($($column,)+) {
            #[inline]
            fn write(&self, path: &PathTemplate, out: &mut String) -> Result<(), KeyError> {
                let mut writer = Writer::new(path, out);
                $(writer.column(&self.$at)?;)+
                writer.finish()
            }

            fn parse(path: &PathTemplate, text: &str) -> Result<Self, KeyError> {
                let mut reader = Reader::new(path, text)?;
                let key = ($(reader.column::<$column>()?,)+);
                reader.finish(&key)?;
                Ok(key)
            }

            fn digits(at: usize) -> Option<&'static str> {
                let fixed = [$($column::PREFIX_FREE.then_some($column::DIGITS)),+];
                fixed.get(at).copied().flatten()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($column: ColumnFrom<$from>, $from),+> KeyFrom<($($from,)+)> for ($($column,)+) {
            #[inline]
            fn key_from(value: ($($from,)+)) -> Self {
                ($($column::column_from(value.$at),)+)
            }
        }

        // With two impls to choose from, the compiler names the wrong argument by `KeyFrom`'s
        // message; with one it would speak of mismatched types.
        #[diagnostic::do_not_recommend]
        impl<$($column: KeyColumn),+> KeyFrom<&($($column,)+)> for ($($column,)+) {
            #[inline]
            fn key_from(value: &($($column,)+)) -> Self {
                value.clone()
            }
        }
    };
}

key_tuple!(A VA 0);
key_tuple!(A VA 0, B VB 1);
key_tuple!(A VA 0, B VB 1, C VC 2);
key_tuple!(A VA 0, B VB 1, C VC 2, D VD 3);
key_tuple!(A VA 0, B VB 1, C VC 2, D VD 3, E VE 4);
key_tuple!(A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5);
key_tuple!(A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5, G VG 6);
key_tuple!(A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5, G VG 6, H VH 7);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Encoding, Form, Piece};

    fn key<K: KeyFrom<V>, V>(value: V) -> K {
        K::key_from(value)
    }

    #[test]
    fn what_may_be_passed_for_a_key() {
        let id = 42;
        assert_eq!(key::<(u64,), _>(42), (42,));
        assert_eq!(key::<(u64,), _>(&id), (42,));
        assert_eq!(key::<(u64,), _>((42,)), (42,));
        assert_eq!(key::<(i128,), _>(-1), (-1,));
        let text = "a@b.c".to_owned();
        assert_eq!(key::<(String,), _>("a@b.c"), (text.clone(),));
        assert_eq!(key::<(String,), _>(&text), (text.clone(),));
        assert_eq!(key::<(String,), _>(("a@b.c",)), (text.clone(),));
        assert_eq!(key::<(String,), _>(text.clone()), (text.clone(),));
        assert_eq!(key::<(char, u8), _>(('x', 1)), ('x', 1));
        assert_eq!(
            key::<(bool, String), _>((true, "a@b.c")),
            (true, text.clone())
        );
        assert_eq!(key::<(String, u64), _>((&text, &id)), (text.clone(), 42));
        assert_eq!(
            key::<(String, u64), _>(&(text.clone(), id)),
            (text.clone(), 42)
        );
        assert_eq!(key::<(String,), _>(&(text.clone(),)), (text,));
        let eight = (1, 2, 3, 4, 5, 6, 7, 8);
        assert_eq!(
            key::<(u8, u16, u32, u64, i8, i16, i32, i64), _>(eight),
            eight
        );
    }

    const ONE: PathTemplate = PathTemplate {
        pieces: &[Piece::Column {
            name: "id",
            form: Form::Plain,
        }],
        extension: ".json",
        encoding: Encoding::Escaped,
    };

    #[test]
    fn types_of_fixed_width_have_digits() {
        type Key = (u32, String, bool);
        let digits = [0, 1, 2, 3].map(<Key as KeyTuple>::digits);
        assert_eq!(digits, [Some("0123456789"), None, Some("0123456789"), None]);
    }

    #[test]
    fn a_tuple_of_another_length_is_refused() {
        let mut out = String::new();
        let error = (1_u8, 2_u8).write(&ONE, &mut out).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the tuple has not the columns of `<id>.json`"
        );
        assert!(<(u8, u8)>::parse(&ONE, "1.json").is_err());
        let none = PathTemplate { pieces: &[], ..ONE };
        assert!((1_u8,).write(&none, &mut out).is_err());
    }
}
