//! Other protocols over a request's connection.

use super::*;

/// A backend that answers the head with `answer` and then echoes, until it is sent an end.
fn echo(answer: &'static str) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, (sender, seen)) = (listener.local_addr().unwrap(), channel());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(head) = until(&mut stream, "\r\n\r\n") else { continue };
            let _ = sender.send(head);
            stream.write_all(answer.as_bytes()).unwrap();
            let mut reader = stream.try_clone().unwrap();
            std::io::copy(&mut reader, &mut stream).unwrap();
        }
    });
    (address, seen)
}

fn before_echo(address: SocketAddr, keys: &str) -> (Proxy, TcpStream) {
    serving(&site(address).replacen("pool = \"b\"\n", &format!("pool = \"b\"\n{keys}\n"), 1))
}

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n\r\n";
const ASK: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";

#[test]
fn a_websocket_crosses_where_its_route_lets_it() {
    let (address, seen) = echo(SWITCH);
    let (_proxy, mut client) = before_echo(address, "upgrade = [\"websocket\"]");
    client.write_all(ASK.as_bytes()).unwrap();
    let answer = timeless(&until(&mut client, "\r\n\r\n").unwrap());
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    assert!(
        answer.contains("upgrade: WebSocket\r\n") && answer.ends_with("connection: upgrade\r\n\r\n"),
        "{answer}"
    );
    let head = seen.recv_timeout(PATIENCE).unwrap();
    assert!(head.contains("connection: upgrade\r\nupgrade: websocket\r\n"), "{head}");
    for frame in ["one", "two"] {
        client.write_all(frame.as_bytes()).unwrap();
        until(&mut client, frame).unwrap();
    }
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client), "");
}

#[test]
fn what_comes_right_behind_the_request_is_the_other_protocols() {
    let (address, _seen) = echo(SWITCH);
    let (_proxy, mut client) = before_echo(address, "upgrade = [\"websocket\"]");
    client.write_all(format!("{ASK}early").as_bytes()).unwrap();
    assert!(until(&mut client, "early").unwrap().starts_with("HTTP/1.1 101 "));
}

#[test]
fn a_route_that_says_nothing_of_other_protocols_passes_none_on() {
    let (address, seen) = echo(OK);
    let (_proxy, mut client) = before_echo(address, "");
    client.write_all(ASK.as_bytes()).unwrap();
    assert!(until(&mut client, "\r\n\r\nok").unwrap().starts_with("HTTP/1.1 200 "));
    let head = seen.recv_timeout(PATIENCE).unwrap();
    assert!(!head.to_lowercase().contains("upgrade"), "{head}");
}

#[test]
fn a_backend_that_will_not_switch_is_heard() {
    let (address, _seen) = backend(&["HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"]);
    let (_proxy, mut client) = before_echo(address, "upgrade = [\"websocket\"]");
    client.write_all(ASK.as_bytes()).unwrap();
    assert!(until(&mut client, "\r\n\r\nno").unwrap().starts_with("HTTP/1.1 403 "));
}

#[test]
fn connect_is_refused_unless_its_route_allows_it() {
    let connect = "CONNECT a.net:443 HTTP/1.1\r\nHost: a.net:443\r\n\r\n";
    let (address, _seen) = echo("HTTP/1.1 200 OK\r\n\r\n");
    let (_proxy, mut client) = before_echo(address, "");
    client.write_all(connect.as_bytes()).unwrap();
    assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 501 "));
    let (_proxy, mut client) = before_echo(address, "connect = true");
    client.write_all(connect.as_bytes()).unwrap();
    assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 200 "));
    client.write_all(b"through").unwrap();
    until(&mut client, "through").unwrap();
}

#[test]
fn a_tunnel_that_is_silent_too_long_ends() {
    let (address, _seen) = echo(SWITCH);
    let (_proxy, mut client) =
        before_echo(address, "upgrade = [\"websocket\"]\ntimeouts = { tunnel = \"200ms\" }");
    client.write_all(ASK.as_bytes()).unwrap();
    until(&mut client, "\r\n\r\n").unwrap();
    assert_eq!(rest(&mut client), "");
}

#[test]
fn expectations_are_the_backends_to_meet() {
    let (address, seen) =
        backend(&["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]);
    let (_proxy, mut client) = before(address);
    write!(client, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        .unwrap();
    assert_eq!(until(&mut client, "\r\n\r\n").unwrap(), "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(seen.recv_timeout(PATIENCE).unwrap().1.contains("Expect: 100-continue\r\n"));
    assert!(until(&mut client, "\r\n\r\nok").unwrap().starts_with("HTTP/1.1 200 "));
}
