//! Linear programs in the form of textbooks, and where to start from.

use ndarray::{Array1, Array2, ArrayView1, Axis, Slice};

use crate::error::Error;
use crate::function::Affine;
use crate::primal_dual::PrimalDual;
use crate::problem::Problem;
use crate::trace::Solution;

/// min cᵀx subject to Ax ≤ b, x ≥ 0.
///
/// Its inequalities are numbered as they stand here: first the rows of A, then one for each variable.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LinearProgram {
    c: Array1<f64>,
    a: Array2<f64>,
    b: Array1<f64>,
}

impl LinearProgram {
    /// The program with cost `c` (n), matrix `a` (m×n) and right-hand side `b` (m).
    ///
    /// # Errors
    /// [`Error::Shape`] where the three do not fit together, [`Error::NotFinite`] for NaN or an infinity.
    pub fn new(c: Array1<f64>, a: Array2<f64>, b: Array1<f64>) -> Result<Self, Error> {
        if a.ncols() != c.len() {
            return Err(Error::shape("the matrix A", &[b.len(), c.len()], a.shape()));
        }
        if b.len() != a.nrows() {
            return Err(Error::shape("the right-hand side b", &[a.nrows()], b.shape()));
        }
        if c.iter().chain(&a).chain(&b).any(|v| !v.is_finite()) {
            return Err(Error::NotFinite { what: "an entry of the linear program".into(), x: Vec::new() });
        }
        Ok(Self { c, a, b })
    }

    /// The same as a [`Problem`], for any method.
    pub fn problem(&self) -> Problem<'static> {
        Problem::minimize(Affine::new(self.c.clone(), 0.0)).subject_to_all(self.inequalities(0))
    }

    /// Solves it by [`PrimalDual`] with its default settings, from [`Self::feasible_start`].
    ///
    /// # Errors
    /// [`Error::Infeasible`], and those of [`PrimalDual::solve`]. A program that is unbounded below does not converge.
    pub fn solve(&self) -> Result<Solution, Error> {
        PrimalDual::default().solve(&self.problem(), &self.feasible_start()?)
    }

    /// A point with Ax < b and x > 0: phase I (§11.4.1), min s s.t. Ax − b ≤ s, −x ≤ s, ended at the first s < 0.
    ///
    /// It looks for x with |xᵢ| ≤ 10⁶·max(1, ‖b‖∞) only, so that the auxiliary problem is bounded.
    ///
    /// # Errors
    /// [`Error::Infeasible`] where there is none; those of [`PrimalDual::solve`] where the search itself fails.
    pub fn feasible_start(&self) -> Result<Array1<f64>, Error> {
        let n = self.c.len();
        let problem = self.problem();
        let guess = Array1::ones(n);
        if problem.is_interior(&guess) {
            return Ok(guess);
        }
        let violation = problem.inequality_values(&guess).fold(0.0, |worst: f64, &g| worst.max(g));
        let mut start = Array1::from_elem(n + 1, violation + 1.0);
        start.slice_axis_mut(Axis(0), Slice::from(..n)).assign(&guess);
        let unit = |i: usize, value: f64| {
            let mut a = Array1::zeros(n + 1);
            a[i] = value;
            a
        };
        let reach = 1e6 * self.b.iter().fold(1.0, |size: f64, v| size.max(v.abs()));
        let phase = Problem::minimize(Affine::new(unit(n, 1.0), 0.0))
            .subject_to_all(self.inequalities(1))
            .subject_to_all((0..n).flat_map(|i| [Affine::new(unit(i, 1.0), reach), Affine::new(unit(i, -1.0), reach)]))
            // s ≥ −1 is all that is wanted of it.
            .subject_to(Affine::new(unit(n, -1.0), 1.0));
        let inside = |z: &Array1<f64>| problem.is_interior(&z.slice_axis(Axis(0), Slice::from(..n)).to_owned());
        let found = PrimalDual::default().solve_until(&phase, &start, inside)?;
        let x = found.x.slice_axis(Axis(0), Slice::from(..n)).to_owned();
        if problem.is_interior(&x) { Ok(x) } else { Err(Error::Infeasible { violation: found.x[n] }) }
    }

    /// Ax − b ≤ s and −x ≤ s, where s is the last of n + `slack` variables, or 0 without it.
    fn inequalities(&self, slack: usize) -> Vec<Affine> {
        let n = self.c.len();
        let widen = |row: ArrayView1<'_, f64>| {
            let mut wide = Array1::from_elem(n + slack, -1.0);
            wide.slice_axis_mut(Axis(0), Slice::from(..n)).assign(&row);
            wide
        };
        let rows = self.a.rows().into_iter().zip(&self.b).map(|(row, &b)| Affine::row(widen(row).view(), b));
        let identity: Array2<f64> = -Array2::<f64>::eye(n);
        let signs: Vec<Affine> = identity.rows().into_iter().map(|row| Affine::new(widen(row), 0.0)).collect();
        rows.chain(signs).collect()
    }
}
