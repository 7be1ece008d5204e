//! The dynamic table (RFC 7541 §2.3.2 and §4): what came last, as far as it fits.

use std::collections::VecDeque;

use crate::proxy::heads::{Kind, Line};

/// What an entry is charged beyond its bytes (RFC 7541 §4.1).
const ENTRY: usize = 32;

/// A dynamic table; it takes no memory before something enters it.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Names and values, those of the oldest entry first; before them, what the entries that left held.
    bytes: Vec<u8>,
    /// The oldest entry first.
    entries: VecDeque<Entry>,
    /// Bytes that went from the front of `bytes`, ever.
    gone: usize,
    size: usize,
    most: usize,
    inserted: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: Kind,
    /// Counted from the first byte that the table ever held.
    at: usize,
    name_len: usize,
    value_len: usize,
}

impl Entry {
    fn size(&self) -> usize {
        self.name_len + self.value_len + ENTRY
    }
}

impl Table {
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Changes the size that the table may have.
    pub(super) fn resize(&mut self, most: usize) {
        self.most = most;
        self.evict(0);
    }

    /// Entries that ever entered: the newest one's number.
    pub(super) fn inserted(&self) -> usize {
        self.inserted
    }

    /// The entry that is this many entries older than the newest.
    pub(super) fn get(&self, age: usize) -> Option<Line<'_>> {
        let entry = self.entries.get(self.entries.len().checked_sub(age + 1)?)?;
        let name = entry.at - self.gone;
        let value = name + entry.name_len;
        Some(Line {
            kind: entry.kind,
            name: self.bytes.get(name..value)?,
            value: self.bytes.get(value..value + entry.value_len)?,
        })
    }

    /// Adds an entry, and drops older ones until it fits; one that never fits only empties the table.
    pub(super) fn insert(&mut self, line: &Line<'_>) {
        let (name_len, value_len) = (line.name.len(), line.value.len());
        let mut entry = Entry { kind: line.kind, at: 0, name_len, value_len };
        self.evict(entry.size());
        if entry.size() > self.most {
            return;
        }
        self.make_room(name_len + value_len);
        entry.at = self.gone + self.bytes.len();
        self.bytes.extend_from_slice(line.name);
        self.bytes.extend_from_slice(line.value);
        self.entries.push_back(entry);
        self.size += entry.size();
        self.inserted += 1;
    }

    /// Drops the oldest entries until `more` bytes fit, or none are left.
    fn evict(&mut self, more: usize) {
        while self.size + more > self.most
            && let Some(entry) = self.entries.pop_front()
        {
            self.size -= entry.size();
        }
    }

    /// Moves the bytes to the front when the ones before them are as many: so each byte moves once on average.
    fn make_room(&mut self, more: usize) {
        let dead = self.entries.front().map_or(self.bytes.len(), |oldest| oldest.at - self.gone);
        if self.bytes.len() + more > self.bytes.capacity() && dead * 2 >= self.bytes.len() {
            self.bytes.drain(..dead);
            self.gone += dead;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(most: usize, lines: &[(&str, &str)]) -> Table {
        let mut table = Table::new(most);
        lines.iter().for_each(|(name, value)| table.insert(&Line::new(name.as_bytes(), value.as_bytes())));
        table
    }

    #[test]
    fn the_newest_is_first_and_the_oldest_leaves() {
        let table = table(2 * 34 + 33, &[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(table.get(0), Some(Line::new(b"c", b"3")));
        assert_eq!(table.get(1), Some(Line::new(b"b", b"2")));
        assert_eq!((table.get(2), table.get(usize::MAX - 1)), (None, None));
        assert_eq!((table.size, table.inserted()), (68, 3));
    }

    #[test]
    fn what_never_fits_empties_the_table() {
        let table = table(70, &[("a", "1"), ("b", &"2".repeat(70))]);
        assert_eq!((table.get(0), table.size), (None, 0));
    }

    #[test]
    fn a_smaller_size_drops_the_oldest() {
        let mut table = table(100, &[("a", "1"), ("b", "2")]);
        table.resize(34);
        assert_eq!((table.get(0), table.get(1)), (Some(Line::new(b"b", b"2")), None));
        table.resize(0);
        assert_eq!(table.get(0), None);
    }

    #[test]
    fn memory_stays_bounded_while_entries_come_and_go() {
        let mut table = Table::new(4096);
        for round in 0..10_000 {
            let value = format!("{round}").repeat(round % 40);
            table.insert(&Line::new(b"name", value.as_bytes()));
            let newest = table.get(0).unwrap();
            assert_eq!((newest.name, newest.value), (&b"name"[..], value.as_bytes()));
        }
        assert!(table.bytes.capacity() <= 4 * 4096, "{}", table.bytes.capacity());
    }
}
