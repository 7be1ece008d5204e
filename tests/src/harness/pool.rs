//! Loaded objects, one for each set of constants that was asked for.

use statex_common::abi::Row as _;

use super::Kernel;
use crate::doubles::Memory;

/// Loading takes the verifier longer than a spec takes, and most specs agree on the constants.
#[derive(Default)]
pub struct Kernels {
    loaded: Vec<Kernel>,
    /// Constants with which loading failed: it would fail again, after as long a time.
    broken: Vec<Vec<u8>>,
}

impl Kernels {
    /// The object with the constants of `tables`, loaded when it is not yet.
    ///
    /// # Errors
    /// See [`Kernel::load`].
    pub fn with(&mut self, tables: &Memory) -> Result<&mut Kernel, String> {
        let node = tables.node.to_bytes().as_ref().to_vec();
        if self.broken.contains(&node) {
            return Err(
                "the object does not load with these constants: see the first spec that failed".into()
            );
        }
        let place = match self.loaded.iter().position(|kernel| kernel.fits(tables)) {
            Some(place) => place,
            None => {
                let kernel = Kernel::load(tables).map_err(|error| last_lines(&format!("{error:#}")));
                self.loaded.push(kernel.inspect_err(|_| self.broken.push(node))?);
                self.loaded.len() - 1
            }
        };
        Ok(&mut self.loaded[place])
    }
}

/// The end of what the verifier says: its verdict, and the instructions that led there.
fn last_lines(text: &str) -> String {
    const LINES: usize = 40;
    const WIDTH: usize = 160;
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    let short: Vec<String> = last.iter().map(|line| line.chars().take(WIDTH).collect()).collect();
    short.join("\n")
}
