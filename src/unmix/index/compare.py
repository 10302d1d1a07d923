"""Two dictionaries: which latents of one are in the other.

Latents correspond by the cosine of their directions.  One latent is assigned to one: by the
assignment of the largest sum (Hungarian method) up to `ASSIGNED` latents, by mutual nearest
neighbours beyond.  The mean cosine of those assigned is PW-MCC (Song et al.
2025, "Mechanistic interpretability should prioritize feature consistency in SAEs").

    split      two or more of the other have it as their nearest, at a cosine of `SAME` or more
    matched    its assigned counterpart has that cosine, and it is not split
    unmatched  neither

Axes: m latents, o latents of the other, d width, b latents of a block.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from unmix.errors import UserError
from unmix.index.read import Index

ASSIGNED = 10_000
"""Latents up to which the assignment is exact."""
SAME = 0.7
"""Cosine from which two directions count as the same."""
SHOWN = 5
"""Counterparts kept of a latent."""
BLOCK = 512

Kind = Literal["matched", "split", "unmatched"]


class Correspondence(NamedTuple):
    """How the latents of a dictionary correspond to those of another."""

    others: Int[np.ndarray, "m r"]
    """The nearest of the other, nearest first."""
    cosines: Float[np.ndarray, "m r"]
    assigned: Float[np.ndarray, " m"]
    """Cosine with the one assigned; NaN for none."""
    pointing: Int[np.ndarray, " m"]
    """Latents of the other that have it as their nearest, at `SAME` or more."""

    @property
    def kinds(self) -> list[Kind]:
        """What became of each latent."""
        matched = np.nan_to_num(self.assigned) >= SAME
        kinds = np.where(self.pointing > 1, "split", np.where(matched, "matched", "unmatched"))
        return kinds.tolist()


def correspond(index: Index, other: Index) -> Correspondence:
    """Compare the directions of two dictionaries.

    Raises:
        UserError: They are directions of spaces of different width.
    """
    rows, columns = index.directions, other.directions
    if rows.shape[1] != columns.shape[1]:
        raise UserError(
            f"the directions have widths {rows.shape[1]} and {columns.shape[1]}; "
            "only dictionaries of one width can be compared"
        )
    exact = max(len(rows), len(columns)) <= ASSIGNED
    whole = np.empty((len(rows), len(columns)), dtype=np.float32) if exact else None
    n_shown = min(SHOWN, len(columns))
    others = np.empty((len(rows), n_shown), dtype=np.int64)
    cosines = np.empty((len(rows), n_shown), dtype=np.float32)
    nearest = np.zeros(len(columns), dtype=np.int64)
    best = np.full(len(columns), -np.inf, dtype=np.float32)
    for first in range(0, len(rows), BLOCK):
        block = np.clip(rows[first : first + BLOCK] @ columns.T, -1, 1)
        part = slice(first, first + len(block))
        others[part], cosines[part] = _largest(block, n_shown)
        highest = block.argmax(0)
        value = block[highest, np.arange(len(columns))]
        nearest = np.where(value > best, highest + first, nearest)
        best = np.maximum(value, best)
        if whole is not None:
            whole[part] = block
    pointing = np.bincount(nearest[best >= SAME], minlength=len(rows))
    assigned = np.full(len(rows), np.nan, dtype=np.float32)
    if whole is not None:
        which, to = linear_sum_assignment(whole, maximize=True)
        assigned[which] = whole[which, to]
    else:
        mutual = np.flatnonzero(nearest[others[:, 0]] == np.arange(len(rows)))
        assigned[mutual] = cosines[mutual, 0]
    return Correspondence(others, cosines, assigned, pointing)


def jaccard(index: Index, other: Index, pair: tuple[int, int]) -> float | None:
    """Return the Jaccard index of two latents' firings, None if the tokens are not the same."""
    files = (one.manifest.files["tokens.parquet"].sha256 for one in (index, other))
    if len(set(files)) > 1:
        return None
    a, b = index.codes(pair[0]).positions, other.codes(pair[1]).positions
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / max(len(a) + len(b) - both, 1)


def _largest(
    block: Float[np.ndarray, "b o"], n: int
) -> tuple[Int[np.ndarray, "b r"], Float[np.ndarray, "b r"]]:
    """Return the columns of the largest entries of each row, largest first, and the entries."""
    some = np.argpartition(-block, n - 1, axis=1)[:, :n]
    values = np.take_along_axis(block, some, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1), np.take_along_axis(values, order, axis=1)
