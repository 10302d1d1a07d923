"""Features at scale, as in SynthSAEBench (Chanin et al. 2026, arXiv 2602.14687).

    chance      falls as 1 / sqrt(rank), from .4 to .0005
    forest      128 trees, four children a node, three levels down; siblings exclude each other
    copula      rank 25, scale .1
    directions  drawn at random, then pushed apart
    sizes       normal: means from 5 down to 4, deviations |N(.5, .5)|; a child's goes with its
                parent's

A node's children fire less than their own chance says, as they wait for the parent and for each
other.  To make up for that, their chance is divided by the parent's and multiplied by one plus the
rivals that are to be expected; it is at most 1.

Axes: f features, d width.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.worlds.chance import draws, mixed
from unmix.worlds.directions import apart, at_random
from unmix.worlds.firing import Firing, Sizes
from unmix.worlds.world import Planted


def synth(
    *,
    n_features: int = 16_384,
    width: int = 768,
    trees: int = 128,
    branches: int = 4,
    depth: int = 3,
    highest: float = 0.4,
    lowest: float = 5e-4,
    rank: int = 25,
    correlation: float = 0.1,
    steps: int = 100,
    bias: float = 0.5,
    seed: int = 42,
) -> Planted:
    """Return the world of SynthSAEBench-16k, or a smaller one of its kind.

    Args:
        trees: Trees of the forest.
        branches: Children of a node.
        depth: Levels below the roots.
        highest: Chance of the most frequent feature.
        lowest: Chance of the rarest.
        rank: Common factors of the copula.
        correlation: Standard deviation of the entries of its loadings.
        steps: Steps by which directions are pushed apart.
        bias: Length of what is added to every activation.
    """
    draw = draws(seed, "features")
    chance = zipf(n_features, highest=highest, lowest=lowest)
    parents = forest(n_features, trees=trees, branches=branches, depth=depth)
    loadings = correlation * torch.randn(n_features, rank, generator=draw)
    longest = 0.99**0.5
    lengths = loadings.norm(dim=1, keepdim=True).clamp_min(1e-12)
    deviation = (0.5 + 0.5 * torch.randn(n_features, generator=draw)).abs()
    constant = bias * at_random(1, width, seed=mixed(seed, "bias"))[0]
    firing = Firing(
        chance=compensated(chance, parents),
        sizes=Sizes("normal", torch.linspace(5, 4, n_features), deviation),
        parents=parents,
        exclusive=torch.ones(n_features, dtype=torch.bool),
        scaled=True,
        loadings=loadings * (longest / lengths).clamp_max(1.0),
    )
    directions = apart(at_random(n_features, width, seed=seed), steps=steps, lr=3e-4)
    return Planted(directions, firing, bias=constant)


def zipf(n_features: int, *, highest: float, lowest: float) -> Float[Tensor, " f"]:
    """Return chances that fall as one over the root of the rank, between two bounds."""
    falling = torch.arange(1, n_features + 1).double().rsqrt()
    share = (falling - falling[-1]) / (falling[0] - falling[-1]).clamp_min(1e-12)
    return (lowest + (highest - lowest) * share).float()


def forest(n_features: int, *, trees: int, branches: int, depth: int) -> Int[Tensor, " f"]:
    """Return the parent of each feature: the roots come first, then level by level."""
    parents = torch.full((n_features,), -1)
    level = torch.arange(min(trees, n_features))
    for _ in range(depth):
        below = level.repeat_interleave(branches)
        begin = int(level[-1]) + 1
        below = below[: n_features - begin]
        parents[begin : begin + len(below)] = below
        if not len(below):
            break
        level = torch.arange(begin, begin + len(below))
    return parents


def compensated(chance: Float[Tensor, " f"], parents: Int[Tensor, " f"]) -> Float[Tensor, " f"]:
    """Return the chance given the parent that makes up for waiting for it and for siblings."""
    has = parents >= 0
    above = chance[parents.clamp_min(0)].where(has, 1.0)
    together = torch.zeros_like(chance).index_add_(0, parents[has], chance[has])
    rivals = (together[parents.clamp_min(0)] - chance).clamp_min(0) / above
    return (chance / above * (1 + rivals)).clamp_max(1.0).where(has, chance)
