"""A linear probe for each first letter, and the few latents that do the same.

Axes: n words, d width of the site, l letters, m latents, k latents of a letter.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import softplus

from unmix.evaluation.suite.probing.features import Columns, taken
from unmix.evaluation.suite.probing.logistic import fit, standardised

PENALTIES = (1.0, 10.0, 100.0, 1000.0)
STEPS = 100
MOST = 10
"""Latents of a letter that are tried."""
GAIN = 0.03
"""By how much F1 must rise for another latent to count as one of the letter's."""


class Probe(NamedTuple):
    """One direction a letter: `directions . x + bias` is above zero where a word begins with it."""

    directions: Float[Tensor, "l d"]
    bias: Float[Tensor, " l"]

    def score(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n l"]:
        """Return the log-odds of each letter."""
        return x.double() @ self.directions.T + self.bias


class Few(NamedTuple):
    """What the latents of a letter do, the first one, the first two, and so on."""

    latents: Int[np.ndarray, " k"]
    """In the order in which they are added."""
    said: Bool[np.ndarray, "k n"]
    """Whether the first k say that a test word begins with the letter."""
    n_main: int
    """How many are the letter's: those by which F1 rises enough."""


def probe(x: Float[Tensor, "n d"], letters: Int[np.ndarray, " n"], *, count: int) -> Probe:
    """Fit a logistic regression for each letter, with the penalty that does best on the end."""
    y = torch.nn.functional.one_hot(torch.from_numpy(letters), count).bool()
    x = x.double()
    mean = x.mean(0)
    spread = (x - mean).square().mean().sqrt().clamp(min=1e-12)  # one for all: angles stay
    z = (x - mean) / spread
    cut = round(0.8 * len(z))
    missed = [
        softplus(torch.where(y[cut:], -1.0, 1.0) * _scored(z[cut:], _fit(z[:cut], y[:cut], one)))
        for one in PENALTIES
    ]
    w = _fit(z, y, PENALTIES[int(torch.stack([one.mean() for one in missed]).argmin())])
    directions = w[:, :-1] / spread
    return Probe(directions, w[:, -1] - directions @ mean)


def _fit(z: Float[Tensor, "n d"], y: Bool[Tensor, "n l"], penalty: float) -> Float[Tensor, "l e"]:
    """Minimise the summed loss of all letters; `e` is `d` and the bias."""
    w = z.new_zeros(y.shape[1], z.shape[1] + 1, requires_grad=True)
    sign = torch.where(y, -1.0, 1.0).to(z)
    search = torch.optim.LBFGS(
        [w], max_iter=STEPS, tolerance_grad=1e-5, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        search.zero_grad()
        value = softplus(sign * _scored(z, w)).sum() + penalty / 2 * (w[:, :-1] ** 2).sum()
        value.backward()
        return value

    search.step(loss)  # pyrefly: ignore
    return w.detach()


def _scored(z: Float[Tensor, "n d"], w: Float[Tensor, "l e"]) -> Float[Tensor, "n l"]:
    return z @ w[:, :-1].T + w[:, -1]


def few(
    train: Columns,
    test: Columns,
    y: Bool[np.ndarray, "l n"],
    *,
    latents: Sequence[Int[np.ndarray, " _"]],
) -> list[Few]:
    """Read letters off their first latent, their first two, and so on, and say where that stops."""
    width = max(map(len, latents))
    sides = [
        torch.from_numpy(np.stack([taken(part, some, width=width) for some in latents]))
        for part in (train, test)
    ]
    z, tried = standardised(*sides)
    truth = torch.from_numpy(y)
    f1, said = np.zeros((width, len(y))), []
    for k in range(width):
        line = fit(z[..., : k + 1], truth, penalty=z.new_ones(len(y)))
        scores = line.score(z[..., : k + 1]).numpy()
        found = [best_bound(*pair) for pair in zip(scores, y, strict=True)]
        f1[k], bounds = (np.array(part) for part in zip(*found, strict=True))
        said.append(line.score(tried[..., : k + 1]).numpy() > bounds[:, None])
    made = np.stack(said, 1)
    return [Few(some, made[i], _n_main(f1[:, i])) for i, some in enumerate(latents)]


def _n_main(f1: Float[np.ndarray, " k"]) -> int:
    """Return how many latents are a letter's: the first, and as many as raise F1 enough."""
    too_little = np.flatnonzero(np.diff(f1) <= GAIN)
    return int(too_little[0]) + 1 if len(too_little) else len(f1)


def of_letter(train: Columns, y: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " k"]:
    """Return the latents whose mean is higher for a letter, by how much."""
    difference = train.T @ (np.where(y, 1 / y.sum(), -1 / (~y).sum()))
    return np.argsort(-difference, kind="stable")[:MOST]


def best_bound(scores: Float[np.ndarray, " n"], y: Bool[np.ndarray, " n"]) -> tuple[float, float]:
    """Return the largest F1 that a bound on the scores gives, and the bound."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(y[order])
    last = np.append(np.diff(scores[order]) != 0, True)  # no bound lies between equal scores
    f1 = np.where(last, 2 * hits / (np.arange(len(y)) + 1 + y.sum()), 0)
    place = int(f1.argmax())
    after = scores[order][place + 1] if place + 1 < len(y) else scores[order][place] - 1
    return float(f1[place]), float((scores[order][place] + after) / 2)
