//! Why a step ended early: an error that `?` passed on, with the place of that `?`.

use std::error::Error;
use std::fmt;
use std::panic::Location;

/// An error that ended a step, its causes, and where in the program it arose.
///
/// Every error that becomes a `Box<dyn Error>` becomes a failure by `?`: errors, texts, and boxed errors.
///
/// ```
/// use oxikale::step::Failure;
///
/// fn cell() -> Result<i32, Failure> {
///     Ok("7".parse::<i32>()? + "x".parse::<i32>()?)
/// }
/// assert_eq!(format!("{:?}", cell().unwrap_err()), "invalid digit found in string");
/// ```
pub struct Failure {
    message: String,
    causes: Vec<String>,
    location: Option<&'static Location<'static>>,
}

impl Failure {
    /// A failure of the step program itself, which no line of a cell caused.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), location: None }
    }

    /// A failure with a cause.
    pub(crate) fn caused(message: impl Into<String>, cause: &dyn Error) -> Self {
        let mut failure = Self::new(message);
        failure.add_causes(Some(cause));
        failure
    }

    /// What happened.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The causes, the nearest first.
    pub(crate) fn causes(&self) -> &[String] {
        &self.causes
    }

    /// Where the `?` stands.
    pub(crate) fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }

    /// Adds a chain of causes; one that the text before it ends with already is left out.
    fn add_causes(&mut self, mut cause: Option<&dyn Error>) {
        while let Some(error) = cause {
            let text = error.to_string();
            let before = self.causes.last().unwrap_or(&self.message);
            if !before.ends_with(&text) {
                self.causes.push(text);
            }
            cause = error.source();
        }
    }
}

impl<E: Into<Box<dyn Error>>> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        let location = Location::caller();
        let error: Box<dyn Error> = error.into();
        let mut failure = Self::new(error.to_string());
        failure.add_causes(error.source());
        failure.location = Some(location);
        failure
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}
