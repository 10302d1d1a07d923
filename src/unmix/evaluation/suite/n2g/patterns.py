"""Token patterns that say when a latent fires, read off a few of its contexts.

N2G (Foote et al. 2023) shortens a context to the fewest last tokens that keep half of the act, puts
a wildcard in the place of every token that can go without losing half of it, and gathers what is
left.  It asks the model what the act would be; here the training text answers: a pattern keeps half
of the act if the act is as large on at least half of the pattern's occurrences *in other
documents*.  No forward pass is needed, and a context that occurs nowhere else teaches no pattern.

A pattern lists the token of the firing first, then those before it; None is a wildcard.  The set of
patterns foretells what the paper's trie does: a firing wherever one of them fits.

Axes: n tokens, f firings, c rows that fit.
"""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int

from unmix.evaluation.suite.detection.corpus import EDGE, SEEN, Corpus
from unmix.evaluation.suite.detection.sample import Fired

Pattern: TypeAlias = tuple[int | None, ...]

KEPT = 0.5
"""Share of the act that a shortened context must keep (Foote et al. 2023; Gao et al. 2024), on that
share of its occurrences."""
CONTEXTS = 16
"""Contexts read for a latent, one a document (Gao et al. 2024, section 4.3)."""
SUPPORT = 2
"""Occurrences in other documents without which a pattern is not believed."""


def patterns(text: Corpus, fired: Fired, *, rows: Int[np.ndarray, " _"]) -> list[Pattern]:
    """Return the patterns of some firings."""
    acts = np.zeros(len(text), np.float32)
    acts[fired.rows] = fired.acts
    return most_general(pattern(text, acts, row=row) for row in rows.tolist())


def most_general(made: Iterable[Pattern]) -> list[Pattern]:
    """Return patterns without repeats or those inside another, the most general first."""
    found = sorted({one for one in made if one}, key=lambda one: (_size(one), repr(one)))
    kept: list[Pattern] = []
    for one in found:
        if not any(covers(general, one) for general in kept):
            kept.append(one)
    return kept


def strongest(text: Corpus, fired: Fired) -> Int[np.ndarray, " _"]:
    """Return the rows of the largest acts, one a document."""
    return _one_a_document(text, fired.rows[np.argsort(-fired.acts, kind="stable")])


def drawn(text: Corpus, fired: Fired, *, seed: int) -> Int[np.ndarray, " _"]:
    """Return rows drawn at random among the firings, one a document."""
    return _one_a_document(text, np.random.default_rng(seed).permutation(fired.rows))


def _one_a_document(text: Corpus, rows: Int[np.ndarray, " _"]) -> Int[np.ndarray, " _"]:
    _, first = np.unique(text.documents[rows], return_index=True)
    return rows[np.sort(first)[:CONTEXTS]]


def pattern(text: Corpus, acts: Float[np.ndarray, " n"], *, row: int) -> Pattern:
    """Return the pattern of one context, or nothing where no other document bears it out."""
    wanted = KEPT * float(acts[row])
    made: list[int | None] = []
    for token in text.seen[row].tolist():
        if token == EDGE:
            return ()
        made.append(token)
        found = _elsewhere(text, tuple(made), row)
        if len(found) < SUPPORT:
            return ()
        if _is_kept(acts[found], wanted):
            return _with_wildcards(text, acts, made, row=row, wanted=wanted)
    return ()


def fits(text: Corpus, pattern: Pattern) -> Int[np.ndarray, " c"]:
    """Return the rows where a pattern fits."""
    named = [(back, token) for back, token in enumerate(pattern) if token is not None]
    back, token = min(named, key=lambda one: len(text.rows_of(one[1])))
    rows = text.rows_of(token) + back
    rows = rows[rows < len(text)]
    for back, token in named:
        rows = rows[text.seen[rows, back] == token]
    return rows


def foretold(text: Corpus, patterns: list[Pattern]) -> Int[np.ndarray, " c"]:
    """Return the rows where any of some patterns fits, ascending."""
    none = np.zeros(0, np.int32)
    return np.unique(np.concatenate([none, *(fits(text, one) for one in patterns)]))


def covers(general: Pattern, special: Pattern) -> bool:
    """Say whether a pattern fits wherever another does."""
    padded = special + (None,) * (SEEN - len(special))
    return all(token in (None, padded[back]) for back, token in enumerate(general))


def _with_wildcards(
    text: Corpus, acts: Float[np.ndarray, " n"], made: list[int | None], *, row: int, wanted: float
) -> Pattern:
    """Drop every token that can go, the farthest first, while half of the act is kept."""
    for back in reversed(range(len(made))):
        token, made[back] = made[back], None
        named = any(one is not None for one in made)
        if not named or not _is_kept(acts[_elsewhere(text, tuple(made), row)], wanted):
            made[back] = token
    while made[-1] is None:
        made.pop()
    return tuple(made)


def _is_kept(acts: Float[np.ndarray, " c"], wanted: float) -> bool:
    """Say whether at least half of the acts are large enough."""
    return bool((acts >= wanted).mean() >= KEPT)


def _elsewhere(text: Corpus, pattern: Pattern, row: int) -> Int[np.ndarray, " c"]:
    """Return the rows where a pattern fits in other documents than that of `row`."""
    rows = fits(text, pattern)
    return rows[text.documents[rows] != text.documents[row]]


def _size(pattern: Pattern) -> tuple[int, int]:
    return sum(token is not None for token in pattern), len(pattern)
