//! The options above a field.

use proc_macro2::Ident;
use syn::{Attribute, LitStr};

use super::written::{Written, options};
use super::{Encrypt, Managed, ON_FIELD, Scheme, kind_of_index};
use crate::diag::Errors;
use crate::index::{Kind, OfField};

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
