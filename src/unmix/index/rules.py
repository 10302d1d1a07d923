"""Where a latent's rule says that it fires, and where it is silent there.

A rule is a list of alternatives `[before, token]`, either of which may be null for any: the token
is one of a set (`tokens`), the token before is (`after`), or both (`pair`).  The token before is
the one at the position before in the same context, whatever it is.

Axes: p positions, s places looked at, r latents kept at a position.
"""

import json
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from unmix.errors import UserError
from unmix.index.read import Index
from unmix.index.strongest import Strongest, look, strengths

ABSORBERS = 12
"""Latents named that fire in the stead of another."""


class Absorber(NamedTuple):
    """A latent that fires where another is silent."""

    latent: int
    share: float
    """Of the silent places that were looked at."""
    cosine: float
    """Of the two directions."""


class Silence(NamedTuple):
    """Where a latent's rule predicts it and it is silent."""

    predicted: int
    silent: int
    shown: Strongest
    """Silent places, drawn at random, and what fired there."""
    acts: Float[np.ndarray, "s r"]
    """How strongly."""
    absorbers: list[Absorber]


def predicted(index: Index, latent: int) -> Bool[np.ndarray, " p"]:
    """Say of every position whether a latent's rule predicts a firing.

    Raises:
        UserError: The latent has no rule.
    """
    if not index.column("rule_kind")[index.checked(latent)]:
        raise UserError(f"latent {latent} has no rule, so nothing says where it should fire")
    mask = np.zeros(index.manifest.n_tokens, dtype=bool)
    for before, token in json.loads(index.column("rule")[latent]):
        mask |= _fits(index, before, token)
    return mask & index.tokens.eligible


def silence(index: Index, latent: int, *, n: int, seed: int = 0) -> Silence:
    """Find places where a latent's rule predicts it and it is silent, and what fired there.

    Absorbers are ranked by how much more often they fire there than elsewhere, times the cosine of
    the directions: a latent that took over part of another's work also writes some of what that one
    writes (Chanin et al. 2024, "A is for absorption").
    """
    mask = predicted(index, latent)
    n_predicted = int(mask.sum())
    mask[index.codes(latent).positions] = False
    silent = np.flatnonzero(mask)
    found = look(index, silent, seed=seed)
    drawn = np.random.default_rng([seed, latent]).permutation(len(found.positions))[:n]
    shown = Strongest(*(part[np.sort(drawn)] for part in found))
    acts = strengths(index, shown.positions)
    return Silence(n_predicted, len(silent), shown, acts, _absorbers(index, latent, found))


def _fits(index: Index, before: int | None, token: int | None) -> Bool[np.ndarray, " p"]:
    """Say where one alternative of a rule holds."""
    tokens = index.tokens
    fits = np.ones(len(tokens.token), dtype=bool) if token is None else tokens.token == token
    if before is None:
        return fits
    fits[0] = False
    fits[1:] &= tokens.token[:-1] == before
    fits[:: index.manifest.context] = False
    return fits


def _absorbers(index: Index, latent: int, found: Strongest) -> list[Absorber]:
    """Return the latents that fire most in a latent's stead."""
    if not len(found.positions):
        return []
    fired = np.bincount(found.latents[found.latents >= 0], minlength=len(index))
    share = fired / len(found.positions)
    cosine = cosines(index, latent)
    worth = np.maximum(share - index.column("density"), 0) * np.maximum(cosine, 0)
    order = np.argsort(-worth, kind="stable")[:ABSORBERS]
    return [Absorber(j, float(share[j]), float(cosine[j])) for j in order.tolist() if worth[j] > 0]


def cosines(index: Index, latent: int) -> Float[np.ndarray, " m"]:
    """Return the cosine of every direction with that of one latent."""
    return np.clip(index.directions @ index.directions[index.checked(latent)], -1, 1)
