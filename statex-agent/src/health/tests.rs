//! Probes against real sockets, and the loop that counts their outcomes.

use super::*;
use crate::config::{Probe, Via};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// Rise 2, fall 3, TCP.
pub(super) fn rules() -> Health {
    Health {
        probe: Probe::Tcp,
        via: Via::Direct,
        interval: Duration::from_millis(20),
        timeout: Duration::from_millis(500),
        rise: 2,
        fall: 3,
        port: None,
        fail_open: true,
    }
}

pub(super) fn key(number: u16) -> Key {
    let to = (Ipv4Addr::LOCALHOST, number).into();
    Key { to, pool: "web".into(), backend: number.to_string().into(), service: None }
}

fn target(to: SocketAddr, probe: Probe) -> Target {
    let check = Arc::new(Health { probe, ..rules() });
    Target { key: Key { to, ..key(1) }, mark: None, source: None, check, believed: Verdict::Unknown }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Answers each connection with `answer`, whatever it asks.
async fn server(answer: &'static str) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

/// Answers each datagram with itself.
async fn echo() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut datagram = [0; 64];
        while let Ok((len, from)) = socket.recv_from(&mut datagram).await {
            let _ = socket.send_to(&datagram[..len], from).await;
        }
    });
    address
}

fn http() -> Probe {
    Probe::Http { path: "/healthz".into(), host: None, expect_status: 200..=299 }
}

async fn failure(target: &Target) -> String {
    probe(target).await.unwrap_err().to_string()
}

#[tokio::test]
async fn an_open_port_passes_and_a_closed_one_fails() {
    let (listener, address) = listener().await;
    probe(&target(address, Probe::Tcp)).await.unwrap();
    drop(listener);
    assert!(failure(&target(address, Probe::Tcp)).await.contains("refused"));
}

#[tokio::test]
async fn http_passes_by_status() {
    let good = server("HTTP/1.1 204 No Content\r\n\r\n").await;
    probe(&target(good, http())).await.unwrap();
    let bad = server("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(
        failure(&target(bad, http())).await,
        format!("{bad} answered status 503, expected 200 to 299")
    );
}

#[tokio::test]
async fn an_answer_that_is_not_http_fails() {
    let address = server("SSH-2.0-OpenSSH\r\n").await;
    assert!(failure(&target(address, http())).await.contains("broke off"));
}

#[tokio::test]
async fn a_server_that_says_nothing_fails_in_time() {
    let (_listener, address) = listener().await;
    assert_eq!(failure(&target(address, http())).await, format!("no answer from {address} within 500 ms"));
}

#[tokio::test]
async fn udp_passes_by_the_answers_beginning() {
    let address = echo().await;
    let ask =
        |expect: &[u8]| target(address, Probe::Udp { send: b"ping\n".to_vec(), expect: expect.to_vec() });
    probe(&ask(b"ping")).await.unwrap();
    probe(&ask(b"")).await.unwrap();
    assert!(failure(&ask(b"pong")).await.contains(r#"answered "ping\\n", expected it to begin with "pong""#));
}

#[tokio::test]
async fn a_closed_udp_port_fails_before_the_timeout() {
    let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let ask = target(free, Probe::Udp { send: vec![1], expect: vec![] });
    assert!(failure(&ask).await.contains("refused"));
}

#[tokio::test]
async fn what_the_node_cannot_do_is_not_the_backends_fault() {
    let (_listener, address) = listener().await;
    let elsewhere = Target { source: Some("192.0.2.1".parse().unwrap()), ..target(address, Probe::Tcp) };
    assert!(matches!(probe(&elsewhere).await, Err(Failure::NotAsked { .. })));
}

/// Needs CAP_NET_ADMIN, as the mark of a socket does.
#[tokio::test]
async fn a_marked_probe_passes_too() {
    let (_listener, address) = listener().await;
    let marked = Target { mark: Some(0x5700_0001), ..target(address, Probe::Tcp) };
    probe(&marked).await.expect("run as root: SO_MARK needs CAP_NET_ADMIN");
}

/// The loop, with what it is told and what it tells.
struct Watched {
    targets: watch::Sender<Arc<Vec<Target>>>,
    reports: mpsc::Receiver<Report>,
    board: Board,
}

fn watched(targets: Vec<Target>, at_once: usize) -> Watched {
    let (targets, list) = watch::channel(Arc::new(targets));
    let (report, reports) = mpsc::channel(1);
    let board = Board::default();
    tokio::spawn(watch(list, report, board.clone(), Clock::machine(), Settings { seed: 1, at_once }));
    Watched { targets, reports, board }
}

impl Watched {
    async fn verdict(&mut self) -> Verdict {
        let report = tokio::time::timeout(Duration::from_secs(10), self.reports.recv()).await;
        report.expect("a verdict within the time").expect("the loop runs").verdict
    }
}

#[tokio::test]
async fn a_backend_dies_and_comes_back() {
    // An address of its own: nobody else takes the port while it is closed.
    let listener = TcpListener::bind("127.77.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut watched = watched(vec![target(address, Probe::Tcp)], 8);
    assert_eq!(watched.verdict().await, Verdict::Alive);
    drop(listener);
    assert_eq!(watched.verdict().await, Verdict::Dead);
    let standing = watched.board.get(&target(address, Probe::Tcp).key).unwrap();
    assert!(standing.failed >= 3 && standing.trouble.unwrap().contains("refused"));
    let _listener = TcpListener::bind(address).await.unwrap();
    assert_eq!(watched.verdict().await, Verdict::Alive);
}

#[tokio::test]
async fn targets_beyond_the_bound_are_probed_in_turn() {
    let mut targets = Vec::new();
    let mut listeners = Vec::new();
    for _ in 0..40 {
        let (listener, address) = listener().await;
        targets.push(target(address, Probe::Tcp));
        listeners.push(listener);
    }
    let mut watched = watched(targets, 2);
    for _ in 0..40 {
        assert_eq!(watched.verdict().await, Verdict::Alive);
    }
}

#[tokio::test]
async fn a_target_that_is_gone_is_forgotten_and_the_rest_keep_their_verdict() {
    let (_listener, address) = listener().await;
    let (_other, second) = listener().await;
    let first = target(address, Probe::Tcp);
    let mut watched = watched(vec![first.clone()], 8);
    assert_eq!(watched.verdict().await, Verdict::Alive);
    watched.targets.send(Arc::new(vec![first.clone(), target(second, Probe::Tcp)])).unwrap();
    assert_eq!(watched.verdict().await, Verdict::Alive);
    assert_eq!(watched.board.get(&first.key).unwrap().verdict, Verdict::Alive);
    watched.targets.send(Arc::new(vec![])).unwrap();
    let gone = async {
        while watched.board.get(&first.key).is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("forgotten");
}
