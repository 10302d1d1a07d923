"""Whether a word's letter was absorbed: carried by other latents where the letter's own are silent.

With `p` the unit direction of a letter's probe, latent `j` pushes a word by `z_j (d_j . p)`, and
the whole word is worth `(x - b) . p`, so that the shares of all latents of a perfect dictionary add
up to one.

Axes: n words, m latents.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from unmix.evaluation.suite.probing.features import Columns

COSINE, SHARE = 0.025, 0.4
"""What a latent needs to have absorbed a word alone: cosine to the probe, share of the word."""
PART_COSINE, PART_MOST = 0.1, 3
"""What latents need to have absorbed a part of it, and how many are counted."""


class Verdict(NamedTuple):
    """What is known of each word that the probe is right about."""

    is_silent: Bool[np.ndarray, " n"]
    """None of the letter's latents fires."""
    is_absorbed: Bool[np.ndarray, " n"]
    """And another one carries the letter alone."""
    fraction: Float[np.ndarray, " n"]
    """Share of the letter that others carry, of what they and its own latents carry."""
    absorber: Int[np.ndarray, " n"]
    """The latent that pushes most and is not the letter's; -1 where there is none."""
    share: Float[np.ndarray, " n"]
    """How much of the word it is worth."""


def judge(
    acts: Columns,
    worth: Float[np.ndarray, " n"],
    *,
    pushes: Float[np.ndarray, " m"],
    cosines: Float[np.ndarray, " m"],
    main: Int[np.ndarray, " _"],
) -> Verdict:
    """Judge words of one letter by SAEBench's two rules.

    Args:
        acts: Of the words, a column a latent.
        worth: `(x - b) . p` of each word.
        pushes: `d_j . p` of each latent.
        cosines: That over the length of `d_j`.
        main: The letter's own latents.
    """
    n = len(worth)
    entries = acts.tocoo()
    row, latent, push = entries.row, entries.col, entries.data * pushes[entries.col]
    own = np.isin(latent, main)
    fires = np.bincount(row[own], minlength=n) > 0
    carried = np.bincount(row[own], push[own], minlength=n)
    alone = ~own & (push > 0) & (cosines[latent] >= COSINE)
    best, absorber = _largest(row[alone], push[alone], latent[alone], n=n)
    share = np.divide(best, worth, out=np.zeros(n), where=worth > 0)
    part = ~own & (push > 0) & (cosines[latent] >= PART_COSINE)
    others = _top(row[part], push[part], n=n, most=PART_MOST)
    counts = (worth > 0) & (carried < worth) & (others >= SHARE * worth) & (others > 0)
    whole = others + np.maximum(carried, 0)
    fraction = np.divide(others, whole, out=np.zeros(n), where=counts)
    return Verdict(~fires, ~fires & (share >= SHARE), fraction, absorber, share)


def _largest(
    row: Int[np.ndarray, " _"],
    push: Float[np.ndarray, " _"],
    latent: Int[np.ndarray, " _"],
    *,
    n: int,
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Return the largest push of each row and the latent it comes from."""
    order = np.lexsort((push, row))  # the last one of a row is its largest
    best, who = np.zeros(n), np.full(n, -1)
    best[row[order]], who[row[order]] = push[order], latent[order]
    return best, who


def _top(
    row: Int[np.ndarray, " _"], push: Float[np.ndarray, " _"], *, n: int, most: int
) -> Float[np.ndarray, " n"]:
    """Return the sum of each row's largest pushes."""
    order = np.lexsort((-push, row))
    row, push = row[order], push[order]
    first = np.searchsorted(row, row)
    kept = np.arange(len(row)) - first < most
    return np.bincount(row[kept], push[kept], minlength=n).astype(np.float64)
