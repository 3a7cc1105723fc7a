"""The table of a benchmark run: medians of both sides, ratios, and what the project promises."""

import datetime
import statistics
from dataclasses import dataclass, field

import step_time
from setting import first_line, machine


@dataclass
class Findings:
    """What a run measured; pairs are (ours, Kale's), with none for a side that was left out."""

    nine: tuple = (None, None)
    two_hundred: tuple = (None, None)
    growth: dict = field(default_factory=dict)
    steps: tuple = ({}, {})
    rebuilds: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    peer: float | None
    ours: float | None
    unit: str
    at_most: float | None

    def cells(self):
        """The line as texts: what, peer, ours, ratio, promise, kept."""
        ratio = f"{self.peer / self.ours:,.1f}×" if self.peer and self.ours else "–"
        kept = "–" if self.ours is None or self.at_most is None else "yes" if self.ours <= self.at_most else "**no**"
        return [
            self.what,
            shown(self.peer, self.unit),
            shown(self.ours, self.unit),
            ratio,
            "–" if self.at_most is None else shown(self.at_most, self.unit),
            kept,
        ]


def shown(value, unit):
    """A figure with its unit; seconds below one are written in milliseconds."""
    if value is None:
        return "–"
    if unit == "s":
        return f"{value * 1000:,.1f} ms" if value < 1 else f"{value:,.2f} s"
    return f"{value:,.2f}{unit}" if unit == "×" else f"{value:,.1f} {unit}"


def table(head, lines):
    """A Markdown table."""
    return "\n".join(
        ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
        + ["| " + " | ".join(line) + " |" for line in lines]
    )


def of(series, name):
    """A figure of a series, none for none."""
    return None if series is None else getattr(series, name)


def main_rows(found):
    """The lines that stand beside a promise."""
    nine, two = found.nine, found.two_hundred
    rows = [
        Row("notebook → IR, 9 steps: wall", of(nine[1], "wall"), of(nine[0], "wall"), "s", 0.020),
        Row("notebook → IR, 9 steps: CPU", of(nine[1], "cpu"), of(nine[0], "cpu"), "s", None),
        Row("notebook → IR, 9 steps: peak memory", of(nine[1], "peak"), of(nine[0], "peak"), "MiB", 20),
        Row("notebook → IR, 200 steps: wall", of(two[1], "wall"), of(two[0], "wall"), "s", 0.100),
        Row("notebook → IR, 200 steps: CPU", of(two[1], "cpu"), of(two[0], "cpu"), "s", None),
        Row("notebook → IR, 200 steps: peak memory", of(two[1], "peak"), of(two[0], "peak"), "MiB", None),
        Row(
            "a step run here, beyond its own code",
            step_time.per_step(found.steps[1]),
            step_time.per_step(found.steps[0]),
            "s",
            0.015,
        ),
    ]
    return [row.cells() for row in rows]


def growth_lines(growth):
    """Our compile time over the number of steps: 1.00 in the last column is exactly linear in the steps."""
    smallest = min(growth)
    base = growth[smallest].wall / smallest
    return [
        [
            f"{n:,}",
            shown(series.wall, "s"),
            shown(series.cpu, "s"),
            shown(series.peak, "MiB"),
            f"{series.wall / n * 1e6:,.0f} µs",
            f"{series.wall / n / base:.2f}",
        ]
        for n, series in growth.items()
    ]


def rebuild_lines(rebuilds):
    """Edits through our command beside cargo alone, medians of wall time and of the ratio of each pair."""
    lines = []
    for label, (ours, cargo) in rebuilds.items():
        ratio = statistics.median(a.wall / b.wall for a, b in zip(ours.runs, cargo.runs, strict=False))
        kept = "yes" if ratio <= 1.3 else "**no**"
        lines.append([label, shown(cargo.wall, "s"), shown(ours.wall, "s"), f"{ratio:.2f}×", "1.30×", kept])
    return lines


def step_lines(steps):
    """Whole runs of chains, by length."""
    lines = []
    for side, runs in (("Kale", steps[1]), ("ours", steps[0])):
        for n, walls in runs.items():
            lines.append(
                [
                    side,
                    str(n),
                    shown(statistics.median(walls), "s"),
                    shown(min(walls), "s"),
                    shown(max(walls), "s"),
                    str(len(walls)),
                ]
            )
    return lines


def spread_lines(found):
    """Shortest and longest run behind the medians of the compile times."""
    lines = []
    for label, pair in (("9 steps", found.nine), ("200 steps", found.two_hundred)):
        for side, series in (("Kale", pair[1]), ("ours", pair[0])):
            if series:
                low, high = series.spread
                lines.append(
                    [label, side, shown(series.wall, "s"), shown(low, "s"), shown(high, "s"), str(len(series.runs))]
                )
    return lines


def sides(setting):
    """Which sides were measured."""
    if setting.oxikale and setting.kale:
        return "both sides in turn"
    return "our side alone" if setting.oxikale else "Kale alone"


def markdown(found, setting, load):
    """The whole report."""
    lines = [
        "# Oxikale beside Kale",
        "",
        f"Measured {datetime.date.today()} in one run with rounds: {setting.rounds}, {sides(setting)}; medians.",
        "",
        *(f"* Machine: {line}." for line in machine()),
        f"* Load average when it began {load[0]:.1f}, when it ended {load[1]:.1f}; below 1 the machine was quiet.",
    ]
    if setting.kale:
        python = setting.kale / "bin" / "python"
        version = first_line(
            [
                python,
                "-c",
                "import importlib.metadata as m; print(f\"Kale {m.version('kubeflow-kale')}, KFP {m.version('kfp')}\")",
            ]
        )
        lines.append(f"* Peer: {version}, {first_line([python, '--version'])}.")
    if setting.oxikale:
        lines.append(f"* Ours: {first_line([setting.oxikale, '--version'])}, {first_line(['rustc', '--version'])}.")
    lines += ["", table(["what", "Kale", "ours", "Kale / ours", "at most", "kept"], main_rows(found)), ""]
    if found.rebuilds:
        head = [
            "rebuild after a one-cell edit",
            "`cargo build` by hand",
            "`oxikale build`",
            "ratio of pairs",
            "at most",
            "kept",
        ]
        lines += [table(head, rebuild_lines(found.rebuilds)), ""]
    if found.growth:
        head = ["steps", "wall", "CPU", "peak memory", "wall per step", "per step, beside the first line"]
        lines += ["Our compile time as the chain grows:", "", table(head, growth_lines(found.growth)), ""]
    lines += [
        "Behind the compile medians:",
        "",
        table(["case", "side", "median", "shortest", "longest", "runs"], spread_lines(found)),
        "",
    ]
    lines += [
        "Whole runs of chains of trivial steps, whose slope is the cost of a step:",
        "",
        table(["side", "steps", "median", "shortest", "longest", "runs"], step_lines(found.steps)),
    ]
    return "\n".join(lines)
