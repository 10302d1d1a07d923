"""Time things against each other in one process: each in turn, round by round.

A machine's speed drifts, so that two things timed one after the other say little.  Taken in turns,
they drift together, and their ratio in each round holds.
"""

import json
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import NamedTuple


class Row(NamedTuple):
    """One number of a table."""

    name: str
    value: float
    """The median over the rounds."""
    unit: str
    low: float
    """The least."""
    high: float
    """The most."""


def interleave(
    cases: dict[str, Callable[[], object]], *, repeat: int = 7, warm: int = 1
) -> dict[str, list[float]]:
    """Call every case once a round; return the seconds of each call, without the first rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(warm + repeat):
        for name, call in cases.items():
            start = perf_counter()
            call()
            if number >= warm:
                seconds[name].append(perf_counter() - start)
    return seconds


def row(name: str, values: Sequence[float], unit: str) -> Row:
    """Return the median of the rounds with its spread."""
    return Row(name, median(values), unit, min(values), max(values))


def rate(name: str, seconds: Sequence[float], amount: float, unit: str) -> Row:
    """Return how much of something is done in a second."""
    return row(name, [amount / value for value in seconds], unit)


def ratio(name: str, over: Sequence[float], under: Sequence[float], unit: str = "") -> Row:
    """Return one thing's seconds over another's, divided round by round."""
    return row(name, [a / b for a, b in zip(over, under, strict=True)], unit)


def show(rows: Sequence[Row], *, as_json: bool) -> None:
    """Print a table, or a line of JSON for each row."""
    if as_json:
        for line in rows:
            print(json.dumps(line._asdict()))
        return
    wide = max(len(line.name) for line in rows)
    for name, value, unit, low, high in rows:
        print(f"{name:{wide}}  {_plain(value):>10} {unit:10} {_plain(low)} to {_plain(high)}")


def _plain(value: float) -> str:
    """Write a number with the digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
