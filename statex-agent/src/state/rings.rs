//! From what a ring is made of to its slots, with the rings that are asked for again and again kept.

use crate::health::influence::Influence;
use crate::kernel::ring::{self, Member};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A ring by ids. Equal specifications have equal slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub slots: u32,
    /// In the order of their keys.
    pub seats: Vec<Seat>,
}

/// A backend's place in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seat {
    /// See [`Member::key`].
    pub key: u64,
    /// As the configuration has it: the ring of all backends goes by this.
    pub weight: u32,
    /// What is left of it just now, in parts of [`Seat::WHOLE`].
    pub share: u8,
    /// Id of the backend's row; 0 while it takes no new flows.
    pub id: u16,
}

impl Seat {
    /// All of the weight.
    pub const WHOLE: u8 = Influence::WHOLE;

    fn weight_now(&self) -> u32 {
        self.weight.saturating_mul(u32::from(self.share))
    }
}

impl Spec {
    pub fn new(slots: u32, mut seats: Vec<Seat>) -> Self {
        seats.sort_unstable_by_key(|seat| seat.key);
        Self { slots, seats }
    }

    /// Ids of the rows that the ring leads to.
    pub fn takers(&self) -> impl Iterator<Item = u16> {
        self.seats.iter().map(|seat| seat.id).filter(|id| *id != 0)
    }

    /// The members of the ring of all backends, named by their place.
    fn members(&self) -> impl Iterator<Item = Member> {
        let member = |(place, seat): (u16, &Seat)| Member { id: place, weight: seat.weight, key: seat.key };
        (0..).zip(&self.seats).map(member)
    }
}

/// Builds rings. The ring of all backends depends on the configuration alone, and the one in use starts
/// from it: so a backend that comes back gets its slots back, nothing depends on what happened before, and
/// nodes with the same configuration agree.
#[derive(Debug, Default)]
pub struct Rings {
    /// Rings of all backends, those used last in front. Services that share a pool share them.
    full: VecDeque<(u64, Arc<[u16]>)>,
}

impl Rings {
    /// How many slots of rings are kept: two bytes each.
    const KEPT: usize = 2 << 20;

    /// The row ids of a ring's slots; empty if nobody takes new flows.
    pub fn slots(&mut self, spec: &Spec) -> Vec<u16> {
        let taking: Vec<Member> = spec
            .members()
            .zip(&spec.seats)
            .filter(|(_, seat)| seat.id != 0)
            .map(|(member, seat)| Member { weight: seat.weight_now(), ..member })
            .collect();
        if taking.is_empty() {
            return Vec::new();
        }
        let full = self.full(spec);
        let whole = spec.seats.iter().all(|seat| seat.share == Seat::WHOLE);
        let mut slots = match whole && taking.len() == spec.seats.len() {
            true => full.to_vec(),
            false => ring::build(Some(&full), &taking, spec.slots as usize),
        };
        for slot in &mut slots {
            *slot = spec.seats[usize::from(*slot)].id;
        }
        slots
    }

    fn full(&mut self, spec: &Spec) -> Arc<[u16]> {
        let mut hasher = DefaultHasher::new();
        spec.slots.hash(&mut hasher);
        spec.seats.iter().for_each(|seat| (seat.key, seat.weight).hash(&mut hasher));
        let known = hasher.finish();
        let place = self.full.iter().position(|(hash, _)| *hash == known);
        let entry = place.and_then(|place| self.full.remove(place)).unwrap_or_else(|| {
            let members: Vec<Member> = spec.members().collect();
            (known, ring::build(None, &members, spec.slots as usize).into())
        });
        let full = entry.1.clone();
        self.full.push_front(entry);
        let mut kept = 0;
        self.full.retain(|(_, ring)| {
            kept += ring.len();
            kept <= Self::KEPT
        });
        full
    }
}

/// A number that tells rings apart.
pub fn digest(slots: &[u16]) -> u64 {
    let mut hasher = DefaultHasher::new();
    slots.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Backends 1 to 10, of which some take no new flows.
    fn spec(down: &[u16]) -> Spec {
        let id = |id: u16| if down.contains(&id) { 0 } else { id };
        Spec::new(
            1021,
            (1..=10)
                .map(|n| Seat { key: u64::from(n) * 7, weight: 1, share: Seat::WHOLE, id: id(n) })
                .collect(),
        )
    }

    #[test]
    fn rings_do_not_depend_on_what_was_built_before() {
        let mut rings = Rings::default();
        let before = rings.slots(&spec(&[4]));
        rings.slots(&spec(&[1, 2, 3]));
        assert_eq!(rings.slots(&spec(&[4])), before);
        assert_eq!(Rings::default().slots(&spec(&[4])), before);
    }

    #[test]
    fn survivors_keep_their_slots() {
        let mut rings = Rings::default();
        let (all, some) = (rings.slots(&spec(&[])), rings.slots(&spec(&[4, 7])));
        for (before, after) in all.iter().zip(&some) {
            assert!(before == after || [4, 7].contains(before));
        }
    }

    #[test]
    fn a_smaller_share_gives_slots_away_and_moves_no_others() {
        let mut rings = Rings::default();
        let mut half = spec(&[]);
        let seat = &mut half.seats[3];
        seat.share = Seat::WHOLE / 2;
        let id = seat.id;
        let (all, less) = (rings.slots(&spec(&[])), rings.slots(&half));
        let held = |slots: &[u16]| slots.iter().filter(|slot| **slot == id).count() as f64;
        assert!((held(&less) / held(&all) - 0.5 * 10.0 / 9.5).abs() < 0.02);
        assert!(all.iter().zip(&less).all(|(before, after)| before == after || *before == id));
    }

    #[test]
    fn the_same_backends_under_other_ids_have_the_same_places() {
        let mut rings = Rings::default();
        let renamed = Spec {
            seats: spec(&[]).seats.iter().map(|s| Seat { id: s.id + 100, ..*s }).collect(),
            ..spec(&[])
        };
        let (here, there) = (rings.slots(&spec(&[])), rings.slots(&renamed));
        assert!(here.iter().zip(&there).all(|(a, b)| a + 100 == *b));
    }

    #[test]
    fn without_takers_the_ring_is_empty() {
        assert!(Rings::default().slots(&spec(&(1..=10).collect::<Vec<_>>())).is_empty());
    }

    #[test]
    fn no_more_rings_are_kept_than_there_is_room_for() {
        let mut rings = Rings::default();
        for n in 1..100 {
            rings.slots(&Spec {
                slots: 65_537,
                seats: vec![Seat { key: n, weight: 1, share: Seat::WHOLE, id: 1 }],
            });
        }
        assert_eq!(rings.full.len(), Rings::KEPT / 65_537);
    }
}
