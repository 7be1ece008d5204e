//! Ridge regression with weights: normal equations, gathered sample by sample, solved as often as needed.

/// Normal equations of `N` coefficients.
#[derive(Clone, Debug)]
pub(super) struct Normal<const N: usize> {
    /// Lower triangle of X'WX.
    matrix: [[f64; N]; N],
    /// X'Wy.
    vector: [f64; N],
}

impl<const N: usize> Default for Normal<N> {
    fn default() -> Self {
        Self { matrix: [[0.0; N]; N], vector: [0.0; N] }
    }
}

impl<const N: usize> Normal<N> {
    /// Takes in a sample.
    pub(super) fn add(&mut self, features: &[f64; N], target: f64, weight: f64) {
        for row in 0..N {
            let weighted = weight * features[row];
            self.vector[row] += weighted * target;
            for (sum, feature) in self.matrix[row].iter_mut().zip(&features[..=row]) {
                *sum += weighted * feature;
            }
        }
    }

    /// The coefficients that minimize the squared error plus `ridge` times each coefficient's square, by Cholesky
    /// decomposition.
    pub(super) fn solve(&self, ridge: &[f64; N]) -> [f64; N] {
        let (mut lower, mut solution) = (self.matrix, self.vector);
        for column in 0..N {
            let square: f64 = (0..column).map(|k| lower[column][k] * lower[column][k]).sum();
            let pivot = (lower[column][column] + ridge[column] - square).max(1e-12).sqrt();
            lower[column][column] = pivot;
            for row in column + 1..N {
                let product: f64 = (0..column).map(|k| lower[row][k] * lower[column][k]).sum();
                lower[row][column] = (lower[row][column] - product) / pivot;
            }
        }
        for row in 0..N {
            let known: f64 = (0..row).map(|k| lower[row][k] * solution[k]).sum();
            solution[row] = (solution[row] - known) / lower[row][row];
        }
        for row in (0..N).rev() {
            let known: f64 = (row + 1..N).map(|k| lower[k][row] * solution[k]).sum();
            solution[row] = (solution[row] - known) / lower[row][row];
        }
        solution
    }
}

/// The sum of products.
pub(super) fn dot<const N: usize>(left: &[f64; N], right: &[f64; N]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples of y = 2 + 3 x.
    fn line(samples: usize) -> Normal<2> {
        let mut normal = Normal::default();
        (0..samples).for_each(|x| normal.add(&[1.0, x as f64], 2.0 + 3.0 * x as f64, 1.0));
        normal
    }

    #[test]
    fn line_is_found() {
        let [constant, slope] = line(10).solve(&[0.0; 2]);
        assert!((constant - 2.0).abs() < 1e-9 && (slope - 3.0).abs() < 1e-9);
    }

    #[test]
    fn ridge_pulls_to_zero() {
        assert!(line(10).solve(&[0.0, 1e3])[1] < 2.0);
        assert!(line(10).solve(&[1e12; 2]).iter().all(|value| value.abs() < 1e-6));
    }

    #[test]
    fn without_samples_all_is_zero() {
        assert_eq!(Normal::<3>::default().solve(&[1.0; 3]), [0.0; 3]);
        assert!(Normal::<3>::default().solve(&[0.0; 3]).iter().all(|value| value.is_finite()));
    }
}
