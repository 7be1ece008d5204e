//! The proxy between real sockets: a scripted backend behind it, and bytes as a client would send them.

mod exchanges;
mod fields;
mod files;
mod limits;
mod plans;
mod tls;
mod tunnels;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tokio::runtime::Builder;

use super::plan::{Basis, Known, Plan, compile};
use super::quic::Lasting;
use super::{Proxy, Sockets};
use crate::config;

/// Patience with what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A backend that answers the n-th request of each connection with the n-th text of the script and closes
/// behind the last. Gives its address, and every head with the connection that it came by.
fn backend(script: &'static [&'static str]) -> (SocketAddr, Receiver<(usize, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, (sender, seen)) = (listener.local_addr().unwrap(), channel());
    std::thread::spawn(move || {
        for (index, stream) in listener.incoming().enumerate() {
            let (mut stream, sender) = (stream.unwrap(), sender.clone());
            std::thread::spawn(move || {
                for answer in script {
                    let Some(head) = until(&mut stream, "\r\n\r\n") else { return };
                    let _ = sender.send((index, head));
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    (address, seen)
}

/// Reads to the end of `mark`; `None`: the connection ended before.
fn until(stream: &mut impl Read, mark: &str) -> Option<String> {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(mark.as_bytes()) {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return None;
        }
        text.push(byte[0]);
    }
    Some(String::from_utf8(text).unwrap())
}

/// A text without the lines that tell the time.
fn timeless(text: &str) -> String {
    text.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
}

/// All that comes until the connection ends.
fn rest(stream: &mut impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the proxy closes in time");
    text
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    Builder::new_current_thread().build().unwrap().block_on(work)
}

/// A proxy with these further tables, and a connection to it.
fn serving(tables: &str) -> (Proxy, TcpStream) {
    let mut plan = plan(tables);
    let sockets = Sockets::bind(&mut plan, None, 1).unwrap();
    let address = plan.listeners[0].meant.listen[0];
    let proxy = Proxy::start(1, plan, sockets, &lasting()).unwrap();
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    (proxy, client)
}

fn lasting() -> Lasting {
    Lasting::new(&[7; 16])
}

fn plan(tables: &str) -> Plan {
    let text =
        format!("[[listener]]\nname = \"http\"\nlisten = [\"127.0.0.1:1\"]\nprotocol = \"http\"\n{tables}");
    let config = config::parse(&text, Path::new("test.toml"), &|_| None).unwrap();
    let store = Arc::default();
    let basis = Basis {
        known: &|_, _| Known::default(),
        store: &store,
        tickets: None,
        quic: &lasting(),
        before: None,
        workers: 1,
    };
    let mut plan = compile(&config, &basis).unwrap();
    // Any free one.
    plan.listeners[0].meant.listen[0].set_port(0);
    plan
}

/// A pool of one backend, and routes to it and to answers of the proxy's own.
fn site(backend: SocketAddr) -> String {
    format!(
        "[[pool]]\nname = \"b\"\nhealth.kind = \"none\"\nbackend = [{{ address = \"{}\", port = {} }}]\n\
         [[route]]\nname = \"all\"\npool = \"b\"\n\
         [[route]]\nname = \"old\"\npath_prefix = \"/old\"\n\
         redirect = {{ to = \"https://{{host}}{{path}}{{query}}\", status = 301 }}\n\
         [[route]]\nname = \"hello\"\npath_prefix = \"/hello\"\nrespond = {{ body = \"hello\" }}\n",
        backend.ip(),
        backend.port()
    )
}

/// A proxy before a backend, and a connection to it.
fn before(backend: SocketAddr) -> (Proxy, TcpStream) {
    serving(&site(backend))
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: 5\r\n\r\nok";
