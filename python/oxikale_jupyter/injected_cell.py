"""Writes the cell that gives a notebook's parameters the values of a run."""

from . import rust_types
from .problem import ParameterProblem
from .rust_values import UnknownType, shown, written

# Words that can be names when they are written `r#…`.
_KEYWORDS = frozenset(
    "abstract as async await become box break const continue do dyn else enum extern false final fn for gen if impl in "
    "let loop macro match mod move mut override priv pub ref return static struct trait true try type typeof unsafe "
    "unsized use virtual where while yield".split()
)
# Words that cannot be names at all.
_NEVER_NAMES = frozenset(("self", "Self", "super", "crate", "_"))


def cell(values, declared, comment="Parameters"):
    """The text of the cell: for each of `values` (name → value) a `let`, of the type that is declared for it."""
    lines = comment_lines(comment)
    for name, value in values.items():
        try:
            lines.append(statement(name, value, declared.get(name)))
        except ParameterProblem as problem:
            raise ParameterProblem(f"the parameter {shown(name)} cannot be that: {problem}") from None
        except RecursionError:
            raise ParameterProblem(f"the parameter {shown(name)} cannot be that: it is nested too deep") from None
    return "\n".join(lines) + "\n"


def statement(name, value, declaration=None):
    """The `let` of a parameter."""
    identifier = rust_name(name)
    if declaration is None:
        return f"let {identifier} = {written(value)};"
    kind = declaration.annotation
    if not kind.is_known():
        # What the statement does not say, such as the `_` of `Vec<_>`, its value may show.
        both = rust_types.unified(kind, declaration.literal)
        kind = kind if both == rust_types.UNKNOWN else both
    try:
        text = written(value, kind, declared=declaration.annotation.is_known())
    except UnknownType:
        # The type may be a name of the notebook's own for one that the default value shows.
        if not declaration.literal.is_known():
            raise
        text = written(value, declaration.literal)
    return f"{declaration.before}{text};"


def rust_name(name):
    """The name as Rust writes it."""
    if not isinstance(name, str) or not name.isidentifier() or name in _NEVER_NAMES:
        raise ParameterProblem("its name is none of Rust's: use letters, digits and `_`, and begin with a letter")
    return f"r#{name}" if name in _KEYWORDS else name


def comment_lines(text):
    """The text as line comments."""
    return [f"// {line}".rstrip() for line in str(text).splitlines()]
