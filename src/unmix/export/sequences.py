"""Stretches of text as dashboards of other libraries hold them: tokens, and an act for each.

They are grouped by how strongly a latent fires at one of their tokens: the strongest (one a
document), then five intervals of equal width between zero and the largest act, drawn at random.
A latent is zero nearly everywhere and zero is in no interval.  Texts are the tokens' own, layout
not replaced by signs; tokens that make no character alone are joined with their neighbours.

Axes: p positions of a stretch, v token ids.
"""

from itertools import pairwise
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Int

from unmix.export.config import DashboardConfig
from unmix.index.examples import Wish, sample
from unmix.index.read import Codes, Index
from unmix.index.windows import acts_at, window
from unmix.text.spelling import pieces

INTERVALS = 5
"""Intervals that the two formats have."""
STRONGEST = -1.0
"""What both formats write for the bounds and the share of the strongest."""


class Stretch(NamedTuple):
    """Some text and how strongly a latent fires along it."""

    tokens: list[str]
    acts: list[float]
    """0 where it does not fire, and on tokens of massive norm, where it is not measured."""
    peak: int
    """Index of the token it was chosen for."""


class Group(NamedTuple):
    """Stretches whose peaks lie between two bounds."""

    low: float
    high: float
    share: float
    """Share of the latent's acts that lie there."""
    stretches: list[Stretch]


@final
class Sequences:
    """The stretches of every latent of an index."""

    def __init__(self, index: Index, counts: DashboardConfig) -> None:
        self.index = index
        self.counts = counts

    def text(self, tokens: Int[np.ndarray, " _"]) -> list[str]:
        """Return the texts of single tokens, bytes that make no character escaped."""
        return self.index.vocabulary.plain[tokens].tolist()

    def of(self, latent: int, codes: Codes) -> list[Group]:
        """Return the groups of a latent, the strongest first; none if it never fired."""
        if not len(codes.values):
            return []
        counts = self.counts
        strongest = float(np.abs(codes.values).max())
        found = [self._group(latent, codes, Wish("top", n=counts.top), STRONGEST, strongest)]
        for low, high in reversed([*pairwise(self.edges(codes))]):
            above = float(np.nextafter(np.float32(low), np.float32(np.inf)))  # an edge counts once
            wish = Wish("interval", n=counts.interval, seed=counts.seed, low=above, high=high)
            found.append(self._group(latent, codes, wish, low, high))
        return found

    def edges(self, codes: Codes) -> list[float]:
        """Return the bounds of the intervals, from zero (or the least act) to the largest act."""
        low, high = min(0.0, float(codes.values.min())), max(0.0, float(codes.values.max()))
        return np.linspace(low, high, INTERVALS + 1).tolist()

    def _group(self, latent: int, codes: Codes, wish: Wish, low: float, high: float) -> Group:
        drawn = sample(self.index, latent, wish)
        share = STRONGEST if wish.how == "top" else drawn.total / len(codes.values)
        return Group(low, high, share, [self._stretch(one.position, codes) for one in drawn.found])

    def _stretch(self, position: int, codes: Codes) -> Stretch:
        side = self.counts.window
        positions = window(self.index, position, before=side, after=side)
        ids = self.index.tokens.token[positions]
        acts, peak = acts_at(codes, positions), int(np.searchsorted(positions, position))
        if self.index.vocabulary.is_whole[ids].all():
            return Stretch(self.text(ids), acts.tolist(), peak)
        joined = pieces([self.index.vocabulary.bytes[token] for token in ids.tolist()])
        ends = [(one.first, one.last + 1) for one in joined]
        strongest = [float(_strongest(acts[first:end])) for first, end in ends]
        place = next(i for i, one in enumerate(joined) if one.first <= peak <= one.last)
        return Stretch([one.text for one in joined], strongest, place)


def _strongest(acts: np.ndarray) -> np.float32:
    return acts[np.abs(acts).argmax()]
