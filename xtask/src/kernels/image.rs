//! Debian's cloud kernels: small, BPF and serial console built in, no module needed to boot.

use crate::setup::apt;
use crate::{exec, workspace};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The kernel image of the newest package of a series, downloaded once; `None` where apt has none.
pub(super) fn find(series: &str) -> Result<Option<PathBuf>> {
    let dir = workspace::root().join("target/kernels").join(series);
    if let Some(image) = unpacked(&dir) {
        return Ok(Some(image));
    }
    let Some(package) = package(series)? else {
        return Ok(None);
    };
    download(&package, &dir)?;
    let image = unpacked(&dir).with_context(|| format!("{package} has no /boot/vmlinuz"))?;
    Ok(Some(image))
}

fn unpacked(dir: &Path) -> Option<PathBuf> {
    let is_image = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with("vmlinuz")
    };
    let boot = std::fs::read_dir(dir.join("boot")).ok()?;
    boot.filter_map(|entry| Some(entry.ok()?.path())).find(is_image)
}

/// The package's name, from lists that are read anew when they know none.
fn package(series: &str) -> Result<Option<String>> {
    if !apt::available() {
        return Ok(None);
    }
    let pattern = format!("^linux-image-{}[.]", series.replace('.', "[.]"));
    let mut search = exec::command("apt-cache");
    search.args(["search", "--names-only", &pattern]);
    if let Some(name) = newest(&exec::output(&mut search)?) {
        return Ok(Some(name));
    }
    apt::update()?;
    Ok(newest(&exec::output(&mut search)?))
}

/// The newest signed cloud kernel among the lines of `apt-cache search`: `name - description`.
fn newest(found: &str) -> Option<String> {
    let names = found.lines().filter_map(|line| line.split(' ').next());
    let signed = names.filter(|name| name.ends_with("-cloud-amd64"));
    signed.max_by_key(|name| numbers(name)).map(str::to_owned)
}

/// The numbers in a package's name, which order its versions: `6.1.0-9` is older than `6.1.0-10`.
fn numbers(name: &str) -> Vec<u32> {
    let digits = name.split(|c: char| !c.is_ascii_digit());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

fn download(package: &str, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut download = exec::command("apt-get");
    download.args(["download", "--quiet", package, "-o", "APT::Sandbox::User=root"]).current_dir(dir);
    exec::run(&mut exec::within(Duration::from_secs(300), &download))?;
    let unpack = format!(
        "dpkg-deb --fsys-tarfile {package}_*.deb | tar --extract --wildcards './boot/vmlinuz*' && rm {package}_*.deb"
    );
    exec::run(exec::command("sh").args(["-c", &unpack]).current_dir(dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_signed_cloud_kernel_is_taken() {
        let found = "\
linux-image-6.1.0-9-cloud-amd64 - Linux 6.1 for x86-64 cloud (signed)
linux-image-6.1.0-10-cloud-amd64 - Linux 6.1 for x86-64 cloud (signed)
linux-image-6.1.0-11-cloud-amd64-unsigned - Linux 6.1 for x86-64 cloud
linux-image-6.1.0-11-amd64 - Linux 6.1 for 64-bit PCs (signed)";
        assert_eq!(newest(found).as_deref(), Some("linux-image-6.1.0-10-cloud-amd64"));
        assert_eq!(newest(""), None);
    }
}
