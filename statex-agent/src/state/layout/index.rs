//! The hashed index that leads packets to rows: which slot of which bucket has what.

use statex_common::abi::{BUCKET_SLOTS, Bucket, IndexSlot, Node};
use statex_common::shared::Shared;
use std::collections::{BTreeMap, BTreeSet};

/// The bucket that a hash belongs to is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Buckets that hold anything, as words of [`IndexSlot`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    mask: u32,
    buckets: BTreeMap<u32, [u64; BUCKET_SLOTS]>,
}

/// A slot, and what is to be written there.
pub type Step = (u32, usize, u64);

impl Index {
    pub fn new(node: &Node) -> Self {
        Self { mask: node.index_mask.get(), buckets: BTreeMap::new() }
    }

    /// Continues with what is there.
    pub fn found(node: &Node, buckets: &[Bucket]) -> Self {
        let words = buckets.iter().map(|bucket| bucket.0.each_ref().map(Shared::get));
        let used = (0..).zip(words).filter(|(_, words)| words.iter().any(|word| *word != 0));
        Self { buckets: used.collect(), ..Self::new(node) }
    }

    /// The step that leads a hash to an id; `None` if it does already.
    ///
    /// # Errors
    /// The bucket has no room.
    pub fn put(&self, hash: u64, id: u16) -> Result<Option<Step>, Full> {
        let bucket = hash as u32 & self.mask;
        let word = IndexSlot::new(hash, id).0;
        let words = self.buckets.get(&bucket).copied().unwrap_or_default();
        if words.contains(&word) {
            return Ok(None);
        }
        // One that leads the same hash elsewhere is turned round in place: no packet misses it.
        let same = words.iter().position(|other| is_taken(*other) && IndexSlot(*other).matches(hash));
        let slot = same.or_else(|| words.iter().position(|word| !is_taken(*word))).ok_or(Full)?;
        Ok(Some((bucket, slot, word)))
    }

    /// The steps that take away all slots whose hash is not wanted. Within a bucket they go from back to
    /// front, so that what is behind the last slot in use becomes free again, not just removed.
    pub fn retain(&self, wanted: &BTreeSet<u64>) -> Vec<Step> {
        let wanted: BTreeSet<_> = wanted.iter().map(|hash| (*hash as u32 & self.mask, hash >> 16)).collect();
        let mut steps = Vec::new();
        for (bucket, words) in &self.buckets {
            let mut behind = IndexSlot::FREE;
            for (slot, word) in words.iter().enumerate().rev() {
                match is_taken(*word) && wanted.contains(&(*bucket, word >> 16)) {
                    true => behind = IndexSlot::REMOVED,
                    false if *word != behind.0 => steps.push((*bucket, slot, behind.0)),
                    false => {}
                }
            }
        }
        steps
    }

    pub fn apply(&mut self, (bucket, slot, word): Step) {
        let words = self.buckets.entry(bucket).or_default();
        words[slot] = word;
        if words.iter().all(|word| *word == 0) {
            self.buckets.remove(&bucket);
        }
    }
}

fn is_taken(word: u64) -> bool {
    word != IndexSlot::FREE.0 && word != IndexSlot::REMOVED.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All hashes meet in one bucket.
    fn index() -> Index {
        let mut node = Node::NONE;
        node.index_mask = statex_common::shared::Fixed::new(0);
        Index::new(&node)
    }

    fn put(index: &mut Index, hash: u64, id: u16) -> Option<Step> {
        let step = index.put(hash, id).unwrap();
        step.into_iter().for_each(|step| index.apply(step));
        step
    }

    fn retain(index: &mut Index, wanted: &[u64]) -> Vec<Step> {
        let steps = index.retain(&wanted.iter().copied().collect());
        steps.iter().for_each(|step| index.apply(*step));
        steps
    }

    #[test]
    fn a_bucket_fills_from_the_front() {
        let mut index = index();
        assert_eq!(put(&mut index, 7 << 16, 1), Some((0, 0, 7 << 16 | 1)));
        assert_eq!(put(&mut index, 8 << 16, 2), Some((0, 1, 8 << 16 | 2)));
        assert_eq!(put(&mut index, 7 << 16, 1), None);
    }

    #[test]
    fn a_hash_that_leads_elsewhere_is_turned_in_place() {
        let mut index = index();
        put(&mut index, 7 << 16, 1);
        assert_eq!(put(&mut index, 7 << 16, 5), Some((0, 0, 7 << 16 | 5)));
    }

    #[test]
    fn what_is_removed_before_others_does_not_end_the_search() {
        let mut index = index();
        put(&mut index, 7 << 16, 1);
        put(&mut index, 8 << 16, 2);
        assert_eq!(retain(&mut index, &[8 << 16]), [(0, 0, IndexSlot::REMOVED.0)]);
        assert_eq!(put(&mut index, 9 << 16, 3), Some((0, 0, 9 << 16 | 3)));
        assert_eq!(retain(&mut index, &[9 << 16]), [(0, 1, IndexSlot::FREE.0)]);
    }

    #[test]
    fn a_ninth_in_a_bucket_has_no_place() {
        let mut index = index();
        for id in 1..=8 {
            put(&mut index, u64::from(id) << 16, id);
        }
        assert_eq!(index.put(9 << 16, 9), Err(Full));
    }
}
