//! What is changed on the way: fields, paths, and who the client is.

use super::*;

/// What the backend sees of a request to a route with these keys, and what the client sees of the answer.
fn crossing(route: &str, request: &str, answer: &'static str) -> (String, String) {
    let (address, seen) = backend(Box::leak(Box::new([answer])));
    let tables = format!(
        "[[pool]]\nname = \"b\"\nhealth.kind = \"none\"\nbackend = [{{ address = \"127.0.0.1\", port = {} }}]\n\
         [[route]]\nname = \"r\"\npool = \"b\"\n{route}\n",
        address.port()
    );
    let (_proxy, mut client) = serving(&tables);
    client.write_all(request.as_bytes()).unwrap();
    let answer = timeless(&until(&mut client, "\r\n\r\n").unwrap());
    (seen.recv_timeout(PATIENCE).map(|(_, head)| head).unwrap_or_default(), answer)
}

const GET: &str = "GET /app/x?y=1 HTTP/1.1\r\nHost: a.net\r\nX-Debug: 1\r\nCookie: a=b\r\n\r\n";

#[test]
fn a_route_changes_fields_both_ways() {
    let route = "request_headers = { remove = [\"x-debug\"], set = { x-host = \"{host}{path}\" } }\n\
                 response_headers = { preset = \"security\", remove = [\"server\"], add = { x-node = \"n\" } }";
    let answer =
        "HTTP/1.1 200 OK\r\nServer: secret/1.0\r\nX-Frame-Options: ALLOW\r\nContent-Length: 0\r\n\r\n";
    let (seen, answer) = crossing(route, GET, answer);
    assert!(seen.contains("\r\nx-host: a.net/app/x\r\n") && !seen.contains("X-Debug"), "{seen}");
    assert!(
        answer.contains("\r\nx-frame-options: DENY\r\n") && answer.contains("\r\nx-node: n\r\n"),
        "{answer}"
    );
    assert!(!answer.contains("secret") && !answer.contains("ALLOW") && !answer.contains("strict-transport"));
}

#[test]
fn a_route_says_how_long_answers_may_be_kept() {
    let route = "expires = \"1h\"\ncache_control = \"public, immutable\"";
    let kept =
        crossing(route, GET, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n").1;
    assert!(kept.contains("\r\ncache-control: max-age=3600, public, immutable\r\n"), "{kept}");
    assert!(kept.contains("\r\nexpires: ") && !kept.contains("no-store"), "{kept}");
    let not = crossing(route, GET, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").1;
    assert!(!not.contains("cache-control") && !not.contains("expires"), "{not}");
}

#[test]
fn a_path_is_rewritten_before_it_is_passed_on() {
    let route = "path_prefix = \"/app\"\nrewrite = { strip_prefix = \"/app\", add_prefix = \"/v2\" }";
    let (seen, _) = crossing(route, GET, OK);
    assert!(seen.starts_with("GET /v2/x?y=1 HTTP/1.1\r\n"), "{seen}");
}

#[test]
fn a_backend_may_see_its_own_name_and_other_words_about_the_client() {
    let (seen, _) = crossing("backend_host = \"backend\"\nforwarded = [\"forwarded\"]", GET, OK);
    assert!(seen.contains("\r\nhost: 127.0.0.1:"), "{seen}");
    assert!(seen.contains("\r\nforwarded: for=127.0.0.1;host=\"a.net\";proto=http\r\n"), "{seen}");
    assert!(!seen.contains("x-forwarded") && !seen.contains("x-real-ip"), "{seen}");
}

#[test]
fn services_elsewhere_are_told_in_every_answer() {
    let text = "alt_svc = 'h3=\":443\"; ma=60'\n[[route]]\nname = \"r\"\nrespond = {}";
    let (_proxy, mut client) = serving(text);
    write!(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(until(&mut client, "\r\n\r\n").unwrap().contains("\r\nalt-svc: h3=\":443\"; ma=60\r\n"));
}

#[test]
fn http_is_sent_to_https_but_for_challenges() {
    let mut plan = plan("redirect_to_https = true");
    plan.store.token("abc", Some("abc.thumb".into()));
    let sockets = Sockets::bind(&mut plan, None, 1).unwrap();
    let address = plan.listeners[0].meant.listen[0];
    let _proxy = Proxy::start(1, plan, sockets, &lasting()).unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    write!(client, "GET /x?y HTTP/1.1\r\nHost: a.net:8080\r\n\r\n").unwrap();
    let answer = until(&mut client, "\r\n\r\n").unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 301 ") && answer.contains("\r\nlocation: https://a.net/x?y\r\n"),
        "{answer}"
    );
    write!(client, "GET /.well-known/acme-challenge/abc HTTP/1.1\r\nHost: a.net\r\n\r\n").unwrap();
    assert!(until(&mut client, "abc.thumb").unwrap().starts_with("HTTP/1.1 200 "));
    write!(client, "GET /.well-known/acme-challenge/abd HTTP/1.1\r\nHost: a.net\r\n\r\n").unwrap();
    assert!(until(&mut client, "\r\n\r\n").unwrap().starts_with("HTTP/1.1 301 "));
}

#[test]
fn what_one_answer_needs_its_status_does_not_promise() {
    for (request, answer, expected) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "content-length: 9"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "content-length: 9"),
        ("GET", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", "X: y"),
    ] {
        let request = format!("{request} / HTTP/1.1\r\nHost: a\r\n\r\n");
        let (_, answer) = crossing("", &request, answer);
        assert!(answer.contains(expected) && !answer.contains("chunked"), "{answer}");
    }
}
