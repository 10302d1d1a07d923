"""What fired at given positions.

`strongest.parquet` lies by position in row groups of many positions; to read a few places of each
would read the whole file.  So a bounded number of row groups is drawn, and every place in them is
looked at.

Axes: s places, r latents kept at a position.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from unmix.index.read import Index
from unmix.index.rows import Rows
from unmix.index.schema import STRONGEST

GROUPS = 4
"""Row groups that are read at most."""
RECENT = 8
"""Columns of row groups that are kept, 4 MB each: many latents ask for the same."""


class Strongest(NamedTuple):
    """The latents that fired most at some positions, strongest first."""

    positions: Int[np.ndarray, " s"]
    latents: Int[np.ndarray, "s r"]
    """-1 where fewer fired."""


def look(index: Index, positions: Int[np.ndarray, " _"], *, seed: int = 0) -> Strongest:
    """Return what fired at those of the positions, ascending, that are in the row groups drawn.

    All of them, where they lie in few row groups.
    """
    group = _groups(index, positions)
    drawn = np.random.default_rng(seed).permutation(np.unique(group))[:GROUPS]
    seen = positions[np.isin(group, drawn)]
    return Strongest(seen, _column(index, seen, "latents").astype(np.int64))


def strengths(index: Index, positions: Int[np.ndarray, " s"]) -> Float[np.ndarray, "s r"]:
    """Return the acts of the latents that fired most at a few positions, ascending."""
    return _column(index, positions, "values")


def _groups(index: Index, positions: Int[np.ndarray, " s"]) -> Int[np.ndarray, " s"]:
    """Return the row group that each position lies in."""
    return np.searchsorted(index.strongest_rows.starts, positions, side="right") - 1


def _column(index: Index, positions: Int[np.ndarray, " s"], name: str) -> np.ndarray:
    """Return one column of lists at some positions, ascending."""
    rows, group = index.strongest_rows, _groups(index, positions)
    parts = [np.zeros((0, STRONGEST))]
    for number in np.unique(group).tolist():
        parts.append(_lists(rows, number, name)[positions[group == number] - rows.starts[number]])
    return np.concatenate(parts)


@lru_cache(RECENT)
def _lists(rows: Rows, number: int, name: str) -> np.ndarray:
    """Return one column of lists of a row group."""
    table = rows.group(number, columns=[name]).combine_chunks()
    return table[name].chunk(0).values.to_numpy().reshape(-1, STRONGEST)
