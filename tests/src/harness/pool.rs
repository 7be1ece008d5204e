//! Loaded objects, one for each set of constants that was asked for.

use super::Kernel;
use crate::doubles::Memory;

/// Loading takes the verifier longer than a spec takes, and most specs agree on the constants.
#[derive(Default)]
pub struct Kernels(Vec<Kernel>);

impl Kernels {
    /// The object with the constants of `tables`, loaded when it is not yet.
    ///
    /// # Errors
    /// See [`Kernel::load`].
    pub fn with(&mut self, tables: &Memory) -> anyhow::Result<&mut Kernel> {
        let place = match self.0.iter().position(|kernel| kernel.fits(tables)) {
            Some(place) => place,
            None => {
                self.0.push(Kernel::load(tables)?);
                self.0.len() - 1
            }
        };
        Ok(&mut self.0[place])
    }
}
