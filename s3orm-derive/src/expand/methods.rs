//! The trait's methods: a row's key, its bytes and back, and what the library fills in.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::quiet;
use crate::attr::{Body, Managed, Scheme, TableOptions, TypePath};
use crate::model::Model;

/// A variable or parameter of the output. Where tokens are placed at a type, the type may come
/// from a macro that has no such variable: so the name is always of the expansion.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// The methods of a sound table.
pub(super) fn of(model: &Model, options: &TableOptions) -> TokenStream {
    let row = local("self");
    let values = model.key_columns().map(|column| {
        let (field, ty) = (quiet(&column.ident), &column.ty);
        let value = quote_spanned!(ty.span()=> &#row.#field);
        quote!(_s3orm::Clone::clone(#value))
    });
    let (encode, decode) = match model.body {
        Body::Raw => raw_codec(model),
        Body::Json | Body::MessagePack | Body::Own => serde_codec(model, options),
    };
    let prepare = prepare(model);
    let hooks = hooks(model, options);
    let versions = versions(options);
    quote! {
        fn key(&self) -> Self::Key {
            (#(#values,)*)
        }
        fn encode(
            &self,
            format: _s3orm::BodyFormat,
        ) -> _s3orm::Result<_s3orm::Vec<_s3orm::u8>, _s3orm::BodyError> {
            #encode
        }
        fn decode(
            key: Self::Key,
            body: &_s3orm::Content<'_>,
        ) -> _s3orm::Result<Self, _s3orm::BodyError> {
            #decode
        }
        #versions
        #prepare
        #hooks
    }
}

/// The way from the version before, and back to it. The calls stand where its struct is named.
fn versions(options: &TableOptions) -> Option<TokenStream> {
    let TypePath { ty, place } = options.previous.as_ref()?;
    let (this, old, version) = (local("self"), local("row"), local("version"));
    let downcast = options.reversible.as_ref().map(|mark| {
        let place = mark.span().resolved_at(Span::call_site());
        let call = quote_spanned!(place=> _s3orm::version::downcast::<Self, #ty>(#this, #version));
        quote! {
            fn __downcast(
                &self,
                version: _s3orm::u32,
            ) -> _s3orm::Result<_s3orm::OldForm, _s3orm::BodyError> {
                #call
            }
        }
    });
    let call = quote_spanned!(*place=> _s3orm::version::upcast::<Self, #ty>(#old));
    Some(quote! {
        fn __upcast(
            row: &_s3orm::OldRow<'_>,
        ) -> _s3orm::Result<Self, _s3orm::BodyError> {
            #call
        }
        #downcast
    })
}

/// Calls of the row's own code, each of which stands at the struct where that is missing.
fn hooks(model: &Model, options: &TableOptions) -> TokenStream {
    let (row, write, key) = (local("self"), local("write"), local("key"));
    let place = model.ident.span().resolved_at(Span::call_site());
    let hooks = options.hooks.as_ref().map(|_| {
        quote_spanned! {place=>
            fn __before_write(&mut self, write: &_s3orm::Prepare<'_>) -> _s3orm::HookResult {
                <Self as _s3orm::Hooks>::before_write(#row, #write)
            }
            fn __after_read(&mut self) -> _s3orm::HookResult {
                <Self as _s3orm::Hooks>::after_read(#row)
            }
            fn __before_delete(key: &Self::Key) -> _s3orm::HookResult {
                <Self as _s3orm::Hooks>::before_delete(#key)
            }
            fn __after_delete(key: &Self::Key) {
                <Self as _s3orm::Hooks>::after_delete(#key)
            }
        }
    });
    let validate = options.validate.as_ref().map(|_| {
        quote_spanned! {place=>
            fn __validate(&self) -> _s3orm::Result<(), _s3orm::Error> {
                <Self as _s3orm::Valid>::check(#row)
            }
        }
    });
    [hooks, validate].into_iter().flatten().collect()
}

/// The calls stand at the struct: a row that serde does not know is reported there.
fn serde_codec(model: &Model, options: &TableOptions) -> (TokenStream, TokenStream) {
    let place = model.ident.span();
    let (this, key, body) = (local("self"), local("key"), local("body"));
    let format = local("format");
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
    let again =
        quote!(|row: &Self| <Self as _s3orm::S3Schema>::encode(row, _s3orm::BodyFormat::Json));
    let own = options.format.as_ref();
    let (own_encode, own_decode) = own
        .map(|TypePath { ty, place }| {
            (
                quote_spanned!(*place=> if let _s3orm::BodyFormat::Own = #format {
                    return <#ty as _s3orm::BodyCodec>::encode(#this);
                }),
                quote_spanned!(*place=> if let _s3orm::BodyFormat::Own = _s3orm::Content::format(#body) {
                    return <#ty as _s3orm::BodyCodec>::decode(_s3orm::Content::bytes(#body));
                }),
            )
        })
        .unzip();
    (
        quote_spanned!(place=> #own_encode { let row = #this; _s3orm::body::encode(row, #format, &[#(#names),*]) }),
        quote_spanned!(place=> let _ = &#key; #own_decode _s3orm::body::decode(#body, [#(#values),*], #again)),
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
    let decode = quote! {
        let body = _s3orm::Content::bytes(body);
        _s3orm::Result::Ok(Self { #(#fields),* })
    };
    let encode = model
        .columns
        .iter()
        .filter(|column| column.stored)
        .map(|column| {
            let (field, ty) = (quiet(&column.ident), &column.ty);
            quote_spanned!(ty.span()=> <#ty as _s3orm::RawBody>::to_bytes(&#row.#field))
        });
    let encode = quote!(let _ = format; _s3orm::Result::Ok(#(#encode)*));
    (encode, decode)
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
        fn encode(
            &self,
            _: _s3orm::BodyFormat,
        ) -> _s3orm::Result<_s3orm::Vec<_s3orm::u8>, _s3orm::BodyError> { loop {} }
        fn decode(
            _: Self::Key,
            _: &_s3orm::Content<'_>,
        ) -> _s3orm::Result<Self, _s3orm::BodyError> { loop {} }
    }
}
