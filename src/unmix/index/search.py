"""Latents found by words, by the token they fire on, or by direction.

Axes: m latents.
"""

from typing import NamedTuple

import numpy as np

from unmix.index.read import Index
from unmix.index.rules import cosines
from unmix.index.strongest import look
from unmix.index.texts import contains


class Hit(NamedTuple):
    """A latent that was found."""

    latent: int
    why: str
    """What matched, in words."""
    score: float
    """Greater is better, at most 1."""


def by_label(index: Index, text: str) -> list[Hit]:
    """Find latents by the words of their label; the score is the F1 of their rule."""
    latents = np.flatnonzero(contains(index.latents["label"], text))
    scores = np.nan_to_num(index.column("rule_f1")[latents]).astype(np.float64)
    return [
        Hit(latent, "its label", score)
        for latent, score in zip(latents.tolist(), scores.tolist(), strict=True)
    ]


def by_token(index: Index, text: str) -> list[Hit]:
    """Find the latents that fire on a token.

    Of the token's places (in a few row groups, if there are many) the share at which a latent is
    among the strongest is its recall; what that makes of all its firings its precision; the score
    is their harmonic mean.
    """
    tokens = index.vocabulary.find(text)
    wanted = np.zeros(len(index.vocabulary), dtype=bool)
    wanted[tokens] = True
    positions = np.flatnonzero(wanted[index.tokens.token] & index.tokens.eligible)
    seen = look(index, positions)
    if not len(seen.positions):
        return []
    fired = np.bincount(seen.latents[seen.latents >= 0], minlength=len(index))
    recall = fired / len(seen.positions)
    precision = recall * len(positions) / np.maximum(index.column("n_fired"), 1)
    score = 2 * recall * precision / np.maximum(recall + precision, 1e-12)
    order = np.argsort(-score, kind="stable")
    order = order[score[order] > 0]
    return [
        Hit(j, f"fires on {recall[j]:.0%} of “{text.strip()}”", min(float(score[j]), 1.0))
        for j in order.tolist()
    ]


def by_direction(index: Index, latent: int, *, limit: int) -> list[Hit]:
    """Return the latents whose directions have the greatest cosine with that of one."""
    cosine = cosines(index, latent)
    cosine[latent] = -np.inf
    nearest = np.argsort(-cosine, kind="stable")[: min(limit, len(index) - 1)]
    return [Hit(j, "its direction", float(cosine[j])) for j in nearest.tolist()]
