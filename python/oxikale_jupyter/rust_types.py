"""The types that a parameter may have, read from a type, from a literal, or from a value of Python's."""

import re
from dataclasses import dataclass

from .problem import ParameterProblem

_SUFFIX = re.compile(r"(?:[iu](?:8|16|32|64|128|size)|f32|f64)$")

INTEGERS = {
    **{f"i{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64, 128)},
    **{f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64, 128)},
    "isize": (-(2**63), 2**63 - 1),
    "usize": (0, 2**64 - 1),
}
FLOATS = ("f32", "f64")
LISTS = ("Vec", "VecDeque", "LinkedList", "HashSet", "BTreeSet", "BinaryHeap")
MAPS = ("HashMap", "BTreeMap")
POINTERS = ("Box", "Rc", "Arc")

_OPENING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Type:
    """A type.

    `name` is the last part of its path, or `&`, `slice`, `array`, `tuple`, `?` where it is not known, and `{integer}`
    and `{float}` for numbers that say no type.
    """

    name: str
    arguments: tuple = ()
    path: str = ""
    """The path as it was written, without its arguments."""
    length: int = -1
    """How many elements an array has; -1 where it is not known."""

    def is_known(self):
        """Whether no part of it is unknown."""
        return self.name != "?" and all(argument.is_known() for argument in self.arguments)

    def __str__(self):
        inner = ", ".join(map(str, self.arguments))
        if self.name == "{integer}":
            return "i32"
        if self.name == "{float}":
            return "f64"
        if self.name == "?":
            return "_"
        if self.name == "&":
            return f"&{inner}"
        if self.name == "slice":
            return f"[{inner}]"
        if self.name == "array":
            return f"[{inner}; {self.length if self.length >= 0 else '_'}]"
        if self.name == "tuple":
            return f"({inner},)" if len(self.arguments) == 1 else f"({inner})"
        return f"{self.path or self.name}<{inner}>" if inner else self.path or self.name


UNKNOWN = Type("?")
INTEGER = Type("{integer}")
FLOAT = Type("{float}")
BOOL = Type("bool")
CHAR = Type("char")
STRING = Type("String")
STR = Type("&", (Type("str"),))


def of_annotation(tokens):
    """The type that these tokens write."""
    kind, rest = _type(list(tokens))
    return UNKNOWN if rest else kind


def _type(tokens):
    """The type at the start of the tokens, and the tokens behind it."""
    if not tokens:
        return UNKNOWN, []
    first, rest = tokens[0], tokens[1:]
    if first.text == "&":
        while rest and (rest[0].kind == "lifetime" or rest[0].text == "mut"):
            rest = rest[1:]
        inner, rest = _type(rest)
        return Type("&", (inner,)), rest
    if first.text in ("(", "["):
        inside, rest = _enclosed(tokens)
        if first.text == "(":
            parts = parted(inside, ",", angles=True)
            if len(parts) == 1 and not _ends_in_comma(inside):
                return of_annotation(parts[0]), rest
            return Type("tuple", tuple(of_annotation(part) for part in parts)), rest
        parts = parted(inside, ";", angles=True)
        element = of_annotation(parts[0]) if parts else UNKNOWN
        if len(parts) == 2:
            return Type("array", (element,), length=_whole(parts[1])), rest
        return Type("slice", (element,)), rest
    names = []
    while rest is not None and tokens and tokens[0].kind == "name":
        names.append(tokens[0].text)
        tokens = tokens[1:]
        if len(tokens) > 2 and tokens[0].text == tokens[1].text == ":":
            tokens = tokens[2:]
        else:
            break
    if not names or names[0] in ("dyn", "impl", "fn"):
        return UNKNOWN, []
    arguments = ()
    if tokens and tokens[0].text == "<":
        inside, tokens = _in_angles(tokens)
        parts = [part for part in parted(inside, ",", angles=True) if part[0].kind != "lifetime"]
        arguments = tuple(of_annotation(part) for part in parts)
    if names == ["_"]:
        return UNKNOWN, tokens
    path = "::".join(names)
    return Type(names[-1], arguments, "" if path == names[-1] else path), tokens


def of_expression(tokens):
    """The type of a literal, or of a list or map of literals; unknown in part where it is not one."""
    tokens = list(tokens)
    if not tokens:
        return UNKNOWN
    head, first = [token.text for token in tokens], tokens[0]
    converted = parted(tokens, "as")
    if len(converted) > 1:
        return of_annotation(converted[-1])
    if len(head) > 4 and head[-4] == "." and head[-2:] == ["(", ")"]:
        method, before = head[-3], of_expression(tokens[:-4])
        if before == STR and method in ("to_string", "to_owned", "into"):
            return STRING if method != "into" else UNKNOWN
        if method == "to_vec":
            return Type("Vec", before.arguments[:1] or (UNKNOWN,))
        return UNKNOWN
    if first.text == "-":
        return of_expression(tokens[1:])
    if first.text == "&":
        inner = of_expression([token for token in tokens[1:] if token.text != "mut"])
        if inner.name == "array":
            return Type("&", (Type("slice", inner.arguments),))
        return Type("&", (inner,)) if inner.is_known() else UNKNOWN
    if len(tokens) == 1:
        return _of_token(first)
    if first.text == "(" and _enclosed(tokens)[1] == []:
        inside, _ = _enclosed(tokens)
        parts = parted(inside, ",")
        if len(parts) == 1 and not _ends_in_comma(inside):
            return of_expression(parts[0])
        return Type("tuple", tuple(of_expression(part) for part in parts))
    if first.text == "[" and _enclosed(tokens)[1] == []:
        return _of_array(_enclosed(tokens)[0])
    if head[:2] == ["vec", "!"] and len(tokens) > 2:
        inside, rest = _enclosed(tokens[2:])
        return UNKNOWN if rest else Type("Vec", _of_array(inside).arguments)
    return _of_path(tokens)


def _of_token(token):
    text = token.text
    if token.kind == "number":
        suffix = None if text[:2] in ("0x", "0o", "0b") and text.endswith(("f32", "f64")) else _SUFFIX.search(text)
        if suffix:
            return Type(suffix.group())
        is_float = text[:2] not in ("0x", "0o", "0b") and any(mark in text for mark in ".eE")
        return FLOAT if is_float else INTEGER
    if token.kind in ("string", "raw"):
        return STR if text[0] in '"r' else UNKNOWN
    if token.kind == "char":
        return CHAR if text[0] == "'" else Type("u8")
    if text in ("true", "false"):
        return BOOL
    return Type("Option", (UNKNOWN,)) if text == "None" else UNKNOWN


def _of_array(inside):
    """Of what stands between the brackets of a list."""
    parts = parted(inside, ";")
    if len(parts) == 2:
        return Type("array", (of_expression(parts[0]),), length=_whole(parts[1]))
    elements = parted(inside, ",")
    element = UNKNOWN
    for part in elements:
        element = unified(element, of_expression(part))
    return Type("array", (element,), length=len(elements))


def _of_path(tokens):
    """Of `String::from("a")`, `Some(1.0)`, `HashMap::new()`, `f64::NAN`, `Option::<f64>::None`."""
    names, arguments = [], ()
    while tokens and tokens[0].kind == "name":
        names.append(tokens[0].text)
        tokens = tokens[1:]
        while len(tokens) > 2 and tokens[0].text == tokens[1].text == ":":
            tokens = tokens[2:]
            if tokens[0].text == "<":
                inside, tokens = _in_angles(tokens)
                arguments = tuple(of_annotation(part) for part in parted(inside, ",", angles=True))
    if not names:
        return UNKNOWN
    inside = None
    if tokens and tokens[0].text == "(":
        inside, tokens = _enclosed(tokens)
    if tokens:
        return UNKNOWN
    last, owner = names[-1], names[-2] if len(names) > 1 else ""
    if last == "None":
        return Type("Option", arguments or (UNKNOWN,))
    if last == "Some" and inside:
        return Type("Option", (of_expression(inside),))
    if inside is None:
        # `u8::MAX`, `std::f64::consts::PI`
        number = next((name for name in names[:-1] if name in INTEGERS or name in FLOATS), None)
        return Type(number) if number else UNKNOWN
    if last not in ("from", "new", "default", "with_capacity"):
        return UNKNOWN
    if owner in INTEGERS or owner in FLOATS:
        return Type(owner)
    path = "" if len(names) < 3 else "::".join(names[:-1])
    if owner == "String":
        return STRING
    if owner in LISTS:
        element = _of_array(_enclosed(inside)[0]).arguments[0] if inside and inside[0].text == "[" else UNKNOWN
        return Type(owner, arguments or (element,), path)
    if owner in MAPS:
        if arguments:
            return Type(owner, arguments, path)
        pair = _of_array(_enclosed(inside)[0]).arguments[0] if inside and inside[0].text == "[" else UNKNOWN
        if pair.name == "tuple" and len(pair.arguments) == 2:
            return Type(owner, pair.arguments, path)
        return Type(owner, (UNKNOWN, UNKNOWN), path)
    if owner == "PathBuf":
        return Type(owner, (), path)
    return UNKNOWN


def of_value(value):
    """The type in which a value of Python's is written where the notebook declares none."""
    if value is None:
        return Type("Option", (UNKNOWN,))
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        for name in ("i32", "i64", "i128", "u128"):
            low, high = INTEGERS[name]
            if low <= value <= high:
                return INTEGER if name == "i32" else Type(name)
        raise ParameterProblem("it has more digits than any integer of Rust's")
    if isinstance(value, float):
        return FLOAT
    if isinstance(value, str):
        return STR
    if isinstance(value, list):
        return Type("Vec", (_common(value),))
    if isinstance(value, dict):
        return Type("BTreeMap", (_common(value.keys()), _common(value.values())), "std::collections::BTreeMap")
    raise ParameterProblem(f"a value of Python's type `{type(value).__name__}` cannot be written in Rust")


def _common(values):
    kind = UNKNOWN
    for value in values:
        other = of_value(value)
        both = unified(kind, other)
        if both is UNKNOWN and other is not UNKNOWN:
            raise ParameterProblem(
                f"its elements are of different types, `{kind}` and `{other}`; a list or map of Rust's has one type"
            )
        kind = both
    return kind


_WIDTHS = ("{integer}", "i64", "i128", "u128")


def unified(one, other):
    """The type that has the values of both; unknown where there is none."""
    if one == other or other.name == "?":
        return one
    if one.name == "?":
        return other
    if one.name in _WIDTHS and other.name in _WIDTHS:
        return max(one, other, key=lambda kind: _WIDTHS.index(kind.name))
    numbers = {*INTEGERS, *FLOATS, "{integer}", "{float}"}
    if one.name in numbers and other.name in numbers:
        # A number that says no type takes the other's; a whole one may be a float too.
        for free, fixed in ((one, other), (other, one)):
            if free.name == "{integer}" or (free.name == "{float}" and fixed.name in FLOATS):
                return fixed
            if fixed.name == "{float}" and free.name in _WIDTHS:
                return fixed
        return UNKNOWN
    if one.name == "Option" or other.name == "Option":
        inner = [kind.arguments[0] if kind.name == "Option" and kind.arguments else kind for kind in (one, other)]
        both = unified(*inner)
        return UNKNOWN if both is UNKNOWN and inner != [UNKNOWN, UNKNOWN] else Type("Option", (both,))
    if one.name == other.name and len(one.arguments) == len(other.arguments):
        both = tuple(map(unified, one.arguments, other.arguments))
        pairs = zip(both, one.arguments, other.arguments)
        if any(new is UNKNOWN and not (a is UNKNOWN and b is UNKNOWN) for new, a, b in pairs):
            return UNKNOWN
        return Type(one.name, both, one.path or other.path, max(one.length, other.length))
    return UNKNOWN


def parted(tokens, sign, angles=False):
    """The tokens between the signs that stand in no bracket. Behind the last sign there may be nothing."""
    parts, part, closing, depth = [], [], [], 0
    for place, token in enumerate(tokens):
        if token.text in _OPENING and token.kind == "sign":
            closing.append(_OPENING[token.text])
        elif closing and token.text == closing[-1]:
            closing.pop()
        elif angles and token.text == "<":
            depth += 1
        elif angles and token.text == ">" and not (place and tokens[place - 1].text == "-"):
            depth -= 1
        if token.text == sign and not closing and depth == 0:
            parts.append(part)
            part = []
        else:
            part.append(token)
    return [part for part in [*parts, part] if part]


def _enclosed(tokens):
    """What stands in the bracket that opens at the first token, and what stands behind it."""
    closing = []
    for place, token in enumerate(tokens):
        if token.text in _OPENING and token.kind == "sign":
            closing.append(_OPENING[token.text])
        elif closing and token.text == closing[-1]:
            closing.pop()
            if not closing:
                return tokens[1:place], tokens[place + 1 :]
    raise ParameterProblem("a bracket is not closed")


def _in_angles(tokens):
    depth = 0
    for place, token in enumerate(tokens):
        if token.text == "<":
            depth += 1
        elif token.text == ">" and not (place and tokens[place - 1].text == "-"):
            depth -= 1
            if depth == 0:
                return tokens[1:place], tokens[place + 1 :]
    raise ParameterProblem("a `<` is not closed")


def _ends_in_comma(tokens):
    return not tokens or tokens[-1].text == ","


def _whole(tokens):
    """The number that an array's length is, or -1."""
    text = tokens[0].text.replace("_", "").removesuffix("usize") if len(tokens) == 1 else ""
    return int(text) if text.isdecimal() and len(text) < 20 else -1
