"""What rules are made of: every position belongs to a class, by its token, the one before, or both.

The token before is the one at the position before in the same context, whatever it is, since that
is what the model saw; the first token of a context has none.

Axes: p positions, c classes, q positions tried, ends: where classes begin (one more than classes).
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int

from unmix.dictionaries.kernels.products_cpu import sort_by_latent
from unmix.index.making.positions import Positions

Kind = Literal["tokens", "after", "pair"]
LEAST = 2
"""A pair that occurs less often than this is no class: nothing could be learnt from it."""


class Classes(NamedTuple):
    """The classes of one kind of rule."""

    kind: Kind
    of: Int[np.ndarray, " p"]
    """Class of each position; -1 where it has none or is not eligible."""
    parts: Int[np.ndarray, "c 2"]
    """The token before and the token of each class; -1 stands for any."""
    made: Int[np.ndarray, " c"]
    """Positions of each class in the documents that rules are made from."""
    first: Int[np.ndarray, " ends"]
    """Where the positions of each class begin in `where`, and the end."""
    where: Int[np.ndarray, " q"]
    """Positions in the documents that rules are tried on, by class, ascending."""


def classes_of(positions: Positions, *, n_words: int) -> tuple[Classes, Classes, Classes]:
    """Return the classes of each kind of rule; `n_words` is how many token ids there are."""
    token, eligible = positions.token, positions.eligible
    before = np.empty_like(token)
    before[:1], before[1:] = -1, token[:-1]
    follows = eligible & (np.arange(len(token)) % positions.context > 0)
    every = np.arange(n_words, dtype=np.int32)
    any_token = np.full(n_words, -1, np.int32)
    of = np.where(eligible, token, -1)
    after = np.where(follows, before, -1)
    pair, parts = _pairs(before, token, follows, n_words)
    return (
        _classes("tokens", of, np.stack([any_token, every], 1), positions),
        _classes("after", after, np.stack([every, any_token], 1), positions),
        _classes("pair", pair, parts, positions),
    )


def _pairs(
    before: Int[np.ndarray, " p"], token: Int[np.ndarray, " p"], follows: np.ndarray, n_words: int
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, "c 2"]]:
    """Number the pairs that occur often enough."""
    keys = before[follows].astype(np.int64) * n_words + token[follows]
    known, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    often = counts >= LEAST
    number = np.where(often, np.cumsum(often) - 1, -1).astype(np.int32)
    of = np.full(len(token), -1, np.int32)
    of[follows] = number[inverse]
    return of, np.stack(np.divmod(known[often], n_words), 1).astype(np.int32)


def _classes(
    kind: Kind, of: Int[np.ndarray, " p"], parts: Int[np.ndarray, "c 2"], positions: Positions
) -> Classes:
    """Count the classes in one half of the documents and list their positions in the other."""
    tried = positions.tried[positions.document]
    made = np.bincount(of[~tried & (of >= 0)], minlength=len(parts))
    where = np.flatnonzero(tried & (of >= 0)).astype(np.int32)
    order = np.empty(len(where), np.int64)
    first = np.empty(len(parts) + 1, np.int64)
    sort_by_latent(of[where], len(parts), order, first)
    return Classes(kind, of, parts, made, first, where[order])
