//! What a node offers to its clients in the handshake, in quinn's words.

use std::sync::Arc;
use std::time::Duration;

use quinn_proto::crypto::rustls::{NoInitialCipherSuite, QuicServerConfig};
use quinn_proto::{EndpointConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt};

use super::id::Issuer;
use super::{Identity, Keys};

/// QUIC's version (RFC 9000).
const VERSION: u32 = 1;
/// Unidirectional streams: the three that HTTP/3 has, and some of types that nobody knows.
const UNIDIRECTIONAL: u32 = 8;
/// Bytes of a stream that may come before they are read.
const STREAM_WINDOW: u32 = 256 << 10;
/// The same of all streams of a connection.
const WINDOW: u32 = 1 << 20;
/// Bytes of a connection that may have been written and not acknowledged.
const SEND_WINDOW: u64 = 1 << 20;

/// What clients are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Requests of a connection at once.
    pub(crate) most_streams: u32,
    /// A connection that was silent for so long has ended.
    pub(crate) idle: Duration,
}

/// The configuration of connections, over one of TLS that names `h3` and allows 0-RTT wholly or not at all.
///
/// # Errors
///
/// TLS lacks the cipher suite that QUIC begins with.
pub(crate) fn server(
    tls: Arc<rustls::ServerConfig>,
    offer: Offer,
    keys: &Keys,
) -> Result<ServerConfig, NoInitialCipherSuite> {
    let mut server = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    server.token_key(keys.token.clone()).transport_config(Arc::new(transport(offer)));
    Ok(server)
}

fn transport(offer: Offer) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(offer.most_streams.into())
        .max_concurrent_uni_streams(UNIDIRECTIONAL.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(WINDOW.into())
        .send_window(SEND_WINDOW)
        // HTTP/3 has no use for datagrams.
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(IdleTimeout::try_from(offer.idle).ok().or(Some(VarInt::MAX.into())));
    transport
}

/// The configuration of an endpoint.
pub(super) fn endpoint(identity: &Identity) -> Arc<EndpointConfig> {
    let mut endpoint = EndpointConfig::new(identity.keys.reset.clone());
    let (form, slot) = (identity.form.clone(), identity.slot);
    endpoint
        .cid_generator(move || Box::new(Issuer::new(form.clone(), slot)))
        .supported_versions(vec![VERSION]);
    Arc::new(endpoint)
}
