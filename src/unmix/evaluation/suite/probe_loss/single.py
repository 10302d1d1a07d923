"""A logistic regression on each of many columns, one column at a time, all at once.

    minimise over w, b   sum_i log(1 + exp(-s_i (w z_i + b))) + w^2 / 2,      z = column / its size

Zeros of a sparse column all cost the same, so only what is not zero is gone through.

Axes: m columns, n examples, e entries.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csc_matrix

from unmix.evaluation.suite.probing.features import Columns

STEPS, HALVINGS = 30, 8
ENOUGH = 1e-6


class Entries(NamedTuple):
    """What is not zero in some columns, and the labels."""

    column: Int[np.ndarray, " e"]
    value: Float[np.ndarray, " e"]
    sign: Float[np.ndarray, " e"]
    """1 where the entry's example is positive, else -1."""
    silent: Float[np.ndarray, "2 m"]
    """Negative and positive examples at which a column is zero."""


class Probes(NamedTuple):
    """One probe a column."""

    w: Float[np.ndarray, " m"]
    b: Float[np.ndarray, " m"]


def entries(
    columns: Columns, y: Bool[np.ndarray, " n"], *, size: Float[np.ndarray, " m"]
) -> Entries:
    """Return what is not zero in some columns, each divided by its size."""
    sparse = csc_matrix(columns).tocoo()
    m, column = len(size), sparse.col
    sides = [np.bincount(column[y[sparse.row] == side], minlength=m) for side in (False, True)]
    silent = np.array([[(~y).sum()], [y.sum()]]) - np.stack(sides)
    sign = np.where(y[sparse.row], 1.0, -1.0)
    return Entries(column, sparse.data / size[column], sign, silent.astype(np.float64))


def sizes(columns: Columns) -> Float[np.ndarray, " m"]:
    """Return the root mean square of each column, or 1 where it is zero throughout."""
    squares = np.asarray(csc_matrix(columns).power(2).mean(0)).ravel()
    return np.where(squares > 0, np.sqrt(squares), 1.0)


def cross_entropy(data: Entries, probes: Probes) -> Float[np.ndarray, " m"]:
    """Return the mean cross-entropy of each probe, in nats."""
    return _total(data, probes) / (data.silent[:, 0].sum() + _counts(data)[0])


def fit(data: Entries) -> Probes:
    """Fit every probe by Newton's method, each step halved until it does not go up."""
    m = data.silent.shape[1]
    probes = Probes(np.zeros(m), np.zeros(m))
    value = _total(data, probes)
    for _ in range(STEPS):
        step, slope = _newton(data, probes)
        if slope < ENOUGH:
            break
        size = np.ones(m)
        for _ in range(HALVINGS):
            new = Probes(probes.w - size * step.w, probes.b - size * step.b)
            found = _total(data, new) + new.w**2 / 2
            up = found > value + 1e-12
            if not up.any():
                break
            size = np.where(up, size / 2, size)
        probes = Probes(np.where(up, probes.w, new.w), np.where(up, probes.b, new.b))
        value = np.where(up, value, found)
    return probes


def _newton(data: Entries, probes: Probes) -> tuple[Probes, float]:
    """Return the step of each probe, and the largest slope."""
    where, z = data.column, data.value
    chance = _sigmoid(-data.sign * (probes.w[where] * z + probes.b[where]))
    pull, bend = -data.sign * chance, chance * (1 - chance)
    negative, positive = data.silent
    rest = _sigmoid(probes.b)
    slope_b = _sum(data, pull) + negative * rest - positive * (1 - rest)
    slope_w = _sum(data, pull * z) + probes.w
    bb = _sum(data, bend) + (negative + positive) * rest * (1 - rest) + 1e-9
    wb, ww = _sum(data, bend * z), _sum(data, bend * z**2) + 1
    area = bb * ww - wb**2
    w, b = (bb * slope_w - wb * slope_b) / area, (ww * slope_b - wb * slope_w) / area
    return Probes(w, b), float(np.abs([slope_w, slope_b]).max())


def _total(data: Entries, probes: Probes) -> Float[np.ndarray, " m"]:
    where = data.column
    score = probes.w[where] * data.value + probes.b[where]
    negative, positive = data.silent
    rest = negative * np.logaddexp(0, probes.b) + positive * np.logaddexp(0, -probes.b)
    return _sum(data, np.logaddexp(0, -data.sign * score)) + rest


def _counts(data: Entries) -> Int[np.ndarray, " m"]:
    return np.bincount(data.column, minlength=data.silent.shape[1])


def _sum(data: Entries, values: Float[np.ndarray, " e"]) -> Float[np.ndarray, " m"]:
    sums = np.bincount(data.column, values, minlength=data.silent.shape[1])
    return sums.astype(np.float64)  # of nothing, they are integers


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))
