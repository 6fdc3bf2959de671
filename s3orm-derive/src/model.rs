//! What was understood of a struct: the options, the path and the fields brought together.
//!
//! A [`Model`] always comes back for a struct with named fields, with whatever is sound in it: the
//! impl is emitted even beside errors, so that the code below the struct does not complain as well.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::{
    Data, DeriveInput, Fields, FieldsNamed, GenericArgument, LitStr, PathArguments, Type,
    Visibility,
};

use crate::attr::{Body, Encoding, Encrypt, FieldOptions, Managed, TableOptions};
use crate::diag::{self, Errors};
use crate::index::{self, Index};
use crate::path::{self, Form, Piece, Placeholder, Problem};
use crate::source;
use crate::{rules, serde_attr};

/// A table, as far as it was understood.
pub(crate) struct Model {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) table: String,
    pub(crate) doc: String,
    pub(crate) path: Path,
    pub(crate) body: Body,
    pub(crate) transactional: bool,
    pub(crate) indexes: Vec<Index>,
    pub(crate) columns: Vec<Column>,
    /// The key columns in path order: numbers of [`columns`](Self::columns).
    pub(crate) keys: Vec<usize>,
}

/// The path template and what goes with it.
pub(crate) struct Path {
    /// Where it is written; the struct's name if it is not.
    pub(crate) place: proc_macro2::Span,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) extension: String,
    pub(crate) encoding: Encoding,
    /// Whether every column of it is known, and so the key's type.
    pub(crate) is_sound: bool,
}

/// A column: a field that is stored, in the key or in the body.
pub(crate) struct Column {
    pub(crate) ident: Ident,
    /// The field's name without `r#`.
    pub(crate) field: String,
    /// The name in the stored object.
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) default: Option<String>,
    pub(crate) key: Option<Key>,
    /// Whether the object's bytes hold it.
    pub(crate) stored: bool,
    pub(crate) managed: Option<Managed>,
    pub(crate) encrypt: Option<Encrypt>,
    pub(crate) doc: String,
}

/// A column's place in the key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) position: usize,
    pub(crate) form: Form,
}

/// A field with everything that is written on it.
pub(crate) struct Field<'a> {
    pub(crate) syn: &'a syn::Field,
    pub(crate) ident: &'a Ident,
    /// Without `r#`.
    pub(crate) name: String,
    pub(crate) stored_name: String,
    pub(crate) options: FieldOptions,
    pub(crate) serde: serde_attr::Field,
    pub(crate) key: Option<Key>,
}

/// The fields of the struct, or why it cannot be a table.
pub(crate) fn named_fields<'a>(
    input: &'a DeriveInput,
    errors: &mut Errors,
) -> Option<&'a FieldsNamed> {
    let name = &input.ident;
    let cannot = |what: &str| format!("`S3Schema` cannot be derived for {what}");
    if !input.generics.params.is_empty() {
        let message = cannot(&format!("the generic struct `{name}`"));
        let help = "a table stores one concrete type: write a struct for each";
        errors.at_with_help(&input.generics, message, help);
    }
    let (what, help) = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                return input.generics.params.is_empty().then_some(fields);
            }
            Fields::Unnamed(_) => ("the tuple struct", "columns have names: name the fields"),
            Fields::Unit => ("the unit struct", "columns are fields: give it some"),
        },
        Data::Enum(_) => (
            "the enum",
            "a table's rows are structs: make the enum a field of one",
        ),
        Data::Union(_) => ("the union", "a table's rows are structs with named fields"),
    };
    errors.at_with_help(name, cannot(&format!("{what} `{name}`")), help);
    None
}

impl Model {
    pub(crate) fn read(
        input: &DeriveInput,
        fields: &FieldsNamed,
        options: &TableOptions,
        errors: &mut Errors,
    ) -> Self {
        let container = serde_attr::Container::read(&input.attrs, errors);
        let body = options.body.unwrap_or(Body::Json);
        let mut fields: Vec<Field<'_>> = fields
            .named
            .iter()
            .filter_map(|field| Field::read(field, &container, body, errors))
            .collect();

        rules::options_are_there(input, &fields, options, errors);
        let table = options
            .table
            .as_ref()
            .map(LitStr::value)
            .unwrap_or_default();
        rules::table_name(options.table.as_ref(), errors);
        rules::extension(options.extension.as_ref(), errors);
        let path = Path::read(&input.ident, options, &mut fields, errors);
        rules::body(input, &fields, body, path.is_sound, errors);
        rules::field_options(&fields, body, path.is_sound, errors);
        if body != Body::Raw {
            rules::stored_form(&container, &fields, errors);
        }
        let columns: Vec<Column> = fields
            .iter()
            .filter(|field| field.is_column(body))
            .map(|field| field.column(input, &container, body))
            .collect();
        let indexes = index::read(options, &fields, &columns, body, errors);
        rules::encrypted(options, &fields, &columns, &indexes, body, errors);
        rules::versions(options, &fields, body, errors);
        rules::stamped(options, &fields, body, !indexes.is_empty(), errors);
        let mut keys: Vec<usize> = (0..columns.len())
            .filter(|index| columns[*index].key.is_some())
            .collect();
        keys.sort_by_key(|index| columns[*index].key.map(|key| key.position));
        Self {
            ident: input.ident.clone(),
            vis: input.vis.clone(),
            table,
            doc: source::doc(&input.attrs),
            path,
            body,
            transactional: options.transactional.is_some(),
            indexes,
            columns,
            keys,
        }
    }

    /// The key columns, in path order.
    pub(crate) fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.keys.iter().map(|index| &self.columns[*index])
    }
}

impl Path {
    /// Reads the template and gives each field that it names its place in the key.
    fn read(
        table: &Ident,
        options: &TableOptions,
        fields: &mut [Field<'_>],
        errors: &mut Errors,
    ) -> Self {
        let encoding = options.encoding.unwrap_or(Encoding::Escaped);
        let extension = match (&options.extension, options.body) {
            (Some(extension), _) => extension.value(),
            (None, Some(Body::Raw)) => String::new(),
            (None, _) => ".json".to_owned(),
        };
        let mut this = Self {
            place: options.path.as_ref().map_or(table.span(), LitStr::span),
            pieces: Vec::new(),
            extension,
            encoding,
            is_sound: false,
        };
        let Some(literal) = &options.path else {
            return this;
        };
        let text = literal.value();
        let (pieces, mut problems) = path::parse(&text, encoding == Encoding::Escaped);
        let mut position = 0;
        for piece in &pieces {
            if let Piece::Column(placeholder) = piece {
                problems.extend(take_place(table, placeholder, position, fields));
                position += 1;
            }
        }
        problems.sort_by_key(|problem| problem.at.start);
        for problem in &problems {
            errors.at(literal, problem.render(&text));
        }
        this.pieces = pieces;
        this.is_sound = problems.is_empty();
        this
    }
}

/// Gives the field that a placeholder names its place, or says that there is no such field.
fn take_place(
    table: &Ident,
    placeholder: &Placeholder,
    position: usize,
    fields: &mut [Field<'_>],
) -> Option<Problem> {
    let Placeholder { name, form, at } = placeholder;
    if let Some(field) = fields.iter_mut().find(|field| field.name == *name) {
        // A column that stands twice is reported by the grammar.
        field.key.get_or_insert(Key {
            position,
            form: *form,
        });
        return None;
    }
    if let Some(field) = fields.iter().find(|field| field.stored_name == *name) {
        return Some(Problem::new(
            at.clone(),
            format!(
                "`<{name}>` is the stored name of the field `{}`",
                field.name
            ),
            format!(
                "a path names fields of the struct: write `<{}>`",
                field.name
            ),
        ));
    }
    let names = || fields.iter().map(|field| &*field.name);
    let help = match diag::did_you_mean(name, names()) {
        Some(known) => format!("did you mean `<{known}>`?"),
        None if fields.is_empty() => "a column is a field of the struct: give it some".to_owned(),
        None => format!("the struct has {}", diag::list(names())),
    };
    Some(Problem::new(
        at.clone(),
        format!("`<{name}>` names no field of `{table}`"),
        help,
    ))
}

impl<'a> Field<'a> {
    fn read(
        syn: &'a syn::Field,
        container: &serde_attr::Container,
        body: Body,
        errors: &mut Errors,
    ) -> Option<Self> {
        let ident = syn.ident.as_ref()?;
        let name = ident.unraw().to_string();
        let options = FieldOptions::read(&syn.attrs, errors);
        // The fields of a raw row have no serde form.
        let (serde, stored_name) = match body {
            Body::Json | Body::MessagePack | Body::Own => {
                let serde = serde_attr::Field::read(&syn.attrs, errors);
                let stored_name = container.column_name(&name, &serde);
                (serde, stored_name)
            }
            Body::Raw => (serde_attr::Field::default(), name.clone()),
        };
        Some(Self {
            syn,
            ident,
            name,
            stored_name,
            options,
            serde,
            key: None,
        })
    }

    /// Whether the field is a column: not one that serde passes over or spreads out, unless the
    /// key holds it.
    pub(crate) fn is_column(&self, body: Body) -> bool {
        body == Body::Raw
            || self.key.is_some()
            || (self.serde.flatten.is_none()
                && (self.serde.not_written.is_none() || self.serde.not_read.is_none()))
    }

    fn column(&self, input: &DeriveInput, container: &serde_attr::Container, body: Body) -> Column {
        let default = match body {
            Body::Json | Body::MessagePack | Body::Own => {
                container.column_default(&input.ident.to_string(), &self.name, &self.serde)
            }
            Body::Raw => None,
        };
        Column {
            ident: self.ident.clone(),
            field: self.name.clone(),
            name: self.stored_name.clone(),
            ty: self.syn.ty.clone(),
            default,
            key: self.key,
            stored: match body {
                Body::Raw => self.options.body.is_some(),
                Body::Json | Body::MessagePack | Body::Own => self.options.key_only.is_none(),
            },
            managed: self.options.managed().next().map(|(_, managed)| managed),
            encrypt: self.options.encrypt.as_ref().map(|(_, how)| *how),
            doc: source::doc(&self.syn.attrs),
        }
    }
}

impl Column {
    /// Whether the type is an `Option`, as it is written.
    pub(crate) fn is_nullable(&self) -> bool {
        option_of(&self.ty).is_some()
    }

    /// The type of its values: what an `Option` holds.
    pub(crate) fn value_type(&self) -> &Type {
        option_of(&self.ty).unwrap_or(&self.ty)
    }
}

/// The `T` of an `Option<T>`.
fn option_of(ty: &Type) -> Option<&Type> {
    let path = match ty {
        Type::Path(path) => &path.path,
        Type::Group(group) => return option_of(&group.elem),
        Type::Paren(paren) => return option_of(&paren.elem),
        _ => return None,
    };
    let last = path.segments.last().filter(|last| last.ident == "Option")?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first()? {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        },
        _ => None,
    }
}

/// The last name of a type's path.
pub(crate) fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string()),
        Type::Group(group) => last_name(&group.elem),
        Type::Paren(paren) => last_name(&paren.elem),
        _ => None,
    }
}
