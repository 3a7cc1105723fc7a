"""Reads every artifact of an executor output with json, numpy or msgpack, and compares some with what they must be."""

import json
import math
import sys

import msgpack
import numpy


def read(artifact):
    path, form = artifact["uri"], artifact["metadata"]["format"]
    if form == "json":
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    if form == "npy":
        return numpy.load(path)
    with open(path, "rb") as file:
        return msgpack.load(file, strict_map_key=False, use_list=False)


with open(sys.argv[1], encoding="utf-8") as file:
    artifacts = json.load(file)["artifacts"]
# Python's msgpack reads lists nested at most 512 deep, and `chain` is deeper.
del artifacts["chain"]
values = {key: read(entry["artifacts"][0]) for key, entry in artifacts.items()}

assert values["int"] == 42
assert values["i128_min"] == -(2**127)
assert values["u128_max"] == 2**128 - 1
assert math.isnan(values["nan"]) and values["inf"] == math.inf and values["minus_inf_f32"] == -math.inf
assert isinstance(values["whole_float"], float)
assert values["big_float"] == 1e300
assert values["string"] == 'a "quoted"\n\\ text \0 \U0001f600'
assert values["unit"] is None
assert values["vec"][0] == 1.5 and math.isnan(values["vec"][1])
assert values["strs"] == ("a", "b")
assert values["str_map"] == {"rate": 0.5}
assert values["int_map"] == {1: "one", 2: "two"}
assert values["duration"] == {"secs": 3, "nanos": 999_999_999}
assert values["address"] == "127.0.0.1"
assert values["point"]["label"] == "λ" and math.isnan(values["point"]["x"])
assert int.from_bytes(values["point"]["big"], "big", signed=True) == -(2**127)
assert values["a2"].dtype == numpy.float32 and values["a2"].tolist()[1] == [10, 11, 12, 13]
assert values["a2_fortran"].tolist() == [[1, 3, 5], [2, 4, 6]]
assert values["a0"].shape == () and values["adyn"].shape == (1, 2, 1, 2)
assert values["a_usize"].tolist() == [[1, 2**64 - 1]]
assert numpy.isnan(values["a1"][1]) and numpy.isinf(values["a1"][2])
print(len(values), "artifacts")
