//! What changes while connections live on.

use super::*;

#[test]
fn a_new_plan_changes_the_next_request_of_a_connection() {
    let (address, _seen) = backend(&[OK]);
    let (mut proxy, mut client) = before(address);
    write!(client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(until(&mut client, "hello").unwrap().starts_with("HTTP/1.1 200 "));
    let mut next = plan("");
    next.listeners[0].meant.listen = proxy.plan().listeners[0].meant.listen.clone();
    block_on(proxy.follow(next, Sockets::default()));
    write!(client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_stop_ends_idle_connections_and_the_workers() {
    let (address, _seen) = backend(&[]);
    let (proxy, mut client) = before(address);
    write!(client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    until(&mut client, "hello").unwrap();
    proxy.stop(PATIENCE);
    assert_eq!(rest(&mut client), "");
}

#[test]
fn a_listener_that_goes_ends_its_connections_and_one_that_comes_serves() {
    let (address, _seen) = backend(&[]);
    let (mut proxy, mut client) = before(address);
    write!(client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    until(&mut client, "hello").unwrap();
    let mut next = plan(&site(address));
    next.listeners[0].meant.name = "another".to_owned();
    let sockets = Sockets::bind(&mut next, Some(proxy.plan()), 1).unwrap();
    let address = next.listeners[0].meant.listen[0];
    let gone = proxy.plan().listeners[0].meant.listen[0];
    block_on(proxy.follow(next, sockets));
    assert_eq!(rest(&mut client), "");
    assert!(TcpStream::connect(gone).is_err());
    let mut client = TcpStream::connect(address).unwrap();
    write!(client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    until(&mut client, "hello").unwrap();
}

#[test]
fn an_address_that_is_taken_is_told_with_its_listener() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut plan = plan("");
    plan.listeners[0].meant.listen[0] = taken.local_addr().unwrap();
    let error = Sockets::bind(&mut plan, None, 1).unwrap_err().to_string();
    assert!(error.starts_with("listener \"http\": 127.0.0.1:"), "{error}");
}

#[test]
fn shares_of_requests_are_what_the_route_says() {
    let (one, two) = (backend(&[OK]).0, backend(&[OK]).0);
    let pool = |name: &str, at: SocketAddr| {
        format!(
            "[[pool]]\nname = \"{name}\"\nhealth.kind = \"none\"\nbackend = [{{ address = \"{}\", port = {} }}]\n",
            at.ip(),
            at.port()
        )
    };
    let route =
        "[[route]]\nname = \"r\"\nsplit = [{ pool = \"a\", weight = 9 }, { pool = \"b\", weight = 1 }]\n";
    let plan = plan(&(pool("a", one) + &pool("b", two) + route));
    let crate::proxy::plan::Action::Proxy(split) = &plan.routes[0].action else {
        panic!("{:?}", plan.routes[0].action)
    };
    let to_b = (0..split.total).filter(|number| split.pool(*number) == Some(1)).count();
    assert_eq!((split.total, to_b), (10, 1));
}
