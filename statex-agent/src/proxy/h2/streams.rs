//! The streams of a connection: by their place, by their identifier, and what is known of those that closed.

use std::ops::{Index, IndexMut};

use super::stream::Stream;

/// Where a stream stands. Good until the stream is [released](Streams::release).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub(super) u32);

/// How a stream closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// Both sides had said all.
    Ended,
    ResetByPeer,
    /// The peer may not know yet, so that it still sends (RFC 9113 §5.1).
    ResetByUs,
}

/// All streams of a connection that somebody here still holds.
#[derive(Debug, Default)]
pub(super) struct Streams {
    places: Vec<Option<Stream>>,
    free: Vec<u32>,
    /// Those that are open, by their identifier. New ones have the largest.
    open: Vec<(u32, Key)>,
    ended: Recent<8>,
    reset: Recent<64>,
}

/// The last few that closed.
#[derive(Debug)]
struct Recent<const MOST: usize> {
    ids: Vec<(u32, Closed)>,
    next: usize,
}

impl<const MOST: usize> Default for Recent<MOST> {
    fn default() -> Self {
        Self { ids: Vec::new(), next: 0 }
    }
}

impl<const MOST: usize> Recent<MOST> {
    fn add(&mut self, id: u32, how: Closed) {
        match self.ids.get_mut(self.next) {
            Some(place) => *place = (id, how),
            None => self.ids.push((id, how)),
        }
        self.next = (self.next + 1) % MOST;
    }

    fn find(&self, id: u32) -> Option<Closed> {
        self.ids.iter().find(|(known, _)| *known == id).map(|(_, how)| *how)
    }
}

impl Streams {
    /// Streams that are open.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Streams that are open, or closed and still held.
    pub(super) fn held(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn is_held(&self, key: Key) -> bool {
        self.places.get(key.0 as usize).is_some_and(Option::is_some)
    }

    /// Holds a stream; it is open from [`Streams::name`] on.
    pub(super) fn hold(&mut self, stream: Stream) -> Key {
        match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = Some(stream);
                Key(place)
            }
            None => {
                self.places.push(Some(stream));
                Key(self.places.len() as u32 - 1)
            }
        }
    }

    /// The stream has its identifier, larger than all before, and is open.
    pub(super) fn name(&mut self, key: Key, id: u32) {
        self[key].id = id;
        self.open.push((id, key));
    }

    pub(super) fn find(&self, id: u32) -> Option<Key> {
        // Mostly the newest is asked for.
        match self.open.last() {
            Some((newest, key)) if *newest == id => Some(*key),
            _ => self.at(id).map(|at| self.open[at].1),
        }
    }

    fn at(&self, id: u32) -> Option<usize> {
        self.open.binary_search_by_key(&id, |(id, _)| *id).ok()
    }

    /// The stream is no longer open.
    pub(super) fn close(&mut self, id: u32, how: Closed) {
        if let Some(at) = self.at(id) {
            self.open.remove(at);
        }
        match how {
            Closed::Ended => self.ended.add(id, how),
            Closed::ResetByPeer | Closed::ResetByUs => self.reset.add(id, how),
        }
    }

    /// How a stream that is not open closed, if it did so lately.
    pub(super) fn closed(&self, id: u32) -> Option<Closed> {
        self.reset.find(id).or_else(|| self.ended.find(id))
    }

    /// Nobody holds the stream any more.
    pub(super) fn release(&mut self, key: Key) {
        self.places[key.0 as usize] = None;
        self.free.push(key.0);
        if self.held() == 0 {
            self.places.clear();
            self.free.clear();
        }
    }

    /// Those that are open, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Key> {
        self.open.iter().map(|(_, key)| *key)
    }

    /// All that are held.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.places.iter_mut().flatten()
    }

    /// Gives memory back while no stream is held.
    pub(super) fn rest(&mut self) {
        if self.held() == 0 {
            (self.places, self.free, self.open) = (Vec::new(), Vec::new(), Vec::new());
        }
    }
}

/// A key is good as long as somebody holds its stream.
const HELD: &str = "the stream of a key is held";

impl Index<Key> for Streams {
    type Output = Stream;

    fn index(&self, key: Key) -> &Stream {
        self.places[key.0 as usize].as_ref().expect(HELD)
    }
}

impl IndexMut<Key> for Streams {
    fn index_mut(&mut self, key: Key) -> &mut Stream {
        self.places[key.0 as usize].as_mut().expect(HELD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn open(streams: &mut Streams, id: u32) -> Key {
        let key = streams.hold(Stream::new(0, 1, 1, Duration::ZERO));
        streams.name(key, id);
        key
    }

    #[test]
    fn streams_are_found_while_they_are_open() {
        let mut streams = Streams::default();
        let keys = [1, 5, 9].map(|id| open(&mut streams, id));
        assert_eq!((streams.find(5), streams.find(9), streams.find(3)), (Some(keys[1]), Some(keys[2]), None));
        streams.close(5, Closed::ResetByUs);
        assert_eq!((streams.find(5), streams.closed(5), streams.open()), (None, Some(Closed::ResetByUs), 2));
        assert_eq!(streams[keys[1]].id, 5);
    }

    #[test]
    fn places_are_used_again() {
        let mut streams = Streams::default();
        let first = open(&mut streams, 1);
        let _second = open(&mut streams, 3);
        streams.close(1, Closed::Ended);
        streams.release(first);
        assert_eq!((open(&mut streams, 5), streams.held()), (first, 2));
    }

    #[test]
    fn only_the_last_few_that_closed_are_known() {
        let mut streams = Streams::default();
        for id in 1..1000 {
            streams.close(id, if id % 100 == 0 { Closed::ResetByPeer } else { Closed::Ended });
        }
        assert_eq!((streams.closed(1), streams.closed(100)), (None, Some(Closed::ResetByPeer)));
        assert_eq!((streams.closed(999), streams.closed(990)), (Some(Closed::Ended), None));
    }
}
