//! The dynamic table (RFC 9204 §3.2): the newest fields that its capacity holds, counted from the first ever.

use std::collections::VecDeque;

use crate::proxy::heads::{Kind, Line};

/// What every entry costs beside its bytes (RFC 9204 §3.2.1).
const ENTRY: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Table {
    /// The oldest first.
    entries: VecDeque<Entry>,
    size: usize,
    capacity: usize,
    inserted: u64,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    /// Name, and right behind it the value.
    text: Box<[u8]>,
    name_len: usize,
}

impl Table {
    /// How many fields were ever inserted; the next one gets this index.
    pub(super) fn inserted(&self) -> u64 {
        self.inserted
    }

    /// Makes it hold so many bytes; the oldest fields that are too much go.
    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.shrink(capacity);
    }

    /// Adds a field in front of which the oldest ones go; false: it is larger than the table.
    pub(super) fn insert(&mut self, line: &Line<'_>) -> bool {
        let Line { kind, name, value } = *line;
        let entry = Entry { kind, text: [name, value].concat().into(), name_len: name.len() };
        let Some(left) = self.capacity.checked_sub(entry.size()) else { return false };
        self.shrink(left);
        self.size += entry.size();
        self.entries.push_back(entry);
        self.inserted += 1;
        true
    }

    /// The field with this index, unless it has gone or is not there yet.
    pub(super) fn get(&self, index: u64) -> Option<Line<'_>> {
        let age = self.inserted.checked_sub(index)?;
        let at = self.entries.len().checked_sub(usize::try_from(age).ok()?)?;
        let entry = self.entries.get(at)?;
        let (name, value) = entry.text.split_at_checked(entry.name_len)?;
        Some(Line { kind: entry.kind, name, value })
    }

    fn shrink(&mut self, size: usize) {
        while self.size > size
            && let Some(oldest) = self.entries.pop_front()
        {
            self.size -= oldest.size();
        }
    }
}

impl Entry {
    fn size(&self) -> usize {
        self.text.len() + ENTRY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(table: &Table, index: u64) -> Option<&[u8]> {
        table.get(index).map(|line| line.name)
    }

    fn insert(table: &mut Table, name: &str) -> bool {
        table.insert(&Line::new(name.as_bytes(), b"x"))
    }

    #[test]
    fn the_oldest_make_room() {
        let mut table = Table::default();
        table.set_capacity(2 * (ENTRY + 2));
        for name in ["a", "b", "c"] {
            assert!(insert(&mut table, name));
        }
        assert_eq!(
            (name(&table, 0), name(&table, 1), name(&table, 2)),
            (None, Some(&b"b"[..]), Some(&b"c"[..]))
        );
        assert_eq!((name(&table, 3), table.inserted()), (None, 3));
        table.set_capacity(ENTRY + 2);
        assert_eq!((name(&table, 1), name(&table, 2)), (None, Some(&b"c"[..])));
    }

    #[test]
    fn what_is_larger_than_the_table_is_refused() {
        let mut table = Table::default();
        table.set_capacity(ENTRY + 3);
        assert!(insert(&mut table, "a"));
        assert!(!insert(&mut table, "abc"));
        assert_eq!(name(&table, 0), Some(&b"a"[..]));
    }
}
