//! Loaded objects, one for each set of constants that was asked for.

use statex_common::abi::Row as _;

use super::Kernel;
use crate::doubles::Memory;

/// Loading takes the verifier longer than a spec takes, and most specs agree on the constants.
#[derive(Default)]
pub struct Kernels {
    loaded: Vec<Kernel>,
    /// Constants with which loading failed: it would fail again, after as long a time.
    broken: Vec<(Vec<u8>, String)>,
}

impl Kernels {
    /// The object with the constants of `tables`, loaded when it is not yet.
    ///
    /// # Errors
    /// See [`Kernel::load`].
    pub fn with(&mut self, tables: &Memory) -> Result<&mut Kernel, String> {
        let node = tables.node.to_bytes().as_ref().to_vec();
        if let Some((_, error)) = self.broken.iter().find(|(constants, _)| *constants == node) {
            return Err(error.clone());
        }
        let place = match self.loaded.iter().position(|kernel| kernel.fits(tables)) {
            Some(place) => place,
            None => {
                let kernel = Kernel::load(tables).map_err(|error| without_trace(&format!("{error:#}")));
                self.loaded.push(kernel.inspect_err(|error| self.broken.push((node, error.clone())))?);
                self.loaded.len() - 1
            }
        };
        Ok(&mut self.loaded[place])
    }
}

/// What the verifier says in the end, without the instructions that led there.
fn without_trace(text: &str) -> String {
    const LINES: usize = 8;
    let is_trace = |line: &&str| line.starts_with(|first: char| first == ';' || first.is_ascii_digit());
    let lines: Vec<&str> = text.lines().filter(|line| !is_trace(line)).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
