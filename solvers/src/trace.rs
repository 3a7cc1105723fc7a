//! What a method did: its solution, and every iteration on the way there.

use std::fmt;

use ndarray::{Array1, Array2};

/// The optimum where it is known beforehand, so that the trace can say how far away each iterate is.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reference {
    /// x*.
    pub x: Array1<f64>,
    /// p* = f(x*).
    pub value: f64,
}

/// What a method found.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Solution {
    /// The minimiser.
    pub x: Array1<f64>,
    /// f there.
    pub value: f64,
    /// λ, one for each inequality; empty for methods without constraints.
    pub dual: Array1<f64>,
    /// ν, one for each equality.
    pub equality_dual: Array1<f64>,
    /// The (surrogate) duality gap; `None` without constraints.
    pub gap: Option<f64>,
    /// The norm of what should be zero: ‖r_dual‖ and ‖r_pri‖ together, or ‖∇f‖ without constraints.
    pub residual: f64,
    /// The last t; `None` without constraints.
    pub t: Option<f64>,
    /// How many steps were taken.
    pub iterations: usize,
    /// Every iterate.
    pub trace: Trace,
}

/// The iterates of a method, the start first and the solution last.
#[derive(Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Trace {
    /// In order.
    pub iterations: Vec<Iteration>,
}

/// One iterate, and the step that leads on from it.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Iteration {
    /// From 0, which is the start.
    pub number: usize,
    /// x.
    pub x: Array1<f64>,
    /// f(x).
    pub value: f64,
    /// λ; empty without constraints.
    pub dual: Array1<f64>,
    /// The (surrogate) duality gap.
    pub gap: Option<f64>,
    /// t, by which the objective is weighted against the barrier.
    pub t: Option<f64>,
    /// ‖r_dual‖ = ‖∇f + Σλᵢ∇gᵢ + Aᵀν‖.
    pub dual_residual: Option<f64>,
    /// ‖r_cent‖ = ‖−λᵢgᵢ − 1/t‖, for the t of the next step.
    pub centrality_residual: Option<f64>,
    /// ‖r_pri‖ = ‖Ax − b‖, where there are equalities.
    pub primal_residual: Option<f64>,
    /// ‖∇f(x)‖; for the logarithmic barrier ‖∇(t·f + φ)(x)‖.
    pub gradient_norm: f64,
    /// √(Δxᵀ H Δx) for the Newton step Δx and its matrix H, where the method has them.
    pub newton_decrement: Option<f64>,
    /// κ₁ of the matrix of the step; `None` in the last row, without a matrix, and above 64 unknowns.
    pub condition: Option<f64>,
    /// The length of the step from here, 1 being the whole one; `None` in the last row.
    pub step: Option<f64>,
    /// ‖x − x*‖ / ‖x*‖ (‖x‖ where x* = 0), where the optimum was given.
    pub error_x: Option<f64>,
    /// |f(x) − p*| / |p*| (|f(x)| where p* = 0), where the optimum was given.
    pub error_value: Option<f64>,
}

impl Iteration {
    /// The row of an iterate of which nothing but x, f and ‖∇f‖ is known yet.
    pub(crate) fn at(
        number: usize,
        x: &Array1<f64>,
        value: f64,
        gradient_norm: f64,
        reference: Option<&Reference>,
    ) -> Self {
        Self {
            number,
            x: x.clone(),
            value,
            dual: Array1::default(0),
            gap: None,
            t: None,
            dual_residual: None,
            centrality_residual: None,
            primal_residual: None,
            gradient_norm,
            newton_decrement: None,
            condition: None,
            step: None,
            error_x: reference.map(|known| relative(norm(&(x - &known.x)), norm(&known.x))),
            error_value: reference.map(|known| relative((value - known.value).abs(), known.value.abs())),
        }
    }
}

impl Trace {
    /// The iterates as rows of a matrix: one row for each iteration, one column for each variable.
    pub fn path(&self) -> Array2<f64> {
        let columns = self.iterations.first().map_or(0, |row| row.x.len());
        let mut path = Array2::zeros((self.iterations.len(), columns));
        for (mut row, iteration) in path.rows_mut().into_iter().zip(&self.iterations) {
            row.assign(&iteration.x);
        }
        path
    }

    /// Shows the trace as a table in evcxr and other kernels that know its convention.
    pub fn evcxr_display(&self) {
        println!("EVCXR_BEGIN_CONTENT text/html\n{}\nEVCXR_END_CONTENT", self.html());
        println!("EVCXR_BEGIN_CONTENT text/plain\n{self}EVCXR_END_CONTENT");
    }

    /// The trace as an HTML table.
    pub fn html(&self) -> String {
        let columns = self.columns();
        let mut html = String::from("<table><thead><tr>");
        for (title, _) in &columns {
            html.push_str(&format!("<th>{title}</th>"));
        }
        html.push_str("</tr></thead><tbody>");
        for row in 0..self.iterations.len() {
            html.push_str("<tr>");
            for (_, cells) in &columns {
                html.push_str(&format!("<td>{}</td>", cells[row]));
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table>");
        html
    }

    /// Titles and cells of the columns that hold anything, for people.
    fn columns(&self) -> Vec<(&'static str, Vec<String>)> {
        let rows = &self.iterations;
        let mut columns = vec![
            ("k", rows.iter().map(|row| row.number.to_string()).collect()),
            ("f(x)", rows.iter().map(|row| format!("{:.9}", row.value)).collect()),
        ];
        let optional: [Column; 10] = [
            ("gap", |row| row.gap),
            ("t", |row| row.t),
            ("‖r_dual‖", |row| row.dual_residual),
            ("‖r_pri‖", |row| row.primal_residual),
            ("‖∇f‖", |row| Some(row.gradient_norm)),
            ("decrement", |row| row.newton_decrement),
            ("error x", |row| row.error_x),
            ("error p", |row| row.error_value),
            ("κ", |row| row.condition),
            ("step", |row| row.step),
        ];
        for (title, value) in optional {
            if rows.iter().any(|row| value(row).is_some()) {
                let cells = rows.iter().map(|row| value(row).map_or(String::new(), |v| format!("{v:.2e}")));
                columns.push((title, cells.collect()));
            }
        }
        columns
    }
}

impl fmt::Debug for Trace {
    /// The number of iterates only: an error that has a trace in it must stay readable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace({} iterates)", self.iterations.len())
    }
}

impl fmt::Display for Trace {
    /// One line for each iteration, in aligned columns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns();
        let width = |cells: &[String], title: &str| {
            cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0).max(title.chars().count())
        };
        let widths: Vec<usize> = columns.iter().map(|(title, cells)| width(cells, title)).collect();
        let titles: Vec<String> = columns.iter().zip(&widths).map(|((title, _), w)| format!("{title:>w$}")).collect();
        writeln!(f, "{}", titles.join("  "))?;
        for row in 0..self.iterations.len() {
            let line: Vec<String> =
                columns.iter().zip(&widths).map(|((_, cells), w)| format!("{:>w$}", cells[row])).collect();
            writeln!(f, "{}", line.join("  "))?;
        }
        Ok(())
    }
}

/// A title, and the number under it.
type Column = (&'static str, fn(&Iteration) -> Option<f64>);

/// ‖v‖₂.
pub(crate) fn norm(v: &Array1<f64>) -> f64 {
    v.dot(v).sqrt()
}

fn relative(error: f64, size: f64) -> f64 {
    if size > 0.0 { error / size } else { error }
}
