//! From a model to tokens.
//!
//! Every name in the output is either the user's or begins at `_s3orm`, trait functions are called
//! as `<T as Trait>::f`, and nothing relies on a prelude. What can go wrong with a type is checked
//! by a trait, at the type's own place.

mod indexes;
mod methods;
mod schema;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::DeriveInput;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use crate::attr::{Body, Parent, TableOptions};
use crate::model::{Column, Model, last_name};
use crate::path::Form;

/// The impl of a table. If it is not `sound`, something was reported: then the impl only keeps
/// the code below from complaining as well.
pub(crate) fn table(model: &Model, options: &TableOptions, sound: bool) -> TokenStream {
    let ident = &model.ident;
    let names = Names::new(ident);
    let handles = handles(model, &names, sound);
    let key = key_type(model);
    let methods = if sound {
        methods::of(model, options)
    } else {
        methods::never_called()
    };
    let checks = sound.then(|| checks(model, options));
    let parents = parents(model, options);
    let transactional = transactional(model);
    let reversible = reversible(model, options);
    let indexes = indexes::of(model, sound);
    let (index_structs, index_items) = (&indexes.structs, &indexes.items);
    let schema = schema::of(model, options);
    let Names { keys, columns, .. } = &names;
    let key_values = key_handles(model, sound).map(|(column, _, form)| {
        let (field, name) = (quiet(&column.ident), &column.field);
        quote!(#field: _s3orm::KeyHandle::__new(#name, _s3orm::Form::#form))
    });
    let column_values = model.columns.iter().map(|column| {
        let (field, handle) = (quiet(&column.ident), column_handle(column, sound));
        quote!(#field: #handle)
    });
    let row = quiet(ident);
    in_scope(
        options,
        &quote! {
            #handles
            #index_structs

            #[automatically_derived]
            impl _s3orm::S3Schema for #row {
                type Key = #key;
                type KeyHandles = #keys;
                type ColumnHandles = #columns;
                const SCHEMA: &'static _s3orm::TableSchema = &#schema;
                const KEY: Self::KeyHandles = #keys { #(#key_values),* };
                const COL: Self::ColumnHandles = #columns { #(#column_values),* };
                #index_items
                #methods
            }
            #checks
            #parents
            #transactional
            #reversible
        },
    )
}

/// The impl of something that cannot be a table, for the code below it.
pub(crate) fn no_table(input: &DeriveInput, options: &TableOptions) -> TokenStream {
    let ident = quiet(&input.ident);
    let (generics, arguments, conditions) = input.generics.split_for_impl();
    let predicates = conditions.map(|conditions| &conditions.predicates);
    let methods = methods::never_called();
    in_scope(
        options,
        &quote! {
            #[automatically_derived]
            impl #generics _s3orm::S3Schema for #ident #arguments
            where
                Self: _s3orm::Sized + _s3orm::Send + _s3orm::Sync + 'static,
                #predicates
            {
                type Key = _s3orm::AnyKey;
                type KeyHandles = ();
                type ColumnHandles = ();
                type IndexHandles = ();
                type UniqueHandles = ();
                const SCHEMA: &'static _s3orm::TableSchema = &_s3orm::AnyKey::SCHEMA;
                const KEY: () = ();
                const COL: () = ();
                const INDEX: () = ();
                const UNIQUE: () = ();
                #methods
            }
        },
    )
}

/// The one scope in which the output's own names live.
fn in_scope(options: &TableOptions, items: &TokenStream) -> TokenStream {
    let krate = options
        .krate
        .as_ref()
        .map_or_else(|| quote!(::s3orm), ToTokens::to_token_stream);
    quote! {
        const _: () = {
            use #krate::__private as _s3orm;
            #items
        };
    }
}

/// An identifier at its own place, but of the expansion: lints about how the user's code is written
/// stay silent about it.
fn quiet(ident: &Ident) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(ident.span().resolved_at(Span::call_site()));
    ident
}

/// The names of the structs of handles.
struct Names {
    keys: Ident,
    columns: Ident,
}

impl Names {
    fn new(ident: &Ident) -> Self {
        let ident = ident.unraw();
        let span = Span::call_site();
        Self {
            keys: format_ident!("{ident}KeyHandles", span = span),
            columns: format_ident!("{ident}ColumnHandles", span = span),
        }
    }
}

/// The columns that have a key handle, with position and form. In an unsound model all of them
/// have one: which ones belong to the key may be what is wrong.
fn key_handles(model: &Model, sound: bool) -> impl Iterator<Item = (&Column, usize, Ident)> {
    let keys = model.key_columns();
    let others = model
        .columns
        .iter()
        .filter(move |column| !sound && column.key.is_none());
    keys.chain(others).map(|column| {
        let form = column.key.map_or(Form::Plain, |key| key.form);
        (
            column,
            column.key.map_or(0, |key| key.position),
            form_name(form),
        )
    })
}

fn form_name(form: Form) -> Ident {
    format_ident!(
        "{}",
        match form {
            Form::Plain => "Plain",
            Form::Ordered => "Ordered",
            Form::Desc => "Desc",
        }
    )
}

/// The two structs of handles.
fn handles(model: &Model, names: &Names, sound: bool) -> TokenStream {
    let Model { vis, table, .. } = model;
    let row = quiet(&model.ident);
    let Names { keys, columns } = names;
    let key_doc = format!("Key columns of table `{table}`, in path order.");
    let key_fields = key_handles(model, sound).map(|(column, position, form)| {
        let (field, ty) = (quiet(&column.ident), &column.ty);
        let doc = format!("Key column {} of table `{table}`.", position + 1);
        let position = Literal::usize_unsuffixed(position);
        quote!(#[doc = #doc] #vis #field: _s3orm::KeyHandle<#row, #ty, #position, _s3orm::#form>)
    });
    let column_doc = format!("Columns of table `{table}`.");
    let column_fields = model.columns.iter().map(|column| {
        let (field, ty) = (quiet(&column.ident), column.value_type());
        let doc = format!("Column `{}` of table `{table}`.", column.name);
        let presence = presence(column, sound);
        let presence = if column.encrypt.is_some() {
            quote!(_s3orm::Encrypted<_s3orm::#presence>)
        } else {
            quote!(_s3orm::#presence)
        };
        quote!(#[doc = #doc] #vis #field: _s3orm::ColumnHandle<#row, #ty, #presence>)
    });
    quote! {
        #[doc = #key_doc]
        #[derive(_s3orm::Clone, _s3orm::Copy)]
        #vis struct #keys { #(#key_fields),* }

        #[doc = #column_doc]
        #[derive(_s3orm::Clone, _s3orm::Copy)]
        #vis struct #columns { #(#column_fields),* }
    }
}

/// How a row has a column; an `Option` in the key is an error of its own.
fn presence(column: &Column, sound: bool) -> TokenStream {
    match column.key.filter(|_| sound) {
        _ if column.is_nullable() => quote!(Nullable),
        Some(_) => quote!(InKey),
        None => quote!(Required),
    }
}

/// A column's handle, which finds its field in a row and its value in a key.
fn column_handle(column: &Column, sound: bool) -> TokenStream {
    let handle = open_handle(column, sound);
    if column.encrypt.is_none() {
        return handle;
    }
    // The type is named, because nothing else tells it to the functions in the handle.
    let (ty, presence) = (column.value_type(), presence(column, sound));
    quote!(<_s3orm::ColumnHandle<Self, #ty, _s3orm::#presence>>::__encrypted(#handle))
}

fn open_handle(column: &Column, sound: bool) -> TokenStream {
    let (field, name) = (quiet(&column.ident), &column.name);
    let of_row = match (sound, column.is_nullable()) {
        (false, _) => quote!(|_| loop {}),
        (true, true) => quote!(|row| _s3orm::Option::as_ref(&row.#field)),
        (true, false) => quote!(|row| &row.#field),
    };
    let in_row = if sound {
        quote!(|row| &mut row.#field)
    } else {
        quote!(|_| loop {})
    };
    match column.key.filter(|_| sound) {
        _ if column.is_nullable() => {
            quote!(_s3orm::ColumnHandle::__nullable(#name, #of_row, #in_row))
        }
        None => quote!(_s3orm::ColumnHandle::__required(#name, #of_row, #in_row)),
        Some(key) => {
            let position = Literal::usize_unsuffixed(key.position);
            let of_key = quote!(|key| &key.#position);
            quote!(_s3orm::ColumnHandle::__in_key(#name, #of_row, #in_row, #of_key))
        }
    }
}

/// The key: the tuple of its columns' types.
///
/// That each of them can be a key column is the compiler's to find out, and it complains at one
/// place about the tuple as a whole. So the tuple stands at the one column that is open to doubt,
/// or at the path if there are several.
fn key_type(model: &Model) -> TokenStream {
    if !model.path.is_sound {
        return quote!(_s3orm::AnyKey);
    }
    let types = model.key_columns().map(|column| &column.ty);
    let mut doubtful = model.key_columns().filter(|column| !is_plain_key(column));
    let place = match (doubtful.next(), doubtful.next()) {
        (Some(column), None) => column.ty.span(),
        _ => model.path.place,
    };
    quote_spanned!(place=> (#(#types,)*))
}

/// Whether the type is, by its name, one of those that s3orm itself makes key columns. Decides
/// about the place of an error, not about whether there is one.
fn is_plain_key(column: &Column) -> bool {
    const PLAIN: &[&str] = &[
        "bool",
        "char",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "isize",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "usize",
        "String",
        "Uuid",
        "Ulid",
        "NaiveDate",
        "NaiveDateTime",
        "DateTime",
        "Date",
        "Timestamp",
    ];
    last_name(&column.ty).is_some_and(|name| PLAIN.contains(&&*name))
}

/// What the rows belong to. Whether their key begins as it must is asked where that is written.
fn parents(model: &Model, options: &TableOptions) -> TokenStream {
    let impls = options.parents.iter().map(|Parent { ty, place }| {
        let mut row = model.ident.clone();
        row.set_span(*place);
        quote_spanned! {*place=>
            #[automatically_derived]
            impl _s3orm::BelongsTo<#ty> for #row {}
        }
    });
    impls.collect()
}

fn transactional(model: &Model) -> Option<TokenStream> {
    let row = quiet(&model.ident);
    model.transactional.then(|| {
        quote! {
            #[automatically_derived]
            impl _s3orm::Transactional for #row {}
        }
    })
}

fn reversible(model: &Model, options: &TableOptions) -> Option<TokenStream> {
    let row = quiet(&model.ident);
    let is_both = options.previous.is_some() && options.reversible.is_some();
    is_both.then(|| {
        quote! {
            #[automatically_derived]
            impl _s3orm::version::Reversible for #row {}
        }
    })
}

/// The forms that a key column's type must have, each asked for at the type, and the cargo features
/// that the options need.
fn checks(model: &Model, options: &TableOptions) -> TokenStream {
    let mut checks: Vec<_> = model
        .key_columns()
        .filter_map(|column| {
            let ty = &column.ty;
            match column.key?.form {
                Form::Plain => None,
                Form::Ordered => Some(quote_spanned!(ty.span()=> _s3orm::check::ordered::<#ty>();)),
                Form::Desc => Some(quote_spanned!(ty.span()=> _s3orm::check::desc::<#ty>();)),
            }
        })
        .collect();
    if model.body == Body::MessagePack {
        checks.push(quote!(_s3orm::check::available::<_s3orm::check::MessagePack>();));
    }
    if let Some(compress) = &options.compress {
        let place = compress.mark.span();
        checks.push(quote_spanned!(place=> _s3orm::check::available::<_s3orm::check::Zstd>();));
    }
    let of_columns = model.columns.iter().any(|column| column.encrypt.is_some());
    if options.encrypt.is_some() || of_columns {
        checks.push(quote!(_s3orm::check::available::<_s3orm::check::Encryption>();));
    }
    if let Some(mark) = &options.validate {
        let place = mark.span();
        checks.push(quote_spanned!(place=> _s3orm::check::available::<_s3orm::check::Garde>();));
    }
    if let Some(Parent { ty, place }) = &options.previous {
        let row = quiet(&model.ident);
        checks.push(quote_spanned! {*place=>
            _s3orm::version::check_follows(
                <#row as _s3orm::S3Schema>::SCHEMA,
                <#ty as _s3orm::S3Schema>::SCHEMA,
            );
        });
    }
    if checks.is_empty() {
        return TokenStream::new();
    }
    quote!(const _: () = { #(#checks)* };)
}
