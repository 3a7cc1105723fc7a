"""Reads the cell of a notebook that declares its parameters."""

from dataclasses import dataclass

from . import rust_types
from .problem import ParameterProblem
from .rust_tokens import tokens
from .rust_types import Type


@dataclass(frozen=True)
class Declaration:
    """A `let` that a run may give another value."""

    name: str
    before: str
    """The statement up to its value."""
    default: str
    """The value."""
    annotation: Type
    """The type that is written there; unknown where none is."""
    literal: Type
    """The type of the value, as far as it can be read from it."""
    help: str
    """The comment behind it, or else above it."""

    def type_name(self):
        """The type in a word, or None where it is not known."""
        kind = self.annotation if self.annotation != rust_types.UNKNOWN else self.literal
        return None if kind == rust_types.UNKNOWN else str(kind)


def declarations(text):
    """The parameters that the cell declares: name → declaration. Of two of one name the later one counts."""
    try:
        found = {}
        for statement, comment in _statements(text):
            declaration = _declaration(text, statement, comment)
            if declaration:
                found[declaration.name] = declaration
        return found
    except RecursionError:
        raise ParameterProblem("it is nested too deep") from None


def _statements(text):
    """The tokens of each statement, without comments and the `;`, and the comment that explains it."""
    statement, above, depth = [], [], 0
    found = tokens(text)
    for place, token in enumerate(found):
        if token.kind == "comment":
            if not statement and not _shares_line(text, found, place):
                above.append(token)
            continue
        if token.kind == "sign" and token.text in "([{":
            depth += 1
        elif token.kind == "sign" and token.text in ")]}":
            depth -= 1
        if token.text == "let" and depth == 0 and statement and statement[-1].text == "}":
            # An item with a body has no `;` behind it.
            statement = []
        if token.text == ";" and depth == 0:
            behind = found[place + 1] if place + 1 < len(found) else None
            if behind and behind.kind == "comment" and "\n" not in text[token.end : behind.start]:
                comment = _comment_text([behind])
            else:
                comment = _comment_text(_next_to(text, above, statement))
            yield statement, comment
            statement, above = [], []
        else:
            statement.append(token)


def _shares_line(text, found, place):
    """Whether a token stands before this comment on its line, so that the comment belongs to that."""
    return place > 0 and "\n" not in text[found[place - 1].end : found[place].start]


def _next_to(text, comments, statement):
    """Those of the comments that stand right above the statement, without an empty line between."""
    near, below = [], statement[0].start if statement else 0
    for comment in reversed(comments):
        if text[comment.end : below].count("\n") > 1:
            break
        near.insert(0, comment)
        below = comment.start
    return near


def _comment_text(comments):
    lines = []
    for comment in comments:
        text = comment.text
        text = text[2:-2].strip("*") if text.startswith("/*") else text.lstrip("/").lstrip("!")
        lines += [line.strip() for line in text.splitlines()]
    return " ".join(line for line in lines if line)


def _declaration(text, statement, comment):
    words = [token.text for token in statement]
    place = 0
    while words[place : place + 2] == ["#", "["]:
        # An attribute.
        depth = 0
        for place in range(place + 1, len(words)):
            depth += {"[": 1, "]": -1}.get(words[place], 0)
            if depth == 0:
                break
        place += 1
    if words[place : place + 1] != ["let"]:
        return None
    first = place
    place += 2 if words[place + 1 : place + 2] == ["mut"] else 1
    if place >= len(statement) or statement[place].kind != "name" or statement[place].text == "_":
        return None
    name = statement[place].text.removeprefix("r#")
    rest = statement[place + 1 :]
    annotation = []
    if rest and rest[0].text == ":":
        parts = rust_types.parted(rest[1:], "=", angles=True)
        annotation = parts[0] if parts else []
        rest = rest[1 + len(annotation) :]
    if len(rest) < 2 or rest[0].text != "=":
        return None
    value = rest[1:]
    try:
        kind, literal = rust_types.of_annotation(annotation), rust_types.of_expression(value)
    except ParameterProblem:
        # Rust that is more than a literal; the statement can be read nevertheless.
        kind, literal = rust_types.UNKNOWN, rust_types.UNKNOWN
    return Declaration(
        name=name,
        before=text[statement[first].start : value[0].start],
        default=text[value[0].start : value[-1].end],
        annotation=kind,
        literal=literal,
        help=comment,
    )
