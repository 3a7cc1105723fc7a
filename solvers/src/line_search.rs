//! Backtracking: how far to go along a direction.

use ndarray::Array1;

use crate::error::Error;
use crate::function::Function;
use crate::settings::within;

/// The settings of a backtracking line search (§9.2, algorithm 9.2).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LineSearch {
    /// α: which part of the decrease that the tangent promises must be kept; 0 < α < ½.
    pub alpha: f64,
    /// β: by what a step that is too long is multiplied; 0 < β < 1.
    pub beta: f64,
    /// The search gives up below this step length.
    pub tolerance: f64,
}

impl Default for LineSearch {
    fn default() -> Self {
        Self { alpha: 0.05, beta: 0.5, tolerance: 1e-12 }
    }
}

impl LineSearch {
    pub(crate) fn check(&self) -> Result<(), Error> {
        within("line_search.alpha", self.alpha, 0.0, 0.5, "between 0 and 0.5")?;
        within("line_search.beta", self.beta, 0.0, 1.0, "between 0 and 1")?;
        within("line_search.tolerance", self.tolerance, 0.0, 1.0, "between 0 and 1")
    }

    /// Shortens `step` until `accept` holds; `Err` has the last step tried.
    pub(crate) fn shorten(&self, mut step: f64, mut accept: impl FnMut(f64) -> bool) -> Result<f64, f64> {
        while step >= self.tolerance {
            if accept(step) {
                return Ok(step);
            }
            step *= self.beta;
        }
        Err(step)
    }

    /// The first step t of 1, β, β², … with f(x + tΔx) ≤ f(x) + αt·slope, the slope being ∇f(x)ᵀΔx.
    pub(crate) fn armijo(&self, line: &Line<'_>) -> Result<f64, f64> {
        self.shorten(1.0, |step| self.descends(line, step))
    }

    /// As [`Self::armijo`], and then on to where the slope along the line has nearly vanished, by secants:
    /// directions that are to be conjugate need a line search that is close to exact.
    pub(crate) fn minimise(&self, line: &Line<'_>) -> Result<f64, f64> {
        let mut step = self.armijo(line)?;
        let (mut behind, mut slope_behind) = (0.0, line.slope);
        for _ in 0..10 {
            let slope = line.slope_at(step);
            if slope.abs() <= 0.1 * line.slope.abs() {
                break;
            }
            let next = step - slope * (step - behind) / (slope - slope_behind);
            if !(self.tolerance..=10.0 * step).contains(&next) || !self.descends(line, next) {
                break;
            }
            (behind, slope_behind) = (step, slope);
            step = next;
        }
        Ok(step)
    }

    /// Whether a step falls enough. Where the decrease is below the rounding of f, the slope at its end decides, which
    /// for a parabola asks for the same (W. Hager and H. Zhang, SIAM J. Optim. 16, 2005, (4.1)): otherwise no method
    /// could reach the last digits.
    fn descends(&self, line: &Line<'_>, step: f64) -> bool {
        let trial = line.f.value(&line.at(step));
        let decrease = -self.alpha * step * line.slope;
        let rounding = 4.0 * f64::EPSILON * line.value.abs();
        if decrease > rounding {
            trial.is_finite() && trial <= line.value - decrease
        } else {
            trial <= line.value + rounding && line.slope_at(step) <= (2.0 * self.alpha - 1.0) * line.slope
        }
    }
}

/// f along x + tΔx.
pub(crate) struct Line<'a> {
    pub(crate) f: &'a dyn Function,
    pub(crate) x: &'a Array1<f64>,
    /// f(x).
    pub(crate) value: f64,
    /// Δx.
    pub(crate) direction: &'a Array1<f64>,
    /// ∇f(x)ᵀΔx, below 0.
    pub(crate) slope: f64,
}

impl Line<'_> {
    fn at(&self, step: f64) -> Array1<f64> {
        self.x + &(self.direction * step)
    }

    fn slope_at(&self, step: f64) -> f64 {
        let gradient = self.f.gradient(&self.at(step));
        if gradient.len() == self.direction.len() { gradient.dot(self.direction) } else { f64::NAN }
    }
}
