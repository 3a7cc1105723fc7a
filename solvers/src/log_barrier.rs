//! The logarithmic barrier method (§11.3, algorithm 11.1).

use ndarray::{Array1, Array2};

use crate::descent::Newton;
use crate::error::Error;
use crate::function::Function;
use crate::line_search::LineSearch;
use crate::problem::Problem;
use crate::settings::{positive, within};
use crate::trace::{Reference, Solution, Trace};

/// Solves min f(x) s.t. gᵢ(x) ≤ 0 by minimising t·f(x) + φ(x) with Newton's method for growing t,
/// where φ(x) = −Σ log(−gᵢ(x)) (11.5). On the central path the duality gap is m/t (11.12).
///
/// The trace has every Newton step, with its t.
///
/// ```
/// use ndarray::array;
/// use oxikale_solvers::{LinearProgram, LogBarrier};
///
/// let program = LinearProgram::new(array![-1.0, -1.0], array![[1.0, 2.0], [2.0, 1.0]], array![3.0, 3.0])?;
/// let solution = LogBarrier::default().solve(&program.problem(), &array![0.5, 0.5])?;
/// assert!((solution.value + 2.0).abs() < 1e-7);
/// # Ok::<(), oxikale_solvers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LogBarrier {
    /// The first t.
    pub t0: f64,
    /// μ: by how much t grows from one centring to the next; above 1.01.
    pub mu: f64,
    /// Ends where m/t is at most this.
    pub gap_tolerance: f64,
    /// A centring ends where half the squared Newton decrement is at most this.
    pub centering_tolerance: f64,
    /// At most this many Newton steps in one centring.
    pub max_iterations: usize,
    /// The line search of the Newton steps.
    pub line_search: LineSearch,
    /// The optimum where it is known, for the errors in the trace.
    pub reference: Option<Reference>,
}

impl Default for LogBarrier {
    fn default() -> Self {
        Self {
            t0: 1.0,
            mu: 10.0,
            gap_tolerance: 1e-8,
            centering_tolerance: 1e-8,
            max_iterations: 100,
            line_search: LineSearch::default(),
            reference: None,
        }
    }
}

/// t·f + φ.
struct Centering<'a, 'p> {
    problem: &'a Problem<'p>,
    t: f64,
}

impl Function for Centering<'_, '_> {
    fn value(&self, x: &Array1<f64>) -> f64 {
        let mut value = self.t * self.problem.objective.value(x);
        for inequality in &self.problem.inequalities {
            let g = inequality.value(x);
            if g >= 0.0 {
                return f64::INFINITY;
            }
            value -= (-g).ln();
        }
        value
    }

    /// t∇f − Σ∇gᵢ/gᵢ (11.8).
    fn gradient(&self, x: &Array1<f64>) -> Array1<f64> {
        let mut gradient = self.problem.objective.gradient(x) * self.t;
        for inequality in &self.problem.inequalities {
            gradient.scaled_add(-1.0 / inequality.value(x), &inequality.gradient(x));
        }
        gradient
    }

    /// t∇²f + Σ∇gᵢ∇gᵢᵀ/gᵢ² − Σ∇²gᵢ/gᵢ (11.9).
    fn hessian(&self, x: &Array1<f64>) -> Option<Array2<f64>> {
        let n = x.len();
        let mut hessian = match self.problem.objective.hessian(x) {
            Some(own) => own * self.t,
            None => Array2::zeros((n, n)),
        };
        for inequality in &self.problem.inequalities {
            let g = inequality.value(x);
            let scaled = inequality.gradient(x) / g;
            for (i, mut row) in hessian.rows_mut().into_iter().enumerate() {
                row.scaled_add(scaled[i], &scaled);
            }
            if let Some(own) = inequality.hessian(x) {
                hessian.scaled_add(-1.0 / g, &own);
            }
        }
        Some(hessian)
    }
}

impl LogBarrier {
    /// Solves `problem` from `x0`.
    ///
    /// # Errors
    /// As [`crate::PrimalDual::solve`]; and [`Error::Shape`] for a problem with equalities, which this method does
    /// not take.
    pub fn solve(&self, problem: &Problem<'_>, x0: &Array1<f64>) -> Result<Solution, Error> {
        positive("t0", self.t0)?;
        within("mu", self.mu, 1.01, f64::INFINITY, "above 1.01 and finite")?;
        positive("gap_tolerance", self.gap_tolerance)?;
        if let Some((a, _)) = &problem.equalities {
            return Err(Error::shape("the equalities of a barrier problem", &[0, x0.len()], a.shape()));
        }
        problem.check_start(x0)?;
        let m = problem.inequality_count() as f64;
        let newton = Newton {
            tolerance: self.centering_tolerance,
            max_iterations: self.max_iterations,
            line_search: self.line_search,
            reference: self.reference.clone(),
        };
        let mut trace = Trace::default();
        let mut x = x0.clone();
        let mut t = self.t0;
        loop {
            let centering = Centering { problem, t };
            let mut inner = match newton.solve(&centering, &x) {
                Ok(inner) => inner,
                Err(mut error) => {
                    if let Error::LineSearch { partial, .. } | Error::NoConvergence { partial } = &mut error {
                        self.describe(problem, t, partial);
                        trace.iterations.pop();
                        partial.trace.iterations.splice(0..0, trace.iterations);
                        renumber(partial);
                    }
                    return Err(error);
                }
            };
            self.describe(problem, t, &mut inner);
            x.clone_from(&inner.x);
            // The end of one centring is the start of the next: one row is enough for both.
            if !trace.iterations.is_empty() {
                trace.iterations.pop();
            }
            trace.iterations.append(&mut inner.trace.iterations);
            if m / t <= self.gap_tolerance {
                inner.trace = trace;
                renumber(&mut inner);
                return Ok(inner);
            }
            t *= self.mu;
            if !t.is_finite() {
                return Err(Error::Setting {
                    name: "gap_tolerance",
                    expected: "large enough that m/t reaches it",
                    found: self.gap_tolerance,
                });
            }
        }
    }

    /// Puts the constrained problem's values where the inner method knows those of t·f + φ only.
    fn describe(&self, problem: &Problem<'_>, t: f64, inner: &mut Solution) {
        let m = problem.inequality_count() as f64;
        let dual = |x: &Array1<f64>| problem.inequality_values(x).mapv(|g| -1.0 / (t * g));
        for row in &mut inner.trace.iterations {
            row.value = problem.objective.value(&row.x);
            row.dual = dual(&row.x);
            row.t = Some(t);
            row.gap = Some(m / t);
            row.error_value = self.reference.as_ref().map(|known| {
                let error = (row.value - known.value).abs();
                if known.value == 0.0 { error } else { error / known.value.abs() }
            });
        }
        inner.value = problem.objective.value(&inner.x);
        inner.dual = dual(&inner.x);
        inner.t = Some(t);
        inner.gap = Some(m / t);
        // ∇(t·f + φ) = t·r_dual for the multipliers of the central path.
        inner.residual /= t;
    }
}

fn renumber(solution: &mut Solution) {
    for (number, row) in solution.trace.iterations.iter_mut().enumerate() {
        row.number = number;
    }
    solution.iterations = solution.trace.iterations.len().saturating_sub(1);
}
