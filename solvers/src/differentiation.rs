//! Derivatives from values alone, by central differences.

use ndarray::{Array1, Array2};

/// ∇f(x) by central differences, (f(x + hᵢeᵢ) − f(x − hᵢeᵢ)) / 2hᵢ with hᵢ = ε^(1/3)·max(1, |xᵢ|).
///
/// The error is of the order of h², about 1e-10 where f and its third derivative are of size 1.
///
/// ```
/// use ndarray::array;
/// let g = oxikale_solvers::differentiation::gradient(|x| x[0] * x[0] * x[1], &array![3.0, 2.0]);
/// assert!((g[0] - 12.0).abs() < 1e-7 && (g[1] - 9.0).abs() < 1e-7);
/// ```
pub fn gradient(f: impl Fn(&Array1<f64>) -> f64, x: &Array1<f64>) -> Array1<f64> {
    let mut point = x.clone();
    (0..x.len())
        .map(|i| {
            let (ahead, behind) = ends(x[i], f64::EPSILON.cbrt());
            point[i] = ahead;
            let above = f(&point);
            point[i] = behind;
            let below = f(&point);
            point[i] = x[i];
            (above - below) / (ahead - behind)
        })
        .collect()
}

/// ∇²f(x) by central differences of second order, symmetric; h = ε^(1/4)·max(1, |xᵢ|).
///
/// The error is of the order of h², about 1e-7 where f is of size 1.
///
/// ```
/// use ndarray::array;
/// let h = oxikale_solvers::differentiation::hessian(|x| x[0] * x[0] * x[1], &array![3.0, 2.0]);
/// assert!((h[[0, 0]] - 4.0).abs() < 1e-5 && (h[[0, 1]] - 6.0).abs() < 1e-5);
/// ```
pub fn hessian(f: impl Fn(&Array1<f64>) -> f64, x: &Array1<f64>) -> Array2<f64> {
    let n = x.len();
    let h = f64::EPSILON.powf(0.25);
    let centre = f(x);
    let mut point = x.clone();
    let mut result = Array2::zeros((n, n));
    for i in 0..n {
        let (ahead_i, behind_i) = ends(x[i], h);
        let half_i = (ahead_i - behind_i) / 2.0;
        point[i] = ahead_i;
        let above = f(&point);
        point[i] = behind_i;
        let below = f(&point);
        result[[i, i]] = (above - 2.0 * centre + below) / (half_i * half_i);
        for j in 0..i {
            let (ahead_j, behind_j) = ends(x[j], h);
            let mut corner = |xi: f64, xj: f64| {
                point[i] = xi;
                point[j] = xj;
                f(&point)
            };
            let mixed = corner(ahead_i, ahead_j) - corner(ahead_i, behind_j) - corner(behind_i, ahead_j)
                + corner(behind_i, behind_j);
            let entry = mixed / ((ahead_i - behind_i) * (ahead_j - behind_j));
            result[[i, j]] = entry;
            result[[j, i]] = entry;
            point[j] = x[j];
        }
        point[i] = x[i];
    }
    result
}

/// The Jacobian of a vector function (rows: components) by central differences: of a gradient, the Hessian.
///
/// Where the function returns arrays of different lengths, missing components count as NaN.
///
/// ```
/// use ndarray::array;
/// let j = oxikale_solvers::differentiation::jacobian(|x| array![x[0] * x[1], x[1] * x[1]], &array![3.0, 2.0]);
/// assert!((j[[0, 1]] - 3.0).abs() < 1e-7 && (j[[1, 1]] - 4.0).abs() < 1e-7 && j[[1, 0]].abs() < 1e-9);
/// ```
pub fn jacobian(f: impl Fn(&Array1<f64>) -> Array1<f64>, x: &Array1<f64>) -> Array2<f64> {
    let rows = f(x).len();
    let mut result = Array2::zeros((rows, x.len()));
    let mut point = x.clone();
    for j in 0..x.len() {
        let (ahead, behind) = ends(x[j], f64::EPSILON.cbrt());
        point[j] = ahead;
        let above = f(&point);
        point[j] = behind;
        let below = f(&point);
        point[j] = x[j];
        for i in 0..rows {
            let component = |values: &Array1<f64>| values.get(i).copied().unwrap_or(f64::NAN);
            result[[i, j]] = (component(&above) - component(&below)) / (ahead - behind);
        }
    }
    result
}

/// Both ends of the difference around `x`: computed once and subtracted, so that the width is exactly representable.
fn ends(x: f64, relative: f64) -> (f64, f64) {
    let h = relative * x.abs().max(1.0);
    (x + h, x - h)
}
