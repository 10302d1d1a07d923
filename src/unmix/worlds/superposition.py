"""Elhage et al. 2022, "Toy Models of Superposition": directions that a small model chose itself.

    x' = relu(W^T W x + b)      loss = mean I_i (x_i - x'_i)^2

Each feature `x_i` lies between 0 and 1 where it is on.  The rarer features are, the more of them
share the dimensions of `h = W x`.  A dictionary that reads `h` is to find the columns of `W`.

Axes: f features, d width.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unmix.worlds.chance import draws
from unmix.worlds.firing import Sizes, alone
from unmix.worlds.world import Planted

KEPT = 0.5
"""Length from which the model is said to hold a feature."""


def elhage(
    *,
    n_features: int = 5,
    width: int = 2,
    chance: float = 0.05,
    importance: float = 0.9,
    steps: int = 10_000,
    seed: int = 0,
) -> Planted:
    """Return what the model carries, of the features that it holds.

    Args:
        importance: How many times less each feature matters than the one before it.
        steps: Steps of AdamW at 1e-3 on 1,024 tokens.
    """
    weights = importance ** torch.arange(n_features)
    W = learnt(weights, width=width, chance=chance, steps=steps, seed=seed)
    W = W[W.norm(dim=1) > KEPT]
    lengths = W.norm(dim=1)
    sizes = Sizes("uniform", 0 * lengths, lengths)
    return Planted(W, alone(torch.full((len(W),), chance), sizes))


def learnt(
    importance: Float[Tensor, " f"], *, width: int, chance: float, steps: int, seed: int
) -> Float[Tensor, "f d"]:
    """Return the columns of `W`, as rows, after training."""
    draw = draws(seed, "superposition")
    f, n = len(importance), 1024
    W, b = torch.empty(f, width), torch.zeros(f)
    nn.init.xavier_normal_(W, generator=draw)
    optimiser = torch.optim.AdamW([W, b], lr=1e-3)
    for _ in range(steps):
        # Above 1 - chance, an even number is on, and how far above is again even.
        x = ((torch.rand(n, f, generator=draw) - 1 + chance) / chance).relu_()
        h = x @ W
        rebuilt = torch.addmm(b, h, W.T).relu()
        gradient = (rebuilt - x) * importance * (rebuilt > 0) * (2 / x.numel())
        W.grad, b.grad = gradient.T @ h + x.T @ (gradient @ W), gradient.sum(0)
        optimiser.step()
    return W


def dimensionality(W: Float[Tensor, "f d"]) -> Float[Tensor, " f"]:
    """Return the share of a dimension that each feature has: `|w_i|^2 / sum_j (w_i/|w_i| . w_j)^2`.

    1 alone, 1/2 in a pair of opposites, 2/5 in a pentagon (Elhage et al. 2022, section 4).
    """
    unit = nn.functional.normalize(W, dim=1)
    return W.square().sum(1) / (unit @ W.T).square().sum(1).clamp_min(1e-12)
