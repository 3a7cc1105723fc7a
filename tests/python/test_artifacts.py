"""Python reads what the steps of a run on this machine wrote: every kind of variable, with its value."""

import math

import numpy
import pytest

import executor_files
import feature_notebooks


@pytest.fixture(scope="module")
def written(shared_oxikale):
    """The variables of one run: name → (format, value)."""
    notebook = feature_notebooks.every_kind(shared_oxikale.folder / "every_kind.ipynb")
    shared_oxikale("run", notebook)
    return executor_files.variables(shared_oxikale.data)


def same(found, expected):
    """Equality that takes not-a-number as equal to itself, and tells zero from minus zero."""
    if isinstance(expected, float):
        if math.isnan(expected):
            return isinstance(found, float) and math.isnan(found)
        return found == expected and math.copysign(1, found) == math.copysign(1, expected)
    if isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, dict):
        return set(found) == set(expected) and all(same(found[key], expected[key]) for key in expected)
    return type(found) is type(expected) and found == expected


SCALARS = {
    "int": -7,
    "byte": 255,
    "wide": -(2**127),
    "widest": 2**128 - 1,
    "greatest": 2**64 - 1,
    "real": 0.1,
    "nan": math.nan,
    "inf": math.inf,
    "minus_inf": -math.inf,
    "tiny": 5e-324,
    "flag": True,
    "letter": "ß",
    "word": 'it\'s "é😀"\n',
    "owned": "\0\x1f\\",
}


@pytest.mark.parametrize("name", SCALARS)
def test_scalars_and_texts_are_json(written, name):
    form, value = written[name]
    assert form == "json"
    assert same(value, SCALARS[name]), value


def test_a_single_precision_number_is_the_nearest_one(written):
    form, value = written["single"]
    assert form == "json"
    assert numpy.float32(value) == numpy.float32(0.1)


VALUES = {
    "some": 3,
    "none": None,
    "pair": [1, "two", 3.5],
    "reals": [1.5, math.nan, -math.inf],
    "map": {"a": [1, 2], "yes": []},
    "numbered": {-1: 0.5},
}


@pytest.mark.parametrize("name", VALUES)
def test_other_values_are_messagepack_or_json(written, name):
    form, value = written[name]
    assert form in ("msgpack", "json")
    if form == "json" and name == "numbered":
        value = {int(key): entry for key, entry in value.items()}
    assert same(value, VALUES[name]), value


def whole(value):
    """A number of 128 bits: MessagePack's own numbers end at 64, above them it is 16 bytes, the highest first."""
    return int.from_bytes(value, "big") if isinstance(value, bytes) else value


def test_a_nested_value_has_named_fields(written):
    form, scene = written["scene"]
    assert form == "msgpack"
    assert set(scene) == {"title", "shapes", "parent", "wide"}
    assert scene["title"] == "all"
    assert whole(scene["wide"]) == 2**128 - 1
    assert whole(scene["parent"]["wide"]) == 1
    nothing, dot, circle = scene["shapes"]
    assert nothing == "Nothing"
    assert same(dot, {"Dot": {"x": 1.0, "y": -0.0}})
    assert same(circle, {"Circle": {"center": {"x": math.inf, "y": 2.0}, "radius": 0.5}})


ARRAYS = {
    "scalar": numpy.array(2.5),
    "row": numpy.array([1.0, numpy.nan, numpy.inf]),
    "table": numpy.array([[1, 2, 3], [4, 5, 6]], dtype="f4"),
    "turned": numpy.array([[1, 4], [2, 5], [3, 6]], dtype="f4"),
    "cube": numpy.fromfunction(lambda i, j, k: 100 * i + 10 * j + k, (2, 3, 4), dtype="i8"),
    "mask": numpy.array([True, False, True]),
    "bytes": numpy.array([0, 255], dtype="u1"),
    "empty": numpy.zeros((0, 3)),
    "free": numpy.full((2, 1, 2), 2**64 - 1, dtype="u8"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_numpys(written, name):
    form, value = written[name]
    assert form == "npy"
    assert value.dtype == ARRAYS[name].dtype
    numpy.testing.assert_array_equal(value, ARRAYS[name], strict=True)


def test_every_variable_was_looked_at(written):
    assert set(written) == {*SCALARS, "single", *VALUES, "scene", *ARRAYS}
