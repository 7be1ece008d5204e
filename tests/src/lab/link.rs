//! Interfaces, addresses and routes, by `ip`.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::Namespace;

/// Runs lines of `ip` commands (without the word `ip`) in a namespace.
///
/// # Errors
/// With what `ip` said, when it is missing or a line fails; lines after it are not run.
pub fn ip(namespace: &Namespace, lines: &str) -> Result<()> {
    let mut child = namespace
        .command("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run nsenter: install util-linux")?;
    child.stdin.take().expect("stdin is piped").write_all(lines.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip failed: {}\nin:\n{}", said.trim(), lines.trim());
    Ok(())
}

/// Joins two namespaces by a pair of veth interfaces, both up.
///
/// A veth leaves checksums to nobody in particular, so a packet that XDP rewrites or hands to another host would
/// keep a partial one: `tx off` has them computed by the sender, and turns off segmentation offload with it. `gro on`
/// brings NAPI, without which frames that another interface redirects to the other end are lost; for `XDP_TX` that is
/// not enough ([`attach_pass`](super::attach_pass)).
pub fn join(a: (&Namespace, &str), b: (&Namespace, &str), mtu: u32) -> Result<()> {
    let ((a, a_name), (b, b_name)) = (a, b);
    let there = b.place();
    let there = there.net().display();
    ip(a, &format!("link add {a_name} mtu {mtu} type veth peer name {b_name} mtu {mtu} netns {there}\n"))?;
    for (namespace, name) in [(a, a_name), (b, b_name)] {
        let output = namespace.command("ethtool").args(["-K", name, "tx", "off", "gro", "on"]).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "ethtool failed on {name}: {}", said.trim());
        ip(namespace, &format!("link set {name} up\n"))?;
    }
    Ok(())
}
