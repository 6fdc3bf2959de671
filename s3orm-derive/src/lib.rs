//! placeholder for docs

mod attr;
mod diag;
mod expand;
mod model;
mod path;
mod rules;
mod serde_attr;
mod source;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::attr::TableOptions;
use crate::diag::Errors;
use crate::model::Model;

#[proc_macro_derive(S3Schema, attributes(s3))]
#[allow(missing_docs)]
pub fn derive_s3_schema(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(input.into()).into()
}

/// The derive on tokens that need no compiler: what the tests call.
fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::new();
    let options = TableOptions::read(&input.attrs, &mut errors);
    let items = match model::named_fields(&input, &mut errors) {
        Some(fields) => {
            let model = Model::read(&input, fields, &options, &mut errors);
            expand::table(&model, &options, errors.is_empty())
        }
        None => expand::no_table(&input, &options),
    };
    [items, errors.finish()].into_iter().collect()
}
