//! The same over TLS.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;
use crate::proxy::tls::load;

/// A certificate that signs itself, in files of a folder.
struct Made {
    folder: tempfile::TempDir,
    der: CertificateDer<'static>,
}

impl Made {
    fn new(hosts: &[&str]) -> Self {
        let names = hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("chain"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key"), made.signing_key.serialize_pem()).unwrap();
        Self { folder, der: made.cert.der().clone() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

fn text(made: &Made, more: &str, tables: &str) -> String {
    format!(
        "[[listener]]\nname = \"https\"\nlisten = [\"127.0.0.1:1\"]\nprotocol = \"https\"\n\
         [[certificate]]\nname = \"site\"\nchain = \"{}\"\nkey = \"{}\"\n{more}\n\
         [[route]]\nname = \"hello\"\nrespond = {{ body = \"hello\" }}\n{tables}",
        made.path("chain"),
        made.path("key"),
    )
}

/// A proxy with this configuration that shows the certificate, and where it listens.
fn over_tls(text: &str, made: &Made) -> (Proxy, SocketAddr) {
    let config = config::parse(text, Path::new("test.toml"), &|_| None).unwrap();
    let store = Arc::default();
    let tickets = crate::proxy::tls::Tickets::new(PATIENCE, crate::clock::Clock::machine());
    let known = |_: &str, _: &str| Known::default();
    let basis = Basis {
        known: &known,
        store: &store,
        tickets: tickets.as_ref(),
        quic: &lasting(),
        before: None,
        workers: 1,
    };
    let mut plan = compile(&config, &basis).unwrap();
    store.put(load("site", made.path("chain").as_ref(), made.path("key").as_ref()).unwrap());
    plan.listeners[0].meant.listen[0].set_port(0);
    let sockets = Sockets::bind(&mut plan, None, 1).unwrap();
    let address = plan.listeners[0].meant.listen[0];
    (Proxy::start(1, plan, sockets, &lasting()).unwrap(), address)
}

fn trusting(made: &Made) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(made.der.clone()).unwrap();
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    // The first is what a client sends a key for, as browsers do by now.
    provider.kx_groups.insert(0, rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768);
    let builder = ClientConfig::builder_with_provider(Arc::new(provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    builder.with_root_certificates(roots).with_no_client_auth()
}

type Client = StreamOwned<ClientConnection, TcpStream>;

fn connect(address: SocketAddr, host: &str, config: ClientConfig) -> Client {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket)
}

#[test]
fn requests_come_over_tls_by_its_newest_means() {
    let made = Made::new(&["a.net"]);
    let (proxy, address) = over_tls(&text(&made, "", ""), &made);
    let mut client = connect(address, "a.net", trusting(&made));
    for _ in 0..3 {
        write!(client, "GET / HTTP/1.1\r\nHost: a.net\r\n\r\n").unwrap();
        assert!(until(&mut client, "hello").unwrap().starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(client.conn.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let group = client.conn.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
    assert_eq!(proxy.plan().listeners[0].counts.sum(|counts| &counts.handshakes), 1);
}

#[test]
fn older_clients_are_served_unless_they_shall_not_be() {
    let made = Made::new(&["a.net"]);
    let mut roots = RootCertStore::empty();
    roots.add(made.der.clone()).unwrap();
    let old = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12]);
    let old = old.with_root_certificates(roots).with_no_client_auth();
    let (_proxy, address) = over_tls(&text(&made, "", ""), &made);
    let mut client = connect(address, "a.net", old.clone());
    write!(client, "GET / HTTP/1.1\r\nHost: a.net\r\n\r\n").unwrap();
    assert!(until(&mut client, "hello").unwrap().starts_with("HTTP/1.1 200 "));
    let (proxy, address) = over_tls(&text(&made, "[tls]\nversions = [\"1.3\"]", ""), &made);
    let mut client = connect(address, "a.net", old);
    assert!(write!(client, "GET / HTTP/1.1\r\n").is_err());
    // The worker counts when it has told the client.
    while proxy.plan().listeners[0].counts.sum(|counts| &counts.failed_handshakes) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn sessions_are_taken_up_again_by_tickets() {
    let made = Made::new(&["a.net"]);
    let (_proxy, address) = over_tls(&text(&made, "", ""), &made);
    let config = trusting(&made);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut client = connect(address, "a.net", config.clone());
        write!(client, "GET / HTTP/1.1\r\nHost: a.net\r\n\r\n").unwrap();
        until(&mut client, "hello").unwrap();
        kinds.push(client.conn.handshake_kind().unwrap());
    }
    assert_eq!(kinds, [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed]);
}

#[test]
fn large_bodies_cross_whole_both_ways() {
    let made = Made::new(&["a.net"]);
    let size = 3_000_000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Answers a body with itself.
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        until(&mut stream, "\r\n\r\n").unwrap();
        let mut body = vec![0; size];
        stream.read_exact(&mut body).unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").unwrap();
        stream.write_all(&body).unwrap();
    });
    let pool = format!(
        "[[pool]]\nname = \"b\"\nhealth.kind = \"none\"\nbackend = [{{ address = \"127.0.0.1\", port = {port} }}]\n\
         [[route]]\nname = \"echo\"\npath = \"/echo\"\npool = \"b\"\n"
    );
    let (_proxy, address) = over_tls(&text(&made, "", &pool), &made);
    let mut client = connect(address, "a.net", trusting(&made));
    let body: Vec<u8> = (0..size).map(|at| (at / 7) as u8).collect();
    write!(client, "POST /echo HTTP/1.1\r\nHost: a.net\r\nContent-Length: {size}\r\n\r\n").unwrap();
    client.write_all(&body).unwrap();
    assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 200 "));
    let mut back = vec![0; size];
    client.read_exact(&mut back).unwrap();
    assert!(back == body);
}

#[test]
fn a_new_certificate_is_shown_to_new_connections_and_ends_none() {
    let (made, next) = (Made::new(&["a.net"]), Made::new(&["a.net"]));
    let (proxy, address) = over_tls(&text(&made, "", ""), &made);
    let mut client = connect(address, "a.net", trusting(&made));
    let ask = |client: &mut Client| {
        write!(client, "GET / HTTP/1.1\r\nHost: a.net\r\n\r\n").unwrap();
        until(client, "hello").is_some()
    };
    assert!(ask(&mut client));
    proxy.plan().store.put(load("site", next.path("chain").as_ref(), next.path("key").as_ref()).unwrap());
    assert!(ask(&mut client));
    assert!(ask(&mut connect(address, "a.net", trusting(&next))));
}

#[test]
fn some_hosts_want_to_see_a_certificate_of_the_client() {
    let made = Made::new(&["a.net", "admin.net"]);
    let host = format!("[[tls.host]]\nnames = [\"admin.net\"]\nclient_ca = \"{}\"", made.path("chain"));
    let (_proxy, address) = over_tls(&text(&made, &host, ""), &made);
    let ask = |client: &mut Client, host: &str| {
        write!(client, "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
        let answer = until(client, "\r\n\r\n").unwrap_or_default();
        let status = answer.get(9..12).unwrap_or_default().to_owned();
        if status == "200" {
            until(client, "hello").unwrap();
        }
        Ok::<_, std::io::Error>(status)
    };
    let mut client = connect(address, "a.net", trusting(&made));
    assert_eq!(ask(&mut client, "a.net").unwrap(), "200");
    assert_eq!(ask(&mut client, "admin.net").unwrap(), "421", "the wrong connection for that");
    let without = ask(&mut connect(address, "admin.net", trusting(&made)), "admin.net");
    assert!(!without.is_ok_and(|status| status == "200"));
    let key = std::fs::read(made.path("key")).unwrap();
    let key = rustls::pki_types::pem::PemObject::from_pem_slice(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.der.clone()).unwrap();
    let with = ClientConfig::builder().with_root_certificates(roots);
    let with = with.with_client_auth_cert(vec![made.der.clone()], key).unwrap();
    assert_eq!(ask(&mut connect(address, "admin.net", with), "admin.net").unwrap(), "200");
}

#[test]
fn what_is_no_tls_ends_with_an_alert() {
    let made = Made::new(&["a.net"]);
    let (_proxy, address) = over_tls(&text(&made, "", ""), &made);
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a.net\r\n\r\n").unwrap();
    let mut record = Vec::new();
    let _ = client.read_to_end(&mut record);
    assert_eq!(record.first(), Some(&21), "an alert: {record:?}");
}
