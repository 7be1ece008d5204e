//! The maps. Sizes given here are the smallest; the loader sets them from the configuration.

use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC};
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LpmTrie, PerCpuArray, RingBuf};
use statex_common::Reason;
use statex_common::abi::{
    Addr, Backend, BackendCounters, Bucket, Control, FlowLine, NatEntry, Node, QuicId, RingWord, Service,
    ServiceCounters, SourceLine,
};
use statex_common::shared::Shared;
use statex_common::stage::Told;

/// Mapped arrays begin at a page, so that a row of a cache line's size is one line.
const ALIGNED: u32 = BPF_F_MMAPABLE;

#[map]
pub(crate) static INDEX: Array<Bucket> = Array::with_max_entries(256, ALIGNED);
#[map]
pub(crate) static SERVICES: Array<Service> = Array::with_max_entries(64, ALIGNED);
#[map]
pub(crate) static BACKENDS: Array<Backend> = Array::with_max_entries(64, ALIGNED);
#[map]
pub(crate) static RINGS: Array<RingWord> = Array::with_max_entries(1024, ALIGNED);
#[map]
pub(crate) static FLOWS: Array<FlowLine> = Array::with_max_entries(256, ALIGNED);
#[map]
pub(crate) static NAT: Array<NatEntry> = Array::with_max_entries(1, ALIGNED);
#[map]
pub(crate) static SOURCES: Array<SourceLine> = Array::with_max_entries(64, ALIGNED);
#[map]
pub(crate) static QUIC: Array<QuicId> = Array::with_max_entries(8, 0);
#[map]
pub(crate) static CONTROL: Array<Control> = Array::with_max_entries(1, ALIGNED);
#[map]
pub(crate) static PREFIXES: LpmTrie<Addr, u32> = LpmTrie::with_max_entries(1024, BPF_F_NO_PREALLOC);
#[map]
pub(crate) static DENY: LpmTrie<Addr, u32> = LpmTrie::with_max_entries(65_536, BPF_F_NO_PREALLOC);
#[map]
pub(crate) static DECAP: LpmTrie<Addr, u32> = LpmTrie::with_max_entries(1024, BPF_F_NO_PREALLOC);
#[map]
pub(crate) static LINKS: HashMap<u32, u64> = HashMap::with_max_entries(256, 0);
#[map]
pub(crate) static BACKEND_COUNTERS: PerCpuArray<BackendCounters> = PerCpuArray::with_max_entries(64, 0);
#[map]
pub(crate) static SERVICE_COUNTERS: PerCpuArray<ServiceCounters> = PerCpuArray::with_max_entries(64, 0);
#[map]
pub(crate) static REASON_COUNTERS: PerCpuArray<Shared<u64>> =
    PerCpuArray::with_max_entries(Reason::COUNT as u32, 0);
/// What is known of the packet that this CPU is at.
#[map]
pub(crate) static TOLD: PerCpuArray<Told> = PerCpuArray::with_max_entries(1, 0);
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(256 * 1024, 0);

/// Constants of the loaded program; the loader writes them before the verifier reads them.
#[unsafe(no_mangle)]
pub(crate) static NODE: Node = Node::NONE;
