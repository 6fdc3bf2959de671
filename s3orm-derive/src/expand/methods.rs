//! The trait's methods: a row's key, its bytes and back, and what the library fills in.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::quiet;
use crate::attr::{Body, Managed, Scheme};
use crate::model::Model;

/// A variable or parameter of the output. Where tokens are placed at a type, the type may come
/// from a macro that has no such variable: so the name is always of the expansion.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// The methods of a sound table.
pub(super) fn of(model: &Model) -> TokenStream {
    let row = local("self");
    let values = model.key_columns().map(|column| {
        let (field, ty) = (quiet(&column.ident), &column.ty);
        let value = quote_spanned!(ty.span()=> &#row.#field);
        quote!(_s3orm::Clone::clone(#value))
    });
    let (encode, decode) = match model.body {
        Body::Json => json_codec(model),
        Body::Raw => raw_codec(model),
    };
    let prepare = prepare(model);
    quote! {
        fn key(&self) -> Self::Key {
            (#(#values,)*)
        }
        fn encode(&self) -> _s3orm::Result<_s3orm::Vec<_s3orm::u8>, _s3orm::BodyError> {
            #encode
        }
        fn decode(
            key: Self::Key,
            body: &[_s3orm::u8],
        ) -> _s3orm::Result<Self, _s3orm::BodyError> {
            #decode
        }
        #prepare
    }
}

/// The calls stand at the struct: a row that serde does not know is reported there.
fn json_codec(model: &Model) -> (TokenStream, TokenStream) {
    let place = model.ident.span();
    let (this, key, body) = (local("self"), local("key"), local("body"));
    let mut names = Vec::new();
    let mut values = Vec::new();
    for (position, column) in model
        .key_columns()
        .enumerate()
        .filter(|(_, key)| !key.stored)
    {
        let (name, ty) = (&column.name, &column.ty);
        let position = Literal::usize_unsuffixed(position);
        let value = quote_spanned!(ty.span()=> _s3orm::to_value(&#key.#position));
        names.push(name);
        values.push(quote!((#name, #value)));
    }
    if names.is_empty() {
        return (
            quote_spanned!(place=> { let row = #this; _s3orm::json::encode(row) }),
            quote_spanned!(place=> { let _ = #key; _s3orm::json::decode(#body) }),
        );
    }
    (
        quote_spanned!(place=> { let row = #this; _s3orm::json::encode_without(row, &[#(#names),*]) }),
        quote_spanned!(place=> _s3orm::json::decode_with(#body, [#(#values),*])),
    )
}

fn raw_codec(model: &Model) -> (TokenStream, TokenStream) {
    let (row, body) = (local("self"), local("body"));
    let fields = model.columns.iter().map(|column| {
        let (field, ty) = (quiet(&column.ident), &column.ty);
        let value = if let Some(key) = column.key {
            let position = Literal::usize_unsuffixed(key.position);
            quote!(key.#position)
        } else {
            quote_spanned!(ty.span()=> <#ty as _s3orm::RawBody>::from_bytes(#body)?)
        };
        quote!(#field: #value)
    });
    let decode = quote!(_s3orm::Result::Ok(Self { #(#fields),* }));
    let encode = model
        .columns
        .iter()
        .filter(|column| column.stored)
        .map(|column| {
            let (field, ty) = (quiet(&column.ident), &column.ty);
            quote_spanned!(ty.span()=> <#ty as _s3orm::RawBody>::to_bytes(&#row.#field))
        });
    (quote!(_s3orm::Result::Ok(#(#encode)*)), decode)
}

/// Fills in the managed columns; nothing if there are none.
fn prepare(model: &Model) -> Option<TokenStream> {
    let (row, write) = (local("self"), local("write"));
    let fill = model.columns.iter().filter_map(|column| {
        let (field, ty) = (quiet(&column.ident), &column.ty);
        let call = match column.managed? {
            Managed::Generated(scheme) => {
                let scheme = format_ident!(
                    "{}",
                    match scheme {
                        Scheme::Default => "Default",
                        Scheme::UuidV4 => "UuidV4",
                        Scheme::UuidV7 => "UuidV7",
                        Scheme::Ulid => "Ulid",
                    }
                );
                quote_spanned!(ty.span()=> __generate::<_s3orm::id::#scheme, #ty>)
            }
            Managed::CreatedAt => quote_spanned!(ty.span()=> __created_at::<#ty>),
            Managed::UpdatedAt => quote_spanned!(ty.span()=> __updated_at::<#ty>),
        };
        Some(quote_spanned!(ty.span()=> _s3orm::Prepare::#call(#write, &mut #row.#field);))
    });
    let fill: Vec<_> = fill.collect();
    (!fill.is_empty()).then(|| {
        quote! {
            fn prepare(&mut self, write: &_s3orm::Prepare<'_>) {
                #(#fill)*
            }
        }
    })
}

/// Methods that are never called: an error stands beside them.
pub(super) fn never_called() -> TokenStream {
    quote! {
        fn key(&self) -> Self::Key { loop {} }
        fn encode(&self) -> _s3orm::Result<_s3orm::Vec<_s3orm::u8>, _s3orm::BodyError> { loop {} }
        fn decode(
            _: Self::Key,
            _: &[_s3orm::u8],
        ) -> _s3orm::Result<Self, _s3orm::BodyError> { loop {} }
    }
}
