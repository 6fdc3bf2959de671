//! Indexes: their handles, their descriptions, and how a row's values are found.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use super::{quiet, schema};
use crate::index::{Index, Kind, Projection};
use crate::model::{Column, Model};
use crate::path::Piece;

/// What indexes add to the output.
pub(super) struct Indexes {
    /// The structs of handles.
    pub(super) structs: TokenStream,
    /// What stands in the impl of the table.
    pub(super) items: TokenStream,
}

pub(super) fn of(model: &Model, sound: bool) -> Indexes {
    let plain = handles(model, Kind::Plain);
    let unique = handles(model, Kind::Unique);
    let (index_type, index_value) = (&plain.ty, &plain.value);
    let (unique_type, unique_value) = (&unique.ty, &unique.value);
    let columns = (sound && !model.indexes.is_empty()).then(|| columns(model));
    let structs = [plain.item, unique.item];
    Indexes {
        structs: quote!(#(#structs)*),
        items: quote! {
            type IndexHandles = #index_type;
            type UniqueHandles = #unique_type;
            const INDEX: Self::IndexHandles = #index_value;
            const UNIQUE: Self::UniqueHandles = #unique_value;
            #columns
        },
    }
}

/// A struct of handles; `()` where there are none.
struct Handles {
    item: TokenStream,
    ty: TokenStream,
    value: TokenStream,
}

fn handles(model: &Model, kind: Kind) -> Handles {
    let Model { vis, table, .. } = model;
    let (suffix, handle, what) = match kind {
        Kind::Plain => ("IndexHandles", "IndexHandle", "Indexes"),
        Kind::Unique => ("UniqueHandles", "UniqueHandle", "Unique columns"),
    };
    let own: Vec<_> = model
        .indexes
        .iter()
        .enumerate()
        .filter(|(_, index)| index.kind == kind)
        .collect();
    if own.is_empty() {
        return Handles {
            item: TokenStream::new(),
            ty: quote!(()),
            value: quote!(()),
        };
    }
    let handle = Ident::new(handle, Span::call_site());
    let name = format_ident!("{}{suffix}", model.ident.unraw(), span = Span::call_site());
    let row = quiet(&model.ident);
    let fields = own.iter().map(|(_, index)| {
        let (field, types) = (quiet(&index.name), types(model, index));
        let doc = format!("`{}` of table `{table}`.", index.name.unraw());
        quote!(#[doc = #doc] #vis #field: _s3orm::#handle<#row, #types>)
    });
    let values = own.iter().map(|(number, index)| {
        let (field, number) = (quiet(&index.name), Literal::usize_unsuffixed(*number));
        quote!(#field: _s3orm::#handle::__new(#number))
    });
    let doc = format!("{what} of table `{table}`.");
    Handles {
        item: quote! {
            #[doc = #doc]
            #[derive(_s3orm::Clone, _s3orm::Copy)]
            #vis struct #name { #(#fields),* }
        },
        ty: quote!(#name),
        value: quote!(#name { #(#values),* }),
    }
}

fn columns_of<'a>(model: &'a Model, index: &'a Index) -> impl Iterator<Item = &'a Column> {
    index.columns.iter().map(|column| &model.columns[*column])
}

/// The tuple of its columns' types.
fn types(model: &Model, index: &Index) -> TokenStream {
    let types = columns_of(model, index).map(Column::value_type);
    quote!((#(#types,)*))
}

/// Shows each column of each index to who asks for it.
fn columns(model: &Model) -> TokenStream {
    let arms = model.indexes.iter().enumerate().map(|(number, index)| {
        let number = Literal::usize_unsuffixed(number);
        let columns = columns_of(model, index).map(|column| {
            let (field, ty) = (quiet(&column.ident), column.value_type());
            let row = Ident::new("row", Span::call_site());
            let value = if column.is_nullable() {
                quote!(_s3orm::Option::as_ref(&#row.#field))
            } else {
                quote!(_s3orm::Some(&#row.#field))
            };
            let visitor = Ident::new("visitor", Span::call_site());
            quote_spanned! {ty.span()=>
                _s3orm::IndexVisitor::column::<#ty>(#visitor, |#row| #value);
            }
        });
        quote!(#number => { #(#columns)* })
    });
    quote! {
        fn index_columns<__V: _s3orm::IndexVisitor<Self>>(
            index: _s3orm::usize,
            visitor: &mut __V,
        ) {
            match index {
                #(#arms)*
                _ => {}
            }
        }
    }
}

/// The descriptions.
pub(super) fn schemas(model: &Model) -> impl Iterator<Item = TokenStream> {
    model.indexes.iter().map(|index| {
        let name = index.name.unraw().to_string();
        let columns = columns_of(model, index).map(|column| &column.name);
        let path = path(model, index);
        let unique = index.kind == Kind::Unique;
        let projection = match &index.projection {
            Projection::Keys => quote!(Keys),
            Projection::All => quote!(All),
            Projection::Columns(columns) => {
                let names = columns.iter().map(|column| &model.columns[*column].name);
                quote!(Columns(&[#(#names),*]))
            }
        };
        quote! {
            _s3orm::IndexSchema {
                name: #name,
                columns: &[#(#columns),*],
                unique: #unique,
                projection: _s3orm::Projection::#projection,
                path: #path,
            }
        }
    })
}

/// How the key of an entry is built: the values, then the row's path; of a claim the values alone.
fn path(model: &Model, index: &Index) -> TokenStream {
    let mut pieces = Vec::new();
    for (at, column) in columns_of(model, index).enumerate() {
        if at > 0 {
            pieces.push(quote!(_s3orm::Piece::Literal("/")));
        }
        let (name, ty) = (&column.name, column.value_type());
        let form = quote_spanned!(ty.span()=> _s3orm::index_form::<#ty>());
        pieces.push(quote!(_s3orm::Piece::Column { name: #name, form: #form }));
    }
    let mut extension = ".json";
    if index.kind == Kind::Plain {
        extension = &model.path.extension;
        let mut rest = &*model.path.pieces;
        let mut between = "/".to_owned();
        if let [Piece::Literal(text), after @ ..] = rest {
            between.push_str(text);
            rest = after;
        }
        pieces.push(quote!(_s3orm::Piece::Literal(#between)));
        pieces.extend(rest.iter().map(schema::piece));
    }
    quote! {
        _s3orm::PathTemplate {
            pieces: &[#(#pieces),*],
            extension: #extension,
            encoding: _s3orm::Encoding::Escaped,
        }
    }
}
