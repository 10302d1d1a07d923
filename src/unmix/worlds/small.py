"""Small worlds, each made to show one thing.  `docs/worlds/` has a page and a picture of each.

Axes: f features, d width, n tokens.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unmix.worlds.chance import draws, mixed
from unmix.worlds.directions import apart, at_random, at_right_angles, cube, polygon
from unmix.worlds.firing import Sizes, alone, between
from unmix.worlds.world import Listed, Planted


def toy() -> Listed:
    """256 tokens of 3 out of 24 features in 10 dimensions: the data of a well-known listing."""
    draw = np.random.RandomState(0)
    n, d, f, active = 256, 10, 24, 3
    directions = draw.randn(d, f)
    directions /= np.linalg.norm(directions, axis=0, keepdims=True)
    acts = np.zeros((n, f))
    for row in acts:
        row[draw.choice(f, active, replace=False)] = draw.uniform(0.5, 1.5, active)
    x = acts @ directions.T + 0.02 * draw.randn(n, d)
    return Listed(*(torch.from_numpy(a) for a in (x, acts, directions.T.copy())))


def flat(
    *, n_features: int = 40, width: int = 32, active: int = 4, noise: float = 0.1, seed: int = 0
) -> Planted:
    """Exactly 4 of 40 features in 32 dimensions, all alike, with noise."""
    firing = alone(torch.ones(n_features), between(0.5, 1.5, n_features), exactly=active)
    return Planted(at_random(n_features, width, seed=seed), firing, noise=noise)


def superposed(
    *,
    n_features: int = 64,
    width: int = 32,
    chance: float = 0.04,
    low: float = 0.5,
    high: float = 1.5,
    is_apart: bool = False,
    offset: float = 0.0,
    zipf: float = 0.0,
    seed: int = 0,
) -> Planted:
    """More features than dimensions, each on by itself.

    Args:
        is_apart: Whether directions are pushed apart.
        offset: Length of a constant that is added to every activation.
        zipf: How fast chances fall with the number of a feature: as `(i + 4) ^ -zipf`, their mean
            being `chance`.
    """
    directions = at_random(n_features, width, seed=seed)
    falling = (torch.arange(n_features) + 4.0) ** -zipf
    firing = alone(falling / falling.mean() * chance, between(low, high, n_features))
    bias = offset * at_random(1, width, seed=mixed(seed, "bias"))[0]
    return Planted(apart(directions) if is_apart else directions, firing, bias=bias)


def shrinkage(
    *, n_features: int = 20, width: int = 20, chance: float = 0.05, seed: int = 0
) -> Planted:
    """Features at right angles, on with strength 1: what L1 does to them is known exactly."""
    firing = alone(torch.full((n_features,), chance), between(1.0, 1.0, n_features))
    return Planted(at_right_angles(n_features, width, seed=seed), firing)


def plane(*, n_features: int = 5, noise: float = 0.03) -> Planted:
    """One of five features at the corners of a pentagon in the plane."""
    firing = alone(torch.ones(n_features), between(0.5, 1.5, n_features), exactly=1)
    return Planted(polygon(n_features), firing, noise=noise)


def corners(*, noise: float = 0.03) -> Planted:
    """One of eight features at the corners of a cube."""
    firing = alone(torch.ones(8), between(0.5, 1.5, 8), exactly=1)
    return Planted(cube(), firing, noise=noise)


def sharkey(
    *,
    n_features: int = 512,
    width: int = 256,
    active: float = 5.0,
    decay: float = 0.99,
    correlation: float = 0.0,
    seed: int = 0,
) -> Planted:
    """512 features in 256 dimensions, each a little rarer than the last (Sharkey et al. 2022).

    Args:
        active: Features on a token, on average.
        correlation: Length of the part of each feature's normal that it shares with others, through
            64 common factors; 0 for features that are independent.
    """
    falling = decay ** torch.arange(n_features)
    firing = alone(falling / falling.sum() * active, between(0.0, 1.0, n_features))
    if correlation:
        shared = correlation * at_random(n_features, 64, seed=mixed(seed, "factors"))
        firing = replace(firing, loadings=shared)
    return Planted(at_random(n_features, width, seed=seed), firing)


def sanity(
    *,
    n_features: int = 3200,
    width: int = 100,
    active: float = 20.0,
    varied: bool = False,
    seed: int = 0,
) -> Planted:
    """3,200 features in 100 dimensions: too many to be found (Korznikov et al. 2026).

    Args:
        varied: Whether chances are drawn from 10^-5.5 to 10^-1.2, log-uniform, and then brought to
            the same mean; else all are alike.
    """
    draw = draws(seed, "chances")
    powers = -5.5 + 4.3 * torch.rand(n_features, generator=draw)
    chance = 10.0**powers if varied else torch.ones(n_features)
    one = torch.ones(n_features)
    firing = alone(
        chance / chance.sum() * active,
        Sizes("log-normal", 0 * one, 0.25 * one),
    )
    return Planted(at_random(n_features, width, seed=seed), firing)


def absorption(*, hierarchical: bool = True, width: int = 50, seed: int = 0) -> Planted:
    """Four features at right angles, the second only where the first is (Chanin et al. 2024)."""
    chance = torch.tensor([0.25, 0.2 if hierarchical else 0.05, 0.05, 0.05])
    parents = [-1, 0 if hierarchical else -1, -1, -1]
    return _below(chance, parents, width=width, seed=seed)


def hedging(
    *, children: Sequence[float] = (0.2,), hierarchical: bool = True, width: int = 50, seed: int = 0
) -> Planted:
    """A parent on a quarter of tokens, and children of it (Chanin et al. 2025).

    Args:
        children: Chance of each child where the parent is on.
        hierarchical: Whether children need the parent; else they are as frequent without it.
    """
    parent = 0.25
    factor = 1.0 if hierarchical else parent
    chance = torch.tensor([parent, *(factor * c for c in children)])
    parents = [-1, *([0 if hierarchical else -1] * len(children))]
    return _below(chance, parents, width=width, seed=seed)


def tree(*, width: int = 20, noise: float = 0.02, seed: int = 0) -> Planted:
    """Two of 8 parents, each with one of its 3 children half of the time."""
    chance = torch.cat([torch.ones(8), torch.full((24,), _each(0.5, 3))])
    firing = replace(
        alone(chance, between(0.5, 1.5, 32), exactly=2),
        parents=torch.cat([torch.full((8,), -1), torch.arange(8).repeat_interleave(3)]),
        exclusive=torch.arange(32) < 8,
    )
    return Planted(apart(at_random(32, width, seed=seed)), firing, noise=noise)


def nabeshima(*, seed: int = 0) -> Planted:
    """3 parents with 3 children each and 8 features alone, at right angles (Nabeshima 2024)."""
    chance = torch.tensor([0.15] * 3 + [_each(0.6, 3)] * 9 + [0.05] * 8)
    parents = torch.tensor([-1] * 3 + [0] * 3 + [1] * 3 + [2] * 3 + [-1] * 8)
    firing = replace(
        alone(chance, between(1.0, 1.0, 20)), parents=parents, exclusive=torch.arange(20) < 3
    )
    return Planted(at_right_angles(20, 20, seed=seed), firing)


def correlated(*, seed: int = 0) -> Planted:
    """50 features at right angles, most pairs on together or apart (arXiv 2508.16560).

    70 % of pairs are correlated with a strength of .3 to .9, as many of them negative as positive;
    the matrix is brought to the nearest one that is possible.
    """
    f = 50
    chance = 0.345 * (f - 1 - torch.arange(f)) / f + 0.05
    draw = draws(seed, "correlations")
    strength = 0.3 + 0.6 * torch.rand(f, f, generator=draw)
    sign = (torch.rand(f, f, generator=draw) < 0.5) * 2.0 - 1
    there = torch.rand(f, f, generator=draw) < 0.7
    upper = (strength * sign * there).triu(1)
    one = torch.ones(f)
    sizes = Sizes("normal", one, 0.15 * one)
    firing = replace(alone(chance, sizes), loadings=_factors(upper + upper.T + torch.eye(f)))
    return Planted(at_right_angles(f, 100, seed=seed), firing)


def pair(*, correlation: float = 0.4, seed: int = 0) -> Planted:
    """Five features on 40 % of tokens, the first correlated with the rest (arXiv 2508.16560)."""
    matrix = torch.eye(5)
    matrix[0, 1:] = matrix[1:, 0] = correlation
    one = torch.ones(5)
    firing = alone(torch.full((5,), 0.4), Sizes("normal", one, 0.15 * one))
    return Planted(at_right_angles(5, 20, seed=seed), replace(firing, loadings=_factors(matrix)))


def _below(
    chance: Float[Tensor, " f"], parents: Sequence[int], *, width: int, seed: int
) -> Planted:
    """Return features at right angles of strength 1, some below others."""
    firing = alone(chance, between(1.0, 1.0, len(chance)))
    below = replace(firing, parents=torch.tensor(parents))
    return Planted(at_right_angles(len(chance), width, seed=seed), below)


def _each(any_of: float, count: int) -> float:
    """Return the chance at which one or more of `count` alike come up with chance `any_of`."""
    return 1 - math.pow(1 - any_of, 1 / count)


def _factors(correlations: Float[Tensor, "f f"]) -> Float[Tensor, "f f"]:
    """Return `L` with `L L^T` the nearest possible matrix of correlations, by its eigenvalues."""
    values, vectors = torch.linalg.eigh(correlations.double())
    L = vectors * values.clamp_min(1e-6).sqrt()
    return torch.nn.functional.normalize(L, dim=1).float()
