"""One data set: columns chosen and probes fitted on training examples, tried on the rest.

Axes: n examples, d width of the site, p columns, v splits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from unmix.evaluation.suite.probing.features import Probed, Split, at_random, by_difference, taken
from unmix.evaluation.suite.probing.logistic import (
    accuracy,
    auc,
    f1,
    fit,
    fit_all,
    spanned,
    standardised,
)

MEASURES = ("accuracy", "AUC", "F1")


class Trial(NamedTuple):
    """What probes on one kind of columns did on one data set."""

    values: dict[int, Float[np.ndarray, "v 3"]]
    """By k: accuracy, AUC and F1 of each split."""
    first: list[int]
    """The columns chosen on the first split."""


class _Chosen(NamedTuple):
    """Columns of the training and of the test examples of each split."""

    train: Float[Tensor, "v n p"]
    test: Float[Tensor, "v n p"]


def splits(labels: Bool[np.ndarray, " n"], *, train: float, count: int, seed: int) -> list[Split]:
    """Divide each label's examples anew, `count` times; a function of the arguments alone."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for rows in (np.flatnonzero(labels), np.flatnonzero(~labels)):
            mixed = rng.permutation(rows)
            cut = round(len(mixed) * train)
            sides[0].append(mixed[:cut])
            sides[1].append(mixed[cut:])
        made.append(Split(*(rng.permutation(np.concatenate(side)) for side in sides)))
    return made


def trial(
    x: Float[Tensor, "n d"],
    labels: Bool[np.ndarray, " n"],
    what: Probed,
    *,
    ks: Sequence[int],
    parts: Sequence[Split],
    seed: int = 0,
) -> Trial:
    """Probe one kind of columns on every split of a data set, with each number of columns."""
    y = torch.from_numpy(np.stack([labels[part.train] for part in parts]))
    tests = torch.from_numpy(np.stack([labels[part.test] for part in parts]))
    if what.is_whole:
        acts = x.double()
        whole = _Chosen(*_both(acts, parts))
        train, test = spanned(*standardised(*whole))
        line, _ = fit_all(train, y)
        values = _measured(line.score(test), tests)
        return Trial(dict.fromkeys(ks, values), [])
    sides, first = _chosen(x, labels, what, width=max(ks), parts=parts, seed=seed)
    found = {}
    for k in ks:
        train, test = standardised(sides.train[..., :k], sides.test[..., :k])
        line = fit(train, y, penalty=torch.ones(len(parts), dtype=torch.float64))
        found[k] = _measured(line.score(test), tests)
    return Trial(found, first)


def _both(x: Float[Tensor, "n d"], parts: Sequence[Split]) -> tuple[Tensor, Tensor]:
    train, test = (np.stack(rows) for rows in zip(*parts, strict=True))
    return x[torch.from_numpy(train)], x[torch.from_numpy(test)]


def _chosen(
    x: Float[Tensor, "n d"],
    labels: Bool[np.ndarray, " n"],
    what: Probed,
    *,
    width: int,
    parts: Sequence[Split],
    seed: int,
) -> tuple[_Chosen, list[int]]:
    """Choose columns on the training examples of each split."""
    made: list[tuple[np.ndarray, np.ndarray]] = []
    every: list[np.ndarray] = []
    for number, (part, sides) in enumerate(zip(parts, what.sides(x, parts), strict=True)):
        train, test = sides
        if what.is_drawn:
            chosen = at_random(train, most=width, seed=seed + number)
        else:
            chosen = by_difference(train, labels[part.train], most=width)
        every.append(chosen)
        made.append((taken(train, chosen, width=width), taken(test, chosen, width=width)))
    train, test = (torch.from_numpy(np.stack(side)) for side in zip(*made, strict=True))
    return _Chosen(train, test), every[0].tolist()


def _measured(scores: Float[Tensor, "v n"], y: Bool[Tensor, "v n"]) -> Float[np.ndarray, "v 3"]:
    each = [accuracy(scores, y), _auc(scores, y), f1(scores, y)]
    return torch.stack(each, 1).numpy()


def _auc(scores: Float[Tensor, "v n"], y: Bool[Tensor, "v n"]) -> Float[Tensor, " v"]:
    return torch.cat([auc(one[None], side) for one, side in zip(scores, y, strict=True)])
