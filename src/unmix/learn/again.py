"""Recorded runs, run again: do they come to the same numbers?

On the machine that recorded them they come to the same bits.  Elsewhere sums are taken in another
order, and a run of 1,500 steps may drift, so that numbers are compared within a tolerance each.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from unmix.learn import path
from unmix.learn.asked import Check
from unmix.learn.evaluators import select
from unmix.learn.grid import train
from unmix.learn.recipe import Recipe, Setting
from unmix.learn.schema import Grid, GridRun

TOLERANCE = {"nmse": 0.02, "l0": 0.3, "mcc": 0.04, "f1": 0.05, "gamma": 0.02, "offset": 0.05}
"""How far a number may be off."""


class Compared(NamedTuple):
    """What came of running some runs again."""

    n: int
    off: list[str]
    """What differs by more than it may, in words."""
    largest: float
    """Largest difference, in tolerances."""


def again(runs: Sequence[GridRun], recipe: Recipe) -> Compared:
    """Run recorded runs again, and compare."""
    off, largest = [], 0.0
    for old, new in _pairs(runs, recipe):
        for name, tolerance in TOLERANCE.items():
            before, after = getattr(old, name), getattr(new, name)
            if before is None or after is None:
                continue
            largest = max(largest, abs(before - after) / tolerance)
            if not abs(before - after) <= tolerance:
                off.append(f"{_called(old)}: {name} was {before:.4f} and is {after:.4f}")
    return Compared(len(runs), off, largest)


def _pairs(runs: Sequence[GridRun], recipe: Recipe) -> Iterable[tuple[GridRun, GridRun]]:
    """Yield every recorded run with itself run again; those of a world and seed learn together."""
    groups: dict[tuple[str, int, bool], list[GridRun]] = defaultdict(list)
    for run in runs:
        groups[run.world, run.seed, run.origin == "drawn"].append(run)
    for (world, seed, is_drawn), group in groups.items():
        if is_drawn:
            wanted = [Setting(world, run.kind, run.setting) for run in group]
            fresh = [one.run for one in train(wanted, seed, recipe)]
        else:
            ways = path.ways(seed, recipe.model_copy(update={"snapshots": 2}))
            fresh = [_end(ways[int(run.setting)], run) for run in group]
        yield from zip(group, fresh, strict=True)


def _end(way: path.Way, run: GridRun) -> GridRun:
    return way.begin if run.origin == "truth" else way.end


def used(checks: Iterable[Check], grid: Grid, *, seed: int) -> list[GridRun]:
    """Return the runs of one seed that some questions look at, each once."""
    found: dict[str, GridRun] = {}
    for check in checks:
        measure = check.measure
        places = [measure.from_, measure.to, measure.at, *measure.among.values()]
        for place in places:
            run = None if place is None else select(grid, place).get(seed)
            if run is not None:
                found[run.id] = run
    return list(found.values())


def drawn(grid: Grid, n: int, *, seed: int) -> list[GridRun]:
    """Return some runs, drawn."""
    return random.Random(seed).sample(grid.runs, min(n, len(grid.runs)))


def _called(run: GridRun) -> str:
    return f"{run.world}, {run.kind} {run.setting:g}, seed {run.seed}"
