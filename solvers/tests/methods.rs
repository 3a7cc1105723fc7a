//! What the methods reach, what their traces say, and how they refuse bad input.

use ndarray::{Array1, Array2, array};
use oxikale_solvers::{
    Affine, ConjugateGradient, Error, Function, GradientDescent, LineSearch, LinearProgram, LogBarrier, Newton,
    Numeric, PrimalDual, Problem, Quadratic, Reference, Smooth, differentiation,
};

/// The course's program: optimum (2, 6), value −36.
fn course() -> LinearProgram {
    LinearProgram::new(array![-3.0, -5.0], array![[1.0, 0.0], [0.0, 2.0], [3.0, 2.0]], array![4.0, 12.0, 18.0]).unwrap()
}

fn course_method() -> PrimalDual {
    PrimalDual {
        t0: 10.0,
        mu: 10.0,
        gap_tolerance: 1e-6,
        max_iterations: 30,
        reference: Some(Reference { x: array![2.0, 6.0], value: -36.0 }),
        ..PrimalDual::default()
    }
}

#[test]
fn the_course_program_has_its_known_optimum() {
    let solution = course_method().solve(&course().problem(), &array![1.0, 2.0]).unwrap();
    assert!((solution.x[0] - 2.0).abs() < 1e-6 && (solution.x[1] - 6.0).abs() < 1e-6, "{}", solution.x);
    assert!((solution.value + 36.0).abs() < 1e-6);
    assert!(solution.gap.unwrap() <= 1e-6 && solution.residual <= 1e-8);
    // The multipliers by hand: constraints 2 and 3 are active, 2λ₂ + 2λ₃ = 5 and 3λ₃ = 3.
    for (ours, exact) in solution.dual.iter().zip([0.0, 1.5, 1.0, 0.0, 0.0]) {
        assert!((ours - exact).abs() < 1e-6, "{}", solution.dual);
    }
}

#[test]
fn the_trace_starts_at_the_start_and_ends_at_the_solution() {
    let solution = course_method().solve(&course().problem(), &array![1.0, 2.0]).unwrap();
    let rows = &solution.trace.iterations;
    assert_eq!(rows.len(), solution.iterations + 1);
    assert_eq!(rows[0].x, array![1.0, 2.0]);
    // λᵢ = −1/(t₀gᵢ), so that the first gap is m/t₀ and the first t is μt₀.
    assert!((rows[0].gap.unwrap() - 0.5).abs() < 1e-12);
    assert!((rows[0].t.unwrap() - 100.0).abs() < 1e-9);
    assert_eq!(rows.last().unwrap().x, solution.x);
    assert_eq!(rows.last().unwrap().step, None);
    assert!(rows[..rows.len() - 1].iter().all(|row| row.step.is_some_and(|step| 0.0 < step && step <= 1.0)));
    assert!(rows.iter().all(|row| (row.gradient_norm - 34.0_f64.sqrt()).abs() < 1e-12));
    assert!((rows[0].error_x.unwrap() - (17.0_f64 / 40.0).sqrt()).abs() < 1e-12);
    assert!((rows[0].error_value.unwrap() - 23.0 / 36.0).abs() < 1e-12);
    assert!(rows.last().unwrap().error_x.unwrap() < 1e-6);
    assert!(rows.iter().all(|row| course().problem().is_interior(&row.x)), "every iterate is interior");
    assert!(rows[..rows.len() - 1].iter().all(|row| row.condition.is_some() && row.newton_decrement.is_some()));
    let path = solution.trace.path();
    assert_eq!(path.dim(), (rows.len(), 2));
    assert_eq!(path.row(0).to_vec(), [1.0, 2.0]);
    let text = solution.trace.to_string();
    assert_eq!(text.lines().count(), rows.len() + 1);
    assert!(text.lines().next().unwrap().contains("‖r_dual‖"));
}

#[test]
fn the_barrier_method_reaches_the_same_and_its_gap_is_m_over_t() {
    let method = LogBarrier { t0: 10.0, gap_tolerance: 1e-6, ..LogBarrier::default() };
    let solution = method.solve(&course().problem(), &array![1.0, 2.0]).unwrap();
    assert!((solution.value + 36.0).abs() < 1e-6);
    assert!((solution.x[0] - 2.0).abs() < 1e-6 && (solution.x[1] - 6.0).abs() < 1e-6);
    let rows = &solution.trace.iterations;
    assert!(rows.iter().all(|row| (row.gap.unwrap() * row.t.unwrap() - 5.0).abs() < 1e-9));
    assert!(rows.iter().enumerate().all(|(i, row)| row.number == i));
    assert!(rows.windows(2).all(|pair| pair[0].t <= pair[1].t && pair[0].x != pair[1].x));
    assert!((solution.dual[1] - 1.5).abs() < 1e-4);
    // The end of the method is within m/t of the optimum, as the book proves.
    assert!(solution.value + 36.0 <= solution.gap.unwrap() + 1e-9);
}

#[test]
fn a_start_on_or_beyond_the_border_is_refused_with_the_constraint() {
    let problem = course().problem();
    for (x0, constraint) in [(array![4.0, 1.0], 0), (array![1.0, 7.0], 1), (array![-1.0, 1.0], 3)] {
        let error = PrimalDual::default().solve(&problem, &x0).unwrap_err();
        assert!(matches!(error, Error::InfeasibleStart { constraint: c, value } if c == constraint && value >= 0.0));
        assert_eq!(LogBarrier::default().solve(&problem, &x0).unwrap_err(), error);
        assert!(error.to_string().contains("interior point"));
    }
}

#[test]
fn a_program_without_a_feasible_point_says_so() {
    // x₁ + x₂ ≤ −1 with x ≥ 0: every point violates something by at least 1/3.
    let program = LinearProgram::new(array![1.0, 1.0], array![[1.0, 1.0]], array![-1.0]).unwrap();
    match program.solve().unwrap_err() {
        Error::Infeasible { violation } => assert!((violation - 1.0 / 3.0).abs() < 1e-6),
        other => panic!("{other}"),
    }
}

#[test]
fn an_unbounded_program_ends_with_an_error_that_names_the_suspicion() {
    let program = LinearProgram::new(array![-1.0, 0.0], array![[0.0, 1.0]], array![1.0]).unwrap();
    let error = program.solve().unwrap_err();
    assert!(error.partial().is_some() || matches!(error, Error::Singular { .. } | Error::NotFinite { .. }), "{error}");
    assert!(error.to_string().contains("bounded below"), "{error}");
}

#[test]
fn too_few_iterations_give_back_what_was_reached() {
    let method = PrimalDual { max_iterations: 3, ..PrimalDual::default() };
    let error = method.solve(&course().problem(), &array![1.0, 2.0]).unwrap_err();
    let partial = error.partial().expect("three steps were taken");
    assert_eq!(partial.iterations, 3);
    assert_eq!(partial.trace.iterations.len(), 4);
    assert!(partial.value < -13.0, "better than the start");
}

#[test]
fn a_barrier_that_gives_up_keeps_the_rows_before() {
    let method = LogBarrier { max_iterations: 4, centering_tolerance: 1e-20, ..LogBarrier::default() };
    let error = method.solve(&course().problem(), &array![1.0, 2.0]).unwrap_err();
    let rows = &error.partial().expect("some steps were taken").trace.iterations;
    assert_eq!(rows[0].x, array![1.0, 2.0]);
    assert!(rows.windows(2).all(|pair| pair[1].number == pair[0].number + 1 && pair[0].x != pair[1].x));
    assert!(matches!(
        LogBarrier { mu: 1.0, ..LogBarrier::default() }.solve(&course().problem(), &array![1.0, 2.0]),
        Err(Error::Setting { name: "mu", .. })
    ));
}

#[test]
fn a_wrong_hessian_or_gradient_is_an_error_and_not_a_wrong_answer() {
    let problem = Problem::minimize(Smooth::new(
        |x: &Array1<f64>| x.dot(x),
        |x: &Array1<f64>| x * -2.0,
        |_: &Array1<f64>| Array2::eye(2) * 2.0,
    ))
    .subject_to(Affine::new(array![1.0, 1.0], 10.0));
    let error = LogBarrier::default().solve(&problem, &array![1.0, 2.0]).unwrap_err();
    assert!(matches!(error, Error::LineSearch { .. } | Error::NoConvergence { .. }), "{error}");
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let short = LinearProgram::new(array![1.0], array![[1.0, 2.0]], array![1.0]).unwrap_err();
    assert!(matches!(&short, Error::Shape { what, .. } if what.contains("matrix A")));
    assert!(LinearProgram::new(array![1.0, 1.0], array![[1.0, 2.0]], array![1.0, 2.0]).is_err());
    assert!(Quadratic::new(Array2::zeros((2, 3)), array![1.0, 1.0], 0.0).is_err());
    for x0 in [array![1.0], array![1.0, 1.0, 1.0], array![]] {
        let error = PrimalDual::default().solve(&course().problem(), &x0).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }), "{error}");
    }
    let wrong = Smooth::new(|_: &Array1<f64>| 1.0, |_: &Array1<f64>| array![1.0], |_: &Array1<f64>| Array2::eye(1));
    let error = Newton::default().solve(&wrong, &array![1.0, 2.0]).unwrap_err();
    assert!(error.to_string().contains("gradient"), "{error}");
    let equalities = course().problem().with_equalities(Array2::zeros((1, 2)), array![1.0, 2.0]);
    assert!(matches!(equalities.unwrap_err(), Error::Shape { .. }));
    let wide = course().problem().with_equalities(Array2::ones((1, 3)), array![1.0]).unwrap();
    assert!(matches!(PrimalDual::default().solve(&wide, &array![1.0, 2.0]).unwrap_err(), Error::Shape { .. }));
    let reference = Some(Reference { x: array![1.0], value: 0.0 });
    let method = PrimalDual { reference, ..PrimalDual::default() };
    assert!(matches!(method.solve(&course().problem(), &array![1.0, 2.0]).unwrap_err(), Error::Shape { .. }));
}

#[test]
fn nan_is_named_where_it_comes_from() {
    assert!(matches!(
        LinearProgram::new(array![f64::NAN], array![[1.0]], array![1.0]).unwrap_err(),
        Error::NotFinite { .. }
    ));
    let error = PrimalDual::default().solve(&course().problem(), &array![f64::NAN, 1.0]).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }));
    let root = Smooth::new(
        |x: &Array1<f64>| x[0].sqrt(),
        |x: &Array1<f64>| array![0.5 / x[0].sqrt()],
        |x: &Array1<f64>| array![[-0.25 * x[0].powf(-1.5)]],
    );
    let error = GradientDescent::default().solve(&root, &array![-1.0]).unwrap_err();
    assert!(error.to_string().contains("NaN"), "{error}");
}

#[test]
fn settings_outside_their_range_are_refused() {
    let problem = course().problem();
    let x0 = array![1.0, 2.0];
    let methods = [
        ("t0", PrimalDual { t0: 0.0, ..PrimalDual::default() }),
        ("mu", PrimalDual { mu: 1.0, ..PrimalDual::default() }),
        ("mu", PrimalDual { mu: f64::NAN, ..PrimalDual::default() }),
        ("gap_tolerance", PrimalDual { gap_tolerance: -1.0, ..PrimalDual::default() }),
        (
            "line_search.alpha",
            PrimalDual { line_search: LineSearch { alpha: 0.7, ..LineSearch::default() }, ..PrimalDual::default() },
        ),
        (
            "line_search.tolerance",
            PrimalDual { line_search: LineSearch { tolerance: 0.0, ..LineSearch::default() }, ..PrimalDual::default() },
        ),
    ];
    for (setting, method) in methods {
        match method.solve(&problem, &x0).unwrap_err() {
            Error::Setting { name, .. } => assert_eq!(name, setting),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_matrix_without_an_inverse_is_an_error() {
    // The same equality twice: the KKT matrix is singular.
    let problem = course().problem().with_equalities(array![[1.0, 1.0], [1.0, 1.0]], array![3.0, 3.0]).unwrap();
    let error = PrimalDual::default().solve(&problem, &array![1.0, 2.0]).unwrap_err();
    assert!(matches!(error, Error::Singular { iteration: 0, .. }), "{error}");
    let saddle = Quadratic::new(array![[1.0, 0.0], [0.0, -1.0]], array![0.0, 0.0], 0.0).unwrap();
    let error = Newton::default().solve(&saddle, &array![1.0, 1.0]).unwrap_err();
    assert!(matches!(error, Error::Singular { .. }), "{error}");
    let line = Affine::new(array![1.0, 1.0], 0.0);
    assert!(matches!(Newton::default().solve(&line, &array![1.0, 1.0]).unwrap_err(), Error::Singular { .. }));
}

#[test]
fn nonlinear_constraints_and_objectives_are_solved() {
    // The analytic centre's neighbour: min −log x₁ − log x₂ on the disc of radius 2 around the origin: x = (√2, √2).
    let logs = Smooth::new(
        |x: &Array1<f64>| -x[0].ln() - x[1].ln(),
        |x: &Array1<f64>| x.mapv(|v| -1.0 / v),
        |x: &Array1<f64>| Array2::from_diag(&x.mapv(|v| 1.0 / (v * v))),
    );
    let disc = Quadratic::new(Array2::eye(2) * 2.0, Array1::zeros(2), -4.0).unwrap();
    let problem = Problem::minimize(logs).subject_to(disc);
    let solution = PrimalDual::default().solve(&problem, &array![0.1, 1.0]).unwrap();
    let root = 2.0_f64.sqrt();
    assert!((&solution.x - root).iter().all(|v| v.abs() < 1e-6), "{}", solution.x);
    // ∇f + λ·2x = 0 gives λ = 1/4.
    assert!((solution.dual[0] - 0.25).abs() < 1e-6);
    let barrier = LogBarrier::default().solve(&problem, &array![0.1, 1.0]).unwrap();
    assert!((&barrier.x - root).iter().all(|v| v.abs() < 1e-6));
}

#[test]
fn descent_methods_meet_at_the_minimum() {
    // (9.20) of the book.
    let f = Smooth::new(
        |x: &Array1<f64>| (x[0] + 3.0 * x[1] - 0.1).exp() + (x[0] - 3.0 * x[1] - 0.1).exp() + (-x[0] - 0.1).exp(),
        |x: &Array1<f64>| {
            let (a, b, c) = ((x[0] + 3.0 * x[1] - 0.1).exp(), (x[0] - 3.0 * x[1] - 0.1).exp(), (-x[0] - 0.1).exp());
            array![a + b - c, 3.0 * a - 3.0 * b]
        },
        |x: &Array1<f64>| {
            let (a, b, c) = ((x[0] + 3.0 * x[1] - 0.1).exp(), (x[0] - 3.0 * x[1] - 0.1).exp(), (-x[0] - 0.1).exp());
            array![[a + b + c, 3.0 * (a - b)], [3.0 * (a - b), 9.0 * (a + b)]]
        },
    );
    let x0 = array![-1.0, 0.7];
    let exact = array![-(2.0_f64.ln()) / 2.0, 0.0];
    let newton = Newton::default().solve(&f, &x0).unwrap();
    let gradient = GradientDescent::default().solve(&f, &x0).unwrap();
    let conjugate = ConjugateGradient::default().solve(&f, &x0).unwrap();
    for solution in [&newton, &gradient, &conjugate] {
        assert!((&solution.x - &exact).iter().all(|v| v.abs() < 1e-7), "{}", solution.x);
        let values: Vec<f64> = solution.trace.iterations.iter().map(|row| row.value).collect();
        assert!(values.windows(2).all(|pair| pair[1] <= pair[0] + 1e-15), "f never rises");
    }
    assert!(newton.iterations < 10 && newton.iterations < gradient.iterations);
    assert!(newton.trace.iterations[0].newton_decrement.is_some_and(|decrement| decrement > 0.1));
    let gradients = differentiation::gradient(|x| f.value(x), &x0) - f.gradient(&x0);
    assert!(gradients.iter().all(|v| v.abs() < 1e-8));
    let hessians = differentiation::hessian(|x| f.value(x), &x0) - f.hessian(&x0).unwrap();
    assert!(hessians.iter().all(|v| v.abs() < 1e-5), "{hessians}");
    let numeric = Newton { tolerance: 1e-12, ..Newton::default() }.solve(&Numeric::new(|x| f.value(x)), &x0).unwrap();
    assert!((&numeric.x - &exact).iter().all(|v| v.abs() < 1e-6), "{}", numeric.x);
}

#[test]
fn conjugate_gradients_need_fewer_steps_than_gradients_on_a_long_valley() {
    let f = Quadratic::new(Array2::from_diag(&array![1.0, 50.0, 900.0]), array![1.0, 1.0, 1.0], 0.0).unwrap();
    let x0 = array![10.0, 10.0, 10.0];
    let gradient = GradientDescent::default().solve(&f, &x0).unwrap();
    let conjugate = ConjugateGradient::default().solve(&f, &x0).unwrap();
    assert!(conjugate.iterations * 2 < gradient.iterations, "{} {}", conjugate.iterations, gradient.iterations);
}

#[cfg(feature = "serde")]
#[test]
fn a_solution_survives_being_written_and_read() {
    let solution = course_method().solve(&course().problem(), &array![1.0, 2.0]).unwrap();
    let text = serde_json::to_string(&solution).unwrap();
    let back: oxikale_solvers::Solution = serde_json::from_str(&text).unwrap();
    assert_eq!(back, solution);
}
