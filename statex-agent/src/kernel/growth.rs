//! Growth of the part of the flow table that is in use.
//!
//! A packet of a known flow reads one line of the table. Where lines in use lie close together they stay in the
//! caches of the CPU and of its page tables, so few lines are in use until the flows need more.
//!
//! ```text
//! 65,536 lines ──▶ 1,048,576 ──▶ … ──▶ the whole table     (more running flows than lines: the next step)
//! ```
//!
//! The programs look for a flow where it belongs now, then where it belonged before, and move it. A flow that is
//! silent through two steps is hashed again.

use std::{io, mem::offset_of, time::Duration};

use statex_common::{
    abi::{Control, FlowLine, FlowMasks, Node},
    flow::State,
};

use super::rows::Rows;

/// How often the table is looked at.
const TURN: Duration = Duration::from_millis(250);
/// Lines that are looked at: the hash spreads flows evenly, so that they stand for all.
const SAMPLE: u32 = 1024;
/// By how much the lines in use are multiplied.
const STEP: u32 = 16;

/// The part of a table that is to be in use next when `running` flows were found in `lines` lines; None when what is
/// in use is enough, or all there is. `table` is the lines of the whole table less one.
pub fn next(masks: FlowMasks, running: u64, lines: u32, table: u32) -> Option<FlowMasks> {
    // Of flows that come one a line on average, one in 270 meets a line that has five others (Poisson).
    if masks.now >= table || running <= u64::from(lines) {
        return None;
    }
    let now = ((masks.now + 1).saturating_mul(STEP) - 1).min(table);
    Some(FlowMasks { now, before: masks.now })
}

/// The part of a table that so many running flows come to use.
pub fn enough_for(flows: u64, table: u32) -> FlowMasks {
    let mut masks = FlowMasks::from_word(0, table);
    while let Some(grown) = next(masks, flows, masks.now.saturating_add(1), table) {
        masks = grown;
    }
    FlowMasks { before: masks.now, ..masks }
}

/// The flow table of a loaded object and the word that says how much of it is in use.
pub struct Growth {
    control: Rows<Control>,
    flows: Rows<FlowLine>,
    table: u32,
    /// Turns after which no flow is worth looking for where it was before.
    memory: u64,
    /// Turns since the last step.
    turns: u64,
}

impl Growth {
    /// `node` holds the constants that the object was loaded with.
    pub fn new(control: Rows<Control>, flows: Rows<FlowLine>, node: &Node) -> Self {
        let idle = Duration::from_nanos(u64::from(node.tcp_idle.get().max(node.udp_idle.get())) << 30);
        let memory = (idle.as_millis() / TURN.as_millis()) as u64;
        Self { control, flows, table: node.flow_mask.get(), memory, turns: 0 }
    }

    /// Looks at the table and lets it grow by a step where it must; says how much is in use then.
    ///
    /// # Errors
    ///
    /// The maps cannot be mapped.
    pub fn turn(&mut self) -> io::Result<FlowMasks> {
        let word = self.control.get(0)?.map_or(0, |control| control.flows.get());
        let masks = FlowMasks::from_word(word, self.table);
        let lines = SAMPLE.min(masks.now.saturating_add(1));
        self.turns += 1;
        let changed = match next(masks, self.running(lines)?, lines, self.table) {
            Some(grown) => {
                self.turns = 0;
                grown
            }
            None if masks.before != masks.now && self.turns > self.memory => {
                FlowMasks { before: masks.now, ..masks }
            }
            None => return Ok(masks),
        };
        self.control.visit(0..1)?.put_word(0, offset_of!(Control, flows), changed.word());
        Ok(changed)
    }

    /// Confirmed flows in the first lines. Those that have long been silent count, too: they give way only where
    /// their line is full.
    fn running(&self, lines: u32) -> io::Result<u64> {
        let visit = self.flows.visit(0..lines)?;
        let confirmed = |line: &FlowLine| {
            line.keys.iter().filter(|key| State::of(key.get()) == State::Confirmed).count() as u64
        };
        Ok(visit.rows().filter_map(|line| visit.get(line)).map(|line| confirmed(&line)).sum())
    }
}

/// Lets the table grow as long as the agent runs.
pub async fn watch(mut growth: Growth) {
    let mut turn = tokio::time::interval(TURN);
    let mut seen = None;
    loop {
        turn.tick().await;
        match growth.turn() {
            Ok(masks) if seen.replace(masks.now).is_some_and(|before| before != masks.now) => {
                tracing::info!(lines = masks.now + 1, "more of the flow table is in use");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot look at the flow table; it does not grow"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: u32 = (1 << 20) - 1;
    const NEW: FlowMasks = FlowMasks { now: FlowMasks::LEAST, before: FlowMasks::LEAST };

    #[test]
    fn few_flows_keep_the_table_small() {
        assert_eq!(next(NEW, 1024, 1024, TABLE), None);
    }

    #[test]
    fn many_flows_make_it_grow_and_remember_where_they_were() {
        let grown = next(NEW, 1025, 1024, TABLE).unwrap();
        assert_eq!(grown, FlowMasks { now: TABLE, before: FlowMasks::LEAST });
    }

    #[test]
    fn growth_ends_with_the_table() {
        let grown = next(FlowMasks { now: (1 << 18) - 1, before: 0 }, 5120, 1024, TABLE).unwrap();
        assert_eq!(grown.now, TABLE);
        assert_eq!(next(grown, 5120, 1024, TABLE), None);
    }

    #[test]
    fn a_table_smaller_than_the_least_part_is_in_use_whole() {
        assert_eq!(enough_for(1_000_000, 255), FlowMasks { now: 255, before: 255 });
    }

    #[test]
    fn parts_follow_the_number_of_flows() {
        let lines = |flows| enough_for(flows, TABLE).now + 1;
        assert_eq!([4_096, 65_536, 1_000_000].map(lines), [1 << 16, 1 << 16, 1 << 20]);
    }
}
