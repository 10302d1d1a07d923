"""One latent: its patterns, made on training text and tried on held-out documents.

Axes: f firings.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from unmix.evaluation.suite.detection.sample import ENOUGH, Fired, Sample, Text
from unmix.evaluation.suite.n2g.by_model import Ask, Context, patterns_by_model
from unmix.evaluation.suite.n2g.patterns import (
    Pattern,
    drawn,
    foretold,
    most_general,
    patterns,
    strongest,
)

FEW = 4
"""Held-out firings below which a latent is not measured."""


class Foretold(NamedTuple):
    """What some patterns of one latent foretell on held-out text."""

    patterns: list[Pattern]
    predicted: int
    met: Bool[np.ndarray, " f"]
    """Whether each held-out firing was foretold."""


class Found(NamedTuple):
    """What is known of one latent."""

    strongest: Foretold
    """By patterns of its strongest contexts."""
    drawn: Foretold
    """By patterns of contexts drawn among all its firings."""
    by_model: Foretold | None
    """By patterns of the same drawn contexts, shortened by the model; None where it was not run."""
    strength: Float[np.ndarray, " f"]
    """Held-out acts, as shares of the largest training act."""
    is_known: bool
    """Whether it fires often enough, on both sides, to be measured."""


def find_all(sample: Sample, *, seed: int) -> list[Found]:
    """Make and try the patterns of each latent drawn."""
    parts = zip(sample.train, sample.held_out, strict=True)
    return [find(sample.text, train, held_out=held_out, seed=seed) for train, held_out in parts]


def find(text: Text, made_from: Fired, *, held_out: Fired, seed: int) -> Found:
    """Make the patterns of one latent on training text, and try them on held-out text."""
    begun = strongest(text.train, made_from), drawn(text.train, made_from, seed=seed)
    first, second = (_tried(text, made_from, rows=rows, held_out=held_out) for rows in begun)
    strength = held_out.acts / made_from.acts.max(initial=1e-12)
    is_known = len(made_from.rows) >= ENOUGH and len(held_out.rows) >= FEW
    return Found(first, second, None, strength, is_known)


def _tried(
    text: Text, made_from: Fired, *, rows: Int[np.ndarray, " _"], held_out: Fired
) -> Foretold:
    """Make patterns of some firings on training text, and try them."""
    return foretell(text, patterns(text.train, made_from, rows=rows), held_out=held_out)


def foretell(text: Text, made: list[Pattern], *, held_out: Fired) -> Foretold:
    """Try patterns on held-out text."""
    predicted = foretold(text.held_out, made)
    return Foretold(made, len(predicted), np.isin(held_out.rows, predicted))


def run_model(
    found: list[Found], sample: Sample, *, ask: Ask, count: int, seed: int
) -> list[Found]:
    """Return the same with patterns by the model for some latents, drawn among those measured."""
    known = np.flatnonzero([one.is_known for one in found])
    chosen = np.sort(np.random.default_rng([seed, 2]).permutation(known)[:count]).tolist()
    contexts, owners = [], []
    for i in chosen:
        fired, latent = sample.train[i], int(sample.latents[i])
        rows = drawn(sample.text.train, fired, seed=seed)
        acts = fired.acts[np.searchsorted(fired.rows, rows)]
        contexts += [
            Context(latent, *one) for one in zip(rows.tolist(), acts.tolist(), strict=True)
        ]
        owners += [i] * len(rows)
    made = patterns_by_model(sample.text.train, contexts, ask=ask, seed=seed)
    whole = list(found)
    for i in chosen:
        mine = most_general(one for owner, one in zip(owners, made, strict=True) if owner == i)
        tried = foretell(sample.text, mine, held_out=sample.held_out[i])
        whole[i] = found[i]._replace(by_model=tried)
    return whole
