//! Key columns made of others: a user's newtypes.

/// Makes a tuple struct of one field a key column with its field's texts.
///
/// After a colon stand the traits of [`key`](crate::key) that it shares with its field:
/// [`OrderedColumn`](crate::key::OrderedColumn), [`SortedColumn`](crate::key::SortedColumn),
/// [`DescColumn`](crate::key::DescColumn) and [`TextColumn`](crate::key::TextColumn). Those of order need the struct's `Ord` to be its field's, as
/// `#[derive(Ord)]` makes it.
///
/// ```
/// use s3orm::key::KeyColumn;
///
/// #[derive(Debug, Clone, PartialEq)]
/// struct CustomerId(String);
/// s3orm::key_newtype!(CustomerId(String));
///
/// #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
/// struct OrderNumber(u32);
/// s3orm::key_newtype!(OrderNumber(u32): OrderedColumn, DescColumn);
///
/// assert_eq!(CustomerId::parse("c-1"), Ok(CustomerId("c-1".into())));
/// assert_eq!(OrderNumber::parse_ordered("00000000000000000007"), Ok(OrderNumber(7)));
/// ```
#[macro_export]
macro_rules! key_newtype {
    ($name:ident($inner:ty) $(: $($marker:ident),+ $(,)?)?) => {
        impl $crate::key::KeyColumn for $name {
            const DIGITS: &'static str = <$inner as $crate::key::KeyColumn>::DIGITS;
            const PREFIX_FREE: bool = <$inner as $crate::key::KeyColumn>::PREFIX_FREE;

            fn write(
                &self,
                out: &mut ::std::string::String,
            ) -> ::std::result::Result<(), $crate::key::ColumnError> {
                $crate::key::KeyColumn::write(&self.0, out)
            }

            fn parse(text: &str) -> ::std::result::Result<Self, $crate::key::ColumnError> {
                ::std::result::Result::map($crate::key::KeyColumn::parse(text), Self)
            }

            fn write_ordered(
                &self,
                out: &mut ::std::string::String,
            ) -> ::std::result::Result<(), $crate::key::ColumnError> {
                $crate::key::KeyColumn::write_ordered(&self.0, out)
            }

            fn parse_ordered(text: &str) -> ::std::result::Result<Self, $crate::key::ColumnError> {
                ::std::result::Result::map($crate::key::KeyColumn::parse_ordered(text), Self)
            }
        }

        $($(
            impl $crate::key::$marker for $name where $inner: $crate::key::$marker {}
        )+)?
    };
}
