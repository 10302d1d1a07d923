"""Activations in shuffled batches, from any source, at a position that is a few integers.

The shards of an epoch are cut into blocks of about `buffer` tokens; the rows of a block that are
eligible at all sites are drawn without replacement, and the remainder that fills no batch is
dropped.  A store's shards come in another order every epoch; a model on the fly gives them in
sequence, since going back would mean running it again.  The order is a pure function of the seed
and the position (epoch, block, batch), so nothing else needs to be saved to go on.

Axes: n rows of a batch, d width of a site.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.activations.source import Source, eligible
from unmix.errors import UserError
from unmix.models.load import DTYPES
from unmix.models.memory import spoken


class Block(NamedTuple):
    """The rows that batches are drawn from, and their order."""

    key: tuple[int, int]
    """Epoch and number of the block."""
    rows: Mapping[str, Tensor]
    """Eligible rows at each site, `[r, d]`."""
    order: Int[Tensor, " r"]
    """A permutation of the rows."""


@final
class Stream(Iterator[dict[str, Tensor]]):
    """Shuffled batches of float32 rows, the same tokens at every site.

    Args:
        source: Where the rows come from.
        sites: The sites to read; all of the source's if not given.
        batch: Rows in a batch.
        seed: Decides the order.
        buffer: Tokens in a block, and so how far rows are mixed.
        epochs: Times the source is gone through; endless if not given.

    Raises:
        UserError: No such site, or fewer rows in the whole source than in one batch.
    """

    def __init__(
        self,
        source: Source,
        sites: Sequence[str] | None = None,
        *,
        batch: int = 4096,
        seed: int = 0,
        buffer: int = 2**19,
        epochs: int | None = None,
    ) -> None:
        self.source = source
        self.sites = list(source.sites if sites is None else sites)
        for site in self.sites:
            if site not in source.sites:
                there = ", ".join(f"`{name}`" for name in source.sites)
                raise UserError(f"the activations are not of site `{site}`; they are of {there}")
        self.batch = batch
        self.seed = seed
        self.epochs = epochs
        shards = source.n_shards("train")
        self._n_blocks = max(1, min(shards, round(shards * source.config.shard / buffer)))
        self._epoch, self._number, self._batch = 0, 0, 0
        self._fruitless = 0
        self._block: Block | None = None

    @property
    def buffer_bytes(self) -> int:
        """Memory of the block that batches are drawn from."""
        per_block = -(-self.source.n_shards("train") // self._n_blocks)
        row = sum(self.source.sites[site] for site in self.sites)
        itemsize = DTYPES[self.source.config.dtype].itemsize
        return per_block * self.source.config.shard * row * itemsize

    @property
    def plan(self) -> str:
        """A line that says how much memory the buffer takes."""
        per_block = -(-self.source.n_shards("train") // self._n_blocks)
        tokens = per_block * self.source.config.shard
        return f"buffer: {tokens:,} tokens, {spoken(self.buffer_bytes)} of memory"

    def state(self) -> dict[str, int]:
        """Return the position after the last batch."""
        return {"epoch": self._epoch, "block": self._number, "batch": self._batch}

    def restore(self, state: Mapping[str, int]) -> None:
        """Go to a position."""
        self._epoch, self._number, self._batch = (state[k] for k in ("epoch", "block", "batch"))

    def __iter__(self) -> "Stream":
        """Return the stream itself: it goes on where it is."""
        return self

    def __next__(self) -> dict[str, Float[Tensor, "n _"]]:
        """Return the next batch."""
        while self.epochs is None or self._epoch < self.epochs:
            block = self._current()
            begin = self._batch * self.batch
            if begin + self.batch <= len(block.order):
                self._batch += 1
                chosen = block.order[begin : begin + self.batch]
                return {site: rows[chosen].float() for site, rows in block.rows.items()}
            self._advance()
        raise StopIteration

    def _current(self) -> Block:
        """Return the block of the position, reading it if it is not there."""
        key = self._epoch, self._number
        if self._block is None or self._block.key != key:
            self._block = None  # before the next is read: two would take twice the memory
            self._block = self._read(key)
            enough = len(self._block.order) >= self.batch
            self._fruitless = 0 if enough else self._fruitless + 1
            if self._fruitless >= self._n_blocks:
                raise UserError(
                    f"no block of {self.source.config.shard:,} tokens or more holds"
                    f" `batch = {self.batch}` rows to train on; lower `batch`, or read more tokens"
                )
        return self._block

    def _advance(self) -> None:
        """Go to the beginning of the next block."""
        last = self._number + 1 == self._n_blocks
        self._epoch += last
        self._number = 0 if last else self._number + 1
        self._batch = 0

    def _read(self, key: tuple[int, int]) -> Block:
        """Gather the eligible rows of a block's shards."""
        epoch, number = key
        shards = np.arange(self.source.n_shards("train"))
        if not self.source.in_sequence:
            shards = np.random.default_rng([self.seed, epoch, 0]).permutation(shards)
        chosen = np.array_split(shards, self._n_blocks)[number].tolist()
        most = len(chosen) * self.source.config.shard
        dtype = DTYPES[self.source.config.dtype]
        rows = {s: torch.empty(most, self.source.sites[s], dtype=dtype) for s in self.sites}
        filled = 0
        for index in chosen:
            shard = self.source.shard("train", index)
            keep = reduce(torch.logical_and, (eligible(shard, site) for site in self.sites))
            count = int(keep.sum())
            for site in self.sites:
                rows[site][filled : filled + count] = shard.acts[site][keep]
            filled += count
        order = np.random.default_rng([self.seed, epoch, number + 1]).permutation(filled)
        return Block(key, rows, torch.from_numpy(order))
