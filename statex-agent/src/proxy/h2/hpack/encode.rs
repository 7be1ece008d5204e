//! Lines to blocks (RFC 7541 §6).

use super::TABLE;
use super::fixed::{self, Place};
use super::table::Table;
use crate::proxy::compression::{integer, literal};
use crate::proxy::heads::Line;

/// What one side of a connection remembers of the blocks that it sent.
///
/// A line enters the table when it comes the second time. So what changes from message to message never pushes
/// out what stays, whatever the fields are called, and a connection of one request fills no table.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    table: Table,
    /// Lines that came, by their hash; empty before the first.
    seen: Vec<Seen>,
    /// Sizes that the peer has not been told of: the smallest one since the last block, and the last.
    untold: Option<(usize, usize)>,
}

/// A line that came.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    hash: u32,
    /// The number of its entry in the table; 0: it came once.
    number: u32,
}

/// Lines that are remembered. A head has fewer than a quarter as many.
const SEEN: usize = 128;

impl Encoder {
    /// For a peer that lets the table have [`TABLE`] bytes.
    pub fn new() -> Self {
        Self { table: Table::new(TABLE), ..Self::default() }
    }

    /// The peer lets the table have this many bytes; more than [`TABLE`] are not used.
    pub fn resize(&mut self, most: usize) {
        let most = most.min(TABLE);
        if most != self.table.most() {
            let least = self.untold.map_or(most, |(least, _)| least.min(most));
            self.untold = Some((least, most));
            self.table.resize(most);
        }
    }

    /// Begins a block: sizes have to be told before its lines (RFC 7541 §4.2).
    pub fn begin(&mut self, block: &mut Vec<u8>) {
        if let Some((least, last)) = self.untold.take() {
            if least < last {
                integer::write(block, 0x20, 5, least as u64);
            }
            integer::write(block, 0x20, 5, last as u64);
        }
    }

    /// Writes a line, whose name is in lower case.
    pub fn line(&mut self, line: &Line<'_>, block: &mut Vec<u8>) {
        let name = match fixed::place(line) {
            Place::Whole(index) => return integer::write(block, 0x80, 7, index as u64),
            // RFC 7541 §7.1.3: somebody who can make us send guesses beside them must not learn from lengths.
            Place::Name(index @ (AUTHORIZATION | COOKIE | PROXY_AUTHORIZATION | SET_COOKIE)) => {
                integer::write(block, 0x10, 4, index as u64);
                return plain(line.value, block);
            }
            Place::Name(index) => index,
            Place::Nowhere => 0,
        };
        let pattern = match self.recall(line) {
            Recalled::Entry(age) => return integer::write(block, 0x80, 7, (fixed::LEN + 1 + age) as u64),
            Recalled::Entered => (0x40, 6),
            Recalled::New => (0, 4),
        };
        integer::write(block, pattern.0, pattern.1, name as u64);
        // What is sent once is worth its coding; what is sent again and again costs less as it is.
        let write = if pattern.0 == 0 { plain } else { coded };
        if name == 0 {
            write(line.name, block);
        }
        write(line.value, block);
    }

    fn recall(&mut self, line: &Line<'_>) -> Recalled {
        if self.seen.is_empty() {
            self.seen.resize(SEEN, Seen::default());
        }
        let hash = hash(line);
        let Some(seen) = self.seen.get_mut(hash as usize % SEEN) else { return Recalled::New };
        if seen.hash != hash {
            *seen = Seen { hash, number: 0 };
            return Recalled::New;
        }
        let age = self.table.inserted().checked_sub(seen.number as usize);
        let entry = age.filter(|_| seen.number > 0).and_then(|age| self.table.get(age));
        if let (Some(age), Some(entry)) = (age, entry)
            && entry.name == line.name
            && entry.value == line.value
        {
            return Recalled::Entry(age);
        }
        // One that would push out most of the others stays outside.
        if line.name.len() + line.value.len() > self.table.most() / 2 {
            return Recalled::New;
        }
        self.table.insert(line);
        seen.number = u32::try_from(self.table.inserted()).unwrap_or(0);
        Recalled::Entered
    }
}

enum Recalled {
    /// It is in the table, this many entries older than the newest.
    Entry(usize),
    /// It has just entered.
    Entered,
    New,
}

const AUTHORIZATION: usize = 23;
const COOKIE: usize = 32;
const PROXY_AUTHORIZATION: usize = 49;
const SET_COOKIE: usize = 55;

fn plain(text: &[u8], block: &mut Vec<u8>) {
    integer::write(block, 0, 7, text.len() as u64);
    block.extend_from_slice(text);
}

fn coded(text: &[u8], block: &mut Vec<u8>) {
    literal::write(block, 0, 7, text);
}

/// Two lines with one hash only keep each other out of the table.
fn hash(line: &Line<'_>) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = (line.name.len() as u64) << 32 | line.value.len() as u64;
    for text in [line.name, line.value] {
        let (words, rest) = text.as_chunks::<8>();
        for word in words {
            hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR).rotate_left(29);
        }
        let last = rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte));
        hash = (hash ^ last).wrapping_mul(FACTOR).rotate_left(29);
    }
    (hash.wrapping_mul(FACTOR) >> 32) as u32
}
