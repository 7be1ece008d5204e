//! Fields that a route removes, sets and adds.

use crate::config::proxy::{FieldChange, FieldChanges, Template};
use crate::proxy::http::{Fields, Name};

/// Changes that are ready to be made.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Whatever is removed or set.
    gone: Vec<FieldName>,
    /// Whatever is set or added; and whether only where the client speaks TLS.
    come: Vec<(FieldName, Template, bool)>,
}

/// A name, recognized once.
#[derive(Clone, Debug)]
struct FieldName {
    name: Name,
    text: Box<[u8]>,
}

impl FieldName {
    fn new(text: &str) -> Self {
        Self { name: Name::of(text.as_bytes()), text: text.as_bytes().into() }
    }

    fn is(&self, name: Name, text: &[u8]) -> bool {
        self.name == name && (name != Name::Other || text.eq_ignore_ascii_case(&self.text))
    }
}

impl Changes {
    pub fn new(meant: &FieldChanges) -> Self {
        let name = |change: &FieldChange| FieldName::new(&change.name);
        let come = |change: &FieldChange| (name(change), change.value.clone(), change.only_secure);
        let removed = meant.remove.iter().map(|text| FieldName::new(text));
        Self {
            gone: removed.chain(meant.set.iter().map(name)).collect(),
            come: meant.set.iter().chain(&meant.add).map(come).collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.come.is_empty()
    }

    /// Makes the changes; `fill` gives the text of a template.
    pub fn make(&self, fields: &mut Fields, is_secure: bool, fill: impl Fn(&Template) -> Vec<u8>) {
        if !self.gone.is_empty() {
            fields.retain(|field| !self.gone.iter().any(|gone| gone.is(field.name, field.text)));
        }
        for (FieldName { name, text }, value, only_secure) in &self.come {
            if *only_secure && !is_secure {
                continue;
            }
            match value.as_text() {
                Some(plain) => fields.add(*name, text, plain.as_bytes()),
                None => fields.add(*name, text, &fill(value)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, value: &str, only_secure: bool) -> FieldChange {
        FieldChange { name: name.to_owned(), value: Template::parse(value).unwrap(), only_secure }
    }

    fn after(meant: &FieldChanges, before: &[(&str, &str)], is_secure: bool) -> Vec<String> {
        let mut fields = Fields::default();
        before.iter().for_each(|(name, value)| fields.push(name.as_bytes(), value.as_bytes()));
        Changes::new(meant).make(&mut fields, is_secure, |_| b"filled".to_vec());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        fields.iter().map(|field| format!("{}: {}", text(field.text), text(field.value))).collect()
    }

    #[test]
    fn what_is_removed_goes_and_what_is_set_replaces() {
        let meant = FieldChanges {
            remove: vec!["server".into(), "x-a".into()],
            set: vec![change("vary", "origin", false)],
            add: vec![change("x-b", "2", false)],
        };
        let before = [("Server", "x"), ("X-A", "1"), ("Vary", "accept"), ("X-B", "1"), ("VARY", "y")];
        assert_eq!(after(&meant, &before, false), ["X-B: 1", "vary: origin", "x-b: 2"]);
    }

    #[test]
    fn some_fields_are_only_for_tls_and_some_are_filled_in() {
        let meant = FieldChanges {
            set: vec![change("a", "1", true), change("b", "{host}", false)],
            ..FieldChanges::default()
        };
        assert_eq!(after(&meant, &[], false), ["b: filled"]);
        assert_eq!(after(&meant, &[], true), ["a: 1", "b: filled"]);
    }
}
