"""What dashboards of other libraries show of a latent, before it gets the names of one of them.

Axes: d width of the directions.
"""

from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float

from unmix.export.config import DashboardConfig
from unmix.export.sequences import Group, Sequences
from unmix.index.read import Index
from unmix.index.statistics import Bars, acts_histogram, logit_histogram

BINS = 50
"""Bars of a histogram of acts in these formats."""
EFFECTS = 10
"""Tokens they list on each side of a latent's effect on the logits."""
ALIGNED = 3
"""Coordinates they list of a direction."""
DIGITS = 5
"""Digits that are kept of a number."""


class Scored(NamedTuple):
    """Numbers of something, and a score for each, best first."""

    which: list[int]
    scores: list[float]


class Bar(NamedTuple):
    """A histogram as these formats hold it."""

    centres: list[float]
    heights: list[float]


class Dashboard(NamedTuple):
    """What is shown of a latent."""

    latent: int
    density: float
    largest: float
    """Act of the largest magnitude; 0 if it never fired."""
    row: list[float]
    """Its decoder row."""
    aligned: Scored
    """The coordinates of its decoder row that are largest in magnitude."""
    aligned_share: list[float]
    """Share of each of them in the sum of magnitudes."""
    near: Scored
    """The nearest by direction, and their cosines."""
    up: tuple[list[str], list[float]]
    """Tokens it writes for."""
    down: tuple[list[str], list[float]]
    """Tokens it writes against."""
    acts: Bar
    """Zero is in no bin."""
    logits: Bar
    place: tuple[float, float] | None
    """On the map of directions, by UMAP where the index has it, else by PCA."""
    groups: list[Group]


@final
class Dashboards:
    """The dashboards of an index."""

    def __init__(self, index: Index, counts: DashboardConfig) -> None:
        self.index = index
        self.sequences = Sequences(index, counts)
        umap = np.isfinite(index.column("umap_x")).any()
        self._map = ("umap_x", "umap_y") if umap else ("x", "y")

    def of(self, latent: int) -> Dashboard:
        """Return the dashboard of a latent."""
        index, codes = self.index, self.index.codes(latent)
        row = index.directions[latent] * np.float32(index.column("norm")[latent])
        largest = np.argsort(-np.abs(row), kind="stable")[:ALIGNED]
        peak = float(index.column("largest")[latent]) if len(codes.values) else 0.0
        total = max(float(np.abs(row).sum()), np.finfo(np.float32).tiny)
        return Dashboard(
            latent=latent,
            density=float(index.column("density")[latent]),
            largest=peak,
            row=short(row),
            aligned=Scored(largest.tolist(), short(row[largest])),
            aligned_share=short(np.abs(row[largest]) / total),
            near=self._near(latent),
            up=self._effects(latent, side=1),
            down=self._effects(latent, side=-1),
            acts=_bar(acts_histogram(codes.values, bins=BINS)),
            logits=_bar(logit_histogram(index, latent)),
            place=self._place(latent),
            groups=self.sequences.of(latent, codes),
        )

    def _near(self, latent: int) -> Scored:
        rows = self.index.neighbours.of(latent)
        mine = np.flatnonzero(rows["kind"] == "direction")
        mine = mine[np.argsort(rows["rank"][mine], kind="stable")]
        return Scored(rows["other"][mine].tolist(), short(rows["score"][mine]))

    def _effects(self, latent: int, *, side: int) -> tuple[list[str], list[float]]:
        rows = self.index.logits.of(latent)
        mine = np.flatnonzero(rows["side"] == side)
        mine = mine[np.argsort(rows["rank"][mine], kind="stable")][:EFFECTS]
        return self.sequences.text(rows["token"][mine]), short(rows["logit"][mine])

    def _place(self, latent: int) -> tuple[float, float] | None:
        across, up = (float(self.index.column(name)[latent]) for name in self._map)
        return (across, up) if np.isfinite([across, up]).all() else None


def short(values: Float[np.ndarray, "..."]) -> list[float]:
    """Return numbers with a few digits, which halves the files that are made of them."""
    exact = values.astype(np.float64)
    size = np.floor(np.log10(np.abs(exact), where=exact != 0, out=np.zeros_like(exact)))
    scale = 10.0 ** (DIGITS - 1 - size)
    return (np.round(exact * scale) / scale).tolist()


def _bar(bars: Bars | None) -> Bar:
    """Return a histogram by the centres of its bars; empty if there is none."""
    if bars is None:
        return Bar([], [])
    edges = np.asarray(bars.edges)
    return Bar(short((edges[:-1] + edges[1:]) / 2), [float(one) for one in bars.counts])
