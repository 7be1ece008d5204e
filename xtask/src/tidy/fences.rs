//! Fences: the few files where `unsafe` may stand, each block with its reason, and those that may print.

use super::Finding;
use super::source::Source;

/// Where `unsafe` may stand, and what for.
const UNSAFE: [(&str, &str); 6] = [
    ("statex-ebpf/", "helpers, maps and packet memory of the kernel"),
    ("statex-common/src/shared.rs", "memory shared with other CPUs and the agent"),
    ("statex-common/src/abi/bytes.rs", "rows of maps as bytes"),
    ("statex-agent/src/kernel/rows.rs", "tables that are mapped into the agent"),
    ("statex-agent/src/memory.rs", "the C library's allocator"),
    ("tests/src/doubles/bytes.rs", "packet memory of the doubles"),
];

/// Where clippy's ban on printing may be lifted.
const PRINTING: [&str; 4] = ["statex-agent/src/cli/", "statex-agent/src/main.rs", "xtask/", "tests/"];

/// How many lines above `unsafe` its reason may stand: a statement can begin before the block does.
const REACH: usize = 6;

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let may_be_unsafe = UNSAFE.iter().any(|(path, _)| source.path.starts_with(path));
    let may_print =
        PRINTING.iter().any(|path| source.path.starts_with(path)) || source.path.ends_with("/tests.rs");
    for (at, token) in source.tokens.iter().enumerate() {
        match token.text.as_str() {
            "unsafe" if source.text_at(at + 1) == "(" => {}
            "unsafe" if !may_be_unsafe => {
                findings.push(source.finding(
                    token.line,
                    "`unsafe` outside its fences (xtask/src/tidy/fences.rs lists them)",
                ));
            }
            "unsafe" if !is_justified(source, token.line) => {
                findings.push(source.finding(token.line, "say why it is sound: // SAFETY: …"));
            }
            "print_stdout" | "print_stderr" if !may_print => {
                findings.push(
                    source.finding(token.line, "only the command line prints; return the value or log it"),
                );
            }
            _ => {}
        }
    }
    findings
}

/// Whether a `SAFETY` comment, or a `# Safety` section for what the caller must see to, stands just above.
fn is_justified(source: &Source, line: usize) -> bool {
    let lines: Vec<_> = source.text.lines().take(line).collect();
    let above = &lines[lines.len().saturating_sub(REACH)..];
    above.iter().any(|line| line.contains("SAFETY:") || line.contains("# Safety"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn unsafe_outside_a_fence_is_found() {
        let text = "// SAFETY: it is fine\nunsafe { f() }";
        assert_eq!(lines("statex-agent/src/state/store.rs", text), [2]);
        assert!(lines("statex-common/src/shared.rs", text).is_empty());
    }

    #[test]
    fn unsafe_without_a_reason_is_found() {
        assert_eq!(lines("statex-ebpf/src/main.rs", "fn a() {\n    unsafe { f() }\n}"), [2]);
    }

    #[test]
    fn unsafe_attribute_is_no_block() {
        assert!(lines("statex-agent/src/cli/run.rs", "#[unsafe(no_mangle)]\nfn a() {}").is_empty());
    }

    #[test]
    fn printing_outside_the_command_line_is_found() {
        let text = "#![allow(clippy::print_stdout)]";
        assert_eq!(lines("statex-agent/src/state/store.rs", text), [1]);
        assert!(lines("statex-agent/src/cli/status.rs", text).is_empty());
    }
}
