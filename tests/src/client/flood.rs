//! A SYN flood with forged sources, bounded in number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::RawSender;
use crate::lab::Namespace;
use crate::packet::tcp;

/// Packets between two looks at the clock.
const BURST: u32 = 64;

/// SYNs that are being sent.
#[derive(Debug)]
pub struct Flood {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<u32>>,
}

impl Flood {
    /// Starts sending at most `count` SYNs, each from another address and port, `per_second` of them.
    pub fn start(namespace: &Namespace, target: SocketAddr, count: u32, per_second: u32) -> Result<Self> {
        let namespace = namespace.try_clone()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            namespace.enter()?;
            send(target, count, per_second, &stopped)
        });
        Ok(Self { stop, thread })
    }

    /// Stops, and says how many were sent.
    pub fn finish(self) -> Result<u32> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the flood panicked"))?
    }
}

fn send(target: SocketAddr, count: u32, per_second: u32, stop: &AtomicBool) -> Result<u32> {
    let sender = RawSender::open(target.ip()).context("cannot open a raw socket")?;
    let pause = Duration::from_secs(1) * BURST / per_second;
    let start = Instant::now();
    for index in 0..count {
        if index % BURST == 0 {
            if stop.load(Ordering::Relaxed) {
                return Ok(index);
            }
            thread::sleep((start + pause * (index / BURST)).saturating_duration_since(Instant::now()));
        }
        // A full queue drops the packet, as a full link would.
        let _ = sender.send(&tcp(&forged(target, index).to_string(), &target.to_string()).syn());
    }
    Ok(count)
}

/// A source that no other packet of the flood has, out of 10.0.0.0/8 or fd10::/16.
fn forged(target: SocketAddr, index: u32) -> SocketAddr {
    let mixed = index.wrapping_mul(0x9e37_79b1);
    let port = 1024 + (mixed % 60_000) as u16;
    let address: IpAddr = match target {
        SocketAddr::V4(_) => Ipv4Addr::from(10 << 24 | mixed >> 8).into(),
        SocketAddr::V6(_) => Ipv6Addr::from(0xfd10 << 112 | u128::from(mixed)).into(),
    };
    SocketAddr::new(address, port)
}
