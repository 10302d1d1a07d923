"""Rules that say when a latent fires, found by counting, and tried on other documents.

A rule is a set of at most `MOST` classes: it predicts a firing wherever the position belongs to one
of them.  Documents are halved by the hash of their names.  On the first half a rule with the best

    F1 = 2 TP / (F + P)            TP true predictions, F firings, P predictions

is found: for given q, the set that maximises 2 TP - q (F + P) holds the classes of largest
2 tp - q p, and raising q to the F1 of that set leads to the best set (Dinkelbach 1967).  A class
counts only if the latent fired on it in two documents, and for one firing less than there were,
since it was picked for them: else rare pairs would always win.  Precision, recall and F1 are those
on the second half; the interval is by document, as for a density (`statistics.py`).

Axes: b latents of a block, c classes of a rule, k kinds.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float, Int

from unmix.dictionaries.kernels.compile import balanced, kernel, spread
from unmix.index.making.blocks import Block
from unmix.index.making.classes import Classes
from unmix.index.making.interval import clustered
from unmix.index.making.positions import Positions
from unmix.index.making.ranking import insert

MOST = 12
"""Classes of a rule."""
ENOUGH = 10
"""Firings, in the half that rules are made from, below which there is none."""
LEAST_F1 = 0.2
"""F1 there below which there is none."""
EACH = 0.005
"""F1 that each further class must bring."""
COST = {"tokens": 0.0, "after": 0.02, "pair": 0.04}
"""F1 by which a kind must be better than simpler ones."""
TRIED = ("precision", "recall", "f1", "low", "high")


class Rules(NamedTuple):
    """The rule of each latent of a block."""

    kind: Int[np.ndarray, " b"]
    """Which kind, as a number among those given; -1 for no rule."""
    classes: Int[np.ndarray, "b c"]
    """Its classes, the most useful first; -1 where it has fewer."""
    precision: Float[np.ndarray, " b"]
    recall: Float[np.ndarray, " b"]
    f1: Float[np.ndarray, " b"]
    low: Float[np.ndarray, " b"]
    high: Float[np.ndarray, " b"]


def rules_of(block: Block, positions: Positions, kinds: tuple[Classes, ...]) -> Rules:
    """Return the best rule of each latent of a block."""
    b = block.end - block.begin
    made = np.full((len(kinds), b, MOST), -1, np.int32)
    f1 = np.zeros((len(kinds), b))
    firings = (block.first, block.position, positions.document, positions.tried)
    for i, classes in enumerate(kinds):
        given = (*firings, classes.of, classes.made, ENOUGH, EACH)
        spread(find, balanced(block.first), *given, made[i], f1[i])
    net = np.where(f1 >= LEAST_F1, f1 - np.array([[COST[c.kind]] for c in kinds]), -np.inf)
    kind = np.where(net.max(0) > -np.inf, net.argmax(0), -1)
    counts = np.zeros((b, 5))
    for i, classes in enumerate(kinds):
        chosen = np.where((kind == i)[:, None], made[i], -1)
        given = (*firings, classes.of, classes.first, classes.where, chosen)
        spread(attempt, balanced(block.first), *given, counts)
    kind = np.where(counts[:, 1] + counts[:, 2] > 0, kind, -1)
    chosen = made[kind, np.arange(b)]
    chosen[kind < 0] = -1
    return Rules(kind, chosen, *_tried(counts, kind >= 0))


def _tried(counts: Float[np.ndarray, "b 5"], there: np.ndarray) -> list[np.ndarray]:
    """Return precision, recall, F1 and its interval where there is a rule, else NaN."""
    hits, fired, predicted, documents, squares = counts.T
    both = fired + predicted
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(there, 2 * hits / both, 0)
        variance = np.where(documents > 1, documents / (documents - 1) * squares / both**2, 1.0)
        # Where every prediction holds, or none, documents do not vary: each counts as one.
        n = np.where((f1 > 0) & (f1 < 1), both - hits, documents)
        ends = clustered(f1, np.where(there, variance, 0), n=n)
        columns = [hits / predicted, hits / fired, f1, *ends]
    return [np.where(there, column, np.nan) for column in columns]


@kernel
@no_type_check
def find(start, stop, first, position, document, tried, of, made, enough, each, chosen, f1):
    """Find the best set of classes of each latent on the documents that are not tried."""
    counts = np.zeros(len(made), np.int32)
    several = np.zeros(len(made), np.bool_)
    last = np.zeros(len(made), np.int32)
    touched = np.empty(len(made), np.int32)
    gains = np.empty(chosen.shape[1])
    for j in range(start, stop):
        fired, seen = 0, 0
        for e in range(first[j], first[j + 1]):
            d = document[position[e]]
            if tried[d]:
                continue
            fired += 1
            c = of[position[e]]
            if c < 0:
                continue
            if counts[c] == 0:
                touched[seen], last[c], several[c] = c, d, False
                seen += 1
            several[c] = several[c] or last[c] != d
            counts[c] += 1
        kept = 0
        for i in range(seen):
            if several[touched[i]]:
                touched[kept], touched[i] = touched[i], touched[kept]
                kept += 1
        if fired >= enough and kept > 0:
            f1[j] = climb(touched[:kept], counts, made, fired, each, chosen[j], gains)
        for i in range(seen):
            counts[touched[i]] = 0


@kernel
@no_type_check
def climb(touched, counts, made, fired, each, chosen, gains):
    """Write the set of best F1, the most useful class first, and return that F1."""
    best = 0.0
    while True:
        n, hits, predicted = 0, 0, 0
        for i in range(len(touched)):
            c = touched[i]
            gain = 2 * (counts[c] - 1) - best * made[c]
            if gain > 0:
                n = insert(chosen, gains, n, c, gain)
        for i in range(n):
            hits += counts[chosen[i]] - 1
            predicted += made[chosen[i]]
        reached = 2 * hits / (fired + predicted)
        if reached <= best + 1e-12:
            break
        best = reached
    return shorten(chosen, n, counts, made, fired, each)


@kernel
@no_type_check
def shorten(chosen, n, counts, made, fired, each):
    """Cut the set where a further class no longer pays; return the F1 of what is left."""
    hits, predicted, best, kept, reached = 0, 0, -1.0, 0, 0.0
    for i in range(n):
        hits += counts[chosen[i]] - 1
        predicted += made[chosen[i]]
        f1 = 2 * hits / (fired + predicted)
        if f1 - each * i > best:
            best, kept, reached = f1 - each * i, i + 1, f1
    for i in range(kept, len(chosen)):
        chosen[i] = -1
    return reached


@kernel
@no_type_check
def attempt(start, stop, first, position, document, tried, of, ends, where, chosen, out):
    """Try each latent's rule on the other documents: hits, firings, predictions, documents, and
    the sum over documents of the squared distance from the F1 of all.
    """
    hits, both = np.zeros(len(tried), np.int32), np.zeros(len(tried), np.int32)
    touched = np.empty(len(tried), np.int32)
    mark = np.zeros(len(ends) - 1, np.bool_)
    for j in range(start, stop):
        if chosen[j, 0] < 0:
            continue
        out[j, 2], seen = predict(chosen[j], document, ends, where, mark, both, touched)
        for e in range(first[j], first[j + 1]):
            d, c = document[position[e]], of[position[e]]
            if not tried[d]:
                continue
            if both[d] == 0:
                touched[seen] = d
                seen += 1
            both[d] += 1
            out[j, 1] += 1
            if c >= 0 and mark[c]:
                hits[d] += 1
                out[j, 0] += 1
        out[j, 3] = seen
        f1 = 2 * out[j, 0] / (out[j, 1] + out[j, 2]) if seen > 0 else 0.0
        for i in range(seen):
            gap = 2 * hits[touched[i]] - f1 * both[touched[i]]
            out[j, 4] += gap * gap
            hits[touched[i]], both[touched[i]] = 0, 0
        for c in chosen[j]:
            if c >= 0:
                mark[c] = False


@kernel
@no_type_check
def predict(chosen, document, ends, where, mark, both, touched):
    """Mark the classes of a rule, and count what it predicts by document."""
    predicted, seen = 0, 0
    for c in chosen:
        if c < 0:
            break
        mark[c] = True
        predicted += ends[c + 1] - ends[c]
        for i in range(ends[c], ends[c + 1]):
            d = document[where[i]]
            if both[d] == 0:
                touched[seen] = d
                seen += 1
            both[d] += 1
    return predicted, seen
