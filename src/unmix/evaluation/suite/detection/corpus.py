"""Text as rules see it: each token, the tokens before it, and the window it stands in.

A *window* is at most `WINDOW` neighbouring tokens of one document, the unit in which people and
language models are asked whether a latent fires.  A rule never looks over the edge of a document
or a context, nor past a token that is not measured (special, or of massive norm).

Axes: n tokens, g tokens looked at, w windows, c rows of one token, f firings, k tokens asked
for.
"""

from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

WINDOW = 32
"""Tokens of a window."""
SEEN = 8
"""Tokens a rule may look at: the one it speaks of, and those before it."""
EDGE = -1
"""Stands where there is no token before."""


@final
class Corpus:
    """The measured tokens of one side of the split, in the order of the text.

    Args:
        tokens: Token ids.
        documents: Number of each token's document.
        places: Context of each token, and its place there.
    """

    def __init__(
        self,
        tokens: Int[np.ndarray, " n"],
        documents: Int[np.ndarray, " n"],
        *,
        places: Int[np.ndarray, "n 2"],
    ) -> None:
        self.tokens = tokens
        self.documents = np.unique(documents, return_inverse=True)[1].astype(np.int32)
        self.n_documents = int(self.documents.max(initial=-1)) + 1
        self.seen = _seen(tokens, self.documents, places=places)
        self.starts = _starts(self.documents, places)
        edges = np.zeros(len(tokens), np.int32)
        edges[self.starts] = 1
        self.window = np.cumsum(edges, dtype=np.int32) - 1
        lengths = np.diff(np.append(self.starts, len(tokens)))
        self.is_long = lengths >= WINDOW // 2
        """Windows that are asked about: shorter ones fire less, whatever the latent."""
        self._order = np.argsort(tokens, kind="stable").astype(np.int32)
        counts = np.bincount(tokens) if len(tokens) else np.zeros(0, np.int64)
        self._first = np.concatenate([[0], np.cumsum(counts)])

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.tokens)

    @property
    def n_windows(self) -> int:
        """The number of windows."""
        return len(self.starts)

    def rows_of(self, token: int) -> Int[np.ndarray, " c"]:
        """Return the rows of a token, ascending."""
        if not 0 <= token < len(self._first) - 1:
            return self._order[:0]
        return self._order[self._first[token] : self._first[token + 1]]

    def occurrences(self, tokens: Int[np.ndarray, " k"]) -> Int[np.ndarray, " k"]:
        """Return how often each of some tokens occurs."""
        return self._first[tokens + 1] - self._first[tokens]

    def within(self, rows: Int[np.ndarray, " f"]) -> Bool[np.ndarray, " w"]:
        """Mark the windows that hold any of some rows."""
        marked = np.zeros(self.n_windows, np.bool_)
        marked[self.window[rows]] = True
        return marked

    def highest(self, scores: Float[np.ndarray, " n"]) -> Float[np.ndarray, " w"]:
        """Return the largest score in each window."""
        return np.maximum.reduceat(scores, self.starts) if len(scores) else scores

    def span(self, window: int) -> slice:
        """Return the rows of a window."""
        end = self.starts[window + 1] if window + 1 < self.n_windows else len(self)
        return slice(int(self.starts[window]), int(end))


def _seen(
    tokens: Int[np.ndarray, " n"], documents: Int[np.ndarray, " n"], *, places: np.ndarray
) -> Int[np.ndarray, "n g"]:
    """Return each token and those before it, `EDGE` from the first edge on."""
    seen = np.full((len(tokens), SEEN), EDGE, np.int32)
    seen[:, 0] = tokens
    joined = np.ones(len(tokens), np.bool_)
    for back in range(1, SEEN):
        joined[:back] = False
        same = documents[back:] == documents[:-back]
        same &= places[back:, 0] == places[:-back, 0]
        same &= places[back:, 1] - places[:-back, 1] == back
        joined[back:] &= same
        seen[back:, back] = np.where(joined[back:], tokens[:-back], EDGE)
    return seen


def _starts(documents: Int[np.ndarray, " n"], places: np.ndarray) -> Int[np.ndarray, " w"]:
    """Return the first row of each window."""
    keys = np.column_stack([documents, places[:, 0], places[:, 1] // WINDOW])
    changes = (np.diff(keys, axis=0) != 0).any(1)
    return np.concatenate([[0], np.flatnonzero(changes) + 1])[: len(keys)].astype(np.int64)
