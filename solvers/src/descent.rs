//! Unconstrained minimisation by descent: gradient, conjugate gradient and Newton, with backtracking.

use ndarray::Array1;

use crate::dense::{Cholesky, cheap_condition_number};
use crate::error::Error;
use crate::function::{Checked, Function};
use crate::line_search::{Line, LineSearch};
use crate::settings::positive;
use crate::trace::{Iteration, Reference, Solution, Trace, norm};

/// Gradient descent (§9.3): Δx = −∇f(x).
///
/// ```
/// use ndarray::array;
/// use oxikale_solvers::{GradientDescent, Quadratic};
///
/// let f = Quadratic::new(array![[2.0, 0.0], [0.0, 4.0]], array![-2.0, -4.0], 0.0)?;
/// let solution = GradientDescent::default().solve(&f, &array![5.0, 5.0])?;
/// assert!((solution.x[0] - 1.0).abs() < 1e-6 && (solution.x[1] - 1.0).abs() < 1e-6);
/// # Ok::<(), oxikale_solvers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GradientDescent {
    /// Ends where ‖∇f(x)‖ is at most this.
    pub tolerance: f64,
    /// At most this many steps.
    pub max_iterations: usize,
    /// How steps are shortened.
    pub line_search: LineSearch,
    /// The optimum where it is known, for the errors in the trace.
    pub reference: Option<Reference>,
}

impl Default for GradientDescent {
    fn default() -> Self {
        Self { tolerance: 1e-8, max_iterations: 10_000, line_search: LineSearch::default(), reference: None }
    }
}

impl GradientDescent {
    /// Minimises `f` from `x0`.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Setting`] and [`Error::NotFinite`] for what is wrong with the input;
    /// [`Error::LineSearch`] and [`Error::NoConvergence`], with what had been reached.
    pub fn solve(&self, f: &dyn Function, x0: &Array1<f64>) -> Result<Solution, Error> {
        let settings = Settings {
            tolerance: self.tolerance,
            max_iterations: self.max_iterations,
            line_search: self.line_search,
            reference: self.reference.as_ref(),
            exact: false,
        };
        descend(f, x0, &settings, |_, _, gradient| Ok(Direction { x: -gradient, decrement: None, condition: None }))
    }
}

/// Nonlinear conjugate gradients after Polak and Ribière, with a restart wherever the direction would
/// not descend and every n steps, and a line search that goes on to the minimum along the line (J. Nocedal and S. Wright, *Numerical Optimization*, 2nd ed., §5.2).
///
/// ```
/// use ndarray::array;
/// use oxikale_solvers::{ConjugateGradient, Numeric};
///
/// // Rosenbrock's valley.
/// let f = Numeric::new(|x| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2));
/// let method = ConjugateGradient { tolerance: 1e-6, ..ConjugateGradient::default() };
/// let solution = method.solve(&f, &array![-1.2, 1.0])?;
/// assert!((solution.x[0] - 1.0).abs() < 1e-4);
/// # Ok::<(), oxikale_solvers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConjugateGradient {
    /// Ends where ‖∇f(x)‖ is at most this.
    pub tolerance: f64,
    /// At most this many steps.
    pub max_iterations: usize,
    /// How steps are shortened.
    pub line_search: LineSearch,
    /// The optimum where it is known, for the errors in the trace.
    pub reference: Option<Reference>,
}

impl Default for ConjugateGradient {
    fn default() -> Self {
        Self { tolerance: 1e-8, max_iterations: 10_000, line_search: LineSearch::default(), reference: None }
    }
}

impl ConjugateGradient {
    /// Minimises `f` from `x0`.
    ///
    /// # Errors
    /// As [`GradientDescent::solve`].
    pub fn solve(&self, f: &dyn Function, x0: &Array1<f64>) -> Result<Solution, Error> {
        let settings = Settings {
            tolerance: self.tolerance,
            max_iterations: self.max_iterations,
            line_search: self.line_search,
            reference: self.reference.as_ref(),
            exact: true,
        };
        let mut last: Option<(Array1<f64>, Array1<f64>)> = None;
        descend(f, x0, &settings, |number, _, gradient| {
            let steepest = -gradient;
            let restart = number % x0.len().max(2) == 0;
            let x = match &last {
                Some((old_gradient, old_direction)) if !restart => {
                    let beta = gradient.dot(&(gradient - old_gradient)) / old_gradient.dot(old_gradient);
                    let conjugate = &steepest + &(old_direction * beta.max(0.0));
                    if gradient.dot(&conjugate) < 0.0 { conjugate } else { steepest }
                }
                _ => steepest,
            };
            last = Some((gradient.clone(), x.clone()));
            Ok(Direction { x, decrement: None, condition: None })
        })
    }
}

/// Newton's method (§9.5, algorithm 9.5): Δx = −∇²f(x)⁻¹∇f(x), ended by half the squared decrement.
///
/// f must be strictly convex along the way.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Newton {
    /// Ends where λ(x)²/2 is at most this, λ being the Newton decrement: about f(x) − p*.
    pub tolerance: f64,
    /// At most this many steps.
    pub max_iterations: usize,
    /// How steps are shortened.
    pub line_search: LineSearch,
    /// The optimum where it is known, for the errors in the trace.
    pub reference: Option<Reference>,
}

impl Default for Newton {
    fn default() -> Self {
        Self { tolerance: 1e-16, max_iterations: 100, line_search: LineSearch::default(), reference: None }
    }
}

impl Newton {
    /// Minimises `f` from `x0`.
    ///
    /// # Errors
    /// As [`GradientDescent::solve`], and [`Error::Singular`] where a Hessian is not positive definite.
    pub fn solve(&self, f: &dyn Function, x0: &Array1<f64>) -> Result<Solution, Error> {
        let settings = Settings {
            tolerance: self.tolerance,
            max_iterations: self.max_iterations,
            line_search: self.line_search,
            reference: self.reference.as_ref(),
            exact: false,
        };
        descend(f, x0, &settings, |number, x, gradient| {
            let singular = Error::Singular { what: "the Hessian", iteration: number };
            let Some(hessian) = objective(f).hessian(x)? else {
                return Err(singular);
            };
            let Some(direction) = Cholesky::factor(&hessian).and_then(|factor| factor.solve(&-gradient)) else {
                return Err(singular);
            };
            let decrement = (-gradient.dot(&direction)).max(0.0).sqrt();
            Ok(Direction { x: direction, decrement: Some(decrement), condition: cheap_condition_number(&hessian) })
        })
    }
}

/// What the three methods have in common.
struct Settings<'a> {
    tolerance: f64,
    max_iterations: usize,
    line_search: LineSearch,
    reference: Option<&'a Reference>,
    /// Whether the line search goes on to the minimum along the line.
    exact: bool,
}

/// Where to go from an iterate.
struct Direction {
    x: Array1<f64>,
    decrement: Option<f64>,
    condition: Option<f64>,
}

fn objective(f: &dyn Function) -> Checked<'_> {
    Checked { function: f, name: "the objective".into() }
}

/// The general descent method (§9.2, algorithm 9.1).
fn descend(
    f: &dyn Function,
    x0: &Array1<f64>,
    settings: &Settings<'_>,
    mut choose: impl FnMut(usize, &Array1<f64>, &Array1<f64>) -> Result<Direction, Error>,
) -> Result<Solution, Error> {
    settings.line_search.check()?;
    positive("tolerance", settings.tolerance)?;
    if let Some(known) = settings.reference
        && known.x.len() != x0.len()
    {
        return Err(Error::shape("the reference x*", &[x0.len()], known.x.shape()));
    }
    if x0.iter().any(|v| !v.is_finite()) {
        return Err(Error::NotFinite { what: "the start".into(), x: x0.to_vec() });
    }
    let checked = objective(f);
    let mut trace = Trace::default();
    let mut x = x0.clone();
    let mut number = 0;
    loop {
        let gradient = checked.gradient(&x)?;
        let value = checked.value(&x)?;
        let gradient_norm = norm(&gradient);
        trace.iterations.push(Iteration::at(number, &x, value, gradient_norm, settings.reference));
        let solution = |trace: Trace| Solution {
            x: x.clone(),
            value,
            dual: Array1::default(0),
            equality_dual: Array1::default(0),
            gap: None,
            residual: gradient_norm,
            t: None,
            iterations: number,
            trace,
        };
        // A zero gradient ends every method: there is no direction any more.
        if gradient_norm == 0.0 {
            return Ok(solution(trace));
        }
        let direction = choose(number, &x, &gradient)?;
        if let Some(row) = trace.iterations.last_mut() {
            row.newton_decrement = direction.decrement;
            row.condition = direction.condition;
        }
        let measure = direction.decrement.map_or(gradient_norm, |decrement| decrement * decrement / 2.0);
        if measure <= settings.tolerance {
            return Ok(solution(trace));
        }
        if number == settings.max_iterations {
            return Err(Error::NoConvergence { partial: Box::new(solution(trace)) });
        }
        let line = Line { f, x: &x, value, direction: &direction.x, slope: gradient.dot(&direction.x) };
        let search = settings.line_search;
        match if settings.exact { search.minimise(&line) } else { search.armijo(&line) } {
            Ok(step) => {
                if let Some(row) = trace.iterations.last_mut() {
                    row.step = Some(step);
                }
                let next = &x + &(&direction.x * step);
                x = next;
            }
            Err(step) => {
                return Err(Error::LineSearch { iteration: number, step, partial: Box::new(solution(trace)) });
            }
        }
        number += 1;
    }
}
