//! A constrained problem: an objective, inequalities and linear equalities.

use std::fmt;

use ndarray::{Array1, Array2};

use crate::error::Error;
use crate::function::{Checked, Function};

/// min f(x) subject to gᵢ(x) ≤ 0 and Ax = b (problem 11.1 of the book).
///
/// f and every gᵢ must be convex for the methods to find the optimum. The problem may borrow what its
/// closures borrow.
pub struct Problem<'a> {
    pub(crate) objective: Box<dyn Function + 'a>,
    pub(crate) inequalities: Vec<Box<dyn Function + 'a>>,
    pub(crate) equalities: Option<(Array2<f64>, Array1<f64>)>,
}

impl<'a> Problem<'a> {
    /// The problem of minimising `objective`, without constraints so far.
    pub fn minimize(objective: impl Function + 'a) -> Self {
        Self { objective: Box::new(objective), inequalities: Vec::new(), equalities: None }
    }

    /// With one more inequality, `inequality`(x) ≤ 0.
    #[must_use]
    pub fn subject_to(mut self, inequality: impl Function + 'a) -> Self {
        self.inequalities.push(Box::new(inequality));
        self
    }

    /// With more inequalities of one kind.
    #[must_use]
    pub fn subject_to_all<F: Function + 'a>(mut self, inequalities: impl IntoIterator<Item = F>) -> Self {
        for inequality in inequalities {
            self.inequalities.push(Box::new(inequality));
        }
        self
    }

    /// With the equalities `a`·x = `b`, which replace earlier ones. The rows of `a` must be independent.
    ///
    /// # Errors
    /// [`Error::Shape`] where `a` and `b` do not have the same number of rows.
    pub fn with_equalities(mut self, a: Array2<f64>, b: Array1<f64>) -> Result<Self, Error> {
        if a.nrows() != b.len() {
            return Err(Error::shape("the right-hand side of the equalities", &[a.nrows()], b.shape()));
        }
        self.equalities = (!b.is_empty()).then_some((a, b));
        Ok(self)
    }

    /// How many inequalities there are.
    pub fn inequality_count(&self) -> usize {
        self.inequalities.len()
    }

    /// gᵢ(x) for all inequalities.
    pub fn inequality_values(&self, x: &Array1<f64>) -> Array1<f64> {
        self.inequalities.iter().map(|g| g.value(x)).collect()
    }

    /// Whether every inequality is satisfied strictly at `x`.
    pub fn is_interior(&self, x: &Array1<f64>) -> bool {
        self.inequalities.iter().all(|g| g.value(x) < 0.0)
    }

    pub(crate) fn objective(&self) -> Checked<'_> {
        Checked { function: &*self.objective, name: "the objective".into() }
    }

    pub(crate) fn inequality(&self, i: usize) -> Checked<'_> {
        Checked { function: &*self.inequalities[i], name: format!("inequality {i} (from 0)") }
    }

    /// Refuses a start from which an interior method cannot go.
    pub(crate) fn check_start(&self, x0: &Array1<f64>) -> Result<(), Error> {
        if x0.iter().any(|v| !v.is_finite()) {
            return Err(Error::NotFinite { what: "the start".into(), x: x0.to_vec() });
        }
        if let Some((a, b)) = &self.equalities {
            if a.ncols() != x0.len() {
                return Err(Error::shape("the matrix of the equalities", &[a.nrows(), x0.len()], a.shape()));
            }
            if a.iter().chain(b).any(|v| !v.is_finite()) {
                return Err(Error::NotFinite { what: "an equality".into(), x: x0.to_vec() });
            }
        }
        // Shapes first: what a function says at a point of the wrong size means nothing.
        self.objective().gradient(x0)?;
        for i in 0..self.inequalities.len() {
            self.inequality(i).gradient(x0)?;
        }
        self.objective().value(x0)?;
        for i in 0..self.inequalities.len() {
            let value = self.inequality(i).value(x0)?;
            if value >= 0.0 {
                return Err(Error::InfeasibleStart { constraint: i, value });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("inequalities", &self.inequalities.len())
            .field("equalities", &self.equalities.as_ref().map_or(0, |(_, b)| b.len()))
            .finish_non_exhaustive()
    }
}
