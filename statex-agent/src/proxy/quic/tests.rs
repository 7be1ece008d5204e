//! An endpoint between real sockets, with quinn as the client and HTTP/3 written by hand.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ConnectionError, RecvStream};
use rustls::pki_types::PrivateKeyDer;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::timeout;

use super::*;
use crate::proxy::h3::qpack::encode;
use crate::proxy::h3::{frame, varint};
use crate::proxy::heads::Line;
use crate::proxy::http::{Body, Fields, Piece, Response, Sink, StatusCode, Whole};

const PATIENCE: Duration = Duration::from_secs(10);
const SECRET: &[u8] = &[7; 16];
const SERVER_ID: [u8; 2] = [0xab, 0xcd];
const SLOT: u8 = 5;

/// Answers with what it is asked for by the path.
struct Server {
    deadlines: Rc<Deadlines>,
    stopping: Cell<Stopping>,
    rules: Rules,
    turns: RefCell<Vec<Turn>>,
    /// Where each request came from, and whether early.
    seen: RefCell<Vec<(SocketAddr, bool)>>,
    /// Bytes of bodies that the connection took.
    given: Cell<usize>,
}

impl Service for Server {
    type Client = SocketAddr;

    fn client(&self, address: SocketAddr) -> SocketAddr {
        address
    }

    fn rules(&self) -> Rules {
        self.rules
    }

    fn count(&self, turn: Turn) {
        self.turns.borrow_mut().push(turn);
    }

    fn deadlines(&self) -> &Rc<Deadlines> {
        &self.deadlines
    }

    fn stopping(&self) -> Stopping {
        self.stopping.get()
    }

    async fn serve(
        &self,
        client: &SocketAddr,
        request: &mut Request,
        body: &mut Incoming,
        sink: &mut Outgoing,
    ) {
        let is_early = request.fields.iter().any(|field| field.text == b"early-data");
        self.seen.borrow_mut().push((*client, is_early));
        match request.path() {
            b"/echo" => {
                sink.head(&Response::new(StatusCode::OK), body.whole());
                let mut trailers = Fields::default();
                while let Some(piece) = poll_fn(|context| body.poll_piece(context)).await {
                    match piece {
                        Ok(Piece::Data(data)) => sink.data(data),
                        Ok(Piece::Trailers(fields)) => trailers = fields,
                        Err(_) => return,
                    }
                    if poll_fn(|context| sink.poll_flush(context)).await.is_err() {
                        return;
                    }
                }
                sink.end(&trailers);
            }
            b"/endless" => {
                sink.head(&Response::new(StatusCode::OK), Whole::Unknown);
                loop {
                    sink.data(Bytes::from_static(&[7; 16 << 10]));
                    if poll_fn(|context| sink.poll_flush(context)).await.is_err() {
                        return;
                    }
                    self.given.set(self.given.get() + (16 << 10));
                }
            }
            b"/slow" => {
                tokio::time::sleep(Duration::from_millis(1500)).await;
                sink.head(&Response::new(StatusCode::OK), Whole::Length(0));
                sink.end(&Fields::default());
            }
            _ => {
                sink.head(&Response::new(StatusCode::OK), Whole::Length(5));
                sink.data(Bytes::from_static(b"hello"));
                sink.end(&Fields::default());
            }
        }
        let _ = poll_fn(|context| sink.poll_flush(context)).await;
    }
}

/// An endpoint that runs, and what a client must know of it.
struct Site {
    service: Rc<Server>,
    task: JoinHandle<()>,
    address: SocketAddr,
    client: quinn::Endpoint,
    certificate: rcgen::CertifiedKey<rcgen::KeyPair>,
}

fn rules() -> Rules {
    Rules {
        retry: Retry::Auto,
        most_connections: 100,
        limits: Limits::default(),
        most_requests: 1000,
        handshake: PATIENCE,
        head: PATIENCE,
        patience: PATIENCE,
    }
}

impl Site {
    fn new(rules: Rules) -> Self {
        let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = socket.local_addr().unwrap();
        let (service, task) = run_on(socket, rules, SECRET, &certificate);
        let mut client = quinn::Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        client.set_default_client_config(client_config(&certificate));
        Self { service, task, address, client, certificate }
    }

    async fn connect(&self) -> quinn::Connection {
        let connecting = self.client.connect(self.address, "localhost").unwrap();
        let connection = timeout(PATIENCE, connecting).await.unwrap().unwrap();
        settle(&connection).await;
        connection
    }

    fn stop(&self, stopping: Stopping) {
        self.service.stopping.set(stopping);
        self.service.deadlines.wake_all();
    }
}

/// Runs an endpoint on a socket.
fn run_on(
    socket: UdpSocket,
    rules: Rules,
    secret: &[u8],
    certificate: &rcgen::CertifiedKey<rcgen::KeyPair>,
) -> (Rc<Server>, JoinHandle<()>) {
    let form = Form::new(2, &SERVER_ID, 6).unwrap();
    let identity =
        Identity { form: Arc::new(ArcSwap::from_pointee(form)), keys: Keys::new(secret), slot: SLOT };
    let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider);
    let tls = tls.with_protocol_versions(&[&rustls::version::TLS13]).unwrap().with_no_client_auth();
    let mut tls = tls.with_single_cert(vec![certificate.cert.der().clone()], key).unwrap();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls.max_early_data_size = u32::MAX;
    let offer = Offer { most_streams: 16, idle: PATIENCE };
    let config = Arc::new(server(Arc::new(tls), offer, &identity.keys).unwrap());
    let deadlines: Rc<Deadlines> = Rc::default();
    let service = Rc::new(Server {
        deadlines: deadlines.clone(),
        stopping: Cell::default(),
        rules,
        turns: RefCell::default(),
        seen: RefCell::default(),
        given: Cell::new(0),
    });
    let served = service.clone();
    let task = spawn_local(async move {
        tokio::select! {
            ended = run(socket, &identity, config, served) => ended.unwrap(),
            () = deadlines.run(|| {}) => {}
        }
    });
    (service, task)
}

fn client_config(certificate: &rcgen::CertifiedKey<rcgen::KeyPair>) -> quinn::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider);
    let tls = tls.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let mut tls = tls.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls.enable_early_data = true;
    quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

/// Opens the client's control stream, with settings that say nothing.
async fn settle(connection: &quinn::Connection) {
    let mut control = connection.open_uni().await.unwrap();
    control.write_all(&[0x00, 0x04, 0x00]).await.unwrap();
    // It stays open as long as the connection.
    std::mem::forget(control);
}

fn head(method: &str, path: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    frame::write(&mut wire, 0x1, |wire| {
        encode::prefix(wire);
        for (name, value) in
            [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
        {
            encode::line(wire, &Line::new(name.as_bytes(), value.as_bytes()));
        }
    });
    wire
}

/// Asks, and gives what comes back.
async fn ask(connection: &quinn::Connection, wire: &[u8]) -> RecvStream {
    let (mut send, receive) = timeout(PATIENCE, connection.open_bi()).await.unwrap().unwrap();
    send.write_all(wire).await.unwrap();
    send.finish().unwrap();
    receive
}

/// The payloads of all DATA frames of an answer, whose head says 200.
async fn body(mut stream: RecvStream) -> Vec<u8> {
    let wire = timeout(PATIENCE, stream.read_to_end(1 << 24)).await.unwrap().unwrap();
    let (mut rest, mut body) = (&wire[..], Vec::new());
    let mut is_head = true;
    while !rest.is_empty() {
        let kind = varint::read(&mut rest).unwrap();
        let len = varint::read(&mut rest).unwrap() as usize;
        let payload;
        (payload, rest) = rest.split_at(len);
        match kind {
            0 => body.extend_from_slice(payload),
            // Line 25 of the static table.
            _ if is_head => assert_eq!(payload[..3], [0, 0, 0xd9]),
            _ => {}
        }
        is_head = false;
    }
    body
}

fn on_a_worker(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

#[test]
fn a_request_is_answered_and_a_body_comes_back() {
    on_a_worker(async {
        let site = Site::new(rules());
        let connection = site.connect().await;
        assert_eq!(body(ask(&connection, &head("GET", "/")).await).await, b"hello");
        let mut wire = head("POST", "/echo");
        let sent: Vec<u8> = (0..1_000_000).map(|at| at as u8).collect();
        frame::data(&mut wire, sent.len());
        wire.extend_from_slice(&sent);
        assert_eq!(body(ask(&connection, &wire).await).await, sent);
        assert_eq!(site.service.turns.borrow()[..], [Turn::Accepted, Turn::Established]);
    });
}

#[test]
fn more_requests_than_may_run_at_once_are_all_answered() {
    on_a_worker(async {
        let site = Site::new(rules());
        let connection = site.connect().await;
        let ask = || async { body(ask(&connection, &head("GET", "/")).await).await };
        let answers = futures_util::future::join_all((0..200).map(|_| ask())).await;
        assert!(answers.len() == 200 && answers.iter().all(|answer| answer == b"hello"));
    });
}

#[test]
fn who_does_not_read_makes_nobody_remember() {
    on_a_worker(async {
        let site = Site::new(rules());
        let connection = site.connect().await;
        let _unread = ask(&connection, &head("GET", "/endless")).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        let before = site.service.given.get();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(site.service.given.get(), before, "it goes on");
        // What the client has room for, and the window of what was not acknowledged.
        assert!(before < 3 << 20, "{before}");
    });
}

#[test]
fn a_client_that_moves_keeps_its_connection() {
    on_a_worker(async {
        let site = Site::new(rules());
        let connection = site.connect().await;
        assert_eq!(body(ask(&connection, &head("GET", "/")).await).await, b"hello");
        let elsewhere = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = elsewhere.local_addr().unwrap();
        site.client.rebind(elsewhere).unwrap();
        for _ in 0..20 {
            assert_eq!(body(ask(&connection, &head("GET", "/")).await).await, b"hello");
        }
        let seen = site.service.seen.borrow();
        assert_ne!(seen.first().unwrap().0, address);
        assert_eq!(seen.last().unwrap().0, address, "requests tell where the client is now");
    });
}

#[test]
fn who_asks_for_too_much_starts_anew() {
    on_a_worker(async {
        let site = Site::new(Rules { most_requests: 3, ..rules() });
        let connection = site.connect().await;
        for _ in 0..3 {
            assert_eq!(body(ask(&connection, &head("GET", "/")).await).await, b"hello");
        }
        let mut refused = ask(&connection, &head("GET", "/")).await;
        let refused = timeout(PATIENCE, refused.read_to_end(100)).await.unwrap();
        assert!(refused.is_err(), "{refused:?}");
        let closed = timeout(PATIENCE, connection.closed()).await.unwrap();
        let is_gentle = |closed: &quinn::ApplicationClose| closed.error_code.into_inner() == 0x100;
        assert!(
            matches!(&closed, ConnectionError::ApplicationClosed(closed) if is_gentle(closed)),
            "{closed:?}"
        );
        assert!(site.connect().await.close_reason().is_none());
    });
}

#[test]
fn who_gives_up_request_after_request_is_sent_away() {
    on_a_worker(async {
        let site = Site::new(rules());
        let connection = site.connect().await;
        let mut begun = 0;
        while connection.close_reason().is_none() && begun < 1000 {
            let Ok((mut send, mut receive)) = connection.open_bi().await else { break };
            let _ = send.write_all(&head("GET", "/slow")).await;
            begun += 1;
            // The request has come before it is given up.
            tokio::time::sleep(Duration::from_millis(2)).await;
            let _ = (send.reset(0x10cu32.into()), receive.stop(0x10cu32.into()));
        }
        let closed = timeout(PATIENCE, connection.closed()).await.unwrap();
        let is_it = |closed: &quinn::ApplicationClose| closed.error_code.into_inner() == 0x107;
        assert!(matches!(&closed, ConnectionError::ApplicationClosed(closed) if is_it(closed)), "{closed:?}");
        assert!((100..200).contains(&begun), "{begun}");
    });
}

#[test]
fn a_graceful_end_waits_for_what_runs() {
    on_a_worker(async {
        let site = Site::new(rules());
        let connection = site.connect().await;
        let slow = ask(&connection, &head("GET", "/slow")).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        site.stop(Stopping::Gently);
        assert_eq!(body(slow).await, b"");
        timeout(PATIENCE, connection.closed()).await.unwrap();
        let refused = timeout(PATIENCE, site.client.connect(site.address, "localhost").unwrap()).await;
        assert!(!matches!(refused, Ok(Ok(_))));
        timeout(PATIENCE, site.task).await.unwrap().unwrap();
        let ended = Turn::Ended { was_established: true };
        assert!(site.service.turns.borrow().contains(&ended));
    });
}

#[test]
fn a_connection_whose_state_is_lost_is_reset_by_whoever_has_the_secret() {
    async fn is_reset_by(secret: &[u8]) -> bool {
        let site = Site::new(rules());
        let connection = site.connect().await;
        site.task.abort();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (_service, _task) = run_on(bind(site.address).unwrap(), rules(), secret, &site.certificate);
        let _lost = ask(&connection, &head("GET", "/")).await;
        let closed = timeout(Duration::from_millis(1500), connection.closed()).await;
        matches!(closed, Ok(ConnectionError::Reset))
    }
    on_a_worker(async {
        assert!(is_reset_by(SECRET).await);
        assert!(!is_reset_by(&[8; 16]).await);
    });
}

#[test]
fn what_comes_early_says_so() {
    on_a_worker(async {
        let site = Site::new(rules());
        let connection = site.connect().await;
        assert_eq!(body(ask(&connection, &head("GET", "/")).await).await, b"hello");
        connection.close(0u32.into(), b"");
        let connecting = site.client.connect(site.address, "localhost").unwrap();
        let Ok((connection, accepted)) = connecting.into_0rtt() else { panic!("no ticket") };
        settle(&connection).await;
        assert_eq!(body(ask(&connection, &head("GET", "/")).await).await, b"hello");
        assert!(timeout(PATIENCE, accepted).await.unwrap());
        assert_eq!(body(ask(&connection, &head("GET", "/")).await).await, b"hello");
        let early: Vec<bool> = site.service.seen.borrow().iter().map(|(_, early)| *early).collect();
        assert_eq!(early, [false, true, false]);
    });
}

#[test]
fn who_must_prove_its_address_is_served_then() {
    on_a_worker(async {
        let site = Site::new(Rules { retry: Retry::Always, ..rules() });
        let connection = site.connect().await;
        assert_eq!(body(ask(&connection, &head("GET", "/")).await).await, b"hello");
    });
}
