//! The Debian package, made by dpkg-deb from a tree as it will lie on the host.

use super::tarball::DOCUMENTS;
use super::tree::{DATA, PRIVATE, PROGRAM, Tree};
use super::{VERSION, packaging};
use crate::{exec, workspace};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// What an operator edits; an upgrade leaves it as it is.
const CONFFILES: &str = "/etc/statex/statex.toml\n/etc/statex/backend.env\n";

pub(super) fn make(binary: &Path, dist: &Path) -> Result<PathBuf> {
    let tree = Tree::new(dist.join("deb"))?;
    tree.copy(binary, "usr/bin/statex", PROGRAM)?;
    tree.copy(&workspace::root().join("config/statex.toml"), "etc/statex/statex.toml", PRIVATE)?;
    tree.copy(&packaging("backend.env"), "etc/statex/backend.env", DATA)?;
    for unit in ["statex.service", "statex-backend.service"] {
        tree.copy(&packaging(unit), &format!("usr/lib/systemd/system/{unit}"), DATA)?;
    }
    tree.copy(&packaging("deb/copyright"), "usr/share/doc/statex/copyright", DATA)?;
    for document in DOCUMENTS {
        tree.copy(&workspace::root().join(document), &format!("usr/share/doc/statex/{document}"), DATA)?;
    }
    tree.write("DEBIAN/control", control(tree.kib()?)?.as_bytes(), DATA)?;
    tree.write("DEBIAN/conffiles", CONFFILES.as_bytes(), DATA)?;
    for script in ["postinst", "prerm", "postrm"] {
        tree.copy(&packaging(&format!("deb/{script}")), &format!("DEBIAN/{script}"), PROGRAM)?;
    }
    let package = dist.join(format!("statex_{VERSION}_amd64.deb"));
    let mut dpkg = exec::command("dpkg-deb");
    exec::run(dpkg.args(["--root-owner-group", "--build"]).arg(tree.root()).arg(&package))?;
    Ok(package)
}

fn control(kib: u64) -> Result<String> {
    let template = packaging("deb/control");
    let text =
        std::fs::read_to_string(&template).with_context(|| format!("cannot read {}", template.display()))?;
    Ok(text.replace("{version}", VERSION).replace("{kib}", &kib.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_names_version_and_size() {
        let control = control(42).unwrap();
        assert!(control.contains(&format!("Version: {VERSION}\n")));
        assert!(control.contains("Installed-Size: 42\n"));
        assert!(!control.contains('{'));
    }
}
