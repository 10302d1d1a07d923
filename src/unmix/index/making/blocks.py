"""The parts merged: every latent's acts in one place, a block of latents at a time.

Each part is sorted by latent, so a block is gathered by copying one stretch of every part; nothing
is sorted again.

Axes: m latents, b latents of a block, e acts, ends: where latents begin (one more than latents).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, final, no_type_check

import numpy as np
from jaxtyping import Float, Int

from unmix.dictionaries.kernels.compile import kernel
from unmix.index.making.parts import Key, read_acts, read_columns

ACTS = 2**22
"""Acts of a block, about; a latent with more is a block of its own."""


class Block(NamedTuple):
    """All acts of some latents, sorted by latent, then position."""

    begin: int
    """First latent."""
    end: int
    """One past the last."""
    first: Int[np.ndarray, " ends"]
    """Where each latent's acts begin in the block, and the end."""
    position: Int[np.ndarray, " e"]
    value: Float[np.ndarray, " e"]

    @property
    def latent(self) -> Int[np.ndarray, " e"]:
        """Latent of each act."""
        return np.repeat(np.arange(self.begin, self.end, dtype=np.int32), np.diff(self.first))


class Totals(NamedTuple):
    """Counts of all parts, a number a latent."""

    n_fired: Int[np.ndarray, " m"]
    n_special: Int[np.ndarray, " m"]
    n_massive: Int[np.ndarray, " m"]
    n_first: Int[np.ndarray, " m"]


@final
class Merge:
    """The acts of all parts by latent.

    Args:
        keys: The parts, in order.
        starts: Position at which each part begins.
    """

    def __init__(self, folder: Path, keys: Sequence[Key], *, starts: Int[np.ndarray, " _"]) -> None:
        self.folder, self.keys, self.starts = folder, keys, starts
        sums: list[np.ndarray] = []
        for key in keys:
            first, *counts = read_columns(folder, key, ("first", *Totals._fields[1:]))
            part = [np.diff(first), *counts]
            sums = [a + b for a, b in zip(sums, part, strict=True)] if sums else part
        self.totals = Totals(*(column.astype(np.int64) for column in sums))

    def blocks(self, acts: int = ACTS) -> Iterator[Block]:
        """Yield every block, in order of latents."""
        ends = np.cumsum(self.totals.n_fired)
        begin, m = 0, len(ends)
        while begin < m:
            before = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, before + acts, side="right")))
            yield self._block(begin, end)
            begin = end

    def _block(self, begin: int, end: int) -> Block:
        """Gather the acts of the latents from `begin` up to `end`."""
        first = np.concatenate([[0], np.cumsum(self.totals.n_fired[begin:end])])
        position = np.empty(first[-1], np.int32)
        value = np.empty(first[-1], np.float32)
        place = first[:-1].copy()
        for key, start in zip(self.keys, self.starts, strict=False):
            inside, row, acts = read_acts(self.folder, key, begin=begin, end=end)
            gather(inside, row, acts, int(start), place, position, value)
        return Block(begin, end, first, position, value)


@kernel
@no_type_check
def gather(inside, row, acts, start, place, position, value):
    """Put a part's acts behind those of the parts before, latent by latent."""
    for j in range(len(place)):
        p = place[j]
        for e in range(inside[j], inside[j + 1]):
            position[p], value[p] = row[e] + start, acts[e]
            p += 1
        place[j] = p
