"""A world: activations made of features that are known.

    x = z D + b + noise

`D` holds a unit direction a feature, `z` says which features are on and how strongly: the true
code, given beside every batch in the form that `encode` returns.  The order of tokens is a pure
function of the seed and the number of the batch.

Axes: n tokens, d activation width, f features.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple, final

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from unmix.dictionaries import kernels
from unmix.dictionaries.code import Code, Support
from unmix.errors import UserError
from unmix.worlds.chance import draws, mixed
from unmix.worlds.firing import Firing


class Sample(NamedTuple):
    """A batch of activations and what they are made of."""

    x: Float[Tensor, "n d"]
    """Activations."""
    code: Code
    """Features that are on, and how strongly; a latent of this code is a feature."""


class World(ABC):
    """Activations whose features are known."""

    directions: Float[Tensor, "f d"]
    """Unit direction of each feature."""
    parents: Int[Tensor, " f"]
    """The feature without which a feature is never on, or -1."""

    @property
    def n_features(self) -> int:
        """Number of features, `f`."""
        return len(self.directions)

    @property
    def width(self) -> int:
        """Width of the activations, `d`."""
        return self.directions.shape[1]

    @abstractmethod
    def sample(self, n: int, *, seed: int = 0, number: int = 0) -> Sample:
        """Return batch `number` of the endless sequence that `seed` begins."""

    def stream(self, n: int, *, seed: int = 0, first: int = 0) -> Iterator[Sample]:
        """Yield batches of `n` tokens without end, from batch `first` on."""
        return (self.sample(n, seed=seed, number=number) for number in count(first))


@final
class Planted(World):
    """A world that is drawn.

    Args:
        directions: Direction of each feature; brought to unit length.
        firing: Which features are on, and how strongly.
        bias: What is added to every activation; nothing if not given.
        noise: Standard deviation of what is added to each coordinate, normal and independent.
    """

    def __init__(
        self,
        directions: Float[Tensor, "f d"],
        firing: Firing,
        *,
        bias: Float[Tensor, " d"] | None = None,
        noise: float = 0.0,
    ) -> None:
        if len(directions) != firing.n_features:
            raise UserError(
                f"there are {len(directions)} directions for {firing.n_features} features; "
                "give one a feature"
            )
        self.directions = torch.nn.functional.normalize(directions, dim=1)
        self.parents = firing.parents
        self.firing = firing
        self.bias = directions.new_zeros(self.width) if bias is None else bias
        self.noise = noise

    def to(self, device: str) -> "Planted":
        """Return the world with its numbers on a device, where batches are then drawn."""
        return Planted(
            self.directions.to(device),
            self.firing.to(device),
            bias=self.bias.to(device),
            noise=self.noise,
        )

    def sample(self, n: int, *, seed: int = 0, number: int = 0) -> Sample:
        """Draw batch `number` of `seed`: the same one every time."""
        code = self.firing.draw(n, mixed(seed, number))
        D = self.directions
        x = kernels.of(D).sum_rows(code.values, code.latents, code.offsets, D) + self.bias
        if self.noise:
            draw = draws(mixed(seed, number), "noise", device=D.device)
            x += self.noise * torch.randn(x.shape, generator=draw, device=D.device)
        return Sample(x, code)


@final
class Listed(World):
    """A world of a few given tokens, gone through in order and begun anew.

    Args:
        x: The tokens.
        acts: How strongly each feature is on.
        directions: Unit direction of each feature.
    """

    def __init__(
        self,
        x: Float64[Tensor, "n d"],
        acts: Float64[Tensor, "n f"],
        directions: Float64[Tensor, "f d"],
    ) -> None:
        self.x, self.acts = x, acts
        self.directions = directions.float()
        self.parents = torch.full((len(directions),), -1)

    def sample(self, n: int, *, seed: int = 0, number: int = 0) -> Sample:
        """Return the next `n` of the tokens, in float32; `seed` changes nothing."""
        rows = torch.arange(number * n, (number + 1) * n) % len(self.x)
        return Sample(self.x[rows].float(), coded(self.acts[rows].float()))


def coded(acts: Float[Tensor, "n f"]) -> Code:
    """Return a matrix of acts as a code with an entry where it is not zero."""
    tokens, features = acts.nonzero(as_tuple=True)
    ends = torch.bincount(tokens, minlength=len(acts)).cumsum(0)
    support = Support(features, torch.cat([ends.new_zeros(1), ends]), acts.shape[1])
    return Code(acts[tokens, features], support)
