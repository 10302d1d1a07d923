"""What is read off the held-out shards as they go by: how many tokens, and some whole contexts.

Axes: n tokens, s contexts, c context length.
"""

from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from unmix.activations.source import Shard, eligible


class Counted(NamedTuple):
    """How many held-out tokens there were, and which were left out."""

    tokens: int
    eligible: int
    special: int
    massive: int
    """Of massive norm at one of the sites, and not special."""
    documents: int


class Contexts(NamedTuple):
    """Whole contexts to run the model on."""

    tokens: Int[Tensor, "s c"]
    documents: Int[Tensor, "s c"]
    special: Bool[Tensor, "s c"]
    excluded: Bool[Tensor, "s c"]
    """Special, or of massive norm: passed through unchanged."""


@final
class HeldOut:
    """Counts the tokens of the shards it is shown, and keeps contexts spread evenly over them.

    Args:
        sites: A token counts as eligible if it is at all of them.
        n_shards: Shards that will be shown.
        tokens: Tokens of whole contexts to keep, about.
    """

    def __init__(self, sites: Sequence[str], *, n_shards: int, tokens: int) -> None:
        self.sites = tuple(dict.fromkeys(sites))
        self.n_shards = n_shards
        self.tokens = tokens
        self._seen = 0
        self._kept: list[Contexts] = []
        self._sizes = torch.zeros(3, dtype=torch.int64)
        self._documents = torch.zeros(0, dtype=torch.int64)

    def add(self, shard: Shard) -> None:
        """Count one shard and keep its part of the contexts."""
        keep = measurable(shard, self.sites).cpu()
        special = shard.special.cpu()
        self._sizes += torch.tensor([shard.tokens.numel(), int(keep.sum()), int(special.sum())])
        self._documents = torch.cat([self._documents, shard.documents.flatten().cpu()]).unique()
        n, width = shard.tokens.shape
        wanted = self.tokens // width
        share = wanted * (self._seen + 1) // self.n_shards - wanted * self._seen // self.n_shards
        self._seen += 1
        rows = torch.linspace(0, n - 1, min(share, n)).round().long()
        excluded = ~keep.view(n, width)
        parts = (shard.tokens.cpu(), shard.documents.cpu(), special, excluded)
        self._kept.append(Contexts(*(part[rows] for part in parts)))

    def counted(self) -> Counted:
        """Return the counts over all shards shown."""
        tokens, n_eligible, special = self._sizes.tolist()
        left = tokens - special - n_eligible
        return Counted(tokens, n_eligible, special, left, len(self._documents))

    def contexts(self) -> Contexts:
        """Return the contexts kept."""
        return Contexts(*(torch.cat(parts) for parts in zip(*self._kept, strict=True)))


def measurable(shard: Shard, sites: Sequence[str]) -> Bool[Tensor, " n"]:
    """Mark the rows of a shard that are eligible at every one of `sites`."""
    return torch.stack([eligible(shard, site) for site in dict.fromkeys(sites)]).all(0)
