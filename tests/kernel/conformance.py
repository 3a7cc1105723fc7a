"""Makes docs/conformance.md from what the tests of two kernels have found; `make conformance` runs them before."""

import argparse
import json
import re
from pathlib import Path

# Longer reasons hide the table.
LONGEST = 110

HEAD = """# What the kernel can do

Each line is a feature of Jupyter's protocol that a test in `tests/kernel` asks a running kernel for, through Jupyter's
own client: of Oxikale, and of evcxr_jupyter 0.22 by the same test. This page is generated; `make conformance` makes it
again.

✓ passed; ✗ failed, with the first words of the failure; – was not asked, or its test was skipped. The peer is waited
for 20 s where Oxikale gets 90, since most of what it lacks shows by silence; a test may take 60 s there.
"""


def mark(record):
    """✓, ✗ with the reason, or – for a feature of one kernel."""
    if record is None or not (record["passed"] or record["why"]):
        return "–"
    return f"✗ {reason(record['why'][0])}" if record["why"] else "✓"


def reason(why):
    """Why a feature failed, in few words that cannot break the table."""
    # Colours, which may be written as they are in a Python string.
    words = " ".join(re.sub(r"(\x1b|\\x1b)\[[0-9;]*m", "", why).split())
    for prefix in ("AssertionError: ", "Failed: ", "assert "):
        words = words.removeprefix(prefix)
    if len(words) > LONGEST:
        words = words[: LONGEST - 1].rstrip() + "…"
    return escaped(words)


def escaped(text):
    """The text for a cell of a table."""
    # An underscore within a word is one anyway, and most names have some.
    return re.sub(r"[\\`*|<>\[\]]|\b_|_\b", r"\\\g<0>", text)


def count(records, names):
    """How many of the features passed, and how many were asked for."""
    marks = [mark(records.get(name)) for name in names]
    asked = [found for found in marks if found != "–"]
    return f"{asked.count('✓')} of {len(asked)}"


def page(ours, peers, remark=""):
    """The whole page."""
    names = list(dict.fromkeys([*ours, *peers]))
    unasked = sum(mark(peers.get(name)) == "–" for name in names)
    lines = [HEAD]
    if remark:
        lines += [remark, ""]
    lines.append(
        f"{len(names)} features: Oxikale has {count(ours, names)} that it was asked for, "
        f"evcxr_jupyter {count(peers, names)}; {unasked} have no answer of evcxr_jupyter."
    )
    families = {}
    for name in names:
        families.setdefault((ours.get(name) or peers[name])["family"], []).append(name)
    for family, of_family in sorted(families.items()):
        lines += ["", f"## {family}", "", "| feature | Oxikale | evcxr_jupyter 0.22 |", "| --- | --- | --- |"]
        for name in of_family:
            lines.append(f"| {escaped(name)} | {mark(ours.get(name))} | {mark(peers.get(name))} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ours", type=Path, help="what `pytest --features` wrote of Oxikale")
    parser.add_argument("peers", type=Path, help="the same of evcxr_jupyter")
    parser.add_argument("--remark", default="", help="a paragraph about this run")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    ours, peers = (json.loads(path.read_text("utf-8")) if path.exists() else {} for path in (given.ours, given.peers))
    given.output.write_text(page(ours, peers, given.remark), "utf-8")


if __name__ == "__main__":
    main()
