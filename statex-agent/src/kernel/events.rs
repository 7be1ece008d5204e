//! Sampled flow events from the kernel's ring buffer, as JSON for people and tools.

use std::{net::IpAddr, sync::Arc, time::Duration};

use aya::maps::{MapData, RingBuf};
use serde::Serialize;
use statex_common::abi::{Event, EventKind, Row};
use tokio::{sync::broadcast, time::MissedTickBehavior};

/// Time between two looks at the ring buffer.
const TURN: Duration = Duration::from_millis(50);

/// A flow event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlowEvent {
    /// `opened`, `closing`, `moved` or `dropped`.
    pub event: &'static str,
    /// Nanoseconds of the kernel's monotonic clock.
    pub at: u64,
    pub source: IpAddr,
    pub source_port: u16,
    pub destination: IpAddr,
    pub destination_port: u16,
    pub protocol: &'static str,
    /// Id of the service's row.
    pub service: u16,
    /// Id of the backend's row; 0: none.
    pub backend: u16,
}

impl FlowEvent {
    /// A record of the ring buffer; None for one of a kind that this binary does not know.
    fn read(record: &[u8]) -> Option<Self> {
        let event = Event::from_bytes(record.get(..size_of::<Event>())?.try_into().ok()?);
        let known = [(EventKind::Opened, "opened"), (EventKind::Moved, "moved")];
        let (_, name) = *known.iter().find(|(kind, _)| *kind as u8 == event.kind)?;
        Some(Self {
            event: name,
            at: event.at,
            source: event.source.into(),
            source_port: u16::from_be_bytes(event.source_port),
            destination: event.destination.into(),
            destination_port: u16::from_be_bytes(event.destination_port),
            protocol: match event.protocol {
                6 => "tcp",
                17 => "udp",
                _ => "other",
            },
            service: event.service,
            backend: event.backend,
        })
    }
}

/// Reads events for good, and tells them to whoever listens.
///
/// The ring buffer is looked at in turns: it holds thousands of events, and sampled ones are in no hurry.
pub async fn watch(mut events: RingBuf<MapData>, listeners: broadcast::Sender<Arc<str>>) {
    let mut turn = tokio::time::interval(TURN);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        while let Some(record) = events.next() {
            // Without a listener nothing is formatted; the record is consumed all the same.
            if listeners.receiver_count() > 0
                && let Some(event) = FlowEvent::read(&record)
                && let Ok(line) = serde_json::to_string(&event)
            {
                // Listeners that left meanwhile need it no more.
                let _ = listeners.send(line.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: u8) -> Event {
        let address = |text: &str| text.parse::<IpAddr>().unwrap().into();
        Event {
            at: 7,
            source: address("192.0.2.1"),
            destination: address("2001:db8::1"),
            source_port: [0x04, 0x00],
            destination_port: [0, 80],
            service: 1,
            backend: 2,
            kind,
            protocol: 6,
            reserved: [0; 6],
        }
    }

    #[test]
    fn record_reads_as_a_line_of_json() {
        let event = FlowEvent::read(&event(EventKind::Opened as u8).to_bytes()).unwrap();
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(
            line,
            r#"{"event":"opened","at":7,"source":"192.0.2.1","source_port":1024,"destination":"2001:db8::1","destination_port":80,"protocol":"tcp","service":1,"backend":2}"#
        );
    }

    #[test]
    fn odd_records_are_skipped() {
        assert_eq!(FlowEvent::read(&[1, 2, 3]), None);
        assert_eq!(FlowEvent::read(&event(99).to_bytes()), None);
    }
}
