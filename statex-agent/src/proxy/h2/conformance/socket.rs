//! A server behind a real socket, and all cases against it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::memory::{BODY, DEAF, terms};
use super::peer::{Peer, Seen};
use super::{all, run, wire};
use crate::proxy::deadline::Deadlines;
use crate::proxy::h2::frame::Head;
use crate::proxy::h2::hpack::Decoder;
use crate::proxy::h2::{Incoming, Outgoing, serve};
use crate::proxy::http::{Body, Fields, Request, Response, Sink, StatusCode, Whole};

/// Patience with what must come.
const PATIENCE: Duration = Duration::from_secs(10);

struct Socket {
    stream: TcpStream,
    decoder: Decoder,
}

impl Socket {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, decoder: Decoder::default() }
    }
}

impl Peer for Socket {
    fn anew(&mut self) {
        *self = Self::new(self.stream.peer_addr().unwrap());
    }

    fn send(&mut self, bytes: &[u8]) {
        // A server that closes does not take everything.
        let _ = self.stream.write_all(bytes);
    }

    fn next(&mut self) -> Seen {
        let mut bytes = [0; Head::LEN];
        match self.stream.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Seen::Quiet,
            Err(_) => return Seen::Closed,
        }
        let head = Head::read(&bytes).unwrap();
        let mut payload = vec![0; head.len];
        self.stream.read_exact(&mut payload).unwrap();
        Seen::Frame(head, payload)
    }

    fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }
}

/// Answers when the body has ended.
async fn answer(request: Request, mut body: Incoming, mut sink: Outgoing) -> Request {
    if request.target == DEAF.as_bytes() {
        std::future::pending::<()>().await;
    }
    let mut piece = async || std::future::poll_fn(|context| body.poll_piece(context)).await;
    while let Some(Ok(_)) = piece().await {}
    let head = Response::new(StatusCode::OK);
    Sink::<Response>::head(&mut sink, &head, Whole::Length(BODY.len() as u64));
    Sink::<Response>::data(&mut sink, BODY.into());
    Sink::<Response>::end(&mut sink, &Fields::default());
    let _ = std::future::poll_fn(|context| Sink::<Response>::poll_flush(&mut sink, context)).await;
    request
}

/// A server that runs as long as the test does.
fn server() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let time = std::rc::Rc::new(Deadlines::default());
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let time = time.clone();
                tokio::task::spawn_local(async move {
                    serve(stream, terms(), &time, answer, std::future::pending()).await;
                });
            }
        });
    });
    address
}

#[test]
fn every_case_holds_over_a_socket() {
    let address = server();
    let mut wrong = Vec::new();
    for (name, case) in all() {
        let mut socket = Socket::new(address);
        socket.send(&wire::preface());
        if let Err(instead) = run(&case, &mut socket) {
            wrong.push(format!("{name}: {:?} does not come: {instead}", case.expect));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(all().count() > 150);
}
