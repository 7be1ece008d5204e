//! QUIC datagrams among sockets that share an address: by the real object, in the kernel. Needs root.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use socket2::{Domain, Socket, Type};
use statex_agent::kernel::steering::{IdForm, Steering, SteeringError};
use statex_common::abi::{QuicId, STEER_TAKERS};
use statex_common::shared::Shared;
use statex_common::steer::slot;
use statex_tests::doubles::Bytes;
use tempfile::TempDir;

/// Ids of rotation 2: a server id of two bytes, a nonce of six.
const FORM: IdForm = IdForm { rotation: 2, server_id_len: 2, nonce_len: 6 };

/// A BPF file system for as long as it is in scope.
struct BpfFolder(TempDir);

impl BpfFolder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        mount(Some("bpf"), folder.path(), Some("bpf"), MsFlags::empty(), None::<&str>)
            .expect("this test mounts a BPF file system and needs root");
        Self(folder)
    }
}

impl Drop for BpfFolder {
    fn drop(&mut self) {
        umount2(self.0.path(), MntFlags::MNT_DETACH).unwrap();
    }
}

/// The sockets of one process, one a worker.
struct Process {
    steering: Steering,
    sockets: Vec<UdpSocket>,
    slots: Vec<u8>,
}

impl Process {
    fn start(pins: Option<&Path>, address: SocketAddr, workers: usize) -> Self {
        let mut sockets: Vec<UdpSocket> = Vec::new();
        for _ in 0..workers {
            let address = sockets.first().map_or(address, |first| first.local_addr().unwrap());
            sockets.push(bind(address));
        }
        let mut steering = Steering::new(pins);
        let slots = steering
            .join(sockets[0].local_addr().unwrap(), &[FORM], &sockets.iter().collect::<Vec<_>>())
            .unwrap();
        Self { steering, sockets, slots }
    }

    fn address(&self) -> SocketAddr {
        self.sockets[0].local_addr().unwrap()
    }

    /// Which of its workers has got a datagram.
    fn receiver(&self) -> Option<usize> {
        let mut buffer = [0; 100];
        self.sockets.iter().position(|socket| socket.recv(&mut buffer).is_ok())
    }
}

fn bind(address: SocketAddr) -> UdpSocket {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    socket.into()
}

/// From a port that nobody knows.
fn send(datagram: &[u8], to: SocketAddr) {
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(datagram, to).unwrap();
}

/// A short header, and an id that names this slot.
fn short(slot: u8) -> Vec<u8> {
    [&[0x40, 0x45, 0xab, 0xcd, slot][..], &[0; 30]].concat()
}

/// A long header, with such an id.
fn long(slot: u8) -> Vec<u8> {
    [&[0xe0, 0, 0, 0, 1, 9, 0x45, 0xab, 0xcd, slot][..], &[0; 40]].concat()
}

/// A client's first datagram: the id is its own choice, and looks like none of ours.
fn first() -> Vec<u8> {
    [&[0xc0, 0, 0, 0, 1, 8, 0x45, 0xab, 0xcd, 0][..], &[7; 40]].concat()
}

#[test]
fn an_id_names_its_slot() {
    let word = QuicId::word(FORM.server_id_len, FORM.nonce_len);
    let form = QuicId(Shared::new(word));
    let read = |datagram: &[u8]| slot(&Bytes::new(datagram), 0, |rotation| (rotation == 2).then_some(&form));
    assert_eq!(read(&short(7)), Some(7));
    assert_eq!(read(&long(200)), Some(200));
    assert_eq!(read(&first()), None, "an id of another length");
    assert_eq!(read(&[0x40, 0x65, 0xab, 0xcd, 7]), None, "an id of another rotation");
    assert_eq!(read(&short(7)[..4]), None, "a datagram that is cut off");
}

#[test]
fn a_datagram_reaches_the_worker_that_its_id_names() {
    let process = Process::start(None, "127.0.0.1:0".parse().unwrap(), 2);
    assert_eq!(process.slots, [0, 1]);
    for _ in 0..4 {
        for worker in [0, 1] {
            send(&short(worker), process.address());
            assert_eq!(process.receiver(), Some(usize::from(worker)));
            send(&long(worker), process.address());
            assert_eq!(process.receiver(), Some(usize::from(worker)));
        }
    }
}

#[test]
fn a_process_that_takes_over_gets_what_is_new_and_leaves_the_rest() {
    let folder = BpfFolder::new();
    let old = Process::start(Some(folder.0.path()), "127.0.0.1:0".parse().unwrap(), 2);
    let address = old.address();
    let new = Process::start(Some(folder.0.path()), address, 2);
    assert_eq!(new.slots, [2, 3]);
    for worker in [0, 1] {
        send(&short(worker), address);
        assert_eq!((old.receiver(), new.receiver()), (Some(usize::from(worker)), None));
        send(&short(2 + worker), address);
        assert_eq!((old.receiver(), new.receiver()), (None, Some(usize::from(worker))));
    }
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(&first(), address).unwrap();
    let taker = new.receiver();
    assert!(taker.is_some() && old.receiver().is_none());
    client.send_to(&first(), address).unwrap();
    assert_eq!(new.receiver(), taker, "a flow stays with its worker");
    // Slots of those that have ended are taken again.
    drop(old);
    send(&short(0), address);
    assert!(new.receiver().is_some(), "what nobody owns goes to somebody, who can say so");
    let next = Process::start(Some(folder.0.path()), address, 2);
    assert_eq!(next.slots, [0, 1]);
}

#[test]
fn more_workers_than_there_is_room_for_are_refused() {
    let mut process = Process::start(None, "127.0.0.1:0".parse().unwrap(), 1);
    let address = process.address();
    let sockets: Vec<UdpSocket> = (0..=STEER_TAKERS).map(|_| bind(address)).collect();
    let refused = process.steering.join(address, &[FORM], &sockets.iter().collect::<Vec<_>>());
    assert!(matches!(refused, Err(SteeringError::Workers)), "{refused:?}");
}
