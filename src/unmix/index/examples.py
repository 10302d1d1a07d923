"""Firings of a latent to look at, sampled when they are asked for.

    top        the strongest, one a document
    range      spread over intervals of equal width between 0 and the largest act
    interval   at random from one interval of acts
    token      the strongest on one token, one a document
    document   the strongest tokens wherever they are

Two firings whose surroundings are nearly the same count as one: where at least four fifths of the
tokens up to 8 before and 8 after, in the same document and context, are equal place by place.  The
first in order is shown, the others are counted.  Acts are written at eligible positions only, so a
special or massive token is never a peak.

Axes: f firings of a latent, c candidates, w tokens of a signature.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from unmix.errors import UserError
from unmix.index.read import Codes, Index

How = Literal["top", "range", "interval", "token", "document"]

INTERVALS = 10
"""Intervals that `range` is spread over."""
AROUND = 8
"""Tokens on each side that are compared to find near-duplicates."""
ALIKE = 0.8
"""Share of equal tokens from which two places are nearly the same."""
LOOKED_AT = 20
"""Candidates looked at for every example wanted: duplicates among them are folded."""


class Wish(NamedTuple):
    """Which firings are wanted."""

    how: How = "top"
    n: int = 20
    seed: int = 0
    """Decides what is drawn at random (`range`, `interval`)."""
    low: float | None = None
    """Least act."""
    high: float | None = None
    """Largest act."""
    token: int | None = None
    """Token at the peak."""
    slice_key: str | None = None
    """With `slice_value`: only documents of this slice."""
    slice_value: str | None = None
    fold: bool = True
    """Whether near-duplicates count as one."""


class Found(NamedTuple):
    """One firing."""

    position: int
    act: float
    similar: int
    """Further firings folded into this one."""


class Sample(NamedTuple):
    """Some firings of a latent."""

    total: int
    """Firings they were taken from."""
    found: list[Found]


def sample(index: Index, latent: int, wish: Wish) -> Sample:
    """Draw firings of a latent.

    Raises:
        UserError: There is no such latent, slice or token, or something that is needed is missing.
    """
    codes = index.codes(latent)
    rows = np.flatnonzero(_asked(index, codes, wish))
    asked = Codes(codes.positions[rows], codes.values[rows])
    order = _in_order(index, asked, wish, latent=latent)
    positions, values = asked.positions[order], asked.values[order]
    if wish.fold:
        kept, similar = _fold(signatures(index, positions), wish.n)
    else:
        kept = list(range(min(wish.n, len(positions))))
        similar = [0] * len(kept)
    found = [
        Found(int(positions[i]), float(values[i]), folded)
        for i, folded in zip(kept, similar, strict=True)
    ]
    if wish.how != "interval":
        found.sort(key=lambda one: -abs(one.act))
    return Sample(len(rows), found)


def signatures(index: Index, positions: Int[np.ndarray, " c"]) -> Int[np.ndarray, "c w"]:
    """Return the tokens around each position, -1 beyond its document or context."""
    tokens, width = index.tokens, index.manifest.context
    around = positions[:, None] + np.arange(-AROUND, AROUND + 1)
    inside = around // width == positions[:, None] // width
    around = around.clip(0, len(tokens.token) - 1)
    inside &= tokens.document[around] == tokens.document[positions][:, None]
    inside &= ~tokens.special[around]
    return np.where(inside, tokens.token[around], -1)


def in_slice(index: Index, key: str, value: str) -> Bool[np.ndarray, " D"]:
    """Say of every document whether it belongs to a slice.

    Raises:
        UserError: There is no such kind of metadata, or no such value.
    """
    slices = index.documents.slices
    if key not in slices:
        raise UserError(f"documents have no slices by `{key}`; there are {', '.join(slices)}")
    if value not in slices[key].values:
        known = ", ".join(f"`{one}`" for one in slices[key].values[:8])
        raise UserError(f"no slice by `{key}` is called `{value}`; there are {known}")
    return slices[key].of_document == slices[key].values.index(value)


def _asked(index: Index, codes: Codes, wish: Wish) -> Bool[np.ndarray, " f"]:
    """Say which firings satisfy every condition."""
    if wish.how == "token" and wish.token is None:
        raise UserError("examples by `token` need the number of a token")
    if wish.how == "interval" and wish.low is None and wish.high is None:
        raise UserError("examples by `interval` need `low` or `high`")
    asked = np.ones(len(codes.positions), dtype=bool)
    if wish.low is not None:
        asked &= codes.values >= np.float32(wish.low)
    if wish.high is not None:
        asked &= codes.values <= np.float32(wish.high)
    if wish.token is not None:
        asked &= index.tokens.token[codes.positions] == wish.token
    if wish.slice_key is not None:
        wanted = in_slice(index, wish.slice_key, wish.slice_value or "")
        asked &= wanted[index.tokens.document[codes.positions]]
    return asked


def _in_order(index: Index, codes: Codes, wish: Wish, *, latent: int) -> Int[np.ndarray, " c"]:
    """Return the firings to look at, in the order in which they are to be taken."""
    strength = np.abs(codes.values)
    n = LOOKED_AT * wish.n
    if wish.how == "document":
        return _strongest(strength, n)
    documents = index.tokens.document[codes.positions]
    if wish.how in ("top", "token"):
        best = _one_each(strength, documents)
        return best[_strongest(strength[best], n)]
    order = np.random.default_rng([wish.seed, latent]).permutation(len(strength))
    return order[:n] if wish.how == "interval" else _spread(order, strength, documents, n=n)


def _strongest(strength: np.ndarray, n: int) -> Int[np.ndarray, " _"]:
    """Return the `n` strongest, strongest first, the earlier first where they are equal."""
    some = np.arange(len(strength))
    if len(strength) > n:
        some = np.flatnonzero(strength >= np.partition(strength, -n)[-n])
    return some[np.argsort(-strength[some], kind="stable")][:n]


def _one_each(strength: np.ndarray, document: Int[np.ndarray, " f"]) -> Int[np.ndarray, " _"]:
    """Return the strongest firing of every document; those of a document are neighbours."""
    if not len(document):
        return np.arange(0)
    begins = np.flatnonzero(np.r_[True, document[1:] != document[:-1]])
    highest = np.maximum.reduceat(strength, begins)
    stretch = np.repeat(np.arange(len(begins)), np.diff(np.r_[begins, len(document)]))
    top = np.flatnonzero(strength == highest[stretch])
    return top[np.unique(stretch[top], return_index=True)[1]]


def _spread(
    order: Int[np.ndarray, " f"], strength: np.ndarray, documents: Int[np.ndarray, " f"], *, n: int
) -> Int[np.ndarray, " _"]:
    """Take turns among intervals of equal width, the strongest first; new documents first.

    Of an interval with more than `n`, the first `n` in the order given are looked at.
    """
    if not len(order):
        return order
    width = strength.max() / INTERVALS
    interval = np.minimum(strength[order] / width, INTERVALS - 1).astype(np.int8)
    first = _turn(interval) < n
    order, interval = order[first], interval[first].astype(np.int64)
    again = _turn(interval * (documents.max() + 1) + documents[order])
    by_newness = np.lexsort((np.arange(len(order)), again, -interval))
    turn = np.empty(len(order), dtype=np.int64)
    turn[by_newness] = _turn(interval[by_newness])
    return order[np.lexsort((-interval, turn))][:n]


def _turn(group: Int[np.ndarray, " f"]) -> Int[np.ndarray, " f"]:
    """Count, for each entry, the earlier entries of its group."""
    by_group = np.argsort(group, kind="stable")
    grouped = group[by_group]
    starts = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]]) if len(group) else []
    lengths = np.diff(np.r_[starts, len(group)]).astype(np.int64)
    turn = np.empty(len(group), dtype=np.int64)
    turn[by_group] = np.arange(len(group)) - np.repeat(starts, lengths)
    return turn


def _fold(seen: Int[np.ndarray, "c w"], n: int) -> tuple[list[int], list[int]]:
    """Keep the first of those nearly the same, `n` at most; count what was folded into each."""
    kept: list[int] = []
    similar: list[int] = []
    for i, one in enumerate(seen):
        same = _alike(seen[kept], one)
        if same.any():
            similar[int(same.argmax())] += 1
        elif len(kept) < n:
            kept.append(i)
            similar.append(0)
    return kept, similar


def _alike(some: Int[np.ndarray, "k w"], one: Int[np.ndarray, " w"]) -> Bool[np.ndarray, " k"]:
    """Say which signatures are nearly the same as one."""
    equal = ((some == one) & (one >= 0)).sum(1)
    either = ((some >= 0) | (one >= 0)).sum(1)
    return equal >= ALIKE * np.maximum(either, 1)
