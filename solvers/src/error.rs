//! What can go wrong, as a value that says where and what to do about it.

use std::fmt;

use crate::trace::Solution;

/// Why a method gave no solution.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// An array does not have the shape that the others ask for.
    Shape {
        /// The array, in words.
        what: String,
        /// The shape it should have.
        expected: String,
        /// The shape it has.
        found: String,
    },
    /// A setting of a method is outside its range.
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The range, in words.
        expected: &'static str,
        /// Its value.
        found: f64,
    },
    /// The start does not satisfy an inequality strictly, which an interior method needs.
    InfeasibleStart {
        /// Which inequality, from 0.
        constraint: usize,
        /// Its value there; it must be below 0.
        value: f64,
    },
    /// No point satisfies all inequalities strictly.
    Infeasible {
        /// The smallest possible largest violation.
        violation: f64,
    },
    /// A function returned NaN or an infinity where the method needs a number.
    NotFinite {
        /// What was evaluated, in words.
        what: String,
        /// The point.
        x: Vec<f64>,
    },
    /// The matrix of the Newton step cannot be factored.
    Singular {
        /// The matrix, in words.
        what: &'static str,
        /// The iteration, from 0.
        iteration: usize,
    },
    /// No step along the search direction was short enough to make progress.
    LineSearch {
        /// The iteration, from 0.
        iteration: usize,
        /// The last step length tried.
        step: f64,
        /// What had been reached.
        partial: Box<Solution>,
    },
    /// The iterations ran out.
    NoConvergence {
        /// What had been reached, its trace included.
        partial: Box<Solution>,
    },
}

impl Error {
    /// What the method had reached when it gave up, where it had started at all.
    pub fn partial(&self) -> Option<&Solution> {
        match self {
            Self::LineSearch { partial, .. } | Self::NoConvergence { partial } => Some(partial),
            _ => None,
        }
    }

    pub(crate) fn shape(what: impl Into<String>, expected: &[usize], found: &[usize]) -> Self {
        Self::Shape { what: what.into(), expected: shape_text(expected), found: shape_text(found) }
    }
}

fn shape_text(shape: &[usize]) -> String {
    let parts: Vec<String> = shape.iter().map(usize::to_string).collect();
    parts.join("×")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { what, expected, found } => {
                write!(f, "{what} has shape {found}, but {expected} is needed")
            }
            Self::Setting { name, expected, found } => {
                write!(f, "the setting `{name}` is {found}, but it must be {expected}")
            }
            Self::InfeasibleStart { constraint, value } => write!(
                f,
                "the start is not strictly feasible: inequality {constraint} (from 0) has the value {value} there, \
                 but it must be below 0; start from an interior point \
                 (`LinearProgram::feasible_start` finds one for a linear program)"
            ),
            Self::Infeasible { violation } => write!(
                f,
                "no point satisfies all inequalities strictly: the best one violates one of them by {violation:.3e}; \
                 check the signs of the constraints"
            ),
            Self::NotFinite { what, x } => {
                write!(f, "{what} is NaN or infinite at x = {x:?}; start where it is defined")
            }
            Self::Singular { what, iteration } => write!(
                f,
                "{what} is singular or not positive definite in iteration {iteration}: \
                 the problem has no unique direction there (a constraint given twice, an unbounded or a non-convex problem)"
            ),
            Self::LineSearch { iteration, step, partial } => write!(
                f,
                "no progress along the search direction in iteration {iteration}, even with a step of {step:.1e} \
                 ({}); check the gradient and the Hessian against `differentiation` and whether the problem is bounded below, or ask for less accuracy",
                reached(partial)
            ),
            Self::NoConvergence { partial } => {
                write!(
                    f,
                    "no convergence after {} iterations ({}); allow more, or ask for less accuracy",
                    partial.iterations,
                    reached(partial)
                )?;
                if runs_away(partial) {
                    write!(f, "; the iterates run away: it may not be bounded below")?;
                }
                Ok(())
            }
        }
    }
}

fn reached(partial: &Solution) -> String {
    match partial.gap {
        Some(gap) => format!("gap {gap:.3e}, residual {:.3e}", partial.residual),
        None => format!("residual {:.3e}", partial.residual),
    }
}

fn runs_away(partial: &Solution) -> bool {
    let norm = |x: &ndarray::Array1<f64>| x.dot(x).sqrt();
    let start = partial.trace.iterations.first().map_or(0.0, |row| norm(&row.x));
    norm(&partial.x) > 1e6 * (1.0 + start)
}

impl std::error::Error for Error {}
