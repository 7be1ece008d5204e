//! The shape of a file: short, said what it is for in its first line, well named, finished.

use super::Finding;
use super::source::Source;

/// Longer than this, nobody finds their line.
const MOST_LINES: usize = 450;

const VAGUE_NAMES: [&str; 8] =
    ["util", "utils", "helper", "helpers", "misc", "common_utils", "stuff", "types_misc"];

const UNFINISHED_MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];

const UNFINISHED_MARKS: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK")];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    if !source.is_rust() {
        return Vec::new();
    }
    [length(source), first_line(source), name(source), unfinished(source), ignored(source)]
        .into_iter()
        .flatten()
        .collect()
}

fn length(source: &Source) -> Vec<Finding> {
    match source.text.lines().count() {
        lines if lines > MOST_LINES => {
            vec![source.finding(lines, format!("{lines} lines; split it, {MOST_LINES} is the most"))]
        }
        _ => Vec::new(),
    }
}

fn first_line(source: &Source) -> Vec<Finding> {
    let first = source.text.lines().next().unwrap_or_default();
    match first.strip_prefix("//! ") {
        Some(sentence) if !sentence.trim().is_empty() => Vec::new(),
        _ => vec![source.finding(1, "begin with a `//!` sentence that says what the file is for")],
    }
}

fn name(source: &Source) -> Vec<Finding> {
    let vague = source.path.trim_end_matches(".rs").split('/').find(|part| VAGUE_NAMES.contains(part));
    let message = |part| format!("`{part}` names nothing: name the file after what is in it");
    vague.map(|part| source.finding(1, message(part))).into_iter().collect()
}

fn unfinished(source: &Source) -> Vec<Finding> {
    let macros = source.tokens.iter().enumerate().filter_map(|(at, token)| {
        let called = UNFINISHED_MACROS.contains(&token.text.as_str()) && source.text_at(at + 1) == "!";
        called.then(|| source.finding(token.line, format!("`{}!` is for work that is not done", token.text)))
    });
    let marks = source.text.lines().enumerate().filter_map(|(at, line)| {
        let (_, comment) = line.split_once("//")?;
        let mark = UNFINISHED_MARKS.iter().find(|mark| comment.contains(*mark))?;
        Some(source.finding(at + 1, format!("{mark}: finish it, or file an issue")))
    });
    macros.chain(marks).collect()
}

/// A test that is skipped says why.
fn ignored(source: &Source) -> Vec<Finding> {
    let silent = |at: usize| {
        source.text_at(at) == "[" && source.text_at(at + 1) == "ignore" && source.text_at(at + 2) == "]"
    };
    let lines = (0..source.tokens.len()).filter(|at| silent(*at)).map(|at| source.tokens[at].line);
    lines.map(|line| source.finding(line, "say why: #[ignore = \"…\"]")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(&Source::new(path, text)).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn short_file_with_a_sentence_is_fine() {
        assert!(messages("a/flow.rs", "//! The flow table.\n\nfn f() {}\n").is_empty());
    }

    #[test]
    fn long_file_is_found() {
        let found = messages("a/flow.rs", &format!("//! Long.\n{}", "\n".repeat(450)));
        assert_eq!(found, ["451 lines; split it, 450 is the most"]);
    }

    #[test]
    fn file_without_a_sentence_is_found() {
        assert_eq!(messages("a/flow.rs", "use a::b;\n").len(), 1);
        assert_eq!(messages("a/flow.rs", "").len(), 1);
    }

    #[test]
    fn vague_name_is_found() {
        assert_eq!(messages("a/utils.rs", "//! Odds and ends.\n").len(), 1);
        assert_eq!(messages("a/helpers/flow.rs", "//! Flows.\n").len(), 1);
    }

    #[test]
    fn unfinished_work_is_found() {
        assert_eq!(messages("a/flow.rs", "//! Flows.\nfn f() { todo!() }\n").len(), 1);
        assert_eq!(messages("a/flow.rs", concat!("//! Flows.\n// FIX", "ME later\n")).len(), 1);
        assert!(messages("a/flow.rs", "//! Flows.\nconst A: &str = \"todo!()\";\n").is_empty());
    }

    #[test]
    fn test_ignored_without_a_reason_is_found() {
        assert_eq!(messages("a/flow.rs", "//! Flows.\n#[ignore]\nfn f() {}\n").len(), 1);
        assert!(messages("a/flow.rs", "//! Flows.\n#[ignore = \"slow\"]\nfn f() {}\n").is_empty());
    }
}
