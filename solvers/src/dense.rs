//! Factorisations of small dense matrices: LU with partial pivoting, Cholesky, condition numbers.

use ndarray::{Array1, Array2};

/// A = PᵀLU of a square matrix, rows and columns first scaled to size 1.
///
/// The scaling is what keeps the matrices of interior-point methods, whose entries span twenty orders
/// of magnitude near the optimum, apart from singular ones.
#[derive(Debug, Clone)]
pub struct Lu {
    factors: Array2<f64>,
    permutation: Vec<usize>,
    row_scale: Array1<f64>,
    column_scale: Array1<f64>,
}

impl Lu {
    /// Factors `a`; `None` where it is not square, not finite, or singular to working precision.
    ///
    /// ```
    /// use ndarray::array;
    /// use oxikale_solvers::dense::Lu;
    ///
    /// let lu = Lu::factor(&array![[0.0, 2.0], [3.0, 1.0]]).expect("regular");
    /// let x = lu.solve(&array![4.0, 5.0]).expect("two rows");
    /// assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] - 2.0).abs() < 1e-12);
    /// assert!(Lu::factor(&array![[1.0, 2.0], [2.0, 4.0]]).is_none());
    /// ```
    pub fn factor(a: &Array2<f64>) -> Option<Self> {
        let n = a.nrows();
        if a.ncols() != n || a.iter().any(|v| !v.is_finite()) {
            return None;
        }
        // √(row maximum · column maximum) on both sides keeps a symmetric matrix symmetric.
        let mut row_scale = Array1::ones(n);
        let mut column_scale = Array1::ones(n);
        let mut factors = a.clone();
        for _ in 0..2 {
            let rows: Vec<f64> = factors.rows().into_iter().map(largest).collect();
            let columns: Vec<f64> = factors.columns().into_iter().map(largest).collect();
            if rows.iter().chain(&columns).any(|&size| size == 0.0) {
                return None;
            }
            for ((i, j), value) in factors.indexed_iter_mut() {
                *value /= rows[i].sqrt() * columns[j].sqrt();
            }
            for k in 0..n {
                row_scale[k] /= rows[k].sqrt();
                column_scale[k] /= columns[k].sqrt();
            }
        }
        let smallest = n as f64 * f64::EPSILON / 4.0;
        let mut permutation: Vec<usize> = (0..n).collect();
        for k in 0..n {
            let pivot_row = (k..n).max_by(|&i, &j| factors[[i, k]].abs().total_cmp(&factors[[j, k]].abs()))?;
            let pivot = factors[[pivot_row, k]];
            if !pivot.is_finite() || pivot.abs() <= smallest {
                return None;
            }
            if pivot_row != k {
                permutation.swap(k, pivot_row);
                for j in 0..n {
                    factors.swap([k, j], [pivot_row, j]);
                }
            }
            for i in k + 1..n {
                let factor = factors[[i, k]] / pivot;
                factors[[i, k]] = factor;
                if factor != 0.0 {
                    for j in k + 1..n {
                        let above = factors[[k, j]];
                        factors[[i, j]] -= factor * above;
                    }
                }
            }
        }
        Some(Self { factors, permutation, row_scale, column_scale })
    }

    /// x with Ax = b; `None` where `b` has another length.
    pub fn solve(&self, b: &Array1<f64>) -> Option<Array1<f64>> {
        let n = self.permutation.len();
        if b.len() != n {
            return None;
        }
        let mut x: Array1<f64> = self.permutation.iter().map(|&i| b[i] * self.row_scale[i]).collect();
        for i in 0..n {
            let known: f64 = (0..i).map(|j| self.factors[[i, j]] * x[j]).sum();
            x[i] -= known;
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|j| self.factors[[i, j]] * x[j]).sum();
            x[i] = (x[i] - known) / self.factors[[i, i]];
        }
        Some(x * &self.column_scale)
    }

    /// ‖A⁻¹‖₁, from n solutions.
    fn inverse_norm(&self) -> f64 {
        let n = self.permutation.len();
        (0..n)
            .filter_map(|j| {
                let mut unit = Array1::zeros(n);
                unit[j] = 1.0;
                self.solve(&unit)
            })
            .map(|column| column.iter().map(|v| v.abs()).sum())
            .fold(0.0, f64::max)
    }
}

/// A = LLᵀ of a symmetric positive definite matrix, first scaled to a diagonal of 1.
#[derive(Debug, Clone)]
pub struct Cholesky {
    factor: Array2<f64>,
    scale: Array1<f64>,
}

impl Cholesky {
    /// Factors `a`, of which only the lower triangle is read; `None` where it is not square,
    /// not finite, or not positive definite to working precision.
    ///
    /// ```
    /// use ndarray::array;
    /// use oxikale_solvers::dense::Cholesky;
    ///
    /// let cholesky = Cholesky::factor(&array![[4.0, 2.0], [2.0, 3.0]]).expect("positive definite");
    /// let x = cholesky.solve(&array![8.0, 7.0]).expect("two rows");
    /// assert!((x[0] - 1.25).abs() < 1e-12 && (x[1] - 1.5).abs() < 1e-12);
    /// assert!(Cholesky::factor(&array![[1.0, 2.0], [2.0, 1.0]]).is_none());
    /// ```
    pub fn factor(a: &Array2<f64>) -> Option<Self> {
        let n = a.nrows();
        if a.ncols() != n || a.iter().any(|v| !v.is_finite()) {
            return None;
        }
        if a.diag().iter().any(|&v| v <= 0.0) {
            return None;
        }
        let scale: Array1<f64> = a.diag().mapv(|v| 1.0 / v.sqrt());
        let smallest = n as f64 * f64::EPSILON / 4.0;
        let mut factor: Array2<f64> = Array2::zeros((n, n));
        for i in 0..n {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| factor[[i, k]] * factor[[j, k]]).sum();
                let rest = a[[i, j]] * scale[i] * scale[j] - known;
                if i != j {
                    factor[[i, j]] = rest / factor[[j, j]];
                } else if rest > smallest {
                    factor[[i, i]] = rest.sqrt();
                } else {
                    return None;
                }
            }
        }
        Some(Self { factor, scale })
    }

    /// x with Ax = b; `None` where `b` has another length.
    pub fn solve(&self, b: &Array1<f64>) -> Option<Array1<f64>> {
        let n = self.scale.len();
        if b.len() != n {
            return None;
        }
        let mut x = b * &self.scale;
        for i in 0..n {
            let known: f64 = (0..i).map(|j| self.factor[[i, j]] * x[j]).sum();
            x[i] = (x[i] - known) / self.factor[[i, i]];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|j| self.factor[[j, i]] * x[j]).sum();
            x[i] = (x[i] - known) / self.factor[[i, i]];
        }
        Some(x * &self.scale)
    }
}

/// The largest matrix whose condition number is computed in every iteration: it costs as much as the
/// step itself, which is nothing for these and would double the time of larger ones.
pub(crate) const CONDITION_LIMIT: usize = 64;

/// κ₁(A) = ‖A‖₁·‖A⁻¹‖₁; infinite where `a` is singular or not square.
///
/// ```
/// use ndarray::array;
/// let kappa = oxikale_solvers::dense::condition_number(&array![[1.0, 0.0], [0.0, 1e-3]]);
/// assert!((kappa - 1e3).abs() < 1e-6);
/// ```
pub fn condition_number(a: &Array2<f64>) -> f64 {
    match Lu::factor(a) {
        Some(lu) => norm(a) * lu.inverse_norm(),
        None => f64::INFINITY,
    }
}

/// The condition number where it is cheap.
pub(crate) fn cheap_condition_number(a: &Array2<f64>) -> Option<f64> {
    (a.nrows() <= CONDITION_LIMIT).then(|| condition_number(a))
}

/// ‖A‖₁, the largest absolute column sum.
fn norm(a: &Array2<f64>) -> f64 {
    a.columns().into_iter().map(|column| column.iter().map(|v| v.abs()).sum()).fold(0.0, f64::max)
}

fn largest(values: ndarray::ArrayView1<'_, f64>) -> f64 {
    values.iter().fold(0.0, |size: f64, v| size.max(v.abs()))
}
