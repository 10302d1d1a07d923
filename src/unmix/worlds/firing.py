"""Which features are on, and how strongly.

Three things decide it, each of which may be absent:

    chance   a feature's own; or exactly so many features, whatever their chance
    copula   tau = (L e - t) / s,  e ~ N(0, 1)^r:  a feature's chance given `e` is Phi(tau), so that
             features are on together or apart, and each still as often as its chance says
    forest   a feature with a parent is on only where its parent is; children of one parent may
             exclude each other, and then one of those that would be on is picked

A feature below another is only looked at where that one is on, and of the others only those that
may be on are, so that the cost goes with the features that are on, not with those that there are.
On a CPU a compiled loop does this; elsewhere `plain` does it with whole matrices, and is what the
loop is tested against.

Axes: n tokens, f features, r rank of the copula, c children.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.dictionaries.code import Code, Support
from unmix.dictionaries.kernels.compile import spread
from unmix.errors import UserError
from unmix.worlds import plain
from unmix.worlds.firing_cpu import WIDTH, draw

LEAST = 1e-4
"""Least share (root) of a feature's normal that is its own, so that its chance is defined."""
KINDS = ("uniform", "normal", "log-normal")


@final
@dataclass(frozen=True, eq=False)
class Sizes:
    """How strongly a feature is on, where it is on.

    `uniform` lies between `a` and `b`; `normal` has mean `a` and deviation `b`, and below zero the
    feature is off; `log-normal` is the exponential of such a number.
    """

    kind: Literal["uniform", "normal", "log-normal"]
    a: Float[Tensor, " f"]
    b: Float[Tensor, " f"]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Firing:
    """Features that are on by chance: alone, together, or one below the other."""

    chance: Float[Tensor, " f"]
    """Of each feature; of one with a parent, where that parent is on."""
    sizes: Sizes
    parents: Int[Tensor, " f"]
    """Parent of each feature, or -1; a child comes after its parent."""
    exclusive: Bool[Tensor, " f"]
    """Whether the children of each feature exclude each other."""
    scaled: bool = False
    """Whether a child is as many times stronger than usual as its parent is (`normal` sizes)."""
    loadings: Float[Tensor, "f r"]
    """`L` of the copula; rows shorter than 1.  Without columns, features are independent."""
    exactly: int | None = None
    """Number of features without a parent that are on, all of them as likely."""

    def __post_init__(self) -> None:
        assert bool((self.parents < torch.arange(self.n_features).to(self.parents)).all())
        if self.exactly is not None and self.exactly > len(self.roots):
            raise UserError(
                f"`{self.exactly}` of {len(self.roots)} features cannot be on; ask for fewer"
            )

    @property
    def n_features(self) -> int:
        """Number of features, `f`."""
        return len(self.chance)

    @cached_property
    def roots(self) -> Int[Tensor, " q"]:
        """Features without a parent."""
        return (self.parents < 0).nonzero().squeeze(1)

    @cached_property
    def normals(self) -> tuple[Float[Tensor, " f"], Float[Tensor, "f r"]]:
        """`-t / s` and `L / s`, so that `tau` is the first plus the second times `e`."""
        low = torch.special.ndtri(1 - self.chance.double()).clamp(-1e6, 1e6)
        own = (1 - self.loadings.double().square().sum(1)).clamp_min(LEAST**2).sqrt()
        return (-low / own).float(), (self.loadings.double() / own[:, None]).float()

    def to(self, device: str) -> "Firing":
        """Return the same with its numbers on a device."""
        names = ("chance", "parents", "exclusive", "loadings")
        moved = {name: getattr(self, name).to(device) for name in names}
        sizes = replace(self.sizes, a=self.sizes.a.to(device), b=self.sizes.b.to(device))
        return replace(self, sizes=sizes, **moved)

    def draw(self, n: int, seed: int) -> Code:
        """Return the code of `n` tokens; the same one for the same seed."""
        if self.chance.device.type != "cpu":
            return plain.draw(self, n, seed)
        parts = spread(draw, n, np.uint64(seed), *self._tables)
        counts = torch.cat([torch.from_numpy(part[2]) for part in parts])
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        features = torch.cat([torch.from_numpy(part[0]) for part in parts])
        values = torch.cat([torch.from_numpy(part[1]) for part in parts])
        return Code(values, Support(features, offsets, self.n_features))

    @cached_property
    def levels(self) -> list[Int[Tensor, " c"]]:
        """The roots, their children, their children's children and so on."""
        found, depth = [self.roots], torch.zeros_like(self.parents)
        while len(found[-1]):
            depth[found[-1]] = len(found)
            under = self.parents.clamp_min(0)
            below = (self.parents >= 0) & (depth == 0) & (depth[under] == len(found))
            found.append(below.nonzero().squeeze(1))
        return found[:-1]

    @cached_property
    def _tables(self) -> tuple[object, ...]:
        """What the compiled loop reads: roots in tiles of like chance, the forest, the sizes."""
        offset, slopes = self.normals
        order = self.roots[self.chance[self.roots].argsort(descending=True, stable=True)]
        tiles = -(-len(order) // WIDTH)
        padded = torch.cat([order, order.new_full((tiles * WIDTH - len(order),), -1)])
        there = padded >= 0
        tiled = (
            padded,
            self.chance[padded].where(there, 0.0).view(tiles, WIDTH),
            offset[padded].where(there, -1e30).view(tiles, WIDTH),
            slopes[padded].view(tiles, WIDTH, -1).transpose(1, 2).contiguous(),
        )
        by_parent = self.parents.argsort(stable=True)
        ends = torch.bincount(self.parents + 1, minlength=self.n_features + 1).cumsum(0)
        forest = (offset, slopes, self.chance, ends, by_parent, self.exclusive)
        exactly = -1 if self.exactly is None else self.exactly
        return (
            exactly,
            tuple(t.numpy() for t in tiled),
            (*(t.numpy() for t in forest), self.scaled),
            (KINDS.index(self.sizes.kind), self.sizes.a.numpy(), self.sizes.b.numpy()),
        )


def alone(chance: Float[Tensor, " f"], sizes: Sizes, *, exactly: int | None = None) -> Firing:
    """Return features that know nothing of each other."""
    return Firing(
        chance=chance,
        sizes=sizes,
        parents=torch.full((len(chance),), -1),
        exclusive=torch.zeros(len(chance), dtype=torch.bool),
        loadings=torch.zeros(len(chance), 0),
        exactly=exactly,
    )


def between(low: float, high: float, n_features: int) -> Sizes:
    """Return sizes spread evenly between two numbers, the same for every feature."""
    return Sizes("uniform", torch.full((n_features,), low), torch.full((n_features,), high))
