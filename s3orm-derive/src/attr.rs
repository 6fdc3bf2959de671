//! The options of `#[s3(...)]` as they are written, with their places.
//!
//! Nothing here returns early: a wrong option is reported and left out, and reading goes on, so
//! that one compilation shows every mistake.

mod compress;
mod version;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, LitStr, Meta};

use crate::diag::{self, Errors};
use crate::index::{self, Declared, Kind, OfField};

const ON_STRUCT: &[&str] = &[
    "table",
    "path",
    "extension",
    "encoding",
    "body",
    "compress",
    "encrypt",
    "version",
    "previous",
    "reversible",
    "belongs_to",
    "transactional",
    "hooks",
    "validate",
    "index",
    "unique",
    "crate",
];
const ON_FIELD: &[&str] = &[
    "key_only",
    "body",
    "generate",
    "created_at",
    "updated_at",
    "encrypt",
    "index",
    "unique",
];

/// Options of the struct that may be given several times.
const REPEATED: &[&str] = &["belongs_to", "index", "unique"];

/// `encoding = "…"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Escaped,
    Verbatim,
}

/// `body = "…"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Json,
    MessagePack,
    /// A format of the user's own.
    Own,
    Raw,
}

/// `compress = "zstd"`, `compress(level = 9, above = 4096)`
pub(crate) struct Compress {
    pub(crate) mark: Ident,
    pub(crate) level: i32,
    pub(crate) above: usize,
}

/// `encrypt`, `encrypt = "migrating"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encrypt {
    Always,
    Migrating,
}

/// `generate`, `generate = "…"`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Default,
    UuidV4,
    UuidV7,
    Ulid,
}

/// What the library fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Managed {
    Generated(Scheme),
    CreatedAt,
    UpdatedAt,
}

/// `belongs_to = "…"`, and `body = "…"` of the user's own
pub(crate) struct Parent {
    pub(crate) ty: syn::Path,
    /// Where it is written.
    pub(crate) place: Span,
}

/// The options of the struct.
#[derive(Default)]
pub(crate) struct TableOptions {
    /// Whether the struct has the attribute at all.
    pub(crate) present: bool,
    pub(crate) table: Option<LitStr>,
    pub(crate) path: Option<LitStr>,
    pub(crate) extension: Option<LitStr>,
    pub(crate) encoding: Option<Encoding>,
    pub(crate) body: Option<Body>,
    /// Where `body` was written.
    pub(crate) body_mark: Option<Ident>,
    /// The type of a format of the user's own.
    pub(crate) format: Option<Parent>,
    pub(crate) compress: Option<Compress>,
    pub(crate) encrypt: Option<(Ident, Encrypt)>,
    pub(crate) parents: Vec<Parent>,
    /// `version = 2`, with the place of its name.
    pub(crate) version: Option<(Ident, u32)>,
    pub(crate) previous: Option<Parent>,
    pub(crate) reversible: Option<Ident>,
    pub(crate) transactional: Option<Ident>,
    pub(crate) hooks: Option<Ident>,
    pub(crate) validate: Option<Ident>,
    pub(crate) indexes: Vec<Declared>,
    pub(crate) krate: Option<syn::Path>,
    /// Options that were written and are reported already: not missing as well.
    pub(crate) mistaken: Vec<String>,
}

/// The options of a field, each with the place of its name.
#[derive(Default)]
pub(crate) struct FieldOptions {
    pub(crate) key_only: Option<Ident>,
    pub(crate) body: Option<Ident>,
    pub(crate) generate: Option<(Ident, Scheme)>,
    pub(crate) created_at: Option<Ident>,
    pub(crate) updated_at: Option<Ident>,
    pub(crate) encrypt: Option<(Ident, Encrypt)>,
    pub(crate) indexes: Vec<OfField>,
}

impl TableOptions {
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut this = Self::default();
        let mut seen = Vec::new();
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("s3"))
        {
            this.present = true;
            if !matches!(attribute.meta, Meta::List(_)) {
                this.mistaken.extend(["table", "path"].map(str::to_owned));
            }
            for option in options(attribute, errors) {
                let name = option.name.to_string();
                this.mistaken.extend(option.names_in_value());
                if !ON_STRUCT.contains(&&*name) {
                    option.report_unknown(ON_STRUCT, errors);
                    this.mistaken.extend(
                        diag::did_you_mean(&name, ON_STRUCT.iter().copied()).map(str::to_owned),
                    );
                } else if seen.contains(&name) && !REPEATED.contains(&&*name) {
                    option.report_twice(errors);
                } else {
                    if !this.set(&option, errors) {
                        this.mistaken.push(name.clone());
                    }
                    seen.push(name);
                }
            }
        }
        this
    }

    /// Takes an option over; `false` if its value is wrong.
    fn set(&mut self, option: &Written, errors: &mut Errors) -> bool {
        let name = option.name.to_string();
        let flag = match &*name {
            "transactional" => Some(&mut self.transactional),
            "reversible" => Some(&mut self.reversible),
            "hooks" => Some(&mut self.hooks),
            "validate" => Some(&mut self.validate),
            _ => None,
        };
        if let Some(flag) = flag {
            let is_alone = option.value.is_none();
            if !is_alone {
                let message = format!("`{name}` takes no value");
                errors.at_with_help(option, message, format!("write `#[s3({name}, ...)]`"));
            }
            *flag = is_alone.then(|| option.name.clone());
            return is_alone;
        }
        if name == "encrypt" {
            let how = option.encrypt(errors);
            self.encrypt = how.map(|how| (option.name.clone(), how));
            return self.encrypt.is_some();
        }
        if name == "version" {
            let version = version::read(option, errors);
            self.version = version.map(|version| (option.name.clone(), version));
            return version.is_some();
        }
        if name == "compress" {
            self.compress = compress::read(option, errors);
            return self.compress.is_some();
        }
        if let Some(kind) = kind_of_index(&name) {
            let declared = Declared::of_table(kind, option, errors);
            let sound = declared.is_some();
            self.indexes.extend(declared);
            return sound;
        }
        let example = match &*name {
            "table" => "\"people\"",
            "path" => "\"<date>/<id>\"",
            "extension" => "\".json\"",
            "encoding" => "\"escaped\"",
            "body" => "\"json\"",
            "belongs_to" => "\"Customer\"",
            "previous" => "\"PersonV1\"",
            _ => "\"my_crate::s3orm\"",
        };
        let Some(text) = option.string(example, errors) else {
            return false;
        };
        match &*name {
            "table" => self.table = Some(text),
            "path" => self.path = Some(text),
            "extension" => self.extension = Some(text),
            "encoding" => {
                let known = [
                    ("escaped", Encoding::Escaped),
                    ("verbatim", Encoding::Verbatim),
                ];
                self.encoding = choice("encoding", "encodings", &text, &known, errors);
                return self.encoding.is_some();
            }
            "body" => {
                self.body = self.body(&text, errors);
                self.body_mark = Some(option.name.clone());
                return self.body.is_some();
            }
            "previous" => {
                let help =
                    "write the struct of the version before, as in `previous = \"PersonV1\"`";
                self.previous = type_path(&text, help, errors);
                return self.previous.is_some();
            }
            "belongs_to" => match type_path(
                &text,
                "write the row type of the other table, as in `belongs_to = \"Customer\"`",
                errors,
            ) {
                Some(parent) if self.has_parent(&parent) => option.report_twice(errors),
                Some(parent) => self.parents.push(parent),
                None => return false,
            },
            _ => {
                self.krate = crate_path(&text, errors);
                return self.krate.is_some();
            }
        }
        true
    }

    /// One of the formats that there are, or the path of a type: a name in capitals, or several.
    fn body(&mut self, text: &LitStr, errors: &mut Errors) -> Option<Body> {
        let known = [
            ("json", Body::Json),
            ("msgpack", Body::MessagePack),
            ("raw", Body::Raw),
        ];
        let value = text.value();
        if !value.contains("::") && !value.starts_with(|first: char| first.is_ascii_uppercase()) {
            return choice("body format", "body formats", text, &known, errors);
        }
        let help = "write the type that implements `BodyCodec`, as in `body = \"my::Cbor\"`";
        self.format = type_path(text, help, errors);
        self.format.as_ref().map(|_| Body::Own)
    }

    fn has_parent(&self, parent: &Parent) -> bool {
        let path = |parent: &Parent| parent.ty.to_token_stream().to_string();
        self.parents.iter().any(|other| path(other) == path(parent))
    }
}

impl FieldOptions {
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut this = Self::default();
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("s3"))
        {
            for option in options(attribute, errors) {
                this.set(option, errors);
            }
        }
        this
    }

    /// What fills the field in, by each option that says so, with the option's name.
    pub(crate) fn managed(&self) -> impl Iterator<Item = (&Ident, Managed)> {
        let generate = self
            .generate
            .as_ref()
            .map(|(mark, by)| (mark, Managed::Generated(*by)));
        let created_at = self
            .created_at
            .as_ref()
            .map(|mark| (mark, Managed::CreatedAt));
        let updated_at = self
            .updated_at
            .as_ref()
            .map(|mark| (mark, Managed::UpdatedAt));
        [generate, created_at, updated_at].into_iter().flatten()
    }

    fn set_index(&mut self, kind: Kind, option: Written, errors: &mut Errors) {
        let name = match &option.value {
            None => None,
            Some(_) => match option.string("\"by_city\"", errors) {
                None => return,
                name => name,
            },
        };
        let text = |name: &Option<LitStr>| name.as_ref().map(LitStr::value);
        let same = |other: &OfField| other.kind == kind && text(&other.name) == text(&name);
        if self.indexes.iter().any(same) {
            return option.report_twice(errors);
        }
        let mark = option.name;
        self.indexes.push(OfField { kind, mark, name });
    }

    fn set(&mut self, option: Written, errors: &mut Errors) {
        let name = option.name.to_string();
        if let Some(kind) = kind_of_index(&name) {
            return self.set_index(kind, option, errors);
        }
        let slot = match &*name {
            "encrypt" if self.encrypt.is_some() => return option.report_twice(errors),
            "encrypt" => {
                let how = option.encrypt(errors);
                self.encrypt = how.map(|how| (option.name, how));
                return;
            }
            "generate" if self.generate.is_some() => return option.report_twice(errors),
            "generate" => {
                let scheme = option.scheme(errors);
                self.generate = scheme.map(|scheme| (option.name, scheme));
                return;
            }
            "key_only" => &mut self.key_only,
            "body" => &mut self.body,
            "created_at" => &mut self.created_at,
            "updated_at" => &mut self.updated_at,
            _ => return option.report_unknown(ON_FIELD, errors),
        };
        if slot.is_some() {
            option.report_twice(errors);
        } else if option.value.is_some() {
            let message = format!("`{name}` takes no value on a field");
            errors.at_with_help(&option, message, format!("write `#[s3({name})]`"));
        } else {
            *slot = Some(option.name);
        }
    }
}

fn kind_of_index(option: &str) -> Option<Kind> {
    match option {
        "index" => Some(Kind::Plain),
        "unique" => Some(Kind::Unique),
        _ => None,
    }
}

/// One option: `name`, or `name = value`, or `name(value)`.
pub(crate) struct Written {
    pub(crate) name: Ident,
    /// Everything behind the name.
    pub(crate) value: Option<TokenStream>,
}

impl ToTokens for Written {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        self.value.to_tokens(tokens);
    }
}

impl Written {
    /// What may be options, where a comma is missing before them.
    fn names_in_value(&self) -> impl Iterator<Item = String> {
        let value = self.value.clone().unwrap_or_default().into_iter();
        value.filter_map(|token| match token {
            TokenTree::Ident(name) => Some(name.to_string()),
            _ => None,
        })
    }

    /// What stands in parentheses behind the name, if nothing else does.
    pub(crate) fn group(&self) -> Option<TokenStream> {
        index::group(self.value.as_ref())
    }

    /// The string behind `=`.
    pub(crate) fn string(&self, example: &str, errors: &mut Errors) -> Option<LitStr> {
        let mut value = self.value.clone().unwrap_or_default().into_iter();
        let is_assigned =
            matches!(value.next(), Some(TokenTree::Punct(sign)) if sign.as_char() == '=');
        let first = value.next().filter(|_| is_assigned);
        let text = syn::parse2::<LitStr>(first.into_iter().collect()).ok();
        let name = &self.name;
        if text.is_none() {
            let help = format!("write `{name} = {example}`");
            errors.at_with_help(self, format_args!("`{name}` takes a string"), help);
        } else if let Some(next) = value.next() {
            let message = format!("expected a comma, found `{next}`");
            errors.at_with_help(
                &next,
                message,
                format!("end `{name}` with a comma before it"),
            );
        }
        text
    }

    fn encrypt(&self, errors: &mut Errors) -> Option<Encrypt> {
        if self.value.is_none() {
            return Some(Encrypt::Always);
        }
        let known = [("migrating", Encrypt::Migrating)];
        let text = self.string("\"migrating\"", errors)?;
        choice("way to encrypt", "ways", &text, &known, errors)
    }

    fn scheme(&self, errors: &mut Errors) -> Option<Scheme> {
        if self.value.is_none() {
            return Some(Scheme::Default);
        }
        let known = [
            ("uuid_v7", Scheme::UuidV7),
            ("uuid_v4", Scheme::UuidV4),
            ("ulid", Scheme::Ulid),
        ];
        let text = self.string("\"uuid_v7\"", errors)?;
        choice("way to generate an id", "ways", &text, &known, errors)
    }

    fn report_unknown(&self, known: &[&str], errors: &mut Errors) {
        let name = self.name.to_string();
        if ON_STRUCT.contains(&&*name) {
            let message = format!("`{name}` goes on the struct, not on a field");
            errors.at_with_help(
                &self.name,
                message,
                "write it in the `#[s3(...)]` above the struct",
            );
        } else if ON_FIELD.contains(&&*name) {
            let message = format!("`{name}` goes on a field, not on the struct");
            errors.at_with_help(
                &self.name,
                message,
                format!("write `#[s3({name})]` above the field"),
            );
        } else {
            let message = format!("unknown `s3` option `{name}`");
            errors.at_with_help(
                &self.name,
                message,
                diag::suggest("options here", &name, known),
            );
        }
    }

    fn report_twice(&self, errors: &mut Errors) {
        let message = format!("`{}` is given twice", self.name);
        errors.at_with_help(self, message, "leave one of them out");
    }
}

/// The options of an attribute, parted at its commas.
fn options(attribute: &Attribute, errors: &mut Errors) -> Vec<Written> {
    let Meta::List(list) = &attribute.meta else {
        let help = "write its options in parentheses: `#[s3(...)]`";
        errors.at_with_help(
            &attribute.meta,
            "the `s3` attribute has no list of options",
            help,
        );
        return Vec::new();
    };
    split(list.tokens.clone(), errors)
}

/// Options, parted at the commas between them.
pub(crate) fn split(tokens: TokenStream, errors: &mut Errors) -> Vec<Written> {
    let mut options = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while tokens.peek().is_some() {
        let mut option = tokens.by_ref().take_while(|token| !is_comma(token));
        match option.next() {
            Some(TokenTree::Ident(name)) => {
                let value: TokenStream = option.collect();
                let value = (!value.is_empty()).then_some(value);
                options.push(Written { name, value });
            }
            Some(other) => {
                option.for_each(drop);
                let message = format!("expected an option, found `{other}`");
                errors.at_with_help(
                    &other,
                    message,
                    "options are written `name` or `name = \"value\"`, with commas between",
                );
            }
            None => {}
        }
    }
    options
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(sign) if sign.as_char() == ',')
}

/// One of several known texts.
pub(crate) fn choice<T: Copy>(
    what: &str,
    plural: &str,
    text: &LitStr,
    known: &[(&str, T)],
    errors: &mut Errors,
) -> Option<T> {
    let value = text.value();
    let found = known.iter().find(|(name, _)| *name == value);
    if found.is_none() {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        errors.at_with_help(
            text,
            format_args!("unknown {what} `{value}`"),
            diag::suggest(plural, &value, &names),
        );
    }
    found.map(|(_, value)| *value)
}

/// A type that is named by a text. Its tokens stand at the text, where what the compiler says about
/// them is told, but are of the expansion: lints about how paths are written stay silent.
fn type_path(text: &LitStr, help: &str, errors: &mut Errors) -> Option<Parent> {
    let place = text.span().resolved_at(Span::call_site());
    let path = LitStr::new(&text.value(), place).parse_with(syn::Path::parse_mod_style);
    if path.is_err() {
        let message = format!(
            "`{}` is not the path of a type",
            text.value().escape_debug()
        );
        errors.at_with_help(text, message, help);
    }
    path.ok().map(|ty| Parent { ty, place })
}

/// The path of `crate = "…"`, made absolute: a relative one would mean something else under
/// `#![no_implicit_prelude]` or beside a module of the same name.
fn crate_path(text: &LitStr, errors: &mut Errors) -> Option<syn::Path> {
    let Ok(mut path) = text.parse_with(syn::Path::parse_mod_style) else {
        let message = format!("`{}` is not the path of a crate", text.value());
        errors.at_with_help(
            text,
            message,
            "write the name that the crate has here: `crate = \"my_crate::s3orm\"`",
        );
        return None;
    };
    let first = path
        .segments
        .first()
        .map(|segment| segment.ident.to_string());
    if !matches!(
        first.as_deref(),
        Some("crate" | "self" | "super" | "$crate")
    ) {
        path.leading_colon
            .get_or_insert_with(|| syn::token::PathSep(text.span()));
    }
    Some(path)
}
