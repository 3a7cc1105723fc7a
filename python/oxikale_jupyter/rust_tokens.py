"""Parts Rust source into tokens, as far as reading a cell of parameters needs it."""

import re
from dataclasses import dataclass

from .problem import ParameterProblem

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>//[^\n]*)
    | (?P<raw>(?:b|c)?r(?P<hashes>\#*)"(?s:.*?)"(?P=hashes))
    | (?P<string>[bc]?"(?:[^"\\]|\\(?s:.))*")
    | (?P<char>b?'(?:[^'\\\n]|\\(?:u\{[0-9a-fA-F_]+\}|x[0-9a-fA-F]{2}|.))')
    | (?P<lifetime>'\w+)
    | (?P<number>0[xob][0-9a-fA-F_]+\w*|\d[\d_]*(?:\.(?![.\w])|\.\d[\d_]*)?(?:[eE][+-]?[\d_]+)?\w*)
    | (?P<name>(?:r\#)?[^\W\d]\w*)
    | (?P<sign>[^\w\s"])
    """,
    re.VERBOSE,
)

_BLOCK_COMMENT = re.compile(r"/\*|\*/")

_DIRECTIVE = re.compile(r"[ \t]*(?::[A-Za-z]|%)[^\n]*")


@dataclass(frozen=True)
class Token:
    """A token and where it stands. Comments are tokens too."""

    kind: str
    text: str
    start: int

    @property
    def end(self):
        """Where it ends."""
        return self.start + len(self.text)


def tokens(text):
    """The tokens of a cell. Its directives, such as `:dep` lines, are left out."""
    found = []
    place = 0
    while place < len(text):
        # A directive stands at the start of a line between two statements.
        at_line_start = not text[text.rfind("\n", 0, place) + 1 : place].strip()
        if at_line_start and _between_statements(found):
            directive = _DIRECTIVE.match(text, place)
            if directive:
                place = directive.end()
                continue
        if text.startswith("/*", place):
            end = _block_comment_end(text, place)
            found.append(Token("comment", text[place:end], place))
            place = end
            continue
        match = _TOKEN.match(text, place)
        if not match:
            line = text.count("\n", 0, place) + 1
            raise ParameterProblem(f"line {line} has a string that does not end")
        kind = match.lastgroup if match.lastgroup != "hashes" else "raw"
        if match.group("raw") is not None:
            kind = "raw"
        if kind != "space":
            found.append(Token(kind, match.group(), place))
        place = match.end()
    return found


def _between_statements(found):
    last = next((token for token in reversed(found) if token.kind != "comment"), None)
    return last is None or last.text in (";", "}")


def _block_comment_end(text, start):
    depth = 0
    for mark in _BLOCK_COMMENT.finditer(text, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    line = text.count("\n", 0, start) + 1
    raise ParameterProblem(f"line {line} has a comment that does not end")
