//! Builds the ring of a service: which backend takes the new flows of which slot.
//!
//! ```text
//! previous table ─ forget who left ─ quotas ─ walk ─ next table
//!                                      │        │
//!                    share of weight, exact     who lacks slots takes vacant ones and those of
//!                    to one slot                members over quota, along its own permutation
//! ```
//!
//! The permutations are those of Maglev (Eisenbud et al., NSDI 2016, §3.4), the filling is not:
//! - A slot moves only if its owner left or has more than its quota. Maglev fills every table from
//!   nothing and so moves slots between members that stay.
//! - A member whose next slot is taken has spent its turn, where Maglev lets it go on to the next
//!   free one. So members meet at a slot in an order that hardly depends on who else is there, and
//!   even two tables built from nothing differ by half of what Maglev's would.
//!
//! The table depends on the previous one and on the set of members, never on their order.

#[cfg(test)]
mod tests;

/// One backend that takes new flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// What the table's slots name it by; unique among the members.
    pub id: u16,
    /// Its part of the new flows, relative to the others' weights. 0 takes none.
    pub weight: u32,
    /// Hash of what the backend is (address and port), the same on every node and after every
    /// restart: it alone decides which slots the backend prefers.
    pub key: u64,
}

/// A slot that no member owns yet.
const VACANT: u16 = u16::MAX;

/// The next table, with the fewest slots moved that balance allows.
///
/// `previous` names members by the same ids; ids that no longer stand for a member are slots to
/// give away. A `previous` of another length than `slots` is no help and is not looked at.
/// Every member gets its exact share of the slots, rounded up or down. Without members that have
/// weight the ring is empty (length 0).
pub fn build(previous: Option<&[u16]>, members: &[Member], slots: usize) -> Vec<u16> {
    let mut seats: Vec<Member> = members.iter().copied().filter(|m| m.weight > 0).collect();
    seats.sort_unstable_by_key(|m| (m.key, m.id));
    if seats.is_empty() || slots == 0 {
        return Vec::new();
    }
    let mut table = match previous.filter(|table| table.len() == slots) {
        Some(previous) => seat_of_slots(previous, &seats),
        None => vec![VACANT; slots],
    };
    let held = count(&table, seats.len());
    let quotas = quotas(&seats, &held, slots);
    fill(&mut table, &seats, &held, &quotas);
    for slot in &mut table {
        *slot = seats[usize::from(*slot)].id;
    }
    table
}

/// Translates ids into positions in `seats`.
fn seat_of_slots(previous: &[u16], seats: &[Member]) -> Vec<u16> {
    let mut seat_of_id = vec![VACANT; usize::from(u16::MAX) + 1];
    for (seat, member) in seats.iter().enumerate() {
        seat_of_id[usize::from(member.id)] = seat as u16;
    }
    previous.iter().map(|id| seat_of_id[usize::from(*id)]).collect()
}

fn count(table: &[u16], seats: usize) -> Vec<u32> {
    let mut held = vec![0; seats];
    for seat in table.iter().filter(|seat| **seat != VACANT) {
        held[usize::from(*seat)] += 1;
    }
    held
}

/// How many slots each member shall own: its share by weight rounded down, and one more for as many
/// members as it takes to own all slots. The one more goes to members that own it already, so that
/// rounding moves nothing, then to those with the largest remainder.
fn quotas(seats: &[Member], held: &[u32], slots: usize) -> Vec<u32> {
    let total: u64 = seats.iter().map(|m| u64::from(m.weight)).sum();
    let share = |m: &Member| slots as u64 * u64::from(m.weight);
    let mut quotas: Vec<u32> = seats.iter().map(|m| (share(m) / total) as u32).collect();
    let left = slots - quotas.iter().sum::<u32>() as usize;
    let mut order: Vec<usize> =
        (0..seats.len()).filter(|seat| !share(&seats[*seat]).is_multiple_of(total)).collect();
    order.sort_by_key(|seat| {
        let owned = held[*seat] > quotas[*seat];
        (!owned, std::cmp::Reverse(share(&seats[*seat]) % total), *seat)
    });
    for seat in order.into_iter().take(left) {
        quotas[seat] += 1;
    }
    quotas
}

/// Gives every vacant slot, and every slot above its owner's quota, to a member below its quota.
///
/// Members below quota walk side by side, each at the pace of its weight, until they have enough.
/// A walk passes by slots whose owner is within its quota, which stays so: nobody walks its
/// permutation twice, and as many slots are to give as are lacked, so all walks end.
fn fill(table: &mut [u16], seats: &[Member], held: &[u32], quotas: &[u32]) {
    let mut surplus: Vec<u32> =
        held.iter().zip(quotas).map(|(held, quota)| held.saturating_sub(*quota)).collect();
    let mut walks: Vec<Walk> = Vec::new();
    for (seat, member) in seats.iter().enumerate() {
        let lacks = quotas[seat].saturating_sub(held[seat]);
        walks.push(Walk::new(seat as u16, member, lacks, table.len()));
    }
    loop {
        walks.retain(|walk| walk.lacks > 0);
        if walks.is_empty() {
            return;
        }
        // One step each on average, so that a round costs what it achieves, whatever the weights.
        let walkers = walks.len() as u64;
        let total: u64 = walks.iter().map(|walk| walk.weight).sum();
        for walk in &mut walks {
            walk.credit += walk.weight * walkers;
            while walk.credit >= total && walk.lacks > 0 {
                walk.credit -= total;
                walk.step(table, &mut surplus);
            }
        }
    }
}

/// A member's way through the slots, in the order in which it prefers them.
struct Walk {
    seat: u16,
    weight: u64,
    lacks: u32,
    /// Steps it may take, in parts of the walkers' total weight.
    credit: u64,
    at: usize,
    skip: usize,
}

impl Walk {
    fn new(seat: u16, member: &Member, lacks: u32, slots: usize) -> Self {
        let at = (mix(member.key) % slots as u64) as usize;
        let mut skip = 1 + (mix(!member.key) % (slots as u64 - 1).max(1)) as usize;
        // A step that shares no factor with the length visits every slot; the usual lengths are
        // prime, and any step does.
        while gcd(skip, slots) != 1 {
            skip -= 1;
        }
        Self { seat, weight: u64::from(member.weight), lacks, credit: 0, at, skip }
    }

    /// Takes the next slot on the way if it is vacant or its owner has too many.
    fn step(&mut self, table: &mut [u16], surplus: &mut [u32]) {
        let slots = table.len();
        let slot = &mut table[self.at];
        self.at += self.skip;
        if self.at >= slots {
            self.at -= slots;
        }
        if *slot != VACANT {
            let surplus = &mut surplus[usize::from(*slot)];
            if *surplus == 0 {
                return;
            }
            *surplus -= 1;
        }
        *slot = self.seat;
        self.lacks -= 1;
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The finaliser of splitmix64 (Steele, Lea and Flood, OOPSLA 2014): spreads keys that are alike.
fn mix(key: u64) -> u64 {
    let key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}
