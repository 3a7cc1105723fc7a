//! The primal-dual interior-point method (§11.7, algorithm 11.2).

use ndarray::{Array1, Array2, Axis, Slice};

use crate::dense::{Lu, cheap_condition_number};
use crate::error::Error;
use crate::line_search::LineSearch;
use crate::problem::Problem;
use crate::settings::{above_one, positive};
use crate::trace::{Iteration, Reference, Solution, Trace, norm};

/// Solves min f(x) s.t. gᵢ(x) ≤ 0, Ax = b by Newton steps on the relaxed optimality conditions (11.53)
///
/// ```text
/// r_dual = ∇f(x) + Dg(x)ᵀλ + Aᵀν = 0
/// r_cent = −diag(λ) g(x) − (1/t)·1 = 0
/// r_pri  = Ax − b = 0
/// ```
///
/// with t = μ·m/η̂ raised in every iteration, where η̂ = −g(x)ᵀλ is the surrogate duality gap (11.59). One thing is
/// added to the book's method: t grows no faster than ‖r_dual‖ and ‖r_pri‖ fall (the neighbourhood of infeasible
/// methods: S. Wright, *Primal-Dual Interior-Point Methods*, 1997, chapter 6), without which curved constraints can
/// stop it at the border.
///
/// The start must satisfy every inequality strictly; the equalities it need not satisfy.
///
/// ```
/// use ndarray::array;
/// use oxikale_solvers::{LinearProgram, PrimalDual};
///
/// let program = LinearProgram::new(array![1.0, 2.0], array![[-1.0, -1.0]], array![-1.0])?;
/// let method = PrimalDual { mu: 20.0, ..PrimalDual::default() };
/// let solution = method.solve(&program.problem(), &array![2.0, 2.0])?;
/// assert!((solution.value - 1.0).abs() < 1e-7);
/// # Ok::<(), oxikale_solvers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PrimalDual {
    /// The t that the first multipliers belong to: λᵢ = −1/(t₀·gᵢ(x₀)), so that the first gap is m/t₀.
    pub t0: f64,
    /// μ: by how much t grows in an iteration; above 1.
    pub mu: f64,
    /// Ends where η̂ is at most this …
    pub gap_tolerance: f64,
    /// … and ‖r_dual‖ and ‖r_pri‖ are at most this.
    pub residual_tolerance: f64,
    /// At most this many steps.
    pub max_iterations: usize,
    /// How a step is shortened until ‖r‖ falls by the factor 1 − αs (§11.7.3).
    pub line_search: LineSearch,
    /// The optimum where it is known, for the errors in the trace.
    pub reference: Option<Reference>,
}

impl Default for PrimalDual {
    fn default() -> Self {
        Self {
            t0: 1.0,
            mu: 10.0,
            gap_tolerance: 1e-8,
            residual_tolerance: 1e-8,
            max_iterations: 100,
            line_search: LineSearch::default(),
            reference: None,
        }
    }
}

/// The functions of the problem at a point.
struct Evaluation {
    value: f64,
    gradient: Array1<f64>,
    inequalities: Array1<f64>,
    jacobian: Array2<f64>,
}

/// The three residuals.
struct Residual {
    dual: Array1<f64>,
    centrality: Array1<f64>,
    primal: Array1<f64>,
}

impl Residual {
    /// ‖r_dual‖ and ‖r_pri‖ together: what does not depend on t.
    fn infeasibility(&self) -> f64 {
        norm(&self.dual).hypot(norm(&self.primal))
    }

    fn norm(&self) -> f64 {
        [&self.dual, &self.centrality, &self.primal].iter().map(|part| part.dot(*part)).sum::<f64>().sqrt()
    }
}

/// x, λ and ν.
#[derive(Clone)]
struct Point {
    x: Array1<f64>,
    dual: Array1<f64>,
    equality_dual: Array1<f64>,
}

impl Point {
    fn moved(&self, direction: &Self, step: f64) -> Self {
        Self {
            x: &self.x + &(&direction.x * step),
            dual: &self.dual + &(&direction.dual * step),
            equality_dual: &self.equality_dual + &(&direction.equality_dual * step),
        }
    }
}

impl PrimalDual {
    /// Solves `problem` from `x0`.
    ///
    /// # Errors
    /// [`Error::InfeasibleStart`], [`Error::Shape`], [`Error::Setting`] and [`Error::NotFinite`] before the first
    /// step; [`Error::Singular`], [`Error::LineSearch`] and [`Error::NoConvergence`] on the way, the last two with
    /// what had been reached.
    pub fn solve(&self, problem: &Problem<'_>, x0: &Array1<f64>) -> Result<Solution, Error> {
        self.solve_until(problem, x0, |_| false)
    }

    /// As [`Self::solve`], but also ends, successfully, at the first iterate for which `enough` holds.
    pub(crate) fn solve_until(
        &self,
        problem: &Problem<'_>,
        x0: &Array1<f64>,
        enough: impl Fn(&Array1<f64>) -> bool,
    ) -> Result<Solution, Error> {
        self.check(x0.len())?;
        problem.check_start(x0)?;
        let m = problem.inequality_count();
        let start = problem.inequality_values(x0);
        let mut point = Point {
            x: x0.clone(),
            dual: start.mapv(|g| -1.0 / (self.t0 * g)),
            equality_dual: Array1::zeros(problem.equalities.as_ref().map_or(0, |(_, b)| b.len())),
        };
        let mut trace = Trace::default();
        let mut first = None;
        let mut number = 0;
        loop {
            let at = evaluate(problem, &point.x)?;
            let gap = -at.inequalities.dot(&point.dual);
            let infeasibility = residual(problem, &at, &point, f64::INFINITY).infeasibility();
            let (first_gap, first_infeasibility) = *first.get_or_insert((gap, infeasibility));
            // The gap must not run ahead of the residuals, or the iterates end at the border, far from the optimum.
            let ahead = if first_infeasibility > 0.0 { first_gap * (infeasibility / first_infeasibility) } else { 0.0 };
            // Without inequalities there is nothing to relax, and the steps are Newton's (§10.3).
            let t = if m == 0 { f64::INFINITY } else { self.mu * m as f64 / gap.max(ahead) };
            let residual = residual(problem, &at, &point, t);
            let (dual_residual, primal_residual) = (norm(&residual.dual), norm(&residual.primal));

            let mut row = Iteration::at(number, &point.x, at.value, norm(&at.gradient), self.reference.as_ref());
            row.dual.clone_from(&point.dual);
            row.gap = (m > 0).then_some(gap);
            row.t = (m > 0).then_some(t);
            row.dual_residual = Some(dual_residual);
            row.centrality_residual = (m > 0).then(|| norm(&residual.centrality));
            row.primal_residual = problem.equalities.is_some().then_some(primal_residual);
            trace.iterations.push(row);

            let solution = |trace: Trace| Solution {
                x: point.x.clone(),
                value: at.value,
                dual: point.dual.clone(),
                equality_dual: point.equality_dual.clone(),
                gap: (m > 0).then_some(gap),
                residual: dual_residual.hypot(primal_residual),
                t: (m > 0).then_some(t),
                iterations: number,
                trace,
            };
            let converged = gap <= self.gap_tolerance
                && dual_residual <= self.residual_tolerance
                && primal_residual <= self.residual_tolerance;
            if converged || enough(&point.x) {
                return Ok(solution(trace));
            }
            if number == self.max_iterations {
                return Err(Error::NoConvergence { partial: Box::new(solution(trace)) });
            }

            let (hessian, kkt) = self.matrices(problem, &at, &point)?;
            let direction = direction(problem, &at, &point, &residual, t, &kkt)
                .ok_or(Error::Singular { what: "the KKT matrix (11.55)", iteration: number })?;
            let step = match self.step(problem, &point, &direction, residual.norm(), t) {
                Ok(step) => step,
                Err(step) => {
                    let partial = Box::new(solution(trace));
                    return Err(Error::LineSearch { iteration: number, step, partial });
                }
            };
            if let Some(row) = trace.iterations.last_mut() {
                let curvature = direction.x.dot(&hessian.dot(&direction.x));
                row.newton_decrement = Some(curvature.max(0.0).sqrt());
                row.condition = cheap_condition_number(&kkt);
                row.step = Some(step);
            }
            point = point.moved(&direction, step);
            number += 1;
        }
    }

    fn check(&self, n: usize) -> Result<(), Error> {
        self.line_search.check()?;
        positive("t0", self.t0)?;
        above_one("mu", self.mu)?;
        positive("gap_tolerance", self.gap_tolerance)?;
        positive("residual_tolerance", self.residual_tolerance)?;
        if let Some(known) = &self.reference
            && known.x.len() != n
        {
            return Err(Error::shape("the reference x*", &[n], known.x.shape()));
        }
        Ok(())
    }

    /// H_pd = ∇²f + Σλᵢ∇²gᵢ + Σ(λᵢ/−gᵢ)∇gᵢ∇gᵢᵀ (11.56), and the KKT matrix [[H_pd, Aᵀ], [A, 0]] of (11.55).
    fn matrices(
        &self,
        problem: &Problem<'_>,
        at: &Evaluation,
        point: &Point,
    ) -> Result<(Array2<f64>, Array2<f64>), Error> {
        let n = point.x.len();
        let mut hessian = problem.objective().hessian(&point.x)?.unwrap_or_else(|| Array2::zeros((n, n)));
        for (i, &lambda) in point.dual.iter().enumerate() {
            if let Some(own) = problem.inequality(i).hessian(&point.x)? {
                hessian.scaled_add(lambda, &own);
            }
        }
        let weights = &point.dual / &at.inequalities.mapv(|g| -g);
        let mut weighted = at.jacobian.clone();
        for (mut row, &weight) in weighted.rows_mut().into_iter().zip(&weights) {
            row *= weight;
        }
        hessian += &at.jacobian.t().dot(&weighted);
        let Some((a, _)) = &problem.equalities else {
            return Ok((hessian.clone(), hessian));
        };
        let size = n + a.nrows();
        let mut kkt = Array2::zeros((size, size));
        let (upper, mut lower) = kkt.view_mut().split_at(Axis(0), n);
        let (mut left, mut right) = upper.split_at(Axis(1), n);
        left.assign(&hessian);
        right.assign(&a.t());
        lower.slice_axis_mut(Axis(1), Slice::from(..n)).assign(a);
        Ok((hessian, kkt))
    }

    /// The step length (§11.7.3): λ stays positive, x stays inside, and ‖r_t‖ falls.
    fn step(
        &self,
        problem: &Problem<'_>,
        point: &Point,
        direction: &Point,
        residual_norm: f64,
        t: f64,
    ) -> Result<f64, f64> {
        // (11.60), and 0.99 of it, so that no multiplier reaches zero.
        let longest = point
            .dual
            .iter()
            .zip(&direction.dual)
            .filter(|(_, change)| **change < 0.0)
            .map(|(lambda, change)| -lambda / change)
            .fold(1.0, f64::min);
        let first = if point.dual.is_empty() { 1.0 } else { 0.99 * longest };
        let inside = self.line_search.shorten(first, |step| problem.is_interior(&point.moved(direction, step).x))?;
        self.line_search.shorten(inside, |step| {
            let trial = point.moved(direction, step);
            match evaluate(problem, &trial.x) {
                Ok(at) => {
                    residual(problem, &at, &trial, t).norm() <= (1.0 - self.line_search.alpha * step) * residual_norm
                }
                Err(_) => false,
            }
        })
    }
}

fn evaluate(problem: &Problem<'_>, x: &Array1<f64>) -> Result<Evaluation, Error> {
    let objective = problem.objective();
    let m = problem.inequality_count();
    let mut inequalities = Array1::zeros(m);
    let mut jacobian = Array2::zeros((m, x.len()));
    for i in 0..m {
        let inequality = problem.inequality(i);
        inequalities[i] = inequality.value(x)?;
        jacobian.row_mut(i).assign(&inequality.gradient(x)?);
    }
    Ok(Evaluation { value: objective.value(x)?, gradient: objective.gradient(x)?, inequalities, jacobian })
}

fn residual(problem: &Problem<'_>, at: &Evaluation, point: &Point, t: f64) -> Residual {
    let mut dual = &at.gradient + &at.jacobian.t().dot(&point.dual);
    let mut primal = Array1::zeros(0);
    if let Some((a, b)) = &problem.equalities {
        dual += &a.t().dot(&point.equality_dual);
        primal = a.dot(&point.x) - b;
    }
    let centrality = -(&point.dual * &at.inequalities) - 1.0 / t;
    Residual { dual, centrality, primal }
}

/// The primal-dual search direction: (11.55) with λ eliminated, then Δλ from the second row of (11.54).
fn direction(
    problem: &Problem<'_>,
    at: &Evaluation,
    point: &Point,
    residual: &Residual,
    t: f64,
    kkt: &Array2<f64>,
) -> Option<Point> {
    let n = point.x.len();
    // −(∇f + Aᵀν + (1/t)Σ∇gᵢ/−gᵢ): r_dual with each λᵢ replaced by the multiplier of the central path.
    let central = at.inequalities.mapv(|g| -1.0 / (t * g));
    let reduced = &residual.dual + &at.jacobian.t().dot(&(&central - &point.dual));
    let mut right = Array1::zeros(kkt.nrows());
    right.slice_axis_mut(Axis(0), Slice::from(..n)).assign(&-reduced);
    right.slice_axis_mut(Axis(0), Slice::from(n..)).assign(&-&residual.primal);

    let lu = Lu::factor(kkt)?;
    let mut step = lu.solve(&right)?;
    // One refinement: near the optimum the matrix is ill-conditioned by nature.
    step += &lu.solve(&(&right - &kkt.dot(&step)))?;
    if step.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let x = step.slice_axis(Axis(0), Slice::from(..n)).to_owned();
    let equality_dual = match problem.equalities {
        Some(_) => step.slice_axis(Axis(0), Slice::from(n..)).to_owned(),
        None => Array1::zeros(0),
    };
    let slope = at.jacobian.dot(&x);
    let dual = &central - &point.dual - &(&point.dual * &slope / &at.inequalities);
    Some(Point { x, dual, equality_dual })
}
