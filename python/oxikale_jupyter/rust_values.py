"""Writes values of Python's as expressions of Rust's."""

import datetime
import math
import os
import re

from .problem import ParameterProblem
from .rust_types import FLOATS, INTEGERS, LISTS, MAPS, POINTERS, UNKNOWN, Type, of_value, unified

_LARGEST_F32 = (2 - 2**-23) * 2.0**127
# A float stands for exactly one whole number up to here.
_WHOLE_FLOATS = 2**53

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
# They turn the direction of the text around them, so that code looks like what it is not; rustc refuses them.
_STEERING = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")


class UnknownType(ParameterProblem):
    """A type of which this package does not know how its values are written."""


def written(value, kind=UNKNOWN, declared=False):
    """The value as an expression of this type, of which parts may be unknown; `declared` is whether the statement has
    the type in it, so that numbers need no suffix."""
    value = _simple(value)
    if not kind.is_known():
        kind = _filled(kind, value)
        declared = False
    return _Writer(declared).write(value, kind)


def _filled(kind, value):
    """The type with what is unknown of it taken from the value."""
    suited = of_value(value)
    if (kind.name in LISTS and suited.name == "Vec") or (kind.name in MAPS and suited.name == "BTreeMap"):
        suited = Type(kind.name, suited.arguments, kind.path)
    elif kind.name == "array" and suited.name == "Vec":
        suited = Type("array", suited.arguments)
    elif kind.name == "&" and kind.arguments[0].name == "slice" and suited.name == "Vec":
        suited = Type("&", (Type("slice", suited.arguments),))
    filled = unified(kind, suited)
    if filled.is_known():
        return filled
    if kind != UNKNOWN and filled == UNKNOWN:
        raise ParameterProblem(f"{shown(value)} is no `{kind}`")
    raise ParameterProblem(
        f"Rust cannot know the type of {shown(value)}; give the parameter a type in the cell tagged `parameters`, such "
        f"as {_EXAMPLES.get(type(value), '`let name: Option<f64> = None;`')}"
    )


_EXAMPLES = {list: "`let name: Vec<f64> = vec![];`", dict: "`let name: BTreeMap<String, f64> = BTreeMap::new();`"}


class _Writer:
    """Writes values of one parameter."""

    def __init__(self, declared):
        # Where the statement says the type, numbers need not.
        self.declared = declared

    def write(self, value, kind):
        name = kind.name
        if name in INTEGERS or name == "{integer}":
            return self._integer(value, name)
        if name in FLOATS or name == "{float}":
            return self._float(value, name)
        if name == "bool":
            if not isinstance(value, bool):
                raise ParameterProblem(f"{shown(value)} is not true or false")
            return "true" if value else "false"
        if name == "char":
            if not isinstance(value, str) or len(value) != 1:
                raise ParameterProblem(f"{shown(value)} is not one character")
            return "'" + ("\\'" if value == "'" else _escaped(value)) + "'"
        if name == "&" and kind.arguments[0].name == "str":
            return literal(_text(value))
        if name == "String":
            return f"{literal(_text(value))}.to_string()"
        if name == "Cow" and [argument.name for argument in kind.arguments] == ["str"]:
            return f"{kind.path or name}::from({literal(_text(value))})"
        if name == "PathBuf":
            return f"{kind.path or name}::from({literal(_text(value))})"
        if name == "Option" and len(kind.arguments) == 1:
            return "None" if value is None else f"Some({self.write(value, kind.arguments[0])})"
        if name == "tuple":
            return self._tuple(value, kind)
        if name == "array" or (name == "&" and kind.arguments[0].name in ("slice", "array")):
            array = kind if name == "array" else kind.arguments[0]
            items = _list(value)
            if array.name == "array" and array.length >= 0 and self.declared and array.length != len(items):
                raise ParameterProblem(f"{shown(value)} is not a list of {array.length} elements")
            return ("" if name == "array" else "&") + f"[{self._elements(items, array.arguments[0])}]"
        if name in LISTS and kind.arguments:
            elements = self._elements(_list(value), kind.arguments[0])
            return f"vec![{elements}]" if name == "Vec" else f"{kind.path or name}::from([{elements}])"
        if name in MAPS and len(kind.arguments) >= 2:
            return self._map(value, kind)
        if name in POINTERS and len(kind.arguments) == 1:
            return f"{kind.path or name}::new({self.write(value, kind.arguments[0])})"
        raise UnknownType(f"values of the type `{kind}` cannot be given from outside")

    def _integer(self, value, name):
        if isinstance(value, float) and value.is_integer() and abs(value) <= _WHOLE_FLOATS:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ParameterProblem(f"{shown(value)} is no integer")
        if name == "{integer}":
            name = of_value(value).name
            return str(value) if name == "{integer}" else f"{value}{name}"
        low, high = INTEGERS[name]
        if not low <= value <= high:
            raise ParameterProblem(f"{shown(value)} is not in the range of `{name}`, {low} to {high}")
        return str(value) if self.declared else f"{value}{name}"

    def _float(self, value, name):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ParameterProblem(f"{shown(value)} is not a number")
        kind = name if name in FLOATS else "f64"
        try:
            value = float(value)
        except OverflowError:
            raise ParameterProblem(f"{shown(value)} is too large for `{kind}`") from None
        if math.isnan(value):
            return f"{kind}::NAN"
        if math.isinf(value):
            return f"{kind}::INFINITY" if value > 0 else f"{kind}::NEG_INFINITY"
        if kind == "f32" and abs(value) > _LARGEST_F32:
            raise ParameterProblem(f"{shown(value)} is too large for `f32`")
        suffix = "" if self.declared or name != "f32" else "f32"
        return repr(value) + suffix

    def _tuple(self, value, kind):
        items = _list(value)
        if len(items) != len(kind.arguments):
            raise ParameterProblem(f"{shown(value)} is not a list of {len(kind.arguments)} values")
        parts = [self.write(_simple(item), part) for item, part in zip(items, kind.arguments)]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"

    def _elements(self, items, kind):
        return ", ".join(self.write(_simple(item), kind) for item in items)

    def _map(self, value, kind):
        if not isinstance(value, dict):
            raise ParameterProblem(f"{shown(value)} is no map")
        key_kind, value_kind = kind.arguments[:2]
        pairs = [
            f"({self.write(_key(key, key_kind), key_kind)}, {self.write(_simple(item), value_kind)})"
            for key, item in value.items()
        ]
        return f"{kind.path or kind.name}::from([{', '.join(pairs)}])"


def literal(text):
    """A string literal; a raw one where that is easier to read."""
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ParameterProblem(f"{ascii(text)} is no Unicode text, and Rust's strings are")
    if ("\\" in text or '"' in text) and text.isprintable() and not _STEERING.search(text):
        fences = max((len(fence) for fence in re.findall(r'"(#*)', text)), default=-1) + 1
        if fences <= 2:
            return f'r{"#" * fences}"{text}"{"#" * fences}'
    return '"' + "".join('\\"' if character == '"' else _escaped(character) for character in text) + '"'


def _escaped(character):
    if character in _ESCAPES:
        return _ESCAPES[character]
    if 0xD800 <= ord(character) <= 0xDFFF:
        raise ParameterProblem(f"{ascii(character)} is no Unicode character, and Rust's characters are")
    if character.isprintable() and not _STEERING.match(character):
        return character
    return f"\\u{{{ord(character):x}}}"


def shown(value):
    """A value in a message."""
    try:
        text = ascii(value) if isinstance(value, str) else repr(value)
    except ValueError:
        # Python does not write integers of many thousand digits.
        text = "a number of very many digits"
    return f"`{text}`" if len(text) <= 60 else f"`{text[:60]}…`"


def _simple(value):
    """The value without the types of NumPy's and of YAML's."""
    if isinstance(value, bool) or value is None or type(value) in (int, float, str, list, dict):
        return value
    if isinstance(value, (tuple, set, frozenset)):
        return list(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    for base in (int, float, str, list, dict):
        if isinstance(value, base):
            return base(value)
    convert = getattr(value, "tolist", None)
    return convert() if callable(convert) else value


def _text(value):
    if not isinstance(value, str):
        raise ParameterProblem(f"{shown(value)} is no text; papermill's option `-r` gives text in the place of `-p`")
    return value


def _list(value):
    if not isinstance(value, list):
        raise ParameterProblem(f"{shown(value)} is no list")
    return value


def _key(key, kind):
    """The key of a map; JSON has keys of text only, so one that should be a number is read."""
    key = _simple(key)
    if isinstance(key, str) and (kind.name in INTEGERS or kind.name == "{integer}"):
        try:
            return int(key)
        except ValueError:
            raise ParameterProblem(f"the key {shown(key)} is no integer") from None
    return key
