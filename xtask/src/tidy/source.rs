//! A file as rules see it: its text, the tokens of its code, and the paths that the code names.

use super::Finding;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One file of the repository.
pub(super) struct Source {
    /// From the repository's root, with `/` between folders.
    pub(super) path: String,
    pub(super) text: String,
    /// Without comments; groups are opened, so that their brackets are tokens too. Empty unless Rust.
    pub(super) tokens: Vec<Token>,
}

/// One token of Rust; a documentation comment is the tokens of its `#[doc = "…"]`.
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) text: String,
}

impl Source {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let mut tokens = Vec::new();
        if path.ends_with(".rs") {
            // What does not parse is the compiler's to report.
            flatten(text.parse().unwrap_or_default(), &mut tokens);
        }
        Source { path, text, tokens }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(super) fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, message: message.into() }
    }

    /// Each path that the code names, with its line: `use a::{b, c::d}` names `a::b` and `a::c::d`.
    pub(super) fn paths(&self) -> Vec<(usize, Vec<&str>)> {
        let mut paths = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            at = match is_name(self.text_at(at)) {
                true => self.path_from(at, &[], &mut paths),
                false => at + 1,
            };
        }
        paths
    }

    /// Reads the path, or tree of paths, that begins at a name; returns where it ends.
    fn path_from<'a>(
        &'a self,
        mut at: usize,
        before: &[&'a str],
        paths: &mut Vec<(usize, Vec<&'a str>)>,
    ) -> usize {
        let line = self.tokens[at].line;
        let mut path = [before, &[self.text_at(at)]].concat();
        at += 1;
        while self.text_at(at) == ":" && self.text_at(at + 1) == ":" {
            at += 2;
            if is_name(self.text_at(at)) {
                path.push(self.text_at(at));
                at += 1;
            } else if self.text_at(at) == "{" {
                at += 1;
                while !["}", ""].contains(&self.text_at(at)) {
                    at = match is_name(self.text_at(at)) {
                        true => self.path_from(at, &path, paths),
                        false => at + 1,
                    };
                }
                return at + 1;
            }
        }
        paths.push((line, path));
        at
    }

    /// A token's text; empty past the end.
    pub(super) fn text_at(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                tokens.push(Token { line, text: open.into() });
                flatten(group.stream(), tokens);
                tokens.push(Token { line: group.span_close().start().line, text: close.into() });
            }
            other => tokens.push(Token { line, text: other.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grouped_imports_name_each_path() {
        let source = Source::new("a.rs", "use crate::{kernel::ring, state};\nfn f() { b::c() }");
        let paths: Vec<_> = source.paths().into_iter().map(|(line, path)| (line, path.join("::"))).collect();
        assert!(paths.contains(&(1, "crate::kernel::ring".into())));
        assert!(paths.contains(&(1, "crate::state".into())));
        assert!(paths.contains(&(2, "b::c".into())));
    }

    #[test]
    fn comments_and_strings_name_nothing() {
        let source = Source::new("a.rs", "// crate::kernel\nconst A: &str = \"crate::state\";");
        assert!(source.paths().iter().all(|(_, path)| path[0] != "crate"));
    }
}
