//! What no file may say: paths of one machine, hosts of package registries.

use super::Finding;
use super::source::Source;

/// Each in two pieces, so that this file does not say it.
const FORBIDDEN: [(&str, &str); 10] = [
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/tmp/", "wt"), "a path of one machine"),
    (concat!(".cargo/", "registry"), "a path of one machine"),
    (concat!("index.", "crates.io"), "a package registry's host"),
    (concat!("static.", "crates.io"), "a package registry's host"),
    (concat!("deb.", "debian.org"), "a package registry's host"),
    (concat!("pypi.", "org"), "a package registry's host"),
    (concat!("registry.", "npmjs"), "a package registry's host"),
];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    if source.path.ends_with("Cargo.lock") {
        return Vec::new();
    }
    let lines = source.text.lines().enumerate();
    lines
        .flat_map(|(at, line)| {
            let said = FORBIDDEN.iter().filter(move |(text, _)| line.contains(text));
            said.map(move |(text, what)| source.finding(at + 1, format!("`{text}` is {what}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_one_machine_is_found() {
        let source = Source::new("README.md", concat!("Run it.\ncd /ho", "me/me/statex\n"));
        assert_eq!(check(&source)[0].line, 2);
    }

    #[test]
    fn registry_host_is_found() {
        let source = Source::new("xtask/src/main.rs", concat!("// from https://static.", "crates.io\n"));
        assert_eq!(check(&source).len(), 1);
    }

    #[test]
    fn file_system_paths_of_every_machine_are_fine() {
        assert!(check(&Source::new("README.md", "/etc/statex and /sys/fs/bpf")).is_empty());
    }
}
