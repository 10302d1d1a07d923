"""Which features are on, by whole matrices: any device, and the reference for the compiled loop.

Axes: n tokens, f features, c features of one level of the forest.
"""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.dictionaries.code import Code, Support

if TYPE_CHECKING:
    from unmix.worlds.firing import Firing, Sizes

SLAB = 2**25
"""Numbers in a matrix of tokens by features."""


def draw(firing: "Firing", n: int, seed: int) -> Code:
    """Return the code of `n` tokens."""
    draws = torch.Generator(firing.chance.device).manual_seed(seed)
    slab = max(1, SLAB // firing.n_features)
    tokens, features, values = [], [], []
    for begin in range(0, n, slab):
        acts = _acts(firing, min(slab, n - begin), draws)
        rows, columns = acts.nonzero(as_tuple=True)
        tokens.append(rows + begin)
        features.append(columns)
        values.append(acts[rows, columns])
    ends = torch.bincount(torch.cat(tokens), minlength=n).cumsum(0)
    offsets = torch.cat([ends.new_zeros(1), ends])
    return Code(torch.cat(values), Support(torch.cat(features), offsets, firing.n_features))


def _acts(firing: "Firing", n: int, draws: torch.Generator) -> Float[Tensor, "n f"]:
    """Return how strongly each feature is on."""
    device = firing.chance.device
    shape = (n, firing.n_features)
    chance = firing.chance
    if firing.loadings.shape[1]:
        offset, slopes = firing.normals
        e = torch.randn(n, slopes.shape[1], generator=draws, device=device)
        chance = torch.special.ndtr(torch.addmm(offset, e, slopes.T))
    drawn = torch.rand(shape, generator=draws, device=device)
    on = drawn < chance
    if firing.exactly is not None:
        roots = firing.roots
        kept = roots[drawn[:, roots].topk(firing.exactly, dim=1).indices]
        on[:, roots] = False
        on.scatter_(1, kept, True)
    acts = torch.zeros(shape, device=device)
    tokens, features = on.nonzero(as_tuple=True)
    acts[tokens, features] = _sizes(firing.sizes, features, draws).clamp_min(0)
    for level in firing.levels[1:]:
        acts[:, level] = _under(firing, acts, level, draws)
    return acts


def _sizes(
    sizes: "Sizes", features: Int[Tensor, " e"], draws: torch.Generator
) -> Float[Tensor, " e"]:
    """Return how strongly features are on."""
    a, b = sizes.a[features], sizes.b[features]
    if sizes.kind == "uniform":
        return a + (b - a) * torch.rand(len(a), generator=draws, device=a.device)
    drawn = a + b * torch.randn(len(a), generator=draws, device=a.device)
    return drawn if sizes.kind == "normal" else drawn.exp()


def _under(
    firing: "Firing", acts: Float[Tensor, "n f"], level: Int[Tensor, " c"], draws: torch.Generator
) -> Float[Tensor, "n c"]:
    """Return the acts of one level, given those of the level above it."""
    parents = firing.parents[level]
    above = acts[:, parents]
    by = above / firing.sizes.a[parents] if firing.scaled else (above > 0).float()
    mine = acts[:, level] * by
    lots = torch.rand(mine.shape, generator=draws, device=mine.device).where(mine > 0, -1.0)
    best = lots.new_full((len(mine), firing.n_features), -1.0)
    best.scatter_reduce_(1, parents.expand_as(lots), lots, "amax")
    wins = (lots == best[:, parents]) | ~firing.exclusive[parents]
    return mine * wins
