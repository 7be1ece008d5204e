//! Every mistake in `bad_configs/*.txt` and exactly what Statex says of it.
//!
//! A case changes `bad_configs/base.toml`, or `proxy.toml` in the files of the proxy, both of which are good:
//!
//! ```text
//! # what is wrong
//! - a line of the base, which goes
//! + the lines that come in its place, or at the end if none goes
//! ! every error, in full
//! ? every warning, in full; then there is no error
//! ```

use std::fmt::Write;
use std::path::Path;

use statex_agent::config;

const BASE: &str = include_str!("bad_configs/base.toml");
const PROXY: &str = include_str!("bad_configs/proxy.toml");
const FILES: [(&str, &str, &str); 10] = [
    ("syntax.txt", BASE, include_str!("bad_configs/syntax.txt")),
    ("node.txt", BASE, include_str!("bad_configs/node.txt")),
    ("path.txt", BASE, include_str!("bad_configs/path.txt")),
    ("pool.txt", BASE, include_str!("bad_configs/pool.txt")),
    ("heal.txt", BASE, include_str!("bad_configs/heal.txt")),
    ("service.txt", BASE, include_str!("bad_configs/service.txt")),
    ("listener.txt", PROXY, include_str!("bad_configs/listener.txt")),
    ("route.txt", PROXY, include_str!("bad_configs/route.txt")),
    ("upstream.txt", PROXY, include_str!("bad_configs/upstream.txt")),
    ("tls.txt", PROXY, include_str!("bad_configs/tls.txt")),
];

#[derive(Default)]
struct Case<'a> {
    file: &'a str,
    base: &'a str,
    name: &'a str,
    gone: Vec<&'a str>,
    come: Vec<&'a str>,
    /// `! …` and `? …` lines.
    said: Vec<&'a str>,
}

fn cases() -> Vec<Case<'static>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (file, base, text) in FILES {
        for line in text.lines().filter(|line| !line.is_empty()) {
            let rest = line.get(2..).unwrap_or_default();
            if line.starts_with("# ") {
                cases.push(Case { file, base, name: rest, ..Case::default() });
                continue;
            }
            let case = cases.last_mut().expect("a file begins with a name");
            match line.as_bytes()[0] {
                b'-' => case.gone.push(rest),
                b'+' => case.come.push(rest),
                b'!' | b'?' => case.said.push(line),
                _ => panic!("{file}: what is {line:?}?"),
            }
        }
    }
    cases
}

impl Case<'_> {
    /// The base with the case's change.
    fn config(&self) -> String {
        let come = self.come.join("\n");
        let Some(first) = self.gone.first() else { return format!("{}{come}\n", self.base) };
        let mut lines: Vec<&str> = self.base.lines().collect();
        let at = lines.iter().position(|line| line == first).expect("the base has the line");
        let gone: Vec<&str> = lines.splice(at..at + self.gone.len(), [come.as_str()]).collect();
        assert_eq!(gone, self.gone, "{}: the lines follow one another in the base", self.name);
        lines.join("\n")
    }
}

/// What Statex says, as a case would have it.
fn said(text: &str) -> Vec<String> {
    let path = Path::new("statex.toml");
    let lookup = |name: &str| (name == "HOSTILE").then(|| "443\"\nquic = false".to_owned());
    let line = |mark: char, problem: &config::Problem| {
        let line = problem.in_file(path);
        format!("{mark} {}", line.strip_prefix("statex.toml:").expect("a line names the file"))
    };
    match config::parse(text, path, &lookup) {
        Ok(config) => config.warnings().iter().map(|problem| line('?', problem)).collect(),
        Err(errors) => errors.problems().iter().map(|problem| line('!', problem)).collect(),
    }
}

#[test]
fn the_bases_are_good() {
    assert_eq!(said(BASE), Vec::<String>::new());
    assert_eq!(said(PROXY), Vec::<String>::new());
}

#[test]
fn every_mistake_is_told_in_these_words() {
    let mut wrong = String::new();
    for case in cases() {
        let said = said(&case.config());
        if said != case.said || said.is_empty() {
            writeln!(wrong, "{}: {}\n{}\n", case.file, case.name, said.join("\n")).unwrap();
        }
    }
    assert!(wrong.is_empty(), "these cases say:\n\n{wrong}");
}

#[test]
fn a_ring_shorter_than_its_pool_is_refused() {
    let backends: Vec<String> = (1..253).map(|host| format!("{{ address = \"10.0.0.{host}\" }}")).collect();
    let pool =
        format!("[[pool]]\nname = \"large\"\nhealth.kind = \"none\"\nbackend = [{}]\n", backends.join(", "));
    let ring = BASE.replacen("pool = \"web\"", "pool = \"large\"\nring_slots = 251", 1);
    let expected =
        "! 33: service[0].ring_slots: 251 slots cannot hold the 252 backends of pool \"large\"; give more";
    assert_eq!(said(&(ring + &pool)), [expected]);
}

#[test]
fn there_are_many_cases_and_each_has_a_name() {
    let mut names: Vec<&str> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all >= 45, "{all} cases");
}
