//! The configuration files that come with Statex are right, and the defaults they name are the defaults.

use std::path::{Path, PathBuf};

use statex_agent::config::{self, Config};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config")
}

fn meant(text: &str) -> Config {
    config::parse(text, Path::new("statex.toml"), &|_| None).unwrap_or_else(|errors| panic!("{errors}"))
}

fn shipped() -> String {
    std::fs::read_to_string(folder().join("statex.toml")).expect("the file is in the repository")
}

/// With all defaults written out: `#key = value` without its `#`.
fn written_out() -> String {
    let shipped = shipped();
    let uncommented = shipped.lines().map(|line| match line.strip_prefix('#') {
        Some(inside) if !inside.starts_with(' ') => inside,
        _ => line,
    });
    uncommented.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_file_as_shipped_only_names_an_interface() {
    assert_eq!(meant(&shipped()), meant("[node]\ninterfaces = [\"eth0\"]"));
}

#[test]
fn every_line_of_the_shipped_file_can_be_taken_up() {
    let config = meant(&written_out());
    assert_eq!(config.warnings(), []);
    assert_eq!((config.pools.len(), config.services.len(), config.quic.len()), (1, 1, 1));
}

#[test]
fn the_settings_that_the_shipped_file_names_are_the_defaults() {
    let written_out = meant(&written_out());
    let default = meant("[node]\ninterfaces = [\"eth0\"]");
    // What has no default.
    let node = config::Node { ipv4: None, ipv6: None, ..written_out.node.clone() };
    assert_eq!(node, default.node);
    assert_eq!(written_out.encapsulation.gue_port, default.encapsulation.gue_port);

    assert_eq!(written_out.control, default.control);
    assert_eq!(written_out.metrics, default.metrics);
    assert_eq!(written_out.log, default.log);
    assert_eq!(written_out.limits, default.limits);
    assert_eq!(written_out.timeouts, default.timeouts);
    assert_eq!(written_out.nat, default.nat);
    assert_eq!(written_out.deny, default.deny);
    assert_eq!(written_out.event_sample, default.event_sample);
    assert_eq!(written_out.healing, default.healing);
}

#[test]
fn the_pool_and_service_that_the_shipped_file_shows_have_defaults() {
    let shown = meant(&written_out());
    let least = meant(
        "[node]\ninterfaces = [\"eth0\"]\n\
         [[pool]]\nname = \"web\"\nhealth = { kind = \"http\" }\nbackend = [{ address = \"198.51.100.1\" }]\nheal = {}\n\
         report = { kind = \"json\", port = 9000 }\nworkload = { executor = \"docker\", service = \"site/api\" }\n\
         [[service]]\nname = \"https\"\naddress = \"203.0.113.1\"\nport = 443\nprotocol = \"udp\"\n\
         pool = \"web\"\nforward = \"ipip\"",
    );
    let service = config::Service { new_flows_per_source: None, mtu: None, ..shown.services[0].clone() };
    assert_eq!(service, least.services[0]);

    let (mut pool, least) = (shown.pools[0].clone(), &least.pools[0]);
    let backend = &mut pool.backends[0];
    (backend.name, backend.port, backend.next_hop) = ("198.51.100.1".to_owned(), None, None);
    backend.server_id.clear();
    let health = pool.health.as_mut().expect("the file shows health checks");
    health.port = None;
    pool.workload.as_mut().expect("the file shows an executor").hook = None;
    pool.heal.as_mut().expect("the file shows healing").stateful = None;
    if let config::Probe::Http { host, .. } = &mut health.probe {
        *host = None;
    }
    assert_eq!(&pool, least);
}

#[test]
fn the_listener_and_route_that_the_shipped_file_shows_have_defaults() {
    let shown = meant(&written_out()).proxy;
    let least = meant(
        "[[pool]]\nname = \"web\"\nhealth = { kind = \"none\" }\nbackend = [{ address = \"198.51.100.1\" }]\n\
         [[listener]]\nname = \"http\"\nlisten = [\"0.0.0.0:80\", \"[::]:80\"]\nprotocol = \"http\"\n\
         [[route]]\nname = \"web\"\npool = \"web\"",
    )
    .proxy;
    assert_eq!((shown.workers, shown.stop_deadline), (least.workers, least.stop_deadline));
    assert_eq!((&shown.tls, &shown.listeners), (&least.tls, &least.listeners));
    // What a route matches has no default worth showing, nor has the time for a body.
    let (mut route, least) = (shown.routes[0].clone(), &least.routes[0]);
    route.matches = least.matches.clone();
    route.listeners.clear();
    route.timeouts.body = None;
    assert_eq!(&route, least);
}

#[test]
fn all_examples_are_good() {
    let mut forwards = Vec::new();
    for entry in std::fs::read_dir(folder().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let config = config::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
        let warnings: Vec<String> = config.warnings().iter().map(|problem| problem.in_file(&path)).collect();
        assert_eq!(warnings, Vec::<String>::new());
        forwards.extend(config.services.iter().map(|service| service.forward));
    }
    for (word, forward) in <config::Forward as config::Words>::WORDS {
        assert!(forwards.contains(forward), "no example of {word}");
    }
}

#[test]
fn a_node_without_a_name_has_that_of_its_host() {
    let config = config::load(&folder().join("examples/ipip.toml")).unwrap();
    assert!(!config.node.name.is_empty());
}

#[test]
fn a_file_that_is_not_there_is_an_error_of_its_own() {
    let errors = config::load(Path::new("/nowhere/statex.toml")).unwrap_err();
    let expected = "/nowhere/statex.toml: cannot be read: No such file or directory (os error 2); \
                    name a file that exists and is UTF-8 text";
    assert_eq!(errors.to_string(), expected);
}
