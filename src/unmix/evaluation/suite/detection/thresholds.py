"""Where to draw the line: a rate above which a rule says that a latent fires.

The line is drawn on training documents, for balanced accuracy (TPR + TNR) / 2 or for
F1 = 2 TP / (F + P), and tried on others.

Axes: n things scored.
"""

import numpy as np
from jaxtyping import Bool, Float

NEVER = np.inf


def for_balance(scores: Float[np.ndarray, " n"], fires: Bool[np.ndarray, " n"]) -> float:
    """Return the score from which on to say yes, for the best balanced accuracy."""
    hits, predicted, lines = _steps(scores, fires)
    n_fires, n_silent = max(int(fires.sum()), 1), max(int((~fires).sum()), 1)
    return _best(hits / n_fires - (predicted - hits) / n_silent, lines, above=0.0)


def for_f1(scores: Float[np.ndarray, " n"], fires: Bool[np.ndarray, " n"], *, fired: int) -> float:
    """Return the score from which on to say yes, for the best F1; `fired` counts all firings."""
    hits, predicted, lines = _steps(scores, fires)
    return _best(2 * hits / (fired + predicted), lines, above=0.0)


def auc(scores: Float[np.ndarray, " n"], fires: Bool[np.ndarray, " n"]) -> float:
    """Return the chance that a firing scores higher than a silence, ties counting half."""
    values, where = np.unique(scores, return_inverse=True)
    yes = np.bincount(where[fires], minlength=len(values))
    no = np.bincount(where, minlength=len(values)) - yes
    below = np.cumsum(no) - no
    pairs = int(yes.sum()) * int(no.sum())
    return float((yes * (below + no / 2)).sum() / pairs) if pairs else float("nan")


def _steps(
    scores: Float[np.ndarray, " n"], fires: Bool[np.ndarray, " n"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return true and all predictions for each line that could be drawn, highest first."""
    order = np.argsort(-scores)  # ties are cut together, so their order is free
    scores = scores[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else order
    return np.cumsum(fires[order])[ends], ends + 1, scores[ends]


def _best(worth: np.ndarray, lines: np.ndarray, *, above: float) -> float:
    if not len(worth) or worth.max() <= above:
        return NEVER
    return float(lines[int(worth.argmax())])
