"""Logistic regression, many at a time, by Newton's method in float64.

    minimise  sum_i log(1 + exp(-s_i (w x_i + b))) + penalty / 2 |w|^2,      s_i = +-1

With columns of unit spread and a penalty of 1 it is the usual default (C = 1).  Where there are
more columns than examples, nothing is lost by working in the space the examples span.

Axes: b problems, n examples, p columns, a positives, o negatives.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import softplus

STEPS, HALVINGS = 50, 12
ENOUGH = 1e-6
"""Largest gradient at which a problem counts as solved."""
PENALTIES = tuple(10.0**power for power in range(-1, 6))
"""What the penalty of a probe on everything is chosen from."""


class Line(NamedTuple):
    """What a probe learnt: `weights . x + bias` is above zero for the positive class."""

    weights: Float[Tensor, "b p"]
    bias: Float[Tensor, " b"]

    def score(self, x: Float[Tensor, "b n p"]) -> Float[Tensor, "b n"]:
        """Return the log-odds of each example."""
        return torch.einsum("bnp,bp->bn", x, self.weights) + self.bias[:, None]


def fit(x: Float[Tensor, "b n p"], y: Bool[Tensor, "b n"], *, penalty: Float[Tensor, " b"]) -> Line:
    """Solve `b` problems at once."""
    sign = torch.where(y, 1.0, -1.0).to(x)
    design = torch.cat([x, torch.ones_like(x[..., :1])], 2)
    shrink = penalty[:, None].repeat(1, design.shape[2])
    shrink[:, -1] = 0
    w = x.new_zeros(design.shape[0], design.shape[2])

    def loss(w: Tensor) -> Tensor:
        return softplus(-sign * _dot(design, w)).sum(1) + (shrink * w**2).sum(1) / 2

    value = loss(w)
    for _ in range(STEPS):
        chance = torch.sigmoid(-sign * _dot(design, w))
        slope = shrink * w - torch.einsum("bn,bnp->bp", sign * chance, design)
        if slope.abs().max() < ENOUGH:
            break
        bend = (design * (chance * (1 - chance))[..., None]).mT @ design
        bend = bend + torch.diag_embed(shrink + 1e-9)
        step = torch.linalg.solve(bend, slope)
        w, value = _descend(loss, w, step, value=value)
    return Line(w[:, :-1], w[:, -1])


def _descend(
    loss: Callable[[Tensor], Tensor], w: Tensor, step: Tensor, *, value: Tensor
) -> tuple[Tensor, Tensor]:
    """Take each problem's step, halved until it does not go up."""
    size = torch.ones_like(value)
    for _ in range(HALVINGS):
        new = loss(w - size[:, None] * step)
        up = new > value + 1e-12 * value.abs()
        if not up.any():
            break
        size = torch.where(up, size / 2, size)
    new = loss(w - size[:, None] * step)
    down = new <= value
    return torch.where(down[:, None], w - size[:, None] * step, w), torch.where(down, new, value)


def _dot(design: Float[Tensor, "b n p"], w: Float[Tensor, "b p"]) -> Float[Tensor, "b n"]:
    return torch.einsum("bnp,bp->bn", design, w)


def standardised(
    train: Float[Tensor, "b n p"], test: Float[Tensor, "b m p"]
) -> tuple[Float[Tensor, "b n p"], Float[Tensor, "b m p"]]:
    """Centre columns and give them unit spread, as measured on the training examples."""
    mean = train.mean(1, keepdim=True)
    spread = train.std(1, correction=0, keepdim=True)
    spread = torch.where(spread > 0, spread, 1.0)
    return (train - mean) / spread, (test - mean) / spread


def spanned(
    train: Float[Tensor, "b n p"], test: Float[Tensor, "b m p"]
) -> tuple[Float[Tensor, "b n n"], Float[Tensor, "b m n"]]:
    """Turn the columns into the principal components of the training examples, largest first.

    The eigenvectors of the examples' products are enough: there are fewer examples than columns.
    """
    centre = train.mean(1, keepdim=True)
    train, test = train - centre, test - centre
    squares, left = torch.linalg.eigh(train @ train.mT)
    left = left.flip(2)
    size = squares.flip(1).clamp(min=0).sqrt()[:, None]
    known = size > 1e-6 * size[..., :1]  # centring leaves one component less than examples
    size = size * known
    return left * size, test @ (train.mT @ left) / torch.where(known, size, torch.inf)


def accuracy(scores: Float[Tensor, "b n"], y: Bool[Tensor, "b n"]) -> Float[Tensor, " b"]:
    """Return the share of examples on the right side of zero."""
    return ((scores > 0) == y).double().mean(1)


def f1(scores: Float[Tensor, "b n"], y: Bool[Tensor, "b n"]) -> Float[Tensor, " b"]:
    """Return `2 hits / (predicted + positives)`."""
    said = scores > 0
    return 2.0 * (said & y).sum(1) / (said.sum(1) + y.sum(1)).clamp(min=1)


def auc(scores: Float[Tensor, "b n"], y: Bool[Tensor, " n"]) -> Float[Tensor, " b"]:
    """Return the share of (positive, negative) pairs in the right order, ties counted half."""
    ahead = scores[:, y][:, :, None] - scores[:, ~y][:, None, :]
    return ((ahead > 0).double() + (ahead == 0).double() / 2).mean((1, 2))


def cross_entropy(scores: Float[Tensor, "b n"], y: Bool[Tensor, "b n"]) -> Float[Tensor, " b"]:
    """Return the mean cross-entropy in nats."""
    return softplus(torch.where(y, -scores, scores)).mean(1)


def fit_all(
    x: Float[Tensor, "b n p"], y: Bool[Tensor, "b n"], *, share: float = 0.2
) -> tuple[Line, Float[Tensor, " b"]]:
    """Fit probes on everything, each with the penalty that does best on the end of its examples.

    The examples must be in random order: their last `share` chooses the penalty, then all are used.
    """
    cut = round(len(x[0]) * (1 - share))
    tried = x.new_tensor(PENALTIES)
    b, q = len(x), len(tried)
    many, labels = x.repeat_interleave(q, 0), y.repeat_interleave(q, 0)
    line = fit(many[:, :cut], labels[:, :cut], penalty=tried.repeat(b))
    missed = cross_entropy(line.score(many[:, cut:]), labels[:, cut:])
    best = tried[missed.view(b, q).argmin(1)]
    return fit(x, y, penalty=best), best
