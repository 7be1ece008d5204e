//! Limits, each with a clear answer.

use super::*;

#[test]
fn a_body_that_is_too_large_is_answered_413() {
    let (address, seen) = backend(&[OK]);
    let (_proxy, mut client) =
        serving(&(site(address) + "max_body = 4\n").replace("name = \"hello\"", "name = \"hello2\""));
    // The last table is the route that answers itself: it does not care.
    write!(client, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345").unwrap();
    assert!(until(&mut client, "hello").unwrap().starts_with("HTTP/1.1 200 "));
    let limited = site(address).replacen("pool = \"b\"\n", "pool = \"b\"\nmax_body = 4\n", 1);
    let (_proxy, mut client) = serving(&limited);
    write!(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345").unwrap();
    assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 413 "));
    assert!(seen.try_recv().is_err(), "what says that it is too large reaches nobody");
    let (_proxy, mut client) = serving(&limited);
    write!(client, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n")
        .unwrap();
    assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 413 "));
}

#[test]
fn a_head_that_drips_is_answered_408() {
    let text = "timeouts = { head = \"200ms\" }\n[[route]]\nname = \"r\"\nrespond = {}";
    let (_proxy, mut client) = serving(text);
    for byte in b"GET / HTTP/1.1\r\nHost: a" {
        client.write_all(&[*byte]).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        if *byte == b'H' {
            break;
        }
    }
    assert!(rest(&mut client).starts_with("HTTP/1.1 408 "));
}

#[test]
fn a_body_that_stops_is_answered_408() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = site(silent.local_addr().unwrap()).replacen(
        "pool = \"b\"\n",
        "pool = \"b\"\ntimeouts = { body = \"200ms\" }\n",
        1,
    );
    for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let (_proxy, mut client) = serving(&text);
        write!(client, "POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n1").unwrap();
        assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 408 "), "{framing}");
    }
}

#[test]
fn a_backend_that_keeps_silent_is_answered_504() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = site(silent.local_addr().unwrap());
    let text = text.replacen("pool = \"b\"\n", "pool = \"b\"\ntimeouts = { first_byte = \"200ms\" }\n", 1);
    let (_proxy, mut client) = serving(&text);
    write!(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 504 "));
}

#[test]
fn a_connection_that_idles_is_closed_without_a_word() {
    let text = "timeouts = { idle = \"200ms\" }\n[[route]]\nname = \"r\"\nrespond = { body = \"x\" }";
    let (_proxy, mut client) = serving(text);
    write!(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(until(&mut client, "\r\n\r\nx").unwrap().starts_with("HTTP/1.1 200 "));
    assert_eq!(rest(&mut client), "");
}

#[test]
fn connections_past_the_limit_are_closed() {
    let text = "limits = { connections = 1 }\n[[route]]\nname = \"r\"\nrespond = { body = \"x\" }";
    let (proxy, mut client) = serving(text);
    write!(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    until(&mut client, "\r\n\r\nx").unwrap();
    let listener = &proxy.plan().listeners[0];
    let mut second = TcpStream::connect(listener.meant.listen[0]).unwrap();
    let mut byte = [0];
    assert!(!matches!(second.read(&mut byte), Ok(1..)));
    assert_eq!(listener.counts.sum(|counts| &counts.refused), 1);
}

#[test]
fn a_head_that_is_too_large_is_answered_by_what_is() {
    let text = "limits = { target = 64, head = 1024, fields = 8 }\n[[route]]\nname = \"r\"\nrespond = {}";
    let long = "x".repeat(2000);
    for (request, status) in [
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..64]), 414),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(9)), 431),
    ] {
        let (_proxy, mut client) = serving(text);
        client.write_all(request.as_bytes()).unwrap();
        let answer = until(&mut client, "\r\n\r\n").unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}
