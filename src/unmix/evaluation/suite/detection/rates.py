"""How often a latent fires on a token, given the tokens before it.

    r_0 = F / n                               over all tokens
    r_g = (tp_g + A r_(g-1)) / (n_g + A)      over the n-gram of the last g tokens

`tp_g` of its `n_g` occurrences fired.  Each length backs off to the shorter one with the weight of
`A` occurrences (interpolation as in Jelinek and Mercer 1980).  On the documents that the rates
are made from, the rate at a token is that over all *other* documents: a name that occurs in one
text alone teaches nothing about the next.  Where the token alone never fired, nothing longer did,
and its rate is kept.

Axes: n training tokens, h held-out tokens, f firings, g lengths.
"""

from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float, Int

from unmix.evaluation.suite.detection.corpus import Corpus

LENGTHS = 3
"""Longest n-gram."""
PRIOR = 2.0
"""Weight of the shorter n-gram, in occurrences."""


class Rated(NamedTuple):
    """Firing rates that n-grams of at most one length foretell."""

    train: Float[np.ndarray, " n"]
    """From the other documents."""
    held_out: Float[np.ndarray, " h"]


class _Level(NamedTuple):
    """The n-grams of one length."""

    train: Int[np.ndarray, " n"]
    held_out: Int[np.ndarray, " h"]
    """-1 where it never occurred in training."""
    occurred: Float[np.ndarray, " _"]
    cluster: Int[np.ndarray, " n"]
    """Number of the pair of n-gram and document."""
    n_clusters: int
    elsewhere: Float[np.ndarray, " n"]
    """Occurrences in other documents."""


@final
class Rates:
    """Counts n-grams once, and says for any latent how often it fires on each."""

    def __init__(self, train: Corpus, held_out: Corpus) -> None:
        self.train, self.held_out = train, held_out
        self.levels = [_level(train, held_out, length) for length in range(1, LENGTHS + 1)]
        sizes = np.bincount(train.documents, minlength=train.n_documents)
        self._others = np.maximum(len(train) - sizes, 1)[train.documents]

    def of(self, rows: Int[np.ndarray, " f"]) -> tuple[Rated, Rated]:
        """Return rates by the token alone, and by n-grams, of a latent that fired on `rows`."""
        here = self.train.documents
        fired = np.bincount(here[rows], minlength=self.train.n_documents)
        train = ((len(rows) - fired)[here] / self._others).astype(np.float32)
        share = np.float32(len(rows) / max(len(here), 1))
        held_out = np.full(len(self.held_out), share, np.float32)
        first = self.levels[0]
        counted = _counted(first, rows)
        at = np.arange(len(here)), np.arange(len(held_out))
        token = Rated(
            _train_rates(first, counted, train, at[0]), _held_rates(first, counted, held_out, at[1])
        )
        longer = Rated(token.train.copy(), token.held_out.copy())
        alive = counted[0] > 0
        known = first.held_out >= 0
        where = np.flatnonzero(alive[first.train])
        there = np.flatnonzero(known & alive[np.where(known, first.held_out, 0)])
        for level in self.levels[1:]:
            counted = _counted(level, rows)
            longer.train[where] = _train_rates(level, counted, longer.train[where], where)
            longer.held_out[there] = _held_rates(level, counted, longer.held_out[there], there)
        return token, longer


def _level(train: Corpus, held_out: Corpus, length: int) -> _Level:
    size = int(max(train.tokens.max(initial=0), held_out.tokens.max(initial=0))) + 2
    keys = [_keys(corpus, length, size) for corpus in (train, held_out)]
    known, numbers, counts = np.unique(keys[0], return_inverse=True, return_counts=True)
    place = np.minimum(np.searchsorted(known, keys[1]), max(len(known) - 1, 0))
    found = np.where(known[place] == keys[1], place, -1) if len(known) else place - 1
    pairs = numbers.astype(np.int64) * train.n_documents + train.documents
    _, cluster, sizes = np.unique(pairs, return_inverse=True, return_counts=True)
    elsewhere = (counts[numbers] - sizes[cluster]).astype(np.float32)
    return _Level(
        numbers.astype(np.int32),
        found.astype(np.int32),
        counts.astype(np.float32),
        cluster.astype(np.int32),
        len(sizes),
        elsewhere,
    )


def _keys(corpus: Corpus, length: int, size: int) -> Int[np.ndarray, " n"]:
    """Return one number for the last tokens of each row; three of them fit 64 bits."""
    keys = np.zeros(len(corpus), np.int64)
    for back in range(length):
        keys = keys * size + corpus.seen[:, back] + 1
    return keys


def _counted(level: _Level, rows: Int[np.ndarray, " f"]) -> tuple[np.ndarray, np.ndarray]:
    """Return firings by n-gram, and by n-gram and document."""
    hits = np.bincount(level.train[rows], minlength=len(level.occurred)).astype(np.float32)
    near = np.bincount(level.cluster[rows], minlength=level.n_clusters).astype(np.float32)
    return hits, near


def _train_rates(level: _Level, counted: tuple, shorter: np.ndarray, at: np.ndarray) -> np.ndarray:
    hits = counted[0][level.train[at]] - counted[1][level.cluster[at]]
    return (hits + PRIOR * shorter) / (level.elsewhere[at] + PRIOR)


def _held_rates(level: _Level, counted: tuple, shorter: np.ndarray, at: np.ndarray) -> np.ndarray:
    numbers = level.held_out[at]
    known = numbers >= 0
    safe = np.where(known, numbers, 0)
    rates = (counted[0][safe] + PRIOR * shorter) / (level.occurred[safe] + PRIOR)
    return np.where(known, rates, shorter)
