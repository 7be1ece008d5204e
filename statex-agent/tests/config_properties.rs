//! Whatever a configuration file holds, it is either good or refused with a reason.

use std::collections::HashSet;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use statex_agent::config::{self, Config, Errors, Forward};

const SITE: &str = include_str!("../../config/examples/site.toml");

fn parse(text: &str) -> Result<Config, Errors> {
    config::parse(text, Path::new("statex.toml"), &|name| (name == "SET").then(|| "7".to_owned()))
}

/// What holds of every result.
fn check(result: Result<Config, Errors>) {
    match result {
        Err(errors) => {
            assert!(!errors.problems().is_empty());
            assert_eq!(errors.to_string().lines().count(), errors.problems().len());
        }
        Ok(config) => {
            let names: HashSet<&str> = config.services.iter().map(|service| service.name.as_str()).collect();
            assert_eq!(names.len(), config.services.len());
            for service in &config.services {
                let pool = service.pool.as_deref().map(|name| config.pool(name).expect("the pool is there"));
                assert_eq!(pool.is_none(), service.forward == Forward::Local);
                assert!(pool.is_none_or(|pool| pool.backends.len() <= service.ring_slots as usize));
            }
            for health in config.pools.iter().filter_map(|pool| pool.health.as_ref()) {
                assert!(health.timeout <= health.interval);
            }
        }
    }
}

const TABLES: [&str; 19] = [
    "[node]",
    "[control]",
    "[metrics]",
    "[log]",
    "[limits]",
    "[timeouts]",
    "[nat]",
    "[encapsulation]",
    "[deny]",
    "[events]",
    "[[quic.id]]",
    "[[pool]]",
    "[[pool.backend]]",
    "[pool.health]",
    "[pool.outlier]",
    "[pool.backend.next_hop]",
    "[[service]]",
    "[service.new_flows_per_source]",
    "[unknown]",
];

const VALUES: [&str; 28] = [
    "0",
    "-1",
    "251",
    "65537",
    "9223372036854775807",
    "1e300",
    "nan",
    "true",
    "\"\"",
    "\"x\"",
    "\"any\"",
    "\"udp\"",
    "\"local\"",
    "\"nat\"",
    "\"192.0.2.1\"",
    "\"2001:db8::1\"",
    "\"0.0.0.0/0\"",
    "\"192.0.2.0/25\"",
    "\"1h\"",
    "\"18446744073709551615d\"",
    "\"${SET}\"",
    "\"${UNSET}\"",
    "\"hex:00\"",
    "\"9-1\"",
    "[]",
    "[\"eth0\", \"192.0.2.1\", 1]",
    "{ kind = \"http\" }",
    "1979-05-27",
];

/// Keys of the shipped file, so that new ones are tried too.
fn keys() -> Vec<&'static str> {
    let file = include_str!("../../config/statex.toml");
    let key = |line: &'static str| Some(line.trim_start_matches(['#', ' ']).split_once(" = ")?.0);
    file.lines()
        .filter_map(key)
        .filter(|key| key.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*(\n\\PC*){0,5}") {
        check(parse(&text));
    }

    #[test]
    fn any_bytes_of_toml_are_read_or_refused(text in "[\\[\\]{}=.,\"'#\\\\$a-c0-9 \n\r\t-]{0,60}") {
        check(parse(&text));
    }

    #[test]
    fn any_value_under_any_key_is_read_or_refused(
        tables in prop::collection::vec((select(&TABLES), prop::collection::vec((select(keys()), select(&VALUES)), 0..6)), 0..8)
    ) {
        let text = tables.iter().fold(String::new(), |mut text, (table, settings)| {
            let settings = settings.iter().map(|(key, value)| format!("{key} = {value}\n"));
            text.extend(std::iter::once(format!("{table}\n")).chain(settings));
            text
        });
        check(parse(&text));
    }

    #[test]
    fn a_site_with_changed_lines_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3u8), 1..6)
    ) {
        let mut lines: Vec<&str> = SITE.lines().collect();
        for (at, from, change) in changes {
            let (at, line) = (at.index(lines.len()), lines[from.index(lines.len())]);
            match change {
                0 => lines[at] = "",
                1 => lines.insert(at, line),
                _ => lines[at] = line,
            }
        }
        check(parse(&lines.join("\n")));
    }

    #[test]
    fn a_site_with_changed_characters_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 1..4)
    ) {
        let mut text: Vec<char> = SITE.chars().collect();
        for (at, character) in changes {
            let at = at.index(text.len());
            text[at] = character;
        }
        check(parse(&text.into_iter().collect::<String>()));
    }
}

#[test]
fn deep_nesting_is_refused_without_exhausting_the_stack() {
    for text in [
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}1", "{a=".repeat(100_000)),
    ] {
        check(parse(&text));
    }
    check(parse(&format!("a{} = 1", ".a".repeat(100_000))));
    check(parse(&format!("[a{}]", ".a".repeat(100_000))));
}
