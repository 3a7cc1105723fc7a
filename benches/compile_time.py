"""Notebook → IR: the whole process, from its start to the written YAML."""

import notebooks
from processes import Series, measure

LINEAR = (200, 500, 1000, 2000)


def ours(setting, notebook):
    """One compile by our command."""
    target = setting.work / (notebook.stem + ".yaml")
    return measure(
        [setting.oxikale, "compile", notebook, "-o", target], cwd=setting.work, env=setting.ours(), limit=120
    )


def theirs(setting, notebook):
    """One compile by Kale, which writes into ``.kale`` of its working folder."""
    return measure(["kale", "--nb", notebook], cwd=setting.work, env=setting.theirs())


def interleaved(setting, cells, name, rounds):
    """Both compilers in turn on the two twins: five runs of ours for each of Kale's.

    Returns (ours, Kale's) as series; none where that side is left out.
    """
    rust = notebooks.write(cells, "rust", name, setting.work)
    python = notebooks.write(cells, "python", name, setting.work)
    mine, peer = [], []
    if setting.oxikale:
        ours(setting, rust)
    for _ in range(rounds):
        if setting.oxikale:
            mine += [ours(setting, rust) for _ in range(5)]
        if setting.kale:
            peer.append(theirs(setting, python))
    return (Series(tuple(mine)) if mine else None, Series(tuple(peer)) if peer else None)


def growth(setting):
    """Our compile of longer and longer chains, the lengths in turn. Returns length → series."""
    paths = {n: notebooks.write(notebooks.chain(n), "rust", f"chain-{n}", setting.work) for n in LINEAR}
    runs = {n: [] for n in LINEAR}
    for _ in range(setting.rounds):
        for n, path in paths.items():
            runs[n].append(ours(setting, path))
    return {n: Series(tuple(values)) for n, values in runs.items()}
