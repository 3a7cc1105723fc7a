//! Convex optimisation for notebooks: methods that are short enough to read beside the book they
//! come from, and whose every iteration is a value that can be printed, plotted and compared.
//!
//! | problem | method | where |
//! | --- | --- | --- |
//! | min f(x) s.t. gᵢ(x) ≤ 0, Ax = b | primal-dual interior point | [`PrimalDual`] |
//! | the same, without equalities | logarithmic barrier | [`LogBarrier`] |
//! | min cᵀx s.t. Ax ≤ b, x ≥ 0 | either, and a feasible start | [`LinearProgram`] |
//! | min f(x) | gradient, conjugate gradient, Newton | [`GradientDescent`], [`ConjugateGradient`], [`Newton`] |
//! | ∇f, ∇²f from f alone | central differences | [`differentiation`] |
//!
//! The equations cited are those of S. Boyd and L. Vandenberghe, *Convex Optimization*, Cambridge
//! University Press, 2004. Everything is dense and in `f64`: right for problems of up to some
//! hundred variables.
//!
//! # A linear program
//!
//! ```
//! use ndarray::array;
//! use oxikale_solvers::LinearProgram;
//!
//! // max 3x₁ + 5x₂  s.t.  x₁ ≤ 4, 2x₂ ≤ 12, 3x₁ + 2x₂ ≤ 18, x ≥ 0
//! let program = LinearProgram::new(
//!     array![-3.0, -5.0],
//!     array![[1.0, 0.0], [0.0, 2.0], [3.0, 2.0]],
//!     array![4.0, 12.0, 18.0],
//! )?;
//! let solution = program.solve()?;
//! assert!((solution.value + 36.0).abs() < 1e-6);
//! assert!((solution.x[0] - 2.0).abs() < 1e-6 && (solution.x[1] - 6.0).abs() < 1e-6);
//! # Ok::<(), oxikale_solvers::Error>(())
//! ```
//!
//! # A convex problem, its functions given as closures
//!
//! ```
//! use ndarray::{Array1, Array2, array};
//! use oxikale_solvers::{PrimalDual, Problem, Smooth};
//!
//! // The point of the unit disc that is nearest to (2, 2).
//! let distance = Smooth::new(
//!     |x: &Array1<f64>| (x - 2.0).mapv(|d| d * d).sum(),
//!     |x: &Array1<f64>| (x - 2.0) * 2.0,
//!     |_: &Array1<f64>| Array2::eye(2) * 2.0,
//! );
//! let disc = Smooth::new(
//!     |x: &Array1<f64>| x.dot(x) - 1.0,
//!     |x: &Array1<f64>| x * 2.0,
//!     |_: &Array1<f64>| Array2::eye(2) * 2.0,
//! );
//! let problem = Problem::minimize(distance).subject_to(disc);
//! let solution = PrimalDual::default().solve(&problem, &array![0.0, 0.0])?;
//! assert!((solution.x[0] - 0.5_f64.sqrt()).abs() < 1e-6);
//! println!("{}", solution.trace);
//! # Ok::<(), oxikale_solvers::Error>(())
//! ```

pub mod dense;
mod descent;
pub mod differentiation;
mod error;
mod function;
mod line_search;
mod linear_program;
mod log_barrier;
mod primal_dual;
mod problem;
mod settings;
mod trace;

pub use descent::{ConjugateGradient, GradientDescent, Newton};
pub use error::Error;
pub use function::{Affine, Function, Numeric, Quadratic, Smooth};
pub use line_search::LineSearch;
pub use linear_program::LinearProgram;
pub use log_barrier::LogBarrier;
pub use primal_dual::PrimalDual;
pub use problem::Problem;
pub use trace::{Iteration, Reference, Solution, Trace};
