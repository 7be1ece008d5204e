//! The demonstration, with less traffic. Needs root.

#![allow(clippy::unwrap_used)] // a test panics rather than returning an error

use statex_tests::demo::{Options, run, table};

#[test]
fn demonstration_finds_no_fault() {
    let outcomes = run(Options { connections: 40 }, &|_| {}).unwrap();
    let faults: Vec<_> = outcomes.iter().flat_map(|outcome| outcome.faults()).collect();
    assert_eq!((outcomes.len(), faults), (20, Vec::new()), "\n{}", table(&outcomes));
}
