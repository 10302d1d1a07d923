"""What the right answer to a question is, given the runs: three functions that always have one.

    change   paired over seeds: every seed falls, or rises, by `min_effect`
    order    the option that is ahead by `min_effect`, the same one in every seed
    locate   the bin that holds the number, the same one in every seed

Numbers come seed by seed, and all seeds must agree; else the answer is the one that says so, as it
is where a number is missing.  The page has the same three in TypeScript, tried on the same cases
(`tests/learn/cases.json`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from unmix.learn.asked import Bin, Check, Measure, Place
from unmix.learn.schema import Grid, GridRun

UNCLEAR = {"change": "no_clear_change", "order": "tie", "locate": "spread"}
"""What is answered where seeds do not agree."""
MIXED = "mixed"
"""What is answered where metrics do not agree."""
READ_AT = "read:"
"""Begins the metric `read:8`: the error of a dictionary that is read with 8 latents a token."""
NEAR = 1.0
"""How far the L0 of a run may be from the one that is wanted."""


class Answer(NamedTuple):
    """An option, and the numbers it rests on."""

    option: str
    numbers: dict[str, dict[str, list[float]]]
    """By metric and place (`from`, `to`, `at`, or an option of `order`), seed by seed."""
    runs: list[str]
    """Addresses of the runs."""


def change(pairs: Sequence[tuple[float, float]], *, min_effect: float) -> str:
    """Say `falls` or `rises` if every pair does by `min_effect`, else `no_clear_change`."""
    if pairs and all(a - b >= min_effect for a, b in pairs):
        return "falls"
    if pairs and all(b - a >= min_effect for a, b in pairs):
        return "rises"
    return UNCLEAR["change"]


def order(
    options: Mapping[str, Sequence[float]], *, min_effect: float, largest: bool = True
) -> str:
    """Name the option that is ahead by `min_effect` in every seed, else `tie`."""
    sign = 1.0 if largest else -1.0
    winners = set()
    for row in zip(*options.values(), strict=True):
        ranked = sorted(((sign * v, name) for v, name in zip(row, options, strict=True)))
        is_ahead = len(ranked) > 1 and ranked[-1][0] - ranked[-2][0] >= min_effect
        winners.add(ranked[-1][1] if is_ahead else UNCLEAR["order"])
    return winners.pop() if len(winners) == 1 else UNCLEAR["order"]


def locate(numbers: Sequence[float], bins: Sequence[Bin]) -> str:
    """Name the bin that holds every number, else `spread`."""
    found = {next((b.option for b in bins if b.upto is None or v <= b.upto), "") for v in numbers}
    return found.pop() if len(found) == 1 and "" not in found else UNCLEAR["locate"]


def outcomes(check: Check) -> list[str]:
    """Return everything that a question may be answered with."""
    measure = check.measure
    if check.evaluator == "change":
        mixed = [MIXED] if len(measure.metrics) > 1 else []
        return ["falls", "rises", UNCLEAR["change"], *mixed]
    if check.evaluator == "order":
        return [*measure.among, UNCLEAR["order"]]
    return [*(one.option for one in measure.bins), UNCLEAR["locate"]]


def answer(check: Check, grid: Grid) -> Answer:
    """Answer a question from recorded runs; `at` of a reader's question is not in them."""
    measure = check.measure
    places = _places(measure)
    chosen = {name: select(grid, place) for name, place in places.items()}
    seeds = sorted(set.intersection(*(set(found) for found in chosen.values())) if chosen else [])
    runs = [chosen[name][seed].id for name in places for seed in seeds]
    numbers: dict[str, dict[str, list[float]]] = {}
    said = []
    for metric in measure.metrics:
        rows = {name: [number(chosen[name][s], metric) for s in seeds] for name in places}
        numbers[metric] = rows
        said.append(_said(check, rows))
    option = said[0] if len(set(said)) == 1 else MIXED
    return Answer(option, numbers, runs)


def _said(check: Check, rows: Mapping[str, Sequence[float]]) -> str:
    """Answer for one metric."""
    measure = check.measure
    missing = not rows or any(not row or any(map(math.isnan, row)) for row in rows.values())
    if missing:
        return UNCLEAR[check.evaluator]
    if check.evaluator == "change":
        pairs = list(zip(rows["from"], rows["to"], strict=True))
        return change(pairs, min_effect=measure.min_effect)
    if check.evaluator == "order":
        return order(rows, min_effect=measure.min_effect, largest=measure.largest)
    return locate(rows["at"], measure.bins)


def _places(measure: Measure) -> dict[str, Place]:
    """Return where a question looks, by name."""
    named = {"from": measure.from_, "to": measure.to, "at": measure.at}
    return {name: place for name, place in named.items() if place} | measure.among


def select(grid: Grid, place: Place) -> dict[int, GridRun]:
    """Return the run at a place for every seed that has one."""
    there = [
        run
        for run in [*grid.runs, *grid.from_truth]
        if (run.world, run.kind, run.origin) == (place.world, place.kind, place.origin)
    ]
    found: dict[int, GridRun] = {}
    for run in there:
        if place.setting is not None:
            is_it = run.setting == place.setting
        else:
            is_it = place.l0 is not None and _is_nearer(run, found.get(run.seed), place.l0)
        if is_it:
            found[run.seed] = run
    return found


def values(grid: Grid, place: Place, metric: str) -> dict[int, float]:
    """Return a number of the run at a place, by seed."""
    return {seed: number(run, metric) for seed, run in select(grid, place).items()}


def number(run: GridRun, metric: str) -> float:
    """Return a number of a run; NaN where it has none."""
    if metric == "best_read":
        read = run.read_time or {}
        budgets = sorted(read, key=lambda k: (read[k], int(k)))
        return float(budgets[0]) if budgets else math.nan
    if metric.startswith(READ_AT):
        return (run.read_time or {}).get(metric.removeprefix(READ_AT), math.nan)
    value = getattr(run, metric)
    return math.nan if value is None else float(value)


def _is_nearer(run: GridRun, before: GridRun | None, l0: float) -> bool:
    """Say whether a run is near the L0 that is wanted, and nearer than the one before."""
    away = abs(run.l0 - l0)
    return away <= NEAR and (before is None or away < abs(before.l0 - l0))
