//! Reads a TOML tree and goes on after a mistake, so that one run finds them all.
//!
//! serde stops at the first mistake; this walks the tree that the parser gives, which also knows where
//! each value stands.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::config::error::{Place, Report, did_you_mean, nearest};
use crate::config::variables;

/// Reads values out of one document.
pub(in crate::config) struct Reader<'a> {
    line_starts: Vec<usize>,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    pub(in crate::config) report: Report,
}

/// A type that can stand in a configuration.
pub(in crate::config) trait Written: Sized {
    /// `None`: it could not be read, and the reader's report says why.
    fn read(value: &DeValue<'_>, place: &Place, reader: &mut Reader<'_>) -> Option<Self>;

    /// Adds the path of every key of the type, which itself stands at `path`.
    #[cfg(test)]
    fn key_paths(path: &str, paths: &mut std::collections::BTreeSet<String>) {
        paths.insert(path.to_owned());
    }
}

/// A table whose keys are all optional as far as reading goes.
pub(in crate::config) trait Table: Written {
    /// The table with no key given.
    fn absent(place: &Place) -> Self;
}

/// What stands behind a key.
#[derive(Clone, Debug)]
pub(in crate::config) struct Key<T> {
    pub(in crate::config) place: Place,
    state: State<T>,
}

#[derive(Clone, Debug)]
enum State<T> {
    Absent,
    /// Already reported.
    Unreadable,
    Given(T),
}

impl<'a> Reader<'a> {
    pub(in crate::config) fn new(text: &str, lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let behind_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self {
            line_starts: std::iter::once(0).chain(behind_breaks).collect(),
            lookup,
            report: Report::default(),
        }
    }

    /// The line, counted from 1, that a span begins in.
    pub(in crate::config) fn line(&self, span: Range<usize>) -> usize {
        self.line_starts.partition_point(|start| *start <= span.start)
    }

    /// A text with its variables put in.
    pub(super) fn expand(&mut self, text: &str, place: &Place) -> Option<String> {
        match variables::expand(text, self.lookup) {
            Ok(expanded) => Some(expanded.into_owned()),
            Err(message) => {
                self.report.error(place, message);
                None
            }
        }
    }

    /// What a table has under a key.
    ///
    /// A key that is only misspelt does not count as absent.
    pub(super) fn key<T: Written>(
        &mut self,
        table: &DeTable<'_>,
        at: &Place,
        name: &str,
        misspelt: &[&str],
    ) -> Key<T> {
        let mut place = at.key(name);
        let Some(value) = table.get(name) else {
            let state = if misspelt.contains(&name) { State::Unreadable } else { State::Absent };
            return Key { place, state };
        };
        place.line = self.line(value.span());
        let state = T::read(value.get_ref(), &place, self).map_or(State::Unreadable, State::Given);
        Key { place, state }
    }

    /// Reports every key that is not known; returns the known ones that were probably meant.
    pub(super) fn refuse_unknown_keys<'k>(
        &mut self,
        table: &DeTable<'_>,
        at: &Place,
        known: &[&'k str],
    ) -> Vec<&'k str> {
        let unknown = table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        let mut misspelt = Vec::new();
        for key in unknown {
            let mut place = at.key(&shown(key.get_ref()));
            place.line = self.line(key.span());
            self.report.error(&place, format!("unknown key{}", did_you_mean(key.get_ref(), known)));
            misspelt.extend(nearest(key.get_ref(), known));
        }
        misspelt
    }
}

/// A key as it would be written.
fn shown(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { key.to_owned() } else { format!("{key:?}") }
}

impl<T> Key<T> {
    pub(super) fn absent(place: Place) -> Self {
        Self { place, state: State::Absent }
    }

    pub(in crate::config) fn is_absent(&self) -> bool {
        matches!(self.state, State::Absent)
    }

    /// The value, if it stands there and can be read.
    pub(in crate::config) fn given(&self) -> Option<&T> {
        match &self.state {
            State::Given(value) => Some(value),
            State::Absent | State::Unreadable => None,
        }
    }

    /// The value; an error with this advice if the key is absent.
    pub(in crate::config) fn required(&self, report: &mut Report, advice: &str) -> Option<&T> {
        if self.is_absent() {
            report.error(&self.place, format!("missing; {advice}"));
        }
        self.given()
    }
}

impl<T: Table + Clone> Key<T> {
    /// The table, or one without keys.
    pub(in crate::config) fn or_empty(&self) -> T {
        self.given().cloned().unwrap_or_else(|| T::absent(&self.place))
    }
}

impl<T> Key<Vec<T>> {
    /// The elements; none if the key is absent.
    pub(in crate::config) fn list(&self) -> &[T] {
        self.given().map_or(&[], Vec::as_slice)
    }
}

impl<T> Key<Map<T>> {
    /// The entries; none if the key is absent.
    pub(in crate::config) fn entries(&self) -> &[(String, Element<T>)] {
        self.given().map_or(&[], |map| map.0.as_slice())
    }
}

impl<T: Copy + PartialOrd + Display> Key<T> {
    /// The value if it lies in the range; an error if it does not.
    pub(in crate::config) fn within(&self, range: RangeInclusive<T>, report: &mut Report) -> Option<T> {
        let value = *self.given()?;
        if range.contains(&value) {
            return Some(value);
        }
        let (from, to) = range.into_inner();
        report.error(&self.place, format!("{value} is out of range; give {from} to {to}"));
        None
    }
}

/// An element of a list, with its place.
#[derive(Clone, Debug)]
pub(in crate::config) struct Element<T> {
    pub(in crate::config) place: Place,
    pub(in crate::config) value: T,
}

impl<T: Written> Written for Vec<Element<T>> {
    fn read(value: &DeValue<'_>, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(array) = value.as_array() else {
            let advice = if value.is_table() { "write [[…]] around its name" } else { "put it in [ ]" };
            reader.report.error(place, format!("expected a list, found {}; {advice}", found(value)));
            return None;
        };
        let element = |(index, value): (usize, &Spanned<DeValue<'_>>)| {
            let mut place = place.index(index);
            place.line = reader.line(value.span());
            let value = T::read(value.get_ref(), &place, reader)?;
            Some(Element { place, value })
        };
        Some(array.iter().enumerate().filter_map(element).collect())
    }

    #[cfg(test)]
    fn key_paths(path: &str, paths: &mut std::collections::BTreeSet<String>) {
        T::key_paths(path, paths);
    }
}

/// A table whose keys are its writer's own.
#[derive(Clone, Debug)]
pub(in crate::config) struct Map<T>(Vec<(String, Element<T>)>);

impl<T: Written> Written for Map<T> {
    fn read(value: &DeValue<'_>, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.as_table() else {
            reader.report.error(place, format!("expected a table, found {}", found(value)));
            return None;
        };
        let entry = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
            let mut place = place.key(&shown(key.get_ref()));
            place.line = reader.line(value.span());
            let value = T::read(value.get_ref(), &place, reader)?;
            Some((key.get_ref().to_string(), Element { place, value }))
        };
        Some(Self(table.iter().filter_map(entry).collect()))
    }
}

/// A value in words.
pub(super) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("text {}", quoted(text)),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// A text in quotation marks, as TOML would have it, cut where it is long.
pub(in crate::config) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Declares tables: a struct with one [`Key`] for each, and how it is read.
macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident { $($key:ident: $type:ty,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(in crate::config) struct $name {
            $(pub(in crate::config) $key: Key<$type>,)*
        }

        impl Written for $name {
            fn read(value: &DeValue<'_>, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
                let Some(table) = value.as_table() else {
                    reader.report.error(place, format!("expected a table, found {}", found(value)));
                    return None;
                };
                let misspelt = reader.refuse_unknown_keys(table, place, &[$(stringify!($key)),*]);
                Some(Self { $($key: reader.key(table, place, stringify!($key), &misspelt),)* })
            }

            #[cfg(test)]
            fn key_paths(path: &str, paths: &mut std::collections::BTreeSet<String>) {
                $(<$type as Written>::key_paths(&format!("{path}.{}", stringify!($key)), paths);)*
            }
        }

        impl Table for $name {
            fn absent(place: &Place) -> Self {
                Self { $($key: Key::absent(place.key(stringify!($key))),)* }
            }
        }
    )* };
}
pub(super) use tables;
