"""The statistics of a block of latents, from where and how strongly they fired.

Density p of a latent: firings over eligible tokens, a ratio of sums over documents.  Its variance
by document (Cochran 1977, section 2.11) is

    v = D / (D - 1) * sum_d (y_d - p t_d)^2 / (sum_d t_d)^2

with y_d firings and t_d eligible tokens of document d, of D in all; `interval.py` has the rest.

Axes: m latents, b latents of a block, e acts, p positions.
"""

from typing import final

import numpy as np
from jaxtyping import Float

from unmix.dictionaries.kernels.compile import balanced, spread
from unmix.index.making import moments
from unmix.index.making.blocks import Block
from unmix.index.making.interval import clustered
from unmix.index.making.positions import Positions

NEAR = 16
"""Tokens before a firing among which another makes it part of a burst."""
Columns = dict[str, np.ndarray]
"""A number a latent, by column."""


@final
class Statistics:
    """Counts what a block of latents did, on the tokens of one index.

    Args:
        n_words: Token ids there are.
    """

    def __init__(self, positions: Positions, *, n_words: int) -> None:
        self.positions, self.n_words = positions, n_words
        self.sizes = positions.eligible_sizes
        self.squares = float(np.square(self.sizes.astype(np.float64)).sum())
        places = np.arange(len(positions)) % positions.context
        self.mean_place = float(places[positions.eligible].mean())

    def of(self, block: Block) -> Columns:
        """Return the columns that follow from a block."""
        n = np.diff(block.first).astype(np.float64)
        density = n / self.positions.n_eligible
        acts = self._acts(block)
        places = self._places(block, density)
        low, high = self._density_ends(density, places["squares"])
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                "n_fired": n,
                "n_documents": places["n_documents"],
                "density": density,
                "density_low": low,
                "density_high": high,
                **acts,
                **self._words(block),
                "position_bias": places["place"] / n / self.mean_place - 1,
                "burstiness": (places["near"] - places["chance"]) / n,
            }

    def _acts(self, block: Block) -> Columns:
        """Return moments and quantiles of the acts."""
        out = _rows(block, moments.ACTS)
        bounds = balanced(block.first)
        spread(moments.acts, bounds, block.first, block.value, moments.SHARES, out)
        out[:, -1] = np.nan_to_num(out[:, -1])
        return _named(out, moments.ACTS)

    def _words(self, block: Block) -> Columns:
        """Return what the tokens it fires on are like."""
        out = _rows(block, moments.WORDS)
        out[:, 1] = -1
        given = (block.first, block.position, self.positions.token, self.n_words)
        spread(moments.words, balanced(block.first), *given, out)
        return _named(out, moments.WORDS)

    def _places(self, block: Block, density: Float[np.ndarray, " b"]) -> Columns:
        """Return what follows from where it fires."""
        out = _rows(block, moments.PLACES, fill=0.0)
        at = self.positions
        given = (block.first, block.position, at.document, at.first, self.sizes, at.context, NEAR)
        spread(moments.places, balanced(block.first), *given, density, out)
        return _named(out, moments.PLACES)

    def _density_ends(
        self, density: Float[np.ndarray, " b"], squares: Float[np.ndarray, " b"]
    ) -> tuple[Float[np.ndarray, " b"], Float[np.ndarray, " b"]]:
        """Return the 95 % interval of densities.

        Documents it did not fire in add `(p t_d)^2` each; the loop left these out of `squares`.
        """
        n, documents = self.positions.n_eligible, len(self.sizes)
        total = np.maximum(squares + density**2 * self.squares, 0)
        variance = documents / max(documents - 1, 1) * total / n**2
        return clustered(density, variance, n=np.full(len(density), float(n)))


def _rows(block: Block, names: tuple[str, ...], fill: float = np.nan) -> np.ndarray:
    return np.full((block.end - block.begin, len(names)), fill, np.float64)


def _named(rows: np.ndarray, names: tuple[str, ...]) -> Columns:
    return dict(zip(names, rows.T, strict=True))
