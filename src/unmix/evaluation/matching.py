"""Which latent stands for which feature, by direction alone.

`cosines[i, j]` is the cosine of the direction of latent `i` with that of feature `j`.  The
*partner* of a latent is the feature that the best one-to-one assignment gives it (Kuhn 1955);
the *likeness* of either is the feature most like it, which several latents may share.

Axes: m latents, f features, d width, p pairs.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

LEAST = 1e-8
"""Length below which a direction has no cosine with anything."""
SLAB = 2**24
"""Cosines held at once where only their mean is wanted."""


class Pairs(NamedTuple):
    """Latents and the features that stand across from them, each at most once."""

    latents: Int[Tensor, " p"]
    features: Int[Tensor, " p"]
    cosines: Float[Tensor, " p"]
    """How alike they are, without the sign."""


def cosines(W_dec: Float[Tensor, "m d"], directions: Float[Tensor, "f d"]) -> Float[Tensor, "m f"]:
    """Return the cosine of every latent with every feature; 0 where a direction is nothing."""
    return _unit(W_dec) @ _unit(directions).T


def partners(cosines: Float[Tensor, "m f"]) -> Pairs:
    """Return the assignment of latents to features with the largest sum of cosines, unsigned."""
    size = cosines.abs()
    latents, features = (torch.from_numpy(a) for a in linear_sum_assignment(1 - size.cpu().numpy()))
    return Pairs(latents, features, size.cpu()[latents, features])


def likeness(cosines: Float[Tensor, "m f"]) -> Int[Tensor, " m"]:
    """Return the feature most like each latent, whatever the sign."""
    return cosines.abs().argmax(1)


def mmcs(cosines: Float[Tensor, "m f"]) -> float:
    """Return the mean over features of the largest cosine with a latent (Sharkey et al. 2022)."""
    return float(cosines.amax(0).double().mean())


def recovered(cosines: Float[Tensor, "m f"], above: float) -> float:
    """Return the share of features that some latent is more alike to than `above`."""
    return float((cosines.amax(0) > above).double().mean())


def uniqueness(cosines: Float[Tensor, "m f"]) -> float:
    """Return the share of latents that remain when all alike to one feature count as one."""
    return len(likeness(cosines).unique()) / len(cosines)


def c_dec(W_dec: Float[Tensor, "m d"]) -> float:
    """Return the mean unsigned cosine of two latents (Chanin and Garriga-Alonso 2025)."""
    return float(alikeness(W_dec).mean())


def alikeness(W_dec: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
    """Return the mean unsigned cosine of each latent with all others, in float64."""
    unit = _unit(W_dec)
    m = len(unit)
    if m < 2:
        return torch.zeros(m, dtype=torch.float64)
    slabs = unit.split(max(1, SLAB // m))
    total = torch.cat([(slab @ unit.T).abs().double().sum(1) for slab in slabs])
    own = unit.double().square().sum(1)
    return (total - own) / (m - 1)


def leans(
    cosines: Float[Tensor, "m f"],
    directions: Float[Tensor, "f d"],
    parents: Int[Tensor, " f"],
    pairs: Pairs,
) -> tuple[float, float]:
    """Return how far latents lean towards features next to theirs in the forest.

    The first is the mean over children of the cosine of a child's partner with the parent: what
    absorption adds.  The second is the mean over children of the cosine of the parent's partner
    with the child: what hedging adds.  Features' own cosines are taken off.
    """
    latent = torch.full((len(parents),), -1)
    latent[pairs.features] = pairs.latents
    children = (parents >= 0).nonzero().squeeze(1)
    above = parents[children]
    own = (_unit(directions)[children] * _unit(directions)[above]).sum(1)
    made = []
    for holder, other in ((children, above), (above, children)):
        there = latent[holder] >= 0
        kept = latent[holder][there]
        sign = cosines[kept, holder[there]].sign()
        lean = sign * cosines[kept, other[there]] - own[there]
        made.append(float(lean.double().mean()) if len(lean) else float("nan"))
    return made[0], made[1]


def _unit(W: Float[Tensor, "m d"]) -> Float[Tensor, "m d"]:
    return W / W.norm(dim=1, keepdim=True).clamp(min=LEAST)
