//! What the process may do: checked at the start with a message that helps, then cut down to what is needed.

use aya::util::KernelVersion;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

/// Something that the host lacks. The program ends with status 2.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what}: {how}")]
pub struct Missing {
    what: String,
    how: &'static str,
}

impl Missing {
    /// What is missing, and how to get it.
    pub fn new(what: impl Into<String>, how: &'static str) -> Self {
        Self { what: what.into(), how }
    }
}

/// Loading programs and maps; attaching, routes and neighbours; pointers in programs; marked probes.
const NEEDED: [(CapabilitySet, &str); 4] = [
    (CapabilitySet::BPF, "CAP_BPF"),
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
    (CapabilitySet::PERFMON, "CAP_PERFMON"),
    (CapabilitySet::NET_RAW, "CAP_NET_RAW"),
];

/// Oldest kernel whose verifier and helpers carry the programs.
const KERNEL: (u8, u8) = (6, 1);

/// Checks kernel and capabilities.
///
/// # Errors
///
/// The first thing that is missing.
pub fn check() -> Result<(), Missing> {
    let here = KernelVersion::current().map_err(|error| {
        Missing::new(format!("the kernel's version cannot be read ({error})"), "mount /proc")
    })?;
    if here < KernelVersion::new(KERNEL.0, KERNEL.1, 0) {
        return Err(Missing::new(
            format!("this kernel is older than Linux {}.{}", KERNEL.0, KERNEL.1),
            "boot a newer one",
        ));
    }
    let held = capabilities(None).map(|sets| sets.effective).unwrap_or(CapabilitySet::empty());
    lacking(held)
}

fn lacking(held: CapabilitySet) -> Result<(), Missing> {
    let lacking: Vec<_> =
        NEEDED.iter().filter(|(one, _)| !held.contains(*one)).map(|(_, name)| *name).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Missing::new(
        format!("this process lacks {}", lacking.join(", ")),
        "run it as root, or give the systemd unit AmbientCapabilities= with them",
    ))
}

/// Gives up every capability that is not needed, for good, in this thread and those it will start. Call it before the
/// runtime starts its threads.
///
/// # Errors
///
/// The kernel refused; the process then still has what it had.
pub fn drop_to_needed() -> std::io::Result<()> {
    // Beside what forwarding needs: ports below 1024, which listeners of a later configuration may have.
    let needed = NEEDED.iter().fold(CapabilitySet::NET_BIND_SERVICE, |all, (one, _)| all | *one);
    let held = capabilities(None)?;
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for one in CapabilitySet::all() - needed {
            // Capabilities newer than this kernel are unknown to it; nobody has those.
            match remove_capability_from_bounding_set(one) {
                Ok(()) | Err(rustix::io::Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    let kept = held.permitted & needed;
    set_no_new_privs(true)?;
    set_capabilities(
        None,
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() },
    )?;
    Ok(())
}

/// Allows as many open files as the hard limit does: every health check in flight needs one.
pub fn raise_open_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_named() {
        let held = CapabilitySet::BPF | CapabilitySet::NET_RAW;
        let error = lacking(held).unwrap_err().to_string();
        assert!(
            error.starts_with("this process lacks CAP_NET_ADMIN, CAP_PERFMON: run it as root"),
            "{error}"
        );
    }

    #[test]
    fn all_capabilities_are_more_than_enough() {
        assert_eq!(lacking(CapabilitySet::all()), Ok(()));
    }
}
