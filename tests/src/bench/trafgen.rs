//! A public generator, trafgen of netsniff-ng, through a pair of interfaces into the data plane and back.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};

use super::live;
use super::report::{Figure, Rate, hundredths};
use super::scene::Scene;
use super::veth::{self, Pair};
use super::wrapper::Wrapper;
use crate::harness::{DataPlane as _, Kernel, Side};

/// Packets that are sent.
const PACKETS: u64 = 1_000_000;
/// trafgen gives up now and then when its ring of packets is full.
const TRIES: usize = 3;
/// One client with ports by chance, to the service that the other figures are of too.
const PACKET: &str = "{
  eth(daddr=02:00:00:00:00:01, saddr=02:00:00:00:00:fe, type=0x0800),
  ipv4(saddr=198.18.0.1, daddr=10.200.0.1, ttl=64, proto=6),
  tcp(sport=drnd(), dport=80, ack),
  fill(0x5a, 28)
}
";

/// How many of trafgen's packets are forwarded a second; nothing, aloud, when trafgen is missing.
pub(super) fn figure(
    kernel: &mut Kernel,
    wrapper: &mut Wrapper,
    scene: Scene,
    tell: &dyn Fn(&str),
) -> Result<Option<Figure>> {
    let pair = Pair::lay()?;
    kernel.reset(&live::reached_by(scene, veth::index(&pair.node, veth::NODE)?).tables());
    veth::attach(&pair.generator, veth::GENERATOR, wrapper.xdp("sink")?)?;
    let link = veth::attach(&pair.node, veth::NODE, kernel.program_mut(Side::Node))?;
    let mut outcome = Err(anyhow!("it was not started"));
    for _ in 0..TRIES {
        let before = wrapper.arrived()?;
        outcome = send(&pair).map(|seconds| (seconds, before));
        if outcome.is_ok() {
            break;
        }
    }
    kernel.program_mut(Side::Node).detach(link)?;
    let (seconds, before) = match outcome? {
        (Some(seconds), before) => (seconds, before),
        (None, _) => {
            tell("SKIPPED: there is no trafgen; install netsniff-ng");
            return Ok(None);
        }
    };
    let arrived = wrapper.arrived()? - before;
    ensure!(arrived > 0, "none of trafgen's packets came back");
    let lost = 100.0 * (1.0 - arrived as f64 / PACKETS as f64);
    Ok(Some(Figure::Rate(Rate {
        case: "trafgen",
        flows: 65_536,
        mpps: hundredths(arrived as f64 / seconds / 1e6),
        lost_percent: hundredths(lost),
        of_xdp_tx: None,
        goal: None,
    })))
}

/// Sends all packets; how many seconds that took, or nothing when there is no trafgen.
fn send(pair: &Pair) -> Result<Option<f64>> {
    let mut command = pair.generator.command("trafgen");
    command.args(["--dev", veth::GENERATOR, "--in", "-", "--cpus", "1", "--no-cpu-stats", "--num"]);
    command.arg(PACKETS.to_string()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().context("cannot run nsenter: install util-linux")?;
    // Without trafgen nobody reads; what went wrong is told below.
    let _ = child.stdin.take().expect("stdin is piped").write_all(PACKET.as_bytes());
    let output = child.wait_with_output()?;
    let seconds = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("No such file or directory") {
        return Ok(None);
    }
    ensure!(output.status.success(), "trafgen failed: {}", said.trim());
    Ok(Some(seconds))
}
