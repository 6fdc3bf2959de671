//! The `S3Schema` derive of s3orm.

use proc_macro::TokenStream;

/// placeholder
#[proc_macro_derive(S3Schema, attributes(s3))]
pub fn derive(_input: TokenStream) -> TokenStream {
    TokenStream::new()
}
