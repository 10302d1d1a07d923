"""Activations by the shard: what every consumer of activations reads.

A `Source` holds shards of whole contexts, on both sides of the split.  `LiveSource` makes them by
running a model, `Store` reads them from disk; for one `SourceConfig` both give the same rows.

Not every row is meant for training.  Special tokens are not text.  Tokens of massive norm (first
positions, attention sinks: Sun et al. 2024, "Massive activations in large language models") would
rule every mean and every loss, so they are flagged and left out.

Axes: s contexts in a shard, c tokens in a context, n = s * c rows, d width of the site.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.activations.config import SourceConfig
from unmix.disk import fingerprint
from unmix.text.document import Scalar, Split

SLAB = 4096
"""Rows turned into float64 at a time."""


class Shard(NamedTuple):
    """Some contexts and what the model carried on them; row `i * c + j` is token `[i, j]`."""

    tokens: Int[Tensor, "s c"]
    """Token ids."""
    documents: Int[Tensor, "s c"]
    """Number of each token's document."""
    offsets: Int[Tensor, "s c"]
    """Place of each token in its document; -1 for a beginning-of-text token that was put in."""
    special: Bool[Tensor, "s c"]
    """Whether the token is a special one."""
    acts: Mapping[str, Float[Tensor, "n _"]]
    """Activations at each site, in the precision of the source."""
    massive: Mapping[str, Bool[Tensor, " n"]]
    """At each site, whether the norm is massive."""


class About(NamedTuple):
    """What is known of a document besides its text."""

    name: str
    """What a person calls it."""
    source: str
    """Where it came from."""
    metadata: Mapping[str, Scalar]
    """Whatever else the source knew."""


class Sums(NamedTuple):
    """What moments are made of; sums of shards add up."""

    total: Float[Tensor, " d"]
    """Sum of the eligible rows, float64."""
    squares: Float[Tensor, ""]
    """Sum of their squared norms, float64."""
    tokens: int
    """Number of eligible rows."""


class Moments(NamedTuple):
    """Mean and spread of a site over the rows that are eligible for training."""

    mean: Float[Tensor, " d"]
    """Mean activation, float64."""
    variance: float
    """E‖x - mean‖² / d."""
    tokens: int
    """Rows that were counted."""
    median_norm: float
    """Median of ‖x‖ over the first shard; what massive norms are measured against."""


class Source(ABC):
    """Shards of activations on both sides of the split."""

    @property
    @abstractmethod
    def config(self) -> SourceConfig:
        """The settings the activations were read with."""

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, object]:
        """All that decides the rows, as JSON: fingerprints of model and text, and settings."""

    @property
    @abstractmethod
    def sites(self) -> Mapping[str, int]:
        """The name and the width of each site."""

    @abstractmethod
    def n_shards(self, split: Split) -> int:
        """Return the number of shards on one side of the split."""

    @abstractmethod
    def shard(self, split: Split, number: int) -> Shard:
        """Return a shard."""

    @abstractmethod
    def moments(self, site: str) -> Moments:
        """Return the moments of a site over eligible training rows: all of a store's, or the
        first shard's of a model on the fly.
        """

    @abstractmethod
    def about(self, numbers: Iterable[int]) -> list[About]:
        """Return what is known of documents that occurred in a shard."""

    @property
    @abstractmethod
    def in_sequence(self) -> bool:
        """Whether shards are to be asked for one after the other, because others cost more."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the rows do."""
        return fingerprint(dict(self.identity))

    def documents(self, numbers: Iterable[int]) -> list[str]:
        """Return the names of documents that occurred in a shard."""
        return [about.name for about in self.about(numbers)]


def held_out(source: Source) -> Iterator[Shard]:
    """Yield the held-out shards."""
    return (source.shard("held_out", i) for i in range(source.n_shards("held_out")))


def eligible(shard: Shard, site: str) -> Bool[Tensor, " n"]:
    """Mark the rows that may be trained on: neither special nor massive."""
    return ~(shard.special.flatten() | shard.massive[site])


def norms(acts: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Return the norm of each row in float32, whatever the precision of the rows."""
    return torch.cat([slab.float().norm(dim=1) for slab in acts.split(SLAB)])


def sums(shard: Shard, site: str) -> Sums:
    """Add up the eligible rows of a shard, in float64."""
    keep = eligible(shard, site)
    acts = shard.acts[site]
    total = torch.zeros(acts.shape[1], dtype=torch.float64)
    squares = torch.zeros((), dtype=torch.float64)
    for slab, kept in zip(acts.split(SLAB), keep.split(SLAB), strict=True):
        rows = slab[kept].double()
        total += rows.sum(0)
        squares += rows.square().sum()
    return Sums(total, squares, int(keep.sum()))


def moments_of(parts: Iterable[Sums], median_norm: float) -> Moments:
    """Turn sums into moments."""
    parts = list(parts)
    tokens = sum(part.tokens for part in parts)
    mean = torch.stack([part.total for part in parts]).sum(0) / max(tokens, 1)
    squares = torch.stack([part.squares for part in parts]).sum() / max(tokens, 1)
    variance = float(squares - mean.square().sum()) / len(mean)
    return Moments(mean, max(variance, 0.0), tokens, median_norm)
