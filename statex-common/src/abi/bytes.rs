//! Rows as the bytes that cross into the kernel and back.
#![allow(unsafe_code)]

use super::{
    Addr, Backend, BackendCounters, Bucket, Control, Event, FlowLine, NatEntry, Node, Prefix, QuicId,
    RingWord, Service, ServiceCounters, SourceLine,
};

/// A type whose value is just its bytes: no padding, no invalid pattern, no pointer.
///
/// # Safety
/// Every pattern of `Bytes` must be a value of the type, and the sizes must be the same.
pub unsafe trait Row: Sized {
    /// An array of as many bytes as the type has.
    type Bytes: AsRef<[u8]> + Copy;

    fn to_bytes(&self) -> Self::Bytes;
    fn from_bytes(bytes: Self::Bytes) -> Self;
}

macro_rules! rows {
    ($($row:ty),+ $(,)?) => {$(
        // SAFETY: `repr(C)`, made of integers only, without padding (sizes are asserted beside the types).
        unsafe impl Row for $row {
            type Bytes = [u8; size_of::<$row>()];

            fn to_bytes(&self) -> Self::Bytes {
                // SAFETY: reads as many bytes as the row has; every byte is initialised.
                unsafe { core::ptr::from_ref(self).cast::<Self::Bytes>().read_unaligned() }
            }

            fn from_bytes(bytes: Self::Bytes) -> Self {
                // SAFETY: every pattern is a value; the read does not need alignment.
                unsafe { bytes.as_ptr().cast::<Self>().read_unaligned() }
            }
        }
    )+};
}

rows!(
    Addr,
    Backend,
    BackendCounters,
    Bucket,
    Control,
    Event,
    FlowLine,
    NatEntry,
    Node,
    Prefix,
    QuicId,
    RingWord,
    Service,
    ServiceCounters,
    SourceLine,
);

#[cfg(feature = "user")]
mod pod {
    // SAFETY: integers only, no padding.
    unsafe impl aya::Pod for super::Addr {}
    // SAFETY: integers only, no padding.
    unsafe impl aya::Pod for super::Prefix {}
    // SAFETY: integers only, no padding; `Fixed` is transparent.
    unsafe impl aya::Pod for super::Node {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives_the_way_through_bytes() {
        let service = Service { port: [1, 187], protocol: 6, ..Service::default() };
        service.ring.set(Service::ring_word(5, 65_537));
        let back = Service::from_bytes(service.to_bytes());
        assert_eq!(
            (back.port, back.protocol, back.ring.get()),
            (service.port, 6, Service::ring_word(5, 65_537))
        );
    }
}
