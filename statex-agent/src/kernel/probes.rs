//! The way out of the host for health probes: a tc program on the interfaces by which marked packets would leave.
//!
//! Probes are only sent while the agent lives, so nothing here is pinned.

use std::collections::{BTreeMap, btree_map::Entry};

use aya::{
    Ebpf,
    programs::{
        ProgramError, SchedClassifier, TcAttachType,
        tc::{SchedClassifierLinkId, TcError, qdisc_add_clsact, qdisc_detach_program},
    },
    util::KernelVersion,
};
use statex_common::abi::names;

use super::{
    links::{Link, Links},
    load::LoadError,
};

/// Interfaces that have the program, by index.
#[derive(Default)]
pub struct Probes {
    attached: BTreeMap<u32, SchedClassifierLinkId>,
}

/// First kernel whose tc programs hang on links (TCX); on older ones they hang on a queueing discipline.
const TCX: KernelVersion = KernelVersion::new(6, 6, 0);

impl Probes {
    /// Puts the program on these interfaces, and on no others.
    pub fn set(&mut self, object: &mut Ebpf, wanted: &[Link]) -> Result<(), LoadError> {
        let program = object.program_mut(names::PROGRAM_PROBE);
        let program: &mut SchedClassifier =
            program.ok_or(LoadError::NoProgram(names::PROGRAM_PROBE))?.try_into()?;
        let gone = |index: &u32| !wanted.iter().any(|link| link.index == *index);
        let gone: Vec<u32> = self.attached.keys().copied().filter(gone).collect();
        for id in gone.iter().filter_map(|index| self.attached.remove(index)) {
            // The interface may have taken the program with it.
            let _ = program.detach(id);
        }
        for link in wanted {
            if let Entry::Vacant(place) = self.attached.entry(link.index) {
                place.insert(attach(program, link)?);
                tracing::debug!(interface = link.name, "probes leave here");
            }
        }
        Ok(())
    }

    /// Forgets an interface that is gone.
    pub fn forget(&mut self, index: u32) {
        self.attached.remove(&index);
    }
}

/// Removes what an agent that was killed has left on the ways out. Newer kernels have removed it with the agent.
pub fn sweep(interfaces: &Links) {
    if KernelVersion::current().is_ok_and(|here| here < TCX) {
        for link in interfaces.iter() {
            // Most interfaces never had it.
            let _ = qdisc_detach_program(&link.name, TcAttachType::Egress, names::PROGRAM_PROBE);
        }
    }
}

fn attach(program: &mut SchedClassifier, link: &Link) -> Result<SchedClassifierLinkId, ProgramError> {
    let name = &link.name;
    if KernelVersion::current().is_ok_and(|here| here < TCX) {
        // An agent that was killed leaves its filter behind.
        let _ = qdisc_detach_program(name, TcAttachType::Egress, names::PROGRAM_PROBE);
        match qdisc_add_clsact(name) {
            Err(TcError::NetlinkError(error)) if error.raw_os_error() != Some(libc::EEXIST) => {
                return Err(TcError::NetlinkError(error).into());
            }
            _ => {}
        }
    }
    program.attach(name, TcAttachType::Egress)
}
