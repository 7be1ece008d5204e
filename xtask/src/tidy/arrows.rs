//! Who may name whom: ARCHITECTURE.md's arrows between crates and between the agent's folders.

use super::Finding;
use super::source::Source;

/// Files that must not name something, and why.
struct Arrow {
    from: &'static [&'static str],
    but: &'static [&'static str],
    never: &'static [&'static str],
    why: &'static str,
}

const ARROWS: [Arrow; 9] = [
    Arrow {
        from: &["statex-common/"],
        but: &[],
        never: &["aya_ebpf", "statex_agent", "statex_tests"],
        why: "statex-common is what kernel and agent agree on: it knows neither",
    },
    Arrow {
        from: &["statex-ebpf/"],
        but: &[],
        never: &["statex_agent", "statex_tests"],
        why: "the kernel side knows statex-common only",
    },
    Arrow {
        from: &["xtask/"],
        but: &[],
        never: &["statex_common", "statex_agent", "statex_tests"],
        why: "xtask depends on no crate of the workspace: it must build when they do not",
    },
    Arrow {
        from: &["statex-agent/src/kernel"],
        but: &[],
        never: &["crate::state"],
        why: "the kernel layer is told what to do, it does not ask the state",
    },
    Arrow {
        from: &["statex-agent/src/health", "statex-agent/src/config"],
        but: &[],
        never: &["crate::kernel"],
        why: "control loops send events; state/reconcile.rs alone writes the kernel's tables",
    },
    Arrow {
        from: &["statex-agent/src/proxy"],
        but: &[],
        never: &["crate::kernel", "crate::state", "crate::agent"],
        why: "the proxy is handed what it needs to know; it touches neither tables nor the world",
    },
    Arrow {
        from: &["statex-agent/src/"],
        but: &[
            "statex-agent/src/admin",
            "statex-agent/src/cli",
            "statex-agent/src/agent/",
            "statex-agent/src/main.rs",
        ],
        never: &["crate::admin", "statex_agent::admin"],
        why: "only the command line and agent.rs know the control socket and the metrics",
    },
    Arrow {
        from: &["statex-agent/src/state/desired", "statex-agent/src/state/plan"],
        but: &[],
        never: &["tokio", "std::fs", "std::net::TcpStream", "crate::clock"],
        why: "desired and plan are pure: no I/O and no clock",
    },
    Arrow {
        from: &["statex-agent/src/"],
        but: &["statex-agent/src/clock.rs"],
        never: &[
            "Instant::now",
            "SystemTime::now",
            "std::time::Instant::now",
            "std::time::SystemTime::now",
            "Timestamp::now",
            "Zoned::now",
            "jiff::Timestamp::now",
            "jiff::Zoned::now",
        ],
        why: "clock.rs alone reads clocks, so that a test plays a week in a second",
    },
];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| source.path.starts_with(prefix));
    let mut findings = Vec::new();
    for arrow in ARROWS.iter().filter(|arrow| starts(arrow.from) && !starts(arrow.but)) {
        for (line, path) in source.paths() {
            let path = absolute(&source.path, &path);
            let names = |banned: &&&str| path == **banned || path.starts_with(&format!("{banned}::"));
            if let Some(banned) = arrow.never.iter().find(names) {
                findings.push(source.finding(line, format!("names `{banned}`: {}", arrow.why)));
            }
        }
    }
    findings
}

/// A path from the crate's root where it began with `super` or `self`.
fn absolute(file: &str, path: &[&str]) -> String {
    let module = file.split_once("src/").map_or("", |(_, module)| module).trim_end_matches(".rs");
    let mut module: Vec<&str> =
        module.split('/').filter(|name| !["mod", "lib", "main"].contains(name)).collect();
    let supers = path.iter().take_while(|name| **name == "super").count();
    if supers == 0 && path[0] != "self" {
        return path.join("::");
    }
    module.truncate(module.len().saturating_sub(supers));
    let rest = &path[supers.max(1)..];
    [&["crate"], module.as_slice(), rest].concat().join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(&Source::new(path, text)).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn common_knows_neither_side() {
        assert_eq!(messages("statex-common/src/flow.rs", "use aya_ebpf::maps::Array;").len(), 1);
        assert!(messages("statex-ebpf/src/main.rs", "use aya_ebpf::maps::Array;").is_empty());
    }

    #[test]
    fn kernel_layer_does_not_ask_the_state() {
        let found = messages("statex-agent/src/kernel/load.rs", "use crate::{clock, state::Store};");
        assert!(found[0].starts_with("names `crate::state`"), "{found:?}");
        assert_eq!(messages("statex-agent/src/kernel/load.rs", "use super::super::state::Store;").len(), 1);
        assert!(messages("statex-agent/src/kernel/load.rs", "use super::state;").is_empty());
    }

    #[test]
    fn loops_do_not_touch_the_kernel() {
        assert_eq!(messages("statex-agent/src/health/mod.rs", "fn f() { crate::kernel::load() }").len(), 1);
        assert!(messages("statex-agent/src/state/reconcile.rs", "use crate::kernel::Tables;").is_empty());
    }

    #[test]
    fn the_proxy_asks_neither_kernel_nor_state() {
        assert_eq!(messages("statex-agent/src/proxy/h1/head.rs", "use crate::state::store;").len(), 1);
        assert!(messages("statex-agent/src/proxy/h1/head.rs", "use crate::proxy::http::Fields;").is_empty());
    }

    #[test]
    fn only_the_command_line_and_the_agent_know_admin() {
        assert_eq!(messages("statex-agent/src/state/store.rs", "use crate::admin::api;").len(), 1);
        assert!(messages("statex-agent/src/cli/status.rs", "use crate::admin::client;").is_empty());
        assert!(messages("statex-agent/src/admin/api.rs", "use crate::admin::peer;").is_empty());
    }

    #[test]
    fn plan_is_pure() {
        assert_eq!(messages("statex-agent/src/state/plan.rs", "use tokio::time;").len(), 1);
        assert!(messages("statex-agent/src/state/reconcile.rs", "use tokio::time;").is_empty());
    }

    #[test]
    fn clocks_are_read_in_one_place() {
        let text = "fn f() { let now = Instant::now(); }";
        assert_eq!(messages("statex-agent/src/health/mod.rs", text).len(), 1);
        assert!(messages("statex-agent/src/clock.rs", text).is_empty());
    }

    #[test]
    fn xtask_stands_alone() {
        assert_eq!(messages("xtask/src/main.rs", "use statex_common::abi;").len(), 1);
    }
}
