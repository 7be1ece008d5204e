//! Requests and responses, whole and broken.

use super::*;

#[test]
fn requests_share_connections_on_both_sides() {
    let (address, seen) = backend(&[OK, OK]);
    let (_proxy, mut client) = before(address);
    for target in ["/a?b", "/c"] {
        write!(client, "GET {target} HTTP/1.1\r\nHost: x.net\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n")
            .unwrap();
        let answer = until(&mut client, "ok").unwrap();
        assert_eq!(timeless(&answer), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        let (connection, head) = seen.recv_timeout(PATIENCE).unwrap();
        assert_eq!(connection, 0);
        assert!(head.starts_with(&format!("GET {target} HTTP/1.1\r\nhost: x.net\r\n")), "{head}");
        assert!(head.contains("x-forwarded-for: 127.0.0.1\r\n") && !head.contains("X-Hop"), "{head}");
    }
}

#[test]
fn bodies_share_a_connection_too() {
    let (address, seen) = backend(&[OK, OK]);
    let (_proxy, mut client) = before(address);
    for body in ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"] {
        write!(client, "POST / HTTP/1.1\r\nHost: a\r\n{body}").unwrap();
        assert!(until(&mut client, "\r\n\r\nok").unwrap().starts_with("HTTP/1.1 200 "));
        let (connection, head) = seen.recv_timeout(PATIENCE).unwrap();
        assert_eq!(connection, 0, "{head}");
    }
}

#[test]
fn a_body_that_nobody_wants_ends_the_connection_or_is_read_over() {
    let (address, _seen) = backend(&[]);
    let (_proxy, mut client) = before(address);
    write!(client, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").unwrap();
    assert!(!until(&mut client, "hello").unwrap().contains("close"));
    write!(client, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc").unwrap();
    assert!(rest(&mut client).contains("connection: close\r\n\r\nhello"));
}

#[test]
fn a_path_with_two_meanings_reaches_nobody() {
    let (address, seen) = backend(&[OK]);
    let (_proxy, mut client) = before(address);
    for target in ["/a/..%2fhello", "/../hello", "/a//../hello"] {
        write!(client, "GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 400 "), "{target}");
    }
    write!(client, "GET /x/%2e%2e/hello HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(until(&mut client, "hello").unwrap().starts_with("HTTP/1.1 200 "));
    write!(client, "GET /x/./%61?q=%2F HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(seen.recv_timeout(PATIENCE).unwrap().1.starts_with("GET /x/a?q=%2F HTTP/1.1\r\n"));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (address, _seen) = backend(&[OK]);
    let (_proxy, mut client) = before(address);
    let requests =
        "GET /hello HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client.write_all(requests.as_bytes()).unwrap();
    let answers = rest(&mut client);
    assert!(
        answers.find("hello") < answers.find("\r\n\r\nok") && answers.ends_with("\r\n\r\nok"),
        "{answers}"
    );
}

#[test]
fn bodies_cross_in_chunks_with_their_trailers() {
    let (address, seen) =
        backend(&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 7\r\n\r\n"]);
    let (_proxy, mut client) = before(address);
    let request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    client.write_all(request.as_bytes()).unwrap();
    let answer = until(&mut client, "X-Sum: 7\r\n\r\n").unwrap();
    assert!(answer.contains("transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"), "{answer}");
    assert!(seen.recv_timeout(PATIENCE).unwrap().1.contains("transfer-encoding: chunked\r\n"));
}

#[test]
fn routes_redirect_and_respond() {
    let (address, _seen) = backend(&[]);
    let (_proxy, mut client) = before(address);
    write!(
        client,
        "GET /old/x?y HTTP/1.1\r\nHost: a.net:80\r\n\r\nHEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let answers = timeless(&rest(&mut client));
    assert!(answers.starts_with("HTTP/1.1 301 Moved Permanently\r\nlocation: https://a.net/old/x?y\r\n"));
    assert!(
        answers.ends_with(
            "\r\ncontent-type: text/plain; charset=utf-8\r\nserver: statex\r\ncontent-length: 5\r\nconnection: close\r\n\r\n"
        ),
        "{answers}"
    );
}

#[test]
fn smuggled_requests_never_reach_a_backend() {
    let (address, seen) = backend(&[OK]);
    for fields in
        ["Content-Length: 3\r\nTransfer-Encoding: chunked", "Content-Length: 3\r\nContent-Length: 4", "X : y"]
    {
        let (_proxy, mut client) = before(address);
        write!(client, "POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n")
            .unwrap();
        assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 400 "), "{fields}");
        assert_eq!(until(&mut client, "\r\n\r\n"), None);
    }
    assert!(seen.try_recv().is_err());
}

#[test]
fn a_kept_connection_that_was_closed_costs_no_request() {
    // Each connection is good for one request, and says that it is good for more.
    let (address, seen) = backend(&[OK]);
    let (_proxy, mut client) = before(address);
    for connection in 0..3 {
        write!(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert!(until(&mut client, "\r\n\r\nok").unwrap().starts_with("HTTP/1.1 200 "));
        assert_eq!(seen.recv_timeout(PATIENCE).unwrap().0, connection);
    }
}

#[test]
fn a_backend_that_makes_no_sense_is_a_bad_gateway() {
    for nonsense in [
        "",
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ] {
        let (address, _seen) = backend(Box::leak(Box::new([nonsense])));
        let (_proxy, mut client) = before(address);
        write!(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 502 "), "{nonsense:?}");
    }
}

#[test]
fn a_response_that_is_cut_short_is_not_made_to_look_whole() {
    for cut in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok",
    ] {
        let (address, _seen) = backend(Box::leak(Box::new([cut])));
        let (_proxy, mut client) = before(address);
        write!(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let answer = rest(&mut client);
        assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("0\r\n\r\n"), "{answer}");
    }
}

#[test]
fn a_body_that_ends_with_the_connection_gets_chunks() {
    let (address, _seen) = backend(&["HTTP/1.1 200 OK\r\n\r\nall of it"]);
    let (_proxy, mut client) = before(address);
    write!(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(until(&mut client, "\r\n0\r\n\r\n").unwrap().contains("9\r\nall of it\r\n"));
}
