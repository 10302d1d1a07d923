"""Activations in shuffled batches, from any source, at a position that is a few integers.

The shards of an epoch are cut into blocks of about `buffer` tokens; the rows of a block that are
eligible at all sites are drawn without replacement, and the remainder that fills no batch is
dropped.  A store's shards come in another order every epoch; a model on the fly gives them in
sequence, since going back would mean running it again.  Where one block holds them all, it is read
once.  The order is a pure function of the seed
and the position (epoch, block, batch), so nothing else needs to be saved to go on.

Where a GPU does the work, the shards of the next block are read while batches of the present one
are drawn; what comes is the same.

Axes: n rows of a batch, d width of a site.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.activations.ahead import Ahead
from unmix.activations.source import Shard, Source, eligible
from unmix.errors import UserError
from unmix.models.load import DTYPES
from unmix.models.memory import spoken

Key = tuple[int, int]
"""Epoch, and number of a block in it."""


class Block(NamedTuple):
    """The rows that batches are drawn from, and their order."""

    key: Key
    """Which block it is."""
    shards: list[int]
    """What the rows were gathered from."""
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
        reads_ahead: Read the next block while this one is used, in twice the memory; if not
            given, where there is a GPU and the source's `device` is not `cpu`.

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
        reads_ahead: bool | None = None,
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
        if reads_ahead is None:
            reads_ahead = torch.cuda.is_available() and source.config.device != "cpu"
        self.reads_ahead = reads_ahead and self._n_blocks > 1
        self._order = partial(
            _order,
            n_shards=shards,
            n_blocks=self._n_blocks,
            seed=None if source.in_sequence else seed,
        )
        self._ahead: Ahead[Shard] | None = None
        self._ahead_at: Key | None = None

    @property
    def buffer_bytes(self) -> int:
        """Memory of the block that batches are drawn from, and of one that is read ahead."""
        row = sum(self.source.sites[site] for site in self.sites)
        itemsize = DTYPES[self.source.config.dtype].itemsize
        return self._tokens * row * itemsize

    @property
    def plan(self) -> str:
        """A line that says how much memory the buffer takes."""
        return f"buffer: {self._tokens:,} tokens, {spoken(self.buffer_bytes)} of memory"

    @property
    def _per_block(self) -> int:
        """Most shards in a block."""
        return -(-self.source.n_shards("train") // self._n_blocks)

    @property
    def _tokens(self) -> int:
        """Tokens held in memory."""
        return self._per_block * self.source.config.shard * (1 + self.reads_ahead)

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
            last, chosen = self._block, self._order(key)
            rows = last.rows if last is not None and last.shards == chosen else None
            last = self._block = None  # before the next is read: two would take twice the memory
            rows = self._read(key, chosen) if rows is None else rows
            self._block = Block(key, chosen, rows, self._drawn(key, rows))
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
        self._epoch, self._number = _next((self._epoch, self._number), self._n_blocks)
        self._batch = 0

    def _read(self, key: Key, chosen: Sequence[int]) -> dict[str, Tensor]:
        """Gather the eligible rows of a block's shards."""
        most = len(chosen) * self.source.config.shard
        dtype = DTYPES[self.source.config.dtype]
        rows = {s: torch.empty(most, self.source.sites[s], dtype=dtype) for s in self.sites}
        filled = 0
        for shard in self._shards(key, chosen):
            keep = reduce(torch.logical_and, (eligible(shard, site) for site in self.sites))
            new = int(keep.sum())
            for site in self.sites:
                rows[site][filled : filled + new] = shard.acts[site][keep]
            filled += new
        return {site: kept[:filled] for site, kept in rows.items()}

    def _drawn(self, key: Key, rows: Mapping[str, Tensor]) -> Int[Tensor, " r"]:
        """Return the order in which the rows of a block are drawn."""
        epoch, number = key
        order = np.random.default_rng([self.seed, epoch, number + 1])
        return torch.from_numpy(order.permutation(len(rows[self.sites[0]])))

    def _shards(self, key: Key, numbers: Sequence[int]) -> Iterator[Shard]:
        """Yield the shards of a block."""
        if not self.reads_ahead:
            yield from (self.source.shard("train", number) for number in numbers)
            return
        if self._ahead is None or self._ahead_at != key:
            if self._ahead is not None:
                self._ahead.close()  # before another reads: a source serves one at a time
            coming = _from(key, self._order, n_blocks=self._n_blocks, epochs=self.epochs)
            make = partial(self.source.shard, "train")
            self._ahead = Ahead(make, coming, depth=self._per_block)
        self._ahead_at = None  # until all of the block are taken
        for _ in numbers:
            yield self._ahead.take()
        self._ahead_at = _next(key, self._n_blocks)


def _order(key: Key, *, n_shards: int, n_blocks: int, seed: int | None) -> list[int]:
    """Return the shards of a block; without a seed, or with one block, they come in sequence."""
    epoch, number = key
    shards = np.arange(n_shards)
    if seed is not None and n_blocks > 1:
        shards = np.random.default_rng([seed, epoch, 0]).permutation(shards)
    return np.array_split(shards, n_blocks)[number].tolist()


def _from(
    key: Key, order: Callable[[Key], list[int]], *, n_blocks: int, epochs: int | None
) -> Iterator[int]:
    """Yield the shards of a block and of all that follow it."""
    while epochs is None or key[0] < epochs:
        yield from order(key)
        key = _next(key, n_blocks)


def _next(key: Key, n_blocks: int) -> Key:
    """Return the block after a block."""
    epoch, number = key
    return (epoch, number + 1) if number + 1 < n_blocks else (epoch + 1, 0)
