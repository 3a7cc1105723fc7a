//! The interior-point methods against Clarabel, an independent solver, on random problems.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use ndarray::{Array1, Array2};
use oxikale_solvers::{Affine, LinearProgram, LogBarrier, PrimalDual, Problem, Quadratic};
use proptest::prelude::*;

/// min ½xᵀPx + qᵀx s.t. Gx ≤ h, Ax = b, as Clarabel solves it: its minimiser, its value, its multipliers of Gx ≤ h.
fn reference(
    p: &Array2<f64>,
    q: &Array1<f64>,
    equal: (&Array2<f64>, &Array1<f64>),
    below: (&Array2<f64>, &Array1<f64>),
) -> (Array1<f64>, f64, Array1<f64>) {
    let rows = |a: &Array2<f64>| a.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    let upper = Array2::from_shape_fn(p.raw_dim(), |(i, j)| if i <= j { p[[i, j]] } else { 0.0 });
    let mut all = rows(equal.0);
    all.extend(rows(below.0));
    let right: Vec<f64> = equal.1.iter().chain(below.1).copied().collect();
    let cones = [SupportedConeT::ZeroConeT(equal.1.len()), SupportedConeT::NonnegativeConeT(below.1.len())];
    let settings = DefaultSettings {
        verbose: false,
        tol_gap_abs: 1e-10,
        tol_gap_rel: 1e-10,
        tol_feas: 1e-10,
        ..DefaultSettings::default()
    };
    let mut solver = DefaultSolver::new(
        &CscMatrix::from(&rows(&upper)),
        &q.to_vec(),
        &CscMatrix::from(&all),
        &right,
        &cones,
        settings,
    )
    .expect("a valid problem");
    solver.solve();
    assert_eq!(solver.solution.status, SolverStatus::Solved);
    let multipliers = solver.solution.z[equal.1.len()..].to_vec();
    (Array1::from(solver.solution.x.clone()), solver.solution.obj_val, Array1::from(multipliers))
}

fn close(ours: f64, theirs: f64, tolerance: f64) -> bool {
    (ours - theirs).abs() <= tolerance * (1.0 + theirs.abs())
}

fn vector(n: usize, low: f64, high: f64) -> impl Strategy<Value = Array1<f64>> {
    prop::collection::vec(low..high, n).prop_map(Array1::from)
}

fn matrix(m: usize, n: usize, low: f64, high: f64) -> impl Strategy<Value = Array2<f64>> {
    prop::collection::vec(low..high, m * n)
        .prop_map(move |values| Array2::from_shape_fn((m, n), |(i, j)| values[i * n + j]))
}

/// A linear program that has an optimum: A and b positive, so that x = 0 is feasible and the set is bounded.
fn linear_program() -> impl Strategy<Value = (Array1<f64>, Array2<f64>, Array1<f64>)> {
    (1_usize..12, 1_usize..12)
        .prop_flat_map(|(n, m)| (vector(n, -10.0, 10.0), matrix(m, n, 0.1, 5.0), vector(m, 0.5, 50.0)))
}

/// P positive definite, q, an interior point, and inequalities that it satisfies.
type QuadraticProgram = (Array2<f64>, Array1<f64>, Array1<f64>, Array2<f64>, Array1<f64>);

fn quadratic_program() -> impl Strategy<Value = QuadraticProgram> {
    (1_usize..10, 1_usize..15).prop_flat_map(|(n, m)| {
        (
            matrix(n, n, -1.0, 1.0),
            vector(n, -5.0, 5.0),
            vector(n, -2.0, 2.0),
            matrix(m, n, -1.0, 1.0),
            vector(m, 0.1, 3.0),
        )
            .prop_map(|(root, q, inside, g, slack)| {
                let p = root.t().dot(&root) + Array2::<f64>::eye(q.len()) * 0.1;
                let h = g.dot(&inside) + &slack;
                (p, q, inside, g, h)
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn linear_programs_have_the_same_optimum((c, a, b) in linear_program()) {
        let (n, m) = (c.len(), b.len());
        let mut g = Array2::zeros((m + n, n));
        let mut h = Array1::zeros(m + n);
        for i in 0..m {
            g.row_mut(i).assign(&a.row(i));
            h[i] = b[i];
        }
        for i in 0..n {
            g[[m + i, i]] = -1.0;
        }
        let (_, optimum, _) =
            reference(&Array2::zeros((n, n)), &c, (&Array2::zeros((0, n)), &Array1::zeros(0)), (&g, &h));

        let program = LinearProgram::new(c.clone(), a.clone(), b.clone()).unwrap();
        let solution = program.solve().map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(close(solution.value, optimum, 1e-6), "{} and {optimum}", solution.value);
        prop_assert!(solution.x.iter().all(|&v| v >= 0.0));
        prop_assert!((a.dot(&solution.x) - &b).iter().all(|&v| v <= 0.0));
        // The dual value −bᵀλ closes the gap, with λ ≥ 0.
        let lambda = solution.dual.iter().take(m).copied().collect::<Array1<f64>>();
        prop_assert!(solution.dual.iter().all(|&v| v >= 0.0));
        prop_assert!(close(-b.dot(&lambda), optimum, 1e-6));

        let start = program.feasible_start().unwrap();
        let barrier = LogBarrier { gap_tolerance: 1e-7, ..LogBarrier::default() }
            .solve(&program.problem(), &start)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(close(barrier.value, optimum, 1e-6), "barrier {} and {optimum}", barrier.value);
    }

    #[test]
    fn quadratic_programs_have_the_same_minimiser((p, q, inside, g, h) in quadratic_program()) {
        let n = q.len();
        let (x, optimum, multipliers) = reference(&p, &q, (&Array2::zeros((0, n)), &Array1::zeros(0)), (&g, &h));
        let rows: Vec<Affine> =
            g.rows().into_iter().zip(&h).map(|(row, &bound)| Affine::new(row.to_owned(), bound)).collect();
        let problem =
            Problem::minimize(Quadratic::new(p.clone(), q.clone(), 0.0).unwrap()).subject_to_all(rows);
        let solution = PrimalDual::default()
            .solve(&problem, &inside)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(close(solution.value, optimum, 1e-6));
        for (ours, theirs) in solution.x.iter().zip(&x) {
            prop_assert!(close(*ours, *theirs, 1e-3), "{} and {x}", solution.x);
        }
        // Stationarity with our multipliers; where they are unique, they are Clarabel's.
        let stationarity = p.dot(&solution.x) + &q + g.t().dot(&solution.dual);
        prop_assert!(stationarity.iter().all(|v| v.abs() < 1e-7));
        prop_assert!(close(h.dot(&solution.dual), h.dot(&multipliers), 1e-2));
    }

    #[test]
    fn equalities_hold_at_the_same_minimiser((p, q, inside, g, h) in quadratic_program(), start in vector(10, -0.01, 0.01)) {
        let n = q.len();
        prop_assume!(n >= 2);
        // The sum of the variables is that of the interior point; the start is off it, but inside the inequalities.
        let a = Array2::ones((1, n));
        let b = Array1::from_elem(1, inside.sum());
        let (x, optimum, _) = reference(&p, &q, (&a, &b), (&g, &h));
        let rows: Vec<Affine> =
            g.rows().into_iter().zip(&h).map(|(row, &bound)| Affine::new(row.to_owned(), bound)).collect();
        let problem = Problem::minimize(Quadratic::new(p, q, 0.0).unwrap())
            .subject_to_all(rows)
            .with_equalities(a, b.clone())
            .unwrap();
        let x0: Array1<f64> = inside.iter().zip(&start).map(|(v, shift)| v + shift).collect();
        prop_assume!(problem.is_interior(&x0));
        let solution = PrimalDual::default()
            .solve(&problem, &x0)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!((solution.x.sum() - b[0]).abs() < 1e-7);
        prop_assert!(close(solution.value, optimum, 1e-6));
        for (ours, theirs) in solution.x.iter().zip(&x) {
            prop_assert!(close(*ours, *theirs, 1e-3), "{} and {x}", solution.x);
        }
    }

    #[test]
    fn a_start_is_found_wherever_there_is_one(
        a in matrix(8, 5, -3.0, 3.0),
        inside in vector(5, 0.01, 20.0),
        slack in vector(8, 0.001, 5.0),
    ) {
        let b = a.dot(&inside) + &slack;
        let program = LinearProgram::new(Array1::zeros(5), a, b).unwrap();
        let start = program.feasible_start().map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(program.problem().is_interior(&start), "{start}");
    }
}
