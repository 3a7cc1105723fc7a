//! Functions of several variables with their first and second derivatives.

use ndarray::{Array1, Array2, ArrayView1};

use crate::differentiation;
use crate::error::Error;

/// A twice differentiable function from n numbers to one.
pub trait Function {
    /// f(x). NaN or an infinity says that `x` is outside the function's domain.
    fn value(&self, x: &Array1<f64>) -> f64;
    /// ∇f(x), of the length of `x`.
    fn gradient(&self, x: &Array1<f64>) -> Array1<f64>;
    /// ∇²f(x), n×n; `None` where it is zero everywhere, as for an affine function.
    fn hessian(&self, x: &Array1<f64>) -> Option<Array2<f64>>;
}

/// A function given by three closures (or `fn`s): value, gradient, Hessian.
///
/// ```
/// use ndarray::{Array1, array};
/// use oxikale_solvers::{Newton, Smooth};
///
/// let f = Smooth::new(
///     |x: &Array1<f64>| x[0].exp() - 2.0 * x[0],
///     |x: &Array1<f64>| array![x[0].exp() - 2.0],
///     |x: &Array1<f64>| array![[x[0].exp()]],
/// );
/// let solution = Newton::default().solve(&f, &array![0.0])?;
/// assert!((solution.x[0] - 2.0_f64.ln()).abs() < 1e-8);
/// # Ok::<(), oxikale_solvers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Smooth<V, G, H> {
    value: V,
    gradient: G,
    hessian: H,
}

impl<V, G, H> Smooth<V, G, H>
where
    V: Fn(&Array1<f64>) -> f64,
    G: Fn(&Array1<f64>) -> Array1<f64>,
    H: Fn(&Array1<f64>) -> Array2<f64>,
{
    /// The function with this value, gradient and Hessian.
    pub fn new(value: V, gradient: G, hessian: H) -> Self {
        Self { value, gradient, hessian }
    }
}

impl<V, G, H> Function for Smooth<V, G, H>
where
    V: Fn(&Array1<f64>) -> f64,
    G: Fn(&Array1<f64>) -> Array1<f64>,
    H: Fn(&Array1<f64>) -> Array2<f64>,
{
    fn value(&self, x: &Array1<f64>) -> f64 {
        (self.value)(x)
    }
    fn gradient(&self, x: &Array1<f64>) -> Array1<f64> {
        (self.gradient)(x)
    }
    fn hessian(&self, x: &Array1<f64>) -> Option<Array2<f64>> {
        Some((self.hessian)(x))
    }
}

/// A function given by its value alone; the derivatives are central differences.
///
/// Good to some 1e-9 in the gradient and 1e-6 in the Hessian, relative to the size of the values:
/// enough for Newton's method, at 2n and 2n² extra evaluations.
#[derive(Debug, Clone)]
pub struct Numeric<V> {
    value: V,
}

impl<V: Fn(&Array1<f64>) -> f64> Numeric<V> {
    /// The function with this value.
    pub fn new(value: V) -> Self {
        Self { value }
    }
}

impl<V: Fn(&Array1<f64>) -> f64> Function for Numeric<V> {
    fn value(&self, x: &Array1<f64>) -> f64 {
        (self.value)(x)
    }
    fn gradient(&self, x: &Array1<f64>) -> Array1<f64> {
        differentiation::gradient(&self.value, x)
    }
    fn hessian(&self, x: &Array1<f64>) -> Option<Array2<f64>> {
        Some(differentiation::hessian(&self.value, x))
    }
}

/// aᵀx − b: as an inequality, aᵀx ≤ b.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    a: Array1<f64>,
    b: f64,
}

impl Affine {
    /// aᵀx − b.
    pub fn new(a: Array1<f64>, b: f64) -> Self {
        Self { a, b }
    }

    /// One function for each row of `a`: Ax − b.
    pub(crate) fn row(a: ArrayView1<'_, f64>, b: f64) -> Self {
        Self { a: a.to_owned(), b }
    }
}

impl Function for Affine {
    fn value(&self, x: &Array1<f64>) -> f64 {
        if self.a.len() != x.len() {
            return f64::NAN;
        }
        self.a.dot(x) - self.b
    }
    fn gradient(&self, _: &Array1<f64>) -> Array1<f64> {
        self.a.clone()
    }
    fn hessian(&self, _: &Array1<f64>) -> Option<Array2<f64>> {
        None
    }
}

/// ½xᵀPx + qᵀx + r, with P symmetric.
#[derive(Debug, Clone, PartialEq)]
pub struct Quadratic {
    p: Array2<f64>,
    q: Array1<f64>,
    r: f64,
}

impl Quadratic {
    /// ½xᵀPx + qᵀx + r. Only the symmetric part of `p` counts.
    ///
    /// # Errors
    /// [`Error::Shape`] where `p` is not n×n for `q` of length n.
    pub fn new(p: Array2<f64>, q: Array1<f64>, r: f64) -> Result<Self, Error> {
        let n = q.len();
        if p.dim() != (n, n) {
            return Err(Error::shape("the matrix P of the quadratic function", &[n, n], p.shape()));
        }
        let p = (&p + &p.t()) / 2.0;
        Ok(Self { p, q, r })
    }
}

impl Function for Quadratic {
    fn value(&self, x: &Array1<f64>) -> f64 {
        if self.q.len() != x.len() {
            return f64::NAN;
        }
        x.dot(&self.p.dot(x)) / 2.0 + self.q.dot(x) + self.r
    }
    fn gradient(&self, x: &Array1<f64>) -> Array1<f64> {
        if self.q.len() != x.len() {
            return self.q.clone();
        }
        self.p.dot(x) + &self.q
    }
    fn hessian(&self, _: &Array1<f64>) -> Option<Array2<f64>> {
        Some(self.p.clone())
    }
}

/// A function together with the words for it, whose results are checked before they are used.
pub(crate) struct Checked<'a> {
    pub(crate) function: &'a dyn Function,
    pub(crate) name: String,
}

impl Checked<'_> {
    /// The gradient, of the right length and finite.
    pub(crate) fn gradient(&self, x: &Array1<f64>) -> Result<Array1<f64>, Error> {
        let gradient = self.function.gradient(x);
        if gradient.len() != x.len() {
            return Err(Error::shape(format!("the gradient of {}", self.name), &[x.len()], gradient.shape()));
        }
        if gradient.iter().any(|v| !v.is_finite()) {
            return Err(self.not_finite("the gradient of", x));
        }
        Ok(gradient)
    }

    /// The Hessian, of the right shape and finite.
    pub(crate) fn hessian(&self, x: &Array1<f64>) -> Result<Option<Array2<f64>>, Error> {
        let Some(hessian) = self.function.hessian(x) else {
            return Ok(None);
        };
        let n = x.len();
        if hessian.dim() != (n, n) {
            return Err(Error::shape(format!("the Hessian of {}", self.name), &[n, n], hessian.shape()));
        }
        if hessian.iter().any(|v| !v.is_finite()) {
            return Err(self.not_finite("the Hessian of", x));
        }
        Ok(Some(hessian))
    }

    /// The value, finite.
    pub(crate) fn value(&self, x: &Array1<f64>) -> Result<f64, Error> {
        let value = self.function.value(x);
        if value.is_finite() { Ok(value) } else { Err(self.not_finite("the value of", x)) }
    }

    fn not_finite(&self, what: &str, x: &Array1<f64>) -> Error {
        Error::NotFinite { what: format!("{what} {}", self.name), x: x.to_vec() }
    }
}
