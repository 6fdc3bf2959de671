//! The options above the struct.

use proc_macro2::Ident;
use quote::ToTokens as _;
use syn::{Attribute, LitStr, Meta};

use super::value::{crate_path, type_path};
use super::written::{Written, options};
use super::{
    Body, Compress, Encoding, Encrypt, ON_STRUCT, TypePath, choice, compress, kind_of_index,
    version,
};
use crate::diag::{self, Errors};
use crate::index::Declared;

/// Options of the struct that may be given several times.
const REPEATED: &[&str] = &["belongs_to", "index", "unique"];

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
    pub(crate) format: Option<TypePath>,
    pub(crate) compress: Option<Compress>,
    pub(crate) encrypt: Option<(Ident, Encrypt)>,
    pub(crate) parents: Vec<TypePath>,
    /// `version = 2`, with the place of its name.
    pub(crate) version: Option<(Ident, u32)>,
    pub(crate) previous: Option<TypePath>,
    pub(crate) reversible: Option<Ident>,
    pub(crate) transactional: Option<Ident>,
    pub(crate) hooks: Option<Ident>,
    pub(crate) validate: Option<Ident>,
    pub(crate) indexes: Vec<Declared>,
    pub(crate) krate: Option<syn::Path>,
    /// Options that were written and are reported already: not missing as well.
    pub(crate) mistaken: Vec<String>,
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
            return choice(
                "body format",
                "body formats, beside types of your own,",
                text,
                &known,
                errors,
            );
        }
        let help = "write the type that implements `BodyCodec`, as in `body = \"my::Cbor\"`";
        self.format = type_path(text, help, errors);
        self.format.as_ref().map(|_| Body::Own)
    }

    fn has_parent(&self, parent: &TypePath) -> bool {
        let path = |parent: &TypePath| parent.ty.to_token_stream().to_string();
        self.parents.iter().any(|other| path(other) == path(parent))
    }
}
