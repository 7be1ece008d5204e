//! Brings QUIC datagrams to the socket whose worker issued their connection id (`statex_common::steer`).
//!
//! ```text
//! <pins>/steer<ABI>-<address>/SOCKETS, TAKERS, FORMS   one set for each address that is listened on
//! ```
//!
//! Every socket has a slot for as long as it is open. A process that starts takes free slots and then all new
//! connections; those of the one before go on by their slots, and when its sockets close their slots are free.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use aya::maps::{Array, MapData, MapError, ReusePortSockArray};
use aya::programs::{ProgramError, SkReuseport};
use aya::{Ebpf, EbpfError, EbpfLoader, VerifierLogLevel};
use statex_common::abi::{ABI_VERSION, QuicId, STEER_FORMS, STEER_SLOTS, STEER_TAKERS, names};

use super::object::STEER;

/// `BPF_NOEXIST` (bpf(2)): only where nothing is.
const ONLY_FREE: u64 = 1;

/// Why datagrams cannot be steered.
#[derive(Debug, thiserror::Error)]
pub enum SteeringError {
    #[error(
        "this program was built without the object that steers; build it anew behind `cargo xtask build-ebpf`"
    )]
    Without,
    #[error("the embedded object for steering has no {0}")]
    Missing(&'static str),
    #[error("all {STEER_SLOTS} slots of {0} are taken; wait for older processes to end")]
    Full(SocketAddr),
    #[error("no more than {STEER_TAKERS} workers can share an address")]
    Workers,
    #[error("its pins cannot be made: {0}")]
    Pins(#[from] io::Error),
    #[error(transparent)]
    Object(#[from] EbpfError),
    #[error(transparent)]
    Map(#[from] MapError),
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// How ids of one rotation look: where the slot stands, and how long they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdForm {
    /// 0 to 7.
    pub rotation: u8,
    pub server_id_len: u8,
    /// With the slot.
    pub nonce_len: u8,
}

/// The programs and tables, by address.
pub struct Steering {
    /// `None`: another process cannot find the tables, and so not take over.
    pins: Option<PathBuf>,
    groups: BTreeMap<SocketAddr, Group>,
}

struct Group {
    /// Holds the program.
    object: Ebpf,
    sockets: ReusePortSockArray<MapData>,
    takers: Array<MapData, u32>,
    forms: Array<MapData, u64>,
}

impl Steering {
    /// `pins`: a folder in a BPF file system.
    pub fn new(pins: Option<&Path>) -> Self {
        Self { pins: pins.map(Path::to_owned), groups: BTreeMap::new() }
    }

    /// Has these sockets, one a worker and all bound to `address`, take new connections and those that are theirs.
    /// Gives the slot of each.
    ///
    /// # Errors
    ///
    /// See [`SteeringError`]; the kernel then chooses sockets as it did before.
    pub fn join(
        &mut self,
        address: SocketAddr,
        forms: &[IdForm],
        sockets: &[&UdpSocket],
    ) -> Result<Vec<u8>, SteeringError> {
        let mut group = match self.groups.remove(&address) {
            Some(group) => group,
            None => self.open(address)?,
        };
        let joined = group.join(address, forms, sockets);
        self.groups.insert(address, group);
        joined
    }

    fn open(&self, address: SocketAddr) -> Result<Group, SteeringError> {
        let Some(pins) = &self.pins else { return Group::open(None, address) };
        Group::open(Some(pins), address).or_else(|error| {
            tracing::warn!(%address, "connections of QUIC will not outlive this process: {error}");
            Group::open(None, address)
        })
    }

    /// Reads ids of these forms from now on, at every address.
    ///
    /// # Errors
    ///
    /// The kernel does not take them.
    pub fn read(&mut self, forms: &[IdForm]) -> Result<(), SteeringError> {
        self.groups.values_mut().try_for_each(|group| group.read(forms))
    }
}

impl Group {
    fn open(pins: Option<&Path>, address: SocketAddr) -> Result<Self, SteeringError> {
        if STEER.is_empty() {
            return Err(SteeringError::Without);
        }
        let mut loader = EbpfLoader::new();
        if !tracing::enabled!(tracing::Level::DEBUG) {
            loader.verifier_log_level(VerifierLogLevel::DISABLE);
        }
        let folder = pins.map(|pins| pins.join(folder(address)));
        if let Some(folder) = &folder {
            fs::create_dir_all(folder)?;
            for map in [names::SOCKETS, names::TAKERS, names::FORMS] {
                loader.map_pin_path(map, folder.join(map));
            }
        }
        let mut object = loader.load(STEER)?;
        let program = object.program_mut(names::PROGRAM_STEER);
        let program: &mut SkReuseport =
            program.ok_or(SteeringError::Missing(names::PROGRAM_STEER))?.try_into()?;
        program.load()?;
        let mut take = |name| object.take_map(name).ok_or(SteeringError::Missing(name));
        let sockets = take(names::SOCKETS)?.try_into()?;
        let takers = take(names::TAKERS)?.try_into()?;
        let forms = take(names::FORMS)?.try_into()?;
        Ok(Self { object, sockets, takers, forms })
    }

    fn join(
        &mut self,
        address: SocketAddr,
        forms: &[IdForm],
        sockets: &[&UdpSocket],
    ) -> Result<Vec<u8>, SteeringError> {
        if sockets.len() > STEER_TAKERS as usize {
            return Err(SteeringError::Workers);
        }
        self.read(forms)?;
        let mut slots = Vec::new();
        let mut free = 0..STEER_SLOTS;
        for socket in sockets {
            let slot = loop {
                let slot = free.next().ok_or(SteeringError::Full(address))?;
                match self.sockets.set(slot, *socket, ONLY_FREE) {
                    Ok(()) => break slot,
                    Err(MapError::SyscallError(error))
                        if error.io_error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error.into()),
                }
            };
            slots.push(slot as u8);
        }
        if let Some(socket) = sockets.first() {
            let program = self.object.program(names::PROGRAM_STEER);
            let program: &SkReuseport =
                program.ok_or(SteeringError::Missing(names::PROGRAM_STEER))?.try_into()?;
            program.attach(*socket)?;
        }
        // Whatever the count is meanwhile, it counts slots of sockets that are there.
        for (at, slot) in slots.iter().enumerate() {
            self.takers.set(1 + at as u32, u32::from(*slot), 0)?;
        }
        self.takers.set(0, slots.len() as u32, 0)?;
        Ok(slots)
    }

    fn read(&mut self, forms: &[IdForm]) -> Result<(), SteeringError> {
        for form in forms.iter().filter(|form| u32::from(form.rotation) < STEER_FORMS) {
            let word = QuicId::word(form.server_id_len, form.nonce_len);
            self.forms.set(u32::from(form.rotation), word, 0)?;
        }
        Ok(())
    }
}

/// Names in a BPF file system have no dots.
fn folder(address: SocketAddr) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("steer{ABI_VERSION}-{digits}-{}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_a_folder_of_its_own() {
        let name = |address: &str| folder(address.parse().unwrap());
        assert!(name("0.0.0.0:443").ends_with("-00000000-443"));
        assert_ne!(name("0.0.0.0:443"), name("[::]:443"));
        assert!(!name("192.0.2.1:443").contains('.'));
    }
}
