//! Header and trailer fields: names and values in one flat block, in the order they came (RFC 9110 §5).
//!
//! A connection keeps its block from request to request, so reading a head allocates nothing, and a field
//! costs no reference count.

use std::fmt;

use super::Name;

/// An ordered list of fields.
#[derive(Clone, Default)]
pub struct Fields {
    block: Vec<u8>,
    slots: Vec<Slot>,
}

/// Where in the block a field stands: its name, and right behind it its value.
#[derive(Clone, Copy)]
struct Slot {
    name: Name,
    start: usize,
    name_len: usize,
    value_len: usize,
}

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: Name,
    /// The name as it came.
    pub text: &'a [u8],
    pub value: &'a [u8],
}

impl Fields {
    /// Forgets all fields and keeps the memory.
    pub fn clear(&mut self) {
        self.block.clear();
        self.slots.clear();
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Adds a field behind the others. The caller has seen to it that name and value are fit for the wire.
    pub fn push(&mut self, text: &[u8], value: &[u8]) {
        self.add(Name::of(text), text, value);
    }

    /// Adds a field whose name is known.
    pub fn add_known(&mut self, name: Name, value: &[u8]) {
        self.add(name, name.text().as_bytes(), value);
    }

    /// Adds a field whose name was recognized before: `name` is [`Name::of`] `text`.
    pub fn add(&mut self, name: Name, text: &[u8], value: &[u8]) {
        let start = self.block.len();
        self.block.extend_from_slice(text);
        self.block.extend_from_slice(value);
        self.slots.push(Slot { name, start, name_len: text.len(), value_len: value.len() });
    }

    /// Puts one field in the place of all with this name.
    pub fn set(&mut self, name: Name, value: &[u8]) {
        self.remove(name);
        self.add_known(name, value);
    }

    pub fn remove(&mut self, name: Name) {
        self.slots.retain(|slot| slot.name != name);
    }

    pub fn retain(&mut self, mut keep: impl FnMut(Field<'_>) -> bool) {
        let block = &self.block;
        self.slots.retain(|slot| keep(slot.field(block)));
    }

    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> + Clone {
        self.slots.iter().map(|slot| slot.field(&self.block))
    }

    /// The values of all fields with this name.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &[u8]> + Clone {
        self.slots.iter().filter(move |slot| slot.name == name).map(|slot| slot.field(&self.block).value)
    }

    /// The value of the first field with this name.
    pub fn get(&self, name: Name) -> Option<&[u8]> {
        self.all(name).next()
    }

    pub fn has(&self, name: Name) -> bool {
        self.slots.iter().any(|slot| slot.name == name)
    }

    /// The value of the first field with this name, in any case.
    pub fn named(&self, text: &[u8]) -> Option<&[u8]> {
        self.iter().find(|field| field.text.eq_ignore_ascii_case(text)).map(|field| field.value)
    }

    /// The elements of all fields with this name, each of which is a comma-separated list (RFC 9110 §5.6.1).
    pub fn elements(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        let elements = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
    }
}

impl Slot {
    fn field<'a>(&self, block: &'a [u8]) -> Field<'a> {
        let (text, rest) = block[self.start..].split_at(self.name_len);
        Field { name: self.name, text, value: &rest[..self.value_len] }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        f.debug_map().entries(self.iter().map(|field| (text(field.text), text(field.value)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        pairs.iter().for_each(|(name, value)| fields.push(name.as_bytes(), value.as_bytes()));
        fields
    }

    #[test]
    fn order_and_spelling_are_kept() {
        let fields = fields(&[("X-B", "1"), ("X-A", ""), ("x-b", "2")]);
        let texts: Vec<_> = fields.iter().map(|field| (field.text, field.value)).collect();
        assert_eq!(texts, [(&b"X-B"[..], &b"1"[..]), (b"X-A", b""), (b"x-b", b"2")]);
    }

    #[test]
    fn setting_replaces_all_of_the_name() {
        let mut fields = fields(&[("Host", "a"), ("X", "y"), ("HOST", "b")]);
        fields.set(Name::Host, b"c");
        assert_eq!(fields.all(Name::Host).collect::<Vec<_>>(), [b"c"]);
        assert_eq!(fields.len(), 2);
    }

    #[test]
    fn lists_run_over_fields() {
        let fields = fields(&[("Connection", "close, X-A"), ("Via", "1"), ("connection", ", x-b ,")]);
        let elements: Vec<_> = fields.elements(Name::Connection).collect();
        assert_eq!(elements, [&b"close"[..], b"X-A", b"x-b"]);
    }

    #[test]
    fn names_that_are_not_known_are_found_in_any_case() {
        assert_eq!(fields(&[("X-Request-Id", "7")]).named(b"x-request-ID"), Some(&b"7"[..]));
    }
}
