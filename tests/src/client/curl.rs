//! Transfers by `curl`, a client that is not ours, checked against the content of the origins.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::lab::Namespace;
use crate::origin::content;

/// Downloads `total` bytes and compares length and CRC-32.
///
/// # Errors
/// With what curl says, or what differs.
pub fn download(namespace: &Namespace, from: SocketAddr, total: u64, patience: Duration) -> Result<()> {
    let mut curl = curl(namespace, patience);
    let mut child = spawn(curl.arg(format!("http://{from}/bytes/{total}")))?;
    let mut received = child.stdout.take().context("curl has no standard output")?;
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut length = 0;
    loop {
        let read = received.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        length += read as u64;
    }
    finish(child)?;
    ensure!(length == total, "{length} of {total} bytes came");
    compare(hasher.finalize(), content::checksum(total))
}

/// Uploads `total` bytes and compares the CRC-32 that the origin found.
///
/// # Errors
/// With what curl says, or what differs.
pub fn upload(namespace: &Namespace, to: SocketAddr, total: u64, patience: Duration) -> Result<()> {
    let mut curl = curl(namespace, patience);
    curl.args(["--upload-file", "-", "-H", "Expect:"]).stdin(Stdio::piped());
    let mut child = spawn(curl.arg(format!("http://{to}/")))?;
    let mut input = child.stdin.take().context("curl has no standard input")?;
    // A failure here is curl going away, which says why itself.
    let _ = content::chunks(total).try_for_each(|chunk| input.write_all(&chunk));
    drop(input);
    let found = finish(child)?;
    let found =
        u32::from_str_radix(found.trim(), 16).with_context(|| format!("the origin said {found:?}"))?;
    compare(found, content::checksum(total))
}

/// Fetches a small page.
///
/// # Errors
/// With what curl says.
pub fn get(namespace: &Namespace, from: SocketAddr, path: &str, patience: Duration) -> Result<String> {
    finish(spawn(curl(namespace, patience).arg(format!("http://{from}{path}")))?)
}

fn curl(namespace: &Namespace, patience: Duration) -> Command {
    let mut curl = namespace.command("curl");
    curl.args(["--silent", "--show-error", "--fail", "--globoff", "--noproxy", "*", "--max-time"]);
    curl.arg(patience.as_secs_f64().to_string());
    curl
}

fn spawn(curl: &mut Command) -> Result<Child> {
    curl.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot run curl: install it")
}

fn finish(child: Child) -> Result<String> {
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn compare(found: u32, expected: u32) -> Result<()> {
    ensure!(found == expected, "the checksum is {found:08x}, not {expected:08x}");
    Ok(())
}
