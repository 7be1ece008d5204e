//! Which Debian packages are missing, found by the programs they bring: a system may have those by another name.

use super::Need;
use crate::exec;

/// A program, the Debian package that has it, and what it is needed for.
struct Tool {
    need: Need,
    program: &'static str,
    package: &'static str,
}

const fn tool(need: Need, program: &'static str, package: &'static str) -> Tool {
    Tool { need, program, package }
}

const TOOLS: [Tool; 12] = [
    tool(Need::Lab, "ip", "iproute2"),
    tool(Need::Lab, "ethtool", "ethtool"),
    tool(Need::Lab, "bpftool", "bpftool"),
    tool(Need::Lab, "tcpdump", "tcpdump"),
    tool(Need::Lab, "curl", "curl"),
    tool(Need::Lab, "ping", "iputils-ping"),
    tool(Need::Lab, "python3", "python3"),
    tool(Need::Bench, "trafgen", "netsniff-ng"),
    tool(Need::Kernels, "qemu-system-x86_64", "qemu-system-x86"),
    tool(Need::Kernels, "cpio", "cpio"),
    tool(Need::Kernels, "dpkg-deb", "dpkg"),
    tool(Need::Dist, "dpkg-deb", "dpkg"),
];

/// The packages that `needs` ask for and whose programs are not `there`.
pub(super) fn missing(needs: &[Need], there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let absent = |tool: &&Tool| needs.contains(&tool.need) && !there(tool.program);
    let mut packages: Vec<_> = TOOLS.iter().filter(absent).map(|tool| tool.package).collect();
    packages.dedup();
    packages
}

/// Whether a program is on the search path, or where only root's search path leads.
pub(super) fn is_installed(program: &str) -> bool {
    exec::find(program).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_needed_and_absent_is_missing() {
        let has_ip_only = |program: &str| program == "ip";
        assert_eq!(missing(&[Need::Bench], has_ip_only), ["netsniff-ng"]);
        assert!(!missing(&[Need::Lab], has_ip_only).contains(&"iproute2"));
        assert!(missing(&[], has_ip_only).is_empty());
    }

    #[test]
    fn package_of_two_needs_is_installed_once() {
        assert_eq!(missing(&[Need::Kernels, Need::Dist], |program| program != "dpkg-deb"), ["dpkg"]);
    }
}
