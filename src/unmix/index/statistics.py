"""Numbers of one latent, or of all, that are counted when they are asked for.

Axes: m latents, f firings, D documents.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from unmix.index.read import ABOUT, Codes, Index

BINS = 40
"""Bars of a histogram of acts."""
TOKENS = 20
"""Tokens listed that a latent fires on."""
NOT_RANKED = ("latent", "first_row", "top_token", "x", "y", "umap_x", "umap_y")
"""Numbers that say nothing by being large or small."""


class Bars(NamedTuple):
    """Counts in bins of equal width."""

    edges: list[float]
    """One more than `counts`."""
    counts: list[int]


class TokenFired(NamedTuple):
    """A token a latent fires on."""

    token: int
    fired: int
    share: float
    """Of the token's occurrences, the share on which the latent fired."""
    mean: float
    """Mean act on it."""


def numbers() -> list[str]:
    """Return the names of the statistics that are numbers."""
    return [column.name for column in ABOUT.values() if column.type != "string"]


def acts_histogram(values: Float[np.ndarray, " f"], *, bins: int = BINS) -> Bars | None:
    """Count acts between 0 and the largest (and the least, where some are negative).

    Acts are where a latent fired, so exact zeros are in no bin.  None if it never fired.
    """
    if not len(values):
        return None
    edges = (min(0.0, float(values.min())), max(0.0, float(values.max())))
    counts, where = np.histogram(values.astype(np.float64), bins=bins, range=edges)
    return Bars(where.tolist(), counts.tolist())


def logit_histogram(index: Index, latent: int) -> Bars | None:
    """Return the histogram of a direction's effects on all logits; None where it has none."""
    if not index.manifest.has_logits:
        return None
    row = index.logit_counts.slice(latent, 1).to_pylist()[0]
    counts = row["counts"]
    edges = np.linspace(row["low"], row["high"], len(counts) + 1)
    return Bars(edges.tolist(), counts)


def tokens_fired(index: Index, codes: Codes, *, n: int = TOKENS) -> list[TokenFired]:
    """Return the tokens a latent fires on most often, with its mean act on each."""
    tokens, vocabulary = index.tokens.token[codes.positions], index.vocabulary
    fired = np.bincount(tokens, minlength=len(vocabulary))
    total = np.bincount(tokens, weights=codes.values, minlength=len(vocabulary))
    first = np.argsort(-fired, kind="stable")[:n]
    return [
        TokenFired(
            token,
            int(fired[token]),
            float(fired[token] / max(vocabulary.count[token], 1)),
            float(total[token] / fired[token]),
        )
        for token in first.tolist()
        if fired[token]
    ]


def percentiles(index: Index, latent: int) -> dict[str, float]:
    """Return, for every statistic, the share of living latents whose value is lower."""
    made = {}
    for name in numbers():
        value = float(index.column(name)[latent])
        ranked = _living(index, name)
        if name not in NOT_RANKED and len(ranked) and not np.isnan(value):
            made[name] = float(np.searchsorted(ranked, value) / len(ranked))
    return made


@lru_cache(maxsize=256)
def _living(index: Index, name: str) -> np.ndarray:
    """Return the sorted values of the latents that fired, without those that are not there."""
    values = index.column(name)[index.column("n_fired") > 0].astype(np.float64)
    return np.sort(values[~np.isnan(values)])
