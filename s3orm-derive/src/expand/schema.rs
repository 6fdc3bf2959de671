//! The description of a table as a constant.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::form_name;
use crate::attr::{Body, Compress, Encoding, Encrypt, Managed, Parent, TableOptions};
use crate::model::{Column, Model};
use crate::path::Piece;
use crate::source;

/// The value of `SCHEMA`.
pub(super) fn of(model: &Model, options: &TableOptions) -> TokenStream {
    let Model {
        table,
        doc,
        path,
        transactional,
        ..
    } = model;
    let pieces = path.pieces.iter().map(piece);
    let extension = &path.extension;
    let encoding = match path.encoding {
        Encoding::Escaped => quote!(Escaped),
        Encoding::Verbatim => quote!(Verbatim),
    };
    let (body, content_type) = body(model, options);
    let compress = option(options.compress.as_ref().map(|compress| {
        let Compress { level, above, .. } = compress;
        quote!(_s3orm::Compression { level: #level, above: #above })
    }));
    let encrypt = option(options.encrypt.as_ref().map(|(_, how)| encrypt(*how)));
    let columns = model.columns.iter().map(column_schema);
    let indexes = super::indexes::schemas(model);
    let version = options.version.as_ref().map_or(1, |(_, version)| *version);
    let previous =
        option(options.previous.as_ref().map(
            |Parent { ty, place }| quote_spanned!(*place=> <#ty as _s3orm::S3Schema>::SCHEMA),
        ));
    let reversible = options.reversible.is_some();
    let row = model.ident.to_string();
    quote! {
        _s3orm::TableSchema {
            table: #table,
            row: #row,
            version: #version,
            previous: #previous,
            reversible: #reversible,
            path: _s3orm::PathTemplate {
                pieces: &[#(#pieces),*],
                extension: #extension,
                encoding: _s3orm::Encoding::#encoding,
            },
            body: _s3orm::BodyFormat::#body,
            content_type: #content_type,
            compress: #compress,
            encrypt: #encrypt,
            columns: &[#(#columns),*],
            transactional: #transactional,
            indexes: &[#(#indexes),*],
            doc: #doc,
        }
    }
}

/// The format, and the content type that goes with it.
fn body(model: &Model, options: &TableOptions) -> (TokenStream, TokenStream) {
    let raw = model.columns.iter().find(|column| column.stored);
    match (model.body, &options.format, raw) {
        (Body::MessagePack, ..) => (quote!(MessagePack), quote!("application/msgpack")),
        (Body::Own, Some(Parent { ty, place }), _) => (
            quote!(Own),
            quote_spanned!(*place=> <#ty as _s3orm::BodyCodec>::CONTENT_TYPE),
        ),
        (Body::Raw, _, Some(Column { ty, .. })) => (
            quote!(Raw),
            quote_spanned!(ty.span()=> <#ty as _s3orm::RawBody>::CONTENT_TYPE),
        ),
        (Body::Raw, ..) => (quote!(Raw), quote!("")),
        _ => (quote!(Json), quote!("application/json")),
    }
}

pub(super) fn piece(piece: &Piece) -> TokenStream {
    match piece {
        Piece::Literal(text) => quote!(_s3orm::Piece::Literal(#text)),
        Piece::Column(column) => {
            let (name, form) = (&column.name, form_name(column.form));
            quote!(_s3orm::Piece::Column { name: #name, form: _s3orm::Form::#form })
        }
    }
}

fn column_schema(column: &Column) -> TokenStream {
    let Column {
        field,
        name,
        stored,
        doc,
        ..
    } = column;
    let rust_type = source::source_text(&column.ty);
    let nullable = column.is_nullable();
    let default = option(column.default.as_ref());
    let key = option(
        column
            .key
            .map(|key| Literal::usize_unsuffixed(key.position)),
    );
    let managed = option(column.managed.map(|managed| match managed {
        Managed::Generated(_) => quote!(_s3orm::Managed::Generated),
        Managed::CreatedAt => quote!(_s3orm::Managed::CreatedAt),
        Managed::UpdatedAt => quote!(_s3orm::Managed::UpdatedAt),
    }));
    let encrypt = option(column.encrypt.map(encrypt));
    quote! {
        _s3orm::ColumnSchema {
            name: #name,
            field: #field,
            rust_type: #rust_type,
            nullable: #nullable,
            default: #default,
            key: #key,
            stored: #stored,
            managed: #managed,
            encrypt: #encrypt,
            doc: #doc,
        }
    }
}

fn encrypt(how: Encrypt) -> TokenStream {
    match how {
        Encrypt::Always => quote!(_s3orm::Encrypt::Always),
        Encrypt::Migrating => quote!(_s3orm::Encrypt::Migrating),
    }
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    value.map_or_else(
        || quote!(_s3orm::None),
        |value| quote!(_s3orm::Some(#value)),
    )
}
