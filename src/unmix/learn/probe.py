"""Some short runs: does the code that trains and measures still come to the same numbers?

They take a few seconds.  So few steps cannot drift apart between machines, and what changes the
mathematics of any kind changes them at once.
"""

from collections.abc import Mapping
from functools import cache

from unmix.learn import path
from unmix.learn.grid import train
from unmix.learn.recipe import Recipe, Setting
from unmix.learn.schema import GridRun

SHORT = Recipe(seeds=1, steps=40, batch=128, fitted=20, freed=20, snapshots=2, tokens=4096)
SETTINGS = (
    *(Setting("flat", "topk", 4), Setting("flat", "relu", 0.8)),
    *(Setting("flat", "gated", 0.7), Setting("flat", "jumprelu", 0.075)),
)
SEED = 1
COMPARED = ("nmse", "l0", "mcc", "f1", "gamma")
TOLERANCE = 0.002
"""Of a number, or of its size where that is above 1."""


@cache
def probe() -> dict[str, dict[str, float]]:
    """Return what the short runs come to."""
    runs = [one.run for one in train(SETTINGS, SEED, SHORT)]
    runs += [way.end for way in path.ways(SEED, SHORT).values()]
    return {_name(run): {name: getattr(run, name) for name in COMPARED} for run in runs}


def differences(recorded: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return what differs from what was recorded, in words; empty where nothing does."""
    now, found = probe(), []
    if set(now) != set(recorded):
        return ["the short runs are other ones"]
    for name, numbers in recorded.items():
        for metric, before in numbers.items():
            after = now[name][metric]
            if not abs(after - before) <= TOLERANCE * max(1.0, abs(before)):
                found.append(f"{name}: {metric} was {before:.5f} and is {after:.5f}")
    return found


def _name(run: GridRun) -> str:
    return f"{run.world}, {run.kind} {run.setting:g}, {run.origin}"
