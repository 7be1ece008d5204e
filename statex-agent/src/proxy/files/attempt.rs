//! What is tried in answer to a path, one thing after the other.

use super::StatusCode;

/// Stands for the path's name in a text.
const PATH: &str = "{path}";

/// Something that is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// A file; `follows`: the path's name stands between `before` and `after`.
    File {
        before: Box<[u8]>,
        follows: bool,
        after: Box<[u8]>,
    },
    /// The path's folder, by its index.
    Folder,
    Status(StatusCode),
}

impl Attempt {
    /// Reads `{path}`, `{path}/`, `{path}.html`, `/old{path}` or a file as `/index.html`. `None`: it is none of them, or
    /// leads through something that is never served.
    pub fn read(text: &str) -> Option<Self> {
        if text == "{path}/" {
            return Some(Self::Folder);
        }
        let (before, after) = text.split_once(PATH).unwrap_or((text, ""));
        let follows = text.contains(PATH);
        // The path brings a slash of its own.
        let before = match before.strip_prefix('/') {
            Some(name) if follows => format!("{name}/"),
            Some(name) => name.to_owned(),
            None if before.is_empty() && follows => String::new(),
            None => return None,
        };
        let whole = format!("{before}{}{after}", if follows { "x" } else { "" });
        let is_served =
            |segment: &str| !segment.is_empty() && !segment.starts_with('.') && !segment.contains(PATH);
        let bytes = |text: &str| text.as_bytes().into();
        whole.split('/').all(is_served).then(|| Self::File {
            before: bytes(&before),
            follows,
            after: bytes(after),
        })
    }

    /// Whether what is tried depends on the path, and is a file.
    pub(super) fn follows(&self) -> bool {
        matches!(self, Self::File { follows: true, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(before: &str, follows: bool, after: &str) -> Option<Attempt> {
        let bytes = |text: &str| text.as_bytes().into();
        Some(Attempt::File { before: bytes(before), follows, after: bytes(after) })
    }

    #[test]
    fn texts_say_what_is_tried() {
        assert_eq!(Attempt::read("{path}"), file("", true, ""));
        assert_eq!(Attempt::read("{path}/"), Some(Attempt::Folder));
        assert_eq!(Attempt::read("{path}.html"), file("", true, ".html"));
        assert_eq!(Attempt::read("{path}/index.htm"), file("", true, "/index.htm"));
        assert_eq!(Attempt::read("/old{path}"), file("old/", true, ""));
        assert_eq!(Attempt::read("/app/index.html"), file("app/index.html", false, ""));
    }

    #[test]
    fn what_is_no_name_under_the_root_is_none() {
        for text in [
            "",
            "/",
            "index.html",
            "../x",
            "/../x",
            "{path}/../x",
            "//x",
            "/.git/x",
            "{path}{path}",
            "x{path}",
            "/a/",
        ] {
            assert_eq!(Attempt::read(text), None, "{text}");
        }
    }
}
