"""Stretches of text around a token, readable, with the acts of one latent on them.

A window never leaves the document or the context of its token, and special tokens are not shown.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from unmix.index.read import Codes, Index
from unmix.text.spelling import pieces, visible


class Shown(NamedTuple):
    """A piece of text: one token, or the tokens of one character."""

    text: str
    act: float | None
    """Largest act on it; None where it is not measured (massive)."""
    position: int
    """Of its first token."""
    token: int
    """Its first."""
    is_peak: bool


def window(index: Index, position: int, *, before: int, after: int) -> Int[np.ndarray, " _"]:
    """Return the positions around one that may be shown with it, in order."""
    tokens, width = index.tokens, index.manifest.context
    context = position // width * width
    first = max(position - before, context)
    last = min(position + after, context + width - 1, len(tokens.token) - 1)
    around = np.arange(first, last + 1)
    same = tokens.document[first : last + 1] == tokens.document[position]
    return around[same & ~tokens.special[first : last + 1]]


def show(index: Index, positions: Sequence[int], *, codes: Codes, peak: int) -> list[Shown]:
    """Join the tokens at some positions to pieces; each is as strong as its strongest token."""
    tokens, vocabulary = index.tokens, index.vocabulary
    where = np.asarray(positions)
    ids, places = tokens.token[where], where.tolist()
    values = zip(acts_at(codes, where).tolist(), tokens.massive[where].tolist(), strict=True)
    acts: list[float | None] = [None if is_massive else act for act, is_massive in values]
    if vocabulary.is_whole[ids].all():
        rows = zip(vocabulary.shown[ids].tolist(), acts, places, ids.tolist(), strict=True)
        return [Shown(*row, row[2] == peak) for row in rows]
    made = []
    for text, first, last in pieces([vocabulary.bytes[token] for token in ids.tolist()]):
        known = [act for act in acts[first : last + 1] if act is not None]
        act = max(known, key=abs, default=None)
        is_peak = places[first] <= peak <= places[last]
        made.append(Shown(visible(text), act, places[first], int(ids[first]), is_peak))
    return made


def acts_at(codes: Codes, positions: Int[np.ndarray, " _"]) -> np.ndarray:
    """Return a latent's acts at some positions, 0 where it did not fire."""
    if not len(codes.positions):
        return np.zeros(len(positions), dtype=np.float32)
    row = np.searchsorted(codes.positions, positions).clip(max=len(codes.positions) - 1)
    return np.where(codes.positions[row] == positions, codes.values[row], 0)
