//! How a cell ends early: `?` on a `Result` or an `Option`.

use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::ops::{ControlFlow, FromResidual, Try};

/// What a cell's function returns, so that `?` may stand at the top of a cell.
pub enum Flow {
    /// It ran to its end.
    Done,
    /// `?` met an error, or a `None`.
    Failed(Failure),
}

/// Why `?` ended a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error's words.
    pub message: String,
    /// The error as `{:?}` shows it; empty for a `None`.
    pub debug: String,
    /// The error's type, as the compiler spells it.
    pub type_name: String,
}

impl Try for Flow {
    type Output = ();
    type Residual = Failure;

    fn from_output((): ()) -> Self {
        Self::Done
    }

    fn branch(self) -> ControlFlow<Failure> {
        match self {
            Self::Done => ControlFlow::Continue(()),
            Self::Failed(failure) => ControlFlow::Break(failure),
        }
    }
}

impl FromResidual<Failure> for Flow {
    fn from_residual(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl<E: Debug> FromResidual<Result<Infallible, E>> for Flow {
    fn from_residual(residual: Result<Infallible, E>) -> Self {
        let Err(error) = residual;
        let debug = format!("{error:?}");
        Self::Failed(Failure { message: debug.clone(), debug, type_name: std::any::type_name::<E>().to_owned() })
    }
}

impl FromResidual<Option<Infallible>> for Flow {
    fn from_residual(_: Option<Infallible>) -> Self {
        Self::Failed(Failure {
            message: "`?` met a `None`".to_owned(),
            debug: String::new(),
            type_name: "Option".to_owned(),
        })
    }
}

/// What a cell's code returns where errors are shown by `Display` (`:efmt {}`).
pub struct DisplayFlow(Flow);

impl DisplayFlow {
    /// It ran to its end.
    pub const fn done() -> Self {
        Self(Flow::Done)
    }
}

impl From<DisplayFlow> for Flow {
    fn from(flow: DisplayFlow) -> Self {
        flow.0
    }
}

impl Try for DisplayFlow {
    type Output = ();
    type Residual = Failure;

    fn from_output((): ()) -> Self {
        Self(Flow::Done)
    }

    fn branch(self) -> ControlFlow<Failure> {
        self.0.branch()
    }
}

impl FromResidual<Failure> for DisplayFlow {
    fn from_residual(failure: Failure) -> Self {
        Self(Flow::Failed(failure))
    }
}

impl<E: Display> FromResidual<Result<Infallible, E>> for DisplayFlow {
    fn from_residual(residual: Result<Infallible, E>) -> Self {
        let Err(error) = residual;
        let message = error.to_string();
        let type_name = std::any::type_name::<E>().to_owned();
        Self(Flow::Failed(Failure { debug: message.clone(), message, type_name }))
    }
}

impl FromResidual<Option<Infallible>> for DisplayFlow {
    fn from_residual(residual: Option<Infallible>) -> Self {
        Self(Flow::from_residual(residual))
    }
}
