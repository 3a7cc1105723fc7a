"""The one error of this package."""


class ParameterProblem(ValueError):
    """Why a parameter cannot be written in Rust, in a sentence that says what to do."""
