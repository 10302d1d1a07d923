"""Which latents fire together, counted on a sample of whole contexts.

For each latent its tokens are gone through, and the latents of each token counted: work of
n k^2 for n tokens on which k latents fire, whatever the number of latents.

Axes: m latents, n tokens of the sample, e acts on them, q neighbours, p positions of the index.
"""

from typing import NamedTuple, final, no_type_check

import numpy as np
from jaxtyping import Float, Int

from unmix.dictionaries.kernels.compile import balanced, kernel, spread
from unmix.dictionaries.kernels.products_cpu import sort_by_latent
from unmix.index.making.blocks import Block
from unmix.index.making.ranking import insert
from unmix.index.schema import NEIGHBOURS

TOKENS = 2**19
"""Most tokens of the sample."""
PAIRS = 2**32
"""Pairs of latents counted, about: where many fire on a token, the sample is smaller."""


class Near(NamedTuple):
    """The nearest of each latent; -1 and NaN where there are fewer."""

    other: Int[np.ndarray, "m q"]
    score: Float[np.ndarray, "m q"]
    together: Float[np.ndarray, "m q"]
    """Share of the latent's firings on which the other fires, too, in the sample."""


@final
class Cofiring:
    """Gathers the firings on a sample of contexts, block by block, and counts pairs in the end.

    Args:
        n_positions: Positions of the index.
        l0: Latents that fire on a token, on average.
        context: Tokens in a context.
        n_latents: Latents of the dictionary, `m`.
    """

    def __init__(self, n_positions: int, *, l0: float, context: int, n_latents: int) -> None:
        wanted = min(TOKENS, PAIRS / max(l0, 1) ** 2)
        self.every = max(1, round(n_positions / wanted))
        """One context in so many is in the sample."""
        self.context, self.n_latents = context, n_latents
        contexts = -(-n_positions // context)
        self.tokens = -(-contexts // self.every) * context
        """Tokens of the sample, about."""
        self._rows: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []

    def add(self, block: Block) -> None:
        """Keep the firings of a block that are in the sample."""
        number, place = np.divmod(block.position, self.context)
        inside = number % self.every == 0
        before = np.concatenate([[0], np.cumsum(inside)])
        self._counts.append(np.diff(before[block.first]))
        row = number[inside] // self.every * self.context + place[inside]
        self._rows.append(row.astype(np.int32))

    def near(self, others: Int[np.ndarray, "m q"]) -> tuple[Near, Float[np.ndarray, "m q"]]:
        """Return the nearest by firing, and how often `others` fire together with each latent."""
        row = np.concatenate(self._rows)
        counts = np.concatenate(self._counts)
        first = np.concatenate([[0], np.cumsum(counts)])
        latent = np.repeat(np.arange(self.n_latents, dtype=np.int32), counts)
        order = np.empty(len(row), np.int32)
        ends = np.empty(self.tokens + 1, np.int64)
        sort_by_latent(row, self.tokens, order, ends)
        latent = latent[order]
        shape = (self.n_latents, NEIGHBOURS)
        near = Near(np.full(shape, -1, np.int32), np.full(shape, np.nan), np.full(shape, np.nan))
        together = np.full(others.shape, np.nan)
        given = (first, row, ends, latent, others, *near, together)
        spread(count_pairs, balanced(first), *given)
        return near, together


@kernel
@no_type_check
def count_pairs(start, stop, first, row, ends, latent, others, near, score, share, together):
    """Count each latent's pairs; keep the largest Jaccard indices, of equals the lower latent."""
    m = len(first) - 1
    counts, touched = np.zeros(m, np.int32), np.empty(m, np.int32)
    for j in range(start, stop):
        own, seen = first[j + 1] - first[j], 0
        if own == 0:
            continue
        for e in range(first[j], first[j + 1]):
            for i in range(ends[row[e]], ends[row[e] + 1]):
                other = latent[i]
                if counts[other] == 0:
                    touched[seen] = other
                    seen += 1
                counts[other] += 1
        for q in range(others.shape[1]):
            if others[j, q] >= 0:
                together[j, q] = counts[others[j, q]] / own
        n = 0
        for i in range(seen):
            other = touched[i]
            if other != j:
                either = own + first[other + 1] - first[other] - counts[other]
                n = insert(near[j], score[j], n, other, counts[other] / either)
        for q in range(n):
            share[j, q] = counts[near[j, q]] / own
        for i in range(seen):
            counts[touched[i]] = 0
