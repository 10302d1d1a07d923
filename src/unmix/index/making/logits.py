"""What each direction writes to the logits, by the direct path, a few latents at a time.

The effect is that of `logit_effects` in `evaluation/examples.py`: direction times unembedding, less
the mean over the vocabulary.  Kept are its moments, the strongest tokens of both signs, and a
histogram.

Axes: b latents of a block, d width of the directions, v vocabulary, s tokens a side, h bins.
"""

from collections.abc import Iterator
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from unmix.dictionaries.kernels.compile import kernel, spread
from unmix.index.making.ranking import insert
from unmix.index.schema import EFFECTS, LOGIT_BINS

BYTES = 2**26
"""Bytes of effects held at a time."""
MOMENTS = ("logit_std", "logit_skew", "logit_kurtosis")


class Effects(NamedTuple):
    """What some directions write."""

    moments: Float[np.ndarray, "b 3"]
    """`MOMENTS`."""
    up: Int[np.ndarray, "b s"]
    """Tokens written for, strongest first."""
    raised: Float[np.ndarray, "b s"]
    """Their effects."""
    down: Int[np.ndarray, "b s"]
    """Tokens written against, strongest first."""
    lowered: Float[np.ndarray, "b s"]
    counts: Int[np.ndarray, "b h"]
    """Tokens in each bin from the least to the largest effect."""


def effects(W_dec: Float[Tensor, "m d"], head: Float[Tensor, "v d"]) -> Iterator[Effects]:
    """Yield the effects of all directions, in blocks, in order."""
    step = max(1, BYTES // (4 * len(head)))
    # Less the mean over the vocabulary, once for all: it is the same for every direction.
    centred = head.to(W_dec) - head.to(W_dec).mean(0)
    for rows in W_dec.split(step):
        yield summary((rows @ centred.T).cpu().numpy())


def summary(logits: Float[np.ndarray, "b v"]) -> Effects:
    """Return what is kept of the effects of a few directions."""
    b, v = logits.shape
    side = min(EFFECTS, v)
    moments = np.full((b, len(MOMENTS)), np.nan)
    tokens = np.zeros((2, b, side), np.int32)
    sizes = np.zeros((2, b, side), np.float32)
    counts = np.zeros((b, LOGIT_BINS), np.int32)
    spread(summarise, b, logits, moments, *tokens, *sizes, counts)
    return Effects(moments, tokens[0], sizes[0], tokens[1], -sizes[1], counts)


@kernel
@no_type_check
def summarise(start, stop, logits, moments, up, down, raised, lowered, counts):
    """Moments, both ends and the histogram of each row, while it is in the cache."""
    v, bins = logits.shape[1], counts.shape[1]
    for j in range(start, stop):
        row = logits[j]
        two, three, four = 0.0, 0.0, 0.0
        highest, lowest = 0, 0
        for t in range(v):
            square = np.float64(row[t]) * row[t]
            two += square
            three += square * row[t]
            four += square * square
            highest = insert(up[j], raised[j], highest, t, row[t])
            lowest = insert(down[j], lowered[j], lowest, t, -row[t])
        two, three, four = two / v, three / v, four / v
        moments[j, 0] = np.sqrt(two)
        if two > 0:
            moments[j, 1], moments[j, 2] = three / two**1.5, four / (two * two) - 3
        low, width = -lowered[j, 0], raised[j, 0] + lowered[j, 0]
        for t in range(v):
            place = int((row[t] - low) / width * bins) if width > 0 else 0
            counts[j, min(place, bins - 1)] += 1
