"""Parts of the corpus: how often latents fire on each, and which latents differ between two.

Tokens of one document are alike, so the document is the unit of every interval and test here.  A
density is a ratio of sums over documents, `p = Σ y / Σ n` (`y` firings, `n` eligible tokens of a
document), and its variance is the linearised one of a cluster sample (Cochran 1977, section 9A):

    var(p) = D / (D - 1) · Σ (y - p n)² / (Σ n)²

A latent that fired in one document alone has `var(p)` about `p²`, however often it fired there.

Axes: m latents, D documents, v values of a kind of metadata, r stretches of acts.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import false_discovery_control, t

from unmix.errors import UserError
from unmix.index.examples import in_slice
from unmix.index.making.interval import wilson
from unmix.index.read import Codes, Index

LEAST = 5
"""Documents, of both slices together, in which a latent must have fired to be tested."""

ROWS = 2**21
"""Acts looked at at once, where latents have no more."""


class SliceShare(NamedTuple):
    """How often a latent fires on one part of the corpus."""

    key: str
    value: str
    n_tokens: int
    density: float
    low: float
    """Lower end of the 95 % interval, by document (Wilson's, with Kish's design effect)."""
    high: float
    ratio: float
    """To the density on everything else; each count of firings is raised by a half."""


class Sums(NamedTuple):
    """Sums over the documents of groups, for one latent or several; the last axis is the group."""

    n: np.ndarray
    """Eligible tokens."""
    nn: np.ndarray
    """Their squares, document by document."""
    documents: np.ndarray
    """Documents with an eligible token."""
    y: np.ndarray
    """Firings."""
    yy: np.ndarray
    yn: np.ndarray
    fired: np.ndarray
    """Documents with a firing."""

    @property
    def density(self) -> np.ndarray:
        """Firings by token."""
        return self.y / np.maximum(self.n, 1)

    @property
    def variance(self) -> np.ndarray:
        """Variance of the density, by document."""
        p, d = self.density, self.documents
        squares = np.maximum(self.yy - 2 * p * self.yn + p**2 * self.nn, 0)
        return d / np.maximum(d - 1, 1) * squares / np.maximum(self.n, 1) ** 2

    @property
    def effect(self) -> np.ndarray:
        """Design effect: how much larger the variance is than that of independent tokens."""
        binomial = self.density * (1 - self.density) / np.maximum(self.n, 1)
        known = (binomial > 0) & (self.documents > 1)
        ratio = np.divide(self.variance, binomial, out=np.ones_like(binomial), where=known)
        return np.maximum(ratio, 1)


class Difference(NamedTuple):
    """A latent that fires more on one slice than on another."""

    latent: int
    density_a: float
    density_b: float
    log_ratio: float
    """log2 of the ratio, each count raised by a half."""
    q: float
    """False discovery rate at which it would still be called different."""


class Differences(NamedTuple):
    """Which latents differ between two slices."""

    n_a: int
    n_b: int
    tested: int
    rows: list[Difference]
    """Least `q` first, then the largest ratio."""


def shares(index: Index, codes: Codes) -> list[SliceShare]:
    """Return how often a latent fires on every slice there is."""
    sizes = index.document_sizes
    fired = np.bincount(index.tokens.document[codes.positions], minlength=len(sizes))
    everywhere = _sums(sizes, fired, np.zeros(len(sizes), dtype=np.int64), n_groups=1)
    made = []
    for key, slices in index.documents.slices.items():
        if len(slices.values) > 1:
            sums = _sums(sizes, fired, slices.of_document, n_groups=len(slices.values))
            made += _shares(key, slices.values, sums, everywhere)
    return made


def differences(index: Index, a: tuple[str, str], b: tuple[str, str], *, limit: int) -> Differences:
    """Compare the density of every latent on two slices, given as key and value.

    Welch's t of the two densities by document, its degrees of freedom counted from the documents
    with a firing; Benjamini and Hochberg (1995) over the latents tested.

    Raises:
        UserError: There is no such slice, or the two share documents.
    """
    sides = np.stack([in_slice(index, *a), in_slice(index, *b)])
    if sides.all(0).any():
        raise UserError("the two slices share documents; choose two that do not")
    group = np.where(sides.any(0), sides.argmax(0), -1)
    sums = _all_sums(index, group)
    tested = np.flatnonzero(sums.fired.sum(1) >= LEAST)
    q = np.ones(len(index))
    if len(tested):
        q[tested] = false_discovery_control(_p_values(Sums(*(one[tested] for one in sums))))
    log_ratio = np.log2((sums.y + 0.5) / np.maximum(sums.n, 1))
    log_ratio = log_ratio[:, 0] - log_ratio[:, 1]
    order = tested[np.lexsort((-np.abs(log_ratio[tested]), q[tested]))][:limit]
    density = sums.density
    rows = [
        Difference(j, float(density[j, 0]), float(density[j, 1]), float(log_ratio[j]), float(q[j]))
        for j in order.tolist()
    ]
    return Differences(int(sums.n[0, 0]), int(sums.n[0, 1]), len(tested), rows)


def _shares(key: str, values: list[str], sums: Sums, everywhere: Sums) -> list[SliceShare]:
    effect = np.where((sums.y > 0) & (sums.documents > 1), sums.effect, everywhere.effect)
    low, high = wilson(sums.density, np.maximum(sums.n / effect, 1e-9))
    rest_n = np.maximum(everywhere.n - sums.n, 1)
    rest = (everywhere.y - sums.y + 0.5) / rest_n
    ratio = (sums.y + 0.5) / np.maximum(sums.n, 1) / rest
    return [
        SliceShare(
            key, value, int(sums.n[i]), *map(float, (sums.density[i], low[i], high[i], ratio[i]))
        )
        for i, value in enumerate(values)
        if sums.n[i]
    ]


def _sums(
    sizes: Int[np.ndarray, " D"], fired: Int[np.ndarray, " D"], group: Int[np.ndarray, " D"], *,
    n_groups: int,
) -> Sums:  # fmt: skip
    """Add up one latent's documents by group; documents of the group -1 are left out."""
    kept = np.flatnonzero((group >= 0) & (sizes > 0))
    n, y = sizes[kept].astype(np.float64), fired[kept].astype(np.float64)
    parts = (n, n * n, np.ones(len(n)), y, y * y, y * n, (y > 0).astype(np.float64))
    return Sums(*(np.bincount(group[kept], part, minlength=n_groups) for part in parts))


def _all_sums(index: Index, group: Int[np.ndarray, " D"]) -> Sums:
    """Add up every latent's documents in the groups 0 and 1."""
    sizes, m = index.document_sizes, len(index)
    total = _sums(sizes, np.zeros_like(sizes), group, n_groups=2)
    sums = np.zeros((4, 2 * m))
    for latent, document, count in _stretches(index):
        side = group[document]
        kept = np.flatnonzero(side >= 0)
        begin, end = 2 * int(latent[0]), 2 * int(latent[-1]) + 2
        cell = latent[kept] * 2 + side[kept] - begin
        y, n = count[kept].astype(np.float64), sizes[document[kept]]
        for i, part in enumerate((y, y * y, y * n, None)):
            sums[i, begin:end] += np.bincount(cell, part, minlength=end - begin)
    known = (np.broadcast_to(one, (m, 2)) for one in total[:3])
    return Sums(*known, *sums.reshape(4, m, 2))


def _stretches(index: Index) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Give latent, document and number of firings, wherever a latent fired in a document.

    A latent's acts are sorted by position, so those in one document are neighbours.  Acts are read
    for whole latents, about `ROWS` at a time.
    """
    of_position, n_fired = index.tokens.document, index.column("n_fired")
    ends = np.cumsum(n_fired)
    begin = 0
    while begin < len(n_fired):
        first = int(ends[begin] - n_fired[begin])
        end = max(begin + 1, int(np.searchsorted(ends, first + ROWS, side="right")))
        n = int(ends[end - 1]) - first
        table = index.code_rows.stretch(first, n, columns=["position"])
        document = of_position[table["position"].to_numpy()]
        is_new = np.r_[True, document[1:] != document[:-1]][:n]
        starts = ends[begin:end] - n_fired[begin:end] - first
        is_new[starts[n_fired[begin:end] > 0]] = True
        at = np.flatnonzero(is_new)
        if n:
            latent = np.searchsorted(starts, at, side="right") - 1 + begin
            yield latent, document[at], np.diff(np.r_[at, n])
        begin = end


def _p_values(sums: Sums) -> Float[np.ndarray, " r"]:
    """Return the two-sided p of Welch's t for each latent."""
    variance = sums.variance
    both = np.maximum(variance.sum(1), 1e-300)
    score = (sums.density[:, 0] - sums.density[:, 1]) / np.sqrt(both)
    free = np.maximum(sums.fired - 1, 1)
    freedom = both**2 / np.maximum((variance**2 / free).sum(1), 1e-300)
    return 2 * t.sf(np.abs(score), freedom)


def slice_of(text: str) -> tuple[str, str]:
    """Read `key:value`."""
    key, colon, value = text.partition(":")
    if not colon:
        raise UserError(f"`{text}` is no slice; write `key:value`, as in `source:news`")
    return key, value
