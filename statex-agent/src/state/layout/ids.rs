//! Ids of rows: the one that was unused for the longest time is given out first.

use super::GRACE;
use crate::clock::Moment;
use statex_common::abi::Egress;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Ids from 1 up; 0 is never given out.
#[derive(Clone, Debug)]
pub struct Ids {
    /// First id that was never used.
    fresh: u32,
    end: u32,
    /// In the order in which they were given back, with the moment from which they may be used.
    free: VecDeque<(Moment, u16)>,
    /// Generation in which an id was last used. One that never was, as a row of zeros tells, counts as 0:
    /// so a free row of generation 0 and one that was never used need not be told apart.
    generations: BTreeMap<u16, u8>,
}

impl Ids {
    /// For a table of so many rows, row 0 included.
    pub fn new(rows: u32) -> Self {
        let end = rows.min(u32::from(u16::MAX) + 1);
        Self { fresh: 1, end, free: VecDeque::new(), generations: BTreeMap::new() }
    }

    /// Continues where a table was left: the ids in use, and the generation of each that ever was. Ids that
    /// are not in use count as given back `now`.
    pub fn found(rows: u32, used: &BTreeSet<u16>, generations: BTreeMap<u16, u8>, now: Moment) -> Self {
        let last = used.iter().chain(generations.keys()).max();
        let fresh = last.map_or(1, |last| u32::from(*last) + 1);
        let unused = (1..fresh).map(|id| id as u16).filter(|id| !used.contains(id));
        let free = unused.map(|id| (now + GRACE, id)).collect();
        Self { fresh, free, generations, ..Self::new(rows) }
    }

    /// The id to use next and its generation.
    ///
    /// # Errors
    /// The moment when there will be one; `None` if all are in use.
    pub fn next(&self, now: Moment) -> Result<(u16, u8), Option<Moment>> {
        if self.fresh < self.end {
            return Ok((self.fresh as u16, self.generation(self.fresh as u16)));
        }
        match self.free.front() {
            Some((ready, id)) if *ready <= now => Ok((*id, self.generation(*id))),
            Some((ready, _)) => Err(Some(*ready)),
            None => Err(None),
        }
    }

    /// Notes that an id is in use now.
    pub fn claim(&mut self, id: u16) {
        self.generations.insert(id, self.generation(id));
        match u32::from(id) >= self.fresh {
            true => self.fresh = u32::from(id) + 1,
            false => self.free.retain(|(_, free)| *free != id),
        }
    }

    /// Takes an id back.
    pub fn release(&mut self, id: u16, now: Moment) {
        self.free.push_back((now + GRACE, id));
    }

    /// The generation in which an id will be used next.
    fn generation(&self, id: u16) -> u8 {
        (self.generations.get(&id).copied().unwrap_or(0) + 1) % Egress::GENERATIONS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn take(ids: &mut Ids, now: Moment) -> Option<(u16, u8)> {
        let next = ids.next(now).ok()?;
        ids.claim(next.0);
        Some(next)
    }

    #[test]
    fn ids_begin_at_one_and_end_with_the_table() {
        let mut ids = Ids::new(3);
        assert_eq!(take(&mut ids, Moment::ZERO), Some((1, 1)));
        assert_eq!(take(&mut ids, Moment::ZERO), Some((2, 1)));
        assert_eq!(ids.next(Moment::ZERO), Err(None));
    }

    #[test]
    fn an_id_comes_again_after_all_others_with_the_next_generation() {
        let mut ids = Ids::new(4);
        take(&mut ids, Moment::ZERO);
        ids.release(1, Moment::ZERO);
        let later = Duration::from_secs(1);
        assert_eq!(take(&mut ids, later), Some((2, 1)));
        assert_eq!(take(&mut ids, later), Some((3, 1)));
        assert_eq!(take(&mut ids, later), Some((1, 2)));
    }

    #[test]
    fn an_id_just_given_back_waits() {
        let mut ids = Ids::new(2);
        take(&mut ids, Moment::ZERO);
        ids.release(1, Moment::ZERO);
        assert_eq!(ids.next(Moment::ZERO), Err(Some(GRACE)));
        assert_eq!(ids.next(GRACE), Ok((1, 2)));
    }

    #[test]
    fn generations_go_round() {
        let mut ids = Ids::found(2, &BTreeSet::new(), BTreeMap::from([(1, 31)]), Moment::ZERO);
        assert_eq!(take(&mut ids, GRACE), Some((1, 0)));
    }

    #[test]
    fn a_table_that_was_found_goes_on_where_it_was_left() {
        let used = BTreeSet::from([2]);
        let mut ids = Ids::found(9, &used, BTreeMap::from([(1, 4), (2, 7), (3, 0)]), Moment::ZERO);
        assert_eq!(take(&mut ids, Moment::ZERO), Some((4, 1)));
        ids.release(2, Moment::ZERO);
        assert_eq!(ids.generation(2), 8);
        assert_eq!(ids.generation(1), 5);
    }
}
