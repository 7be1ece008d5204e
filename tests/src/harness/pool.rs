//! Loaded objects, one for each set of constants that was asked for.

use super::Kernel;
use crate::doubles::Memory;

/// Loading takes the verifier longer than a spec takes, and most specs agree on the constants.
#[derive(Default)]
pub struct Kernels {
    loaded: Vec<Kernel>,
    /// What went wrong once would go wrong again, after as long a time.
    broken: Option<String>,
}

impl Kernels {
    /// The object with the constants of `tables`, loaded when it is not yet.
    ///
    /// # Errors
    /// See [`Kernel::load`].
    pub fn with(&mut self, tables: &Memory) -> Result<&mut Kernel, String> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let place = match self.loaded.iter().position(|kernel| kernel.fits(tables)) {
            Some(place) => place,
            None => {
                let kernel = Kernel::load(tables).map_err(|error| last_lines(&format!("{error:#}")));
                self.loaded.push(kernel.inspect_err(|error| self.broken = Some(error.clone()))?);
                self.loaded.len() - 1
            }
        };
        Ok(&mut self.loaded[place])
    }
}

/// The verifier's verdict stands at the end of a log that nobody reads through.
fn last_lines(text: &str) -> String {
    const LINES: usize = 20;
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
