//! Room for rings: a new ring is written beside the one it takes the place of, and the old one's room is
//! used again when no packet reads it any more.

use super::GRACE;
use crate::clock::Moment;
use crate::kernel::image::Region;
use std::collections::{BTreeMap, VecDeque};

/// The slots of `RINGS`, and who has them.
#[derive(Clone, Debug)]
pub struct Regions {
    slots: u32,
    /// First slot and one past the last, of all that are not free.
    taken: BTreeMap<u32, u32>,
    /// Given back, in the order of time, with the moment from which they are free.
    cooling: VecDeque<(Moment, u32)>,
}

impl Regions {
    pub fn new(slots: u32) -> Self {
        Self { slots, taken: BTreeMap::new(), cooling: VecDeque::new() }
    }

    /// Frees what was given back long enough ago.
    pub fn expire(&mut self, now: Moment) {
        while let Some((free, base)) = self.cooling.front()
            && *free <= now
        {
            self.taken.remove(base);
            self.cooling.pop_front();
        }
    }

    /// The lowest room for a ring of `len` slots.
    ///
    /// # Errors
    /// The moment when all that was given back will be free: fewer, larger rounds than taking each piece as it
    /// comes. `None` if there is nothing to wait for.
    pub fn find(&self, len: u32) -> Result<Region, Option<Moment>> {
        let mut base = 0;
        for (start, end) in &self.taken {
            if start - base >= len {
                return Ok(Region { base, len });
            }
            base = *end;
        }
        match self.slots.saturating_sub(base) >= len {
            true => Ok(Region { base, len }),
            false => Err(self.cooling.back().map(|(free, _)| *free)),
        }
    }

    /// Notes that a ring lies there now.
    pub fn claim(&mut self, region: Region) {
        if region.len > 0 {
            self.taken.insert(region.base, region.base + region.len.next_multiple_of(2));
        }
    }

    /// Takes a ring's room back.
    pub fn release(&mut self, region: Region, now: Moment) {
        if region.len > 0 {
            self.cooling.push_back((now + GRACE, region.base));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(regions: &mut Regions, len: u32) -> Option<u32> {
        let region = regions.find(len).ok()?;
        regions.claim(region);
        Some(region.base)
    }

    #[test]
    fn rings_begin_at_even_slots() {
        let mut regions = Regions::new(20);
        assert_eq!(take(&mut regions, 7), Some(0));
        assert_eq!(take(&mut regions, 7), Some(8));
        assert_eq!(regions.find(7), Err(None));
    }

    #[test]
    fn room_is_used_again_only_after_the_grace_period() {
        let mut regions = Regions::new(8);
        take(&mut regions, 7);
        regions.release(Region { base: 0, len: 7 }, Moment::ZERO);
        regions.expire(GRACE / 2);
        assert_eq!(regions.find(7), Err(Some(GRACE)));
        regions.expire(GRACE);
        assert_eq!(take(&mut regions, 7), Some(0));
    }

    #[test]
    fn neighbours_that_are_free_make_room_together() {
        let mut regions = Regions::new(20);
        for base in [take(&mut regions, 9), take(&mut regions, 9)] {
            regions.release(Region { base: base.unwrap(), len: 9 }, Moment::ZERO);
        }
        regions.expire(GRACE);
        assert_eq!(take(&mut regions, 19), Some(0));
        assert_eq!(regions.find(1), Err(None));
    }

    proptest! {
        #[test]
        fn no_two_rings_overlap(steps in prop::collection::vec((1u32..30, any::<prop::sample::Index>()), 1..60)) {
            let (mut regions, mut live) = (Regions::new(200), Vec::<Region>::new());
            for (second, (len, victim)) in steps.into_iter().enumerate() {
                let now = Moment::from_millis(second as u64 * 7);
                regions.expire(now);
                if let Ok(region) = regions.find(len) {
                    regions.claim(region);
                    prop_assert!(region.base % 2 == 0 && region.base + region.len <= 200);
                    for other in &live {
                        let apart = region.base + region.len <= other.base || other.base + other.len <= region.base;
                        prop_assert!(apart, "{region:?} and {other:?}");
                    }
                    live.push(region);
                } else if !live.is_empty() {
                    let region = live.swap_remove(victim.index(live.len()));
                    regions.release(region, now);
                }
            }
        }
    }
}
