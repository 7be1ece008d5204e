//! The configurations that the README shows are good ones.

use std::path::Path;

use statex_agent::config;

#[test]
fn configurations_in_the_readme_are_good() {
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```toml\n").skip(1);
    let shown: Vec<_> = blocks.filter_map(|block| block.split("```").next()).collect();
    assert!(!shown.is_empty());
    for text in shown {
        let config = config::parse(text, Path::new("README.md"), &|_| None).unwrap();
        assert_eq!(config.warnings().len(), 0);
    }
}
